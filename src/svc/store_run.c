/* SPDX-License-Identifier: MIT */
/*
 * store_run - one operation on the file: its statements, and the answer made of what
 * they give.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clk.h"
#include "proto/wire.h"
#include "svc/store_db.h"

enum statement {
    ITEM_GET,
    ITEM_VERSION,
    ITEM_PUT,
    ITEM_DELETE,
    ITEM_LIST,
    SCORE_GET,
    SCORE_PUT,
    SCORE_RANK,
    SCORE_RANK_LEAST,
    SCORE_LIST,
    SCORE_LIST_LEAST,
    SCORE_DELETE,
    SHAPE_PUT,
    ROOM_PUT,
    ROOM_GONE,
    ROOM_ASIDE,
    ROOM_LIST,
    BAN_PUT,
    BAN_CUT,
    BAN_GONE,
    BAN_LIST,
    N_STATEMENTS,
};

static_assert((int)N_STATEMENTS <= (int)STORE_DB_N_STATEMENTS, "a place for each");

/* 1 is the game, 2 the name, 3 the key in all of them. Of equal scores the one that was
 * there first is the better one. */
static const char *const texts[N_STATEMENTS] = {
    [ITEM_GET] =
        "SELECT version, value FROM items WHERE game=?1 AND collection=?2 AND key=?3",
    [ITEM_VERSION] = "SELECT version FROM items WHERE game=?1 AND collection=?2 AND key=?3",
    [ITEM_PUT] = "INSERT OR REPLACE INTO items VALUES (?1, ?2, ?3, ?4, ?5)",
    [ITEM_DELETE] = "DELETE FROM items WHERE game=?1 AND collection=?2 AND key=?3",
    [ITEM_LIST] = "SELECT key, version, value FROM items WHERE game=?1 AND collection=?2 "
                  "AND key > ?3 AND key >= ?4 AND key < ?4 || char(1114111) "
                  "ORDER BY key LIMIT ?5",
    [SCORE_GET] = "SELECT score, at FROM scores WHERE game=?1 AND board=?2 AND key=?3",
    [SCORE_PUT] = "INSERT OR REPLACE INTO scores VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SCORE_RANK] = "SELECT count(*) FROM scores WHERE game=?1 AND board=?2 AND "
                   "(score > ?4 OR (score = ?4 AND at < ?5))",
    [SCORE_RANK_LEAST] = "SELECT count(*) FROM scores WHERE game=?1 AND board=?2 AND "
                         "(score < ?4 OR (score = ?4 AND at < ?5))",
    [SCORE_LIST] = "SELECT key, score, data FROM scores WHERE game=?1 AND board=?2 "
                   "ORDER BY score DESC, at LIMIT ?4 OFFSET ?5",
    [SCORE_LIST_LEAST] = "SELECT key, score, data FROM scores WHERE game=?1 AND board=?2 "
                         "ORDER BY score, at LIMIT ?4 OFFSET ?5",
    [SCORE_DELETE] = "DELETE FROM scores WHERE game=?1 AND board=?2 AND key=?3",
    [SHAPE_PUT] = "INSERT OR IGNORE INTO shapes VALUES (?1, ?2, ?3)",
    [ROOM_PUT] = "INSERT OR REPLACE INTO rooms VALUES (?1, ?2, ?3, ?4, ?5)",
    [ROOM_GONE] = "DELETE FROM rooms WHERE game=?1 AND id=?2",
    [ROOM_ASIDE] = "INSERT INTO rooms_aside SELECT game, id, shape, saved, data, ?3, ?4 "
                   "FROM rooms WHERE game=?1 AND id=?2",
    [ROOM_LIST] =
        "SELECT r.id, coalesce(s.text, ''), r.data, r.saved FROM rooms r LEFT JOIN "
        "shapes s ON s.game = r.game AND s.hash = r.shape WHERE r.game=?1 "
        "ORDER BY r.id",
    [BAN_PUT] = "INSERT OR REPLACE INTO bans VALUES (?1, ?3, ?4, ?2)",
    /* Those that are over, and those that would end first of more than ?4. */
    [BAN_CUT] = "DELETE FROM bans WHERE game=?1 AND (until <= ?3 OR until < (SELECT until "
                "FROM bans WHERE game=?1 ORDER BY until DESC LIMIT 1 OFFSET ?4 - 1))",
    [BAN_GONE] = "DELETE FROM bans WHERE game=?1 AND whom=?3",
    [BAN_LIST] = "SELECT whom, reason, until FROM bans WHERE game=?1 AND until > ?2 "
                 "ORDER BY whom",
};

static int prepare(struct store_db *db, enum statement which, sqlite3_stmt **out)
{
    int r = SQLITE_OK;

    if (!db->statements[which])
        r = sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[which], NULL);
    *out = db->statements[which];
    return r;
}

/* Ready to be run, with its game, and name and key where there are some. */
static int bind_ask(struct store_db *db, enum statement which, const struct store_ask *ask,
                    sqlite3_stmt **out)
{
    int r = prepare(db, which, out);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_text(*out, 1, ask->game, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(*out) >= 2 && ask->name)
        sqlite3_bind_text(*out, 2, ask->name, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(*out) >= 3 && ask->key)
        sqlite3_bind_text(*out, 3, ask->key, -1, SQLITE_STATIC);
    return SQLITE_OK;
}

/* SQLITE_DONE and SQLITE_ROW are fine. */
static int finish(sqlite3_stmt *st)
{
    int r = sqlite3_reset(st);

    sqlite3_clear_bindings(st);
    return r;
}

static int step_all(sqlite3_stmt *st)
{
    while (sqlite3_step(st) == SQLITE_ROW)
        ;
    return finish(st);
}

static void answer_data(struct store_job *job, sqlite3_stmt *st, int column)
{
    buf_append(&job->out, sqlite3_column_blob(st, column),
               (size_t)sqlite3_column_bytes(st, column));
    job->answer.data = job->out.data;
    job->answer.n_data = job->out.len;
}

static int get(struct store_db *db, struct store_job *job)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, ITEM_GET, &job->ask, &st);

    if (r != SQLITE_OK)
        return r;
    job->answer.result = STORE_NONE;
    if (sqlite3_step(st) == SQLITE_ROW) {
        job->answer.result = STORE_OK;
        job->answer.version = sqlite3_column_int64(st, 0);
        answer_data(job, st, 1);
    }
    return finish(st);
}

/* The version that is there, 0 where none is. */
static int find_version(struct store_db *db, const struct store_ask *ask, int64_t *out)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, ITEM_VERSION, ask, &st);

    *out = 0;
    if (r != SQLITE_OK)
        return r;
    if (sqlite3_step(st) == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    return finish(st);
}

/* Versions ascend over all keys, so that one which was deleted and put again does not
 * look like the one that somebody has read before. */
static int64_t next_version(struct store_db *db)
{
    int64_t now = (int64_t)(clk_wall_s() * 1e6);

    db->last_version = now > db->last_version ? now : db->last_version + 1;
    return db->last_version;
}

static int put(struct store_db *db, struct store_job *job)
{
    const struct store_ask *ask = &job->ask;
    int64_t there;
    sqlite3_stmt *st;
    int r = find_version(db, ask, &there);

    if (r != SQLITE_OK)
        return r;
    if (ask->version != STORE_ANY_VERSION && ask->version != there) {
        job->answer.result = STORE_CONFLICT;
        return SQLITE_OK;
    }
    if ((r = bind_ask(db, ITEM_PUT, ask, &st)) != SQLITE_OK)
        return r;
    job->answer.version = next_version(db);
    sqlite3_bind_int64(st, 4, job->answer.version);
    sqlite3_bind_blob(st, 5, ask->data, (int)ask->n_data, SQLITE_STATIC);
    return step_all(st);
}

static int delete_item(struct store_db *db, struct store_job *job)
{
    const struct store_ask *ask = &job->ask;
    int64_t there;
    sqlite3_stmt *st;
    int r = find_version(db, ask, &there);

    if (r != SQLITE_OK)
        return r;
    if (!there && (ask->version == STORE_ANY_VERSION || ask->version == 0)) {
        job->answer.result = STORE_NONE;
        return SQLITE_OK;
    }
    if (ask->version != STORE_ANY_VERSION && ask->version != there) {
        job->answer.result = STORE_CONFLICT;
        return SQLITE_OK;
    }
    if ((r = bind_ask(db, ITEM_DELETE, ask, &st)) != SQLITE_OK)
        return r;
    return step_all(st);
}

/* Items are noted as offsets into job->out, which may still move, and become pointers
 * when all are there. */
static void add_item(struct store_job *job, sqlite3_stmt *st, int data,
                     struct store_item item)
{
    struct store_item *items = job->items;

    item.n_key = (size_t)sqlite3_column_bytes(st, 0);
    item.key = (const char *)job->out.len;
    buf_append(&job->out, sqlite3_column_blob(st, 0), item.n_key);
    item.n_data = (size_t)sqlite3_column_bytes(st, data);
    item.data = (const uint8_t *)job->out.len;
    buf_append(&job->out, sqlite3_column_blob(st, data), item.n_data);
    items[job->answer.n_items++] = item;
}

static void fix_items(struct store_job *job)
{
    for (uint32_t i = 0; i < job->answer.n_items; i++) {
        struct store_item *item = &job->items[i];
        item->key = (const char *)job->out.data + (uintptr_t)item->key;
        item->data = job->out.data + (uintptr_t)item->data;
    }
    job->answer.items = job->items;
}

/* One more than is asked for tells whether there are more. */
static bool is_full(struct store_job *job)
{
    job->answer.has_more = job->answer.n_items == job->ask.limit ||
                           (job->answer.n_items && job->out.len >= STORE_LIST_BYTES);
    return job->answer.has_more;
}

static int make_items(struct store_job *job)
{
    job->items = calloc(job->ask.limit ? job->ask.limit : 1, sizeof *job->items);
    return job->items ? SQLITE_OK : SQLITE_NOMEM;
}

static int list(struct store_db *db, struct store_job *job)
{
    const struct store_ask *ask = &job->ask;
    sqlite3_stmt *st;
    int r = make_items(job);

    if (r != SQLITE_OK || (r = bind_ask(db, ITEM_LIST, ask, &st)) != SQLITE_OK)
        return r;
    sqlite3_bind_text(st, 3, ask->after ? ask->after : "", -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 4, ask->prefix ? ask->prefix : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 5, (int64_t)ask->limit + 1);
    while (sqlite3_step(st) == SQLITE_ROW && !is_full(job))
        add_item(job, st, 2, (struct store_item){.version = sqlite3_column_int64(st, 1)});
    fix_items(job);
    return finish(st);
}

/* Scores. */

static int find_score(struct store_db *db, const struct store_ask *ask, bool *is_there,
                      double *score, int64_t *at)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, SCORE_GET, ask, &st);

    *is_there = false;
    if (r != SQLITE_OK)
        return r;
    if (sqlite3_step(st) == SQLITE_ROW) {
        *is_there = true;
        *score = sqlite3_column_double(st, 0);
        *at = sqlite3_column_int64(st, 1);
    }
    return finish(st);
}

static int find_rank(struct store_db *db, const struct store_ask *ask, double score,
                     int64_t at, uint32_t *out)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, ask->is_least ? SCORE_RANK_LEAST : SCORE_RANK, ask, &st);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_double(st, 4, score);
    sqlite3_bind_int64(st, 5, at);
    if (sqlite3_step(st) == SQLITE_ROW)
        *out = (uint32_t)sqlite3_column_int64(st, 0) + 1;
    return finish(st);
}

static int submit(struct store_db *db, struct store_job *job)
{
    const struct store_ask *ask = &job->ask;
    bool is_there;
    double score = 0, now = ask->number;
    int64_t at = 0;
    sqlite3_stmt *st;
    int r = find_score(db, ask, &is_there, &score, &at);

    if (r != SQLITE_OK)
        return r;
    if (is_there && ((ask->keep == STORE_KEEP_MOST && now <= score) ||
                     (ask->keep == STORE_KEEP_LEAST && now >= score))) {
        job->answer.number = score;
        return find_rank(db, ask, score, at, &job->answer.rank);
    }
    if (is_there && ask->keep == STORE_KEEP_SUM)
        now += score;
    at = next_version(db);
    if ((r = bind_ask(db, SCORE_PUT, ask, &st)) != SQLITE_OK)
        return r;
    sqlite3_bind_double(st, 4, now);
    sqlite3_bind_int64(st, 5, at);
    sqlite3_bind_blob(st, 6, ask->n_data ? (const void *)ask->data : "", (int)ask->n_data,
                      SQLITE_STATIC);
    if ((r = step_all(st)) != SQLITE_OK)
        return r;
    job->answer.number = now;
    return find_rank(db, ask, now, at, &job->answer.rank);
}

/* Scores from place `first` (0: the best) on. */
static int list_scores(struct store_db *db, struct store_job *job, uint32_t first)
{
    sqlite3_stmt *st;
    uint32_t rank = first + 1;
    int r = make_items(job);

    if (r != SQLITE_OK ||
        (r = bind_ask(db, job->ask.is_least ? SCORE_LIST_LEAST : SCORE_LIST, &job->ask,
                      &st)) != SQLITE_OK)
        return r;
    sqlite3_bind_int64(st, 4, (int64_t)job->ask.limit + 1);
    sqlite3_bind_int64(st, 5, first);
    while (sqlite3_step(st) == SQLITE_ROW && !is_full(job))
        add_item(
            job, st, 2,
            (struct store_item){.score = sqlite3_column_double(st, 1), .rank = rank++});
    fix_items(job);
    return finish(st);
}

static int around(struct store_db *db, struct store_job *job)
{
    bool is_there;
    double score = 0;
    int64_t at = 0;
    uint32_t rank = 1, before = (job->ask.limit - 1) / 2;
    int r = find_score(db, &job->ask, &is_there, &score, &at);

    if (r == SQLITE_OK && is_there)
        r = find_rank(db, &job->ask, score, at, &rank);
    if (r != SQLITE_OK)
        return r;
    if (!is_there) {
        job->answer.result = STORE_NONE;
        return SQLITE_OK;
    }
    return list_scores(db, job, rank > before ? rank - 1 - before : 0);
}

static int remove_score(struct store_db *db, struct store_job *job)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, SCORE_DELETE, &job->ask, &st);

    if (r != SQLITE_OK)
        return r;
    if ((r = step_all(st)) == SQLITE_OK && sqlite3_changes(db->handle) == 0)
        job->answer.result = STORE_NONE;
    return r;
}

/* Rooms. */

static int save_shape(struct store_db *db, const struct store_ask *ask)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, SHAPE_PUT, ask, &st);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_int64(st, 2, (int64_t)ask->hash);
    sqlite3_bind_blob(st, 3, ask->data, (int)ask->n_data, SQLITE_STATIC);
    return step_all(st);
}

static int save_room(struct store_db *db, const struct store_ask *ask)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, ROOM_PUT, ask, &st);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_int64(st, 3, (int64_t)ask->hash);
    sqlite3_bind_double(st, 4, clk_wall_s());
    sqlite3_bind_blob(st, 5, ask->data, (int)ask->n_data, SQLITE_STATIC);
    return step_all(st);
}

static int end_room(struct store_db *db, const struct store_ask *ask)
{
    sqlite3_stmt *st;
    int r;

    if (ask->op == STORE_ROOM_ASIDE) {
        if ((r = bind_ask(db, ROOM_ASIDE, ask, &st)) != SQLITE_OK)
            return r;
        sqlite3_bind_text(st, 3, (const char *)ask->data, (int)ask->n_data, SQLITE_STATIC);
        sqlite3_bind_double(st, 4, clk_wall_s());
        if ((r = step_all(st)) != SQLITE_OK)
            return r;
    }
    if ((r = bind_ask(db, ROOM_GONE, ask, &st)) != SQLITE_OK)
        return r;
    return step_all(st);
}

/* Bans. */

static int save_ban(struct store_db *db, const struct store_ask *ask)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, BAN_PUT, ask, &st);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_blob(st, 3, ask->data, (int)ask->n_data, SQLITE_STATIC);
    sqlite3_bind_double(st, 4, ask->number);
    if ((r = step_all(st)) != SQLITE_OK ||
        (r = bind_ask(db, BAN_CUT, ask, &st)) != SQLITE_OK)
        return r;
    sqlite3_bind_double(st, 3, clk_wall_s());
    sqlite3_bind_int64(st, 4, ask->limit);
    return step_all(st);
}

static int end_ban(struct store_db *db, const struct store_ask *ask)
{
    sqlite3_stmt *st;
    int r = bind_ask(db, BAN_GONE, ask, &st);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_blob(st, 3, ask->data, (int)ask->n_data, SQLITE_STATIC);
    return step_all(st);
}

int store_db_run(struct store_db *db, struct store_job *job)
{
    job->answer.result = STORE_OK;
    switch (job->ask.op) {
    case STORE_GET: return get(db, job);
    case STORE_PUT: return put(db, job);
    case STORE_DELETE: return delete_item(db, job);
    case STORE_LIST: return list(db, job);
    case STORE_SUBMIT: return submit(db, job);
    case STORE_TOP: return list_scores(db, job, 0);
    case STORE_AROUND: return around(db, job);
    case STORE_UNSUBMIT: return remove_score(db, job);
    case STORE_SHAPE: return save_shape(db, &job->ask);
    case STORE_ROOM: return save_room(db, &job->ask);
    case STORE_ROOM_GONE:
    case STORE_ROOM_ASIDE: return end_room(db, &job->ask);
    case STORE_BAN: return save_ban(db, &job->ask);
    case STORE_UNBAN: return end_ban(db, &job->ask);
    }
    return SQLITE_MISUSE;
}

static void put_bytes(struct buf *out, sqlite3_stmt *st, int column)
{
    size_t n = (size_t)sqlite3_column_bytes(st, column);

    wire_put_u32(out, (uint32_t)n);
    buf_append(out, sqlite3_column_blob(st, column), n);
    buf_byte(out, 0);
}

int store_db_rooms(struct store_db *db, const char *game, struct buf *out)
{
    sqlite3_stmt *st;
    int n = 0, r = prepare(db, ROOM_LIST, &st);

    if (r != SQLITE_OK)
        return -r;
    sqlite3_bind_text(st, 1, game, -1, SQLITE_STATIC);
    for (; sqlite3_step(st) == SQLITE_ROW; n++) {
        for (int column = 0; column < 3; column++)
            put_bytes(out, st, column);
        wire_put_f64(out, sqlite3_column_double(st, 3));
    }
    r = finish(st);
    return r != SQLITE_OK ? -r : out->failed ? -SQLITE_NOMEM : n;
}

int store_db_bans(struct store_db *db, const char *game, struct buf *out)
{
    sqlite3_stmt *st;
    int n = 0, r = prepare(db, BAN_LIST, &st);

    if (r != SQLITE_OK)
        return -r;
    sqlite3_bind_text(st, 1, game, -1, SQLITE_STATIC);
    sqlite3_bind_double(st, 2, clk_wall_s());
    for (; sqlite3_step(st) == SQLITE_ROW; n++) {
        put_bytes(out, st, 0);
        put_bytes(out, st, 1);
        wire_put_f64(out, sqlite3_column_double(st, 2));
    }
    r = finish(st);
    return r != SQLITE_OK ? -r : out->failed ? -SQLITE_NOMEM : n;
}
