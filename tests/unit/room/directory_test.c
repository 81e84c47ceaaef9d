/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <pthread.h>

#include "room/directory.h"

static struct place_wish named(const char *id, uint32_t n_seats, uint32_t max)
{
    return (struct place_wish){.id = id,
                               .n_id = strlen(id),
                               .n_seats = n_seats,
                               .max_seats = max,
                               .may_make = true};
}

TEST(directory_reserve, "seats under way count as taken, and come back when not wanted")
{
    struct directory *d = directory_new(2);
    struct hall *h = directory_hall(d, "pond");
    struct place_wish w = named("den", 1, 2);
    struct place *a, *b, *c;

    CHECK(directory_hall(d, "pond") == h);
    CHECK(directory_hall(d, "chat") != h);
    CHECK_EQ(hall_take(h, &w, &a), PLACE_FOUND);
    CHECK_EQ(hall_take(h, &w, &b), PLACE_FOUND);
    CHECK(a == b);
    CHECK_EQ(hall_take(h, &w, &c), PLACE_FULL);
    CHECK(!c);
    place_release(&b, 1); /* it did not come */
    CHECK_EQ(hall_take(h, &w, &c), PLACE_FOUND);
    place_begin(a);
    place_tell(a, &(struct place_state){.n_seats = 1, .is_open = true});
    struct place *room = a;
    place_release(&a, 1); /* it sits */
    CHECK_EQ(hall_count(h).n_players, 1);
    CHECK(!place_reserve(room, 1, 2)); /* one sits, one is under way */
    place_release(&c, 1);
    CHECK(place_reserve(room, 1, 2));
    c = room;
    place_release(&c, 1);
    place_end(&room);
    CHECK_EQ(hall_count(h).n_rooms, 0);
    directory_free(&d);
}

TEST(directory_gone, "a place without a room goes with the last who wanted it, one with a "
                     "room with that; its name is free then")
{
    struct directory *d = directory_new(1);
    struct hall *h = directory_hall(d, "pond");
    struct place_wish w = named("den", 1, 8), look = named("den", 0, 0);
    struct place *a, *b, *room;
    size_t n;

    look.may_make = false;
    CHECK_EQ(hall_take(h, &w, &a), PLACE_FOUND);
    struct place_view *list = hall_list(h, false, &n);
    CHECK_EQ(n, 0); /* nobody is shown a room that is not there yet */
    hall_list_free(list, n);
    list = hall_list(h, true, &n);
    CHECK_EQ(n, 1);
    CHECK_EQ(list[0].state.n_seats, 1);
    place_release(&a, 1);
    hall_list_free(list, n); /* which kept it until now */
    CHECK_EQ(hall_take(h, &look, &a), PLACE_NONE);

    CHECK_EQ(hall_take(h, &w, &a), PLACE_FOUND);
    place_begin(a);
    room = a;
    CHECK_EQ(hall_take(h, &w, &b), PLACE_FOUND);
    place_tell(room, &(struct place_state){.is_closing = true});
    struct place *none;
    CHECK_EQ(hall_take(h, &w, &none), PLACE_CLOSING);
    place_release(&a, 1);
    place_end(&room);
    CHECK(place_is_gone(b)); /* as who is under way finds out */
    CHECK_EQ(hall_take(h, &w, &a), PLACE_FOUND);
    CHECK(a != b);
    place_release(&a, 1);
    place_release(&b, 1);
    directory_free(&d);
}

TEST(directory_limits,
     "a room that takes fewer is none, and there are no more than so many")
{
    struct directory *d = directory_new(1);
    struct hall *h = directory_hall(d, "pond");
    struct place *places[DIRECTORY_MAX_ROOMS], *none;
    struct place_wish w = named("den", 5, 4), any = {.may_make = true};

    CHECK_EQ(hall_take(h, &w, &none), PLACE_FULL);
    CHECK_EQ(hall_count(h).n_rooms, 0);
    for (int i = 0; i < DIRECTORY_MAX_ROOMS; i++) {
        CHECK_EQ(hall_take(h, &any, &places[i]), PLACE_FOUND);
        CHECK_EQ(strlen(places[i]->id), 6);
    }
    CHECK_EQ(hall_take(h, &any, &none), PLACE_NOT_NOW);
    for (int i = 0; i < DIRECTORY_MAX_ROOMS; i++)
        place_release(&places[i], 0);
    directory_free(&d);
}

TEST(directory_pick, "new rooms go where the least is done, one's own worker first")
{
    struct directory *d = directory_new(3);
    struct hall *h = directory_hall(d, "pond");
    struct place *p[8];
    struct place_wish w = {.may_make = true};
    unsigned n_on[3] = {0};

    CHECK_EQ(directory_pick(d, 2), 2);
    for (int i = 0; i < 6; i++) {
        w.worker = directory_pick(d, 0);
        CHECK_EQ(hall_take(h, &w, &p[i]), PLACE_FOUND);
        n_on[w.worker]++;
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(n_on[i], 2);
    directory_note_load(d, 0, 600);
    directory_note_load(d, 1, 90);
    directory_note_load(d, 2, 300);
    CHECK_EQ(directory_load(d, 2), 300);
    CHECK_EQ(directory_pick(d, 0), 1);
    /* New ones weigh until the next figure tells. */
    w.worker = 1;
    for (int i = 6; i < 8; i++)
        CHECK_EQ(hall_take(h, &w, &p[i]), PLACE_FOUND);
    directory_note_load(d, 1, 310);
    CHECK_EQ(directory_pick(d, 0), 2); /* as busy, within a step, and with fewer rooms */
    for (int i = 0; i < 8; i++)
        place_release(&p[i], 0);
    directory_free(&d);
}

/* Threads. */

enum { N_THREADS = 4, N_TRIES = 20000, N_SEATS = 3 };

struct race {
    struct hall *h;
    atomic_int n_inside;
    atomic_bool is_over;
};

static void *reserve_often(void *arg)
{
    struct race *race = arg;
    struct place_wish w = named("den", 1, N_SEATS);
    struct place *p;

    for (int i = 0; i < N_TRIES; i++) {
        if (hall_take(race->h, &w, &p) != PLACE_FOUND)
            continue;
        if (atomic_fetch_add(&race->n_inside, 1) >= N_SEATS)
            atomic_store(&race->is_over, true);
        atomic_fetch_sub(&race->n_inside, 1);
        place_release(&p, 1);
    }
    return NULL;
}

TEST(directory_threads, "no seat is given away twice, however many want it")
{
    struct directory *d = directory_new(1);
    struct race race = {.h = directory_hall(d, "pond")};
    pthread_t threads[N_THREADS];

    for (int i = 0; i < N_THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, reserve_often, &race), 0);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!atomic_load(&race.is_over));
    directory_free(&d);
}
