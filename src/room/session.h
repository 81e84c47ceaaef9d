/* SPDX-License-Identifier: MIT */
/*
 * session - one connection's conversation: hello, join or resume, then records
 * in, checked before any script sees them.
 *
 * A session knows a peer and a player, never a socket or a script. It lives as
 * long as its connection; the player may live longer.
 *
 * Ownership: the server's, session_open/session_closed. Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_frame.h"
#include "room/game.h"
#include "room/peer.h"

struct session_request {
    struct game *game;
    const char *room; /* NULL: any open one */
    size_t n_room;
    bool joins_at_once;     /* no subprotocol, or a raw game: no hello is awaited */
    const uint8_t *options; /* any; for those that join at once */
    size_t n_options;
    const uint8_t *door; /* for auth(): headers, query, address …, an any map; copied */
    size_t n_door;
};

struct auth;
struct early;
struct errand;

/* Where it will join. */
struct session_wish {
    char game[GAME_NAME_MAX + 1]; /* by name: it may go while a hello is awaited */
    char room[ROOM_ID_MAX + 1];   /* "": any */
    uint8_t *door;                /* as in the request; NULL where nobody asks for it */
    size_t n_door;
    struct early *early;   /* what it has said meanwhile; NULL: nothing */
    struct errand *errand; /* it is on its way to another worker (errand.h); or NULL */
    uint64_t opened_us;    /* when the connection became a WebSocket */
    uint8_t n_moves;       /* so far */
};

struct session {
    struct world *world;        /* NULL between two workers */
    struct session *next, **at; /* in the world's list */
    struct session_wish *wish;  /* until it has a seat */
    struct auth *auth;          /* the game's auth() is being asked (auth.h) */
    struct peer peer;
    struct player *player;    /* NULL before the join and after the seat is lost */
    struct waiter *waiter;    /* its place in the lobby, or NULL */
    uint32_t dropped_told_ms; /* dev: when it was last told of a dropped message, */
    uint16_t n_untold;        /* ... and how many came since, 65535 at most */
    uint8_t dropped_why;      /* enum session_drop, of the last of these: */
    uint32_t n_dropped;       /* messages of which the client has not been told yet, */
    uint32_t dropped_ms;      /* ... and when it was told last; 0: never */
    bool is_over;             /* Close was sent; what still comes is ignored */
    bool is_remote;           /* its connection is on another worker, and stays there */
    uint8_t origin;           /* the worker that has accepted the connection */
};

/* Start a conversation; `ops` in the peer are called from here on. Returns NULL
 * when memory is out. A refused join says BYE and closes the peer. */
struct session *session_open(struct world *w, const struct peer *peer,
                             const struct session_request *q);

/* A whole WebSocket message from the peer. */
void session_message(struct session *s, enum ws_op op, const uint8_t *data, size_t len);

/* A WebSocket message that was dropped: its sender counts it, so it counts here. */
void session_dropped(struct session *s, const uint8_t *data, size_t len);

/* The connection is gone; frees the session. `code`: 1000 from the peer means
 * that the player left for good. */
void session_closed(struct session **s, uint16_t code);

/* Going over to another worker, after world_ops.on_move and once no code of the session
 * runs: off this one; then, on that of session_goes_to(), onto the other, where it does
 * what it came for (and may be over after that). Between the two session_closed() and
 * session_goes_to() alone may be called. */
void session_detach(struct session *s);
unsigned session_goes_to(const struct session *s);
void session_attach(struct session *s, struct world *w);
void session_arrive(struct session *s);

/* Does it leave its connection here, on the worker that has accepted it, and go alone?
 * Then, before it is attached there, it is told what to talk through instead, which stays
 * until session_closed(): it does not move again. Asked before session_detach(). */
bool session_goes_alone(const struct session *s);
void session_talk_through(struct session *s, const struct peer_ops *ops, void *conn);

/* It cannot be taken there; on_move's worker is this one's again. */
void session_stay(struct session *s);

/* The room has let this session's player go (kick, takeover, end). */
void session_part(struct session *s);

/* BYE in the peer's codec; nothing for raw peers. */
void session_say_bye(const struct peer *peer, uint16_t code, const char *reason);

/* A REPLY record. `body` is an any. */
void session_put_reply(enum peer_codec codec, uint32_t request, bool ok,
                       const uint8_t *body, size_t len, struct buf *out);
