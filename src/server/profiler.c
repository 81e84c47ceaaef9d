/* SPDX-License-Identifier: MIT */
#include "server/profiler.h"

#include <stdlib.h>
#include <string.h>

#include "base/logger.h"
#include "script/vm_profile.h"
#include "server/query.h"
#include "server/rooms_api.h"
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

static void on_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    struct profiler *p = &w->profiler;

    if (!p->game) { /* nobody has come for it */
        forget(p);
        return;
    }
    profile_write(p->game->vm->profile, &p->done);
    logger_info(p->game->name, "profile %u is over, %llu samples", p->id,
                (unsigned long long)p->game->vm->profile->n_samples);
    vm_profile_end(p->game->vm);
    p->game = NULL;
    p->is_done = true;
    uv_timer_start(&p->timer, on_timer, PROFILER_KEEP_S * 1000, 0);
}

void profiler_open(struct worker *w)
{
    uv_timer_init(&w->loop, &w->profiler.timer);
    w->profiler.timer.data = w;
    buf_init(&w->profiler.done, OUT_BYTES);
}

void profiler_close(struct worker *w)
{
    struct profiler *p = &w->profiler;

    if (p->game)
        vm_profile_end(p->game->vm);
    p->game = NULL;
    buf_fini(&p->done);
    uv_close((uv_handle_t *)&p->timer, NULL);
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

static void begin(struct worker *w, struct conn *c, const struct http_head *head)
{
    struct profiler *p = &w->profiler;
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
    struct game *g = rooms_api_game(w, c, head);
    if (!g)
        return;
    if (p->game) {
        conn_reply_error(c, 409, no_store, "a profile is being taken already");
        return;
    }
    if (vm_profile_begin(g->vm, hz) < 0) {
        conn_reply_error(c, 503, NULL, "out of memory");
        return;
    }
    forget(p);
    p->game = g;
    p->id++;
    logger_info(g->name, "profile %u begins: %u s, %u samples a second", p->id, seconds,
                hz);
    uv_timer_start(&p->timer, on_timer, seconds * 1000, 0);
    reply_text(c, 202, "%u\n", p->id);
}

static void fetch(struct worker *w, struct conn *c, const struct http_head *head)
{
    const struct profiler *p = &w->profiler;
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

void profiler_request(struct worker *w, struct conn *c, const struct http_head *head)
{
    struct http_text method = http_head_method(head);

    if (http_text_is(method, "POST"))
        begin(w, c, head);
    else if (http_text_is(method, "GET") || http_text_is(method, "HEAD"))
        fetch(w, c, head);
    else
        conn_reply_error(c, 405, "Allow: GET, HEAD, POST\r\n",
                         "POST begins a profile, GET fetches it");
}
