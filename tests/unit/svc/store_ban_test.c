/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <sqlite3.h>

#include "base/clk.h"
#include "svc/desk.h"

static void ban(struct desk *d, const char *whom, double seconds, const char *reason)
{
    CHECK(store_post(d->port, &(struct store_ask){.op = STORE_BAN,
                                                  .game = "g",
                                                  .name = reason,
                                                  .data = (const uint8_t *)whom,
                                                  .n_data = strlen(whom),
                                                  .number = clk_wall_s() + seconds,
                                                  .limit = 3}));
}

static void add_ban(void *ctx, const struct store_ban *b)
{
    char *text = ctx;

    sprintf(text + strlen(text), "%.*s=%s:%.0f ", (int)b->n_whom, (const char *)b->whom,
            b->reason, (b->until_s - clk_wall_s()) / 1000);
}

/* "whom=reason:thousands of seconds left …" */
static const char *bans(const struct desk *d, const char *game)
{
    static char text[1024];

    *text = 0;
    CHECK(store_load_bans(d->store, game, add_ban, text) >= 0);
    return text;
}

TEST(store_bans,
     "bans come back from the file with what is left of their time, or are gone")
{
    struct store_options o = {.folder = folder};
    struct desk d;

    make_folder();
    open_desk(&d, &o);
    CHECK_STR(bans(&d, "g"), "");
    ban(&d, "ann", 5000, "rude");
    ban(&d, "bob", 9000, "");
    ban(&d, "cid", -1, "over by now");
    close_desk(&d);
    open_desk(&d, &o);
    CHECK_STR(bans(&d, "g"), "ann=rude:5 bob=:9 ");
    CHECK_STR(bans(&d, "other"), "");
    ban(&d, "ann", 7000, "again");
    CHECK(store_post(d.port, &(struct store_ask){.op = STORE_UNBAN,
                                                 .game = "g",
                                                 .data = (const uint8_t *)"bob",
                                                 .n_data = 3}));
    close_desk(&d);
    open_desk(&d, &o);
    CHECK_STR(bans(&d, "g"), "ann=again:7 ");
    close_desk(&d);
    remove_folder("");
}

TEST(store_bans_limit,
     "a game keeps so many bans, those that end last; those that are over go")
{
    struct desk d;
    sqlite3 *h;
    sqlite3_stmt *st;
    struct store_options o = {.folder = folder};

    make_folder();
    open_desk(&d, &o);
    ban(&d, "e", -1, "");
    ban(&d, "a", 3000, "");
    ban(&d, "b", 1000, "");
    ban(&d, "c", 4000, "");
    CHECK_STR(bans(&d, "g"), "a=:3 b=:1 c=:4 ");
    ban(&d, "d", 2000, "");
    CHECK_STR(bans(&d, "g"), "a=:3 c=:4 d=:2 ");
    CHECK(store_drain(d.store, 30000));
    CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
    CHECK_EQ(sqlite3_prepare_v2(h, "SELECT count(*) FROM bans", -1, &st, NULL), SQLITE_OK);
    CHECK_EQ(sqlite3_step(st), SQLITE_ROW);
    CHECK_EQ(sqlite3_column_int(st, 0), 3);
    sqlite3_finalize(st);
    sqlite3_close(h);
    close_desk(&d);
    remove_folder("");
}

TEST(store_bans_fail, "whose ban could not be written is woken, to write it once more")
{
    struct store_options o = {.folder = folder};
    struct desk d;
    sqlite3 *h;

    make_folder();
    open_desk(&d, &o);
    CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ban(&d, "ann", 1000, "");
    pthread_mutex_lock(&d.lock);
    while (!d.is_ringing)
        pthread_cond_wait(&d.rang, &d.lock);
    pthread_mutex_unlock(&d.lock);
    CHECK_EQ(store_n_failed_saves(d.store), 1);
    CHECK(!store_take(d.port));
    sqlite3_close(h);
    close_desk(&d);
    remove_folder("");
}

TEST(store_version_1,
     "a file of the first version gets its table of bans, and keeps the rest")
{
    struct store_options o = {.folder = folder};
    struct desk d;
    sqlite3 *h;

    make_folder();
    open_desk(&d, &o);
    store_answer_free(&(const struct store_answer *){ask(
        &d, (struct store_ask){
                .op = STORE_PUT, .key = "k", .data = (const uint8_t *)"v", .n_data = 1})});
    close_desk(&d);
    CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, "DROP TABLE bans; PRAGMA user_version = 1", NULL, NULL, NULL),
             SQLITE_OK);
    sqlite3_close(h);
    open_desk(&d, &o);
    ban(&d, "ann", 1000, "");
    CHECK_STR(bans(&d, "g"), "ann=:1 ");
    CHECK_STR(items(ask(&d, (struct store_ask){.op = STORE_LIST, .limit = 9})), "k=v");
    CHECK_STR(said, "");
    close_desk(&d);
    remove_folder("");
}

static void count_ban(void *ctx, const struct store_ban *b)
{
    CHECK(b->whom && b->n_whom > 0);
    ++*(int *)ctx;
}

static void count_room(void *ctx, const struct store_room *r)
{
    CHECK(r->id);
    ++*(int *)ctx;
}

/* Reads the one kind or the other, as often as it takes to meet the other thread. */
static void *read_bans(void *arg)
{
    for (int i = 0, n = 0; i < 300; i++, n = 0) {
        CHECK_EQ(store_load_bans(arg, "g", count_ban, &n), 3);
        CHECK_EQ(n, 3);
    }
    return NULL;
}

static void *read_rooms(void *arg)
{
    for (int i = 0, n = 0; i < 300; i++, n = 0) {
        CHECK_EQ(store_load_rooms(arg, "g", count_room, &n), 1);
        CHECK_EQ(n, 1);
    }
    return NULL;
}

TEST(store_bans_threads, "threads that read at once get what they have asked for")
{
    pthread_t threads[4];
    struct desk d;

    open_desk(&d, &in_memory);
    for (int i = 0; i < 3; i++)
        ban(&d, (const char *[]){"ann", "bob", "cid"}[i], 1000, "");
    CHECK(store_post(d.port, &(struct store_ask){.op = STORE_ROOM,
                                                 .game = "g",
                                                 .name = "den",
                                                 .data = (const uint8_t *)"data",
                                                 .n_data = 4}));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i % 2 ? read_rooms : read_bans, d.store),
                 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    close_desk(&d);
}
