/* SPDX-License-Identifier: MIT */
/*
 * tls_impl - between the files that make up TLS: tls_cert.c (certificates and
 * keys), tls_context.c (what is offered, and to whom), tls_ticket.c (resumption),
 * tls_stream.c (one connection).
 */
#pragma once

#include <openssl/ssl.h>

#include "net/tls.h"

/* A certificate, the chain above it, and its key. */
struct tls_pair {
    X509 *cert;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

/* tls_cert.c. On error nothing is left to free. */
int tls_pair_load(struct tls_pair *p, const struct tls_files *files, struct err *e);
int tls_pair_self_signed(struct tls_pair *p, const char *path, struct err *e);
void tls_pair_fini(struct tls_pair *p);

/* OpenSSL's own words for what went wrong last; empties its list. */
const char *tls_reason(void);

/* tls_ticket.c: hand out and take session tickets. All contexts of the process
 * share the keys, so a client may come back to any worker and after a reload. */
void tls_ticket_use(SSL_CTX *ctx);

/* tls_context.c: the OpenSSL context that a handshake starts with. */
SSL_CTX *tls_context_first(const struct tls_context *t);
