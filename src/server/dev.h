/* SPDX-License-Identifier: MIT */
/*
 * dev - what saving a file does while `parlor dev` runs: Lua that a game has required
 * reloads it, files of its page are told to the page, new folders become games.
 *
 * Thread: its worker's.
 */
#pragma once

#include "base/err.h"

struct worker;

/* Watch games/ and the folder of the library. Errors name the folder. */
int dev_start(struct worker *w, struct err *e);
void dev_stop(struct worker *w);
