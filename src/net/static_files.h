/* SPDX-License-Identifier: MIT */
/*
 * static_files - files of one folder over HTTP: pages, modules, pictures.
 *
 * A file is read once and kept as a chunk; a stat tells whether it has changed
 * (so that saving is seen at once). Answers carry ETag and Cache-Control:
 * no-cache, and If-None-Match gets 304, If-Match 412. One range of a file is served as 206.
 * Where x.js.br or x.js.gz lies beside x.js and is not older, clients that take
 * the coding get that. Only regular files inside the folder are served: no
 * dot-files, no "..", no symbolic link that leaves it.
 *
 * Ownership: static_files_new/free. Thread: any; the connection is its own.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "net/conn.h"

struct static_files;

/* `folder` need not exist yet. `max_bytes` bounds the cache (LRU is not needed:
 * when full it is emptied); files above max_file_bytes are answered 413… use
 * 16 MiB and 4 MiB as usual. Returns 0 or -ENOMEM. */
int static_files_new(struct static_files **out, const char *folder, size_t max_bytes,
                     size_t max_file_bytes);
void static_files_free(struct static_files **s);

/* Answer a GET or HEAD with the file at `path` (decoded, relative, without a
 * leading '/'; "" or a path that ends in '/' means index.html there). Answers
 * 404 where there is none, 405 for other methods. Always answers. `more` are header
 * lines (borrowed, up to STATIC_FILES_MORE bytes) that go with a file. */
enum { STATIC_FILES_MORE = 512 };
void static_files_serve(struct static_files *s, struct conn *c,
                        const struct http_head *head, const char *path, size_t len,
                        const char *more);

/* "text/html; charset=utf-8" for "x.html"; application/octet-stream for what is
 * not known. Static text. */
const char *static_files_type(const char *path);
