/* SPDX-License-Identifier: MIT */
#include "proto/json_text.h"

#include <string.h>

bool json_text_has_nul(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == 0)
            return true;
        if (text[i] != '\\')
            continue;
        if (i + 6 <= len && memcmp(text + i, "\\u0000", 6) == 0)
            return true;
        i++; /* whatever is escaped */
    }
    return false;
}
