/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/json_text.h"

TEST(json_text_nul, "a NUL is seen as it is and escaped, an escaped backslash is none")
{
    CHECK(json_text_has_nul("\"\\u0000\"", 8));
    CHECK(json_text_has_nul("a\0b", 3));
    CHECK(json_text_has_nul("\\\\\\u0000", 8));
    CHECK(!json_text_has_nul("\\\\u0000", 7));
    CHECK(!json_text_has_nul("\\u0001", 6));
    CHECK(!json_text_has_nul("\\u000", 5));
    CHECK(!json_text_has_nul("", 0));
}
