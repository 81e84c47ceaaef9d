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
#include "state/emit_write.h"
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

/* Of the first `n` fields those of a mask, all where it is NULL, without the braces;
 * in the order of their paths, so that nested ones come together. */
static void put_fields(const struct record *record, const struct row *r, uint32_t n,
                       const uint32_t *fields, struct json_out *j)
{
    struct json_nest nest = {0};

    for (uint32_t k = 0; k < record->n_fields; k++) {
        uint32_t i = record->by_path ? record->by_path[k] : k;
        if (i >= n || (fields && !(fields[i / 32] >> (i % 32) & 1)))
            continue;
        json_nest_key(&nest, record->fields[i].path, j);
        type_put_json(&record->fields[i].type, r->now[i], j);
    }
    json_nest_end(&nest, j);
}

/* How many of a row's fields the viewer sees. */
static uint32_t n_seen(const struct diff *d, const struct record *record,
                       const struct row *r)
{
    bool is_own = record->keys == KEY_PLAYER && d->player && r->key.number == d->player;

    return record->n_public + (is_own ? record->n_owner : 0);
}

static void put_row(const struct record *record, const struct row *r, uint32_t n,
                    const uint32_t *fields, struct json_out *j)
{
    char number[24];
    size_t len;
    const char *key = key_text(record, &r->key, number, &len);

    json_out_key(j, key, len);
    json_out_object(j);
    put_fields(record, r, n, fields, j);
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

/* The next held row of which a field that the viewer sees differs. */
static uint32_t next_change(const struct diff *d, uint32_t table, uint32_t from,
                            const struct row *own, uint32_t fields[DIFF_WORDS])
{
    const struct record *record = d->img->tables[table].record;
    uint32_t s = diff_next_change(d, table, from, fields), owners[DIFF_WORDS] = {0};

    /* Its owner sees more of this one, so it may come where the others have nothing. */
    if (!own || own->slot < from || own->slot > s || !diff_holds_own(d, table, own) ||
        !diff_mark(d, record, own, 0, record->n_public + record->n_owner, owners))
        return s;
    memcpy(fields, owners, sizeof owners);
    return own->slot;
}

/* The keys of rows that are gone: the image has those of this bracket, a view that
 * is behind has kept its own. */
static void put_leaves(const struct diff *d, uint32_t table, struct json_out *j)
{
    const struct table *t = &d->img->tables[table];
    const struct interest_rule *rule = &t->record->interest;
    const struct bits *held = d->view->sights && rule->kind != INTEREST_ALL
                                  ? &d->view->sights[rule->place].slots
                                  : NULL;

    json_out_key(j, "-", 1);
    json_out_array(j);
    if (d->view->known) {
        const struct held *h = &d->view->known[table];
        assert(h->keys);
        for (uint32_t s = diff_next_leave(d, table, 0); s != BITS_NONE;
             s = diff_next_leave(d, table, s + 1))
            put_key_text(t->record, &h->keys[s], j);
    } else {
        for (const struct row *r = d->in_step ? t->gone : NULL; r; r = r->next)
            if (!held || bits_has(held, r->slot))
                put_key_text(t->record, &r->key, j);
        for (uint32_t s = held ? diff_next_leave(d, table, 0) : BITS_NONE; s != BITS_NONE;
             s = diff_next_leave(d, table, s + 1))
            if (!d->in_step || !bits_has(&t->left, s)) /* out of sight */
                put_key_text(t->record, &t->rows[s]->key, j);
    }
    json_out_end_array(j);
}

/* The keys of rows that a client which comes back keeps. */
static void put_kept(const struct diff *d, uint32_t table, struct json_out *j)
{
    const struct table *t = &d->img->tables[table];

    json_out_key(j, "=", 1);
    json_out_array(j);
    for (uint32_t s = diff_next_kept(d, table, 0); s != BITS_NONE;
         s = diff_next_kept(d, table, s + 1))
        put_key_text(t->record, &t->rows[s]->key, j);
    json_out_end_array(j);
}

static void put_enters(const struct diff *d, uint32_t table, struct json_out *j)
{
    const struct table *t = &d->img->tables[table];

    for (uint32_t s = diff_next_enter(d, table, 0); s != BITS_NONE;
         s = diff_next_enter(d, table, s + 1))
        put_row(t->record, t->rows[s], n_seen(d, t->record, t->rows[s]), NULL, j);
}

/* What became of one map; false where nothing did, and nothing is written. */
static bool put_map(const struct diff *d, uint32_t table, struct json_out *j)
{
    const struct table *t = &d->img->tables[table];
    const struct row *own = t->record->n_owner ? diff_own_row(d, table) : NULL;
    uint32_t fields[DIFF_WORDS];
    bool keeps = d->view->is_resuming && diff_has_left(d, table);
    bool leaves = diff_next_leave(d, table, 0) != BITS_NONE;
    bool enters = diff_next_enter(d, table, 0) != BITS_NONE;
    uint32_t changed = next_change(d, table, 0, own, fields);

    if (!keeps && !leaves && !enters && changed == BITS_NONE)
        return false;
    json_out_key(j, t->record->name, strlen(t->record->name));
    json_out_object(j);
    if (keeps)
        put_kept(d, table, j);
    if (leaves)
        put_leaves(d, table, j);
    if (enters) {
        json_out_key(j, "+", 1);
        json_out_object(j);
        put_enters(d, table, j);
        json_out_end_object(j);
    }
    if (changed != BITS_NONE) {
        json_out_key(j, "~", 1);
        json_out_object(j);
        for (; changed != BITS_NONE;
             changed = next_change(d, table, changed + 1, own, fields))
            put_row(t->record, t->rows[changed], n_seen(d, t->record, t->rows[changed]),
                    fields, j);
        json_out_end_object(j);
    }
    json_out_end_object(j);
    return true;
}

static void put_head(bool is_delta, uint32_t ack, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "t", is_delta ? "delta" : "snapshot");
    if (ack)
        json_out_key_int(j, "ack", ack);
}

void emit_put_json_head(bool is_delta, uint32_t ack, struct buf *out)
{
    struct json_out j = json_out_to(out);

    put_head(is_delta, ack, &j);
}

static void put_snapshot(const struct diff *d, uint32_t tick, uint32_t ack,
                         struct json_out *j)
{
    const struct record *root = d->img->tables[0].record;

    put_head(false, ack, j);
    json_out_key_int(j, "tick", tick);
    json_out_key(j, "state", 5);
    json_out_object(j);
    put_fields(root, d->img->tables[0].rows[0], root->n_public, NULL, j);
    for (uint32_t i = 1; i < d->img->schema->n_tables; i++) {
        const struct record *record = d->img->tables[i].record;
        if (record->is_hidden)
            continue;
        json_out_key(j, record->name, strlen(record->name));
        json_out_object(j);
        put_enters(d, i, j);
        json_out_end_object(j);
    }
    json_out_end_object(j);
    json_out_end_object(j);
}

static bool put_delta(const struct diff *d, uint32_t tick, uint32_t base, uint32_t ack,
                      struct json_out *j)
{
    const struct record *root = d->img->tables[0].record;
    uint32_t fields[DIFF_WORDS];
    bool any = false;

    put_head(true, ack, j);
    json_out_key_int(j, "tick", tick);
    json_out_key_int(j, "base", base);
    for (uint32_t i = 1; i < d->img->schema->n_tables; i++)
        if (!d->img->tables[i].record->is_hidden)
            any |= put_map(d, i, j);
    if (diff_next_change(d, 0, 0, fields) != BITS_NONE) {
        put_fields(root, d->img->tables[0].rows[0], root->n_public, fields, j);
        any = true;
    }
    json_out_end_object(j);
    return any;
}

bool emit_put_json(const struct diff *d, uint32_t tick, uint32_t base, uint32_t ack,
                   struct buf *out)
{
    struct json_out j = json_out_to(out);

    if (d->view)
        return put_delta(d, tick, base, ack, &j);
    put_snapshot(d, tick, ack, &j);
    return true;
}

void emit_snapshot_json(const struct image *img, struct buf *out)
{
    struct diff d = diff_of(img, NULL, NULL);

    emit_put_json(&d, img->at, img->at, 0, out);
}

void emit_delta_json(const struct image *img, const struct view *v, struct buf *out)
{
    if (v->base >= img->at && !v->is_resuming)
        return;
    struct diff d = diff_of(img, v, NULL);
    emit_put_json(&d, img->at, v->base, 0, out);
}
