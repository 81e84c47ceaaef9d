/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "net/tls.h"
#include "server/dev.h"
#include "server/https.h"
#include "server/keys.h"
#include "server/route.h"
#include "server/task.h"
#include "server/tokens.h"
#include "server/worker.h"
#include "svc/jwt.h"

enum { CACHE_BYTES = 16 << 20, FILE_BYTES = 4 << 20 };

uint16_t server_port(const struct server *s)
{
    return s->port;
}

size_t server_n_games(const struct server *s)
{
    return s->workers[0].world.games.n;
}

struct server_game *server_game(struct server *s, const char *game)
{
    pthread_mutex_lock(&s->lock);
    struct server_game *known = map_get_bytes(&s->games, game, strlen(game));
    pthread_mutex_unlock(&s->lock);
    return known;
}

struct server_game **server_list_games(struct server *s, size_t *n)
{
    pthread_mutex_lock(&s->lock);
    struct server_game **list = calloc(s->games.n + 1, sizeof *list);
    *n = 0;
    for (struct map_entry *e = NULL; list && (e = map_next(&s->games, e));)
        list[(*n)++] = e->value;
    pthread_mutex_unlock(&s->lock);
    return list;
}

static void free_game(struct server_game *g)
{
    if (g)
        static_files_free(&g->page);
    free(g);
}

/* With the lock held. */
static struct server_game *add_game(struct server *s, const char *name)
{
    struct server_game *g = calloc(1, sizeof *g);
    char web[1200];

    snprintf(web, sizeof web, "%s/%s/web", s->config->games, name);
    if (!g || static_files_new(&g->page, web, CACHE_BYTES, FILE_BYTES) < 0 ||
        !map_put_bytes(&s->games, name, strlen(name), g)) {
        free_game(g);
        return NULL;
    }
    strcpy(g->name, name);
    return g;
}

struct static_files *server_note_game(struct server *s, const char *game)
{
    pthread_mutex_lock(&s->lock);
    struct server_game *known = map_get_bytes(&s->games, game, strlen(game));
    if (!known)
        known = add_game(s, game);
    pthread_mutex_unlock(&s->lock);
    return known ? known->page : NULL;
}

void server_note_loaded(struct server *s, const char *game)
{
    pthread_mutex_lock(&s->lock);
    struct server_game *known = map_get_bytes(&s->games, game, strlen(game));
    if (known && known->version == 0)
        known->version = 1;
    pthread_mutex_unlock(&s->lock);
}

static void tell_dev(void *ctx, const char *game, const char *json, size_t len)
{
    server_tell_dev(ctx, game, json, len);
}

/* Signals. */

static void stop_worker(struct worker *w, void *arg)
{
    (void)arg;
    worker_stop(w);
}

static void suspend_worker(struct worker *w, void *arg)
{
    (void)arg;
    atomic_fetch_add(&w->server->n_saved, worker_suspend(w));
}

/* All rooms rest. The folder is let go before players are told: they may come back to
 * another server. */
static void on_suspended(struct server *s, void *arg, bool is_late)
{
    unsigned n = atomic_load(&s->n_saved);

    (void)arg;
    if (is_late)
        return;
    if (n)
        logger_info("server", "%u room%s saved", n, n == 1 ? " is" : "s are");
    data_close(&s->data);
    task_each(s, NULL, stop_worker, NULL, NULL);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;

    if (atomic_exchange(&s->is_stopping, true)) {
        keys_put_back();
        _exit(130);
    }
    logger_info("server", "%s: stopping; players are told to come back",
                number == SIGINT ? "SIGINT" : "SIGTERM");
    if (s->redirect)
        edge_stop_listening(s->redirect);
    edge_stop_listening(s->admin);
    task_each(s, NULL, suspend_worker, on_suspended, NULL);
}

static void use_tls(struct worker *w, void *arg)
{
    edge_use_tls(w->edge, arg);
}

static void drop_tls(struct server *s, void *arg, bool is_late)
{
    struct tls_context *tls = arg;

    (void)s;
    (void)is_late;
    tls_context_unref(&tls);
}

/* Certificates are renewed while people play: they stay on the old ones. Our own for
 * development is not read again, because it may exist in memory only. */
static void reload_tls(struct server *s)
{
    struct tls_context *tls;
    struct err e;

    if (!*s->config->tls_cert)
        return;
    if (https_load(s->config, &tls, &e) < 0) {
        logger_error("server", "the old certificates stay: %s", e.text);
        return;
    }
    task_each(s, NULL, use_tls, drop_tls, tls);
    logger_info("server", "certificates are read anew");
}

/* What workers are told to go by from now on, and what goes when all of them do. */
struct key_change {
    struct jwt_keys *now, *before;
};

static void use_keys(struct worker *w, void *arg)
{
    const struct key_change *k = arg;

    w->world.jwt_keys = k->now;
}

static void drop_keys(struct server *s, void *arg, bool is_late)
{
    struct key_change *k = arg;

    (void)s;
    (void)is_late;
    jwt_keys_free(&k->before);
    free(k);
}

/* The same with the keys of tokens. */
static void reload_keys(struct server *s)
{
    struct key_change *k = calloc(1, sizeof *k);
    struct err e = {0};

    if (!k || tokens_load(s->config, &k->now, &e) < 0) {
        logger_error("server", "the old keys stay: %s", k ? e.text : "out of memory");
        free(k);
        return;
    }
    if (k->now)
        logger_info("server", "the keys of tokens are read anew");
    k->before = s->jwt_keys;
    s->jwt_keys = k->now; /* the main thread's; workers have their own pointer */
    task_each(s, NULL, use_keys, drop_keys, k);
}

static void on_hup_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;

    (void)number;
    reload_tls(s);
    reload_keys(s);
    server_find_games(s);
    server_reload(s, NULL);
}

static void add_signal(struct server *s, uv_signal_t *handle, uv_signal_cb cb, int number)
{
    uv_signal_init(s->loop, handle);
    handle->data = s;
    uv_signal_start(handle, cb, number);
}

/* Opening. */

/* The admin listener: loopback at the main port + 1 unless told otherwise. A port
 * in use is a warning in dev, where a second server is common. */
static int listen_admin(struct server *s, struct err *e)
{
    const struct config *c = s->config;
    char host[CONFIG_HOST_MAX + 1] = "127.0.0.1";
    /* With any free port for the main one, any free one here too. */
    uint32_t port = c->port ? server_port(s) + 1u : 0;
    struct err why;

    if (strcmp(c->admin, "off") == 0 || port > 65535)
        return 0;
    if (*c->admin && !config_split_address(c->admin, host, &port))
        return err_set(e, -EINVAL, "admin: %s is not address:port", c->admin);
    int r = edge_listen(s->admin, host, (uint16_t)port, !c->takes_over, &why);
    if (r < 0 && c->is_dev && !*c->admin) {
        logger_warn("server", "no admin listener: %s", why.text);
        return 0;
    }
    return r < 0 ? err_set(e, r, "admin: %s", why.text) : 0;
}

/* The main port's TLS, and the port that leads there. */
static int open_tls(struct server *s, struct err *e)
{
    const struct config *c = s->config;
    struct tls_context *tls;
    int r = https_load(c, &tls, e);

    if (r < 0 || !tls)
        return r;
    for (unsigned i = 0; i < s->n_workers; i++)
        edge_use_tls(s->workers[i].edge, tls);
    tls_context_unref(&tls);
    if (c->http_port)
        r = edge_open(&s->redirect, s->loop, &s->limits.edge, &https_redirect_handler, s,
                      e);
    return r;
}

/* All listeners; the first worker's port is that of all. */
static int listen_all(struct server *s, struct err *e)
{
    const struct config *c = s->config;
    const char *host = *c->host ? c->host : c->is_dev ? "localhost" : "0.0.0.0";
    int r = 0;

    for (unsigned i = 0; r == 0 && i < s->n_workers; i++) {
        struct edge *edge = s->workers[i].edge;
        r = edge_listen(edge, host, i ? s->port : (uint16_t)c->port,
                        i == 0 && !c->takes_over, e);
        if (r == 0 && i == 0)
            s->port = edge_port(edge);
    }
    if (r == 0 && s->redirect)
        r = edge_listen(s->redirect, host, (uint16_t)c->http_port, !c->takes_over, e);
    return r < 0 ? r : listen_admin(s, e);
}

static void wake(void *ctx)
{
    struct server *s = ctx;

    uv_async_send(&s->mail);
}

static void on_mail(uv_async_t *mail)
{
    struct server *s = mail->data;

    mailbox_read(&s->box, s);
}

static unsigned n_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : n > SERVER_WORKERS_MAX ? SERVER_WORKERS_MAX : (unsigned)n;
}

static int open_workers(struct server *s, struct err *e)
{
    const struct config *c = s->config;
    unsigned n = c->workers ? c->workers : n_cores();
    int r = 0;

    if (!(s->workers = calloc(n, sizeof *s->workers)) || !(s->directory = directory_new(n)))
        return err_set(e, -ENOMEM, "out of memory");
    while (r == 0 && s->n_workers < n) {
        unsigned i = s->n_workers++;
        r = worker_open(&s->workers[i], s, i, e);
    }
    return r;
}

/* One stage on all workers. */
static int load_all(struct server *s, struct err *e)
{
    int r = 0, one;

    if (s->n_workers == 1)
        return worker_load(&s->workers[0], e);
    for (unsigned i = 0; r == 0 && i < s->n_workers; i++)
        if (!s->workers[i].has_thread)
            r = worker_start(&s->workers[i], e);
    for (unsigned i = 0; r == 0 && i < s->n_workers; i++)
        worker_go(&s->workers[i]);
    for (unsigned i = 0; r == 0 && i < s->n_workers; i++)
        if ((one = worker_await(&s->workers[i], e)) < 0)
            r = one;
    return r;
}

static void open_loop(struct server *s)
{
    s->loop = s->n_workers == 1 ? &s->workers[0].loop : &s->own;
    if (s->n_workers != 1)
        uv_loop_init(s->loop);
    add_signal(s, &s->on_int, on_stop_signal, SIGINT);
    add_signal(s, &s->on_term, on_stop_signal, SIGTERM);
    add_signal(s, &s->on_hup, on_hup_signal, SIGHUP);
    uv_async_init(s->loop, &s->mail, on_mail);
    s->mail.data = s;
    profiler_open(s);
    mailbox_init(&s->box, SIZE_MAX, wake, s);
}

int server_open(struct server *s, const struct config *c, struct err *e)
{
    struct edge_limits inside;
    int r;

    *s = (struct server){.config = c, .data = {.lock = -1}};
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->games);
    script_log_init(&s->errors, c->is_dev, tell_dev, s);
    if (edge_share_init(&s->share) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    if ((r = data_init(&s->data, c, c->takes_over, e)) < 0 ||
        (r = net_limits_read(&s->limits, c, e)) < 0 ||
        (r = tokens_load(c, &s->jwt_keys, e)) < 0)
        return r;
    inside = s->limits.edge; /* nobody proxies the figures, and they count apart */
    inside.proxy_protocol = false;
    s->limits.edge.share = &s->share;
    snprintf(s->web, sizeof s->web, "%s/web", c->scripts);
    if (static_files_new(&s->sdk, s->web, CACHE_BYTES, FILE_BYTES) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    r = open_workers(s, e);
    if (s->n_workers)
        open_loop(s);
    if (r < 0 || (r = edge_open(&s->admin, s->loop, &inside, &admin_handler, s, e)) < 0 ||
        (r = open_tls(s, e)) < 0)
        return r;
    /* The port first: a second server is told so before it loads anything. One that takes
     * over loads its games first, so that the other one serves until then; who connects
     * from now on waits in the kernel's queue until the rooms are here. */
    if ((c->takes_over && (r = load_all(s, e)) < 0) || (r = listen_all(s, e)) < 0 ||
        (!c->takes_over && (r = load_all(s, e)) < 0) || (r = data_open(&s->data, e)) < 0 ||
        (r = load_all(s, e)) < 0)
        return r;
    return c->is_dev ? dev_start(s, e) : 0;
}

void server_run(struct server *s)
{
    for (unsigned i = 0; s->n_workers > 1 && i < s->n_workers; i++)
        worker_go(&s->workers[i]);
    uv_run(s->loop, UV_RUN_DEFAULT);
}

void server_close(struct server *s)
{
    atomic_store(&s->is_ending, true);
    for (unsigned i = 0; i < s->n_workers; i++) {
        if (s->workers[i].has_thread)
            worker_go(&s->workers[i]); /* which it waits for where it has not run */
        worker_join(&s->workers[i]);
    }
    if (s->loop) {
        edge_close(&s->admin);
        edge_close(&s->redirect);
        dev_stop(s);
        profiler_close(s);
        uv_close((uv_handle_t *)&s->on_int, NULL);
        uv_close((uv_handle_t *)&s->on_term, NULL);
        uv_close((uv_handle_t *)&s->on_hup, NULL);
        uv_close((uv_handle_t *)&s->mail, NULL);
    }
    for (unsigned i = 0; i < s->n_workers; i++)
        worker_close(&s->workers[i]);
    data_close(&s->data);
    if (s->loop) {
        mailbox_fini(&s->box);
        if (s->loop == &s->own) {
            uv_run(s->loop, UV_RUN_DEFAULT);
            uv_loop_close(s->loop);
        }
    }
    free(s->workers);
    for (struct map_entry *at = NULL; (at = map_next(&s->games, at));)
        free_game(at->value);
    map_fini(&s->games);
    pthread_mutex_destroy(&s->lock);
    jwt_keys_free(&s->jwt_keys);
    static_files_free(&s->sdk);
    script_log_fini(&s->errors);
    edge_share_fini(&s->share);
    directory_free(&s->directory);
}
