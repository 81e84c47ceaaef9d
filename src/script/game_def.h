/* SPDX-License-Identifier: MIT */
/*
 * game_def - what a game declared with parlor.game: options and schema.
 *
 * Ownership: one owner, the generation of code that has declared it (vm_trial.h);
 * constant. Thread: its worker's (the schema in it may be shared).
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "script/game_rule.h"
#include "state/schema.h"

enum { GAME_MAX_PROTOCOLS = 16 };

struct game_def {
#define NUMBER(name, preset, low, high) double name;
#define WHOLE(name, preset, low, high)  uint32_t name;
#define FLAG(name)                      bool name;
#define SWITCH(name)                    bool name;
#define TEXT(name, max_bytes)           char name[(max_bytes) + 1];
#include "script/game_option.def"
#undef NUMBER
#undef WHOLE
#undef FLAG
#undef SWITCH
#undef TEXT
    bool listed; /* rooms = "listed": a named room must exist */
    uint32_t n_rules;
    struct game_rule rules[GAME_MAX_RULES]; /* match; in the order of their names */
    struct game_queue queue;
    uint32_t n_protocols;
    char *protocols[GAME_MAX_PROTOCOLS];
    struct schema *schema;
};

/* Read the options table at `index` and the schema's JSON. `reuse`, where not
 * NULL, is a schema that is kept when the JSON is the same. On error *out is NULL
 * and *e names the option. */
int game_def_new(struct game_def **out, lua_State *L, int index, const char *json,
                 size_t n_json, struct schema *reuse, struct err *e);
void game_def_free(struct game_def **d);
