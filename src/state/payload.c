/* SPDX-License-Identifier: MIT */
/*
 * payload - declared payloads; the tagged values of `any` are in any_value.c.
 */
#include "state/payload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "state/any_value.h"
#include "state/json_nest.h"

/* One JSON object while it is taken apart: the fields from `first` to `end` all
 * begin with the same `prefix` bytes ("pos."), which named the object. */
struct level {
    const struct record *record;
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

static int put_leaf(const struct field *f, const cJSON *v, struct buf *out, struct err *e)
{
    enum type_result r = TYPE_ERR_KIND;
    union cell c;
    char shown[64];

    if (!v) {
        type_put(&f->type, f->preset, out);
        return 0;
    }
    if (cJSON_IsBool(v))
        r = type_from_bool(&f->type, cJSON_IsTrue(v), &c);
    else if (cJSON_IsNumber(v))
        r = type_from_number(&f->type, v->valuedouble, &c);
    else if (cJSON_IsString(v))
        r = type_from_text(&f->type, v->valuestring, strlen(v->valuestring), &c);
    if (r != TYPE_OK)
        return type_refuse(&f->type, r, f->path, show(v, shown, sizeof shown), e);
    type_put(&f->type, c, out);
    type_release(&f->type, &c);
    return 0;
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
    const char *path = l->record->n_fields ? l->record->fields[l->first].path : "";
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        size_t len = strlen(item->string);
        bool known = false;
        for (uint32_t i = l->first; i < l->end && !known; i++) {
            const char *at = l->record->fields[i].path;
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
    const struct field *fields = l->record->fields;
    int code = 0;

    for (uint32_t i = l->first, next; i < l->end && code == 0; i = next) {
        const char *path = fields[i].path;
        size_t len = name_bytes(path, l->prefix), deeper = l->prefix + len + 1;
        const cJSON *v = member(object, path + l->prefix, len);
        next = i + 1;
        if (path[l->prefix + len] == '\0') {
            code = put_leaf(&fields[i], v, out, e);
            continue;
        }
        while (next < l->end && strncmp(fields[next].path, path, deeper) == 0)
            next++;
        if (v && !cJSON_IsObject(v))
            return err_set(e, -EINVAL, "%.*s: must be an object", (int)deeper - 1, path);
        code = put_level(&(struct level){l->record, i, next, deeper}, v, out, e);
    }
    return code < 0 ? code : check_members(l, object, e);
}

int payload_from_json(const struct record *record, const cJSON *value, struct buf *out,
                      struct err *e)
{
    int code;

    if (!record)
        code = any_from_json(value, out, e);
    else if (value && !cJSON_IsObject(value))
        code = err_set(e, -EINVAL, "the body must be an object");
    else
        code = put_level(&(struct level){record, 0, record->n_fields, 0}, value, out, e);
    if (code == 0 && out->failed)
        code = err_set(e, -ENOMEM, "out of memory, or the body is too long");
    return code;
}

void payload_check(const struct record *record, struct wire_in *in)
{
    if (!record) {
        any_check(in);
        return;
    }
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct type *t = &record->fields[i].type;
        union cell c;
        type_get(t, in, &c);
        type_release(t, &c);
    }
}

void payload_to_json(const struct record *record, struct wire_in *in, struct json_out *j)
{
    struct json_nest nest = {0};

    if (!record) {
        any_to_json(in, j);
        return;
    }
    json_out_object(j);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        union cell c;
        type_get(&f->type, in, &c);
        json_nest_key(&nest, f->path, j);
        type_put_json(&f->type, c, j);
        type_release(&f->type, &c);
    }
    json_nest_end(&nest, j);
    json_out_end_object(j);
}
