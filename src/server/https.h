/* SPDX-License-Identifier: MIT */
/*
 * https - what the settings tls_cert, tls_key and http_port, and dev's --tls mean.
 *
 * Thread: main; the redirect handler its edge's.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "net/edge.h"

struct config;
struct tls_context;

/* Do the settings ask for TLS on the main port? */
bool https_is_on(const struct config *c);

/* Read the certificates that the settings name, or make dev's own. *out is NULL
 * where TLS is off, and on errors: -EINVAL or -ENOMEM, *e tells the file. */
int https_load(const struct config *c, struct tls_context **out, struct err *e);

/* Of http_port: sends everybody to the same address with https (308). */
extern const struct edge_handler https_redirect_handler;
