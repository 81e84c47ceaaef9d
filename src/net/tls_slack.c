/* SPDX-License-Identifier: MIT */
#include "net/tls_slack.h"

#include <malloc.h>
#include <stdatomic.h>

#include "base/clk.h"
#include "base/logger.h"

/* How many there are, and were at most since memory was last given back. */
static atomic_int n_now, n_most;

void tls_slack_came(void)
{
    int n = atomic_fetch_add_explicit(&n_now, 1, memory_order_relaxed) + 1;
    int most = atomic_load_explicit(&n_most, memory_order_relaxed);

    while (n > most && !atomic_compare_exchange_weak_explicit(
                           &n_most, &most, n, memory_order_relaxed, memory_order_relaxed))
        ;
}

void tls_slack_went(void)
{
    atomic_fetch_sub_explicit(&n_now, 1, memory_order_relaxed);
}

bool tls_slack_give_back(void)
{
    int n = atomic_load_explicit(&n_now, memory_order_relaxed);
    int most = atomic_load_explicit(&n_most, memory_order_relaxed);

    if (most - n < TLS_SLACK_PORTION)
        return false;
    /* Of several threads that see it, one does it. */
    if (!atomic_compare_exchange_strong_explicit(&n_most, &most, n, memory_order_relaxed,
                                                 memory_order_relaxed))
        return false;
    uint64_t began_ns = clk_real_ns();
    malloc_trim(0);
    logger_debug("net", "memory of %d TLS connections given back in %u us", most - n,
                 (unsigned)((clk_real_ns() - began_ns) / 1000));
    return true;
}
