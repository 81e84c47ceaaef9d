/* SPDX-License-Identifier: MIT */
#include "proto/utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

void utf8_init(struct utf8 *u)
{
    *u = (struct utf8){0};
}

/* How many bytes follow a lead byte, and the range of the first of them, which
 * is where overlong forms, surrogates and everything past U+10FFFF show (RFC
 * 3629, 4). False for a byte that starts nothing. */
static bool start(struct utf8 *u, uint8_t lead)
{
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    u->need = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    u->low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    u->high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return true;
}

/* From here on no byte is possible: the range is empty. */
static bool refuse(struct utf8 *u)
{
    *u = (struct utf8){.need = 1, .low = 1, .high = 0};
    return false;
}

bool utf8_feed(struct utf8 *u, const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = at + len;

    while (at < end) {
        if (u->need) {
            if (*at < u->low || *at > u->high)
                return refuse(u);
            u->need--;
            u->low = 0x80;
            u->high = 0xbf;
            at++;
            continue;
        }
        /* Most text is ASCII: eight bytes at a time while it lasts. */
        while (end - at >= 8) {
            uint64_t word;
            memcpy(&word, at, 8);
            if (word & HIGH_BITS)
                break;
            at += 8;
        }
        while (at < end && *at < 0x80)
            at++;
        if (at < end && !start(u, *at++))
            return refuse(u);
    }
    return true;
}

bool utf8_is_complete(const struct utf8 *u)
{
    return u->need == 0;
}

bool utf8_is_valid(const void *text, size_t len)
{
    struct utf8 u;

    utf8_init(&u);
    return utf8_feed(&u, text, len) && utf8_is_complete(&u);
}
