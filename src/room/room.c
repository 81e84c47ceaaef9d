/* SPDX-License-Identifier: MIT */
#include "room/room.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/session.h"

uint32_t room_n_seats(const struct room *r)
{
    return r->n_players;
}

bool room_is_full(const struct room *r)
{
    return r->n_players >= room_def(r)->max_players;
}

struct player *room_find(const struct room *r, uint32_t id)
{
    return map_get(&r->by_id, id);
}

void room_count_peer(struct room *r, const struct player *p, int by)
{
    if (!p->peer.conn)
        return;
    if (p->peer.codec == PEER_BINARY)
        r->n_binary += (uint32_t)by;
    else if (p->peer.codec == PEER_JSON)
        r->n_json += (uint32_t)by;
}

/* Seats. */

static bool add_player(struct room *r, struct player *p)
{
    if (r->n_players == r->cap_players) {
        uint32_t cap = r->cap_players ? r->cap_players * 2 : 4;
        struct player **grown = realloc(r->players, cap * sizeof(struct player *));
        if (!grown)
            return false;
        r->players = grown;
        r->cap_players = cap;
    }
    if (!map_put(&r->by_id, p->id, p))
        return false;
    if (!map_put_bytes(&r->game->tokens, p->token, sizeof p->token, p)) {
        map_remove(&r->by_id, p->id);
        return false;
    }
    r->players[r->n_players++] = p;
    r->game->n_players++;
    return true;
}

static void remove_player(struct room *r, struct player *p)
{
    uint32_t i = 0;

    while (r->players[i] != p)
        i++;
    memmove(r->players + i, r->players + i + 1,
            (r->n_players - i - 1) * sizeof(struct player *));
    r->n_players--;
    r->game->n_players--;
    map_remove(&r->by_id, p->id);
    map_remove_bytes(&r->game->tokens, p->token, sizeof p->token);
    player_free(&p);
}

/* Something waits for the next step: a room that ticks will see it anyway. */
static void wake(struct room *r)
{
    if (room_is_event_driven(r) && !r->is_stepping) {
        sched_set(&r->game->world->sched, &r->item, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

void room_wake_for(struct room *r)
{
    r->n_behind++;
    r->is_dirty = true;
    wake(r);
}

static bool queue(struct room *r, struct player *p, enum input_kind kind, const void *data,
                  size_t len)
{
    struct input in = {.kind = kind, .player = p->id, .data = data, .len = (uint32_t)len};

    wake(r);
    return inputs_push(&r->inputs, &in);
}

struct player *room_take_seat(struct room *r, const struct peer *peer, const char *name,
                              size_t n_name, const uint8_t *options, size_t n_options)
{
    struct player *p = room_is_full(r) ? NULL : player_new(r->last_id + 1);

    if (!p)
        return NULL;
    p->room = r;
    p->peer = *peer;
    p->schema = schema_ref(room_def(r)->schema);
    player_set_name(p, name, n_name, room_def(r)->max_name);
    if (!add_player(r, p)) {
        player_free(&p);
        return NULL;
    }
    r->last_id++;
    room_count_peer(r, p, 1);
    if (!queue(r, p, INPUT_JOIN, options, n_options)) {
        room_count_peer(r, p, -1);
        remove_player(r, p);
        return NULL;
    }
    return p;
}

void room_resume_seat(struct room *r, struct player *p, const struct peer *peer)
{
    if (p->peer.conn)
        room_part(p, CLOSE_TAKEN_OVER, close_reason_text(CLOSE_TAKEN_OVER));
    p->peer = *peer;
    room_count_peer(r, p, 1);
    view_reset(&p->view);
    p->needs_hello = p->is_resumed = true;
    p->probe_us = 0;
    if (p->state == PLAYER_HELD) {
        p->state = PLAYER_SEATED;
        queue(r, p, INPUT_RESUME, NULL, 0);
    }
    r->is_dirty = true;
    wake(r);
}

/* The seat ends with the next step. Where the queue is full it is tried again
 * there: a held seat whose time is over leaves. */
static void start_leaving(struct room *r, struct player *p, const char *reason)
{
    p->state = PLAYER_HELD;
    p->held_until_us = 0;
    if (!p->is_leaving)
        p->is_leaving = queue(r, p, INPUT_LEAVE, reason, strlen(reason));
}

void room_lose_peer(struct room *r, struct player *p, bool for_good)
{
    double reconnect_s = room_def(r)->reconnect;
    bool can_resume = p->peer.can_resume;

    room_count_peer(r, p, -1);
    p->peer.conn = NULL;
    p->session = NULL;
    view_reset(&p->view);
    if (p->is_leaving)
        return;
    if (for_good || !can_resume || reconnect_s <= 0) {
        start_leaving(r, p, for_good ? "left" : "lost");
        return;
    }
    p->state = PLAYER_HELD;
    p->held_until_us = clk_now_us() + (uint64_t)(reconnect_s * 1e6);
    queue(r, p, INPUT_DROP, NULL, 0);
}

void room_kick(struct room *r, struct player *p, uint16_t code, const char *reason)
{
    if (p->is_leaving)
        return;
    start_leaving(r, p, "kicked");
    if (p->peer.conn)
        room_part(p, code, *reason ? reason : close_reason_text(code));
}

void room_close(struct room *r, const char *reason)
{
    if (r->is_closing)
        return;
    r->is_closing = true;
    strncpy(r->close_reason, reason, sizeof r->close_reason - 1);
    if (!r->is_stepping) {
        sched_set(&r->game->world->sched, &r->item, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

/* Callbacks. */

/* What is left to do after one: take back the sends of one that raised, and in
 * dev look at the state at once, so that a wrong value is blamed on it. */
static void settle(struct room *r, enum script_result result, size_t mark)
{
    if (result == SCRIPT_ABSENT)
        return;
    r->ran_lua = true;
    r->is_dirty = true;
    if (result == SCRIPT_RAISED)
        outbox_cut(&r->outbox, mark);
}

/* In dev, `call` names what ran last for the errors that the scan finds. */
#define RUN(r, name, call)                                                                 \
    do {                                                                                   \
        size_t mark = (r)->outbox.n;                                                       \
        settle((r), (call), mark);                                                         \
        if ((r)->game->world->is_dev && !room_def(r)->raw) {                               \
            (r)->script->vm->where = (name);                                               \
            script_scan((r)->script);                                                      \
            (r)->script->vm->where = NULL;                                                 \
        }                                                                                  \
    } while (0)

static void answer(struct room *r, struct player *p, uint32_t request, bool ok,
                   const struct buf *body)
{
    struct buf *out = &r->scratch;

    buf_clear(out);
    session_put_reply(p->peer.codec, request, ok, body->data, body->len, out);
    struct chunk *frame =
        out->failed ? NULL
                    : ws_frame_chunk(p->peer.codec == PEER_JSON ? WS_TEXT : WS_BINARY,
                                     out->data, out->len);
    if (frame)
        p->peer.ops->send(p->peer.conn, frame);
    chunk_unref(&frame);
}

static void handle_message(struct room *r, struct player *p, const struct input *in)
{
    const struct record *record = NULL;
    struct wire_in body = wire_from(in->data, in->len);
    struct wire_str name = {NULL, 0};
    struct buf reply;
    size_t mark = r->outbox.n;

    if (in->kind == INPUT_MESSAGE)
        record = &p->schema->messages[in->message];
    else
        name = wire_str(&body);
    buf_init(&reply, 1 << 20);
    enum script_result result =
        script_message(r->script, p->id, record, name.text, name.len, body.at,
                       wire_left(&body), in->request ? &reply : NULL);
    settle(r, result, mark);
    if (in->request && p->peer.conn) {
        if (result != SCRIPT_DONE) {
            const char *why = result == SCRIPT_ABSENT
                                  ? "the game does not know this request"
                                  : "the game failed to answer";
            buf_clear(&reply);
            wire_put_u8(&reply, ANY_STR);
            wire_put_str(&reply, why, strlen(why));
        }
        answer(r, p, in->request - 1, result == SCRIPT_DONE, &reply);
    }
    buf_fini(&reply);
    if (r->game->world->is_dev) {
        char where[80];
        snprintf(where, sizeof where, "%s%s", record ? "on." : "message",
                 record ? record->name : "");
        r->script->vm->where = where;
        script_scan(r->script);
        r->script->vm->where = NULL;
    }
}

static void handle_join(struct room *r, struct player *p, const struct input *in)
{
    if (script_seat_add(r->script, p->id, p->name) < 0) {
        room_kick(r, p, CLOSE_INTERNAL, "");
        return;
    }
    if (p->state == PLAYER_JOINING)
        p->state = PLAYER_SEATED;
    p->needs_hello = p->peer.codec != PEER_RAW;
    p->outbox_from = r->outbox.n;
    RUN(r, "join", script_join(r->script, p->id, in->data, in->len));
    r->is_dirty = true;
}

static void handle(struct room *r, const struct input *in)
{
    struct player *p = room_find(r, in->player);

    if (!p)
        return;
    switch (in->kind) {
    case INPUT_JOIN: handle_join(r, p, in); break;
    case INPUT_MESSAGE:
    case INPUT_OTHER:
        p->n_waiting--;
        if (!r->is_paused)
            handle_message(r, p, in);
        break;
    case INPUT_RAW:
        p->n_waiting--;
        if (!r->is_paused)
            RUN(r, "message",
                script_raw_message(r->script, p->id, in->data, in->len, in->is_text));
        break;
    case INPUT_DROP:
        RUN(r, "drop", script_player(r->script, SCRIPT_DROP, p->id, NULL));
        break;
    case INPUT_RESUME:
        RUN(r, "resume", script_player(r->script, SCRIPT_RESUME, p->id, NULL));
        break;
    case INPUT_LEAVE: {
        char reason[32] = "";
        memcpy(reason, in->data, in->len < sizeof reason ? in->len : sizeof reason - 1);
        RUN(r, "leave", script_player(r->script, SCRIPT_LEAVE, p->id, reason));
        script_seat_remove(r->script, p->id);
        if (p->peer.conn)
            room_part(p, CLOSE_INTERNAL, "");
        remove_player(r, p);
        break;
    }
    }
}

static void expire_seats(struct room *r, uint64_t now_us)
{
    for (uint32_t i = 0; i < r->n_players; i++) {
        struct player *p = r->players[i];
        if (p->state == PLAYER_HELD && !p->is_leaving && p->held_until_us <= now_us)
            start_leaving(r, p, "lost");
    }
}

static void run_inputs(struct room *r)
{
    struct input in;

    inputs_turn(&r->inputs);
    while (inputs_next(&r->inputs, &in))
        handle(r, &in);
}

/* A raw message of an event-driven game is handled in place, without a copy. */
static void run_raw(struct room *r, const struct input *in)
{
    r->is_stepping = true;
    r->script->now_ms = (double)(clk_now_us() - r->began_us) / 1000;
    handle(r, in);
    room_flush_raw(r);
    r->is_stepping = false;
    if (r->is_closing || r->inputs.n || r->script->wake_ms < 1e15) {
        room_schedule(r, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

bool room_input(struct room *r, struct player *p, const struct input *in)
{
    bool at_once = room_is_event_driven(r) && !r->is_stepping;

    if (at_once && in->kind == INPUT_RAW && r->inputs.n == 0) {
        p->n_waiting++;
        run_raw(r, in);
        return true;
    }
    if (p->n_waiting >= room_def(r)->max_inputs || !inputs_push(&r->inputs, in))
        return false;
    p->n_waiting++;
    p->n_received++;
    if (at_once)
        room_step(r, clk_now_us());
    return true;
}

/* Steps. */

static void run_timers(struct room *r)
{
    if (r->script->wake_ms > r->script->now_ms || r->is_paused)
        return;
    script_timers(r->script);
    r->ran_lua = r->is_dirty = true;
}

static void run_tick(struct room *r)
{
    size_t mark = r->outbox.n;

    if (r->is_paused)
        return;
    enum script_result result = script_tick(r->script, 1 / room_def(r)->tick_rate);
    settle(r, result, mark);
    if (result != SCRIPT_RAISED) {
        r->failing_ticks = 0;
    } else if (++r->failing_ticks >= ROOM_MAX_FAILING_TICKS) {
        r->is_paused = true;
        logger_error(r->game->name,
                     "room %s is paused: %d ticks in a row have failed; save "
                     "a working game.lua to go on",
                     r->id, ROOM_MAX_FAILING_TICKS);
    }
}

static void scan(struct room *r)
{
    if (r->ran_lua && !room_def(r)->raw)
        script_scan(r->script);
    r->ran_lua = false;
}

static void one_tick(struct room *r, uint64_t now_us)
{
    double period_ms = 1000 / room_def(r)->tick_rate;

    r->script->now_ms = r->tick * period_ms;
    script_room_set_tick(r->script, r->tick, r->tick * period_ms / 1000);
    run_inputs(r);
    run_timers(r);
    run_tick(r);
    scan(r);
    if (room_def(r)->raw)
        room_flush_raw(r);
    room_flush(r, now_us);
}

static uint64_t period_us(const struct room *r, uint64_t n)
{
    return (uint64_t)((double)n * 1e6 / room_def(r)->tick_rate);
}

static void step_ticks(struct room *r, uint64_t now_us)
{
    uint64_t due =
        (uint64_t)((double)(now_us - r->began_us) * room_def(r)->tick_rate / 1e6);
    uint64_t late = due > r->n_periods ? due - r->n_periods : 0;

    if (late > ROOM_MAX_LATE_TICKS) {
        r->dropped_ticks += late - ROOM_MAX_LATE_TICKS;
        r->n_periods += late - ROOM_MAX_LATE_TICKS;
        late = ROOM_MAX_LATE_TICKS;
    }
    while (late-- > 0 && !r->is_closing) {
        r->n_periods++;
        one_tick(r, now_us);
    }
}

static uint64_t next_flush_us(const struct room *r)
{
    return r->flushed_us + (uint64_t)(1e6 / room_def(r)->sync_rate);
}

static void step_events(struct room *r, uint64_t now_us)
{
    r->script->now_ms = (double)(now_us - r->began_us) / 1000;
    script_room_set_tick(r->script, r->tick, r->script->now_ms / 1000);
    run_inputs(r);
    run_timers(r);
    if (room_def(r)->raw) {
        room_flush_raw(r);
        r->is_dirty = r->ran_lua = false;
    } else if ((r->is_dirty || r->n_behind) && now_us >= next_flush_us(r)) {
        scan(r);
        r->flushed_us = now_us;
        r->is_dirty = false;
        room_flush(r, now_us);
    }
}

void room_schedule(struct room *r, uint64_t now_us)
{
    uint64_t at = UINT64_MAX;

    if (!room_is_event_driven(r)) {
        at = r->began_us + period_us(r, r->n_periods + 1);
    } else {
        if (!room_def(r)->raw && (r->is_dirty || r->n_behind))
            at = next_flush_us(r);
        if (r->script->wake_ms < 1e15 && !r->is_paused) {
            uint64_t timer = r->began_us + (uint64_t)ceil(r->script->wake_ms * 1000);
            at = timer < at ? timer : at;
        }
        for (uint32_t i = 0; i < r->n_players; i++)
            if (r->players[i]->state == PLAYER_HELD && r->players[i]->held_until_us < at)
                at = r->players[i]->held_until_us;
        if (r->inputs.n || r->is_closing)
            at = now_us;
    }
    sched_set(&r->game->world->sched, &r->item, at);
}

void room_step(struct room *r, uint64_t now_us)
{
    struct world *w = r->game->world;

    assert(!r->is_stepping);
    r->is_stepping = true;
    expire_seats(r, now_us);
    if (room_is_event_driven(r))
        step_events(r, now_us);
    else
        step_ticks(r, now_us);
    r->is_stepping = false;
    if (r->is_closing || r->n_players == 0)
        game_end_room(r);
    else
        room_schedule(r, now_us);
    w->ops->on_schedule(w->ctx);
}

/* The schema is another: what scripts hold goes into a new image. */
static void take_over_state(struct room *r)
{
    struct image *fresh;

    if (image_new(&fresh, room_def(r)->schema, r->tick - 1) < 0 ||
        (image_begin(fresh, r->tick), script_room_rebind(r->script, fresh)) < 0) {
        image_free(&fresh);
        script_room_rebind(r->script, r->image);
        room_close(r, "out of memory");
        return;
    }
    image_free(&r->image);
    r->image = fresh;
    emit_cache_fini(&r->cache);
    emit_cache_init(&r->cache);
    for (uint32_t i = 0; i < r->n_players; i++) {
        view_reset(&r->players[i]->view);
        r->players[i]->needs_schema = true;
    }
    r->n_behind = r->n_players;
}

void room_reload(struct room *r, uint32_t old_version, bool schema_changed)
{
    uint64_t now_us = clk_now_us();

    if (schema_changed)
        take_over_state(r);
    r->version = r->game->vm->version;
    r->is_paused = false;
    r->failing_ticks = 0;
    r->began_us = now_us - (room_is_event_driven(r) ? (uint64_t)(r->script->now_ms * 1000)
                                                    : period_us(r, r->n_periods));
    RUN(r, "reloaded", script_reloaded(r->script, old_version));
    r->ran_lua = r->is_dirty = true;
    room_schedule(r, now_us);
}
