/* SPDX-License-Identifier: MIT */
/*
 * session_binary - records of `parlor.b1` from a client, checked one by one.
 */
#include "base/clk.h"
#include "base/close_reason.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/early.h"
#include "room/errand.h"
#include "room/session_internal.h"
#include "state/payload.h"

static void protocol_error(struct session *s)
{
    session_end(s, CLOSE_PROTOCOL, "a record is malformed");
}

static void read_hello(struct session *s, struct wire_in *in)
{
    uint8_t version = wire_u8(in);
    uint32_t hash = wire_u32(in);
    uint8_t kind = wire_u8(in);

    if (in->failed || version != RECORD_VERSION || kind > 1) {
        session_end(s, CLOSE_BAD_HELLO, close_reason_text(CLOSE_BAD_HELLO));
    } else if (kind == 0) {
        const uint8_t *options = in->at;
        payload_check(NULL, in);
        if (in->failed)
            session_end(s, CLOSE_BAD_HELLO, "bad options");
        else
            session_join(s, options, (size_t)(in->at - options), hash);
    } else {
        struct room_return from = {.token = wire_raw(in, RECORD_TOKEN_BYTES)};
        uint32_t epoch = wire_u32(in);
        from.tick = wire_uv(in);
        from.n_events = wire_uv(in);
        if (in->failed)
            session_end(s, CLOSE_BAD_HELLO, "resume: the record is cut short");
        else
            session_resume(s, &from, hash, epoch);
    }
}

/* EVENT, INPUT or REQUEST: message id and payload. false ends the walk. */
static bool read_message(struct session *s, struct wire_in *in, uint32_t request,
                         uint32_t seq)
{
    struct schema *schema = s->player->schema;
    uint32_t id = wire_uv(in);
    struct input input = {
        .kind = INPUT_OTHER, .player = s->player->id, .request = request, .data = in->at};
    const struct record *record = NULL;

    s->player->ledger->tally
        .n_received++; /* also what is refused: the client counts it too */
    if (id > schema->n_messages) {
        session_invalid(s, request, "no such message");
        return false;
    }
    if (id > 0) {
        record = &schema->messages[id - 1];
        input.kind = INPUT_MESSAGE;
        input.schema = schema;
        input.message = id - 1;
        input.seq = record->is_input ? seq : 0;
    } else {
        struct wire_str name = wire_str(in);
        if (in->failed || name.len == 0 || name.len > 64) {
            protocol_error(s);
            return false;
        }
    }
    payload_check(record, in);
    if (in->failed) {
        /* Where it ends cannot be known, so the rest of the message goes too. */
        session_invalid(s, request, record ? record->name : "a malformed value");
        return false;
    }
    input.len = (uint32_t)(in->at - input.data);
    session_input(s, &input);
    return s->player != NULL;
}

static void answer_ping(struct session *s, uint32_t client_ms)
{
    struct buf *out = &s->world->scratch;

    buf_clear(out);
    wire_put_u8(out, RECORD_PONG);
    wire_put_u32(out, client_ms);
    wire_put_u32(out, (uint32_t)(clk_now_us() / 1000));
    wire_put_uv(out, s->player->room->tick);
    wire_put_u16(out, session_phase(s));
    session_send(s, out);
}

/* One record; false ends the walk over the message. */
static bool read_record(struct session *s, struct wire_in *in)
{
    uint8_t type = wire_u8(in);
    uint32_t a, b;

    if (!s->player && type != RECORD_C_HELLO) {
        session_end(s, CLOSE_BAD_HELLO, close_reason_text(CLOSE_BAD_HELLO));
        return false;
    }
    switch (type) {
    case RECORD_C_HELLO:
        if (s->player)
            protocol_error(s);
        else
            read_hello(s, in);
        return s->player != NULL;
    case RECORD_C_INPUT:
        a = wire_uv(in);
        wire_uv(in); /* view tick */
        return read_message(s, in, 0, a);
    case RECORD_C_EVENT: return read_message(s, in, 0, 0);
    case RECORD_C_REQUEST:
        if ((a = wire_uv(in)) < UINT32_MAX)
            return read_message(s, in, a + 1, 0);
        in->failed = true;
        break;
    case RECORD_C_PING:
        a = wire_u32(in);
        b = wire_uv(in);
        if (!in->failed && session_is_greeted(s)) {
            session_confirm(s, b);
            answer_ping(s, a);
        }
        break;
    case RECORD_C_ACK:
        a = wire_uv(in);
        if (!in->failed)
            session_ack(s, a);
        break;
    case RECORD_C_RESYNC: session_resync(s); break;
    case RECORD_C_SCHEMA_OK:
        a = wire_u32(in);
        if (!in->failed)
            room_accept_schema(s->player, a);
        break;
    default:
        if (type < 0x40 || type > 0x7f) {
            protocol_error(s);
            return false;
        }
        b = wire_uv(in);
        wire_raw(in, b);
    }
    if (in->failed)
        protocol_error(s);
    return !in->failed;
}

void session_binary(struct session *s, const uint8_t *data, size_t len)
{
    struct wire_in in = wire_from(data, len);

    if (len == 0)
        protocol_error(s);
    while (!s->is_over && wire_left(&in) > 0 && read_record(s, &in))
        ;
    bool is_kept =
        session_errand(s) && session_errand(s)->kind == ERRAND_AGAIN; /* with its hello */
    if ((s->auth || s->waiter || session_errand(s)) && !is_kept && !s->is_over &&
        wire_left(&in) > 0)
        early_add(s, WS_BINARY, in.at, wire_left(&in));
}
