/* SPDX-License-Identifier: MIT */
/*
 * poller - which of an edge's many sockets are ready.
 *
 * An epoll set of its own, which libuv sees as one file. libuv's handle for a socket
 * has 160 bytes, and it finds each one through a table; here the kernel keeps the
 * pointer, and what comes next is fetched into the cache meanwhile. It costs one
 * system call more for each 64 of them.
 *
 * Edge-triggered: the kernel looks at a socket when something has happened to it, not
 * again in each turn, which was 1 to 2 % of an echo. So what is left lying must be asked
 * for (poller_again).
 *
 * Ownership: the storage is the caller's, and libuv's between poller_close() and its
 * callback. Items are borrowed. Thread: its loop's.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

struct poller {
    int fd;
    void (*on_ready)(void *item, uint32_t events);
    void (*on_end)(void *data);
    uv_poll_t poll;
};

/* `on_ready` is called with the item of each socket that has become ready and what it is
 * ready for (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP; EPOLLRDHUP: its end has come, perhaps
 * behind more that is to be read). An item must live until the turn is over, though its
 * socket may be closed: it may be told once more. `on_end` (or NULL) is called with `data`
 * after some of them; none has been told of twice since the last call. Returns 0 or a
 * negative error, after which nothing is left to do. */
int poller_open(struct poller *p, uv_loop_t *loop, void *data,
                void (*on_ready)(void *item, uint32_t events), void (*on_end)(void *data));

/* `data` of poller_open() is in handle->data of the callback. The sockets stay open. */
void poller_close(struct poller *p, uv_close_cb on_closed);

/* From now on tell of `events` (EPOLLIN, EPOLLOUT), where it was `before`: 0 means that it
 * is not told of at all, neither of errors. What it is ready for already is told in the
 * next turn. A socket that is closed needs no call. Returns 0 or -errno. */
int poller_watch(struct poller *p, int fd, void *item, uint32_t before, uint32_t events);

/* As if `events`, which are watched, had happened just now where the socket is ready for
 * them. Needed where it was not read until it had no more (a read that returned less than
 * it asked for has found no more, but for an end: EPOLLRDHUP), or not written to until it
 * took no more. Returns 0 or -errno. */
int poller_again(struct poller *p, int fd, void *item, uint32_t events);
