/* SPDX-License-Identifier: MIT */
#include "room/any_map.h"

#include <string.h>

#include "proto/record.h"
#include "state/payload.h"

/* One member; its value is in *value. */
static struct wire_str next(struct wire_in *in, struct wire_in *value)
{
    wire_uv(in); /* 0: a string follows */
    struct wire_str key = wire_str(in);

    value->at = in->at;
    payload_check(NULL, in);
    value->end = in->at;
    value->failed = in->failed;
    return key;
}

static bool is_key(struct wire_str key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.text, name, key.len) == 0;
}

bool any_map_find(const uint8_t *any, size_t n, const char *key, struct wire_in *out)
{
    struct wire_in in = wire_from(any, n), value;
    bool is_found = false;

    if (n == 0 || wire_u8(&in) != ANY_MAP)
        return false;
    for (uint32_t left = wire_uv(&in); left > 0 && !in.failed; left--)
        if (is_key(next(&in, &value), key) && !value.failed) {
            *out = value;
            is_found = true;
        }
    return is_found;
}

void any_map_without(const uint8_t *any, size_t n, const char *key, struct buf *out)
{
    struct wire_in in = wire_from(any, n), value;
    uint32_t n_kept = 0;

    if (!any_map_find(any, n, key, &value)) {
        buf_append(out, any, n);
        return;
    }
    for (int pass = 0; pass < 2; pass++) { /* count, then copy */
        in = wire_from(any + 1, n - 1);
        if (pass == 1) {
            wire_put_u8(out, ANY_MAP);
            wire_put_uv(out, n_kept);
        }
        for (uint32_t left = wire_uv(&in); left > 0 && !in.failed; left--) {
            const uint8_t *from = in.at;
            if (is_key(next(&in, &value), key))
                continue;
            n_kept += pass == 0;
            if (pass == 1)
                buf_append(out, from, (size_t)(in.at - from));
        }
    }
}
