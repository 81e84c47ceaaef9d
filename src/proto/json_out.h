/* SPDX-License-Identifier: MIT */
/*
 * json_out - JSON text written straight into a buf, without a tree.
 *
 * Commas are put by themselves; nesting is the caller's to balance. Strings
 * must be valid UTF-8; control characters are escaped, and so are `<` and
 * U+2028/9, so that the text may stand inside a page.
 *
 * Numbers: integers without a point; others in the shortest of %.15g, %.16g, %.17g
 * that reads back as the same double. NaN and infinities become null.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_out {
    struct buf *buf;
    bool comma; /* the next value is preceded by one */
};

static inline struct json_out json_out_to(struct buf *b)
{
    return (struct json_out){b, false};
}

void json_out_object(struct json_out *j);
void json_out_end_object(struct json_out *j);
void json_out_array(struct json_out *j);
void json_out_end_array(struct json_out *j);
void json_out_key(struct json_out *j, const char *key, size_t len);
void json_out_str(struct json_out *j, const char *text, size_t len);
void json_out_num(struct json_out *j, double v);
void json_out_int(struct json_out *j, int64_t v);
void json_out_bool(struct json_out *j, bool v);
void json_out_null(struct json_out *j);

/* bytes as a base64 string */
void json_out_base64(struct json_out *j, const uint8_t *bytes, size_t len);

/* key + value in one, for literal keys */
void json_out_key_str(struct json_out *j, const char *key, const char *text);
void json_out_key_int(struct json_out *j, const char *key, int64_t v);
void json_out_key_bool(struct json_out *j, const char *key, bool v);
