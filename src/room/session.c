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
#include "room/option.h"
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
    s->world = w;
    s->peer = *peer;
    if ((s->next = w->sessions))
        s->next->at = &s->next;
    s->at = &w->sessions;
    w->sessions = s;
    memcpy(s->wish->game, q->game->name, sizeof s->wish->game);
    assert(q->n_room <= ROOM_ID_MAX);
    if (q->room)
        memcpy(s->wish->room, q->room, q->n_room);
    if (q->joins_at_once)
        session_join(s, q->options, q->n_options, 0);
    return s;
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
    if ((*s->at = s->next))
        s->next->at = s->at;
    free(s->wish);
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

static bool is_set(const uint8_t *options, size_t n, const char *key)
{
    struct option o = option_find(options, n, key);

    return option_is_set(&o);
}

/* The room that is named, by its id or its code, or that is to be the player's own;
 * NULL and a code where it cannot be joined. */
static struct room *find_room(struct session *s, struct game *g, const uint8_t *options,
                              size_t n, uint16_t *code)
{
    const char *id = s->wish->room;
    struct room_start start = {.id = *id ? id : NULL,
                               .n_id = strlen(id),
                               .is_private = is_set(options, n, "private"),
                               .options = options,
                               .n_options = n};
    struct option code_of = option_find(options, n, "code");
    bool by_code = !*id && code_of.kind == OPTION_TEXT;
    struct room *r = NULL;

    if (*id)
        r = game_find_room(g, id, strlen(id));
    else if (by_code)
        r = game_find_code(g, code_of.text.text, code_of.text.len);
    *code = CLOSE_ROOM_FULL;
    if (r && r->is_closing)
        *code = CLOSE_TRY_LATER; /* a moment from now it can be opened anew */
    if (r)
        return room_is_full(r) || r->is_closing ? NULL : r;
    *code = CLOSE_NO_SUCH_ROOM;
    if (by_code || (*id && g->vm->def->listed))
        return NULL;
    *code = CLOSE_TRY_LATER;
    return game_new_room(g, &start);
}

/* The room that is the most worth watching: the fullest that is not private. */
static struct room *find_spectacle(const struct game *g)
{
    struct room *best = NULL;

    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));) {
        struct room *r = e->value;
        if (r->is_private || r->is_closing || room_n_seats(r) == 0 ||
            r->n_spectators >= g->vm->def->max_spectators)
            continue;
        if (!best || room_n_seats(r) > room_n_seats(best) ||
            (room_n_seats(r) == room_n_seats(best) && strcmp(r->id, best->id) < 0))
            best = r;
    }
    return best;
}

/* It has a seat: what it asked for matters no more. */
static void seat(struct session *s, struct player *p)
{
    p->session = s;
    s->player = p;
    free(s->wish);
    s->wish = NULL;
}

/* Watch the room that is named, or any; none is made for it. */
static void watch(struct session *s, struct game *g, const uint8_t *options, size_t n,
                  uint32_t schema_hash)
{
    const char *id = s->wish->room;
    struct option code = option_find(options, n, "code"),
                  name = option_find(options, n, "name");
    struct room *r = NULL;

    if (is_set(options, n, "private") || option_find(options, n, "party").kind) {
        session_end(s, CLOSE_BAD_HELLO, "spectate: without private and party");
        return;
    }
    if (*id)
        r = game_find_room(g, id, strlen(id));
    else if (code.kind == OPTION_TEXT)
        r = game_find_code(g, code.text.text, code.text.len);
    else
        r = find_spectacle(g);
    if (!r || r->is_closing) {
        session_end(s, CLOSE_NO_SUCH_ROOM, close_reason_text(CLOSE_NO_SUCH_ROOM));
        return;
    }
    struct player *p = room_admit(r, &s->peer, name.text.text, name.text.len, options, n);
    if (!p) {
        session_end(s, CLOSE_ROOM_FULL, "too many watch this room");
        return;
    }
    seat(s, p);
    room_offer_schema(p, schema_hash);
}

void session_join(struct session *s, const uint8_t *options, size_t n, uint32_t schema_hash)
{
    struct game *g = game_find(s->world, s->wish->game, strlen(s->wish->game));
    uint16_t code = s->world->is_stopping ? CLOSE_GOING_AWAY : CLOSE_NO_SUCH_ROOM;

    if (!g || !g->vm || s->world->is_stopping) {
        session_end(s, code, close_reason_text(code));
        return;
    }
    if (is_set(options, n, "spectate")) {
        watch(s, g, options, n, schema_hash);
        return;
    }
    if (!*s->wish->room && option_find(options, n, "code").kind != OPTION_TEXT &&
        !is_set(options, n, "private")) {
        lobby_join(s, g, options, n, schema_hash);
        return;
    }
    if (option_find(options, n, "party").kind != OPTION_NONE) {
        session_end(s, CLOSE_BAD_HELLO, "party: only where no room is named");
        return;
    }
    struct room *r = find_room(s, g, options, n, &code);
    if (r)
        session_sit(s, r, options, n, schema_hash);
    else
        session_end(s, code, close_reason_text(code));
}

struct player *session_sit(struct session *s, struct room *r, const uint8_t *options,
                           size_t n, uint32_t schema_hash)
{
    struct option name = option_find(options, n, "name");
    struct player *p =
        room_take_seat(r, &s->peer, name.text.text, name.text.len, options, n);

    if (!p) {
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return NULL;
    }
    seat(s, p);
    room_offer_schema(p, schema_hash);
    return p;
}

void session_resume(struct session *s, const uint8_t *token, uint32_t schema_hash)
{
    struct game *g = game_find(s->world, s->wish->game, strlen(s->wish->game));
    struct player *p = g ? map_get_bytes(&g->tokens, token, RECORD_TOKEN_BYTES) : NULL;

    if (s->world->is_stopping) {
        session_end(s, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
        return;
    }
    if (!p || p->is_leaving || p->room->is_closing ||
        (*s->wish->room && strcmp(s->wish->room, p->room->id) != 0)) {
        session_end(s, CLOSE_NO_SUCH_ROOM, "the seat is gone");
        return;
    }
    room_resume_seat(p->room, p, &s->peer);
    seat(s, p);
    room_offer_schema(p, schema_hash);
}

void session_invalid(struct session *s, uint32_t request, const char *why)
{
    struct player *p = s->player;

    logger_debug(p->room->game->name, "room %s, player %u: invalid message: %s",
                 p->room->id, p->id, why);
    if (request)
        room_refuse(p->room, p, request - 1, why);
    if (++p->n_invalid > MAX_INVALID)
        session_end(s, CLOSE_POLICY, close_reason_text(CLOSE_POLICY));
}

/* Is the message within its declared rate? */
static bool is_within_rate(struct player *p, const struct record *record, uint32_t message)
{
    if (record->rate <= 0)
        return true;
    if (!p->buckets) {
        uint32_t n = p->schema->n_messages;
        if (!(p->buckets = calloc(n, sizeof *p->buckets)))
            return false;
        for (uint32_t i = 0; i < n; i++)
            p->buckets[i] = (struct bucket){(float)p->schema->messages[i].burst, now_ms()};
    }
    return bucket_take(&p->buckets[message], record->rate, record->burst, now_ms());
}

void session_input(struct session *s, const struct input *in)
{
    struct player *p = s->player;
    bool fits = in->kind != INPUT_MESSAGE ||
                is_within_rate(p, &p->schema->messages[in->message], in->message);

    if (p->is_leaving)
        return;
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
    if (in->request)
        room_refuse(p->room, p, in->request - 1, "too many messages");
    if (player_strike(p, now_ms()))
        session_end(s, CLOSE_TOO_MANY, close_reason_text(CLOSE_TOO_MANY));
}

void session_ack(struct session *s, uint32_t tick)
{
    struct player *p = s->player;

    if (p->probe_us && tick >= p->probe_tick) {
        float sample = (float)(clk_now_us() - p->probe_us) / 1000;
        p->rtt_ms = p->rtt_ms > 0 ? p->rtt_ms + (sample - p->rtt_ms) / 8 : sample;
        p->probe_us = 0;
    }
}

void session_resync(struct session *s)
{
    struct player *p = s->player;
    uint32_t now = now_ms();

    if (s->resync_ms && now - s->resync_ms < RESYNC_EVERY_MS)
        return;
    s->resync_ms = now;
    view_reset(&p->view);
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
    if (s->is_over || s->waiter)
        return; /* who waits has nothing to say but that it goes */
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
    if (s->world->scratch.cap > SCRATCH_KEPT)
        buf_fini(&s->world->scratch);
}
