/* SPDX-License-Identifier: MIT */
/*
 * room - a set of players, one piece of state and a tick.
 *
 * A step, for a room that ticks: inputs -> timers -> tick -> scan -> diff -> a
 * delta and the events for each player. An event-driven room (tick_rate 0)
 * handles inputs at once and flushes at most sync_rate times a second; each
 * flush counts as a tick.
 *
 * Ownership: its game's; room_new/room_free through game.h. A room that has
 * nobody left ends itself in its step. Thread: one worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "room/input.h"
#include "room/outbox.h"
#include "room/player.h"
#include "room/sched.h"
#include "script/answers.h"
#include "script/script_room.h"
#include "state/emit.h"
#include "state/image.h"

enum {
    ROOM_ID_MAX = 64,
    ROOM_MAX_FAILING_TICKS = 10,
    ROOM_TELL_US = 1000,     /* event-driven: between two times that the script is told */
    ROOM_MAX_LATE_TICKS = 5, /* run back to back after a stall, the rest is dropped */
    ROOM_MAX_SCHEMAS = 8,    /* that clients may still encode by */
    ROOM_MAX_KILLS = 32,     /* most that the option max_kills can be */
};

#define ROOM_NOT_COUNTED UINT32_MAX

struct game;

struct room {
    struct sched_item item; /* first: sched gives it back */
    char id[ROOM_ID_MAX + 1];
    struct game *game;
    struct place *place; /* what others know of it */
    struct script_room *script;
    struct image *image;
    struct emit_cache cache;
    struct chunk *schema_frame; /* during a flush: SCHEMA, for all who need it */
    struct player **players;    /* in order of joining, so of their ids; spectators, too */
    uint32_t n_players, cap_players, last_id;
    uint32_t n_spectators;   /* of n_players */
    uint32_t n_listeners[3]; /* by codec, those who are away too: what events are for */
    uint32_t n_behind;       /* players whose view may lack something */
    struct inputs inputs;
    struct outbox outbox;
    const uint8_t *raw_data;       /* what the outbox's last was made of; NULL: not known */
    const struct player *raw_from; /* whose message is being handled in place, or NULL */
    size_t raw_mark;        /* what lies before it in the outbox is not that message's */
    struct answers answers; /* to raw_from; while there are some the outbox is empty */
    struct buf scratch;
    uint32_t epoch, tick;
    double tick_rate;                       /* that the clock below goes by */
    uint64_t began_us;                      /* period n is over at began_us + n periods */
    uint64_t n_periods;                     /* periods since then, dropped ones too */
    double base_ms;                         /* the room's time at began_us, which was */
    uint32_t base_tick;                     /* ... in this tick */
    uint64_t told_us;                       /* when the script was last told the time, */
    uint32_t told_tick;                     /* ... and the tick */
    uint64_t flushed_us;                    /* event-driven: when the last flush was */
    struct schema *known[ROOM_MAX_SCHEMAS]; /* oldest first; own references */
    uint32_t n_known;
    uint32_t failing_ticks;
    uint32_t version; /* of the code that last ran in it */
    uint64_t dropped_ticks;
    uint64_t state_bytes; /* of state frames queued for its players */
    bool is_named;        /* its first player asked for it by name: not for /game */
    bool is_private;      /* by its code only: neither listed nor matched */
    uint8_t *labels;      /* what it tells about itself, a map as any; or NULL */
    size_t n_labels;
    uint64_t kills_us[ROOM_MAX_KILLS]; /* when callbacks were stopped; a ring */
    uint32_t n_kills;
    uint32_t n_signals;  /* that wait among the inputs */
    size_t timer_mark;   /* where in the outbox the timer that runs began */
    uint16_t close_code; /* told to players at the end */
    bool is_faulted;     /* ends without asking its script */
    bool is_locked;
    bool is_paused; /* failed too often; waits for a reload */
    bool is_stepping;
    bool is_closing;     /* ends when the step is over */
    bool ran_lua;        /* a callback ran since the last scan */
    bool is_dirty;       /* event-driven: a flush is due */
    bool is_unsaved;     /* something has happened since it was saved (room_save.h) */
    bool is_suspended;   /* the process ends: it was saved, and rests */
    uint64_t save_at_us; /* not before */
    uint64_t saved_us;   /* 0: never */
    uint64_t saved_hash; /* of what was saved, its time left out */
    char close_reason[124];
};

/* Tell the others how it stands: after each change of what struct place_state holds. */
void room_tell_place(struct room *r);

/* How many seats are taken, held ones counted; spectators have none. */
uint32_t room_n_seats(const struct room *r);
bool room_is_full(const struct room *r);

/* Has it so many members that those who come now stay on their workers (`spread`)? */
bool room_is_spread(const struct room *r);

/* Is it for those who name no room: open, and neither private nor about to end? */
bool room_is_open(const struct room *r);

/* What listings show and matching goes by, in place of what there was: a map of flags,
 * numbers and texts as any, which is copied. Where memory is out it stays as it was. */
void room_label(struct room *r, const uint8_t *map, size_t n);

/* Take a seat for this peer; `join` runs in the next step. `name` may be NULL.
 * `options` is a valid any. NULL when the room is full or memory is out. */
struct player *room_take_seat(struct room *r, const struct peer *peer, const char *name,
                              size_t n_name, const uint8_t *options, size_t n_options);

/* Let somebody watch: as room_take_seat(), but beside the seats, and `spectate` runs.
 * NULL when max_spectators watch already or memory is out. */
struct player *room_admit(struct room *r, const struct peer *peer, const char *name,
                          size_t n_name, const uint8_t *options, size_t n_options);

/* What a client says that comes back. */
struct room_return {
    const uint8_t *token; /* one that is good */
    uint32_t tick;        /* of the state that it still holds, 0: none; it gets what
                           * changed since */
    uint32_t n_events;    /* counted records that it has received: it gets those after;
                           * ROOM_NOT_COUNTED: it gets none again */
};

/* Give a held (or still connected) seat to a new connection. */
void room_resume_seat(struct room *r, struct player *p, const struct peer *peer,
                      const struct room_return *from);

/* Something has come from a client that has been greeted, so the hello has arrived. */
void room_hello_arrived(struct player *p);

/* The connection of a seat is gone. Held where the game and the peer allow it and
 * `for_good` is not set, else it leaves. */
void room_lose_peer(struct room *r, struct player *p, bool for_good);

/* A message; checked by its session. Event-driven rooms handle it at once, and may
 * be gone after. false: too many wait, it was dropped. */
bool room_input(struct room *r, struct player *p, const struct input *in);

/* Leave something for the room's next step, in which `signal` runs. NULL, or why not. */
const char *room_signal(struct room *r, const struct script_signal *what);

/* End a seat: BYE and Close to the peer, then `leave` in the next step. */
void room_kick(struct room *r, struct player *p, uint16_t code, const char *reason);

/* Do what is due at `now_us` and set the next time. The room may be gone after. */
void room_step(struct room *r, uint64_t now_us);

/* Answer a request that no script will see. Leaves with the next flush. */
void room_refuse(struct room *r, const struct player *p, uint32_t request, const char *why);

/* The client says which schema it holds, before its first message (0: none), and
 * later that it has taken over a newer one. Unknown ones are passed over: it will
 * be sent the current one, or has been. */
void room_offer_schema(struct player *p, uint32_t hash);
void room_accept_schema(struct player *p, uint32_t hash);

/* Other code runs now (vm_reload, vm_roll_back): go on with its pace and, where the
 * schema changed, take over the state into a new image. No callback runs. */
void room_reload(struct room *r, bool schema_changed);

/* End it: no callback runs after the one under way but `leave` and `close`, and
 * all players get 4008. Outside a step it ends with the next one. */
void room_close(struct room *r, const char *reason);

/* End it because its script cannot go on: no callback runs, players get 4009. */
void room_fault(struct room *r, const char *reason);

/* How much later than 1.5 round trips an ACK of this room's state may come. */
uint32_t room_slack_us(const struct room *r);

/* A player's view was reset: see that it is served. */
void room_wake_for(struct room *r);

/* The hooks that every VM is made with; `room` in them is a struct room. */
extern const struct vm_hooks room_hooks;
