/* SPDX-License-Identifier: MIT */
/*
 * house - a world with one scripted room for targets that talk to a session: a
 * game with every message type, a peer that only counts, a clock that stands.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "room/peer.h"

/* Open a session of this codec, send it the messages that `data` holds (each with
 * its length in front, two bytes), step the room between them, and close. Made at
 * the first call, with the Lua library of SCRIPTS_DIR. */
void house_visit(enum peer_codec codec, const uint8_t *data, size_t size);
