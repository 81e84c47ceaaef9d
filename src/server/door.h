/* SPDX-License-Identifier: MIT */
/*
 * door - what a request says of who sends it: the query, and for games with an auth() or
 * an http() its headers, address, Origin and token.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "net/conn.h"
#include "proto/http_head.h"

enum { DOOR_BYTES = 8 << 10 }; /* of all that auth() is told of a handshake */

struct door {
    const struct http_head *head;
    const char *address;     /* the client's */
    const char *protocol;    /* the subprotocol that is answered, NULL: none */
    bool can_resume;         /* its token comes with the hello: one in the URL is none */
    const char *cookie;      /* whose value is a token; "": none is */
    bool has_trusted_origin; /* else the browser may have sent its cookie for others */
};

/* Append the query as an any map of strings, without `token` where `hides_token`. false:
 * it is malformed. */
bool door_query(const struct http_head *head, bool hides_token, struct buf *out);

/* Append what auth() is told, an any map. Returns 0, or the status to answer with. */
int door_read(const struct door *d, struct buf *out);

/* Append what http() is told of a request, an any map: the same and its method, `path`,
 * body, and as `data` what the body says where it is JSON. Returns as door_read(). */
int door_read_request(const struct door *d, const char *path, size_t n_path,
                      struct buf *out);
