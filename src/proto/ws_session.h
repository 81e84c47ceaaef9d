/* SPDX-License-Identifier: MIT */
/*
 * ws_session - one side of a WebSocket conversation: frames become messages.
 *
 * Holds the rules between frames: fragments, control frames among them, UTF-8
 * that fails at the first impossible byte, the close handshake (RFC 6455 5.4,
 * 5.5, 7, 8.1). Pure: it reads bytes and returns events; sending is up to you.
 *
 * A message that lies whole in one read is handed out in place; only one that
 * is split over reads or fragments, or compressed, is gathered in a buffer, which
 * is freed when the message ends. So an idle session holds no memory beyond the
 * struct, and beyond what ws_deflate.h says where compression was agreed.
 *
 * Ownership: ws_session_init/fini. Messages borrow from your input or from the
 * session, until the next call. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/utf8.h"
#include "proto/ws_deflate.h"
#include "proto/ws_frame.h"

enum ws_event {
    WS_EVENT_NONE,    /* input used up */
    WS_EVENT_MESSAGE, /* op WS_TEXT or WS_BINARY */
    WS_EVENT_PING,    /* answer with a pong of the same payload */
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* code (1005 where the frame was empty) and reason; echo it;
                     * what follows in the input is to be ignored (5.5.1) */
    WS_EVENT_ERROR, /* result tells; send Close with ws_close_code() */
};

struct ws_session {
    struct ws_frame frame;
    struct utf8 utf8;
    bool is_packed; /* the message under way is compressed */
    bool ended;     /* Close or error was returned */
    uint8_t op;     /* of the message under way; 0 between messages */
    uint8_t n_control;
    uint8_t *control;   /* gathers a control frame that a read has split; else NULL */
    struct buf message; /* gathers a split or compressed message; empty otherwise */
    uint64_t max_message;
    struct ws_deflate *deflate; /* NULL: not agreed, RSV1 is an error */
};

struct ws_in {
    enum ws_event event;
    enum ws_op op;
    const uint8_t *data; /* borrows; not NUL-terminated */
    size_t len;
    uint16_t code;         /* WS_EVENT_CLOSE */
    enum ws_result result; /* WS_EVENT_ERROR */
};

/* max_message: bytes of one message over all its fragments, and uncompressed. */
void ws_session_init(struct ws_session *s, uint64_t max_message);
void ws_session_fini(struct ws_session *s);

/* Take compressed messages from now on. Takes *d and nulls it; fini frees it. Use
 * s->deflate for sending. Before the first ws_session_next() only. */
void ws_session_set_deflate(struct ws_session *s, struct ws_deflate **d);

/* Read up to one event from the front of [*in, *in + *n) and advance both. Call
 * until WS_EVENT_NONE, WS_EVENT_CLOSE or WS_EVENT_ERROR. */
struct ws_in ws_session_next(struct ws_session *s, uint8_t **in, size_t *n);

/* The event at the front where that is a message without compression, in one frame that
 * has come as a whole: the same as ws_session_next(), at a third of its cost. false:
 * nothing has been used, ws_session_next() tells what it is (an error, too). */
bool ws_session_whole(struct ws_session *s, uint8_t **in, size_t *n, struct ws_in *out);

/* A code that may stand in a Close frame: 1000-1003, 1007-1014, 3000-4999. */
bool ws_session_is_close_code(uint16_t code);
