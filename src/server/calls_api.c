/* SPDX-License-Identifier: MIT */
#include "server/calls_api.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_out.h"
#include "server/rooms_api.h"
#include "server/worker.h"

enum { OUT_BYTES = 8 << 20 };

static void put_us(struct json_out *j, const char *key, uint64_t ns)
{
    json_out_key(j, key, strlen(key));
    json_out_num(j, (double)(ns / 100) / 10);
}

/* The members of one account, inside an object. */
static void put_account(struct json_out *j, const struct call_stats *s)
{
    json_out_key_int(j, "calls", (int64_t)s->calls);
    json_out_key_int(j, "errors", (int64_t)s->errors);
    json_out_key_int(j, "kills", (int64_t)s->kills);
    put_us(j, "total_us", s->total_ns);
    put_us(j, "p50_us", call_stats_quantile(s, 0.5));
    put_us(j, "p99_us", call_stats_quantile(s, 0.99));
    put_us(j, "max_us", s->max_ns);
    json_out_key_int(j, "allocated_bytes", (int64_t)s->allocated);
    json_out_key_int(j, "sent_bytes", (int64_t)s->sent);
}

static void put_callbacks(struct json_out *j, const struct vm *vm)
{
    const struct call_stats *s;
    char name[80];

    json_out_object(j);
    for (uint32_t i = 0; (s = vm_stats(vm, i, name)); i++) {
        if (s->calls == 0)
            continue;
        json_out_key(j, name, strlen(name));
        json_out_object(j);
        put_account(j, s);
        json_out_end_object(j);
    }
    json_out_end_object(j);
}

static int by_id(const void *a, const void *b)
{
    struct room *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

static bool put_rooms(struct json_out *j, const struct game *g)
{
    const struct room **list = calloc(g->rooms.n + 1, sizeof *list);
    size_t n = 0;

    if (!list)
        return false;
    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));)
        list[n++] = e->value;
    qsort(list, n, sizeof *list, by_id);
    json_out_array(j);
    for (size_t i = 0; i < n && i < ROOMS_API_MAX; i++) {
        json_out_object(j);
        json_out_key_str(j, "id", list[i]->id);
        json_out_key_int(j, "players", room_n_seats(list[i]));
        put_account(j, &list[i]->script->stats);
        json_out_key_int(j, "state_bytes", (int64_t)list[i]->state_bytes);
        json_out_end_object(j);
    }
    json_out_end_array(j);
    free(list);
    return true;
}

void calls_api_get(struct worker *w, struct conn *c, const struct http_head *head)
{
    const struct game *g = rooms_api_game(w, c, head);
    struct call_stats all = {0};
    const struct call_stats *s;
    char name[80];
    struct buf out;
    struct json_out j = json_out_to(&out);

    if (!g)
        return;
    buf_init(&out, OUT_BYTES);
    for (uint32_t i = 0; (s = vm_stats(g->vm, i, name)); i++)
        call_stats_merge(&all, s);
    json_out_object(&j);
    json_out_key_str(&j, "game", g->name);
    json_out_key(&j, "total", 5);
    json_out_object(&j);
    put_account(&j, &all);
    json_out_key_int(&j, "state_bytes", (int64_t)g->state_bytes);
    json_out_end_object(&j);
    json_out_key(&j, "callbacks", 9);
    put_callbacks(&j, g->vm);
    json_out_key(&j, "rooms", 5);
    bool is_whole = put_rooms(&j, g);
    json_out_end_object(&j);
    if (is_whole && !out.failed)
        conn_reply(c, 200, "application/json", "Cache-Control: no-store\r\n", out.data,
                   out.len);
    else
        conn_reply_error(c, 503, NULL, "out of memory");
    buf_fini(&out);
}
