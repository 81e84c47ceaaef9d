/* SPDX-License-Identifier: MIT */
#include "room/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/early.h"
#include "room/errand.h"
#include "room/session_internal.h"
#include "script/vm.h"
#include "state/payload.h"

enum { MAX_INVALID = 20, RESYNC_EVERY_MS = 1000, SCRATCH_KEPT = 64 << 10 };

static uint32_t now_ms(void)
{
    return (uint32_t)(clk_now_us() / 1000) | 1;
}

struct session *session_open(struct world *w, const struct peer *peer,
                             const struct session_request *q)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s || !(s->wish = calloc(1, sizeof *s->wish))) {
        free(s);
        return NULL;
    }
    s->peer = *peer;
    s->wish->opened_us = clk_now_us();
    s->origin = (uint8_t)w->worker;
    session_attach(s, w);
    memcpy(s->wish->game, q->game->name, sizeof s->wish->game);
    assert(q->n_room <= ROOM_ID_MAX);
    if (q->room)
        memcpy(s->wish->room, q->room, q->n_room);
    if (q->n_door && (s->wish->door = malloc(q->n_door))) {
        memcpy(s->wish->door, q->door, q->n_door);
        s->wish->n_door = q->n_door;
    } /* without it auth() knows less, and will refuse */
    if (q->joins_at_once)
        session_join(s, q->options, q->n_options, 0);
    return s;
}

void session_forget_wish(struct session *s)
{
    if (s->wish && s->player)
        early_seated(s);
    if (s->wish)
        free(s->wish->door);
    free(s->wish);
    s->wish = NULL;
}

void session_closed(struct session **at, uint16_t code)
{
    struct session *s = *at;

    *at = NULL;
    if (!s)
        return;
    lobby_leave(s);
    if (s->player)
        room_lose_peer(s->player->room, s->player, code == CLOSE_NORMAL);
    auth_free(&s->auth);
    if (s->wish)
        errand_free(&s->wish->errand);
    early_drop(s);
    if (s->world)
        session_detach(s);
    session_forget_wish(s);
    free(s);
}

void session_part(struct session *s)
{
    s->player = NULL;
    s->is_over = true;
}

void session_say_bye(const struct peer *peer, uint16_t code, const char *reason)
{
    struct buf out;
    bool json = peer->codec == PEER_JSON;

    if (peer->codec == PEER_RAW)
        return;
    buf_init(&out, 4096);
    if (json) {
        struct json_out j = json_out_to(&out);
        json_out_object(&j);
        json_out_key_str(&j, "t", "bye");
        json_out_key_int(&j, "code", code);
        json_out_key_str(&j, "reason", reason);
        json_out_end_object(&j);
    } else {
        wire_put_u8(&out, RECORD_BYE);
        wire_put_u16(&out, code);
        wire_put_str(&out, reason, strlen(reason));
    }
    struct chunk *frame =
        out.failed ? NULL : ws_frame_chunk(json ? WS_TEXT : WS_BINARY, out.data, out.len);
    if (frame)
        peer->ops->send(peer->conn, frame);
    chunk_unref(&frame);
    buf_fini(&out);
}

void session_put_reply(enum peer_codec codec, uint32_t request, bool ok,
                       const uint8_t *body, size_t len, struct buf *out)
{
    if (codec == PEER_JSON) {
        struct json_out j = json_out_to(out);
        struct wire_in in = wire_from(body, len);
        json_out_object(&j);
        json_out_key_str(&j, "t", "reply");
        json_out_key_int(&j, "id", request);
        json_out_key_bool(&j, "ok", ok);
        json_out_key(&j, "data", 4);
        payload_to_json(NULL, &in, &j);
        json_out_end_object(&j);
    } else {
        wire_put_u8(out, RECORD_REPLY);
        wire_put_uv(out, request);
        wire_put_u8(out, ok);
        buf_append(out, body, len);
    }
}

void session_end(struct session *s, uint16_t code, const char *reason)
{
    if (s->is_over)
        return;
    lobby_leave(s);
    if (s->player)
        room_lose_peer(s->player->room, s->player, false);
    s->player = NULL;
    s->is_over = true;
    auth_free(&s->auth);
    if (s->wish)
        errand_free(&s->wish->errand);
    session_say_bye(&s->peer, code, reason);
    s->peer.ops->close(s->peer.conn, code, reason);
}

void session_send(struct session *s, struct buf *out)
{
    enum ws_op op = s->peer.codec == PEER_JSON ? WS_TEXT : WS_BINARY;
    struct chunk *frame = out->failed ? NULL : ws_frame_chunk(op, out->data, out->len);

    if (frame)
        s->peer.ops->send(s->peer.conn, frame);
    chunk_unref(&frame);
}

void session_invalid(struct session *s, uint32_t request, const char *why)
{
    struct player *p = s->player;

    logger_debug(p->room->game->name, "room %s, player %u: invalid message: %s",
                 p->room->id, p->id, why);
    p->room->game->n_invalid++;
    if (session_tells_dropped(s))
        session_tell_dropped(s, "it does not fit: %s", why);
    if (request)
        room_refuse(p->room, p, request - 1, why);
    else
        session_dropped_one(s, SESSION_DROP_INVALID);
    if (++p->n_invalid > MAX_INVALID)
        session_end(s, CLOSE_POLICY, close_reason_text(CLOSE_POLICY));
}

/* Is the message within its declared rate? */
static bool is_within_rate(struct player *p, const struct record *record, uint32_t message)
{
    if (record->rate <= 0)
        return true;
    if (!p->buckets && !player_make_buckets(p, now_ms()))
        return false;
    return bucket_take(&p->buckets[message], record->rate, record->burst, now_ms());
}

/* Which limit it was, for the author. */
static void tell_limit(struct session *s, const struct input *in, bool is_within)
{
    const struct player *p = s->player;

    if (!session_tells_dropped(s))
        return;
    if (is_within)
        session_tell_dropped(s, "%u of this player wait for a tick already (max_inputs)",
                             p->n_waiting);
    else
        session_tell_dropped(s, "%s: more than rate = %g a second, burst = %g",
                             p->schema->messages[in->message].name,
                             p->schema->messages[in->message].rate,
                             p->schema->messages[in->message].burst);
}

void session_input(struct session *s, const struct input *in)
{
    struct player *p = s->player;
    bool fits = in->kind != INPUT_MESSAGE ||
                is_within_rate(p, &p->schema->messages[in->message], in->message);

    if (p->is_leaving)
        return;
    if (in->seq)
        p->ledger->input_heard = in->seq;
    if (p->is_spectator) {
        if (in->request)
            room_refuse(p->room, p, in->request - 1, "spectators only watch");
        if (player_strike(p, now_ms()))
            session_end(s, CLOSE_TOO_MANY, close_reason_text(CLOSE_TOO_MANY));
        return;
    }
    if (fits && room_input(p->room, p, in))
        return;
    /* Dropped: room_input() has not touched the seat then. */
    p->room->game->n_dropped++;
    tell_limit(s, in, fits);
    if (in->request)
        room_refuse(p->room, p, in->request - 1, "too many messages");
    else
        session_dropped_one(s, fits ? SESSION_DROP_MAX_INPUTS : SESSION_DROP_RATE);
    if (player_strike(p, now_ms()))
        session_end(s, CLOSE_TOO_MANY, close_reason_text(CLOSE_TOO_MANY));
}

void session_ack(struct session *s, uint32_t tick)
{
    struct player *p = s->player;

    pace_acked(p->pace, tick, (uint32_t)clk_now_us(), room_slack_us(p->room));
}

void session_confirm(struct session *s, uint32_t n_events)
{
    ring_confirm(&s->player->ledger->tally.sent, n_events);
}

void session_resync(struct session *s)
{
    struct player *p = s->player;
    uint32_t now = now_ms();

    if (p->resync_ms && now - p->resync_ms < RESYNC_EVERY_MS)
        return;
    p->resync_ms = now;
    view_reset(p->view);
    room_wake_for(p->room);
}

bool session_is_greeted(const struct session *s)
{
    return s->player->state != PLAYER_JOINING && !s->player->needs_hello;
}

uint16_t session_phase(const struct session *s)
{
    const struct room *r = s->player->room;
    double rate = r->game->vm->def->tick_rate;
    double at = (double)(clk_now_us() - r->began_us) * rate / 1e6;

    return rate > 0 ? (uint16_t)((at - (double)(uint64_t)at) * 65536) : 0;
}

void session_message(struct session *s, enum ws_op op, const uint8_t *data, size_t len)
{
    if (s->is_over)
        return;
    if (s->auth || s->waiter || session_errand(s)) {
        early_add(s, op, data, len);
        return;
    }
    if (s->n_dropped)
        session_dropped_tell(s);
    if (s->player && s->player->ledger && s->player->ledger->pass.has_before &&
        session_is_greeted(s))
        room_hello_arrived(s->player);
    if (s->peer.codec == PEER_RAW) {
        struct input in = {.kind = INPUT_RAW,
                           .player = s->player ? s->player->id : 0,
                           .is_text = op == WS_TEXT,
                           .data = data,
                           .len = (uint32_t)len};
        if (s->player)
            session_input(s, &in);
    } else if (op != (s->peer.codec == PEER_JSON ? WS_TEXT : WS_BINARY)) {
        session_end(s, CLOSE_UNSUPPORTED, close_reason_text(CLOSE_UNSUPPORTED));
    } else if (s->peer.codec == PEER_JSON) {
        session_json(s, data, len);
    } else {
        session_binary(s, data, len);
    }
    if (session_errand(s) && session_errand(s)->kind == ERRAND_AGAIN &&
        !session_errand(s)->bytes)
        errand_keep_hello(s, op, data, len);
    if (s->world->scratch.cap > SCRATCH_KEPT)
        buf_fini(&s->world->scratch);
}
