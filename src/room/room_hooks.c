/* SPDX-License-Identifier: MIT */
/*
 * room_hooks - what scripts do to a room: events out, kicks, the lock, the end.
 */
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "room/room_internal.h"
#include "room/session.h"
#include "state/payload.h"

/* So much of what messages that are handled in one go have sent waits for the last. */
enum { RAW_HELD_BYTES = 16 << 10 };

static struct chunk *event_binary(struct room *r, const struct script_event *ev)
{
    struct buf *out = &r->scratch;

    buf_clear(out);
    wire_put_u8(out, ev->is_volatile ? RECORD_VOLATILE : RECORD_EVENT);
    wire_put_u16(out, (uint16_t)r->tick);
    wire_put_uv(out, (uint64_t)(ev->id + 1));
    if (ev->id < 0)
        wire_put_str(out, ev->name, ev->n_name);
    buf_append(out, ev->payload, ev->n_payload);
    return out->failed ? NULL : ws_frame_chunk(WS_BINARY, out->data, out->len);
}

static struct chunk *event_json(struct room *r, const struct script_event *ev)
{
    struct buf *out = &r->scratch;
    struct json_out j = json_out_to(out);
    struct wire_in in = wire_from(ev->payload, ev->n_payload);

    buf_clear(out);
    json_out_object(&j);
    json_out_key_str(&j, "t", "event");
    json_out_key_int(&j, "tick", r->tick);
    json_out_key(&j, "name", 4);
    json_out_str(&j, ev->name, ev->n_name);
    json_out_key(&j, "data", 4);
    payload_to_json(ev->id < 0 ? NULL : &room_def(r)->schema->events[ev->id], &in, &j);
    if (ev->is_volatile)
        json_out_key_bool(&j, "volatile", true);
    json_out_end_object(&j);
    return out->failed ? NULL : ws_frame_chunk(WS_TEXT, out->data, out->len);
}

/* What one player gets of an event, in bytes. */
static size_t bytes_for(const struct room *r, const struct out_event *out, uint32_t id)
{
    const struct player *p = id ? room_find(r, id) : NULL;
    const struct chunk *frame = !p || !player_listens(p)     ? NULL
                                : p->peer.codec == PEER_JSON ? out->json
                                                             : out->binary;

    return frame ? frame->len : 0;
}

/* The same of all who get it, for the account of the callback that sends it. */
static uint64_t bytes_of(const struct room *r, const struct out_event *out,
                         const uint32_t *list)
{
    size_t n = out->binary ? out->binary->len : 0, n_json = out->json ? out->json->len : 0;
    bool is_raw = room_def(r)->raw;
    uint64_t bytes = 0;

    if (out->to)
        return bytes_for(r, out, out->to);
    if (!list)
        return n * (is_raw ? r->n_players : r->n_listeners[PEER_BINARY]) +
               n_json * r->n_listeners[PEER_JSON] - bytes_for(r, out, out->except);
    for (uint32_t i = 0; i < out->n_list; i++)
        bytes += list[i] == out->except ? 0 : bytes_for(r, out, list[i]);
    return bytes;
}

/* Queue an event, encoded for the kinds of peer that may get it. */
static void push_event(struct room *r, const struct script_event *ev, bool binary,
                       bool json, struct out_event *out, const uint32_t *list)
{
    out->is_volatile = ev->is_volatile;
    if (binary)
        out->binary = event_binary(r, ev);
    if (json)
        out->json = event_json(r, ev);
    if ((binary && !out->binary) || (json && !out->json)) {
        chunk_unref(&out->binary);
        chunk_unref(&out->json);
        logger_warn(r->game->name, "room %s: event %s was not sent: it is too big", r->id,
                    ev->name);
        return;
    }
    if (!out->to) {
        chunk_share(out->binary);
        chunk_share(out->json);
    }
    uint64_t bytes = bytes_of(r, out, list);
    if ((binary || json) && outbox_push(&r->outbox, out, list))
        vm_note_sent(r->game->vm, bytes);
    else if (binary || json)
        logger_warn(r->game->name,
                    "room %s: event %s was not sent: too much waits for the next flush",
                    r->id, ev->name);
}

static void on_send(void *room, uint32_t player, const struct script_event *ev)
{
    struct room *r = room;
    const struct player *p = room_find(r, player);
    struct out_event out = {.to = player};

    if (p && player_listens(p))
        push_event(r, ev, p->peer.codec == PEER_BINARY, p->peer.codec == PEER_JSON, &out,
                   NULL);
}

static void on_broadcast(void *room, const struct script_event *ev, const uint32_t *list,
                         size_t n_list, uint32_t except)
{
    struct room *r = room;
    struct out_event out = {.except = except, .n_list = (uint32_t)n_list};

    push_event(r, ev, r->n_listeners[PEER_BINARY] > 0, r->n_listeners[PEER_JSON] > 0, &out,
               list);
}

/* Is this the message that was sent last, by the callback that runs? A script that sends
 * a text to each player in turn does so, and a text of Lua does not change: its bytes
 * are compared only because another may lie in its place by now. */
static bool is_sent_again(const struct room *r, enum ws_op op, const uint8_t *data,
                          size_t len)
{
    uint8_t head[WS_HEAD_MAX];
    size_t n_head;

    if (!r->raw_data || r->raw_data != data)
        return false;
    const struct chunk *last = r->outbox.events[r->outbox.n - 1].binary;
    n_head = ws_frame_head(head, op, len);
    return last->len == n_head + len && memcmp(last->bytes, head, n_head) == 0 &&
           memcmp(last->bytes + n_head, data, len) == 0;
}

static void on_send_raw(void *room, uint32_t player, const uint8_t *data, size_t len,
                        bool is_text)
{
    struct room *r = room;
    enum ws_op op = is_text ? WS_TEXT : WS_BINARY;
    bool is_queued;

    room_spill(r);
    if (is_sent_again(r, op, data, len)) {
        is_queued = outbox_extend(&r->outbox, player);
    } else {
        struct out_event out = {.to = player, .binary = ws_frame_chunk(op, data, len)};
        is_queued = out.binary && outbox_push(&r->outbox, &out, NULL);
        r->raw_data = is_queued ? data : NULL;
    }
    if (is_queued)
        vm_note_sent(r->game->vm, r->outbox.events[r->outbox.n - 1].binary->len);
    else
        logger_warn(r->game->name, "room %s: a message was not sent: too much waits",
                    r->id);
}

static void on_broadcast_raw(void *room, const uint8_t *data, size_t len, bool is_text,
                             const uint32_t *list, size_t n_list, uint32_t except)
{
    struct room *r = room;
    struct out_event out = {.except = except,
                            .n_list = (uint32_t)n_list,
                            .binary =
                                ws_frame_chunk(is_text ? WS_TEXT : WS_BINARY, data, len)};

    room_spill(r);
    r->raw_data = NULL; /* the last one is not to one player any more */
    if (out.binary)
        chunk_share(out.binary);
    uint64_t bytes = bytes_of(r, &out, list);
    if (out.binary && outbox_push(&r->outbox, &out, list))
        vm_note_sent(r->game->vm, bytes);
    else
        logger_warn(r->game->name, "room %s: a message was not sent: too much waits",
                    r->id);
}

/* As run_raw() does between two messages. In the order of things a player's end, an
 * answer of the room or a timer may have to come first: then they do. */
static bool on_next_raw(void *room, struct vm_raw_in *in)
{
    struct room *r = room;
    const struct player *p = r->raw_from;
    bool is_text;
    size_t len;

    if (!p)
        return false;
    r->raw_data = NULL;
    r->raw_mark = r->outbox.n; /* they leave together */
    answers_mark(&r->answers);
    if (r->outbox.bytes + r->answers.frames.len > RAW_HELD_BYTES)
        room_flush_raw(r);
    room_take_answers(r);
    if (r->is_closing || r->is_paused || r->inputs.n || p->is_leaving || !p->peer.conn ||
        !p->peer.ops->next || !p->session || p->session->is_over ||
        clk_recent_us() - r->told_us >= ROOM_TELL_US ||
        !p->peer.ops->next(p->peer.conn, &is_text, &in->data, &len))
        return false;
    in->len = (uint32_t)len;
    in->is_text = is_text;
    in->player = p->id;
    return true;
}

static void on_kick(void *room, uint32_t player, const char *reason)
{
    struct room *r = room;
    struct player *p = room_find(r, player);

    if (p)
        room_kick(r, p, CLOSE_KICKED, reason);
}

static void on_close(void *room, const char *reason)
{
    room_close(room, reason);
}

static void on_lock(void *room, bool locked)
{
    ((struct room *)room)->is_locked = locked;
    room_tell_place(room);
}

static void on_label(void *room, const uint8_t *map, size_t n)
{
    room_label(room, map, n);
}

static void on_view(void *room, uint32_t player, const struct script_view *v)
{
    struct room *r = room;
    struct player *p = room_find(r, player);

    if (!p || !p->view)
        return;
    if (v)
        interest_look_at(&p->view->interest, v->x, v->y, v->radius);
    else
        interest_look_home(&p->view->interest);
}

static bool on_watch(void *room, uint32_t player, bool on, uint32_t table, int64_t number,
                     const char *text, size_t len)
{
    struct room *r = room;
    struct player *p = room_find(r, player);
    const struct schema *schema = r->image->schema;

    if (!p || !p->view)
        return true; /* it is about to leave, or its game has no state */
    if (on)
        return interest_watch(&p->view->interest, schema, table, number, text, len,
                              room_def(r)->max_watched);
    interest_unwatch(&p->view->interest, schema, table, number, text, len);
    return true;
}

static double on_rtt(void *room, uint32_t player)
{
    const struct player *p = room_find(room, player);

    return p && p->pace ? (double)p->pace->rtt_ms : 0;
}

static double on_backlog(void *room, uint32_t player)
{
    const struct player *p = room_find(room, player);

    room_flush_done(room);
    return p && p->peer.conn ? (double)p->peer.ops->backlog(p->peer.conn) : 0;
}

/* In dev only: on a busy production machine each pause of it would be a line. */
static void on_slow(void *room, const char *where, double ms)
{
    const struct room *r = room;

    if (r->game->world->is_dev)
        logger_warn(r->game->name, "room %s: %s took %.0f ms; nothing else runs meanwhile",
                    r->id, where, ms);
}

static void on_error(void *ctx, void *room, const struct script_error *error)
{
    struct game *g = ctx;
    struct world *w = g->world;

    (void)room;
    w->ops->on_error(w->ctx, g, error);
}

static const struct jwt_keys *on_jwt_keys(void *ctx)
{
    const struct game *g = ctx;

    return g->world->jwt_keys;
}

static struct store_port *on_store(void *ctx)
{
    const struct game *g = ctx;

    return g->world->store;
}

const struct vm_hooks room_hooks = {
    .send = on_send,
    .broadcast = on_broadcast,
    .send_raw = on_send_raw,
    .broadcast_raw = on_broadcast_raw,
    .next_raw = on_next_raw,
    .kick = on_kick,
    .close = on_close,
    .lock = on_lock,
    .label = on_label,
    .view = on_view,
    .watch = on_watch,
    .rtt_ms = on_rtt,
    .backlog = on_backlog,
    .on_slow = on_slow,
    .jwt_keys = on_jwt_keys,
    .store = on_store,
    .ban = room_on_ban,
    .unban = room_on_unban,
    .signal = room_on_signal,
    .rooms = room_on_rooms,
    .on_error = on_error,
};
