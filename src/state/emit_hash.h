/* SPDX-License-Identifier: MIT */
/*
 * emit_hash - what a view holds, as hashes: a client compares them with its own, so
 * that a decoder or an emitter which is wrong is found where it happens. For
 * `parlor dev`: it walks all that is held.
 *
 * Thread: the room's worker.
 */
#pragma once

#include "state/emit.h"

/* The JSON `[[rows,hash],…]`, one pair for each facet of the wire: how many rows of it
 * the view holds, and schema_hash() over these, in order of their ids: uv id, the key
 * (not for the root, nor in an owner's facet), all fields in absolute form. For a view
 * that is current (view_is_current()). When memory is out, out->failed is set. */
void emit_hash(const struct image *img, const struct view *v, struct buf *out);
