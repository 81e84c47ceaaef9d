/* SPDX-License-Identifier: MIT */
#include "server/config.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

void config_init(struct config *c)
{
    *c = (struct config){0};
#define TEXT(name, preset, help)                   strcpy(c->name, preset);
#define WHOLE(name, unit, preset, low, high, help) c->name = preset;
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
}

static void drop_origins(struct config *c)
{
    for (size_t i = 0; i < c->n_origins; i++)
        free(c->origins[i]);
    c->n_origins = 0;
}

void config_fini(struct config *c)
{
    drop_origins(c);
}

static bool is_key(const char *given, const char *name)
{
    for (; *given && *name; given++, name++)
        if (*given != *name && !(*given == '-' && *name == '_'))
            return false;
    return *given == *name;
}

bool config_has(const char *key)
{
#define TEXT(name, preset, help)                                                           \
    if (is_key(key, #name))                                                                \
        return true;
#define WHOLE(name, unit, preset, low, high, help)                                         \
    if (is_key(key, #name))                                                                \
        return true;
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    return is_key(key, "origins");
}

/* The text as a Lua string, which reads back as the same bytes. */
static void put_quoted(struct buf *out, const char *text)
{
    buf_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_format(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            buf_format(out, "\\%03d", *text);
        else
            buf_byte(out, (uint8_t)*text);
    }
    buf_byte(out, '"');
}

static int set_text(char *out, const char *key, const char *value, struct err *e)
{
    if (strlen(value) > CONFIG_TEXT_MAX)
        return err_set(e, -EINVAL, "%s: longer than %d bytes", key, CONFIG_TEXT_MAX);
    strcpy(out, value);
    return 0;
}

static int set_whole(uint32_t *out, const char *key, const char *value, uint32_t low,
                     uint32_t high, struct err *e)
{
    char *end;

    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || v < low || v > high)
        return err_set(e, -EINVAL, "%s: %s is not a whole number from %u to %u", key, value,
                       low, high);
    *out = (uint32_t)v;
    return 0;
}

/* "http://example.com" or "*": scheme and host, perhaps a port, no path. */
static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    if (strcmp(text, "*") == 0)
        return true;
    return host && host != text && host[3] && !strpbrk(host + 3, "/?# \t");
}

static int set_origins(struct config *c, const char *value, struct err *e)
{
    char copy[CONFIG_TEXT_MAX + 1], *rest = copy, *one;
    int r = set_text(copy, "origins", value, e);

    drop_origins(c);
    while (r == 0 && (one = strsep(&rest, ","))) {
        one += strspn(one, " ");
        one[strcspn(one, " ")] = 0;
        if (!*one)
            continue;
        if (!is_origin(one))
            r = err_set(e, -EINVAL, "origins: %s is no origin, such as https://example.com",
                        one);
        else if (c->n_origins == CONFIG_MAX_ORIGINS)
            r = err_set(e, -EINVAL, "origins: more than %d", CONFIG_MAX_ORIGINS);
        else if (!(c->origins[c->n_origins++] = strdup(one)))
            r = err_set(e, -ENOMEM, "out of memory");
    }
    return r;
}

int config_set(struct config *c, const char *key, const char *value,
               enum config_source from, struct err *e)
{
#define TEXT(name, preset, help)                                                           \
    if (is_key(key, #name)) {                                                              \
        if (c->name##_from > from)                                                         \
            return 0;                                                                      \
        c->name##_from = from;                                                             \
        return set_text(c->name, #name, value, e);                                         \
    }
#define WHOLE(name, unit, preset, low, high, help)                                         \
    if (is_key(key, #name)) {                                                              \
        if (c->name##_from > from)                                                         \
            return 0;                                                                      \
        c->name##_from = from;                                                             \
        return set_whole(&c->name, #name, value, low, high, e);                            \
    }
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    if (!is_key(key, "origins"))
        return err_set(e, -EINVAL, "%s: there is no such setting", key);
    if (c->origins_from > from)
        return 0;
    c->origins_from = from;
    return set_origins(c, value, e);
}

static bool is_list(const char *key)
{
    return is_key(key, "origins") || is_key(key, "trusted_proxies") ||
           is_key(key, "tls_cert") || is_key(key, "tls_key") || is_key(key, "jwt_key");
}

/* The value at the top of the stack as text; lists of strings are joined. */
static int text_of_value(lua_State *L, const char *key, struct buf *out, struct err *e)
{
    buf_clear(out);
    if (lua_type(L, -1) == LUA_TTABLE && is_list(key)) {
        for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
            lua_rawgeti(L, -1, i);
            if (lua_type(L, -1) != LUA_TSTRING)
                return err_set(e, -EINVAL, "%s: a list of strings is expected", key);
            buf_format(out, "%s%s", i > 1 ? "," : "", lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        buf_format(out, "%.14g", lua_tonumber(L, -1));
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        if (strlen(lua_tostring(L, -1)) != lua_objlen(L, -1))
            return err_set(e, -EINVAL, "%s: a NUL cannot stand here", key);
        buf_text(out, lua_tostring(L, -1));
    } else {
        return err_set(e, -EINVAL, "%s: a %s cannot stand here", key,
                       lua_typename(L, lua_type(L, -1)));
    }
    buf_byte(out, 0);
    return out->failed ? err_set(e, -ENOMEM, "%s: too long", key) : 0;
}

static void out_of_steps(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    luaL_error(L, "the file runs for too long");
}

static int read_table(struct config *c, lua_State *L, struct err *e)
{
    struct buf text;
    int r = 0;

    if (lua_type(L, -1) != LUA_TTABLE)
        return err_set(e, -EINVAL, "it must return a table of settings");
    buf_init(&text, 4096);
    for (lua_pushnil(L); r == 0 && lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        if ((r = text_of_value(L, key, &text, e)) == 0)
            r = config_set(c, key, (const char *)text.data, CONFIG_FILE, e);
        if (r < 0)
            break;
    }
    buf_fini(&text);
    return r;
}

int config_read_file(struct config *c, const char *path, struct err *e)
{
    struct err inner = {0};
    lua_State *L;
    FILE *f = fopen(path, "rb");
    int r = 0;

    if (!f)
        return err_set(e, -errno, "%s: %s", path, strerror(errno));
    fclose(f);
    if (!(L = luaL_newstate()))
        return err_set(e, -ENOMEM, "out of memory");
    /* No JIT here: compiled loops would not see the hook that bounds them. The
     * state has no library at all; luaL_newstate() leaves the JIT on only once its
     * library is opened. */
    if (luaL_loadfilex(L, path, "t") != 0) {
        r = err_set(e, -EINVAL, "%s", lua_tostring(L, -1));
    } else {
        lua_newtable(L);
        lua_setfenv(L, -2);
        lua_sethook(L, out_of_steps, LUA_MASKCOUNT, 1000000);
        if (lua_pcall(L, 0, 1, 0) != 0)
            r = err_set(e, -EINVAL, "%s: %s", path, lua_tostring(L, -1));
        else if ((r = read_table(c, L, &inner)) < 0)
            err_set(e, r, "%s: %s", path, inner.text);
    }
    lua_close(L);
    return r;
}

int config_read_env(struct config *c, struct err *e)
{
    for (char **at = environ; *at; at++) {
        char key[64] = {0};
        const char *value = strchr(*at, '=');
        size_t n = value ? (size_t)(value - *at) : 0;
        if (strncmp(*at, "PARLOR_", 7) != 0 || n <= 7 || n - 7 >= sizeof key)
            continue;
        for (size_t i = 7; i < n; i++)
            key[i - 7] =
                (char)((*at)[i] >= 'A' && (*at)[i] <= 'Z' ? (*at)[i] + 32 : (*at)[i]);
        if (!config_has(key))
            continue; /* PARLOR_BIN and the like belong to tools around us */
        int r = config_set(c, key, value + 1, CONFIG_ENV, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static const char *source_name(enum config_source from)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};

    return names[from];
}

/* Secrets may stand in jwt_key themselves. */
static const char *shown(const char *key, const char *value)
{
    return strcmp(key, "jwt_key") == 0 && strstr(value, "hex:") ? "(hidden)" : value;
}

void config_print(const struct config *c, struct buf *out)
{
    buf_text(out, "return {\n");
#define TEXT(name, preset, help)                                                           \
    buf_text(out, "  " #name " = ");                                                       \
    put_quoted(out, shown(#name, c->name));                                                \
    buf_format(out, ", -- %s (%s)\n", help, source_name(c->name##_from));
#define WHOLE(name, unit, preset, low, high, help)                                         \
    buf_format(out, "  %s = %u, -- %s%s%s (%s)\n", #name, c->name, unit,                   \
               *(unit) ? " " : "", help, source_name(c->name##_from));
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    buf_text(out, "  origins = {");
    for (size_t i = 0; i < c->n_origins; i++) {
        buf_text(out, i ? ", " : "");
        put_quoted(out, c->origins[i]);
    }
    buf_format(out, "}, -- pages that may connect, beside our own (%s)\n}\n",
               source_name(c->origins_from));
}

bool config_split_address(const char *text, char host[CONFIG_HOST_MAX + 1], uint32_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;
    unsigned long value = colon ? strtoul(colon + 1, &end, 10) : 0;

    if (n == 0 || n > CONFIG_HOST_MAX || colon[1] < '0' || colon[1] > '9' || *end ||
        value > 65535)
        return false;
    memcpy(host, text, n);
    host[n] = 0;
    *port = (uint32_t)value;
    return true;
}
