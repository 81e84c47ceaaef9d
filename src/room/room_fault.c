/* SPDX-License-Identifier: MIT */
/*
 * room_fault - what scripts do wrong: what is taken back after a callback that
 * raised or was stopped, when a room has had enough of it, and how a game goes on
 * that has lost its VM.
 */
#include <stdio.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "room/auth.h"
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

/* A callback was stopped: the last straw? Not where that is the end of new code, and
 * the code before gets another chance. */
static void count_kill(struct room *r)
{
    uint32_t max = room_def(r)->max_kills;
    uint64_t now_us = clk_now_us();
    char why[96];

    if (vm_has_failed(r->game->vm))
        return;
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
    r->is_dirty = r->is_unsaved = true;
    if (result < 0) {
        outbox_cut(&r->outbox, mark);
        answers_cut(&r->answers);
        if (vm_has_failed(r->game->vm))
            world_take_back(r->game->world);
    }
    if (result == SCRIPT_STOPPED || (result == SCRIPT_RAISED && room_def(r)->atomic))
        take_back(r, result);
    if ((r->game->world->is_dev || room_def(r)->atomic) && !room_def(r)->raw) {
        r->script->vm->where = where;
        room_scan(r);
        r->script->vm->where = NULL;
    }
}

/* A room's script has its last chance to mend what is private. */
void room_tell_rebuilt(struct room *r)
{
    bool was_stepping = r->is_stepping;
    size_t mark = r->outbox.n;

    r->is_stepping = true;
    enum script_result result = script_rebuilt(r->script, r->version);
    r->is_stepping = was_stepping;
    r->ran_lua = r->is_dirty = true;
    if (result < 0)
        outbox_cut(&r->outbox, mark);
    if (vm_has_failed(r->game->vm))
        world_take_back(r->game->world);
    else if (result == SCRIPT_STOPPED)
        room_fault(r, "the game was stopped right after its VM was replaced");
    room_wake(r);
}

void game_tell_rebuilt(struct game *g)
{
    g->owes_rebuilt = false;
    vm_step_begin(g->vm);
    for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
        struct room *r = at->value;
        if (!r->is_closing)
            room_tell_rebuilt(r);
    }
    vm_step_end(g->vm);
}

/* A room's seats; and `reloaded`, unless its code is about to be taken back. */
static void give_back(struct room *r)
{
    for (uint32_t i = 0; i < r->n_players; i++) {
        const struct player *p = r->players[i];
        if (p->has_joined && room_tell_seat(r, p) < 0)
            room_fault(r, "a player could not be given back its seat");
    }
    r->told_tick = UINT32_MAX; /* room.tick and room.time are told anew */
    r->ran_lua = r->is_dirty = true;
    if (vm_has_failed(r->game->vm))
        r->game->owes_rebuilt = true;
    else
        room_tell_rebuilt(r);
}

/* One VM for another. Where new code uses up the new one at once, too, but is going to be
 * taken back, there is one more for the code before. */
static int replace(struct game *g, struct err *e)
{
    bool is_hopeless;
    int r;

    do {
        is_hopeless = vm_has_failed(g->vm) && g->owes_rebuilt;
        r = vm_replace(g->vm, e);
        vm_step_begin(g->vm); /* time of their own for what follows */
        for (struct map_entry *at = NULL; r == 0 && (at = map_next(&g->rooms, at));)
            give_back(at->value);
    } while (r == 0 && g->vm->is_lost && vm_has_failed(g->vm) && !is_hopeless);
    if (r == 0 && g->vm->is_lost)
        r = err_set(e, -1, "the game's memory does not suffice for its rooms");
    return r;
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
    auth_end_all(g, CLOSE_TRY_LATER); /* their coroutines go with it */
    if (replace(g, &e) < 0) {
        g->load_error = e;
        g->vm->is_lost = true;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));)
            room_fault(at->value, e.text);
    }
    g->is_replacing = false;
}
