/* SPDX-License-Identifier: MIT */
#include "state/emit_hash.h"

#include <assert.h>

#include "proto/wire.h"
#include "state/emit_view.h"
#include "state/emit_write.h"

static void put_row(const struct facet *f, const struct row *r, struct buf *out)
{
    wire_put_uv(out, r->slot);
    emit_put_key(&f->part, &r->key, out);
    for (uint32_t i = 0; i < f->part.n_fields; i++)
        type_put(&f->part.fields[i].type, r->now[f->first + i], out);
}

/* The rows that the view holds of a facet; returns how many. */
static uint32_t put_rows(const struct image *img, const struct view *v,
                         const struct facet *f, struct buf *out)
{
    const struct table *t = &img->tables[f->table];
    uint32_t n = 0;

    if (f->is_owners) {
        const struct row *own =
            v->player ? image_find(img, f->table, v->player, NULL, 0) : NULL;
        if (!own || !view_is_held(v, img, f->table, own->slot))
            return 0;
        put_row(f, own, out);
        return 1;
    }
    for (uint32_t s = bits_next(&t->alive, 0); s != BITS_NONE;
         s = bits_next(&t->alive, s + 1))
        if (view_is_held(v, img, f->table, s)) {
            put_row(f, t->rows[s], out);
            n++;
        }
    return n;
}

void emit_hash(const struct image *img, const struct view *v, struct buf *out)
{
    struct buf rows;

    assert(view_is_current(v, img));
    buf_init(&rows, 0);
    for (uint32_t i = 0; i < img->schema->n_facets; i++) {
        buf_clear(&rows);
        uint32_t n = put_rows(img, v, &img->schema->facets[i], &rows);
        buf_format(out, "%s[%u,%u]", i ? "," : "[", n,
                   schema_hash((const char *)rows.data, rows.len));
    }
    buf_text(out, "]");
    out->failed = out->failed || rows.failed;
    buf_fini(&rows);
}
