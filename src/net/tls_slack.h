/* SPDX-License-Identifier: MIT */
/*
 * tls_slack - the memory of TLS connections that are gone, given back to the system.
 *
 * A half-open TLS connection takes 42 KB, an idle one 15, in dozens of pieces, and malloc
 * keeps what is freed below anything that lives: after 10 000 of them it held 420 MB for
 * nobody. To give that back at once takes 80 ms, so it is done in portions, as soon as so
 * many have gone (and not by the second, in which thousands may).
 *
 * The count is the process's, like malloc. Thread: any.
 */
#pragma once

#include <stdbool.h>

/* So many fewer connections than there were at most: 256, at most 11 MB and 2 ms. */
enum { TLS_SLACK_PORTION = 256 };

void tls_slack_came(void); /* one more connection */
void tls_slack_went(void); /* one less */

/* Give back what has been freed, where it is worth it; returns whether it was. Call it
 * after connections were freed, where a few ms do no harm. */
bool tls_slack_give_back(void);
