/* SPDX-License-Identifier: MIT */
/*
 * session_dropped - messages that reach no script: their sender hears how many, by an event
 * of our own (PROTOCOL.md, "Dropped"), once a second at most. Requests are answered
 * instead; those that the limits of the connection drop as far as a flood may be worth an
 * answer.
 */
#include <string.h>

#include "base/clk.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/session_internal.h"

enum {
    TOLD_EVERY_MS = 1000,
    /* Of requests that the connection's limits drop so many are answered, */
    ANSWERS_PER_S = 20,
    ANSWERS_AT_ONCE = 200,
    MAX_BACKLOG = 64 << 10,   /* ... while no more bytes than this wait to leave */
    MAX_EXTRA_JSON = 4 << 10, /* ... and bytes of a message that is read for that alone */
};

static const char *text_of(enum session_drop why)
{
    switch (why) {
    case SESSION_DROP_INVALID: return "invalid";
    case SESSION_DROP_MAX_INPUTS: return "max_inputs";
    case SESSION_DROP_RATE: return "rate";
    case SESSION_DROP_LIMIT: break;
    }
    return "limit";
}

static void put_event(const struct session *s, struct buf *out)
{
    uint32_t tick = s->player->room->tick;
    const char *why = text_of(s->dropped_why);

    if (s->peer.codec == PEER_JSON) {
        buf_format(
            out,
            "{\"t\":\"event\",\"tick\":%u,\"name\":\"dropped\",\"data\":{\"count\":%u,"
            "\"why\":\"%s\"},\"volatile\":true}",
            tick, s->n_dropped, why);
        return;
    }
    wire_put_u8(out, RECORD_VOLATILE);
    wire_put_u16(out, (uint16_t)tick);
    wire_put_uv(out, 0);
    wire_put_str(out, "dropped", 7);
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, 2);
    wire_put_uv(out, 0);
    wire_put_str(out, "count", 5);
    wire_put_u8(out, ANY_INT);
    wire_put_sv(out, s->n_dropped);
    wire_put_uv(out, 0);
    wire_put_str(out, "why", 3);
    wire_put_u8(out, ANY_STR);
    wire_put_str(out, why, strlen(why));
}

void session_dropped_tell(struct session *s)
{
    uint32_t now = (uint32_t)(clk_now_us() / 1000) | 1;
    struct buf out;

    if (s->is_over || !s->player || !session_is_greeted(s) ||
        (s->dropped_ms && now - s->dropped_ms < TOLD_EVERY_MS))
        return;
    s->dropped_ms = now;
    buf_init(&out, 256);
    put_event(s, &out);
    session_send(s, &out);
    buf_fini(&out);
    s->n_dropped = 0;
}

void session_dropped_one(struct session *s, enum session_drop why)
{
    if (s->peer.codec == PEER_RAW || s->player->is_spectator)
        return;
    if (s->n_dropped < INT32_MAX)
        s->n_dropped++;
    s->dropped_why = (uint8_t)why;
    session_dropped_tell(s);
}

/* May a request that the connection's limits have dropped be answered? Where much waits to
 * leave it may not: a flood would have answers queue up behind it. */
static bool may_answer(const struct player *p)
{
    return bucket_take(&p->ledger->answers, ANSWERS_PER_S, ANSWERS_AT_ONCE,
                       (uint32_t)(clk_now_us() / 1000)) &&
           p->peer.ops->backlog(p->peer.conn) <= MAX_BACKLOG;
}

/* Is it a record that counts? `request`: the id + 1 where it is a request, else 0. */
static bool is_counted(enum peer_codec codec, const uint8_t *data, size_t len,
                       uint32_t *request)
{
    struct wire_in in = wire_from(data, len);

    *request = 0;
    if (codec == PEER_JSON)
        return session_json_kind(data, len, request) == SESSION_COUNTED;
    switch (wire_u8(&in)) { /* 0 where there is none */
    case RECORD_C_REQUEST:
        *request = wire_uv(&in) + 1; /* 0 for the id that none may have */
        if (in.failed)
            *request = 0;
        return true;
    case RECORD_C_EVENT:
    case RECORD_C_INPUT: return true;
    default: return false;
    }
}

void session_dropped(struct session *s, const uint8_t *data, size_t len)
{
    struct player *p = s->player;
    uint32_t request;

    if (!p || p->is_leaving || p->peer.codec == PEER_RAW)
        return;
    /* JSON of a client that does not count would be read for the answer's sake alone. */
    bool is_extra = p->peer.codec == PEER_JSON && !player_has_pass(p);
    if (is_extra && (len > MAX_EXTRA_JSON || !may_answer(p))) {
        session_dropped_one(s, SESSION_DROP_LIMIT);
        return;
    }
    bool counts = is_counted(p->peer.codec, data, len, &request);
    if (player_has_pass(p))
        p->ledger->tally.n_received += counts;
    if (request && (is_extra || may_answer(p)))
        room_refuse(p->room, p, request - 1, "too many messages");
    else if (counts)
        session_dropped_one(s, SESSION_DROP_LIMIT);
}
