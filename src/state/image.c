/* SPDX-License-Identifier: MIT */
#include "state/image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_ROWS = 100000 };

/* A row is one block: the struct, both arrays of cells, the ticks, what was touched. */
static struct row *row_new(const struct record *record, uint32_t tick)
{
    size_t n = record->n_fields;
    size_t size = n * (2 * sizeof(union cell) + sizeof(uint32_t));
    struct row *r = calloc(1, sizeof *r + size + record->n_words * sizeof(uint32_t));

    if (!r)
        return NULL;
    r->spawn = r->changed = tick;
    r->now = (union cell *)(r + 1);
    r->before = r->now + n;
    r->ticks = (uint32_t *)(r->before + n);
    r->touched = r->ticks + n;
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

static void free_gone(struct table *t)
{
    while (t->gone) {
        struct row *r = t->gone;
        t->gone = r->next;
        row_free(t->record, r);
    }
    t->gone_tail = &t->gone;
}

/* Make room for one more slot, in every set at once, so that none of them has to
 * grow in a place that cannot fail. `alive` comes last: the others are never
 * smaller. */
static bool table_grow(struct table *t, uint32_t n)
{
    if (!bits_grow(&t->known, n) || !bits_grow(&t->changed, n) || !bits_grow(&t->left, n) ||
        !bits_grow(&t->alive, n))
        return false;
    if (n <= t->cap)
        return true;
    uint32_t cap = t->cap ? t->cap * 2 : 1;
    struct row **rows = realloc(t->rows, cap * sizeof *rows);
    if (!rows)
        return false;
    memset(rows + t->cap, 0, (cap - t->cap) * sizeof *rows);
    t->rows = rows;
    t->cap = cap;
    return true;
}

static void table_fini(struct table *t)
{
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->rows[i])
            row_free(t->record, t->rows[i]);
    free(t->rows);
    free_gone(t);
    map_fini(&t->by_key);
    bits_fini(&t->alive);
    bits_fini(&t->known);
    bits_fini(&t->changed);
    bits_fini(&t->left);
}

int image_new(struct image **out, struct schema *schema, uint32_t tick)
{
    struct image *img = calloc(1, sizeof *img);

    *out = NULL;
    if (!img || !(img->tables = calloc(schema->n_tables, sizeof *img->tables))) {
        free(img);
        return -ENOMEM;
    }
    img->schema = schema_ref(schema);
    img->born = img->tick = img->at = img->was_at = tick;
    img->max_rows = DEFAULT_MAX_ROWS;
    for (uint32_t i = 0; i < schema->n_tables; i++) {
        img->tables[i].record = &schema->tables[i];
        img->tables[i].gone_tail = &img->tables[i].gone;
        img->tables[i].is_indexed = schema->tables[i].n_owner > 0 ||
                                    schema->tables[i].interest.kind != INTEREST_ALL;
    }

    struct table *root = &img->tables[0];
    if (!table_grow(root, 1) || !(root->rows[0] = row_new(root->record, tick))) {
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
    for (uint32_t i = 0; i < old->schema->n_tables; i++)
        table_fini(&old->tables[i]);
    free(old->tables);
    schema_unref(&old->schema);
    free(old);
}

void image_begin(struct image *img, uint32_t tick)
{
    assert(!img->is_open && tick > img->tick);
    if (img->is_dirty)
        for (uint32_t i = 0; i < img->schema->n_tables; i++) {
            struct table *t = &img->tables[i];
            bool copied = bits_copy(&t->known, &t->alive);
            assert(copied); /* table_grow() made the room */
            bits_clear(&t->changed);
            bits_clear(&t->left);
            free_gone(t);
        }
    img->is_dirty = false;
    img->tick = tick;
    img->is_open = true;
}

/* Does this touched row differ, for anybody, from what it was before the bracket? */
static bool row_differs(const struct record *record, const struct row *r, uint32_t tick)
{
    if (r->spawn == tick)
        return true;
    uint32_t n = record->n_public + record->n_owner;
    for (uint32_t i = field_next(r->touched, 0, n); i < n;
         i = field_next(r->touched, i + 1, n))
        if (!type_equal(&record->fields[i].type, r->before[i], r->now[i]))
            return true;
    return false;
}

static bool table_differs(const struct table *t, uint32_t tick)
{
    if (t->record->is_hidden)
        return false;
    if (t->gone)
        return true;
    for (uint32_t s = bits_next(&t->changed, 0); s != BITS_NONE;
         s = bits_next(&t->changed, s + 1))
        if (row_differs(t->record, t->rows[s], tick))
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
    for (uint32_t i = 0; i < img->schema->n_tables; i++)
        if (table_differs(&img->tables[i], img->tick)) {
            img->was_at = img->at;
            img->at = img->tick;
            return true;
        }
    return false;
}

static uint32_t lowest_free(const struct table *t)
{
    for (size_t w = t->free_from / 64; w < t->alive.n_words; w++)
        if (~t->alive.words[w])
            return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(~t->alive.words[w]));
    return (uint32_t)(t->alive.n_words * 64);
}

static bool index_row(struct table *t, struct row *r)
{
    if (t->record->keys == KEY_STR)
        return map_put_bytes(&t->by_key, r->key.text->bytes, r->key.text->len, r);
    return map_put(&t->by_key, (uint64_t)r->key.number, r);
}

static void unindex_row(struct table *t, const struct row *r)
{
    if (t->record->keys == KEY_STR)
        map_remove_bytes(&t->by_key, r->key.text->bytes, r->key.text->len);
    else
        map_remove(&t->by_key, (uint64_t)r->key.number);
}

uint32_t image_add(struct image *img, uint32_t table, int64_t number, const char *text,
                   size_t len)
{
    struct table *t = &img->tables[table];
    struct row *r = NULL;

    assert(img->is_open && table > 0 && table < img->schema->n_tables);
    if (img->n_rows >= img->max_rows)
        return IMAGE_NO_SLOT;
    uint32_t slot = lowest_free(t);
    if (!table_grow(t, slot + 1) || !(r = row_new(t->record, img->tick)))
        return IMAGE_NO_SLOT;
    if (t->record->keys == KEY_STR) {
        if (!(r->key.text = chunk_copy(text, len))) {
            row_free(t->record, r);
            return IMAGE_NO_SLOT;
        }
    } else {
        r->key.number = number;
    }
    if (t->is_indexed && !index_row(t, r)) {
        row_free(t->record, r);
        return IMAGE_NO_SLOT;
    }
    r->slot = slot;
    t->moved_at = img->tick;
    t->rows[slot] = r;
    t->free_from = slot + 1;
    bits_add(&t->alive, slot);
    bits_add(&t->changed, slot);
    img->is_dirty = true;
    img->n_rows++;
    return slot;
}

void image_remove(struct image *img, uint32_t table, uint32_t slot)
{
    struct table *t = &img->tables[table];

    assert(img->is_open && table > 0 && bits_has(&t->alive, slot));
    struct row *r = t->rows[slot];
    t->rows[slot] = NULL;
    t->moved_at = img->tick;
    if (t->is_indexed)
        unindex_row(t, r);
    if (slot < t->free_from)
        t->free_from = slot;
    bits_remove(&t->alive, slot);
    bits_remove(&t->changed, slot);
    img->is_dirty = true;
    img->n_rows--;
    if (r->spawn == img->tick) { /* nobody has heard of it */
        row_free(t->record, r);
        return;
    }
    bits_add(&t->left, slot);
    t->left_at = img->tick;
    *t->gone_tail = r;
    t->gone_tail = &r->next;
}

const struct row *image_find(const struct image *img, uint32_t table, int64_t number,
                             const char *text, size_t len)
{
    const struct table *t = &img->tables[table];

    assert(t->is_indexed);
    if (t->record->keys == KEY_STR)
        return map_get_bytes(&t->by_key, text, len);
    return map_get(&t->by_key, (uint64_t)number);
}

const struct row *image_row(const struct image *img, uint32_t table, uint32_t slot)
{
    const struct table *t = &img->tables[table];

    return slot < t->cap ? t->rows[slot] : NULL;
}
