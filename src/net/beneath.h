/* SPDX-License-Identifier: MIT */
/*
 * beneath - opens files of one folder and nothing outside of it, whatever the path
 * says and wherever links lead.
 *
 * Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { BENEATH_PATH_BYTES = 1024 }; /* longer paths are not found */

/* Write the path of the file that is meant by `path` (decoded, relative; "" or one
 * that ends in '/': index.html there); false where it cannot be one of ours: no
 * "..", no dot-files. */
bool beneath_clean(char out[BENEATH_PATH_BYTES], const char *path, size_t len);

/* A descriptor of the regular file at this clean path, which is yours to close, or
 * -1. Does not block. */
int beneath_open(const char *folder, const char *path, struct stat *st);
