/* SPDX-License-Identifier: MIT */
#include "crowd.h"
#include "peer.h"
#include "support.h"
#include <inttypes.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "state/emit_hash.h"

enum { N_BINARY = 6, N_JSON = 2, N_CLIENTS = N_BINARY + N_JSON, MAX_TABLES = 8 };
enum { MAX_SLOTS = 64, MAX_ROWS = 100, N_KEYS = 12, MAX_WAITING = 16 };

/* One row that a client holds, as the model sees it. */
struct seen_row {
    uint32_t uid;   /* 0: not held */
    uint32_t since; /* tick in which it came into sight */
};

struct waiting {
    uint8_t *bytes;
    size_t len;
    uint32_t tick;
    cJSON *want;
    char *hashes;
};

struct client {
    struct view view;
    bool json, is_online;
    struct peer peer;
    cJSON *tree;
    uint32_t tick; /* of the JSON client */
    struct seen_row held[MAX_TABLES][MAX_SLOTS];
    bool watches[MAX_TABLES][N_KEYS + 1];
    struct waiting line[MAX_WAITING]; /* frames on their way */
    int n_line;
    cJSON *last; /* what it is to hold once all of them have come */
};

struct crowd {
    struct rnd rnd;
    struct schema *schema;
    struct image *img;
    struct emit_cache cache;
    struct client clients[N_CLIENTS];
    uint32_t uids[MAX_TABLES][MAX_SLOTS]; /* of the rows in the image */
    uint32_t last_uid;
    unsigned stalls;    /* ticks for which nobody gets anything */
    uint32_t last_base; /* of the last merged frame in binary, 0: the last was none */
    struct bits seen[MAX_TABLES];
    const struct crowd_sink *sink;
    struct crowd_counts *n;
};

static int64_t draw(struct crowd *m, int64_t low, int64_t high)
{
    return rnd_range(&m->rnd, low, high);
}

static bool chance(struct crowd *m, double p)
{
    return rnd_unit(&m->rnd) < p;
}

/* Schemas. */

static void put_field(struct crowd *m, struct buf *out, const char *name, const char *type,
                      bool owner, bool is_near)
{
    static const char *const to[] = {"", ",\"to\":\"owner\"", ",\"to\":\"server\""};
    int which = chance(m, 0.5) ? 0 : owner && chance(m, 0.6) ? 1 : 2;

    if (is_near && which == 2)
        which = 0; /* where a row is must show */
    buf_format(out, "%s[\"%s%s\",{%s%s}]", out->data[out->len - 1] == '[' ? "" : ",", name,
               which == 2 ? "_srv" : "", type, to[which]);
}

static void put_map(struct crowd *m, struct buf *out, const char *name, const char *keys,
                    double p_near, double p_keys)
{
    bool player = strcmp(keys, "player") == 0, near = chance(m, p_near);
    static const char fixed[] = "\"t\":\"fixed\",\"min\":-40,\"max\":40,\"step\":0.25";
    static const char text[] = "\"t\":\"str\",\"max\":12";

    buf_format(out, "%s[\"%s\",{\"keys\":\"%s\",\"fields\":[",
               out->data[out->len - 1] == '[' ? "" : ",", name, keys);
    put_field(m, out, "a", text, player, false);
    put_field(m, out, "b", "\"t\":\"u8\",\"def\":7", player, false);
    buf_text(out, ",[\"c\",{\"t\":\"record\",\"fields\":[");
    put_field(m, out, "d", "\"t\":\"int\"", player, false);
    put_field(m, out, "e", text, player, false);
    buf_text(out, "]}]");
    put_field(m, out, "f", text, player, false);
    put_field(m, out, "g", "\"t\":\"angle\"", player, false);
    put_field(m, out, "x", fixed, player, near);
    put_field(m, out, "y", chance(m, 0.5) ? fixed : "\"t\":\"f32\"", player, near);
    buf_text(out, "]");
    if (near)
        buf_format(out, ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":%d,\"forget\":%d}",
                   16, chance(m, 0.3) ? 16 : 24);
    else if (chance(m, p_keys))
        buf_text(out, ",\"interest\":\"keys\"");
    buf_text(out, "}]");
}

static struct schema *draw_schema(struct crowd *m)
{
    struct buf out;

    buf_init(&out, 0);
    buf_text(&out, "{\"state\":{\"fields\":[");
    put_field(m, &out, "phase", "\"t\":\"u8\"", false, false);
    put_field(m, &out, "seed", "\"t\":\"str\",\"max\":12", false, false);
    put_field(m, &out, "wind", "\"t\":\"angle\"", false, false);
    buf_text(&out, "],\"maps\":[");
    put_map(m, &out, "bots", "integer", 0.6, 0.5);
    if (chance(m, 0.5))
        buf_text(&out,
                 ",[\"hidden_srv\",{\"keys\":\"string\",\"to\":\"server\",\"fields\":["
                 "[\"a\",{\"t\":\"str\",\"max\":12}],[\"n\",{\"t\":\"u8\"}]]}]");
    put_map(m, &out, "quotes", "string", 0.2, 0.8);
    put_map(m, &out, "scores", "player", 0, 0.3);
    put_map(m, &out, "ships", "player", 0.8, 0);
    buf_text(&out, "]}}");
    buf_byte(&out, 0);
    struct schema *s = schema_of((char *)out.data);
    buf_fini(&out);
    assert_true(s->n_tables <= MAX_TABLES);
    CHECK(!strstr(s->json, "_srv"));
    CHECK(!strstr(s->json, "interest") && !strstr(s->json, "\"server\""));
    return s;
}

/* Rows. Texts for one audience say for whom they are, so that they can be found. */

static union cell draw_cell(struct crowd *m, const struct field *f, int64_t key)
{
    const struct type *t = &f->type;
    char text[16];
    union cell c = {0};

    if (t->kind == TYPE_STR) {
        int digit = (int)draw(m, 0, 99);
        if (f->to == TO_ALL)
            snprintf(text, sizeof text, "all%d", digit);
        else if (f->to == TO_OWNER)
            snprintf(text, sizeof text, "OWN%d;%d", (int)key, digit);
        else
            snprintf(text, sizeof text, "SRV!%d", digit);
        CHECK_EQ(type_from_text(t, text, strlen(text), &c), TYPE_OK);
    } else if (t->kind == TYPE_F32) {
        CHECK_EQ(type_from_number(t, (double)draw(m, -400, 400) / 10, &c), TYPE_OK);
    } else {
        c.q = draw(m, t->low, t->high);
    }
    return c;
}

static uint32_t draw_row(struct crowd *m, uint32_t table)
{
    const struct bits *alive = &m->img->tables[table].alive;
    size_t n = bits_count(alive);
    uint32_t s = bits_next(alive, 0);

    for (int64_t skip = n ? draw(m, 0, (int64_t)n - 1) : 0; skip > 0; skip--)
        s = bits_next(alive, s + 1);
    return s;
}

static int64_t key_of(const struct record *r, const struct row *row)
{
    int64_t n = 0;

    if (r->keys != KEY_STR)
        return row->key.number;
    for (uint32_t i = 1; i < row->key.text->len; i++)
        n = n * 10 + row->key.text->bytes[i] - '0';
    return n;
}

/* Takes the cell. Whole numbers go the way of a script's tick now and then. */
static void store(struct crowd *m, uint32_t table, uint32_t slot, uint32_t field,
                  union cell c)
{
    const struct record *r = m->img->tables[table].record;
    enum type_kind kind = r->fields[field].type.kind;
    uint32_t mask[SCHEMA_MAX_FIELDS / 32] = {0}, place = field;

    if (kind < TYPE_U8 || kind > TYPE_INT || m->img->tick % 2) {
        image_set(m->img, table, slot, field, c);
        return;
    }
    for (uint32_t i = 0; r->by_path && i < r->n_fields; i++)
        if (r->by_path[i] == field)
            place = i;
    mask[place / 32] = UINT32_C(1) << (place % 32);
    double v = (double)c.q;
    CHECK_EQ(image_set_numbers(m->img, table, slot, mask, &v), 1);
    CHECK_EQ(mask[place / 32], 0);
}

static void set_field(struct crowd *m, uint32_t table, uint32_t slot, uint32_t i)
{
    const struct record *r = m->img->tables[table].record;
    const struct row *row = image_row(m->img, table, slot);
    union cell old = type_copy(&r->fields[i].type, row->now[i]);
    int64_t key = r->keys == KEY_NONE ? 0 : key_of(r, row);

    store(m, table, slot, i, draw_cell(m, &r->fields[i], key));
    if (chance(m, 0.1))
        store(m, table, slot, i, old); /* and back */
    else
        type_release(&r->fields[i].type, &old);
}

/* A small step, so that rows cross the edges of sight to and fro. */
static void move_row(struct crowd *m, uint32_t table, uint32_t slot)
{
    const struct record *r = m->img->tables[table].record;

    for (int k = 0; k < 2; k++) {
        int i = record_find(r, k ? "y" : "x");
        if (i < 0)
            return;
        const struct type *t = &r->fields[i].type;
        union cell c;
        double at = type_to_number(t, image_row(m->img, table, slot)->now[i]);
        if (type_from_number(t, at + (double)draw(m, -12, 12) / 4, &c) == TYPE_OK)
            store(m, table, slot, (uint32_t)i, c);
    }
}

static void add_row(struct crowd *m, uint32_t table)
{
    const struct table *t = &m->img->tables[table];
    int64_t key = draw(m, 1, N_KEYS);
    char text[8];
    int len = snprintf(text, sizeof text, "k%d", (int)key);

    if (t->record->keys == KEY_INT)
        key = draw(m, 0, 1) ? key : -key;
    for (uint32_t s = 0; s < t->cap; s++)
        if (t->rows[s] && key_of(t->record, t->rows[s]) == key)
            return;
    uint32_t slot = image_add(m->img, table, key, text, (size_t)len);
    assert_true(slot < MAX_SLOTS);
    m->uids[table][slot] = ++m->last_uid;
    m->n->reused += bits_has(&t->left, slot);
    for (uint32_t i = 0; i < t->record->n_fields; i++)
        if (chance(m, 0.7))
            set_field(m, table, slot, i);
}

static void random_op(struct crowd *m)
{
    uint32_t table = (uint32_t)draw(m, 0, m->schema->n_tables - 1);
    const struct record *r = m->img->tables[table].record;
    uint32_t slot = draw_row(m, table);
    double what = rnd_unit(&m->rnd);

    if (table == 0) {
        set_field(m, 0, 0, (uint32_t)draw(m, 0, r->n_fields - 1));
    } else if (slot == BITS_NONE || what < 0.12) {
        add_row(m, table);
    } else if (what < 0.20) {
        image_remove(m->img, table, slot);
        if (chance(m, 0.5))
            add_row(m, table);
    } else if (what < 0.6) {
        move_row(m, table, slot);
    } else {
        set_field(m, table, slot, (uint32_t)draw(m, 0, r->n_fields - 1));
    }
}

/* What a client sees by the rules, told in the plainest way. */

static bool is_near(struct crowd *m, const struct client *c, uint32_t table, uint32_t slot,
                    bool held)
{
    const struct table *t = &m->img->tables[table];
    const struct interest_rule *rule = &t->record->interest;
    const struct interest *in = &c->view.interest;
    const struct type *tx = &t->record->fields[rule->x].type;
    const struct type *ty = &t->record->fields[rule->y].type;
    const struct row *centre = NULL, *row = t->rows[slot];
    double x = in->x, y = in->y, see = in->radius > 0 ? in->radius : rule->see;

    if (!in->has_centre) {
        for (uint32_t s = 0; s < t->cap; s++)
            if (t->rows[s] && t->record->keys == KEY_PLAYER &&
                t->rows[s]->key.number == c->view.player)
                centre = t->rows[s];
        if (!centre)
            return false;
        x = type_to_number(tx, centre->now[rule->x]);
        y = type_to_number(ty, centre->now[rule->y]);
    }
    double dx = type_to_number(tx, row->now[rule->x]) - x;
    double dy = type_to_number(ty, row->now[rule->y]) - y;
    double forget = see * (rule->forget / rule->see), d2 = dx * dx + dy * dy;
    m->n->in_margin += held && d2 > see * see && d2 <= forget * forget;
    return d2 <= see * see || (held && d2 <= forget * forget);
}

static bool is_seen(struct crowd *m, const struct client *c, uint32_t table, uint32_t slot)
{
    const struct record *r = m->img->tables[table].record;
    const struct row *row = m->img->tables[table].rows[slot];
    int64_t key = table ? key_of(r, row) : 0;

    if (r->interest.kind == INTEREST_ALL)
        return true;
    if (r->keys == KEY_PLAYER && key == c->view.player)
        return true;
    if (r->interest.kind == INTEREST_KEYS)
        return key > 0 && c->watches[table][key];
    return is_near(m, c, table, slot, c->held[table][slot].uid == m->uids[table][slot]);
}

static cJSON *look(struct crowd *m, struct client *c)
{
    for (uint32_t i = 0; i < m->schema->n_tables; i++) {
        const struct table *t = &m->img->tables[i];
        struct seen_row *held = c->held[i];
        bits_grow(&m->seen[i], MAX_SLOTS);
        bits_clear(&m->seen[i]);
        for (uint32_t s = 0; s < MAX_SLOTS; s++) {
            uint32_t uid = s < t->cap && t->rows[s] ? m->uids[i][s] : 0;
            if (uid && is_seen(m, c, i, s)) {
                bits_add(&m->seen[i], s);
                if (held[s].uid != uid)
                    held[s] = (struct seen_row){uid, m->img->tick};
                m->n->owned += t->record->n_owner && t->record->keys == KEY_PLAYER &&
                               t->rows[s]->key.number == c->view.player;
            } else {
                m->n->left_sight += uid && held[s].uid == uid;
                held[s].uid = 0;
            }
        }
    }
    return json_of_sight(m->img, c->view.player, m->seen);
}

/* Not a byte of what is the server's, or another owner's. */
static void check_secrets(const struct client *c, const uint8_t *bytes, size_t len)
{
    char own[16];
    size_t n = (size_t)snprintf(own, sizeof own, "OWN%u;", c->view.player);

    CHECK(!memmem(bytes, len, "SRV!", 4) && !memmem(bytes, len, "_srv", 4));
    for (const uint8_t *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), "OWN", 3));
         at++)
        CHECK((size_t)(bytes + len - at) >= n && memcmp(at, own, n) == 0);
}

static void receive(struct crowd *m, struct client *c)
{
    struct waiting w = c->line[0];
    cJSON *got;

    memmove(c->line, c->line + 1, (size_t)--c->n_line * sizeof *c->line);
    if (c->json) {
        cJSON *record = cJSON_ParseWithLength((const char *)w.bytes, w.len);
        CHECK(peer_apply_json(m->schema, &c->tree, &c->tick, record));
        cJSON_Delete(record);
        got = c->tree;
    } else {
        CHECK(peer_apply(&c->peer, w.bytes, w.len));
        got = peer_tree(&c->peer);
    }
    CHECK(json_equal(got, w.want));
    CHECK_EQ(c->json ? c->tick : c->peer.tick, w.tick);
    if (m->sink && m->sink->frame)
        m->sink->frame(m->sink->ctx, (int)(c - m->clients), c->json, w.bytes, w.len, w.tick,
                       w.want, w.hashes);
    m->n->compared++;
    if (!c->json)
        cJSON_Delete(got);
    cJSON_Delete(w.want);
    free(w.hashes);
    free(w.bytes);
}

static void lose_line(struct client *c)
{
    while (c->n_line) {
        struct waiting *w = &c->line[--c->n_line];
        cJSON_Delete(w->want);
        free(w->hashes);
        free(w->bytes);
    }
}

static char *hashes_of(const struct crowd *m, const struct client *c)
{
    struct buf out;

    buf_init(&out, 0);
    emit_hash(m->img, &c->view, &out);
    CHECK(!out.failed);
    buf_byte(&out, 0);
    char *text = strdup((const char *)out.data);
    buf_fini(&out);
    return text;
}

static void send_frame(struct crowd *m, struct client *c)
{
    bool failed, behind = c->view.known != NULL, fresh = !c->view.has_state;
    uint32_t base = c->view.base;
    bool back = c->view.is_resuming, in_step = !behind && !fresh && !back;
    struct chunk *frame = emit_frame(&m->cache, m->img, &c->view, c->json, &failed);
    cJSON *want = look(m, c);

    CHECK(!failed && !c->view.known);
    m->n->merged += behind && frame;
    m->n->together += behind && frame && base == m->last_base && !c->json;
    m->last_base = behind && !c->json ? base : 0;
    m->n->snapshots += fresh;
    if (!frame) { /* then there was nothing to say */
        CHECK(!fresh && !back && json_equal(want, c->last));
        m->n->quiet++;
    } else {
        size_t head = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
        struct waiting *w = &c->line[c->n_line++];
        *w = (struct waiting){malloc(frame->len), frame->len - head, c->view.told,
                              cJSON_Duplicate(want, true), hashes_of(m, c)};
        memcpy(w->bytes, frame->bytes + head, w->len);
        check_secrets(c, w->bytes, w->len);
        /* A row that an equal one replaces is worth a frame. */
        m->n->needless += in_step && m->schema->is_personal && json_equal(want, c->last);
        CHECK(c->view.told == m->img->tick || !m->schema->is_personal);
    }
    cJSON_Delete(c->last);
    c->last = want;
    chunk_unref(&frame);
}

static void start_over(struct client *c)
{
    view_reset(&c->view);
    memset(c->held, 0, sizeof c->held);
}

static void come_back(struct crowd *m, struct client *c)
{
    uint32_t tick = c->json ? c->tick : c->peer.tick, told = c->view.told;
    bool has_state = c->view.has_state && tick != 0;

    c->is_online = true;
    if (!view_resume(&c->view, m->img, tick)) {
        CHECK(!has_state);
        start_over(c);
        return;
    }
    m->n->resumed++;
    m->n->resumed_json += c->json;
    m->n->resumed_older += tick < told;
    for (uint32_t i = 0; i < m->schema->n_tables; i++)
        for (uint32_t s = 0; s < MAX_SLOTS; s++)
            if (c->held[i][s].since > tick)
                c->held[i][s].uid = 0;
}

static void change_interest(struct crowd *m, struct client *c)
{
    uint32_t table = (uint32_t)draw(m, 1, m->schema->n_tables - 1);
    const struct record *r = &m->schema->tables[table];
    int64_t key = draw(m, 1, N_KEYS);
    char text[8];
    size_t len = (size_t)snprintf(text, sizeof text, "k%d", (int)key);

    if (chance(m, 0.3)) {
        if (chance(m, 0.6))
            interest_look_at(&c->view.interest, (double)draw(m, -40, 40),
                             (double)draw(m, -40, 40),
                             chance(m, 0.5) ? 0 : (double)draw(m, 1, 100));
        else
            interest_look_home(&c->view.interest);
    }
    if (r->interest.kind != INTEREST_KEYS)
        return;
    if ((c->watches[table][key] = chance(m, 0.6)))
        CHECK(interest_watch(&c->view.interest, m->schema, table, key, text, len, 1000));
    else
        interest_unwatch(&c->view.interest, m->schema, table, key, text, len);
}

static void client_turn(struct crowd *m, struct client *c, double skips)
{
    if (chance(m, 0.1))
        change_interest(m, c);
    if (!c->is_online && chance(m, 0.2))
        come_back(m, c);
    if (!c->is_online)
        return;
    if (chance(m, 0.01))
        start_over(c); /* RESYNC */
    if (m->stalls || chance(m, skips) || c->n_line == MAX_WAITING)
        view_skip(&c->view, m->img);
    else
        send_frame(m, c);
    for (int64_t n = draw(m, 0, c->n_line); n > 0; n--)
        receive(m, c);
    if (chance(m, 0.03)) {
        lose_line(c);
        c->is_online = false;
    }
}

static void random_tick(struct crowd *m, uint32_t tick)
{
    static const double skips[] = {0.1, 0.5, 0.9, 0};

    image_begin(m->img, tick);
    for (int64_t n = chance(m, 0.2) ? 0 : draw(m, 1, chance(m, 0.1) ? 60 : 10); n > 0; n--)
        random_op(m);
    image_commit(m->img);
    if (m->stalls)
        m->stalls--;
    else if (chance(m, 0.06))
        m->stalls = (unsigned)draw(m, 1, 5);
    for (int i = 0; i < N_CLIENTS; i++)
        client_turn(m, &m->clients[i], skips[tick / 64 % 4]);
}

void crowd_run(uint64_t seed, uint32_t n_ticks, const struct crowd_sink *sink,
               struct crowd_counts *n)
{
    struct crowd *m = calloc(1, sizeof *m);
    uint32_t tick = 65400; /* its low 16 bits wrap on the way */

    rnd_seed(&m->rnd, seed);
    m->sink = sink;
    m->n = n;
    m->schema = draw_schema(m);
    CHECK_EQ(image_new(&m->img, m->schema, tick), 0);
    emit_cache_init(&m->cache);
    if (sink && sink->room)
        sink->room(sink->ctx, m->schema);
    for (int i = 0; i < N_CLIENTS; i++) {
        struct client *c = &m->clients[i];
        view_init(&c->view);
        /* Two of each six are nobody's: spectators. */
        c->view.player = i % 3 == 2 ? 0 : (uint32_t)i + 1;
        c->json = i >= N_BINARY;
        c->is_online = true;
        peer_init(&c->peer, m->schema);
    }
    for (uint32_t i = 0; i < n_ticks; i++)
        random_tick(m, tick += chance(m, 0.1) ? (uint32_t)draw(m, 1, 30) : 1);

    for (int i = 0; i < N_CLIENTS; i++) {
        struct client *c = &m->clients[i];
        lose_line(c);
        view_fini(&c->view);
        peer_fini(&c->peer);
        cJSON_Delete(c->tree);
        cJSON_Delete(c->last);
    }
    for (int i = 0; i < MAX_TABLES; i++)
        bits_fini(&m->seen[i]);
    emit_cache_fini(&m->cache);
    image_free(&m->img);
    schema_unref(&m->schema);
    free(m);
}

TEST(crowd_random, "in random rooms every client holds what it may see, and no more")
{
    struct crowd_counts n = {0};

    for (uint64_t seed = 1; seed <= 24; seed++)
        crowd_run(seed, 150, NULL, &n);
    /* It was worth something only if every way was taken. */
    CHECK(n.compared > 4000 && n.quiet > 500 && n.merged > 500 && n.resumed > 100);
    CHECK(n.together > 200);
    CHECK(n.resumed_json > 30);
    CHECK(n.resumed_older > 50 && n.reused > 100 && n.left_sight > 500);
    CHECK(n.needless < 20);
    CHECK(n.in_margin > 400 && n.owned > 4000 && n.snapshots > 200);
}
