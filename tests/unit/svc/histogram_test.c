/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "svc/histogram.h"

TEST(histogram, "each bucket counts what is no longer than its bound")
{
    struct histogram h = {0};
    struct buf b;

    buf_init(&b, 0);
    histogram_add(&h, 0);
    histogram_add(&h, 100);
    histogram_add(&h, 101);
    histogram_add(&h, 2500000);
    histogram_add(&h, 2500001);
    histogram_put(&h, "parlor_tick_seconds", "game", "pond", &b);
    buf_byte(&b, 0);
    const char *text = (const char *)b.data;
    CHECK(strstr(text, "parlor_tick_seconds_bucket{game=\"pond\",le=\"0.0001\"} 2\n"));
    CHECK(strstr(text, "parlor_tick_seconds_bucket{game=\"pond\",le=\"0.00025\"} 3\n"));
    CHECK(strstr(text, "parlor_tick_seconds_bucket{game=\"pond\",le=\"2.5\"} 4\n"));
    CHECK(strstr(text, "parlor_tick_seconds_bucket{game=\"pond\",le=\"+Inf\"} 5\n"));
    CHECK(strstr(text, "parlor_tick_seconds_sum{game=\"pond\"} 5.0002"));
    CHECK(strstr(text, "parlor_tick_seconds_count{game=\"pond\"} 5\n"));
    buf_fini(&b);
}
