/* SPDX-License-Identifier: MIT */
#include "script/vm_memory.h"

#include "script/watchdog.h"

/* A block that Lua has given back. */
struct vm_block {
    struct vm_block *next;
};

enum {
    GRAIN = sizeof(void *), /* of the allocator below: what it gives for n bytes has room
                             * for n rounded up to this */
    MAX_SMALL = VM_SMALL_BYTES - sizeof(struct vm_block), /* beside a link */
    SPARE_BYTES = 1 << 20,                                /* that lie at hand at most */
    CACHE_LINE = 64,
};

static size_t class_of(size_t size)
{
    return (size + GRAIN - 1) / GRAIN;
}

void vm_memory_trim(struct vm_memory *m)
{
    for (size_t i = 0; i < sizeof m->spare / sizeof *m->spare; i++)
        for (struct vm_block *block; (block = m->spare[i]);) {
            m->spare[i] = block->next;
            m->alloc(m->ud, block, i * GRAIN, 0);
        }
    m->spare_bytes = 0;
}

/* `more` bytes are about to be given out. false: that would be too much. */
static bool note_more(struct vm_memory *m, size_t more)
{
    if (m->used > m->hard || more > m->hard - m->used) {
        m->n_refused++;
        return false;
    }
    m->made += more;
    if (m->used + more > m->cap && !m->is_over) {
        m->is_over = true;
        watchdog_arm();
    }
    return true;
}

/* Whatever is not for a spare block. */
static void *ask(struct vm_memory *m, void *p, size_t before, size_t size)
{
    if (size > before && !note_more(m, size - before))
        return NULL;
    void *at = m->alloc(m->ud, p, before, size);
    if (!at && size > 0 && m->spare_bytes > 0) {
        vm_memory_trim(m);
        at = m->alloc(m->ud, p, before, size);
    }
    if (at || size == 0) {
        m->used += size - before;
        if (m->used > m->peak)
            m->peak = m->used;
    }
    return at;
}

/* Take a small block that lies at hand; NULL: there is none, or it would be too much. */
static void *take_spare(struct vm_memory *m, size_t size)
{
    size_t used = m->used + size, i = class_of(size);
    struct vm_block *block = m->spare[i];

    if (!block || used > m->cap)
        return NULL;
    m->spare[i] = block->next;
    /* It has lain there for long: who takes it next would wait for its link, and then
     * to fill it. */
    __builtin_prefetch(block->next, 1);
    if (size > CACHE_LINE)
        __builtin_prefetch((const uint8_t *)block->next + CACHE_LINE, 1);
    m->spare_bytes -= i * GRAIN;
    m->used = used;
    m->made += size;
    if (used > m->peak)
        m->peak = used;
    return block;
}

/* Keep a small block for the next who wants one of its size. */
static void give_spare(struct vm_memory *m, void *p, size_t size)
{
    struct vm_block *block = p;
    size_t i = class_of(size);

    block->next = m->spare[i];
    m->spare[i] = block;
    m->spare_bytes += i * GRAIN;
    m->used -= size;
}

static void *on_alloc(void *ud, void *p, size_t before, size_t size)
{
    struct vm_memory *m = ud;
    void *at;

    if (size == 0 && before - sizeof(struct vm_block) <= MAX_SMALL &&
        m->spare_bytes < SPARE_BYTES) {
        give_spare(m, p, before);
        return NULL;
    }
    if (!p && size <= VM_SMALL_BYTES && (at = take_spare(m, size)))
        return at;
    return ask(m, p, before, size);
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
    vm_memory_trim(m);
    lua_setallocf(L, m->alloc, m->ud);
}

void *vm_memory_owner(lua_State *L)
{
    void *m;

    lua_getallocf(L, &m);
    return ((struct vm_memory *)m)->owner;
}
