/* SPDX-License-Identifier: MIT */
/*
 * ws_handshake - is this request a WebSocket opening handshake (RFC 6455 4.2)?
 *
 * Pure. The caller answers: 101 with the accept value, or the status that is
 * returned, with `Sec-WebSocket-Version: 13` and `Upgrade: websocket` on 426.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/http_head.h"

enum { WS_ACCEPT_BYTES = 28 };

/* 0 and the accept value (28 characters and a NUL), or the HTTP status: 400
 * malformed (offers that are not valid included), 405 not GET, 426 wrong version
 * or not an upgrade. *why names the fault in a few words (static; NULL on 0). */
int ws_handshake_check(const struct http_head *h, char accept[WS_ACCEPT_BYTES + 1],
                       const char **why);

/* Every Sec-WebSocket-Protocol header is a list of tokens, without repeats or
 * empty elements, at most 64 over all of them. */
bool ws_handshake_offers_are_valid(const struct http_head *h);

/* The client's offers hold this subprotocol (case-sensitive). */
bool ws_handshake_offers(const struct http_head *h, const char *subprotocol);

/* The client's Origin is the server's own: same host and port as Host, scheme
 * http or https. A request without Origin counts as own (no browser sent it). */
bool ws_handshake_is_same_origin(const struct http_head *h);
