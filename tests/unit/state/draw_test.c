/* SPDX-License-Identifier: MIT */
#include "draw.h"
#include "support.h"
#include <stdlib.h>

#include "state/value.h"

static int pick(struct rnd *rnd, int n)
{
    return (int)rnd_range(rnd, 0, n - 1);
}

/* Take out some characters at a random place and put others there. */
static cJSON *draw_text(struct rnd *rnd, size_t max, const char *old)
{
    static const char *const more[] = {"a", "bc", "é", "日本", "🐸", "🐹x", "", "the"};
    char text[512];
    size_t len = strlen(old), from = len ? (size_t)pick(rnd, (int)len + 1) : 0, to = from;

    for (; from > 0 && (old[from] & 0xc0) == 0x80; from--)
        ;
    to = to + (size_t)pick(rnd, 4) > len ? len : to + (size_t)pick(rnd, 4);
    for (to = to > len ? len : to; (old[to] & 0xc0) == 0x80; to++)
        ;
    snprintf(text, sizeof text, "%.*s%s%s", (int)from, old, more[pick(rnd, 8)], old + to);
    return cJSON_CreateString(strlen(text) <= max ? text : "again");
}

static cJSON *draw_list(struct rnd *rnd, const struct type *item, int max, const cJSON *old)
{
    cJSON *items[16], *all = cJSON_CreateArray();
    const cJSON *was;
    int n = 0;

    cJSON_ArrayForEach(was, old) items[n++] = cJSON_Duplicate(was, true);
    for (int edits = 1 + pick(rnd, 3); edits > 0; edits--) {
        int at = pick(rnd, n + 1), what = pick(rnd, 3);
        if (what == 0 && n < max) {
            memmove(items + at + 1, items + at, (size_t)(n - at) * sizeof *items);
            items[at] = draw_value(rnd, item, NULL);
            n++;
        } else if (what == 1 && at < n) {
            cJSON_Delete(items[at]);
            memmove(items + at, items + at + 1, (size_t)(n - at - 1) * sizeof *items);
            n--;
        } else if (at < n) {
            cJSON *before = items[at];
            items[at] = draw_value(rnd, item, before);
            cJSON_Delete(before);
        }
    }
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(all, items[i]);
    return all;
}

/* Members in the order of `keys`, which is that of the wire. */
static cJSON *draw_map(struct rnd *rnd, const struct type *item, const char *const *keys,
                       int max, const cJSON *old)
{
    cJSON *all = cJSON_CreateObject();
    int n = cJSON_GetArraySize(old);

    for (int i = 0; i < 5; i++) {
        const cJSON *was = cJSON_GetObjectItemCaseSensitive(old, keys[i]);
        int what = pick(rnd, 6);
        if (was && what == 0)
            n--;
        else if (was && what > 1)
            cJSON_AddItemToObject(all, keys[i], cJSON_Duplicate(was, true));
        else if (was || (what < 2 && n < max))
            cJSON_AddItemToObject(all, keys[i], draw_value(rnd, item, was));
        n += !was && cJSON_HasObjectItem(all, keys[i]);
    }
    return all;
}

static const cJSON *at_path(const cJSON *tree, const char *path)
{
    char copy[80], *rest = copy, *name;

    snprintf(copy, sizeof copy, "%s", path);
    while ((name = strsep(&rest, ".")))
        tree = cJSON_GetObjectItemCaseSensitive(tree, name);
    return tree;
}

static cJSON *draw_record(struct rnd *rnd, const struct type *t, const cJSON *old)
{
    cJSON *all = cJSON_CreateObject();

    for (uint32_t i = 0; i < t->n_fields; i++) {
        const cJSON *was = at_path(old, t->fields[i].path);
        tree_set(all, t->fields[i].path,
                 was && pick(rnd, 3) ? cJSON_Duplicate(was, true)
                                     : draw_value(rnd, &t->fields[i].type, was));
    }
    return all;
}

static cJSON *draw_any(struct rnd *rnd, const struct type *t, const cJSON *old)
{
    static const char *const keys[] = {"", "a", "b", "é", "🐸"};

    if (old && pick(rnd, 4) > 0 && cJSON_IsString(old))
        return draw_text(rnd, 40, old->valuestring);
    if (old && pick(rnd, 4) > 0 && cJSON_IsArray(old))
        return draw_list(rnd, t, 6, old);
    if (old && pick(rnd, 4) > 0 && cJSON_IsObject(old))
        return draw_map(rnd, t, keys, 5, old);
    switch (pick(rnd, 11)) {
    case 0: return cJSON_CreateNull();
    case 1: return cJSON_CreateBool(pick(rnd, 2));
    case 2: return cJSON_CreateNumber(0.5);
    case 3: return cJSON_CreateNumber(pick(rnd, 999) - 500);
    case 4: return draw_list(rnd, t, 6, NULL);
    case 5: return draw_map(rnd, t, keys, 5, NULL);
    case 6: return cJSON_CreateString("some words to begin with");
    default: return cJSON_CreateNumber(pick(rnd, 3));
    }
}

cJSON *draw_value(struct rnd *rnd, const struct type *t, const cJSON *old)
{
    static const char *const names[] = {"a", "b", "bc", "é", "🐸"};
    static const char *const numbers[] = {"-7", "-1", "2", "30", "400"};
    static const char *const players[] = {"1", "2", "3", "10", "4294967295"};
    static const char *const bytes[] = {"", "AA==", "AQI=", "AQID"};
    union cell c = {0};

    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT: return draw_text(rnd, t->max_bytes, old ? old->valuestring : "");
    case TYPE_BYTES: return cJSON_CreateString(bytes[pick(rnd, 4)]);
    case TYPE_OPT:
        return pick(rnd, 3) ? draw_value(rnd, t->item, cJSON_IsNull(old) ? NULL : old)
                            : cJSON_CreateNull();
    case TYPE_LIST: return draw_list(rnd, t->item, (int)t->max_items, old);
    case TYPE_MAP:
        return draw_map(rnd, t->item,
                        t->keys == KEY_STR   ? names
                        : t->keys == KEY_INT ? numbers
                                             : players,
                        (int)t->max_items, old);
    case TYPE_ANY: return draw_any(rnd, t, old);
    case TYPE_RECORD: return draw_record(rnd, t, old);
    case TYPE_F32:
    case TYPE_F64: return cJSON_CreateNumber((pick(rnd, 99) - 50) / 8.0);
    default:
        c.q = pick(rnd, 2) ? rnd_range(rnd, t->low, t->high)
                           : t->low + pick(rnd, t->high - t->low < 9 ? 2 : 9);
        return json_of_cell(t, c);
    }
}

union cell draw_cell_like(struct rnd *rnd, const struct type *t, union cell old)
{
    cJSON *was = json_of_cell(t, old), *v = draw_value(rnd, t, was);
    struct buf out;
    struct err e = {0};
    union cell c;

    buf_init(&out, 0);
    if (value_from_json(t, v, &out, &e) < 0)
        fail_msg("%s", e.text);
    struct wire_in in = wire_from(out.data, out.len);
    type_get(t, &in, &c);
    /* An any can have grown too large with what was drawn into it. */
    CHECK(!in.failed);
    buf_fini(&out);
    cJSON_Delete(was);
    cJSON_Delete(v);
    return c;
}
