/* SPDX-License-Identifier: MIT */
/*
 * emit_view - what one player holds: while it is behind, and of the tables of which
 * it does not see all rows.
 */
#include "state/emit_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void view_init(struct view *v)
{
    *v = (struct view){0};
}

static void held_fini(struct held *h)
{
    for (uint32_t i = 0; i < h->n_keys; i++)
        chunk_unref(&h->keys[i].text);
    free(h->keys);
    bits_fini(&h->slots);
}

void view_catch_up(struct view *v)
{
    for (uint32_t i = 0; i < v->n_known; i++)
        held_fini(&v->known[i]);
    free(v->known);
    v->known = NULL;
    v->n_known = 0;
    v->is_resuming = false;
}

bool view_is_current(const struct view *v, const struct image *img)
{
    bool looks_anew =
        img->schema->is_personal && v->interest.is_new && v->base != img->tick;

    return v->has_state && v->base >= img->at && !v->is_resuming && !looks_anew;
}

void view_reset(struct view *v)
{
    view_catch_up(v);
    for (uint32_t i = 0; i < v->n_sights; i++) {
        bits_fini(&v->sights[i].slots);
        free(v->sights[i].since);
    }
    free(v->sights);
    v->sights = NULL;
    v->n_sights = 0;
    v->has_state = false;
}

void view_fini(struct view *v)
{
    view_reset(v);
    interest_fini(&v->interest);
}

bool view_make_sights(struct view *v, uint32_t n)
{
    if (v->sights || n == 0)
        return true;
    v->sights = calloc(n, sizeof *v->sights);
    v->n_sights = v->sights ? n : 0;
    return v->sights != NULL;
}

bool view_is_held(const struct view *v, const struct image *img, uint32_t table,
                  uint32_t slot)
{
    const struct table *t = &img->tables[table];
    const struct interest_rule *rule = &t->record->interest;

    if (!v || !v->has_state || !bits_has(&t->alive, slot) || t->rows[slot]->spawn > v->base)
        return false;
    return rule->kind == INTEREST_ALL || bits_has(&v->sights[rule->place].slots, slot);
}

static void hold_key(struct held *h, const struct row *r)
{
    h->keys[r->slot] = r->key;
    if (r->key.text)
        chunk_ref(r->key.text);
}

/* The keys of the rows in h->slots: of those that are still there, and of those
 * that have just left. */
static bool hold_keys(struct held *h, const struct table *t, uint32_t base)
{
    if (!(h->keys = calloc(t->cap, sizeof *h->keys)))
        return false;
    h->n_keys = t->cap;
    for (uint32_t s = bits_next(&h->slots, 0); s != BITS_NONE;
         s = bits_next(&h->slots, s + 1))
        if (t->rows[s] && t->rows[s]->spawn <= base)
            hold_key(h, t->rows[s]);
    for (const struct row *r = t->gone; r; r = r->next)
        if (bits_has(&h->slots, r->slot))
            hold_key(h, r);
    return true;
}

void view_skip(struct view *v, const struct image *img)
{
    assert(!img->is_open);
    if (!v->has_state || v->known || v->is_resuming || v->base >= img->at)
        return;
    assert(v->base >= img->was_at && img->at == img->tick);
    uint32_t n = img->schema->n_tables;
    if (!(v->known = calloc(n, sizeof *v->known))) {
        view_reset(v);
        return;
    }
    v->n_known = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct table *t = &img->tables[i];
        const struct interest_rule *rule = &t->record->interest;
        struct held *h = &v->known[i];
        const struct bits *slots =
            rule->kind == INTEREST_ALL ? &t->known : &v->sights[rule->place].slots;
        if (!bits_copy(&h->slots, slots) ||
            (v->json && t->cap > 0 && !hold_keys(h, t, v->base))) {
            view_reset(v);
            return;
        }
    }
}

/* Keep of a sight what had come into it by `tick`. Ticks are known by their low bits: a
 * row that has been there for longer than these can say may look younger than it is,
 * never older, and is sent once more. */
static void sight_go_back(struct sight *s, uint32_t base, uint32_t tick)
{
    uint32_t n = 0, i = 0, back = base - tick;

    for (uint32_t slot = bits_next(&s->slots, 0); slot != BITS_NONE;
         slot = bits_next(&s->slots, slot + 1), i++) {
        if ((uint16_t)(base - s->since[i]) >= back)
            s->since[n++] = s->since[i];
        else
            bits_remove(&s->slots, slot);
    }
    s->n = n;
}

bool view_resume(struct view *v, const struct image *img, uint32_t tick)
{
    if (!v->has_state || tick <= img->born || tick > v->told) {
        view_reset(v);
        return false;
    }
    view_catch_up(v);
    /* Nothing it sees has changed from `told` to `base`. */
    if (tick < v->told) {
        for (uint32_t i = 0; i < v->n_sights; i++)
            sight_go_back(&v->sights[i], v->base, tick);
        v->base = tick;
    }
    v->told = tick;
    v->is_resuming = true;
    return true;
}

static uint64_t word(const struct bits *b, size_t w)
{
    return w < b->n_words ? b->words[w] : 0;
}

/* Write the ticks of the rows in `seen` to `to`: of those that stay the ones they have.
 * Where nothing has come or gone they are copied as they stand. */
static void move_since(const struct sight *s, const struct bits *seen,
                       const struct bits *same, uint16_t tick, uint16_t *to)
{
    const uint16_t *from = s->since;
    size_t n = 0; /* to be copied */

    for (size_t w = 0; w < seen->n_words || w < s->slots.n_words; w++) {
        uint64_t old = word(&s->slots, w), new = word(seen, w);
        uint64_t stay = old & new &word(same, w);
        if (old == stay && new == stay) { /* as it is for most */
            n += bits_in(stay);
            continue;
        }
        if (n) { /* else `from` may be NULL: nothing was held */
            memcpy(to, from, n * sizeof *to);
            to += n;
            from += n;
            n = 0;
        }
        for (uint64_t rest = old | new; rest; rest &= rest - 1) {
            uint64_t bit = rest & -rest;
            if (new &bit)
                *to++ = stay & bit ? *from : tick;
            if (old & bit)
                from++;
        }
    }
    if (n)
        memcpy(to, from, n * sizeof *to);
}

bool sight_move(struct sight *s, const struct bits *seen, const struct bits *same,
                uint32_t tick, struct buf *scratch)
{
    size_t n = bits_count(seen);

    if (n > s->cap) {
        size_t cap = n + n / 4 + 8;
        uint16_t *grown = realloc(s->since, cap * sizeof *grown);
        if (!grown)
            return false;
        s->since = grown;
        s->cap = (uint32_t)cap;
    }
    buf_clear(scratch);
    uint16_t *since = (uint16_t *)(void *)buf_reserve(scratch, n * sizeof *since + 1);
    if (!since || !bits_grow(&s->slots, seen->n_words * 64))
        return false;
    move_since(s, seen, same, (uint16_t)tick, since);
    if (n)
        memcpy(s->since, since, n * sizeof *since);
    s->n = (uint32_t)n;
    return bits_copy(&s->slots, seen);
}
