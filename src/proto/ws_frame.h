/* SPDX-License-Identifier: MIT */
/*
 * ws_frame - RFC 6455 frames: bytes in, payload slices out.
 *
 * Pure code: no sockets, no clock. Which frame may follow which is checked
 * here, because the first two bytes tell; gathering messages, UTF-8 and close
 * rules live one layer up, in ws_session.h.
 *
 * Ownership: the parser sits by value inside its connection and keeps no
 * pointer to your bytes between calls. Payload slices point into the buffer
 * you passed, unmasked in place; they die when you reuse that buffer.
 *
 * Thread: any. One parser belongs to one connection and is never shared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"

enum ws_op {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

/* Result of ws_frame_next(). Errors are negative and final: send the close
 * code from ws_close_code() and feed this parser no more. */
enum ws_result {
    WS_MORE = 0,          /* input used up; call again after the next read */
    WS_SLICE = 1,         /* out->data holds some payload of this frame */
    WS_ERR_MASK = -1,     /* client frame without a mask (5.1) */
    WS_ERR_RSV = -2,      /* reserved bit nobody negotiated (5.2) */
    WS_ERR_OPCODE = -3,   /* opcode 3-7 or b-f (5.2) */
    WS_ERR_CONTROL = -4,  /* control frame long or fragmented (5.5) */
    WS_ERR_LENGTH = -5,   /* length not in its shortest form (5.2) */
    WS_ERR_TOO_BIG = -6,  /* frame above max_payload; ours, not the RFC's */
    WS_ERR_SEQUENCE = -7, /* stray continuation, or a new message inside one (5.4) */
    WS_ERR_UTF8 = -8,     /* text or close reason is not UTF-8 (8.1) */
    WS_ERR_CLOSE = -9, /* close payload of one byte, or a code that may not be sent (7.4) */
    WS_ERR_MEMORY = -10,  /* ours: no memory for the message */
    WS_ERR_DEFLATE = -11, /* compressed data are garbage or cut off (RFC 7692 7.2.2) */
};

struct ws_frame {
    uint8_t head[14]; /* header bytes seen so far */
    uint8_t have, need;
    uint8_t rsv_allowed;  /* WS_RSV1 once permessage-deflate is agreed */
    bool in_message;      /* the last data frame was not final */
    uint64_t left;        /* payload bytes still to come */
    uint64_t pos;         /* payload bytes handed out; picks the mask byte */
    uint64_t max_payload; /* of a data frame; may be set anew between frames. With
                           * RSV1 ws_frame_packed_max() of it holds */
};

struct ws_slice {
    enum ws_op op;
    bool fin, rsv1;
    bool first;    /* the first slice of its frame */
    bool last;     /* no more bytes in this frame */
    uint8_t *data; /* borrowed from the caller's input */
    size_t len;    /* 0 only for an empty frame */
};

#define WS_RSV1 0x40

void ws_frame_init(struct ws_frame *f, uint64_t max_payload, uint8_t rsv_allowed);

/* Compressed data can be longer than what they hold (zlib: 5 bytes in 16 KiB at best,
 * an eighth and more with little memory): how long a frame with RSV1 may be whose
 * message has `max` bytes. */
uint64_t ws_frame_packed_max(uint64_t max);

/* Read one step from the front of [*in, *in + *n) and advance both past what
 * was used. Call in a loop until it returns WS_MORE or an error; one TCP read
 * may hold a third of a frame or forty whole ones. */
enum ws_result ws_frame_next(struct ws_frame *f, uint8_t **in, size_t *n,
                             struct ws_slice *out);

/* The frame at the front, where it is a whole text or binary message without RSV bits and
 * all of it is there. false: nothing has been touched, ws_frame_next() tells. */
bool ws_frame_whole(struct ws_frame *f, uint8_t **in, size_t *n, struct ws_slice *out);

/* The data of such a slice become again what they were in the input. */
void ws_frame_mask_again(const struct ws_slice *whole);

/* Close code (RFC 6455, 7.4.1) that tells the peer about a negative result. */
uint16_t ws_close_code(enum ws_result r);

enum { WS_HEAD_MAX = 10 };

/* Write the header of an unmasked, unfragmented server frame; returns its
 * length, 2, 4 or 10. */
size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], enum ws_op op, uint64_t len);

/* A whole server frame as one chunk (one reference, yours), or NULL when memory
 * is out. */
struct chunk *ws_frame_chunk(enum ws_op op, const void *payload, size_t len);

/* How long the head of such a frame is. */
size_t ws_frame_head_bytes(const uint8_t *frame);

/* How long it is, head and all. */
size_t ws_frame_bytes(const uint8_t *frame);

/* A Close frame; code 0 makes an empty one. The reason (NULL: none) must be valid
 * UTF-8 and is cut to 123 bytes at a character. */
struct chunk *ws_frame_close(uint16_t code, const char *reason);
