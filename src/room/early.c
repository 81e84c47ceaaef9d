/* SPDX-License-Identifier: MIT */
#include "room/early.h"

#include <stdlib.h>

#include "base/close_reason.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/session_internal.h"

struct early {
    struct early *next; /* in world.early */
    struct session *session;
    struct buf messages; /* each: u8 opcode, uv length, bytes */
    uint32_t n;
};

static void free_early(struct early *h)
{
    buf_fini(&h->messages);
    free(h);
}

static bool is_passing(const struct session *s, const uint8_t *data, size_t len)
{
    switch (s->peer.codec) {
    case PEER_JSON: return session_json_kind(data, len, NULL) == SESSION_PASSING;
    case PEER_BINARY:
        return len > 0 && (data[0] == RECORD_C_PING || data[0] == RECORD_C_ACK ||
                           data[0] == RECORD_C_RESYNC);
    default: return false;
    }
}

void early_add(struct session *s, enum ws_op op, const uint8_t *data, size_t len)
{
    struct early *h = s->wish->early;

    if (is_passing(s, data, len))
        return;
    if (!h) {
        if (!(h = s->wish->early = calloc(1, sizeof *h))) {
            session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
            return;
        }
        h->session = s;
        buf_init(&h->messages, EARLY_BYTES);
    }
    wire_put_u8(&h->messages, (uint8_t)op);
    wire_put_uv(&h->messages, len);
    buf_append(&h->messages, data, len);
    if (++h->n > EARLY_MESSAGES || h->messages.failed)
        session_end(s, CLOSE_TOO_MANY, close_reason_text(CLOSE_TOO_MANY));
}

void early_seated(struct session *s)
{
    struct early **last = &s->world->early;

    if (!s->wish->early)
        return;
    while (*last)
        last = &(*last)->next;
    *last = s->wish->early;
    s->wish->early = NULL;
}

void early_read_all(struct world *w)
{
    for (struct early *h; (h = w->early);) {
        struct wire_in in = wire_from(h->messages.data, h->messages.len);
        w->early = h->next;
        while (wire_left(&in) > 0) {
            enum ws_op op = (enum ws_op)wire_u8(&in);
            size_t len = wire_uv(&in);
            session_message(h->session, op, wire_raw(&in, len), len);
        }
        free_early(h);
    }
}

void early_drop(struct session *s)
{
    if (s->wish && s->wish->early)
        free_early(s->wish->early);
    if (s->wish)
        s->wish->early = NULL;
    if (!s->world) /* between two workers it has no seat */
        return;
    for (struct early **at = &s->world->early; *at;) {
        struct early *h = *at;
        if (h->session == s) {
            *at = h->next;
            free_early(h);
        } else {
            at = &h->next;
        }
    }
}
