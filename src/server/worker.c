/* SPDX-License-Identifier: MIT */
#include "server/worker.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "net/tls.h"
#include "proto/json_out.h"
#include "room/room_save.h"
#include "server/dev.h"
#include "server/https.h"
#include "server/route.h"
#include "server/tokens.h"
#include "svc/jwt.h"

enum {
    CACHE_BYTES = 16 << 20,
    FILE_BYTES = 4 << 20,
    STOP_MS = 8000, /* of the 10 s that a stop may take */
};

/* The world. */

static void on_script_error(void *ctx, struct game *g, const struct script_error *error)
{
    struct worker *w = ctx;

    script_log_error(&w->errors, g, error);
}

static void on_schedule(void *ctx)
{
    struct worker *w = ctx;

    if (w->ticker) /* not while closing */
        ticker_set(w->ticker, world_next_us(&w->world));
}

static void on_taken_back(void *ctx, struct game *g, uint32_t failed)
{
    struct worker *w = ctx;

    logger_warn(g->name, "v%u is taken back, v%u goes on: %s", failed, g->vm->version,
                g->load_error.text);
    script_log_taken_back(&w->errors, g, failed);
}

static const struct world_ops world_ops = {.on_error = on_script_error,
                                           .on_schedule = on_schedule,
                                           .on_taken_back = on_taken_back};

static void on_alarm(void *ctx)
{
    struct worker *w = ctx;

    ticker_set(w->ticker, world_run(&w->world, clk_now_us()));
}

/* The store: its answers come on its own thread. */

static void on_answers(void *ctx)
{
    struct worker *w = ctx;

    world_wake_for_answers(&w->world);
    uv_async_send(&w->has_answers);
}

static void on_async(uv_async_t *handle)
{
    on_alarm(handle->data);
}

/* Open it, once all else is ready to serve; where another server has its folder this
 * takes it over. Then the rooms come back. */
static int open_store(struct worker *w, struct err *e)
{
    int r = data_open(&w->data, e);

    if (r < 0)
        return r;
    w->world.store = store_port_open(w->data.store, on_answers, w);
    if (!w->world.store)
        return err_set(e, -ENOMEM, "out of memory");
    w->world.keeps_rooms = data_is_kept(&w->data);
    for (struct map_entry *at = NULL; (at = map_next(&w->world.games, at));) {
        struct game *g = at->value;
        if (g->vm)
            game_restore_rooms(g);
    }
    return 0;
}

/* Save all that is durable, and let go of the folder. */
static void close_store(struct worker *w)
{
    uint32_t n = w->world.store ? world_suspend(&w->world) : 0;

    if (n)
        logger_info("server", "%u room%s saved", n, n == 1 ? " is" : "s are");
    store_port_close(&w->world.store);
    data_close(&w->data);
}

static int add_game(struct worker *w, const char *name, struct err *e)
{
    struct static_files *page = NULL;
    char web[1200];

    snprintf(web, sizeof web, "%s/%s/web", w->config->games, name);
    if (static_files_new(&page, web, CACHE_BYTES, FILE_BYTES) < 0 ||
        !map_put_bytes(&w->pages, name, strlen(name), page)) {
        static_files_free(&page);
        return err_set(e, -ENOMEM, "out of memory");
    }
    struct game *g = game_open(&w->world, name);
    if (!g)
        return err_set(e, -ENOMEM, "out of memory");
    if (!g->vm)
        logger_warn(name, "the game is not served: %s", g->load_error.text);
    return 0;
}

int worker_find_games(struct worker *w, struct err *e)
{
    DIR *dir = opendir(w->config->games);
    int r = 0;

    if (!dir)
        return err_set(e, -errno, "the games folder %s cannot be read: %s",
                       w->config->games, strerror(errno));
    for (struct dirent *at; r == 0 && (at = readdir(dir));) {
        char script[1400];
        struct stat st;
        size_t len = strlen(at->d_name);
        snprintf(script, sizeof script, "%s/%s/game.lua", w->config->games, at->d_name);
        if (!game_is_name(at->d_name, len) || game_find(&w->world, at->d_name, len) ||
            stat(script, &st) != 0)
            continue;
        if (game_is_reserved(at->d_name)) {
            logger_warn("games", "%s is a reserved name; the folder is passed over",
                        at->d_name);
            continue;
        }
        r = add_game(w, at->d_name, e);
    }
    closedir(dir);
    return r;
}

void worker_reload(struct worker *w, struct game *g)
{
    uint64_t began = clk_now_us();
    bool had_error = g->load_error.code != 0 || w->errors.n_errors > 0;

    /* What scripts do wrong on the way is told after the pages have been told of the
     * reload, which takes the panel of older errors away. */
    script_log_hold(&w->errors);
    bool is_live = game_reload(g) == 0;
    double ms = (double)(clk_now_us() - began) / 1000;
    if (is_live) {
        logger_info(g->name, "v%u is live, %zu room%s kept, %.1f ms", g->vm->version,
                    g->rooms.n, g->rooms.n == 1 ? "" : "s", ms);
        if (had_error)
            script_log_fixed(&w->errors, g);
        script_log_reloaded(g, ms);
    } else {
        logger_warn(g->name, "the old code goes on: %s", g->load_error.text);
    }
    script_log_release(&w->errors, g);
}

/* Stopping: players are told to come back (1001), and the loop ends when all have
 * closed or the time is over. */

static void on_stop_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    if (edge_counters(w->edge)->open_ws == 0 || clk_now_us() >= w->stop_by_us)
        uv_stop(&w->loop);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct worker *w = handle->data;

    if (w->is_stopping)
        exit(130);
    logger_info("server", "%s: stopping; players are told to come back",
                number == SIGINT ? "SIGINT" : "SIGTERM");
    w->is_stopping = true;
    w->stop_by_us = clk_now_us() + STOP_MS * 1000;
    edge_stop_listening(w->edge);
    if (w->redirect)
        edge_stop_listening(w->redirect);
    edge_stop_listening(w->admin);
    close_store(w); /* before players are told: they may come back to another server */
    world_stop(&w->world, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
    rooms_stream_stop(w);
    uv_timer_start(&w->stop_timer, on_stop_timer, 0, 50);
}

/* Certificates are renewed while people play: they stay on the old ones. Our own for
 * development is not read again, because it may exist in memory only. */
static void reload_tls(struct worker *w)
{
    struct tls_context *tls;
    struct err e;

    if (!*w->config->tls_cert)
        return;
    if (https_load(w->config, &tls, &e) < 0) {
        logger_error("server", "the old certificates stay: %s", e.text);
        return;
    }
    edge_use_tls(w->edge, tls);
    tls_context_unref(&tls);
    logger_info("server", "certificates are read anew");
}

/* The same with the keys of tokens. */
static void reload_keys(struct worker *w)
{
    struct jwt_keys *keys;
    struct err e;

    if (tokens_load(w->config, &keys, &e) < 0) {
        logger_error("server", "the old keys stay: %s", e.text);
        return;
    }
    if (keys)
        logger_info("server", "the keys of tokens are read anew");
    jwt_keys_free(&w->jwt_keys);
    w->world.jwt_keys = w->jwt_keys = keys;
}

static void on_hup_signal(uv_signal_t *handle, int number)
{
    struct worker *w = handle->data;
    struct err e;

    (void)number;
    reload_tls(w);
    reload_keys(w);
    if (worker_find_games(w, &e) < 0)
        logger_warn("server", "%s", e.text);
    for (struct map_entry *at = NULL; (at = map_next(&w->world.games, at));)
        worker_reload(w, at->value);
}

/* Opening. */

/* The admin listener: loopback at the main port + 1 unless told otherwise. A port
 * in use is a warning in dev, where a second server is common. */
static int listen_admin(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    char host[CONFIG_HOST_MAX + 1] = "127.0.0.1";
    /* With any free port for the main one, any free one here too. */
    uint32_t port = c->port ? edge_port(w->edge) + 1u : 0;
    struct err why;

    if (strcmp(c->admin, "off") == 0 || port > 65535)
        return 0;
    if (*c->admin && !config_split_address(c->admin, host, &port))
        return err_set(e, -EINVAL, "admin: %s is not address:port", c->admin);
    int r = edge_listen(w->admin, host, (uint16_t)port, !c->takes_over, &why);
    if (r < 0 && c->is_dev && !*c->admin) {
        logger_warn("server", "no admin listener: %s", why.text);
        return 0;
    }
    return r < 0 ? err_set(e, r, "admin: %s", why.text) : 0;
}

/* The main port's TLS, and the port that leads there. */
static int open_tls(struct worker *w, const struct edge_limits *limits, struct err *e)
{
    struct tls_context *tls;
    int r = https_load(w->config, &tls, e);

    if (r < 0 || !tls)
        return r;
    edge_use_tls(w->edge, tls);
    tls_context_unref(&tls);
    if (w->config->http_port)
        r = edge_open(&w->redirect, &w->loop, limits, &https_redirect_handler, w, e);
    return r;
}

static int listen_redirect(struct worker *w, const char *host, struct err *e)
{
    return w->redirect ? edge_listen(w->redirect, host, (uint16_t)w->config->http_port,
                                     !w->config->takes_over, e)
                       : 0;
}

static void add_signal(struct worker *w, uv_signal_t *handle, uv_signal_cb cb, int number)
{
    uv_signal_init(&w->loop, handle);
    handle->data = w;
    uv_signal_start(handle, cb, number);
}

int worker_open(struct worker *w, const struct config *c, struct err *e)
{
    struct edge_limits inside;
    int r;

    *w = (struct worker){.config = c, .data = {.lock = -1}};
    map_init(&w->pages);
    script_log_init(&w->errors);
    uv_loop_init(&w->loop);
    add_signal(w, &w->on_int, on_stop_signal, SIGINT);
    add_signal(w, &w->on_term, on_stop_signal, SIGTERM);
    add_signal(w, &w->on_hup, on_hup_signal, SIGHUP);
    uv_timer_init(&w->loop, &w->stop_timer);
    uv_async_init(&w->loop, &w->has_answers, on_async);
    w->has_answers.data = w;
    w->stop_timer.data = w;
    rooms_stream_open(w);
    profiler_open(w);
    world_init(&w->world, c->games, c->scripts, c->is_dev, &world_ops, w);
    if ((r = data_init(&w->data, c, c->takes_over, e)) < 0 ||
        (r = net_limits_read(&w->limits, c, e)) < 0 ||
        (r = tokens_load(c, &w->jwt_keys, e)) < 0)
        return r;
    w->world.jwt_keys = w->jwt_keys;
    inside = w->limits.edge; /* nobody proxies the figures */
    inside.proxy_protocol = false;
    snprintf(w->web, sizeof w->web, "%s/web", c->scripts);
    if (static_files_new(&w->sdk, w->web, CACHE_BYTES, FILE_BYTES) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    if ((r = ticker_open(&w->ticker, &w->loop, on_alarm, w, e)) < 0 ||
        (r = edge_open(&w->edge, &w->loop, &w->limits.edge, &route_handler, w, e)) < 0 ||
        (r = edge_open(&w->admin, &w->loop, &inside, &admin_handler, w, e)) < 0 ||
        (r = open_tls(w, &w->limits.edge, e)) < 0)
        return r;
    /* The port first: a second server is told so before it loads anything. One that takes
     * over loads its games first, so that the other one serves until then; who connects
     * from now on waits in the kernel's queue until the rooms are here. */
    const char *host = *c->host ? c->host : c->is_dev ? "localhost" : "0.0.0.0";
    if ((c->takes_over && (r = worker_find_games(w, e)) < 0) ||
        (r = edge_listen(w->edge, host, (uint16_t)c->port, !c->takes_over, e)) < 0 ||
        (r = listen_redirect(w, host, e)) < 0 || (r = listen_admin(w, e)) < 0 ||
        (r = worker_find_games(w, e)) < 0 || (r = open_store(w, e)) < 0)
        return r;
    return c->is_dev ? dev_start(w, e) : 0;
}

void worker_run(struct worker *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

void worker_close(struct worker *w)
{
    world_stop(&w->world, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
    edge_close(&w->edge);
    edge_close(&w->admin);
    edge_close(&w->redirect);
    ticker_close(&w->ticker);
    dev_stop(w);
    close_store(w);
    uv_close((uv_handle_t *)&w->has_answers, NULL);
    uv_close((uv_handle_t *)&w->on_int, NULL);
    uv_close((uv_handle_t *)&w->on_term, NULL);
    uv_close((uv_handle_t *)&w->on_hup, NULL);
    uv_close((uv_handle_t *)&w->stop_timer, NULL);
    rooms_stream_close(w);
    profiler_close(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    world_fini(&w->world);
    uv_loop_close(&w->loop);
    for (struct map_entry *at = NULL; (at = map_next(&w->pages, at));) {
        struct static_files *page = at->value;
        static_files_free(&page);
    }
    map_fini(&w->pages);
    jwt_keys_free(&w->jwt_keys);
    static_files_free(&w->sdk);
    script_log_fini(&w->errors);
}
