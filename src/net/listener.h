/* SPDX-License-Identifier: MIT */
/*
 * listener - a listening socket of an edge: binds, accepts, and lives through
 * running out of descriptors.
 *
 * Every worker binds the same port with SO_REUSEPORT and the kernel spreads the
 * connections. The price: a second server would share the port without a word,
 * which is what the probe is for.
 *
 * Ownership: the edge's ring of listeners; memory returns in libuv's close
 * callback. Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/link.h"

struct edge;
struct listener;

/* Listen on every address of `host` and add the listeners to the edge; all or
 * none. Addresses of families that this machine does not have are passed over
 * as long as one remains. Returns 0 or a negative code with the text in *e. */
int listener_open_all(struct edge *edge, const char *host, uint16_t port, bool probe,
                      struct err *e);

/* Leaves the edge's ring at once. Who has connected already is accepted first. */
void listener_close(struct listener *l);

/* Accept again, where it had paused because descriptors had run out. */
void listener_resume(struct listener *l);

uint16_t listener_port(const struct listener *l);
struct listener *listener_of_link(struct link *l);
