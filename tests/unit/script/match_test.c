/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "script/match.h"

static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  pattern[] = ".-.-.-.-.-.-.-b";
static int n_asked;

static bool is_over_third(void)
{
    return ++n_asked == 3;
}

TEST(match_gives_up,
     "a match ends when its steps are used up, and when its caller's time is")
{
    struct match m;

    match_init(&m, text, sizeof text - 1, pattern, sizeof pattern - 1, 1000);
    CHECK(match_at(&m, text, pattern) == NULL);
    CHECK_STR(m.error, "the pattern takes too many steps");
    CHECK(m.steps == 0);

    match_init(&m, text, sizeof text - 1, pattern, sizeof pattern - 1, 1000000);
    m.is_over = is_over_third;
    n_asked = 0;
    CHECK(match_at(&m, text, pattern) == NULL);
    CHECK_STR(m.error, "the pattern takes too many steps");
    CHECK(n_asked == 3 && m.steps > 800000);
}

TEST(match_edges, "text and pattern are read to their ends and no further")
{
    static const char *const patterns[] = {
        "%",  "[",  "[^", "[a", "[%",  "(",   "%b", "%bx", "%f", "%f[", "a",
        "a?", "a-", "$",  "(a", ".-%", "[a-", "%1", "()",  "a+", "[]",  "[^]"};

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        for (size_t n = 0; n < 3; n++) {
            struct match m;
            size_t len = strlen(patterns[i]);
            char *p = (char *)unit_guarded(patterns[i], len),
                 *t = (char *)unit_guarded("aab", n);
            match_init(&m, t, n, p, len, 1000);
            const char *end = match_at(&m, t, p);
            CHECK(!end || (end >= t && end <= t + n));
            unit_guarded_free((uint8_t *)p, len);
            unit_guarded_free((uint8_t *)t, n);
        }
}
