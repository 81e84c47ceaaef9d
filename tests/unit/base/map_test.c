/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "base/map.h"
#include "base/rnd.h"

static int values[1000];

TEST(numbers, "numbers are set, replaced, found and removed; what is not there is NULL")
{
    struct map m;

    map_init(&m);
    CHECK(map_get(&m, 1) == NULL);
    CHECK(map_remove(&m, 1) == NULL);
    CHECK(map_next(&m, NULL) == NULL);
    CHECK(map_put(&m, 0, &values[0]));
    CHECK(map_put(&m, UINT64_MAX, &values[1]));
    CHECK(map_put(&m, 0, &values[2]));
    CHECK_EQ(m.n, 2);
    CHECK(map_get(&m, 0) == &values[2]);
    CHECK(map_get(&m, UINT64_MAX) == &values[1]);
    CHECK(map_get(&m, 5) == NULL);
    CHECK(map_remove(&m, 0) == &values[2]);
    CHECK(map_remove(&m, 0) == NULL);
    CHECK(map_get(&m, 0) == NULL);
    CHECK_EQ(m.n, 1);
    map_fini(&m);
}

TEST(bytes,
     "byte keys are copied; NUL bytes, the empty key and common starts are told apart")
{
    static const struct {
        const char *key;
        size_t len;
    } keys[] = {
        {"",     0},
        {"a",    1},
        {"ab",   2},
        {"a\0b", 3},
        {"a\0c", 3},
        {"b",    1},
        {"\0",   1}
    };
    struct map m;
    char key[3];

    map_init(&m);
    for (size_t i = 0; i < 7; i++) {
        memcpy(key, keys[i].key, keys[i].len);
        CHECK(map_put_bytes(&m, key, keys[i].len, &values[i]));
    }
    memset(key, 'x', sizeof key);
    CHECK_EQ(m.n, 7);
    for (size_t i = 0; i < 7; i++)
        CHECK(map_get_bytes(&m, keys[i].key, keys[i].len) == &values[i]);
    CHECK(map_get_bytes(&m, "c", 1) == NULL);
    CHECK(map_get_bytes(&m, "abc", 3) == NULL);
    CHECK(map_put_bytes(&m, "a", 1, &values[9]));
    CHECK_EQ(m.n, 7);
    CHECK(map_remove_bytes(&m, "a", 1) == &values[9]);
    CHECK(map_remove_bytes(&m, "a", 1) == NULL);
    CHECK(map_remove_bytes(&m, "", 0) == &values[0]);
    CHECK(map_get_bytes(&m, NULL, 0) == NULL);
    CHECK(map_get_bytes(&m, "a\0c", 3) == &values[4]);
    map_fini(&m);
}

TEST(against_array,
     "a long run of random changes agrees with an array, for both kinds of key")
{
    enum { KEYS = 300, STEPS = 30000 };
    struct map by_number, by_bytes;
    void *want[KEYS] = {0};
    size_t n = 0;
    struct rnd r;

    map_init(&by_number);
    map_init(&by_bytes);
    rnd_seed(&r, 7);
    for (int step = 0; step < STEPS; step++) {
        /* growing and shrinking by turns, so that gaps are closed in full maps */
        size_t k = (size_t)rnd_range(&r, 0, KEYS - 1);
        bool puts = rnd_range(&r, 0, 9) < (step / 3000 % 2 ? 2 : 8);
        char key[16];
        size_t len = (size_t)snprintf(key, sizeof key, "key %zu", k);
        if (puts) {
            n += want[k] == NULL;
            want[k] = &values[step % 1000];
            CHECK(map_put(&by_number, k * 8, want[k]));
            CHECK(map_put_bytes(&by_bytes, key, len, want[k]));
        } else {
            n -= want[k] != NULL;
            CHECK(map_remove(&by_number, k * 8) == want[k]);
            CHECK(map_remove_bytes(&by_bytes, key, len) == want[k]);
            want[k] = NULL;
        }
        CHECK_EQ(by_number.n, n);
        CHECK_EQ(by_bytes.n, n);
        k = (size_t)rnd_range(&r, 0, KEYS - 1);
        len = (size_t)snprintf(key, sizeof key, "key %zu", k);
        CHECK(map_get(&by_number, k * 8) == want[k]);
        CHECK(map_get_bytes(&by_bytes, key, len) == want[k]);
    }
    size_t walked = 0;
    for (struct map_entry *e = NULL; (e = map_next(&by_number, e)); walked++)
        CHECK(want[e->number / 8] == e->value);
    CHECK_EQ(walked, n);
    walked = 0;
    for (struct map_entry *e = NULL; (e = map_next(&by_bytes, e)); walked++)
        CHECK(want[atoi(e->bytes + 4)] == e->value);
    CHECK_EQ(walked, n);
    map_fini(&by_number);
    map_fini(&by_bytes);
}
