/* SPDX-License-Identifier: MIT */
/*
 * value_change - what lies between two values of one type, as `update` carries it
 * (PROTOCOL.md, "Changes of composed values").
 *
 * Both are valid and in their one form, so equal values are equal bytes and the keys
 * of maps ascend. Edits are written first and taken back where the whole new value
 * turns out to be no longer.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "state/any_value.h"
#include "state/value.h"

enum {
    FORM_WHOLE = 0,
    FORM_EDITS = 1,
    OPT_CHANGE = 2, /* 0 and 1 are the absolute forms */
    LIST_END = 0,
    LIST_CHANGE = 1,
    LIST_INSERT = 2,
    LIST_REMOVE = 3,
    MAP_END = 0,
    MAP_CHANGE = 1,
    MAP_SET = 2,
    MAP_REMOVE = 3,
    MAX_SHIFT = 16,   /* how far a list is searched for where it goes on as before */
    MAX_MISSES = 256, /* searches in vain, after which a list is not searched again */
};

struct span {
    const uint8_t *at;
    size_t len;
};

static const struct type any_type = {.kind = TYPE_ANY, .max_bytes = UINT32_MAX};

static bool same(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static struct wire_in read_span(struct span s)
{
    return wire_from(s.at, s.len);
}

/* The absolute value at the front of `in`. */
static struct span take(const struct type *t, struct wire_in *in)
{
    const uint8_t *at = in->at;

    value_check(t, in);
    return (struct span){at, (size_t)(in->at - at)};
}

static void put_span(struct span s, struct buf *out)
{
    buf_append(out, s.at, s.len);
}

/* The edits from `start` on stay only if they are shorter than `now` as a whole. */
static void whole_if_shorter(size_t start, struct span now, struct buf *out)
{
    if (out->failed || out->len - start <= now.len)
        return;
    buf_truncate(out, start);
    wire_put_u8(out, FORM_WHOLE);
    put_span(now, out);
}

static bool is_inside(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* UTF-16 units of a UTF-8 text that begins and ends with a character. */
static size_t count_units(const uint8_t *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += (size_t)!is_inside(text[i]) + (text[i] >= 0xf0);
    return n;
}

/* One splice: all between what the texts have in common at both ends. */
static void put_splices(struct span a, struct span b, struct buf *out)
{
    size_t shorter = a.len < b.len ? a.len : b.len, head = 0, tail = 0;

    while (head < shorter && a.at[head] == b.at[head])
        head++;
    while (head > 0 && ((head < a.len && is_inside(a.at[head])) ||
                        (head < b.len && is_inside(b.at[head]))))
        head--;
    while (tail < shorter - head && a.at[a.len - 1 - tail] == b.at[b.len - 1 - tail])
        tail++;
    while (tail > 0 && is_inside(a.at[a.len - tail]))
        tail--;
    wire_put_uv(out, 1);
    wire_put_uv(out, count_units(a.at, head));
    wire_put_uv(out, count_units(a.at + head, a.len - head - tail));
    wire_put_str(out, (const char *)b.at + head, b.len - head - tail);
}

static void put_text(struct span a, struct span b, struct buf *out)
{
    size_t start = out->len;

    put_splices(a, b, out);
    if (out->failed || out->len - start <= b.len + 1)
        return;
    buf_truncate(out, start);
    wire_put_uv(out, 0);
    wire_put_str(out, (const char *)b.at, b.len);
}

static void put_change(const struct type *t, struct span a, struct span b, struct buf *out);

/* Where the items of a list begin, and where the last one ends. */
struct items {
    struct span *at;
    uint32_t n;
};

static bool find_items(const struct type *item, struct wire_in *in, uint32_t n,
                       struct items *out)
{
    *out = (struct items){malloc((n + 1) * sizeof *out->at), n};
    for (uint32_t i = 0; out->at && i < n; i++)
        out->at[i] = take(item, in);
    return out->at != NULL;
}

/* An edit skips items that stay as they are. */
static void put_list_edit(struct buf *out, uint32_t skip, unsigned op)
{
    wire_put_uv(out, (uint64_t)skip << 2 | op);
}

/* How far one list or both have to move on from (i, j), to where they hold the same
 * again: the least number of items removed and inserted. False where that is not
 * near. */
static bool find_shift(const struct items *a, uint32_t i, const struct items *b, uint32_t j,
                       uint32_t *removed, uint32_t *inserted)
{
    for (uint32_t sum = 1; sum <= MAX_SHIFT; sum++)
        for (uint32_t r = 0; r <= sum; r++) {
            uint32_t x = i + r, y = j + sum - r;
            if (x > a->n || y > b->n)
                continue;
            if ((x == a->n && y == b->n) ||
                (x < a->n && y < b->n && same(a->at[x], b->at[y]))) {
                *removed = r;
                *inserted = sum - r;
                return true;
            }
        }
    return false;
}

static void put_list_edits(const struct type *item, const struct items *a,
                           const struct items *b, struct buf *out)
{
    uint32_t i = 0, j = 0, skip = 0, misses = 0;

    while (i < a->n || j < b->n) {
        uint32_t removed, inserted;
        if (i < a->n && j < b->n && same(a->at[i], b->at[j])) {
            i++, j++, skip++;
            continue;
        }
        bool both = i < a->n && j < b->n;
        bool goes_on =
            both && ((i + 1 == a->n && j + 1 == b->n) ||
                     (i + 1 < a->n && j + 1 < b->n && same(a->at[i + 1], b->at[j + 1])));
        if (goes_on || misses == MAX_MISSES ||
            !find_shift(a, i, b, j, &removed, &inserted)) {
            misses += !goes_on && misses < MAX_MISSES;
            removed = both ? 1 : a->n - i;
            inserted = both ? 1 : b->n - j;
        }
        for (; removed > 0 && inserted > 0; removed--, inserted--, skip = 0) {
            put_list_edit(out, skip, LIST_CHANGE);
            put_change(item, a->at[i++], b->at[j++], out);
        }
        if (removed > 0) {
            put_list_edit(out, skip, LIST_REMOVE);
            wire_put_uv(out, removed);
            i += removed;
            skip = 0;
        }
        if (inserted > 0) {
            put_list_edit(out, skip, LIST_INSERT);
            wire_put_uv(out, inserted);
            for (; inserted > 0; inserted--)
                put_span(b->at[j++], out);
            skip = 0;
        }
    }
    put_list_edit(out, 0, LIST_END);
}

/* Both stand behind the count. Memory out: nothing good is written. */
static void put_list(const struct type *item, struct wire_in *a, uint32_t n_a,
                     struct wire_in *b, uint32_t n_b, struct buf *out)
{
    struct items from = {0}, to = {0};

    if (find_items(item, a, n_a, &from) && find_items(item, b, n_b, &to))
        put_list_edits(item, &from, &to, out);
    else
        out->failed = true;
    free(from.at);
    free(to.at);
}

/* A member of a map, and which ones are left to come. */
struct members {
    const struct type *map;
    struct wire_in in;
    uint32_t left;
    struct value_key key;
    struct span value;
};

static bool next_member(struct members *m)
{
    if (m->left == 0)
        return false;
    m->left--;
    if (m->map->kind == TYPE_ANY)
        wire_uv(&m->in); /* 0: the key is a str */
    m->key = m->map->kind == TYPE_ANY ? (struct value_key){0, wire_str(&m->in)}
                                      : value_get_key(m->map->keys, &m->in);
    m->value = take(m->map->kind == TYPE_ANY ? &any_type : m->map->item, &m->in);
    return true;
}

static void put_map_edit(const struct members *m, unsigned op, struct buf *out)
{
    wire_put_u8(out, (uint8_t)op);
    if (m->map->kind == TYPE_ANY)
        wire_put_uv(out, 0);
    value_put_key(m->map->kind == TYPE_ANY ? KEY_STR : m->map->keys, &m->key, out);
}

/* Both stand behind the count. */
static void put_map(struct members *a, struct members *b, struct buf *out)
{
    bool more_a = next_member(a), more_b = next_member(b);

    while (more_a || more_b) {
        int order = !more_a ? 1 : !more_b ? -1 : value_compare_keys(&a->key, &b->key);
        if (order < 0) {
            put_map_edit(a, MAP_REMOVE, out);
        } else if (order > 0) {
            put_map_edit(b, MAP_SET, out);
            put_span(b->value, out);
        } else if (!same(a->value, b->value)) {
            put_map_edit(b, MAP_CHANGE, out);
            put_change(b->map->kind == TYPE_ANY ? &any_type : b->map->item, a->value,
                       b->value, out);
        }
        if (order <= 0)
            more_a = next_member(a);
        if (order >= 0)
            more_b = next_member(b);
    }
    wire_put_u8(out, MAP_END);
}

static void put_composed(const struct type *t, struct span a, struct span b,
                         struct buf *out)
{
    struct members from = {.map = t, .in = read_span(a)},
                   to = {.map = t, .in = read_span(b)};
    uint8_t tag = t->kind == TYPE_ANY ? *a.at : t->kind == TYPE_LIST ? ANY_ARRAY : ANY_MAP;
    size_t start = out->len;

    if (t->kind == TYPE_ANY) {
        wire_u8(&from.in);
        if (wire_u8(&to.in) != tag ||
            (tag != ANY_STR && tag != ANY_ARRAY && tag != ANY_MAP)) {
            wire_put_u8(out, FORM_WHOLE);
            put_span(b, out);
            return;
        }
    }
    wire_put_u8(out, FORM_EDITS);
    from.left = wire_uv(&from.in);
    to.left = wire_uv(&to.in);
    if (tag == ANY_STR)
        put_splices((struct span){from.in.at, from.left}, (struct span){to.in.at, to.left},
                    out);
    else if (tag == ANY_ARRAY)
        put_list(t->kind == TYPE_ANY ? &any_type : t->item, &from.in, from.left, &to.in,
                 to.left, out);
    else
        put_map(&from, &to, out);
    whole_if_shorter(start, b, out);
}

static void put_opt(const struct type *t, struct span a, struct span b, struct buf *out)
{
    size_t start = out->len;

    if (*a.at == 0 || *b.at == 0) {
        put_span(b, out);
        return;
    }
    wire_put_u8(out, OPT_CHANGE);
    put_change(t->item, (struct span){a.at + 1, a.len - 1},
               (struct span){b.at + 1, b.len - 1}, out);
    if (out->failed || out->len - start <= b.len)
        return;
    buf_truncate(out, start);
    put_span(b, out);
}

static void put_record(const struct type *t, struct span a, struct span b, struct buf *out)
{
    struct wire_in from = read_span(a), to = read_span(b);
    uint32_t fields[SCHEMA_MAX_FIELDS / 32] = {0};

    for (uint32_t i = 0; i < t->n_fields; i++)
        if (!same(take(&t->fields[i].type, &from), take(&t->fields[i].type, &to)))
            fields[i / 32] |= UINT32_C(1) << (i % 32);
    wire_put_mask(out, fields, t->n_fields);
    from = read_span(a);
    to = read_span(b);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct type *f = &t->fields[i].type;
        struct span old = take(f, &from), new = take(f, &to);
        if (fields[i / 32] >> (i % 32) & 1)
            put_change(f, old, new, out);
    }
}

static void put_number(const struct type *t, struct span a, struct span b, struct buf *out)
{
    struct wire_in from = read_span(a), to = read_span(b);
    union cell old, new;

    type_get(t, &from, &old);
    type_get(t, &to, &new);
    wire_put_sv(out, type_change(t, old, new));
}

/* The text of a str, without its length. */
static struct span text_of(struct span s)
{
    struct wire_in in = read_span(s);
    size_t len = wire_uv(&in);

    return (struct span){in.at, len};
}

static void put_change(const struct type *t, struct span a, struct span b, struct buf *out)
{
    switch (t->kind) {
    case TYPE_TEXT: put_text(text_of(a), text_of(b), out); break;
    case TYPE_OPT: put_opt(t, a, b, out); break;
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_ANY: put_composed(t, a, b, out); break;
    case TYPE_RECORD: put_record(t, a, b, out); break;
    default:
        if (t->is_delta)
            put_number(t, a, b, out);
        else
            put_span(b, out);
    }
}

void value_put_change(const struct type *t, union cell before, union cell now,
                      struct buf *out)
{
    struct wire_in a, b;

    if (t->kind == TYPE_TEXT) {
        struct span from = {before.text ? before.text->bytes : (const uint8_t *)"",
                            before.text ? before.text->len : 0};
        struct span to = {now.text ? now.text->bytes : (const uint8_t *)"",
                          now.text ? now.text->len : 0};
        put_text(from, to, out);
    } else if (type_is_composed(t)) {
        a = type_wire(before);
        b = type_wire(now);
        put_change(t, (struct span){a.at, wire_left(&a)},
                   (struct span){b.at, wire_left(&b)}, out);
    } else if (t->is_delta) {
        wire_put_sv(out, type_change(t, before, now));
    } else {
        type_put(t, now, out);
    }
}
