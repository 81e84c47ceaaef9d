/* SPDX-License-Identifier: MIT */
/*
 * server_reload - new code on all workers: loaded by each, told once, and taken back by
 * all where it has failed on one.
 *
 * A version number means the same code everywhere: the main thread gives it out, and
 * uses it again only where it has run nowhere.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clk.h"
#include "base/logger.h"
#include "server/dev.h"
#include "server/server.h"
#include "server/task.h"
#include "server/worker.h"

/* What is told to several threads; they free it with the last. */
struct telling {
    char game[GAME_NAME_MAX + 1];
    size_t len;
    char json[];
};

static void tell_pages(struct worker *w, void *arg)
{
    const struct telling *t = arg;
    struct game *g = game_find(&w->world, t->game, strlen(t->game));

    if (g)
        game_tell_dev(g, t->json, t->len);
}

static void drop(struct server *s, void *arg, bool is_late)
{
    (void)s;
    (void)is_late;
    free(arg);
}

void server_tell_dev(struct server *s, const char *game, const char *json, size_t len)
{
    struct telling *t = malloc(sizeof *t + len);

    if (!t)
        return;
    strcpy(t->game, game);
    t->len = len;
    memcpy(t->json, json, len);
    task_each(s, NULL, tell_pages, drop, t);
}

static void find_games(struct worker *w, void *arg)
{
    struct err e;

    (void)arg;
    if (worker_find_games(w, &e) < 0 && w->index == 0)
        logger_warn("server", "%s", e.text);
}

void server_find_games(struct server *s)
{
    task_each(s, NULL, find_games, NULL, NULL);
}

/* Taking back. */

struct retreat {
    char game[GAME_NAME_MAX + 1];
    uint32_t failed, version; /* that is given up; and that goes on */
    struct err why;
};

static void take_back(struct worker *w, void *arg)
{
    const struct retreat *r = arg;
    struct game *g = game_find(&w->world, r->game, strlen(r->game));

    if (g)
        game_take_back(g, r->failed, r->why.text);
}

static void tell_retreat(struct server *s, void *arg, bool is_late)
{
    struct retreat *r = arg;

    if (!is_late)
        script_log_taken_back(&s->errors, r->game, r->failed, r->version);
    free(r);
}

/* On the main thread: several workers may have found out, and one is told of. */
static void start_retreat(struct server *s, void *arg, bool is_late)
{
    struct retreat *r = arg;
    struct server_game *known = is_late ? NULL : server_game(s, r->game);

    if (!known || known->taken_back >= r->failed) {
        free(r);
        return;
    }
    known->taken_back = r->failed;
    logger_warn(r->game, "v%u is taken back, v%u goes on: %s", r->failed, r->version,
                r->why.text);
    task_each(s, NULL, take_back, tell_retreat, r);
}

static struct retreat *new_retreat(const char *game, uint32_t failed, uint32_t version,
                                   const char *why)
{
    struct retreat *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    strcpy(r->game, game);
    r->failed = failed;
    r->version = version;
    err_set(&r->why, -1, "%s", why);
    return r;
}

void server_taken_back(struct server *s, const char *game, uint32_t failed,
                       uint32_t version, const char *why)
{
    struct retreat *r = new_retreat(game, failed, version, why);

    if (r)
        task_main(s, start_retreat, r);
}

/* Reloading. */

struct reload {
    char game[GAME_NAME_MAX + 1];
    uint32_t version; /* that the new code gets */
    uint64_t began_us, n_errors;
    bool had_error;
    pthread_mutex_t lock; /* what follows */
    bool has_run;         /* somewhere, if only for a moment */
    bool shares_other;    /* pages predict by other code from now on */
    size_t n_rooms;
    unsigned n_live;      /* workers on which the new code runs, */
    struct err error;     /* ... why it does not on another, */
    uint32_t old_version; /* ... and what runs there */
};

/* Of what the game shares with its page; 0: nothing. */
static uint32_t shared_sum(const struct game *g)
{
    size_t len;
    const char *text = g->vm ? vm_page(g->vm, "shared.js", &len) : NULL;

    return text ? (uint32_t)crc32(0, (const Bytef *)text, (uInt)len) : 0;
}

static void reload_one(struct worker *w, void *arg)
{
    struct reload *r = arg;
    struct game *g = game_find(&w->world, r->game, strlen(r->game));

    if (!g)
        return;
    bool had_error = g->load_error.code != 0;
    uint32_t shared = shared_sum(g);
    int result = game_reload(g, r->version);
    pthread_mutex_lock(&r->lock);
    r->had_error |= had_error;
    r->shares_other |= shared_sum(g) != shared;
    r->has_run |= g->vm && g->vm->last_version >= r->version;
    if (result == 0) {
        r->n_live++;
        r->n_rooms += g->rooms.n;
    } else {
        r->error = g->load_error;
        r->old_version = g->vm ? g->vm->version : 0;
    }
    pthread_mutex_unlock(&r->lock);
}

static void tell_live(struct server *s, const struct reload *r)
{
    double ms = (double)(clk_now_us() - r->began_us) / 1000;

    logger_info(r->game, "v%u is live, %zu room%s kept, %.1f ms", r->version, r->n_rooms,
                r->n_rooms == 1 ? "" : "s", ms);
    if (r->had_error)
        script_log_fixed(&s->errors, r->game);
    script_log_reloaded(&s->errors, r->game, r->version, r->n_rooms, ms);
    /* Pages that predict by the code of before would be corrected in every tick. */
    if (r->shares_other)
        dev_tell_page(s, r->game, "shared.js");
}

static void start_reload(struct server *s, struct server_game *known);

/* All have tried. */
static void finish_reload(struct server *s, void *arg, bool is_late)
{
    struct reload *r = arg;
    struct server_game *known = server_game(s, r->game);

    if (r->has_run)
        known->version = r->version;
    if (!is_late && r->error.code == 0 && r->n_live > 0)
        tell_live(s, r);
    else if (!is_late && r->error.code != 0)
        logger_warn(r->game, "the old code goes on: %s", r->error.text);
    if (!is_late && r->error.code != 0 && r->n_live > 0) {
        /* At once: before the next reload, for whose code it would come too late. */
        struct retreat *back =
            new_retreat(r->game, r->version, r->old_version, r->error.text);
        if (back)
            start_retreat(s, back, false);
    }
    if (!is_late)
        script_log_release(&s->errors);
    pthread_mutex_destroy(&r->lock);
    free(r);
    known->is_reloading = false;
    if (known->is_stale && !is_late)
        start_reload(s, known);
}

/* Saved again while workers are at it: once more afterwards. */
static void start_reload(struct server *s, struct server_game *known)
{
    known->is_stale = known->is_reloading;
    if (known->is_reloading)
        return;
    struct reload *r = calloc(1, sizeof *r);
    if (!r)
        return;
    known->is_reloading = true;
    strcpy(r->game, known->name);
    r->version = known->version + 1;
    r->began_us = clk_now_us();
    r->had_error = script_log_n_errors(&s->errors) > 0;
    pthread_mutex_init(&r->lock, NULL);
    /* What scripts do wrong on the way is told after the pages have been told of the
     * reload, which takes the panel of older errors away. */
    script_log_hold(&s->errors);
    task_each(s, NULL, reload_one, finish_reload, r);
}

void server_reload(struct server *s, const char *game)
{
    size_t n;
    struct server_game **list = server_list_games(s, &n);

    for (size_t i = 0; i < n; i++)
        if (!game || strcmp(game, list[i]->name) == 0)
            start_reload(s, list[i]);
    free(list);
}
