/* SPDX-License-Identifier: MIT */
/*
 * cmd - what the commands that work on games without serving them have in common:
 * their words, which games are meant, and the Lua half of each, scripts/kit/NAME.lua.
 *
 * Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/config.h"

enum {
    EXIT_OK = 0,
    EXIT_FINDINGS = 1,
    EXIT_USAGE = 64,
    EXIT_BAD_SCRIPT = 65,
    EXIT_UNAVAILABLE = 69,
    EXIT_CONFIG = 78,
};

struct cmd {
    const char *name; /* of the command and of its file in scripts/kit/ */
    const char *help; /* an example first */
    bool takes_game;  /* the first word says which game; else it is handed on */
    int max_words;    /* that are handed on */
    bool needs_word;  /* at least one of them */
    const char *flag; /* "--NAME" of its own, NULL: none; handed on as its word */
};

/* Read the words behind the command, find the games, run the Lua half. Returns an exit
 * code; what was wrong with the words is said on stderr. */
int cmd_run(const struct cmd *cmd, int argc, char **argv);

/* Say "parlor: …" on stderr. Returns `code`. */
int cmd_complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The folder of the Lua library: scripts/ beside build/release/parlor's project, or
 * installed under share/parlor. false: it is not found. */
bool cmd_find_scripts(char out[CONFIG_TEXT_MAX + 1]);

/* The commands themselves, each in cmd_NAME.c; `argv` is what comes behind the name. */
int cmd_bots(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_types(int argc, char **argv);
