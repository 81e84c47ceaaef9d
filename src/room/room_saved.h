/* SPDX-License-Identifier: MIT */
/*
 * room_saved - what room_save.c writes and room_restore.c reads.
 *
 *   u8 format · u32 tick · f64 room's time in ms · uv last player id · u8 flags ·
 *   4 × u64 dice · uv n, labels (any) · uv n, timers (any) ·
 *   for each table of the schema: uv n, n × (key, all fields in the record's order); the
 *     root has one row, without key
 *   uv n, seats: uv id · u8 flags · u32 ms that it is held · uv n (0 to 2), n × 16 B
 *     tokens, the newest first · uv records received and handled · uv last predicted input
 * · str name · uv n, user (any) · u8 has centre, f64 x, y, radius · uv n, watched keys: uv
 * table, key u64 hash of all before it
 *
 * Values are those of PROTOCOL.md. The schema lies beside it, as text.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SAVED_FORMAT = 1 };
enum { SAVED_IS_NAMED = 1, SAVED_IS_PRIVATE = 2, SAVED_IS_LOCKED = 4 };
enum { SAVED_SEAT_IS_TAKEN = 1, SAVED_SEAT_IS_JSON = 2, SAVED_MAX_TOKENS = 2 };

/* FNV-1a of 64 bits. */
uint64_t room_saved_hash(const void *bytes, size_t len);
