/* SPDX-License-Identifier: MIT */
#include "svc/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/logger.h"
#include "proto/wire.h"
#include "svc/store_db.h"

enum {
    BATCH_JOBS = 4096, /* of one transaction */
    SAY_AGAIN_S = 30,  /* between two complaints about writes that fail */
    RETRIES = 2,       /* of a transaction that another program holds up */
    RETRY_MS = 100,
};

struct store_port {
    struct store *store;
    void (*wake)(void *ctx);
    void *ctx;
    struct store_job *first, *last; /* answers */
    uint32_t n_open;                /* asked and not done yet */
    bool is_closed;
};

/* Appends what the file has of a game; returns how many, or a negative SQLite code. */
typedef int reader(struct store_db *db, const char *game, struct buf *out);

/* Rooms or bans that a caller waits for; on its stack. */
struct reading {
    reader *read;
    const char *game;
    struct buf *out;
    int n;
    bool is_done;
};

struct store {
    pthread_mutex_t lock;
    pthread_cond_t has_work, has_rested;
    pthread_t thread;
    bool has_thread, is_inline, is_open, is_stopping, is_busy;
    struct store_job *first, *last;
    struct store_db db; /* the thread's alone, once it runs */
    size_t max_bytes;
    struct store_figures figures;
    atomic_uint_fast64_t n_failed_saves;
    double complained_s;
    struct reading *wanted; /* of a caller that waits; others wait for their turn */
};

/* The thread. */

/* What its owner saves again where it has failed. */
static bool is_save(enum store_op op)
{
    return op == STORE_SHAPE || op == STORE_ROOM || op == STORE_ROOM_GONE ||
           op == STORE_ROOM_ASIDE || op == STORE_BAN || op == STORE_UNBAN;
}

static void fail_job(struct store *s, struct store_job *job, const char *why)
{
    store_job_reset(job);
    job->answer.result = STORE_FAILED;
    strncpy(job->why, why, sizeof job->why - 1);
    job->answer.why = job->why;
    s->figures.n_failed++;
    if (is_save(job->ask.op))
        atomic_fetch_add(&s->n_failed_saves, 1);
}

static void complain(struct store *s, const char *why)
{
    double now = clk_wall_s();

    if (s->complained_s > 0 && now - s->complained_s < SAY_AGAIN_S)
        return;
    s->complained_s = now;
    logger_error("store",
                 "nothing can be written now: %s; rooms are saved again when it "
                 "works, scripts are told",
                 why);
}

/* All of the batch in one transaction; an SQLite code. */
static int run_once(struct store *s, struct store_job *batch)
{
    int r = store_db_begin(&s->db);

    for (struct store_job *job = batch; r == SQLITE_OK && job; job = job->next) {
        store_job_reset(job);
        r = store_db_run(&s->db, job);
        if (r == SQLITE_OK && job->out.failed)
            r = SQLITE_NOMEM;
    }
    if (r == SQLITE_OK)
        r = store_db_commit(&s->db);
    if (r != SQLITE_OK)
        store_db_roll_back(&s->db);
    return r;
}

static void rest(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static bool is_damage(int r)
{
    return (r & 0xff) == SQLITE_CORRUPT || (r & 0xff) == SQLITE_NOTADB;
}

/* false: something that was to be saved, now or before, is not in the file. */
static bool run_batch(struct store *s, struct store_job *batch)
{
    uint64_t n_failed = store_n_failed_saves(s);
    struct err e = {0};
    int r = run_once(s, batch);

    for (int i = 0; i < RETRIES && (r & 0xff) == SQLITE_BUSY; i++) {
        rest(RETRY_MS);
        r = run_once(s, batch);
    }
    if (is_damage(r)) {
        /* What the batch wants to write goes into the fresh file; rooms that are not in
         * it follow, because their owners see that saves have failed. */
        atomic_fetch_add(&s->n_failed_saves, 1);
        r = store_db_replace(&s->db, &e) == 0 ? run_once(s, batch) : SQLITE_CANTOPEN;
    }
    if (r == SQLITE_OK) {
        s->complained_s = 0;
        return n_failed == store_n_failed_saves(s);
    }
    const char *why = s->db.handle ? sqlite3_errstr(r) : "there is no database";
    complain(s, why);
    for (struct store_job *job = batch; job; job = job->next)
        fail_job(s, job, why);
    return n_failed == store_n_failed_saves(s);
}

/* Hand the answers over. With the lock held; tells by *woken whom to wake, one port at a
 * time: batches of several ports are rare and short. */
static void deliver(struct store *s, struct store_job *batch, bool are_saved)
{
    while (batch) {
        struct store_job *job = batch;
        struct store_port *p = job->port;
        bool is_first = false;
        batch = job->next;
        s->figures.n_done++;
        s->figures.queue_bytes -= job->bytes;
        job->next = NULL;
        p->n_open--;
        if (!job->ask.ticket || p->is_closed) {
            if (p->is_closed && p->n_open == 0)
                free(p);
            else if (!p->is_closed && !are_saved)
                p->wake(p->ctx);
            store_job_free(job);
            continue;
        }
        is_first = !p->first;
        if (p->last)
            p->last->next = job;
        else
            p->first = job;
        p->last = job;
        if (is_first) /* a wake does nothing but mark: it may be called with the lock */
            p->wake(p->ctx);
    }
}

static struct store_job *take_batch(struct store *s)
{
    struct store_job *batch = s->first, *end = batch;

    for (int i = 1; end && i < BATCH_JOBS && end->next; i++)
        end = end->next;
    s->first = end ? end->next : NULL;
    if (!s->first)
        s->last = NULL;
    if (end)
        end->next = NULL;
    return batch;
}

static void serve_reader(struct store *s)
{
    struct reading *r = s->wanted;

    pthread_mutex_unlock(&s->lock);
    r->n = r->read(&s->db, r->game, r->out);
    pthread_mutex_lock(&s->lock);
    r->is_done = true;
    s->wanted = NULL;
    pthread_cond_broadcast(&s->has_rested);
}

static void *run(void *arg)
{
    struct store *s = arg;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct store_job *batch = take_batch(s);
        if (batch) {
            s->is_busy = true;
            pthread_mutex_unlock(&s->lock);
            bool are_saved = run_batch(s, batch);
            pthread_mutex_lock(&s->lock);
            s->figures.n_batches++;
            s->figures.is_kept = s->db.is_kept;
            deliver(s, batch, are_saved);
            s->is_busy = false;
            pthread_cond_broadcast(&s->has_rested);
        } else if (s->wanted) {
            serve_reader(s);
        } else if (s->is_stopping) {
            break;
        } else {
            pthread_cond_wait(&s->has_work, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    store_db_close(&s->db);
    pthread_mutex_lock(&s->lock);
    s->is_open = false;
    pthread_cond_broadcast(&s->has_rested);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Opening and stopping. */

static int start_thread(struct store *s)
{
    sigset_t all, before;

    /* Signals to the process are for those who wait for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->has_thread = r == 0;
    return -r;
}

static void init_locks(struct store *s)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->has_work, &attr);
    pthread_cond_init(&s->has_rested, &attr);
    pthread_condattr_destroy(&attr);
}

int store_open(struct store **out, const struct store_options *o, struct err *e)
{
    struct store *s = calloc(1, sizeof *s);
    int r;

    *out = NULL;
    if (!s)
        return err_set(e, -ENOMEM, "out of memory");
    init_locks(s);
    s->max_bytes = o->queue_bytes ? o->queue_bytes : STORE_QUEUE_BYTES;
    s->is_inline = o->is_inline;
    /* An inline one is opened by the first post: most simulations never have any. */
    if (!o->is_inline && (r = store_db_open(&s->db, o->folder, e)) < 0)
        goto fail;
    s->is_open = true;
    s->figures.is_kept = s->db.is_kept;
    if (!o->is_inline && (r = start_thread(s)) < 0) {
        err_set(e, r, "no thread for the store: %s", strerror(-r));
        goto fail;
    }
    *out = s;
    return 0;
fail:
    store_free(&s);
    return r;
}

/* The time `ms` from now, for pthread_cond_timedwait(). */
static struct timespec until(uint32_t ms)
{
    uint64_t ns = clk_real_ns() + (uint64_t)ms * 1000000;

    return (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
}

bool store_drain(struct store *s, uint32_t ms)
{
    struct timespec end = until(ms);
    bool is_done;

    pthread_mutex_lock(&s->lock);
    while ((s->first || s->is_busy) &&
           pthread_cond_timedwait(&s->has_rested, &s->lock, &end) != ETIMEDOUT)
        ;
    is_done = !s->first && !s->is_busy;
    pthread_mutex_unlock(&s->lock);
    return is_done;
}

bool store_stop(struct store *s, uint32_t ms)
{
    struct timespec end = until(ms);
    bool is_done;

    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_cond_signal(&s->has_work);
    while (s->has_thread && s->is_open &&
           pthread_cond_timedwait(&s->has_rested, &s->lock, &end) != ETIMEDOUT)
        ;
    if (!s->has_thread) {
        store_db_close(&s->db);
        s->is_open = false;
    }
    is_done = !s->is_open;
    pthread_mutex_unlock(&s->lock);
    if (is_done && s->has_thread) {
        pthread_join(s->thread, NULL);
        s->has_thread = false;
    }
    return is_done;
}

void store_free(struct store **at)
{
    struct store *s = *at;

    *at = NULL;
    if (!s)
        return;
    if ((s->is_open || s->has_thread) && !store_stop(s, UINT32_MAX))
        return;
    store_db_close(&s->db);
    pthread_cond_destroy(&s->has_work);
    pthread_cond_destroy(&s->has_rested);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct store_figures store_figures(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    struct store_figures f = s->figures;
    pthread_mutex_unlock(&s->lock);
    return f;
}

uint64_t store_n_failed_saves(const struct store *s)
{
    return atomic_load(&s->n_failed_saves);
}

/* Ports. */

struct store_port *store_port_open(struct store *s, void (*wake)(void *ctx), void *ctx)
{
    struct store_port *p = calloc(1, sizeof *p);

    if (p)
        *p = (struct store_port){.store = s, .wake = wake, .ctx = ctx};
    return p;
}

struct store *store_of_port(const struct store_port *p)
{
    return p->store;
}

void store_port_close(struct store_port **at)
{
    struct store_port *p = *at;
    const struct store_answer *a;

    *at = NULL;
    if (!p)
        return;
    while ((a = store_take(p)))
        store_answer_free(&a);
    pthread_mutex_lock(&p->store->lock);
    p->is_closed = true;
    bool is_last = p->n_open == 0;
    pthread_mutex_unlock(&p->store->lock);
    if (is_last)
        free(p);
}

/* An inline store does it here and now. */
static bool run_inline(struct store *s, struct store_job *job)
{
    struct err e;

    if (!s->db.handle && store_db_open(&s->db, NULL, &e) < 0) {
        store_job_free(job);
        return false;
    }
    job->port->n_open++;
    s->figures.queue_bytes += job->bytes;
    s->figures.n_batches++;
    bool are_saved = run_batch(s, job);
    deliver(s, job, are_saved);
    return true;
}

bool store_post(struct store_port *p, const struct store_ask *ask)
{
    struct store *s = p->store;
    struct store_job *job = store_job_new(p, ask);
    bool is_taken = false;

    if (!job)
        return false;
    pthread_mutex_lock(&s->lock);
    /* One that is larger than the queue is taken when nothing else is in it. The end of a
     * room comes once and is small; lost, the room would come back. */
    bool has_place =
        s->figures.queue_bytes == 0 || s->figures.queue_bytes + job->bytes <= s->max_bytes;
    if (!has_place || s->is_stopping) {
        s->figures.n_refused++;
        store_job_free(job);
    } else if (s->is_inline) {
        is_taken = run_inline(s, job);
    } else {
        p->n_open++;
        s->figures.queue_bytes += job->bytes;
        if (s->last)
            s->last->next = job;
        else
            s->first = job;
        s->last = job;
        pthread_cond_signal(&s->has_work);
        is_taken = true;
    }
    pthread_mutex_unlock(&s->lock);
    return is_taken;
}

const struct store_answer *store_take(struct store_port *p)
{
    pthread_mutex_lock(&p->store->lock);
    struct store_job *job = p->first;
    if (job) {
        p->first = job->next;
        if (!p->first)
            p->last = NULL;
    }
    pthread_mutex_unlock(&p->store->lock);
    return job ? &job->answer : NULL;
}

void store_answer_free(const struct store_answer **a)
{
    struct store_job *job = (struct store_job *)(uintptr_t)*a;

    *a = NULL;
    if (job)
        store_job_free(job);
}

/* Reading, for who starts. */

static struct wire_str next_part(struct wire_in *in)
{
    uint32_t n = wire_u32(in);
    const uint8_t *bytes = wire_raw(in, (size_t)n + 1);

    return (struct wire_str){(const char *)bytes, bytes ? n : 0};
}

/* On the thread that has the file, while this one waits. */
static int load(struct store *s, reader *read, const char *game, struct buf *rows)
{
    struct reading mine = {.read = read, .game = game, .out = rows, .n = -1};

    pthread_mutex_lock(&s->lock);
    if (s->is_inline) {
        mine.n = s->db.handle ? read(&s->db, game, rows) : 0;
    } else {
        while (s->wanted && s->is_open)
            pthread_cond_wait(&s->has_rested, &s->lock);
        if (s->is_open)
            s->wanted = &mine;
        pthread_cond_signal(&s->has_work);
        while (!mine.is_done && s->is_open)
            pthread_cond_wait(&s->has_rested, &s->lock);
        if (s->wanted == &mine)
            s->wanted = NULL; /* the store has ended meanwhile */
    }
    pthread_mutex_unlock(&s->lock);
    return mine.n;
}

int store_load_rooms(struct store *s, const char *game,
                     void (*each)(void *ctx, const struct store_room *r), void *ctx)
{
    struct buf rows;

    buf_init(&rows, 0);
    int n = load(s, store_db_rooms, game, &rows);
    struct wire_in in = wire_from(rows.data, rows.len);
    for (int i = 0; i < n && !in.failed; i++) {
        struct wire_str id = next_part(&in), shape = next_part(&in), data = next_part(&in);
        struct store_room r = {.id = id.text,
                               .shape = shape.text,
                               .n_shape = shape.len,
                               .data = (const uint8_t *)data.text,
                               .n_data = data.len};
        r.saved_s = wire_f64(&in);
        each(ctx, &r);
    }
    buf_fini(&rows);
    return n;
}

int store_load_bans(struct store *s, const char *game,
                    void (*each)(void *ctx, const struct store_ban *b), void *ctx)
{
    struct buf rows;

    buf_init(&rows, 0);
    int n = load(s, store_db_bans, game, &rows);
    struct wire_in in = wire_from(rows.data, rows.len);
    for (int i = 0; i < n && !in.failed; i++) {
        struct wire_str whom = next_part(&in), reason = next_part(&in);
        struct store_ban b = {.whom = (const uint8_t *)whom.text,
                              .n_whom = whom.len,
                              .reason = reason.text,
                              .until_s = wire_f64(&in)};
        each(ctx, &b);
    }
    buf_fini(&rows);
    return n;
}
