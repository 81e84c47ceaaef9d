/* SPDX-License-Identifier: MIT */
/*
 * session_internal - what session.c, session_binary.c and session_json.c share.
 */
#pragma once

#include "room/session.h"

/* End the conversation: BYE, Close. */
void session_end(struct session *s, uint16_t code, const char *reason);

/* Take a seat; `options` is a valid any. */
void session_join(struct session *s, const uint8_t *options, size_t n,
                  uint32_t schema_hash);

/* Take a seat in this room, which has one; NULL where memory is out: it is over then. */
struct player *session_sit(struct session *s, struct room *r, const uint8_t *options,
                           size_t n, uint32_t schema_hash);

/* Take a held seat back. */
void session_resume(struct session *s, const uint8_t *token, uint32_t schema_hash);

/* A message for the script: limits first. `in` as for room_input(). After it the
 * seat may be gone: look at s->player again. */
void session_input(struct session *s, const struct input *in);

/* A message that does not fit: dropped, counted, and too many end with 1008.
 * `request` as in struct input: it is told why. */
void session_invalid(struct session *s, uint32_t request, const char *why);

/* Has the hello gone out? Nothing may be sent to this player before it. */
bool session_is_greeted(const struct session *s);

void session_ack(struct session *s, uint32_t tick);
void session_resync(struct session *s);

/* How far into its tick the room is, in 65536ths. */
uint16_t session_phase(const struct session *s);
void session_send(struct session *s, struct buf *out);

void session_binary(struct session *s, const uint8_t *data, size_t len);
void session_json(struct session *s, const uint8_t *data, size_t len);
