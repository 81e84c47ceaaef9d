/* SPDX-License-Identifier: MIT */
/*
 * ws_deflate_offer - which permessage-deflate do client and server agree on
 * (RFC 7692 5 and 7.1)?
 *
 * Pure, without memory of its own; the time grows with the length of the headers
 * and nothing else. Compressing itself is in ws_deflate.h. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/http_head.h"

/* What was agreed. "Server" is what we send, "client" what we receive. */
struct ws_deflate_params {
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_max_window_bits; /* 8-15: our references reach back 2^bits */
    uint8_t client_max_window_bits; /* 8-15 */
};

/* What the server is ready to spend; the memory per setting is in ws_deflate.h.
 * A client may always ask for less, never for more. */
struct ws_deflate_policy {
    bool server_context;            /* keep our compressor from message to message */
    bool client_context;            /* keep the window of what the client sends */
    uint8_t server_max_window_bits; /* 9-15 */
    uint8_t client_max_window_bits; /* 9-15; binds only clients that offer to be bound */
};

/* No context on either side, windows of 4 KiB: an idle connection holds nothing,
 * and a broadcast is compressed once for all. For messages of a game (up to 13 KB
 * measured) larger windows gain less than 1 %. */
extern const struct ws_deflate_policy ws_deflate_policy_default;

/* Room for the longest answer and its NUL. */
enum { WS_DEFLATE_ANSWER_BYTES = 144 };

enum ws_deflate_offer {
    WS_DEFLATE_NONE = 0,        /* nothing (suitable) offered: go on without */
    WS_DEFLATE_AGREED = 1,      /* *params and the answer are filled in */
    WS_DEFLATE_MALFORMED = -400 /* the handshake fails with 400 (RFC 6455 9.1) */
};

/* Look through all Sec-WebSocket-Extensions headers in order and take the first
 * offer of permessage-deflate that is right. Offers with a parameter that is
 * unknown, repeated, or has a wrong value are passed over (RFC 7692 5.1), other
 * extensions too. A header that breaks the grammar fails as a whole, wherever
 * the fault is. `answer` is the value of the header to answer with. */
enum ws_deflate_offer ws_deflate_offer_choose(const struct http_head *h,
                                              const struct ws_deflate_policy *policy,
                                              struct ws_deflate_params *params,
                                              char answer[WS_DEFLATE_ANSWER_BYTES]);
