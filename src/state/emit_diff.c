/* SPDX-License-Identifier: MIT */
#include "state/emit_diff.h"

#include <assert.h>
#include <string.h>

bool diff_is_in_step(const struct image *img, const struct view *v)
{
    return v->base == img->was_at && img->at == img->tick;
}

struct diff diff_of(const struct image *img, const struct view *v)
{
    bool in_step = v && diff_is_in_step(img, v);

    assert(!img->is_open);
    assert(!v || (v->has_state && (in_step || v->known)));
    return (struct diff){.img = img, .view = v, .in_step = in_step};
}

struct diff diff_of_resume(const struct image *img, const struct view *v)
{
    assert(!img->is_open);
    return (struct diff){.img = img, .view = v, .is_resume = true};
}

bool diff_has_left(const struct diff *d, uint32_t facet)
{
    return d->img->facets[facet].left_at > d->view->base;
}

uint32_t diff_next_kept(const struct diff *d, uint32_t facet, uint32_t from)
{
    const struct facet *f = &d->img->facets[facet];
    uint32_t s = bits_next(&f->alive, from);

    while (s != BITS_NONE && f->rows[s]->spawn > d->view->base)
        s = bits_next(&f->alive, s + 1);
    return s;
}

uint32_t diff_next_leave(const struct diff *d, uint32_t facet, uint32_t from)
{
    const struct facet *f = &d->img->facets[facet];

    if (!d->view || d->is_resume)
        return BITS_NONE;
    if (d->in_step)
        return bits_next(&f->left, from);
    const struct bits *held = &d->view->known[facet].slots;
    uint32_t s = bits_next(held, from);
    while (s != BITS_NONE && bits_has(&f->alive, s) && f->rows[s]->spawn <= d->view->base)
        s = bits_next(held, s + 1);
    return s;
}

uint32_t diff_next_enter(const struct diff *d, uint32_t facet, uint32_t from)
{
    const struct facet *f = &d->img->facets[facet];
    const struct bits *among = d->in_step ? &f->changed : &f->alive;
    uint32_t s = bits_next(among, from);

    if (d->view)
        while (s != BITS_NONE && f->rows[s]->spawn <= d->view->base)
            s = bits_next(among, s + 1);
    return s;
}

/* The fields of a row that is held, with their mask; false where none differs. */
static bool mark_fields(const struct diff *d, const struct record *record,
                        const struct row *r, uint32_t *fields)
{
    uint32_t any = 0;

    memset(fields, 0, record->n_words * sizeof *fields);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        if (r->ticks[i] <= d->view->base)
            continue;
        /* In step the value before is at hand: what was set and set back within a
         * tick is not sent. */
        if (d->in_step && type_equal(&record->fields[i].type, r->before[i], r->now[i]))
            continue;
        fields[i / 32] |= UINT32_C(1) << (i % 32);
        any = 1;
    }
    return any;
}

uint32_t diff_next_change(const struct diff *d, uint32_t facet, uint32_t from,
                          uint32_t fields[DIFF_WORDS])
{
    const struct facet *f = &d->img->facets[facet];
    const struct bits *among = d->in_step ? &f->changed : &f->alive;

    if (!d->view)
        return BITS_NONE;
    for (uint32_t s = bits_next(among, from); s != BITS_NONE; s = bits_next(among, s + 1)) {
        const struct row *r = f->rows[s];
        if (r->spawn <= d->view->base && r->changed > d->view->base &&
            mark_fields(d, f->record, r, fields))
            return s;
    }
    return BITS_NONE;
}
