/* SPDX-License-Identifier: MIT */
#include "server/script_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "proto/json_out.h"
#include "proto/utf8.h"
#include "server/script_hint.h"

enum { LINES_AROUND = 3, MAX_LINE = 200, HELD_BYTES = 64 << 10 };

void script_log_init(struct script_log *l, bool is_dev, script_log_tell *tell, void *ctx)
{
    *l = (struct script_log){.is_dev = is_dev, .tell = tell, .ctx = ctx};
    pthread_mutex_init(&l->lock, NULL);
    map_init(&l->loads);
    buf_init(&l->held, HELD_BYTES);
    buf_init(&l->last, HELD_BYTES);
}

static void forget_load(struct script_log *l, const char *name)
{
    struct buf *out = map_remove_bytes(&l->loads, name, strlen(name));

    if (out)
        buf_fini(out);
    free(out);
}

void script_log_fini(struct script_log *l)
{
    for (struct map_entry *e; (e = map_next(&l->loads, NULL));)
        forget_load(l, e->bytes);
    map_fini(&l->loads);
    buf_fini(&l->held);
    buf_fini(&l->last);
    pthread_mutex_destroy(&l->lock);
}

uint64_t script_log_n_errors(struct script_log *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->n_errors;
    pthread_mutex_unlock(&l->lock);
    return n;
}

bool script_log_load_error(struct script_log *l, const char *game, struct buf *out)
{
    pthread_mutex_lock(&l->lock);
    const struct buf *why = map_get_bytes(&l->loads, game, strlen(game));
    if (why)
        buf_append(out, why->data, why->len);
    pthread_mutex_unlock(&l->lock);
    return why != NULL;
}

static uint32_t hash_text(uint32_t h, const char *text)
{
    for (; text && *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h * 16777619u;
}

/* Is it time to tell this one? *n_more: how often it came since the last time. */
static bool is_due(struct script_log *l, uint32_t hash, uint32_t *n_more)
{
    uint64_t now = clk_now_us();
    size_t i = hash % SCRIPT_LOG_PLACES;

    if (l->seen[i].hash == hash &&
        now - l->seen[i].told_us < (uint64_t)SCRIPT_LOG_EVERY_MS * 1000) {
        l->seen[i].n_more++;
        return false;
    }
    *n_more = l->seen[i].hash == hash ? l->seen[i].n_more : 0;
    l->seen[i].hash = hash;
    l->seen[i].n_more = 0;
    l->seen[i].told_us = now;
    return true;
}

static void put_text(struct json_out *j, const char *key, const char *text)
{
    json_out_key(j, key, strlen(key));
    if (utf8_is_valid(text, strlen(text)))
        json_out_str(j, text, strlen(text));
    else
        json_out_str(j, "(not UTF-8)", 11);
}

/* The lines around error->line, as [[12, "text"], …]. */
static void put_excerpt(struct json_out *j, const char *folder,
                        const struct script_error *error)
{
    char path[1024], line[MAX_LINE + 2];
    FILE *f = NULL;
    int n = 0;

    /* The place may be what a script has put into its message: below `folder` it
     * has to be. */
    if (error->line > 0 && *error->file != '/' && !strstr(error->file, "..") &&
        snprintf(path, sizeof path, "%s/%s", folder, error->file) < (int)sizeof path)
        f = fopen(path, "r");
    json_out_array(j);
    while (f && fgets(line, sizeof line, f) && n < error->line + LINES_AROUND) {
        size_t len = strcspn(line, "\n");
        bool whole = line[len] == '\n';
        n++;
        if (n >= error->line - LINES_AROUND && utf8_is_valid(line, len)) {
            json_out_array(j);
            json_out_int(j, n);
            json_out_str(j, line, len);
            json_out_end_array(j);
        }
        for (int c = whole ? '\n' : getc(f); c != '\n' && c != EOF;)
            c = getc(f);
    }
    json_out_end_array(j);
    if (f)
        fclose(f);
}

void script_log_describe(const char *folder, const struct script_error *error,
                         struct buf *out)
{
    struct json_out j = json_out_to(out);
    char hint[SCRIPT_HINT_MAX];

    json_out_key_str(&j, "kind", "error");
    put_text(&j, "game", error->game);
    if (error->room)
        put_text(&j, "room", error->room);
    put_text(&j, "where", error->where);
    put_text(&j, "file", error->file);
    json_out_key_int(&j, "line", error->line);
    put_text(&j, "message", error->message);
    put_text(&j, "traceback", error->traceback);
    if (script_hint(error->message, hint))
        json_out_key_str(&j, "hint", hint);
    json_out_key(&j, "excerpt", 7);
    put_excerpt(&j, folder, error);
}

/* Pages that open while the newest files do not run are shown why. */
static void keep_load(struct script_log *l, const char *game, const struct buf *error)
{
    struct buf *out = calloc(1, sizeof *out);

    forget_load(l, game);
    if (!out)
        return;
    buf_init(out, HELD_BYTES);
    buf_append(out, error->data, error->len);
    if (out->failed || !map_put_bytes(&l->loads, game, strlen(game), out)) {
        buf_fini(out);
        free(out);
    }
}

/* Describe the error for pages, in l->last. */
static void remember(struct script_log *l, const struct game *g,
                     const struct script_error *error)
{
    strcpy(l->last_game, g->name);
    buf_clear(&l->last);
    script_log_describe(g->world->folder, error, &l->last);
    if (strcmp(error->where, "load") == 0 && !l->last.failed)
        keep_load(l, g->name, &l->last);
}

static void hold(struct script_log *l, const char *game, const struct buf *record)
{
    char name[GAME_NAME_MAX + 1] = {0};

    if (l->held.len + sizeof name + sizeof record->len + record->len > HELD_BYTES)
        return;
    strcpy(name, game);
    buf_append(&l->held, name, sizeof name);
    buf_append(&l->held, &record->len, sizeof record->len);
    buf_append(&l->held, record->data, record->len);
}

void script_log_hold(struct script_log *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_holding = true;
    buf_clear(&l->held);
    pthread_mutex_unlock(&l->lock);
}

void script_log_release(struct script_log *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_holding = false;
    for (size_t at = 0, len; at < l->held.len; at += len) {
        const char *game = (const char *)l->held.data + at;
        at += GAME_NAME_MAX + 1;
        memcpy(&len, l->held.data + at, sizeof len);
        at += sizeof len;
        l->tell(l->ctx, game, (const char *)l->held.data + at, len);
    }
    buf_clear(&l->held);
    pthread_mutex_unlock(&l->lock);
}

static void note_error(struct script_log *l, struct game *g,
                       const struct script_error *error)
{
    uint32_t hash = hash_text(2166136261u, error->game), n_more;
    char place[192] = "", count[48] = "";

    l->n_errors++;
    if (l->is_dev)
        remember(l, g, error);
    hash = hash_text(hash_text(hash_text(hash, error->where), error->file), error->message);
    if (!is_due(l, hash, &n_more))
        return;
    if (*error->file && error->line)
        snprintf(place, sizeof place, "%s:%d: ", error->file, error->line);
    else if (*error->file)
        snprintf(place, sizeof place, "%s: ", error->file);
    if (n_more)
        snprintf(count, sizeof count, " (and %u times more)", n_more);
    logger_error(g->name, "%s%s (in %s%s%s)%s%s%s", place, error->message, error->where,
                 error->room ? ", room " : "", error->room ? error->room : "", count,
                 *error->traceback ? "\n" : "", error->traceback);
    if (!l->is_dev || l->last.failed)
        return;
    if (l->is_holding)
        hold(l, g->name, &l->last);
    else
        l->tell(l->ctx, g->name, (const char *)l->last.data, l->last.len);
}

void script_log_error(struct script_log *l, struct game *g,
                      const struct script_error *error)
{
    pthread_mutex_lock(&l->lock);
    note_error(l, g, error);
    pthread_mutex_unlock(&l->lock);
}

/* The members of `out` are whole: to the game's pages. */
static void tell(struct script_log *l, const char *game, struct buf *out)
{
    if (!out->failed)
        l->tell(l->ctx, game, (const char *)out->data, out->len);
    buf_fini(out);
}

void script_log_fixed(struct script_log *l, const char *game)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    pthread_mutex_lock(&l->lock);
    forget_load(l, game);
    memset(l->seen, 0, sizeof l->seen); /* the same error again is news again */
    pthread_mutex_unlock(&l->lock);
    if (!l->is_dev)
        return;
    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "fixed");
    json_out_key_str(&j, "game", game);
    tell(l, game, &out);
}

void script_log_reloaded(struct script_log *l, const char *game, uint32_t version,
                         size_t n_rooms, double ms)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    if (!l->is_dev)
        return;
    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "reloaded");
    json_out_key_str(&j, "game", game);
    json_out_key_int(&j, "version", version);
    json_out_key_int(&j, "rooms", (int64_t)n_rooms);
    json_out_key(&j, "ms", 2);
    json_out_num(&j, ms);
    tell(l, game, &out);
}

void script_log_taken_back(struct script_log *l, const char *game, uint32_t failed,
                           uint32_t version)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    if (!l->is_dev)
        return;
    pthread_mutex_lock(&l->lock);
    if (strcmp(l->last_game, game) == 0 && !l->last.failed)
        keep_load(l, game, &l->last);
    pthread_mutex_unlock(&l->lock);
    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "taken_back");
    json_out_key_str(&j, "game", game);
    json_out_key_int(&j, "failed", failed);
    json_out_key_int(&j, "version", version);
    tell(l, game, &out);
}
