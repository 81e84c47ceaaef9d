/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/close_reason.h"
#include "base/err.h"

TEST(err, "an error is filled in one line, cut to its size, and may be left out")
{
    struct err e;
    char longer[1000];

    CHECK_EQ(err_set(&e, -22, "%s: no such field", "ships.hp"), -22);
    CHECK_EQ(e.code, -22);
    CHECK_STR(e.text, "ships.hp: no such field");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    err_set(&e, -1, "%s", longer);
    CHECK_EQ(strlen(e.text), sizeof e.text - 1);
    CHECK_EQ(err_set(NULL, -5, "nobody listens"), -5);
}

TEST(close_reasons, "each of our close codes has a text that fits a Close frame")
{
    static const uint16_t codes[] = {
#define X(name, code, text) CLOSE_##name,
#include "base/close_reason.def"
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t len = strlen(close_reason_text(codes[i]));
        CHECK(len > 0 && len <= 123);
    }
    CHECK_EQ(CLOSE_ROOM_FULL, 4004);
    CHECK_STR(close_reason_text(4004), "room is full");
    CHECK_STR(close_reason_text(1005), "");
}
