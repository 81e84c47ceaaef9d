/* SPDX-License-Identifier: MIT */
#include "server/worker.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/chunk.h"
#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "room/room_save.h"
#include "server/distant.h"
#include "server/move.h"
#include "server/route.h"
#include "server/server.h"
#include "server/task.h"

enum {
    STOP_MS = 8000, /* of the 10 s that a stop may take */
    BOX_LETTERS = 65536,
};

/* The world. */

static void on_script_error(void *ctx, struct game *g, const struct script_error *error)
{
    struct worker *w = ctx;

    script_log_error(&w->server->errors, g, error);
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

    server_taken_back(w->server, g->name, failed, g->vm->version, g->load_error.text);
}

/* Bans hold on all workers. */
struct ban_order {
    char game[GAME_NAME_MAX + 1];
    struct ban_key key;
    double seconds;
    char reason[BAN_REASON_BYTES + 1];
};

static void ban(struct worker *w, void *arg)
{
    const struct ban_order *o = arg;
    struct game *g = game_find(&w->world, o->game, strlen(o->game));

    if (g)
        game_ban(g, &o->key, o->seconds, o->reason);
}

static void free_order(struct server *s, void *arg, bool is_late)
{
    (void)s;
    (void)is_late;
    free(arg);
}

static void on_ban(void *ctx, struct game *g, const struct ban_key *key, double seconds,
                   const char *reason)
{
    struct worker *w = ctx;
    struct ban_order *o = w->server->n_workers > 1 ? calloc(1, sizeof *o) : NULL;

    if (!o)
        return;
    strcpy(o->game, g->name);
    o->key = *key;
    o->seconds = seconds;
    snprintf(o->reason, sizeof o->reason, "%.*s", BAN_REASON_BYTES, reason);
    task_each(w->server, w, ban, free_order, o);
}

/* A signal under way to a room on another worker. */
struct signal_order {
    struct letter letter; /* first */
    char game[GAME_NAME_MAX + 1], room[ROOM_ID_MAX + 1];
    struct script_signal what; /* points into `bytes` */
    char bytes[];
};

static void on_signal_letter(struct letter *l, void *reader)
{
    struct signal_order *o = (struct signal_order *)l;
    struct worker *w = reader;
    struct game *g = w ? game_find(&w->world, o->game, strlen(o->game)) : NULL;
    struct room *r = g ? game_find_room(g, o->room, strlen(o->room)) : NULL;
    const char *why = r ? room_signal(r, &o->what) : NULL;

    if (why)
        logger_debug(o->game, "room %s: a signal is lost: %s", o->room, why);
    free(o);
}

static bool on_signal(void *ctx, struct game *g, const struct place *to,
                      const struct script_signal *what)
{
    struct worker *w = ctx;
    struct signal_order *o = malloc(sizeof *o + what->n_name + what->n_payload);

    if (!o)
        return false;
    *o = (struct signal_order){
        .letter = {NULL, on_signal_letter},
          .what = *what
    };
    strcpy(o->game, g->name);
    strcpy(o->room, to->id);
    memcpy(o->bytes, what->name, what->n_name);
    if (what->n_payload)
        memcpy(o->bytes + what->n_name, what->payload, what->n_payload);
    o->what.name = o->bytes;
    o->what.payload = (const uint8_t *)o->bytes + what->n_name;
    if (mailbox_post(&w->server->workers[to->worker].box, &o->letter))
        return true;
    free(o);
    return false;
}

static const struct world_ops world_ops = {.on_error = on_script_error,
                                           .on_schedule = on_schedule,
                                           .on_taken_back = on_taken_back,
                                           .on_move = move_on,
                                           .on_signal = on_signal,
                                           .on_ban = on_ban};

static void on_alarm(void *ctx)
{
    struct worker *w = ctx;

    ticker_set(w->ticker, world_run(&w->world, clk_now_us()));
    post_flush(&w->post); /* now: our own connections are written to for a while */
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

/* The rooms that were saved come back, each on one worker. */
static int open_store(struct worker *w, struct err *e)
{
    struct data *data = &w->server->data;

    w->world.part = w->index;
    w->world.n_parts = w->server->n_workers;
    w->world.store = store_port_open(data->store, on_answers, w);
    if (!w->world.store)
        return err_set(e, -ENOMEM, "out of memory");
    w->world.keeps_rooms = data_is_kept(data);
    for (struct map_entry *at = NULL; (at = map_next(&w->world.games, at));) {
        struct game *g = at->value;
        game_restore_bans(g);
        if (g->vm)
            game_restore_rooms(g);
    }
    return 0;
}

uint32_t worker_suspend(struct worker *w)
{
    uint32_t n = w->world.store ? world_suspend(&w->world) : 0;

    w->is_stopping = w->world.is_stopping = true;
    edge_stop_listening(w->edge);
    store_port_close(&w->world.store);
    return n;
}

static int add_game(struct worker *w, const char *name, struct err *e)
{
    struct static_files *page = server_note_game(w->server, name);

    if (!page || !map_put_bytes(&w->pages, name, strlen(name), page))
        return err_set(e, -ENOMEM, "out of memory");
    struct game *g = game_open(&w->world, name);
    if (!g)
        return err_set(e, -ENOMEM, "out of memory");
    if (g->vm)
        server_note_loaded(w->server, name);
    else if (w->index == 0)
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
            if (w->index == 0)
                logger_warn("games", "%s is a reserved name; the folder is passed over",
                            at->d_name);
            continue;
        }
        r = add_game(w, at->d_name, e);
    }
    closedir(dir);
    return r;
}

/* Stopping. */

static void on_stop_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    if (edge_counters(w->edge)->open_ws == 0 || clk_now_us() >= w->stop_by_us)
        uv_stop(&w->loop);
}

void worker_stop(struct worker *w)
{
    w->stop_by_us = clk_now_us() + STOP_MS * 1000;
    world_stop(&w->world, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
    post_flush(&w->post);
    rooms_stream_stop(w);
    uv_timer_start(&w->stop_timer, on_stop_timer, 0, 50);
}

/* Letters. */

/* On the thread of who posts. */
static void wake(void *ctx)
{
    struct worker *w = ctx;

    uv_async_send(&w->mail);
}

static void on_mail(uv_async_t *mail)
{
    struct worker *w = mail->data;

    clk_now_us(); /* clk_recent_us() goes by it, as after a read */
    mailbox_read(&w->box, w);
}

/* All has been done that this turn brings, connections have been written to and have
 * ended. */
static void on_before_poll(uv_prepare_t *handle)
{
    struct worker *w = handle->data;

    outpost_run(&w->outpost);
    distants_run(w);
    post_flush(&w->post);
}

/* Load. */

static void on_load_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    struct timespec cpu;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    uint64_t wall_us = clk_now_us(),
             cpu_us = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000;
    if (w->load_wall_us && wall_us > w->load_wall_us)
        directory_note_load(
            w->server->directory, w->index,
            (unsigned)((cpu_us - w->load_cpu_us) * 1000 / (wall_us - w->load_wall_us)));
    w->load_cpu_us = cpu_us;
    w->load_wall_us = wall_us;
}

/* Life. */

int worker_open(struct worker *w, struct server *s, unsigned index, struct err *e)
{
    const struct config *c = s->config;
    int r;

    *w = (struct worker){.server = s, .config = c, .index = index};
    map_init(&w->pages);
    buf_init(&w->said, 0);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->stop_timer);
    uv_async_init(&w->loop, &w->has_answers, on_async);
    w->has_answers.data = w;
    w->stop_timer.data = w;
    uv_timer_init(&w->loop, &w->load_timer);
    w->load_timer.data = w;
    uv_timer_start(&w->load_timer, on_load_timer, 1000, 1000);
    uv_async_init(&w->loop, &w->mail, on_mail);
    w->mail.data = w;
    mailbox_init(&w->box, BOX_LETTERS, wake, w);
    outpost_open(&w->outpost, w);
    /* Handles run the newest first: this one before the edge has its own, so that it
     * comes last. */
    uv_prepare_init(&w->loop, &w->before_poll);
    w->before_poll.data = w;
    rooms_stream_open(w);
    world_init(&w->world, c->games, c->scripts, c->is_dev, &world_ops, w);
    world_join(&w->world, s->directory, index);
    w->world.jwt_keys = s->jwt_keys;
    if ((r = post_open(&w->post, w, directory_n_workers(s->directory))) < 0)
        return err_set(e, r, "out of memory");
    if (w->post.n > 0)
        uv_prepare_start(&w->before_poll, on_before_poll);
    if ((r = ticker_open(&w->ticker, &w->loop, on_alarm, w, e)) < 0 ||
        (r = edge_open(&w->edge, &w->loop, &s->limits.edge, &route_handler, w, e)) < 0)
        return r;
    return 0;
}

void worker_run(struct worker *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void on_all_ended(struct server *s, void *arg, bool is_late)
{
    (void)arg;
    if (!is_late)
        uv_stop(s->loop);
}

int worker_load(struct worker *w, struct err *e)
{
    int r;

    switch (w->stage) {
    case WORKER_NEW:
        if ((r = worker_find_games(w, e)) < 0)
            return r;
        break;
    case WORKER_LOADED:
        if ((r = open_store(w, e)) < 0)
            return r;
        break;
    case WORKER_READY: break;
    }
    w->stage = w->stage == WORKER_NEW ? WORKER_LOADED : WORKER_READY;
    return 0;
}

/* Each step when the main thread says so: a room that is not back yet on one worker must
 * not be made anew on another. */
static void run_thread(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;

    while (w->stage != WORKER_READY) {
        uv_sem_wait(&w->go);
        if (atomic_load(&s->is_ending))
            break;
        worker_load(w, &w->error);
        uv_sem_post(&w->done);
    }
    if (w->stage == WORKER_READY) {
        uv_sem_wait(&w->go);
        if (!atomic_load(&s->is_ending))
            worker_run(w);
    }
    chunk_end_thread();
    if (atomic_fetch_sub(&s->n_running, 1) == 1)
        task_main(s, on_all_ended, NULL);
}

int worker_start(struct worker *w, struct err *e)
{
    int r;

    uv_sem_init(&w->go, 0);
    uv_sem_init(&w->done, 0);
    atomic_fetch_add(&w->server->n_running, 1);
    if ((r = uv_thread_create(&w->thread, run_thread, w)) < 0) {
        atomic_fetch_sub(&w->server->n_running, 1);
        uv_sem_destroy(&w->go);
        uv_sem_destroy(&w->done);
        return err_set(e, r, "a worker cannot be started: %s", uv_strerror(r));
    }
    w->has_thread = true;
    return 0;
}

void worker_go(struct worker *w)
{
    uv_sem_post(&w->go);
}

int worker_await(struct worker *w, struct err *e)
{
    uv_sem_wait(&w->done);
    if (w->error.code < 0)
        *e = w->error;
    return w->error.code;
}

void worker_join(struct worker *w)
{
    if (!w->has_thread)
        return;
    uv_thread_join(&w->thread);
    uv_sem_destroy(&w->go);
    uv_sem_destroy(&w->done);
    w->has_thread = false;
}

void worker_close(struct worker *w)
{
    worker_suspend(w);
    post_close(&w->post); /* nobody reads any more */
    world_stop(&w->world, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
    mailbox_fini(&w->box);
    distants_close(w);
    edge_close(&w->edge);
    ticker_close(&w->ticker);
    uv_close((uv_handle_t *)&w->stop_timer, NULL);
    uv_close((uv_handle_t *)&w->load_timer, NULL);
    uv_close((uv_handle_t *)&w->mail, NULL);
    uv_close((uv_handle_t *)&w->before_poll, NULL);
    uv_close((uv_handle_t *)&w->has_answers, NULL);
    rooms_stream_close(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    outpost_close(&w->outpost);
    world_fini(&w->world);
    uv_loop_close(&w->loop);
    map_fini(&w->pages);
    buf_fini(&w->said);
}
