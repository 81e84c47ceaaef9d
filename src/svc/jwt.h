/* SPDX-License-Identifier: MIT */
/*
 * jwt - signed tokens that say who somebody is (RFC 7519, in the compact form of
 * RFC 7515), checked against keys that the operator has configured.
 *
 * The algorithm is the operator's choice and never the token's: a header that names
 * another one is refused before any key is looked at. Taken are HS256 (RFC 7518),
 * ES256 with P-256, and EdDSA with Ed25519 (RFC 8037). Refused are, each with a
 * reason of its own: extensions (`crit`), members named twice, text that is not
 * canonical base64url, signatures in another form or length, tokens without `exp`,
 * and audiences or issuers other than ours. Claims are parsed after the signature has
 * been found good, not before.
 *
 * Ownership: jwt_keys_new/jwt_keys_free. Keys do not change once made: a rotation
 * makes new ones. Thread: jwt_verify() any, also several at once.
 */
#pragma once

#include <cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    JWT_MAX_BYTES = 8192,  /* of a token */
    JWT_MAX_HEADER = 1024, /* of its header, decoded */
    JWT_MAX_KEYS = 16,
    JWT_MAX_KID = 64,       /* bytes of a key's name */
    JWT_MIN_SECRET = 32,    /* bytes for HS256 (RFC 7518 3.2) */
    JWT_MAX_FILE = 64 << 10 /* bytes of a key's file */
};

enum jwt_result {
    JWT_OK,
#define X(name, text) JWT_##name,
#include "svc/jwt_result.def"
#undef X
};

struct jwt_keys;

struct jwt_options {
    const char *alg; /* "HS256", "ES256" or "EdDSA" */
    /* Keys with commas, each `path` or `kid=path`: a PEM file with a public key or a
     * certificate; for HS256 a file with the secret (a newline at its end is not part
     * of it; `hex:` in front: hex digits follow), or `hex:` and digits here. */
    const char *keys;
    const char *audience;  /* "": tokens that name one are refused (RFC 7519 4.1.3) */
    const char *issuer;    /* "": any */
    double leeway_seconds; /* for clocks that differ */
};

/* Read the keys. Returns 0, -EINVAL or -ENOMEM; *e names the setting and the file,
 * and never holds a part of a secret. */
int jwt_keys_new(struct jwt_keys **out, const struct jwt_options *o, struct err *e);
void jwt_keys_free(struct jwt_keys **k);

/* Check a token at the time `now_s` (seconds since 1970). On JWT_OK *claims is the
 * object it carries, yours to delete; else NULL. Time in proportion to the token's
 * length and the number of keys. `keys` NULL: JWT_OFF. */
enum jwt_result jwt_verify(const struct jwt_keys *keys, const char *token, size_t len,
                           double now_s, cJSON **claims);

/* In words, without a full stop. */
const char *jwt_result_text(enum jwt_result r);
