/* SPDX-License-Identifier: MIT */
#include "room/game.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "base/rnd.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "room/auth.h"
#include "room/errand.h"
#include "room/room_internal.h"
#include "room/room_save.h"
#include "room/session_internal.h"

enum {
    INPUT_QUEUE_BYTES = 8 << 20, /* of one room, beside one message of full size */
    OUTBOX_BYTES = 16 << 20,
    SCRATCH_BYTES = 64 << 20,
};

void world_init(struct world *w, const char *folder, const char *scripts, bool is_dev,
                const struct world_ops *ops, void *ctx)
{
    *w = (struct world){
        .is_dev = is_dev, .folder = folder, .scripts = scripts, .ops = ops, .ctx = ctx};
    map_init(&w->games);
    w->directory = w->own_directory = directory_new(1); /* games cannot be opened without */
    w->lobby_us = w->bans_us = UINT64_MAX;
    sched_init(&w->sched);
    sched_init(&w->waiting);
    buf_init(&w->scratch, 8 << 20);
}

void world_join(struct world *w, struct directory *d, unsigned worker)
{
    directory_free(&w->own_directory);
    w->directory = d;
    w->worker = worker;
}

void world_fini(struct world *w)
{
    for (struct map_entry *e; (e = map_next(&w->games, NULL));) {
        struct game *g = e->value;
        game_close(&g);
    }
    map_fini(&w->games);
    directory_free(&w->own_directory);
    sched_fini(&w->sched);
    sched_fini(&w->waiting);
    buf_fini(&w->scratch);
}

uint64_t world_next_us(const struct world *w)
{
    if (w->has_failed || atomic_load(&w->has_answers))
        return 0;
    const struct sched_item *room = sched_first(&w->sched),
                            *auth = sched_first(&w->waiting);
    uint64_t due_us = room ? room->due_us : UINT64_MAX;

    if (auth && auth->due_us < due_us)
        due_us = auth->due_us;
    if (w->bans_us < due_us)
        due_us = w->bans_us;
    return due_us < w->lobby_us ? due_us : w->lobby_us;
}

void world_wake_for_answers(struct world *w)
{
    atomic_store(&w->has_answers, true);
}

void world_take_back(struct world *w)
{
    w->has_failed = true;
    w->ops->on_schedule(w->ctx);
}

/* Rooms go on with the code that the last reload has replaced. Returns the version that
 * was given up, or 0: that cannot be done (memory is out), and the new code goes on. */
static uint32_t go_back(struct game *g)
{
    uint32_t failed = g->vm->version;
    bool schema_changed = false;

    if (vm_roll_back(g->vm, &schema_changed, &g->load_error) < 0) {
        vm_settle(g->vm, UINT64_MAX);
        failed = 0;
    } else {
        g->n_failed_reloads++;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));)
            room_reload(at->value, schema_changed);
    }
    if (g->owes_rebuilt)
        game_tell_rebuilt(g);
    auth_ask_again(g); /* who waits at the door, those included whom the new code failed */
    g->world->ops->on_schedule(g->world->ctx);
    return failed;
}

static void take_failed_back(struct world *w)
{
    w->has_failed = false;
    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));) {
        struct game *g = e->value;
        uint32_t failed = g->vm && vm_has_failed(g->vm) ? go_back(g) : 0;
        if (failed && w->ops->on_taken_back)
            w->ops->on_taken_back(w->ctx, g, failed);
    }
}

uint64_t world_run(struct world *w, uint64_t now_us)
{
    struct sched_item *item;

    if (atomic_load(&w->has_answers))
        world_take_answers(w);
    auth_run(w, now_us);
    if (w->has_failed)
        take_failed_back(w);
    while ((item = sched_first(&w->sched)) && item->due_us <= now_us) {
        const struct game *g = ((struct room *)item)->game;
        room_step((struct room *)item, now_us);
        vm_settle(g->vm, now_us);
        if (w->has_failed || vm_has_failed(g->vm)) /* the latter: in `close` */
            take_failed_back(w);
    }
    if (w->lobby_us <= now_us)
        lobby_run_all(w, now_us);
    if (w->bans_us <= now_us)
        world_save_bans(w);
    return world_next_us(w);
}

bool game_is_name(const char *text, size_t len)
{
    if (len == 0 || len > GAME_NAME_MAX || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", text[i]) || !text[i])
            return false;
    return true;
}

bool game_is_reserved(const char *name)
{
    return strcmp(name, "healthz") == 0 || strcmp(name, "readyz") == 0 ||
           strcmp(name, "metrics") == 0;
}

bool game_is_room_name(const char *text, size_t len)
{
    if (len == 0 || len > ROOM_ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!text[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.~",
                                text[i]))
            return false;
    return true;
}

struct game *game_find(const struct world *w, const char *name, size_t len)
{
    return map_get_bytes(&w->games, name, len);
}

static int load(struct game *g)
{
    char folder[1024];
    struct vm_options o = {.name = g->name,
                           .folder = folder,
                           .scripts = g->world->scripts,
                           .hooks = &room_hooks,
                           .ctx = g};

    g->load_error.code = 0;
    if (snprintf(folder, sizeof folder, "%s/%s", g->world->folder, g->name) >=
        (int)sizeof folder)
        return err_set(&g->load_error, -ENAMETOOLONG, "the path of the folder is too long");
    int r = vm_new(&g->vm, &o, &g->load_error);
    if (r == 0)
        game_restore_rooms(g);
    return r;
}

struct game *game_open(struct world *w, const char *name)
{
    struct hall *hall = w->directory ? directory_hall(w->directory, name) : NULL;
    struct game *g = hall ? calloc(1, sizeof *g) : NULL;

    if (!g || !map_put_bytes(&w->games, name, strlen(name), g)) {
        free(g);
        return NULL;
    }
    g->world = w;
    g->hall = hall;
    strncpy(g->name, name, sizeof g->name - 1);
    map_init(&g->rooms);
    passes_init(&g->passes, w->worker, directory_n_workers(w->directory));
    bans_init(&g->bans);
    game_restore_bans(g);
    load(g);
    return g;
}

void game_close(struct game **at)
{
    struct game *g = *at;

    *at = NULL;
    g->is_closing = true;
    auth_end_all(g, CLOSE_NO_SUCH_ROOM);
    lobby_end(g, CLOSE_NO_SUCH_ROOM, close_reason_text(CLOSE_NO_SUCH_ROOM));
    if (g->vm)
        vm_step_begin(g->vm); /* one budget for the last words of all rooms */
    for (struct map_entry *e; (e = map_next(&g->rooms, NULL));)
        game_end_room(e->value, "stopped");
    map_remove_bytes(&g->world->games, g->name, strlen(g->name));
    map_fini(&g->rooms);
    passes_fini(&g->passes);
    bans_fini(&g->bans);
    vm_free(&g->vm);
    free(g);
}

void game_take_back(struct game *g, uint32_t failed, const char *why)
{
    if (g->vm && g->vm->version == failed && vm_fail(g->vm, why))
        go_back(g);
}

int game_reload(struct game *g, uint32_t version)
{
    bool schema_changed = false, was_raw;
    struct err e = {0};

    if (!g->vm) {
        int r = load(g);
        if (r == 0 && version)
            g->vm->version = g->vm->last_version = version;
        return r;
    }
    if (vm_has_failed(g->vm))
        go_back(g); /* what failed is no code to go back to */
    was_raw = g->vm->def->raw;
    uint32_t old_version = g->vm->version;
    if (version)
        g->vm->last_version = version - 1;
    int r = vm_reload(g->vm, &schema_changed, &e);
    if (r < 0) {
        g->n_failed_reloads++;
        g->load_error = e;
        return r;
    }
    g->load_error.code = 0;
    vm_step_begin(g->vm); /* one budget for all of them */
    for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
        struct room *room = at->value;
        if (was_raw != g->vm->def->raw)
            room_close(room, "the game speaks another protocol now");
        else
            room_reload(room, schema_changed);
    }
    for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
        struct room *room = at->value;
        if (!room->is_closing)
            room_run_reloaded(room, old_version);
    }
    vm_step_end(g->vm);
    g->n_reloads++;
    if (!vm_has_failed(g->vm))
        auth_ask_again(g);
    else if (go_back(g))
        return g->load_error.code;
    g->world->ops->on_schedule(g->world->ctx);
    return 0;
}

struct room *game_find_room(const struct game *g, const char *id, size_t len)
{
    return map_get_bytes(&g->rooms, id, len);
}

size_t game_id_of_code(char id[ROOM_ID_MAX + 1], const char *code, size_t len)
{
    while (len > 0 && *code == ' ')
        code++, len--;
    while (len > 0 && code[len - 1] == ' ')
        len--;
    if (len > ROOM_ID_MAX)
        len = 0;
    for (size_t i = 0; i < len; i++)
        id[i] = code[i] >= 'A' && code[i] <= 'Z' ? (char)(code[i] + 'a' - 'A') : code[i];
    id[len] = 0;
    return len;
}

static void free_room(struct room *r)
{
    free(r->players);
    free(r->labels);
    script_room_free(&r->script);
    for (uint32_t i = 0; i < r->n_known; i++)
        schema_unref(&r->known[i]);
    image_free(&r->image);
    emit_cache_fini(&r->cache);
    inputs_fini(&r->inputs);
    outbox_fini(&r->outbox);
    answers_fini(&r->answers);
    buf_fini(&r->scratch);
    free(r);
}

/* A room in this place. */
static struct room *new_room(struct game *g, const struct room_start *start,
                             struct place *place, struct image *image, uint32_t tick)
{
    struct world *w = g->world;
    struct room *r = calloc(1, sizeof *r);
    const struct game_def *def = g->vm->def;
    uint64_t seed;

    if (!r)
        return NULL;
    r->game = g;
    r->is_named = start->id != NULL;
    r->is_private = start->is_private;
    strcpy(r->id, place->id);
    inputs_init(&r->inputs, INPUT_QUEUE_BYTES + def->max_message);
    outbox_init(&r->outbox, OUTBOX_BYTES + 2 * (size_t)def->max_message);
    answers_init(&r->answers);
    buf_init(&r->scratch, SCRATCH_BYTES);
    emit_cache_init(&r->cache);
    rnd_secret(&seed, sizeof seed);
    rnd_secret(&r->epoch, sizeof r->epoch);
    r->tick = tick;
    room_know_schema(r, def->schema);
    r->version = g->vm->version;
    room_begin_clock(r, clk_now_us());
    if (sched_reserve(&w->sched, w->n_rooms + 1) < 0)
        goto fail;
    if (!(r->image = image)) {
        if (image_new(&r->image, def->schema, tick - 1) < 0)
            goto fail;
        image_begin(r->image, tick);
    }
    if (script_room_new(&r->script, g->vm, r, r->id, seed, r->image) < 0 ||
        !map_put_bytes(&g->rooms, r->id, strlen(r->id), r))
        goto fail;
    w->n_rooms++;
    r->place = place;
    place_begin(place);
    room_tell_place(r);
    if (start->n_labels)
        room_label(r, start->labels, start->n_labels);
    return r;

fail:
    if (image)
        r->image = NULL; /* the caller's still */
    free_room(r);
    return NULL;
}

struct room *game_make_room(struct game *g, const struct room_start *start,
                            struct image *image, uint32_t tick)
{
    struct place_wish wish = {
        .id = start->id, .n_id = start->n_id, .may_make = true, .worker = g->world->worker};
    struct place *place = start->place;
    struct room *r = NULL;

    if (g->vm->is_lost)
        return NULL;
    if (!place && hall_take(g->hall, &wish, &place) != PLACE_FOUND)
        return NULL;
    if (place->worker == g->world->worker &&
        !game_find_room(g, place->id, strlen(place->id)))
        r = new_room(g, start, place, image, tick);
    if (!start->place)
        place_release(&place, 0);
    return r;
}

struct room *game_new_room(struct game *g, const struct room_start *start)
{
    struct room *r = game_make_room(g, start, NULL, 1);

    if (!r)
        return NULL;
    r->is_stepping = true;
    vm_step_begin(g->vm);
    room_settle(r, script_create(r->script, start->options, start->n_options), 0, "create");
    vm_step_end(g->vm);
    r->ran_lua = r->is_dirty = true;
    r->is_stepping = false;
    room_schedule(r, r->began_us);
    g->world->ops->on_schedule(g->world->ctx);
    logger_debug(g->name, "room %s opened", r->id);
    return r;
}

struct room *game_new_planned_room(struct game *g, struct place *place,
                                   const struct room_plan *plan)
{
    struct room_start start = {.place = place,
                               .id = plan->is_named ? place->id : NULL,
                               .n_id = strlen(place->id),
                               .is_private = plan->is_private,
                               .labels = plan->bytes,
                               .n_labels = plan->n_labels,
                               .options = plan->bytes + plan->n_labels,
                               .n_options = plan->n_options};

    return game_new_room(g, &start);
}

bool game_ban(struct game *g, const struct ban_key *key, double seconds, const char *reason)
{
    uint64_t now_us = clk_now_us();

    if (seconds <= 0)
        return bans_remove(&g->bans, key, now_us);
    if (!bans_put(&g->bans, key, now_us + (uint64_t)(seconds * 1e6), reason, now_us))
        return false;
    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));)
        room_ban(e->value, key, reason);
    return true;
}

void game_end_room(struct room *r, const char *reason)
{
    struct game *g = r->game;
    struct world *w = g->world;

    room_end(r, reason);
    room_forget_saved(r);
    sched_set(&w->sched, &r->item, UINT64_MAX);
    map_remove_bytes(&g->rooms, r->id, strlen(r->id));
    place_end(&r->place);
    w->n_rooms--;
    logger_debug(g->name, "room %s ended: %s", r->id, reason);
    free_room(r);
}

struct chunk *game_dev_frame(bool as_json, const char *members, size_t len)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    if (as_json) {
        buf_text(&out, "{\"t\":\"dev\",");
        buf_append(&out, members, len);
        buf_text(&out, "}");
    } else {
        wire_put_u8(&out, RECORD_DEV);
        wire_put_uv(&out, len + 2);
        buf_text(&out, "{");
        buf_append(&out, members, len);
        buf_text(&out, "}");
    }
    struct chunk *frame =
        out.failed ? NULL
                   : ws_frame_chunk(as_json ? WS_TEXT : WS_BINARY, out.data, out.len);
    buf_fini(&out);
    return frame;
}

void game_tell_dev(struct game *g, const char *members, size_t len)
{
    struct chunk *binary = game_dev_frame(false, members, len);
    struct chunk *json = game_dev_frame(true, members, len);

    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));) {
        struct room *r = e->value;
        for (uint32_t i = 0; i < r->n_players; i++) {
            struct player *p = r->players[i];
            struct chunk *frame = p->peer.codec == PEER_JSON ? json : binary;
            if (frame && p->peer.conn && p->peer.can_resume)
                p->peer.ops->send(p->peer.conn, frame);
        }
    }
    chunk_unref(&binary);
    chunk_unref(&json);
}

void world_stop(struct world *w, uint16_t code, const char *reason)
{
    w->is_stopping = true;
    for (struct map_entry *e = NULL; (e = map_next(&w->games, e));) {
        const struct game *g = e->value;
        for (struct map_entry *at = NULL; (at = map_next(&g->rooms, at));) {
            struct room *r = at->value;
            for (uint32_t i = 0; i < r->n_players; i++)
                if (r->players[i]->peer.conn)
                    room_part(r->players[i], code, reason);
        }
    }
    for (struct session *s = w->sessions; s; s = s->next)
        session_end(s, code, reason); /* those that wait to say hello */
}
