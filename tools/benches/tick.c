/* SPDX-License-Identifier: MIT */
/*
 * tick - what one tick of a room with N moving entities costs, in process: the
 * script's own loop, then all that Parlor adds (scan, quantise, diff, encode the
 * frame that everybody in step gets).
 *
 * The script is what a game does: positions in two fixed fields of 1/8 step, a
 * velocity that stays private, a bounce at the walls, now and then a hit. In one case
 * each also holds a list of 8 and a map of 3 that nothing changes.
 * Medians over the ticks after a warm-up; CPU time of the thread.
 */
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "room/room.h"
#include "script/script_room.h"
#include "state/emit.h"

enum { WARM_UP = 400, TICKS = 600 };

static const char source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local fields = {\n"
    "  name = s.str(16), hp = s.u8, team = s.enum {'red', 'blue'},\n"
    "  x = s.fixed {min=0, max=4096, step=1/8, smooth=true},\n"
    "  y = s.fixed {min=0, max=4096, step=1/8, smooth=true} }\n"
    "if TABLES then\n"
    "  fields.cargo, fields.items = s.list(s.u8), s.map(s.u8, { keys = 'string' })\n"
    "end\n"
    "local game = parlor.game { tick_rate = 20, state = { ships = s.map(fields, { keys = "
    "'integer' }) } }\n"
    "function game:create()\n"
    "  local ships = self.state.ships\n"
    "  for i = 1, N do\n"
    "    ships[i] = { name = 'ship ' .. i % 50, hp = 100, team = i % 2 == 0 and 'red' or "
    "'blue',\n"
    "      x = self:random() * 4096, y = self:random() * 4096 }\n"
    "    if TABLES then\n"
    "      ships[i].cargo = { 1, 2, 3, 4, 5, 6, 7, 8 }\n"
    "      ships[i].items = { oars = 2, nets = 1, ropes = 4 }\n"
    "    end\n"
    "    ships[i].vx = self:random() * 10 - 5\n"
    "    ships[i].vy = self:random() * 10 - 5\n"
    "  end\n"
    "end\n"
    "local k = 0\n"
    "function game:tick(dt)\n"
    "  k = k + 1\n"
    "  for id, e in pairs(self.state.ships) do\n"
    "    if id % STRIDE == k % STRIDE then\n"
    "      local x, y = e.x + e.vx, e.y + e.vy\n"
    "      if x < 0 or x > 4096 then e.vx = -e.vx x = e.x end\n"
    "      if y < 0 or y > 4096 then e.vy = -e.vy y = e.y end\n"
    "      e.x, e.y = x, y\n"
    "      if id % 64 == k % 64 then e.hp = (e.hp + 1) % 256 end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return game\n";

struct result {
    double script_us, sync_us, scan_us, total_us, bytes_per_entity;
    size_t frame_bytes;
};

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, TICKS, sizeof *v, ascending);
    return v[TICKS / 2];
}

static void die(const char *why)
{
    fprintf(stderr, "bench tick: %s\n", why);
    exit(1);
}

static void on_error(void *ctx, void *room, const struct script_error *error)
{
    (void)ctx;
    (void)room;
    fprintf(stderr, "%s:%d: %s\n", error->file, error->line, error->message);
    exit(1);
}

/* games/bench/game.lua in a folder of its own. */
static void write_game(const char *folder, int n, int stride, bool tables)
{
    char path[256];

    snprintf(path, sizeof path, "%s/game.lua", folder);
    FILE *f = fopen(path, "w");
    if (!f ||
        fprintf(f, "local N, STRIDE, TABLES = %d, %d, %s\n%s", n, stride,
                tables ? "true" : "false", source) < 0 ||
        fclose(f))
        die("the game cannot be written");
}

static struct result measure(const char *folder, int n, int stride, bool jit, bool tables)
{
    static double script[TICKS], scan[TICKS], sync[TICKS], total[TICKS];
    static const struct vm_hooks hooks = {.on_error = on_error};
    struct vm_options o = {
        .name = "bench", .folder = folder, .scripts = SCRIPTS_DIR, .hooks = &hooks};
    struct vm *vm;
    struct image *img;
    struct script_room *sr;
    struct emit_cache cache;
    struct view view;
    struct err e;
    struct result r = {0};
    size_t bytes = 0;
    bool failed = false;

    write_game(folder, n, stride, tables);
    if (vm_new(&vm, &o, &e) < 0)
        die(e.text);
    if (!jit)
        luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    emit_cache_init(&cache);
    view_init(&view);
    if (image_new(&img, vm->def->schema, 0) < 0)
        die("out of memory");
    image_begin(img, 1);
    if (script_room_new(&sr, vm, NULL, "bench", 1, img) < 0)
        die("out of memory");
    script_create(sr, NULL, 0);
    for (uint32_t t = 1; t <= WARM_UP + TICKS; t++) {
        double t0 = now_us();
        script_tick(sr, 0.05);
        double t1 = now_us();
        script_scan(sr);
        double t2 = now_us();
        image_commit(img);
        struct chunk *frame = emit_frame(&cache, img, &view, false, &failed);
        double t3 = now_us();
        if (!frame || failed)
            die("no frame");
        if (t > WARM_UP) {
            uint32_t i = t - WARM_UP - 1;
            script[i] = t1 - t0;
            scan[i] = t2 - t1;
            sync[i] = t3 - t1;
            total[i] = t3 - t0;
            bytes += frame->len;
        }
        chunk_unref(&frame);
        image_begin(img, t + 1);
    }
    r.script_us = median(script);
    r.scan_us = median(scan);
    r.sync_us = median(sync);
    r.total_us = median(total);
    r.frame_bytes = bytes / TICKS;
    r.bytes_per_entity = (double)bytes / TICKS / (n / stride);
    script_room_free(&sr);
    view_fini(&view);
    emit_cache_fini(&cache);
    image_free(&img);
    vm_free(&vm);
    return r;
}

int main(int argc, char **argv)
{
    static const struct {
        int n, stride;
        bool jit, tables;
    } cases[] = {
        {1000,  1,  true,  false},
        {1000,  10, true,  false},
        {1000,  10, true,  true },
        {10000, 1,  true,  false},
        {1000,  1,  false, false},
    };
    char folder[] = "/tmp/parlor-bench-XXXXXX", path[256];
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

    if (!mkdtemp(folder))
        die("no temporary folder");
    if (json)
        printf("{\"bench\":\"tick\",\"results\":[");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result r =
            measure(folder, cases[i].n, cases[i].stride, cases[i].jit, cases[i].tables);
        char name[64];
        snprintf(name, sizeof name, "%d entities, %d %% moving%s%s", cases[i].n,
                 100 / cases[i].stride, cases[i].tables ? ", with tables" : "",
                 cases[i].jit ? "" : ", JIT off");
        if (json)
            printf(
                "%s{\"metric\":\"%s: script "
                "excluded\",\"value\":%.1f,\"unit\":\"us/tick\"},"
                "{\"metric\":\"%s: script included\",\"value\":%.1f,\"unit\":\"us/tick\"},"
                "{\"metric\":\"%s: frame\",\"value\":%.2f,\"unit\":\"bytes/moved entity\"}",
                i ? "," : "", name, r.sync_us, name, r.total_us, name, r.bytes_per_entity);
        else
            printf("%-34s script %7.1f us, scan + quantise %7.1f us, + diff + encode %7.1f "
                   "us, "
                   "all %7.1f us a tick; %zu bytes, %.2f per moved entity\n",
                   name, r.script_us, r.scan_us, r.sync_us, r.total_us, r.frame_bytes,
                   r.bytes_per_entity);
    }
    if (json)
        printf("]}\n");
    snprintf(path, sizeof path, "%s/game.lua", folder);
    unlink(path);
    rmdir(folder);
    return 0;
}
