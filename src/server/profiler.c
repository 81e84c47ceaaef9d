/* SPDX-License-Identifier: MIT */
#include "server/profiler.h"

#include <stdlib.h>
#include <string.h>

#include "base/logger.h"
#include "script/vm_profile.h"
#include "server/query.h"
#include "server/rooms_api.h"
#include "server/server.h"
#include "server/survey.h"
#include "server/task.h"
#include "server/worker.h"

enum { OUT_BYTES = PROFILE_MAX_BYTES + PROFILE_MAX_STACKS * 24 };

static const char no_store[] = "Cache-Control: no-store\r\n";
static const char text[] = "text/plain; charset=utf-8";

static void forget(struct profiler *p)
{
    buf_fini(&p->done);
    buf_init(&p->done, OUT_BYTES);
    p->is_done = false;
}

static void end_one(struct worker *w, const void *question, struct buf *out)
{
    const struct game *g = game_find(&w->world, question, strlen(question));

    if (!g || !g->vm || !g->vm->profile)
        return;
    profile_write(g->vm->profile, out);
    vm_profile_end(g->vm);
}

/* A worker that does not answer in time stops sampling later, and is left out. */
static void collect(struct server *s)
{
    struct profiler *p = &s->profiler;
    struct profile *all = malloc(sizeof *all);
    struct survey v;

    p->done.failed |= survey_run(&v, s, end_one, p->game, strlen(p->game) + 1) < 0 || !all;
    if (all) {
        profile_init(all);
        for (unsigned i = 0; i < v.n; i++)
            profile_add(all, (const char *)v.answers[i].data, v.answers[i].len);
        profile_write(all, &p->done);
        logger_info(p->game, "profile %u is over, %llu samples", p->id,
                    (unsigned long long)all->n_samples);
        profile_fini(all);
    }
    survey_fini(&v);
    free(all);
}

static void on_timer(uv_timer_t *timer)
{
    struct server *s = timer->data;
    struct profiler *p = &s->profiler;

    if (!p->game) { /* nobody has come for it */
        forget(p);
        return;
    }
    collect(s);
    p->game = NULL;
    p->is_done = true;
    uv_timer_start(&p->timer, on_timer, PROFILER_KEEP_S * 1000, 0);
}

void profiler_open(struct server *s)
{
    uv_timer_init(s->loop, &s->profiler.timer);
    s->profiler.timer.data = s;
    buf_init(&s->profiler.done, OUT_BYTES);
}

void profiler_close(struct server *s)
{
    struct profiler *p = &s->profiler;

    p->game = NULL;
    buf_fini(&p->done);
    uv_close((uv_handle_t *)&p->timer, NULL);
}

struct order {
    char game[GAME_NAME_MAX + 1];
    uint32_t hz;
};

static void begin_one(struct worker *w, void *arg)
{
    const struct order *o = arg;
    struct game *g = game_find(&w->world, o->game, strlen(o->game));

    if (!g || !g->vm)
        return;
    vm_profile_end(g->vm); /* one that was not collected in time */
    if (vm_profile_begin(g->vm, o->hz) < 0)
        logger_warn(g->name, "worker %u has no memory for a profile", w->index);
}

static void free_order(struct server *s, void *arg, bool is_late)
{
    (void)s;
    (void)is_late;
    free(arg);
}

/* false: memory is out. */
static bool begin_all(struct server *s, const char *game, uint32_t hz)
{
    struct order *o = calloc(1, sizeof *o);

    if (!o)
        return false;
    strcpy(o->game, game);
    o->hz = hz;
    task_each(s, NULL, begin_one, free_order, o);
    return true;
}

static void reply_text(struct conn *c, int status, const char *format, unsigned n)
{
    struct buf out;

    buf_init(&out, 0);
    buf_format(&out, format, n);
    if (out.failed)
        conn_reply_error(c, 503, no_store, "out of memory");
    else
        conn_reply(c, status, text, no_store, out.data, out.len);
    buf_fini(&out);
}

static void begin(struct server *s, struct conn *c, const struct http_head *head)
{
    struct profiler *p = &s->profiler;
    uint32_t seconds = PROFILER_SECONDS, hz = PROFILER_HZ;
    size_t n_origin;

    http_head_find(head, "origin", &n_origin);
    if (n_origin) { /* any page could send it */
        conn_reply_error(c, 403, NULL, "not from a page");
        return;
    }
    if (!query_whole(head, "seconds", 1, PROFILER_MAX_SECONDS, &seconds)) {
        conn_reply_error(c, 400, NULL, "seconds: a whole number from 1 to 60");
        return;
    }
    if (!query_whole(head, "hz", 1, VM_PROFILE_MAX_HZ, &hz)) {
        conn_reply_error(c, 400, NULL, "hz: a whole number from 1 to 1000");
        return;
    }
    const char *game = rooms_api_game_name(s, c, head);
    if (!game)
        return;
    if (p->game) {
        conn_reply_error(c, 409, no_store, "a profile is being taken already");
        return;
    }
    if (!begin_all(s, game, hz)) {
        conn_reply_error(c, 503, NULL, "out of memory");
        return;
    }
    forget(p);
    p->game = game;
    p->id++;
    logger_info(game, "profile %u begins: %u s, %u samples a second", p->id, seconds, hz);
    uv_timer_start(&p->timer, on_timer, seconds * 1000, 0);
    reply_text(c, 202, "%u\n", p->id);
}

static void fetch(struct server *s, struct conn *c, const struct http_head *head)
{
    const struct profiler *p = &s->profiler;
    uint32_t id = 0;

    if (!query_whole(head, "id", 1, UINT32_MAX, &id) || id == 0)
        conn_reply_error(c, 400, NULL, "which profile? ?id=NUMBER is missing");
    else if (id != p->id || (!p->game && !p->is_done))
        conn_reply_error(c, 404, no_store, "there is no such profile, or no more");
    else if (p->game)
        reply_text(c, 202, "profile %u is being taken\n", p->id);
    else if (p->done.failed)
        conn_reply_error(c, 503, no_store, "out of memory");
    else
        conn_reply(c, 200, text, no_store, p->done.data, p->done.len);
}

void profiler_request(struct server *s, struct conn *c, const struct http_head *head)
{
    struct http_text method = http_head_method(head);

    if (http_text_is(method, "POST"))
        begin(s, c, head);
    else if (http_text_is(method, "GET") || http_text_is(method, "HEAD"))
        fetch(s, c, head);
    else
        conn_reply_error(c, 405, "Allow: GET, HEAD, POST\r\n",
                         "POST begins a profile, GET fetches it");
}
