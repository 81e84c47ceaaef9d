/* SPDX-License-Identifier: MIT */
/*
 * value_json - values made from JSON, which is what `parlor.j1` clients send.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "state/any_value.h"
#include "state/value.h"

/* One JSON object while it is taken apart: the fields from `first` to `end` all
 * begin with the same `prefix` bytes ("pos."), which named the object. */
struct level {
    const struct field *fields;
    uint32_t first, end;
    size_t prefix;
};

/* What a JSON value is, for error texts. */
static const char *show(const cJSON *v, char *out, size_t size)
{
    if (cJSON_IsNumber(v))
        snprintf(out, size, "%.15g", v->valuedouble);
    else if (cJSON_IsString(v) && strlen(v->valuestring) <= 24)
        snprintf(out, size, "\"%s\"", v->valuestring);
    else if (cJSON_IsString(v))
        snprintf(out, size, "a string of %zu bytes", strlen(v->valuestring));
    else
        snprintf(out, size, "%s",
                 cJSON_IsTrue(v)     ? "true"
                 : cJSON_IsFalse(v)  ? "false"
                 : cJSON_IsArray(v)  ? "an array"
                 : cJSON_IsObject(v) ? "an object"
                                     : "null");
    return out;
}

static int refuse(const struct type *t, enum type_result r, const cJSON *v, struct err *e)
{
    char shown[64];

    return type_refuse(t, r, "", show(v, shown, sizeof shown), e);
}

static int put_plain(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    enum type_result r = TYPE_ERR_KIND;
    union cell c;

    if (cJSON_IsBool(v))
        r = type_from_bool(t, cJSON_IsTrue(v), &c);
    else if (cJSON_IsNumber(v))
        r = type_from_number(t, v->valuedouble, &c);
    else if (cJSON_IsString(v))
        r = type_from_text(t, v->valuestring, strlen(v->valuestring), &c);
    if (r != TYPE_OK)
        return refuse(t, r, v, e);
    type_put(t, c, out);
    type_release(t, &c);
    return 0;
}

/* What a base64 character stands for, -1 for any other. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 with its padding (RFC 4648, 4), as json_out_base64() writes it. */
static int put_bytes(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    const char *text = cJSON_IsString(v) ? v->valuestring : "?";
    size_t len = strlen(text), n = len / 4 * 3;
    uint32_t bits = 0;

    if (len > 0 && text[len - 1] == '=')
        n -= len > 1 && text[len - 2] == '=' ? 2 : 1;
    if (len % 4 != 0)
        return err_set(e, -EINVAL, ": bytes are a base64 text");
    if (n > t->max_bytes)
        return err_set(e, -EINVAL, ": %zu bytes are not at most %" PRIu32, n, t->max_bytes);
    wire_put_uv(out, n);
    for (size_t i = 0; i < len; i++) {
        bool is_pad = i >= len - 2 && text[i] == '=' && text[len - 1] == '=';
        int six = is_pad ? 0 : sextet(text[i]);
        if (six < 0)
            return err_set(e, -EINVAL, ": bytes are a base64 text");
        bits = bits << 6 | (uint32_t)six;
        for (size_t k = 0; i % 4 == 3 && k < 3 && i / 4 * 3 + k < n; k++)
            wire_put_u8(out, (uint8_t)(bits >> (16 - 8 * k)));
    }
    return 0;
}

static int put_any(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    size_t start = out->len;
    int code = any_from_json(v, out, e);

    if (code < 0)
        return e ? err_set(e, code, ": %s", strdupa(e->text)) : code;
    if (out->len - start > t->max_bytes)
        return refuse(t, TYPE_ERR_RANGE, v, e);
    return 0;
}

static int put_list(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    uint32_t i = 0, n = (uint32_t)cJSON_GetArraySize(v);
    const cJSON *item;

    if (!cJSON_IsArray(v) || n > t->max_items)
        return refuse(t, TYPE_ERR_RANGE, v, e);
    wire_put_uv(out, n);
    cJSON_ArrayForEach(item, v)
    {
        int code = value_from_json(t->item, item, out, e);
        if (code < 0)
            return value_err_at(e, code, "[%" PRIu32 "]", i);
        i++;
    }
    return 0;
}

struct member {
    struct value_key key;
    const cJSON *value;
};

static int compare_members(const void *a, const void *b)
{
    return value_compare_keys(&((const struct member *)a)->key,
                              &((const struct member *)b)->key);
}

/* A member's name as a key; numbers in the one way they are written. */
static bool read_key(enum key_kind kind, const char *name, struct value_key *key)
{
    char again[24];

    *key = (struct value_key){
        0, {"", 0}
    };
    if (kind == KEY_STR) {
        key->text = (struct wire_str){name, strlen(name)};
        return key->text.len >= 1 && key->text.len <= TYPE_MAX_KEY &&
               utf8_is_valid(name, key->text.len);
    }
    key->number = strtoll(name, NULL, 10);
    snprintf(again, sizeof again, "%" PRId64, key->number);
    return strcmp(name, again) == 0 && key->number >= (kind == KEY_INT ? INT32_MIN : 1) &&
           key->number <= (kind == KEY_INT ? INT32_MAX : (int64_t)UINT32_MAX);
}

static int put_members(const struct type *t, struct member *members, uint32_t n,
                       struct buf *out, struct err *e)
{
    qsort(members, n, sizeof *members, compare_members);
    wire_put_uv(out, n);
    for (uint32_t i = 0; i < n; i++) {
        const char *name = members[i].value->string;
        if (i > 0 && compare_members(&members[i - 1], &members[i]) == 0)
            return err_set(e, -EINVAL, "[%.80s]: is there twice", name);
        value_put_key(t->keys, &members[i].key, out);
        int code = value_from_json(t->item, members[i].value, out, e);
        if (code < 0)
            return value_err_at(e, code, "[%.80s]", name);
    }
    return 0;
}

static int put_map(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    uint32_t i = 0, n = (uint32_t)cJSON_GetArraySize(v);
    struct member *members;
    const cJSON *item;
    int code = 0;

    if (!cJSON_IsObject(v) || n > t->max_items)
        return refuse(t, TYPE_ERR_RANGE, v, e);
    if (!(members = calloc(n + 1, sizeof *members)))
        return err_set(e, -ENOMEM, ": out of memory");
    cJSON_ArrayForEach(item, v)
    {
        members[i].value = item;
        if (code == 0 && !read_key(t->keys, item->string, &members[i].key))
            code = err_set(e, -EINVAL, "[%.80s]: is no key of this map", item->string);
        i++;
    }
    if (code == 0)
        code = put_members(t, members, n, out, e);
    free(members);
    return code;
}

int value_from_json(const struct type *t, const cJSON *v, struct buf *out, struct err *e)
{
    switch (t->kind) {
    case TYPE_BYTES: return put_bytes(t, v, out, e);
    case TYPE_OPT:
        wire_put_u8(out, !cJSON_IsNull(v));
        return cJSON_IsNull(v) ? 0 : value_from_json(t->item, v, out, e);
    case TYPE_LIST: return put_list(t, v, out, e);
    case TYPE_MAP: return put_map(t, v, out, e);
    case TYPE_ANY: return put_any(t, v, out, e);
    case TYPE_RECORD:
        if (!cJSON_IsObject(v))
            return refuse(t, TYPE_ERR_KIND, v, e);
        return value_fields_from_json(t->fields, t->n_fields, v, out, e);
    default: return put_plain(t, v, out, e);
    }
}

static int put_field(const struct field *f, const cJSON *v, struct buf *out, struct err *e)
{
    if (!v) {
        type_put(&f->type, f->preset, out);
        return 0;
    }
    int code = value_from_json(&f->type, v, out, e);
    return code < 0 ? value_err_at(e, code, "%s", f->path) : 0;
}

/* The member of an object whose name is these bytes. */
static const cJSON *member(const cJSON *object, const char *name, size_t len)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        if (strncmp(item->string, name, len) == 0 && item->string[len] == '\0')
            return item;
    }
    return NULL;
}

/* Bytes of the name at this level: "x" of "pos.x" behind the prefix "pos.". */
static size_t name_bytes(const char *path, size_t prefix)
{
    return strcspn(path + prefix, ".");
}

/* Every member is one of the fields, and there once. */
static int check_members(const struct level *l, const cJSON *object, struct err *e)
{
    const char *path = l->end > l->first ? l->fields[l->first].path : "";
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        size_t len = strlen(item->string);
        bool known = false;
        for (uint32_t i = l->first; i < l->end && !known; i++) {
            const char *at = l->fields[i].path;
            known = name_bytes(at, l->prefix) == len &&
                    memcmp(at + l->prefix, item->string, len) == 0;
        }
        if (!known || member(object, item->string, len) != item)
            return err_set(e, -EINVAL, "%.*s%.80s: %s", (int)l->prefix, path, item->string,
                           known ? "is there twice" : "there is no such field");
    }
    return 0;
}

/* The wire form of the fields of one level, in order. `object` NULL: all take
 * their defaults. */
static int put_level(const struct level *l, const cJSON *object, struct buf *out,
                     struct err *e)
{
    const struct field *fields = l->fields;
    int code = 0;

    for (uint32_t i = l->first, next; i < l->end && code == 0; i = next) {
        const char *path = fields[i].path;
        size_t len = name_bytes(path, l->prefix), deeper = l->prefix + len + 1;
        const cJSON *v = member(object, path + l->prefix, len);
        next = i + 1;
        if (path[l->prefix + len] == '\0') {
            code = put_field(&fields[i], v, out, e);
            continue;
        }
        while (next < l->end && strncmp(fields[next].path, path, deeper) == 0)
            next++;
        if (v && !cJSON_IsObject(v))
            return err_set(e, -EINVAL, "%.*s: must be an object", (int)deeper - 1, path);
        code = put_level(&(struct level){fields, i, next, deeper}, v, out, e);
    }
    return code < 0 ? code : check_members(l, object, e);
}

int value_fields_from_json(const struct field *fields, uint32_t n, const cJSON *object,
                           struct buf *out, struct err *e)
{
    return put_level(&(struct level){fields, 0, n, 0}, object, out, e);
}
