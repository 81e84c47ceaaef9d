/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/outq.h"

static void pair(int fd[2])
{
    int small = 4096;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    CHECK_EQ(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
}

/* Chunks of up to `most` bytes, through a scratch buffer that holds a few of the small
 * ones. */
static void check_order(size_t most)
{
    enum { CHUNKS = 300 };
    uint8_t scratch[2500];
    size_t written, total = 0, got = 0;
    struct chunk *last = NULL;
    struct outq q;
    uint8_t *want, *back;
    int fd[2], r = 1;

    pair(fd);
    outq_init(&q);
    want = malloc(CHUNKS * most);
    back = malloc(CHUNKS * most);
    for (size_t i = 0; i < CHUNKS; i++) {
        size_t len = i * 37 % 997 * most / 997;
        chunk_unref(&last);
        last = chunk_new(len);
        for (size_t k = 0; k < len; k++)
            last->bytes[k] = (uint8_t)(i + k);
        memcpy(want + total, last->bytes, len);
        total += len;
        CHECK(outq_push(&q, last));
    }
    CHECK_EQ(q.bytes, total);
    CHECK_EQ(atomic_load(&last->refs), 2);
    CHECK_EQ(outq_write(&q, fd[0], scratch, sizeof scratch, &written),
             1); /* it does not fit at once */
    CHECK(written > 0 && written < total);
    for (size_t sent = written; got < total;) {
        ssize_t n = recv(fd[1], back + got, 777, 0);
        got += n > 0 ? (size_t)n : 0;
        r = outq_write(&q, fd[0], scratch, sizeof scratch, &written);
        CHECK(r >= 0);
        sent += written;
        CHECK_EQ(q.bytes, total - sent);
    }
    CHECK_EQ(r, 0);
    CHECK_MEM(back, want, total);
    CHECK_EQ(atomic_load(&last->refs), 1);
    CHECK(q.ring == NULL); /* empty: it holds no memory */
    chunk_unref(&last);
    free(want);
    free(back);
    close(fd[0]);
    close(fd[1]);
}

TEST(outq_order,
     "bytes leave in order however little the socket takes, and are let go then")
{
    check_order(997);   /* copied together */
    check_order(10000); /* each where it lies */
}

TEST(outq_shared, "two queues share one chunk; ending one leaves the other's bytes alone")
{
    struct chunk *c = chunk_copy("shared", 6);
    struct outq a, b;
    uint8_t scratch[16];
    size_t written;
    char got[16];
    int fd[2];

    pair(fd);
    outq_init(&a);
    outq_init(&b);
    CHECK(outq_push(&a, c) && outq_push(&b, c) && outq_push(&b, c));
    outq_fini(&a);
    CHECK_EQ(atomic_load(&c->refs), 3);
    CHECK_EQ(outq_write(&b, fd[0], scratch, sizeof scratch, &written), 0);
    CHECK_EQ(written, 12);
    CHECK_EQ(recv(fd[1], got, sizeof got, 0), 12);
    CHECK_MEM(got, "sharedshared", 12);
    chunk_unref(&c);
    close(fd[0]);
    close(fd[1]);
}

TEST(outq_error, "a peer that is gone is an error code and no signal")
{
    struct chunk *c = chunk_copy("x", 1), *empty = chunk_copy("", 0);
    uint8_t scratch[16];
    struct outq q;
    size_t written;
    int fd[2];

    pair(fd);
    close(fd[1]);
    outq_init(&q);
    CHECK(outq_push(&q, empty));
    CHECK_EQ(outq_write(&q, fd[0], scratch, sizeof scratch, &written),
             0); /* nothing to write, nothing fails */
    CHECK(outq_push(&q, c));
    CHECK_EQ(outq_write(&q, fd[0], scratch, sizeof scratch, &written), -EPIPE);
    CHECK_EQ(q.bytes, 1);
    outq_fini(&q);
    chunk_unref(&c);
    chunk_unref(&empty);
    close(fd[0]);
}

TEST(outq_front, "the front is one piece: in place where a chunk is enough, else gathered")
{
    struct chunk *a = chunk_copy("abc", 3), *b = chunk_copy("defgh", 5);
    uint8_t scratch[6];
    struct outq q;
    size_t n;

    outq_init(&q);
    CHECK(outq_push(&q, a));
    CHECK(outq_front(&q, scratch, 6, &n) == a->bytes); /* alone */
    CHECK_EQ(n, 3);
    CHECK(outq_push(&q, b));
    CHECK(outq_front(&q, scratch, 2, &n) == a->bytes); /* long enough */
    CHECK_EQ(n, 2);
    CHECK(outq_front(&q, scratch, 6, &n) == scratch);
    CHECK_EQ(n, 6);
    CHECK_MEM(scratch, "abcdef", 6);
    outq_drop(&q, 2);
    CHECK_EQ(q.bytes, 6);
    CHECK(outq_front(&q, scratch, 6, &n) == scratch);
    CHECK_EQ(n, 6);
    CHECK_MEM(scratch, "cdefgh", 6);
    outq_drop(&q, 4);
    CHECK(outq_front(&q, scratch, 6, &n) == b->bytes + 3);
    CHECK_EQ(n, 2);
    outq_drop(&q, 2);
    CHECK(q.n == 0 && q.ring == NULL);
    CHECK_EQ(atomic_load(&b->refs), 1);
    chunk_unref(&a);
    chunk_unref(&b);
}
