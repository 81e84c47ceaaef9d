/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <math.h>

#include "base/rnd.h"
#include "state/near.h"

enum { ROWS = 600 };

static const char schema_text[] =
    "{\"state\":{\"maps\":[[\"m\",{\"keys\":\"integer\",\"fields\":[[\"x\",{\"t\":\"f64\"}]"
    ","
    "[\"y\",{\"t\":\"fixed\",\"step\":0.5}]],\"interest\":{\"near\":[\"x\",\"y\"],"
    "\"see\":10}}]]}}";

static void put(struct image *img, uint32_t slot, double x, double y)
{
    const struct record *r = img->tables[1].record;
    union cell c;

    CHECK_EQ(type_from_number(&r->fields[0].type, x, &c), TYPE_OK);
    image_set(img, 1, slot, 0, c);
    CHECK_EQ(type_from_number(&r->fields[1].type, y, &c), TYPE_OK);
    image_set(img, 1, slot, 1, c);
}

/* Found by the grid, and found by measuring every row. */
static void compare(struct near *g, const struct image *img, const struct bits *held,
                    double x, double y, double see, double forget)
{
    const struct table *t = &img->tables[1];
    struct bits got;

    bits_init(&got);
    bits_grow(&got, t->cap);
    near_find(g, x, y, see, forget, held, &got);
    for (uint32_t s = 0; s < t->cap; s++) {
        bool want = false;
        if (t->rows[s]) {
            double dx = type_to_number(&t->record->fields[0].type, t->rows[s]->now[0]) - x;
            double dy = type_to_number(&t->record->fields[1].type, t->rows[s]->now[1]) - y;
            double d2 = dx * dx + dy * dy;
            want = d2 <= see * see || (d2 <= forget * forget && bits_has(held, s));
        }
        if (want != bits_has(&got, s))
            fail_msg("row %u, seen from %g, %g within %g", s, x, y, see);
    }
    bits_fini(&got);
}

TEST(near_random, "the grid finds what measuring every row finds, whatever moves")
{
    struct schema *s = schema_of(schema_text);
    struct rnd rnd;
    struct image *img;
    struct near g;
    struct bits held;
    uint32_t tick = 0, n = 0;

    rnd_seed(&rnd, 5);
    CHECK_EQ(image_new(&img, s, tick), 0);
    near_init(&g);
    bits_init(&held);
    bits_grow(&held, 1024);
    for (int round = 0; round < 250; round++) {
        /* Rooms: narrow, wide, far away, all on one spot, and one row alone. */
        static const double spread[] = {20, 500, 1e12, 0, 100};
        double wide = spread[round / 50], at = round / 50 == 2 ? -1e15 : 3;
        bool only_moves = round % 50 > 8; /* for longer than one layout lasts */
        image_begin(img, ++tick);
        for (uint32_t i = 0; i < ROWS; i++) {
            bool moves = rnd_unit(&rnd) < (round % 3 ? 0.02 : 1);
            if (!image_row(img, 1, i) && !only_moves && rnd_unit(&rnd) < 0.1) {
                uint32_t slot = image_add(img, 1, (int64_t)++n, NULL, 0);
                put(img, slot, at, 0);
            } else if (image_row(img, 1, i) && !only_moves && rnd_unit(&rnd) < 0.01) {
                image_remove(img, 1, i);
            } else if (image_row(img, 1, i) && moves) {
                double out = only_moves && i % 16 == 0 ? 3 : 1; /* of the box */
                put(img, i, at + rnd_unit(&rnd) * wide * out,
                    rnd_unit(&rnd) * fmin(wide, 1e6));
            }
        }
        image_commit(img);
        if (round % 5 == 4 && !only_moves)
            continue; /* nobody looked */
        CHECK(near_update(&g, img, 1));
        for (int k = 0; k < 12; k++) {
            double see = k == 11 ? 1e9 : 1 + rnd_unit(&rnd) * 40;
            bits_clear(&held);
            for (uint32_t i = 0; i < ROWS; i += 3)
                bits_add(&held, i);
            compare(&g, img, &held, at + (rnd_unit(&rnd) * 1.4 - 0.2) * wide,
                    rnd_unit(&rnd) * 50, see, see * 1.5);
        }
    }
    near_fini(&g);
    bits_fini(&held);
    image_free(&img);
    schema_unref(&s);
}

TEST(near_empty, "nothing is near in a table without rows")
{
    struct schema *s = schema_of(schema_text);
    struct image *img;
    struct near g;
    struct bits none, out;

    bits_init(&none);
    bits_init(&out);
    CHECK_EQ(image_new(&img, s, 4), 0);
    near_init(&g);
    CHECK(near_update(&g, img, 1));
    near_find(&g, 0, 0, 1e9, 1e9, &none, &out);
    CHECK_EQ(bits_next(&out, 0), BITS_NONE);
    near_fini(&g);
    image_free(&img);
    schema_unref(&s);
}
