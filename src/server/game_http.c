/* SPDX-License-Identifier: MIT */
#include "server/game_http.h"

#include <string.h>

#include "room/http_call.h"
#include "server/door.h"
#include "server/seat.h"
#include "server/server.h"
#include "server/worker.h"

/* Where the body is JSON it is there twice. */
static size_t request_bytes(const struct worker *w)
{
    return 2 * DOOR_BYTES + 3 * w->server->limits.edge.http.max_body;
}

static void answer(struct conn *c, const struct script_http_answer *a)
{
    if (a->status == 404 && a->body.len == 0)
        conn_reply_error(c, 404, NULL, "there is nothing here");
    else
        conn_reply(c, a->status, NULL, (const char *)a->headers.data, a->body.data,
                   a->body.len);
}

static void ask(struct conn *c, struct game *g, const struct buf *request)
{
    struct script_http_answer a;

    switch (http_call(g, request->data, request->len, &a)) {
    case SCRIPT_DONE: answer(c, &a); break;
    case SCRIPT_ABSENT:
        conn_reply_error(c, 404, NULL, "this game answers no requests");
        break;
    case SCRIPT_RAISED:
    case SCRIPT_STOPPED: conn_reply_error(c, 500, NULL, "the game's script failed"); break;
    }
    script_http_fini(&a);
}

void game_http_serve(struct worker *w, struct conn *c, const struct http_head *head,
                     struct game *g, const char *path, size_t n_path)
{
    struct door door = {.head = head, .address = conn_address(c)};
    struct buf request;

    if (!g->vm) {
        conn_reply_error(c, 503, "Retry-After: 5\r\n", "the game's script does not load");
        return;
    }
    if (!conn_may_ask(c)) {
        conn_reply_error(c, 429, "Retry-After: 1\r\n", "too many requests");
        return;
    }
    door.cookie = g->vm->def->auth_cookie;
    door.has_trusted_origin = seat_is_origin_trusted(w, c, head);
    buf_init(&request, request_bytes(w));
    int status = n_path ? door_read_request(&door, path, n_path, &request)
                        : door_read_request(&door, "/", 1, &request);
    if (status)
        conn_reply_error(c, status, NULL,
                         status == 400   ? "the query or the body is malformed"
                         : status == 413 ? "the body is too long"
                                         : "the headers are too much for this game");
    else
        ask(c, g, &request);
    buf_fini(&request);
}
