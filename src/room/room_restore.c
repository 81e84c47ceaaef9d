/* SPDX-License-Identifier: MIT */
/*
 * room_restore - rooms that were saved come back when their game is loaded. The bytes are
 * those of a file, which anybody may have changed: nothing in them is taken on trust.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/room_save.h"
#include "room/room_saved.h"
#include "script/script_save.h"
#include "state/payload.h"
#include "state/value.h"

/* What stands before seats and state. */
struct head {
    uint32_t tick, last_id;
    double ms;
    uint8_t flags;
    struct rnd rnd;
    struct wire_str labels, timers; /* any */
};

static uint64_t get_u64(struct wire_in *in)
{
    uint64_t low = wire_u32(in);

    return low | (uint64_t)wire_u32(in) << 32;
}

static struct wire_str get_bytes(struct wire_in *in)
{
    size_t n = wire_uv(in);
    const uint8_t *bytes = wire_raw(in, n);

    return (struct wire_str){(const char *)bytes, bytes ? n : 0};
}

/* One whole any, or nothing. */
static struct wire_str get_any(struct wire_in *in)
{
    struct wire_str s = get_bytes(in);
    struct wire_in any = wire_from(s.text, s.len);

    if (s.len) {
        payload_check(NULL, &any);
        in->failed = in->failed || any.failed || wire_left(&any) > 0;
    }
    return s;
}

static void get_head(struct wire_in *in, struct head *h)
{
    uint8_t format = wire_u8(in);

    h->tick = wire_u32(in);
    h->ms = wire_f64(in);
    h->last_id = wire_uv(in);
    h->flags = wire_u8(in);
    for (int i = 0; i < 4; i++)
        h->rnd.s[i] = get_u64(in);
    h->labels = get_any(in);
    h->timers = get_any(in);
    in->failed = in->failed || format != SAVED_FORMAT || h->tick == 0 ||
                 h->tick > UINT32_MAX / 2 || !(h->ms >= 0 && h->ms < 1e15) ||
                 h->timers.len == 0;
}

/* The state. */

static void get_fields(struct wire_in *in, struct image *img, uint32_t table, uint32_t slot)
{
    const struct record *record = img->tables[table].record;

    for (uint32_t i = 0; i < record->n_fields && !in->failed; i++) {
        union cell c;
        type_get(&record->fields[i].type, in, &c);
        if (in->failed)
            type_release(&record->fields[i].type, &c);
        else
            image_set(img, table, slot, i, c);
    }
}

static void get_table(struct wire_in *in, struct image *img, uint32_t table)
{
    const struct record *record = img->tables[table].record;
    uint32_t n = wire_uv(in);

    if (table == 0) {
        in->failed = in->failed || n != 1;
        get_fields(in, img, 0, 0);
        return;
    }
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        struct value_key key = value_get_key(record->keys, in);
        if (in->failed)
            break;
        uint32_t slot = image_add(img, table, key.number, key.text.text, key.text.len);
        if (slot == IMAGE_NO_SLOT)
            in->failed = true;
        else
            get_fields(in, img, table, slot);
    }
}

/* An image with an open bracket of this tick. NULL: it is not what this schema says. */
static struct image *get_image(struct wire_in *in, struct schema *schema, uint32_t tick)
{
    struct image *img;

    if (image_new(&img, schema, tick - 1) < 0)
        return NULL;
    image_begin(img, tick);
    for (uint32_t t = 0; t < schema->n_tables && !in->failed; t++)
        get_table(in, img, t);
    if (in->failed)
        image_free(&img);
    return img;
}

/* Seats. */

static void get_interest(struct wire_in *in, const struct schema *schema, uint32_t max,
                         struct interest *out)
{
    bool has_centre = wire_u8(in) != 0;
    double x = wire_f64(in), y = wire_f64(in), radius = wire_f64(in);
    uint32_t n = wire_uv(in);

    if (has_centre && x - x == 0 && y - y == 0 && radius >= 0)
        interest_look_at(out, x, y, radius);
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        uint32_t table = wire_uv(in);
        if (table == 0 || table >= schema->n_tables ||
            schema->tables[table].interest.kind != INTEREST_KEYS) {
            in->failed = true;
            return;
        }
        struct value_key key = value_get_key(schema->tables[table].keys, in);
        if (!in->failed)
            interest_watch(out, schema, table, key.number, key.text.text, key.text.len,
                           max);
    }
}

/* One seat, held, with its tokens. NULL: the bytes are wrong (in->failed) or memory is
 * out. `saved_by`: the schema that the room was saved by. */
static struct player *get_seat(struct wire_in *in, struct room *r,
                               const struct schema *saved_by, uint64_t now_us,
                               bool *was_taken)
{
    struct player *p = player_new(wire_uv(in));
    uint8_t flags = wire_u8(in);
    uint32_t ms = wire_u32(in), n_tokens = wire_uv(in);
    const uint8_t *now = n_tokens > 0 ? wire_raw(in, RECORD_TOKEN_BYTES) : NULL;
    const uint8_t *before = n_tokens > 1 ? wire_raw(in, RECORD_TOKEN_BYTES) : NULL;
    uint32_t n_received = wire_uv(in), input = wire_uv(in);
    struct wire_str name = wire_str(in), user = get_any(in);
    bool ok = p && p->id > 0 && n_tokens <= SAVED_MAX_TOKENS && player_make_view(p) &&
              !in->failed &&
              (!user.len || player_set_user(p, (const uint8_t *)user.text, user.len));

    if (ok) {
        get_interest(in, saved_by, room_def(r)->max_watched, &p->view->interest);
        if (saved_by != r->image->schema)
            interest_rebind(&p->view->interest, saved_by, r->image->schema);
    }
    if (!ok || in->failed ||
        (now && !pass_restore(&r->game->passes, &p->ledger->pass, p, now, before))) {
        in->failed = true;
        player_free(&p);
        return NULL;
    }
    player_set_name(p, name.text, name.len, PLAYER_NAME_MAX);
    p->room = r;
    p->schema = schema_ref(room_def(r)->schema);
    p->state = PLAYER_HELD;
    p->held_until_us = now_us + (uint64_t)ms * 1000;
    p->has_joined = p->is_restored = p->is_known = true;
    p->ledger->tally.n_received = n_received;
    p->ledger->input_heard = p->ledger->input_done = input;
    p->peer.can_resume = now != NULL;
    p->peer.codec = flags & SAVED_SEAT_IS_JSON ? PEER_JSON : PEER_BINARY;
    *was_taken = flags & SAVED_SEAT_IS_TAKEN;
    return p;
}

/* All of them. Ids ascend, and none is above the last that was given out. */
static const char *get_seats(struct wire_in *in, struct room *r,
                             const struct schema *saved_by, uint64_t now_us)
{
    uint32_t n = wire_uv(in), last = 0;
    bool was_taken;

    for (uint32_t i = 0; i < n && !in->failed; i++) {
        struct player *p = get_seat(in, r, saved_by, now_us, &was_taken);
        if (!p)
            break;
        if (p->id <= last || p->id > r->last_id || !room_add_player(r, p, false)) {
            pass_take(&r->game->passes, &p->ledger->pass, PASS_CLOSED);
            player_free(&p);
            return "its seats are not in order";
        }
        last = p->id;
        room_count_peer(r, p);
        if (room_tell_seat(r, p) < 0)
            return "a seat did not fit into the game's memory";
        struct ban_key key;
        const char *ban = ban_key_of_user(&key, p->user, p->n_user)
                              ? bans_find(&r->game->bans, &key, now_us)
                              : NULL;
        if (ban) /* which came after the room was saved last */
            room_kick(r, p, CLOSE_REFUSED, ban);
        struct input drop = {.kind = INPUT_DROP, .player = p->id};
        if (was_taken && p->peer.can_resume && !ban)
            inputs_push(&r->inputs, &drop);
    }
    return in->failed || wire_left(in) > 0 ? "its seats cannot be read" : NULL;
}

/* Whole rooms. */

/* The schema that it was saved by: the game's own where the text is the same. */
static struct schema *schema_of(const struct game *g, const struct store_room *saved)
{
    struct schema *mine = g->vm->def->schema, *out;
    struct err e;

    if (mine->n_full == saved->n_shape &&
        memcmp(mine->full, saved->shape, saved->n_shape) == 0)
        return schema_ref(mine);
    return schema_parse(&out, saved->shape, saved->n_shape, &e) == 0 ? out : NULL;
}

/* The script's side of a room whose image, seats and clock are there. */
static const char *fill_script(struct room *r, const struct head *h,
                               const struct image *other)
{
    struct script_room *sr = r->script;

    sr->rnd = h->rnd;
    sr->now_ms = h->ms;
    script_room_set_tick(sr, r->tick, h->ms / 1000);
    if ((other ? script_adopt(sr, other) : script_restore(sr)) != SCRIPT_DONE)
        return "its state did not fit into the game's memory";
    if (script_timers_put(sr, (const uint8_t *)h->timers.text, h->timers.len) !=
        SCRIPT_DONE)
        return "its timers could not be set";
    if (other)
        room_scan(r);
    return NULL;
}

static const char *restore(struct game *g, const struct store_room *saved,
                           struct schema *schema, struct wire_in *in)
{
    struct room_start start = {.id = saved->id, .n_id = strlen(saved->id)};
    uint64_t now_us = clk_now_us();
    struct head h;
    const char *why = NULL;

    get_head(in, &h);
    if (in->failed)
        return "its bytes cannot be read";
    struct image *image = get_image(in, schema, h.tick);
    if (!image)
        return "its state is not what its schema says";
    bool is_same = schema == g->vm->def->schema;
    start.is_private = h.flags & SAVED_IS_PRIVATE;
    start.labels = (const uint8_t *)h.labels.text;
    start.n_labels = h.labels.len;
    struct room *r = game_make_room(g, &start, is_same ? image : NULL, h.tick);
    if (!r) {
        image_free(&image);
        return "there is no memory for it";
    }
    r->is_named = h.flags & SAVED_IS_NAMED;
    r->is_locked = h.flags & SAVED_IS_LOCKED;
    r->last_id = h.last_id;
    r->base_ms = h.ms;
    r->base_tick = h.tick;
    r->is_stepping = true;
    vm_step_begin(g->vm);
    why = fill_script(r, &h, is_same ? NULL : image);
    if (!why)
        why = get_seats(in, r, schema, now_us);
    if (!is_same)
        image_free(&image);
    vm_step_end(g->vm);
    r->is_stepping = false;
    if (why) {
        r->is_faulted = true; /* its script hears nothing of it */
        game_end_room(r, why);
        if (g->vm->is_lost)
            game_replace_vm(g); /* the rooms that are back go on in another */
        return why;
    }
    r->saved_us = now_us;
    room_tell_rebuilt(r);
    room_schedule(r, now_us);
    g->world->ops->on_schedule(g->world->ctx);
    return NULL;
}

const char *room_restore(struct game *g, const struct store_room *saved)
{
    enum { HASH = 8 };
    size_t n = saved->n_data;
    struct wire_in in = wire_from(saved->data, n < HASH ? 0 : n - HASH);
    struct wire_in tail =
        wire_from(saved->data + (n < HASH ? 0 : n - HASH), n < HASH ? 0 : HASH);

    if (!game_is_room_name(saved->id, strlen(saved->id)))
        return "its name is no name of a room";
    if (game_find_room(g, saved->id, strlen(saved->id)))
        return "there is a room of this name";
    if (n < HASH || get_u64(&tail) != room_saved_hash(saved->data, n - HASH))
        return "its bytes are damaged";
    struct schema *schema = schema_of(g, saved);
    if (!schema)
        return "the schema that it was saved by is lost";
    const char *why = restore(g, saved, schema, &in);
    schema_unref(&schema);
    return why;
}

struct coming_back {
    struct game *g;
    uint32_t n_back, n_aside, n_waiting;
};

static void on_saved_room(void *ctx, const struct store_room *saved)
{
    struct coming_back *c = ctx;
    struct game *g = c->g;

    const struct world *w = g->world;
    uint64_t hash = room_saved_hash(saved->id, strlen(saved->id));

    if (w->n_parts > 1 && hash % w->n_parts != w->part)
        return;
    if (!g->vm->def->durable) {
        c->n_waiting++;
        return;
    }
    const char *why = room_restore(g, saved);
    if (!why) {
        c->n_back++;
        return;
    }
    c->n_aside++;
    logger_error(g->name,
                 "room %s cannot be brought back: %s; it is set aside (rooms_aside in the "
                 "store)",
                 saved->id, why);
    store_post(g->world->store, &(struct store_ask){.op = STORE_ROOM_ASIDE,
                                                    .game = g->name,
                                                    .name = saved->id,
                                                    .data = (const uint8_t *)why,
                                                    .n_data = strlen(why)});
}

void game_restore_rooms(struct game *g)
{
    struct coming_back c = {.g = g};
    const struct world *w = g->world;

    if (!w->store || !w->keeps_rooms)
        return;
    if (store_load_rooms(store_of_port(w->store), g->name, on_saved_room, &c) < 0)
        logger_error(g->name, "its saved rooms cannot be read; they stay in the store");
    if (c.n_back || c.n_aside)
        logger_info(g->name, "%u room%s back, %u set aside", c.n_back,
                    c.n_back == 1 ? " is" : "s are", c.n_aside);
    if (c.n_waiting)
        logger_warn(g->name,
                    "%u saved room%s in the store: the game does not say durable = true "
                    "any more",
                    c.n_waiting, c.n_waiting == 1 ? " stays" : "s stay");
}
