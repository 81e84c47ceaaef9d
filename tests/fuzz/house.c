/* SPDX-License-Identifier: MIT */
#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/logger.h"
#include "room/game.h"
#include "room/session.h"

static const char source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local game = parlor.game { tick_rate = 20, max_players = 8, reconnect = 1,\n"
    "  state = { n = s.uint, rows = s.map({ a = s.str(8), b = s.fixed {min=0, max=9, "
    "step=1/8} },\n"
    "    { keys = 'string' }), bag = { any = s.any, items = s.map({ n = s.u8, at = "
    "s.opt(s.i8) "
    "},\n"
    "      { keys = 'string', max = 8 }), list = s.list(s.u8, { max = 8 }),\n"
    "      opt = s.opt(s.fixed {step=1/8}), raw = s.bytes(8), text = s.text(64) } },\n"
    "  messages = { put = { key = s.str(12), a = s.str(8), b = s.fixed {min=0, max=9, "
    "step=1/8} },\n"
    "    all = { b = s.bool, u = s.uint, i = s.int, f = s.f32, d = s.f64, g = s.angle,\n"
    "      e = s.enum {'x', 'y'}, r = { z = s.i16 } },\n"
    "    stow = { any = s.any(200), items = s.map({ n = s.u8, at = s.opt(s.i8) }, { keys = "
    "'string', max = 8 }),\n"
    "      list = s.list(s.u8, { max = 8 }), opt = s.opt(s.fixed {step=1/8}), raw = "
    "s.bytes(8), "
    "text = s.text(64) } } }\n"
    "function game.on.put(room, player, m)\n"
    "  if m.key ~= '' then room.state.rows[m.key] = { a = m.a, b = m.b } end\n"
    "end\n"
    "function game.on.all(room, player, m) room.state.n = m.u room:broadcast('all', m) "
    "return m end\n"
    "function game.on.stow(room, player, m)\n"
    "  room.state.bag = m room:broadcast('stowed', m) return m\n"
    "end\n"
    "function game:message(player, name, data) player:send('back', { name, data }) return "
    "data end\n"
    "return game\n";

static struct world world;
static char folder[] = "/tmp/parlor-fuzz-XXXXXX", games[64];
static bool is_cut;

static void on_send(void *conn, struct chunk *frame)
{
    (void)conn;
    (void)frame;
}

static void on_close(void *conn, uint16_t code, const char *reason)
{
    (void)conn;
    (void)code;
    (void)reason;
    is_cut = true;
}

static size_t on_backlog(void *conn)
{
    (void)conn;
    return 0;
}

static const char *on_address(void *conn)
{
    (void)conn;
    return "test";
}

static const struct peer_ops ops = {on_send, NULL, on_close, on_backlog, on_address, NULL};

static void on_error(void *ctx, struct game *g, const struct script_error *error)
{
    (void)ctx;
    (void)g;
    (void)error;
}

static void on_schedule(void *ctx)
{
    (void)ctx;
}

static const struct world_ops world_ops = {.on_error = on_error,
                                           .on_schedule = on_schedule};

static void tear_down(void)
{
    world_fini(&world);
}

static struct game *open_house(void)
{
    char path[160];

    logger_set_level(LOGGER_ERROR);
    if (!mkdtemp(folder))
        abort();
    snprintf(games, sizeof games, "%s", folder);
    snprintf(path, sizeof path, "%s/fuzz", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/fuzz/game.lua", folder);
    FILE *f = fopen(path, "w");
    if (!f || fputs(source, f) < 0 || fclose(f))
        abort();
    clk_fake(1000000);
    world_init(&world, games, SCRIPTS_DIR, false, &world_ops, NULL);
    struct game *g = game_open(&world, "fuzz");
    unlink(path);
    snprintf(path, sizeof path, "%s/fuzz", folder);
    rmdir(path);
    rmdir(folder);
    if (!g || !g->vm) {
        fprintf(stderr, "%s\n", g ? g->load_error.text : "out of memory");
        abort();
    }
    atexit(tear_down);
    return g;
}

void house_visit(enum peer_codec codec, const uint8_t *data, size_t size)
{
    static struct game *game;
    static int conn;
    struct peer peer = {.ops = &ops, .conn = &conn, .codec = codec, .can_resume = true};
    struct session_request q = {0};

    if (!game)
        game = open_house();
    q.game = game;
    is_cut = false;
    struct session *s = session_open(&world, &peer, &q);
    while (s && size >= 2 && !is_cut) {
        size_t n = (size_t)data[0] | (size_t)data[1] << 8;
        data += 2;
        size -= 2;
        n = n < size ? n : size;
        session_message(s, codec == PEER_JSON ? WS_TEXT : WS_BINARY, data, n);
        data += n;
        size -= n;
        clk_fake_advance(50000);
        world_run(&world, clk_now_us());
    }
    session_closed(&s, 1000);
    for (int i = 0; i < 30; i++) { /* seats that are held end: each visit is alone */
        clk_fake_advance(50000);
        world_run(&world, clk_now_us());
    }
}
