/* SPDX-License-Identifier: MIT */
#include "script/game_rule.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The number `key` of the table at the top of the stack; `preset` where there is none.
 * False: it is no number from low to high. */
static bool number_of(lua_State *L, const char *key, double preset, double low, double high,
                      double *out)
{
    lua_pushstring(L, key);
    lua_rawget(L, -2);
    bool ok = lua_isnil(L, -1) || lua_type(L, -1) == LUA_TNUMBER;
    *out = lua_isnil(L, -1) ? preset : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return ok && *out >= low && *out <= high;
}

/* One rule; its table is at the top of the stack. */
static int read_rule(struct game_rule *rule, lua_State *L, struct err *e)
{
    const char *kind = "";

    if (lua_istable(L, -1)) {
        lua_pushliteral(L, "rule");
        lua_rawget(L, -2);
        kind = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        lua_pop(L, 1); /* the table holds on to it */
    }
    rule->kind = RULE_SAME;
    if (strcmp(kind, "same") == 0)
        return 0;
    rule->kind = RULE_ANY;
    if (strcmp(kind, "any") == 0)
        return 0;
    rule->kind = RULE_NEAR;
    if (strcmp(kind, "near") != 0)
        return err_set(e, -EINVAL,
                       "match.%s: parlor.match.same, .any or .near{by=} is expected",
                       rule->name);
    if (!number_of(L, "by", -1, 0, 1e15, &rule->by) ||
        !number_of(L, "widen", 0, 0, 1e15, &rule->widen) ||
        !number_of(L, "max", 1e15, rule->by, 1e15, &rule->max))
        return err_set(e, -EINVAL,
                       "match.%s: near takes by, widen (a second) and max, numbers from 0; "
                       "max is no less than by",
                       rule->name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct game_rule *)a)->name, ((const struct game_rule *)b)->name);
}

int game_rule_read_match(struct game_rule *rules, uint32_t *n, lua_State *L, struct err *e)
{
    int r;

    *n = 0;
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "fill") == 0)
        return 0;
    if (!lua_istable(L, -1))
        return err_set(e, -EINVAL, "match: \"fill\" or a table of rules is expected");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        size_t len = 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : "";
        if (len == 0 || len > GAME_RULE_NAME_MAX || strlen(name) != len)
            return err_set(e, -EINVAL, "match: names of 1 to %d bytes are expected",
                           GAME_RULE_NAME_MAX);
        if (*n == GAME_MAX_RULES)
            return err_set(e, -EINVAL, "match: at most %d rules", GAME_MAX_RULES);
        memcpy(rules[*n].name, name, len + 1);
        if ((r = read_rule(&rules[*n], L, e)) < 0)
            return r;
        ++*n;
    }
    qsort(rules, *n, sizeof *rules, by_name);
    return 0;
}

int game_rule_read_queue(struct game_queue *q, lua_State *L, struct err *e)
{
    double min, max;

    if (!lua_istable(L, -1))
        return err_set(e, -EINVAL, "queue: a table is expected");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[?]";
        if (strcmp(name, "min") != 0 && strcmp(name, "max") != 0 &&
            strcmp(name, "hold") != 0 && strcmp(name, "wait") != 0)
            return err_set(e, -EINVAL, "queue has no %s, but min, max, hold and wait",
                           name);
    }
    if (!number_of(L, "min", 2, 1, 1000, &min) || min != floor(min))
        return err_set(e, -EINVAL, "queue.min: a whole number from 1 to 1000 is expected");
    if (!number_of(L, "max", 0, 0, 1000, &max) || max != floor(max) ||
        (max > 0 && max < min))
        return err_set(e, -EINVAL,
                       "queue.max: a whole number from min to 1000 is expected");
    if (!number_of(L, "hold", 0, 0, 3600, &q->hold_s))
        return err_set(e, -EINVAL, "queue.hold: seconds from 0 to 3600 are expected");
    if (!number_of(L, "wait", 60, 1, 86400, &q->wait_s))
        return err_set(e, -EINVAL, "queue.wait: seconds from 1 to 86400 are expected");
    q->is_on = true;
    q->min = (uint32_t)min;
    q->max = (uint32_t)max;
    return 0;
}
