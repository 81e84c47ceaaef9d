/* SPDX-License-Identifier: MIT */
#include "base/close_reason.h"

const char *close_reason_text(uint16_t code)
{
    switch (code) {
#define X(name, number, text)                                                              \
    case number:                                                                           \
        return text;
#include "base/close_reason.def"
#undef X
    default: return "";
    }
}
