/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/rnd.h"

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

static const struct peer_ops peer_ops = {on_send, on_close, on_backlog, on_address};

void rig_taken(struct far_end *e)
{
    for (size_t i = 0; i < e->n_frames; i++)
        chunk_unref(&e->frames[i]);
    e->n_frames = e->backlog = 0;
}

int rig_connect(struct rig *r, struct game *g, const char *room, enum peer_codec codec,
                bool can_resume, const uint8_t *options, size_t n_options,
                const struct rig_source *from)
{
    struct far_end *e = r->n_peers < RIG_MAX_PEERS ? calloc(1, sizeof *e) : NULL;

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

void rig_closed(struct rig *r, uint32_t peer, uint16_t code)
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
    struct rig *r = ctx;

    buf_format(&r->errors, "%s %s: %s:%d: %s\n", g->name, error->where, error->file,
               error->line, error->message);
}

static void on_schedule(void *ctx)
{
    struct rig *r = ctx;

    r->alarm_us = world_next_us(&r->world);
}

static const struct world_ops world_ops = {on_error, on_schedule};

struct rig *rig_new(bool is_dev, uint64_t seed)
{
    struct rig *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    strcpy(r->folder, "/tmp/parlor-scenario-XXXXXX");
    if (!mkdtemp(r->folder)) {
        free(r);
        return NULL;
    }
    r->alarm_us = UINT64_MAX;
    buf_init(&r->errors, 0);
    clk_fake(RIG_START_US);
    rnd_fake(seed);
    world_init(&r->world, r->folder, SCRIPTS_DIR, is_dev, &world_ops, r);
    return r;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);

    for (struct dirent *at; dir && (at = readdir(dir));) {
        char inner[1024];
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

void rig_free(struct rig **at)
{
    struct rig *r = *at;

    *at = NULL;
    for (uint32_t i = 0; i < r->n_peers; i++)
        rig_closed(r, i, 1006);
    world_fini(&r->world);
    assert(r->world.n_rooms == 0 && !r->world.sessions);
    for (uint32_t i = 0; i < r->n_peers; i++) {
        rig_taken(r->peers[i]);
        free(r->peers[i]->frames);
        free(r->peers[i]);
    }
    buf_fini(&r->errors);
    remove_folder(r->folder);
    rnd_fake(0);
    clk_real();
    free(r);
}

bool rig_write(struct rig *r, const char *game, const char *file, const char *text,
               size_t len)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", r->folder, game);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", r->folder, game, file);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(text, 1, len, f) == len;
    if (f && fclose(f) != 0)
        ok = false;
    return ok;
}
