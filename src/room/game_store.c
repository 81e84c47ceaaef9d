/* SPDX-License-Identifier: MIT */
/*
 * game_store - answers of the store to scripts: a room goes on with its next timers, an
 * auth at once.
 */
#include <string.h>

#include "base/clk.h"
#include "room/auth.h"
#include "room/room_internal.h"
#include "script/script_store.h"

/* Those who wait for auth are few: its coroutine is looked for among them. */
static void wake_auth(struct world *w, uint32_t id)
{
    for (size_t i = 0; i < w->waiting.n; i++) {
        struct auth *a = (struct auth *)w->waiting.heap[i];
        if (a->id != id)
            continue;
        sched_set(&w->waiting, &a->item, clk_now_us());
        return;
    }
}

void game_take_answer(struct world *w, const struct store_answer *a)
{
    struct game *g = game_find(w, a->game, strlen(a->game));

    if (!g || !g->vm || g->vm->is_lost)
        return;
    struct script_answered to = script_take_answer(g->vm, a);
    if (to.auth)
        wake_auth(w, to.auth);
    struct room *r = to.room ? to.room->owner : NULL;
    if (r && !r->is_closing && !r->is_suspended)
        room_schedule(r, clk_now_us());
    if (g->vm->is_lost)
        game_replace_vm(g);
    w->ops->on_schedule(w->ctx);
}
