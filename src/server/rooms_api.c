/* SPDX-License-Identifier: MIT */
#include "server/rooms_api.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_out.h"
#include "proto/wire.h"
#include "server/query.h"
#include "server/server.h"
#include "server/worker.h"
#include "state/payload.h"

enum { LIST_BYTES = 8 << 20 };

static bool is_listed(const struct place_view *r)
{
    return !r->state.is_private && !r->state.is_closing;
}

/* Those that are listed first, by their ids. */
static int by_id(const void *a, const void *b)
{
    const struct place_view *x = a, *y = b;

    if (is_listed(x) != is_listed(y))
        return is_listed(x) ? -1 : 1;
    return strcmp(x->place->id, y->place->id);
}

struct place_view *rooms_api_collect(const struct game *g, size_t *n, size_t *n_all)
{
    struct place_view *list = hall_list(g->hall, false, n_all);

    if (list)
        qsort(list, *n_all, sizeof *list, by_id);
    *n = 0;
    while (*n < *n_all && is_listed(&list[*n]))
        ++*n;
    return list;
}

void rooms_api_put_room(const struct game *g, const struct place_view *r,
                        struct json_out *j)
{
    struct wire_in labels =
        wire_from(r->labels ? r->labels->bytes : NULL, r->labels ? r->labels->len : 0);

    json_out_object(j);
    json_out_key_str(j, "id", r->place->id);
    json_out_key_int(j, "players", r->state.n_seats);
    json_out_key_int(j, "max", g->vm->def->max_players);
    json_out_key_int(j, "spectators", r->state.n_spectators);
    json_out_key_bool(j, "locked", r->state.is_locked);
    json_out_key(j, "labels", 6);
    if (r->labels) {
        payload_to_json(NULL, &labels, j);
    } else {
        json_out_object(j);
        json_out_end_object(j);
    }
    json_out_end_object(j);
}

bool rooms_api_list(const struct game *g, struct buf *out)
{
    struct json_out j = json_out_to(out);
    size_t n, n_all;
    struct place_view *list = rooms_api_collect(g, &n, &n_all);

    if (!list)
        return false;
    json_out_object(&j);
    json_out_key_str(&j, "game", g->name);
    json_out_key_int(&j, "total", (int64_t)n);
    json_out_key(&j, "rooms", 5);
    json_out_array(&j);
    for (size_t i = 0; i < n && i < ROOMS_API_MAX; i++)
        rooms_api_put_room(g, &list[i], &j);
    json_out_end_array(&j);
    json_out_end_object(&j);
    hall_list_free(list, n_all);
    return !out->failed;
}

static void refuse(struct conn *c, bool is_known, bool is_asked_for)
{
    conn_reply_error(c,
                     is_known       ? 503
                     : is_asked_for ? 404
                                    : 400,
                     NULL,
                     is_known       ? "the game's script does not load"
                     : is_asked_for ? "there is no such game"
                                    : "which game? ?game=NAME is missing");
}

struct game *rooms_api_game(struct worker *w, struct conn *c, const struct http_head *head)
{
    struct http_text name = query_find(head, "game");
    struct game *g = name.at ? game_find(&w->world, name.at, name.len) : NULL;

    if (g && g->vm)
        return g;
    refuse(c, g != NULL, name.at != NULL);
    return NULL;
}

const char *rooms_api_game_name(struct server *s, struct conn *c,
                                const struct http_head *head)
{
    struct http_text asked = query_find(head, "game");
    char name[GAME_NAME_MAX + 1] = {0};
    const struct server_game *known = NULL;

    if (asked.at && asked.len < sizeof name) {
        memcpy(name, asked.at, asked.len);
        known = server_game(s, name);
    }
    if (known && known->version > 0)
        return known->name;
    refuse(c, known != NULL, asked.at != NULL);
    return NULL;
}

void rooms_api_get(struct worker *w, struct conn *c, const struct http_head *head)
{
    const struct game *g = rooms_api_game(w, c, head);
    struct buf out;

    if (!g)
        return;
    buf_init(&out, LIST_BYTES);
    if (rooms_api_list(g, &out))
        conn_reply(c, 200, "application/json", "Cache-Control: no-store\r\n", out.data,
                   out.len);
    else
        conn_reply_error(c, 503, NULL, "out of memory");
    buf_fini(&out);
}
