/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "net/conn_impl.h"
#include "net/rig.h"

/* Each of N clients says something in one turn; the first is answered in its mode, the
 * last sees how much of that still waits. */
static size_t left_by_the_first(enum rig_mode mode)
{
    enum { N = EDGE_GROUP + 8 };
    static struct rig ends[N];
    int fds[N];
    struct rig r;

    rig_init(&r, NULL);
    for (int i = 0; i < N; i++) {
        fds[i] = rig_connect_ws(&r);
        memset(&ends[i], 0, sizeof ends[i]);
        ends[i].ws = r.ws;
        ends[i].watched = ends[0].ws;
        conn_set_user(r.ws, &ends[i]);
    }
    ends[0].mode = mode;
    ends[0].watched = ends[1].ws;
    ends[N - 1].mode = RIG_LOOK;
    ends[N - 1].watched = mode == RIG_PASS ? ends[1].ws : ends[0].ws;
    for (int i = 0; i < N; i++) {
        uint8_t frame[32];
        size_t n = rig_frame(frame, 0x82, "hello", 5);
        CHECK_EQ(send(fds[i], frame, n, MSG_NOSIGNAL), n);
    }
    RIG_WAIT(&r, ends[N - 1].n_messages == 1);
    size_t seen = ends[N - 1].seen;
    for (int i = 0; i < N; i++)
        close(fds[i]);
    RIG_WAIT(&r, link_is_alone(&r.edge->conns));
    rig_fini(&r);
    return seen;
}

TEST(read_groups,
     "answers leave in groups, but not where there is output for somebody else")
{
    CHECK_EQ(left_by_the_first(RIG_ECHO), 0);
    CHECK_EQ(left_by_the_first(RIG_PASS), 14); /* the one passed on, and its own answer */
}

/* Two clients whose messages come in one turn; what the first one's does is up to the
 * caller. Both are of `r` until they are given other ends. */
static void say_together(struct rig *r, int fds[2], struct rig ends[2])
{
    uint8_t frame[32];
    size_t n = rig_frame(frame, 0x82, "hello", 5);

    for (int i = 0; i < 2; i++) {
        fds[i] = rig_connect_ws(r);
        memset(&ends[i], 0, sizeof ends[i]);
        ends[i].ws = r->ws;
        conn_set_user(r->ws, &ends[i]);
    }
    ends[0].watched = ends[1].ws;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(send(fds[i], frame, n, MSG_NOSIGNAL), n);
}

TEST(read_cut,
     "who is cut off by a message that was read with his own is not heard any more")
{
    struct rig r, ends[2];
    int fds[2];

    rig_init(&r, NULL);
    say_together(&r, fds, ends);
    ends[0].mode = RIG_CUT;
    RIG_WAIT(&r, ends[1].n_closed == 1);
    CHECK_EQ(ends[0].n_messages, 1);
    CHECK_EQ(ends[1].n_messages, 0);
    close(fds[0]);
    close(fds[1]);
    RIG_WAIT(&r, link_is_alone(&r.edge->conns));
    rig_fini(&r);
}

TEST(read_hold, "who is held back by a message that was read with his own is heard later")
{
    struct rig r, ends[2];
    int fds[2];

    rig_init(&r, NULL);
    say_together(&r, fds, ends);
    ends[0].mode = RIG_HOLD;
    RIG_WAIT(&r, ends[0].n_messages == 1);
    for (int i = 0; i < 5; i++)
        rig_turn(&r);
    CHECK_EQ(ends[1].n_messages, 0);
    conn_hold(ends[1].ws, false);
    RIG_WAIT(&r, ends[1].n_messages == 1);
    rig_expect_frame(&r, fds[1], 0x82, "hello", 5);
    close(fds[0]);
    close(fds[1]);
    RIG_WAIT(&r, link_is_alone(&r.edge->conns));
    rig_fini(&r);
}

TEST(read_room, "reads that fill the buffer between them all come whole")
{
    enum { N = 40, BYTES = 20000 };
    static uint8_t body[BYTES], frame[BYTES + 16], head[4];
    static struct rig ends[N];
    struct rig r;
    int fds[N];

    rig_init(&r, NULL);
    for (int i = 0; i < N; i++) {
        fds[i] = rig_connect_ws(&r);
        memset(&ends[i], 0, sizeof ends[i]);
        ends[i].ws = r.ws;
        conn_set_user(r.ws, &ends[i]);
    }
    for (int i = 0; i < N; i++) {
        memset(body, i, sizeof body);
        size_t n = rig_frame(frame, 0x82, body, sizeof body);
        CHECK_EQ(send(fds[i], frame, n, MSG_NOSIGNAL), n);
    }
    for (int i = 0; i < N; i++) {
        memset(body, i, sizeof body);
        CHECK_EQ(rig_read(&r, fds[i], head, sizeof head), sizeof head);
        CHECK_MEM(head, ((uint8_t[]){0x82, 126, BYTES >> 8, BYTES & 0xff}), sizeof head);
        CHECK_EQ(rig_read(&r, fds[i], frame, sizeof body), sizeof body);
        CHECK_MEM(frame, body, sizeof body);
        close(fds[i]);
    }
    RIG_WAIT(&r, link_is_alone(&r.edge->conns));
    rig_fini(&r);
}

/* All of it is in the socket before the first read, and nothing else will happen there. */
TEST(read_full, "what one read leaves in the socket comes in the next turn")
{
    enum { BYTES = EDGE_READ_BYTES + 20000 };
    static uint8_t body[BYTES], frame[BYTES + 16];
    struct rig r;
    int big = 1 << 20;

    rig_init(&r, NULL);
    r.mode = RIG_SINK;
    int fd = rig_connect_ws(&r);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    setsockopt(r.ws->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    int n = (int)rig_frame(frame, 0x82, body, sizeof body);
    CHECK_EQ(send(fd, frame, (size_t)n, MSG_NOSIGNAL), n);
    RIG_WAIT(&r, r.n_messages == 1);
    close(fd);
    RIG_WAIT(&r, r.n_closed == 1);
    rig_fini(&r);
}

TEST(read_end, "a message and the end that come together are both heard")
{
    uint8_t frame[32];
    size_t n = rig_frame(frame, 0x82, "bye", 3);
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    CHECK_EQ(send(fd, frame, n, MSG_NOSIGNAL), n);
    shutdown(fd, SHUT_WR);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.n_messages, 1);
    close(fd);
    rig_fini(&r);
}
