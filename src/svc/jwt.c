/* SPDX-License-Identifier: MIT */
#include "svc/jwt.h"

#include <math.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/json_text.h"
#include "proto/utf8.h"
#include "svc/jwt_internal.h"

enum { HMAC_BYTES = 32, SIGNATURE_BYTES = 64, HALF = SIGNATURE_BYTES / 2 };

const char *jwt_result_text(enum jwt_result r)
{
    static const char *const texts[] = {
        "",
#define X(name, text) text,
#include "svc/jwt_result.def"
#undef X
    };

    return texts[r];
}

struct part {
    const char *text;
    size_t len;
};

static int value_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

/* Base64url without padding (RFC 7515 2), canonical: no bit is left over that is not
 * zero, so each text has one reading and each value one text. `out` takes
 * len / 4 * 3 + 2 bytes. -1: it is not that. */
static int decode(struct part in, uint8_t *out)
{
    uint32_t bits = 0;
    int n_bits = 0, n = 0;

    if (in.len % 4 == 1)
        return -1;
    for (size_t i = 0; i < in.len; i++) {
        int v = value_of(in.text[i]);
        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
        bits &= (1u << n_bits) - 1;
    }
    return bits == 0 ? n : -1;
}

static bool has_twins(const cJSON *v)
{
    const cJSON *a, *b;

    cJSON_ArrayForEach(a, v)
    {
        for (b = a->next; cJSON_IsObject(v) && b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return true;
        if (has_twins(a))
            return true;
    }
    return false;
}

/* A JSON object and nothing else, no member twice; NULL where it is not that. */
static cJSON *parse(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes, *end = NULL;

    if (!utf8_is_valid(text, len) || json_text_has_nul(text, len))
        return NULL;
    cJSON *v = cJSON_ParseWithLengthOpts(text, len, &end, false);
    while (v && end < text + len && *end && strchr(" \t\r\n", *end))
        end++;
    if (v && cJSON_IsObject(v) && end == text + len && !has_twins(v))
        return v;
    cJSON_Delete(v);
    return NULL;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static bool has(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

/* typ is not asked for; but where it is there, it tells an access token from, say, a
 * proof of possession that the same key has signed (RFC 8725 3.11). */
static bool is_type(const char *typ)
{
    static const char *const known[] = {"JWT", "at+jwt", "application/at+jwt"};

    for (size_t i = 0; typ && i < sizeof known / sizeof *known; i++)
        if (strcasecmp(typ, known[i]) == 0)
            return true;
    return false;
}

/* The header's kid into `kid`, "" where it has none. */
static enum jwt_result read_header(const struct jwt_keys *keys, struct part part,
                                   char kid[JWT_MAX_KID + 1])
{
    uint8_t bytes[JWT_MAX_HEADER + 4];
    enum jwt_result r = JWT_OK;

    *kid = 0;
    if (part.len > (JWT_MAX_HEADER + 2) / 3 * 4)
        return JWT_TOO_BIG;
    int n = decode(part, bytes);
    if (n < 0)
        return JWT_BASE64;
    cJSON *header = parse(bytes, (size_t)n);
    if (!header)
        return JWT_HEADER;
    const char *alg = text_of(header, "alg"), *named = text_of(header, "kid");
    if (!alg || strcmp(alg, jwt_alg_name(keys->alg)) != 0)
        r = JWT_ALG;
    else if (has(header, "crit"))
        r = JWT_CRIT;
    else if (has(header, "typ") && !is_type(text_of(header, "typ")))
        r = JWT_TYPE;
    else if (has(header, "kid") && (!named || !*named))
        r = JWT_HEADER;
    else if (named && strlen(named) > JWT_MAX_KID)
        r = JWT_KEY;
    else if (named)
        strcpy(kid, named);
    cJSON_Delete(header);
    return r;
}

static bool verify_hmac(const struct jwt_key *k, struct part signed_part,
                        const uint8_t *signature, int n)
{
    uint8_t want[HMAC_BYTES];
    unsigned len = 0;

    return n == HMAC_BYTES &&
           HMAC(EVP_sha256(), k->secret, (int)k->n_secret,
                (const uint8_t *)signed_part.text, signed_part.len, want, &len) &&
           len == HMAC_BYTES && CRYPTO_memcmp(want, signature, HMAC_BYTES) == 0;
}

/* r and s side by side (RFC 7518 3.4) as the DER that OpenSSL takes; its length, 0
 * where memory is out. OPENSSL_free() it. */
static int to_der(const uint8_t *signature, uint8_t **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, HALF, NULL),
           *s = BN_bin2bn(signature + HALF, HALF, NULL);
    int n = 0;

    *der = NULL;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1)
        n = i2d_ECDSA_SIG(sig, der); /* r and s are its own now */
    else
        BN_free(r), BN_free(s);
    ECDSA_SIG_free(sig);
    return n > 0 ? n : 0;
}

static bool verify_public(const struct jwt_key *k, enum jwt_alg alg,
                          struct part signed_part, const uint8_t *signature, int n)
{
    EVP_MD_CTX *ctx = n == SIGNATURE_BYTES ? EVP_MD_CTX_new() : NULL;
    uint8_t *der = NULL;
    size_t len = SIGNATURE_BYTES;
    bool ok = ctx != NULL;

    if (ok && alg == JWT_ES256)
        ok = (len = (size_t)to_der(signature, &der)) > 0;
    ok = ok &&
         EVP_DigestVerifyInit(ctx, NULL, alg == JWT_ES256 ? EVP_sha256() : NULL, NULL,
                              k->public) == 1 &&
         EVP_DigestVerify(ctx, der ? der : signature, len,
                          (const uint8_t *)signed_part.text, signed_part.len) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error(); /* TLS looks at the same queue */
    return ok;
}

/* A token that names a key is checked with that one; where there is none of this name
 * with those that have no name; and one that names none with all. */
static enum jwt_result verify(const struct jwt_keys *keys, const char *kid,
                              struct part signed_part, const uint8_t *signature, int n)
{
    bool is_known = false, has_tried = false;

    for (size_t i = 0; *kid && i < keys->n; i++)
        is_known = is_known || strcmp(keys->keys[i].kid, kid) == 0;
    for (size_t i = 0; i < keys->n; i++) {
        const struct jwt_key *k = &keys->keys[i];
        if (*kid && strcmp(k->kid, is_known ? kid : "") != 0)
            continue;
        has_tried = true;
        if (keys->alg == JWT_HS256 ? verify_hmac(k, signed_part, signature, n)
                                   : verify_public(k, keys->alg, signed_part, signature, n))
            return JWT_OK;
    }
    return has_tried ? JWT_SIGNATURE : JWT_KEY;
}

/* Is `text` the claim, or in its list? */
static bool names(const cJSON *claim, const char *text)
{
    const cJSON *one;

    if (cJSON_IsString(claim))
        return strcmp(claim->valuestring, text) == 0;
    cJSON_ArrayForEach(one, claim)
    {
        if (cJSON_IsArray(claim) && cJSON_IsString(one) &&
            strcmp(one->valuestring, text) == 0)
            return true;
    }
    return false;
}

static bool is_date(const cJSON *v)
{
    return cJSON_IsNumber(v) && isfinite(v->valuedouble);
}

static enum jwt_result check_claims(const struct jwt_keys *keys, const cJSON *claims,
                                    double now_s)
{
    const cJSON *exp = cJSON_GetObjectItemCaseSensitive(claims, "exp");
    const cJSON *nbf = cJSON_GetObjectItemCaseSensitive(claims, "nbf");
    const cJSON *aud = cJSON_GetObjectItemCaseSensitive(claims, "aud");
    const cJSON *iss = cJSON_GetObjectItemCaseSensitive(claims, "iss");

    if (!exp)
        return JWT_NO_EXPIRY;
    if (!is_date(exp) || (nbf && !is_date(nbf)))
        return JWT_CLAIMS;
    if (now_s >= exp->valuedouble + keys->leeway_s)
        return JWT_EXPIRED;
    if (nbf && now_s < nbf->valuedouble - keys->leeway_s)
        return JWT_TOO_EARLY;
    if (*keys->audience ? !names(aud, keys->audience) : aud != NULL)
        return JWT_AUDIENCE;
    if (*keys->issuer && !(cJSON_IsString(iss) && names(iss, keys->issuer)))
        return JWT_ISSUER;
    return JWT_OK;
}

/* The three parts. */
static bool split(const char *token, size_t len, struct part parts[3])
{
    const char *end = token + len, *at = token;

    for (int i = 0; i < 3; i++) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        if ((i < 2) != (dot != NULL))
            return false;
        parts[i] = (struct part){at, (size_t)((dot ? dot : end) - at)};
        at = dot ? dot + 1 : end;
    }
    return true;
}

enum jwt_result jwt_verify(const struct jwt_keys *keys, const char *token, size_t len,
                           double now_s, cJSON **claims)
{
    struct part parts[3];
    uint8_t signature[SIGNATURE_BYTES + 4], *body;
    char kid[JWT_MAX_KID + 1];

    *claims = NULL;
    if (!keys)
        return JWT_OFF;
    if (len > JWT_MAX_BYTES)
        return JWT_TOO_BIG;
    if (!split(token, len, parts))
        return JWT_SHAPE;
    enum jwt_result r = read_header(keys, parts[0], kid);
    if (r != JWT_OK)
        return r;
    if (parts[2].len > (SIGNATURE_BYTES + 2) / 3 * 4)
        return JWT_SIGNATURE;
    int n = decode(parts[2], signature);
    if (n < 0)
        return JWT_BASE64;
    struct part signed_part = {token, (size_t)(parts[2].text - token) - 1};
    if ((r = verify(keys, kid, signed_part, signature, n)) != JWT_OK)
        return r;
    if (!(body = malloc(parts[1].len + 4)))
        return JWT_CLAIMS;
    n = decode(parts[1], body);
    cJSON *object = n < 0 ? NULL : parse(body, (size_t)n);
    free(body);
    if (n < 0)
        return JWT_BASE64;
    if (!object)
        return JWT_CLAIMS;
    if ((r = check_claims(keys, object, now_s)) == JWT_OK)
        *claims = object;
    else
        cJSON_Delete(object);
    return r;
}
