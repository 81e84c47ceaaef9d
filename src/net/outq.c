/* SPDX-License-Identifier: MIT */
#include "net/outq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/sock.h"

enum {
    FIRST_CAP = 8,      /* of a ring; one chunk needs none */
    MAX_PARTS = 64,     /* parts of one writev */
    SMALL_BYTES = 1024, /* on average, and chunks are copied together */
    MAX_CALLS = 16,     /* and writes of one turn, so that one reader on loopback that
                         * empties the socket as we fill it does not hold up the rest */
};

void outq_init(struct outq *q)
{
    memset(q, 0, sizeof *q);
}

static struct chunk **place(struct outq *q, uint32_t i)
{
    return q->cap == 1 ? &q->only : &q->ring[(q->head + i) & (q->cap - 1)];
}

static void let_go(struct outq *q)
{
    if (q->cap > 1)
        free(q->ring);
    outq_init(q);
}

void outq_fini(struct outq *q)
{
    for (uint32_t i = 0; i < q->n; i++)
        chunk_unref(place(q, i));
    let_go(q);
}

static bool grow(struct outq *q)
{
    uint32_t cap = q->cap > 1 ? q->cap * 2 : FIRST_CAP;
    struct chunk **ring;

    if (q->cap == 0) {
        q->cap = 1;
        return true;
    }
    ring = q->cap > UINT32_MAX / 2 ? NULL : malloc(cap * sizeof(*ring));
    if (!ring)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        ring[i] = *place(q, i);
    if (q->cap > 1)
        free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return true;
}

bool outq_push(struct outq *q, struct chunk *c)
{
    if (c->len == 0)
        return true;
    if (q->n == q->cap && !grow(q))
        return false;
    *place(q, q->n) = chunk_ref(c);
    q->n++;
    q->bytes += c->len;
    return true;
}

void outq_drop(struct outq *q, size_t n)
{
    q->bytes -= n;
    while (n > 0) {
        size_t left = (*place(q, 0))->len - q->offset;
        if (n < left) {
            q->offset += (uint32_t)n;
            return;
        }
        n -= left;
        q->offset = 0;
        chunk_unref(place(q, 0));
        q->head = (q->head + 1) & (q->cap - 1);
        q->n--;
    }
    if (q->n == 0)
        let_go(q);
}

const uint8_t *outq_front(struct outq *q, uint8_t *scratch, size_t max, size_t *n)
{
    size_t skip = q->offset;

    *n = 0;
    for (uint32_t i = 0; i < q->n && *n < max; i++, skip = 0) {
        const struct chunk *c = *place(q, i);
        size_t len = c->len - skip < max - *n ? c->len - skip : max - *n;
        if (*n == 0 && (len == max || q->n == 1)) {
            *n = len;
            return c->bytes + skip;
        }
        memcpy(scratch + *n, c->bytes + skip, len);
        *n += len;
    }
    return scratch;
}

/* One sendmsg of up to MAX_PARTS chunks, which is a writev that can be told not to
 * raise SIGPIPE. */
static ssize_t send_parts(struct outq *q, int fd, size_t *want)
{
    struct iovec parts[MAX_PARTS];
    struct msghdr m = {.msg_iov = parts};

    *want = 0;
    for (; m.msg_iovlen < MAX_PARTS && m.msg_iovlen < q->n; m.msg_iovlen++) {
        struct chunk *c = *place(q, (uint32_t)m.msg_iovlen);
        size_t skip = m.msg_iovlen == 0 ? q->offset : 0;
        parts[m.msg_iovlen] = (struct iovec){c->bytes + skip, c->len - skip};
        *want += c->len - skip;
    }
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_better_copied(const struct outq *q)
{
    return q->n == 1 || q->bytes <= (size_t)q->n * SMALL_BYTES;
}

int outq_write(struct outq *q, int fd, uint8_t *scratch, size_t max, size_t *written)
{
    *written = 0;
    for (int calls = 0; q->n > 0; calls++) {
        size_t want;
        ssize_t n;

        if (calls == MAX_CALLS)
            return 1;
        if (is_better_copied(q)) {
            const uint8_t *bytes = outq_front(q, scratch, max, &want);
            n = sock_send(fd, bytes, want);
        } else {
            n = send_parts(q, fd, &want);
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -errno;
        *written += (size_t)n;
        outq_drop(q, (size_t)n);
        /* A short write means a full socket; asking again would only tell EAGAIN. */
        if ((size_t)n < want)
            return 1;
    }
    return 0;
}
