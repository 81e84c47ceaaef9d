/* SPDX-License-Identifier: MIT */
/*
 * watch - tells when files in a folder tree change (inotify, through libuv).
 *
 * Editors save in many ways: write in place, write aside and rename, several
 * files at once. Changes are gathered for `settle_ms` after the last one and
 * then reported one by one. New folders are watched as they appear; dot-files,
 * backup files (ending in ~ or .swp) and 4913 (vim's probe) are passed over.
 *
 * Ownership: watch_open/close, lives on a loop. Thread: its worker's.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct watch;

/* `path` is relative to the folder, for example "pond/web/index.html". The file
 * may be new, changed or gone. */
typedef void watch_cb(void *ctx, const char *path);

/* Errors name the folder. A limit of the system on watches is an error too. */
int watch_open(struct watch **out, uv_loop_t *loop, const char *folder, uint32_t settle_ms,
               watch_cb *cb, void *ctx, struct err *e);
void watch_close(struct watch **w);
