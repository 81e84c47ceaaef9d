/* SPDX-License-Identifier: MIT */
/*
 * image_set - values into the rows of an image, one by one or, as a script's tick gives
 * them, many numbers of a row at once.
 */
#include <assert.h>
#include <string.h>

#include "state/image.h"
#include "state/type_number.h"

/* Something of this row is about to change in the bracket under way. */
static void touch_row(struct image *img, struct table *t, struct row *r)
{
    if (r->changed != img->tick)
        memset(r->touched, 0, t->record->n_words * sizeof *r->touched);
    r->changed = img->tick;
    bits_add(&t->changed, r->slot);
    img->is_dirty = true;
}

/* The field's value before the bracket is in `now` still: true the first time. */
static bool touch_field(struct image *img, struct row *r, uint32_t field)
{
    if (r->ticks[field] == img->tick)
        return false;
    r->ticks[field] = img->tick;
    r->touched[field / 32] |= UINT32_C(1) << (field % 32);
    return true;
}

bool image_set(struct image *img, uint32_t table, uint32_t slot, uint32_t field,
               union cell value)
{
    struct table *t = &img->tables[table];
    const struct type *type = &t->record->fields[field].type;
    struct row *r = t->rows[slot];

    assert(img->is_open && bits_has(&t->alive, slot) && field < t->record->n_fields);
    if (type_equal(type, r->now[field], value)) {
        type_release(type, &value);
        return false;
    }
    touch_row(img, t, r);
    if (touch_field(img, r, field)) {
        type_release(type, &r->before[field]);
        r->before[field] = r->now[field];
    } else {
        type_release(type, &r->now[field]);
    }
    r->now[field] = value;
    return true;
}

size_t image_set_numbers(struct image *img, uint32_t table, uint32_t slot, uint32_t *mask,
                         const double *values)
{
    struct table *t = &img->tables[table];
    const struct record *record = t->record;
    struct row *r = t->rows[slot];
    const double *at = values;
    bool differs = false;

    assert(img->is_open && bits_has(&t->alive, slot));
    for (uint32_t w = 0; w < record->n_words; w++)
        for (uint32_t rest = mask[w]; rest; rest &= rest - 1, at++) {
            uint32_t field = w * 32 + (uint32_t)__builtin_ctz(rest);
            if (record->by_path)
                field = record->by_path[field];
            int64_t q;
            if (!type_quick_quantum(&record->fields[field].type, *at, &q))
                continue;
            mask[w] &= ~(rest & -rest);
            if (r->now[field].q == q)
                continue;
            if (!differs)
                touch_row(img, t, r);
            differs = true;
            if (touch_field(img, r, field))
                r->before[field] = r->now[field];
            r->now[field].q = q;
        }
    return (size_t)(at - values);
}
