/* SPDX-License-Identifier: MIT */
/*
 * err - an error that a person will read: what is wrong, and where.
 *
 * Functions that can fail on outside input (a file, a script, a schema) take a
 * `struct err *` and return a negative code; the text says what to do about it.
 * Hot paths use plain result codes instead and never format a string.
 *
 * Ownership: a value, on the caller's stack. Thread: any.
 */
#pragma once

struct err {
    int code;       /* negative: UV_* / -errno style, or the module's own */
    char text[480]; /* one line without a full stop, cut when too long */
};

/* Fill *e (which may be NULL) and return `code`, so that a failure is one line:
 * return err_set(e, -EINVAL, "%s: no such field", path); */
int err_set(struct err *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
