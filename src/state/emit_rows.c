/* SPDX-License-Identifier: MIT */
#include "state/emit_rows.h"

#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "state/emit_moved.h"
#include "state/emit_write.h"

void rows_init(struct rows *r)
{
    *r = (struct rows){0};
    buf_init(&r->longs, 0);
    buf_init(&r->enters, 0);
}

void rows_fini(struct rows *r)
{
    buf_fini(&r->longs);
    buf_fini(&r->enters);
    free(r->items);
    free(r->enter);
    bits_fini(&r->done);
    bits_fini(&r->differ);
}

static bool grow(struct rows *r, uint32_t cap)
{
    if (cap <= r->cap)
        return true;
    struct item *items = realloc(r->items, cap * sizeof *items);
    if (items)
        r->items = items;
    struct piece *enter = realloc(r->enter, cap * sizeof *enter);
    if (enter)
        r->enter = enter;
    if (!items || !enter || !bits_grow(&r->done, cap) || !bits_grow(&r->differ, cap))
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
    buf_clear(&r->longs);
    bits_clear(&r->done);
    bits_clear(&r->differ);
    r->has_moved = false;
}

/* An item that was written behind the long ones: short ones do not stay there. */
static void keep_item(struct rows *r, uint32_t slot, size_t at)
{
    struct item *item = &r->items[slot];
    size_t len = r->longs.len - at;

    bits_add(&r->differ, slot);
    if (len <= ITEM_BYTES) {
        memcpy(item->bytes, r->longs.data + at, len);
        item->len = (uint8_t)len;
        buf_truncate(&r->longs, at);
        return;
    }
    struct piece piece = {(uint32_t)at, (uint32_t)len};
    memcpy(item->bytes, &piece, sizeof piece);
    item->len = ITEM_LONG;
}

/* Encode what lies between the tick of the view and now, of a row that it holds. */
static void make_item(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct row *row)
{
    const struct record *record = d->img->tables[f->table].record;
    uint32_t fields[DIFF_WORDS];
    size_t at = r->longs.len;

    if (row->changed <= d->view->base)
        return;
    if (d->in_step && moved_only(f, row)) {
        uint8_t *start = buf_reserve(&r->longs, moved_most(f));
        if (start)
            buf_added(&r->longs, (size_t)(moved_at(f, row, -1, start) - start));
    } else if (diff_mark(d, record, row, f->first, f->part.n_fields, fields)) {
        if (d->in_step)
            emit_put_update(f, row, fields, -1, &r->longs);
        else
            emit_put_set(f, row, fields, &r->longs);
    }
    if (!r->longs.failed && r->longs.len > at)
        keep_item(r, row->slot, at);
}

static const struct piece *enter_of(struct rows *r, const struct facet *f,
                                    const struct row *row)
{
    struct piece *piece = &r->enter[row->slot];

    if (piece->len == 0) {
        piece->at = (uint32_t)r->enters.len;
        emit_put_entered(f, row, &r->enters);
        piece->len = (uint32_t)(r->enters.len - piece->at);
    }
    return piece;
}

static inline uint64_t word(const struct bits *b, size_t w)
{
    return b && w < b->n_words ? b->words[w] : 0;
}

static inline uint64_t stays(const struct look *look, size_t w)
{
    return look->seen.words[w] & look->same.words[w];
}

/* The rows of a word that `held` has and `seen` has not any more, and the other way
 * round. */
static inline uint64_t leave_in(const struct bits *held, const struct look *look, size_t w)
{
    return word(held, w) & ~stays(look, w);
}

static inline uint64_t enter_in(const struct look *look, size_t w)
{
    return look->seen.words[w] & ~stays(look, w);
}

static uint8_t put_leaves(uint32_t n, const struct bits *held, const struct look *look,
                          struct buf *out)
{
    int64_t previous = -1;

    wire_put_uv(out, n);
    for (size_t w = 0; w < look->seen.n_words; w++)
        for (uint64_t rest = leave_in(held, look, w); rest; rest &= rest - 1)
            wire_put_gap(out, (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest)),
                         &previous);
    return RUN_LEAVE;
}

static uint8_t put_enters(uint32_t n, struct rows *r, const struct diff *d,
                          const struct facet *f, const struct look *look, struct buf *out)
{
    int64_t previous = -1;

    wire_put_uv(out, n);
    for (size_t w = 0; w < look->seen.n_words; w++)
        for (uint64_t rest = enter_in(look, w); rest; rest &= rest - 1) {
            uint32_t s = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest));
            const struct piece *piece = enter_of(r, f, d->img->tables[f->table].rows[s]);
            if (r->enters.failed)
                return 0;
            wire_put_gap(out, s, &previous);
            buf_append(out, r->enters.data + piece->at, piece->len);
        }
    return RUN_ENTER;
}

/* What comes and goes: little, as a rule. */
static uint8_t put_rare(struct rows *r, const struct diff *d, const struct facet *f,
                        const struct bits *held, const struct look *look, struct buf *out)
{
    uint32_t leaves = 0, enters = 0;
    uint8_t runs = 0;

    for (size_t w = 0; w < look->seen.n_words; w++) {
        uint64_t leave = leave_in(held, look, w), enter = enter_in(look, w);
        if (leave | enter) {
            leaves += bits_in(leave);
            enters += bits_in(enter);
        }
    }
    if (leaves)
        runs |= put_leaves(leaves, held, look, out);
    if (enters)
        runs |= put_enters(enters, r, d, f, look, out);
    return runs;
}

/* An item at `p`, which has room for it. */
static inline uint8_t *item_at(const struct rows *r, const struct item *item, uint8_t *p)
{
    if (item->len != ITEM_LONG) {
        memcpy(p, item, sizeof *item);
        return p + item->len;
    }
    struct piece piece;
    memcpy(&piece, item->bytes, sizeof piece);
    memcpy(p, r->longs.data + piece.at, piece.len);
    return p + piece.len;
}

/* In step: all rows that this bracket has changed. Most are seen by somebody, and in
 * their order they cost two thirds of what they cost in that of sights. */
static void make_moved(struct rows *r, const struct diff *d, const struct facet *f)
{
    const struct table *t = &d->img->tables[f->table];

    for (size_t w = 0; w < t->changed.n_words; w++)
        for (uint64_t rest = t->changed.words[w]; rest; rest &= rest - 1) {
            const struct row *row = t->rows[w * 64 + (size_t)__builtin_ctzll(rest)];
            if (row->spawn != d->img->tick)
                make_item(r, d, f, row);
        }
    r->has_moved = true;
}

/* Behind, perhaps alone: rows that are held and seen and have not been asked for. */
static void make_seen(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct look *look)
{
    const struct table *t = &d->img->tables[f->table];

    for (size_t w = 0; w < r->done.n_words && w < look->seen.n_words; w++) {
        uint64_t rest = stays(look, w) & ~r->done.words[w];
        r->done.words[w] |= rest;
        for (; rest; rest &= rest - 1)
            make_item(r, d, f, t->rows[w * 64 + (size_t)__builtin_ctzll(rest)]);
    }
}

/* The update or set run: rows that are held (`n_held` of them) and seen and differ. The
 * work of every frame. */
static uint8_t put_items(const struct rows *r, const struct look *look, uint32_t n_held,
                         uint8_t run, struct buf *out)
{
    size_t begin = out->len, words = r->differ.n_words;
    /* The count, gaps and short ones; and all long ones that there are. */
    uint8_t *p = buf_reserve(out, 5 + n_held * (5 + sizeof(struct item)) + r->longs.len);
    uint8_t *start = p;
    uint32_t n = 0, next = 0; /* the slot after the last one */

    if (!p)
        return 0;
    *p++ = 0; /* in place of the count, which takes a byte as a rule */
    if (words > look->seen.n_words)
        words = look->seen.n_words;
    for (size_t w = 0; w < words; w++)
        for (uint64_t rest = stays(look, w) & r->differ.words[w]; rest; rest &= rest - 1) {
            uint32_t s = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(rest));
            p = item_at(r, &r->items[s], uv_at(p, s - next));
            next = s + 1;
            n++;
        }
    buf_added(out, (size_t)(p - start));
    if (n == 0)
        buf_truncate(out, begin);
    else
        emit_set_count(out, begin, n);
    return n ? run : 0;
}

bool rows_put_section(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct sight *sight, const struct look *look, struct buf *out)
{
    size_t start = out->len;
    uint8_t runs = 0;

    if (!grow(r, d->img->tables[f->table].cap))
        return false;
    wire_put_uv(out, (uint64_t)(f - d->img->schema->facets) + 1);
    size_t runs_at = out->len;
    wire_put_u8(out, 0);
    if (!look->is_still)
        runs |= put_rare(r, d, f, sight ? &sight->slots : NULL, look, out);
    if (sight) {
        if (!d->in_step)
            make_seen(r, d, f, look);
        else if (!r->has_moved)
            make_moved(r, d, f);
        runs |= put_items(r, look, sight->n, d->in_step ? RUN_UPDATE : RUN_SET, out);
    }
    if (out->failed || r->enters.failed || r->longs.failed)
        return false;
    if (runs)
        out->data[runs_at] = runs;
    else
        buf_truncate(out, start);
    return true;
}
