/* SPDX-License-Identifier: MIT */
#include "server/sim.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/rnd.h"
#include "room/room_save.h"
#include "svc/store.h"

enum { SIM_PATH_MAX = 2048, SIM_MAX_DEPTH = 16 };

/* Far ends. */

static void on_send(void *conn, struct chunk *frame)
{
    struct far_end *e = conn;

    assert(!e->is_gone && e->close_code == 0);
    if (e->n_frames == e->cap_frames) {
        e->cap_frames = e->cap_frames ? 2 * e->cap_frames : 8;
        e->frames = realloc(e->frames, e->cap_frames * sizeof(struct chunk *));
        assert(e->frames);
    }
    e->frames[e->n_frames++] = chunk_ref(frame);
    e->backlog += frame->len;
}

static void on_close(void *conn, uint16_t code, const char *reason)
{
    struct far_end *e = conn;

    assert(!e->is_gone && e->close_code == 0); /* once, and not after the end */
    e->close_code = code;
    snprintf(e->close_reason, sizeof e->close_reason, "%s", reason);
}

static size_t on_backlog(void *conn)
{
    const struct far_end *e = conn;

    assert(!e->is_gone);
    return e->backlog;
}

static const char *on_address(void *conn)
{
    const struct far_end *e = conn;

    assert(!e->is_gone);
    return e->address;
}

static const struct peer_ops peer_ops = {on_send,    NULL,       on_close,
                                         on_backlog, on_address, NULL};

void sim_taken(struct far_end *e)
{
    for (size_t i = 0; i < e->n_frames; i++)
        chunk_unref(&e->frames[i]);
    e->n_frames = e->backlog = 0;
}

int sim_connect(struct sim *r, struct game *g, const char *room, enum peer_codec codec,
                bool can_resume, const uint8_t *options, size_t n_options,
                const struct sim_source *from)
{
    struct far_end *e = r->n_peers < SIM_MAX_PEERS ? calloc(1, sizeof *e) : NULL;

    if (!e)
        return -1;
    struct peer peer = {
        .ops = &peer_ops, .conn = e, .codec = codec, .can_resume = can_resume};
    struct session_request q = {.game = g,
                                .room = room,
                                .n_room = room ? strlen(room) : 0,
                                .joins_at_once = !can_resume,
                                .options = options,
                                .n_options = n_options,
                                .door = from->door,
                                .n_door = from->n_door};
    snprintf(e->address, sizeof e->address, "%s", from->address);
    r->peers[r->n_peers] = e;
    e->session = session_open(&r->world, &peer, &q);
    return e->session ? (int)r->n_peers++ : -1;
}

void sim_closed(struct sim *r, uint32_t peer, uint16_t code)
{
    struct far_end *e = r->peers[peer];

    if (e->is_gone)
        return;
    session_closed(&e->session, code);
    e->is_gone = true;
}

/* The world. */

static void on_error(void *ctx, struct game *g, const struct script_error *error)
{
    struct sim *r = ctx;

    buf_format(&r->errors, "%s %s: %s:%d: %s\n", g->name, error->where, error->file,
               error->line, error->message);
    if (r->n_errors++ > 0)
        return;
    memcpy(r->first_error.file, error->file, sizeof r->first_error.file);
    r->first_error.line = error->line;
    snprintf(r->first_error.message, sizeof r->first_error.message, "%s", error->message);
}

static void on_schedule(void *ctx)
{
    struct sim *r = ctx;

    r->alarm_us = world_next_us(&r->world);
}

static const struct world_ops world_ops = {.on_error = on_error,
                                           .on_schedule = on_schedule};

static void on_answers(void *ctx)
{
    struct sim *r = ctx;

    world_wake_for_answers(&r->world);
    r->alarm_us = 0;
}

static int open_world(struct sim *r)
{
    world_init(&r->world, r->folder, r->scripts, r->is_dev, &world_ops, r);
    r->world.store = store_port_open(r->store, on_answers, r);
    r->world.keeps_rooms = true;
    return r->world.store ? 0 : -ENOMEM;
}

static void close_world(struct sim *r)
{
    struct store_port *port = r->world.store;

    r->world.store = NULL;
    for (uint32_t i = 0; i < r->n_peers; i++)
        sim_closed(r, i, 1006);
    world_fini(&r->world);
    assert(r->world.n_rooms == 0 && !r->world.sessions);
    store_port_close(&port);
}

int sim_restart(struct sim *r, bool is_killed)
{
    char names[32][GAME_NAME_MAX + 1];
    size_t n = 0;
    int code;

    for (struct map_entry *e = NULL; n < 32 && (e = map_next(&r->world.games, e));)
        strcpy(names[n++], ((const struct game *)e->value)->name);
    if (!is_killed) {
        world_suspend(&r->world);
        world_stop(&r->world, CLOSE_GOING_AWAY, close_reason_text(CLOSE_GOING_AWAY));
    }
    close_world(r);
    if ((code = open_world(r)) < 0)
        return code;
    for (size_t i = 0; i < n; i++)
        if (!game_open(&r->world, names[i]))
            return -ENOMEM;
    r->alarm_us = world_next_us(&r->world);
    return 0;
}

struct sim *sim_new(const char *scripts, bool is_dev, uint64_t seed)
{
    struct sim *r = calloc(1, sizeof *r);
    struct err e;
    const char *tmp = getenv("TMPDIR");

    if (!r)
        return NULL;
    if (!tmp || strlen(tmp) > SIM_TMP_MAX)
        tmp = "/tmp";
    snprintf(r->folder, sizeof r->folder, "%s/parlor-sim-XXXXXX", tmp);
    if (!mkdtemp(r->folder)) {
        free(r);
        return NULL;
    }
    r->alarm_us = UINT64_MAX;
    r->scripts = scripts;
    r->is_dev = is_dev;
    buf_init(&r->errors, 0);
    clk_fake(SIM_START_US);
    rnd_fake(seed);
    if (store_open(&r->store, &(struct store_options){.is_inline = true}, &e) < 0 ||
        open_world(r) < 0)
        sim_free(&r);
    return r;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);

    for (struct dirent *at; dir && (at = readdir(dir));) {
        char inner[SIM_PATH_MAX];
        if (*at->d_name == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, at->d_name);
        if (unlink(inner) != 0)
            remove_folder(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

void sim_free(struct sim **at)
{
    struct sim *r = *at;

    *at = NULL;
    if (!r)
        return;
    close_world(r);
    store_free(&r->store);
    for (uint32_t i = 0; i < r->n_peers; i++) {
        sim_taken(r->peers[i]);
        free(r->peers[i]->frames);
        free(r->peers[i]);
    }
    buf_fini(&r->errors);
    remove_folder(r->folder);
    rnd_fake(0);
    clk_real();
    free(r);
}

/* Make all folders on the way to the last part of a path. */
static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        mkdir(path, 0700);
        *at = '/';
    }
}

bool sim_write(struct sim *r, const char *game, const char *file, const char *text,
               size_t len)
{
    char path[SIM_PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s/%s", r->folder, game, file) >= (int)sizeof path)
        return false;
    make_folders(path);
    unlink(path); /* a link leads to the game's own file, which stays as it is */
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(text, 1, len, f) == len;
    if (f && fclose(f) != 0)
        ok = false;
    return ok;
}

/* The folder `from` as links, one a file; what is for browsers is passed over. */
static bool link_folder(const char *from, const char *to, int depth)
{
    DIR *dir = depth < SIM_MAX_DEPTH ? opendir(from) : NULL;
    bool ok = dir != NULL;

    mkdir(to, 0700);
    for (struct dirent *at; dir && (at = readdir(dir));) {
        char source[SIM_PATH_MAX], target[SIM_PATH_MAX];
        struct stat st;
        if (*at->d_name == '.' || (depth == 0 && strcmp(at->d_name, "web") == 0) ||
            snprintf(source, sizeof source, "%s/%s", from, at->d_name) >=
                (int)sizeof source ||
            snprintf(target, sizeof target, "%s/%s", to, at->d_name) >=
                (int)sizeof target ||
            stat(source, &st) != 0)
            continue;
        ok = (S_ISDIR(st.st_mode) ? link_folder(source, target, depth + 1)
                                  : symlink(source, target) == 0) &&
             ok;
    }
    if (dir)
        closedir(dir);
    return ok;
}

bool sim_link(struct sim *r, const char *game, const char *folder)
{
    char from[PATH_MAX], to[SIM_PATH_MAX];

    return realpath(folder, from) &&
           snprintf(to, sizeof to, "%s/%s", r->folder, game) < (int)sizeof to &&
           link_folder(from, to, 0);
}
