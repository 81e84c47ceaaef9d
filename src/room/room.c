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
#include "proto/utf8.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/room_save.h"
#include "room/session.h"

enum { REPLY_BYTES = 1 << 20 };

/* script_room.wake_ms where no timer runs is far above this. */
#define NO_TIMER_MS 1e15

/* Something waits for the next step: a room that ticks will see it anyway. */
void room_wake(struct room *r)
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
    room_wake(r);
}

void room_close(struct room *r, const char *reason)
{
    if (r->is_closing)
        return;
    r->is_closing = true;
    r->close_code = r->is_faulted ? CLOSE_GAME_FAULTED : CLOSE_ROOM_CLOSED;
    strncpy(r->close_reason, reason, sizeof r->close_reason - 1);
    room_tell_place(r);
    if (!r->is_stepping) {
        sched_set(&r->game->world->sched, &r->item, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

/* Callbacks. */

/* `call` is the call into the script; what it sends is counted from here. */
#define RUN(r, where, call)                                                                \
    do {                                                                                   \
        size_t mark = (r)->outbox.n;                                                       \
        room_settle((r), (call), mark, (where));                                           \
    } while (0)

void room_run_reloaded(struct room *r, uint32_t old_version)
{
    if (!vm_step_is_over(r->game->vm))
        RUN(r, "reloaded", script_reloaded(r->script, old_version));
    r->ran_lua = r->is_dirty = true;
}

void room_answer(struct room *r, const struct player *p, uint32_t request, bool ok,
                 const struct buf *body)
{
    struct buf *out = &r->scratch;
    struct out_event ev = {.to = p->id, .request = request + 1};
    bool json = p->peer.codec == PEER_JSON;

    buf_clear(out);
    session_put_reply(p->peer.codec, request, ok, body->data, body->len, out);
    struct chunk *frame =
        out->failed ? NULL
                    : ws_frame_chunk(json ? WS_TEXT : WS_BINARY, out->data, out->len);
    *(json ? &ev.json : &ev.binary) = frame;
    if (!frame || !outbox_push(&r->outbox, &ev, NULL))
        logger_warn(r->game->name, "room %s: the answer to a request was not sent", r->id);
    r->is_dirty = true;
}

void room_refuse(struct room *r, const struct player *p, uint32_t request, const char *why)
{
    struct buf body;
    size_t n = strlen(why);

    while (n > 0 && !utf8_is_valid(why, n))
        n--; /* an err text may be cut inside a character of the client's */
    buf_init(&body, 1024);
    wire_put_u8(&body, ANY_STR);
    wire_put_str(&body, why, n);
    room_answer(r, p, request, false, &body);
    buf_fini(&body);
    if (room_is_event_driven(r) && !r->is_stepping) {
        room_schedule(r, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

static void handle_message(struct room *r, struct player *p, const struct input *in)
{
    const struct record *record = NULL;
    struct wire_in body = wire_from(in->data, in->len);
    struct wire_str name = {NULL, 0};
    struct buf reply;
    char where[80];
    size_t mark = r->outbox.n;

    if (in->kind == INPUT_MESSAGE)
        record = &in->schema->messages[in->message];
    else
        name = wire_str(&body);
    snprintf(where, sizeof where, "%s%s", record ? "on." : "message",
             record ? record->name : "");
    buf_init(&reply, REPLY_BYTES);
    enum script_result result =
        script_message(r->script, p->id, record, name.text, name.len, body.at,
                       wire_left(&body), in->request ? &reply : NULL);
    room_settle(r, result, mark, where);
    if (in->request && player_listens(p)) {
        if (result == SCRIPT_DONE)
            room_answer(r, p, in->request - 1, true, &reply);
        else
            room_refuse(r, p, in->request - 1,
                        result == SCRIPT_ABSENT ? "the game does not know this request"
                                                : "the game failed to answer");
    }
    buf_fini(&reply);
}

static void handle_join(struct room *r, struct player *p, const struct input *in)
{
    if (room_tell_seat(r, p) < 0) {
        room_kick(r, p, CLOSE_INTERNAL, "");
        return;
    }
    p->has_joined = true;
    if (p->state == PLAYER_JOINING)
        p->state = PLAYER_SEATED;
    p->needs_hello = p->peer.codec != PEER_RAW;
    p->outbox_from = (uint32_t)r->outbox.n;
    if (p->is_spectator)
        RUN(r, "spectate", script_spectate(r->script, p->id, in->data, in->len));
    else
        RUN(r, "join", script_join(r->script, p->id, in->data, in->len));
    r->is_dirty = true;
}

static void leave(struct room *r, struct player *p, const char *reason)
{
    if (!p->has_joined)
        return;
    if (!p->is_spectator && !r->is_faulted && !vm_step_is_over(r->game->vm))
        RUN(r, "leave", script_player(r->script, SCRIPT_LEAVE, p->id, reason));
    if (!r->is_faulted)
        script_seat_remove(r->script, p->id);
    p->has_joined = false;
}

static void handle_raw(struct room *r, const struct player *p, const struct input *in)
{
    r->raw_mark = r->outbox.n; /* which on_next_raw() moves */
    enum script_result result =
        script_raw_message(r->script, p->id, in->data, in->len, in->is_text);
    room_settle(r, result, r->raw_mark, "message");
}

static void handle_signal(struct room *r, const struct input *in)
{
    struct wire_in body = wire_from(in->data, in->len);
    struct wire_str name = wire_str(&body);

    r->n_signals--;
    if (!r->is_paused)
        RUN(r, "signal",
            script_signal(r->script, name.text, name.len, body.at, wire_left(&body)));
}

static void handle(struct room *r, const struct input *in)
{
    struct player *p = room_find(r, in->player);

    if (in->kind == INPUT_SIGNAL)
        handle_signal(r, in);
    if (!p)
        return;
    switch (in->kind) {
    case INPUT_JOIN: handle_join(r, p, in); break;
    case INPUT_MESSAGE:
    case INPUT_OTHER:
        p->n_waiting--;
        if (!r->is_paused)
            handle_message(r, p, in);
        else if (in->request && player_listens(p))
            room_refuse(r, p, in->request - 1, "the room is paused");
        if (in->seq) {
            p->ledger->input_done = in->seq;
            r->is_dirty = true; /* who sent it wants to know */
        }
        break;
    case INPUT_RAW:
        p->n_waiting--;
        if (!r->is_paused)
            handle_raw(r, p, in);
        break;
    case INPUT_DROP:
        RUN(r, "drop", script_player(r->script, SCRIPT_DROP, p->id, NULL));
        break;
    case INPUT_RESUME:
        RUN(r, "resume", script_player(r->script, SCRIPT_RESUME, p->id, NULL));
        break;
    case INPUT_LEAVE: {
        char reason[16] = "";
        memcpy(reason, in->data, in->len < sizeof reason ? in->len : sizeof reason - 1);
        leave(r, p, reason);
        room_remove(r, p);
        break;
    }
    case INPUT_SIGNAL: break; /* of no player */
    }
}

static void run_inputs(struct room *r)
{
    struct input in;

    if (!inputs_has_more(&r->inputs))
        inputs_turn(&r->inputs);
    while (!r->is_closing && !vm_step_is_over(r->game->vm) &&
           inputs_next(&r->inputs, &in)) {
        handle(r, &in);
        schema_unref(&in.schema);
    }
}

/* room.tick and room.time for callbacks that run now; the time is told anew when it
 * has moved by a millisecond, which spares busy raw games a call. */
static void set_time(struct room *r, uint64_t now_us)
{
    r->script->now_ms = room_ms(r, now_us);
    if (r->told_tick == r->tick && now_us - r->told_us < ROOM_TELL_US)
        return;
    r->told_tick = r->tick;
    r->told_us = now_us;
    script_room_set_tick(r->script, r->tick, r->script->now_ms / 1000);
}

void room_take_answers(struct room *r)
{
    r->game->vm->answers = r->outbox.n ? NULL : &r->answers;
}

/* A raw message of an event-driven game is handled in place, without a copy. */
static void run_raw(struct room *r, const struct player *p, const struct input *in)
{
    uint64_t now_us = clk_recent_us();

    r->is_stepping = true;
    set_time(r, now_us);
    r->raw_from = p;
    room_take_answers(r);
    if (!r->is_paused)
        handle_raw(r, p, in);
    r->game->vm->answers = NULL;
    if (r->outbox.n || r->answers.n)
        room_flush_raw(r);
    r->raw_from = NULL;
    vm_step_end(r->game->vm);
    r->is_stepping = false;
    if (r->is_closing || r->inputs.n || r->script->wake_ms < NO_TIMER_MS) {
        room_schedule(r, now_us);
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
}

bool room_input(struct room *r, struct player *p, const struct input *in)
{
    bool at_once = room_is_event_driven(r) && !r->is_stepping;

    if (r->is_closing)
        return true; /* the seat is about to go, and the message with it */
    if (at_once && in->kind == INPUT_RAW && r->inputs.n == 0 &&
        !inputs_has_more(&r->inputs)) {
        run_raw(r, p, in);
        return true;
    }
    if (p->n_waiting >= room_def(r)->max_inputs || !inputs_push(&r->inputs, in))
        return false;
    p->n_waiting++;
    if (at_once)
        room_step(r, clk_now_us());
    return true;
}

/* Steps. */

static bool after_timer(void *owner, enum script_result result)
{
    struct room *r = owner;

    room_settle(r, result, r->timer_mark, "timer");
    r->timer_mark = r->outbox.n;
    return !r->is_closing && !vm_step_is_over(r->game->vm);
}

static void run_timers(struct room *r)
{
    if (r->script->wake_ms > r->script->now_ms || r->is_paused || r->is_closing ||
        vm_step_is_over(r->game->vm))
        return;
    r->timer_mark = r->outbox.n;
    script_timers(r->script, after_timer);
}

static void drop_ticks(struct room *r, uint64_t n)
{
    r->dropped_ticks += n;
    r->game->n_dropped_ticks += n;
}

static void run_tick(struct room *r)
{
    size_t mark = r->outbox.n;

    if (r->is_paused || r->is_closing)
        return;
    if (vm_step_is_over(r->game->vm)) {
        drop_ticks(r, 1);
        return;
    }
    enum script_result result = script_tick(r->script, 1 / room_def(r)->tick_rate);
    room_settle(r, result, mark, "tick");
    if (result >= 0) {
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
        room_scan(r);
    r->ran_lua = false;
}

double room_ms(const struct room *r, uint64_t now_us)
{
    if (r->tick_rate > 0)
        return r->base_ms + (r->tick - r->base_tick) * 1000 / r->tick_rate;
    return r->base_ms + (double)(now_us - r->began_us) / 1000;
}

static void one_tick(struct room *r, uint64_t now_us)
{
    vm_step_begin(r->game->vm);
    set_time(r, now_us);
    run_inputs(r);
    run_timers(r);
    run_tick(r);
    scan(r);
    if (room_def(r)->raw)
        room_flush_raw(r);
    room_flush(r, now_us);
    vm_step_end(r->game->vm);
}

void room_begin_clock(struct room *r, uint64_t now_us)
{
    r->tick_rate = room_def(r)->tick_rate;
    r->n_periods = 0;
    r->began_us = r->tick_rate > 0
                      ? phase_begin(&r->game->world->phases, r->tick_rate, now_us)
                      : now_us;
}

/* When period n is over, in whole microseconds after began_us; never early. */
static uint64_t periods_us(const struct room *r, uint64_t n)
{
    return (uint64_t)ceil((double)n * 1e6 / r->tick_rate);
}

/* How many are over after that time; by rounding one may count a microsecond early,
 * but never late: a room that is woken when it asked to be must find work, or it
 * would ask for the same time again. */
static uint64_t n_periods_in(const struct room *r, uint64_t us)
{
    uint64_t n = (uint64_t)((double)us * r->tick_rate / 1e6);

    while (periods_us(r, n + 1) <= us)
        n++;
    return n;
}

static void step_ticks(struct room *r, uint64_t now_us)
{
    uint64_t due = n_periods_in(r, now_us - r->began_us);
    uint64_t late = due > r->n_periods ? due - r->n_periods : 0;

    if (late > ROOM_MAX_LATE_TICKS) {
        drop_ticks(r, late - ROOM_MAX_LATE_TICKS);
        r->n_periods += late - ROOM_MAX_LATE_TICKS;
        late = ROOM_MAX_LATE_TICKS;
    }
    while (late-- > 0 && !r->is_closing) {
        uint64_t began_ns = clk_real_ns();
        r->n_periods++;
        uint64_t due_us = r->began_us + periods_us(r, r->n_periods);
        histogram_add(&r->game->lateness, now_us > due_us ? now_us - due_us : 0);
        one_tick(r, now_us);
        histogram_add(&r->game->ticks, (clk_real_ns() - began_ns) / 1000);
    }
}

static uint64_t next_flush_us(const struct room *r)
{
    return r->flushed_us + (uint64_t)(1e6 / room_def(r)->sync_rate);
}

static void step_events(struct room *r, uint64_t now_us)
{
    vm_step_begin(r->game->vm);
    set_time(r, now_us);
    run_inputs(r);
    run_timers(r);
    if (room_def(r)->raw) {
        room_flush_raw(r);
        r->is_dirty = r->ran_lua = false;
    } else if (r->is_closing ||
               ((r->is_dirty || r->n_behind) && now_us >= next_flush_us(r))) {
        /* What was sent right before the end leaves too. */
        scan(r);
        r->flushed_us = now_us;
        room_flush(r, now_us);
    }
    vm_step_end(r->game->vm);
}

/* When the first timer of an event-driven room is due. One that is due already has
 * been set by a timer that ran just now: such a chain gets a rest of a
 * millisecond, so that it cannot keep the worker from everything else. */
static uint64_t timer_us(const struct room *r, uint64_t now_us)
{
    double ms = r->script->wake_ms - r->base_ms;
    uint64_t us = ms > 0 ? (uint64_t)ceil(ms * 1000) : 0;

    while (r->base_ms + (double)us / 1000 < r->script->wake_ms)
        us++; /* the product was rounded down */
    us += r->began_us;
    return us > now_us ? us : now_us + 1000;
}

void room_schedule(struct room *r, uint64_t now_us)
{
    uint64_t at = UINT64_MAX;

    if (r->is_closing) {
        at = now_us;
    } else if (!room_is_event_driven(r)) {
        at = r->began_us + periods_us(r, r->n_periods + 1);
    } else {
        if (!room_def(r)->raw && (r->is_dirty || r->n_behind))
            at = next_flush_us(r);
        if (r->script->wake_ms < NO_TIMER_MS && !r->is_paused) {
            uint64_t timer = timer_us(r, now_us);
            at = timer < at ? timer : at;
        }
        if (room_wants_save(r) && r->save_at_us < at)
            at = r->save_at_us > now_us ? r->save_at_us : now_us + 1000;
        for (uint32_t i = 0; i < r->n_players; i++)
            if (r->players[i]->state == PLAYER_HELD && r->players[i]->held_until_us < at)
                at = r->players[i]->held_until_us;
        if (r->inputs.n)
            at = now_us;
        if (inputs_has_more(&r->inputs))
            at = now_us + 1000; /* the last step ran out of time: others first */
    }
    sched_set(&r->game->world->sched, &r->item, at);
}

void room_finish_tick(struct room *r, uint64_t now_us)
{
    if (r->is_stepping)
        return;
    r->is_stepping = true;
    if (room_is_event_driven(r))
        step_events(r, now_us);
    else if (r->inputs.n || inputs_has_more(&r->inputs))
        one_tick(r, now_us);
    r->is_stepping = false;
}

void room_step(struct room *r, uint64_t now_us)
{
    struct world *w = r->game->world;

    assert(!r->is_stepping);
    if (r->is_suspended)
        return;
    if (!r->is_closing) {
        r->is_stepping = true;
        room_expire_seats(r, now_us);
        if (room_is_event_driven(r))
            step_events(r, now_us);
        else
            step_ticks(r, now_us);
        if (!r->is_closing && room_n_seats(r) > 0)
            room_save_if_due(r, now_us);
        r->is_stepping = false;
    }
    if (r->is_closing)
        game_end_room(r, "closed");
    else if (room_n_seats(r) == 0) /* nobody plays for those who watch */
        game_end_room(r, "empty");
    else
        room_schedule(r, now_us);
    w->ops->on_schedule(w->ctx);
}

void room_end(struct room *r, const char *reason)
{
    const char *told =
        *r->close_reason ? r->close_reason : close_reason_text(CLOSE_ROOM_CLOSED);
    struct vm *vm = r->game->vm;
    bool is_within = vm->step_ends_ns != 0; /* many rooms end in one go */

    if (!is_within)
        vm_step_begin(vm);
    r->is_stepping = r->is_closing = true;
    for (uint32_t i = 0; i < r->n_players; i++)
        if (r->players[i]->peer.conn)
            room_part(r->players[i], r->close_code ? r->close_code : CLOSE_ROOM_CLOSED,
                      told);
    for (uint32_t i = 0; i < r->n_players; i++)
        leave(r, r->players[i], "closed");
    if (!r->is_faulted && !vm_step_is_over(vm))
        script_close(r->script, reason);
    if (!is_within)
        vm_step_end(vm);
    while (r->n_players > 0)
        room_remove(r, r->players[r->n_players - 1]);
}
