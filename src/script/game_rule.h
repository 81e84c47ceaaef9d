/* SPDX-License-Identifier: MIT */
/*
 * game_rule - the options `match` and `queue` of parlor.game: by which labels a room
 * fits a player, and whether players wait for each other.
 *
 * Ownership: plain values, part of a game_def. Thread: its worker's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { GAME_MAX_RULES = 8, GAME_RULE_NAME_MAX = 32 };

enum game_rule_kind {
    RULE_SAME, /* the label is what the option says */
    RULE_ANY,  /* ... one of those that the option lists */
    RULE_NEAR, /* ... a number no farther off than `by`, later farther */
};

struct game_rule {
    char name[GAME_RULE_NAME_MAX + 1]; /* of the option and the label */
    enum game_rule_kind kind;
    double by, widen, max; /* RULE_NEAR: by + widen * seconds, at most max */
};

struct game_queue {
    bool is_on;
    uint32_t min, max; /* players who begin together; max 0: as many as a room takes */
    double hold_s;     /* how long min of them wait for more */
    double wait_s;     /* until one who waits is sent away */
};

/* Read the value at the top of the stack; on error *e names the option. */
int game_rule_read_match(struct game_rule *rules, uint32_t *n, lua_State *L, struct err *e);
int game_rule_read_queue(struct game_queue *q, lua_State *L, struct err *e);
