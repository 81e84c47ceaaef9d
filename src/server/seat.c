/* SPDX-License-Identifier: MIT */
#include "server/seat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/close_reason.h"
#include "proto/record.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "proto/ws_deflate_offer.h"
#include "proto/ws_handshake.h"
#include "room/session.h"
#include "script/script_auth.h"
#include "server/door.h"
#include "server/server.h"
#include "server/worker.h"

enum { HELLO_BYTES = 4096 };

static void peer_send(void *conn, struct chunk *frame)
{
    conn_send(conn, frame);
}

static void peer_send_run(void *conn, struct chunk *run, size_t n)
{
    conn_send_run(conn, run, n);
}

static void peer_close(void *conn, uint16_t code, const char *reason)
{
    conn_close(conn, code, reason);
}

static size_t peer_backlog(void *conn)
{
    return conn_backlog(conn);
}

static const char *peer_address(void *conn)
{
    return conn_address(conn);
}

static bool peer_next(void *conn, bool *is_text, const uint8_t **data, size_t *len)
{
    enum ws_op op;

    if (!conn_next_message(conn, &op, data, len))
        return false;
    *is_text = op == WS_TEXT;
    return true;
}

static const struct peer_ops peer_ops = {peer_send,    peer_send_run, peer_close,
                                         peer_backlog, peer_address,  peer_next};

static void on_message(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    if (user) /* else it is being turned away */
        session_message(user, op, data, len);
}

static void on_closed(void *user, uint16_t code)
{
    struct session *s = user;

    session_closed(&s, code);
}

static void on_dropped(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    (void)op;
    if (user)
        session_dropped(user, data, len);
}

static const struct conn_handler seat_handler = {on_message, on_closed, on_dropped};

/* Without a proxy that tells (scheme NULL) both are taken for ours: TLS may end in
 * front of us. */
static bool is_scheme(struct http_text origin, const char *scheme)
{
    return !scheme || origin.len == 0 ||
           (http_text_starts_nocase(origin, scheme) && origin.at[strlen(scheme)] == ':');
}

/* One of ours, or of the list by its name. Two would be a question of which one counts.
 * Programs send none; where a list is set they have to name one of it. */
static bool is_origin_trusted(const struct config *config, const struct http_head *head,
                              const char *scheme)
{
    size_t n;
    struct http_text origin = http_head_find(head, "origin", &n);

    if (n > 1)
        return false;
    if ((n == 1 || config->n_origins == 0) && ws_handshake_is_same_origin(head) &&
        is_scheme(origin, scheme))
        return true;
    for (size_t i = 0; i < config->n_origins; i++) {
        const char *one = config->origins[i];
        if (strlen(one) == origin.len && strncasecmp(one, origin.at, origin.len) == 0)
            return true;
    }
    return false;
}

bool seat_is_origin_trusted(const struct worker *w, struct conn *c,
                            const struct http_head *head)
{
    return is_origin_trusted(w->config, head, conn_scheme(c));
}

static bool is_open_to_all(const struct config *config)
{
    for (size_t i = 0; i < config->n_origins; i++)
        if (strcmp(config->origins[i], "*") == 0)
            return true;
    return config->is_dev;
}

bool seat_is_open_to_all(const struct worker *w)
{
    return is_open_to_all(w->config);
}

static bool is_origin_allowed(const struct config *config, const struct http_head *head,
                              const char *scheme)
{
    size_t n;

    http_head_find(head, "origin", &n);
    return config->is_dev || is_origin_trusted(config, head, scheme) ||
           (n <= 1 && is_open_to_all(config));
}

/* The subprotocol to answer with (NULL: none), and what it means for the peer. */
static const char *choose(const struct game *g, const struct http_head *head,
                          struct peer *peer)
{
    const struct game_def *def = g->vm ? g->vm->def : NULL;

    peer->codec = PEER_JSON;
    peer->can_resume = false;
    if (def && def->raw) {
        peer->codec = PEER_RAW;
        for (uint32_t i = 0; i < def->n_protocols; i++)
            if (ws_handshake_offers(head, def->protocols[i]))
                return def->protocols[i];
        return NULL;
    }
    if (ws_handshake_offers(head, "parlor.b1")) {
        peer->codec = PEER_BINARY;
        peer->can_resume = true;
        return "parlor.b1";
    }
    if (ws_handshake_offers(head, "parlor.j1")) {
        peer->can_resume = true;
        return "parlor.j1";
    }
    return NULL;
}

static void reply_bad_handshake(struct conn *c, int status, const char *why)
{
    conn_reply_error(c, status,
                     status == 405   ? "Allow: GET\r\n"
                     : status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                     : "Sec-WebSocket-Version: 13\r\n",
                     why);
}

bool seat_refuse_stranger(struct worker *w, struct conn *c, const struct http_head *head,
                          char *accept)
{
    const char *why = "";
    int status = ws_handshake_check(head, accept, &why);

    if (status)
        reply_bad_handshake(c, status, why);
    else if (!is_origin_allowed(w->config, head, conn_scheme(c)))
        conn_reply_error(c, 403, NULL, "pages of this origin may not connect");
    else if (w->is_stopping)
        conn_reply_error(c, 503, "Retry-After: 1\r\n", "the server is stopping");
    else
        return false;
    return true;
}

/* Pages of a game that does not load get a connection in dev, for the reason. */
static bool can_show(const struct worker *w, const struct http_head *head)
{
    return w->world.is_dev && (ws_handshake_offers(head, "parlor.b1") ||
                               ws_handshake_offers(head, "parlor.j1"));
}

/* What was agreed on beside the subprotocol. */
struct extension {
    enum ws_deflate_offer choice;
    struct ws_deflate_params params;
    char answer[WS_DEFLATE_ANSWER_BYTES];
};

/* Everything that may stand in the way of a handshake; true where it has been
 * answered. */
static bool refuse(struct worker *w, struct conn *c, const struct http_head *head,
                   const struct game *g, char *accept, struct extension *x)
{
    const char *why = "";
    int status = ws_handshake_check(head, accept, &why);

    if (status == 0 && !ws_handshake_offers_are_valid(head)) {
        status = 400;
        why = "the list of subprotocols is malformed";
    }
    x->choice =
        ws_deflate_offer_choose(head, &w->server->limits.deflate, &x->params, x->answer);
    if (status == 0 && x->choice == WS_DEFLATE_MALFORMED) {
        status = 400;
        why = "the list of extensions is malformed";
    }
    if (status) {
        reply_bad_handshake(c, status, why);
        return true;
    }
    if (!is_origin_allowed(w->config, head, conn_scheme(c))) {
        conn_reply_error(c, 403, NULL, "pages of this origin may not connect");
        return true;
    }
    if (w->is_stopping) {
        conn_reply_error(c, 503, "Retry-After: 1\r\n", "the server is stopping");
        return true;
    }
    if (!g->vm && !can_show(w, head)) {
        conn_reply_error(c, 503, "Retry-After: 5\r\n", "the game's script does not load");
        return true;
    }
    return false;
}

/* Dev: tell a page that opens now why the files on disk do not load; `waits` says
 * that no older code runs instead. */
static void show_load_error(struct worker *w, struct conn *c, const struct game *g,
                            const struct peer *peer)
{
    struct chunk *frame = NULL;
    struct buf out;

    buf_init(&out, 128 << 10);
    if (!peer->can_resume || !script_log_load_error(&w->server->errors, g->name, &out)) {
        buf_fini(&out);
        return;
    }
    buf_text(&out, g->vm ? ",\"waits\":false" : ",\"waits\":true");
    if (!out.failed)
        frame = game_dev_frame(peer->codec == PEER_JSON, (const char *)out.data, out.len);
    if (frame)
        conn_send(c, frame);
    chunk_unref(&frame);
    buf_fini(&out);
}

/* What the game's auth() is told of this handshake, if it has one. 0, or the status of
 * the refusal. */
static int read_door(const struct worker *w, struct conn *c, const struct http_head *head,
                     const struct game *g, const struct peer *peer, const char *protocol,
                     struct buf *out)
{
    struct door door = {.head = head,
                        .address = conn_address(c),
                        .protocol = protocol,
                        .can_resume = peer->can_resume};

    if (!g->vm || !script_has_auth(g->vm))
        return 0;
    door.cookie = g->vm->def->auth_cookie;
    door.has_trusted_origin = is_origin_trusted(w->config, head, conn_scheme(c));
    return door_read(&door, out);
}

void seat_open(struct worker *w, struct conn *c, const struct http_head *head,
               struct game *g, const char *room, size_t n_room)
{
    char accept[WS_ACCEPT_BYTES + 1];
    struct extension x;
    struct peer peer = {.ops = &peer_ops, .conn = c};
    struct buf options, door;
    int status;

    if (refuse(w, c, head, g, accept, &x))
        return;
    struct conn_ws_options o = {.subprotocol = choose(g, head, &peer),
                                .max_message = g->vm ? g->vm->def->max_message : 0};
    o.is_limited = peer.codec != PEER_RAW || w->config->limit_raw;
    if (o.max_message < HELLO_BYTES && peer.codec != PEER_RAW)
        o.max_message = HELLO_BYTES;
    if (x.choice == WS_DEFLATE_AGREED && w->server->limits.has_deflate && g->vm &&
        g->vm->def->compress) {
        o.deflate = &x.params;
        o.extensions = x.answer;
    }
    buf_init(&options, 64 << 10);
    buf_init(&door, 2 * DOOR_BYTES);
    if ((!peer.can_resume && !door_query(head, false, &options)) ||
        (status = read_door(w, c, head, g, &peer, o.subprotocol, &door)) == 400) {
        conn_reply_error(c, 400, NULL, "the query is malformed");
    } else if (status) {
        conn_reply_error(c, status, NULL, "the headers are too much for this game");
    } else if (conn_upgrade(c, accept, &o, &seat_handler, NULL) < 0) {
        ; /* out of memory; it is closed */
    } else if (show_load_error(w, c, g, &peer), !g->vm) {
        conn_close(c, CLOSE_TRY_LATER, "the game's script does not load");
    } else {
        struct session_request q = {.game = g,
                                    .room = n_room ? room : NULL,
                                    .n_room = n_room,
                                    .joins_at_once = !peer.can_resume,
                                    .options = options.data,
                                    .n_options = options.len,
                                    .door = door.data,
                                    .n_door = door.len};
        struct session *s = session_open(&w->world, &peer, &q);
        conn_set_user(c, s);
        if (!s)
            conn_close(c, CLOSE_TRY_LATER, close_reason_text(CLOSE_TRY_LATER));
    }
    buf_fini(&options);
    buf_fini(&door);
}
