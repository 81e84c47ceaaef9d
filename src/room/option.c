/* SPDX-License-Identifier: MIT */
#include "room/option.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "room/any_map.h"
#include "state/payload.h"

enum { NUMBER_TEXT_MAX = 40 };

/* The any that `in` stands at; moves past it. */
static struct option take(struct wire_in *in)
{
    struct option o = {.kind = OPTION_OTHER, .bytes = in->at};
    struct wire_in head = *in;

    switch (wire_u8(&head)) {
    case ANY_NIL: o.kind = OPTION_NONE; break;
    case ANY_TRUE: o.flag = true; /* fall through */
    case ANY_FALSE: o.kind = OPTION_FLAG; break;
    case ANY_INT:
        o.kind = OPTION_NUMBER;
        o.number = (double)wire_sv(&head);
        break;
    case ANY_F64:
        o.kind = OPTION_NUMBER;
        o.number = wire_f64(&head);
        break;
    case ANY_STR:
        o.kind = OPTION_TEXT;
        o.text = wire_str(&head);
        break;
    case ANY_ARRAY: o.kind = OPTION_LIST; break;
    case ANY_MAP: o.kind = OPTION_MAP; break;
    default: break;
    }
    payload_check(NULL, in);
    o.n_bytes = (size_t)(in->at - o.bytes);
    if (in->failed)
        o = (struct option){.kind = OPTION_NONE};
    return o;
}

struct option option_find(const uint8_t *map, size_t n, const char *key)
{
    struct wire_in value;

    return any_map_find(map, n, key, &value) ? take(&value)
                                             : (struct option){.kind = OPTION_NONE};
}

uint32_t option_items(const struct option *o, struct option *out, uint32_t max)
{
    if (o->kind != OPTION_LIST) {
        if (o->kind != OPTION_NONE && max > 0)
            *out = *o;
        return o->kind != OPTION_NONE;
    }
    struct wire_in in = wire_from(o->bytes + 1, o->n_bytes - 1);
    uint32_t n = wire_uv(&in);
    for (uint32_t i = 0; i < n && i < max; i++)
        out[i] = take(&in);
    return n;
}

static bool is_text(const struct option *o, const char *text)
{
    return o->text.len == strlen(text) && memcmp(o->text.text, text, o->text.len) == 0;
}

bool option_is_set(const struct option *o)
{
    return o->kind == OPTION_FLAG
               ? o->flag
               : o->kind == OPTION_TEXT && (is_text(o, "true") || is_text(o, "1"));
}

bool option_number(const struct option *o, double *out)
{
    char copy[NUMBER_TEXT_MAX + 1], *end;

    if (o->kind == OPTION_NUMBER) {
        *out = o->number;
        return true;
    }
    if (o->kind != OPTION_TEXT || o->text.len == 0 || o->text.len > NUMBER_TEXT_MAX)
        return false;
    memcpy(copy, o->text.text, o->text.len);
    copy[o->text.len] = 0;
    if (copy[strspn(copy, "0123456789+-.eE")])
        return false; /* strtod() also knows hexadecimal, "inf" and "nan" */
    *out = strtod(copy, &end);
    return *end == 0 && isfinite(*out);
}

bool option_is_same(const struct option *a, const struct option *b)
{
    double x, y;

    if (a->kind == OPTION_TEXT && b->kind == OPTION_TEXT)
        return a->text.len == b->text.len &&
               memcmp(a->text.text, b->text.text, a->text.len) == 0;
    if (a->kind == OPTION_FLAG && b->kind == OPTION_FLAG)
        return a->flag == b->flag;
    return option_number(a, &x) && option_number(b, &y) && x == y;
}

void option_put(struct buf *out, const struct option *o)
{
    buf_append(out, o->bytes, o->n_bytes);
}
