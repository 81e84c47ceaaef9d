/* SPDX-License-Identifier: MIT */
#include "state/image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_ROWS = 100000 };

/* A row is one block: the struct, both arrays of cells, the ticks. */
static struct row *row_new(const struct record *record, uint32_t tick)
{
    size_t n = record->n_fields;
    struct row *r = calloc(1, sizeof *r + n * (2 * sizeof(union cell) + sizeof(uint32_t)));

    if (!r)
        return NULL;
    r->spawn = r->changed = tick;
    r->now = (union cell *)(r + 1);
    r->before = r->now + n;
    r->ticks = (uint32_t *)(r->before + n);
    for (size_t i = 0; i < n; i++) {
        r->now[i] = type_copy(&record->fields[i].type, record->fields[i].preset);
        r->ticks[i] = tick;
    }
    return r;
}

static void row_free(const struct record *record, struct row *r)
{
    for (uint32_t i = 0; i < record->n_fields; i++) {
        type_release(&record->fields[i].type, &r->now[i]);
        type_release(&record->fields[i].type, &r->before[i]);
    }
    chunk_unref(&r->key.text);
    free(r);
}

static void free_gone(struct facet *f)
{
    while (f->gone) {
        struct row *r = f->gone;
        f->gone = r->next;
        row_free(f->record, r);
    }
    f->gone_tail = &f->gone;
}

/* Make room for one more slot, in every set at once, so that none of them has to
 * grow in a place that cannot fail. `alive` comes last: the others are never
 * smaller. */
static bool facet_grow(struct facet *f, uint32_t n)
{
    if (!bits_grow(&f->known, n) || !bits_grow(&f->changed, n) || !bits_grow(&f->left, n) ||
        !bits_grow(&f->alive, n))
        return false;
    if (n <= f->cap)
        return true;
    uint32_t cap = f->cap ? f->cap * 2 : 1;
    struct row **rows = realloc(f->rows, cap * sizeof *rows);
    if (!rows)
        return false;
    memset(rows + f->cap, 0, (cap - f->cap) * sizeof *rows);
    f->rows = rows;
    f->cap = cap;
    return true;
}

static void facet_fini(struct facet *f)
{
    for (uint32_t i = 0; i < f->cap; i++)
        if (f->rows[i])
            row_free(f->record, f->rows[i]);
    free(f->rows);
    free_gone(f);
    bits_fini(&f->alive);
    bits_fini(&f->known);
    bits_fini(&f->changed);
    bits_fini(&f->left);
}

int image_new(struct image **out, struct schema *schema, uint32_t tick)
{
    struct image *img = calloc(1, sizeof *img);

    *out = NULL;
    if (!img || !(img->facets = calloc(schema->n_facets, sizeof *img->facets))) {
        free(img);
        return -ENOMEM;
    }
    img->schema = schema_ref(schema);
    img->born = img->tick = img->at = img->was_at = tick;
    img->max_rows = DEFAULT_MAX_ROWS;
    for (uint32_t i = 0; i < schema->n_facets; i++) {
        img->facets[i].record = &schema->facets[i];
        img->facets[i].gone_tail = &img->facets[i].gone;
    }

    struct facet *root = &img->facets[0];
    if (!facet_grow(root, 1) || !(root->rows[0] = row_new(root->record, tick))) {
        image_free(&img);
        return -ENOMEM;
    }
    bits_add(&root->alive, 0);
    bits_add(&root->known, 0);
    *out = img;
    return 0;
}

void image_free(struct image **img)
{
    struct image *old = *img;

    *img = NULL;
    if (!old)
        return;
    for (uint32_t i = 0; i < old->schema->n_facets; i++)
        facet_fini(&old->facets[i]);
    free(old->facets);
    schema_unref(&old->schema);
    free(old);
}

void image_begin(struct image *img, uint32_t tick)
{
    assert(!img->is_open && tick > img->tick);
    if (img->is_dirty)
        for (uint32_t i = 0; i < img->schema->n_facets; i++) {
            struct facet *f = &img->facets[i];
            bool copied = bits_copy(&f->known, &f->alive);
            assert(copied); /* facet_grow() made the room */
            bits_clear(&f->changed);
            bits_clear(&f->left);
            free_gone(f);
        }
    img->is_dirty = false;
    img->tick = tick;
    img->is_open = true;
}

/* Does this touched row differ from what it was before the bracket? */
static bool row_differs(const struct record *record, const struct row *r, uint32_t tick)
{
    if (r->spawn == tick)
        return true;
    for (uint32_t i = 0; i < record->n_fields; i++)
        if (r->ticks[i] == tick &&
            !type_equal(&record->fields[i].type, r->before[i], r->now[i]))
            return true;
    return false;
}

static bool facet_differs(const struct facet *f, uint32_t tick)
{
    if (f->gone)
        return true;
    for (uint32_t s = bits_next(&f->changed, 0); s != BITS_NONE;
         s = bits_next(&f->changed, s + 1))
        if (row_differs(f->record, f->rows[s], tick))
            return true;
    return false;
}

bool image_commit(struct image *img)
{
    assert(img->is_open);
    img->is_open = false;
    if (!img->is_dirty)
        return false;
    /* Ends at the first difference, so it costs only where all was undone. A
     * DELTA without sections would be sent otherwise. */
    for (uint32_t i = 0; i < img->schema->n_facets; i++)
        if (facet_differs(&img->facets[i], img->tick)) {
            img->was_at = img->at;
            img->at = img->tick;
            return true;
        }
    return false;
}

static uint32_t lowest_free(const struct facet *f)
{
    for (size_t w = f->free_from / 64; w < f->alive.n_words; w++)
        if (~f->alive.words[w])
            return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(~f->alive.words[w]));
    return (uint32_t)(f->alive.n_words * 64);
}

uint32_t image_add(struct image *img, uint32_t facet, int64_t number, const char *text,
                   size_t len)
{
    struct facet *f = &img->facets[facet];
    struct row *r = NULL;

    assert(img->is_open && facet > 0 && facet < img->schema->n_facets);
    if (img->n_rows >= img->max_rows)
        return IMAGE_NO_SLOT;
    uint32_t slot = lowest_free(f);
    if (!facet_grow(f, slot + 1) || !(r = row_new(f->record, img->tick)))
        return IMAGE_NO_SLOT;
    if (f->record->keys == KEY_STR) {
        if (!(r->key.text = chunk_copy(text, len))) {
            row_free(f->record, r);
            return IMAGE_NO_SLOT;
        }
    } else {
        r->key.number = number;
    }
    r->slot = slot;
    f->rows[slot] = r;
    f->free_from = slot + 1;
    bits_add(&f->alive, slot);
    bits_add(&f->changed, slot);
    img->is_dirty = true;
    img->n_rows++;
    return slot;
}

void image_remove(struct image *img, uint32_t facet, uint32_t slot)
{
    struct facet *f = &img->facets[facet];

    assert(img->is_open && facet > 0 && bits_has(&f->alive, slot));
    struct row *r = f->rows[slot];
    f->rows[slot] = NULL;
    if (slot < f->free_from)
        f->free_from = slot;
    bits_remove(&f->alive, slot);
    bits_remove(&f->changed, slot);
    img->is_dirty = true;
    img->n_rows--;
    if (r->spawn == img->tick) { /* nobody has heard of it */
        row_free(f->record, r);
        return;
    }
    bits_add(&f->left, slot);
    f->left_at = img->tick;
    *f->gone_tail = r;
    f->gone_tail = &r->next;
}

bool image_set(struct image *img, uint32_t facet, uint32_t slot, uint32_t field,
               union cell value)
{
    struct facet *f = &img->facets[facet];
    const struct type *t = &f->record->fields[field].type;
    struct row *r = f->rows[slot];

    assert(img->is_open && bits_has(&f->alive, slot) && field < f->record->n_fields);
    if (type_equal(t, r->now[field], value)) {
        type_release(t, &value);
        return false;
    }
    if (r->ticks[field] != img->tick) { /* first change in this bracket */
        type_release(t, &r->before[field]);
        r->before[field] = r->now[field];
        r->ticks[field] = img->tick;
    } else {
        type_release(t, &r->now[field]);
    }
    r->now[field] = value;
    r->changed = img->tick;
    bits_add(&f->changed, slot);
    img->is_dirty = true;
    return true;
}

const struct row *image_row(const struct image *img, uint32_t facet, uint32_t slot)
{
    const struct facet *f = &img->facets[facet];

    return slot < f->cap ? f->rows[slot] : NULL;
}
