/* SPDX-License-Identifier: MIT */
/*
 * lobby_rooms - the rooms that a run of a lobby chooses from, on whichever worker they
 * are, and those that it makes.
 */
#include <stdlib.h>
#include <string.h>

#include "room/errand.h"
#include "room/lobby_internal.h"

static int by_fullness(const void *a, const void *b)
{
    const struct place_view *x = a, *y = b;

    if (x->state.n_seats != y->state.n_seats)
        return x->state.n_seats > y->state.n_seats ? -1 : 1;
    return strcmp(x->place->id, y->place->id);
}

static bool is_open(const struct place_view *v, const struct game_def *def)
{
    return v->state.is_open && v->state.n_seats < def->max_players;
}

/* Those that are not open stand behind the others and count no more. false: memory is
 * out. */
bool lobby_rooms_find(struct lobby_run *run)
{
    size_t n_open = 0;

    if (!(run->open = hall_list(run->game->hall, true, &run->n_listed)))
        return false;
    for (size_t i = 0; i < run->n_listed; i++)
        if (is_open(&run->open[i], lobby_def(run->game))) {
            struct place_view v = run->open[n_open];
            run->open[n_open++] = run->open[i];
            run->open[i] = v;
        }
    run->n_open = n_open;
    qsort(run->open, run->n_open, sizeof *run->open, by_fullness);
    return true;
}

/* A room with seats for all of it, which are reserved; NULL: there is none. */
struct place *lobby_rooms_pick(struct lobby_run *run, const struct unit *u)
{
    const struct game_def *def = lobby_def(run->game);

    for (size_t i = 0; i < run->n_open; i++) {
        struct place_view *v = &run->open[i];
        const uint8_t *labels = v->labels ? v->labels->bytes : NULL;
        if (v->state.n_seats + u->size > def->max_players)
            continue;
        if (run->budget == 0)
            return NULL;
        run->budget--;
        if (!fit_takes(&u->fit, def, labels, v->labels ? v->labels->len : 0,
                       lobby_waited_s(u, run->now_us)))
            continue;
        v->state.n_seats += u->size;
        /* It may have been filled, or locked by its script, since it was listed. */
        if (place_reserve(v->place, u->size, def->max_players))
            return v->place;
    }
    return NULL;
}

/* A room for those who fit together, `n` players, whose seats are reserved; the first
 * player's options go to `create`. */
struct lobby_room lobby_rooms_make(struct game *g, const struct unit *first,
                                   const struct fit *fit, uint32_t n)
{
    struct room_start start = {.options = first->waiters->entry.options,
                               .n_options = first->waiters->entry.n_options};
    struct place_wish wish = {.n_seats = n,
                              .max_seats = lobby_def(g)->max_players,
                              .may_make = true,
                              .worker =
                                  directory_pick(g->hall->directory, g->world->worker),
                              .is_open = true};
    struct lobby_room made = {0};
    struct buf labels;

    buf_init(&labels, 0);
    if (lobby_def(g)->n_rules)
        fit_put_labels(fit, lobby_def(g), &labels);
    start.labels = labels.data;
    start.n_labels = labels.len;
    if (!labels.failed && (made.plan = room_plan_new(&start)) &&
        (labels.len == 0 || (made.labels = chunk_copy(labels.data, labels.len)))) {
        wish.labels = made.labels;
        hall_take(g->hall, &wish, &made.place);
    }
    if (!made.place)
        room_plan_unref(&made.plan);
    buf_fini(&labels);
    return made;
}

/* Give back a new room: who goes there has a reference of their own by now. */
void lobby_rooms_release(struct lobby_room *made)
{
    place_release(&made->place, 0);
    room_plan_unref(&made->plan);
    chunk_unref(&made->labels);
}

/* It has become known to this run, with `n` seats taken. */
void lobby_rooms_add(struct lobby_run *run, const struct lobby_room *made, uint32_t n)
{
    struct place_view *grown = realloc(run->open, (run->n_listed + 1) * sizeof *grown);

    if (!grown)
        return; /* the next run knows it */
    run->open = grown;
    grown[run->n_listed++] = grown[run->n_open];
    grown[run->n_open++] = (struct place_view){
        .place = place_ref(made->place),
        .state = {.n_seats = n, .is_open = true},
        .labels = made->labels ? chunk_ref(made->labels) : NULL
    };
}
