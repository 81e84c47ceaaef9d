/* SPDX-License-Identifier: MIT */
/*
 * vm_source - the files a game's code was loaded from, kept as they were: a VM that
 * has to be replaced runs the same code again, whatever the folder holds by then.
 *
 * Ownership: a value inside its VM. Thread: its VM's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"

struct vm_sources {
    struct map files; /* path -> struct source */
};

void vm_sources_init(struct vm_sources *s);
void vm_sources_fini(struct vm_sources *s);

/* Keep a copy; the first one of a path counts. Out of memory: it is not kept. */
void vm_sources_keep(struct vm_sources *s, const char *path, const char *text, size_t len,
                     bool is_library);

/* Borrows; NULL where it is not kept. */
const char *vm_sources_find(const struct vm_sources *s, const char *path, size_t *len,
                            bool *is_library);
