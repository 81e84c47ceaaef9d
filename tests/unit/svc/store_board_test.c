/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "svc/desk.h"

static const char *score(struct desk *d, const char *key, double n, enum store_keep keep)
{
    static char text[64];
    const struct store_answer *a = ask(d, (struct store_ask){.op = STORE_SUBMIT,
                                                             .key = key,
                                                             .number = n,
                                                             .keep = keep,
                                                             .data = (const uint8_t *)"d",
                                                             .n_data = 1});

    snprintf(text, sizeof text, "%g #%u", a->number, a->rank);
    store_answer_free(&a);
    return text;
}

TEST(store_scores, "the best score counts, first come first ranked; ranks around a key")
{
    struct desk d;

    open_desk(&d, &in_memory);
    CHECK_STR(score(&d, "ann", 10, STORE_KEEP_MOST), "10 #1");
    CHECK_STR(score(&d, "bob", 20, STORE_KEEP_MOST), "20 #1");
    CHECK_STR(score(&d, "cid", 10, STORE_KEEP_MOST), "10 #3");
    CHECK_STR(score(&d, "ann", 5, STORE_KEEP_MOST), "10 #2");
    CHECK_STR(score(&d, "cid", 15, STORE_KEEP_SUM), "25 #1");
    CHECK_STR(score(&d, "bob", 1, STORE_KEEP_LAST), "1 #3");
    CHECK_STR(score(&d, "ann", 30, STORE_KEEP_LEAST), "10 #2");
    CHECK_STR(items(ask(&d, (struct store_ask){.op = STORE_TOP, .limit = 2})),
              "cid=d#1:25 ann=d#2:10 …");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_TOP, .limit = 9, .is_least = true})),
        "bob=d#1:1 ann=d#2:10 cid=d#3:25");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_AROUND, .key = "ann", .limit = 3})),
        "cid=d#1:25 ann=d#2:10 bob=d#3:1");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_AROUND, .key = "bob", .limit = 1})),
        "bob=d#3:1");
    CHECK_STR(
        items(ask(&d, (struct store_ask){.op = STORE_AROUND, .key = "nobody", .limit = 3})),
        "");
    close_desk(&d);
}
