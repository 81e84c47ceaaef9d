/* SPDX-License-Identifier: MIT */
/*
 * fuzz_records - what a client may send once it is upgraded, as binary records.
 */
#include "house.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    house_visit(PEER_BINARY, data, size);
    return 0;
}
