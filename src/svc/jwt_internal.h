/* SPDX-License-Identifier: MIT */
/*
 * jwt_internal - what jwt.c and jwt_keys.c share.
 */
#pragma once

#include <openssl/evp.h>

#include "svc/jwt.h"

enum jwt_alg { JWT_HS256, JWT_ES256, JWT_EDDSA };

struct jwt_key {
    char kid[JWT_MAX_KID + 1]; /* "": it has none */
    EVP_PKEY *public;          /* NULL for HS256 */
    uint8_t *secret;           /* of HS256 */
    size_t n_secret;
};

struct jwt_keys {
    enum jwt_alg alg;
    struct jwt_key keys[JWT_MAX_KEYS];
    size_t n;
    char *audience, *issuer;
    double leeway_s;
};

/* "HS256" */
const char *jwt_alg_name(enum jwt_alg alg);
