/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <string.h>

#include "script/answers.h"

static const uint8_t text[ANSWERS_MESSAGE] = "hello";

TEST(answers_frames, "answers lie one behind the other, as frames")
{
    struct answers a;

    answers_init(&a);
    CHECK_EQ(answers_add(&a, 7, WS_TEXT, text, 5), 7);
    CHECK_EQ(answers_add(&a, 7, WS_BINARY, text, 0), 2);
    CHECK_EQ(answers_add(&a, 7, WS_BINARY, text, ANSWERS_MESSAGE), 4 + ANSWERS_MESSAGE);
    CHECK_EQ(a.n, 3);
    CHECK_EQ(a.to, 7);
    CHECK_EQ(a.frames.len, 7 + 2 + 4 + ANSWERS_MESSAGE);
    CHECK(memcmp(a.frames.data, "\x81\x05hello\x82\x00\x82\x7e\x02\x00hello", 18) == 0);
    CHECK_EQ(ws_frame_bytes(a.frames.data), 7);
    CHECK_EQ(ws_frame_bytes(a.frames.data + 7), 2);
    CHECK_EQ(ws_frame_bytes(a.frames.data + 9), 4 + ANSWERS_MESSAGE);
    answers_fini(&a);
}

TEST(answers_cut, "a callback that raises takes its own answers back, and no others")
{
    struct answers a;

    answers_init(&a);
    answers_add(&a, 1, WS_BINARY, text, 5);
    answers_mark(&a);
    answers_add(&a, 1, WS_BINARY, text, 100);
    answers_add(&a, 1, WS_BINARY, text, 100);
    answers_cut(&a);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(a.frames.len, 7);
    answers_clear(&a);
    answers_cut(&a);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(a.frames.len, 0);
    answers_fini(&a);
}

TEST(answers_full, "what finds no room changes nothing, and after a clear there is some")
{
    struct answers a;
    size_t n = 0;

    answers_init(&a);
    while (answers_add(&a, 1, WS_BINARY, text, 60))
        n++;
    CHECK(n > 1000 && n * 62 <= ANSWERS_BYTES);
    CHECK_EQ(a.n, n);
    CHECK_EQ(a.frames.len, n * 62);
    CHECK_EQ(answers_add(&a, 1, WS_BINARY, text, 60), 0);
    CHECK_EQ(a.n, n);
    answers_clear(&a);
    CHECK_EQ(answers_add(&a, 1, WS_BINARY, text, 60), 62);
    answers_fini(&a);
}
