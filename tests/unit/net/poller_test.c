/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "net/poller.h"

/* One end of a pair of sockets, and what was told of it. */
struct end {
    int fd, other;
    unsigned n;
    uint32_t events;
};

static void on_ready(void *item, uint32_t events)
{
    struct end *e = item;

    e->n++;
    e->events = events;
}

static unsigned n_turns;

static void on_end(void *data)
{
    (void)data;
    n_turns++;
}

static void open_end(struct end *e)
{
    int fd[2];

    memset(e, 0, sizeof *e);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    e->fd = fd[0];
    e->other = fd[1];
}

static void on_closed(uv_handle_t *handle)
{
    ++*(unsigned *)handle->data;
}

TEST(poller, "a socket is told of once it is ready, for what is wanted, and no longer")
{
    struct poller p;
    struct end a, b;
    unsigned n_closed = 0;
    uv_loop_t loop;

    uv_loop_init(&loop);
    n_turns = 0;
    CHECK_EQ(poller_open(&p, &loop, &n_closed, on_ready, on_end), 0);
    open_end(&a);
    open_end(&b);
    CHECK_EQ(poller_watch(&p, a.fd, &a, 0, EPOLLIN), 0);
    CHECK_EQ(poller_watch(&p, b.fd, &b, 0, EPOLLIN), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.n + b.n, 0);
    CHECK_EQ(write(a.other, "x", 1), 1);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT); /* nobody has read it, nor asked for more */
    CHECK_EQ(a.n, 1);
    CHECK_EQ(a.events, EPOLLIN);
    CHECK_EQ(n_turns, 1);
    CHECK_EQ(poller_again(&p, a.fd, &a, EPOLLIN), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(write(a.other, "x", 1), 1);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.n, 3);
    CHECK_EQ(b.n, 0);
    CHECK_EQ(poller_watch(&p, a.fd, &a, EPOLLIN, EPOLLOUT), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.events, EPOLLOUT);
    /* Nothing is wanted: not even the other end's going is told. */
    CHECK_EQ(poller_watch(&p, a.fd, &a, EPOLLOUT, 0), 0);
    close(a.other);
    a.n = 0;
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(poller_watch(&p, a.fd, &a, 0, EPOLLIN), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK(a.events & EPOLLHUP);
    CHECK(a.events & EPOLLRDHUP);
    close(a.fd);
    a.n = 0;
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(poller_watch(&p, a.fd, &a, 0, EPOLLIN), -EBADF);
    close(b.fd);
    close(b.other);
    poller_close(&p, on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(n_closed, 1);
    CHECK_EQ(uv_loop_close(&loop), 0);
}

static unsigned n_slow;

static void on_slow(void *item, uint32_t events)
{
    uint64_t seen;

    (void)events;
    CHECK_EQ(read(((struct end *)item)->fd, &seen, sizeof seen), sizeof seen);
    n_slow++;
    clk_fake_advance(100);
}

TEST(poller_slow, "after 2 ms the others wait for the next turn, but for what was fetched")
{
    enum { ENDS = 150 };
    struct end ends[ENDS];
    struct poller p;
    unsigned n_closed = 0;
    uv_loop_t loop;

    uv_loop_init(&loop);
    CHECK_EQ(poller_open(&p, &loop, &n_closed, on_slow, NULL), 0);
    for (int i = 0; i < ENDS; i++) {
        ends[i].fd = eventfd(1, EFD_NONBLOCK);
        CHECK_EQ(poller_watch(&p, ends[i].fd, &ends[i], 0, EPOLLIN), 0);
    }
    n_slow = 0;
    clk_fake(1);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(n_slow, 64);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(n_slow, 128);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(n_slow, ENDS);
    clk_real();
    for (int i = 0; i < ENDS; i++)
        close(ends[i].fd);
    poller_close(&p, on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}

TEST(poller_many, "more than fit one turn come in the next ones")
{
    enum { ENDS = 1500 };
    struct end *ends = calloc(ENDS, sizeof *ends);
    struct rlimit files;
    struct poller p;
    unsigned n_closed = 0, once = 0;
    uv_loop_t loop;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    uv_loop_init(&loop);
    CHECK_EQ(poller_open(&p, &loop, &n_closed, on_ready, NULL), 0);
    for (int i = 0; i < ENDS; i++) {
        ends[i].fd = eventfd(1, EFD_NONBLOCK);
        CHECK(ends[i].fd >= 0);
        CHECK_EQ(poller_watch(&p, ends[i].fd, &ends[i], 0, EPOLLIN), 0);
    }
    clk_fake(1);
    uv_run(&loop, UV_RUN_NOWAIT);
    for (int i = 0; i < ENDS; i++)
        once += ends[i].n >= 1;
    CHECK_EQ(once, 1024);
    uv_run(&loop, UV_RUN_NOWAIT);
    once = 0;
    for (int i = 0; i < ENDS; i++)
        once += ends[i].n >= 1;
    CHECK_EQ(once, ENDS);
    clk_real();
    for (int i = 0; i < ENDS; i++)
        close(ends[i].fd);
    free(ends);
    poller_close(&p, on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}
