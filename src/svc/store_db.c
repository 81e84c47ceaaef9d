/* SPDX-License-Identifier: MIT */
#include "svc/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/logger.h"

enum {
    APPLICATION_ID = 0x5061726c, /* "Parl" */
    BUSY_MS = 1000,              /* that another program may hold the file */
    CHECK_BYTES = 64 << 20,      /* larger files are not read through at the start */
    WAL_PAGES = 1000,            /* between two checkpoints */
    MAX_ASIDE = 99,              /* names tried for a damaged file */
};

static const char *const file_name = "parlor.db";

/* A later version appends steps; each begins where the one before has ended. */
static const char *const migrations[STORE_DB_VERSION] = {
    "CREATE TABLE shapes (game TEXT NOT NULL, hash INTEGER NOT NULL, text BLOB NOT NULL,"
    " PRIMARY KEY (game, hash));"
    "CREATE TABLE rooms (game TEXT NOT NULL, id TEXT NOT NULL, shape INTEGER NOT NULL,"
    " saved REAL NOT NULL, data BLOB NOT NULL, PRIMARY KEY (game, id));"
    "CREATE TABLE rooms_aside (game TEXT NOT NULL, id TEXT NOT NULL, shape INTEGER NOT "
    "NULL,"
    " saved REAL NOT NULL, data BLOB NOT NULL, why TEXT NOT NULL, at REAL NOT NULL);"
    "CREATE TABLE items (game TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL,"
    " version INTEGER NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (game, collection, key));"
    "CREATE TABLE scores (game TEXT NOT NULL, board TEXT NOT NULL, key TEXT NOT NULL,"
    " score REAL NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY (game, board, key));"
    "CREATE INDEX scores_by_score ON scores (game, board, score, at);",
    "CREATE TABLE bans (game TEXT NOT NULL, whom BLOB NOT NULL, until REAL NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY (game, whom));"
    "CREATE INDEX bans_by_until ON bans (game, until);",
};

enum verdict {
    IS_GOOD,
    IS_BAD,      /* damaged, foreign or too new: to be set aside */
    IS_UNUSABLE, /* cannot be read or written here */
};

static int query_int(sqlite3 *h, const char *sql, int64_t *out)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(h, sql, -1, &st, NULL);

    if (r == SQLITE_OK && (r = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        r = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* "ok" of a quick_check; damage is told in rows, not in codes. */
static int check(sqlite3 *h, bool *is_ok)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(h, "PRAGMA quick_check(1)", -1, &st, NULL);

    *is_ok = true;
    if (r == SQLITE_OK && (r = sqlite3_step(st)) == SQLITE_ROW) {
        *is_ok = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
        r = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return r;
}

static enum verdict judge(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: return IS_BAD; /* a table is not as we made it */
    default: return IS_UNUSABLE;
    }
}

/* The tables of this version; *why where the file is none of ours. */
static int bring_up_to_date(sqlite3 *h, bool *is_foreign, const char **why)
{
    int64_t id = 0, version = 0, n_tables = 0;
    char sql[96];
    int r;

    if ((r = query_int(h, "PRAGMA application_id", &id)) != SQLITE_OK ||
        (r = query_int(h, "PRAGMA user_version", &version)) != SQLITE_OK ||
        (r = query_int(h, "SELECT count(*) FROM sqlite_master", &n_tables)) != SQLITE_OK)
        return r;
    if (n_tables > 0 && id != APPLICATION_ID)
        *why = "it is another program's";
    else if (version > STORE_DB_VERSION)
        *why = "a newer Parlor has written it";
    if ((*is_foreign = *why != NULL))
        return SQLITE_OK;
    for (int64_t v = version; v < STORE_DB_VERSION; v++) {
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d;",
                 (int)v + 1, APPLICATION_ID);
        if ((r = sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL)) != SQLITE_OK)
            return r;
        if ((r = sqlite3_exec(h, migrations[v], NULL, NULL, NULL)) != SQLITE_OK ||
            (r = sqlite3_exec(h, sql, NULL, NULL, NULL)) != SQLITE_OK ||
            (r = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK) {
            sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
            return r;
        }
    }
    return SQLITE_OK;
}

/* What is in it is nobody else's business: tokens of seats. What SQLite puts beside the
 * file has the file's rights. */
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

/* Open one file and see whether it can be worked with. *why borrows from the handle or is
 * constant; the handle is left open where it is good. */
static enum verdict try_open(struct store_db *db, const char *path, char why[200])
{
    bool is_foreign = false, is_ok = true;
    const char *text = NULL;
    struct stat st;
    int r = sqlite3_open_v2(
        path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
        NULL);

    if (r != SQLITE_OK)
        goto fail;
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    /* Reads the first page, so it is the first to see what is no database. */
    if ((r = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL)) !=
            SQLITE_OK ||
        (r = sqlite3_exec(db->handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL)) !=
            SQLITE_OK)
        goto fail;
    sqlite3_wal_autocheckpoint(db->handle, WAL_PAGES);
    if (stat(path, &st) == 0 && st.st_size > 0 && st.st_size <= CHECK_BYTES &&
        ((r = check(db->handle, &is_ok)) != SQLITE_OK || !is_ok)) {
        text = is_ok ? NULL : "its pages contradict each other";
        goto fail;
    }
    if ((r = bring_up_to_date(db->handle, &is_foreign, &text)) == SQLITE_OK &&
        !is_foreign &&
        (r = query_int(db->handle, "SELECT max(version) FROM items", &db->last_version)) ==
            SQLITE_OK &&
        /* Shows now, not at the first save, that nothing can be written. */
        (r = sqlite3_exec(db->handle,
                          "BEGIN IMMEDIATE; DELETE FROM shapes WHERE NOT EXISTS (SELECT 1 "
                          "FROM rooms WHERE rooms.game = shapes.game AND shape = hash) AND "
                          "NOT EXISTS (SELECT 1 FROM rooms_aside a WHERE a.game = "
                          "shapes.game AND a.shape = hash); COMMIT",
                          NULL, NULL, NULL)) == SQLITE_OK)
        return IS_GOOD;
fail:
    snprintf(why, 200, "%s",
             text         ? text
             : db->handle ? sqlite3_errmsg(db->handle)
                          : sqlite3_errstr(r));
    sqlite3_close(db->handle);
    db->handle = NULL;
    return text ? IS_BAD : judge(r);
}

static int open_memory(struct store_db *db, struct err *e)
{
    char why[200] = "";

    db->is_kept = false;
    db->last_version = 0;
    if (try_open(db, ":memory:", why) == IS_GOOD)
        return 0;
    return err_set(e, -ENOMEM, "no store, not even in memory: %s", why);
}

/* The file and what SQLite has beside it, under a name that says what happened to it. */
static bool set_aside(const char *path, char kept[1200])
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char stamp[32], from[1200], to[1300];
    time_t now = time(NULL);
    struct tm tm;
    struct stat st;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    snprintf(kept, 1200, "%s.damaged-%s", path, stamp);
    for (int i = 2; i < MAX_ASIDE && stat(kept, &st) == 0; i++)
        snprintf(kept, 1200, "%s.damaged-%s-%d", path, stamp, i);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(from, sizeof from, "%s%s", path, tails[i]);
        snprintf(to, sizeof to, "%s%s", kept, tails[i]);
        if (rename(from, to) != 0 && !(i > 0 && errno == ENOENT))
            return false;
    }
    return true;
}

static int open_file(struct store_db *db, bool is_damaged, struct err *e)
{
    char path[1100], kept[1200], why[200] = "it was found to be damaged";
    enum verdict v;

    snprintf(path, sizeof path, "%s/%s", db->folder, file_name);
    db->is_kept = true;
    db->last_version = 0;
    make_private(path);
    v = is_damaged ? IS_BAD : try_open(db, path, why);
    if (v == IS_BAD) {
        if (set_aside(path, kept)) {
            make_private(path);
            logger_error("store",
                         "%s cannot be used: %s. It is kept as %s; a fresh file takes its "
                         "place, without what was in the old one",
                         path, why, kept);
            v = try_open(db, path, why);
        } else {
            snprintf(why, sizeof why, "it is damaged and cannot be renamed: %s",
                     strerror(errno));
            v = IS_UNUSABLE;
        }
    }
    if (v == IS_GOOD)
        return 0;
    logger_error("store",
                 "%s cannot be used: %s. Nothing is kept beyond the end of this process: "
                 "give the server a folder that it can write (data), and restart it",
                 path, why);
    return open_memory(db, e);
}

int store_db_open(struct store_db *db, const char *folder, struct err *e)
{
    *db = (struct store_db){.handle = NULL};
    if (!folder)
        return open_memory(db, e);
    if (snprintf(db->folder, sizeof db->folder, "%s", folder) >= (int)sizeof db->folder)
        return err_set(e, -ENAMETOOLONG, "data: the path is too long");
    mkdir(folder, 0700); /* where it fails the file tells why */
    return open_file(db, false, e);
}

void store_db_close(struct store_db *db)
{
    for (int i = 0; i < STORE_DB_N_STATEMENTS; i++) {
        sqlite3_finalize(db->statements[i]);
        db->statements[i] = NULL;
    }
    sqlite3_close(db->handle);
    db->handle = NULL;
}

int store_db_replace(struct store_db *db, struct err *e)
{
    store_db_close(db);
    return *db->folder ? open_file(db, true, e) : open_memory(db, e);
}

int store_db_begin(struct store_db *db)
{
    return sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
}

int store_db_commit(struct store_db *db)
{
    return sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL);
}

void store_db_roll_back(struct store_db *db)
{
    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}
