/* SPDX-License-Identifier: MIT */
/*
 * crowd_frames - writes what the clients of random rooms get, and what they must hold
 * then, for a decoder that is not ours to call: one JSON object a line.
 *
 *   {"room":SEED,"hash":…,"schema":"…"}
 *   {"client":3,"json":false,"tick":…,"frame":"<hex>","hashes":[…],"want":{…}}
 *   {"done":CHECKS}
 *
 * Usage: crowd_frames CHECKS [SEED]. Ends after the room in which that many frames
 * are reached.
 */
#include "crowd.h"
#include "unit.h"
#include <inttypes.h>
#include <stdlib.h>

#include "state/audience.h"

static uint64_t room;

/* The tests that come along with the model are not run here. */
void unit_register(struct unit_test *t)
{
    (void)t;
}

static void put_text(const char *text)
{
    cJSON *item = cJSON_CreateString(text);
    char *json = cJSON_PrintUnformatted(item);

    fputs(json, stdout);
    free(json);
    cJSON_Delete(item);
}

static void on_room(void *ctx, const struct schema *s)
{
    (void)ctx;
    printf("{\"room\":%" PRIu64 ",\"hash\":%u,\"schema\":", room, s->hash);
    put_text(s->json);
    puts("}");
}

static void on_frame(void *ctx, int client, bool json, const uint8_t *bytes, size_t len,
                     uint32_t tick, const cJSON *want, const char *hashes)
{
    cJSON *copy = cJSON_Duplicate(want, true);
    char *text = audience_print(copy);

    (void)ctx;
    printf("{\"client\":%d,\"json\":%s,\"tick\":%u,\"frame\":\"", client,
           json ? "true" : "false", tick);
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    printf("\",\"hashes\":%s,\"want\":%s}\n", hashes, text);
    free(text);
    cJSON_Delete(copy);
}

int main(int argc, char **argv)
{
    struct crowd_sink sink = {.room = on_room, .frame = on_frame};
    struct crowd_counts n = {0};
    unsigned checks = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

    room = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (; n.compared < checks; room++)
        crowd_run(room, 200, &sink, &n);
    printf("{\"done\":%u}\n", n.compared);
    return 0;
}
