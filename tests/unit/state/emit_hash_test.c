/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <stdlib.h>

#include "state/emit_hash.h"

/* Facets: the root, goods (by keys), ships, the owner's part of ships. */
static const char text[] =
    "{\"state\":{\"fields\":[[\"n\",{\"t\":\"u8\"}]],\"maps\":["
    "[\"goods\",{\"keys\":\"string\",\"interest\":\"keys\",\"fields\":["
    "[\"bid\",{\"t\":\"int\"}]]}],"
    "[\"ships\",{\"keys\":\"player\",\"fields\":["
    "[\"cards\",{\"t\":\"u8\",\"to\":\"owner\"}],[\"luck\",{\"t\":\"u8\",\"to\":\"server\"}"
    "],"
    "[\"name\",{\"t\":\"str\",\"max\":8}],"
    "[\"tags\",{\"t\":\"list\",\"max\":4,\"item\":{\"t\":\"u8\"}}],[\"x\",{\"t\":\"i16\"}]]"
    "}]]}}";

enum { GOODS = 1, SHIPS = 2 };

static struct image *img;
static struct emit_cache cache;
static struct view view;
static uint32_t tick;

static void open_room(uint32_t player)
{
    struct schema *schema = schema_of(text);

    tick = 1;
    CHECK_EQ(image_new(&img, schema, tick), 0);
    schema_unref(&schema);
    emit_cache_init(&cache);
    view_init(&view);
    view.player = player;
    image_begin(img, ++tick);
}

static void close_room(void)
{
    view_fini(&view);
    emit_cache_fini(&cache);
    image_commit(img);
    image_free(&img);
}

/* The tick ends, the player gets its frame, and the next one begins; yours. */
static char *hashes(void)
{
    struct buf out;
    bool failed;

    image_commit(img);
    struct chunk *frame = emit_frame(&cache, img, &view, false, &failed);
    CHECK(!failed);
    chunk_unref(&frame);
    buf_init(&out, 0);
    emit_hash(img, &view, &out);
    CHECK(!out.failed);
    buf_byte(&out, 0);
    char *got = strdup((const char *)out.data);
    buf_fini(&out);
    image_begin(img, ++tick);
    return got;
}

static void set(uint32_t table, uint32_t slot, const char *path, int64_t q)
{
    int i = record_find(img->tables[table].record, path);

    assert_true(i >= 0);
    image_set(img, table, slot, (uint32_t)i, (union cell){.q = q});
}

static uint32_t hash_of_hex(const char *hex)
{
    uint8_t bytes[64];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);

    return schema_hash((const char *)bytes, n);
}

static void check_hashes(const char *root, const char *goods, uint32_t n_ships,
                         const char *ships, uint32_t n_own, const char *own)
{
    char want[128];
    char *got = hashes();

    snprintf(want, sizeof want, "[[1,%u],[%d,%u],[%u,%u],[%u,%u]]", hash_of_hex(root),
             *goods ? 1 : 0, hash_of_hex(goods), n_ships, hash_of_hex(ships), n_own,
             hash_of_hex(own));
    assert_string_equal(got, want);
    free(got);
}

TEST(emit_hash_bytes, "a hash is over ids, keys and absolute values of what a view holds")
{
    open_room(7);
    uint32_t first = image_add(img, SHIPS, 9, NULL, 0);
    uint32_t own = image_add(img, SHIPS, 7, NULL, 0);
    set(SHIPS, first, "x", -2);
    set(SHIPS, own, "cards", 5);
    set(SHIPS, first, "cards", 6);
    set(SHIPS, first, "luck", 8);
    set(0, 0, "n", 3);
    uint32_t gold = image_add(img, GOODS, 0, "gold", 4);
    set(GOODS, gold, "bid", -1);
    image_add(img, GOODS, 0, "tin", 3);
    check_hashes("0003", "", 2, "00090000feff010700000000", 1, "0105");
    /* What it watches comes into the hash with the frame that brings it. */
    CHECK(interest_watch(&view.interest, img->schema, GOODS, 0, "gold", 4, 10));
    check_hashes("0003", "0004676f6c6401", 2, "00090000feff010700000000", 1, "0105");
    image_remove(img, SHIPS, own);
    check_hashes("0003", "0004676f6c6401", 1, "00090000feff", 0, "");
    close_room();
}

TEST(emit_hash_fields, "every field that is seen is in the hash, and no other")
{
    static const char *const paths[] = {"x", "cards", "luck"};

    open_room(7);
    uint32_t own = image_add(img, SHIPS, 7, NULL, 0);
    char *before = hashes();
    for (int i = 0; i < 3; i++) {
        set(SHIPS, own, paths[i], 1);
        char *changed = hashes();
        set(SHIPS, own, paths[i], 0);
        char *back = hashes();
        CHECK_EQ(strcmp(before, changed) == 0, i == 2);
        assert_string_equal(before, back);
        free(changed);
        free(back);
    }
    image_set(img, SHIPS, own, (uint32_t)record_find(img->tables[SHIPS].record, "name"),
              (union cell){.text = chunk_copy("a", 1)});
    char *named = hashes();
    CHECK(strcmp(before, named) != 0);
    image_set(img, SHIPS, own, (uint32_t)record_find(img->tables[SHIPS].record, "tags"),
              (union cell){.text = chunk_copy("\1\5", 2)});
    char *tagged = hashes();
    CHECK(strcmp(named, tagged) != 0);
    /* One who holds a snapshot of it holds the same. */
    view_reset(&view);
    char *anew = hashes();
    assert_string_equal(tagged, anew);
    free(before);
    free(named);
    free(tagged);
    free(anew);
    close_room();
}
