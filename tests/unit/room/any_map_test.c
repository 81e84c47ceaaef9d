/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/any_map.h"

#define MAP   "\7\3\0\4name\5\3ann\0\5token\5\1t\0\1n\3\4"
#define N_MAP (sizeof MAP - 1)

TEST(any_map_find, "a member is found by its whole name")
{
    const uint8_t *map = (const uint8_t *)MAP;
    struct wire_in value;

    CHECK(any_map_find(map, N_MAP, "name", &value));
    CHECK_EQ(wire_left(&value), 5);
    CHECK_MEM(value.at, "\5\3ann", 5);
    CHECK(!any_map_find(map, N_MAP, "nam", &value));
    CHECK(!any_map_find(map, N_MAP, "names", &value));
    CHECK(any_map_find(map, N_MAP, "n", &value));
    CHECK_EQ(wire_left(&value), 2);
    CHECK_MEM(value.at, "\3\4", 2);
    CHECK(!any_map_find((const uint8_t *)"\5\1n", 3, "n", &value));
    CHECK(!any_map_find(NULL, 0, "n", &value));
}

TEST(any_map_cut, "a map that is cut is read to its end and no further")
{
    for (size_t n = 0; n < N_MAP; n++) {
        uint8_t *map = unit_guarded(MAP, n);
        struct wire_in value;
        CHECK(!any_map_find(map, n, "x", &value));
        CHECK(!any_map_find(map, n, "n", &value));
        unit_guarded_free(map, n);
    }
}

TEST(any_map_without, "one member is left out, wherever it stands; anything else stays")
{
    struct buf out;

    buf_init(&out, 0);
    any_map_without((const uint8_t *)MAP, N_MAP, "token", &out);
    CHECK_EQ(out.len, 18);
    CHECK_MEM(out.data, "\7\2\0\4name\5\3ann\0\1n\3\4", 18);
    buf_clear(&out);
    any_map_without((const uint8_t *)"\7\1\0\5token\2", 10, "token", &out);
    CHECK_EQ(out.len, 2);
    CHECK_MEM(out.data, "\7\0", 2);
    buf_clear(&out);
    any_map_without((const uint8_t *)"\7\2\0\1t\1\0\1t\2", 10, "t", &out); /* both */
    CHECK_MEM(out.data, "\7\0", 2);
    buf_clear(&out);
    any_map_without((const uint8_t *)MAP, N_MAP, "other", &out);
    CHECK_EQ(out.len, N_MAP);
    buf_clear(&out);
    any_map_without((const uint8_t *)"\5\1t", 3, "t", &out);
    CHECK_MEM(out.data, "\5\1t", 3);
    buf_fini(&out);
}
