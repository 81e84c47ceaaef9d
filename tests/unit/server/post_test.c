/* SPDX-License-Identifier: MIT */
/*
 * Two workers without loops, in one thread: what one tells the other, and a room's far
 * member on the one. Letters are read when the test says so.
 */
#include "unit.h"
#include <stdlib.h>
#include <uv.h>

#include "net/conn.h"
#include "room/session.h"
#include "server/distant.h"
#include "server/server.h"
#include "server/worker.h"

static struct server server;
static struct worker workers[2];

static void no_wake(void *ctx)
{
    (void)ctx;
}

static void on_mail(uv_async_t *mail)
{
    (void)mail;
}

static void open_two(void)
{
    memset(&server, 0, sizeof server);
    memset(workers, 0, sizeof workers);
    server.workers = workers;
    server.n_workers = 2;
    server.limits.edge = edge_limits_default;
    for (unsigned i = 0; i < 2; i++) {
        struct worker *w = &workers[i];
        w->server = &server;
        w->index = i;
        mailbox_init(&w->box, 100, no_wake, NULL);
        uv_loop_init(&w->loop);
        uv_async_init(&w->loop, &w->mail, on_mail);
        outpost_open(&w->outpost, w);
        CHECK_EQ(post_open(&w->post, w, 2), 0);
    }
}

static void close_two(void)
{
    for (unsigned i = 0; i < 2; i++)
        post_close(&workers[i].post);
    for (unsigned i = 0; i < 2; i++) {
        mailbox_fini(&workers[i].box);
        distants_close(&workers[i]);
        outpost_close(&workers[i].outpost);
        uv_close((uv_handle_t *)&workers[i].mail, NULL);
        uv_run(&workers[i].loop, UV_RUN_DEFAULT);
        uv_loop_close(&workers[i].loop);
    }
}

static size_t read_mail(unsigned worker)
{
    return mailbox_read(&workers[worker].box, &workers[worker]);
}

/* A member on worker 0 whose connection (there is none) is number `number` of worker 1. */
struct member {
    struct distant *distant;
    struct session *session;
    const struct peer *peer;
};

static struct member arrive(void)
{
    struct member m = {.distant = calloc(1, sizeof *m.distant),
                       .session = calloc(1, sizeof *m.session)};

    struct outlet *at = outpost_take(&workers[1].outpost, 0, m.distant);
    m.distant->worker = 1;
    m.distant->number = at->number;
    m.distant->session = m.session;
    distant_arrive(m.distant, &workers[0]);
    m.peer = &m.session->peer;
    CHECK(m.session->is_remote && m.peer->conn == m.distant);
    return m;
}

static size_t backlog(const struct member *m)
{
    return m->peer->ops->backlog(m->peer->conn);
}

/* What worker 1 would tell of it. */
static void tell(const struct member *m, enum batch_note_kind kind, uint16_t code,
                 uint32_t value)
{
    struct batch_note note = {m->distant, (uint8_t)kind, code, value};

    CHECK(batch_add_note(post_batch(&workers[1].post, 0), &note, NULL));
    post_flush(&workers[1].post);
    CHECK_EQ(read_mail(0), 1);
}

TEST(post_turn, "all of a turn is one letter, and its batch comes back to be used again")
{
    struct member a, b;
    struct chunk *frame = chunk_copy("abc", 3);

    open_two();
    a = arrive();
    b = arrive();
    post_flush(&workers[0].post);
    CHECK_EQ(mailbox_n(&workers[1].box), 0); /* nothing to tell */
    for (int turn = 0; turn < 3; turn++) {
        static const struct batch *used;
        a.peer->ops->send(a.peer->conn, frame);
        b.peer->ops->send(b.peer->conn, frame);
        const struct batch *now = workers[0].post.to[1].open;
        CHECK_EQ(now->n_orders, 1);
        CHECK(turn == 0 || now == used);
        used = now;
        post_flush(&workers[0].post);
        CHECK_EQ(mailbox_n(&workers[1].box), 1);
        CHECK_EQ(read_mail(1), 1);
        CHECK_EQ(atomic_load(&frame->refs), 1);
    }
    tell(&a, NOTE_CLOSED, 1000, 0);
    tell(&b, NOTE_CLOSED, 1006, 0);
    close_two();
    chunk_unref(&frame);
}

TEST(distant_backlog,
     "what was not read over there waits, then what was told of the socket")
{
    struct member m;
    struct chunk *frame = chunk_copy("abcd", 4);

    open_two();
    m = arrive();
    CHECK_EQ(backlog(&m), 0);
    m.peer->ops->send(m.peer->conn, frame);
    m.peer->ops->send(m.peer->conn, frame);
    CHECK_EQ(backlog(&m), 8);
    post_flush(&workers[0].post);
    CHECK_EQ(backlog(&m), 8);
    post_flush(&workers[0].post);
    read_mail(1);
    CHECK_EQ(backlog(&m), 0);
    tell(&m, NOTE_BACKLOG, 0, 77);
    CHECK_EQ(backlog(&m), 77);
    m.peer->ops->send(m.peer->conn, frame);
    CHECK_EQ(backlog(&m), 81);
    tell(&m, NOTE_BACKLOG, 0, 0);
    CHECK_EQ(backlog(&m), 4);
    tell(&m, NOTE_CLOSED, 1000, 0);
    close_two();
    chunk_unref(&frame);
}

TEST(distant_slow, "who is sent more than is read over there ends with 4007")
{
    struct member m;
    struct chunk *frame = chunk_new(1000);

    open_two();
    server.limits.edge.high_water = 2000;
    server.limits.edge.max_out_bytes = 5000;
    m = arrive();
    for (int i = 0; i < 5; i++)
        m.peer->ops->send(m.peer->conn, frame);
    CHECK(!m.distant->is_closing);
    m.peer->ops->send(m.peer->conn, frame);
    CHECK(m.distant->is_closing);
    const struct batch *b = workers[0].post.to[1].open;
    CHECK_EQ(b->n_orders, 6);
    CHECK_EQ(b->orders[5].kind, ORDER_CLOSE);
    CHECK_EQ(b->orders[5].code, 4007);
    m.peer->ops->send(m.peer->conn, frame); /* goes nowhere */
    m.peer->ops->close(m.peer->conn, 4000, "twice");
    CHECK_EQ(b->n_orders, 6);
    tell(&m, NOTE_CLOSED, 4007, 0);
    close_two();
    chunk_unref(&frame);
}

TEST(distant_end, "its number is free once both sides have done with it, and not before")
{
    struct member m, n;

    open_two();
    m = arrive();
    uint32_t number = m.distant->number;
    CHECK_EQ(workers[0].n_distants, 1);
    tell(&m, NOTE_CLOSED, 1006, 0);
    CHECK_EQ(workers[0].n_distants, 0);
    CHECK_EQ(outpost_n(&workers[1].outpost), 1);
    post_flush(&workers[0].post);
    read_mail(1);
    CHECK_EQ(outpost_n(&workers[1].outpost), 0);
    n = arrive();
    CHECK_EQ(n.distant->number, number);
    close_two(); /* with somebody in it */
}

TEST(post_full, "more than can be read is held back, until half of it has been")
{
    static const uint8_t bytes[1 << 20];
    struct member m;

    open_two();
    m = arrive();
    struct batch_note note = {m.distant, NOTE_DROPPED, 1, sizeof bytes};
    for (int i = 0; i < 4; i++) {
        CHECK(batch_add_note(post_batch(&workers[1].post, 0), &note, bytes));
        CHECK_EQ(post_is_full(&workers[1].post, 0), i == 3);
        post_flush(&workers[1].post);
    }
    CHECK(!post_may_go_on(&workers[1].post, 0));
    CHECK(post_may_go_on(&workers[1].post, 1));
    CHECK_EQ(read_mail(0), 4);
    CHECK(post_may_go_on(&workers[1].post, 0));
    CHECK_EQ(atomic_load(&workers[1].post.to[0].unread), 0);
    tell(&m, NOTE_CLOSED, 1006, 0);
    close_two();
}

TEST(post_spares, "what a stall has piled up is freed after it, but for a few")
{
    struct member m;
    struct chunk *frame = chunk_copy("abc", 3);
    unsigned n = 1;

    open_two();
    m = arrive();
    for (int i = 0; i < 100; i++) {
        m.peer->ops->send(m.peer->conn, frame);
        post_flush(&workers[0].post);
    }
    CHECK_EQ(read_mail(1), 100);
    m.peer->ops->send(m.peer->conn, frame);
    for (const struct batch *b = workers[0].post.at_hand; b; b = b->next)
        n++;
    CHECK_EQ(n, POST_SPARES * 2);
    CHECK(!atomic_load(&workers[0].post.spares));
    tell(&m, NOTE_CLOSED, 1006, 0);
    close_two();
    chunk_unref(&frame);
}

TEST(post_late, "letters that nobody reads any more are freed with what they hold")
{
    struct member m;
    struct chunk *frame = chunk_copy("abc", 3);

    open_two();
    m = arrive();
    m.peer->ops->send(m.peer->conn, frame);
    post_flush(&workers[0].post);
    m.peer->ops->send(m.peer->conn, frame);
    CHECK_EQ(atomic_load(&frame->refs), 3);
    close_two();
    CHECK_EQ(atomic_load(&frame->refs), 1);
    chunk_unref(&frame);
}
