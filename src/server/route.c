/* SPDX-License-Identifier: MIT */
#include "server/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/http_head.h"
#include "server/calls_api.h"
#include "server/cors.h"
#include "server/game_http.h"
#include "server/move.h"
#include "server/profiler.h"
#include "server/report.h"
#include "server/rooms_api.h"
#include "server/seat.h"
#include "server/server.h"
#include "server/worker.h"

static bool is(const char *path, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(path, text, len) == 0;
}

static bool is_read(const struct http_head *head)
{
    struct http_text m = http_head_method(head);

    return is(m.at, m.len, "GET") || is(m.at, m.len, "HEAD");
}

static void not_found(struct conn *c)
{
    conn_reply_error(c, 404, NULL, "there is nothing here");
}

/* A file, which pages that may connect may import from elsewhere. */
static void serve_file(struct worker *w, struct static_files *files, struct conn *c,
                       const struct http_head *head, const char *path, size_t len)
{
    char cors[CORS_BYTES];

    cors_write(cors, w, c, head);
    static_files_serve(files, c, head, path, len, cors);
}

/* /pond -> /pond/, the query kept; base -> base/ where there is no name. */
static void add_slash(struct conn *c, const char *base, const char *name,
                      const struct http_head *head)
{
    struct http_text query = http_head_query(head);
    char line[8192];

    if (snprintf(line, sizeof line, "Location: %s/%s%s%s%.*s\r\n", base, name,
                 *name ? "/" : "", query.len ? "?" : "", (int)query.len,
                 query.at) >= (int)sizeof line)
        conn_reply_error(c, 414, NULL, "the query is too long");
    else
        conn_reply(c, 308, NULL, line, NULL, 0);
}

/* /GAME/shared.js: what the running code shares with its page. false: it shares nothing.
 * The tag is the text's checksum, so a page that has it asks only whether it is new. */
static bool serve_shared(struct conn *c, const struct http_head *head, const struct game *g)
{
    size_t len;
    const char *text = g->vm ? vm_page(g->vm, "shared.js", &len) : NULL;
    char headers[96], etag[24];

    if (!text)
        return false;
    snprintf(etag, sizeof etag, "\"%08lx-%zx\"", crc32(0, (const Bytef *)text, (uInt)len),
             len);
    snprintf(headers, sizeof headers, "Cache-Control: no-cache\r\nETag: %s\r\n", etag);
    struct http_text known = http_head_find(head, "if-none-match", NULL);
    if (known.len == strlen(etag) && memcmp(known.at, etag, known.len) == 0)
        conn_reply(c, 304, NULL, headers, NULL, 0);
    else
        conn_reply(c, 200, static_files_type("shared.js"), headers, text, len);
    return true;
}

/* /GAME…: `rest` is what comes after the name, "" or from the slash on. */
static void route_game(struct worker *w, struct conn *c, const struct http_head *head,
                       struct game *g, const char *rest, size_t n_rest)
{
    const char *name = rest + 1;
    size_t n_name = n_rest ? n_rest - 1 : 0;
    bool is_http =
        n_name >= 5 && memcmp(name, "_http", 5) == 0 && (n_name == 5 || name[5] == '/');
    bool is_room = game_is_room_name(name, n_name) && !memchr(name, '.', n_name);

    if (is_http) {
        if (http_head_wants_upgrade(head))
            not_found(c);
        else
            game_http_serve(w, c, head, g, name + 5, n_name - 5);
        return;
    }
    if (http_head_wants_upgrade(head)) {
        if (n_name == 0)
            seat_open(w, c, head, g, NULL, 0);
        else if (game_is_room_name(name, n_name))
            seat_open(w, c, head, g, name, n_name);
        else
            not_found(c);
        return;
    }
    if (!is_read(head)) {
        conn_reply_error(c, 405, "Allow: GET, HEAD\r\n",
                         "only GET and HEAD are taken here");
        return;
    }
    if (n_rest == 0) {
        add_slash(c, w->config->base_path, g->name, head);
        return;
    }
    if (is(name, n_name, "shared.js") && serve_shared(c, head, g))
        return;
    struct static_files *page = map_get_bytes(&w->pages, g->name, strlen(g->name));
    if (is_room)
        n_name = 0; /* a room's page is the game's */
    serve_file(w, page, c, head, n_name ? name : "", n_name);
}

static void route_own(struct worker *w, struct conn *c, const struct http_head *head,
                      const char *path, size_t len)
{
    if (is(path, len, "/")) {
        static_files_serve(w->server->sdk, c, head, "hub.html", 8, "");
    } else if (is(path, len, "/_parlor/games")) {
        report_games(w, c);
    } else if (is(path, len, "/_parlor/rooms")) {
        rooms_api_get(w, c, head);
    } else if (len > 9 && memcmp(path, "/_parlor/", 9) == 0) {
        serve_file(w, w->server->sdk, c, head, path + 9, len - 9);
    } else if (is(path, len, "/healthz")) {
        conn_reply(c, 200, "text/plain; charset=utf-8", "Cache-Control: no-store\r\n",
                   "ok\n", 3);
    } else if (is(path, len, "/readyz")) {
        if (w->is_stopping)
            conn_reply_error(c, 503, "Cache-Control: no-store\r\n", "stopping");
        else
            conn_reply(c, 200, "text/plain; charset=utf-8", "Cache-Control: no-store\r\n",
                       "ready\n", 6);
    } else if (is(path, len, "/favicon.ico")) {
        conn_reply(c, 204, NULL, "Cache-Control: max-age=86400\r\n", NULL, 0);
    } else {
        not_found(c);
    }
}

/* What of the path is below base_path, or NULL. Load balancers may ask for health
 * without it. */
static const char *below_base(const char *base, const char *path)
{
    size_t n = strlen(base);

    if (strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0)
        return path;
    if (strncmp(path, base, n) != 0 || (path[n] != '/' && path[n] != 0))
        return NULL;
    return path + n;
}

static void route(struct worker *w, struct conn *c, const struct http_head *head,
                  const char *path, size_t len)
{
    size_t n_name = strcspn(path + 1, "/");
    struct game *g =
        game_is_name(path + 1, n_name) ? game_find(&w->world, path + 1, n_name) : NULL;

    if (g)
        route_game(w, c, head, g, path + 1 + n_name, len - 1 - n_name);
    else if (http_head_wants_upgrade(head) && is(path, len, "/_parlor/rooms"))
        rooms_stream_join(w, c, head);
    else if (http_head_wants_upgrade(head))
        conn_reply_error(c, 404, NULL, "there is no such game");
    else if (!is_read(head))
        conn_reply_error(c, 405, "Allow: GET, HEAD\r\n",
                         "only GET and HEAD are taken here");
    else
        route_own(w, c, head, path, len);
}

static void on_request(void *ctx, struct conn *c, const struct http_head *head)
{
    struct worker *w = ctx;
    struct http_text raw = http_head_path(head);
    char *path = malloc(raw.len + 1);
    int len = path ? http_decode(path, raw.at, raw.len, false) : -1;

    if (len <= 0) {
        conn_reply_error(c, 400, NULL, "the path is not valid");
        free(path);
        return;
    }
    path[len] = 0;
    const char *rest = below_base(w->config->base_path, path);
    if (!rest)
        not_found(c);
    else if (!*rest) /* relative links of the hub need the slash */
        add_slash(c, w->config->base_path, "", head);
    else
        route(w, c, head, rest, (size_t)len - (size_t)(rest - path));
    free(path);
}

static void on_admin_request(void *ctx, struct conn *c, const struct http_head *head)
{
    struct http_text path = http_head_path(head);

    if (is(path.at, path.len, "/_profile"))
        profiler_request(ctx, c, head);
    else if (!is_read(head))
        conn_reply_error(c, 405, "Allow: GET, HEAD\r\n",
                         "only GET and HEAD are taken here");
    else if (is(path.at, path.len, "/metrics"))
        report_metrics(ctx, c);
    else if (is(path.at, path.len, "/_calls"))
        calls_api_get(ctx, c, head);
    else
        conn_reply_error(c, 404, NULL,
                         "this listener has /metrics, /_calls?game=NAME and /_profile");
}

const struct edge_handler route_handler = {.on_request = on_request, .on_moved = move_out};
const struct edge_handler admin_handler = {.on_request = on_admin_request};
