/* SPDX-License-Identifier: MIT */
#include "state/type_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_NAMES = 255,
    MAX_NAME_BYTES = 64,
    MAX_STR = 65535,
    MAX_TEXT = 1 << 20, /* text, any */
    MAX_ITEMS = 65535,
};

/* What the types have in common; fixed, enum and str get the rest from JSON. */
static const struct kind {
    const char *name;
    enum type_kind kind;
    uint8_t bytes;
    bool is_delta;
    int64_t low, high;
} kinds[] = {
    {"bool",  TYPE_BOOL,  1, false, 0,         1         },
    {"u8",    TYPE_U8,    1, true,  0,         UINT8_MAX },
    {"u16",   TYPE_U16,   2, true,  0,         UINT16_MAX},
    {"u32",   TYPE_U32,   4, true,  0,         UINT32_MAX},
    {"i8",    TYPE_I8,    1, true,  INT8_MIN,  INT8_MAX  },
    {"i16",   TYPE_I16,   2, true,  INT16_MIN, INT16_MAX },
    {"i32",   TYPE_I32,   4, true,  INT32_MIN, INT32_MAX },
    {"uint",  TYPE_UINT,  0, true,  0,         UINT32_MAX},
    {"int",   TYPE_INT,   0, true,  INT32_MIN, INT32_MAX },
    {"f32",   TYPE_F32,   4, false, 0,         0         },
    {"f64",   TYPE_F64,   8, false, 0,         0         },
    {"fixed", TYPE_FIXED, 0, true,  INT32_MIN, INT32_MAX },
    {"angle", TYPE_ANGLE, 2, true,  0,         UINT16_MAX},
    {"enum",  TYPE_ENUM,  0, false, 0,         0         },
    {"str",   TYPE_STR,   0, false, 0,         0         },
    {"bytes", TYPE_BYTES, 0, false, 0,         0         },
    {"text",  TYPE_TEXT,  0, false, 0,         0         },
    {"opt",   TYPE_OPT,   0, false, 0,         0         },
    {"list",  TYPE_LIST,  0, false, 0,         0         },
    {"map",   TYPE_MAP,   0, false, 0,         0         },
    {"any",   TYPE_ANY,   0, false, 0,         0         },
};

int schema_refuse(struct err *e, const char *place, const char *format, ...)
{
    char why[sizeof e->text];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return err_set(e, -EINVAL, "%s: %s", place, why);
}

int schema_check_keys(const cJSON *object, const char *const *keys, const char *place,
                      struct err *e)
{
    unsigned seen = 0;
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        unsigned i = 0;
        while (keys[i] && strcmp(keys[i], item->string) != 0)
            i++;
        if (!keys[i])
            return schema_refuse(e, place, "\"%.80s\" is not known here", item->string);
        if (seen & 1u << i)
            return schema_refuse(e, place, "\"%s\" is there twice", item->string);
        seen |= 1u << i;
    }
    return 0;
}

/* A finite number at `key`; false where there is none. */
static bool number_at(const cJSON *what, const char *key, double *out)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(what, key);

    if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
        return false;
    *out = v->valuedouble;
    return true;
}

static int parse_fixed(struct type *t, const cJSON *what, const char *place, struct err *e)
{
    bool min = cJSON_GetObjectItemCaseSensitive(what, "min") != NULL;
    bool max = cJSON_GetObjectItemCaseSensitive(what, "max") != NULL;
    double steps;

    if (!number_at(what, "step", &t->step) || t->step <= 0)
        return schema_refuse(e, place, "step must be above 0");
    int exponent;
    bool is_exact = frexp(t->step, &exponent) == 0.5 && isfinite(1 / t->step);
    t->per_step = is_exact ? 1 / t->step : 0;
    if (!min && !max)
        return 0;
    if (!number_at(what, "min", &t->min) || !number_at(what, "max", &t->max))
        return schema_refuse(e, place, "min and max must both be numbers, or both absent");
    if (t->max <= t->min)
        return schema_refuse(e, place, "max must be above min");
    steps = (t->max - t->min) / t->step + 0.5;
    if (!(steps < 4294967296.0))
        return schema_refuse(e, place, "more than 2^32 - 1 steps between min and max");
    if (steps < 1)
        return schema_refuse(e, place, "step is too large for min and max");
    t->low = 0;
    t->high = (int64_t)steps;
    t->bytes = t->high > 0xffffff ? 4 : t->high > 0xffff ? 3 : t->high > 0xff ? 2 : 1;
    return 0;
}

static int parse_enum(struct type *t, const cJSON *what, const char *place, struct err *e)
{
    const cJSON *of = cJSON_GetObjectItemCaseSensitive(what, "of"), *item;
    int n = cJSON_IsArray(of) ? cJSON_GetArraySize(of) : 0;

    if (n < 1 || n > MAX_NAMES)
        return schema_refuse(e, place, "of must be a list of 1 to %d names", MAX_NAMES);
    if (!(t->names = calloc((size_t)n, sizeof *t->names)))
        return err_set(e, -ENOMEM, "%s: out of memory", place);
    cJSON_ArrayForEach(item, of)
    {
        size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;
        if (len < 1 || len > MAX_NAME_BYTES)
            return schema_refuse(e, place, "a name in of must be a string of 1 to %d bytes",
                                 MAX_NAME_BYTES);
        for (uint32_t i = 0; i < t->n_names; i++)
            if (strcmp(t->names[i], item->valuestring) == 0)
                return schema_refuse(e, place, "\"%s\" is in of twice", item->valuestring);
        if (!(t->names[t->n_names] = strdup(item->valuestring)))
            return err_set(e, -ENOMEM, "%s: out of memory", place);
        t->n_names++;
    }
    t->high = n - 1;
    return 0;
}

static int parse_max(const cJSON *what, uint32_t limit, uint32_t *out, const char *place,
                     struct err *e)
{
    double max;

    if (!number_at(what, "max", &max) || max < 1 || max > limit ||
        max != (double)(uint32_t)max)
        return schema_refuse(e, place, "max must be a whole number in 1..%" PRIu32, limit);
    *out = (uint32_t)max;
    return 0;
}

int type_parse_keys(enum key_kind *out, const cJSON *what, const char *place, struct err *e)
{
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(what, "keys");
    const char *kind = cJSON_IsString(keys) ? keys->valuestring : "";

    if (strcmp(kind, "player") == 0)
        *out = KEY_PLAYER;
    else if (strcmp(kind, "integer") == 0)
        *out = KEY_INT;
    else if (strcmp(kind, "string") == 0)
        *out = KEY_STR;
    else
        return schema_refuse(e, place, "keys must be player, integer or string");
    return 0;
}

/* What a kind needs beside its name; the item comes later, from schema_parse.c. */
static int parse_options(struct type *t, const cJSON *what, const char *place,
                         struct err *e)
{
    int code;

    switch (t->kind) {
    case TYPE_FIXED: return parse_fixed(t, what, place, e);
    case TYPE_ENUM: return parse_enum(t, what, place, e);
    case TYPE_STR:
    case TYPE_BYTES: return parse_max(what, MAX_STR, &t->max_bytes, place, e);
    case TYPE_TEXT:
    case TYPE_ANY: return parse_max(what, MAX_TEXT, &t->max_bytes, place, e);
    case TYPE_LIST: return parse_max(what, MAX_ITEMS, &t->max_items, place, e);
    case TYPE_MAP:
        code = type_parse_keys(&t->keys, what, place, e);
        return code < 0 ? code : parse_max(what, MAX_ITEMS, &t->max_items, place, e);
    default: return 0;
    }
}

/* 0, false, "", the first name; for a fixed that cannot be 0 the bound nearest
 * to it. */
static void preset_plain(const struct type *t, union cell *preset)
{
    *preset = (union cell){0};
    if (t->kind == TYPE_FIXED && t->bytes)
        type_from_number(t, t->min > 0 ? t->min : t->max < 0 ? t->max : 0, preset);
}

static int parse_preset(const struct type *t, union cell *preset, const cJSON *def,
                        const char *place, struct err *e)
{
    char shown[64] = "def";
    enum type_result r = TYPE_ERR_KIND;

    preset_plain(t, preset);
    if (!def)
        return 0;
    if (cJSON_IsBool(def)) {
        r = type_from_bool(t, cJSON_IsTrue(def), preset);
    } else if (cJSON_IsNumber(def)) {
        snprintf(shown, sizeof shown, "def %.15g", def->valuedouble);
        r = type_from_number(t, def->valuedouble, preset);
    } else if (cJSON_IsString(def)) {
        r = type_from_text(t, def->valuestring, strlen(def->valuestring), preset);
    }
    return type_refuse(t, r, place, shown, e);
}

static int check_keys_of(const struct type *t, const cJSON *what, const char *place,
                         struct err *e)
{
    static const char *const plain[] = {"def", "t", NULL};
    static const char *const number[] = {"def", "smooth", "t", NULL};
    static const char *const fixed[] = {"def", "max", "min", "smooth", "step", "t", NULL};
    static const char *const names[] = {"def", "of", "t", NULL};
    static const char *const text[] = {"def", "max", "t", NULL};
    static const char *const bytes[] = {"max", "t", NULL};
    static const char *const opt[] = {"item", "t", NULL};
    static const char *const list[] = {"item", "max", "t", NULL};
    static const char *const map[] = {"item", "keys", "max", "t", NULL};
    const cJSON *smooth = cJSON_GetObjectItemCaseSensitive(what, "smooth");
    const char *const *keys = number;

    switch (t->kind) {
    case TYPE_BOOL: keys = plain; break;
    case TYPE_FIXED: keys = fixed; break;
    case TYPE_ENUM: keys = names; break;
    case TYPE_STR:
    case TYPE_TEXT: keys = text; break;
    case TYPE_BYTES:
    case TYPE_ANY: keys = bytes; break;
    case TYPE_OPT: keys = opt; break;
    case TYPE_LIST: keys = list; break;
    case TYPE_MAP: keys = map; break;
    default: break;
    }
    int code = schema_check_keys(what, keys, place, e);

    if (code == 0 && smooth && !cJSON_IsBool(smooth))
        return schema_refuse(e, place, "smooth must be true or false");
    return code;
}

int type_parse(struct type *t, union cell *preset, const cJSON *what, const char *place,
               struct err *e)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(what, "t");
    size_t n = sizeof kinds / sizeof *kinds, i = 0;

    while (i < n && strcmp(kinds[i].name, name->valuestring) != 0)
        i++;
    if (i == n)
        return schema_refuse(e, place, "\"%.80s\" is not a type", name->valuestring);
    *t = (struct type){.kind = kinds[i].kind,
                       .bytes = kinds[i].bytes,
                       .is_delta = kinds[i].is_delta,
                       .low = kinds[i].low,
                       .high = kinds[i].high};
    int code = check_keys_of(t, what, place, e);
    if (code == 0)
        code = parse_options(t, what, place, e);
    return code < 0 ? code
                    : parse_preset(t, preset, cJSON_GetObjectItemCaseSensitive(what, "def"),
                                   place, e);
}
