/* SPDX-License-Identifier: MIT */
#include "script/vm_memory.h"

#include "script/watchdog.h"

static void *on_alloc(void *ud, void *p, size_t before, size_t size)
{
    struct vm_memory *m = ud;

    if (size > before) {
        size_t more = size - before;
        if (m->used > m->hard || more > m->hard - m->used) {
            m->n_refused++;
            return NULL;
        }
        m->made += more;
        if (m->used + more > m->cap && !m->is_over) {
            m->is_over = true;
            watchdog_arm();
        }
    }
    void *at = m->alloc(m->ud, p, before, size);
    if (at || size == 0) {
        m->used += size - before;
        if (m->used > m->peak)
            m->peak = m->used;
    }
    return at;
}

void vm_memory_set_cap(struct vm_memory *m, size_t cap)
{
    m->cap = cap;
    m->hard = cap / 2 * 5;
}

void vm_memory_wrap(struct vm_memory *m, lua_State *L, void *owner, size_t cap)
{
    *m = (struct vm_memory){.owner = owner};
    vm_memory_set_cap(m, cap);
    m->alloc = lua_getallocf(L, &m->ud);
    m->used = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    m->peak = m->used;
    lua_setallocf(L, on_alloc, m);
}

void vm_memory_unwrap(struct vm_memory *m, lua_State *L)
{
    lua_setallocf(L, m->alloc, m->ud);
}

void *vm_memory_owner(lua_State *L)
{
    void *m;

    lua_getallocf(L, &m);
    return ((struct vm_memory *)m)->owner;
}
