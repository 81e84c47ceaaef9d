/* SPDX-License-Identifier: MIT */
#include "server/tool.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "room/game.h"
#include "server/cmd.h"
#include "server/script_hint.h"

enum { MAX_DEPTH = 16, MAX_NAMES = 256 };

/* What runs, for the message of one that does not end, and its folder. */
static char running[256], its_folder[SIM_TMP_MAX + 24];

static void on_alarm(int number)
{
    static const char head[] = "parlor: not back in time (--seconds): ";

    (void)number;
    if (write(STDERR_FILENO, head, sizeof head - 1) < 0 ||
        write(STDERR_FILENO, running, strlen(running)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(EXIT_UNAVAILABLE);
    /* Whatever was interrupted may hold malloc's lock: another program cleans up. */
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", its_folder, (char *)NULL);
        _exit(EXIT_UNAVAILABLE);
    }
    waitpid(pid, NULL, 0);
    _exit(EXIT_FINDINGS);
}

static struct tool *tool_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* begin(what, seed): a new simulation, and the clock for how long it takes */
static int do_begin(lua_State *L)
{
    struct tool *t = tool_of(L);

    snprintf(running, sizeof running, "%s", luaL_checkstring(L, 1));
    sim_free(&t->sim);
    t->sim = sim_new(t->scripts, true, (uint64_t)luaL_checkinteger(L, 2));
    if (!t->sim)
        luaL_error(L, "no folder for the simulation can be made: %s", strerror(errno));
    snprintf(its_folder, sizeof its_folder, "%s", t->sim->folder);
    signal(SIGALRM, on_alarm);
    alarm(t->seconds);
    return 0;
}

/* finish() */
static int do_finish(lua_State *L)
{
    alarm(0);
    sim_free(&tool_of(L)->sim);
    return 0;
}

/* seconds(): of a clock that no test turns */
static int do_seconds(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    return 1;
}

static int do_complain(lua_State *L)
{
    cmd_complain(0, "%s", luaL_checkstring(L, 1));
    return 0;
}

/* mkdir(path) -> true; or nil and why */
static int do_mkdir(lua_State *L)
{
    if (mkdir(luaL_checkstring(L, 1), 0777) == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
}

/* exists(path) -> "file", "folder" or nil */
static int do_exists(lua_State *L)
{
    struct stat st;

    if (lstat(luaL_checkstring(L, 1), &st) != 0)
        return 0;
    lua_pushstring(L, S_ISDIR(st.st_mode) ? "folder" : "file");
    return 1;
}

static int do_is_name(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);

    lua_pushboolean(L, game_is_name(name, len) && !game_is_reserved(name));
    return 1;
}

static void add_files(lua_State *L, const char *folder, const char *before, int depth)
{
    DIR *dir = depth < MAX_DEPTH ? opendir(folder) : NULL;

    for (struct dirent *at; dir && (at = readdir(dir));) {
        char path[2048], name[1024];
        struct stat st;
        size_t len = strlen(at->d_name);
        if (*at->d_name == '.' || (depth == 0 && strcmp(at->d_name, "web") == 0) ||
            snprintf(path, sizeof path, "%s/%s", folder, at->d_name) >= (int)sizeof path ||
            snprintf(name, sizeof name, "%s%s", before, at->d_name) >=
                (int)sizeof name - 1 ||
            stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            strcat(name, "/");
            add_files(L, path, name, depth + 1);
        } else if (len > 4 && strcmp(at->d_name + len - 4, ".lua") == 0) {
            lua_pushstring(L, name);
            lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
        }
    }
    if (dir)
        closedir(dir);
}

/* lua_files(folder) -> all .lua in it but for web/, paths relative to it, unordered */
static int do_lua_files(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);

    lua_newtable(L);
    add_files(L, folder, "", 0);
    return 1;
}

/* near(word, list) -> the name of the list that the word is likely to mean, or nil */
static int do_near(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1), *names[MAX_NAMES];
    size_t n = lua_objlen(L, 2);

    luaL_checktype(L, 2, LUA_TTABLE);
    if (n > MAX_NAMES)
        n = MAX_NAMES;
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        names[i] = luaL_checkstring(L, -1); /* the list holds it */
        lua_pop(L, 1);
    }
    lua_pushstring(L, script_hint_near(word, names, n));
    return 1;
}

/* hint(message) -> what may help, or nil */
static int do_hint(lua_State *L)
{
    char text[SCRIPT_HINT_MAX];

    if (!script_hint(luaL_checkstring(L, 1), text))
        return 0;
    lua_pushstring(L, text);
    return 1;
}

/* method(word) -> the method of rooms or players that the word is likely to mean, or nil */
static int do_method(lua_State *L)
{
    lua_pushstring(L, script_hint_method(luaL_checkstring(L, 1)));
    return 1;
}

/* options() -> the names that parlor.game takes */
static int do_options(lua_State *L)
{
    int n = 0;

    lua_newtable(L);
    for (const char *const *at = script_hint_options; *at; at++) {
        lua_pushstring(L, *at);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* callbacks() -> the names of those that a game may have */
static int do_callbacks(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++) {
        lua_pushstring(L, vm_callback_names[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void tool_open(lua_State *L, struct tool *t)
{
    static const luaL_Reg functions[] = {
        {"begin",     do_begin    },
        {"finish",    do_finish   },
        {"seconds",   do_seconds  },
        {"complain",  do_complain },
        {"mkdir",     do_mkdir    },
        {"exists",    do_exists   },
        {"is_name",   do_is_name  },
        {"lua_files", do_lua_files},
        {"near",      do_near     },
        {"hint",      do_hint     },
        {"options",   do_options  },
        {"callbacks", do_callbacks},
        {"method",    do_method   },
        {NULL,        NULL        },
    };

    sim_lua_open(L, t->scripts, &t->sim);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaded");
    lua_newtable(L);
    for (const luaL_Reg *f = functions; f->name; f++) {
        lua_pushlightuserdata(L, t);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
    lua_setfield(L, -2, "kit.tool");
    lua_pop(L, 2);
}
