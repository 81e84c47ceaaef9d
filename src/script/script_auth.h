/* SPDX-License-Identifier: MIT */
/*
 * script_auth - the game's auth(request): who is at the door, asked before a seat is
 * given. It belongs to no room, and may wait (parlor.sleep): then it is a coroutine,
 * which its caller goes on with when the time has come.
 *
 * Ownership: coroutines are the VM's, by the caller's numbers, until they end or
 * script_auth_drop(). Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/script_room.h"

enum {
    SCRIPT_USER_BYTES = 16 << 10, /* of what auth returns as user, as any */
    SCRIPT_REASON_BYTES = 120,
};

/* What `request` is made of; all of it borrows. */
struct script_request {
    const uint8_t *door; /* headers, query, address …: an any map; may be empty */
    size_t n_door;
    const uint8_t *options; /* of the join, an any */
    size_t n_options;
    const char *room; /* asked for; "": any */
};

enum script_verdict { SCRIPT_AUTH_WAITS, SCRIPT_AUTH_IN, SCRIPT_AUTH_OUT };

struct script_answer {
    enum script_verdict verdict;
    double wait_ms;
    struct buf user;                      /* of IN: an any, empty for nil */
    char reason[SCRIPT_REASON_BYTES + 1]; /* of OUT; "" where none was given */
};

/* Has the code that runs such a callback? */
bool script_has_auth(const struct vm *vm);

/* Ask (request not NULL), or go on with the one of this id. On SCRIPT_DONE *answer
 * tells; buf_fini() its user in any case. Else the error has been reported, and
 * vm->is_lost may be set. */
enum script_result script_auth(struct vm *vm, uint32_t id,
                               const struct script_request *request,
                               struct script_answer *answer);

/* Forget one that waits; nothing where there is none. */
void script_auth_drop(struct vm *vm, uint32_t id);
