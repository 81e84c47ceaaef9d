/* SPDX-License-Identifier: MIT */
/*
 * room_flush - the end of a tick: what each player gets, in the order that
 * PROTOCOL.md promises: hello, schema, snapshot or delta, then events.
 */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "room/room_internal.h"
#include "state/emit_hash.h"

enum {
    ACK_DELAY_US = 40000,
    HASH_TICKS = 64, /* dev: between two hashes of one player */
    /* A run of raw messages in one piece. */
    RUN_FRAMES = 64,
    RUN_FRAME_BYTES = 512,
};

static void send_buf(struct player *p, struct buf *out)
{
    enum ws_op op = p->peer.codec == PEER_JSON ? WS_TEXT : WS_BINARY;
    struct chunk *frame = out->failed ? NULL : ws_frame_chunk(op, out->data, out->len);

    if (frame)
        p->peer.ops->send(p->peer.conn, frame);
    chunk_unref(&frame);
}

/* One that the client counts. */
static void send_counted(struct room *r, struct player *p, struct buf *out)
{
    enum ws_op op = p->peer.codec == PEER_JSON ? WS_TEXT : WS_BINARY;
    struct chunk *frame = out->failed ? NULL : ws_frame_chunk(op, out->data, out->len);

    if (!frame)
        return;
    p->peer.ops->send(p->peer.conn, frame);
    ring_push(&p->ledger->tally.sent, frame, room_def(r)->resume_bytes);
    chunk_unref(&frame);
}

/* The schema is that of the image, which is the one sent: right after a reload the
 * game's own may be newer. */
static void put_schema(const struct room *r, struct buf *out)
{
    const struct schema *schema = r->image->schema;

    wire_put_u8(out, RECORD_SCHEMA);
    wire_put_u32(out, schema->hash);
    wire_put_str(out, schema->json, schema->n_json);
}

/* After a reload all need it. */
static void send_schema(struct room *r, struct player *p)
{
    struct buf *out = &r->scratch;

    if (!r->schema_frame) {
        buf_clear(out);
        put_schema(r, out);
        if (!out->failed)
            r->schema_frame = chunk_share(ws_frame_chunk(WS_BINARY, out->data, out->len));
    }
    if (r->schema_frame)
        p->peer.ops->send(p->peer.conn, r->schema_frame);
}

static uint32_t period_us(const struct room *r)
{
    return room_is_event_driven(r) ? 0 : (uint32_t)(1e6 / room_def(r)->tick_rate + 0.5);
}

/* Has it all that it was sent, or gets it behind this hello? */
static bool is_resumed(const struct player *p)
{
    return p->is_back && !p->ledger->tally.has_gap;
}

/* Which room it is: what its friends need to come along. */
static void put_room(const struct room *r, const struct player *p, struct buf *out)
{
    size_t n = strlen(r->id);

    wire_put_u8(out, RECORD_ROOM);
    wire_put_uv(out, n + 2); /* an id has at most 64 bytes: its length is one */
    wire_put_str(out, r->id, n);
    wire_put_u8(out, (uint8_t)((r->is_private ? RECORD_IS_PRIVATE : 0) |
                               (p->is_spectator ? RECORD_IS_SPECTATOR : 0)));
}

static void put_hello(const struct room *r, const struct player *p, struct buf *out)
{
    const struct schema *schema = r->image->schema;

    wire_put_u8(out, RECORD_HELLO);
    wire_put_u8(out, RECORD_VERSION);
    wire_put_u8(out, is_resumed(p));
    wire_put_u32(out, r->epoch);
    buf_append(out, p->ledger->pass.now, sizeof p->ledger->pass.now);
    wire_put_uv(out, p->id);
    wire_put_uv(out, p->ledger->tally.n_received);
    wire_put_uv(out, period_us(r));
    wire_put_uv(out, r->image->at);
    wire_put_u32(out, (uint32_t)(clk_now_us() / 1000));
    wire_put_u32(out, schema->hash);
    if (p->ledger->offered_hash != schema->hash)
        put_schema(r, out);
    wire_put_u8(out, RECORD_KEYS);
    wire_put_uv(out, 0);
    put_room(r, p, out);
}

static void put_hello_json(const struct room *r, const struct player *p, struct buf *out)
{
    struct json_out j = json_out_to(out);
    char token[2 * RECORD_TOKEN_BYTES + 1];

    for (size_t i = 0; i < RECORD_TOKEN_BYTES; i++)
        snprintf(token + 2 * i, 3, "%02x", p->ledger->pass.now[i]);
    json_out_object(&j);
    json_out_key_str(&j, "t", "hello");
    json_out_key_int(&j, "id", p->id);
    if (p->peer.can_resume)
        json_out_key_str(&j, "token", token);
    json_out_key_int(&j, "epoch", r->epoch);
    json_out_key_int(&j, "tick", r->image->at);
    json_out_key_int(&j, "period", period_us(r));
    json_out_key_bool(&j, "resumed", is_resumed(p));
    json_out_key_int(&j, "inputs", p->ledger->tally.n_received);
    json_out_key_str(&j, "room", r->id);
    if (r->is_private)
        json_out_key_bool(&j, "private", true);
    if (p->is_spectator)
        json_out_key_bool(&j, "spectator", true);
    json_out_end_object(&j);
}

/* From the state that the client holds, where it can be brought up to date by a delta;
 * else from none. */
static void begin_view(const struct room *r, struct player *p)
{
    bool knows =
        p->peer.codec == PEER_JSON || p->ledger->offered_hash == r->image->schema->hash;

    view_resume(p->view, r->image, knows ? p->ledger->resume_tick : 0);
    p->ledger->resume_tick = 0;
}

static void greet(struct room *r, struct player *p)
{
    struct buf *out = &r->scratch;

    buf_clear(out);
    if (p->peer.codec == PEER_JSON)
        put_hello_json(r, p, out);
    else
        put_hello(r, p, out);
    send_buf(p, out);
    begin_view(r, p);
    p->ledger->input_told = 0;
    p->hashed_at = r->tick - p->id % HASH_TICKS; /* not all in one tick */
    p->needs_hello = p->needs_schema = false;
    p->is_known = true;
}

static void put_request(bool json, uint32_t id, struct buf *ids, uint32_t *n)
{
    if (json) {
        buf_format(ids, *n ? ",%u" : "%u", id);
    } else if (id <= INT32_MAX) {
        wire_put_u8(ids, ANY_INT);
        wire_put_sv(ids, id);
    } else {
        wire_put_u8(ids, ANY_F64);
        wire_put_f64(ids, id);
    }
    ++*n;
}

/* Which of its requests are still answered: those that wait, and those whose answers leave
 * with this flush. Returns how many. */
static uint32_t put_requests(const struct room *r, const struct player *p, bool json,
                             struct buf *ids)
{
    struct input in;
    uint32_t n = 0;

    for (size_t i = p->outbox_from; i < r->outbox.n; i++) {
        const struct out_event *ev = &r->outbox.events[i];
        if (ev->request && ev->to == p->id && (json ? ev->json : ev->binary))
            put_request(json, ev->request - 1, ids, &n);
    }
    for (size_t at = 0; inputs_peek(&r->inputs, &at, &in);)
        if (in.request && in.player == p->id)
            put_request(json, in.request - 1, ids, &n);
    return n;
}

/* That something is lost for ever: an event of our own. */
static void send_gap(struct room *r, struct player *p)
{
    bool json = p->peer.codec == PEER_JSON;
    struct buf *out = &r->scratch, ids;

    buf_init(&ids, 0);
    uint32_t n = put_requests(r, p, json, &ids);
    buf_clear(out);
    if (json) {
        buf_format(out, "{\"t\":\"event\",\"tick\":%u,\"name\":\"gap\",\"data\":[",
                   r->tick);
        buf_append(out, ids.data, ids.len);
        buf_format(out, "]}");
    } else {
        wire_put_u8(out, RECORD_EVENT);
        wire_put_u16(out, (uint16_t)r->tick);
        wire_put_uv(out, 0);
        wire_put_str(out, "gap", 3);
        wire_put_u8(out, ANY_ARRAY);
        wire_put_uv(out, n);
        buf_append(out, ids.data, ids.len);
    }
    out->failed |= ids.failed;
    send_counted(r, p, out);
    buf_fini(&ids);
}

/* Behind the state of a client that is back: what it has missed. */
static void send_missed(struct room *r, struct player *p)
{
    const struct ring *sent = &p->ledger->tally.sent;

    p->is_back = false;
    if (p->ledger->tally.has_gap)
        send_gap(r, p);
    else
        for (uint32_t i = 0; i < sent->n; i++)
            p->peer.ops->send(p->peer.conn, ring_at(sent, i));
    p->has_events = sent->n > 0;
    p->ledger->tally.has_gap = false;
}

/* An ACK may be late by two ticks, and by what the SDK takes to send it. */
uint32_t room_slack_us(const struct room *r)
{
    double rate = room_is_event_driven(r) ? room_def(r)->sync_rate : room_def(r)->tick_rate;

    return ACK_DELAY_US + (uint32_t)(2e6 / rate);
}

/* Has what was sent before not got through yet? Then state waits: it would only
 * queue up behind it. The socket is asked last, as that is a system call, and not
 * where an ACK has told already that nothing is left in it. */
static bool is_stuck(const struct room *r, struct player *p, uint64_t now_us)
{
    if (pace_is_full(p->pace, (uint32_t)now_us, room_slack_us(r)))
        return true;
    if (pace_is_idle(p->pace) && !p->has_events)
        return false;
    return p->peer.ops->backlog(p->peer.conn) > 0;
}

/* Which of its predicted inputs the state contains by now, where that is news to the
 * client; else 0. What was dropped is as good as handled when nothing waits. */
static uint32_t input_ack(const struct player *p)
{
    uint32_t done = p->n_waiting ? p->ledger->input_done : p->ledger->input_heard;

    return done == p->ledger->input_told ? 0 : done;
}

/* State for one player; returns whether it is behind afterwards. One whose line is
 * stuck is skipped and gets one merged delta later; not right after the hello,
 * which state has to follow. */
static bool send_state(struct room *r, struct player *p, bool is_greeted, uint64_t now_us)
{
    bool is_current = view_is_current(p->view, r->image), failed = false;
    uint32_t ack = input_ack(p);

    /* Asked before anything of this flush is on its way. */
    p->is_slow = !is_greeted && (!is_current || ack || r->outbox.n_volatile > 0) &&
                 is_stuck(r, p, now_us);
    if (p->needs_schema && p->peer.codec == PEER_BINARY)
        send_schema(r, p);
    p->needs_schema = false;
    if (p->is_slow) {
        r->game->n_skipped += !is_current;
        view_skip(p->view, r->image);
    }
    if (p->is_slow || (is_current && !ack))
        return !is_current;
    bool json = p->peer.codec == PEER_JSON;
    p->view->ack = ack;
    struct chunk *frame = emit_frame(&r->cache, r->image, p->view, json, &failed);
    if (frame) {
        p->peer.ops->send(p->peer.conn, frame);
        r->state_bytes += frame->len;
        r->game->state_bytes += frame->len;
        if (!is_current)
            pace_sent(p->pace, p->view->told, (uint32_t)now_us);
        p->has_events = false;
        if (ack)
            p->ledger->input_told = ack;
    }
    chunk_unref(&frame);
    return failed;
}

/* In dev, now and then: what this player must hold by now, for its SDK to compare. */
static void send_hash(const struct room *r, struct player *p)
{
    struct buf members;

    if (p->peer.codec != PEER_BINARY || p->is_slow || r->tick - p->hashed_at < HASH_TICKS ||
        !view_is_current(p->view, r->image))
        return;
    p->hashed_at = r->tick;
    buf_init(&members, 0);
    buf_format(&members, "\"kind\":\"hash\",\"tick\":%u,\"facets\":", p->view->told);
    emit_hash(r->image, p->view, &members);
    struct chunk *frame =
        members.failed ? NULL
                       : game_dev_frame(false, (const char *)members.data, members.len);
    if (frame)
        p->peer.ops->send(p->peer.conn, frame);
    chunk_unref(&frame);
    buf_fini(&members);
}

/* Does this player get records? Not before its join has run. */
static bool is_served(const struct player *p)
{
    return p->peer.conn && p->peer.codec != PEER_RAW && p->state != PLAYER_JOINING;
}

/* Is it kept what this player is sent, because it may come back? */
static bool is_kept(const struct player *p)
{
    return player_has_pass(p) && p->has_joined && (p->peer.conn || p->state == PLAYER_HELD);
}

static void send_events(struct room *r)
{
    for (size_t i = 0; i < r->outbox.n; i++) {
        const struct out_event *ev = &r->outbox.events[i];
        for (uint32_t k = 0; k < r->n_players; k++) {
            struct player *p = r->players[k];
            struct chunk *frame = p->peer.codec == PEER_JSON ? ev->json : ev->binary;
            if (!frame || i < p->outbox_from || !outbox_is_for(ev, p->id))
                continue;
            if (is_served(p) && !(ev->is_volatile && p->is_slow)) {
                p->peer.ops->send(p->peer.conn, frame);
                p->has_events = true;
            }
            if (!ev->is_volatile && is_kept(p))
                ring_push(&p->ledger->tally.sent, frame, room_def(r)->resume_bytes);
        }
    }
}

void room_flush(struct room *r, uint64_t now_us)
{
    bool changed = image_commit(r->image);

    if (changed || r->n_behind || r->outbox.n || r->is_dirty) {
        r->n_behind = 0;
        for (uint32_t i = 0; i < r->n_players; i++) {
            struct player *p = r->players[i];
            if (!is_served(p))
                continue;
            bool is_greeted = p->needs_hello;
            if (is_greeted)
                greet(r, p);
            r->n_behind += send_state(r, p, is_greeted, now_us);
            if (is_greeted && p->is_back)
                send_missed(r, p);
            if (r->game->world->is_dev)
                send_hash(r, p);
        }
        send_events(r);
        chunk_unref(&r->schema_frame);
        outbox_cut(&r->outbox, 0);
        for (uint32_t i = 0; i < r->n_players; i++)
            r->players[i]->outbox_from = 0;
        r->is_dirty = false;
    }
    r->tick++;
    image_begin(r->image, r->tick);
}

/* The event, or the run that it begins. */
static void send_raw(const struct player *p, const struct out_event *ev, struct chunk *run,
                     size_t n)
{
    if (!p || !p->peer.conn || p->id == ev->except || p->state == PLAYER_JOINING)
        return;
    if (run && p->peer.ops->send_run) {
        p->peer.ops->send_run(p->peer.conn, run, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        p->peer.ops->send(p->peer.conn, ev[i].binary);
}

/* Can they leave as one: for the same players, and small enough that putting them together
 * costs less than a place in the queue for each? */
static bool goes_with(const struct out_event *ev, const struct out_event *first)
{
    return ev->binary->len <= RUN_FRAME_BYTES && !ev->list && !first->list &&
           ev->to == first->to && ev->except == first->except;
}

/* How many of `max` events make a run, and one piece of them all; 1 and NULL: none. */
static size_t find_run(const struct out_event *first, size_t max, struct chunk **run)
{
    size_t n = 0, bytes = 0;

    *run = NULL;
    while (n < RUN_FRAMES && n < max && goes_with(&first[n], first))
        bytes += first[n++].binary->len;
    if (n < 2 || !(*run = chunk_new(bytes)))
        return 1;
    bytes = 0;
    for (size_t k = 0; k < n; bytes += first[k++].binary->len)
        memcpy((*run)->bytes + bytes, first[k].binary->bytes, first[k].binary->len);
    return n;
}

/* The first `n` of the outbox. */
static void flush_first(struct room *r, size_t n)
{
    struct chunk *run;

    for (size_t i = 0, k; i < n; i += k) {
        const struct out_event *ev = &r->outbox.events[i];
        k = find_run(ev, n - i, &run);
        if (ev->to)
            send_raw(room_find(r, ev->to), ev, run, k);
        for (uint32_t at = 0; at < ev->n_list; at++)
            send_raw(room_find(r, ev->list[at]), ev, run, k);
        for (uint32_t at = 0; !ev->to && !ev->list && at < r->n_players; at++)
            send_raw(r->players[at], ev, run, k);
        chunk_unref(&run);
    }
}

/* In one piece. */
static void send_answers(struct room *r)
{
    struct answers *a = &r->answers;
    /* To look it up would touch the players around it, too. */
    const struct player *p =
        r->raw_from && r->raw_from->id == a->to ? r->raw_from : room_find(r, a->to);

    if (a->n > 1 && p && p->peer.conn && !p->peer.ops->send_run) {
        room_spill(r);
        return;
    }
    struct chunk *run = chunk_copy(a->frames.data, a->frames.len);
    struct out_event ev = {.binary = run};
    if (run)
        send_raw(p, &ev, a->n > 1 ? run : NULL, a->n);
    chunk_unref(&run);
    answers_clear(a);
}

void room_spill(struct room *r)
{
    struct answers *a = &r->answers;
    const uint8_t *at = a->frames.data;

    r->game->vm->answers = NULL;
    if (a->n == 0)
        return;
    r->raw_mark = a->n_done;
    r->raw_data = a->n > a->n_done ? a->last : NULL;
    for (uint32_t i = 0; i < a->n; i++) {
        size_t len = ws_frame_bytes(at);
        struct out_event ev = {.to = a->to, .binary = chunk_copy(at, len)};
        if (!ev.binary || !outbox_push(&r->outbox, &ev, NULL))
            r->raw_data = NULL;
        at += len;
    }
    answers_clear(a);
}

void room_flush_raw(struct room *r)
{
    if (r->answers.n)
        send_answers(r);
    flush_first(r, r->outbox.n);
    r->raw_data = NULL;
    r->raw_mark = 0;
    outbox_cut(&r->outbox, 0);
}

void room_flush_done(struct room *r)
{
    if (r->raw_from)
        room_spill(r);
    if (!r->raw_from || r->raw_mark == 0)
        return;
    flush_first(r, r->raw_mark);
    outbox_drop(&r->outbox, r->raw_mark);
    r->raw_mark = 0;
}
