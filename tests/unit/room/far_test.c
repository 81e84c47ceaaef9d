/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"

static void on_send(void *conn, struct chunk *frame)
{
    struct far_end *e = conn;

    assert_true(e->n < 256 && e->code == 0);
    e->frames[e->n++] = chunk_ref(frame);
}

static void on_close(void *conn, uint16_t code, const char *reason)
{
    struct far_end *e = conn;

    assert_int_equal(e->code, 0);
    e->code = code;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
}

static size_t on_backlog(void *conn)
{
    return ((struct far_end *)conn)->backlog;
}

static const char *on_address(void *conn)
{
    (void)conn;
    return "far";
}

static bool on_next(void *conn, bool *is_text, const uint8_t **data, size_t *len)
{
    struct far_end *e = conn;

    if (!e->next || !*e->next)
        return false;
    *is_text = true;
    *data = (const uint8_t *)e->next;
    *len = strcspn(e->next, "\n");
    e->next += *len + 1;
    return true;
}

const struct peer_ops far_ops = {on_send, NULL, on_close, on_backlog, on_address, on_next};

static void on_error(void *ctx, struct game *g, const struct script_error *error)
{
    struct far_world *w = ctx;

    snprintf(w->error, sizeof w->error, "%s %s: %s", g->name, error->where, error->message);
}

static void on_schedule(void *ctx)
{
    ((struct far_world *)ctx)->n_schedules++;
}

static const struct world_ops world_ops = {.on_error = on_error,
                                           .on_schedule = on_schedule};

static void save(struct far_world *w, const char *source)
{
    char path[128];

    snprintf(path, sizeof path, "%s/g/game.lua", w->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "local parlor = require 'parlor' local s = parlor.schema\n%s", source);
    fclose(f);
}

struct game *far_open(struct far_world *w, const char *source)
{
    char path[128];

    *w = (struct far_world){.folder = "/tmp/parlor-unit-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    snprintf(path, sizeof path, "%s/g", w->folder);
    mkdir(path, 0700);
    save(w, source);
    clk_fake(1000000000);
    world_init(&w->world, w->folder, SCRIPTS_DIR, false, &world_ops, w);
    return game_open(&w->world, "g");
}

int far_edit(struct far_world *w, const char *source)
{
    save(w, source);
    return game_reload(game_find(&w->world, "g", 1), 0);
}

void far_close(struct far_world *w)
{
    char path[128];

    world_fini(&w->world);
    snprintf(path, sizeof path, "%s/g/game.lua", w->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/g", w->folder);
    rmdir(path);
    rmdir(w->folder);
    clk_real();
}

struct peer far_peer(struct far_end *e, enum peer_codec codec)
{
    return (struct peer){
        .ops = &far_ops, .conn = e, .codec = codec, .can_resume = codec != PEER_RAW};
}

struct session *far_join(struct far_world *w, struct far_end *e, enum peer_codec codec,
                         const char *room)
{
    struct peer peer = far_peer(e, codec);
    struct session_request q = {.game = game_find(&w->world, "g", 1),
                                .room = room,
                                .n_room = room ? strlen(room) : 0,
                                .joins_at_once = true};

    *e = (struct far_end){0};
    return session_open(&w->world, &peer, &q);
}

void far_step(struct far_world *w, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        clk_fake_advance(1000);
        world_run(&w->world, clk_now_us());
    }
}

const char *far_text(const struct far_end *e, size_t i)
{
    static char text[65536];
    size_t head = 2;

    assert_true(i < e->n);
    const struct chunk *c = e->frames[i];
    if (c->bytes[1] == 126)
        head = 4;
    assert_true(c->bytes[1] < 127 && c->len - head < sizeof text);
    memcpy(text, c->bytes + head, c->len - head);
    text[c->len - head] = 0;
    return text;
}

bool far_holds(const struct far_end *e, const char *part)
{
    for (size_t i = 0; i < e->n; i++)
        if (strstr(far_text(e, i), part))
            return true;
    return false;
}

void far_fini(struct far_end *e)
{
    for (size_t i = 0; i < e->n; i++)
        chunk_unref(&e->frames[i]);
    e->n = 0;
}
