/* SPDX-License-Identifier: MIT */
#include "net/poller.h"

#include <errno.h>
#include <unistd.h>

#include "base/clk.h"

/* Of a turn; what is left comes in the next, and alarms in between. Events are cheap as a
 * rule (a thousand echoes take 3 ms), but a thousand players who come or go are not. */
enum {
    BATCH = 64,
    BATCHES = 16,
    TURN_US = 2000, /* looked at between batches */
};

enum {
    FETCHED = 4 * 64, /* the part of an item that is fetched ahead */
    AHEAD = 2,        /* and how many items ahead */
};

static void fetch(const void *item)
{
    for (const char *at = item; at < (const char *)item + FETCHED; at += 64)
        __builtin_prefetch(at);
}

/* Returns how many there were. */
static int poll_batch(struct poller *p)
{
    struct epoll_event ready[BATCH];
    int n = epoll_wait(p->fd, ready, BATCH, 0);

    for (int i = 0; i < AHEAD && i < n; i++)
        fetch(ready[i].data.ptr);
    for (int i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch(ready[i + AHEAD].data.ptr);
        p->on_ready(ready[i].data.ptr, ready[i].events);
    }
    if (p->on_end)
        p->on_end(p->poll.data);
    return n;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poller *p = (struct poller *)((char *)handle - offsetof(struct poller, poll));
    uint64_t until_us = clk_now_us() + TURN_US;

    (void)status;
    (void)events;
    for (int i = 0; i < BATCHES && poll_batch(p) == BATCH; i++)
        if (clk_now_us() >= until_us)
            break;
}

int poller_open(struct poller *p, uv_loop_t *loop, void *data,
                void (*on_ready)(void *item, uint32_t events), void (*on_end)(void *data))
{
    int r;

    p->on_ready = on_ready;
    p->on_end = on_end;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd < 0)
        return -errno;
    if ((r = uv_poll_init(loop, &p->poll, p->fd)) < 0) {
        close(p->fd);
        return r;
    }
    p->poll.data = data;
    return uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

void poller_close(struct poller *p, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&p->poll, on_closed);
    close(p->fd);
}

static int control(struct poller *p, int op, int fd, void *item, uint32_t events)
{
    uint32_t end = events & EPOLLIN ? EPOLLRDHUP : 0;
    struct epoll_event e = {.events = events | end | EPOLLET, .data.ptr = item};

    return epoll_ctl(p->fd, op, fd, &e) == 0 ? 0 : -errno;
}

int poller_watch(struct poller *p, int fd, void *item, uint32_t before, uint32_t events)
{
    if (before == events)
        return 0;
    return control(p,
                   !before   ? EPOLL_CTL_ADD
                   : !events ? EPOLL_CTL_DEL
                             : EPOLL_CTL_MOD,
                   fd, item, events);
}

int poller_again(struct poller *p, int fd, void *item, uint32_t events)
{
    return control(p, EPOLL_CTL_MOD, fd, item, events);
}
