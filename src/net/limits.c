/* SPDX-License-Identifier: MIT */
#include "net/limits.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/rnd.h"
#include "net/link.h"

struct limits_address {
    uint64_t key;
    uint64_t meter;    /* of new connections */
    uint64_t requests; /* ... and of requests */
    uint32_t n_open;
    struct link idle; /* while n_open is 0 */
};

struct limits {
    pthread_mutex_t lock;
    struct map addresses;
    struct link idle; /* who came or left last is last */
    size_t n_idle;
    uint64_t secret;
};

/* What an amount is worth in time, in 1/1024 µs: fine enough that 1 byte at 1
 * GiB/s still counts. 2^32 at 1 a second is 2^62, so nothing overflows below 4 GiB
 * at once, more than any message may be. */
static uint64_t cost_of(struct limits_rate rate, uint64_t amount)
{
    uint64_t whole = amount / rate.per_s, rest = amount % rate.per_s;

    return whole * (1000000u << 10) + rest * (1000000u << 10) / rate.per_s;
}

/* What is in the meter now, as time. */
static uint64_t level_of(uint64_t meter, uint64_t now_us)
{
    uint64_t now = now_us << 10;

    return meter > now ? meter - now : 0;
}

bool limits_take(uint64_t *meter, struct limits_rate rate, uint64_t amount, uint64_t now_us)
{
    if (rate.per_s == 0)
        return true;
    uint64_t level = level_of(*meter, now_us);
    if (level + cost_of(rate, 1) > cost_of(rate, rate.burst))
        return false;
    *meter = (now_us << 10) + level + cost_of(rate, amount);
    return true;
}

bool limits_is_calm(uint64_t meter, struct limits_rate rate, uint64_t now_us)
{
    return rate.per_s == 0 || level_of(meter, now_us) <= cost_of(rate, rate.burst) / 2;
}

struct limits *limits_new(void)
{
    struct limits *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    map_init(&l->addresses);
    link_init(&l->idle);
    rnd_secret(&l->secret, sizeof l->secret);
    return l;
}

static void forget(struct limits *l, struct limits_address *a)
{
    assert(a->n_open == 0);
    map_remove(&l->addresses, a->key);
    link_leave(&a->idle);
    l->n_idle--;
    free(a);
}

static struct limits_address *oldest(struct limits *l)
{
    return LINK_OWNER(l->idle.next, struct limits_address, idle);
}

void limits_free(struct limits **l)
{
    if (*l) {
        while (!link_is_alone(&(*l)->idle))
            forget(*l, oldest(*l));
        assert((*l)->addresses.n == 0);
        map_fini(&(*l)->addresses);
        pthread_mutex_destroy(&(*l)->lock);
        free(*l);
    }
    *l = NULL;
}

/* The upper half of an IPv6 address; IPv4 where no IPv6 network is (0:1::/32 is
 * reserved, RFC 4291 2.4). Turned by a secret, since clients choose it. */
static uint64_t key_of(const struct limits *l, const struct ip *ip)
{
    uint64_t key = 0;

    for (size_t i = 0; i < 8; i++)
        key = key << 8 | ip->bytes[ip_is_v4(ip) && i >= 4 ? i + 8 : i];
    if (ip_is_v4(ip))
        key |= (uint64_t)1 << 32;
    return key ^ l->secret;
}

/* The address, made where it is new; NULL when memory is out. */
static struct limits_address *find(struct limits *l, uint64_t key)
{
    struct limits_address *a = map_get(&l->addresses, key);

    if (a) {
        if (a->n_open == 0)
            link_join(&a->idle, &l->idle);
        return a;
    }
    if (!(a = calloc(1, sizeof *a)))
        return NULL;
    a->key = key;
    link_init(&a->idle);
    if (!map_put(&l->addresses, key, a)) {
        free(a);
        return NULL;
    }
    link_join(&a->idle, &l->idle);
    l->n_idle++;
    return a;
}

/* Forget those whose meter is empty: to be remembered they would have to differ
 * from somebody new. Two at a time keep up with one that comes. */
static void tidy(struct limits *l, uint64_t now_us)
{
    for (int i = 0; i < 2 && !link_is_alone(&l->idle); i++)
        if ((level_of(oldest(l)->meter, now_us) == 0 &&
             level_of(oldest(l)->requests, now_us) == 0) ||
            l->n_idle > LIMITS_IDLE)
            forget(l, oldest(l));
}

static enum limits_verdict enter(struct limits *l, struct limits_address **out,
                                 const struct ip *ip, uint32_t max_open,
                                 struct limits_rate rate, uint64_t now_us)
{
    tidy(l, now_us);
    struct limits_address *a = find(l, key_of(l, ip));
    if (!a)
        return LIMITS_MEMORY;
    if (!limits_take(&a->meter, rate, 1, now_us))
        return LIMITS_HASTY;
    if (max_open > 0 && a->n_open >= max_open)
        return LIMITS_FULL;
    if (a->n_open++ == 0) {
        link_leave(&a->idle);
        l->n_idle--;
    }
    *out = a;
    return LIMITS_OK;
}

enum limits_verdict limits_enter(struct limits *l, struct limits_address **out,
                                 const struct ip *ip, uint32_t max_open,
                                 struct limits_rate rate, uint64_t now_us)
{
    *out = NULL;
    pthread_mutex_lock(&l->lock);
    enum limits_verdict v = enter(l, out, ip, max_open, rate, now_us);
    pthread_mutex_unlock(&l->lock);
    return v;
}

bool limits_request(struct limits *l, struct limits_address *a, struct limits_rate rate,
                    uint64_t now_us)
{
    if (!a)
        return true;
    pthread_mutex_lock(&l->lock);
    bool fits = limits_take(&a->requests, rate, 1, now_us);
    pthread_mutex_unlock(&l->lock);
    return fits;
}

void limits_leave(struct limits *l, struct limits_address **a)
{
    struct limits_address *x = *a;

    *a = NULL;
    if (!x)
        return;
    pthread_mutex_lock(&l->lock);
    assert(x->n_open > 0);
    if (--x->n_open == 0) {
        link_join(&x->idle, &l->idle);
        l->n_idle++;
    }
    pthread_mutex_unlock(&l->lock);
}

size_t limits_n_addresses(const struct limits *l)
{
    return l->addresses.n;
}
