/* SPDX-License-Identifier: MIT */
/*
 * session_internal - what session.c, session_join.c, session_binary.c and session_json.c
 * share, and those before the seat: auth.c and lobby.c.
 */
#pragma once

#include "room/auth.h"
#include "room/directory.h"
#include "room/session.h"

struct room_plan;

/* What a join comes with; who keeps one copies the bytes. */
struct session_entry {
    const uint8_t *options; /* of the join, a valid any */
    size_t n_options;
    const uint8_t *user; /* what auth() has found out, an any; n_user 0: nothing */
    size_t n_user;
    uint32_t schema_hash; /* that the client holds; 0: none */
};

/* End the conversation: BYE, Close. */
void session_end(struct session *s, uint16_t code, const char *reason);

/* Somebody wants a seat: bans, then the game's auth(), then session_admit(). `options`
 * is a valid any. */
void session_join(struct session *s, const uint8_t *options, size_t n,
                  uint32_t schema_hash);

/* Take a seat in the room that is asked for, a place in the lobby, or be refused one. */
void session_admit(struct session *s, const struct session_entry *e);

/* Take the seat that is reserved in `place` (takes it), on the worker of that: in the room
 * that is there, or one that is made, by `plan` (borrowed) or by what the session asked
 * for. */
void session_go(struct session *s, const struct session_entry *e, struct place *place,
                struct room_plan *plan);

/* Watch the room of this place (takes it). */
void session_watch(struct session *s, const struct session_entry *e, struct place *place);

/* No seat has this token here: can it be elsewhere? Then the session goes there, and its
 * hello is read again. */
bool session_looks_elsewhere(struct session *s, const uint8_t *token);

/* Is it kept out by a ban, of its address or of this user (an any)? Then it has been
 * told. */
bool session_is_kept_out(struct session *s, struct game *g, const uint8_t *user,
                         size_t n_user);

/* Take a seat in this room, which has one; NULL where memory is out: it is over then. */
struct player *session_sit(struct session *s, struct room *r,
                           const struct session_entry *e);

/* What it asked for matters no more. */
void session_forget_wish(struct session *s);

/* Take a held seat back. The client holds the state of from->tick in the room that had
 * this epoch. */
void session_resume(struct session *s, const struct room_return *from, uint32_t schema_hash,
                    uint32_t epoch);

/* The client has received so many counted records. */
void session_confirm(struct session *s, uint32_t n_events);

/* A message for the script: limits first. `in` as for room_input(). After it the
 * seat may be gone: look at s->player again. */
void session_input(struct session *s, const struct input *in);

/* A message that does not fit: dropped, counted, and too many end with 1008.
 * `request` as in struct input: it is told why. */
void session_invalid(struct session *s, uint32_t request, const char *why);

/* A message was dropped: is it time to tell the author why (in dev, once a second)? Then
 * session_tell_dropped() has to follow. */
bool session_tells_dropped(struct session *s);
void session_tell_dropped(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Has the hello gone out? Nothing may be sent to this player before it. */
bool session_is_greeted(const struct session *s);

void session_ack(struct session *s, uint32_t tick);
void session_resync(struct session *s);

/* How far into its tick the room is, in 65536ths. */
uint16_t session_phase(const struct session *s);
void session_send(struct session *s, struct buf *out);

void session_binary(struct session *s, const uint8_t *data, size_t len);
void session_json(struct session *s, const uint8_t *data, size_t len);

/* What kind of record this is, by its `t` alone. `request`, which may be NULL, gets the id
 * of a request + 1; 0: it is none, or has no good id. */
enum session_kind {
    SESSION_OTHER,
    SESSION_PASSING, /* tells nothing that lasts: ping, ack, resync */
    SESSION_COUNTED, /* send, request */
};
enum session_kind session_json_kind(const uint8_t *data, size_t len, uint32_t *request);

/* Why a message was dropped. */
enum session_drop {
    SESSION_DROP_INVALID,    /* it does not fit its declaration */
    SESSION_DROP_MAX_INPUTS, /* as many wait for the tick as may */
    SESSION_DROP_RATE,       /* above the rate of its kind */
    SESSION_DROP_LIMIT,      /* above that of the connection */
};

/* A message of its player has been dropped. The session tells it, at once or with what it
 * hears a second later. */
void session_dropped_one(struct session *s, enum session_drop why);

/* Tell what is untold, if it is time. */
void session_dropped_tell(struct session *s);
