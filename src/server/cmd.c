/* SPDX-License-Identifier: MIT */
#include "server/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logger.h"
#include "room/game.h"
#include "server/tool.h"

enum { MAX_GAMES = 1024 };

/* What the command line says. */
struct words {
    const char *games;   /* --games */
    const char *game;    /* which, as it was written; NULL: all */
    const char *list[4]; /* handed on */
    int n;
    unsigned seconds; /* --seconds */
    bool shows_log;
    bool has_flag;
    char scripts[CONFIG_TEXT_MAX + 1];
};

int cmd_complain(int code, const char *format, ...)
{
    va_list args;

    fputs("parlor: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    return code;
}

bool cmd_find_scripts(char out[CONFIG_TEXT_MAX + 1])
{
    static const char *const places[] = {"/../../scripts", "/../share/parlor/scripts"};
    char self[PATH_MAX], path[PATH_MAX + 64], full[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    struct stat st;

    if (n <= 0)
        return false;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s/host.lua", self, places[i]);
        if (stat(path, &st) != 0)
            continue;
        snprintf(path, sizeof path, "%s%s", self, places[i]);
        if (realpath(path, full) && strlen(full) <= CONFIG_TEXT_MAX) {
            strcpy(out, full);
            return true;
        }
    }
    return false;
}

/* Returns an exit code, or -1 to go on. */
static int read_words(const struct cmd *cmd, struct words *w, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        bool wants_value = strcmp(word, "--games") == 0 || strcmp(word, "--scripts") == 0 ||
                           strcmp(word, "--seconds") == 0;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(cmd->help, stdout);
            return EXIT_OK;
        }
        if (wants_value && i + 1 == argc)
            return cmd_complain(EXIT_USAGE, "%s: a value is missing", word);
        if (strcmp(word, "--games") == 0) {
            w->games = argv[++i];
        } else if (strcmp(word, "--seconds") == 0) {
            w->seconds = (unsigned)strtoul(argv[++i], NULL, 10);
            if (w->seconds < 1 || w->seconds > TOOL_MAX_S)
                return cmd_complain(EXIT_USAGE, "--seconds: a number from 1 to %d",
                                    TOOL_MAX_S);
        } else if (wants_value) {
            snprintf(w->scripts, sizeof w->scripts, "%s", argv[++i]);
        } else if (strcmp(word, "--log") == 0) {
            w->shows_log = true;
        } else if (cmd->flag && strcmp(word, cmd->flag) == 0) {
            w->has_flag = true;
        } else if (*word == '-') {
            return cmd_complain(EXIT_USAGE,
                                "%s: there is no such option (see parlor %s "
                                "--help)",
                                word, cmd->name);
        } else if (cmd->takes_game && !w->game) {
            w->game = word;
        } else if (w->n < cmd->max_words) {
            w->list[w->n++] = word;
        } else {
            return cmd_complain(EXIT_USAGE, "%s: one word too many (see parlor %s --help)",
                                word, cmd->name);
        }
    }
    if (cmd->needs_word && w->n == 0)
        return cmd_complain(EXIT_USAGE, "%s: a name is missing (see parlor %s --help)",
                            cmd->name, cmd->name);
    if (!*w->scripts && !cmd_find_scripts(w->scripts))
        return cmd_complain(EXIT_CONFIG, "the Lua library is not found; name its folder "
                                         "with --scripts");
    return -1;
}

static bool is_game(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    return snprintf(path, sizeof path, "%s/%s/game.lua", folder, name) < (int)sizeof path &&
           stat(path, &st) == 0;
}

/* Append {name=, folder=} to the list at the top of the stack. */
static void add_game(lua_State *L, const char *folder, const char *name)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushfstring(L, "%s/%s", folder, name);
    lua_setfield(L, -2, "folder");
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All games of a folder, by name. Returns how many, or -errno. */
static int add_all(lua_State *L, const char *folder)
{
    DIR *dir = opendir(folder);
    char *names[MAX_GAMES];
    int n = 0;

    if (!dir)
        return -errno;
    for (struct dirent *at; n < MAX_GAMES && (at = readdir(dir));)
        if (game_is_name(at->d_name, strlen(at->d_name)) && is_game(folder, at->d_name) &&
            (names[n] = strdup(at->d_name)))
            n++;
    closedir(dir);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        add_game(L, folder, names[i]);
        free(names[i]);
    }
    return n;
}

/* A game by its folder's path: games/pond, ., ../mine. */
static bool add_path(lua_State *L, const char *path)
{
    char full[PATH_MAX];

    if (!is_game(path, ".") || !realpath(path, full))
        return false;
    char *name = strrchr(full, '/') + 1;
    if (!game_is_name(name, strlen(name)))
        return false;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushlstring(L, path, strlen(path) - (path[strlen(path) - 1] == '/'));
    lua_setfield(L, -2, "folder");
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    return true;
}

/* Push the list of games that are meant. Returns an exit code, or -1 to go on. */
static int push_games(lua_State *L, const struct words *w)
{
    const char *game = w->game;
    int n;

    lua_newtable(L);
    if (!game) {
        if ((n = add_all(L, w->games)) < 0)
            return cmd_complain(EXIT_CONFIG,
                                "the games folder %s cannot be read: %s; name "
                                "one with --games",
                                w->games, strerror(-n));
        return n > 0 ? -1
                     : cmd_complain(EXIT_CONFIG,
                                    "there is no game in %s: a game is a "
                                    "folder with a game.lua",
                                    w->games);
    }
    if (game_is_name(game, strlen(game)) && is_game(w->games, game)) {
        add_game(L, w->games, game);
        return -1;
    }
    if (add_path(L, game) || add_all(L, game) > 0)
        return -1;
    return cmd_complain(EXIT_USAGE,
                        "%s: there is no such game in %s, nor is it a folder "
                        "with a game.lua",
                        game, w->games);
}

static void no_log(enum logger_level level, const char *area, const char *text)
{
    (void)level, (void)area, (void)text;
}

static int with_traceback(lua_State *L)
{
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

/* The Lua half: a file that returns function(games, words, options), which returns an
 * exit code. The list of games is at the top of the stack. */
static int run_kit(lua_State *L, const struct cmd *cmd, const struct words *w)
{
    char path[CONFIG_TEXT_MAX + 64];

    snprintf(path, sizeof path, "%s/kit/%s.lua", w->scripts, cmd->name);
    lua_pushcfunction(L, with_traceback);
    if (luaL_loadfile(L, path) || lua_pcall(L, 0, 1, -2))
        return cmd_complain(EXIT_CONFIG, "%s", lua_tostring(L, -1));
    lua_pushvalue(L, -3);
    lua_newtable(L);
    for (int i = 0; i < w->n; i++) {
        lua_pushstring(L, w->list[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_createtable(L, 0, 3);
    lua_pushstring(L, w->games);
    lua_setfield(L, -2, "games");
    lua_pushstring(L, w->scripts);
    lua_setfield(L, -2, "scripts");
    lua_pushboolean(L, w->has_flag);
    lua_setfield(L, -2, "flag");
    if (lua_pcall(L, 3, 1, -5))
        return cmd_complain(EXIT_CONFIG, "%s", lua_tostring(L, -1));
    return (int)lua_tointeger(L, -1);
}

int cmd_run(const struct cmd *cmd, int argc, char **argv)
{
    struct words w = {.games = "games", .seconds = TOOL_TEST_S};
    struct tool tool = {.sim = NULL};
    int code = read_words(cmd, &w, argc, argv);

    if (code >= 0)
        return code;
    lua_State *L = luaL_newstate();
    if (!L)
        return cmd_complain(EXIT_UNAVAILABLE, "out of memory");
    luaL_openlibs(L);
    logger_set_sink(w.shows_log ? NULL : no_log);
    tool.scripts = w.scripts;
    tool.seconds = w.seconds;
    tool_open(L, &tool);
    if (cmd->takes_game)
        code = push_games(L, &w);
    else
        lua_pushnil(L);
    if (code < 0)
        code = run_kit(L, cmd, &w);
    sim_free(&tool.sim);
    lua_close(L);
    fflush(stdout);
    return code;
}
