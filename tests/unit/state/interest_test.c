/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "state/interest.h"

#define MAP(name, keys, rule) "[\"" name "\",{\"keys\":\"" keys "\",\"fields\":[]" rule "}]"
#define KEYS                  ",\"interest\":\"keys\""

static struct schema *maps(const char *list)
{
    char json[400];

    snprintf(json, sizeof json, "{\"state\":{\"maps\":[%s]}}", list);
    return schema_of(json);
}

TEST(interest_watches, "keys are watched once, up to the limit, and watched no more")
{
    struct schema *s = maps(MAP("a", "integer", KEYS) "," MAP("b", "string", KEYS));
    struct interest in;

    interest_init(&in);
    interest_unwatch(&in, s, 1, 5, NULL, 0); /* none yet */
    CHECK(interest_watch(&in, s, 1, -5, NULL, 0, 3) && in.is_new && in.n_keys == 1);
    CHECK(interest_watch(&in, s, 1, -5, NULL, 0, 1) && in.n_keys == 1);
    CHECK(!interest_watch(&in, s, 2, 0, "abc", 3, 1));
    CHECK(interest_watch(&in, s, 2, 0, "abc", 3, 3));
    CHECK(interest_watch(&in, s, 2, 0, "ab", 2, 3) && in.n_keys == 3);
    CHECK(!interest_watch(&in, s, 1, 6, NULL, 0, 3));
    in.is_new = false;
    interest_unwatch(&in, s, 2, 0, "a", 1);
    CHECK(!in.is_new && in.n_keys == 3);
    interest_unwatch(&in, s, 2, 0, "abc", 3);
    CHECK(in.is_new && in.n_keys == 2);
    CHECK(interest_watch(&in, s, 1, 6, NULL, 0, 3));
    interest_fini(&in);
    schema_unref(&s);
}

TEST(interest_centre, "a centre that is said anew is no news")
{
    struct interest in;

    interest_init(&in);
    interest_look_home(&in);
    CHECK(!in.is_new);
    interest_look_at(&in, 1, 2, 0);
    CHECK(in.is_new && in.has_centre);
    in.is_new = false;
    interest_look_at(&in, 1, 2, 0);
    CHECK(!in.is_new);
    interest_look_at(&in, 1, 2, 5);
    CHECK(in.is_new);
    in.is_new = false;
    interest_look_home(&in);
    CHECK(in.is_new && !in.has_centre && in.radius == 0);
    interest_fini(&in);
}

TEST(interest_rebinds, "another schema keeps what is watched where the map is the same")
{
    struct schema *a = maps(MAP("a", "integer", KEYS) "," MAP("b", "string", KEYS) "," MAP(
        "c", "string", KEYS) "," MAP("d", "string", KEYS));
    struct schema *b = maps(MAP("b", "string", KEYS) "," MAP("c", "integer", KEYS) "," MAP(
        "d", "string", "") "," MAP("e", "string", KEYS));
    struct interest in;

    interest_init(&in);
    interest_watch(&in, a, 1, 7, NULL, 0, 9);
    interest_watch(&in, a, 2, 0, "kept", 4, 9);
    interest_watch(&in, a, 3, 0, "lost", 4, 9);
    interest_watch(&in, a, 4, 0, "lost", 4, 9);
    interest_rebind(&in, a, b);
    CHECK_EQ(in.n_keys, 1);
    CHECK(map_get_bytes(&in.keys[b->tables[1].interest.place], "kept", 4));
    interest_rebind(&in, b, a);
    CHECK_EQ(in.n_keys, 1);
    interest_fini(&in);
    schema_unref(&a);
    schema_unref(&b);
}
