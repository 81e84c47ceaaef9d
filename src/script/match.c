/* SPDX-License-Identifier: MIT */
#include "script/match.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { ESCAPE = '%', ASK_EVERY = 65536 /* steps, some 0.3 ms */ };

/* Errors are LuaJIT's, word for word. */
static const char *fail(struct match *m, const char *error)
{
    m->error = error;
    return NULL;
}

static bool count(struct match *m)
{
    if (m->steps == 0 || (m->steps % ASK_EVERY == 0 && m->is_over && m->is_over()))
        return fail(m, "the pattern takes too many steps");
    m->steps--;
    return true;
}

void match_init(struct match *m, const char *text, size_t len, const char *pattern,
                size_t n_pattern, uint64_t steps)
{
    m->text = text;
    m->text_end = text + len;
    m->pattern_end = pattern + n_pattern;
    m->error = NULL;
    m->steps = steps;
    m->is_over = NULL;
    m->level = m->depth = 0;
}

/* Behind the single item (a character, a class or a set) that begins at `p`. */
static const char *item_end(struct match *m, const char *p)
{
    char first = *p++;

    if (first == ESCAPE) {
        if (p == m->pattern_end)
            return fail(m, "malformed pattern (ends with '%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { /* a ']' in first place is a member */
        if (p >= m->pattern_end)
            return fail(m, "malformed pattern (missing ']')");
        if (*p++ == ESCAPE && p < m->pattern_end)
            p++;
    } while (p >= m->pattern_end || *p != ']');
    return p + 1;
}

static bool is_in_class(unsigned char c, unsigned char class)
{
    bool is;

    switch (tolower(class)) {
    case 'a': is = isalpha(c); break;
    case 'c': is = iscntrl(c); break;
    case 'd': is = isdigit(c); break;
    case 'g': is = isgraph(c); break;
    case 'l': is = islower(c); break;
    case 'p': is = ispunct(c); break;
    case 's': is = isspace(c); break;
    case 'u': is = isupper(c); break;
    case 'w': is = isalnum(c); break;
    case 'x': is = isxdigit(c); break;
    case 'z': is = c == 0; break; /* of 5.1; patterns may hold zeros by now */
    default: return class == c;
    }
    return isupper(class) ? !is : is;
}

/* The set from `p` ('[') to `end` (']'). */
static bool is_in_set(unsigned char c, const char *p, const char *end)
{
    bool wanted = true;

    if (p[1] == '^') {
        wanted = false;
        p++;
    }
    while (++p < end) {
        if (*p == ESCAPE) {
            p++;
            if (is_in_class(c, (unsigned char)*p))
                return wanted;
        } else if (p[1] == '-' && p + 2 < end) {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
                return wanted;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

/* Is the character at `at` the item from `p` to `end`? */
static bool is_item(const struct match *m, const char *at, const char *p, const char *end)
{
    if (at >= m->text_end)
        return false;
    switch (*p) {
    case '.': return true;
    case ESCAPE: return is_in_class((unsigned char)*at, (unsigned char)p[1]);
    case '[': return is_in_set((unsigned char)*at, p, end - 1);
    default: return *p == *at;
    }
}

/* %bxy */
static const char *match_balance(struct match *m, const char *at, const char *p)
{
    int open = 1;

    if (p + 1 >= m->pattern_end)
        return fail(m, "unbalanced pattern");
    if (at >= m->text_end || *at != *p)
        return NULL;
    while (++at < m->text_end) {
        if (!count(m))
            return NULL;
        if (*at == p[1]) {
            if (--open == 0)
                return at + 1;
        } else if (*at == *p) {
            open++;
        }
    }
    return NULL;
}

/* item* and item+: as many as there are, then fewer. */
static const char *match_most(struct match *m, const char *at, const char *p,
                              const char *end)
{
    ptrdiff_t n = 0;

    while (is_item(m, at + n, p, end)) {
        n++;
        if (!count(m))
            return NULL;
    }
    for (; n >= 0; n--) {
        const char *r = match_at(m, at + n, end + 1);
        if (r || m->error)
            return r;
    }
    return NULL;
}

/* item-: as few as will do. */
static const char *match_least(struct match *m, const char *at, const char *p,
                               const char *end)
{
    for (;;) {
        const char *r = match_at(m, at, end + 1);
        if (r || m->error)
            return r;
        if (!is_item(m, at, p, end))
            return NULL;
        at++;
    }
}

static const char *open_capture(struct match *m, const char *at, const char *p,
                                ptrdiff_t what)
{
    if (m->level >= MATCH_MAX_CAPTURES)
        return fail(m, "too many captures");
    m->captures[m->level].at = at;
    m->captures[m->level].len = what;
    m->level++;
    const char *r = match_at(m, at, p);
    if (!r)
        m->level--;
    return r;
}

static const char *close_capture(struct match *m, const char *at, const char *p)
{
    int i = m->level - 1;

    while (i >= 0 && m->captures[i].len != MATCH_UNCLOSED)
        i--;
    if (i < 0)
        return fail(m, "invalid pattern capture");
    m->captures[i].len = at - m->captures[i].at;
    const char *r = match_at(m, at, p);
    if (!r)
        m->captures[i].len = MATCH_UNCLOSED;
    return r;
}

/* %1 to %9: what that capture holds, again. */
static const char *match_back(struct match *m, const char *at, char digit)
{
    int i = digit - '1';

    if (i < 0 || i >= m->level || m->captures[i].len == MATCH_UNCLOSED)
        return fail(m, "invalid capture index");
    /* A position taken as a length is longer than any text, and fits nowhere. */
    size_t len = (size_t)m->captures[i].len;
    if ((size_t)(m->text_end - at) < len || memcmp(m->captures[i].at, at, len) != 0)
        return NULL;
    return at + len;
}

/* %f[set]: from outside the set into it. Moves *p behind the set. */
static bool is_frontier(struct match *m, const char *at, const char **p)
{
    const char *set = *p;

    if (set >= m->pattern_end || *set != '[') {
        fail(m, "missing '[' after '%f' in pattern");
        return false;
    }
    const char *end = item_end(m, set);
    if (!end)
        return false;
    *p = end;
    unsigned char before = at == m->text ? 0 : (unsigned char)at[-1];
    unsigned char here = at < m->text_end ? (unsigned char)*at : 0;
    return !is_in_set(before, set, end - 1) && is_in_set(here, set, end - 1);
}

/* One step of match_at(): what begins at *p is tried at *at. Returns true to go on
 * with *at and *p, false when *at is the result. */
static bool step(struct match *m, const char **at, const char **p)
{
    const char *q = *p;
    char next = q + 1 < m->pattern_end ? q[1] : 0;

    if (*q == '(') {
        *at = next == ')' && q + 1 < m->pattern_end
                  ? open_capture(m, *at, q + 2, MATCH_POSITION)
                  : open_capture(m, *at, q + 1, MATCH_UNCLOSED);
        return false;
    }
    if (*q == ')') {
        *at = close_capture(m, *at, q + 1);
        return false;
    }
    if (*q == '$' && q + 1 == m->pattern_end) {
        *at = *at == m->text_end ? *at : NULL;
        return false;
    }
    if (*q == ESCAPE && next == 'b') {
        *at = match_balance(m, *at, q + 2);
        *p = q + 4;
        return *at != NULL;
    }
    if (*q == ESCAPE && next == 'f') {
        *p = q + 2;
        if (!is_frontier(m, *at, p))
            *at = NULL;
        return *at != NULL;
    }
    if (*q == ESCAPE && isdigit((unsigned char)next)) {
        *at = match_back(m, *at, next);
        *p = q + 2;
        return *at != NULL;
    }
    const char *end = item_end(m, q);
    if (!end) {
        *at = NULL;
        return false;
    }
    bool fits = is_item(m, *at, q, end);
    switch (end < m->pattern_end ? *end : 0) {
    case '?': {
        const char *r = fits ? match_at(m, *at + 1, end + 1) : NULL;
        if (r || m->error) {
            *at = r;
            return false;
        }
        *p = end + 1;
        return true;
    }
    case '*': *at = match_most(m, *at, q, end); return false;
    case '+': *at = fits ? match_most(m, *at + 1, q, end) : NULL; return false;
    case '-': *at = match_least(m, *at, q, end); return false;
    default:
        *at = fits ? *at + 1 : NULL;
        *p = end;
        return fits;
    }
}

const char *match_at(struct match *m, const char *at, const char *p)
{
    if (++m->depth > MATCH_MAX_DEPTH)
        return fail(m, "pattern too complex");
    while (p < m->pattern_end && count(m) && step(m, &at, &p))
        ;
    m->depth--;
    return m->error ? NULL : at;
}
