/* SPDX-License-Identifier: MIT */
/*
 * cmd_bots - `parlor bots GAME N`: players who are not there, in a server that runs.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"
#include "room/game.h"
#include "server/bots_net.h"
#include "server/cmd.h"

static const char help[] =
    "Example: parlor bots pond 5\n"
    "\n"
    "Usage: parlor bots GAME [N] [--url URL] [--room NAME] [--games FOLDER] [--seconds N]\n"
    "\n"
    "N bots (3; up to 1000) join a game on a running server, as browsers do, and play by\n"
    "its bot.lua until Ctrl-C. One that loses its seat comes again.\n"
    "\n"
    "  --url URL       the server (http://127.0.0.1:8080)\n"
    "  --room NAME     this room; without it any open one\n"
    "  --games FOLDER  where GAME/bot.lua is (games)\n"
    "  --seconds N     leave after so long\n"
    "  --scripts FOLDER, --help\n"
    "\n"
    "How to write a bot.lua: games/README.md, \"Bots\".\n"
    "Exit: 0, 64 usage, 65 bot.lua is wrong, 69 no server answers.\n";

enum { PATIENCE_S = 5, DEFAULT_BOTS = 3, MAX_SECONDS = 86400 };

struct words {
    const char *game, *url, *room, *games;
    unsigned count, seconds;
    char scripts[CONFIG_TEXT_MAX + 1];
};

static bool read_number(const char *text, unsigned high, unsigned *out)
{
    char *stop;
    unsigned long value = strtoul(text, &stop, 10);

    *out = (unsigned)value;
    return *text >= '0' && *text <= '9' && !*stop && value >= 1 && value <= high;
}

/* One option and its value. Returns an exit code, or -1 to go on. */
static int read_option(struct words *w, const char *name, const char *value)
{
    const char **text = strcmp(name, "--url") == 0     ? &w->url
                        : strcmp(name, "--room") == 0  ? &w->room
                        : strcmp(name, "--games") == 0 ? &w->games
                                                       : NULL;
    bool is_seconds = strcmp(name, "--seconds") == 0;
    bool is_scripts = strcmp(name, "--scripts") == 0;

    if (!text && !is_seconds && !is_scripts)
        return cmd_complain(EXIT_USAGE,
                            "%s: there is no such option (see parlor bots --help)", name);
    if (!value)
        return cmd_complain(EXIT_USAGE, "%s: a value is missing", name);
    if (is_seconds && !read_number(value, MAX_SECONDS, &w->seconds))
        return cmd_complain(EXIT_USAGE, "--seconds: a number from 1 to %d", MAX_SECONDS);
    if (is_scripts)
        snprintf(w->scripts, sizeof w->scripts, "%s", value);
    if (text)
        *text = value;
    return -1;
}

/* Returns an exit code, or -1 to go on. */
static int read_words(struct words *w, int argc, char **argv)
{
    int code, n = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_OK;
        }
        if (*argv[i] == '-') {
            if ((code = read_option(w, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) >= 0)
                return code;
            i++;
        } else if (n == 0) {
            w->game = argv[i];
            n++;
        } else if (n == 1) {
            if (!read_number(argv[i], BOTS_NET_MAX, &w->count))
                return cmd_complain(EXIT_USAGE, "%s: a number of bots from 1 to %d",
                                    argv[i], BOTS_NET_MAX);
            n++;
        } else {
            return cmd_complain(EXIT_USAGE,
                                "%s: one word too many (see parlor bots --help)", argv[i]);
        }
    }
    if (!w->game)
        return cmd_complain(EXIT_USAGE, "bots: which game? (see parlor bots --help)");
    if (!game_is_name(w->game, strlen(w->game)))
        return cmd_complain(EXIT_USAGE, "%s: this is no name of a game", w->game);
    if (w->room && !game_is_room_name(w->room, strlen(w->room)))
        return cmd_complain(EXIT_USAGE, "%s: this is no name of a room", w->room);
    if (!*w->scripts && !cmd_find_scripts(w->scripts))
        return cmd_complain(EXIT_CONFIG, "the Lua library is not found; name its folder "
                                         "with --scripts");
    return -1;
}

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

/* scripts/kit/bots.lua gives function(options), which returns an exit code and why. */
static int play(lua_State *L, const struct words *w)
{
    char path[CONFIG_TEXT_MAX + 64];
    uint32_t seed;

    snprintf(path, sizeof path, "%s/kit/bots.lua", w->scripts);
    if (luaL_loadfile(L, path) || lua_pcall(L, 0, 1, 0))
        return cmd_complain(EXIT_CONFIG, "%s", lua_tostring(L, -1));
    lua_newtable(L);
    set_text(L, "game", w->game);
    set_text(L, "games", w->games);
    set_text(L, "room", w->room);
    set_text(L, "url", w->url);
    set_number(L, "count", w->count);
    set_number(L, "patience", PATIENCE_S);
    rnd_secret(&seed, sizeof seed);
    set_number(L, "seed", seed);
    if (w->seconds)
        set_number(L, "seconds", w->seconds);
    if (lua_pcall(L, 1, 2, 0))
        return cmd_complain(EXIT_UNAVAILABLE, "%s", lua_tostring(L, -1));
    int code = (int)lua_tointeger(L, -2);
    return lua_isnil(L, -1) ? code : cmd_complain(code, "%s", lua_tostring(L, -1));
}

int cmd_bots(int argc, char **argv)
{
    struct words w = {
        .url = "http://127.0.0.1:8080", .games = "games", .count = DEFAULT_BOTS};
    struct bots_net net;
    struct err e;
    int code = read_words(&w, argc, argv);

    if (code >= 0)
        return code;
    if (bots_net_init(&net, w.url, &e) < 0)
        return cmd_complain(EXIT_USAGE, "%s", e.text);
    lua_State *L = luaL_newstate();
    if (!L)
        return cmd_complain(EXIT_UNAVAILABLE, "out of memory");
    luaL_openlibs(L);
    bots_net_open(L, w.scripts, &net);
    code = play(L, &w);
    lua_close(L);
    bots_net_fini(&net);
    return code;
}
