/* SPDX-License-Identifier: MIT */
/*
 * peer - the far end of a seat, as a room knows it: six functions.
 *
 * The server plugs in a WebSocket connection, a test a list in memory. Frames
 * are whole, unmasked WebSocket frames, shared between peers.
 *
 * Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"

struct peer_ops {
    /* Queue a frame; the callee takes a reference of its own. Never fails: what
     * cannot be queued ends the connection, and that is told later. */
    void (*send)(void *conn, struct chunk *frame);

    /* The same for `n` frames that lie in `run`, one behind the other. NULL: there are
     * only frames one by one. */
    void (*send_run)(void *conn, struct chunk *run, size_t n);

    /* Start closing. The end is told once, later, through session_closed(). */
    void (*close)(void *conn, uint16_t code, const char *reason);

    /* Bytes that have not left this machine. */
    size_t (*backlog)(void *conn);

    /* The peer's address, for logs and limits. */
    const char *(*address)(void *conn);

    /* While a message of this peer is being handled: the next one, if it has come
     * already, which then does not come as session_message(). `data` borrows until the
     * next call or the return from session_message(). NULL: there never is one. */
    bool (*next)(void *conn, bool *is_text, const uint8_t **data, size_t *len);
};

enum peer_codec {
    PEER_BINARY, /* parlor.b1 */
    PEER_JSON,   /* parlor.j1, or no subprotocol */
    PEER_RAW,    /* a raw game's own messages */
};

struct peer {
    const struct peer_ops *ops;
    void *conn; /* NULL: nobody there */
    enum peer_codec codec;
    bool can_resume; /* it was given a token that it can use */
};
