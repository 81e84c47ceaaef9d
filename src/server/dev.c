/* SPDX-License-Identifier: MIT */
#include "server/dev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/logger.h"
#include "net/watch.h"
#include "proto/json_out.h"
#include "server/worker.h"

enum { SETTLE_MS = 10 };

struct dev {
    struct worker *worker;
    struct watch *games, *scripts;
    uv_timer_t reload; /* fires when the changes of one burst have all been told */
    struct map stale;  /* names of games whose Lua has changed */
};

static void tell_page(struct game *g, const char *path)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "page");
    json_out_key_str(&j, "path", path);
    if (!out.failed)
        game_tell_dev(g, (const char *)out.data, out.len);
    buf_fini(&out);
}

/* Of what the game shares with its page; 0: nothing. */
static uint32_t shared_sum(const struct game *g)
{
    size_t len;
    const char *text = g->vm ? vm_page(g->vm, "shared.js", &len) : NULL;

    return text ? (uint32_t)crc32(0, (const Bytef *)text, (uInt)len) : 0;
}

/* Pages that predict by the code of before would be corrected in every tick. */
static void reload(struct worker *w, struct game *g)
{
    uint32_t before = shared_sum(g);

    worker_reload(w, g);
    if (shared_sum(g) != before)
        tell_page(g, "shared.js");
}

static void on_reload(uv_timer_t *timer)
{
    struct dev *dev = timer->data;
    struct worker *w = dev->worker;
    struct map stale = dev->stale;
    struct err e;

    map_init(&dev->stale);
    for (struct map_entry *at = NULL; (at = map_next(&stale, at));) {
        struct game *g = game_find(&w->world, at->bytes, at->len);
        if (g)
            reload(w, g);
        else if (worker_find_games(w, &e) < 0)
            logger_warn("dev", "%s", e.text);
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

static void set_stale(struct dev *dev, const char *name, size_t len)
{
    map_put_bytes(&dev->stale, name, len, dev);
    uv_timer_start(&dev->reload, on_reload, 0, 0);
}

static void on_game_file(void *ctx, const char *path)
{
    struct dev *dev = ctx;
    size_t n_name = strcspn(path, "/");
    const char *rest = path + n_name + (path[n_name] == '/');
    struct game *g = game_find(&dev->worker->world, path, n_name);
    bool is_page = strncmp(rest, "web/", 4) == 0;

    if (!game_is_name(path, n_name))
        return;
    if (g && is_page)
        tell_page(g, rest + 4);
    if (ends_with(rest, ".lua") && (g ? is_used(g, path) : strcmp(rest, "game.lua") == 0))
        set_stale(dev, path, n_name);
}

/* The library's folder: what pages load, and modules that games may require. */
static void on_script_file(void *ctx, const char *path)
{
    struct dev *dev = ctx;
    bool is_page = strncmp(path, "web/", 4) == 0;
    char file[512];

    snprintf(file, sizeof file, "scripts/%s", path);
    for (struct map_entry *at = NULL; (at = map_next(&dev->worker->world.games, at));) {
        struct game *g = at->value;
        if (is_page)
            tell_page(g, path + 4);
        else if (ends_with(path, ".lua") && is_used(g, file))
            set_stale(dev, g->name, strlen(g->name));
    }
}

int dev_start(struct worker *w, struct err *e)
{
    struct dev *dev = w->dev = calloc(1, sizeof *dev);
    int r;

    if (!dev)
        return err_set(e, -ENOMEM, "out of memory");
    dev->worker = w;
    map_init(&dev->stale);
    uv_timer_init(&w->loop, &dev->reload);
    dev->reload.data = dev;
    if ((r = watch_open(&dev->games, &w->loop, w->config->games, SETTLE_MS, on_game_file,
                        dev, e)) < 0)
        return r;
    return watch_open(&dev->scripts, &w->loop, w->config->scripts, SETTLE_MS,
                      on_script_file, dev, e);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct dev *dev = timer->data;

    map_fini(&dev->stale);
    free(dev);
}

void dev_stop(struct worker *w)
{
    struct dev *dev = w->dev;

    w->dev = NULL;
    if (!dev)
        return;
    watch_close(&dev->games);
    watch_close(&dev->scripts);
    uv_close((uv_handle_t *)&dev->reload, on_timer_closed);
}
