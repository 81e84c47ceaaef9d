/* SPDX-License-Identifier: MIT */
#include "base/rnd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static struct rnd fake;
static int is_fake;

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void rnd_seed(struct rnd *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t rnd_next(struct rnd *r)
{
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double rnd_unit(struct rnd *r)
{
    return (double)(rnd_next(r) >> 11) * 0x1p-53;
}

int64_t rnd_range(struct rnd *r, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;

    if (span == 0) /* the whole range of 64 bits */
        return (int64_t)rnd_next(r);
    /* Refuse the uneven tail, so that every value is equally likely. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % span, x;
    do
        x = rnd_next(r);
    while (x >= limit);
    return (int64_t)((uint64_t)low + x % span);
}

void rnd_secret(void *out, size_t len)
{
    uint8_t *p = out;

    if (is_fake) {
        for (size_t i = 0; i < len; i++)
            p[i] = (uint8_t)rnd_next(&fake);
        return;
    }
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        p += n;
        len -= (size_t)n;
    }
}

void rnd_fake(uint64_t seed)
{
    is_fake = seed != 0;
    rnd_seed(&fake, seed);
}
