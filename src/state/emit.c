/* SPDX-License-Identifier: MIT */
/*
 * emit - SNAPSHOT and DELTA in binary (PROTOCOL.md, "Sections").
 */
#include "state/emit.h"

#include <string.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "state/emit_moved.h"
#include "state/emit_write.h"
#include "state/value.h"

/* A run while it is written: its length comes first, but is known last. */
struct run {
    struct buf *out;
    size_t at;
    uint32_t n;
    int64_t previous;
};

static struct run run_begin(struct buf *out)
{
    struct run r = {out, out->len, 0, -1};

    wire_put_u8(out, 0);
    return r;
}

static void run_item(struct run *r, uint32_t slot)
{
    r->n++;
    wire_put_gap(r->out, slot, &r->previous);
}

void emit_set_count(struct buf *out, size_t at, uint32_t n)
{
    size_t end = out->len;
    uint8_t count[5];

    wire_put_uv(out, n);
    if (out->failed)
        return;
    size_t len = out->len - end;
    memcpy(count, out->data + end, len);
    if (len > 1)
        memmove(out->data + at + len, out->data + at + 1, end - at - 1);
    memcpy(out->data + at, count, len);
    buf_truncate(out, end + len - 1);
}

/* Put the length in front and return the run's bit, or 0 for one that stayed empty. */
static uint8_t run_end(struct run *r, uint8_t bit)
{
    if (r->out->failed)
        return 0;
    if (r->n == 0)
        buf_truncate(r->out, r->at);
    else
        emit_set_count(r->out, r->at, r->n);
    return r->n ? bit : 0;
}

/* A run of slots that `next` gives. */
static uint8_t put_slots(const struct diff *d, uint32_t table, uint8_t bit,
                         uint32_t (*next)(const struct diff *, uint32_t, uint32_t),
                         struct buf *out)
{
    struct run run = run_begin(out);

    for (uint32_t s = next(d, table, 0); s != BITS_NONE; s = next(d, table, s + 1))
        run_item(&run, s);
    return run_end(&run, bit);
}

/* The one run that may be empty: then nothing is kept. */
static uint8_t put_kept(const struct diff *d, uint32_t table, struct buf *out)
{
    if (!d->view || !d->view->is_resuming || !diff_has_left(d, table))
        return 0;
    if (!put_slots(d, table, RUN_KEEP, diff_next_kept, out))
        wire_put_uv(out, 0);
    return RUN_KEEP;
}

void emit_put_key(const struct record *record, const struct image_key *key, struct buf *out)
{
    switch (record->keys) {
    case KEY_NONE: break;
    case KEY_PLAYER: wire_put_uv(out, (uint64_t)key->number); break;
    case KEY_INT: wire_put_sv(out, key->number); break;
    case KEY_STR: wire_put_str(out, (const char *)key->text->bytes, key->text->len); break;
    }
}

static void put_fields(const struct facet *f, const struct row *r, const uint32_t *fields,
                       struct buf *out)
{
    uint32_t n = f->part.n_fields;

    for (uint32_t i = field_next(fields, 0, n); i < n; i = field_next(fields, i + 1, n))
        type_put(&f->part.fields[i].type, r->now[f->first + i], out);
}

void emit_put_set(const struct facet *f, const struct row *r, const uint32_t *fields,
                  struct buf *out)
{
    wire_put_mask(out, fields, f->part.n_fields);
    put_fields(f, r, fields, out);
}

static uint8_t *mask_at(uint8_t *p, const uint32_t *fields, uint32_t n_fields)
{
    uint8_t *end = p; /* past the last byte that is not 0 */

    for (uint32_t i = 0; i < n_fields; i += 7) {
        uint64_t two = fields[i / 32];
        if (i / 32 + 1 < (n_fields + 31) / 32)
            two |= (uint64_t)fields[i / 32 + 1] << 32;
        p[i / 7] = (uint8_t)(0x80 | (two >> (i % 32) & 0x7f));
        if (p[i / 7] != 0x80)
            end = p + i / 7 + 1;
    }
    end[-1] &= 0x7f;
    return end;
}

/* It is the work of every tick, so it is written with one reservation instead of
 * through wire.h: 41 -> 23 us for 1 000 rows of which two fields moved. */
void emit_put_update(const struct facet *f, const struct row *r, const uint32_t *fields,
                     int64_t gap, struct buf *out)
{
    uint32_t n = f->part.n_fields;
    size_t room = 5 + n / 7 + 1 + (size_t)n * 5; /* gap, mask, changes */
    uint8_t *start = buf_reserve(out, room), *p = start;

    if (!p)
        return;
    if (gap >= 0)
        p = uv_at(p, (uint64_t)gap);
    p = mask_at(p, fields, n);
    for (uint32_t i = field_next(fields, 0, n); i < n; i = field_next(fields, i + 1, n)) {
        const struct type *t = &f->part.fields[i].type;
        if (t->is_delta) {
            int64_t d = type_change(t, r->before[f->first + i], r->now[f->first + i]);
            p = uv_at(p, (uint64_t)d << 1 ^ (uint64_t)(d >> 63));
            continue;
        }
        buf_added(out, (size_t)(p - start));
        value_put_change(t, r->before[f->first + i], r->now[f->first + i], out);
        p = start = buf_reserve(out, room);
        if (!p)
            return;
    }
    buf_added(out, (size_t)(p - start));
}

void emit_put_entered(const struct facet *f, const struct row *r, struct buf *out)
{
    uint32_t fields[DIFF_WORDS];

    memset(fields, 0, f->part.n_words * sizeof *fields);
    for (uint32_t i = 0; i < f->part.n_fields; i++)
        if (!type_equal(&f->part.fields[i].type, r->now[f->first + i],
                        f->part.fields[i].preset))
            fields[i / 32] |= UINT32_C(1) << (i % 32);
    emit_put_key(&f->part, &r->key, out);
    wire_put_mask(out, fields, f->part.n_fields);
    put_fields(f, r, fields, out);
}

static uint8_t put_enters(const struct diff *d, const struct facet *f, struct buf *out)
{
    const struct table *t = &d->img->tables[f->table];
    struct run run = run_begin(out);

    for (uint32_t s = diff_next_enter(d, f->table, 0); s != BITS_NONE;
         s = diff_next_enter(d, f->table, s + 1)) {
        run_item(&run, s);
        emit_put_entered(f, t->rows[s], out);
    }
    return run_end(&run, RUN_ENTER);
}

/* An update for a view in step, a set for one that is behind: its old values are
 * gone. */
static void put_change(const struct diff *d, const struct facet *f, const struct row *r,
                       const uint32_t *fields, struct run *run)
{
    if (d->in_step) {
        emit_put_update(f, r, fields, (int64_t)r->slot - run->previous - 1, run->out);
        run->previous = r->slot;
        run->n++;
    } else {
        run_item(run, r->slot);
        emit_put_set(f, r, fields, run->out);
    }
}

/* In step where everybody sees all rows: one that this bracket has touched. */
static void put_touched(const struct diff *d, const struct facet *f, const struct row *r,
                        struct run *run)
{
    uint32_t fields[DIFF_WORDS];

    if (r->spawn == d->img->tick)
        return;
    if (moved_only(f, r)) {
        int64_t gap = (int64_t)r->slot - run->previous - 1;
        uint8_t *start = buf_reserve(run->out, moved_most(f));
        uint8_t *end = start ? moved_at(f, r, gap, start) : NULL;
        if (start == end)
            return;
        run->out->len += (size_t)(end - start);
        run->previous = r->slot;
        run->n++;
    } else if (diff_mark_moved(d, d->img->tables[f->table].record, r, f->first,
                               f->part.n_fields, fields)) {
        put_change(d, f, r, fields, run);
    }
}

static uint8_t put_changed(const struct diff *d, const struct facet *f, struct buf *out)
{
    const struct table *t = &d->img->tables[f->table];
    struct run run = run_begin(out);
    uint32_t fields[DIFF_WORDS];

    if (d->in_step && t->record->interest.kind == INTEREST_ALL) {
        for (size_t w = 0; w < t->changed.n_words; w++)
            for (uint64_t rest = t->changed.words[w]; rest; rest &= rest - 1)
                put_touched(d, f, t->rows[w * 64 + (size_t)__builtin_ctzll(rest)], &run);
        return run_end(&run, RUN_UPDATE);
    }
    for (uint32_t s = diff_next_change(d, f->table, 0, fields); s != BITS_NONE;
         s = diff_next_change(d, f->table, s + 1, fields))
        put_change(d, f, t->rows[s], fields, &run);
    return run_end(&run, d->in_step ? RUN_UPDATE : RUN_SET);
}

/* The owner's part of its own row: it enters and leaves with the row. */
static uint8_t put_own(const struct diff *d, const struct facet *f, struct buf *out)
{
    const struct row *own = diff_own_row(d, f->table);
    struct run run = run_begin(out);
    uint32_t fields[DIFF_WORDS];

    if (!own)
        return 0;
    if (!diff_holds_own(d, f->table, own)) {
        run_item(&run, own->slot);
        emit_put_entered(f, own, out);
        return run_end(&run, RUN_ENTER);
    }
    if (!diff_mark(d, d->img->tables[f->table].record, own, f->first, f->part.n_fields,
                   fields))
        return 0;
    put_change(d, f, own, fields, &run);
    return run_end(&run, d->in_step ? RUN_UPDATE : RUN_SET);
}

static uint8_t put_all(const struct diff *d, const struct facet *f, struct buf *out)
{
    uint8_t runs = put_kept(d, f->table, out);

    runs |= put_slots(d, f->table, RUN_LEAVE, diff_next_leave, out);
    runs |= put_enters(d, f, out);
    return runs | put_changed(d, f, out);
}

void emit_put_section(const struct diff *d, const struct facet *f, struct buf *out)
{
    size_t start = out->len;

    wire_put_uv(out, (uint64_t)(f - d->img->schema->facets) + 1);
    size_t runs_at = out->len;
    wire_put_u8(out, 0);
    uint8_t runs = f->is_owners ? put_own(d, f, out) : put_all(d, f, out);
    if (out->failed)
        return;
    if (runs)
        out->data[runs_at] = runs;
    else
        buf_truncate(out, start);
}

static void put_sections(const struct diff *d, struct buf *out)
{
    for (uint32_t i = 0; i < d->img->schema->n_facets; i++)
        emit_put_section(d, &d->img->schema->facets[i], out);
    wire_put_u8(out, 0);
}

void emit_put_snapshot_head(uint32_t tick, uint32_t ack, struct buf *out)
{
    wire_put_u8(out, RECORD_SNAPSHOT);
    wire_put_u8(out, ack ? RECORD_SNAPSHOT_ACK : 0);
    wire_put_uv(out, tick);
    if (ack)
        wire_put_uv(out, ack);
}

void emit_put_delta_head(uint32_t tick, uint32_t base, bool is_resume, uint32_t ack,
                         struct buf *out)
{
    wire_put_u8(out, RECORD_DELTA);
    wire_put_u8(out,
                (uint8_t)((ack ? RECORD_INPUT_ACK : 0) | (is_resume ? RECORD_RESUME : 0)));
    wire_put_u16(out, (uint16_t)tick);
    wire_put_uv(out, tick - base);
    if (ack)
        wire_put_uv(out, ack);
}

void emit_snapshot(const struct image *img, struct buf *out)
{
    struct diff d = diff_of(img, NULL, NULL);

    emit_put_snapshot_head(img->at, 0, out);
    put_sections(&d, out);
}

void emit_delta(const struct image *img, const struct view *v, struct buf *out)
{
    if (v->base >= img->at && !v->is_resuming)
        return;
    struct diff d = diff_of(img, v, NULL);
    emit_put_delta_head(img->at, v->base, v->is_resuming, 0, out);
    put_sections(&d, out);
}
