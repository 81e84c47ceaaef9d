/* SPDX-License-Identifier: MIT */
/*
 * rig - a game in a folder of its own, a VM that runs it, and rooms whose hooks
 * write down what scripts did.
 */
#pragma once

#include "unit.h"
#include <stdbool.h>

#include "base/buf.h"
#include "script/lua_payload.h"
#include "script/script_room.h"
#include "script/vm.h"
#include "script/vm_internal.h"

/* A game that runs the text it is sent, see rig_eval(). `options` go into
 * parlor.game {…}, `more` behind it. */
#define RUNNER(options, more)                                                              \
    "local parlor = require 'parlor'\n"                                                    \
    "local s = parlor.schema\n"                                                            \
    "local g = parlor.game {" options "}\n"                                                \
    "function g:message(player, name, code)\n"                                             \
    "  return assert(load('local room, player = ... ' .. code, '@pond/run.lua'))(self, "   \
    "player)\n"                                                                            \
    "end\n" more "\nreturn g\n"

struct rig {
    char dir[64];   /* holds pond/ */
    double load_ms; /* as in vm_options */
    struct vm *vm;
    struct script_room *room;
    struct image *image;
    uint32_t tick;
    struct err e;     /* of the last load */
    struct buf trace; /* what hooks were called with, one line each */
    int n_errors;
    char error[2048]; /* the last one: "where|file:line|message" */
    char room_of_error[80];
    char traceback[2048];
    const char *const *next;   /* further raw messages, as if they had come together */
    uint32_t most_quick;       /* of those had been counted together, see vm_stop.h */
    char answer[4096];         /* of the last rig_eval() */
    enum script_result result; /* likewise */
};

/* Write pond/<path>; folders on the way are made. */
void rig_write(struct rig *r, const char *path, const char *text);

/* Write game.lua and load it; false with r->e set when it does not load. */
bool rig_load(struct rig *r, const char *game);

/* rig_load() that must work, and a room "lobby" with player 1, "ann". */
void rig_open(struct rig *r, const char *game);

/* A further room for the same VM. */
struct script_room *rig_room(struct rig *r, const char *id, struct image **image);
void rig_end_room(struct script_room **room, struct image **image);

void rig_close(struct rig *r);

/* Run Lua in the room of a RUNNER game; `room` and `player` are there. Returns
 * what it returned as JSON, or "!" and the error's message. */
const char *rig_eval(struct rig *r, const char *code);
const char *rig_eval_in(struct rig *r, struct script_room *room, const char *code);

/* Scan, end the bracket and begin the next. */
void rig_scan(struct rig *r);

/* Empty the trace and the last error. */
void rig_forget(struct rig *r);

/* The trace so far, as a text. */
const char *rig_trace(struct rig *r);

/* Replace game.lua and reload; rebinds the room where the schema has changed.
 * Returns what vm_reload() did. */
int rig_reload(struct rig *r, const char *game);

/* The whole image as JSON. free() it. */
char *rig_state(const struct image *image);
