/* SPDX-License-Identifier: MIT */
/*
 * cors - may a page of another site import our modules?
 *
 * Whoever may connect may: the list `origins` says both. Files are public as they
 * are and are served without regard to cookies, so nothing is ever answered with
 * Access-Control-Allow-Credentials, and other methods than GET and HEAD are not
 * offered to strangers at all.
 *
 * Thread: its worker's.
 */
#pragma once

#include <stddef.h>

#include "net/conn.h"

struct worker;

enum { CORS_BYTES = 512 };

/* Write the header lines for a file that is served in answer to `head`: "" where pages
 * of our own are all that may connect. Where the answer depends on who asks, Vary says
 * so to caches, whoever asks now. */
void cors_write(char out[CORS_BYTES], const struct worker *w, struct conn *c,
                const struct http_head *head);
