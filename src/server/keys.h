/* SPDX-License-Identifier: MIT */
/*
 * keys - what single keys do in the terminal of `parlor dev`: o opens the hub, b adds
 * bots, r reloads, q ends, ? tells.
 *
 * Only where stdin is a terminal and we are in its foreground. The terminal then gives
 * keys at once and without echo; Ctrl-C and Ctrl-Z stay what they are. It is put back
 * by keys_close(), at exit(), and by a handler of signals that end a program (not of
 * SIGKILL). Bots are processes (`parlor bots`), and end in the same three places.
 *
 * Thread: main; there is one terminal, so there is one of these.
 */
#pragma once

struct keys;
struct server;

/* Listen to the keys and say so on stdout. NULL: this is no terminal of ours, or there
 * is no memory; the server runs without. */
struct keys *keys_open(struct server *s);

/* Put the terminal back, end the bots. Memory is freed by the loop's next run. */
void keys_close(struct keys **k);

/* The same before an _exit(): the terminal, and the bots. Async-signal-safe; does nothing
 * where no keys are open. */
void keys_put_back(void);
