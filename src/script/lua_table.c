/* SPDX-License-Identifier: MIT */
#include "script/lua_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t lua_table_count(lua_State *L, int index, bool *is_array)
{
    size_t n = 0;
    double highest = 0;

    *is_array = true;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        double key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (!(key >= 1) || key != floor(key))
            *is_array = false;
        else if (key > highest)
            highest = key;
        n++;
    }
    *is_array = *is_array && n > 0 && highest == (double)n;
    return n;
}

int lua_table_at_key(lua_State *L, int index, bool as_name, int code, struct err *e)
{
    const char *text;

    if (!e)
        return code;
    if (lua_type(L, index) != LUA_TSTRING)
        return value_err_at(e, code, "[%.14g]", lua_tonumber(L, index));
    text = lua_tostring(L, index);
    bool is_name = as_name && *text &&
                   strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
                                "klmnopqrstuvwxyz_0123456789") == strlen(text);
    return value_err_at(e, code, is_name ? "%.80s" : "[%.80s]", text);
}

static int compare_members(const void *a, const void *b)
{
    return value_compare_keys(&((const struct lua_member *)a)->key,
                              &((const struct lua_member *)b)->key);
}

int lua_table_sort(struct buf *out, enum key_kind kind, struct lua_member *list, size_t n,
                   struct err *e)
{
    bool sorted = true;

    if (n < 2 || out->failed)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct wire_in in = wire_from(out->data + list[i].at, list[i].len);
        if (kind == KEY_NONE)
            wire_uv(&in);
        list[i].key = kind == KEY_NONE ? (struct value_key){0, wire_str(&in)}
                                       : value_get_key(kind, &in);
        sorted &= i == 0 || compare_members(&list[i - 1], &list[i]) < 0;
    }
    if (sorted)
        return 0;
    size_t start = list[0].at, len = list[n - 1].at + list[n - 1].len - start;
    qsort(list, n, sizeof *list, compare_members);
    for (size_t i = 1; i < n; i++)
        if (compare_members(&list[i - 1], &list[i]) == 0)
            return err_set(e, -EINVAL,
                           "[%.*s]: the key is there as a number and as a string",
                           (int)(list[i].key.text.len < 80 ? list[i].key.text.len : 80),
                           list[i].key.text.text);
    uint8_t *copy = malloc(len), *to = copy;
    if (!copy)
        return err_set(e, -ENOMEM, ": out of memory");
    for (size_t i = 0; i < n; i++, to += list[i - 1].len)
        memcpy(to, out->data + list[i].at, list[i].len);
    memcpy(out->data + start, copy, len);
    free(copy);
    return 0;
}
