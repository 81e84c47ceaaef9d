/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jwt - tokens: what is no token is refused, what has been signed is read the same
 * each time, and nothing is accepted once a byte of it is missing.
 *
 * The first byte chooses: bit 0 set, header and claims with a NUL between them are
 * signed with our key first (so that what lies behind the signature is reached); else
 * the bytes are a token.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "svc/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[32] = "0123456789abcdef0123456789abcdef";

static struct jwt_keys *keys(void)
{
    static struct jwt_keys *k;
    struct jwt_options o = {
        "HS256", "hex:3031323334353637383961626364656630313233343536373839616263646566", "",
        "", 0};
    struct err e;

    if (!k && jwt_keys_new(&k, &o, &e) < 0)
        abort();
    return k;
}

static char *put(char *out, const uint8_t *bytes, size_t len)
{
    int n = EVP_EncodeBlock((uint8_t *)out, bytes, (int)len);

    while (n > 0 && out[n - 1] == '=')
        n--;
    for (int i = 0; i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return out + n;
}

static size_t make(char *token, const uint8_t *data, size_t size)
{
    const uint8_t *cut = memchr(data, 0, size);
    size_t n = cut ? (size_t)(cut - data) : size;
    uint8_t mac[32];
    char *at = put(token, data, n);

    *at++ = '.';
    at = put(at, data + (cut ? n + 1 : n), size - n - (cut != NULL));
    HMAC(EVP_sha256(), secret, sizeof secret, (uint8_t *)token, (size_t)(at - token), mac,
         NULL);
    *at++ = '.';
    return (size_t)(put(at, mac, sizeof mac) - token);
}

/* The bytes lie alone in their block, so that a sanitizer sees a read past them. */
static enum jwt_result verify(const char *token, size_t len)
{
    char *copy = malloc(len ? len : 1);
    cJSON *claims;

    if (!copy)
        abort();
    memcpy(copy, token, len);
    enum jwt_result r = jwt_verify(keys(), copy, len, 1000000, &claims);
    if ((r == JWT_OK) != (claims != NULL) || (r == JWT_OK && !cJSON_IsObject(claims)))
        abort();
    cJSON_Delete(claims);
    free(copy);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_signed = size > 0 && (data[0] & 1);
    char *token = size > 0 ? malloc(2 * size + 128) : NULL;

    if (!token)
        return 0;
    size_t len = size - 1;
    if (is_signed)
        len = make(token, data + 1, size - 1);
    else
        memcpy(token, data + 1, len);
    enum jwt_result r = verify(token, len);
    if (r != verify(token, len) || !*jwt_result_text(r) != (r == JWT_OK))
        abort();
    if (is_signed && r == JWT_SIGNATURE)
        abort();
    if (r == JWT_OK && (len > JWT_MAX_BYTES || verify(token, len - 1) == JWT_OK ||
                        verify(token + 1, len - 1) == JWT_OK))
        abort();
    free(token);
    return 0;
}
