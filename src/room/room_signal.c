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

/* For a room on another worker nobody waits: what it says is lost where it is refused. */
const char *room_on_signal(void *ctx, const char *room, size_t n_room,
                           const struct script_signal *what)
{
    struct game *g = ctx;
    struct place_wish w = {.id = room, .n_id = n_room};
    struct room *r = game_find_room(g, room, n_room);
    struct place *p;

    if (r)
        return room_signal(r, what);
    if (!g->world->ops->on_signal || hall_take(g->hall, &w, &p) != PLACE_FOUND)
        return "there is no such room";
    bool is_sent = g->world->ops->on_signal(g->world->ctx, g, p, what);
    place_release(&p, 0);
    return is_sent ? NULL : "too much waits in this room";
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
static void put_room(struct buf *out, const struct game *g, const struct place_view *r)
{
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, 7);
    put_key(out, "id");
    wire_put_u8(out, ANY_STR);
    wire_put_str(out, r->place->id, strlen(r->place->id));
    put_number(out, "players", r->state.n_seats);
    put_number(out, "max", g->vm->def->max_players);
    put_number(out, "spectators", r->state.n_spectators);
    put_flag(out, "locked", r->state.is_locked);
    put_flag(out, "private", r->state.is_private);
    put_key(out, "labels");
    if (r->labels) {
        buf_append(out, r->labels->bytes, r->labels->len);
    } else {
        wire_put_u8(out, ANY_MAP);
        wire_put_uv(out, 0);
    }
}

bool room_on_rooms(void *ctx, const char *name, struct buf *out)
{
    const struct game *own = ctx;
    const struct game *g = name ? game_find(own->world, name, strlen(name)) : own;
    size_t n_all = 0;
    struct place_view *list = g && g->vm ? hall_list(g->hall, false, &n_all) : NULL;
    uint32_t n = 0;

    if (!g)
        return false;
    for (int pass = 0; pass < 2; pass++) { /* count, then write */
        if (pass == 1) {
            wire_put_u8(out, ANY_ARRAY);
            wire_put_uv(out, n);
        }
        for (size_t i = 0; i < n_all; i++) {
            if (list[i].state.is_closing || (list[i].state.is_private && g != own))
                continue;
            if (pass == 1)
                put_room(out, g, &list[i]);
            n++;
        }
    }
    hall_list_free(list, n_all);
    return !out->failed;
}
