/* SPDX-License-Identifier: MIT */
/*
 * jwt_keys - the keys that tokens are checked with, from settings and files.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svc/jwt_internal.h"

static const char *const alg_names[] = {"HS256", "ES256", "EdDSA"};

const char *jwt_alg_name(enum jwt_alg alg)
{
    return alg_names[alg];
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A secret that is given as it is, or as "hex:" and digits. `where` for messages. */
static int take_secret(struct jwt_key *k, const char *text, size_t len, const char *where,
                       struct err *e)
{
    bool is_hex = len >= 4 && memcmp(text, "hex:", 4) == 0;

    if (is_hex && (len % 2 != 0 || len == 4))
        return err_set(e, -EINVAL, "jwt_key: %s: an even number of hex digits is expected",
                       where);
    k->n_secret = is_hex ? (len - 4) / 2 : len;
    if (!(k->secret = malloc(k->n_secret + 1)))
        return err_set(e, -ENOMEM, "out of memory");
    if (!is_hex)
        memcpy(k->secret, text, len);
    for (size_t i = 0; is_hex && i < k->n_secret; i++) {
        int high = digit(text[4 + 2 * i]), low = digit(text[5 + 2 * i]);
        if (high < 0 || low < 0)
            return err_set(e, -EINVAL, "jwt_key: %s: what follows hex: are not hex digits",
                           where);
        k->secret[i] = (uint8_t)(high << 4 | low);
    }
    if (k->n_secret < JWT_MIN_SECRET)
        return err_set(e, -EINVAL,
                       "jwt_key: %s: a secret of %zu bytes is too short, HS256 takes %d or "
                       "more (openssl rand -hex 32)",
                       where, k->n_secret, JWT_MIN_SECRET);
    return 0;
}

/* A file that asks for a password is not asked on the terminal. */
static int no_password(char *out, int size, int writes, void *ctx)
{
    (void)out, (void)size, (void)writes, (void)ctx;
    return -1;
}

/* The public key in a PEM text, its own or a certificate's. */
static EVP_PKEY *read_pem(const char *text, size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
    X509 *cert = NULL;

    BIO_free(bio);
    if (!key && (bio = BIO_new_mem_buf(text, (int)len))) {
        cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        key = cert ? X509_get_pubkey(cert) : NULL;
        X509_free(cert);
        BIO_free(bio);
    }
    ERR_clear_error(); /* TLS looks at the same queue */
    return key;
}

static bool is_of_alg(const EVP_PKEY *key, enum jwt_alg alg)
{
    char curve[64] = "";

    if (alg == JWT_EDDSA)
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
           strcmp(curve, "prime256v1") == 0;
}

static int take_public(struct jwt_key *k, enum jwt_alg alg, const char *text, size_t len,
                       const char *path, struct err *e)
{
    if (memmem(text, len, "PRIVATE KEY", 11))
        return err_set(
            e, -EINVAL,
            "jwt_key: %s holds a private key; tokens are checked with the public "
            "one (openssl pkey -pubout)",
            path);
    if (!(k->public = read_pem(text, len)))
        return err_set(e, -EINVAL,
                       "jwt_key: %s holds no public key or certificate in PEM form", path);
    if (!is_of_alg(k->public, alg))
        return err_set(e, -EINVAL, "jwt_key: the key in %s is not one for %s (%s)", path,
                       jwt_alg_name(alg), alg == JWT_ES256 ? "EC, curve P-256" : "Ed25519");
    return 0;
}

static int read_file(const char *path, char *out, size_t *len, struct err *e)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return err_set(e, -EINVAL, "jwt_key: %s: %s", path, strerror(errno));
    *len = fread(out, 1, JWT_MAX_FILE + 1, f);
    bool is_bad = ferror(f);
    fclose(f);
    if (is_bad)
        return err_set(e, -EINVAL, "jwt_key: %s cannot be read", path);
    if (*len > JWT_MAX_FILE)
        return err_set(e, -EINVAL, "jwt_key: %s is larger than %d bytes", path,
                       JWT_MAX_FILE);
    return 0;
}

static int take_file(struct jwt_key *k, enum jwt_alg alg, const char *path, struct err *e)
{
    char *text = malloc(JWT_MAX_FILE + 1);
    size_t len = 0;

    if (!text)
        return err_set(e, -ENOMEM, "out of memory");
    int r = read_file(path, text, &len, e);
    if (r == 0 && alg != JWT_HS256) {
        r = take_public(k, alg, text, len, path, e);
    } else if (r == 0 && len > 11 && memcmp(text, "-----BEGIN ", 11) == 0) {
        /* A public key as a secret: anybody could sign. */
        r = err_set(e, -EINVAL, "jwt_key: %s is a PEM file, which is no secret for HS256",
                    path);
    } else if (r == 0) {
        len -= len > 0 && text[len - 1] == '\n';
        len -= len > 0 && text[len - 1] == '\r';
        r = take_secret(k, text, len, path, e);
    }
    OPENSSL_cleanse(text, JWT_MAX_FILE + 1);
    free(text);
    return r;
}

/* "path", "kid=path", and the same with "hex:…" in the place of a path. */
static int take_one(struct jwt_keys *keys, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    size_t n_kid = equals ? (size_t)(equals - text) : 0;
    const char *source = equals ? equals + 1 : text;

    if (keys->n == JWT_MAX_KEYS)
        return err_set(e, -EINVAL, "jwt_key: more than %d keys", JWT_MAX_KEYS);
    struct jwt_key *k = &keys->keys[keys->n++];
    if (n_kid > JWT_MAX_KID)
        return err_set(e, -EINVAL, "jwt_key: the name of a key is longer than %d bytes",
                       JWT_MAX_KID);
    memcpy(k->kid, text, n_kid);
    for (size_t i = 0; n_kid && i + 1 < keys->n; i++)
        if (strcmp(keys->keys[i].kid, k->kid) == 0)
            return err_set(e, -EINVAL, "jwt_key: two keys are named %s", k->kid);
    if (strncmp(source, "hex:", 4) != 0)
        return take_file(k, keys->alg, source, e);
    if (keys->alg != JWT_HS256)
        return err_set(e, -EINVAL, "jwt_key: hex: is for the secrets of HS256");
    return take_secret(k, source, strlen(source), "the secret", e);
}

static int take_all(struct jwt_keys *keys, const char *list, struct err *e)
{
    char *copy = strdup(list), *rest = copy, *one;
    int r = copy ? 0 : err_set(e, -ENOMEM, "out of memory");

    while (r == 0 && (one = strsep(&rest, ","))) {
        one += strspn(one, " ");
        for (size_t len = strlen(one); len > 0 && one[len - 1] == ' '; len--)
            one[len - 1] = 0;
        if (*one)
            r = take_one(keys, one, e);
    }
    if (copy)
        OPENSSL_cleanse(copy, strlen(list));
    free(copy);
    if (r == 0 && keys->n == 0)
        r = err_set(e, -EINVAL, "jwt_key: jwt_alg is set, so a key is needed");
    return r;
}

int jwt_keys_new(struct jwt_keys **out, const struct jwt_options *o, struct err *e)
{
    struct jwt_keys *k = calloc(1, sizeof *k);
    int r = -1;

    *out = NULL;
    if (!k || !(k->audience = strdup(o->audience)) || !(k->issuer = strdup(o->issuer))) {
        jwt_keys_free(&k);
        return err_set(e, -ENOMEM, "out of memory");
    }
    k->leeway_s = o->leeway_seconds;
    for (size_t i = 0; i < sizeof alg_names / sizeof *alg_names; i++)
        if (strcmp(o->alg, alg_names[i]) == 0) {
            k->alg = (enum jwt_alg)i;
            r = 0;
        }
    if (r < 0)
        r = err_set(e, -EINVAL, "jwt_alg: \"%.32s\" is not HS256, ES256 or EdDSA", o->alg);
    else
        r = take_all(k, o->keys, e);
    if (r < 0)
        jwt_keys_free(&k);
    *out = k;
    return r;
}

void jwt_keys_free(struct jwt_keys **at)
{
    struct jwt_keys *k = *at;

    *at = NULL;
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++) {
        if (k->keys[i].secret)
            OPENSSL_cleanse(k->keys[i].secret, k->keys[i].n_secret);
        free(k->keys[i].secret);
        EVP_PKEY_free(k->keys[i].public);
    }
    free(k->audience);
    free(k->issuer);
    free(k);
}
