/* SPDX-License-Identifier: MIT */
/*
 * room_reload - a room goes on with new code: its clock at another rate, its
 * state by another schema, and messages that clients still send by an old one.
 */
#include <string.h>

#include "base/clk.h"
#include "room/room_internal.h"

void room_know_schema(struct room *r, struct schema *schema)
{
    if (r->n_known == ROOM_MAX_SCHEMAS) {
        schema_unref(&r->known[0]);
        memmove(r->known, r->known + 1, --r->n_known * sizeof *r->known);
    }
    r->known[r->n_known++] = schema_ref(schema);
}

void room_offer_schema(struct player *p, uint32_t hash)
{
    const struct room *r = p->room;
    struct schema *schema = room_def(r)->schema;

    for (uint32_t i = 0; p->peer.codec == PEER_BINARY && i < r->n_known; i++)
        if (r->known[i]->hash == hash)
            schema = r->known[i];
    if (p->ledger)
        p->ledger->offered_hash = hash;
    player_set_schema(p, schema);
}

void room_accept_schema(struct player *p, uint32_t hash)
{
    const struct room *r = p->room;
    uint32_t i = r->n_known;

    /* Only forward: going to and fro would be a way round the rate limits. The
     * first that fits, because an edit that is undone brings a hash again. */
    while (i > 0 && r->known[i - 1] != p->schema)
        i--;
    while (i < r->n_known && r->known[i]->hash != hash)
        i++;
    if (i < r->n_known)
        player_set_schema(p, r->known[i]);
}

/* What scripts hold goes into a new image; false where that cannot be done. */
static bool take_over_state(struct room *r, uint64_t now_us)
{
    struct schema *schema = room_def(r)->schema;
    bool other_events = schema->events_hash != r->image->schema->events_hash;
    struct image *fresh;

    /* Events that wait were encoded by the old schema, so they leave before the
     * new one is told. */
    if (r->outbox.n)
        room_flush(r, now_us);
    if (image_new(&fresh, schema, r->tick - 1) < 0)
        return false;
    image_begin(fresh, r->tick);
    for (uint32_t i = 0; i < r->n_players; i++)
        if (r->players[i]->view)
            interest_rebind(&r->players[i]->view->interest, r->image->schema, schema);
    image_free(&r->image);
    r->image = fresh;
    emit_cache_fini(&r->cache);
    emit_cache_init(&r->cache);
    room_know_schema(r, schema);
    for (uint32_t i = 0; i < r->n_players; i++) {
        struct player *p = r->players[i];
        if (!p->view)
            continue;
        if (other_events)
            p->ledger->tally.n_stale = ring_count(&p->ledger->tally.sent);
        view_reset(p->view);
        p->needs_schema = true;
        if (p->peer.codec != PEER_BINARY)
            player_set_schema(p, schema); /* by names: nobody has to learn it */
    }
    if (script_room_rebind(r->script, fresh) < 0)
        return false;
    /* At once: whatever goes wrong from here on, a restore reads this image. */
    r->script->vm->where = "reload";
    room_scan(r);
    r->script->vm->where = NULL;
    return true;
}

void room_reload(struct room *r, bool schema_changed)
{
    uint64_t now_us = clk_now_us();

    if (r->is_closing)
        return;
    /* The room's time goes on from where it is, at the new pace. */
    if (r->tick_rate != room_def(r)->tick_rate) {
        r->base_ms = r->tick_rate > 0 ? r->script->now_ms : room_ms(r, now_us);
        r->base_tick = r->tick - 1;
        room_begin_clock(r, now_us);
    }
    r->version = r->game->vm->version;
    r->is_paused = false;
    r->failing_ticks = 0;
    r->n_kills = 0; /* other code, another chance */
    if (schema_changed && !take_over_state(r, now_us)) {
        room_close(r, "the state could not be taken over");
        return;
    }
    r->ran_lua = r->is_dirty = r->is_unsaved = true;
    room_schedule(r, now_us);
}
