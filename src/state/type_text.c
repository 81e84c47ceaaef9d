/* SPDX-License-Identifier: MIT */
/*
 * type_text - what a type takes and why a value was refused, in words.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state/type.h"

/* The bounds of integers and fixed read as "low..high", so that a message can
 * say "is not in"; everything else reads as a noun. */
static bool is_range(const struct type *t)
{
    return t->kind >= TYPE_U8 && t->kind <= TYPE_FIXED && t->kind != TYPE_F32 &&
           t->kind != TYPE_F64;
}

static void describe_enum(const struct type *t, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "one of");

    for (uint32_t i = 0; i < t->n_names && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s %s", i ? "," : "", t->names[i]);
}

void type_describe(const struct type *t, char *out, size_t size)
{
    switch (t->kind) {
    case TYPE_BOOL: snprintf(out, size, "true or false"); break;
    case TYPE_F32: snprintf(out, size, "a finite number that fits in 32 bits"); break;
    case TYPE_F64:
    case TYPE_ANGLE: snprintf(out, size, "a finite number"); break;
    case TYPE_FIXED:
        snprintf(out, size, "%.15g..%.15g",
                 t->bytes ? t->min : type_to_number(t, (union cell){.q = t->low}),
                 t->bytes ? t->max : type_to_number(t, (union cell){.q = t->high}));
        break;
    case TYPE_ENUM: describe_enum(t, out, size); break;
    case TYPE_STR:
    case TYPE_TEXT:
    case TYPE_BYTES:
        snprintf(out, size, "a string of at most %" PRIu32 " bytes", t->max_bytes);
        break;
    case TYPE_OPT: type_describe(t->item, out, size); break;
    case TYPE_LIST:
        snprintf(out, size, "a list of at most %" PRIu32 " values", t->max_items);
        break;
    case TYPE_MAP:
        snprintf(out, size, "a map of at most %" PRIu32 " values", t->max_items);
        break;
    case TYPE_ANY:
        snprintf(out, size, "a value of at most %" PRIu32 " bytes", t->max_bytes);
        break;
    case TYPE_RECORD: snprintf(out, size, "a record"); break;
    default: snprintf(out, size, "%" PRId64 "..%" PRId64, t->low, t->high);
    }
}

int type_refuse(const struct type *t, enum type_result r, const char *path,
                const char *shown, struct err *e)
{
    char takes[256];

    switch (r) {
    case TYPE_OK: return 0;
    case TYPE_ERR_MEMORY: return err_set(e, -ENOMEM, "%s: out of memory", path);
    case TYPE_ERR_UTF8: return err_set(e, -EINVAL, "%s: the text is not valid UTF-8", path);
    case TYPE_ERR_WHOLE:
        return err_set(e, -EINVAL, "%s: %s is not a whole number", path, shown);
    default: break;
    }
    type_describe(t, takes, sizeof takes);
    return err_set(e, -EINVAL, "%s: %s is not %s%s", path, shown, is_range(t) ? "in " : "",
                   takes);
}
