/* SPDX-License-Identifier: MIT */
/*
 * scenario - runs tests/scenario/<letter><nnn>_what.lua, each test of a file in a
 * world of its own, and reports in TAP. A word as argument picks the tests whose
 * file or sentence holds it.
 *
 * A test that hangs ends the program after a minute: SIGALRM is left at its
 * default.
 */
#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/logger.h"
#include "server/sim_lua.h"

enum { MAX_FILES = 256, SECONDS = 60 };

static unsigned n_passed, n_failed;

static int with_traceback(lua_State *L)
{
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

/* Say nothing of what scripts do wrong on purpose. */
static void no_log(enum logger_level level, const char *area, const char *text)
{
    (void)level, (void)area, (void)text;
}

/* A comment in TAP: each line behind a #. */
static void print_comment(const char *text)
{
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        printf("# %.*s\n", (int)n, at);
        at += n + (at[n] != 0);
    }
}

/* Run the test at the top of the stack, { sentence, function, is_dev }. */
static void run_test(lua_State *L, struct sim **rig, const char *file, const char *word)
{
    char name[512];

    lua_rawgeti(L, -1, 1);
    snprintf(name, sizeof name, "%.*s: %s", (int)strcspn(file, "."), file,
             lua_tostring(L, -1));
    lua_rawgeti(L, -2, 3);
    bool is_dev = lua_toboolean(L, -1);
    lua_pop(L, 2);
    if (word && !strstr(name, word))
        return;
    alarm(SECONDS);
    if (!(*rig = sim_new(SCRIPTS_DIR, is_dev, 1 + n_passed + n_failed))) {
        perror("scenario");
        exit(1);
    }
    lua_pushcfunction(L, with_traceback);
    lua_getglobal(L, "run_test");
    lua_rawgeti(L, -3, 2);
    bool ok = lua_pcall(L, 1, 0, -3) == 0;
    *(ok ? &n_passed : &n_failed) += 1;
    printf("%sok %u - %s\n", ok ? "" : "not ", n_passed + n_failed, name);
    if (!ok) {
        print_comment(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    sim_free(rig);
    fflush(stdout);
}

static void fail(lua_State *L, const char *file)
{
    n_failed++;
    printf("not ok %u - %s does not load\n", n_passed + n_failed, file);
    print_comment(lua_tostring(L, -1));
    lua_close(L);
}

static void run_file(const char *file, const char *word)
{
    char path[1024];
    struct sim *rig = NULL;
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    sim_lua_open(L, SCRIPTS_DIR, &rig);
    lua_pushliteral(L, GAMES_DIR);
    lua_setglobal(L, "GAMES_DIR");
    lua_settop(L, 0);
    snprintf(path, sizeof path, "%s/%s", SCENARIO_DIR, file);
    if (luaL_dofile(L, SCENARIO_DIR "/lib/play.lua") || luaL_dofile(L, path)) {
        fail(L, file);
        return;
    }
    lua_settop(L, 0);
    lua_getglobal(L, "tests");
    for (int i = 1; i <= (int)lua_objlen(L, 1); i++) {
        lua_rawgeti(L, 1, i);
        run_test(L, &rig, file, word);
        lua_settop(L, 1);
    }
    lua_close(L);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    char *files[MAX_FILES];
    size_t n = 0;
    DIR *dir = opendir(SCENARIO_DIR);

    for (struct dirent *at; dir && (at = readdir(dir));) {
        size_t len = strlen(at->d_name);
        if (len > 4 && strcmp(at->d_name + len - 4, ".lua") == 0 && n < MAX_FILES)
            files[n++] = strdup(at->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(files, n, sizeof *files, by_name);
    logger_set_sink(getenv("SCENARIO_LOG") ? NULL : no_log);
    for (size_t i = 0; i < n; i++) {
        run_file(files[i], argc > 1 ? argv[1] : NULL);
        free(files[i]);
    }
    printf("1..%u\n# %u passed, %u failed\n", n_passed + n_failed, n_passed, n_failed);
    return n_failed || n == 0 ? 1 : 0;
}
