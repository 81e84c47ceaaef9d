/* SPDX-License-Identifier: MIT */
#include "script/vm.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "script/vm_internal.h"
#include "script/vm_profile.h"
#include "script/vm_stop.h"
#include "script/vm_trial.h"
#include "script/watchdog.h"

enum { MAX_SOURCE_BYTES = 4 << 20, MAX_PAYLOAD_BYTES = 4 << 20, MAX_LINE = 0xffffff };

static const char *const host_names[REF_N_HOST] = {
    "load",        "commit",     "room_new",   "room_free",  "room_rebind", "seat_add",
    "seat_remove", "last_timer", "run_timer",  "scan",       "raw_message", "restore",
    "auth",        "timers_get", "timers_put", "room_adopt", "answer",
};

const char *const vm_callback_names[SCRIPT_N_CALLBACKS] = {
    "create",   "join",  "message", "tick",     "drop", "resume", "leave",
    "reloaded", "close", "auth",    "spectate", "http", "signal",
};

char *vm_read_file(const char *folder, const char *path, size_t *len)
{
    char full[1024];
    char *text = NULL;
    long size;

    if (snprintf(full, sizeof full, "%s/%s", folder, path) >= (int)sizeof full)
        return NULL;
    FILE *f = fopen(full, "rb");
    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && size <= MAX_SOURCE_BYTES &&
        fseek(f, 0, SEEK_SET) == 0 && (text = malloc((size_t)size + 1))) {
        *len = fread(text, 1, (size_t)size, f);
        text[*len] = 0;
    }
    fclose(f);
    return text;
}

/* Push "file:line: " of the innermost script function; "" where there is none. */
static void push_place(lua_State *L)
{
    lua_Debug ar;

    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

/* The outermost call may be host.lua's own, which is no news to the author. */
static void hide_host(char *traceback)
{
    static const char host[] = "\n\tscripts/host.lua:";
    char *last = strrchr(traceback, '\n');

    if (last && strncmp(last, host, sizeof host - 1) == 0)
        *last = 0;
}

/* The message handler: runs where the error was raised, so the traceback shows
 * the script's own calls. An error object that is no text is not asked for one:
 * its __tostring could raise or run for ever. */
static int on_raise(lua_State *L)
{
    struct vm *vm = lua_touserdata(L, lua_upvalueindex(1));

    if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TNUMBER) {
        snprintf(vm->message, sizeof vm->message, "%s", lua_tostring(L, 1));
    } else {
        push_place(L);
        snprintf(vm->message, sizeof vm->message, "%sthe script raised a %s",
                 lua_tostring(L, -1), luaL_typename(L, 1));
    }
    luaL_traceback(L, L, NULL, 1);
    snprintf(vm->traceback, sizeof vm->traceback, "%s", lua_tostring(L, -1));
    /* The last line is ours: an address, of no use to anybody. */
    char *last = strrchr(vm->traceback, '\n');
    if (last && strncmp(last, "\n\t[C]: at 0x", 12) == 0)
        *last = 0;
    hide_host(vm->traceback);
    return 0;
}

/* "pond/game.lua:12: text" or "pond/game.lua: text" -> file, line, and where the
 * text begins. Scripts can write what they like there. */
static const char *split_place(const char *text, struct script_error *error)
{
    const char *colon = strstr(text, ".lua:");
    size_t n = colon ? (size_t)(colon - text) + 4 : 0;
    char *end;
    long line = 0;

    if (!colon || n >= sizeof error->file || memchr(text, ' ', n))
        return text;
    end = (char *)colon + 4;
    if (colon[5] >= '0' && colon[5] <= '9')
        line = strtol(colon + 5, &end, 10);
    if (*end != ':' || line > MAX_LINE)
        return text;
    memcpy(error->file, text, n);
    error->file[n] = 0;
    error->line = (int)line;
    return end[1] == ' ' ? end + 2 : end + 1;
}

static void hand_on(struct vm *vm, const char *text, const char *traceback)
{
    struct script_room *sr = vm->current;
    struct script_error error = {
        .game = vm->name,
        .room = sr ? sr->id : NULL,
        .where = vm->where ? vm->where : "load",
        .traceback = traceback,
    };

    error.message = split_place(text, &error);
    vm->hooks->on_error(vm->ctx, sr ? sr->owner : NULL, &error);
}

void vm_report(struct vm *vm, const char *message)
{
    hand_on(vm, message, "");
}

void vm_push(lua_State *L, const struct vm *vm, int ref)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->refs[ref]);
}

static int enter(lua_State *L)
{
    struct vm *vm = lua_touserdata(L, lua_upvalueindex(1));
    struct vm_call *call = lua_touserdata(L, 1);

    lua_settop(L, 0);
    call->body(L, vm, call->arg);
    return 0;
}

/* What ran before a call, and runs again after it; and the call. */
struct frame {
    struct script_room *outer;
    const char *outer_where, *outer_base;
    struct call_stats *stats;
    int base; /* of the Lua stack: the message handler */
};

/* The function to call and its arguments come next. */
static struct frame begin(struct vm *vm, struct script_room *sr, struct call_stats *stats,
                          const char *where)
{
    struct frame f = {vm->current, vm->where, vm->stack_base, stats, 0};

    vm->current = sr;
    vm->where = where;
    if (!f.outer_base)
        vm->stack_base = __builtin_frame_address(0);
    *vm->message = *vm->traceback = 0;
    vm_push(vm->L, vm, REF_ON_RAISE);
    f.base = lua_gettop(vm->L);
    return f;
}

static enum script_result finish(struct vm *vm, const struct frame *f, int n_args,
                                 uint64_t from)
{
    bool is_outer = vm_stop_enter(vm, vm->where, f->stats != NULL, from);
    int r = lua_pcall(vm->L, n_args, 0, f->base);
    enum script_result result = r == 0 ? SCRIPT_DONE : SCRIPT_RAISED;

    if (is_outer)
        result = vm_stop_leave(vm, r, vm->where, f->stats);
    if (r != 0) {
        /* Where the stack was full, on_raise may have got no further than the
         * message, or not even there. */
        if (r == LUA_ERRMEM)
            snprintf(vm->message, sizeof vm->message, "out of memory");
        else if (!*vm->message)
            snprintf(vm->message, sizeof vm->message,
                     r == LUA_ERRERR ? "stack overflow"
                                     : "the script raised an empty text");
        hand_on(vm, vm->message, vm->traceback);
    }
    lua_settop(vm->L, f->base - 1);
    if (result == SCRIPT_STOPPED)
        vm_stop_settle(vm);
    vm->current = f->outer;
    vm->where = f->outer_where;
    vm->stack_base = f->outer_base;
    return result;
}

enum script_result vm_protect(struct vm *vm, struct script_room *sr, const char *where,
                              void (*body)(lua_State *L, struct vm *vm, void *arg),
                              void *arg)
{
    return vm_call(vm, sr, NULL, where, body, arg);
}

enum script_result vm_call(struct vm *vm, struct script_room *sr, struct call_stats *stats,
                           const char *where,
                           void (*body)(lua_State *L, struct vm *vm, void *arg), void *arg)
{
    struct vm_call call = {body, arg};
    struct frame f = begin(vm, sr, stats, where);

    vm_push(vm->L, vm, REF_ENTER);
    lua_pushlightuserdata(vm->L, &call);
    return finish(vm, &f, 1, 0);
}

enum script_result vm_call_host(struct vm *vm, struct script_room *sr,
                                struct call_stats *stats, const char *where, int ref)
{
    struct frame f = begin(vm, sr, stats, where);

    vm_push(vm->L, vm, ref);
    /* The clock was read when the message came, or when the one before it was done. */
    return finish(vm, &f, 0, clk_recent_ns());
}

/* Load one file of the library with all of Lua at hand, call it with the values
 * above the stack's `args`, and leave its one result. */
static void run_library(lua_State *L, struct vm *vm, const char *name, int n_args)
{
    char chunk_name[128];
    size_t len = 0;
    char *text = vm_read_file(vm->scripts, name, &len);

    if (!text)
        luaL_error(L, "there is no %s in the folder of the Lua library (%s)", name,
                   vm->scripts);
    snprintf(chunk_name, sizeof chunk_name, "@scripts/%s", name);
    int r = luaL_loadbuffer(L, text, len, chunk_name);
    free(text);
    if (r != 0)
        lua_error(L);
    lua_insert(L, -1 - n_args);
    lua_call(L, n_args, 1);
}

static int library(lua_State *L)
{
    run_library(L, lua_touserdata(L, lua_upvalueindex(1)), luaL_checkstring(L, 1), 0);
    return 1;
}

static void start(lua_State *L, struct vm *vm, void *arg)
{
    (void)arg;
    vm_prelude(L);
    lua_newtable(L); /* handles, weak: rooms and players that are gone drop out */
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    vm->refs[REF_HANDLES] = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->refs[REF_ASKING] = luaL_ref(L, LUA_REGISTRYINDEX);
    bind_push_host(L, vm);
    lua_pushlightuserdata(L, vm);
    lua_pushcclosure(L, library, 1);
    lua_setfield(L, -2, "library");
    run_library(L, vm, "host.lua", 1);
    for (int i = 0; i < REF_N_HOST; i++) {
        lua_getfield(L, -1, host_names[i]);
        vm->refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
}

void vm_drop_generation(struct vm *vm, struct generation *g)
{
    lua_State *L = vm->L;

    luaL_unref(L, LUA_REGISTRYINDEX, g->gen_ref);
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++)
        luaL_unref(L, LUA_REGISTRYINDEX, g->handlers[i]);
    for (uint32_t i = 0; g->on && i < g->def->schema->n_messages; i++)
        luaL_unref(L, LUA_REGISTRYINDEX, g->on[i]);
    free(g->on);
    free(g->on_stats);
    vm_sources_fini(&g->sources);
    game_def_free(&g->def);
}

/* A reference to the function at the top of the stack, which is popped; raises
 * where there is something else. */
static int take_handler(lua_State *L, struct vm *vm, const char *before, const char *name)
{
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return LUA_NOREF;
    }
    if (!lua_isfunction(L, -1))
        luaL_error(L, "%s/game.lua: %s%s must be a function", vm->name, before, name);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void load_generation(lua_State *L, struct vm *vm, void *arg)
{
    struct generation *g = arg;
    size_t n_json;

    vm_push(L, vm, REF_LOAD);
    lua_call(L, 0, 4); /* 1 generation, 2 game, 3 options, 4 json */
    const char *json = lua_tolstring(L, 4, &n_json);
    if (game_def_new(&g->def, L, 3, json, n_json, g->reuse, &g->e) < 0)
        luaL_error(L, "%s/game.lua: %s", vm->name, g->e.text);
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++) {
        lua_getfield(L, 2, vm_callback_names[i]);
        g->handlers[i] = take_handler(L, vm, "", vm_callback_names[i]);
    }
    uint32_t n = g->def->schema->n_messages;
    if (!(g->on_stats = calloc(n ? n : 1, sizeof *g->on_stats)) ||
        !(g->on = malloc((n ? n : 1) * sizeof *g->on)))
        luaL_error(L, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        g->on[i] = LUA_NOREF;
    lua_getfield(L, 2, "on");
    for (uint32_t i = 0; i < n; i++) {
        lua_getfield(L, -1, g->def->schema->messages[i].name);
        g->on[i] = take_handler(L, vm, "on.", g->def->schema->messages[i].name);
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        size_t len;
        const char *name =
            lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        if (!name || schema_find_message(g->def->schema, name, len) < 0)
            luaL_error(L, "%s/game.lua: on.%s has no such message in `messages`", vm->name,
                       name ? name : "[?]");
    }
    lua_settop(L, 1);
    g->gen_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    vm_push(L, vm, REF_COMMIT); /* raises only where memory is out */
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->gen_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->handlers[SCRIPT_MESSAGE]);
    lua_call(L, 2, 0);
}

int vm_load(struct vm *vm, struct generation *g, const struct vm_sources *from,
            struct schema *reuse, struct err *e)
{
    *g = (struct generation){.gen_ref = LUA_NOREF, .reuse = reuse};
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++)
        g->handlers[i] = LUA_NOREF;
    vm_sources_init(&g->sources);
    vm->load_from = from;
    vm->load_into = &g->sources;
    enum script_result r = vm_call(vm, NULL, &vm->load_stats, "load", load_generation, g);
    vm->load_from = NULL;
    vm->load_into = NULL;
    if (r < 0) {
        vm_drop_generation(vm, g);
        return err_set(e, -EINVAL, "%s", vm->message);
    }
    return 0;
}

void vm_swap_generation(struct vm *vm, struct generation *g)
{
    struct generation old = {.def = vm->def,
                             .gen_ref = vm->gen_ref,
                             .on = vm->on,
                             .on_stats = vm->on_stats,
                             .sources = vm->sources};

    /* Traces of the host's own code have branched off to the scans of each schema that
     * there was; they would keep those, and leave no room for the new one's. */
    if (vm->def && vm->def->schema != g->def->schema)
        luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
    memcpy(old.handlers, vm->handlers, sizeof old.handlers);
    memcpy(vm->handlers, g->handlers, sizeof old.handlers);
    vm->def = g->def;
    vm->on = g->on;
    vm->on_stats = g->on_stats;
    vm->gen_ref = g->gen_ref;
    vm->sources = g->sources;
    for (uint32_t i = 0; old.def && i < old.def->schema->n_messages; i++) {
        const char *name = old.def->schema->messages[i].name;
        int id = schema_find_message(vm->def->schema, name, strlen(name));
        if (id >= 0)
            vm->on_stats[id] = old.on_stats[i];
    }
    vm_stop_configure(vm);
    *g = old;
}

int vm_bring_up(struct vm *vm, struct err *e)
{
    lua_State *L = vm->L = luaL_newstate();

    if (!L)
        return err_set(e, -ENOMEM, "out of memory");
    vm_memory_wrap(&vm->memory, L, vm, 0);
    vm_gc_init(&vm->gc, &vm->memory, L);
    vm_stop_configure(vm);
    lua_pushlightuserdata(L, vm);
    lua_pushcclosure(L, on_raise, 1);
    vm->refs[REF_ON_RAISE] = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, vm);
    lua_pushcclosure(L, enter, 1);
    vm->refs[REF_ENTER] = luaL_ref(L, LUA_REGISTRYINDEX);
    if (vm_protect(vm, NULL, "start", start, NULL) < 0)
        return err_set(e, -ENOENT, "%s", vm->message);
    return 0;
}

int vm_new(struct vm **out, const struct vm_options *o, struct err *e)
{
    struct vm *vm = calloc(1, sizeof *vm);
    struct generation g;
    int r;

    *out = NULL;
    if (!vm)
        return err_set(e, -ENOMEM, "out of memory");
    buf_init(&vm->scratch, MAX_PAYLOAD_BYTES);
    buf_init(&vm->numbers, 0);
    vm_sources_init(&vm->sources);
    vm->gen_ref = LUA_NOREF;
    map_init(&vm->files);
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++)
        vm->handlers[i] = LUA_NOREF;
    vm->load_ms = o->load_ms;
    vm->hooks = o->hooks;
    vm->ctx = o->ctx;
    vm->name = strdup(o->name);
    vm->folder = strdup(o->folder);
    vm->scripts = strdup(o->scripts);
    if (!vm->name || !vm->folder || !vm->scripts) {
        r = err_set(e, -ENOMEM, "out of memory");
        goto fail;
    }
    if ((r = watchdog_start()) < 0) {
        err_set(e, r, "no watchdog for scripts: %s", strerror(-r));
        goto fail;
    }
    if ((r = vm_bring_up(vm, e)) < 0 || (r = vm_load(vm, &g, NULL, NULL, e)) < 0)
        goto fail;
    vm_swap_generation(vm, &g);
    vm->version = vm->last_version = 1;
    *out = vm;
    return 0;

fail:
    vm_free(&vm);
    return r;
}

void vm_free(struct vm **at)
{
    struct vm *vm = *at;

    *at = NULL;
    if (!vm)
        return;
    assert(vm->n_rooms == 0);
    if (vm->L) {
        vm_profile_end(vm);
        vm_settle(vm, UINT64_MAX);
        vm_memory_unwrap(&vm->memory, vm->L);
        lua_close(vm->L);
    }
    vm_sources_fini(&vm->sources);
    free(vm->on_stats);
    game_def_free(&vm->def);
    buf_fini(&vm->scratch);
    buf_fini(&vm->numbers);
    map_fini(&vm->files);
    free(vm->on);
    free(vm->rooms);
    free(vm->name);
    free(vm->folder);
    free(vm->scripts);
    free(vm);
}

int vm_reload(struct vm *vm, bool *schema_changed, struct err *e)
{
    struct generation g;
    struct schema *before = vm->def->schema;
    int r = vm_load(vm, &g, NULL, before, e);

    if (r < 0)
        return r;
    *schema_changed = g.def->schema != before;
    bool was_lost = vm->is_lost; /* then there is nothing that could go on */
    vm_swap_generation(vm, &g);
    if (was_lost)
        vm_drop_generation(vm, &g);
    else
        vm_trial_begin(vm, &g);
    vm->version = ++vm->last_version;
    vm->is_lost = false;
    return 0;
}

bool vm_uses(const struct vm *vm, const char *file)
{
    return map_get_bytes(&vm->files, file, strlen(file)) != NULL;
}

const char *vm_page(const struct vm *vm, const char *name, size_t *len)
{
    bool is_library;

    return vm_sources_find(&vm->sources, name, len, &is_library);
}

size_t vm_bytes(const struct vm *vm)
{
    return vm->memory.used;
}
