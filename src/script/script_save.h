/* SPDX-License-Identifier: MIT */
/*
 * script_save - what a room's script holds beside the declared state and can be kept:
 * its timers; and declared state that was saved under another schema, taken over.
 *
 * Thread: the VM's worker.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/script_room.h"

/* Append the room's timers, an any. One whose arguments cannot be kept is left out, and
 * reported once; code that sleeps is no timer. On SCRIPT_RAISED a part may be there. */
enum script_result script_timers_get(struct script_room *sr, struct buf *out);

/* Set timers that script_timers_get() gave, a valid any; now_ms is the room's time. */
enum script_result script_timers_put(struct script_room *sr, const uint8_t *any, size_t n);

/* Fill a new room's tables from an image of another schema, by field name, as a reload
 * does (scripts/migrate.lua); the next scan brings it into the room's own image. What
 * cannot be kept is reported. */
enum script_result script_adopt(struct script_room *sr, const struct image *saved);
