/* SPDX-License-Identifier: MIT */
#include "room/lobby.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "room/early.h"
#include "room/errand.h"
#include "room/lobby_internal.h"
#include "room/room_internal.h"
#include "room/session_internal.h"

static void free_waiter(struct waiter *w)
{
    w->session->waiter = NULL;
    free(w->bytes);
    free(w);
}

static void drop_unit(struct unit *u)
{
    struct lobby *l = &u->game->lobby;

    *(u->previous ? &u->previous->next : &l->first) = u->next;
    *(u->next ? &u->next->previous : &l->last) = u->previous;
    if (l->cursor == u)
        l->cursor = u->next;
    free(u);
}

/* Take the first waiter off; the unit goes with its last one. */
static struct waiter *take_waiter(struct unit *u)
{
    struct waiter *w = u->waiters;

    u->waiters = w->next;
    u->game->lobby.n--;
    if (--u->n == 0)
        drop_unit(u);
    return w;
}

static void end_unit(struct unit *u, uint16_t code, const char *reason)
{
    for (uint32_t left = u->n; left > 0; left--) {
        struct waiter *w = take_waiter(u);
        struct session *s = w->session;
        free_waiter(w);
        session_end(s, code, reason);
    }
}

void lobby_leave(struct session *s)
{
    struct waiter *w = s->waiter;
    struct unit *u = w ? w->unit : NULL;

    if (!w)
        return;
    struct waiter **at = &u->waiters;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    u->game->lobby.n--;
    if (--u->n == 0)
        drop_unit(u);
    free_waiter(w);
}

void lobby_end(struct game *g, uint16_t code, const char *reason)
{
    while (g->lobby.first)
        end_unit(g->lobby.first, code, reason);
}

static void run_at(struct world *w, uint64_t at_us)
{
    if (at_us < w->lobby_us) {
        w->lobby_us = at_us;
        w->ops->on_schedule(w->ctx);
    }
}

/* The room of a place on this worker; NULL: it cannot be made. */
static struct room *room_of(struct game *g, struct place *place,
                            const struct room_plan *plan)
{
    struct room *r = game_find_room(g, place->id, strlen(place->id));

    return r || !plan ? r : game_new_planned_room(g, place, plan);
}

/* The whole unit goes to the worker of its room. */
static void send_unit(struct unit *u, struct place *place, struct room_plan *plan)
{
    for (uint32_t left = u->n; left > 0; left--) {
        struct waiter *w = take_waiter(u);
        struct session *s = w->session;
        s->waiter = NULL;
        errand_send(s, ERRAND_SIT, place->worker, &w->entry, place_ref(place),
                    plan ? room_plan_ref(plan) : NULL);
        free(w->bytes);
        free(w);
    }
}

/* All of the unit, which is gone then. There are seats enough; where memory is out all
 * the same, those of a party who sit already go with the rest. */
static void sit_unit(struct unit *u, struct room *r)
{
    uint32_t n = u->n;
    struct player *last = NULL;
    uint32_t first_id = r->last_id + 1;

    for (uint32_t left = n; left > 0; left--) {
        struct waiter *w = take_waiter(u);
        struct session *s = w->session;
        s->waiter = NULL;
        last = session_sit(s, r, &w->entry);
        free(w->bytes);
        free(w);
        if (last)
            continue;
        while (--left > 0) {
            w = take_waiter(u);
            s = w->session;
            free_waiter(w);
            session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        }
        for (uint32_t id = first_id; id <= r->last_id; id++) {
            struct player *p = room_find(r, id);
            if (p)
                room_kick(r, p, CLOSE_TRY_LATER, "");
        }
        return;
    }
}

static bool leads_back(const struct unit *u, struct place *place)
{
    for (const struct waiter *w = u->waiters; w; w = w->next)
        if (errand_leads_back(w->session, place))
            return true;
    return false;
}

/* The unit, which is gone then, to the seats that are reserved for it in this place.
 * `plan`: of a new one. Both are borrowed. */
static void seat_unit(struct unit *u, struct place *place, struct room_plan *plan)
{
    struct game *g = u->game;
    uint32_t n = u->n;
    struct room *r;

    if (place->worker != g->world->worker || leads_back(u, place)) {
        send_unit(u, place, plan);
        return;
    }
    if ((r = room_of(g, place, plan)))
        sit_unit(u, r);
    else
        end_unit(u, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    place_ref(place);
    place_release(&place, n);
}

/* A room of its own, for others to join, where it is not sent away. */
static void seat_alone(struct lobby_run *run, struct unit *u)
{
    struct lobby_room made = lobby_rooms_make(u->game, u, &u->fit, u->n);

    if (made.place) {
        lobby_rooms_add(run, &made, u->n);
        seat_unit(u, made.place, made.plan);
    } else {
        end_unit(u, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    }
    lobby_rooms_release(&made);
}

/* Groups. */

/* The units that would begin with `seed`, from it on: marks them and returns how many
 * players they are. */
static uint32_t gather(struct lobby_run *run, struct unit *seed, struct fit *fit,
                       struct unit **group, uint32_t *n_group)
{
    const struct game_def *def = lobby_def(run->game);
    double waited = lobby_waited_s(seed, run->now_us);
    uint32_t players = seed->size;

    *fit = seed->fit;
    group[0] = seed;
    *n_group = 1;
    for (struct unit *u = run->game->lobby.first; u && run->budget > 0; u = u->next) {
        if (u == seed || u->n < u->size || players + u->size > def->queue.max)
            continue;
        run->budget--;
        if (!fit_join(fit, &u->fit, def, waited))
            continue;
        group[(*n_group)++] = u;
        players += u->size;
        if (players == def->queue.max)
            break;
    }
    return players;
}

/* Those who wait with `seed` begin, if they are enough. */
static void try_group(struct lobby_run *run, struct unit *seed)
{
    struct lobby *l = &run->game->lobby;
    const struct game_queue *q = &lobby_def(run->game)->queue;
    struct unit *group[LOBBY_MAX];
    struct fit fit;
    uint32_t n;
    double waited = lobby_waited_s(seed, run->now_us);

    seed->found = gather(run, seed, &fit, group, &n);
    if (seed->found < q->min || (seed->found < q->max && waited < q->hold_s))
        return;
    uint32_t players = seed->found;
    struct lobby_room made = lobby_rooms_make(run->game, seed, &fit, players);
    l->typical_s += l->typical_s > 0 ? (waited - l->typical_s) / 8 : waited;
    for (uint32_t i = 0; i < n; i++)
        if (made.place)
            seat_unit(group[i], made.place, made.plan);
        else
            end_unit(group[i], CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    if (made.place)
        lobby_rooms_add(run, &made, players);
    lobby_rooms_release(&made);
}

/* One that is ready: into a room that is there, a new one, or a group. */
static void try_unit(struct lobby_run *run, struct unit *u)
{
    struct place *place = lobby_rooms_pick(run, u);

    if (place) {
        seat_unit(u, place, NULL);
        place_release(&place, 0);
    } else if (run->budget == 0) {
        return;
    } else if (lobby_def(run->game)->queue.is_on) {
        try_group(run, u);
    } else {
        seat_alone(run, u);
    }
}

/* The run. */

static double limit_s(const struct game *g)
{
    const struct game_queue *q = &lobby_def(g)->queue;

    return q->is_on ? q->wait_s : LOBBY_PARTY_S;
}

/* Those of it who were banned while they waited go. True: all are still there. */
static bool is_let_in(struct unit *u)
{
    struct game *g = u->game;
    uint32_t n = u->n, left = n;

    if (g->bans.map.n == 0)
        return true;
    for (struct waiter *w = u->waiters, *next; w; w = next) {
        next = w->next;
        if (session_is_kept_out(w->session, g, w->entry.user, w->entry.n_user))
            left--; /* the unit goes with the last of them */
    }
    return left == n;
}

/* What all of it ask for, by the rules as they are now (a reload may have changed them).
 * False: it was sent away. */
static bool read_fit(struct unit *u)
{
    const struct game_def *def = lobby_def(u->game);
    struct err e = {0};
    struct fit one;

    if (!is_let_in(u))
        return false;
    const struct session_entry *first = &u->waiters->entry;
    int r = fit_read(&u->fit, def, first->options, first->n_options, &e);

    for (struct waiter *w = u->waiters->next; r == 0 && w; w = w->next) {
        r = fit_read(&one, def, w->entry.options, w->entry.n_options, &e);
        if (r == 0 && !fit_join(&u->fit, &one, def, HUGE_VAL))
            r = err_set(&e, -1, "the members of the party ask for what does not fit");
    }
    if (r == 0 && u->size > def->max_players)
        r = err_set(&e, -1, "the party is larger than a room");
    if (r < 0)
        end_unit(u, CLOSE_BAD_HELLO, e.text);
    return r == 0;
}

static bool is_in_time(struct unit *u, uint64_t now_us)
{
    if (lobby_waited_s(u, now_us) < limit_s(u->game))
        return true;
    end_unit(u, CLOSE_NO_MATCH,
             u->n < u->size ? "the party was not complete in time"
                            : close_reason_text(CLOSE_NO_MATCH));
    return false;
}

void lobby_run(struct game *g, uint64_t now_us)
{
    struct lobby *l = &g->lobby;
    struct lobby_run run = {.game = g, .now_us = now_us, .budget = LOBBY_BUDGET};

    if (g->vm->is_lost) {
        lobby_end(g, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return;
    }
    for (struct unit *u = l->first, *next; u; u = next) {
        next = u->next;
        if (is_in_time(u, now_us) && u->n == u->size)
            read_fit(u);
    }
    if (!lobby_rooms_find(&run))
        return;
    if (!l->cursor)
        l->cursor = l->first;
    for (struct unit *u; (u = l->cursor);) {
        l->cursor = u->next; /* drop_unit() moves it on where that one goes, too */
        if (u->n < u->size)
            continue;
        bool is_fresh = run.budget == LOBBY_BUDGET;
        try_unit(&run, u);
        if (run.budget == 0) {
            if (!is_fresh)
                l->cursor = u; /* where it still waits it has its turn again */
            break;
        }
    }
    hall_list_free(run.open, run.n_listed);
    lobby_tell(g, now_us);
}

void lobby_run_all(struct world *w, uint64_t now_us)
{
    w->lobby_us = UINT64_MAX;
    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));) {
        struct game *g = e->value;
        if (g->lobby.first)
            lobby_run(g, now_us);
        if (g->lobby.first)
            run_at(w, now_us + LOBBY_RUN_MS * 1000);
    }
    early_read_all(w);
}

/* Coming in. */

/* The party that the options name: its size, 0 where they are no good; 1 and no id for
 * one who comes alone. */
static uint32_t read_party(const struct game *g, const uint8_t *options, size_t n, char *id)
{
    const struct game_def *def = lobby_def(g);
    struct option party = option_find(options, n, "party");
    double size, most = def->queue.is_on ? def->queue.max : def->max_players;

    *id = 0;
    if (party.kind == OPTION_NONE)
        return 1;
    if (party.kind != OPTION_MAP)
        return 0;
    struct option name = option_find(party.bytes, party.n_bytes, "id"),
                  count = option_find(party.bytes, party.n_bytes, "size");
    if (name.kind != OPTION_TEXT || name.text.len == 0 ||
        name.text.len > LOBBY_PARTY_ID_MAX || memchr(name.text.text, 0, name.text.len) ||
        !option_number(&count, &size) || !(size >= 1 && size <= most) ||
        size != floor(size))
        return 0;
    memcpy(id, name.text.text, name.text.len);
    id[name.text.len] = 0;
    return (uint32_t)size;
}

/* The party of this id that is not whole yet, or NULL. */
static struct unit *find_party(const struct lobby *l, const char *id)
{
    for (struct unit *u = l->first; u && *id; u = u->next)
        if (u->n < u->size && strcmp(u->party, id) == 0)
            return u;
    return NULL;
}

static struct unit *new_unit(struct game *g, const char *party, uint32_t size)
{
    struct lobby *l = &g->lobby;
    struct unit *u = calloc(1, sizeof *u);

    if (!u)
        return NULL;
    u->game = g;
    strcpy(u->party, party);
    u->size = u->found = size;
    u->since_us = clk_now_us();
    u->previous = l->last;
    *(l->last ? &l->last->next : &l->first) = u;
    l->last = u;
    return u;
}

static struct waiter *new_waiter(struct session *s, const struct session_entry *e)
{
    struct waiter *w = calloc(1, sizeof *w);

    if (!w || !(w->bytes = malloc(e->n_options + e->n_user + 1))) {
        free(w);
        return NULL;
    }
    w->entry = *e;
    w->entry.options = w->bytes;
    w->entry.user = w->bytes + e->n_options;
    if (e->n_options)
        memcpy(w->bytes, e->options, e->n_options);
    if (e->n_user)
        memcpy(w->bytes + e->n_options, e->user, e->n_user);
    w->session = s;
    return w;
}

static void add_waiter(struct unit *u, struct waiter *w)
{
    struct waiter **at = &u->waiters;

    while (*at)
        at = &(*at)->next;
    *at = w;
    w->unit = u;
    w->session->waiter = w;
    u->n++;
    u->game->lobby.n++;
}

/* A whole unit that has nobody to wait behind: seated now, where there is a room for
 * it or one may be made. */
static void try_now(struct unit *u)
{
    struct lobby_run run = {
        .game = u->game, .now_us = clk_now_us(), .budget = LOBBY_BUDGET};

    if (!read_fit(u))
        return;
    struct place *place = lobby_rooms_find(&run) ? lobby_rooms_pick(&run, u) : NULL;
    if (place) {
        seat_unit(u, place, NULL);
        place_release(&place, 0);
    } else if (!lobby_def(u->game)->queue.is_on) {
        seat_alone(&run, u);
    }
    hall_list_free(run.open, run.n_listed);
}

void lobby_join(struct session *s, struct game *g, const struct session_entry *e)
{
    struct lobby *l = &g->lobby;
    char id[LOBBY_PARTY_ID_MAX + 1];
    uint32_t size = read_party(g, e->options, e->n_options, id);
    struct unit *u = size ? find_party(l, id) : NULL;
    struct waiter *w = NULL;

    if (size == 0 || (u && u->size != size)) {
        session_end(s, CLOSE_BAD_HELLO,
                    size ? "the party has another size"
                         : "party: an id and the size, which fits into a room");
        return;
    }
    bool is_first = !l->first;
    bool can_wait = l->n < LOBBY_MAX && e->n_options <= LOBBY_OPTIONS_BYTES;
    if ((can_wait || (size == 1 && !lobby_def(g)->queue.is_on)) && (w = new_waiter(s, e)) &&
        !u)
        u = new_unit(g, id, size);
    if (!w || !u) {
        if (w)
            free(w->bytes);
        free(w);
        session_end(s, CLOSE_TRY_LATER,
                    can_wait ? close_reason_text(CLOSE_TRY_LATER)
                             : "too many wait for a room");
        return;
    }
    add_waiter(u, w);
    if (u->n == u->size && (is_first || !lobby_def(g)->queue.is_on))
        try_now(u);
    if (s->waiter)
        run_at(g->world, clk_now_us() + LOBBY_SOON_MS * 1000);
    early_read_all(g->world);
}
