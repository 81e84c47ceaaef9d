/* SPDX-License-Identifier: MIT */
/*
 * http_call - a request to a game's http(), which belongs to no room.
 *
 * Thread: its worker's.
 */
#pragma once

#include "room/game.h"
#include "script/script_http.h"

/* Ask; as script_http(), with what has to follow a script that failed: new code is taken
 * back soon, a VM that is lost is replaced at once. The game's script must have loaded. Not
 * from within a callback. */
enum script_result http_call(struct game *g, const uint8_t *request, size_t n,
                             struct script_http_answer *answer);
