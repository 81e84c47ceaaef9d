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

struct personal {
    uint32_t n_facets, n_sights;
    uint32_t tick; /* of the image for which the following is good */
    bool has_shared;
    struct buf shared;  /* sections that all views in step get */
    size_t *ends;       /* by facet: where its section in `shared` ends */
    struct near *grids; /* by place of the rule */
    struct rows *rows;  /* likewise */
    struct look *looks; /* likewise: of the view at hand */
    struct buf scratch; /* the frame at hand */
    struct buf since;   /* for sight_move() */
};

struct personal *personal_new(const struct schema *schema)
{
    struct personal *p = calloc(1, sizeof *p);
    uint32_t n = schema->n_sights;

    if (!p)
        return NULL;
    p->n_facets = schema->n_facets;
    p->n_sights = n;
    p->ends = calloc(schema->n_facets, sizeof *p->ends);
    if (n) {
        p->grids = calloc(n, sizeof *p->grids);
        p->rows = calloc(n, sizeof *p->rows);
        p->looks = calloc(n, sizeof *p->looks);
    }
    if (!p->ends || (n && (!p->grids || !p->rows || !p->looks))) {
        free(p->grids);
        free(p->rows);
        free(p->looks);
        free(p->ends);
        free(p);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        rows_init(&p->rows[i]);
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
        rows_fini(&p->rows[i]);
        bits_fini(&p->looks[i].seen);
        bits_fini(&p->looks[i].same);
    }
    free(p->grids);
    free(p->rows);
    free(p->looks);
    free(p->ends);
    buf_fini(&p->shared);
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

static void make_shared(struct personal *p, const struct diff *d)
{
    buf_clear(&p->shared);
    for (uint32_t i = 0; i < p->n_facets; i++) {
        const struct facet *f = &d->img->schema->facets[i];
        if (is_shared(d->img, f))
            emit_put_section(d, f, &p->shared);
        p->ends[i] = p->shared.len;
    }
    p->has_shared = !p->shared.failed;
}

static bool put_sections(struct personal *p, const struct diff *d, const struct view *v,
                         struct buf *out)
{
    const struct schema *s = d->img->schema;

    if (d->in_step && !p->has_shared)
        make_shared(p, d);
    for (uint32_t i = 0; i < p->n_facets; i++) {
        const struct facet *f = &s->facets[i];
        const struct interest_rule *rule = &d->img->tables[f->table].record->interest;
        if (!is_shared(d->img, f)) {
            bool gathers = !f->is_owners && (d->in_step || !d->view);
            if (!gathers)
                emit_put_section(d, f, out);
            else if (!rows_put_section(&p->rows[rule->place], d, f,
                                       d->view ? &v->sights[rule->place] : NULL,
                                       &p->looks[rule->place], out))
                return false;
        } else if (d->in_step) {
            size_t from = i ? p->ends[i - 1] : 0;
            buf_append(out, p->shared.data + from, p->ends[i] - from);
        } else {
            emit_put_section(d, f, out);
        }
    }
    return !p->shared.failed;
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
    p->has_shared = false;
    for (uint32_t i = 0; i < p->n_sights; i++)
        rows_clear(&p->rows[i]);
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
