/* SPDX-License-Identifier: MIT */
#include "state/emit_personal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "state/emit_rows.h"
#include "state/emit_view.h"
#include "state/emit_write.h"
#include "state/near.h"

/* A snapshot may be large and is rare: its buffer is not kept beyond this. */
enum { SCRATCH_KEPT = 256 * 1024 };

/* After a stall all are behind by the same; one that is behind alone takes a batch, too,
 * so there are some more. */
enum { BATCHES = 4 };

/* What views that hold the same tick have in common. */
struct batch {
    uint32_t base; /* that tick; 0: nobody's yet */
    bool has_shared;
    struct buf shared; /* sections that all of them get */
    size_t *ends;      /* by facet: where its section in `shared` ends */
    struct rows *rows; /* by place of the rule */
};

struct personal {
    uint32_t n_facets, n_sights;
    uint32_t tick;                /* of the image for which the batches are good */
    struct batch in_step;         /* and rows for snapshots; its base does not count */
    struct batch behind[BATCHES]; /* allocated when first used */
    uint32_t next;                /* which of them goes next when all are taken */
    struct near *grids;           /* by place of the rule */
    struct look *looks;           /* likewise: of the view at hand */
    struct buf scratch;           /* the frame at hand */
    struct buf since;             /* for sight_move() */
};

static bool batch_init(struct batch *b, uint32_t n_facets, uint32_t n_sights)
{
    *b = (struct batch){.ends = calloc(n_facets, sizeof *b->ends),
                        .rows = calloc(n_sights + 1, sizeof *b->rows)};
    buf_init(&b->shared, 0);
    for (uint32_t i = 0; b->rows && i < n_sights; i++)
        rows_init(&b->rows[i]);
    return b->ends && b->rows;
}

static void batch_fini(struct batch *b, uint32_t n_sights)
{
    for (uint32_t i = 0; b->rows && i < n_sights; i++)
        rows_fini(&b->rows[i]);
    free(b->rows);
    free(b->ends);
    buf_fini(&b->shared);
    *b = (struct batch){0};
}

/* What it holds is of no use any more; from here on it is for views of this tick. */
static void batch_begin(struct batch *b, uint32_t n_sights, uint32_t base)
{
    b->base = base;
    b->has_shared = false;
    for (uint32_t i = 0; b->rows && i < n_sights; i++)
        rows_clear(&b->rows[i]);
}

/* That of a view at `base` which is behind. NULL when memory is out. */
static struct batch *batch_behind(struct personal *p, uint32_t base)
{
    struct batch *b = NULL;

    for (uint32_t i = 0; i < BATCHES; i++)
        if (p->behind[i].base == base)
            return &p->behind[i];
    for (uint32_t i = 0; i < BATCHES && !b; i++)
        if (p->behind[i].base == 0)
            b = &p->behind[i];
    if (!b)
        b = &p->behind[p->next++ % BATCHES];
    if (!b->rows && !batch_init(b, p->n_facets, p->n_sights)) {
        batch_fini(b, p->n_sights);
        return NULL;
    }
    batch_begin(b, p->n_sights, base);
    return b;
}

struct personal *personal_new(const struct schema *schema)
{
    struct personal *p = calloc(1, sizeof *p);
    uint32_t n = schema->n_sights;

    if (!p)
        return NULL;
    p->n_facets = schema->n_facets;
    p->n_sights = n;
    p->grids = calloc(n + 1, sizeof *p->grids);
    p->looks = calloc(n + 1, sizeof *p->looks);
    if (!batch_init(&p->in_step, p->n_facets, n) || !p->grids || !p->looks) {
        batch_fini(&p->in_step, n);
        free(p->grids);
        free(p->looks);
        free(p);
        return NULL;
    }
    return p;
}

void personal_free(struct personal **at)
{
    struct personal *p = *at;

    *at = NULL;
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n_sights; i++) {
        near_fini(&p->grids[i]);
        bits_fini(&p->looks[i].seen);
        bits_fini(&p->looks[i].same);
    }
    for (uint32_t i = 0; i < BATCHES; i++)
        batch_fini(&p->behind[i], p->n_sights);
    batch_fini(&p->in_step, p->n_sights);
    free(p->grids);
    free(p->looks);
    buf_fini(&p->scratch);
    buf_fini(&p->since);
    free(p);
}

/* Which of the rows that the view held are there still, in their slots. */
static void find_same(const struct image *img, const struct view *v, uint32_t table,
                      bool in_step, struct bits *same)
{
    const struct table *t = &img->tables[table];
    const struct bits *held = &v->sights[t->record->interest.place].slots;
    bool fits = bits_copy(same, held);

    assert(fits);  /* look_fits() has made the room */
    if (in_step) { /* what was taken out, and perhaps used again */
        for (size_t w = 0; w < same->n_words && w < t->left.n_words; w++)
            same->words[w] &= ~t->left.words[w];
        return;
    }
    for (uint32_t s = bits_next(same, 0); s != BITS_NONE; s = bits_next(same, s + 1))
        if (!view_is_held(v, img, table, s))
            bits_remove(same, s);
}

static void see_near(struct near *g, const struct image *img, const struct view *v,
                     uint32_t table, const struct row *own, struct look *look)
{
    const struct record *record = img->tables[table].record;
    const struct interest_rule *rule = &record->interest;
    const struct interest *in = &v->interest;
    double see = in->radius > 0 ? in->radius : rule->see;
    double forget = see * (rule->forget / rule->see), x, y;

    if (in->has_centre) {
        x = in->x;
        y = in->y;
    } else if (own) {
        x = type_to_number(&record->fields[rule->x].type, own->now[rule->x]);
        y = type_to_number(&record->fields[rule->y].type, own->now[rule->y]);
    } else {
        return;
    }
    near_find(g, x, y, see, forget, &look->same, &look->seen);
}

static void see_keys(const struct image *img, const struct view *v, uint32_t table,
                     struct look *look)
{
    uint32_t place = img->tables[table].record->interest.place;
    const struct map *keys = v->interest.keys ? &v->interest.keys[place] : NULL;

    for (struct map_entry *e = NULL; keys && (e = map_next(keys, e));) {
        const struct row *r = image_find(img, table, (int64_t)e->number, e->bytes, e->len);
        if (r)
            bits_add(&look->seen, r->slot);
    }
}

/* Are the rows that are seen those that were held? */
static bool is_still(const struct look *look, const struct bits *held)
{
    uint64_t other = 0;
    size_t w = 0;

    for (; w < held->n_words; w++)
        other |=
            (held->words[w] ^ look->seen.words[w]) | (held->words[w] ^ look->same.words[w]);
    for (; w < look->seen.n_words; w++)
        other |= look->seen.words[w];
    return !other;
}

/* What the view sees of one table now. False when memory is out. */
static bool look_at(struct personal *p, const struct image *img, struct view *v,
                    uint32_t table, bool in_step)
{
    const struct table *t = &img->tables[table];
    const struct interest_rule *rule = &t->record->interest;
    struct look *look = &p->looks[rule->place];
    const struct bits *held = &v->sights[rule->place].slots;
    const struct row *own = NULL;

    if (!bits_grow(&look->seen, t->cap) || !bits_grow(&look->same, t->cap) ||
        !bits_grow(&look->seen, held->n_words * 64) ||
        !bits_grow(&look->same, held->n_words * 64))
        return false;
    find_same(img, v, table, in_step, &look->same);
    /* Watched rows come and go only when rows do, or the player says so. */
    if (rule->kind == INTEREST_KEYS && v->has_state && !v->is_resuming &&
        !v->interest.is_new && t->moved_at <= v->base)
        return bits_copy(&look->seen, held);
    bits_clear(&look->seen);
    if (t->record->keys == KEY_PLAYER && v->player)
        own = image_find(img, table, v->player, NULL, 0);
    if (rule->kind == INTEREST_KEYS) {
        see_keys(img, v, table, look);
    } else {
        if (!near_update(&p->grids[rule->place], img, table))
            return false;
        see_near(&p->grids[rule->place], img, v, table, own, look);
    }
    if (own)
        bits_add(&look->seen, own->slot);
    return true;
}

static bool look_around(struct personal *p, const struct image *img, struct view *v,
                        bool in_step)
{
    if (!view_make_sights(v, p->n_sights))
        return false;
    for (uint32_t i = 1; i < img->schema->n_tables; i++)
        if (img->tables[i].record->interest.kind != INTEREST_ALL &&
            !look_at(p, img, v, i, in_step))
            return false;
    for (uint32_t i = 0; i < p->n_sights; i++)
        p->looks[i].is_still = is_still(&p->looks[i], &v->sights[i].slots);
    return true;
}

/* Does everybody get the same section of this facet? */
static bool is_shared(const struct image *img, const struct facet *f)
{
    return !f->is_owners && img->tables[f->table].record->interest.kind == INTEREST_ALL;
}

static bool make_shared(struct batch *b, const struct diff *d)
{
    buf_clear(&b->shared);
    for (uint32_t i = 0; i < d->img->schema->n_facets; i++) {
        const struct facet *f = &d->img->schema->facets[i];
        if (is_shared(d->img, f))
            emit_put_section(d, f, &b->shared);
        b->ends[i] = b->shared.len;
    }
    b->has_shared = !b->shared.failed;
    return b->has_shared;
}

/* Each facet by itself: of a view that comes back, as no other holds what it holds. */
static void put_alone(const struct diff *d, struct buf *out)
{
    for (uint32_t i = 0; i < d->img->schema->n_facets; i++)
        emit_put_section(d, &d->img->schema->facets[i], out);
}

static bool put_sections(struct personal *p, const struct diff *d, const struct view *v,
                         struct buf *out)
{
    const struct schema *s = d->img->schema;
    struct batch *b = &p->in_step;

    if (d->view && v->is_resuming) {
        put_alone(d, out);
        return true;
    }
    if (d->view && !d->in_step && !(b = batch_behind(p, v->base)))
        return false;
    if (d->view && !b->has_shared && !make_shared(b, d))
        return false;
    for (uint32_t i = 0; i < p->n_facets; i++) {
        const struct facet *f = &s->facets[i];
        uint32_t place = d->img->tables[f->table].record->interest.place;
        if (is_shared(d->img, f) && d->view) {
            size_t from = i ? b->ends[i - 1] : 0;
            buf_append(out, b->shared.data + from, b->ends[i] - from);
        } else if (f->is_owners || is_shared(d->img, f)) {
            emit_put_section(d, f, out);
        } else if (!rows_put_section(&b->rows[place], d, f,
                                     d->view ? &v->sights[place] : NULL, &p->looks[place],
                                     out)) {
            return false;
        }
    }
    return true;
}

/* The record into `scratch`; returns whether it says anything. */
static bool put_record(struct personal *p, const struct diff *d, const struct view *v,
                       uint32_t tick, bool json, bool *failed)
{
    struct buf *out = &p->scratch;

    buf_clear(out);
    if (json)
        return emit_put_json(d, tick, v->told, v->ack, out) || v->is_resuming;
    if (d->view)
        emit_put_delta_head(tick, v->told, v->is_resuming, v->ack, out);
    else
        emit_put_snapshot_head(tick, v->ack, out);
    size_t head = out->len;
    *failed = !put_sections(p, d, v, out);
    bool any = out->len > head || !d->view || v->is_resuming;
    wire_put_u8(out, 0);
    return any;
}

static bool move_sights(struct personal *p, struct view *v, uint32_t tick)
{
    for (uint32_t i = 0; i < p->n_sights; i++) {
        struct sight *s = &v->sights[i];
        const struct look *look = &p->looks[i];
        if (!look->is_still && !sight_move(s, &look->seen, &look->same, tick, &p->since))
            return false;
    }
    return true;
}

static void new_tick(struct personal *p, const struct image *img)
{
    if (p->tick == img->tick)
        return;
    p->tick = img->tick;
    batch_begin(&p->in_step, p->n_sights, 0);
    for (uint32_t i = 0; i < BATCHES; i++)
        batch_begin(&p->behind[i], p->n_sights, 0);
}

struct chunk *personal_frame(struct personal *p, const struct image *img, struct view *v,
                             bool json, bool *failed)
{
    struct chunk *frame = NULL;
    uint32_t tick = img->tick; /* a player's sight may change in a tick that nothing else
                                * has changed, so frames carry the tick they are made in */

    *failed = false;
    if (view_is_current(v, img))
        return NULL;
    new_tick(p, img);
    *failed = !look_around(p, img, v, v->has_state && diff_is_in_step(img, v));
    if (!*failed) {
        struct diff d = diff_of(img, v, p->looks);
        bool any = put_record(p, &d, v, tick, json, failed);
        if (!*failed && any)
            frame = p->scratch.failed ? NULL
                                      : ws_frame_chunk(json ? WS_TEXT : WS_BINARY,
                                                       p->scratch.data, p->scratch.len);
        *failed = *failed || (any && !frame) || !move_sights(p, v, tick);
    }
    if (p->scratch.cap > SCRATCH_KEPT)
        buf_fini(&p->scratch);
    if (*failed) {
        chunk_unref(&frame);
        view_reset(v);
        return NULL;
    }
    view_catch_up(v);
    v->base = tick;
    if (frame)
        v->told = tick;
    v->has_state = true;
    v->json = json;
    v->interest.is_new = false;
    return frame;
}
