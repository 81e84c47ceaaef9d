/* SPDX-License-Identifier: MIT */
/*
 * emit_view - what one player holds while it is behind.
 */
#include <assert.h>
#include <stdlib.h>

#include "state/emit.h"

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

void view_fini(struct view *v)
{
    for (uint32_t i = 0; i < v->n_known; i++)
        held_fini(&v->known[i]);
    free(v->known);
    v->known = NULL;
    v->n_known = 0;
}

void view_reset(struct view *v)
{
    view_fini(v);
    v->has_state = false;
}

static void hold_key(struct held *h, const struct row *r)
{
    h->keys[r->slot] = r->key;
    if (r->key.text)
        chunk_ref(r->key.text);
}

/* The keys of the rows in h->slots: of those that are still there, and of those
 * that have just left. */
static bool hold_keys(struct held *h, const struct table *f, uint32_t base)
{
    if (!(h->keys = calloc(f->cap, sizeof *h->keys)))
        return false;
    h->n_keys = f->cap;
    for (uint32_t s = bits_next(&h->slots, 0); s != BITS_NONE;
         s = bits_next(&h->slots, s + 1))
        if (f->rows[s] && f->rows[s]->spawn <= base)
            hold_key(h, f->rows[s]);
    for (const struct row *r = f->gone; r; r = r->next)
        hold_key(h, r);
    return true;
}

void view_skip(struct view *v, const struct image *img)
{
    assert(!img->is_open);
    if (!v->has_state || v->known || v->base == img->at)
        return;
    assert(v->base == img->was_at && img->at == img->tick);
    uint32_t n = img->schema->n_tables;
    if (!(v->known = calloc(n, sizeof *v->known))) {
        view_reset(v);
        return;
    }
    v->n_known = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct table *f = &img->tables[i];
        struct held *h = &v->known[i];
        if (!bits_copy(&h->slots, &f->known) ||
            (v->json && f->cap > 0 && !hold_keys(h, f, v->base))) {
            view_reset(v);
            return;
        }
    }
}
