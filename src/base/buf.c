/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_truncate(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->cap - b->len) {
        size_t cap = b->cap ? b->cap : 64;
        if (n > SIZE_MAX / 4 || (b->max && n > b->max - b->len))
            goto fail;
        while (cap - b->len < n)
            cap *= 2;
        if (b->max && cap > b->max)
            cap = b->max;
        uint8_t *grown = realloc(b->data, cap);
        if (!grown)
            goto fail;
        b->data = grown;
        b->cap = cap;
    }
    return b->len ? b->data + b->len : b->data; /* no sum with a null pointer */

fail:
    b->failed = true;
    return NULL;
}

void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->len);
    b->len += n;
}

void buf_append(struct buf *b, const void *bytes, size_t n)
{
    uint8_t *at = buf_reserve(b, n);

    if (at && n) {
        memcpy(at, bytes, n);
        b->len += n;
    }
}

void buf_byte(struct buf *b, uint8_t byte)
{
    uint8_t *at = buf_reserve(b, 1);

    if (at) {
        *at = byte;
        b->len++;
    }
}

void buf_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_format(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *at = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
    if (!at)
        return;
    va_start(args, format);
    vsnprintf((char *)at, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->len)
        memmove(b->data, b->data + n, b->len);
}
