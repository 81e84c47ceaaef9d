/* SPDX-License-Identifier: MIT */
#include "script/game_def.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

/* The number of option `name` at the top of the stack. */
static int read_number(lua_State *L, const char *name, double low, double high, bool whole,
                       double *out, struct err *e)
{
    double v = lua_tonumber(L, -1);

    if (lua_type(L, -1) != LUA_TNUMBER || !(v >= low && v <= high) ||
        (whole && v != floor(v)))
        return err_set(e, -EINVAL, "%s: a %s from %.14g to %.14g is expected", name,
                       whole ? "whole number" : "number", low, high);
    *out = v;
    return 0;
}

static int read_text(lua_State *L, const char *name, char *out, size_t max, struct err *e)
{
    size_t len = 0;
    /* A number would be turned into text on the way. */
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;

    if (!text || len > max || strlen(text) != len || !utf8_is_valid(text, len))
        return err_set(e, -EINVAL, "%s: a string of at most %zu bytes of UTF-8 is expected",
                       name, max);
    memcpy(out, text, len + 1);
    return 0;
}

static int read_protocols(struct game_def *d, lua_State *L, struct err *e)
{
    size_t n = lua_objlen(L, -1);

    if (lua_type(L, -1) != LUA_TTABLE || n > GAME_MAX_PROTOCOLS)
        goto bad;
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, (int)i);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        /* A subprotocol is a token of RFC 9110, 5.6.2. */
        bool good =
            *name && !name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrst"
                                        "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
        if (good && !(d->protocols[d->n_protocols++] = strdup(name)))
            return err_set(e, -ENOMEM, "out of memory");
        lua_pop(L, 1);
        if (!good)
            goto bad;
    }
    return 0;

bad:
    return err_set(e, -EINVAL,
                   "protocols: a list of up to %d subprotocol names is expected",
                   GAME_MAX_PROTOCOLS);
}

static int read_rooms(struct game_def *d, lua_State *L, struct err *e)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    d->listed = strcmp(text, "listed") == 0;
    if (!d->listed && strcmp(text, "open") != 0)
        return err_set(e, -EINVAL, "rooms: \"open\" or \"listed\" is expected");
    return 0;
}

/* The value of option `name` is at the top of the stack. */
static int read_option(struct game_def *d, lua_State *L, const char *name, struct err *e)
{
    double v;
    int r;

#define NUMBER(option, preset, low, high)                                                  \
    if (strcmp(name, #option) == 0)                                                        \
        return read_number(L, name, low, high, false, &d->option, e);
#define WHOLE(option, preset, low, high)                                                   \
    if (strcmp(name, #option) == 0) {                                                      \
        if ((r = read_number(L, name, low, high, true, &v, e)) == 0)                       \
            d->option = (uint32_t)v;                                                       \
        return r;                                                                          \
    }
#define FLAG(option)                                                                       \
    if (strcmp(name, #option) == 0) {                                                      \
        if (lua_type(L, -1) != LUA_TBOOLEAN)                                               \
            return err_set(e, -EINVAL, "%s: true or false is expected", name);             \
        d->option = lua_toboolean(L, -1);                                                  \
        return 0;                                                                          \
    }
#define SWITCH(option) FLAG(option)
#define TEXT(option, max_bytes)                                                            \
    if (strcmp(name, #option) == 0)                                                        \
        return read_text(L, name, d->option, max_bytes, e);
#include "script/game_option.def"
#undef NUMBER
#undef WHOLE
#undef FLAG
#undef SWITCH
#undef TEXT
    if (strcmp(name, "rooms") == 0)
        return read_rooms(d, L, e);
    if (strcmp(name, "protocols") == 0)
        return read_protocols(d, L, e);
    if (strcmp(name, "match") == 0)
        return game_rule_read_match(d->rules, &d->n_rules, L, e);
    if (strcmp(name, "queue") == 0)
        return game_rule_read_queue(&d->queue, L, e);
    return err_set(e, -EINVAL, "parlor.game has no option %s (see scripts/README.md)",
                   name);
}

int game_def_new(struct game_def **out, lua_State *L, int index, const char *json,
                 size_t n_json, struct schema *reuse, struct err *e)
{
    struct game_def *d = calloc(1, sizeof *d);
    bool has_rate = false;
    int r = 0;

    *out = NULL;
    if (!d)
        return err_set(e, -ENOMEM, "out of memory");
#define NUMBER(option, preset, low, high) d->option = preset;
#define WHOLE(option, preset, low, high)  d->option = preset;
#define FLAG(option)
#define SWITCH(option) d->option = true;
#define TEXT(option, max_bytes)
#include "script/game_option.def"
#undef NUMBER
#undef WHOLE
#undef FLAG
#undef SWITCH
#undef TEXT

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[?]";
        has_rate = has_rate || strcmp(name, "tick_rate") == 0;
        if ((r = read_option(d, L, name, e)) < 0) {
            lua_pop(L, 2);
            break;
        }
    }
    if (r == 0 && d->raw && !has_rate)
        d->tick_rate = 0;
    if (r == 0 && d->durable && d->raw)
        r = err_set(e, -EINVAL, "durable: a raw game has no declared state to keep");
    if (r == 0 && d->n_protocols && !d->raw)
        r = err_set(e, -EINVAL, "protocols: only a raw game speaks its own");
    if (r == 0 && d->queue.is_on && d->raw)
        r = err_set(e, -EINVAL, "queue: a raw game cannot tell who waits");
    if (r == 0 && d->queue.is_on && d->queue.max == 0)
        d->queue.max = d->max_players;
    if (r == 0 && d->queue.is_on &&
        (d->queue.max > d->max_players || d->queue.min > d->queue.max))
        r = err_set(e, -EINVAL, "queue: more than max_players cannot begin together");
    if (r == 0 && reuse && reuse->n_full == n_json &&
        memcmp(reuse->full, json, n_json) == 0)
        d->schema = schema_ref(reuse);
    else if (r == 0)
        r = schema_parse(&d->schema, json, n_json, e);
    if (r < 0) {
        game_def_free(&d);
        return r;
    }
    *out = d;
    return 0;
}

void game_def_free(struct game_def **d)
{
    if (*d) {
        for (uint32_t i = 0; i < (*d)->n_protocols; i++)
            free((*d)->protocols[i]);
        schema_unref(&(*d)->schema);
        free(*d);
    }
    *d = NULL;
}
