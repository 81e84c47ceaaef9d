/* SPDX-License-Identifier: MIT */
#include "room/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "room/any_map.h"
#include "room/early.h"
#include "room/room_internal.h"
#include "room/session_internal.h"
#include "script/script_auth.h"

static void wake(struct world *w)
{
    w->ops->on_schedule(w->ctx);
}

void auth_free(struct auth **at)
{
    struct auth *a = *at;

    *at = NULL;
    if (!a)
        return;
    if (a->game->vm)
        script_auth_drop(a->game->vm, a->id);
    sched_set(&a->game->world->waiting, &a->item, UINT64_MAX);
    a->game->n_waiting--;
    atomic_fetch_sub_explicit(&a->game->hall->n_waiting, 1, memory_order_relaxed);
    buf_fini(&a->options);
    free(a);
}

/* The seat, if there is one; the options without the token, which is no business of
 * rooms. */
static void admit(struct auth *a, const struct buf *user)
{
    struct session *s = a->session;
    struct buf options;
    uint32_t schema_hash = a->schema_hash;

    buf_init(&options, 0);
    any_map_without(a->options.data, a->options.len, "token", &options);
    auth_free(&s->auth);
    if (options.failed)
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    else
        session_admit(s, &(struct session_entry){.options = options.data,
                                                 .n_options = options.len,
                                                 .user = user->data,
                                                 .n_user = user->len,
                                                 .schema_hash = schema_hash});
    early_read_all(s->world);
    buf_fini(&options);
}

static void wait(struct auth *a, double ms)
{
    struct world *w = a->game->world;
    uint64_t due = clk_now_us() + (uint64_t)(ms * 1000);

    sched_set(&w->waiting, &a->item, due < a->deadline_us ? due : a->deadline_us);
    wake(w);
}

/* The script has failed: nobody gets in by that. Where that is the end of new code, the
 * code before is asked, as soon as it is back (game.c). */
static void fail(struct auth *a)
{
    struct game *g = a->game;

    if (vm_has_failed(g->vm)) {
        world_take_back(g->world);
        if (g->vm->is_lost)
            game_replace_vm(g);
        return;
    }
    session_end(a->session, CLOSE_INTERNAL, "the game could not tell who you are");
    if (g->vm->is_lost)
        game_replace_vm(g);
}

/* Ask, or go on. The session's auth may be gone afterwards. */
static void step(struct auth *a, bool is_new)
{
    struct session *s = a->session;
    struct vm *vm = a->game->vm;
    struct script_request q = {.door = s->wish->door,
                               .n_door = s->wish->n_door,
                               .options = a->options.data,
                               .n_options = a->options.len,
                               .room = s->wish->room};
    struct script_answer answer;

    sched_set(&a->game->world->waiting, &a->item, UINT64_MAX);
    vm_step_begin(vm);
    enum script_result r = script_auth(vm, a->id, is_new ? &q : NULL, &answer);
    if (r != SCRIPT_DONE)
        fail(a); /* which may give the VM another state, before its garbage is looked at */
    vm_step_end(vm);
    if (r == SCRIPT_DONE && answer.verdict == SCRIPT_AUTH_WAITS)
        wait(a, answer.wait_ms);
    else if (r == SCRIPT_DONE && answer.verdict == SCRIPT_AUTH_IN)
        admit(a, &answer.user);
    else if (r == SCRIPT_DONE)
        session_end(s, CLOSE_REFUSED,
                    *answer.reason ? answer.reason : close_reason_text(CLOSE_REFUSED));
    buf_fini(&answer.user);
}

void auth_begin(struct session *s, struct game *g, const uint8_t *options, size_t n,
                uint32_t schema_hash)
{
    struct world *w = g->world;
    unsigned n_waiting = atomic_load_explicit(&g->hall->n_waiting, memory_order_relaxed);
    bool is_full = n_waiting >= g->vm->def->auth_waiting;
    struct auth *a = is_full ? NULL : calloc(1, sizeof *a);

    if (!a || sched_reserve(&w->waiting, w->waiting.n + 1) < 0) {
        free(a);
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
        return;
    }
    a->session = s;
    a->game = g;
    a->id = ++w->last_auth;
    a->deadline_us = clk_now_us() + (uint64_t)(g->vm->def->auth_timeout * 1e6);
    a->schema_hash = schema_hash;
    buf_init(&a->options, 0);
    buf_append(&a->options, options, n);
    g->n_waiting++;
    atomic_fetch_add_explicit(&g->hall->n_waiting, 1, memory_order_relaxed);
    s->auth = a;
    if (a->options.failed)
        session_end(s, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    else
        step(a, true);
}

void auth_run(struct world *w, uint64_t now_us)
{
    struct sched_item *item;

    while ((item = sched_first(&w->waiting)) && item->due_us <= now_us) {
        struct auth *a = (struct auth *)item;
        if (now_us >= a->deadline_us)
            session_end(a->session, CLOSE_TRY_LATER, "the game took too long");
        else
            step(a, false);
    }
}

void auth_ask_again(struct game *g)
{
    const struct buf nobody = {0};

    for (struct session *s = g->world->sessions; s && g->n_waiting; s = s->next) {
        if (!s->auth || s->auth->game != g)
            continue;
        if (script_has_auth(g->vm))
            step(s->auth, true);
        else
            admit(s->auth, &nobody);
    }
}

void auth_end_all(struct game *g, uint16_t code)
{
    for (struct session *s = g->world->sessions; s && g->n_waiting; s = s->next)
        if (s->auth && s->auth->game == g)
            session_end(s, code, close_reason_text(code));
}
