/* SPDX-License-Identifier: MIT */
#include "server/dev.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/logger.h"
#include "net/watch.h"
#include "proto/json_out.h"
#include "server/server.h"
#include "server/task.h"
#include "server/worker.h"

enum { SETTLE_MS = 10 };

struct dev {
    struct server *server;
    struct watch *games, *scripts;
    uv_timer_t reload; /* fires when the changes of one burst have all been told */
    struct map stale;  /* names of games whose Lua has changed */
};

void dev_tell_page(struct server *s, const char *game, const char *path)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "page");
    json_out_key_str(&j, "path", path);
    if (!out.failed)
        server_tell_dev(s, game, (const char *)out.data, out.len);
    buf_fini(&out);
}

static void on_reload(uv_timer_t *timer)
{
    struct dev *dev = timer->data;
    struct map stale = dev->stale;

    map_init(&dev->stale);
    for (struct map_entry *at = NULL; (at = map_next(&stale, at));) {
        if (server_game(dev->server, at->bytes))
            server_reload(dev->server, at->bytes);
        else
            server_find_games(dev->server);
    }
    map_fini(&stale);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Does this Lua file of the game's folder, or of the library, matter to it? Of a game
 * that does not load nobody knows, so all of them do. */
static bool is_used(const struct game *g, const char *file)
{
    return !g->vm || g->load_error.code != 0 || vm_uses(g->vm, file);
}

static void set_stale(struct dev *dev, const char *name)
{
    map_put_bytes(&dev->stale, name, strlen(name), dev);
    uv_timer_start(&dev->reload, on_reload, 0, 0);
}

/* A Lua file has changed: does it concern this game? Its VMs know, each of what its rooms
 * have required. */
struct change {
    char file[512]; /* as in vm_uses() */
    char game[GAME_NAME_MAX + 1];
    atomic_bool is_stale;
};

static void look(struct worker *w, void *arg)
{
    struct change *c = arg;
    const struct game *g = game_find(&w->world, c->game, strlen(c->game));

    if (g && is_used(g, c->file))
        atomic_store(&c->is_stale, true);
}

static void take_note(struct server *s, void *arg, bool is_late)
{
    struct change *c = arg;

    if (atomic_load(&c->is_stale) && !is_late && s->dev)
        set_stale(s->dev, c->game);
    free(c);
}

static void note_change(struct dev *dev, const char *game, const char *file)
{
    struct change *c = calloc(1, sizeof *c);

    if (!c)
        return;
    snprintf(c->file, sizeof c->file, "%s", file);
    snprintf(c->game, sizeof c->game, "%s", game);
    task_each(dev->server, NULL, look, take_note, c);
}

static void on_game_file(void *ctx, const char *path)
{
    struct dev *dev = ctx;
    size_t n_name = strcspn(path, "/");
    const char *rest = path + n_name + (path[n_name] == '/');
    char name[GAME_NAME_MAX + 1] = {0};

    if (!game_is_name(path, n_name))
        return;
    memcpy(name, path, n_name);
    bool is_known = server_game(dev->server, name) != NULL;
    if (is_known && strncmp(rest, "web/", 4) == 0)
        dev_tell_page(dev->server, name, rest + 4);
    if (ends_with(rest, ".lua") && is_known)
        note_change(dev, name, path);
    else if (strcmp(rest, "game.lua") == 0)
        set_stale(dev, name);
}

/* The library's folder: what pages load, and modules that games may require. */
static void on_script_file(void *ctx, const char *path)
{
    struct dev *dev = ctx;
    bool is_page = strncmp(path, "web/", 4) == 0;
    char file[512];

    snprintf(file, sizeof file, "scripts/%s", path);
    size_t n;
    struct server_game **list = server_list_games(dev->server, &n);
    for (size_t i = 0; i < n; i++)
        if (is_page)
            dev_tell_page(dev->server, list[i]->name, path + 4);
        else if (ends_with(path, ".lua"))
            note_change(dev, list[i]->name, file);
    free(list);
}

int dev_start(struct server *s, struct err *e)
{
    struct dev *dev = s->dev = calloc(1, sizeof *dev);
    int r;

    if (!dev)
        return err_set(e, -ENOMEM, "out of memory");
    dev->server = s;
    map_init(&dev->stale);
    uv_timer_init(s->loop, &dev->reload);
    dev->reload.data = dev;
    if ((r = watch_open(&dev->games, s->loop, s->config->games, SETTLE_MS, on_game_file,
                        dev, e)) < 0)
        return r;
    return watch_open(&dev->scripts, s->loop, s->config->scripts, SETTLE_MS, on_script_file,
                      dev, e);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct dev *dev = timer->data;

    map_fini(&dev->stale);
    free(dev);
}

void dev_stop(struct server *s)
{
    struct dev *dev = s->dev;

    s->dev = NULL;
    if (!dev)
        return;
    watch_close(&dev->games);
    watch_close(&dev->scripts);
    uv_close((uv_handle_t *)&dev->reload, on_timer_closed);
}
