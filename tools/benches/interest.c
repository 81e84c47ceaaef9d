/* SPDX-License-Identifier: MIT */
/*
 * interest - what one tick costs, in process, when every player sees something else:
 * N moving entities, P players, each of whom sees those near its own.
 *
 * Measured are the scan of the script's tables, the commit, and a frame for each
 * player (what it sees now, enter, leave and update runs). Beside it: the same room
 * where everybody sees everything, with one shared frame; with a field for owners,
 * which makes each frame its player's own; and players of whom all are five ticks
 * behind. Medians over the ticks after a warm-up; CPU time of the thread. An argument
 * picks the rooms whose name holds it.
 */
#include "lib/bench_room.h"
#include <math.h>
#include <string.h>

enum { WARM_UP = 100, TICKS = 200, BEHIND = 5, MAX_PLAYERS = 1000 };

static const char source[] =
    "local parlor = require 'parlor'\n"
    "local s = parlor.schema\n"
    "local game = parlor.game { tick_rate = 20, state = { ships = s.map({\n"
    "  name = s.str(16), hp = s.u8 {to = OWNER}, team = s.enum {'red', 'blue'},\n"
    "  x = s.fixed {min=0, max=4096, step=1/8, smooth=true},\n"
    "  y = s.fixed {min=0, max=4096, step=1/8, smooth=true} },\n"
    "  { interest = SEE and s.near {x='x', y='y', see=SEE} }) } }\n"
    "function game:create()\n"
    "  local ships = self.state.ships\n"
    "  for i = 1, N do\n"
    "    ships[i] = { name = 'ship ' .. i % 50, hp = 100, team = i % 2 == 0 and 'red' or "
    "'blue',\n"
    "      x = self:random() * 4096, y = self:random() * 4096 }\n"
    "    ships[i].vx = self:random() * 10 - 5\n"
    "    ships[i].vy = self:random() * 10 - 5\n"
    "  end\n"
    "end\n"
    "function game:tick(dt)\n"
    "  for id, e in pairs(self.state.ships) do\n"
    "    local x, y = e.x + e.vx, e.y + e.vy\n"
    "    if x < 0 or x > 4096 then e.vx = -e.vx x = e.x end\n"
    "    if y < 0 or y > 4096 then e.vy = -e.vy y = e.y end\n"
    "    e.x, e.y = x, y\n"
    "    if self:random(64) == 1 then e.hp = (e.hp + 1) % 256 end\n"
    "  end\n"
    "end\n"
    "return game\n";

struct setting {
    const char *name;
    int n, players;
    int sees; /* rows, about; 0: all of them, no rule */
    bool has_owners;
};

struct result {
    double scan_us, commit_us, emit_us, all_us, behind_us, bytes, seen;
};

struct room {
    struct bench_room in;
    struct view views[MAX_PLAYERS];
};

static void open_room(struct room *r, const char *folder, const struct setting *s)
{
    char values[128], see[64] = "nil";

    if (s->sees)
        snprintf(see, sizeof see, "%.3f", sqrt((double)s->sees / s->n / M_PI) * 4096);
    snprintf(values, sizeof values, "local N, SEE, OWNER = %d, %s, %s", s->n, see,
             s->has_owners ? "'owner'" : "nil");
    bench_write_game(folder, values, source);
    for (int i = 0; i < s->players; i++) {
        view_init(&r->views[i]);
        r->views[i].player = (uint32_t)(i * (s->n / s->players) + 1);
    }
    bench_room_open(&r->in, folder, true);
}

static void close_room(struct room *r, int players)
{
    for (int i = 0; i < players; i++)
        view_fini(&r->views[i]);
    bench_room_close(&r->in);
}

/* Frames for all; returns their bytes. */
static size_t emit_all(struct room *r, int players)
{
    size_t bytes = 0;

    for (int i = 0; i < players; i++) {
        bool failed;
        struct chunk *frame =
            emit_frame(&r->in.cache, r->in.img, &r->views[i], false, &failed);
        if (!frame || failed)
            bench_die("no frame");
        bytes += frame->len;
        chunk_unref(&frame);
    }
    return bytes;
}

static struct result measure(const char *folder, const struct setting *s)
{
    static double scan[TICKS], commit[TICKS], emit[TICKS], all[TICKS], behind[TICKS];
    static struct room room;
    struct result res = {0};
    size_t bytes = 0, n_behind = 0;

    open_room(&room, folder, s);
    for (uint32_t t = 1; t <= WARM_UP + TICKS + BEHIND * TICKS / 4; t++) {
        bool skips = t > WARM_UP + TICKS && t % BEHIND != 0;
        script_tick(room.in.sr, 0.05);
        double t0 = bench_now_us();
        script_scan(room.in.sr);
        double t1 = bench_now_us();
        image_commit(room.in.img);
        double t2 = bench_now_us();
        size_t n = 0;
        if (skips)
            for (int i = 0; i < s->players; i++)
                view_skip(&room.views[i], room.in.img);
        else
            n = emit_all(&room, s->players);
        double t3 = bench_now_us();
        if (t > WARM_UP && t <= WARM_UP + TICKS) {
            uint32_t i = t - WARM_UP - 1;
            scan[i] = t1 - t0;
            commit[i] = t2 - t1;
            emit[i] = t3 - t2;
            all[i] = t3 - t0;
            bytes += n;
        } else if (t > WARM_UP + TICKS && !skips) {
            behind[n_behind++] = t3 - t2;
        }
        image_begin(room.in.img, t + 1);
    }
    size_t seen = 0;
    for (int i = 0; i < s->players; i++)
        seen += room.views[i].sights ? room.views[i].sights[0].n : (size_t)s->n;
    res = (struct result){bench_median(scan, TICKS),
                          bench_median(commit, TICKS),
                          bench_median(emit, TICKS),
                          bench_median(all, TICKS),
                          bench_median(behind + 1, n_behind - 1),
                          (double)bytes / TICKS / s->players,
                          (double)seen / s->players};
    close_room(&room, s->players);
    return res;
}

static void print_json(const struct setting *s, const struct result *r, bool first)
{
    const struct {
        const char *what;
        double value;
        const char *unit;
    } lines[] = {
        {"what is seen and frames",        r->emit_us,   "us/tick"},
        {"with scan and diff",             r->all_us,    "us/tick"},
        {"frames for all, 5 ticks behind", r->behind_us, "us"     },
        {"frame",                          r->bytes,     "bytes"  },
        {"rows seen",                      r->seen,      "rows"   }
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        printf("%s{\"metric\":\"%s: %s\",\"value\":%.1f,\"unit\":\"%s\"}",
               first && i == 0 ? "" : ",", s->name, lines[i].what, lines[i].value,
               lines[i].unit);
}

int main(int argc, char **argv)
{
    static const struct setting settings[] = {
        {"1000 moving, 200 players, 100 near",                1000,  200, 100, false},
        {"1000 moving, 200 players, 50 near",                 1000,  200, 50,  false},
        {"10000 moving, 100 players, 100 near",               10000, 100, 100, false},
        {"1000 moving, 200 players, all seen",                1000,  200, 0,   false},
        {"1000 moving, 200 players, all seen, owners' field", 1000,  200, 0,   true },
    };
    char folder[] = "/tmp/parlor-bench-XXXXXX";
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0, first = true;
    const char *word = argc > 1 + json ? argv[1 + json] : "";

    bench_folder(folder);
    if (json)
        printf("{\"bench\":\"interest\",\"results\":[");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!strstr(settings[i].name, word))
            continue;
        struct result r = measure(folder, &settings[i]);
        if (json)
            print_json(&settings[i], &r, first);
        else
            printf(
                "%-50s scan %6.0f us, commit %4.0f us, seen + frames %6.0f us, all %6.0f "
                "us a tick; %5.0f bytes, %4.0f rows a player; behind %6.0f us\n",
                settings[i].name, r.scan_us, r.commit_us, r.emit_us, r.all_us, r.bytes,
                r.seen, r.behind_us);
        first = false;
    }
    if (json)
        printf("]}\n");
    bench_folder_end(folder);
    return 0;
}
