/* SPDX-License-Identifier: MIT */
/*
 * script_hint - a likely way out of an error that a script made: what the developer
 * overlay and `parlor check` say beside the message.
 *
 * Pure: texts in, text out. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_HINT_MAX = 256 };

/* What may help with this message; false where nothing comes to mind. */
bool script_hint(const char *message, char out[SCRIPT_HINT_MAX]);

/* The one of `n` names that `word` is likely to mean (one or two letters wrong, by
 * length), or NULL. A name that is the word itself counts. */
const char *script_hint_near(const char *word, const char *const *names, size_t n);

/* The same among the methods that Parlor gives rooms and players. */
const char *script_hint_method(const char *word);

/* The names of all options of parlor.game; ends with NULL. */
extern const char *const script_hint_options[];
