/* SPDX-License-Identifier: MIT */
#include "room/pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"

struct pass_gone {
    uint8_t token[RECORD_TOKEN_BYTES];
    uint8_t why;
};

void passes_init(struct passes *all, unsigned worker, unsigned n_workers)
{
    *all = (struct passes){.worker = (uint8_t)worker, .n_workers = (uint8_t)n_workers};
    map_init(&all->by_token);
    rnd_secret(&all->secret, sizeof all->secret);
}

void passes_fini(struct passes *all)
{
    map_fini(&all->by_token);
    free(all->gone);
    all->gone = NULL;
}

static bool is_equal(const uint8_t *a, const uint8_t *b)
{
    volatile uint8_t differs = 0;

    for (size_t i = 0; i < RECORD_TOKEN_BYTES; i++)
        differs = differs | (a[i] ^ b[i]);
    return differs == 0;
}

/* Where a token is found. */
static uint64_t place_of(const struct passes *all, const uint8_t *token)
{
    uint64_t half;

    memcpy(&half, token, sizeof half);
    return half ^ all->secret;
}

/* A new token that leads to this pass. */
unsigned pass_worker(const uint8_t *token, unsigned n_workers)
{
    return token[0] % n_workers;
}

/* The first byte as it came, but for its remainder. */
static void sign(const struct passes *all, uint8_t *token)
{
    unsigned byte = token[0];

    byte += all->worker - byte % all->n_workers;
    token[0] = (uint8_t)(byte > UINT8_MAX ? byte - all->n_workers : byte);
}

static bool draw(struct passes *all, struct pass *p, uint8_t *token)
{
    do {
        rnd_secret(token, RECORD_TOKEN_BYTES);
        sign(all, token);
    } while (map_get(&all->by_token, place_of(all, token)));
    return map_put(&all->by_token, place_of(all, token), p);
}

static void forget(struct passes *all, const uint8_t *token, enum pass_end why)
{
    map_remove(&all->by_token, place_of(all, token));
    if (!all->gone && !(all->gone = calloc(PASS_GONE, sizeof *all->gone)))
        return; /* nobody will be told why */
    struct pass_gone *gone = &all->gone[all->n_gone++ % PASS_GONE];
    memcpy(gone->token, token, RECORD_TOKEN_BYTES);
    gone->why = (uint8_t)why;
}

bool pass_give(struct passes *all, struct pass *p, struct player *player)
{
    *p = (struct pass){.player = player};
    p->is_given = draw(all, p, p->now);
    return p->is_given;
}

static bool put_back(struct passes *all, struct pass *p, const uint8_t *token)
{
    return !map_get(&all->by_token, place_of(all, token)) &&
           map_put(&all->by_token, place_of(all, token), p);
}

bool pass_restore(struct passes *all, struct pass *p, struct player *player,
                  const uint8_t *now, const uint8_t *before)
{
    *p = (struct pass){.player = player};
    memcpy(p->now, now, sizeof p->now);
    if (before)
        memcpy(p->before, before, sizeof p->before);
    p->is_given = put_back(all, p, now);
    p->has_before = p->is_given && before && put_back(all, p, before);
    if (p->is_given && (!before || p->has_before))
        return true;
    if (p->is_given)
        map_remove(&all->by_token, place_of(all, now));
    *p = (struct pass){.player = player};
    return false;
}

bool pass_is_before(const struct pass *p, const uint8_t *token)
{
    return p->has_before && is_equal(p->before, token);
}

void pass_renew(struct passes *all, struct pass *p, const uint8_t *token)
{
    uint8_t fresh[RECORD_TOKEN_BYTES];

    if (!draw(all, p, fresh))
        return;
    if (pass_is_before(p, token)) {
        forget(all, p->now, PASS_REPLACED); /* it has never arrived */
    } else {
        pass_settle(all, p);
        memcpy(p->before, p->now, sizeof p->before);
        p->has_before = true;
    }
    memcpy(p->now, fresh, sizeof p->now);
}

void pass_settle(struct passes *all, struct pass *p)
{
    if (p->has_before)
        forget(all, p->before, PASS_REPLACED);
    p->has_before = false;
}

void pass_take(struct passes *all, struct pass *p, enum pass_end why)
{
    if (p->has_before)
        forget(all, p->before, why);
    if (p->is_given)
        forget(all, p->now, why);
    p->has_before = p->is_given = false;
}

struct pass *pass_find(const struct passes *all, const uint8_t *token, enum pass_end *why)
{
    struct pass *p = map_get(&all->by_token, place_of(all, token));
    uint32_t n = all->n_gone < PASS_GONE ? all->n_gone : PASS_GONE;

    *why = PASS_UNKNOWN;
    if (p && (is_equal(p->now, token) || pass_is_before(p, token)))
        return p;
    for (uint32_t i = 0; i < n; i++)
        if (is_equal(all->gone[i].token, token))
            *why = (enum pass_end)all->gone[i].why;
    return NULL;
}
