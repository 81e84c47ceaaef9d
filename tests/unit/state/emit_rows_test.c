/* SPDX-License-Identifier: MIT */
#include "peer.h"
#include "support.h"

#include "state/emit.h"

enum { ROWS = 300 };

static const char all_see_all[] =
    "{\"state\":{\"maps\":[[\"m\",{\"keys\":\"integer\",\"fields\":[[\"name\",{\"t\":"
    "\"str\",\"max\":60}],[\"x\",{\"t\":\"i32\"}],[\"y\",{\"t\":\"i32\"}]]}]]}}";

static const char by_rule[] =
    "{\"state\":{\"maps\":[[\"m\",{\"keys\":\"integer\",\"fields\":[[\"name\",{\"t\":"
    "\"str\",\"max\":60}],[\"x\",{\"t\":\"i32\"}],[\"y\",{\"t\":\"i32\"}]],\"interest\":{"
    "\"near\":[\"x\",\"y\"],\"see\":1e6}}]]}}";

static void set_name(struct image *img, uint32_t slot, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh";
    union cell c;

    CHECK_EQ(type_from_text(&img->tables[1].record->fields[0].type, letters, len, &c),
             TYPE_OK);
    image_set(img, 1, slot, 0, c);
}

/* What changes in a tick; each kind has its own way through emit. */
static void change(struct image *img, uint32_t tick)
{
    for (uint32_t s = 0; s < ROWS; s++) {
        if (tick == 2) {
            image_add(img, 1, s + 1, NULL, 0);
            set_name(img, s, s % 61);
        } else if (tick == 3 || s % 3 == 0) {
            image_set(img, 1, s, 1, (union cell){.q = (int64_t)tick * s});
        } else if (tick == 4 && s % 3 == 1) {
            set_name(img, s, (s + 7) % 61); /* short and long ones */
        } else if (tick == 5) {
            image_set(img, 1, s, 1, (union cell){.q = INT32_MIN + (int64_t)s});
            image_set(img, 1, s, 2, (union cell){.q = INT32_MAX});
            set_name(img, s, 60);
        } else if (tick == 6 && s % 2) {
            image_remove(img, 1, s);
        }
    }
}

static void run(const char *text)
{
    struct schema *s = schema_of(text);
    struct emit_cache cache;
    struct image *img;
    struct peer peer;
    struct view v;

    CHECK_EQ(image_new(&img, s, 0), 0);
    emit_cache_init(&cache);
    peer_init(&peer, s);
    view_init(&v);
    interest_look_at(&v.interest, 0, 0, 5e9);
    for (uint32_t tick = 1; tick <= 7; tick++) {
        bool failed;
        image_begin(img, tick);
        if (tick > 1)
            change(img, tick);
        image_commit(img);
        struct chunk *frame = emit_frame(&cache, img, &v, false, &failed);
        CHECK(frame && !failed);
        size_t head = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
        CHECK(peer_apply(&peer, frame->bytes + head, frame->len - head));
        CHECK(tick == 1 || peer_equals(&peer, img)); /* nothing was in the first */
        chunk_unref(&frame);
    }
    CHECK(peer.n_updates >= 5);
    view_fini(&v);
    peer_fini(&peer);
    emit_cache_fini(&cache);
    image_free(&img);
    schema_unref(&s);
}

TEST(emit_rows_gathered, "runs of many rows, with short and long items, are whole")
{
    run(by_rule);
}

TEST(emit_rows_shared, "the same where everybody sees all rows")
{
    run(all_see_all);
}
