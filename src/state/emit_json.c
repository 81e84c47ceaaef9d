/* SPDX-License-Identifier: MIT */
/*
 * emit_json - SNAPSHOT and DELTA as JSON records (PROTOCOL.md, last part).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/json_out.h"
#include "state/emit.h"
#include "state/emit_diff.h"
#include "state/json_nest.h"

/* A key as text: as it is, or in decimal in `number`. */
static const char *key_text(const struct record *record, const struct image_key *key,
                            char number[24], size_t *len)
{
    if (record->keys == KEY_STR) {
        *len = key->text->len;
        return (const char *)key->text->bytes;
    }
    *len = (size_t)snprintf(number, 24, "%" PRId64, key->number);
    return number;
}

/* The fields of a mask, all where it is NULL, without the braces. */
static void put_fields(const struct record *record, const struct row *r,
                       const uint32_t *fields, struct json_out *j)
{
    struct json_nest nest = {0};

    for (uint32_t i = 0; i < record->n_fields; i++) {
        if (fields && !(fields[i / 32] >> (i % 32) & 1))
            continue;
        json_nest_key(&nest, record->fields[i].path, j);
        type_put_json(&record->fields[i].type, r->now[i], j);
    }
    json_nest_end(&nest, j);
}

static void put_row(const struct record *record, const struct row *r,
                    const uint32_t *fields, struct json_out *j)
{
    char number[24];
    size_t len;
    const char *key = key_text(record, &r->key, number, &len);

    json_out_key(j, key, len);
    json_out_object(j);
    put_fields(record, r, fields, j);
    json_out_end_object(j);
}

static void put_key_text(const struct record *record, const struct image_key *key,
                         struct json_out *j)
{
    char number[24];
    size_t len;
    const char *text = key_text(record, key, number, &len);

    json_out_str(j, text, len);
}

/* The keys of rows that are gone: the image has those of this bracket, a view that
 * is behind has kept its own. */
static void put_leaves(const struct diff *d, uint32_t facet, struct json_out *j)
{
    const struct facet *f = &d->img->facets[facet];

    json_out_key(j, "-", 1);
    json_out_array(j);
    if (d->in_step) {
        for (const struct row *r = f->gone; r; r = r->next)
            put_key_text(f->record, &r->key, j);
    } else {
        const struct held *h = &d->view->known[facet];
        assert(h->keys);
        for (uint32_t s = diff_next_leave(d, facet, 0); s != BITS_NONE;
             s = diff_next_leave(d, facet, s + 1))
            put_key_text(f->record, &h->keys[s], j);
    }
    json_out_end_array(j);
}

static void put_enters(const struct diff *d, uint32_t facet, struct json_out *j)
{
    const struct facet *f = &d->img->facets[facet];

    for (uint32_t s = diff_next_enter(d, facet, 0); s != BITS_NONE;
         s = diff_next_enter(d, facet, s + 1))
        put_row(f->record, f->rows[s], NULL, j);
}

/* The keys of rows that a resuming client keeps. */
static void put_kept(const struct diff *d, uint32_t facet, struct json_out *j)
{
    const struct facet *f = &d->img->facets[facet];

    json_out_key(j, "=", 1);
    json_out_array(j);
    for (uint32_t s = diff_next_kept(d, facet, 0); s != BITS_NONE;
         s = diff_next_kept(d, facet, s + 1))
        put_key_text(f->record, &f->rows[s]->key, j);
    json_out_end_array(j);
}

/* What became of one map; nothing is written where nothing did. */
static void put_map(const struct diff *d, uint32_t facet, struct json_out *j)
{
    const struct facet *f = &d->img->facets[facet];
    uint32_t fields[DIFF_WORDS];
    bool keeps = d->is_resume && diff_has_left(d, facet);
    bool leaves = diff_next_leave(d, facet, 0) != BITS_NONE;
    bool enters = diff_next_enter(d, facet, 0) != BITS_NONE;
    uint32_t changed = diff_next_change(d, facet, 0, fields);

    if (!keeps && !leaves && !enters && changed == BITS_NONE)
        return;
    json_out_key(j, f->record->name, strlen(f->record->name));
    json_out_object(j);
    if (keeps)
        put_kept(d, facet, j);
    if (leaves)
        put_leaves(d, facet, j);
    if (enters) {
        json_out_key(j, "+", 1);
        json_out_object(j);
        put_enters(d, facet, j);
        json_out_end_object(j);
    }
    if (changed != BITS_NONE) {
        json_out_key(j, "~", 1);
        json_out_object(j);
        for (; changed != BITS_NONE;
             changed = diff_next_change(d, facet, changed + 1, fields))
            put_row(f->record, f->rows[changed], fields, j);
        json_out_end_object(j);
    }
    json_out_end_object(j);
}

void emit_snapshot_json(const struct image *img, struct buf *out)
{
    struct diff d = diff_of(img, NULL);
    struct json_out j = json_out_to(out);

    json_out_object(&j);
    json_out_key_str(&j, "t", "snapshot");
    json_out_key_int(&j, "tick", img->at);
    json_out_key(&j, "state", 5);
    json_out_object(&j);
    put_fields(img->facets[0].record, img->facets[0].rows[0], NULL, &j);
    for (uint32_t i = 1; i < img->schema->n_facets; i++) {
        const char *name = img->facets[i].record->name;
        json_out_key(&j, name, strlen(name));
        json_out_object(&j);
        put_enters(&d, i, &j);
        json_out_end_object(&j);
    }
    json_out_end_object(&j);
    json_out_end_object(&j);
}

static void put_delta(const struct diff *d, struct buf *out)
{
    const struct image *img = d->img;
    uint32_t fields[DIFF_WORDS];
    struct json_out j = json_out_to(out);

    json_out_object(&j);
    json_out_key_str(&j, "t", "delta");
    json_out_key_int(&j, "tick", img->at);
    json_out_key_int(&j, "base", d->view->base);
    for (uint32_t i = 1; i < img->schema->n_facets; i++)
        put_map(d, i, &j);
    if (diff_next_change(d, 0, 0, fields) != BITS_NONE)
        put_fields(img->facets[0].record, img->facets[0].rows[0], fields, &j);
    json_out_end_object(&j);
}

void emit_delta_json(const struct image *img, const struct view *v, struct buf *out)
{
    if (v->base == img->at)
        return;
    struct diff d = diff_of(img, v);
    put_delta(&d, out);
}

void emit_resume_json(const struct image *img, uint32_t tick, struct buf *out)
{
    struct view v = {.base = tick, .has_state = true};
    struct diff d = diff_of_resume(img, &v);

    put_delta(&d, out);
}
