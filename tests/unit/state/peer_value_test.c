/* SPDX-License-Identifier: MIT */
#include "peer_value.h"
#include "unit.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "proto/utf8.h"

enum { MAX_DEPTH = 16 };

static cJSON *bad(struct cursor *c)
{
    c->bad = true;
    c->at = c->end;
    return cJSON_CreateNull();
}

/* `n` bytes as a string of their own, free() it; "" where there are fewer. */
static char *text(struct cursor *c, size_t n)
{
    char *s = calloc(n < 1 << 21 ? n + 1 : 1, 1);

    if (c->bad || (size_t)(c->end - c->at) < n) {
        c->bad = true;
        return s;
    }
    memcpy(s, c->at, n);
    if (!utf8_is_valid(s, n)) {
        c->bad = true;
        *s = 0;
    }
    c->at += n;
    return s;
}

static cJSON *take_text(char *s)
{
    cJSON *v = cJSON_CreateString(s);

    free(s);
    return v;
}

static cJSON *bytes(struct cursor *c, size_t max)
{
    size_t n = peer_uv(c);

    if (c->bad || n > max || (size_t)(c->end - c->at) < n)
        return bad(c);
    char *hex = calloc(2 * n + 1, 1);
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", *c->at++);
    return take_text(hex);
}

static cJSON *number(struct cursor *c, const struct type *t)
{
    uint64_t bits;
    double v = 0;
    float f;

    switch (t->kind) {
    case TYPE_I8: v = (int8_t)peer_little(c, 1); break;
    case TYPE_I16: v = (int16_t)peer_little(c, 2); break;
    case TYPE_I32: v = (int32_t)peer_little(c, 4); break;
    case TYPE_INT: v = (double)peer_sv(c); break;
    case TYPE_UINT:
    case TYPE_ENUM: v = peer_uv(c); break;
    case TYPE_FIXED:
        v = t->bytes ? (double)peer_little(c, t->bytes) : (double)peer_sv(c);
        break;
    case TYPE_F32:
        bits = peer_little(c, 4);
        memcpy(&f, &(uint32_t){(uint32_t)bits}, 4);
        v = (double)f;
        break;
    case TYPE_F64:
        bits = peer_little(c, 8);
        memcpy(&v, &bits, 8);
        break;
    default: v = (double)peer_little(c, t->bytes);
    }
    bool is_float = t->kind == TYPE_F32 || t->kind == TYPE_F64;
    if (c->bad || !isfinite(v) ||
        (!is_float && (v < (double)t->low || v > (double)t->high)))
        return bad(c);
    return cJSON_CreateNumber(v);
}

static cJSON *any(struct cursor *c, int depth)
{
    unsigned tag = (unsigned)peer_little(c, 1);
    uint64_t bits;
    double v;

    if (c->bad || tag > 8)
        return bad(c);
    switch (tag) {
    case 0: return cJSON_CreateNull();
    case 1:
    case 2: return cJSON_CreateBool(tag == 2);
    case 3: v = (double)peer_sv(c); return cJSON_CreateNumber(v);
    case 4:
        bits = peer_little(c, 8);
        memcpy(&v, &bits, 8);
        return isfinite(v) ? cJSON_CreateNumber(v) : bad(c);
    case 5: return take_text(text(c, peer_uv(c)));
    case 8: return bytes(c, SIZE_MAX);
    default: break;
    }
    uint32_t n = peer_uv(c);
    cJSON *all = tag == 6 ? cJSON_CreateArray() : cJSON_CreateObject();
    c->bad |= depth == MAX_DEPTH;
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        char *key = NULL;
        if (tag == 7) {
            c->bad |= peer_uv(c) != 0;
            key = text(c, peer_uv(c));
        }
        cJSON *item = any(c, depth + 1);
        if (tag == 7)
            cJSON_AddItemToObject(all, key, item);
        else
            cJSON_AddItemToArray(all, item);
        free(key);
    }
    return all;
}

/* How deep arrays and maps are inside each other. */
static int depth_of(const cJSON *v)
{
    int deepest = 0;
    const cJSON *item;

    if (!cJSON_IsArray(v) && !cJSON_IsObject(v))
        return 0;
    cJSON_ArrayForEach(item, v)
    {
        int d = depth_of(item);
        deepest = d > deepest ? d : deepest;
    }
    return 1 + deepest;
}

/* A key as text, and whether it is behind `last` in the order of its kind. */
static bool key(struct cursor *c, enum key_kind kind, bool may_be_empty, bool is_first,
                char last[256])
{
    char was[256];
    int64_t number = 0;

    memcpy(was, last, sizeof was);
    if (kind == KEY_STR) {
        size_t n = peer_uv(c);
        if (c->bad || (n < 1 && !may_be_empty) || n > 255 || (size_t)(c->end - c->at) < n ||
            !utf8_is_valid(c->at, n))
            return false;
        memcpy(last, c->at, n);
        last[n] = 0;
        c->at += n;
        return is_first || strcmp(was, last) < 0;
    }
    number = kind == KEY_PLAYER ? (int64_t)peer_uv(c) : peer_sv(c);
    snprintf(last, 256, "%" PRId64, number);
    if (kind == KEY_PLAYER ? number < 1 : number < INT32_MIN || number > INT32_MAX)
        return false;
    return is_first || atoll(was) < number;
}

static cJSON *record(struct cursor *c, const struct type *t)
{
    cJSON *all = cJSON_CreateObject();

    for (uint32_t i = 0; i < t->n_fields; i++)
        cJSON_AddItemToObject(all, t->fields[i].path, peer_value(c, &t->fields[i].type));
    return all;
}

cJSON *peer_value(struct cursor *c, const struct type *t)
{
    const uint8_t *start = c->at;
    char last[256] = "";
    cJSON *v;
    uint32_t n;

    if (c->bad)
        return bad(c);
    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
        n = peer_uv(c);
        return n > t->max_bytes ? bad(c) : take_text(text(c, n));
    case TYPE_BYTES: return bytes(c, t->max_bytes);
    case TYPE_RECORD: return record(c, t);
    case TYPE_ANY:
        v = any(c, 0);
        c->bad |= (size_t)(c->at - start) > t->max_bytes;
        return v;
    case TYPE_OPT:
        n = (uint32_t)peer_little(c, 1);
        return n == 1 ? peer_value(c, t->item) : n > 1 ? bad(c) : cJSON_CreateNull();
    case TYPE_LIST:
    case TYPE_MAP: break;
    default: return number(c, t);
    }
    n = peer_uv(c);
    c->bad |= n > t->max_items;
    v = t->kind == TYPE_LIST ? cJSON_CreateArray() : cJSON_CreateObject();
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        if (t->kind == TYPE_MAP) {
            c->bad |= !key(c, t->keys, false, i == 0, last);
            cJSON_AddItemToObject(v, last, peer_value(c, t->item));
        } else {
            cJSON_AddItemToArray(v, peer_value(c, t->item));
        }
    }
    return v;
}

/* UTF-8 to UTF-16 units and back; free() what they return. */
static uint16_t *units_of(const char *s, size_t *n)
{
    uint16_t *out = malloc((strlen(s) + 1) * sizeof *out);

    *n = 0;
    for (const uint8_t *p = (const uint8_t *)s; *p;) {
        uint32_t code = *p < 0x80   ? *p
                        : *p < 0xe0 ? *p & 31u
                        : *p < 0xf0 ? *p & 15u
                                    : *p & 7u;
        int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        for (p++; more > 0; more--)
            code = code << 6 | (*p++ & 63);
        if (code > 0xffff) {
            out[(*n)++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        out[(*n)++] = (uint16_t)code;
    }
    return out;
}

/* False where a surrogate stands alone. */
static bool text_of(const uint16_t *units, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t code = units[i];
        if ((code & 0xfc00) == 0xdc00)
            return false;
        if ((code & 0xfc00) == 0xd800) {
            if (i + 1 == n || (units[i + 1] & 0xfc00) != 0xdc00)
                return false;
            code = 0x10000 + ((code - 0xd800) << 10) + (units[++i] - 0xdc00u);
        }
        if (code < 0x80) {
            *out++ = (char)code;
        } else {
            int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
            *out++ = (char)((more == 1   ? 0xc0
                             : more == 2 ? 0xe0
                                         : 0xf0) |
                            code >> (6 * more));
            for (more--; more >= 0; more--)
                *out++ = (char)(0x80 | (code >> (6 * more) & 63));
        }
    }
    *out = 0;
    return true;
}

/* A cut here is inside a surrogate pair. */
static bool is_half(const uint16_t *units, size_t n, size_t at)
{
    return at > 0 && at < n && (units[at] & 0xfc00) == 0xdc00;
}

static cJSON *splice(struct cursor *c, const char *old, uint32_t n)
{
    size_t n_old, n_out = 0, at = 0, room = strlen(old) + (size_t)(c->end - c->at) + 1;
    uint16_t *from = units_of(old, &n_old), *to = malloc(room * sizeof *to);
    char *result = malloc(4 * room);

    for (; n > 0 && !c->bad; n--) {
        size_t keep = peer_uv(c), removed = peer_uv(c), n_more;
        if (c->bad || keep + removed > n_old - at) {
            c->bad = true;
            break;
        }
        memcpy(to + n_out, from + at, keep * sizeof *to);
        n_out += keep;
        c->bad |=
            is_half(from, n_old, at + keep) || is_half(from, n_old, at + keep + removed);
        at += keep + removed;
        char *inserted = text(c, peer_uv(c));
        uint16_t *more = units_of(inserted, &n_more);
        memcpy(to + n_out, more, n_more * sizeof *to);
        n_out += n_more;
        free(inserted);
        free(more);
    }
    if (!c->bad) {
        memcpy(to + n_out, from + at, (n_old - at) * sizeof *to);
        n_out += n_old - at;
    }
    c->bad |= !text_of(to, c->bad ? 0 : n_out, result);
    free(from);
    free(to);
    return take_text(result);
}

static const struct type any_type = {.kind = TYPE_ANY, .max_bytes = UINT32_MAX};

static cJSON *edit_list(struct cursor *c, const struct type *item, const cJSON *old)
{
    const cJSON *next = old->child;
    cJSON *v = cJSON_CreateArray();

    for (;;) {
        uint32_t head = peer_uv(c), skip = head / 4, op = head % 4, n;
        if (c->bad || (op == 0 && skip > 0))
            break;
        for (; skip > 0 && next; skip--, next = next->next)
            cJSON_AddItemToArray(v, cJSON_Duplicate(next, true));
        if (skip > 0)
            break;
        if (op == 0) {
            for (; next; next = next->next)
                cJSON_AddItemToArray(v, cJSON_Duplicate(next, true));
            return v;
        }
        if (op == 1) {
            if (!next)
                break;
            cJSON_AddItemToArray(v, peer_change(c, item, next));
            next = next->next;
            continue;
        }
        if ((n = peer_uv(c)) == 0)
            break;
        for (; n > 0 && !c->bad && (op == 2 || next); n--) {
            if (op == 2)
                cJSON_AddItemToArray(v, peer_value(c, item));
            else
                next = next->next;
        }
        if (n > 0)
            break;
    }
    c->bad = true;
    return v;
}

static cJSON *edit_map(struct cursor *c, const struct type *t, const cJSON *old)
{
    const struct type *item = t->kind == TYPE_ANY ? &any_type : t->item;
    cJSON *v = cJSON_Duplicate(old, true);
    char last[256] = "";

    for (bool is_first = true; !c->bad; is_first = false) {
        unsigned op = (unsigned)peer_little(c, 1);
        if (op == 0)
            return v;
        if (op > 3 || (t->kind == TYPE_ANY && peer_uv(c) != 0) ||
            !key(c, t->kind == TYPE_ANY ? KEY_STR : t->keys, t->kind == TYPE_ANY, is_first,
                 last))
            break;
        cJSON *was = cJSON_DetachItemFromObjectCaseSensitive(v, last);
        if (op != 2 && !was)
            break;
        if (op == 1)
            cJSON_AddItemToObject(v, last, peer_change(c, item, was));
        if (op == 2)
            cJSON_AddItemToObject(v, last, peer_value(c, item));
        cJSON_Delete(was);
    }
    c->bad = true;
    return v;
}

static cJSON *edit(struct cursor *c, const struct type *t, const cJSON *old)
{
    const struct type *item = t->kind == TYPE_ANY ? &any_type : t->item;
    uint32_t n = (uint32_t)peer_little(c, 1);

    if (n == 0)
        return peer_value(c, t);
    if (n > 1 || c->bad)
        return bad(c);
    if (cJSON_IsString(old) && (n = peer_uv(c)) == 0)
        return bad(c);
    cJSON *v = cJSON_IsString(old)   ? splice(c, old->valuestring, n)
               : cJSON_IsArray(old)  ? edit_list(c, item, old)
               : cJSON_IsObject(old) ? edit_map(c, t, old)
                                     : bad(c);
    c->bad |= t->kind == TYPE_ANY ? depth_of(v) > MAX_DEPTH
                                  : (uint32_t)cJSON_GetArraySize(v) > t->max_items;
    return v;
}

cJSON *peer_change(struct cursor *c, const struct type *t, const cJSON *old)
{
    bool fields[256];
    cJSON *v;
    uint32_t n;

    if (c->bad)
        return bad(c);
    switch (t->kind) {
    case TYPE_TEXT:
        if ((n = peer_uv(c)) == 0)
            return peer_value(c, t);
        v = splice(c, old->valuestring, n);
        c->bad |= strlen(v->valuestring) > t->max_bytes;
        return v;
    case TYPE_OPT:
        n = (uint32_t)peer_little(c, 1);
        if (n == 1)
            return peer_value(c, t->item);
        if (n == 2 && !cJSON_IsNull(old))
            return peer_change(c, t->item, old);
        return n ? bad(c) : cJSON_CreateNull();
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_ANY: return edit(c, t, old);
    case TYPE_RECORD:
        v = cJSON_Duplicate(old, true);
        peer_mask(c, t->n_fields, fields);
        for (uint32_t i = 0; i < t->n_fields; i++)
            if (fields[i] && !c->bad)
                cJSON_ReplaceItemInObjectCaseSensitive(
                    v, t->fields[i].path,
                    peer_change(c, &t->fields[i].type, cJSON_GetArrayItem(old, (int)i)));
        return v;
    default: break;
    }
    if (!t->is_delta)
        return peer_value(c, t);
    double q = old->valuedouble + (double)peer_sv(c);
    if (t->kind == TYPE_ANGLE)
        q = (double)(((int64_t)q + 65536) % 65536);
    if (c->bad || q < (double)t->low || q > (double)t->high)
        return bad(c);
    return cJSON_CreateNumber(q);
}
