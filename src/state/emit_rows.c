/* SPDX-License-Identifier: MIT */
#include "state/emit_rows.h"

#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "state/emit_moved.h"
#include "state/emit_write.h"

/* Small pieces are copied in blocks of this size, past their end; the buffers have as
 * much behind the last one. Most rows that move take 4 to 8 bytes. */
enum { BLOCK = 16 };

void rows_init(struct rows *r)
{
    *r = (struct rows){0};
    buf_init(&r->updates, 0);
    buf_init(&r->enters, 0);
}

void rows_fini(struct rows *r)
{
    buf_fini(&r->updates);
    buf_fini(&r->enters);
    free(r->update);
    free(r->enter);
    bits_fini(&r->moved);
}

static bool grow(struct rows *r, uint32_t cap)
{
    if (cap <= r->cap)
        return true;
    struct piece *update = realloc(r->update, cap * sizeof *update);
    if (update)
        r->update = update;
    struct piece *enter = realloc(r->enter, cap * sizeof *enter);
    if (enter)
        r->enter = enter;
    if (!update || !enter || !bits_grow(&r->moved, cap))
        return false;
    memset(r->enter + r->cap, 0, (cap - r->cap) * sizeof *enter);
    r->cap = cap;
    return true;
}

void rows_clear(struct rows *r)
{
    if (r->enters.len && r->cap)
        memset(r->enter, 0, r->cap * sizeof *r->enter);
    buf_clear(&r->enters);
    r->has_updates = false;
}

/* Encode every row of the table that this bracket has changed. */
static bool make_updates(struct rows *r, const struct diff *d, const struct facet *f)
{
    const struct table *t = &d->img->tables[f->table];
    uint32_t fields[DIFF_WORDS];

    buf_clear(&r->updates);
    bits_clear(&r->moved);
    for (uint32_t s = bits_next(&t->changed, 0); s != BITS_NONE;
         s = bits_next(&t->changed, s + 1)) {
        const struct row *row = t->rows[s];
        size_t at = r->updates.len;
        if (row->spawn == d->img->tick)
            continue;
        if (moved_only(f, row)) {
            uint8_t *start = buf_reserve(&r->updates, moved_most(f));
            if (!start)
                return false;
            r->updates.len += (size_t)(moved_at(f, row, -1, start) - start);
        } else if (diff_mark_moved(d, t->record, row, f->first, f->part.n_fields, fields)) {
            emit_put_update(f, row, fields, -1, &r->updates);
        }
        if (r->updates.len == at)
            continue;
        r->update[s] = (struct piece){(uint32_t)at, (uint32_t)(r->updates.len - at)};
        bits_add(&r->moved, s);
    }
    r->has_updates = buf_reserve(&r->updates, BLOCK) != NULL;
    return r->has_updates;
}

static const struct piece *enter_of(struct rows *r, const struct facet *f,
                                    const struct row *row)
{
    struct piece *piece = &r->enter[row->slot];

    if (piece->len == 0) {
        piece->at = (uint32_t)r->enters.len;
        emit_put_entered(f, row, &r->enters);
        piece->len = (uint32_t)(r->enters.len - piece->at);
        buf_reserve(&r->enters, BLOCK);
    }
    return piece;
}

static uint64_t word(const struct bits *b, size_t w)
{
    return b && w < b->n_words ? b->words[w] : 0;
}

enum run_kind { LEAVE, ENTER, UPDATE };

/* The slots of a run that lie in word `w`. */
static uint64_t slots_of(enum run_kind kind, const struct rows *r, const struct bits *held,
                         const struct look *look, size_t w)
{
    uint64_t stays = word(&look->seen, w) & word(&look->same, w);

    switch (kind) {
    case LEAVE: return word(held, w) & ~stays;
    case ENTER: return word(&look->seen, w) & ~stays;
    default: return stays & word(&r->moved, w);
    }
}

static void put_item(struct buf *out, const struct buf *from, const struct piece *piece,
                     uint32_t gap)
{
    uint8_t *start = buf_reserve(out, 5 + piece->len + BLOCK), *p = start;

    if (!p || from->failed)
        return;
    p = uv_at(p, gap);
    if (piece->len <= BLOCK)
        memcpy(p, from->data + piece->at, BLOCK);
    else
        memcpy(p, from->data + piece->at, piece->len);
    buf_added(out, (size_t)(p - start) + piece->len);
}

static uint8_t put_run(struct rows *r, enum run_kind kind, const struct diff *d,
                       const struct facet *f, const struct bits *held,
                       const struct look *look, struct buf *out)
{
    const struct table *t = &d->img->tables[f->table];
    size_t n_words = look->seen.n_words;
    uint32_t n = 0, next = 0; /* the slot after the last one */

    for (size_t w = 0; w < n_words; w++)
        n += (uint32_t)__builtin_popcountll(slots_of(kind, r, held, look, w));
    if (n == 0)
        return 0;
    wire_put_uv(out, n);
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t rest = slots_of(kind, r, held, look, w); rest; rest &= rest - 1) {
            uint32_t s = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest));
            if (kind == UPDATE)
                put_item(out, &r->updates, &r->update[s], s - next);
            else if (kind == ENTER)
                put_item(out, &r->enters, enter_of(r, f, t->rows[s]), s - next);
            else
                wire_put_uv(out, s - next);
            next = s + 1;
        }
    return kind == LEAVE ? RUN_LEAVE : kind == ENTER ? RUN_ENTER : RUN_UPDATE;
}

bool rows_put_section(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct bits *held, const struct look *look, struct buf *out)
{
    const struct table *t = &d->img->tables[f->table];
    size_t start = out->len;

    if (!grow(r, t->cap))
        return false;
    if (d->in_step && !r->has_updates && !make_updates(r, d, f))
        return false;
    wire_put_uv(out, (uint64_t)(f - d->img->schema->facets) + 1);
    size_t runs_at = out->len;
    wire_put_u8(out, 0);
    uint8_t runs = put_run(r, LEAVE, d, f, held, look, out);
    runs |= put_run(r, ENTER, d, f, held, look, out);
    if (d->in_step)
        runs |= put_run(r, UPDATE, d, f, held, look, out);
    if (out->failed || r->enters.failed)
        return false;
    if (runs)
        out->data[runs_at] = runs;
    else
        buf_truncate(out, start);
    return true;
}
