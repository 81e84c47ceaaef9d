/* SPDX-License-Identifier: MIT */
#include "server/calls_api.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_out.h"
#include "server/rooms_api.h"
#include "server/server.h"
#include "server/survey.h"
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

/* What a worker answers: a head, then callbacks, then rooms. */
struct head {
    uint64_t state_bytes;
    uint32_t n_callbacks, n_rooms;
};

struct callback {
    char name[80];
    struct call_stats stats;
};

struct room_account {
    char id[ROOM_ID_MAX + 8];
    uint64_t n_players, state_bytes;
    struct call_stats stats;
};

static int by_id(const void *a, const void *b)
{
    struct room *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

/* Returns how many. */
static uint32_t answer_rooms(const struct game *g, struct buf *out)
{
    const struct room **list = calloc(g->rooms.n + 1, sizeof *list);
    uint32_t n = 0;

    if (!list) {
        out->failed = true;
        return 0;
    }
    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));)
        list[n++] = e->value;
    qsort(list, n, sizeof *list, by_id);
    n = n < ROOMS_API_MAX ? n : ROOMS_API_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct room_account one = {.n_players = room_n_seats(list[i]),
                                   .state_bytes = list[i]->state_bytes,
                                   .stats = list[i]->script->stats};
        strcpy(one.id, list[i]->id);
        buf_append(out, &one, sizeof one);
    }
    free(list);
    return n;
}

static void answer(struct worker *w, const void *question, struct buf *out)
{
    const struct game *g = game_find(&w->world, question, strlen(question));
    struct head head = {0};
    struct callback one;
    const struct call_stats *s;

    buf_append(out, &head, sizeof head);
    if (!g || !g->vm || out->failed)
        return;
    head.state_bytes = g->state_bytes;
    for (uint32_t i = 0; (s = vm_stats(g->vm, i, one.name)); i++) {
        one.stats = *s;
        buf_append(out, &one, sizeof one);
        head.n_callbacks++;
    }
    head.n_rooms = answer_rooms(g, out);
    if (!out->failed)
        memcpy(out->data, &head, sizeof head);
}

/* All answers put together. */
struct sum {
    uint64_t state_bytes;
    struct call_stats all;
    struct callback *callbacks; /* in the order of the first answer */
    size_t n_callbacks;
    const struct room_account **rooms; /* borrowed from the answers */
    size_t n_rooms;
};

static struct callback *callback_of(struct sum *sum, const char *name)
{
    size_t i = 0;

    while (i < sum->n_callbacks && strcmp(sum->callbacks[i].name, name) != 0)
        i++;
    if (i == sum->n_callbacks) {
        struct callback *grown = realloc(sum->callbacks, (i + 1) * sizeof *grown);
        if (!grown)
            return NULL;
        sum->callbacks = grown;
        grown[i] = (struct callback){0};
        strcpy(grown[i].name, name);
        sum->n_callbacks++;
    }
    return &sum->callbacks[i];
}

/* false: memory is out. */
static bool add(struct sum *sum, const struct buf *answer)
{
    const struct head *head = (const void *)answer->data;
    const struct callback *calls = (const void *)(head + 1);
    const struct room_account *rooms = (const void *)(calls + head->n_callbacks);
    const struct room_account **grown =
        realloc(sum->rooms, (sum->n_rooms + head->n_rooms + 1) * sizeof *grown);

    if (!grown)
        return false;
    sum->rooms = grown;
    sum->state_bytes += head->state_bytes;
    for (uint32_t i = 0; i < head->n_callbacks; i++) {
        struct callback *to = callback_of(sum, calls[i].name);
        if (!to)
            return false;
        call_stats_merge(&to->stats, &calls[i].stats);
        call_stats_merge(&sum->all, &calls[i].stats);
    }
    for (uint32_t i = 0; i < head->n_rooms; i++)
        sum->rooms[sum->n_rooms++] = &rooms[i];
    return true;
}

static int by_account_id(const void *a, const void *b)
{
    const struct room_account *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

static void put_callbacks(struct json_out *j, const struct sum *sum)
{
    json_out_object(j);
    for (size_t i = 0; i < sum->n_callbacks; i++) {
        const struct callback *one = &sum->callbacks[i];
        if (one->stats.calls == 0)
            continue;
        json_out_key(j, one->name, strlen(one->name));
        json_out_object(j);
        put_account(j, &one->stats);
        json_out_end_object(j);
    }
    json_out_end_object(j);
}

static void put_rooms(struct json_out *j, const struct sum *sum)
{
    json_out_array(j);
    for (size_t i = 0; i < sum->n_rooms && i < ROOMS_API_MAX; i++) {
        json_out_object(j);
        json_out_key_str(j, "id", sum->rooms[i]->id);
        json_out_key_int(j, "players", (int64_t)sum->rooms[i]->n_players);
        put_account(j, &sum->rooms[i]->stats);
        json_out_key_int(j, "state_bytes", (int64_t)sum->rooms[i]->state_bytes);
        json_out_end_object(j);
    }
    json_out_end_array(j);
}

static void put_game(struct json_out *j, const char *name, const struct sum *sum)
{
    json_out_object(j);
    json_out_key_str(j, "game", name);
    json_out_key(j, "total", 5);
    json_out_object(j);
    put_account(j, &sum->all);
    json_out_key_int(j, "state_bytes", (int64_t)sum->state_bytes);
    json_out_end_object(j);
    json_out_key(j, "callbacks", 9);
    put_callbacks(j, sum);
    json_out_key(j, "rooms", 5);
    put_rooms(j, sum);
    json_out_end_object(j);
}

void calls_api_get(struct server *s, struct conn *c, const struct http_head *head)
{
    const char *name = rooms_api_game_name(s, c, head);
    struct sum sum = {0};
    struct survey v;
    struct buf out;
    struct json_out j = json_out_to(&out);

    if (!name)
        return;
    buf_init(&out, OUT_BYTES);
    bool is_whole = survey_run(&v, s, answer, name, strlen(name) + 1) == 0;
    for (unsigned i = 0; i < v.n; i++)
        if (v.answers[i].len > 0 && !v.answers[i].failed)
            is_whole = is_whole && add(&sum, &v.answers[i]);
    if (sum.n_rooms > 1)
        qsort(sum.rooms, sum.n_rooms, sizeof *sum.rooms, by_account_id);
    put_game(&j, name, &sum);
    if (is_whole && !out.failed)
        conn_reply(c, 200, "application/json", "Cache-Control: no-store\r\n", out.data,
                   out.len);
    else
        conn_reply_error(c, 503, NULL, "out of memory");
    survey_fini(&v);
    buf_fini(&out);
    free(sum.callbacks);
    free(sum.rooms);
}
