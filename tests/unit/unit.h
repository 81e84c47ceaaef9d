/* SPDX-License-Identifier: MIT */
/*
 * unit - a registering macro over cmocka: write TEST(name, "sentence") { … }
 * anywhere in a *_test.c file and it runs, no list to keep.
 *
 * Run one binary with a word as its argument to run only the tests whose name
 * or sentence holds that word.
 */
#pragma once

/* cmocka.h needs the first four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <string.h>

struct unit_test {
    const char *name;
    void (*run)(void **state);
    struct unit_test *next;
};

void unit_register(struct unit_test *t);

#define TEST(name, sentence)                                                               \
    static void test_##name(void **state);                                                 \
    __attribute__((constructor)) static void register_##name(void)                         \
    {                                                                                      \
        static struct unit_test t = {#name ": " sentence, test_##name, NULL};              \
        unit_register(&t);                                                                 \
    }                                                                                      \
    static void test_##name(void **state __attribute__((unused)))

#define CHECK(condition)     assert_true(condition)
#define CHECK_EQ(a, b)       assert_int_equal((a), (b))
#define CHECK_STR(a, b)      assert_string_equal((a), (b))
#define CHECK_MEM(a, b, len) assert_memory_equal((a), (b), (len))

/* `len` bytes that end where a page without access begins, so that a parser
 * which reads one byte too far dies at once. The caller frees with
 * unit_guarded_free(). Aborts when memory is out. */
uint8_t *unit_guarded(const void *bytes, size_t len);
void unit_guarded_free(uint8_t *p, size_t len);
