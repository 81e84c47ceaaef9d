/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svc/desk.h"

static enum store_result put(struct desk *d, const char *key, const char *text,
                             int64_t version, int64_t *out)
{
    const struct store_answer *a = ask(d, (struct store_ask){.op = STORE_PUT,
                                                             .key = key,
                                                             .data = (const uint8_t *)text,
                                                             .n_data = strlen(text),
                                                             .version = version});
    enum store_result r = a->result;

    if (out)
        *out = a->version;
    store_answer_free(&a);
    return r;
}

/* What is there, "" where nothing is; *version of it. */
static const char *get(struct desk *d, const char *key, int64_t *version)
{
    static char text[256];
    const struct store_answer *a = ask(d, (struct store_ask){.op = STORE_GET, .key = key});

    snprintf(text, sizeof text, "%.*s", (int)a->n_data,
             a->n_data ? (const char *)a->data : "");
    CHECK_EQ(a->result == STORE_OK, a->n_data > 0);
    if (version)
        *version = a->version;
    store_answer_free(&a);
    return text;
}

static void save_room(struct desk *d, const char *id, const char *data)
{
    CHECK(store_post(d->port, &(struct store_ask){.op = STORE_ROOM,
                                                  .game = "g",
                                                  .name = id,
                                                  .hash = 0xfedcba9876543210u,
                                                  .data = (const uint8_t *)data,
                                                  .n_data = strlen(data)}));
}

static void add_room(void *ctx, const struct store_room *r)
{
    char *text = ctx;

    sprintf(text + strlen(text), "%s[%.*s]=%.*s ", r->id, (int)r->n_shape, r->shape,
            (int)r->n_data, (const char *)r->data);
    CHECK(r->saved_s > 0);
}

static const char *rooms(struct desk *d, const char *game)
{
    static char text[1024];

    *text = 0;
    CHECK(store_load_rooms(d->store, game, add_room, text) >= 0);
    return text;
}

TEST(store_items, "what is put is there, in its version, per game and collection")
{
    struct desk d;
    int64_t v1, v2, v3;

    open_desk(&d, &in_memory);
    CHECK_STR(get(&d, "a", &v1), "");
    CHECK_EQ(v1, 0);
    CHECK_EQ(put(&d, "a", "one", 0, &v1), STORE_OK);
    CHECK_EQ(put(&d, "a", "none", 0, NULL), STORE_CONFLICT);
    CHECK_EQ(put(&d, "a", "two", v1, &v2), STORE_OK);
    CHECK(v2 > v1);
    CHECK_EQ(put(&d, "a", "late", v1, NULL), STORE_CONFLICT);
    CHECK_STR(get(&d, "a", &v3), "two");
    CHECK_EQ(v3, v2);
    CHECK_EQ(put(&d, "a", "three", STORE_ANY_VERSION, NULL), STORE_OK);
    struct store_ask other = {.op = STORE_GET, .game = "h", .key = "a"};
    const struct store_answer *a = ask(&d, other);
    CHECK_EQ(a->result, STORE_NONE);
    store_answer_free(&a);
    other = (struct store_ask){.op = STORE_GET, .name = "others", .key = "a"};
    a = ask(&d, other);
    CHECK_EQ(a->result, STORE_NONE);
    store_answer_free(&a);
    close_desk(&d);
}

TEST(store_delete, "a version that was read before a deletion is no version after it")
{
    struct desk d;
    int64_t before;
    struct store_ask gone = {.op = STORE_DELETE, .key = "a", .version = STORE_ANY_VERSION};

    open_desk(&d, &in_memory);
    put(&d, "a", "one", 0, &before);
    const struct store_answer *a =
        ask(&d, (struct store_ask){.op = STORE_DELETE, .key = "a", .version = before + 1});
    CHECK_EQ(a->result, STORE_CONFLICT);
    store_answer_free(&a);
    a = ask(&d, gone);
    CHECK_EQ(a->result, STORE_OK);
    store_answer_free(&a);
    a = ask(&d, gone);
    CHECK_EQ(a->result, STORE_NONE);
    store_answer_free(&a);
    CHECK_EQ(put(&d, "a", "again", 0, NULL), STORE_OK);
    CHECK_EQ(put(&d, "a", "old", before, NULL), STORE_CONFLICT);
    close_desk(&d);
}

TEST(store_list, "lists go by prefix, from behind a key, up to a limit")
{
    static const char *const keys[] = {"b:2", "a", "b:1", "b:3", "b", "c", "b\xc3\xa4"};
    struct desk d;

    open_desk(&d, &in_memory);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put(&d, keys[i], "x", STORE_ANY_VERSION, NULL);
    CHECK_STR(items(ask(&d, (struct store_ask){.op = STORE_LIST, .limit = 9})),
              "a=x b=x b:1=x b:2=x b:3=x b\xc3\xa4=x c=x");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_LIST, .prefix = "b:", .limit = 3})),
        "b:1=x b:2=x b:3=x");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_LIST, .prefix = "b:", .limit = 2})),
        "b:1=x b:2=x …");
    CHECK_STR(items(ask(&d,
                        (struct store_ask){
                            .op = STORE_LIST, .prefix = "b", .after = "b:2", .limit = 9})),
              "b:3=x b\xc3\xa4=x");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_LIST, .prefix = "z", .limit = 9})),
        "");
    close_desk(&d);
}

TEST(store_rooms, "rooms come back from the file with their shape, until they are gone")
{
    struct desk d;

    make_folder();
    struct store_options o = {.folder = folder};
    open_desk(&d, &o);
    CHECK(store_figures(d.store).is_kept);
    CHECK_STR(rooms(&d, "g"), "");
    CHECK(store_post(d.port, &(struct store_ask){.op = STORE_SHAPE,
                                                 .game = "g",
                                                 .hash = 0xfedcba9876543210u,
                                                 .data = (const uint8_t *)"{}",
                                                 .n_data = 2}));
    save_room(&d, "den", "first");
    save_room(&d, "attic", "up");
    save_room(&d, "den", "second");
    save_room(&d, "bad", "what");
    CHECK(store_post(d.port, &(struct store_ask){.op = STORE_ROOM_ASIDE,
                                                 .game = "g",
                                                 .name = "bad",
                                                 .data = (const uint8_t *)"why",
                                                 .n_data = 3}));
    close_desk(&d); /* which writes it all */
    struct stat st;
    CHECK_EQ(stat(path_of("parlor.db"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    open_desk(&d, &o);
    CHECK_STR(rooms(&d, "g"), "attic[{}]=up den[{}]=second ");
    CHECK_STR(rooms(&d, "h"), "");
    CHECK(store_post(
        d.port, &(struct store_ask){.op = STORE_ROOM_GONE, .game = "g", .name = "attic"}));
    CHECK(store_drain(d.store, 10000));
    CHECK_STR(rooms(&d, "g"), "den[{}]=second ");
    close_desk(&d);
    CHECK_STR(said, "");
    remove_folder("");
}

/* Write `text` over the file from `at` on. */
static void spoil(long at, const char *text, size_t len)
{
    FILE *f = fopen(path_of("parlor.db"), "r+b");

    if (!f)
        f = fopen(path_of("parlor.db"), "wb");
    CHECK(f);
    fseek(f, at, SEEK_SET);
    fwrite(text, 1, len, f);
    fclose(f);
}

TEST(store_damaged, "a damaged file is kept under another name, and a fresh one works")
{
    static char noise[16384];
    struct store_options o = {.folder = folder};
    struct desk d;

    memset(noise, 0x5a, sizeof noise);
    for (int at = 0; at <= 4096; at += 4096) { /* its head, or just its inner pages */
        make_folder();
        open_desk(&d, &o);
        for (int i = 0; i < 200; i++) {
            char key[8];
            sprintf(key, "%d", i);
            put(&d, key, "some text that takes place", 0, NULL);
        }
        close_desk(&d);
        spoil(at, noise, sizeof noise);
        open_desk(&d, &o);
        CHECK(strstr(said, "parlor.db cannot be used: "));
        CHECK(strstr(said, "It is kept as "));
        CHECK(store_figures(d.store).is_kept);
        CHECK_STR(get(&d, "1", NULL), "");
        CHECK_EQ(put(&d, "1", "new", 0, NULL), STORE_OK);
        close_desk(&d);
        *said = 0;
        open_desk(&d, &o);
        CHECK_STR(get(&d, "1", NULL), "new");
        close_desk(&d);
        CHECK_STR(said, "");
        CHECK_EQ(remove_folder("parlor.db.damaged-"), 1);
    }
}

TEST(store_foreign, "another program's file, and a newer Parlor's, are not touched")
{
    static const char *const made[] = {
        "CREATE TABLE mine (x); INSERT INTO mine VALUES (7)",
        "PRAGMA application_id = 1348563564; PRAGMA user_version = 99; "
        "CREATE TABLE mine (x); INSERT INTO mine VALUES (7)",
    };
    static const char *const why[] = {"it is another program's",
                                      "a newer Parlor has written it"};
    struct store_options o = {.folder = folder};
    struct desk d;
    sqlite3 *h;

    for (int i = 0; i < 2; i++) {
        make_folder();
        CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
        CHECK_EQ(sqlite3_exec(h, made[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(h);
        open_desk(&d, &o);
        CHECK(strstr(said, why[i]));
        CHECK_EQ(put(&d, "1", "new", 0, NULL), STORE_OK);
        close_desk(&d);
        DIR *dir = opendir(folder);
        bool is_there = false;
        for (struct dirent *at; (at = readdir(dir));) {
            size_t n = strlen(at->d_name);
            if (strncmp(at->d_name, "parlor.db.damaged-", 18) != 0 ||
                at->d_name[n - 1] == 'l' || at->d_name[n - 1] == 'm')
                continue;
            CHECK_EQ(sqlite3_open(path_of(at->d_name), &h), SQLITE_OK);
            is_there = sqlite3_exec(h, "SELECT x FROM mine", NULL, NULL, NULL) == SQLITE_OK;
            sqlite3_close(h);
        }
        closedir(dir);
        CHECK(is_there);
        remove_folder("");
    }
}

TEST(store_unusable, "a folder that cannot be written: in memory, and loudly")
{
    struct store_options o = {.folder = "/proc/parlor"};
    struct desk d;

    make_folder();
    open_desk(&d, &o);
    CHECK(strstr(said, "/proc/parlor/parlor.db cannot be used: "));
    CHECK(strstr(said, "Nothing is kept"));
    CHECK(!store_figures(d.store).is_kept);
    CHECK_EQ(put(&d, "1", "x", 0, NULL), STORE_OK);
    CHECK_STR(get(&d, "1", NULL), "x");
    close_desk(&d);
    remove_folder("");
}

TEST(store_locked, "while another program holds the file writes fail, and later they work")
{
    struct store_options o = {.folder = folder};
    struct desk d;
    sqlite3 *h;

    make_folder();
    open_desk(&d, &o);
    CHECK_EQ(put(&d, "1", "one", 0, NULL), STORE_OK);
    CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    uint64_t before = store_n_failed_saves(d.store);
    save_room(&d, "den", "data");
    const struct store_answer *a =
        ask(&d, (struct store_ask){.op = STORE_PUT,
                                   .key = "1",
                                   .data = (const uint8_t *)"two",
                                   .n_data = 3,
                                   .version = STORE_ANY_VERSION});
    CHECK_EQ(a->result, STORE_FAILED);
    CHECK(strstr(a->why, "locked"));
    store_answer_free(&a);
    CHECK(store_n_failed_saves(d.store) > before);
    CHECK(strstr(said, "nothing can be written now: database is locked"));
    sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(h);
    CHECK_EQ(put(&d, "1", "two", STORE_ANY_VERSION, NULL), STORE_OK);
    close_desk(&d);
    remove_folder("");
}

TEST(store_full_disk,
     "where the disk is full writers are told, and nothing that was is lost")
{
    static char large[100000];
    struct store_options o = {.folder = folder};
    struct rlimit before, limit;
    struct desk d;

    make_folder();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    memset(large, 'x', sizeof large - 1);
    open_desk(&d, &o);
    CHECK_EQ(put(&d, "1", "one", 0, NULL), STORE_OK);
    limit = (struct rlimit){200000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    enum store_result r = STORE_OK;
    for (int i = 0; i < 5 && r == STORE_OK; i++) {
        char key[8];
        sprintf(key, "k%d", i);
        r = put(&d, key, large, 0, NULL);
    }
    CHECK_EQ(r, STORE_FAILED);
    CHECK(strstr(said, "nothing can be written now: "));
    CHECK_STR(get(&d, "1", NULL), "one");
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_EQ(put(&d, "1", "two", STORE_ANY_VERSION, NULL), STORE_OK);
    close_desk(&d);
    open_desk(&d, &o);
    CHECK_STR(get(&d, "1", NULL), "two");
    close_desk(&d);
    remove_folder("");
}

TEST(store_queue, "a full queue refuses, and takes more once it has been worked off")
{
    static char large[10000];
    struct store_options o = {.folder = folder, .queue_bytes = 25000};
    struct desk d;
    sqlite3 *h;
    int n = 0;

    make_folder();
    memset(large, 'x', sizeof large - 1);
    open_desk(&d, &o);
    CHECK_EQ(sqlite3_open(path_of("parlor.db"), &h), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct store_ask q = {.op = STORE_ROOM,
                          .game = "g",
                          .name = "den",
                          .data = (const uint8_t *)large,
                          .n_data = sizeof large};
    while (n < 100 && store_post(d.port, &q))
        n++;
    CHECK_EQ(n, 2);
    CHECK_EQ(store_figures(d.store).n_refused, 1);
    sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(h);
    CHECK(store_drain(d.store, 30000));
    CHECK_EQ(store_figures(d.store).queue_bytes, 0);
    CHECK(store_post(d.port, &q));
    CHECK(store_stop(d.store, 10000));
    CHECK(!store_post(d.port, &q));
    close_desk(&d);
    remove_folder("");
}

/* Several threads at one store, each with a port of its own. */
static void *hammer(void *arg)
{
    struct desk mine = {.store = ((struct desk *)arg)->store}, *d = &mine;

    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->rang, NULL);
    d->is_ringing = false;
    d->port = store_port_open(d->store, ring, d);
    for (int i = 0; i < 100; i++) {
        /* The shared counter, by compare and swap. */
        for (;;) {
            struct store_ask q = {
                .op = STORE_GET, .game = "g", .name = "n", .key = "sum", .ticket = 1};
            char text[16] = "0";
            CHECK(store_post(d->port, &q));
            const struct store_answer *a = next(d);
            snprintf(text, sizeof text, "%.*s", (int)a->n_data,
                     a->n_data ? (const char *)a->data : "");
            q.version = a->version;
            store_answer_free(&a);
            sprintf(text, "%d", atoi(text) + 1);
            q.op = STORE_PUT;
            q.data = (const uint8_t *)text;
            q.n_data = strlen(text);
            CHECK(store_post(d->port, &q));
            a = next(d);
            enum store_result r = a->result;
            store_answer_free(&a);
            if (r == STORE_OK)
                break;
            CHECK_EQ(r, STORE_CONFLICT);
        }
    }
    /* Left with answers on their way. */
    for (int i = 0; i < 20; i++)
        store_post(
            d->port,
            &(struct store_ask){
                .op = STORE_GET, .game = "g", .name = "n", .key = "sum", .ticket = 9});
    store_port_close(&d->port);
    return NULL;
}

TEST(store_threads, "ports of several threads: no update is lost, ports close at any time")
{
    struct store_options o = {.folder = folder};
    pthread_t threads[3];
    struct desk d;

    make_folder();
    open_desk(&d, &o);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, hammer, &d), 0);
    for (int i = 0; i < 200; i++)
        save_room(&d, "den", "data");
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    struct store_ask q = {.op = STORE_GET, .name = "n", .key = "sum"};
    const struct store_answer *a = ask(&d, q);
    CHECK_EQ(a->n_data, 3);
    CHECK_MEM(a->data, "300", 3);
    store_answer_free(&a);
    close_desk(&d);
    remove_folder("");
}

TEST(store_inline, "an inline store answers before the post returns")
{
    struct store_options o = {.is_inline = true};
    struct desk d;

    open_desk(&d, &o);
    CHECK_EQ(store_load_rooms(d.store, "g", add_room, NULL), 0);
    CHECK(store_post(d.port, &(struct store_ask){.op = STORE_PUT,
                                                 .game = "g",
                                                 .name = "n",
                                                 .key = "k",
                                                 .data = (const uint8_t *)"v",
                                                 .n_data = 1,
                                                 .ticket = 3}));
    const struct store_answer *a = store_take(d.port);
    CHECK(a);
    CHECK_EQ(a->result, STORE_OK);
    store_answer_free(&a);
    CHECK(!store_take(d.port));
    save_room(&d, "den", "data");
    CHECK_STR(rooms(&d, "g"), "den[]=data ");
    close_desk(&d);
}
