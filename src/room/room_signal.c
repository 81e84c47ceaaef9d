/* SPDX-License-Identifier: MIT */
/*
 * room_signal - a game's rooms from outside: what parlor.signal leaves for one, and the
 * list that parlor.rooms gives.
 */
#include <string.h>

#include "base/clk.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/room_internal.h"

enum { SIGNALS_MAX = 1000 }; /* that wait in one room */

const char *room_signal(struct room *r, const struct script_signal *what)
{
    struct buf *out = &r->scratch;
    struct input in = {.kind = INPUT_SIGNAL};

    if (r->is_closing)
        return "the room is closing";
    if (r->n_signals >= SIGNALS_MAX)
        return "too much waits in this room";
    buf_clear(out);
    wire_put_str(out, what->name, what->n_name);
    buf_append(out, what->payload, what->n_payload);
    in.data = out->data;
    in.len = (uint32_t)out->len;
    if (out->failed || !inputs_push(&r->inputs, &in))
        return "too much waits in this room";
    r->n_signals++;
    if (!r->is_stepping) {
        room_schedule(r, clk_now_us());
        r->game->world->ops->on_schedule(r->game->world->ctx);
    }
    return NULL;
}

const char *room_on_signal(void *ctx, const char *room, size_t n_room,
                           const struct script_signal *what)
{
    struct room *r = game_find_room(ctx, room, n_room);

    return r ? room_signal(r, what) : "there is no such room";
}

static void put_key(struct buf *out, const char *key)
{
    wire_put_uv(out, 0);
    wire_put_str(out, key, strlen(key));
}

static void put_number(struct buf *out, const char *key, uint32_t value)
{
    put_key(out, key);
    wire_put_u8(out, ANY_INT);
    wire_put_sv(out, value);
}

static void put_flag(struct buf *out, const char *key, bool value)
{
    put_key(out, key);
    wire_put_u8(out, value ? ANY_TRUE : ANY_FALSE);
}

/* As /_parlor/rooms tells it (server/rooms_api.h). */
static void put_room(struct buf *out, const struct room *r)
{
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, 7);
    put_key(out, "id");
    wire_put_u8(out, ANY_STR);
    wire_put_str(out, r->id, strlen(r->id));
    put_number(out, "players", room_n_seats(r));
    put_number(out, "max", room_def(r)->max_players);
    put_number(out, "spectators", r->n_spectators);
    put_flag(out, "locked", r->is_locked);
    put_flag(out, "private", r->is_private);
    put_key(out, "labels");
    if (r->labels) {
        buf_append(out, r->labels, r->n_labels);
    } else {
        wire_put_u8(out, ANY_MAP);
        wire_put_uv(out, 0);
    }
}

bool room_on_rooms(void *ctx, const char *name, struct buf *out)
{
    const struct game *own = ctx;
    const struct game *g = name ? game_find(own->world, name, strlen(name)) : own;
    uint32_t n = 0;

    if (!g)
        return false;
    for (int pass = 0; pass < 2; pass++) { /* count, then write */
        if (pass == 1) {
            wire_put_u8(out, ANY_ARRAY);
            wire_put_uv(out, n);
        }
        for (struct map_entry *e = NULL; g->vm && (e = map_next(&g->rooms, e));) {
            const struct room *r = e->value;
            if (r->is_closing || (r->is_private && g != own))
                continue;
            if (pass == 1)
                put_room(out, r);
            n++;
        }
    }
    return !out->failed;
}
