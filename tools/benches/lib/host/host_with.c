/* SPDX-License-Identifier: MIT */
/*
 * host_with - the ticks of host_tick.h as the product runs them.
 */
#include "../host_tick.h"
