/* SPDX-License-Identifier: MIT */
#include "server/report.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_out.h"
#include "proto/utf8.h"
#include "server/server.h"
#include "server/survey.h"
#include "server/worker.h"
#include "svc/metrics.h"

static int by_name(const void *a, const void *b)
{
    struct game *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* All games in order; free() the list. NULL when memory is out. */
static struct game **list_games(const struct worker *w, size_t *n)
{
    struct game **list = calloc(w->world.games.n + 1, sizeof *list);

    *n = 0;
    if (!list)
        return NULL;
    for (struct map_entry *e = NULL; (e = map_next(&w->world.games, e));)
        list[(*n)++] = e->value;
    qsort(list, *n, sizeof(struct game *), by_name);
    return list;
}

static void put_game(struct json_out *j, const struct game *g)
{
    const struct game_def *def = g->vm ? g->vm->def : NULL;
    struct hall_counts all = hall_count(g->hall);
    const char *title = def && *def->title ? def->title : g->name;

    json_out_object(j);
    json_out_key_str(j, "name", g->name);
    json_out_key_str(j, "title", utf8_is_valid(title, strlen(title)) ? title : g->name);
    json_out_key_str(
        j, "about", def && utf8_is_valid(def->about, strlen(def->about)) ? def->about : "");
    json_out_key_bool(j, "raw", def && def->raw);
    json_out_key_int(j, "players", all.n_players);
    json_out_key_int(j, "spectators", all.n_spectators);
    json_out_key_int(j, "rooms", all.n_rooms);
    json_out_key_int(j, "max_players", def ? def->max_players : 0);
    json_out_key_int(j, "version", g->vm ? g->vm->version : 0);
    json_out_key(j, "error", 5);
    if (g->load_error.code && utf8_is_valid(g->load_error.text, strlen(g->load_error.text)))
        json_out_str(j, g->load_error.text, strlen(g->load_error.text));
    else
        json_out_null(j);
    json_out_end_object(j);
}

/* Where other machines of the network find us, for the hub's invitations. In dev only:
 * elsewhere it is nobody's business which addresses a machine has. IPv4, which is what
 * people at home have; none where we do not listen on all of them. */
static void put_network(struct json_out *j, const struct config *c)
{
    bool is_all = strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::") == 0;
    uv_interface_address_t *list;
    int n = 0;

    json_out_key(j, "network", 7);
    json_out_array(j);
    if (c->is_dev && is_all && uv_interface_addresses(&list, &n) == 0) {
        for (int i = 0; i < n; i++) {
            char text[INET_ADDRSTRLEN];
            if (!list[i].is_internal && list[i].address.address4.sin_family == AF_INET &&
                uv_ip4_name(&list[i].address.address4, text, sizeof text) == 0)
                json_out_str(j, text, strlen(text));
        }
        uv_free_interface_addresses(list, n);
    }
    json_out_end_array(j);
}

void report_games(struct worker *w, struct conn *c)
{
    struct buf out;
    struct json_out j = json_out_to(&out);
    size_t n;
    struct game **list = list_games(w, &n);

    buf_init(&out, 4 << 20);
    json_out_object(&j);
    json_out_key_bool(&j, "dev", w->world.is_dev);
    put_network(&j, w->config);
    json_out_key(&j, "games", 5);
    json_out_array(&j);
    for (size_t i = 0; list && i < n; i++)
        put_game(&j, list[i]);
    json_out_end_array(&j);
    json_out_end_object(&j);
    if (out.failed || !list)
        conn_reply_error(c, 503, NULL, "out of memory");
    else
        conn_reply(c, 200, "application/json", "Cache-Control: no-store\r\n", out.data,
                   out.len);
    buf_fini(&out);
    free(list);
}

static void put_edge(struct buf *out, const struct edge_counters *n)
{
    metrics_put(out, "parlor_connections_accepted_total", METRIC_COUNTER,
                "Connections accepted", (double)n->accepted);
    metrics_put(out, "parlor_connections_refused_total", METRIC_COUNTER,
                "Connections refused at a limit", (double)n->refused);
    metrics_put(out, "parlor_connections", METRIC_GAUGE, "Open connections", n->open);
    metrics_put(out, "parlor_websockets", METRIC_GAUGE, "Open WebSockets", n->open_ws);
    metrics_put(out, "parlor_upgrades_total", METRIC_COUNTER, "WebSocket handshakes done",
                (double)n->upgrades);
    metrics_put(out, "parlor_received_bytes_total", METRIC_COUNTER, "Bytes read",
                (double)n->bytes_in);
    metrics_put(out, "parlor_sent_bytes_total", METRIC_COUNTER, "Bytes written",
                (double)n->bytes_out);
    metrics_put(out, "parlor_messages_received_total", METRIC_COUNTER,
                "WebSocket messages read", (double)n->messages_in);
    metrics_put(out, "parlor_messages_dropped_total", METRIC_COUNTER,
                "WebSocket messages dropped because there were too many",
                (double)n->messages_dropped);
    metrics_put(out, "parlor_messages_sent_total", METRIC_COUNTER,
                "WebSocket messages queued", (double)n->messages_out);
    metrics_put(out, "parlor_deflate_runs_total", METRIC_COUNTER,
                "Messages compressed; one for many players counts once for each window",
                (double)n->deflated);
    metrics_put(out, "parlor_deflate_plain_bytes_total", METRIC_COUNTER,
                "Bytes of frames that were queued compressed, before that",
                (double)n->deflate_plain);
    metrics_put(out, "parlor_deflate_sent_bytes_total", METRIC_COUNTER,
                "The same frames as they were queued", (double)n->deflate_sent);
    metrics_put(out, "parlor_inflate_received_bytes_total", METRIC_COUNTER,
                "Bytes of compressed messages read", (double)n->inflate_received);
    metrics_put(out, "parlor_inflate_plain_bytes_total", METRIC_COUNTER,
                "The same messages uncompressed", (double)n->inflate_plain);
    metrics_put(out, "parlor_protocol_errors_total", METRIC_COUNTER,
                "Connections ended for broken frames", (double)n->protocol_errors);
    metrics_put(out, "parlor_tls_memory_given_back_total", METRIC_COUNTER,
                "Times that memory of TLS connections that had gone was given back",
                (double)n->given_back);
}

/* One sample per game of a figure. */
#define PER_GAME(metric, type, text, figure)                                               \
    do {                                                                                   \
        metrics_begin(out, metric, type, text);                                            \
        for (size_t i = 0; i < n; i++) {                                                   \
            const struct game *g = list[i];                                                \
            metrics_sample(out, metric, "game", g->name, (double)(figure));                \
        }                                                                                  \
    } while (0)

static double p50_s(const struct call_stats *s)
{
    return (double)call_stats_quantile(s, 0.5) / 1e9;
}

static double p99_s(const struct call_stats *s)
{
    return (double)call_stats_quantile(s, 0.99) / 1e9;
}

static double max_s(const struct call_stats *s)
{
    return (double)s->max_ns / 1e9;
}

static double total_s(const struct call_stats *s)
{
    return (double)s->total_ns / 1e9;
}

static double n_calls(const struct call_stats *s)
{
    return (double)s->calls;
}

static double n_errors(const struct call_stats *s)
{
    return (double)s->errors;
}

static double n_allocated(const struct call_stats *s)
{
    return (double)s->allocated;
}

static double n_sent(const struct call_stats *s)
{
    return (double)s->sent;
}

static double n_kills(const struct call_stats *s)
{
    return (double)s->kills;
}

/* What scripts cost, for each game and callback that has run. */
static void put_callbacks(struct buf *out, struct game *const *list, size_t n)
{
    static const struct {
        const char *name;
        enum metric_type type;
        const char *help;
        double (*figure)(const struct call_stats *s);
    } figures[] = {
        {"parlor_callbacks_total",                METRIC_COUNTER, "Calls of a game's callbacks",      n_calls    },
        {"parlor_callback_seconds_total",         METRIC_COUNTER, "Time in them",                     total_s    },
        {"parlor_callback_p50_seconds",           METRIC_HIGHEST, "Half of the calls took no longer",
         p50_s                                                                                                   },
        {"parlor_callback_p99_seconds",           METRIC_HIGHEST, "99 % of the calls took no longer",
         p99_s                                                                                                   },
        {"parlor_callback_max_seconds",           METRIC_HIGHEST, "The longest call",                 max_s      },
        {"parlor_callback_errors_total",          METRIC_COUNTER, "Calls that raised",                n_errors   },
        {"parlor_callback_kills_total",           METRIC_COUNTER,
         "Calls that were stopped for time or memory",                                                n_kills    },
        {"parlor_callback_allocated_bytes_total", METRIC_COUNTER,
         "Memory of Lua values made in them, collected since or not",                                 n_allocated},
        {"parlor_callback_sent_bytes_total",      METRIC_COUNTER,
         "Events, messages and answers they queued for players, before compression",                  n_sent     },
    };

    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
        metrics_begin(out, figures[f].name, figures[f].type, figures[f].help);
        for (size_t i = 0; i < n; i++) {
            const struct call_stats *s;
            char callback[80];
            const char *labels[] = {"game", list[i]->name, "callback", callback};
            for (uint32_t k = 0; list[i]->vm && (s = vm_stats(list[i]->vm, k, callback));
                 k++)
                if (s->calls)
                    metrics_sample_with(out, figures[f].name, labels, 2,
                                        figures[f].figure(s));
        }
    }
}

#define PER_GAME_HISTOGRAM(metric, text, histogram)                                        \
    do {                                                                                   \
        metrics_begin(out, metric, METRIC_HISTOGRAM, text);                                \
        for (size_t i = 0; i < n; i++) {                                                   \
            const struct game *g = list[i];                                                \
            histogram_put(histogram, metric, "game", g->name, out);                        \
        }                                                                                  \
    } while (0)

static size_t n_inputs(const struct game *g)
{
    size_t n = 0;

    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));) {
        const struct room *r = e->value;
        for (uint32_t i = 0; i < r->n_players; i++)
            n += r->players[i]->n_waiting;
    }
    return n;
}

/* Figures by worker, which add up to nothing. */
static void put_own(struct worker *w, struct game *const *list, size_t n, struct buf *out)
{
    char index[12];
    size_t n_rooms = 0;

    snprintf(index, sizeof index, "%u", w->index);
    for (size_t i = 0; i < n; i++)
        n_rooms += list[i]->rooms.n;
    metrics_begin(out, "parlor_worker_busy_ratio", METRIC_GAUGE,
                  "Share of the last second that a worker has worked");
    metrics_sample(out, "parlor_worker_busy_ratio", "worker", index,
                   directory_load(w->server->directory, w->index) / 1000.0);
    metrics_begin(out, "parlor_worker_connections", METRIC_GAUGE, "Open connections there");
    metrics_sample(out, "parlor_worker_connections", "worker", index,
                   edge_counters(w->edge)->open);
    metrics_begin(out, "parlor_worker_rooms", METRIC_GAUGE, "Rooms that run there");
    metrics_sample(out, "parlor_worker_rooms", "worker", index, (double)n_rooms);
    metrics_begin(out, "parlor_worker_letters", METRIC_GAUGE,
                  "What other workers want of it and it has not done yet");
    metrics_sample(out, "parlor_worker_letters", "worker", index,
                   (double)mailbox_n(&w->box));
    metrics_begin(out, "parlor_worker_moves_total", METRIC_COUNTER,
                  "Connections that went on to another worker");
    metrics_sample(out, "parlor_worker_moves_total", "worker", index, (double)w->n_moves);
    metrics_begin(out, "parlor_worker_outlets", METRIC_GAUGE,
                  "Connections there whose rooms are on other workers");
    metrics_sample(out, "parlor_worker_outlets", "worker", index, outpost_n(&w->outpost));
    metrics_begin(out, "parlor_worker_outlet_holds_total", METRIC_COUNTER,
                  "Times that one was not read, as its room's worker could not keep up");
    metrics_sample(out, "parlor_worker_outlet_holds_total", "worker", index,
                   (double)w->outpost.n_holds);
    metrics_begin(out, "parlor_worker_distant_members", METRIC_GAUGE,
                  "Members of its rooms whose connections are on other workers");
    metrics_sample(out, "parlor_worker_distant_members", "worker", index, w->n_distants);
    metrics_begin(out, "parlor_worker_vm_bytes", METRIC_GAUGE,
                  "Memory of a game's Lua values there");
    for (size_t i = 0; i < n; i++) {
        const char *labels[] = {"worker", index, "game", list[i]->name};
        metrics_sample_with(out, "parlor_worker_vm_bytes", labels, 2,
                            list[i]->vm ? (double)vm_bytes(list[i]->vm) : 0);
    }
}

static void put_store(struct buf *out, struct store *store)
{
    if (!store)
        return;
    struct store_figures f = store_figures(store);
    metrics_put(out, "parlor_store_is_kept", METRIC_GAUGE,
                "1: in a file, 0: in memory, lost with the process", f.is_kept);
    metrics_put(out, "parlor_store_queue_bytes", METRIC_GAUGE, "What waits for the disk",
                (double)f.queue_bytes);
    metrics_put(out, "parlor_store_transactions_total", METRIC_COUNTER,
                "Batches run, failed ones too", (double)f.n_batches);
    metrics_put(out, "parlor_store_operations_total", METRIC_COUNTER, "Operations in them",
                (double)f.n_done);
    metrics_put(out, "parlor_store_failed_total", METRIC_COUNTER, "Operations that failed",
                (double)f.n_failed);
    metrics_put(out, "parlor_store_refused_total", METRIC_COUNTER,
                "Operations for which the queue had no place", (double)f.n_refused);
}

/* What one worker has to tell. */
static void put_worker(struct worker *w, struct buf *out)
{
    size_t n = 0;
    struct game **list = list_games(w, &n);

    out->failed |= !list;
    put_edge(out, edge_counters(w->edge));
    metrics_put(out, "parlor_deflate_bytes", METRIC_GAUGE,
                "Memory of the compressors that connections share",
                (double)edge_deflate_bytes(w->edge));
    PER_GAME("parlor_rooms", METRIC_GAUGE, "Rooms that run", g->rooms.n);
    PER_GAME("parlor_players", METRIC_GAUGE, "Seats taken, held ones too", g->n_players);
    PER_GAME("parlor_auth_waiting", METRIC_GAUGE, "Joins that auth has not answered yet",
             g->n_waiting);
    PER_GAME("parlor_bans", METRIC_HIGHEST,
             "Users and addresses kept out, expired ones too", g->bans.map.n);
    PER_GAME("parlor_game_messages_dropped_total", METRIC_COUNTER,
             "Messages above their rate or max_inputs", g->n_dropped);
    PER_GAME("parlor_game_messages_invalid_total", METRIC_COUNTER,
             "Messages that did not fit their declaration", g->n_invalid);
    PER_GAME("parlor_state_bytes_total", METRIC_COUNTER,
             "State frames queued for players, before compression", g->state_bytes);
    PER_GAME("parlor_spectators", METRIC_GAUGE, "Those who watch", g->n_spectators);
    PER_GAME("parlor_waiting_players", METRIC_GAUGE, "Those who wait for a room",
             g->lobby.n);
    PER_GAME("parlor_game_version", METRIC_HIGHEST, "Code that runs, one more each reload",
             g->vm ? g->vm->version : 0);
    PER_GAME("parlor_reloads_total", METRIC_HIGHEST, "Code replaced under running rooms",
             g->n_reloads);
    PER_GAME("parlor_reloads_failed_total", METRIC_HIGHEST,
             "Code that did not load or was taken back", g->n_failed_reloads);
    PER_GAME("parlor_vm_bytes", METRIC_GAUGE, "Memory of the game's Lua values",
             g->vm ? vm_bytes(g->vm) : 0);
    PER_GAME("parlor_vm_peak_bytes", METRIC_HIGHEST, "The most that was, of one VM",
             g->vm ? g->vm->memory.peak : 0);
    PER_GAME("parlor_vm_replaced_total", METRIC_COUNTER,
             "VMs that could not be saved and were made anew",
             g->vm ? g->vm->n_replaced : 0);
    PER_GAME("parlor_gc_cycles_total", METRIC_COUNTER, "Garbage collections that ended",
             g->vm ? g->vm->gc.n_cycles : 0);
    PER_GAME("parlor_gc_seconds_total", METRIC_COUNTER, "Time spent on them",
             g->vm ? total_s(&g->vm->gc.pauses) : 0);
    PER_GAME("parlor_gc_pause_p99_seconds", METRIC_HIGHEST,
             "99 % of their pauses were no longer", g->vm ? p99_s(&g->vm->gc.pauses) : 0);
    PER_GAME("parlor_gc_pause_max_seconds", METRIC_HIGHEST, "The longest pause",
             g->vm ? max_s(&g->vm->gc.pauses) : 0);
    PER_GAME("parlor_states_skipped_total", METRIC_COUNTER,
             "States not sent because a player's line was stuck; one merged state follows",
             g->n_skipped);
    PER_GAME("parlor_inputs_waiting", METRIC_GAUGE, "Messages that wait for a tick",
             n_inputs(g));
    PER_GAME("parlor_ticks_dropped_total", METRIC_COUNTER,
             "Ticks that were not run, after a stall", g->n_dropped_ticks);
    PER_GAME_HISTOGRAM("parlor_tick_seconds", "How long ticks took", &g->ticks);
    PER_GAME_HISTOGRAM("parlor_tick_late_seconds", "How long after their time they began",
                       &g->lateness);
    put_callbacks(out, list, n);
    put_own(w, list, n, out);
    free(list);
}

static void answer(struct worker *w, const void *question, struct buf *out)
{
    (void)question;
    put_worker(w, out);
}

/* A worker that has not answered in time is told of by what it said the last time: its
 * counters must not seem to go back. */
static void merge(struct server *s, const struct survey *v, struct buf *out)
{
    struct buf parts[SERVER_WORKERS_MAX];

    for (unsigned i = 0; i < v->n; i++) {
        struct buf *kept = &s->workers[i].said;
        if (v->answers[i].len > 0) {
            buf_clear(kept);
            buf_append(kept, v->answers[i].data, v->answers[i].len);
        }
        parts[i] = v->answers[i].len > 0 ? v->answers[i] : *kept;
    }
    metrics_merge(parts, v->n, out);
}

void report_metrics(struct server *s, struct conn *c)
{
    struct survey v;
    struct buf out;

    buf_init(&out, 2 * SURVEY_BYTES);
    out.failed |= survey_run(&v, s, answer, NULL, 0) < 0;
    merge(s, &v, &out);
    survey_fini(&v);
    put_store(&out, s->data.store);
    metrics_put(&out, "parlor_script_errors_total", METRIC_COUNTER,
                "Callbacks that raised and values refused",
                (double)script_log_n_errors(&s->errors));
    if (out.failed)
        conn_reply_error(c, 503, NULL, "out of memory");
    else
        conn_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8",
                   "Cache-Control: no-store\r\n", out.data, out.len);
    buf_fini(&out);
}
