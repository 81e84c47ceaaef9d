/* SPDX-License-Identifier: MIT */
/*
 * fuzz_ws_session - the same bytes give the same events, whole or in pieces; no
 * message is above the limit, text is valid UTF-8. The first byte says how they are
 * cut, and whether compression was agreed on (0x80), with the client's context
 * (0x40).
 */
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "proto/ws_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_MESSAGE = 4096 };

/* With the largest window: who refers further back than a smaller one reaches is found
 * out or not, as the cuts have it (src/proto/README.md; fuzz_deflate tries that). */
static void agree(struct ws_session *s, bool keeps_context)
{
    struct ws_deflate_params params = {.server_no_context_takeover = true,
                                       .client_no_context_takeover = !keeps_context,
                                       .server_max_window_bits = 12,
                                       .client_max_window_bits = 15};
    struct ws_deflate *d;

    if (ws_deflate_new(&d, &params) < 0)
        abort();
    ws_session_set_deflate(s, &d);
}

/* A hash over all events in order. */
static uint64_t talk(const uint8_t *bytes, size_t size, size_t step, uint8_t flags,
                     bool *failed)
{
    struct ws_session s;
    uint64_t hash = 14695981039346656037u;
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    ws_session_init(&s, MAX_MESSAGE);
    if (flags & 0x80)
        agree(&s, flags & 0x40);
    *failed = false;
    for (size_t at = 0; at < size; at += step) {
        uint8_t *in = copy + at;
        size_t n = size - at < step ? size - at : step;
        for (;;) {
            struct ws_in got = ws_session_next(&s, &in, &n);
            if (got.event == WS_EVENT_NONE)
                break;
            if (got.event == WS_EVENT_MESSAGE &&
                (got.len > MAX_MESSAGE ||
                 (got.op == WS_TEXT && !utf8_is_valid(got.data, got.len))))
                abort();
            hash = (hash ^ (uint64_t)got.event) * 1099511628211u;
            for (size_t i = 0; got.event != WS_EVENT_ERROR && i < got.len; i++)
                hash = (hash ^ got.data[i]) * 1099511628211u;
            if (got.event == WS_EVENT_ERROR || got.event == WS_EVENT_CLOSE) {
                *failed = got.event == WS_EVENT_ERROR;
                goto done;
            }
        }
    }
done:
    ws_session_fini(&s);
    free(copy);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool a_failed, b_failed;

    if (size < 1)
        return 0;
    uint64_t a = talk(data + 1, size - 1, size, data[0], &a_failed);
    uint64_t b = talk(data + 1, size - 1, (size_t)data[0] % 16 + 1, data[0], &b_failed);
    if (a != b || a_failed != b_failed)
        abort();
    return 0;
}
