/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/chunk.h"

TEST(life, "a chunk lives until its last reference is given up")
{
    struct chunk *c = chunk_copy("bytes", 5), *second, *none = NULL;

    CHECK_EQ(c->len, 5);
    CHECK_MEM(c->bytes, "bytes", 5);
    CHECK_EQ(atomic_load(&c->refs), 1);
    CHECK(!c->is_shared);
    CHECK(chunk_share(c) == c && c->is_shared);
    CHECK(chunk_share(none) == NULL);
    second = chunk_ref(c);
    CHECK(second == c);
    CHECK_EQ(atomic_load(&c->refs), 2);
    chunk_unref(&c);
    CHECK(c == NULL);
    CHECK_EQ(atomic_load(&second->refs), 1);
    CHECK_MEM(second->bytes, "bytes", 5);
    chunk_unref(&second);
    CHECK(second == NULL);
    chunk_unref(&none);
}

TEST(sizes, "a chunk may be empty, and is not made past 4 GiB")
{
    struct chunk *c = chunk_copy(NULL, 0);

    CHECK_EQ(c->len, 0);
    chunk_unref(&c);
    c = chunk_new(1000);
    CHECK_EQ(c->len, 1000);
    memset(c->bytes, 1, 1000);
    chunk_unref(&c);
    CHECK(chunk_new((size_t)UINT32_MAX + 1) == NULL);
    CHECK(chunk_copy("x", SIZE_MAX) == NULL);
}
