/* SPDX-License-Identifier: MIT */
/*
 * host_tick - ticks of a room with 1000 entities, and of one whose 50 players send 4
 * messages each in between: what `host` measures with and without the watchdog and the
 * accounting. Included once by each of the two programs.
 *
 *   host_NAME CASE TICKS [fork]
 *
 * prints the median CPU time of a tick in us, after a warm-up; CASE is "entities" or
 * "messages". With `fork` two children go on from the warm-up, one after the other: the
 * first ends at once, the second after so many ticks. For a counter of instructions, that
 * is: what their counts differ by are these ticks and nothing else.
 */
#include "bench_room.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTITIES = 1000, PLAYERS = 50, MESSAGES = 4, WARM_UP = 400, MAX_TICKS = 100000 };

static const char source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local game = parlor.game { tick_rate = 20,\n"
    "  messages = { steer = { x = s.f32, y = s.f32 } },\n"
    "  state = { ships = s.map({ name = s.str(16), hp = s.u8,\n"
    "    x = s.fixed {min=0, max=4096, step=1/8}, y = s.fixed {min=0, max=4096, step=1/8} "
    "}, { keys = 'integer' }) } }\n"
    "function game:create()\n"
    "  for i = 1, N do\n"
    "    self.state.ships[i] = { name = 'ship ' .. i % 50, hp = 100,\n"
    "      x = self:random() * 4096, y = self:random() * 4096 }\n"
    "    self.state.ships[i].vx = self:random() * 10 - 5\n"
    "    self.state.ships[i].vy = self:random() * 10 - 5\n"
    "  end\n"
    "end\n"
    "function game.on.steer(self, player, m)\n"
    "  local e = self.state.ships[player.id]\n"
    "  e.vx, e.vy = m.x, m.y\n"
    "end\n"
    "function game:tick(dt)\n"
    "  for id, e in pairs(self.state.ships) do\n"
    "    local x, y = e.x + e.vx, e.y + e.vy\n"
    "    if x < 0 or x > 4096 then e.vx = -e.vx x = e.x end\n"
    "    if y < 0 or y > 4096 then e.vy = -e.vy y = e.y end\n"
    "    e.x, e.y = x, y\n"
    "  end\n"
    "end\n"
    "return game\n";

static struct bench_room room;
static struct view view;

static void steer(uint32_t player, uint32_t tick)
{
    const struct record *record = &room.vm->def->schema->messages[0];
    float way[2] = {(float)(player % 7) - 3, (float)(tick % 5) - 2};

    if (script_message(room.sr, player, record, "steer", 5, (const uint8_t *)way,
                       sizeof way, NULL) != SCRIPT_DONE)
        bench_die("the message failed");
}

/* One tick; returns its CPU time in us. */
static double tick(uint32_t t, bool has_messages)
{
    double began = bench_now_us();
    bool failed = false;

    vm_step_begin(room.vm);
    script_room_set_tick(room.sr, t, t * 0.05);
    for (uint32_t i = 0; has_messages && i < PLAYERS * MESSAGES; i++)
        steer(i % PLAYERS + 1, t);
    if (script_tick(room.sr, 0.05) != SCRIPT_DONE || script_scan(room.sr) < 0)
        bench_die("the tick failed");
    image_commit(room.img);
    struct chunk *frame = emit_frame(&room.cache, room.img, &view, false, &failed);
    if (!frame || failed)
        bench_die("no frame");
    chunk_unref(&frame);
    image_begin(room.img, t + 1);
    vm_step_end(room.vm);
    return bench_now_us() - began;
}

int main(int argc, char **argv)
{
    static double took[MAX_TICKS];
    char folder[] = "/tmp/parlor-bench-XXXXXX", values[32];
    bool has_messages = argc > 1 && strcmp(argv[1], "messages") == 0;
    uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0, t = 0;
    bool forks = argc > 3;
    bool is_parent = true;

    if (n == 0 || n > MAX_TICKS)
        bench_die("usage: CASE TICKS [fork]");
    bench_folder(folder);
    snprintf(values, sizeof values, "local N = %d", ENTITIES);
    bench_write_game(folder, values, source);
    bench_room_open(&room, folder, true);
    view_init(&view);
    for (uint32_t p = 1; p <= PLAYERS; p++)
        script_seat_add(room.sr, p, "ann");
    while (t < WARM_UP)
        tick(++t, has_messages);
    for (int child = 0; forks && child < 2; child++) {
        fflush(NULL);
        pid_t pid = fork();
        is_parent = pid != 0;
        if (is_parent && waitpid(pid, NULL, 0) != pid)
            bench_die("no child");
        if (!is_parent && child == 0)
            _exit(0);
        if (!is_parent)
            break;
    }
    for (uint32_t i = 0; (!forks || !is_parent) && i < n; i++)
        took[i] = tick(++t, has_messages);
    if (!is_parent)
        _exit(0);
    if (!forks)
        printf("%.3f\n", bench_median(took, n));
    view_fini(&view);
    bench_room_close(&room);
    bench_folder_end(folder);
    return 0;
}
