/* SPDX-License-Identifier: MIT */
/*
 * script_store - answers of the store on their way to the code that waits for them
 * (parlor.store, parlor.board). The asking is in bind_store.c.
 *
 * Thread: the VM's worker.
 */
#pragma once

#include <stdint.h>

#include "script/vm.h"
#include "svc/store.h"

enum { SCRIPT_MAX_ASKED = 1000 }; /* answers that one game may wait for */

/* Who goes on with an answer. */
struct script_answered {
    struct script_room *room; /* in its next timers; NULL: no room */
    uint32_t auth;            /* the auth of this id; 0: none */
};

/* Hand an answer over. Nobody goes on where whoever asked is gone meanwhile. */
struct script_answered script_take_answer(struct vm *vm, const struct store_answer *a);
