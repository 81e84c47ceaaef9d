/* SPDX-License-Identifier: MIT */
#include "server/door.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_text.h"
#include "proto/record.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "state/payload.h"

enum { MAX_QUERY_FIELDS = 32 };

static bool put_decoded(struct buf *out, const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    int n = copy ? http_decode(copy, text, len, true) : -1;
    bool ok = n >= 0 && utf8_is_valid(copy, (size_t)n);

    if (ok)
        wire_put_str(out, copy, (size_t)n);
    free(copy);
    return ok;
}

bool door_query(const struct http_head *head, bool hides_token, struct buf *out)
{
    struct http_text query = http_head_query(head);
    const char *at = query.at, *end = query.at + query.len;
    struct buf fields;
    uint32_t n = 0;
    bool ok = true;

    buf_init(&fields, 64 << 10);
    while (ok && at < end) {
        size_t len = 0;
        while (at + len < end && at[len] != '&')
            len++;
        const char *equals = memchr(at, '=', len);
        size_t n_key = equals ? (size_t)(equals - at) : len;
        size_t mark = fields.len;
        if (n_key > 0) {
            wire_put_uv(&fields, 0);
            ok = ++n <= MAX_QUERY_FIELDS && put_decoded(&fields, at, n_key);
            bool is_token = hides_token && ok && fields.len - mark == 7 &&
                            memcmp(fields.data + mark + 2, "token", 5) == 0;
            wire_put_u8(&fields, ANY_STR);
            ok = ok && put_decoded(&fields, equals ? equals + 1 : at + len,
                                   equals ? len - n_key - 1 : 0);
            if (is_token) {
                buf_truncate(&fields, mark);
                n--;
            }
        }
        at += len + 1;
    }
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, n);
    buf_append(out, fields.data, fields.len);
    ok = ok && !fields.failed && !out->failed;
    buf_fini(&fields);
    return ok;
}

static void put_key(struct buf *out, const char *key, size_t len)
{
    wire_put_uv(out, 0);
    wire_put_str(out, key, len);
}

static void put_value(struct buf *out, const void *text, size_t len)
{
    wire_put_u8(out, utf8_is_valid(text, len) ? ANY_STR : ANY_BYTES);
    wire_put_str(out, text, len);
}

static void put_member(struct buf *out, const char *key, const char *text, size_t len)
{
    put_key(out, key, strlen(key));
    put_value(out, text, len);
}

/* Those of the handshake itself say nothing of the client. */
static bool is_passed_on(struct http_text name)
{
    return !http_text_is_nocase(name, "connection") &&
           !http_text_is_nocase(name, "upgrade") &&
           !http_text_starts_nocase(name, "sec-websocket-");
}

static bool is_first(const struct http_head *head, size_t i)
{
    struct http_text name = http_head_header(head, i)->name;

    for (size_t k = 0; k < i; k++)
        if (http_text_equals_nocase(http_head_header(head, k)->name, name))
            return false;
    return true;
}

/* One header, and those of the same name behind it: lists go on with a comma (RFC 9110
 * 5.3), cookies with a semicolon. */
static void put_header(const struct http_head *head, size_t i, struct buf *out)
{
    struct http_text name = http_head_header(head, i)->name;
    const char *between = http_text_is_nocase(name, "cookie") ? "; " : ", ";
    struct buf value;
    char lower[64];
    size_t len = name.len < sizeof lower ? name.len : sizeof lower;

    for (size_t k = 0; k < len; k++)
        lower[k] =
            (char)(name.at[k] >= 'A' && name.at[k] <= 'Z' ? name.at[k] + 32 : name.at[k]);
    put_key(out, lower, len);
    buf_init(&value, DOOR_BYTES);
    for (size_t k = i; k < http_head_n_headers(head); k++) {
        const struct http_header *h = http_head_header(head, k);
        if (!http_text_equals_nocase(h->name, name))
            continue;
        if (k > i)
            buf_text(&value, between);
        buf_append(&value, h->value.at, h->value.len);
    }
    out->failed = out->failed || value.failed;
    put_value(out, value.len ? (const char *)value.data : "", value.len);
    buf_fini(&value);
}

static void put_headers(const struct http_head *head, struct buf *out)
{
    uint32_t n = 0;

    for (int pass = 0; pass < 2; pass++) { /* count, then write */
        if (pass == 1) {
            put_key(out, "headers", 7);
            wire_put_u8(out, ANY_MAP);
            wire_put_uv(out, n);
        }
        for (size_t i = 0; i < http_head_n_headers(head); i++) {
            if (!is_passed_on(http_head_header(head, i)->name) || !is_first(head, i))
                continue;
            if (pass == 1)
                put_header(head, i, out);
            n++;
        }
    }
}

/* Authorization: Bearer TOKEN (RFC 6750 2.1); there once, or it would be a question of
 * which one counts. */
static struct http_text find_bearer(const struct http_head *head)
{
    size_t n;
    struct http_text value = http_head_find(head, "authorization", &n);
    struct http_text none = {NULL, 0};

    if (n != 1 || !http_text_starts_nocase(value, "bearer "))
        return none;
    return http_text_trim((struct http_text){value.at + 7, value.len - 7});
}

/* The cookie of this name; none where there are two: a page of a sibling domain may have
 * put the second one there. */
static struct http_text find_cookie(const struct http_head *head, const char *name)
{
    struct http_text found = {NULL, 0};
    size_t n_name = strlen(name), n_found = 0;

    for (size_t i = 0; n_name && i < http_head_n_headers(head); i++) {
        const struct http_header *h = http_head_header(head, i);
        if (!http_text_is_nocase(h->name, "cookie"))
            continue;
        for (const char *at = h->value.at, *end = at + h->value.len; at < end;) {
            const char *stop = memchr(at, ';', (size_t)(end - at));
            size_t len = (size_t)((stop ? stop : end) - at);
            struct http_text one = http_text_trim((struct http_text){at, len});
            if (one.len > n_name && memcmp(one.at, name, n_name) == 0 &&
                one.at[n_name] == '=') {
                found = (struct http_text){one.at + n_name + 1, one.len - n_name - 1};
                n_found++;
            }
            at += len + 1;
        }
    }
    return n_found == 1 ? found : (struct http_text){NULL, 0};
}

static struct http_text find_token(const struct door *d)
{
    struct http_text token = find_bearer(d->head);

    if (!token.len && d->has_trusted_origin)
        token = find_cookie(d->head, d->cookie);
    return token;
}

/* The map with room for `n_more` members. */
static int put_door(const struct door *d, uint32_t n_more, struct buf *out)
{
    struct http_text origin = http_head_find(d->head, "origin", NULL);
    struct http_text token = find_token(d);

    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out,
                3u + n_more + (origin.len > 0) + (token.len > 0) + (d->protocol != NULL));
    put_member(out, "address", d->address, strlen(d->address));
    if (origin.len)
        put_member(out, "origin", origin.at, origin.len);
    if (token.len)
        put_member(out, "token", token.at, token.len);
    if (d->protocol)
        put_member(out, "protocol", d->protocol, strlen(d->protocol));
    put_headers(d->head, out);
    put_key(out, "query", 5);
    if (!door_query(d->head, d->can_resume, out) && !out->failed)
        return 400;
    return out->failed || out->len > DOOR_BYTES ? 431 : 0;
}

static bool is_json(const struct http_head *head)
{
    size_t n;
    struct http_text type = http_head_find(head, "content-type", &n);
    const char *end = n == 1 ? memchr(type.at, ';', type.len) : NULL;

    if (end)
        type.len = (size_t)(end - type.at);
    return n == 1 && http_text_is_nocase(http_text_trim(type), "application/json");
}

/* Append the JSON text as an any. */
static bool put_json(struct buf *out, struct http_text body)
{
    const char *end = NULL, *stop = body.at + body.len;
    struct err e;

    if (json_text_has_nul(body.at, body.len) || !utf8_is_valid(body.at, body.len))
        return false;
    cJSON *json = cJSON_ParseWithLengthOpts(body.at, body.len, &end, false);
    while (json && end < stop && strchr(" \t\r\n", *end) && *end)
        end++;
    bool ok = json && end == stop && payload_from_json(NULL, json, out, &e) == 0;
    cJSON_Delete(json);
    return ok;
}

int door_read(const struct door *d, struct buf *out)
{
    return put_door(d, 0, out);
}

int door_read_request(const struct door *d, const char *path, size_t n_path,
                      struct buf *out)
{
    struct http_text method = http_head_method(d->head), body = http_head_body(d->head);
    bool has_data = body.len > 0 && is_json(d->head);
    int status = put_door(d, 2u + (body.len > 0) + has_data, out);

    if (status)
        return status;
    put_member(out, "method", method.at, method.len);
    put_member(out, "path", path, n_path);
    if (body.len)
        put_member(out, "body", body.at, body.len);
    if (has_data) {
        put_key(out, "data", 4);
        if (!put_json(out, body))
            return out->failed ? 413 : 400;
    }
    return out->failed ? 413 : 0;
}
