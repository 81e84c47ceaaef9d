/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "script/vm_source.h"

TEST(sources, "files are kept as they were when they first came, zeros and all")
{
    struct vm_sources s;
    bool is_library = true;
    size_t len = 9;

    vm_sources_init(&s);
    CHECK(vm_sources_find(&s, "game.lua", &len, &is_library) == NULL);
    vm_sources_keep(&s, "game.lua", "a\0b", 3, false);
    vm_sources_keep(&s, "game.lua", "other", 5, true);
    vm_sources_keep(&s, "lib/x.lua", "", 0, true);
    const char *text = vm_sources_find(&s, "game.lua", &len, &is_library);
    CHECK(len == 3 && !is_library && memcmp(text, "a\0b", 4) == 0);
    text = vm_sources_find(&s, "lib/x.lua", &len, &is_library);
    CHECK(len == 0 && is_library && *text == 0);
    vm_sources_fini(&s);
}
