/* SPDX-License-Identifier: MIT */
#include "room/http_call.h"

#include "room/room_internal.h"

enum script_result http_call(struct game *g, const uint8_t *request, size_t n,
                             struct script_http_answer *answer)
{
    vm_step_begin(g->vm);
    enum script_result r = script_http(g->vm, request, n, answer);
    vm_step_end(g->vm);
    if (vm_has_failed(g->vm))
        world_take_back(g->world);
    if (g->vm->is_lost)
        game_replace_vm(g);
    return r;
}
