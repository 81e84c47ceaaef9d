/* SPDX-License-Identifier: MIT */
/*
 * script_http - the game's http(request): what is asked at /GAME/_http/…, answered at
 * once, outside of any room. It reaches rooms with parlor.signal.
 *
 * Ownership: the answer is the caller's, script_http_fini(). Thread: its worker's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/script_room.h"

enum {
    SCRIPT_HTTP_BODY_BYTES = 1 << 20, /* of an answer's body */
    SCRIPT_HTTP_HEAD_BYTES = 4 << 10, /* of the header lines that http() adds */
};

struct script_http_answer {
    int status;         /* 200 to 599 */
    struct buf headers; /* whole lines, each with its CRLF, Content-Type among them; NUL at
                         * the end */
    struct buf body;
};

/* `request` is a valid any, a map. On SCRIPT_DONE *answer tells; 404 without a body where
 * http() has returned nothing. SCRIPT_ABSENT: the game has no http. Else the error has
 * been reported, and vm->is_lost may be set. */
enum script_result script_http(struct vm *vm, const uint8_t *request, size_t n,
                               struct script_http_answer *answer);

void script_http_fini(struct script_http_answer *answer);
