/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clk.h"
#include "room/room_internal.h"
#include "room/room_save.h"

static void wake(void *ctx)
{
    world_wake_for_answers(ctx);
}

static void count(void *ctx, const struct store_ban *b)
{
    ++*(unsigned *)ctx;
    CHECK_STR(b->reason, "rude");
}

static void change_file(const char *path, const char *sql)
{
    sqlite3 *h;

    CHECK_EQ(sqlite3_open(path, &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
}

/* All that waits is written, and what the store tells is heard. */
static uint64_t settle(struct far_world *w, struct store *s)
{
    world_run(&w->world, clk_now_us());
    CHECK(store_drain(s, 30000));
    return store_n_failed_saves(s);
}

TEST(room_ban_again,
     "bans that could not be written are tried again at leisure, until they are")
{
    char data[] = "/tmp/parlor-unit-XXXXXX", path[64];
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 0 }");
    struct store *s;
    struct err e;
    unsigned n = 0;
    struct script_ban ban = {.by = SCRIPT_BAN_ADDRESS,
                             .address = "192.0.2.7",
                             .seconds = 3600,
                             .reason = "rude"};

    CHECK(mkdtemp(data));
    snprintf(path, sizeof path, "%s/parlor.db", data);
    CHECK_EQ(store_open(&s, &(struct store_options){.folder = data}, &e), 0);
    CHECK(w.world.store = store_port_open(s, wake, &w.world));
    CHECK_EQ(store_load_bans(s, "g", count, &n), 0);
    change_file(path, "ALTER TABLE bans RENAME TO hidden");
    CHECK(!room_on_ban(g, &ban));
    CHECK_EQ(settle(&w, s), 1);
    for (unsigned tries = 1; tries < 4; tries++) {
        for (int i = 0; i < 5; i++) /* told of it, it does not come back at once */
            CHECK_EQ(settle(&w, s), tries);
        CHECK_EQ(world_next_us(&w.world), clk_now_us() + ROOM_SAVE_MS * 1000);
        clk_fake_advance(ROOM_SAVE_MS * 1000);
        CHECK_EQ(settle(&w, s), tries + 1);
    }
    change_file(path, "ALTER TABLE hidden RENAME TO bans");
    settle(&w, s);
    clk_fake_advance(ROOM_SAVE_MS * 1000);
    CHECK_EQ(settle(&w, s), 4);
    CHECK_EQ(world_next_us(&w.world), UINT64_MAX);
    CHECK_EQ(store_load_bans(s, "g", count, &n), 1);
    CHECK_EQ(n, 1);
    store_port_close(&w.world.store);
    store_free(&s);
    unlink(path);
    rmdir(data);
    far_close(&w);
}

TEST(room_ban_lifted,
     "a ban whose end could not be written does not come back with the next process")
{
    char data[] = "/tmp/parlor-unit-XXXXXX", path[64];
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 0 }");
    struct store *s;
    struct err e;
    unsigned n = 0;
    struct script_ban ban = {.by = SCRIPT_BAN_ADDRESS,
                             .address = "192.0.2.7",
                             .seconds = 3600,
                             .reason = "rude"};

    CHECK(mkdtemp(data));
    snprintf(path, sizeof path, "%s/parlor.db", data);
    CHECK_EQ(store_open(&s, &(struct store_options){.folder = data}, &e), 0);
    CHECK(w.world.store = store_port_open(s, wake, &w.world));
    CHECK(!room_on_ban(g, &ban));
    CHECK_EQ(settle(&w, s), 0);
    CHECK_EQ(store_load_bans(s, "g", count, &n), 1);
    change_file(path, "ALTER TABLE bans RENAME TO hidden");
    CHECK(room_on_unban(g, &ban));
    CHECK_EQ(settle(&w, s), 1);
    settle(&w, s);
    clk_fake_advance(ROOM_SAVE_MS * 1000);
    CHECK_EQ(settle(&w, s), 2);
    change_file(path, "ALTER TABLE hidden RENAME TO bans");
    settle(&w, s);
    clk_fake_advance(ROOM_SAVE_MS * 1000);
    CHECK_EQ(settle(&w, s), 2);
    CHECK_EQ(world_next_us(&w.world), UINT64_MAX);
    CHECK_EQ(store_load_bans(s, "g", count, &n), 0);
    CHECK_EQ(n, 1);
    CHECK(!room_on_unban(g, &ban));
    store_port_close(&w.world.store);
    store_free(&s);
    unlink(path);
    rmdir(data);
    far_close(&w);
}

static void ignore(void *ctx)
{
    (void)ctx;
}

TEST(room_ban_no_place, "a ban for which the store has no place is told it again")
{
    char data[] = "/tmp/parlor-unit-XXXXXX", path[64];
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 0 }");
    struct store *s;
    struct err e;
    static const uint8_t big[5000];
    unsigned n = 0;
    sqlite3 *h;
    struct script_ban ban = {.by = SCRIPT_BAN_ADDRESS,
                             .address = "192.0.2.7",
                             .seconds = 3600,
                             .reason = "rude"};

    CHECK(mkdtemp(data));
    snprintf(path, sizeof path, "%s/parlor.db", data);
    struct store_options options = {.folder = data, .queue_bytes = 4096};
    CHECK_EQ(store_open(&s, &options, &e), 0);
    CHECK(w.world.store = store_port_open(s, wake, &w.world));
    CHECK_EQ(store_load_bans(s, "g", count, &n), 0);
    CHECK_EQ(sqlite3_open(path, &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct store_port *other = store_port_open(s, ignore, NULL);
    CHECK(other && store_post(other, &(struct store_ask){.op = STORE_PUT,
                                                         .game = "g",
                                                         .key = "k",
                                                         .data = big,
                                                         .n_data = sizeof big,
                                                         .version = STORE_ANY_VERSION}));
    CHECK(!room_on_ban(g, &ban)); /* the queue is full until we let go of the file */
    ban.address = "192.0.2.8";
    CHECK(!room_on_ban(g, &ban));
    CHECK_EQ(world_next_us(&w.world), clk_now_us() + ROOM_SAVE_MS * 1000);
    CHECK_EQ(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    CHECK(store_drain(s, 30000));
    clk_fake_advance(ROOM_SAVE_MS * 1000);
    settle(&w, s);
    CHECK_EQ(store_load_bans(s, "g", count, &n), 2);
    CHECK_EQ(world_next_us(&w.world), UINT64_MAX);
    store_port_close(&other);
    store_port_close(&w.world.store);
    store_free(&s);
    unlink(path);
    rmdir(data);
    far_close(&w);
}
