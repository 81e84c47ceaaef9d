/* SPDX-License-Identifier: MIT */
#include "script/script_http.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "proto/json_out.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"
#include "script/vm_trial.h"
#include "state/payload.h"

struct ask {
    const uint8_t *request;
    size_t n_request;
    struct script_http_answer *answer;
    bool has_type;
};

/* A token of RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t len)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr(others, c));
        if (!is_plain)
            return false;
    }
    return len > 0;
}

/* No control characters: a line's end would begin another header, or the body. */
static bool is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 32 && text[i] != '\t') || text[i] == 127)
            return false;
    return true;
}

/* How long a message is and what becomes of the connection is the server's to say. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"connection", "content-length",    "keep-alive",
                                        "trailer",    "transfer-encoding", "upgrade"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The header table at `index`; `ask` is in the host's call, so what is wrong raises. */
static void read_headers(lua_State *L, int index, struct ask *ask)
{
    struct buf *out = &ask->answer->headers;

    if (lua_isnil(L, index))
        return;
    if (!lua_istable(L, index))
        luaL_error(L, "http: headers: a table is expected");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        size_t n_name, n_value;
        bool is_text = lua_type(L, -2) == LUA_TSTRING &&
                       (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER);
        if (!is_text)
            luaL_error(L, "http: headers: names and values are strings");
        const char *name = lua_tolstring(L, -2, &n_name);
        lua_pushvalue(L, -1); /* a number among the table's values stays one */
        const char *value = lua_tolstring(L, -1, &n_value);
        if (!is_token(name, n_name))
            luaL_error(L, "http: headers: %s is no name of a header", name);
        if (is_ours(name))
            luaL_error(L, "http: headers: %s is the server's to set", name);
        if (!is_value(value, n_value))
            luaL_error(L, "http: headers: %s has a control character", name);
        ask->has_type = ask->has_type || strcasecmp(name, "content-type") == 0;
        buf_format(out, "%s: %s\r\n", name, value);
        if (out->failed)
            luaL_error(L, "http: headers: they take more than %d bytes",
                       SCRIPT_HTTP_HEAD_BYTES);
        lua_pop(L, 1);
    }
}

static void put_type(struct ask *ask, const char *type)
{
    if (!ask->has_type)
        buf_format(&ask->answer->headers, "Content-Type: %s\r\n", type);
}

static void read_body(lua_State *L, struct vm *vm, int index, struct ask *ask)
{
    struct buf *out = &ask->answer->body;
    struct err e;
    size_t len;

    if (lua_isnil(L, index))
        return;
    if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, index, &len);
        buf_append(out, text, len);
        put_type(ask, "text/plain; charset=utf-8");
    } else {
        struct json_out j = json_out_to(out);
        buf_clear(&vm->scratch);
        if (lua_payload_read(L, index, NULL, &vm->scratch, &e) < 0)
            luaL_error(L, "http: body: %s", e.text);
        if (vm->scratch.failed)
            luaL_error(L, "http: body: it takes too much");
        struct wire_in in = wire_from(vm->scratch.data, vm->scratch.len);
        payload_to_json(NULL, &in, &j);
        put_type(ask, "application/json");
    }
    if (out->failed)
        luaL_error(L, "http: body: it takes more than %d bytes", SCRIPT_HTTP_BODY_BYTES);
}

static void http_body(lua_State *L, struct vm *vm, void *arg)
{
    struct ask *ask = arg;
    struct wire_in in = wire_from(ask->request, ask->n_request);

    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->handlers[SCRIPT_HTTP]);
    lua_payload_push(L, NULL, &in);
    lua_call(L, 1, 3);
    int body = lua_gettop(L) - 1, headers = body + 1;
    if (lua_isnil(L, body - 1)) {
        ask->answer->status = 404;
        return;
    }
    double status = lua_type(L, body - 1) == LUA_TNUMBER ? lua_tonumber(L, body - 1) : 0;
    if (!(status >= 200 && status <= 599) || status != (int)status)
        luaL_error(L,
                   "http must return a status from 200 to 599, a body and headers; or nil");
    ask->answer->status = (int)status;
    read_headers(L, headers, ask);
    read_body(L, vm, body, ask);
}

enum script_result script_http(struct vm *vm, const uint8_t *request, size_t n,
                               struct script_http_answer *answer)
{
    struct ask ask = {request, n, answer, false};
    bool was_asking = vm->is_asking;

    *answer = (struct script_http_answer){.status = 404};
    buf_init(&answer->headers, SCRIPT_HTTP_HEAD_BYTES);
    buf_init(&answer->body, SCRIPT_HTTP_BODY_BYTES);
    if (vm->handlers[SCRIPT_HTTP] == LUA_NOREF)
        return SCRIPT_ABSENT;
    vm->is_asking = true;
    enum script_result r =
        vm_call(vm, NULL, &vm->stats[SCRIPT_HTTP], "http", http_body, &ask);
    vm->is_asking = was_asking;
    if (vm->trial)
        vm_trial_note(vm, SCRIPT_HTTP, r);
    buf_byte(&answer->headers, 0);
    if (r == SCRIPT_DONE && answer->headers.failed) { /* memory */
        answer->status = 503;
        buf_clear(&answer->headers);
        buf_byte(&answer->headers, 0);
    }
    return r;
}

void script_http_fini(struct script_http_answer *answer)
{
    buf_fini(&answer->headers);
    buf_fini(&answer->body);
}
