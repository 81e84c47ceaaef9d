/* SPDX-License-Identifier: MIT */
#include "proto/http_range.h"

#include <string.h>

/* The digits at the front of *t; false where there is none. What is too big for 64
 * bits is as good as the biggest: no file ends behind it. */
static bool cut_number(struct http_text *t, uint64_t *out)
{
    size_t n = 0;

    *out = 0;
    for (; n < t->len && t->at[n] >= '0' && t->at[n] <= '9'; n++) {
        unsigned digit = (unsigned)(t->at[n] - '0');
        bool fits = *out <= (UINT64_MAX - digit) / 10;
        *out = fits ? *out * 10 + digit : UINT64_MAX;
    }
    t->at += n;
    t->len -= n;
    return n > 0;
}

static bool cut_char(struct http_text *t, char c)
{
    if (t->len == 0 || *t->at != c)
        return false;
    t->at++;
    t->len--;
    return true;
}

/* If-Range names the version that the client has a part of. A date never fits: we
 * send none. Nor does a weak tag, which does not promise the same bytes. */
static bool is_same_version(const struct http_head *h, const char *etag)
{
    size_t n;
    struct http_text version = http_head_find(h, "if-range", &n);

    return n == 0 || (n == 1 && *etag && http_text_is(version, etag));
}

enum http_range_kind http_range_read(const struct http_head *h, uint64_t size,
                                     const char *etag, uint64_t *first, uint64_t *last)
{
    static const char unit[] = "bytes=";
    size_t n, n_unit = sizeof unit - 1;
    struct http_text t = http_head_find(h, "range", &n);
    uint64_t tail;

    if (n != 1 || !http_text_is(http_head_method(h), "GET") ||
        !http_text_starts_nocase(t, unit) || !is_same_version(h, etag))
        return HTTP_RANGE_ALL;
    t = http_text_trim((struct http_text){t.at + n_unit, t.len - n_unit});
    if (cut_char(&t, '-')) { /* the last so many */
        if (!cut_number(&t, &tail) || t.len > 0)
            return HTTP_RANGE_ALL;
        if (tail == 0 || size == 0)
            return HTTP_RANGE_NONE;
        *first = tail < size ? size - tail : 0;
        *last = size - 1;
        return HTTP_RANGE_PART;
    }
    if (!cut_number(&t, first) || !cut_char(&t, '-'))
        return HTTP_RANGE_ALL;
    if (!cut_number(&t, last))
        *last = UINT64_MAX;
    if (t.len > 0 || *last < *first)
        return HTTP_RANGE_ALL;
    if (*first >= size)
        return HTTP_RANGE_NONE;
    if (*last >= size)
        *last = size - 1;
    return HTTP_RANGE_PART;
}

/* "q=0.5" as 500; what is no weight counts as 0, so that a coding is not forced on
 * somebody whose words we do not understand. */
static unsigned read_weight(struct http_text t)
{
    unsigned whole, thousandths = 0, place = 100;

    if (t.len < 3 || (t.at[0] != 'q' && t.at[0] != 'Q') || t.at[1] != '=' ||
        (t.at[2] != '0' && t.at[2] != '1'))
        return 0;
    whole = t.at[2] == '1' ? 1000 : 0;
    if (t.len > 3 && (t.at[3] != '.' || t.len > 7))
        return 0;
    for (size_t i = 4; i < t.len; i++, place /= 10) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return 0;
        thousandths += (unsigned)(t.at[i] - '0') * place;
    }
    return whole + thousandths > 1000 ? 0 : whole + thousandths;
}

/* Cut "gzip;q=0.5" into its name and weight. */
static unsigned read_element(struct http_text element, struct http_text *name)
{
    const char *semicolon = element.len > 0 ? memchr(element.at, ';', element.len) : NULL;

    *name = element;
    if (!semicolon)
        return 1000;
    size_t n = (size_t)(semicolon - element.at);
    *name = http_text_trim((struct http_text){element.at, n});
    return read_weight(
        http_text_trim((struct http_text){semicolon + 1, element.len - n - 1}));
}

unsigned http_range_coding(const struct http_head *h, const char *coding)
{
    unsigned by_star = 0, weight;

    for (size_t i = 0; i < http_head_n_headers(h); i++) {
        const struct http_header *header = http_head_header(h, i);
        struct http_text rest = header->value, element, name;
        if (!http_text_is_nocase(header->name, "accept-encoding"))
            continue;
        while (http_text_next(&rest, &element)) {
            weight = read_element(element, &name);
            if (http_text_is_nocase(name, coding))
                return weight;
            if (http_text_is(name, "*"))
                by_star = weight;
        }
    }
    return by_star;
}
