/* SPDX-License-Identifier: MIT */
/*
 * json_text - what is looked at in JSON text before it is parsed.
 *
 * Pure. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A NUL, as it is or escaped: cJSON would end a string there, and two names could look
 * alike. */
bool json_text_has_nul(const char *text, size_t len);
