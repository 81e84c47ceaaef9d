/* SPDX-License-Identifier: MIT */
#include "room/directory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"

/* Loads within a twentieth of the whole count as the same. */
enum { LOAD_STEP = 50 };

struct worker_load {
    unsigned busy;    /* of 1000, in the last second */
    unsigned n_rooms; /* that live there, or are to */
    unsigned n_new;   /* of these since `busy` was noted */
};

struct directory {
    pthread_mutex_t lock;
    struct map halls; /* game name -> hall */
    unsigned n_workers;
    struct worker_load loads[];
};

struct directory *directory_new(unsigned n_workers)
{
    struct directory *d = calloc(1, sizeof *d + n_workers * sizeof *d->loads);

    if (!d)
        return NULL;
    d->n_workers = n_workers;
    pthread_mutex_init(&d->lock, NULL);
    map_init(&d->halls);
    return d;
}

void directory_free(struct directory **at)
{
    struct directory *d = *at;

    *at = NULL;
    if (!d)
        return;
    for (struct map_entry *e = NULL; (e = map_next(&d->halls, e));) {
        struct hall *h = e->value;
        assert(h->places.n == 0);
        map_fini(&h->places);
        free(h);
    }
    map_fini(&d->halls);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

unsigned directory_n_workers(const struct directory *d)
{
    return d->n_workers;
}

/* Home by home in turn, so that no worker is that of all games. */
static struct hall *new_hall(struct directory *d, const char *game)
{
    struct hall *h = calloc(1, sizeof *h);

    if (!h || !map_put_bytes(&d->halls, game, strlen(game), h)) {
        free(h);
        return NULL;
    }
    h->directory = d;
    h->home = (unsigned)(d->halls.n - 1) % d->n_workers;
    map_init(&h->places);
    return h;
}

struct hall *directory_hall(struct directory *d, const char *game)
{
    pthread_mutex_lock(&d->lock);
    struct hall *h = map_get_bytes(&d->halls, game, strlen(game));
    if (!h)
        h = new_hall(d, game);
    pthread_mutex_unlock(&d->lock);
    return h;
}

/* What a new room there would meet: each that came since the last figure counts as one
 * more step, for its work does not show yet. */
static unsigned weight_of(const struct worker_load *l)
{
    return l->busy / LOAD_STEP + l->n_new;
}

unsigned directory_pick(struct directory *d, unsigned own)
{
    unsigned best = own;

    if (d->n_workers == 1)
        return 0;
    pthread_mutex_lock(&d->lock);
    for (unsigned i = 0; i < d->n_workers; i++) {
        const struct worker_load *x = &d->loads[i], *y = &d->loads[best];
        unsigned a = weight_of(x), b = weight_of(y);
        if (a < b || (a == b && x->n_rooms < y->n_rooms))
            best = i;
    }
    pthread_mutex_unlock(&d->lock);
    return best;
}

void directory_note_load(struct directory *d, unsigned worker, unsigned busy)
{
    pthread_mutex_lock(&d->lock);
    d->loads[worker].busy = busy;
    d->loads[worker].n_new = 0;
    pthread_mutex_unlock(&d->lock);
}

unsigned directory_load(struct directory *d, unsigned worker)
{
    pthread_mutex_lock(&d->lock);
    unsigned busy = d->loads[worker].busy;
    pthread_mutex_unlock(&d->lock);
    return busy;
}

/* Places; the lock is held from here to "The outside". */

/* Six letters that are easy to read out; not in use in this game. */
static void make_up_id(const struct hall *h, char out[DIRECTORY_ID_MAX + 1])
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";

    do {
        uint8_t dice[6];
        rnd_secret(dice, sizeof dice);
        for (size_t i = 0; i < sizeof dice; i++)
            out[i] = letters[dice[i] % (sizeof letters - 1)];
        out[sizeof dice] = 0;
    } while (map_get_bytes(&h->places, out, strlen(out)));
}

static struct place *new_place(struct hall *h, const struct place_wish *w)
{
    struct worker_load *load = &h->directory->loads[w->worker];
    struct place *p = h->places.n < DIRECTORY_MAX_ROOMS ? calloc(1, sizeof *p) : NULL;

    if (!p)
        return NULL;
    if (w->id)
        memcpy(p->id, w->id, w->n_id);
    else
        make_up_id(h, p->id);
    if (!map_put_bytes(&h->places, p->id, strlen(p->id), p)) {
        free(p);
        return NULL;
    }
    p->hall = h;
    p->worker = w->worker;
    p->state.is_open = w->is_open;
    if (w->labels)
        p->labels = chunk_ref(w->labels);
    load->n_rooms++;
    load->n_new++;
    return p;
}

/* It can be found no more. */
static void remove_place(struct place *p)
{
    p->is_gone = true;
    p->hall->directory->loads[p->worker].n_rooms--;
    map_remove_bytes(&p->hall->places, p->id, strlen(p->id));
}

static void unref(struct place *p)
{
    if (--p->n_refs > 0)
        return;
    if (!p->is_gone)
        remove_place(p);
    chunk_unref(&p->labels);
    free(p);
}

static bool reserve(struct place *p, uint32_t n, uint32_t max_seats)
{
    uint64_t taken = (uint64_t)p->state.n_seats + p->n_reserved + n;

    if (n > 0 && taken > max_seats)
        return false;
    p->n_reserved += n;
    p->n_refs++;
    return true;
}

static enum place_answer take(struct hall *h, const struct place_wish *w,
                              struct place **out)
{
    struct place *p = w->id ? map_get_bytes(&h->places, w->id, w->n_id) : NULL;

    if (p && p->state.is_closing)
        return PLACE_CLOSING;
    if (!p && !w->may_make)
        return PLACE_NONE;
    if (!p && !(p = new_place(h, w)))
        return PLACE_NOT_NOW;
    if (!reserve(p, w->n_seats, w->max_seats)) {
        if (p->n_refs == 0) { /* it was made just now, for more than a room takes */
            p->n_refs = 1;
            unref(p);
        }
        return PLACE_FULL;
    }
    *out = p;
    return PLACE_FOUND;
}

static void lock(struct hall *h)
{
    pthread_mutex_lock(&h->directory->lock);
}

static void unlock(struct hall *h)
{
    pthread_mutex_unlock(&h->directory->lock);
}

/* The outside. */

enum place_answer hall_take(struct hall *h, const struct place_wish *w, struct place **out)
{
    *out = NULL;
    lock(h);
    enum place_answer a = take(h, w, out);
    unlock(h);
    return a;
}

bool place_reserve(struct place *p, uint32_t n, uint32_t max_seats)
{
    lock(p->hall);
    bool fits = !p->is_gone && p->state.is_open && reserve(p, n, max_seats);
    unlock(p->hall);
    return fits;
}

struct place *place_ref(struct place *p)
{
    lock(p->hall);
    p->n_refs++;
    unlock(p->hall);
    return p;
}

void place_release(struct place **at, uint32_t n)
{
    struct place *p = *at;
    struct hall *h;

    *at = NULL;
    if (!p)
        return;
    h = p->hall;
    lock(h);
    assert(p->n_reserved >= n);
    p->n_reserved -= n;
    unref(p);
    unlock(h);
}

bool place_is_gone(struct place *p)
{
    lock(p->hall);
    bool is_gone = p->is_gone;
    unlock(p->hall);
    return is_gone;
}

void place_begin(struct place *p)
{
    lock(p->hall);
    p->has_room = true;
    p->n_refs++;
    unlock(p->hall);
}

bool place_is_spread(struct place *p)
{
    lock(p->hall);
    bool is_spread = p->state.is_spread;
    unlock(p->hall);
    return is_spread;
}

void place_tell(struct place *p, const struct place_state *s)
{
    lock(p->hall);
    p->state = *s;
    unlock(p->hall);
}

void place_label(struct place *p, struct chunk *labels)
{
    lock(p->hall);
    chunk_unref(&p->labels);
    p->labels = labels ? chunk_ref(labels) : NULL;
    unlock(p->hall);
}

void place_end(struct place **at)
{
    struct place *p = *at;
    struct hall *h;

    *at = NULL;
    if (!p)
        return;
    h = p->hall;
    lock(h);
    if (!p->is_gone)
        remove_place(p);
    unref(p);
    unlock(h);
}

struct place_view *hall_list(struct hall *h, bool coming, size_t *n)
{
    *n = 0;
    lock(h);
    struct place_view *list = malloc((h->places.n + 1) * sizeof *list);
    for (struct map_entry *e = NULL; list && (e = map_next(&h->places, e));) {
        struct place *p = e->value;
        if (!p->has_room && !coming)
            continue;
        p->n_refs++;
        list[*n] = (struct place_view){p, p->state, p->labels};
        list[*n].state.n_seats += p->n_reserved;
        if (p->labels)
            chunk_ref(p->labels);
        ++*n;
    }
    unlock(h);
    return list;
}

void hall_list_free(struct place_view *list, size_t n)
{
    if (n > 0) {
        struct hall *h = list[0].place->hall;
        lock(h);
        for (size_t i = 0; i < n; i++) {
            unref(list[i].place);
            chunk_unref(&list[i].labels);
        }
        unlock(h);
    }
    free(list);
}

struct hall_counts hall_count(struct hall *h)
{
    struct hall_counts c = {0};

    lock(h);
    for (struct map_entry *e = NULL; (e = map_next(&h->places, e));) {
        const struct place *p = e->value;
        c.n_rooms += p->has_room;
        c.n_players += p->state.n_seats;
        c.n_spectators += p->state.n_spectators;
    }
    unlock(h);
    return c;
}
