/* SPDX-License-Identifier: MIT */
/*
 * kills - how fast scripts that do not return are stopped, and what that costs: all
 * kinds of runaway (tests/unit/script/runaways.h) at a budget of 20 ms, in a VM that
 * must compute the same after each, with another game ticking at 20 Hz beside it.
 *
 * Stop times count from the deadline until the call is back; CPU time is the
 * thread's. Exit 1 where a runaway got away or a VM computed something else.
 */
#include "../../tests/unit/script/runaways.h"
#include "lib/bench_room.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "proto/record.h"
#include "script/script_room.h"

enum { KILLS = 2000, WARM_UP = 200, BUDGET_MS = 20, TICK_MS = 50 };

static const char victim_source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local game = parlor.game { budget_kill = 20, state = { n = s.uint,\n"
    "  frogs = s.map { x = s.f64, y = s.u8 } } }\n"
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
    "local function check()\n"
    "  local t, n = {}, 0\n"
    "  for i = 1, 300 do t[i] = i * 7919 % 1009 end\n"
    "  table.sort(t)\n"
    "  for i = 1, 300 do n = n + t[i] * i end\n"
    "  local text = table.concat(t, ',')\n"
    "  for w in text:gmatch('%d+') do n = n + tonumber(w) end\n"
    "  local co = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end)\n"
    "  for i = 1, 10 do n = n + co() end\n"
    "  return n + #text + fib(12)\n"
    "end\n"
    "function game:create() self.state.frogs[1] = { x = 1.5 } self.state.n = check() end\n"
    "function game:message(player, name, code)\n"
    "  if name == 'check' then\n"
    "    local f = self.state.frogs[1]\n"
    "    if check() ~= self.state.n or f.x ~= 1.5 or self.state.frogs[5] then error "
    "'wrong' end\n"
    "    return\n"
    "  end\n"
    "  load('local room, player = ... ' .. code)(self, player)\n"
    "end\n"
    "function game:x() end\n"
    "return game\n";

static const char other_source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local game = parlor.game { state = { ships = s.map({ x = s.f32, y = s.f32 }, { keys = "
    "'integer' }) } }\n"
    "function game:create() for i = 1, 200 do self.state.ships[i] = { x = i, y = i } end "
    "end\n"
    "function game:tick() for _, e in pairs(self.state.ships) do e.x = e.x + 1 end end\n"
    "return game\n";

struct side {
    struct vm *vm;
    struct image *image;
    struct script_room *room;
    uint32_t tick;
    char folder[64];
};

static double wall[KILLS], cpu[KILLS], late[KILLS * 4];
static int n_late;

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static size_t resident_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%lu %lu", &all, &resident) != 2)
        bench_die("no /proc");
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void on_error(void *ctx, void *room, const struct script_error *error)
{
    (void)ctx;
    (void)room;
    if (!strstr(error->message, "stopped after") &&
        !strstr(error->message, "too many steps"))
        fprintf(stderr, "%s:%d: %s\n", error->file, error->line, error->message);
}

static void on_send(void *room, uint32_t player, const struct script_event *ev)
{
    (void)room;
    (void)player;
    (void)ev;
}

static const struct vm_hooks hooks = {.send = on_send, .on_error = on_error};

static void end_tick(struct side *s)
{
    if (script_scan(s->room) != SCRIPT_DONE)
        bench_die("the scan failed");
    image_commit(s->image);
    image_begin(s->image, ++s->tick);
    vm_step_end(s->vm);
}

static void open_side(struct side *s, const char *name, const char *source)
{
    struct vm_options o = {
        .name = name, .folder = s->folder, .scripts = SCRIPTS_DIR, .hooks = &hooks};
    char path[256];
    struct err e;

    strcpy(s->folder, "/tmp/parlor-bench-XXXXXX");
    if (!mkdtemp(s->folder))
        bench_die("no temporary folder");
    snprintf(path, sizeof path, "%s/game.lua", s->folder);
    FILE *f = fopen(path, "w");
    if (!f || fputs(source, f) < 0 || fclose(f))
        bench_die("the game cannot be written");
    if (vm_new(&s->vm, &o, &e) < 0)
        bench_die(e.text);
    unlink(path);
    rmdir(s->folder);
    if (image_new(&s->image, s->vm->def->schema, 0) < 0)
        bench_die("out of memory");
    image_begin(s->image, s->tick = 1);
    if (script_room_new(&s->room, s->vm, NULL, name, 1, s->image) < 0 ||
        script_create(s->room, NULL, 0) != SCRIPT_DONE ||
        script_seat_add(s->room, 1, "ann") < 0)
        bench_die("no room");
    end_tick(s);
}

static void close_side(struct side *s)
{
    script_room_free(&s->room);
    image_free(&s->image);
    vm_free(&s->vm);
}

static enum script_result say(struct side *s, const char *name, const char *code)
{
    struct buf body;

    buf_init(&body, 0);
    wire_put_u8(&body, ANY_STR);
    wire_put_str(&body, code, strlen(code));
    enum script_result r =
        script_message(s->room, 1, NULL, name, strlen(name), body.data, body.len, NULL);
    buf_fini(&body);
    return r;
}

/* Stop one; i < 0: without taking its time. */
static void stop_one(struct side *s, int i, const char *code)
{
    double cpu_began = cpu_ms();
    uint64_t began = clk_real_ns();

    enum script_result r = say(s, "run", code);
    double took = (double)(clk_real_ns() - began) / 1e6, cpu_took = cpu_ms() - cpu_began;
    if (r != SCRIPT_STOPPED) {
        fprintf(stderr, "%s\n", code);
        bench_die("this one was not stopped");
    }
    if (script_restore(s->room) != SCRIPT_DONE || s->vm->is_lost)
        bench_die("the VM was lost");
    enum script_result checked = say(s, "check", "");
    if (checked == SCRIPT_STOPPED) /* the machine had no time for it */
        checked = say(s, "check", "");
    if (checked != SCRIPT_DONE) {
        fprintf(stderr, "%s\n", code);
        bench_die("after this one the VM computes something else");
    }
    end_tick(s);
    if (i >= 0) {
        wall[i] = took - BUDGET_MS;
        cpu[i] = cpu_took - BUDGET_MS < 0 ? 0 : cpu_took - BUDGET_MS;
    }
}

/* Ticks of the other game that are due. */
static void run_other(struct side *s, uint64_t *due)
{
    uint64_t now = clk_real_ns();

    if (now < *due)
        return;
    if (n_late < KILLS * 4)
        late[n_late++] = (double)(now - *due) / 1e6;
    if (script_tick(s->room, 0.05) != SCRIPT_DONE)
        bench_die("the other game's tick failed");
    end_tick(s);
    while (*due <= now)
        *due += TICK_MS * 1000000ull;
}

static void put(bool json, bool *first, const char *metric, const char *unit, double value)
{
    if (json)
        printf("%s{\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}", *first ? "" : ",",
               metric, value, unit);
    else
        printf("%-40s %10.3f %s\n", metric, value, unit);
    *first = false;
}

static void put_spread(bool json, bool *first, const char *what, double *v, int n)
{
    static const struct {
        const char *name;
        double share;
    } spread[] = {
        {"p50", 0.5 },
        {"p99", 0.99},
        {"max", 1   }
    };
    char metric[96];

    qsort(v, (size_t)n, sizeof *v, bench_ascending);
    for (size_t i = 0; i < sizeof spread / sizeof *spread; i++) {
        int at = (int)(spread[i].share * (n - 1));
        snprintf(metric, sizeof metric, "%s, %s", what, spread[i].name);
        put(json, first, metric, "ms", v[at]);
    }
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0, first = true;
    struct side victim = {0}, other = {0};
    size_t resident = 0, lua = 0;
    uint64_t due;

    open_side(&victim, "victim", victim_source);
    open_side(&other, "other", other_source);
    due = clk_real_ns();
    for (int i = -WARM_UP; i < KILLS; i++) {
        if (i == 0) {
            resident = resident_bytes();
            lua = vm_bytes(victim.vm);
        }
        stop_one(&victim, i, runaways[(i + WARM_UP) % N_RUNAWAYS]);
        run_other(&other, &due);
    }
    double rss = (double)resident_bytes() - (double)resident;
    double values = (double)vm_bytes(victim.vm) - (double)lua;
    if (json)
        printf("{\"bench\":\"kills\",\"results\":[");
    put(json, &first, "scripts stopped", "count", KILLS);
    put_spread(json, &first, "from deadline to stop", wall, KILLS);
    put_spread(json, &first, "CPU beyond the budget", cpu, KILLS);
    put(json, &first, "resident memory per kill", "bytes", rss / KILLS);
    put(json, &first, "Lua memory per kill", "bytes", values / KILLS);
    put_spread(json, &first, "the other game's ticks late", late, n_late);
    if (json)
        printf("]}\n");
    close_side(&victim);
    close_side(&other);
    return 0;
}
