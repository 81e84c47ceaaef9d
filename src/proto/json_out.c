/* SPDX-License-Identifier: MIT */
#include "proto/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every integer of smaller magnitude has its own double. */
#define EXACT_LIMIT 9007199254740992.0 /* 2^53 */

static void before_value(struct json_out *j)
{
    if (j->comma)
        buf_byte(j->buf, ',');
    j->comma = true;
}

static void open_with(struct json_out *j, uint8_t bracket)
{
    before_value(j);
    buf_byte(j->buf, bracket);
    j->comma = false;
}

static void close_with(struct json_out *j, uint8_t bracket)
{
    buf_byte(j->buf, bracket);
    j->comma = true;
}

void json_out_object(struct json_out *j)
{
    open_with(j, '{');
}

void json_out_end_object(struct json_out *j)
{
    close_with(j, '}');
}

void json_out_array(struct json_out *j)
{
    open_with(j, '[');
}

void json_out_end_array(struct json_out *j)
{
    close_with(j, ']');
}

/* The escape for the character at text[0], and how many bytes it stands for;
 * NULL where the byte may go out as it is. */
static const char *escape(const char *text, size_t len, char hex[7], size_t *used)
{
    unsigned char c = (unsigned char)text[0];

    *used = 1;
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case 0xe2: /* U+2028 and U+2029 end a line in older JavaScript */
        if (len < 3 || (unsigned char)text[1] != 0x80 || (text[2] & 0xfe) != 0xa8)
            return NULL;
        *used = 3;
        return text[2] & 1 ? "\\u2029" : "\\u2028";
    default: break;
    }
    if (c >= 0x20 && c != '<')
        return NULL;
    snprintf(hex, 7, "\\u%04x", c);
    return hex;
}

static void put_string(struct buf *b, const char *text, size_t len)
{
    size_t plain = 0; /* where the bytes begin that go out as they are */
    size_t used;
    char hex[7];

    buf_byte(b, '"');
    for (size_t i = 0; i < len; i += used) {
        const char *instead = escape(text + i, len - i, hex, &used);
        if (instead) {
            buf_append(b, text + plain, i - plain);
            buf_text(b, instead);
            plain = i + used;
        }
    }
    if (plain < len)
        buf_append(b, text + plain, len - plain);
    buf_byte(b, '"');
}

void json_out_key(struct json_out *j, const char *key, size_t len)
{
    before_value(j);
    put_string(j->buf, key, len);
    buf_byte(j->buf, ':');
    j->comma = false;
}

void json_out_str(struct json_out *j, const char *text, size_t len)
{
    before_value(j);
    put_string(j->buf, text, len);
}

/* The shortest of three precisions that reads back as the same double: 15
 * digits always survive from text to double and back, 17 always suffice. */
static void put_fraction(struct buf *b, double v)
{
    char text[40], out[40];
    size_t n = 0;

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    /* In some locales the point is another character, perhaps of several bytes:
     * whatever is not part of a number otherwise stands for it. */
    for (const char *p = text; *p; p++) {
        if (strchr("0123456789+-e", *p))
            out[n++] = *p;
        else if (out[n - 1] != '.')
            out[n++] = '.';
    }
    buf_append(b, out, n);
}

void json_out_num(struct json_out *j, double v)
{
    if (!isfinite(v)) {
        json_out_null(j);
    } else if (fabs(v) < EXACT_LIMIT && trunc(v) == v) {
        json_out_int(j, (int64_t)v);
    } else {
        before_value(j);
        put_fraction(j->buf, v);
    }
}

void json_out_int(struct json_out *j, int64_t v)
{
    char digits[20], *end = digits + sizeof digits, *at = end;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (v < 0)
        *--at = '-';
    before_value(j);
    buf_append(j->buf, at, (size_t)(end - at));
}

void json_out_bool(struct json_out *j, bool v)
{
    before_value(j);
    buf_text(j->buf, v ? "true" : "false");
}

void json_out_null(struct json_out *j)
{
    before_value(j);
    buf_text(j->buf, "null");
}

void json_out_base64(struct json_out *j, const uint8_t *bytes, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    before_value(j);
    buf_byte(j->buf, '"');
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (n > 1)
            three |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2)
            three |= bytes[i + 2];
        char four[4] = {letters[three >> 18], letters[three >> 12 & 63],
                        n > 1 ? letters[three >> 6 & 63] : '=',
                        n > 2 ? letters[three & 63] : '='};
        buf_append(j->buf, four, sizeof four);
    }
    buf_byte(j->buf, '"');
}

void json_out_key_str(struct json_out *j, const char *key, const char *text)
{
    json_out_key(j, key, strlen(key));
    json_out_str(j, text, strlen(text));
}

void json_out_key_int(struct json_out *j, const char *key, int64_t v)
{
    json_out_key(j, key, strlen(key));
    json_out_int(j, v);
}

void json_out_key_bool(struct json_out *j, const char *key, bool v)
{
    json_out_key(j, key, strlen(key));
    json_out_bool(j, v);
}
