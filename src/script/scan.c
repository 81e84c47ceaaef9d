/* SPDX-License-Identifier: MIT */
/*
 * scan - takes over what scripts/scan.lua found changed: quantise, compare in
 * wire form, store. The array's layout is described there.
 */
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "script/lua_payload.h"
#include "script/vm_internal.h"

/* "frogs[7]" or, for the root, "". */
static void name_row(const struct image *img, uint32_t table, uint32_t slot, char *out,
                     size_t size)
{
    const struct record *record = img->tables[table].record;
    const struct row *row = image_row(img, table, slot);

    if (record->keys == KEY_NONE)
        *out = 0;
    else if (record->keys == KEY_STR)
        snprintf(out, size, "%s[%.*s].", record->name, (int)row->key.text->len,
                 (const char *)row->key.text->bytes);
    else
        snprintf(out, size, "%s[%lld].", record->name, (long long)row->key.number);
}

static void report(lua_State *L, struct script_room *sr, uint32_t table, uint32_t slot,
                   const struct field *f)
{
    char row[336], path[448];
    struct err e;

    name_row(sr->image, table, slot, row, sizeof row);
    snprintf(path, sizeof path, "%s%s", row, f->path);
    lua_payload_explain(L, -1, path, &f->type, &e);
    vm_report(sr->vm, e.text);
}

/* One row's values as they stand in the array, and what of them is not a number. */
struct values {
    const double *at, *end;
    int others; /* on the stack: the list of what is not a number */
    int n_others;
};

/* What image_set_numbers() has left in the mask: all other types, and what does not
 * fit. `at` is the row's first value. */
static void set_others(lua_State *L, struct script_room *sr, struct values *v,
                       uint32_t table, uint32_t slot, const uint32_t *given,
                       const uint32_t *left)
{
    const struct record *record = sr->image->tables[table].record;
    const double *at = v->at;

    for (uint32_t w = 0; w < record->n_words; w++)
        for (uint32_t rest = given[w]; rest; rest &= rest - 1, at++) {
            if (!(left[w] & (rest & -rest)))
                continue;
            uint32_t field = w * 32 + (uint32_t)__builtin_ctz(rest);
            if (record->by_path) /* scripts go by paths, rows by audiences */
                field = record->by_path[field];
            const struct field *f = &record->fields[field];
            union cell c;
            if (isnan(*at))
                lua_rawgeti(L, v->others, ++v->n_others);
            else
                lua_pushnumber(L, *at);
            if (lua_payload_cell(L, -1, &f->type, &c) == TYPE_OK)
                image_set(sr->image, table, slot, field, c);
            else
                report(L, sr, table, slot, f);
            lua_pop(L, 1);
        }
}

/* The row has been taken out by the script in the midst of the scan, by an __index. */
static void skip_row(struct values *v, const uint32_t *given, uint32_t n_words)
{
    for (uint32_t w = 0; w < n_words; w++)
        for (uint32_t rest = given[w]; rest; rest &= rest - 1)
            v->n_others += isnan(*v->at++);
}

static void set_row(lua_State *L, struct script_room *sr, struct values *v, uint32_t table,
                    uint32_t slot)
{
    uint32_t n_words = sr->image->tables[table].record->n_words, any = 0;
    uint32_t given[SCHEMA_MAX_FIELDS / 32], left[SCHEMA_MAX_FIELDS / 32];

    for (uint32_t w = 0; w < n_words; w++)
        given[w] = left[w] = (uint32_t)*v->at++;
    if (!image_row(sr->image, table, slot)) {
        skip_row(v, given, n_words);
        return;
    }
    size_t n = image_set_numbers(sr->image, table, slot, left, v->at);
    for (uint32_t w = 0; w < n_words; w++)
        any |= left[w];
    if (any)
        set_others(L, sr, v, table, slot, given, left);
    v->at += n;
}

/* Numbers that are on the stack together: one call less for each. */
enum { AT_ONCE = 64 };

/* The array where Lua is not compiled is a table: a copy of its numbers. */
static const double *copy_table(lua_State *L, struct vm *vm, int index, int n)
{
    buf_clear(&vm->numbers);
    double *to = (double *)(void *)buf_reserve(&vm->numbers, (size_t)n * sizeof *to);

    if (!to)
        luaL_error(L, "not enough memory");
    int top = lua_gettop(L), many = 0;

    luaL_checkstack(L, AT_ONCE, "numbers");
    for (int i = 0; i < n; i += many) {
        many = n - i < AT_ONCE ? n - i : AT_ONCE;
        for (int k = 1; k <= many; k++)
            lua_rawgeti(L, index, i + k);
        for (int k = 1; k <= many; k++)
            to[i + k - 1] = lua_tonumber(L, top + k);
        lua_settop(L, top);
    }
    return to;
}

void scan_apply(lua_State *L, struct script_room *sr, int index, int n, int others)
{
    const double *from = lua_istable(L, index)
                             ? copy_table(L, sr->vm, index, n)
                             : (const double *)lua_topointer(L, index) + 1;
    struct values v = {.at = from, .end = from + n, .others = others};
    uint32_t table = 0;

    while (v.at < v.end) {
        double head = *v.at++;
        if (head < 0)
            table = (uint32_t)(-1 - head);
        else
            set_row(L, sr, &v, table, (uint32_t)head);
    }
}
