/* SPDX-License-Identifier: MIT */
#include "server/rooms_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/close_reason.h"
#include "proto/json_out.h"
#include "proto/ws_handshake.h"
#include "server/rooms_api.h"
#include "server/seat.h"
#include "server/worker.h"

enum { PERIOD_MS = 1000, MESSAGE_BYTES = 1024, RECORD_BYTES = 8 << 20 };

struct listener {
    struct listener *next;
    struct channel *channel;
    struct conn *conn;
    bool is_behind; /* it has missed a change: the whole list next */
};

struct channel {
    struct channel *next;
    struct worker *worker;
    char game[GAME_NAME_MAX + 1];
    struct map told; /* room id -> its JSON text, as listeners know it */
    struct listener *listeners;
};

/* What listeners know. */

static void forget(struct channel *ch, const char *id)
{
    free(map_remove_bytes(&ch->told, id, strlen(id)));
}

static void put_raw(struct json_out *j, const char *text)
{
    if (j->comma)
        buf_text(j->buf, ",");
    buf_text(j->buf, text);
    j->comma = true;
}

/* The ids in `told` that none of the list has: into "gone", and forgotten. */
static void put_gone(struct channel *ch, const struct place_view *list, size_t n,
                     struct json_out *j, size_t *n_changes)
{
    struct map now;
    char id[ROOM_ID_MAX + 1];

    map_init(&now);
    for (size_t i = 0; i < n; i++)
        map_put_bytes(&now, list[i].place->id, strlen(list[i].place->id), ch);
    for (bool again = true; again;) {
        again = false;
        for (struct map_entry *e = NULL; !again && (e = map_next(&ch->told, e));)
            if (!map_get_bytes(&now, e->bytes, e->len)) {
                memcpy(id, e->bytes, e->len + 1);
                again = true;
            }
        if (again) {
            json_out_str(j, id, strlen(id));
            forget(ch, id);
            ++*n_changes;
        }
    }
    map_fini(&now);
}

/* Look at the rooms: what has changed goes into `told` and, as a record, into `out`.
 * Returns how many rooms that are; -1 where memory is out. */
static int look(struct channel *ch, const struct game *g, struct buf *out)
{
    struct json_out j = json_out_to(out);
    size_t n, n_all, n_changes = 0;
    struct place_view *list = rooms_api_collect(g, &n, &n_all);
    struct buf text;

    if (!list)
        return -1;
    n = n < ROOMS_API_MAX ? n : ROOMS_API_MAX;
    buf_init(&text, RECORD_BYTES);
    json_out_object(&j);
    json_out_key_str(&j, "t", "change");
    json_out_key(&j, "rooms", 5);
    json_out_array(&j);
    for (size_t i = 0; i < n; i++) {
        const char *id = list[i].place->id;
        const char *before = map_get_bytes(&ch->told, id, strlen(id));
        struct json_out one = json_out_to(&text);
        buf_clear(&text);
        rooms_api_put_room(g, &list[i], &one);
        buf_byte(&text, 0);
        if (text.failed || (before && strcmp(before, (char *)text.data) == 0))
            continue;
        char *copy = strdup((char *)text.data);
        forget(ch, id);
        if (!copy || !map_put_bytes(&ch->told, id, strlen(id), copy)) {
            free(copy);
            continue; /* told as new the next time */
        }
        put_raw(&j, copy);
        n_changes++;
    }
    json_out_end_array(&j);
    json_out_key(&j, "gone", 4);
    json_out_array(&j);
    put_gone(ch, list, n, &j, &n_changes);
    json_out_end_array(&j);
    json_out_end_object(&j);
    buf_fini(&text);
    hall_list_free(list, n_all);
    return (int)n_changes;
}

static void put_all(struct channel *ch, struct buf *out)
{
    struct json_out j = json_out_to(out);

    json_out_object(&j);
    json_out_key_str(&j, "t", "rooms");
    json_out_key_str(&j, "game", ch->game);
    json_out_key(&j, "rooms", 5);
    json_out_array(&j);
    for (struct map_entry *e = NULL; (e = map_next(&ch->told, e));)
        put_raw(&j, e->value);
    json_out_end_array(&j);
    json_out_end_object(&j);
}

static void send_all(struct listener *l)
{
    struct buf out;

    buf_init(&out, RECORD_BYTES);
    put_all(l->channel, &out);
    struct chunk *frame = out.failed ? NULL : ws_frame_chunk(WS_TEXT, out.data, out.len);
    if (frame)
        conn_send(l->conn, frame);
    chunk_unref(&frame);
    buf_fini(&out);
    l->is_behind = false;
}

/* Listeners. */

static void on_message(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    (void)user, (void)op, (void)data, (void)len; /* there is nothing to say */
}

static void free_channel(struct channel *ch)
{
    struct channel **at = &ch->worker->stream.channels;

    while (*at != ch)
        at = &(*at)->next;
    *at = ch->next;
    for (struct map_entry *e = NULL; (e = map_next(&ch->told, e));)
        free(e->value);
    map_fini(&ch->told);
    free(ch);
}

static void on_closed(void *user, uint16_t code)
{
    struct listener *l = user;
    struct channel *ch = l->channel;
    struct rooms_stream *s = &ch->worker->stream;
    struct listener **at = &ch->listeners;

    (void)code;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
    if (!ch->listeners)
        free_channel(ch);
    if (--s->n == 0)
        uv_timer_stop(&s->timer);
}

static const struct conn_handler handler = {.on_message = on_message,
                                            .on_closed = on_closed};

static void say(struct channel *ch, const struct buf *record)
{
    struct chunk *frame = ws_frame_chunk(WS_TEXT, record->data, record->len);

    chunk_share(frame);
    for (struct listener *l = ch->listeners; frame && l; l = l->next) {
        if (conn_backlog(l->conn) > 0 || l->is_behind)
            l->is_behind = true;
        else
            conn_send(l->conn, frame);
    }
    chunk_unref(&frame);
}

static void refresh(struct channel *ch)
{
    struct world *w = &ch->worker->world;
    const struct game *g = game_find(w, ch->game, strlen(ch->game));
    struct buf out;

    if (!g || !g->vm) {
        for (struct listener *l = ch->listeners; l; l = l->next)
            conn_close(l->conn, CLOSE_NO_SUCH_ROOM, close_reason_text(CLOSE_NO_SUCH_ROOM));
        return;
    }
    for (struct listener *l = ch->listeners; l; l = l->next)
        if (l->is_behind && conn_backlog(l->conn) == 0)
            send_all(l);
    buf_init(&out, RECORD_BYTES);
    if (look(ch, g, &out) > 0) {
        if (!out.failed)
            say(ch, &out);
        for (struct listener *l = ch->listeners; out.failed && l; l = l->next)
            l->is_behind = true;
    }
    buf_fini(&out);
}

static void on_timer(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    /* on_closed is never called from in here, so the lists stay. */
    for (struct channel *ch = w->stream.channels; ch; ch = ch->next)
        refresh(ch);
}

static struct channel *channel_of(struct worker *w, const struct game *g)
{
    struct channel *ch = w->stream.channels;

    while (ch && strcmp(ch->game, g->name) != 0)
        ch = ch->next;
    if (ch || !(ch = calloc(1, sizeof *ch)))
        return ch;
    ch->worker = w;
    strcpy(ch->game, g->name);
    map_init(&ch->told);
    ch->next = w->stream.channels;
    w->stream.channels = ch;
    struct buf out;
    buf_init(&out, RECORD_BYTES);
    look(ch, g, &out); /* nobody listens yet: only to know the rooms */
    buf_fini(&out);
    return ch;
}

void rooms_stream_join(struct worker *w, struct conn *c, const struct http_head *head)
{
    char accept[WS_ACCEPT_BYTES + 1];
    struct conn_ws_options o = {.max_message = MESSAGE_BYTES, .is_limited = true};

    if (seat_refuse_stranger(w, c, head, accept))
        return;
    const struct game *g = rooms_api_game(w, c, head);
    if (!g)
        return;
    if (w->stream.n >= ROOMS_STREAM_MAX) {
        conn_reply_error(c, 503, "Retry-After: 5\r\n", "too many listen already");
        return;
    }
    struct listener *l = calloc(1, sizeof *l);
    struct channel *ch = l ? channel_of(w, g) : NULL;
    if (!ch || conn_upgrade(c, accept, &o, &handler, l) < 0) {
        if (!ch)
            conn_reply_error(c, 503, NULL, "out of memory");
        if (ch && !ch->listeners)
            free_channel(ch);
        free(l);
        return;
    }
    l->channel = ch;
    l->conn = c;
    l->next = ch->listeners;
    ch->listeners = l;
    if (w->stream.n++ == 0)
        uv_timer_start(&w->stream.timer, on_timer, PERIOD_MS, PERIOD_MS);
    send_all(l);
}

void rooms_stream_open(struct worker *w)
{
    uv_timer_init(&w->loop, &w->stream.timer);
    w->stream.timer.data = w;
}

void rooms_stream_stop(struct worker *w)
{
    for (struct channel *ch = w->stream.channels; ch; ch = ch->next)
        for (struct listener *l = ch->listeners; l; l = l->next)
            conn_close(l->conn, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
}

void rooms_stream_close(struct worker *w)
{
    uv_close((uv_handle_t *)&w->stream.timer, NULL);
}
