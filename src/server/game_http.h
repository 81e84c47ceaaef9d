/* SPDX-License-Identifier: MIT */
/*
 * game_http - /GAME/_http/…: requests that the game's own http() answers.
 *
 * Thread: its worker's.
 */
#pragma once

#include "net/conn.h"
#include "room/game.h"

struct worker;

/* Answer the request; `path` is what comes behind /_http, from its slash on or "". Always
 * answers: 404 where the game has no http(), 429 for too many of one address, 500 where the
 * script fails. */
void game_http_serve(struct worker *w, struct conn *c, const struct http_head *head,
                     struct game *g, const char *path, size_t n_path);
