/* SPDX-License-Identifier: MIT */
/*
 * room_hooks - what scripts do to a room: events out, kicks, the lock, the end.
 */
#include "base/close_reason.h"
#include "base/logger.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "room/room_internal.h"
#include "state/payload.h"

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
    if ((binary || json) && !outbox_push(&r->outbox, out, list))
        logger_warn(r->game->name,
                    "room %s: event %s was not sent: too much waits for the next flush",
                    r->id, ev->name);
}

static void on_send(void *room, uint32_t player, const struct script_event *ev)
{
    struct room *r = room;
    const struct player *p = room_find(r, player);
    struct out_event out = {.to = player};

    if (p && p->peer.conn)
        push_event(r, ev, p->peer.codec == PEER_BINARY, p->peer.codec == PEER_JSON, &out,
                   NULL);
}

static void on_broadcast(void *room, const struct script_event *ev, const uint32_t *list,
                         size_t n_list, uint32_t except)
{
    struct room *r = room;
    struct out_event out = {.except = except, .n_list = (uint32_t)n_list};

    push_event(r, ev, r->n_binary > 0, r->n_json > 0, &out, list);
}

static void on_send_raw(void *room, uint32_t player, const uint8_t *data, size_t len,
                        bool is_text)
{
    struct room *r = room;
    struct out_event out = {.to = player};

    out.binary = ws_frame_chunk(is_text ? WS_TEXT : WS_BINARY, data, len);
    if (!out.binary || !outbox_push(&r->outbox, &out, NULL))
        logger_warn(r->game->name, "room %s: a message was not sent: too much waits",
                    r->id);
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
}

static double on_rtt(void *room, uint32_t player)
{
    const struct player *p = room_find(room, player);

    return p ? (double)p->pace.rtt_ms : 0;
}

static double on_backlog(void *room, uint32_t player)
{
    const struct player *p = room_find(room, player);

    return p && p->peer.conn ? (double)p->peer.ops->backlog(p->peer.conn) : 0;
}

static void on_error(void *ctx, void *room, const struct script_error *error)
{
    struct game *g = ctx;
    struct world *w = g->world;

    (void)room;
    w->ops->on_error(w->ctx, g, error);
}

const struct vm_hooks room_hooks = {
    .send = on_send,
    .broadcast = on_broadcast,
    .send_raw = on_send_raw,
    .kick = on_kick,
    .close = on_close,
    .lock = on_lock,
    .rtt_ms = on_rtt,
    .backlog = on_backlog,
    .on_error = on_error,
};
