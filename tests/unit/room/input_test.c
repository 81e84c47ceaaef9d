/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/input.h"

static struct input text(uint32_t player, const char *data)
{
    return (struct input){.kind = INPUT_OTHER,
                          .player = player,
                          .data = (const uint8_t *)data,
                          .len = (uint32_t)strlen(data)};
}

static void expect_next(struct inputs *q, uint32_t player, const char *data)
{
    struct input in;

    CHECK(inputs_next(q, &in));
    CHECK_EQ(in.player, player);
    CHECK_EQ(in.len, strlen(data));
    CHECK_MEM(in.data, data, in.len);
}

TEST(input_order, "inputs come out in order, each with its own bytes")
{
    static const char *const texts[] = {"", "a", "seven b", "eight by", "nine byte"};
    struct inputs q;
    struct input in;

    inputs_init(&q, 1 << 16);
    for (uint32_t i = 0; i < 5; i++) {
        in = text(i, texts[i]);
        CHECK(inputs_push(&q, &in));
    }
    CHECK_EQ(q.n, 5);
    CHECK(!inputs_next(&q, &in)); /* not before the turn */
    inputs_turn(&q);
    CHECK_EQ(q.n, 0);
    for (uint32_t i = 0; i < 5; i++)
        expect_next(&q, i, texts[i]);
    CHECK(!inputs_next(&q, &in));
    inputs_fini(&q);
}

TEST(input_meanwhile, "what comes in while others are handled waits for the next turn")
{
    struct inputs q;
    struct input in = text(1, "first");

    inputs_init(&q, 1 << 16);
    inputs_push(&q, &in);
    inputs_turn(&q);
    in = text(2, "second");
    inputs_push(&q, &in);
    expect_next(&q, 1, "first");
    CHECK(!inputs_next(&q, &in));
    inputs_turn(&q);
    expect_next(&q, 2, "second");
    inputs_fini(&q);
}

TEST(input_peek, "what waits can be looked at, in order, before and behind a turn")
{
    struct inputs q;
    struct input in;
    size_t at = 0;

    inputs_init(&q, 1 << 16);
    CHECK(!inputs_peek(&q, &at, &in));
    for (uint32_t i = 0; i < 3; i++) {
        in = text(i, "waits");
        inputs_push(&q, &in);
    }
    inputs_turn(&q);
    expect_next(&q, 0, "waits");
    in = text(3, "came later");
    inputs_push(&q, &in);
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK(inputs_peek(&q, &at, &in));
        CHECK_EQ(in.player, i);
        CHECK_MEM(in.data, i < 3 ? "waits" : "came later", in.len);
    }
    CHECK(!inputs_peek(&q, &at, &in));
    expect_next(&q, 1, "waits"); /* nothing was taken */
    inputs_fini(&q);
}

TEST(input_full, "a full queue refuses one and takes the next that fits")
{
    struct inputs q;
    uint8_t big[1000] = {0};
    struct input in = {.kind = INPUT_RAW, .data = big, .len = sizeof big};

    inputs_init(&q, 500);
    CHECK(!inputs_push(&q, &in));
    CHECK_EQ(q.n, 0);
    in = text(3, "small");
    CHECK(inputs_push(&q, &in));
    inputs_turn(&q);
    expect_next(&q, 3, "small");
    inputs_fini(&q);
}

TEST(input_schema,
     "the queue holds schemas, hands them on, and lets go of what nobody took")
{
    struct schema *schema = NULL;
    struct inputs q;
    struct input in = {.kind = INPUT_MESSAGE, .data = (const uint8_t *)"", .len = 0}, out;
    struct err e;

    CHECK_EQ(schema_parse(&schema, "{}", 2, &e), 0);
    in.schema = schema;
    inputs_init(&q, 1 << 16);
    for (int i = 0; i < 3; i++)
        CHECK(inputs_push(&q, &in));
    CHECK_EQ(schema->refs, 4);
    inputs_turn(&q);
    CHECK(inputs_next(&q, &out));
    CHECK(out.schema == schema);
    schema_unref(&out.schema);
    CHECK_EQ(schema->refs, 3);
    CHECK(inputs_push(&q, &in)); /* one handled, two under way, one to come */
    inputs_fini(&q);
    CHECK_EQ(schema->refs, 1);
    schema_unref(&schema);
}

TEST(input_burst, "the memory of a burst is given back")
{
    struct inputs q;
    uint8_t big[50000] = {0};
    struct input in = {.kind = INPUT_RAW, .data = big, .len = sizeof big};

    inputs_init(&q, 1 << 20);
    for (int i = 0; i < 4; i++)
        CHECK(inputs_push(&q, &in));
    inputs_turn(&q);
    inputs_turn(&q);
    CHECK_EQ(q.coming.cap, 0);
    inputs_fini(&q);
}
