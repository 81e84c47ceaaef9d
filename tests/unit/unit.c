/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct unit_test *first;

void unit_register(struct unit_test *t)
{
    struct unit_test **at = &first;

    while (*at && strcmp((*at)->name, t->name) < 0)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
}

static size_t guarded_span(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len + page - 1) / page * page + page;
}

uint8_t *unit_guarded(const void *bytes, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), span = guarded_span(len);
    uint8_t *base =
        mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED || mprotect(base + span - page, page, PROT_NONE) != 0)
        abort();
    uint8_t *p = base + span - page - len;
    if (len)
        memcpy(p, bytes, len);
    return p;
}

void unit_guarded_free(uint8_t *p, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), span = guarded_span(len);

    munmap(p - (span - page - len), span);
}

int main(int argc, char **argv)
{
    size_t n = 0, max = 0;

    for (struct unit_test *t = first; t; t = t->next)
        max++;
    struct CMUnitTest *tests = calloc(max ? max : 1, sizeof *tests);
    if (!tests)
        abort();
    for (struct unit_test *t = first; t; t = t->next)
        if (argc < 2 || strstr(t->name, argv[1]))
            tests[n++] = (struct CMUnitTest){.name = t->name, .test_func = t->run};
    int failed = _cmocka_run_group_tests("unit", tests, n, NULL, NULL);
    free(tests);
    return failed ? 1 : 0;
}
