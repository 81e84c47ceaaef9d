/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "svc/jwt.h"

/* RFC 7515 A.1 and A.3, RFC 8037 A.4. */
#define RFC_CLAIMS                                                                         \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"     \
    "b290Ijp0cnVlfQ"
#define RFC_HS256                                                                          \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_CLAIMS                                 \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RFC_SECRET                                                                         \
    "hex:0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebfd3fb5a92d20647"   \
    "ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3"
#define RFC_ES256                                                                          \
    "eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS                                                     \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6N" \
    "U1Q"
#define RFC_EDDSA                                                                          \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7" \
    "-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
static const char p256_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
static const char ed25519_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";

#define SECRET "01234567890123456789012345678901" /* 32 bytes */
#define OTHER  "abcdefghijklmnopqrstuvwxyzabcdef"

enum { NOW = 1000000 };

/* A file with this text; its path until the next but three calls. */
static const char *file_with(const char *text, size_t len)
{
    static char paths[4][64];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    strcpy(path, "/tmp/parlor-jwt-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
    return path;
}

static struct jwt_keys *keys_of(const char *alg, const char *keys, const char *audience,
                                const char *issuer)
{
    struct jwt_options o = {alg, keys, audience, issuer, 10};
    struct jwt_keys *k;
    struct err e;

    if (jwt_keys_new(&k, &o, &e) < 0)
        fail_msg("%s", e.text);
    return k;
}

static const char *why_not(const char *alg, const char *keys)
{
    static struct err e;
    struct jwt_options o = {alg, keys, "", "", 10};
    struct jwt_keys *k;

    CHECK_EQ(jwt_keys_new(&k, &o, &e), -EINVAL);
    CHECK(k == NULL);
    return e.text;
}

static struct jwt_keys *rfc_keys(const char *alg, const char *pem)
{
    const char *path = file_with(pem, strlen(pem));
    struct jwt_keys *k = keys_of(alg, path, "", "");

    unlink(path);
    return k;
}

/* Verify a copy that ends at a guard page. */
static enum jwt_result check(const struct jwt_keys *k, const char *token, double now)
{
    size_t len = strlen(token);
    uint8_t *copy = unit_guarded(token, len);
    cJSON *claims;

    enum jwt_result r = jwt_verify(k, (const char *)copy, len, now, &claims);
    CHECK((r == JWT_OK) == (claims != NULL));
    cJSON_Delete(claims);
    unit_guarded_free(copy, len);
    return r;
}

static char *put_base64url(char *out, const void *bytes, size_t len)
{
    int n = EVP_EncodeBlock((uint8_t *)out, bytes, (int)len);

    while (n > 0 && out[n - 1] == '=')
        n--;
    for (int i = 0; i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    out[n] = 0;
    return out + n;
}

/* A token of this header and these claims, HS256 with `secret`. */
static const char *sign_with(const char *secret, const char *header, const char *claims)
{
    static char token[32768];
    uint8_t mac[32];
    char *at = put_base64url(token, header, strlen(header));

    *at++ = '.';
    at = put_base64url(at, claims, strlen(claims));
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (uint8_t *)token, (size_t)(at - token),
         mac, NULL);
    *at++ = '.';
    put_base64url(at, mac, sizeof mac);
    return token;
}

#define HEAD              "{\"alg\":\"HS256\"}"
#define GOOD              "\"exp\":1000100"
#define SIGN(claims)      sign_with(SECRET, HEAD, claims)
#define SIGN_HEAD(header) sign_with(SECRET, header, "{" GOOD "}")

static struct jwt_keys *secret_keys(const char *audience, const char *issuer)
{
    const char *path = file_with(SECRET "\n", 33);
    struct jwt_keys *k = keys_of("HS256", path, audience, issuer);

    unlink(path);
    return k;
}

TEST(jwt_rfc7515_hs256, "the HS256 token of RFC 7515 A.1 is good until its exp")
{
    struct jwt_keys *k = keys_of("HS256", RFC_SECRET, "", "joe");
    cJSON *claims;

    CHECK_EQ(jwt_verify(k, RFC_HS256, strlen(RFC_HS256), 1300819379, &claims), JWT_OK);
    CHECK_STR(cJSON_GetObjectItem(claims, "iss")->valuestring, "joe");
    CHECK(cJSON_IsTrue(cJSON_GetObjectItem(claims, "http://example.com/is_root")));
    cJSON_Delete(claims);
    CHECK_EQ(check(k, RFC_HS256, 1300819389), JWT_OK); /* leeway */
    CHECK_EQ(check(k, RFC_HS256, 1300819390), JWT_EXPIRED);
    jwt_keys_free(&k);
    CHECK(k == NULL);
    jwt_keys_free(&k);
}

TEST(jwt_rfc7515_es256, "the ES256 token of RFC 7515 A.3 is good")
{
    struct jwt_keys *k = rfc_keys("ES256", p256_pem);

    CHECK_EQ(check(k, RFC_ES256, 1300819379), JWT_OK);
    jwt_keys_free(&k);
}

TEST(jwt_rfc8037,
     "the signature of RFC 8037 A.4 is good: its text is looked at, which is no JSON")
{
    struct jwt_keys *k = rfc_keys("EdDSA", ed25519_pem);
    char other[] = RFC_EDDSA;

    CHECK_EQ(check(k, RFC_EDDSA, NOW), JWT_CLAIMS);
    other[30] ^= 1;
    CHECK_EQ(check(k, other, NOW), JWT_SIGNATURE);
    jwt_keys_free(&k);
}

/* In each token one bit of each character is turned round, in turn. */
TEST(jwt_every_character, "no character of a token can be another one")
{
    struct {
        struct jwt_keys *k;
        const char *token;
    } all[] = {
        {keys_of("HS256", RFC_SECRET, "",              ""), RFC_HS256},
        {rfc_keys("ES256",      p256_pem),                RFC_ES256               },
        {rfc_keys("EdDSA",      ed25519_pem), RFC_EDDSA}
    };

    for (size_t i = 0; i < 3; i++) {
        char copy[512];
        size_t len = strlen(all[i].token);
        for (size_t at = 0; at < len; at++) {
            strcpy(copy, all[i].token);
            copy[at] = copy[at] == 'A' ? 'B' : 'A';
            enum jwt_result r = check(all[i].k, copy, 1300819379);
            CHECK(r != JWT_OK && r != JWT_CLAIMS && r != JWT_NO_EXPIRY);
        }
        for (size_t n = 0; n < len; n++) { /* cut anywhere */
            memcpy(copy, all[i].token, n);
            copy[n] = 0;
            CHECK(check(all[i].k, copy, 1300819379) != JWT_OK);
        }
        jwt_keys_free(&all[i].k);
    }
}

TEST(jwt_hostile, "each trick with a token is refused for its own reason")
{
    struct jwt_keys *k = secret_keys("", "");
    static char big[JWT_MAX_BYTES + 2], head[2000];

    CHECK_EQ(check(NULL, RFC_HS256, NOW), JWT_OFF);
    CHECK_EQ(check(k, SIGN("{" GOOD "}"), NOW), JWT_OK);
    CHECK_EQ(check(k, sign_with(OTHER, HEAD, "{" GOOD "}"), NOW), JWT_SIGNATURE);

    /* alg is ours to choose. */
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"none\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"None\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"hs256\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS512\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"RS256\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":[\"HS256\"]}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{\"ALG\":\"HS256\"}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, SIGN_HEAD("{}"), NOW), JWT_ALG);
    CHECK_EQ(check(k, "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.", NOW), JWT_ALG);

    /* The rest of the header. */
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}"), NOW), JWT_CRIT);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"crit\":null}"), NOW), JWT_CRIT);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"none\",\"alg\":\"HS256\"}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"alg\":\"none\"}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"x\":{\"a\":1,\"a\":1}}"), NOW),
             JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\\u0000\"}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("[\"alg\",\"HS256\"]"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD(HEAD "{}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("\"HS256\""), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"kid\":7}"), NOW), JWT_HEADER);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}"), NOW),
             JWT_TYPE);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"typ\":1}"), NOW), JWT_TYPE);
    CHECK_EQ(check(k, SIGN_HEAD("{\"alg\":\"HS256\",\"typ\":\"jwt\"} "), NOW), JWT_OK);
    snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"x\":\"%01400d\"}", 0);
    CHECK_EQ(check(k, SIGN_HEAD(head), NOW), JWT_TOO_BIG);

    /* Shape. */
    CHECK_EQ(check(k, "", NOW), JWT_SHAPE);
    CHECK_EQ(check(k, "..", NOW), JWT_HEADER);
    CHECK_EQ(check(k, "a.b", NOW), JWT_SHAPE);
    CHECK_EQ(check(k, "a.b.c.d", NOW), JWT_SHAPE);
    CHECK_EQ(check(k, "a.b.c.d.e", NOW), JWT_SHAPE); /* encrypted (RFC 7516) */
    memset(big, 'A', sizeof big - 1);
    CHECK_EQ(check(k, big, NOW), JWT_TOO_BIG);
    jwt_keys_free(&k);
}

TEST(jwt_base64url, "only canonical base64url without padding is taken")
{
    struct jwt_keys *k = secret_keys("", "");
    char copy[1024];

    /* 32 bytes in 43 characters: two bits of the last one must be zero. */
    strcpy(copy, SIGN("{" GOOD "}"));
    size_t len = strlen(copy);
    const char *letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    copy[len - 1] = letters[strchr(letters, copy[len - 1]) - letters + 1];
    CHECK_EQ(check(k, copy, NOW), JWT_BASE64);
    snprintf(copy, sizeof copy, "%s=", SIGN("{" GOOD "}"));
    CHECK_EQ(check(k, copy, NOW), JWT_BASE64);
    snprintf(copy, sizeof copy, "%s\n", SIGN("{" GOOD "}"));
    CHECK_EQ(check(k, copy, NOW), JWT_BASE64);
    snprintf(copy, sizeof copy, " %s", SIGN("{" GOOD "}"));
    CHECK_EQ(check(k, copy, NOW), JWT_BASE64);
    snprintf(copy, sizeof copy, "%sAA", SIGN("{" GOOD "}"));
    CHECK_EQ(check(k, copy, NOW), JWT_BASE64);
    snprintf(copy, sizeof copy, "%sAAAAAAA", SIGN("{" GOOD "}"));
    CHECK(check(k, copy, NOW) == JWT_SIGNATURE || check(k, copy, NOW) == JWT_BASE64);
    jwt_keys_free(&k);
}

TEST(jwt_claims, "exp, nbf, aud and iss mean what RFC 7519 says, and exp must be there")
{
    struct jwt_keys *k = secret_keys("", "");

    CHECK_EQ(check(k, SIGN("{\"sub\":\"7\"}"), NOW), JWT_NO_EXPIRY);
    CHECK_EQ(check(k, SIGN("{\"exp\":\"1000100\"}"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("{\"exp\":1e999}"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("{\"exp\":null}"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("{\"exp\":-1}"), NOW), JWT_EXPIRED);
    CHECK_EQ(check(k, SIGN("{\"exp\":1,\"exp\":1000100}"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"sub\":\"a\\u0000b\"}"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("[" GOOD "]"), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN(""), NOW), JWT_CLAIMS);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"nbf\":1000010}"), NOW), JWT_OK); /* leeway */
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"nbf\":1000011}"), NOW), JWT_TOO_EARLY);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"nbf\":\"0\"}"), NOW), JWT_CLAIMS);
    /* RFC 7519 4.1.3: who is nobody's audience refuses what is for somebody. */
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"aud\":\"shop\"}"), NOW), JWT_AUDIENCE);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"anybody\"}"), NOW), JWT_OK);
    jwt_keys_free(&k);

    k = secret_keys("games", "login");
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"login\"}"), NOW), JWT_AUDIENCE);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"aud\":\"games\"}"), NOW), JWT_ISSUER);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"login\",\"aud\":\"games\"}"), NOW), JWT_OK);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"login\",\"aud\":[\"a\",\"games\"]}"), NOW),
             JWT_OK);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"login\",\"aud\":[\"Games\",1]}"), NOW),
             JWT_AUDIENCE);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"login\",\"aud\":{\"x\":\"games\"}}"), NOW),
             JWT_AUDIENCE);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":[\"login\"],\"aud\":\"games\"}"), NOW),
             JWT_ISSUER);
    CHECK_EQ(check(k, SIGN("{" GOOD ",\"iss\":\"Login\",\"aud\":\"games\"}"), NOW),
             JWT_ISSUER);
    jwt_keys_free(&k);
}

TEST(jwt_rotation, "a kid chooses the key; without one each is tried")
{
    char list[256];
    const char *a = file_with(SECRET, 32), *b = file_with(OTHER, 32);
    static const char old[] = "{\"alg\":\"HS256\",\"kid\":\"old\"}";
    static const char next[] = "{\"alg\":\"HS256\",\"kid\":\"new\"}";
    static const char third[] = "{\"alg\":\"HS256\",\"kid\":\"third\"}";

    snprintf(list, sizeof list, "old=%s, new=%s", a, b);
    struct jwt_keys *k = keys_of("HS256", list, "", "");
    CHECK_EQ(check(k, sign_with(SECRET, old, "{" GOOD "}"), NOW), JWT_OK);
    CHECK_EQ(check(k, sign_with(OTHER, next, "{" GOOD "}"), NOW), JWT_OK);
    CHECK_EQ(check(k, sign_with(OTHER, old, "{" GOOD "}"), NOW), JWT_SIGNATURE);
    CHECK_EQ(check(k, sign_with(OTHER, HEAD, "{" GOOD "}"), NOW), JWT_OK);
    CHECK_EQ(check(k, sign_with(SECRET, third, "{" GOOD "}"), NOW), JWT_KEY);
    jwt_keys_free(&k);
    snprintf(list, sizeof list, "old=%s,%s", a, b);
    k = keys_of("HS256", list, "", "");
    CHECK_EQ(check(k, sign_with(OTHER, third, "{" GOOD "}"), NOW), JWT_OK);
    CHECK_EQ(check(k, sign_with(SECRET, third, "{" GOOD "}"), NOW), JWT_SIGNATURE);
    jwt_keys_free(&k);
    unlink(a);
    unlink(b);
}

/* A token that `key` has signed in OpenSSL's own form. */
static size_t sign_der(EVP_PKEY *key, char *token, uint8_t *der)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = 128;

    char *at = put_base64url(token, "{\"alg\":\"ES256\"}", 15);
    *at++ = '.';
    put_base64url(at, "{" GOOD "}", strlen("{" GOOD "}"));
    CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    CHECK(EVP_DigestSign(ctx, der, &n, (uint8_t *)token, strlen(token)) == 1);
    EVP_MD_CTX_free(ctx);
    return n;
}

TEST(jwt_ecdsa_form, "ES256 takes r and s side by side, not DER, and not zeros")
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char token[1024], whole[2048], *pem;
    uint8_t der[128], raw[64] = {0};
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_PUBKEY(bio, key);
    long n_pem = BIO_get_mem_data(bio, &pem);
    const char *path = file_with(pem, (size_t)n_pem);
    struct jwt_keys *k = keys_of("ES256", path, "", "");
    size_t n = sign_der(key, token, der);
    const uint8_t *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);

    snprintf(whole, sizeof whole, "%s.", token);
    put_base64url(whole + strlen(whole), raw, 64); /* CVE-2022-21449 */
    CHECK_EQ(check(k, whole, NOW), JWT_SIGNATURE);
    snprintf(whole, sizeof whole, "%s.", token);
    put_base64url(whole + strlen(whole), der, n);
    CHECK_EQ(check(k, whole, NOW), JWT_SIGNATURE);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    snprintf(whole, sizeof whole, "%s.", token);
    put_base64url(whole + strlen(whole), raw, 64);
    CHECK_EQ(check(k, whole, NOW), JWT_OK);
    snprintf(whole, sizeof whole, "%s.", token);
    put_base64url(whole + strlen(whole), raw, 63);
    CHECK_EQ(check(k, whole, NOW), JWT_SIGNATURE);
    snprintf(whole, sizeof whole, "%s.", token);
    CHECK_EQ(check(k, whole, NOW), JWT_SIGNATURE);
    ECDSA_SIG_free(sig);
    BIO_free(bio);
    EVP_PKEY_free(key);
    jwt_keys_free(&k);
    unlink(path);
}

static const char *written(EVP_PKEY *key, bool is_private)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;

    if (is_private)
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PUBKEY(bio, key);
    long n = BIO_get_mem_data(bio, &pem);
    const char *path = file_with(pem, (size_t)n);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return path;
}

TEST(jwt_settings, "keys that are none, too short, of another kind, are told by name")
{
    const char *p256 = file_with(p256_pem, strlen(p256_pem));
    char list[1024];

    CHECK(strstr(why_not("none", ""), "jwt_alg: \"none\" is not HS256"));
    CHECK(strstr(why_not("HS256", ""), "jwt_key: jwt_alg is set, so a key is needed"));
    CHECK(strstr(why_not("HS256", "/no/such"), "/no/such: No such file"));
    CHECK(strstr(why_not("HS256", p256), "is a PEM file, which is no secret"));
    CHECK(strstr(why_not("EdDSA", p256), "is not one for EdDSA (Ed25519)"));
    CHECK(strstr(why_not("ES256", "hex:00"), "hex: is for the secrets of HS256"));
    const char *p384 = written(EVP_EC_gen("P-384"), false);
    CHECK(strstr(why_not("ES256", p384), "is not one for ES256 (EC, curve P-256)"));
    const char *private = written(EVP_EC_gen("P-256"), true);
    CHECK(strstr(why_not("ES256", private), "holds a private key"));
    unlink(p384);
    unlink(private);
    const char *rubbish = file_with("-----BEGIN PUBLIC KEY-----\nAAAA\n", 32);
    CHECK(strstr(why_not("ES256", rubbish), "holds no public key"));
    unlink(rubbish);
    snprintf(list, sizeof list, "a=%s,a=%s", p256, p256);
    CHECK(strstr(why_not("ES256", list), "two keys are named a"));
    *list = 0;
    for (int i = 0; i <= JWT_MAX_KEYS; i++)
        sprintf(list + strlen(list), "%s,", p256);
    CHECK(strstr(why_not("ES256", list), "more than 16 keys"));
    unlink(p256);
}

TEST(jwt_secrets, "what is wrong with a secret is told without the secret")
{
    const char *path = file_with("short-secret", 12);

    CHECK(strstr(why_not("HS256", path), "a secret of 12 bytes is too short"));
    CHECK(!strstr(why_not("HS256", path), "short-secret"));
    CHECK(strstr(why_not("HS256", "hex:c0ffee"), "the secret: a secret of 3 bytes"));
    CHECK(!strstr(why_not("HS256", "hex:c0ffee"), "c0ffee"));
    CHECK(strstr(why_not("HS256", "hex:c0ffe"), "an even number"));
    CHECK(!strstr(why_not("HS256", "a=hex:zzffee"), "zz"));
    unlink(path);
}
