/* SPDX-License-Identifier: MIT */
/*
 * session_json - the same records as JSON text, from a client.
 */
#include <cJSON.h>
#include <math.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "proto/json_out.h"
#include "proto/json_text.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/session_internal.h"
#include "state/payload.h"

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= UINT32_MAX
               ? v->valuedouble
               : -1;
}

/* The same where it is a whole number, else 0. */
static uint32_t whole_of(const cJSON *object, const char *key)
{
    double v = number_of(object, key);

    return v >= 0 && v == floor(v) ? (uint32_t)v : 0;
}

/* The id of a request + 1; 0: that is no id. */
static uint32_t request_of(const cJSON *object)
{
    double id = number_of(object, "id");

    return id >= 0 && id < UINT32_MAX && id == floor(id) ? (uint32_t)id + 1 : 0;
}

static bool read_token(const char *text, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";

    if (!text || strlen(text) != 2 * RECORD_TOKEN_BYTES)
        return false;
    for (size_t i = 0; i < RECORD_TOKEN_BYTES; i++) {
        const char *high = strchr(digits, text[2 * i]),
                   *low = strchr(digits, text[2 * i + 1]);
        if (!high || !low)
            return false;
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

static void read_resume(struct session *s, const cJSON *resume)
{
    uint8_t token[RECORD_TOKEN_BYTES];
    double n_events = number_of(resume, "events");
    struct room_return from = {.token = token,
                               .tick = whole_of(resume, "tick"),
                               .n_events =
                                   n_events < 0 ? ROOM_NOT_COUNTED : (uint32_t)n_events};

    if (read_token(text_of(resume, "token"), token))
        session_resume(s, &from, 0, whole_of(resume, "epoch"));
    else
        session_end(s, CLOSE_BAD_HELLO, "resume: token is 32 digits of 0-9 a-f");
}

static void read_hello(struct session *s, const cJSON *object)
{
    const cJSON *join = cJSON_GetObjectItemCaseSensitive(object, "join");
    const cJSON *resume = cJSON_GetObjectItemCaseSensitive(object, "resume");
    struct buf *options = &s->world->scratch;
    struct err e;

    buf_clear(options);
    if (s->player)
        session_end(s, CLOSE_PROTOCOL, "a second hello");
    else if (cJSON_IsObject(resume))
        read_resume(s, resume);
    else if (cJSON_IsObject(join) && payload_from_json(NULL, join, options, &e) == 0 &&
             !options->failed)
        session_join(s, options->data, options->len, 0);
    else
        session_end(s, CLOSE_BAD_HELLO, close_reason_text(CLOSE_BAD_HELLO));
}

static void read_message(struct session *s, const cJSON *object, bool is_request)
{
    struct schema *schema = s->player->schema;
    struct buf *body = &s->world->scratch;
    const char *name = text_of(object, "name");
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(object, "data");
    struct input in = {.kind = INPUT_OTHER,
                       .player = s->player->id,
                       .request = is_request ? request_of(object) : 0};
    const struct record *record = NULL;
    cJSON nothing = {.type = cJSON_NULL}, empty = {.type = cJSON_Object};
    struct err e;

    s->player->ledger->tally
        .n_received++; /* also what is refused: the client counts it too */
    if (is_request && !in.request) {
        session_invalid(s, 0, "a request without id");
        return;
    }
    if (!name || !*name || strlen(name) > 64) {
        session_invalid(s, in.request, "a message without name");
        return;
    }
    buf_clear(body);
    int id = schema_find_message(schema, name, strlen(name));
    if (id >= 0) {
        record = &schema->messages[id];
        in.kind = INPUT_MESSAGE;
        in.schema = schema;
        in.message = (uint32_t)id;
    } else {
        wire_put_str(body, name, strlen(name));
    }
    if (!data)
        data = record ? &empty : &nothing;
    if (payload_from_json(record, data, body, &e) < 0 || body->failed) {
        session_invalid(s, in.request, body->failed ? "too big" : e.text);
        return;
    }
    in.data = body->data;
    in.len = (uint32_t)body->len;
    in.seq = record && record->is_input && !is_request ? whole_of(object, "seq") : 0;
    session_input(s, &in);
}

static void answer_ping(struct session *s, const cJSON *object)
{
    struct buf *out = &s->world->scratch;
    struct json_out j = json_out_to(out);
    double ms = number_of(object, "ms");

    buf_clear(out);
    json_out_object(&j);
    json_out_key_str(&j, "t", "pong");
    json_out_key(&j, "ms", 2);
    if (ms < 0)
        json_out_null(&j);
    else
        json_out_num(&j, ms);
    json_out_key_int(&j, "server", (uint32_t)(clk_now_us() / 1000));
    json_out_key_int(&j, "tick", s->player->room->tick);
    json_out_end_object(&j);
    session_send(s, out);
}

static void read_object(struct session *s, const cJSON *object)
{
    const char *t = text_of(object, "t");

    if (t && strcmp(t, "hello") == 0) {
        read_hello(s, object);
    } else if (!s->player) {
        session_end(s, CLOSE_BAD_HELLO, close_reason_text(CLOSE_BAD_HELLO));
    } else if (!t) {
        session_end(s, CLOSE_PROTOCOL, "a record without t");
    } else if (strcmp(t, "send") == 0 || strcmp(t, "request") == 0) {
        read_message(s, object, *t == 'r');
    } else if (strcmp(t, "ping") == 0) {
        double n_events = number_of(object, "events");
        if (session_is_greeted(s)) {
            if (n_events >= 0)
                session_confirm(s, (uint32_t)n_events);
            answer_ping(s, object);
        }
    } else if (strcmp(t, "ack") == 0) {
        double tick = number_of(object, "tick");
        if (tick >= 0)
            session_ack(s, (uint32_t)tick);
    } else if (strcmp(t, "resync") == 0) {
        session_resync(s);
    } else {
        session_end(s, CLOSE_PROTOCOL, "no such record");
    }
}

enum session_kind session_json_kind(const uint8_t *data, size_t len, uint32_t *request)
{
    cJSON *object = cJSON_ParseWithLength((const char *)data, len);
    const char *t = text_of(object, "t");
    enum session_kind kind = SESSION_OTHER;

    if (t && (strcmp(t, "ping") == 0 || strcmp(t, "ack") == 0 || strcmp(t, "resync") == 0))
        kind = SESSION_PASSING;
    else if (t && (strcmp(t, "send") == 0 || strcmp(t, "request") == 0))
        kind = SESSION_COUNTED;
    if (request)
        *request = kind == SESSION_COUNTED && *t == 'r' ? request_of(object) : 0;
    cJSON_Delete(object);
    return kind;
}

void session_json(struct session *s, const uint8_t *data, size_t len)
{
    const char *end = NULL;

    if (json_text_has_nul((const char *)data, len)) {
        session_end(s, CLOSE_BAD_DATA, "a string holds a NUL");
        return;
    }
    cJSON *object = cJSON_ParseWithLengthOpts((const char *)data, len, &end, false);

    while (object && end < (const char *)data + len && strchr(" \t\r\n", *end) && *end)
        end++;
    if (!cJSON_IsObject(object) || end != (const char *)data + len)
        session_end(s, CLOSE_BAD_DATA, "this is not a JSON object");
    else
        read_object(s, object);
    cJSON_Delete(object);
}
