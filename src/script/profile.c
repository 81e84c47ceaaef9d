/* SPDX-License-Identifier: MIT */
#include "script/profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void profile_init(struct profile *p)
{
    memset(p, 0, sizeof *p);
    map_init(&p->stacks);
}

void profile_fini(struct profile *p)
{
    for (struct map_entry *e = NULL; (e = map_next(&p->stacks, e));)
        free(e->value);
    map_fini(&p->stacks);
}

void profile_frame(struct profile *p, const char *format, ...)
{
    char frame[PROFILE_FRAME_BYTES + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(frame, sizeof frame, format, args);
    va_end(args);
    size_t n = strlen(frame);
    if (n == 0 || p->n_text + n + 1 > sizeof p->text)
        return;
    if (p->n_text)
        p->text[p->n_text++] = ';';
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)frame[i];
        p->text[p->n_text++] = byte < ' ' || byte == 0x7f || byte == ';' ? '_' : frame[i];
    }
}

static void count(struct profile *p, const char *text, size_t n, uint64_t times)
{
    uint64_t *known = n ? map_get_bytes(&p->stacks, text, n) : NULL;

    if (n == 0)
        return;
    p->n_samples += times;
    if (!known && p->stacks.n < PROFILE_MAX_STACKS && n <= PROFILE_MAX_BYTES - p->bytes &&
        (known = calloc(1, sizeof *known))) {
        if (map_put_bytes(&p->stacks, text, n, known)) {
            p->bytes += n;
        } else {
            free(known);
            known = NULL;
        }
    }
    if (known)
        *known += times;
    else
        p->n_other += times;
}

void profile_count(struct profile *p)
{
    size_t n = p->n_text;

    p->n_text = 0;
    count(p, p->text, n, 1);
}

void profile_add(struct profile *p, const char *at, size_t len)
{
    const char *end = at + len;

    for (const char *stop; at < end && (stop = memchr(at, '\n', (size_t)(end - at)));
         at = stop + 1) {
        const char *space = stop;
        while (space > at && *space != ' ')
            space--;
        uint64_t times = strtoull(space, NULL, 10);
        if ((size_t)(space - at) == strlen("[other]") &&
            memcmp(at, "[other]", strlen("[other]")) == 0) {
            p->n_samples += times;
            p->n_other += times;
        } else {
            count(p, at, (size_t)(space - at), times);
        }
    }
}

static int by_text(const void *a, const void *b)
{
    struct map_entry *const *x = a, *const *y = b;

    return strcmp((*x)->bytes, (*y)->bytes);
}

void profile_write(const struct profile *p, struct buf *out)
{
    struct map_entry **list = calloc(p->stacks.n + 1, sizeof *list);
    size_t n = 0;

    if (!list) {
        out->failed = true;
        return;
    }
    for (struct map_entry *e = NULL; (e = map_next(&p->stacks, e));)
        list[n++] = e;
    qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++) {
        buf_append(out, list[i]->bytes, list[i]->len);
        buf_format(out, " %llu\n", (unsigned long long)*(uint64_t *)list[i]->value);
    }
    if (p->n_other)
        buf_format(out, "[other] %llu\n", (unsigned long long)p->n_other);
    free(list);
}
