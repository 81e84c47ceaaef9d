/* SPDX-License-Identifier: MIT */
/*
 * tls_context - what we offer in a handshake, and which certificate a client gets.
 *
 * OpenSSL ties a certificate to an SSL_CTX, so there is one of those for each pair;
 * a handshake begins with the first and moves on to another when the name fits.
 */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_impl.h"

struct tls_context {
    atomic_uint refs;
    size_t n;
    SSL_CTX *each[]; /* by certificate, in the order given */
};

SSL_CTX *tls_context_first(const struct tls_context *t)
{
    return t->each[0];
}

/* The client's list of protocols. Who asks for others only is told so
 * (no_application_protocol): it would not understand what we say. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
                   const unsigned char *in, unsigned n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, n_out, ours, sizeof ours - 1, in, n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A certificate that spells the name out goes before one with a wildcard. */
static SSL_CTX *find(const struct tls_context *t, const char *name)
{
    static const unsigned flags[] = {X509_CHECK_FLAG_NO_WILDCARDS,
                                     X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS};

    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < t->n; i++)
            if (X509_check_host(SSL_CTX_get0_certificate(t->each[i]), name, strlen(name),
                                flags[pass], NULL) == 1)
                return t->each[i];
    return NULL;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX *ctx = name ? find(arg, name) : NULL;

    (void)alert;
    if (!ctx)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_SSL_CTX(ssl, ctx);
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_ctx(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    /* An idle connection gives its two record buffers back (34 KB). */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    tls_ticket_use(ctx);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static int use(SSL_CTX *ctx, const struct tls_pair *p, const char *file, struct err *e)
{
    if (SSL_CTX_use_certificate(ctx, p->cert) != 1)
        return err_set(e, -EINVAL, "the certificate %s cannot be used: %s", file,
                       tls_reason());
    if (SSL_CTX_use_PrivateKey(ctx, p->key) != 1)
        return err_set(e, -EINVAL, "the key of %s cannot be used: %s", file, tls_reason());
    if (p->chain && SSL_CTX_set1_chain(ctx, p->chain) != 1)
        return err_set(e, -EINVAL, "the certificates above %s cannot be used: %s", file,
                       tls_reason());
    return 0;
}

static struct tls_context *new_context(size_t n)
{
    struct tls_context *t = calloc(1, sizeof *t + n * sizeof(*t->each));

    if (!t)
        return NULL;
    atomic_init(&t->refs, 1);
    for (; t->n < n; t->n++)
        if (!(t->each[t->n] = new_ctx())) {
            tls_context_unref(&t);
            return NULL;
        }
    SSL_CTX_set_tlsext_servername_callback(t->each[0], on_name);
    SSL_CTX_set_tlsext_servername_arg(t->each[0], t);
    return t;
}

int tls_context_load(struct tls_context **out, const struct tls_files *files, size_t n,
                     struct err *e)
{
    struct tls_context *t = new_context(n);
    int r = t ? 0 : err_set(e, -ENOMEM, "no memory for TLS");

    for (size_t i = 0; r == 0 && i < n; i++) {
        struct tls_pair p;
        if ((r = tls_pair_load(&p, &files[i], e)) < 0)
            break;
        r = use(t->each[i], &p, files[i].cert, e);
        tls_pair_fini(&p);
    }
    if (r < 0)
        tls_context_unref(&t);
    *out = t;
    return r;
}

int tls_context_self_signed(struct tls_context **out, const char *path, struct err *e)
{
    struct tls_context *t = new_context(1);
    struct tls_pair p;
    int r = t ? tls_pair_self_signed(&p, path, e) : err_set(e, -ENOMEM, "no memory");

    if (r == 0) {
        r = use(t->each[0], &p, "made for development", e);
        tls_pair_fini(&p);
    }
    if (r < 0)
        tls_context_unref(&t);
    *out = t;
    return r;
}

struct tls_context *tls_context_ref(struct tls_context *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void tls_context_unref(struct tls_context **t)
{
    struct tls_context *x = *t;

    *t = NULL;
    if (!x || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < x->n; i++)
        SSL_CTX_free(x->each[i]);
    free(x);
}
