/* SPDX-License-Identifier: MIT */
/*
 * store_db - the file behind a store: opened, checked, brought to this version's tables,
 * replaced where it is no good; and one operation after another run on it.
 *
 * Ownership: by value in the store. Thread: one at a time.
 */
#pragma once

#include <sqlite3.h>

#include "svc/store_job.h"

enum { STORE_DB_VERSION = 2, STORE_DB_N_STATEMENTS = 24 };

struct store_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[STORE_DB_N_STATEMENTS];
    char folder[1024]; /* "": in memory */
    int64_t last_version;
    bool is_kept; /* in a file */
};

/* Open the file in `folder` (NULL: memory), whatever it takes: see store.h. Returns 0, or
 * a negative code where not even memory will do. */
int store_db_open(struct store_db *db, const char *folder, struct err *e);
void store_db_close(struct store_db *db);

/* The file has turned out to be damaged while it was in use: set it aside and go on with
 * a fresh one. */
int store_db_replace(struct store_db *db, struct err *e);

/* Around a batch. Return an SQLite code. */
int store_db_begin(struct store_db *db);
int store_db_commit(struct store_db *db);
void store_db_roll_back(struct store_db *db);

/* Do it, and write the answer. Returns an SQLite code: SQLITE_OK where the answer
 * counts. */
int store_db_run(struct store_db *db, struct store_job *job);

/* Saved rooms, appended to *out one after another: id, shape and data as u32 length and
 * bytes with a NUL behind, then f64 seconds. Returns how many, or a negative SQLite code.
 */
int store_db_rooms(struct store_db *db, const char *game, struct buf *out);

/* Bans whose time is not over, the same way: whom and reason, then f64 until when. */
int store_db_bans(struct store_db *db, const char *game, struct buf *out);
