/* SPDX-License-Identifier: MIT */
/*
 * model_test - thousands of random ticks: rows come and go, slots are used again,
 * views are skipped and reset; after every frame each client must hold exactly what
 * the image holds. Seeded, so a failure comes back.
 */
#include "draw.h"
#include "peer.h"
#include "support.h"
#include <inttypes.h>

#include "base/rnd.h"
#include "state/emit.h"

enum { N_BINARY = 4, N_JSON = 2, N_VIEWS = N_BINARY + N_JSON, MAX_ROWS = 80 };

static const char schema_text[] =
    "{\"state\":{\"fields\":["
    "[\"doc\",{\"t\":\"any\",\"max\":100000}],"
    "[\"log\",{\"t\":\"text\",\"max\":90,\"def\":\"once\"}],"
    "[\"phase\",{\"t\":\"enum\",\"of\":[\"lobby\",\"play\",\"over\"],\"def\":\"play\"}],"
    "[\"round\",{\"t\":\"uint\"}],"
    "[\"wind\",{\"t\":\"record\",\"fields\":[[\"dir\",{\"t\":\"angle\"}],"
    "[\"gust\",{\"t\":\"record\",\"fields\":[[\"max\",{\"t\":\"i32\"}],"
    "[\"min\",{\"t\":\"f32\"}]]}]]}]],"
    "\"maps\":["
    "[\"frogs\",{\"keys\":\"player\",\"fields\":["
    "[\"bag\",{\"t\":\"list\",\"max\":6,\"item\":{\"t\":\"record\",\"fields\":["
    "[\"at\",{\"t\":\"record\",\"fields\":[[\"x\",{\"t\":\"fixed\",\"step\":0.125}]]}],"
    "[\"kind\",{\"t\":\"enum\",\"of\":[\"x\",\"y\"]}],[\"n\",{\"t\":\"u16\"}],"
    "[\"tags\",{\"t\":\"map\",\"keys\":\"string\",\"max\":4,\"item\":{\"t\":\"i8\"}}]]}}],"
    "[\"hp\",{\"t\":\"u8\",\"def\":100}],"
    "[\"mark\",{\"t\":\"opt\",\"item\":{\"t\":\"text\",\"max\":40}}],[\"name\",{\"t\":"
    "\"str\",\"max\":12,\"def\":"
    "\"frog\"}],"
    "[\"pos\",{\"t\":\"record\",\"fields\":["
    "[\"x\",{\"t\":\"fixed\",\"min\":-20,\"max\":20,\"step\":0.015625}],"
    "[\"y\",{\"t\":\"fixed\",\"step\":0.125}]]}],"
    "[\"wet\",{\"t\":\"bool\"}]]}],"
    "[\"goods\",{\"keys\":\"string\",\"fields\":[[\"price\",{\"t\":\"f64\"}]]}],"
    "[\"marks\",{\"keys\":\"integer\",\"fields\":[]}],"
    "[\"rocks\",{\"keys\":\"integer\",\"fields\":["
    "[\"a\",{\"t\":\"i8\"}],[\"b\",{\"t\":\"i16\"}],[\"c\",{\"t\":\"u16\"}],"
    "[\"d\",{\"t\":\"u32\"}],[\"e\",{\"t\":\"int\"}],[\"f\",{\"t\":\"angle\"}],"
    "[\"g\",{\"t\":\"str\",\"max\":5}],[\"h\",{\"t\":\"enum\",\"of\":[\"x\",\"y\"]}],"
    "[\"i\",{\"t\":\"u8\"}],[\"j\",{\"t\":\"bytes\",\"max\":8}],"
    "[\"k\",{\"t\":\"map\",\"keys\":\"integer\",\"max\":4,\"item\":"
    "{\"t\":\"list\",\"max\":3,\"item\":{\"t\":\"angle\"}}}],"
    "[\"l\",{\"t\":\"map\",\"keys\":\"player\",\"max\":5,\"item\":{\"t\":\"any\",\"max\":"
    "100000}}]"
    "]}]]}}";

struct model {
    struct rnd rnd;
    struct schema *schema;
    struct image *img;
    struct emit_cache cache;
    struct view views[N_VIEWS];
    struct peer peers[N_BINARY];
    cJSON *trees[N_JSON];
    uint32_t ticks[N_JSON];
    bool is_away[N_VIEWS];
    unsigned n_back, n_compared, n_merged, n_shared, n_quiet, n_reused;
};

static int64_t draw(struct model *m, int64_t low, int64_t high)
{
    return rnd_range(&m->rnd, low, high);
}

static bool chance(struct model *m, double p)
{
    return rnd_unit(&m->rnd) < p;
}

static union cell draw_cell(struct model *m, const struct type *t)
{
    char text[16];
    union cell c = {0};

    switch (t->kind) {
    case TYPE_STR: {
        int n = (int)draw(m, 0, t->max_bytes);
        for (int i = 0; i < n; i++)
            text[i] = (char)draw(m, 'a', 'c');
        CHECK_EQ(type_from_text(t, text, (size_t)n, &c), TYPE_OK);
        break;
    }
    case TYPE_F32:
    case TYPE_F64:
        CHECK_EQ(type_from_number(t, (double)draw(m, -9, 9) / 8, &c), TYPE_OK);
        break;
    default:
        /* Near one end or anywhere, so that small and large changes both come. */
        c.q = chance(m, 0.5) ? draw(m, t->low, t->high)
                             : t->low + draw(m, 0, t->high - t->low < 9 ? 1 : 9);
    }
    return c;
}

static uint32_t draw_row(struct model *m, uint32_t table)
{
    const struct table *f = &m->img->tables[table];
    size_t n = bits_count(&f->alive);
    uint32_t s = bits_next(&f->alive, 0);

    if (n == 0)
        return BITS_NONE;
    for (int64_t skip = draw(m, 0, (int64_t)n - 1); skip > 0; skip--)
        s = bits_next(&f->alive, s + 1);
    return s;
}

/* Keys come from a small range, so that they come back too. */
static void add_row(struct model *m, uint32_t table)
{
    const struct table *f = &m->img->tables[table];
    int64_t number = draw(m, f->record->keys == KEY_INT ? -15 : 1, 30);
    char text[8];
    int len = snprintf(text, sizeof text, "k%" PRId64, number);

    for (uint32_t s = 0; s < f->cap; s++) {
        const struct row *r = f->rows[s];
        if (r && (f->record->keys == KEY_STR
                      ? r->key.text->len == (uint32_t)len &&
                            memcmp(r->key.text->bytes, text, (size_t)len) == 0
                      : r->key.number == number))
            return;
    }
    uint32_t slot = image_add(m->img, table, number, text, (size_t)len);
    CHECK(slot != IMAGE_NO_SLOT || m->img->n_rows == MAX_ROWS);
    if (slot != IMAGE_NO_SLOT && bits_has(&f->left, slot))
        m->n_reused++;
}

static void set_field(struct model *m, uint32_t table, uint32_t slot)
{
    const struct record *record = m->img->tables[table].record;

    if (record->n_fields == 0)
        return;
    uint32_t i = (uint32_t)draw(m, 0, record->n_fields - 1);
    const struct type *t = &record->fields[i].type;
    union cell old = type_copy(t, image_row(m->img, table, slot)->now[i]);
    union cell cell =
        t->kind > TYPE_STR ? draw_cell_like(&m->rnd, t, old) : draw_cell(m, t);
    union cell twin = type_copy(t, cell);
    bool differs = !type_equal(t, old, cell);
    CHECK_EQ(image_set(m->img, table, slot, i, cell), differs);
    CHECK(!image_set(m->img, table, slot, i, twin));
    if (chance(m, 0.15))
        image_set(m->img, table, slot, i, old); /* and back */
    else
        type_release(t, &old);
}

static void random_op(struct model *m)
{
    uint32_t table = (uint32_t)draw(m, 0, m->schema->n_tables - 1);
    uint32_t slot = draw_row(m, table);
    double what = rnd_unit(&m->rnd);

    if (table == 0) {
        set_field(m, 0, 0);
    } else if (what < 0.22 || slot == BITS_NONE) {
        add_row(m, table);
    } else if (what < 0.40) {
        image_remove(m->img, table, slot);
        if (chance(m, 0.4))
            add_row(m, table);
    } else {
        set_field(m, table, slot);
    }
}

static void deliver(struct model *m, int i)
{
    struct view *v = &m->views[i];
    bool json = i >= N_BINARY, failed, behind, fresh, back = false;
    uint32_t held = json ? m->ticks[i - N_BINARY] : m->peers[i].tick;

    if (m->is_away[i]) {
        bool had_state = v->has_state; /* not where a RESYNC came right before */
        back = view_resume(v, m->img, held);
        CHECK_EQ(back, had_state && held != 0);
    }
    m->is_away[i] = false;
    m->n_back += back;
    behind = v->known != NULL;
    fresh = !v->has_state;
    struct chunk *frame = emit_frame(&m->cache, m->img, v, json, &failed);

    CHECK(!failed && v->base == m->img->at && v->known == NULL && v->has_state);
    if (frame) {
        size_t head = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
        const uint8_t *bytes = frame->bytes + head;
        size_t len = frame->len - head;
        if (json) {
            cJSON *record = cJSON_ParseWithLength((const char *)bytes, len);
            CHECK(peer_apply_json(m->schema, &m->trees[i - N_BINARY],
                                  &m->ticks[i - N_BINARY], record));
            cJSON_Delete(record);
        } else {
            struct peer *p = &m->peers[i];
            p->n_sets = p->n_updates = 0;
            CHECK(peer_apply(p, bytes, len));
            CHECK(behind || back || p->n_sets == 0); /* changes to those in step */
            CHECK(!(behind || fresh) || p->n_updates == 0);
        }
        m->n_merged += behind;
        m->n_shared += !behind && !fresh && !back;
    } else {
        CHECK(!fresh && !behind && !back);
        m->n_quiet++;
    }
    chunk_unref(&frame);

    if (json) {
        cJSON *want = json_of_image(m->img);
        CHECK(json_equal(m->trees[i - N_BINARY], want));
        CHECK_EQ(m->ticks[i - N_BINARY], m->img->at);
        cJSON_Delete(want);
    } else {
        CHECK(peer_equals(&m->peers[i], m->img));
    }
    m->n_compared++;
}

static void random_tick(struct model *m, uint32_t tick)
{
    /* Some stretches are busy, some skip nearly everything. */
    double skips = tick / 200 % 3 == 0 ? 0.1 : tick / 200 % 3 == 1 ? 0.5 : 0.9;

    image_begin(m->img, tick);
    for (int64_t n = chance(m, 0.2) ? 0 : draw(m, 1, 8); n > 0; n--)
        random_op(m);
    image_commit(m->img);
    for (int i = 0; i < N_VIEWS; i++) {
        if (chance(m, 0.02))
            view_reset(&m->views[i]);
        /* Now and then one is away, from here on or since a frame that was lost on the
         * way, so that it holds an older tick than was sent. */
        if (!m->is_away[i] && chance(m, 0.05)) {
            bool failed;
            struct chunk *lost =
                emit_frame(&m->cache, m->img, &m->views[i], i >= N_BINARY, &failed);
            chunk_unref(&lost);
            m->is_away[i] = true;
        }
        m->is_away[i] = m->is_away[i] || chance(m, 0.03);
        if (m->is_away[i] && chance(m, 0.7))
            continue;
        if (!m->is_away[i] && chance(m, skips))
            view_skip(&m->views[i], m->img);
        else
            deliver(m, i);
    }
}

static void run_model(uint64_t seed, uint32_t n_ticks)
{
    struct model m = {.schema = schema_of(schema_text)};
    uint32_t tick = 65000; /* its low 16 bits wrap on the way */

    rnd_seed(&m.rnd, seed);
    CHECK_EQ(image_new(&m.img, m.schema, tick), 0);
    m.img->max_rows = MAX_ROWS;
    emit_cache_init(&m.cache);
    for (int i = 0; i < N_VIEWS; i++)
        view_init(&m.views[i]);
    for (int i = 0; i < N_BINARY; i++)
        peer_init(&m.peers[i], m.schema);

    for (uint32_t i = 0; i < n_ticks; i++)
        random_tick(&m, tick += chance(&m, 0.1) ? (uint32_t)draw(&m, 1, 300) : 1);

    /* It was worth something only if every way was taken. */
    CHECK(m.n_compared > n_ticks && m.n_merged > n_ticks / 8 && m.n_shared > n_ticks / 4);
    CHECK(m.n_back > n_ticks / 8 && m.peers[0].n_keeps > n_ticks / 64);
    CHECK(m.n_quiet > n_ticks / 32 && m.n_reused > n_ticks / 32);
    for (int i = 0; i < N_BINARY; i++)
        peer_fini(&m.peers[i]);
    for (int i = 0; i < N_JSON; i++)
        cJSON_Delete(m.trees[i]);
    for (int i = 0; i < N_VIEWS; i++)
        view_fini(&m.views[i]);
    emit_cache_fini(&m.cache);
    image_free(&m.img);
    schema_unref(&m.schema);
}

TEST(model_random, "after any history every client holds what the image holds")
{
    run_model(1, 3000);
    run_model(20261124, 3000);
}
