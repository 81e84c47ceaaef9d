/* SPDX-License-Identifier: MIT */
/*
 * bots_net - the connections of `parlor bots`: WebSockets to a running server, as the
 * module "kit.rig" that scripts/kit/client.lua works on, and as "kit.bots_net" what only
 * bots need. A client's half of RFC 6455, of which it knows what our server says: whole,
 * unmasked frames.
 *
 * Ownership: bots_net_init/fini around the Lua state's life. Thread: main.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { BOTS_NET_MAX = 1000, BOTS_NET_IN_BYTES = 16 << 20 };

struct bots_line;

struct bots_net {
    char host[256], port[8], path[256]; /* of the server; the path without a slash at its
                                         * end, "": at the root */
    struct bots_line *lines[BOTS_NET_MAX];
    uint32_t n_lines;
    bool was_there; /* the server has answered once */
};

/* `url` is http://HOST[:PORT][/PATH]. Returns 0, or -EINVAL and *e says what is wrong. */
int bots_net_init(struct bots_net *b, const char *url, struct err *e);
void bots_net_fini(struct bots_net *b);

/* Make both modules known, and let `require` find others in `scripts`. */
void bots_net_open(lua_State *L, const char *scripts, struct bots_net *b);
