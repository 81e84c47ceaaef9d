/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "svc/metrics.h"

static const char *text_of(struct buf *b)
{
    buf_byte(b, 0);
    return (const char *)b->data;
}

TEST(metrics_put, "one value: HELP, TYPE and a sample")
{
    struct buf b;

    buf_init(&b, 0);
    metrics_put(&b, "parlor_rooms", METRIC_GAUGE, "rooms that are open", 3);
    metrics_put(&b, "parlor_bytes_total", METRIC_COUNTER, "bytes", 9007199254740993.0);
    CHECK_STR(text_of(&b), "# HELP parlor_rooms rooms that are open\n"
                           "# TYPE parlor_rooms gauge\n"
                           "parlor_rooms 3\n"
                           "# HELP parlor_bytes_total bytes\n"
                           "# TYPE parlor_bytes_total counter\n"
                           "parlor_bytes_total 9007199254740992\n");
    buf_fini(&b);
}

TEST(metrics_labels, "a label's value is escaped; without one there are no braces")
{
    struct buf b;

    buf_init(&b, 0);
    metrics_begin(&b, "parlor_players", METRIC_GAUGE, "seats");
    metrics_sample(&b, "parlor_players", "game", "pond", 0.5);
    metrics_sample(&b, "parlor_players", "game", "a\"b\\c\nd", -1);
    metrics_sample(&b, "parlor_players", "game", "", 0);
    metrics_sample(&b, "parlor_players", NULL, NULL, 2);
    metrics_sample(&b, "parlor_players", "game", NULL, 3);
    CHECK_STR(text_of(&b), "# HELP parlor_players seats\n"
                           "# TYPE parlor_players gauge\n"
                           "parlor_players{game=\"pond\"} 0.5\n"
                           "parlor_players{game=\"a\\\"b\\\\c\\nd\"} -1\n"
                           "parlor_players{game=\"\"} 0\n"
                           "parlor_players 2\n"
                           "parlor_players 3\n");
    buf_fini(&b);
}

TEST(metrics_many_labels, "several labels, each escaped; none leave no braces")
{
    static const char *const labels[] = {"game", "po\"nd", "callback", "on.hop"};
    struct buf b;

    buf_init(&b, 0);
    metrics_sample_with(&b, "parlor_x", labels, 2, 1.5);
    metrics_sample_with(&b, "parlor_x", labels, 1, 2);
    metrics_sample_with(&b, "parlor_x", labels, 0, 3);
    CHECK_STR(text_of(&b), "parlor_x{game=\"po\\\"nd\",callback=\"on.hop\"} 1.5\n"
                           "parlor_x{game=\"po\\\"nd\"} 2\n"
                           "parlor_x 3\n");
    buf_fini(&b);
}

TEST(metrics_merge, "what two workers tell is added up, or the highest counts")
{
    struct buf texts[2], out;

    buf_init(&out, 0);
    for (int i = 0; i < 2; i++) {
        buf_init(&texts[i], 0);
        metrics_begin(&texts[i], "parlor_players", METRIC_GAUGE, "seats taken");
        metrics_sample(&texts[i], "parlor_players", "game", "pond", 3 + i);
        if (i == 1)
            metrics_sample(&texts[i], "parlor_players", "game", "a b", 1);
        metrics_begin(&texts[i], "parlor_call_max_seconds", METRIC_HIGHEST, "the longest");
        metrics_sample(&texts[i], "parlor_call_max_seconds", "game", "pond",
                       i ? 0.25 : 0.5);
        metrics_begin(&texts[i], "parlor_tick_seconds", METRIC_HISTOGRAM, "ticks");
        metrics_sample(&texts[i], "parlor_tick_seconds_bucket", "le", "1", 1);
        metrics_sample(&texts[i], "parlor_tick_seconds_sum", NULL, NULL, 0.5);
    }
    metrics_put(&texts[1], "parlor_late", METRIC_COUNTER, "only one has it", 7);
    metrics_merge(texts, 2, &out);
    CHECK_STR(text_of(&out), "# HELP parlor_players seats taken\n"
                             "# TYPE parlor_players gauge\n"
                             "parlor_players{game=\"pond\"} 7\n"
                             "parlor_players{game=\"a b\"} 1\n"
                             "# HELP parlor_call_max_seconds the longest\n"
                             "# TYPE parlor_call_max_seconds gauge\n"
                             "parlor_call_max_seconds{game=\"pond\"} 0.5\n"
                             "# HELP parlor_tick_seconds ticks\n"
                             "# TYPE parlor_tick_seconds histogram\n"
                             "parlor_tick_seconds_bucket{le=\"1\"} 2\n"
                             "parlor_tick_seconds_sum 1\n"
                             "# HELP parlor_late only one has it\n"
                             "# TYPE parlor_late counter\n"
                             "parlor_late 7\n");
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    buf_fini(&out);
}
