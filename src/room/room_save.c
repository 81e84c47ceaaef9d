/* SPDX-License-Identifier: MIT */
#include "room/room_save.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/room_saved.h"
#include "script/script_save.h"
#include "state/value.h"

/* FNV-1a of 64 bits. */
uint64_t room_saved_hash(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Writing. */

static void put_u64(struct buf *out, uint64_t v)
{
    wire_put_u32(out, (uint32_t)v);
    wire_put_u32(out, (uint32_t)(v >> 32));
}

static void put_bytes(struct buf *out, const void *bytes, size_t len)
{
    wire_put_uv(out, len);
    buf_append(out, bytes, len);
}

static void put_key(const struct record *record, const struct image_key *key,
                    struct buf *out)
{
    struct value_key k = {.number = key->number};

    if (record->keys == KEY_STR)
        k.text = (struct wire_str){(const char *)key->text->bytes, key->text->len};
    value_put_key(record->keys, &k, out);
}

static void put_row(const struct record *record, const struct row *row, struct buf *out)
{
    if (record->keys != KEY_NONE)
        put_key(record, &row->key, out);
    for (uint32_t i = 0; i < record->n_fields; i++)
        type_put(&record->fields[i].type, row->now[i], out);
}

/* The order in which rows came, as far as their slots and ticks tell. */
static int by_age(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;

    if (x->spawn != y->spawn)
        return x->spawn < y->spawn ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void put_table(const struct table *table, struct buf *out)
{
    uint32_t n = 0;
    struct row **rows = calloc(table->cap ? table->cap : 1, sizeof(struct row *));

    if (!rows) {
        out->failed = true;
        return;
    }
    for (uint32_t slot = 0; slot < table->cap; slot++)
        if (table->rows[slot])
            rows[n++] = table->rows[slot];
    qsort(rows, n, sizeof(struct row *), by_age);
    wire_put_uv(out, n);
    for (uint32_t i = 0; i < n; i++)
        put_row(table->record, rows[i], out);
    free(rows);
}

/* What the player asks to see. */
static void put_interest(const struct schema *schema, const struct interest *in,
                         struct buf *out)
{
    wire_put_u8(out, in->has_centre);
    wire_put_f64(out, in->x);
    wire_put_f64(out, in->y);
    wire_put_f64(out, in->radius);
    wire_put_uv(out, in->n_keys);
    for (uint32_t t = 1; t < schema->n_tables && in->keys; t++) {
        const struct record *record = &schema->tables[t];
        if (record->interest.kind != INTEREST_KEYS)
            continue;
        for (struct map_entry *e = NULL;
             (e = map_next(&in->keys[record->interest.place], e));) {
            struct value_key key = {
                (int64_t)e->number, {e->bytes, e->len}
            };
            wire_put_uv(out, t);
            value_put_key(record->keys, &key, out);
        }
    }
}

static bool is_kept(const struct player *p)
{
    return p->has_joined && !p->is_spectator;
}

/* How long the seat has still to be held; a seat that is taken gets all of it. */
static uint32_t held_ms(const struct room *r, const struct player *p, uint64_t now_us)
{
    if (!player_has_pass(p) || p->is_leaving)
        return 0;
    if (p->state != PLAYER_HELD)
        return (uint32_t)(room_def(r)->reconnect * 1000);
    return p->held_until_us > now_us ? (uint32_t)((p->held_until_us - now_us) / 1000) : 0;
}

static void put_seat(const struct room *r, const struct player *p, uint64_t now_us,
                     struct buf *out)
{
    const struct pass *pass = &p->ledger->pass;

    wire_put_uv(out, p->id);
    wire_put_u8(out, (uint8_t)((p->state != PLAYER_HELD ? SAVED_SEAT_IS_TAKEN : 0) |
                               (p->peer.codec == PEER_JSON ? SAVED_SEAT_IS_JSON : 0)));
    wire_put_u32(out, held_ms(r, p, now_us));
    wire_put_uv(out, !pass->is_given ? 0u : pass->has_before ? 2u : 1u);
    if (pass->is_given)
        buf_append(out, pass->now, sizeof pass->now);
    if (pass->is_given && pass->has_before)
        buf_append(out, pass->before, sizeof pass->before);
    /* What waits in the queue goes with the process: it is sent once more. */
    wire_put_uv(out, p->ledger->tally.n_received - p->n_waiting);
    wire_put_uv(out, p->ledger->input_done);
    wire_put_str(out, p->name, strlen(p->name));
    put_bytes(out, p->user, p->n_user);
    put_interest(r->image->schema, &p->view->interest, out);
}

static void put_seats(const struct room *r, uint64_t now_us, struct buf *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n_players; i++)
        n += is_kept(r->players[i]);
    wire_put_uv(out, n);
    for (uint32_t i = 0; i < r->n_players; i++)
        if (is_kept(r->players[i]))
            put_seat(r, r->players[i], now_us, out);
}

bool room_put_saved(struct room *r, uint64_t now_us, struct buf *out)
{
    size_t begin = out->len;

    wire_put_u8(out, SAVED_FORMAT);
    wire_put_u32(out, r->tick);
    wire_put_f64(out, room_ms(r, now_us));
    wire_put_uv(out, r->last_id);
    wire_put_u8(out, (uint8_t)((r->is_named ? SAVED_IS_NAMED : 0) |
                               (r->is_private ? SAVED_IS_PRIVATE : 0) |
                               (r->is_locked ? SAVED_IS_LOCKED : 0)));
    for (int i = 0; i < 4; i++)
        put_u64(out, r->script->rnd.s[i]);
    put_bytes(out, r->labels, r->n_labels);
    buf_clear(&r->scratch);
    if (script_timers_get(r->script, &r->scratch) != SCRIPT_DONE || r->scratch.failed)
        return false;
    put_bytes(out, r->scratch.data, r->scratch.len);
    for (uint32_t t = 0; t < r->image->schema->n_tables; t++)
        put_table(&r->image->tables[t], out);
    put_seats(r, now_us, out);
    if (!out->failed)
        put_u64(out, room_saved_hash(out->data + begin, out->len - begin));
    return true;
}

/* When. */

bool room_wants_save(const struct room *r)
{
    return r->is_unsaved && room_def(r)->durable && r->game->world->keeps_rooms &&
           r->game->world->store && !r->is_suspended;
}

/* The schema that the room is saved by, once in the life of a store. */
static bool post_shape(struct game *g, const struct schema *schema)
{
    struct store_ask ask = {.op = STORE_SHAPE,
                            .game = g->name,
                            .data = (const uint8_t *)schema->full,
                            .n_data = schema->n_full};

    if (g->shape_of == schema)
        return true;
    ask.hash = room_saved_hash(schema->full, schema->n_full);
    if (!store_post(g->world->store, &ask))
        return false;
    g->shape_of = schema;
    g->shape_hash = ask.hash;
    return true;
}

/* What is other in the bytes whenever time has passed: the tick, the time, the hash. */
static uint64_t hash_without_time(const struct buf *bytes)
{
    enum { HEAD = 1 + 4 + 8, TAIL = 8 };

    return room_saved_hash(bytes->data + HEAD, bytes->len - HEAD - TAIL);
}

static void save(struct room *r, uint64_t now_us, bool is_last)
{
    struct world *w = r->game->world;
    struct store_ask ask = {.op = STORE_ROOM, .game = r->game->name, .name = r->id};
    struct buf bytes;

    buf_init(&bytes, 0);
    r->save_at_us = now_us + ROOM_SAVE_AGAIN_MS * 1000;
    if (!room_put_saved(r, now_us, &bytes) || bytes.failed)
        goto done;
    uint64_t hash = hash_without_time(&bytes);
    bool is_same = r->saved_us && hash == r->saved_hash &&
                   now_us - r->saved_us < ROOM_SAVE_SAME_MS * 1000;
    if (!is_same || is_last) {
        ask.data = bytes.data;
        ask.n_data = bytes.len;
        if (!post_shape(r->game, r->image->schema))
            goto done;
        ask.hash = r->game->shape_hash;
        if (!store_post(w->store, &ask))
            goto done;
        r->saved_us = now_us;
        r->saved_hash = hash;
    }
    r->save_at_us = now_us + ROOM_SAVE_MS * 1000;
    r->is_unsaved = false;
done:
    buf_fini(&bytes);
}

/* Both call the script: what a callback has changed is scanned, timers are asked for. */
static void scan_and_save(struct room *r, uint64_t now_us, bool is_last)
{
    vm_step_begin(r->game->vm);
    if (r->ran_lua)
        room_scan(r);
    r->ran_lua = false;
    if (!r->is_closing)
        save(r, now_us, is_last);
    vm_step_end(r->game->vm);
}

void room_save_if_due(struct room *r, uint64_t now_us)
{
    if (room_wants_save(r) && now_us >= r->save_at_us)
        scan_and_save(r, now_us, false);
}

void room_forget_saved(struct room *r)
{
    const struct world *w = r->game->world;
    struct store_ask ask = {.op = r->is_faulted ? STORE_ROOM_ASIDE : STORE_ROOM_GONE,
                            .game = r->game->name,
                            .name = r->id};

    if (!r->saved_us || r->is_suspended || r->game->is_closing || !w->store)
        return;
    if (r->is_faulted) {
        ask.data = (const uint8_t *)r->close_reason;
        ask.n_data = strlen(r->close_reason);
        logger_error(r->game->name,
                     "room %s is set aside as it was saved last (rooms_aside in the "
                     "store)",
                     r->id);
    }
    store_post(w->store, &ask); /* is always taken, see store.c */
}

uint32_t world_suspend(struct world *w)
{
    uint64_t now_us = clk_now_us();
    uint32_t n = 0;

    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));) {
        const struct game *g = e->value;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
            struct room *r = at->value;
            if (r->is_closing || !w->store || !w->keeps_rooms || !room_def(r)->durable)
                continue;
            room_finish_tick(r, now_us);
            if (r->is_closing)
                continue;
            scan_and_save(r, now_us, true);
            r->is_suspended = r->is_faulted = true; /* no callback any more */
            sched_set(&w->sched, &r->item, UINT64_MAX);
            n++;
        }
    }
    return n;
}

void world_take_answers(struct world *w)
{
    const struct store_answer *a;

    atomic_store(&w->has_answers, false);
    if (!w->store)
        return;
    while ((a = store_take(w->store))) {
        game_take_answer(w, a);
        store_answer_free(&a);
    }
    uint64_t n_failed = store_n_failed_saves(store_of_port(w->store));
    if (n_failed == w->n_failed_saves)
        return;
    /* Whatever was lost is written again, with its schema. */
    w->n_failed_saves = n_failed;
    uint64_t again_us = clk_now_us() + ROOM_SAVE_MS * 1000;
    if (w->part == 0 && w->bans_us > again_us) /* all workers have all bans */
        w->bans_us = again_us;
    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));) {
        struct game *g = e->value;
        g->shape_of = NULL;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
            struct room *r = at->value;
            r->is_unsaved = true;
            r->saved_hash = 0;
            if (room_wants_save(r))
                room_schedule(r, clk_now_us());
        }
    }
}
