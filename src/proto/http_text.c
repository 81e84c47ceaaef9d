/* SPDX-License-Identifier: MIT */
#include "proto/http_text.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter_or_digit(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* strchr() would find the closing NUL. */
static bool is_one_of(char c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct http_text http_text_trim(struct http_text t)
{
    while (t.len && is_blank(*t.at)) {
        t.at++;
        t.len--;
    }
    while (t.len && is_blank(t.at[t.len - 1]))
        t.len--;
    return t;
}

bool http_text_is(struct http_text t, const char *text)
{
    return t.len == strlen(text) && memcmp(t.at, text, t.len) == 0;
}

bool http_text_is_nocase(struct http_text t, const char *text)
{
    return http_text_equals_nocase(t, (struct http_text){text, strlen(text)});
}

bool http_text_equals_nocase(struct http_text a, struct http_text b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool http_text_starts_nocase(struct http_text t, const char *prefix)
{
    size_t len = strlen(prefix);

    return t.len >= len && http_text_is_nocase((struct http_text){t.at, len}, prefix);
}

bool http_text_is_token(struct http_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!is_letter_or_digit(t.at[i]) && !is_one_of(t.at[i], "!#$%&'*+-.^_`|~"))
            return false;
    return t.len > 0;
}

bool http_text_is_host(struct http_text t)
{
    bool bracketed = t.len > 0 && t.at[0] == '[';
    size_t i = bracketed;

    while (i < t.len && (is_letter_or_digit(t.at[i]) ||
                         is_one_of(t.at[i], bracketed ? ":." : "-._~%!$&'()*+,;=")))
        i++;
    if (i == bracketed)
        return false;
    if (bracketed && (i == t.len || t.at[i++] != ']'))
        return false;
    if (i < t.len && t.at[i++] != ':')
        return false;
    while (i < t.len && is_digit(t.at[i]))
        i++;
    return i == t.len;
}

bool http_text_next(struct http_text *rest, struct http_text *element)
{
    if (!rest->at)
        return false;
    const char *comma = rest->len ? memchr(rest->at, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->at) : rest->len;
    *element = http_text_trim((struct http_text){rest->at, len});
    *rest = comma ? (struct http_text){comma + 1, rest->len - len - 1}
                  : (struct http_text){NULL, 0};
    return true;
}

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int http_decode(char *out, const char *text, size_t len, bool plus)
{
    int n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = len - i > 2 ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;
            if (low < 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == 0)
            return -1;
        out[n++] = c;
    }
    return n;
}
