/* SPDX-License-Identifier: MIT */
#include "net/ticker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clk.h"

enum { MAGIC = 0x7469636b };

struct ticker {
    uint32_t magic;
    int fd;
    uv_poll_t poll;
    ticker_cb *cb;
    void *ctx;
};

static struct ticker *ticker_of(void *handle)
{
    struct ticker *t = ((uv_handle_t *)handle)->data;

    assert(t->magic == MAGIC);
    return t;
}

static void on_ring(uv_poll_t *handle, int status, int events)
{
    struct ticker *t = ticker_of(handle);
    uint64_t rings;

    (void)status;
    (void)events;
    /* Nothing to read: it was set anew between the ring and this call. */
    if (read(t->fd, &rings, sizeof rings) == (ssize_t)sizeof rings)
        t->cb(t->ctx);
}

int ticker_open(struct ticker **out, uv_loop_t *loop, ticker_cb *cb, void *ctx,
                struct err *e)
{
    struct ticker *t = calloc(1, sizeof *t);
    int r = UV_ENOMEM;

    *out = NULL;
    if (!t)
        return err_set(e, r, "no memory for a timer");
    *t = (struct ticker){.magic = MAGIC, .cb = cb, .ctx = ctx};
    t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (t->fd < 0) {
        r = -errno;
        goto fail;
    }
    if ((r = uv_poll_init(loop, &t->poll, t->fd)) < 0)
        goto fail;
    t->poll.data = t;
    if ((r = uv_poll_start(&t->poll, UV_READABLE, on_ring)) < 0) {
        ticker_close(&t);
        return err_set(e, r, "cannot wait for a timer: %s", uv_strerror(r));
    }
    *out = t;
    return 0;
fail:
    if (t->fd >= 0)
        close(t->fd);
    free(t);
    return err_set(e, r, "cannot make a timer: %s", uv_strerror(r));
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(ticker_of(handle));
}

void ticker_close(struct ticker **t)
{
    if (*t) {
        uv_close((uv_handle_t *)&(*t)->poll, on_handle_closed);
        close((*t)->fd);
    }
    *t = NULL;
}

void ticker_set(struct ticker *t, uint64_t at_us)
{
    struct itimerspec when = {0};

    if (at_us != UINT64_MAX) {
        /* Relative, so that it also holds while a test has stopped the clock. All
         * zero would turn the timer off; one nanosecond is "at once". */
        uint64_t now = clk_now_us(), left = at_us > now ? at_us - now : 0;
        when.it_value.tv_sec = (time_t)(left / 1000000);
        when.it_value.tv_nsec = left ? (long)(left % 1000000 * 1000) : 1;
    }
    int r = timerfd_settime(t->fd, 0, &when, NULL);
    assert(r == 0);
    (void)r;
}
