/* SPDX-License-Identifier: MIT */
/*
 * emit_personal - frames in a room where not everybody sees the same.
 *
 * For players who hold the same tick the sections that all share are encoded once and
 * copied; the rows of a table with an interest rule are encoded once and gathered.
 * What is the owner's is written straight into the owner's frame: there is no place
 * from which it could come into another.
 *
 * Ownership: personal_new/free. Thread: the room's worker.
 */
#pragma once

#include "state/emit.h"

/* For rooms of this schema. NULL when memory is out. */
struct personal *personal_new(const struct schema *schema);
void personal_free(struct personal **p);

/* Like emit_frame(). */
struct chunk *personal_frame(struct personal *p, const struct image *img, struct view *v,
                             bool json, bool *failed);
