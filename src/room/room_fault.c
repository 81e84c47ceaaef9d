/* SPDX-License-Identifier: MIT */
/*
 * room_fault - what scripts do wrong: what is taken back after a callback that
 * raised or was stopped, when a room has had enough of it, and how a game goes on
 * that has lost its VM.
 */
#include <stdio.h>

#include "base/clk.h"
#include "base/logger.h"
#include "room/room_internal.h"

enum { MINUTE_US = 60000000 };

void room_fault(struct room *r, const char *reason)
{
    if (r->is_closing)
        return;
    logger_error(r->game->name, "room %s is closed: %s", r->id, reason);
    r->is_faulted = true;
    room_close(r, reason);
}

/* A callback was stopped: the last straw? */
static void count_kill(struct room *r)
{
    uint32_t max = room_def(r)->max_kills;
    uint64_t now_us = clk_now_us();
    char why[96];

    r->kills_us[r->n_kills++ % ROOM_MAX_KILLS] = now_us;
    if (r->n_kills < max)
        return;
    uint64_t first = r->kills_us[(r->n_kills - max) % ROOM_MAX_KILLS];
    if (now_us - first > MINUTE_US)
        return;
    snprintf(why, sizeof why, "the game was stopped %u time%s within a minute", max,
             max == 1 ? "" : "s");
    room_fault(r, why);
}

/* The state is what it was before; the image is right already. */
static void take_back(struct room *r, enum script_result result)
{
    if (!room_def(r)->raw)
        script_restore(r->script);
    if (result == SCRIPT_STOPPED)
        count_kill(r);
    if (r->script->vm->is_lost)
        game_replace_vm(r->game);
}

void room_scan(struct room *r)
{
    enum script_result result = script_scan(r->script);

    /* It ran code of the script: metamethods of its tables. */
    if (result == SCRIPT_STOPPED || (result == SCRIPT_RAISED && room_def(r)->atomic))
        take_back(r, result);
}

void room_settle(struct room *r, enum script_result result, size_t mark, const char *where)
{
    r->raw_data = NULL; /* one callback does not add to what another has sent */
    if (result == SCRIPT_ABSENT)
        return;
    r->ran_lua = true;
    r->is_dirty = true;
    if (result < 0)
        outbox_cut(&r->outbox, mark);
    if (result == SCRIPT_STOPPED || (result == SCRIPT_RAISED && room_def(r)->atomic))
        take_back(r, result);
    if ((r->game->world->is_dev || room_def(r)->atomic) && !room_def(r)->raw) {
        r->script->vm->where = where;
        room_scan(r);
        r->script->vm->where = NULL;
    }
}

/* A room's seats and its script's last chance to mend what is private. */
static void give_back(struct room *r)
{
    bool was_stepping = r->is_stepping;
    size_t mark = r->outbox.n;

    for (uint32_t i = 0; i < r->n_players; i++) {
        const struct player *p = r->players[i];
        if (p->has_joined && room_tell_script(r, p) < 0)
            room_fault(r, "a player could not be given back its seat");
    }
    r->told_tick = UINT32_MAX; /* room.tick and room.time are told anew */
    r->is_stepping = true;
    enum script_result result = script_rebuilt(r->script, r->version);
    r->is_stepping = was_stepping;
    r->ran_lua = r->is_dirty = true;
    if (result < 0)
        outbox_cut(&r->outbox, mark);
    if (result == SCRIPT_STOPPED)
        room_fault(r, "the game was stopped right after its VM was replaced");
    room_wake(r);
}

void game_replace_vm(struct game *g)
{
    struct err e = {0};

    if (g->is_replacing)
        return;
    g->is_replacing = true;
    logger_error(g->name,
                 "the VM is replaced: its Lua values cannot be kept (%zu MiB in "
                 "use); rooms go on with their declared state",
                 g->vm->memory.used >> 20);
    int r = vm_replace(g->vm, &e);
    vm_step_begin(g->vm); /* time of their own for what follows */
    for (struct map_entry *at = NULL; r == 0 && (at = map_next(&g->rooms, at));)
        give_back(at->value);
    if (r == 0 && g->vm->is_lost)
        r = err_set(&e, -1, "the game's memory does not suffice for its rooms");
    if (r < 0) {
        g->load_error = e;
        g->vm->is_lost = true;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));)
            room_fault(at->value, e.text);
    }
    g->is_replacing = false;
}
