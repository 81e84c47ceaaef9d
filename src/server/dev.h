/* SPDX-License-Identifier: MIT */
/*
 * dev - what saving a file does while `parlor dev` runs: Lua that a game has required
 * reloads it, files of its page are told to the page, new folders become games.
 *
 * Thread: main.
 */
#pragma once

#include "base/err.h"

struct server;

/* Watch games/ and the folder of the library. Errors name the folder. */
int dev_start(struct server *s, struct err *e);
void dev_stop(struct server *s);

/* Tell the pages of a game that a file of theirs, "shared.js", is another now. */
void dev_tell_page(struct server *s, const char *game, const char *path);
