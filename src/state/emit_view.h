/* SPDX-License-Identifier: MIT */
/*
 * emit_view - how views move. Internal to emit; others use emit.h.
 *
 * Thread: the room's worker.
 */
#pragma once

#include "state/emit.h"

/* In step from here: forget what was kept while it was behind. */
void view_catch_up(struct view *v);

/* Room for `n` sights, empty ones where there were none. False: memory is out. */
bool view_make_sights(struct view *v, uint32_t n);

/* Does the view (NULL: nobody's) hold the very row that is in this slot now? */
bool view_is_held(const struct view *v, const struct image *img, uint32_t table,
                  uint32_t slot);

/* The rows of `seen` are in sight in `tick`; those of `same` were before, too. False:
 * memory is out, and the sight is of no use any more. */
bool sight_move(struct sight *s, const struct bits *seen, const struct bits *same,
                uint32_t tick, struct buf *scratch);
