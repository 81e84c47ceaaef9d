/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/mailbox.h"

struct note {
    struct letter letter; /* first */
    unsigned writer, number;
};

static struct {
    unsigned next[8]; /* of each writer */
    unsigned n_read, n_given_up, n_wrong;
} got;

static void on_open(struct letter *l, void *reader)
{
    struct note *n = (struct note *)l;

    if (!reader)
        got.n_given_up++;
    else if (n->number != got.next[n->writer]++)
        got.n_wrong++;
    else
        got.n_read++;
    free(n);
}

static struct note *new_note(unsigned writer, unsigned number)
{
    struct note *n = malloc(sizeof *n);

    *n = (struct note){
        {NULL, on_open},
        writer, number
    };
    return n;
}

static void count_wake(void *ctx)
{
    ++*(unsigned *)ctx;
}

TEST(order, "letters are read in order, and a burst wakes the reader once")
{
    struct mailbox box;
    unsigned n_wakes = 0;

    memset(&got, 0, sizeof got);
    mailbox_init(&box, 100, count_wake, &n_wakes);
    for (unsigned i = 0; i < 10; i++)
        CHECK(mailbox_post(&box, &new_note(0, i)->letter));
    CHECK_EQ(n_wakes, 1);
    CHECK_EQ(mailbox_n(&box), 10);
    CHECK_EQ(mailbox_read(&box, &box), 10);
    CHECK_EQ(mailbox_n(&box), 0);
    CHECK_EQ(got.n_read, 10);
    CHECK_EQ(mailbox_read(&box, &box), 0);
    CHECK(mailbox_post(&box, &new_note(0, 10)->letter));
    CHECK_EQ(n_wakes, 2);
    mailbox_read(&box, &box);
    CHECK_EQ(got.n_read, 11);
    CHECK_EQ(got.n_wrong, 0);
    mailbox_fini(&box);
}

TEST(full, "a full box refuses what may be refused, and takes what must arrive")
{
    struct mailbox box;
    unsigned n_wakes = 0;
    struct note *refused = new_note(0, 2);

    memset(&got, 0, sizeof got);
    mailbox_init(&box, 2, count_wake, &n_wakes);
    CHECK(mailbox_post(&box, &new_note(0, 0)->letter));
    CHECK(mailbox_post(&box, &new_note(0, 1)->letter));
    CHECK(!mailbox_post(&box, &refused->letter));
    CHECK_EQ(mailbox_n(&box), 2);
    mailbox_insist(&box, &new_note(0, 2)->letter);
    CHECK_EQ(mailbox_read(&box, &box), 3);
    CHECK(mailbox_post(&box, &new_note(0, 3)->letter));
    mailbox_fini(&box);
    CHECK_EQ(got.n_read, 3);
    CHECK_EQ(got.n_given_up, 1);
    free(refused);
}

/* A letter that posts another one, as an answer does. */
static struct mailbox *echo_box;

static void on_echo(struct letter *l, void *reader)
{
    (void)reader;
    free(l);
    mailbox_insist(echo_box, &new_note(0, 0)->letter);
}

TEST(meanwhile, "a letter that comes while others are read waits for the next wake")
{
    struct mailbox box;
    unsigned n_wakes = 0;
    struct letter *l = malloc(sizeof *l);

    memset(&got, 0, sizeof got);
    mailbox_init(&box, 2, count_wake, &n_wakes);
    echo_box = &box;
    l->open = on_echo;
    mailbox_insist(&box, l);
    CHECK_EQ(mailbox_read(&box, &box), 1);
    CHECK_EQ(n_wakes, 2);
    CHECK_EQ(got.n_read, 0);
    CHECK_EQ(mailbox_read(&box, &box), 1);
    CHECK_EQ(got.n_read, 1);
    mailbox_fini(&box);
}

enum { N_WRITERS = 4, N_LETTERS = 20000, BOX_MAX = 64 };

static struct mailbox shared;
static sem_t awake;

static void wake_reader(void *ctx)
{
    sem_post(ctx);
}

static void *write_many(void *arg)
{
    unsigned writer = *(unsigned *)arg;

    for (unsigned i = 0; i < N_LETTERS; i++) {
        struct note *n = new_note(writer, i);
        while (!mailbox_post(&shared, &n->letter))
            sched_yield();
    }
    return NULL;
}

TEST(threads, "nothing is lost, doubled or out of order with several writers")
{
    pthread_t threads[N_WRITERS];
    unsigned names[N_WRITERS];

    memset(&got, 0, sizeof got);
    sem_init(&awake, 0, 0);
    mailbox_init(&shared, BOX_MAX, wake_reader, &awake);
    for (unsigned i = 0; i < N_WRITERS; i++) {
        names[i] = i;
        CHECK_EQ(pthread_create(&threads[i], NULL, write_many, &names[i]), 0);
    }
    while (got.n_read + got.n_wrong < N_WRITERS * N_LETTERS) {
        sem_wait(&awake);
        mailbox_read(&shared, &shared);
    }
    for (unsigned i = 0; i < N_WRITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(got.n_wrong, 0);
    CHECK_EQ(got.n_read, N_WRITERS * N_LETTERS);
    mailbox_fini(&shared);
    CHECK_EQ(got.n_given_up, 0);
    sem_destroy(&awake);
}
