/* SPDX-License-Identifier: MIT */
/*
 * scan - takes over what scripts/scan.lua found changed: quantise, compare in
 * wire form, store. The array's layout is described there.
 */
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

static uint32_t number_at(lua_State *L, int index, int i)
{
    lua_rawgeti(L, index, i);
    uint32_t v = (uint32_t)(int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return v;
}

void scan_apply(lua_State *L, struct script_room *sr, int index, int n)
{
    struct image *img = sr->image;
    uint32_t table = 0, masks[SCHEMA_MAX_FIELDS / 32];
    const struct record *record = NULL;

    for (int i = 1; i <= n;) {
        lua_rawgeti(L, index, i++);
        double head = lua_tonumber(L, -1);
        lua_pop(L, 1);
        if (head < 0) {
            table = (uint32_t)(-1 - head);
            record = img->tables[table].record;
            continue;
        }
        uint32_t slot = (uint32_t)head;
        for (uint32_t w = 0; w < record->n_words; w++)
            masks[w] = number_at(L, index, i++);
        for (uint32_t w = 0; w < record->n_words; w++)
            for (uint32_t mask = masks[w]; mask; mask &= mask - 1) {
                uint32_t field = w * 32 + (uint32_t)__builtin_ctz(mask);
                if (record->by_path) /* scripts go by paths, rows by audiences */
                    field = record->by_path[field];
                const struct field *f = &record->fields[field];
                union cell c;
                lua_rawgeti(L, index, i++);
                if (lua_payload_cell(L, -1, &f->type, &c) == TYPE_OK)
                    image_set(img, table, slot, field, c);
                else
                    report(L, sr, table, slot, f);
                lua_pop(L, 1);
            }
    }
}
