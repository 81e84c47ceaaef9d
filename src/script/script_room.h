/* SPDX-License-Identifier: MIT */
/*
 * script_room - one room as its script sees it: the calls in.
 *
 * Every call is protected: what a script raises ends the callback, is reported
 * through on_error with file and line, and comes back as SCRIPT_RAISED. All
 * pushing of arguments happens under that protection too.
 *
 * Ownership: script_room_new/free; borrows the image and the owner. Thread: its
 * worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "script/vm.h"
#include "state/image.h"

struct script_room {
    struct vm *vm;
    void *owner;
    struct image *image; /* an open bracket whenever script code may run */
    const char *id;
    uint32_t handle;
    int room_ref, data_ref, seats_ref;
    struct rnd rnd;
    double now_ms;           /* since the room began; set before calling */
    double wake_ms;          /* when the first timer is due; HUGE_VAL for none */
    uint32_t proven_version; /* of the code whose tick has come to its end here */
    bool has_lost_timer;     /* one that cannot be saved was reported (script_save.h) */
    struct call_stats stats; /* of all its callbacks */
};

enum script_result {
    SCRIPT_DONE = 0,
    SCRIPT_ABSENT = 1, /* the game has no such callback */
    SCRIPT_RAISED = -1,
    SCRIPT_STOPPED = -2, /* out of time or memory: call script_restore() */
};

/* `id` must outlive it. Returns 0 or -ENOMEM. */
int script_room_new(struct script_room **out, struct vm *vm, void *owner, const char *id,
                    uint64_t seed, struct image *image);
void script_room_free(struct script_room **sr);

/* The schema has changed: go on with a new, empty image; the next scan fills it.
 * Returns 0 or -ENOMEM. */
int script_room_rebind(struct script_room *sr, struct image *image);

/* room.tick and room.time, before the callbacks of a tick. */
void script_room_set_tick(struct script_room *sr, uint32_t tick, double time_s);

/* Seats: make the player object, and take it away again (after `leave`). */
int script_seat_add(struct script_room *sr, uint32_t id,
                    const char *name); /* 0 or -ENOMEM */
int script_spectator_add(struct script_room *sr, uint32_t id, const char *name);

/* player.user: what auth has found out, a valid any. 0 or -ENOMEM. */
int script_seat_set_user(struct script_room *sr, uint32_t id, const uint8_t *user,
                         size_t n);
void script_seat_remove(struct script_room *sr, uint32_t id);

/* Callbacks. `options` and `payload` are valid wire values. */
enum script_result script_create(struct script_room *sr, const uint8_t *options, size_t n);
enum script_result script_join(struct script_room *sr, uint32_t player,
                               const uint8_t *options, size_t n);
enum script_result script_spectate(struct script_room *sr, uint32_t player,
                                   const uint8_t *options, size_t n);

/* A declared message (`record` of the schema the sender used; found by name) or,
 * with record NULL, any other by `name`. Where `reply` is given, what the handler
 * returns is appended to it as any. */
enum script_result script_message(struct script_room *sr, uint32_t player,
                                  const struct record *record, const char *name,
                                  size_t n_name, const uint8_t *payload, size_t n,
                                  struct buf *reply);
enum script_result script_raw_message(struct script_room *sr, uint32_t player,
                                      const uint8_t *data, size_t n, bool is_text);
enum script_result script_tick(struct script_room *sr, double dt);
enum script_result script_player(struct script_room *sr, enum script_callback which,
                                 uint32_t player,
                                 const char *reason); /* drop resume leave */
enum script_result script_reloaded(struct script_room *sr, uint32_t old_version);

/* The VM was replaced: `reloaded(version, true)`. */
enum script_result script_rebuilt(struct script_room *sr, uint32_t version);

/* What somebody has left with parlor.signal(); `payload` is a valid any. */
enum script_result script_signal(struct script_room *sr, const char *name, size_t n_name,
                                 const uint8_t *payload, size_t n);
enum script_result script_close(struct script_room *sr, const char *reason);

/* Run all timers that are due at now_ms. `after` hears how each ended, outside the
 * VM; false ends the run, what is due stays. NULL: nobody wants to know. */
void script_timers(struct script_room *sr,
                   bool (*after)(void *owner, enum script_result r));

/* Bring what scripts have changed back to what the image holds, which is what the
 * last scan saw: the tables stay the same ones where they are still in their places,
 * values that mean what the image holds stay untouched. Timers and seats are mended,
 * where a stopped callback left them half done; private fields stay. -1 where even
 * that did not work: vm->is_lost is set. */
enum script_result script_restore(struct script_room *sr);

/* Bring what scripts have changed into the image. */
enum script_result script_scan(struct script_room *sr);
