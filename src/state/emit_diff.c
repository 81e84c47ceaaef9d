/* SPDX-License-Identifier: MIT */
#include "state/emit_diff.h"

#include <assert.h>
#include <string.h>

bool diff_is_in_step(const struct image *img, const struct view *v)
{
    return v->base >= img->was_at && v->base < img->at && img->at == img->tick &&
           !v->known && !v->is_resuming;
}

struct diff diff_of(const struct image *img, const struct view *v, const struct look *looks)
{
    bool in_step = v && v->has_state && diff_is_in_step(img, v);

    assert(!img->is_open);
    assert(!v || !v->has_state || in_step || v->known || v->is_resuming ||
           v->base >= img->at);
    return (struct diff){img, v && v->has_state ? v : NULL, v ? v->player : 0, looks,
                         in_step};
}

/* What is seen of a table by a rule, NULL where all of it is. */
static const struct look *look_at(const struct diff *d, uint32_t table)
{
    const struct interest_rule *rule = &d->img->tables[table].record->interest;

    return rule->kind == INTEREST_ALL ? NULL : &d->looks[rule->place];
}

/* The row in this slot is there, and was in the tick of the view. */
static bool is_old(const struct diff *d, const struct table *t, uint32_t slot)
{
    return bits_has(&t->alive, slot) && t->rows[slot]->spawn <= d->view->base;
}

uint32_t diff_next_leave(const struct diff *d, uint32_t table, uint32_t from)
{
    const struct table *t = &d->img->tables[table];
    const struct look *look = look_at(d, table);

    if (!d->view || d->view->is_resuming)
        return BITS_NONE;
    if (look) {
        const struct bits *held = &d->view->sights[t->record->interest.place].slots;
        uint32_t s = bits_next(held, from);
        while (s != BITS_NONE && bits_has(&look->seen, s) && bits_has(&look->same, s))
            s = bits_next(held, s + 1);
        return s;
    }
    if (!d->view->known) /* in step, or nothing has happened */
        return d->in_step ? bits_next(&t->left, from) : BITS_NONE;
    const struct bits *held = &d->view->known[table].slots;
    uint32_t s = bits_next(held, from);
    while (s != BITS_NONE && is_old(d, t, s))
        s = bits_next(held, s + 1);
    return s;
}

uint32_t diff_next_enter(const struct diff *d, uint32_t table, uint32_t from)
{
    const struct table *t = &d->img->tables[table];
    const struct look *look = look_at(d, table);
    const struct bits *among = look ? &look->seen : d->in_step ? &t->changed : &t->alive;
    uint32_t s = bits_next(among, from);

    if (!look && d->in_step && t->moved_at != d->img->tick)
        return BITS_NONE;
    while (s != BITS_NONE && (look ? bits_has(&look->same, s) : d->view && is_old(d, t, s)))
        s = bits_next(among, s + 1);
    return s;
}

uint32_t diff_next_kept(const struct diff *d, uint32_t table, uint32_t from)
{
    const struct table *t = &d->img->tables[table];
    const struct look *look = look_at(d, table);
    const struct bits *among = look ? &look->seen : &t->alive;
    uint32_t s = bits_next(among, from);

    while (s != BITS_NONE && !(look ? bits_has(&look->same, s) : is_old(d, t, s)))
        s = bits_next(among, s + 1);
    return s;
}

/* What has left a player's sight since is not known, only what is in it. */
bool diff_has_left(const struct diff *d, uint32_t table)
{
    const struct table *t = &d->img->tables[table];

    return table > 0 &&
           (t->record->interest.kind != INTEREST_ALL || t->left_at > d->view->base);
}

bool diff_mark(const struct diff *d, const struct record *table, const struct row *r,
               uint32_t first, uint32_t n, uint32_t *fields)
{
    uint32_t any = 0;

    if (d->in_step)
        return diff_mark_moved(d, table, r, first, n, fields);
    memset(fields, 0, (n + 31) / 32 * sizeof *fields);
    for (uint32_t i = 0; i < n; i++) {
        if (r->ticks[first + i] <= d->view->base)
            continue;
        fields[i / 32] |= UINT32_C(1) << (i % 32);
        any = 1;
    }
    return any;
}

uint32_t diff_next_change(const struct diff *d, uint32_t table, uint32_t from,
                          uint32_t fields[DIFF_WORDS])
{
    const struct table *t = &d->img->tables[table];
    const struct look *look = look_at(d, table);
    const struct bits *among = look ? &look->seen : d->in_step ? &t->changed : &t->alive;

    if (!d->view)
        return BITS_NONE;
    for (uint32_t s = bits_next(among, from); s != BITS_NONE; s = bits_next(among, s + 1)) {
        const struct row *r = t->rows[s];
        if (r->changed > d->view->base &&
            (look ? bits_has(&look->same, s) : r->spawn <= d->view->base) &&
            diff_mark(d, t->record, r, 0, t->record->n_public, fields))
            return s;
    }
    return BITS_NONE;
}

const struct row *diff_own_row(const struct diff *d, uint32_t table)
{
    return d->player ? image_find(d->img, table, d->player, NULL, 0) : NULL;
}

bool diff_holds_own(const struct diff *d, uint32_t table, const struct row *own)
{
    const struct look *look = look_at(d, table);

    return d->view &&
           (look ? bits_has(&look->same, own->slot) : own->spawn <= d->view->base);
}
