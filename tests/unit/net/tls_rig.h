/* SPDX-License-Identifier: MIT */
/*
 * tls_rig - certificates made on the spot, and clients that are OpenSSL's, for the
 * edge of rig.h.
 */
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include "net/conn_impl.h"
#include "net/rig.h"
#include "net/tls.h"

enum { DAY_S = 86400 };

/* A request, and all that comes back. */
#define TLS_HELLO "GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n"
#define TLS_HELLO_REPLY                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nX-One: 1\r\n"     \
    "\r\nhello"

/* A folder for one test; tls_folder_end() removes it with its files. */
static inline void tls_folder(char out[64])
{
    strcpy(out, "/tmp/parlor-tls-XXXXXX");
    CHECK(mkdtemp(out) != NULL);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL's own socket BIO raises it */
}

static inline void tls_folder_end(const char *folder)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

static inline X509 *tls_make_cert(EVP_PKEY *key, const char *names, long from_s, long to_s)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
    CHECK(x != NULL);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    X509_add_ext(cert, x, -1);
    X509_EXTENSION_free(x);
    X509_set_pubkey(cert, key);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* FOLDER/NAME.pem and FOLDER/NAME.key; `names` as in "DNS:a.test". `above` copies of
 * the certificate follow it, to make a long handshake. */
static inline void tls_make(const char *folder, const char *name, const char *names,
                            long from_s, long to_s, int above)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = tls_make_cert(key, names, from_s, to_s);
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    CHECK((f = fopen(path, "w")) != NULL);
    for (int i = 0; i <= above; i++)
        PEM_write_X509(f, cert);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.key", folder, name);
    CHECK((f = fopen(path, "w")) != NULL);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* Load FOLDER/CERT.pem with FOLDER/KEY.key. */
static inline int tls_load(struct tls_context **out, const char *folder, const char *cert,
                           const char *key, struct err *e)
{
    char cert_path[128], key_path[128];
    struct tls_files files = {cert_path, key_path};

    snprintf(cert_path, sizeof cert_path, "%s/%s.pem", folder, cert);
    snprintf(key_path, sizeof key_path, "%s/%s.key", folder, key);
    return tls_context_load(out, &files, 1, e);
}

/* From now on the edge speaks TLS with the pair `name` of the folder. */
static inline void tls_use(struct rig *r, const char *folder, const char *name)
{
    struct tls_context *t;
    struct err e;

    CHECK_EQ(tls_load(&t, folder, name, name, &e), 0);
    edge_use_tls(r->edge, t);
    tls_context_unref(&t);
}

/* A rig whose edge speaks TLS as "a.test". */
static inline void tls_rig_init(struct rig *r, char folder[64],
                                const struct edge_limits *limits)
{
    tls_folder(folder);
    tls_make(folder, "a", "DNS:a.test", -60, DAY_S, 0);
    rig_init(r, limits);
    tls_use(r, folder, "a");
}

static inline void tls_rig_fini(struct rig *r, const char *folder)
{
    rig_fini(r);
    tls_folder_end(folder);
}

/* Turn the loop while OpenSSL waits, and do STEP again, until it is done; `result` is
 * its last value. */
#define TLS_DO(r, ssl, result, step)                                                       \
    do {                                                                                   \
        uint64_t until_ = rig_clock_ms() + 30000;                                          \
        for (;;) {                                                                         \
            ERR_clear_error();                                                             \
            (result) = (step);                                                             \
            int why_ = SSL_get_error(ssl, (result));                                       \
            if ((result) > 0 || rig_clock_ms() > until_ ||                                 \
                (why_ != SSL_ERROR_WANT_READ && why_ != SSL_ERROR_WANT_WRITE))             \
                break;                                                                     \
            rig_turn(r);                                                                   \
        }                                                                                  \
    } while (0)

static inline SSL_CTX *tls_client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

/* Connect and shake hands; returns what SSL_connect() says in the end. */
static inline int tls_try(struct rig *r, SSL_CTX *ctx, const char *name, SSL **out)
{
    SSL *ssl = *out = SSL_new(ctx);
    int result;

    SSL_set_fd(ssl, rig_connect(r));
    if (name)
        SSL_set_tlsext_host_name(ssl, name);
    TLS_DO(r, ssl, result, SSL_connect(ssl));
    return result;
}

static inline SSL *tls_connect(struct rig *r, SSL_CTX *ctx, const char *name)
{
    SSL *ssl;

    CHECK_EQ(tls_try(r, ctx, name, &ssl), 1);
    return ssl;
}

/* The certificate that the server gave was made for this name. */
static inline bool tls_is_for(SSL *ssl, const char *name)
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    bool ok = cert && X509_check_host(cert, name, 0, 0, NULL) == 1;

    X509_free(cert);
    return ok;
}

/* The alert that the server ended a handshake with; 0: none. */
static inline int tls_alert(void)
{
    unsigned long code = ERR_peek_error();

    return ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET
               ? ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET
               : 0;
}

static inline void tls_end(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

static inline void tls_send(struct rig *r, SSL *ssl, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        int k;
        TLS_DO(r, ssl, k, SSL_write(ssl, (const char *)bytes + at, (int)(n - at)));
        CHECK(k > 0);
        at += (size_t)k;
    }
}

/* As rig_read(). */
static inline size_t tls_read(struct rig *r, SSL *ssl, void *out, size_t want)
{
    size_t at = 0;

    while (at < want) {
        int k;
        TLS_DO(r, ssl, k, SSL_read(ssl, (char *)out + at, (int)(want - at)));
        if (k <= 0)
            break;
        at += (size_t)k;
    }
    return at;
}

static inline void tls_expect(struct rig *r, SSL *ssl, const char *text)
{
    char got[4096];
    size_t n = tls_read(r, ssl, got, strlen(text));

    got[n] = 0;
    CHECK_STR(got, text);
}

static inline void tls_upgrade(struct rig *r, SSL *ssl)
{
    tls_send(r, ssl, RIG_UPGRADE, strlen(RIG_UPGRADE));
    tls_expect(r, ssl, RIG_ACCEPTED);
    CHECK(r->ws != NULL);
}

/* Send a short text and get it back. */
static inline void tls_echo(struct rig *r, SSL *ssl, const char *text)
{
    uint8_t frame[140], got[140];
    size_t len = strlen(text), n = rig_frame(frame, 0x81, text, len);

    CHECK(len < 126);
    tls_send(r, ssl, frame, n);
    CHECK_EQ(tls_read(r, ssl, got, len + 2), len + 2);
    CHECK_EQ(got[0], 0x81);
    CHECK_MEM(got + 2, text, len);
}

/* The server ends the connection, with close_notify or without. */
static inline bool tls_is_end(struct rig *r, SSL *ssl, bool politely)
{
    char byte;
    int k;

    TLS_DO(r, ssl, k, SSL_read(ssl, &byte, 1));
    return k <= 0 && ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) == politely;
}

/* The one connection of the edge. */
static inline struct conn *tls_conn(struct rig *r)
{
    RIG_WAIT(r, !link_is_alone(&r->edge->conns));
    return LINK_OWNER(r->edge->conns.next, struct conn, all);
}
