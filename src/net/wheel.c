/* SPDX-License-Identifier: MIT */
#include "net/wheel.h"

void wheel_init(struct wheel *w, uint64_t now_s)
{
    for (int i = 0; i < WHEEL_SLOTS; i++)
        link_init(&w->slots[i]);
    w->now_s = now_s;
}

void wheel_put(struct wheel *w, struct link *item, uint64_t at_s)
{
    if (at_s <= w->now_s)
        at_s = w->now_s + 1;
    if (at_s >= w->now_s + WHEEL_SLOTS)
        at_s = w->now_s + WHEEL_SLOTS - 1;
    link_join(item, &w->slots[at_s % WHEEL_SLOTS]);
}

void wheel_turn(struct wheel *w, uint64_t now_s, void (*f)(void *arg, struct link *item),
                void *arg)
{
    uint64_t first = w->now_s + 1;
    struct link due;

    if (now_s <= w->now_s)
        return;
    /* After a long stall every slot has come, each of them once. */
    if (now_s - first >= WHEEL_SLOTS)
        first = now_s - WHEEL_SLOTS + 1;
    /* The hand moves first: what f puts again lands in the future, never in a
     * slot that is still to be emptied in this turn. */
    w->now_s = now_s;
    for (uint64_t s = first; s <= now_s; s++) {
        link_take_all(&due, &w->slots[s % WHEEL_SLOTS]);
        while (!link_is_alone(&due)) {
            struct link *item = due.next;
            link_leave(item);
            f(arg, item);
        }
    }
}
