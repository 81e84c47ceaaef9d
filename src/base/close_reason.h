/* SPDX-License-Identifier: MIT */
/*
 * close_reason - the close codes that Parlor sends, with their texts.
 *
 * The facts live in close_reason.def, one line each. Thread: any.
 */
#pragma once

#include <stdint.h>

enum close_reason {
#define X(name, code, text) CLOSE_##name = code,
#include "base/close_reason.def"
#undef X
};

/* The text for a code, "" for one that is not ours to send. */
const char *close_reason_text(uint16_t code);
