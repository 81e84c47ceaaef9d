/* SPDX-License-Identifier: MIT */
/*
 * types - what games are handed at run time and what scripts/types/parlor.lua says that
 * they are handed are the same names. (That each of these is in scripts/README.md, with
 * an example, is the business of tests/e2e/readme.test.mjs.)
 */
#include "rig.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_types(void)
{
    static char text[128 * 1024];
    FILE *f = fopen(SCRIPTS_DIR "/types/parlor.lua", "r");

    CHECK(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    CHECK(n > 0 && n < sizeof text - 1);
    text[n] = 0;
    return text;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    char *at[128];
    size_t n;
};

/* Of parlor.board.submit and parlor.board.top the part `board` counts once. */
static void add(struct names *list, const char *name, size_t len)
{
    for (size_t i = 0; i < list->n; i++)
        if (strlen(list->at[i]) == len && memcmp(list->at[i], name, len) == 0)
            return;
    CHECK(list->n < sizeof list->at / sizeof *list->at);
    list->at[list->n++] = strndup(name, len);
    qsort(list->at, list->n, sizeof *list->at, by_name);
}

static void forget(struct names *list)
{
    while (list->n)
        free(list->at[--list->n]);
}

static size_t word(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

/* "function OF.name(" or "function OF:name(", and "---@field name" of `fields_of`. */
static void add_declared(struct names *list, const char *of, const char *fields_of)
{
    char prefix[64], class[64];
    const char *text = read_types();
    bool is_inside = false;

    snprintf(prefix, sizeof prefix, "function %s", of);
    snprintf(class, sizeof class, "---@class parlor.%s\n", fields_of ? fields_of : "-");
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line != 0) {
        const char *name = line + strlen(prefix);
        if (strncmp(line, class, strlen(class)) == 0)
            is_inside = true;
        else if (*line == '\n' || strncmp(line, "local", 5) == 0)
            is_inside = false;
        if (is_inside && strncmp(line, "---@field ", 10) == 0)
            add(list, line + 10, word(line + 10));
        if (strncmp(line, prefix, strlen(prefix)) == 0 && (*name == '.' || *name == ':'))
            add(list, name + 1, word(name + 1));
    }
}

/* The names of the table at the top of the stack. */
static void add_keys(struct names *list, lua_State *L)
{
    CHECK(lua_istable(L, -1));
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        add(list, lua_tostring(L, -2), strlen(lua_tostring(L, -2)));
}

/* Push the upvalue of that name of the function at the top. */
static void push_upvalue(lua_State *L, const char *wanted)
{
    const char *name;

    for (int i = 1; (name = lua_getupvalue(L, -1, i)); i++) {
        if (strcmp(name, wanted) == 0)
            return;
        lua_pop(L, 1);
    }
    fail_msg("there is no upvalue %s", wanted);
}

static void check_equal(const char *what, struct names *have, struct names *declared)
{
    for (size_t i = 0, k = 0; i < have->n || k < declared->n;) {
        int order = i == have->n       ? 1
                    : k == declared->n ? -1
                                       : strcmp(have->at[i], declared->at[k]);
        if (order < 0)
            fail_msg("%s: %s is there, but not in scripts/types/parlor.lua", what,
                     have->at[i]);
        if (order > 0)
            fail_msg("%s: %s is in scripts/types/parlor.lua, but not there", what,
                     declared->at[k]);
        i++, k++;
    }
    CHECK(have->n > 2);
    forget(have);
    forget(declared);
}

/* The names of a table that a script can reach. */
static void add_seen(struct names *list, struct rig *r, const char *expression)
{
    char code[200];

    snprintf(code, sizeof code,
             "local t = {} for k in pairs(%s) do t[#t + 1] = k end return t", expression);
    const char *at = rig_eval(r, code);
    CHECK(*at == '[');
    while ((at = strchr(at, '"'))) {
        add(list, at + 1, word(at + 1));
        at = strchr(at + 1, '"') + 1;
    }
}

TEST(types_complete, "definitions for editors name all that games are handed, and no more")
{
    struct rig r = {0};
    struct names have = {0}, declared = {0};
    lua_State *L;

    rig_open(&r, RUNNER("", ""));
    L = r.vm->L;
    add_seen(&have, &r, "require 'parlor'");
    add_declared(&declared, "parlor", NULL);
    add(&declared, "schema", 6);
    add(&declared, "match", 5);
    check_equal("parlor", &have, &declared);

    add_seen(&have, &r, "require 'parlor'.schema");
    add_declared(&declared, "Schema", "Schema");
    check_equal("parlor.schema", &have, &declared);

    lua_rawgeti(L, LUA_REGISTRYINDEX, r.room->room_ref);
    CHECK(lua_getmetatable(L, -1));
    lua_getfield(L, -1, "__index"); /* what the game has, and the calls of rooms */
    add_keys(&have, L);
    add_declared(&declared, "Room", NULL);
    add(&declared, "message", 7);
    add(&declared, "on", 2);
    check_equal("room", &have, &declared);
    lua_settop(L, 0);

    lua_rawgeti(L, LUA_REGISTRYINDEX, r.room->seats_ref);
    lua_rawgeti(L, -1, 1);
    CHECK(lua_getmetatable(L, -1));
    lua_getfield(L, -1, "__index");
    push_upvalue(L, "player_api");
    add_keys(&have, L);
    add_declared(&declared, "Player", NULL);
    check_equal("player", &have, &declared);
    lua_settop(L, 0);
    rig_close(&r);
}

TEST(types_options, "definitions for editors name all options of parlor.game, and no more")
{
    static const char *const options[] = {
#define NUMBER(name, ...) #name,
#define WHOLE(name, ...)  #name,
#define FLAG(name)        #name,
#define SWITCH(name)      #name,
#define TEXT(name, ...)   #name,
#include "script/game_option.def"
#undef NUMBER
#undef WHOLE
#undef FLAG
#undef SWITCH
#undef TEXT
        "state", "messages", "events", "match", "queue", "rooms", "protocols",
    };
    struct names have = {0}, declared = {0};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(&have, options[i], strlen(options[i]));
    add_declared(&declared, "-", "Options");
    check_equal("parlor.game", &have, &declared);
}
