/* SPDX-License-Identifier: MIT */
/*
 * tls_cert - certificates and keys: read from files and checked, or made for
 * development.
 *
 * What is wrong with a file is said in a line that names it: a server that does not
 * start for a certificate is often looked at by somebody in a hurry.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logger.h"
#include "net/tls_impl.h"

enum {
    SELF_DAYS = 365,
    SELF_SPARE_DAYS = 7, /* with less left, a kept one is made anew */
    HOST_BYTES = 64,     /* of HOST_NAME_MAX on Linux, and what a subject's name takes */
};

void tls_pair_fini(struct tls_pair *p)
{
    X509_free(p->cert);
    sk_X509_pop_free(p->chain, X509_free);
    EVP_PKEY_free(p->key);
    *p = (struct tls_pair){0};
}

const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(code);

    ERR_clear_error();
    return text ? text : "no reason is known";
}

/* Without one OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writes, void *arg)
{
    (void)buf;
    (void)size;
    (void)writes;
    (void)arg;
    return -1;
}

static BIO *open_file(const char *what, const char *path, struct err *e)
{
    struct stat st;
    BIO *in = NULL;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        errno = EISDIR;
    else
        in = BIO_new_file(path, "r");
    if (!in)
        err_set(e, -EINVAL, "the %s %s cannot be read: %s", what, path, strerror(errno));
    ERR_clear_error();
    return in;
}

/* "2026-11-24 03:11 UTC" */
static const char *time_text(const ASN1_TIME *at, char out[32])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(at, &tm) != 1 || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        strcpy(out, "an unknown time");
    return out;
}

static int check_dates(X509 *cert, const char *path, struct err *e)
{
    const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
    char text[32];

    if (X509_cmp_current_time(to) <= 0)
        return err_set(e, -EINVAL, "the certificate %s has expired on %s; renew it", path,
                       time_text(to, text));
    if (X509_cmp_current_time(from) > 0)
        return err_set(e, -EINVAL, "the certificate %s is valid only from %s on", path,
                       time_text(from, text));
    return 0;
}

/* Our certificate, then those above it to the end of the file. */
static int read_certs(struct tls_pair *p, const char *path, struct err *e)
{
    BIO *in = open_file("certificate", path, e);
    X509 *above;
    int r = 0;

    if (!in)
        return -EINVAL;
    p->cert = PEM_read_bio_X509(in, NULL, no_password, NULL);
    p->chain = sk_X509_new_null();
    if (!p->chain)
        r = err_set(e, -ENOMEM, "no memory for the certificate %s", path);
    else if (!p->cert)
        r = err_set(e, -EINVAL, "%s holds no certificate in PEM form: %s", path,
                    tls_reason());
    else
        r = check_dates(p->cert, path, e);
    while (r == 0 && (above = PEM_read_bio_X509(in, NULL, no_password, NULL)))
        if (sk_X509_push(p->chain, above) == 0) {
            X509_free(above);
            r = err_set(e, -ENOMEM, "no memory for the certificate %s", path);
        }
    /* "No start line" is the end of the file; all else is a broken certificate. */
    if (r == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        r = err_set(e, -EINVAL, "certificate %d in %s is broken: %s",
                    sk_X509_num(p->chain) + 2, path, tls_reason());
    ERR_clear_error();
    BIO_free(in);
    return r;
}

static int read_key(struct tls_pair *p, const char *path, struct err *e)
{
    BIO *in = open_file("key", path, e);

    if (!in)
        return -EINVAL;
    p->key = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
    BIO_free(in);
    if (!p->key) {
        unsigned long code = ERR_peek_error();
        bool is_locked = ERR_GET_REASON(code) == PEM_R_BAD_PASSWORD_READ ||
                         ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ;
        return err_set(e, -EINVAL, "%s holds no key that can be read: %s", path,
                       is_locked ? "it has a password; store it without" : tls_reason());
    }
    return 0;
}

int tls_pair_load(struct tls_pair *p, const struct tls_files *files, struct err *e)
{
    int r;

    *p = (struct tls_pair){0};
    ERR_clear_error();
    r = read_certs(p, files->cert, e);
    if (r == 0)
        r = read_key(p, files->key, e);
    if (r == 0 && X509_check_private_key(p->cert, p->key) != 1)
        r = err_set(e, -EINVAL, "the key %s does not belong to the certificate %s",
                    files->key, files->cert);
    ERR_clear_error();
    if (r < 0)
        tls_pair_fini(p);
    return r;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *x;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = x && X509_add_ext(cert, x, -1) == 1;
    X509_EXTENSION_free(x);
    return ok;
}

/* This machine's name where it can stand in a certificate, else "localhost". */
static const char *host_name(char out[HOST_BYTES + 1])
{
    if (gethostname(out, HOST_BYTES) != 0)
        *out = 0;
    out[HOST_BYTES] = 0;
    if (!*out || strspn(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789-.") != strlen(out))
        strcpy(out, "localhost");
    return out;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
    static const char name[] = "Parlor, for development";
    char host[HOST_BYTES + 1], names[HOST_BYTES + 64];
    X509_NAME *subject = X509_get_subject_name(cert);
    uint64_t serial;

    snprintf(names, sizeof names, "DNS:localhost,DNS:%s,IP:127.0.0.1,IP:::1",
             host_name(host));
    /* A browser takes two certificates of one issuer and number for a forgery. */
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), SELF_DAYS * 86400L) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      (const unsigned char *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_subject_alt_name, names) &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

/* Kept, still good for a while, and for this machine's name. */
static bool load_kept(struct tls_pair *p, const char *path)
{
    const struct tls_files files = {path, path};
    char host[HOST_BYTES + 1];
    time_t later = time(NULL) + SELF_SPARE_DAYS * 86400L;

    if (access(path, F_OK) != 0 || tls_pair_load(p, &files, NULL) < 0)
        return false;
    if (X509_cmp_time(X509_get0_notAfter(p->cert), &later) > 0 &&
        X509_check_host(p->cert, host_name(host), 0, 0, NULL) == 1)
        return true;
    tls_pair_fini(p);
    return false;
}

/* Written aside, then renamed: another server may read it just now. */
static void keep(const struct tls_pair *p, const char *path)
{
    char part[4096];
    FILE *f = NULL;
    int fd = -1;

    if (snprintf(part, sizeof part, "%s.XXXXXX", path) < (int)sizeof part)
        fd = mkstemp(part); /* mode 0600 */
    if (fd >= 0 && !(f = fdopen(fd, "w")))
        close(fd);
    bool ok = f && PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_X509(f, p->cert) == 1;
    if (f)
        ok = fclose(f) == 0 && ok;
    if (ok && rename(part, path) == 0)
        return;
    if (fd >= 0)
        unlink(part);
    logger_warn("net",
                "the certificate cannot be kept in %s: browsers will ask again "
                "after a restart",
                path);
}

int tls_pair_self_signed(struct tls_pair *p, const char *path, struct err *e)
{
    *p = (struct tls_pair){0};
    if (path && load_kept(p, path))
        return 0;
    p->key = EVP_EC_gen("P-256");
    p->cert = X509_new();
    if (!p->key || !p->cert || !fill(p->cert, p->key)) {
        tls_pair_fini(p);
        return err_set(e, -EINVAL, "a certificate for development cannot be made: %s",
                       tls_reason());
    }
    if (path)
        keep(p, path);
    return 0;
}
