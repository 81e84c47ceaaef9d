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
#include "lib/bench_room.h"
#include <string.h>

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

static struct result measure(const char *folder, int n, int stride, bool jit, bool tables)
{
    static double script[TICKS], scan[TICKS], sync[TICKS], total[TICKS];
    struct bench_room room;
    struct view view;
    struct result r = {0};
    size_t bytes = 0;
    bool failed = false;
    char values[64];

    snprintf(values, sizeof values, "local N, STRIDE, TABLES = %d, %d, %s", n, stride,
             tables ? "true" : "false");
    bench_write_game(folder, values, source);
    bench_room_open(&room, folder, jit);
    view_init(&view);
    for (uint32_t t = 1; t <= WARM_UP + TICKS; t++) {
        double t0 = bench_now_us();
        script_tick(room.sr, 0.05);
        double t1 = bench_now_us();
        script_scan(room.sr);
        double t2 = bench_now_us();
        image_commit(room.img);
        struct chunk *frame = emit_frame(&room.cache, room.img, &view, false, &failed);
        double t3 = bench_now_us();
        if (!frame || failed)
            bench_die("no frame");
        if (t > WARM_UP) {
            uint32_t i = t - WARM_UP - 1;
            script[i] = t1 - t0;
            scan[i] = t2 - t1;
            sync[i] = t3 - t1;
            total[i] = t3 - t0;
            bytes += frame->len;
        }
        chunk_unref(&frame);
        image_begin(room.img, t + 1);
    }
    r.script_us = bench_median(script, TICKS);
    r.scan_us = bench_median(scan, TICKS);
    r.sync_us = bench_median(sync, TICKS);
    r.total_us = bench_median(total, TICKS);
    r.frame_bytes = bytes / TICKS;
    r.bytes_per_entity = (double)bytes / TICKS / (n / stride);
    view_fini(&view);
    bench_room_close(&room);
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
    char folder[] = "/tmp/parlor-bench-XXXXXX";
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

    bench_folder(folder);
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
    bench_folder_end(folder);
    return 0;
}
