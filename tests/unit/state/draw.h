/* SPDX-License-Identifier: MIT */
/*
 * draw - random values of any type, as JSON: small, and mostly a little other than
 * the value before, so that edits of every kind come.
 */
#pragma once

#include <cJSON.h>

#include "base/rnd.h"
#include "state/type.h"

/* A value that fits; `old` is one of the same type or NULL. */
cJSON *draw_value(struct rnd *rnd, const struct type *t, const cJSON *old);

/* The same as a cell. */
union cell draw_cell_like(struct rnd *rnd, const struct type *t, union cell old);
