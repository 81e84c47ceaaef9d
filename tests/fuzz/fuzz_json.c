/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json - what a client may send once it is upgraded, as JSON text.
 */
#include "house.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    house_visit(PEER_JSON, data, size);
    return 0;
}
