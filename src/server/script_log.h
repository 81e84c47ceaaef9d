/* SPDX-License-Identifier: MIT */
/*
 * script_log - errors of scripts on their way to the log and to developers'
 * pages, throttled: a handler that fails sixty times a second is told once a
 * second, with a count, on however many workers it fails.
 *
 * Ownership: a value. Thread: any; it locks.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "room/game.h"
#include "script/vm.h"

enum { SCRIPT_LOG_PLACES = 64, SCRIPT_LOG_EVERY_MS = 1000 };

/* Tell the pages of a game, wherever they are: as game_tell_dev(). Any thread. */
typedef void script_log_tell(void *ctx, const char *game, const char *json, size_t len);

struct script_log {
    pthread_mutex_t lock;
    bool is_dev;
    script_log_tell *tell;
    void *ctx;
    struct {
        uint32_t hash; /* of game, callback and message; 0: free */
        uint32_t n_more;
        uint64_t told_us;
    } seen[SCRIPT_LOG_PLACES];
    uint64_t n_errors;
    bool is_holding;
    struct buf held; /* dev: records that wait: game, length (size_t), bytes */
    char last_game[GAME_NAME_MAX + 1];
    struct buf last;  /* dev: the last error of last_game, described */
    struct map loads; /* dev: game name -> struct buf, why its last load failed */
};

void script_log_init(struct script_log *l, bool is_dev, script_log_tell *tell, void *ctx);
void script_log_fini(struct script_log *l);

/* Errors so far. */
uint64_t script_log_n_errors(struct script_log *l);

/* Dev: why the newest of the game's files do not run, appended to *out as game_tell_dev()
 * takes it; false where they do. */
bool script_log_load_error(struct script_log *l, const char *game, struct buf *out);

/* Log one, and in dev send it to the game's pages with the lines of source around
 * it. */
void script_log_error(struct script_log *l, struct game *g,
                      const struct script_error *error);

/* The game loads again: pages may take their error panel away. */
void script_log_fixed(struct script_log *l, const char *game);

/* Dev: new code is live in all rooms; `ms` is what the reload took. */
void script_log_reloaded(struct script_log *l, const char *game, uint32_t version,
                         size_t n_rooms, double ms);

/* Dev: version `failed` of the game was taken back after its first error, `version` goes
 * on; pages that open from now on are shown that error until the next reload. */
void script_log_taken_back(struct script_log *l, const char *game, uint32_t failed,
                           uint32_t version);

/* Between the two pages are told of no error; then of all that came, at most 64 KiB of
 * them. The log is told at once. */
void script_log_hold(struct script_log *l);
void script_log_release(struct script_log *l);

/* The members of a developer record of kind "error", as game_tell_dev() takes
 * them. `folder` is games/. */
void script_log_describe(const char *folder, const struct script_error *error,
                         struct buf *out);
