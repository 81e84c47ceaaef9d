/* SPDX-License-Identifier: MIT */
/*
 * lobby_tell - what players hear while they wait for a room: QUEUE records.
 */
#include <math.h>
#include <string.h>

#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/lobby_internal.h"
#include "room/session_internal.h"

static void put_told(const struct told *t, enum peer_codec codec, struct buf *out)
{
    if (codec == PEER_JSON) {
        struct json_out j = json_out_to(out);
        json_out_object(&j);
        json_out_key_str(&j, "t", "queue");
        json_out_key_int(&j, "position", t->position);
        json_out_key_int(&j, "waiting", t->waiting);
        json_out_key_int(&j, "found", t->found);
        json_out_key_int(&j, "need", t->need);
        json_out_key(&j, "estimate", 8);
        if (t->estimate_s < 0)
            json_out_null(&j);
        else
            json_out_int(&j, t->estimate_s);
        json_out_end_object(&j);
        return;
    }
    struct buf body;
    buf_init(&body, 64);
    wire_put_uv(&body, t->position);
    wire_put_uv(&body, t->waiting);
    wire_put_uv(&body, t->found);
    wire_put_uv(&body, t->need);
    wire_put_uv(&body, (uint64_t)(t->estimate_s + 1));
    wire_put_u8(out, RECORD_QUEUE);
    wire_put_uv(out, body.len);
    buf_append(out, body.data, body.len);
    out->failed |= body.failed;
    buf_fini(&body);
}

static void tell(struct unit *u, const struct told *t, uint64_t now_us)
{
    uint64_t since_ms = (now_us - u->told_us) / 1000;
    bool is_new = memcmp(&u->told, t, sizeof *t) != 0;
    struct buf out;

    if (u->told_us && since_ms < (is_new ? LOBBY_TELL_MS : LOBBY_AGAIN_MS))
        return;
    u->told = *t;
    u->told_us = now_us;
    buf_init(&out, 1024);
    for (struct waiter *w = u->waiters; w; w = w->next) {
        buf_clear(&out);
        put_told(t, w->session->peer.codec, &out);
        if (w->session->peer.codec != PEER_RAW)
            session_send(w->session, &out);
    }
    buf_fini(&out);
}

void lobby_tell(struct game *g, uint64_t now_us)
{
    const struct lobby *l = &g->lobby;
    const struct game_queue *q = &lobby_def(g)->queue;
    uint32_t ahead = 0;

    for (struct unit *u = l->first; u; u = u->next) {
        bool is_whole = u->n == u->size;
        double left_s = l->typical_s - lobby_waited_s(u, now_us);
        struct told t;
        memset(&t, 0, sizeof t); /* compared as bytes */
        t.position = ahead + 1;
        t.waiting = l->n;
        t.found = is_whole ? u->found : u->n;
        t.need = is_whole ? q->min : u->size;
        t.estimate_s = l->typical_s > 0 && is_whole ? (int64_t)ceil(fmax(left_s, 0)) : -1;
        tell(u, &t, now_us);
        ahead += u->n;
    }
}
