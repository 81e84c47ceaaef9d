/* SPDX-License-Identifier: MIT */
#include "server/rooms_api.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_out.h"
#include "proto/wire.h"
#include "server/query.h"
#include "server/worker.h"
#include "state/payload.h"

enum { LIST_BYTES = 8 << 20 };

static int by_id(const void *a, const void *b)
{
    struct room *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

const struct room **rooms_api_collect(const struct game *g, size_t *n)
{
    const struct room **list = calloc(g->rooms.n + 1, sizeof *list);

    *n = 0;
    for (struct map_entry *e = NULL; list && (e = map_next(&g->rooms, e));) {
        const struct room *r = e->value;
        if (!r->is_private && !r->is_closing)
            list[(*n)++] = r;
    }
    if (list)
        qsort(list, *n, sizeof *list, by_id);
    return list;
}

void rooms_api_put_room(const struct room *r, struct json_out *j)
{
    struct wire_in labels = wire_from(r->labels, r->n_labels);

    json_out_object(j);
    json_out_key_str(j, "id", r->id);
    json_out_key_int(j, "players", room_n_seats(r));
    json_out_key_int(j, "max", r->game->vm->def->max_players);
    json_out_key_int(j, "spectators", r->n_spectators);
    json_out_key_bool(j, "locked", r->is_locked);
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
    size_t n;
    const struct room **list = rooms_api_collect(g, &n);

    if (!list)
        return false;
    json_out_object(&j);
    json_out_key_str(&j, "game", g->name);
    json_out_key_int(&j, "total", (int64_t)n);
    json_out_key(&j, "rooms", 5);
    json_out_array(&j);
    for (size_t i = 0; i < n && i < ROOMS_API_MAX; i++)
        rooms_api_put_room(list[i], &j);
    json_out_end_array(&j);
    json_out_end_object(&j);
    free(list);
    return !out->failed;
}

struct game *rooms_api_game(struct worker *w, struct conn *c, const struct http_head *head)
{
    struct http_text name = query_find(head, "game");
    struct game *g = name.at ? game_find(&w->world, name.at, name.len) : NULL;

    if (g && g->vm)
        return g;
    conn_reply_error(c,
                     g         ? 503
                     : name.at ? 404
                               : 400,
                     NULL,
                     g         ? "the game's script does not load"
                     : name.at ? "there is no such game"
                               : "which game? ?game=NAME is missing");
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
