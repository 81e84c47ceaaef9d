/* SPDX-License-Identifier: MIT */
#include "peer.h"
#include "support.h"
#include <stdlib.h>

#include "state/emit.h"
#include "state/schema.h"

/* One run through frames.json: the image is driven by its operations. */
struct scene {
    cJSON *vectors;
    struct schema *schema;
    struct image *img;
    struct emit_cache cache;
    struct view view, json_view;
    struct peer peer;
};

static void scene_open(struct scene *s)
{
    struct err e;

    *s = (struct scene){.vectors = vectors_load("frames.json")};
    const char *text = vector_text(s->vectors, "schema");
    if (schema_parse(&s->schema, text, strlen(text), &e) < 0)
        fail_msg("%s", e.text);
    CHECK_EQ(s->schema->hash, (uint32_t)vector_at(s->vectors, "hash")->valuedouble);
    CHECK_EQ(image_new(&s->img, s->schema,
                       (uint32_t)vector_at(s->vectors, "first_tick")->valuedouble),
             0);
    emit_cache_init(&s->cache);
    view_init(&s->view);
    view_init(&s->json_view);
    peer_init(&s->peer, s->schema);
}

static void scene_close(struct scene *s)
{
    peer_fini(&s->peer);
    view_fini(&s->view);
    view_fini(&s->json_view);
    emit_cache_fini(&s->cache);
    image_free(&s->img);
    schema_unref(&s->schema);
    cJSON_Delete(s->vectors);
}

static uint32_t slot_of(const struct table *f, const cJSON *key)
{
    for (uint32_t s = 0; s < f->cap; s++) {
        const struct row *r = f->rows[s];
        if (r && (cJSON_IsString(key) ? strlen(key->valuestring) == r->key.text->len &&
                                            memcmp(key->valuestring, r->key.text->bytes,
                                                   r->key.text->len) == 0
                                      : r->key.number == (int64_t)key->valuedouble))
            return s;
    }
    return IMAGE_NO_SLOT;
}

static void apply_op(struct image *img, const cJSON *op)
{
    const char *verb = cJSON_GetArrayItem(op, 0)->valuestring;
    const char *map = cJSON_GetArrayItem(op, 1)->valuestring;
    const cJSON *key = cJSON_GetArrayItem(op, 2);
    int table = schema_find_table(img->schema, map, strlen(map));
    assert_true(table >= 0);
    struct table *f = &img->tables[table];

    if (strcmp(verb, "add") == 0) {
        bool text = cJSON_IsString(key);
        uint32_t slot =
            image_add(img, (uint32_t)table, text ? 0 : (int64_t)key->valuedouble,
                      text ? key->valuestring : NULL, text ? strlen(key->valuestring) : 0);
        assert_true(slot != IMAGE_NO_SLOT);
        return;
    }
    uint32_t slot = table == 0 ? 0 : slot_of(f, key);
    assert_true(slot != IMAGE_NO_SLOT);
    if (strcmp(verb, "remove") == 0) {
        image_remove(img, (uint32_t)table, slot);
        return;
    }
    const char *path = cJSON_GetArrayItem(op, 3)->valuestring;
    uint32_t i = 0;
    while (i < f->record->n_fields && strcmp(f->record->fields[i].path, path) != 0)
        i++;
    assert_true(i < f->record->n_fields);
    union cell c;
    CHECK_EQ(cell_of_json(&f->record->fields[i].type, cJSON_GetArrayItem(op, 4), &c),
             TYPE_OK);
    image_set(img, (uint32_t)table, slot, i, c);
}

/* The payload of a server frame. */
static struct wire_in payload_of(const struct chunk *frame, bool json)
{
    size_t head = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;

    CHECK_EQ(frame->bytes[0], json ? 0x81 : 0x82);
    return wire_from(frame->bytes + head, frame->len - head);
}

/* What emit_frame() gives for a view, compared with the step's hex or JSON; then
 * the image takes the step's ticks, all but the last of which the views skip. */
static void scene_step(struct scene *s, const cJSON *step)
{
    const cJSON *ticks = vector_at(step, "ticks"), *tick, *op;
    struct buf got;
    bool failed, committed = false;

    cJSON_ArrayForEach(tick, ticks)
    {
        if (committed) {
            view_skip(&s->view, s->img);
            view_skip(&s->json_view, s->img);
        }
        image_begin(s->img, (uint32_t)vector_at(tick, "tick")->valuedouble);
        cJSON_ArrayForEach(op, vector_at(tick, "ops")) apply_op(s->img, op);
        committed = image_commit(s->img);
        CHECK_EQ(committed, cJSON_GetArraySize(vector_at(tick, "ops")) > 0);
    }
    if (cJSON_IsTrue(vector_at(step, "reset"))) {
        view_reset(&s->view);
        view_reset(&s->json_view);
    }
    const cJSON *resume = cJSON_GetObjectItemCaseSensitive(step, "resume");
    uint32_t held = s->peer.tick;
    if (cJSON_IsTrue(resume)) {
        CHECK(view_resume(&s->view, s->img, held));
        CHECK(view_resume(&s->json_view, s->img, held));
    }
    struct chunk *frame = emit_frame(&s->cache, s->img, &s->view, false, &failed);
    assert_true(frame && !failed);
    struct wire_in in = payload_of(frame, false);
    buf_init(&got, 0);
    buf_append(&got, in.at, wire_left(&in));
    check_hex(&got, vector_text(step, "hex"));
    CHECK(peer_apply(&s->peer, got.data, got.len));
    CHECK(peer_equals(&s->peer, s->img));
    CHECK_EQ(s->peer.tick, (uint32_t)vector_at(step, "tick")->valuedouble);
    cJSON *state = json_of_image(s->img);
    CHECK(json_equal(state, vector_at(step, "state")));
    cJSON_Delete(state);
    chunk_unref(&frame);
    buf_fini(&got);

    frame = emit_frame(&s->cache, s->img, &s->json_view, true, &failed);
    assert_true(frame && !failed);
    in = payload_of(frame, true);
    cJSON *json = cJSON_ParseWithLength((const char *)in.at, wire_left(&in));
    CHECK(json_equal(json, vector_at(step, "json")));
    cJSON_Delete(json);
    chunk_unref(&frame);
}

TEST(emit_frames,
     "an image driven by the operations of frames.json gives its bytes and JSON")
{
    struct scene s;
    const cJSON *step;

    scene_open(&s);
    cJSON_ArrayForEach(step, vector_at(s.vectors, "steps")) scene_step(&s, step);
    CHECK(s.peer.n_sets > 0 && s.peer.n_updates > 0);
    scene_close(&s);
}

TEST(emit_frames_json,
     "the j1 records of frames.json lead a JSON client through its states")
{
    cJSON *vectors = vectors_load("frames.json"), *held = NULL;
    const cJSON *step;
    struct schema *s = schema_of(vector_text(vectors, "schema"));
    uint32_t tick = 0;

    cJSON_ArrayForEach(step, vector_at(vectors, "steps"))
    {
        CHECK(peer_apply_json(s, &held, &tick, vector_at(step, "json")));
        CHECK(json_equal(held, vector_at(step, "state")));
    }
    schema_unref(&s);
    cJSON_Delete(held);
    cJSON_Delete(vectors);
}

TEST(emit_frames_bad, "the test's own client refuses every bad frame and stays as it was")
{
    struct scene s;
    const cJSON *step, *bad;
    uint8_t bytes[65536];
    int i = 0;

    scene_open(&s);
    cJSON_ArrayForEach(step, vector_at(s.vectors, "steps"))
    {
        size_t n = bytes_of_hex(vector_text(step, "hex"), bytes, sizeof bytes);
        for (size_t cut = 0; cut < n; cut++)
            CHECK(!peer_apply(&s.peer, bytes, cut));
        scene_step(&s, step);
        cJSON_ArrayForEach(bad, vector_at(s.vectors, "bad"))
        {
            if ((int)vector_at(bad, "after")->valuedouble != i)
                continue;
            n = bytes_of_hex(vector_text(bad, "hex"), bytes, sizeof bytes);
            if (peer_apply(&s.peer, bytes, n))
                fail_msg("taken: %s", vector_text(bad, "why"));
            CHECK(peer_equals(&s.peer, s.img));
        }
        i++;
    }
    scene_close(&s);
}

static const char small[] =
    "{\"state\":{\"maps\":[[\"frogs\",{\"keys\":\"player\",\"fields\":["
    "[\"x\",{\"t\":\"u16\"}]]}]]}}";

static struct image *small_image(uint32_t n_rows)
{
    struct schema *schema = schema_of(small);
    struct image *img;

    CHECK_EQ(image_new(&img, schema, 1), 0);
    schema_unref(&schema);
    image_begin(img, 2);
    for (uint32_t i = 0; i < n_rows; i++)
        image_add(img, 1, i + 1, NULL, 0);
    image_commit(img);
    return img;
}

static void move(struct image *img, uint32_t tick, int64_t x)
{
    image_begin(img, tick);
    image_set(img, 1, 0, 0, (union cell){.q = x});
    CHECK(image_commit(img));
}

TEST(emit_cache_merged, "views that are behind by the same get one and the same chunk")
{
    struct image *img = small_image(3);
    struct emit_cache c;
    struct view v[3];
    struct chunk *frames[3];
    bool failed;

    emit_cache_init(&c);
    for (int i = 0; i < 3; i++) {
        view_init(&v[i]);
        frames[i] = emit_frame(&c, img, &v[i], false, &failed);
        chunk_unref(&frames[i]);
    }
    for (uint32_t tick = 3; tick < 5; tick++) {
        move(img, tick, tick * 4);
        view_skip(&v[0], img);
        view_skip(&v[1], img);
        if (tick == 3) { /* the third falls behind one tick later */
            frames[2] = emit_frame(&c, img, &v[2], false, &failed);
            chunk_unref(&frames[2]);
        }
    }
    view_skip(&v[2], img);
    for (int i = 0; i < 3; i++)
        frames[i] = emit_frame(&c, img, &v[i], false, &failed);
    CHECK(frames[0] && frames[0] == frames[1] && frames[2] && frames[2] != frames[0]);
    for (int i = 0; i < 3; i++) {
        chunk_unref(&frames[i]);
        view_fini(&v[i]);
    }
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_cache_shares, "views in step, and new ones, get one and the same chunk")
{
    struct image *img = small_image(3);
    struct emit_cache c;
    struct view a, b;
    bool failed;

    emit_cache_init(&c);
    view_init(&a);
    view_init(&b);
    struct chunk *one = emit_frame(&c, img, &a, false, &failed);
    struct chunk *two = emit_frame(&c, img, &b, false, &failed);
    CHECK(one && one == two && one->is_shared);
    CHECK(emit_frame(&c, img, &a, false, &failed) == NULL && !failed);
    chunk_unref(&one);
    chunk_unref(&two);
    move(img, 3, 7);
    one = emit_frame(&c, img, &a, false, &failed);
    two = emit_frame(&c, img, &b, false, &failed);
    CHECK(one && one == two && one->is_shared);
    chunk_unref(&one);
    chunk_unref(&two);
    /* The next commit must not give out what was good for the last. */
    move(img, 4, 9);
    one = emit_frame(&c, img, &a, false, &failed);
    CHECK(one && one->bytes[one->len - 2] == 4 /* sv of 9 - 7 */);
    chunk_unref(&one);
    /* What one view gets that was skipped is for it alone. */
    view_skip(&b, img);
    move(img, 5, 11);
    two = emit_frame(&c, img, &b, false, &failed);
    CHECK(two && !two->is_shared);
    chunk_unref(&two);
    view_fini(&a);
    view_fini(&b);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_resume, "who comes back gets a delta, or a snapshot where that cannot be")
{
    struct image *img = small_image(1); /* born at 1, changed at 2 */
    struct emit_cache c;
    struct view v;
    struct buf got;
    bool failed;

    emit_cache_init(&c);
    view_init(&v);
    CHECK(!view_resume(&v, img, 2)); /* nothing was ever sent */
    for (uint32_t tick = 0; tick <= 3; tick++) {
        struct chunk *first = emit_frame(&c, img, &v, false, &failed);
        chunk_unref(&first);
        CHECK_EQ(view_resume(&v, img, tick), tick == 2);
        CHECK_EQ(v.has_state, tick == 2);
        CHECK(!view_is_current(&v, img));
        struct chunk *frame = emit_frame(&c, img, &v, false, &failed);
        struct wire_in in = payload_of(frame, false);
        buf_init(&got, 0);
        buf_append(&got, in.at, wire_left(&in));
        if (tick == 2) /* nothing has changed, but it is told */
            check_hex(&got, "0402" /* to tick 2 */ "0200" /* from 2 */ "0000");
        else
            CHECK_EQ(got.data[0], 3);
        CHECK(view_is_current(&v, img));
        buf_fini(&got);
        chunk_unref(&frame);
    }
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_resume_same, "who comes back to what it holds is told so, in JSON too")
{
    struct schema *schema = schema_of("{\"state\":{\"maps\":[[\"frogs\",{\"keys\":"
                                      "\"player\",\"fields\":[[\"x\",{\"t\":\"u16\","
                                      "\"to\":\"owner\"}]]}]]}}");
    struct image *img;
    struct emit_cache c;
    struct view v;
    bool failed;

    CHECK_EQ(image_new(&img, schema, 1), 0);
    schema_unref(&schema);
    image_begin(img, 2);
    image_commit(img);
    emit_cache_init(&c);
    view_init(&v);
    struct chunk *frame = emit_frame(&c, img, &v, true, &failed);
    chunk_unref(&frame);
    CHECK(view_resume(&v, img, 2));
    frame = emit_frame(&c, img, &v, true, &failed);
    assert_non_null(frame);
    struct wire_in in = payload_of(frame, true);
    static const char want[] = "{\"t\":\"delta\",\"tick\":2,\"base\":2}";
    CHECK_EQ(wire_left(&in), strlen(want));
    CHECK_MEM(in.at, want, strlen(want));
    chunk_unref(&frame);
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_nothing, "a view that is up to date gets nothing and the buffer stays")
{
    struct image *img = small_image(1);
    struct view v = {.base = 2, .has_state = true};
    struct buf out;

    buf_init(&out, 0);
    emit_delta(img, &v, &out);
    emit_delta_json(img, &v, &out);
    CHECK_EQ(out.len, 0);
    buf_fini(&out);
    image_free(&img);
}

TEST(emit_came_and_went, "a view that missed only what was undone gets its tick moved")
{
    struct image *img = small_image(0);
    struct emit_cache c;
    struct view v;
    struct buf got;
    bool failed;

    emit_cache_init(&c);
    view_init(&v);
    struct chunk *frame = emit_frame(&c, img, &v, false, &failed);
    chunk_unref(&frame);
    image_begin(img, 3);
    uint32_t slot = image_add(img, 1, 5, NULL, 0);
    CHECK(image_commit(img));
    view_skip(&v, img);
    image_begin(img, 4);
    image_remove(img, 1, slot);
    CHECK(image_commit(img));
    frame = emit_frame(&c, img, &v, false, &failed);
    struct wire_in in = payload_of(frame, false);
    buf_init(&got, 0);
    buf_append(&got, in.at, wire_left(&in));
    check_hex(&got, "04000400" /* to tick 4 */ "03" /* from 1 */ "00");
    chunk_unref(&frame);
    buf_fini(&got);
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_unsent, "a view that is skipped before it got anything starts with a snapshot")
{
    struct image *img = small_image(2);
    struct emit_cache c;
    struct view v;
    bool failed;

    emit_cache_init(&c);
    view_init(&v);
    view_skip(&v, img);
    CHECK(v.known == NULL && !v.has_state);
    move(img, 3, 1);
    view_skip(&v, img);
    struct chunk *frame = emit_frame(&c, img, &v, false, &failed);
    CHECK(frame && payload_of(frame, false).at[0] == 3);
    chunk_unref(&frame);
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_no_room, "when memory is out the view starts over with a snapshot")
{
    struct image *img = small_image(100);
    struct emit_cache c;
    struct view v;
    bool failed;

    emit_cache_init(&c);
    view_init(&v);
    struct chunk *frame = emit_frame(&c, img, &v, false, &failed);
    chunk_unref(&frame);
    move(img, 3, 1);
    buf_fini(&c.scratch);
    buf_init(&c.scratch, 4); /* as if nothing more could be had */
    CHECK(emit_frame(&c, img, &v, false, &failed) == NULL);
    CHECK(failed && !v.has_state && v.known == NULL);
    c.scratch.max = 0;
    frame = emit_frame(&c, img, &v, false, &failed);
    CHECK(frame && !failed && payload_of(frame, false).at[0] == 3);
    chunk_unref(&frame);
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}

TEST(emit_large, "a frame of many rows has the long WebSocket header and is whole")
{
    struct image *img = small_image(30000);
    struct emit_cache c;
    struct view v;
    struct buf want;
    bool failed;

    emit_cache_init(&c);
    view_init(&v);
    buf_init(&want, 0);
    emit_snapshot(img, &want);
    CHECK(want.len > 65536 && !want.failed);
    struct chunk *frame = emit_frame(&c, img, &v, false, &failed);
    struct wire_in in = payload_of(frame, false);
    CHECK_EQ(wire_left(&in), want.len);
    CHECK_MEM(in.at, want.data, want.len);
    chunk_unref(&frame);
    buf_fini(&want);
    view_fini(&v);
    emit_cache_fini(&c);
    image_free(&img);
}
