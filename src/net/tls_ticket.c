/* SPDX-License-Identifier: MIT */
/*
 * tls_ticket - session tickets: what a server would have to remember of a session
 * goes to the client, sealed with a key of ours.
 *
 * Who has the key can read recorded TLS 1.2 sessions, so it never leaves the
 * memory and is replaced after 12 hours; the one before is kept for as long again,
 * which is how long a ticket is good for.
 *
 * Thread: any; a lock guards the keys, for a moment a handshake.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "base/clk.h"
#include "net/tls_impl.h"

enum { NAME_BYTES = 16, KEY_BYTES = 32, LIFE_S = 12 * 3600 };

struct ticket_key {
    unsigned char name[NAME_BYTES];
    unsigned char aes[KEY_BYTES], hmac[KEY_BYTES];
    uint64_t made_us;
    bool is_there;
};

static struct {
    pthread_mutex_t lock;
    struct ticket_key now, before;
} keys = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Lazily, so that no timer is needed: a key that nobody asked for in time is as good
 * as one that was replaced in time. */
static bool rotate(void)
{
    uint64_t now_us = clk_now_us(), age_us = now_us - keys.now.made_us;
    uint64_t life_us = (uint64_t)LIFE_S * 1000000;
    struct ticket_key fresh = {.made_us = now_us, .is_there = true};

    if (keys.now.is_there && age_us < life_us)
        return true;
    if (RAND_bytes(fresh.name, sizeof fresh.name) != 1 ||
        RAND_priv_bytes(fresh.aes, sizeof fresh.aes) != 1 ||
        RAND_priv_bytes(fresh.hmac, sizeof fresh.hmac) != 1)
        return false;
    keys.before = keys.now;
    if (age_us >= 2 * life_us)
        keys.before.is_there = false;
    keys.now = fresh;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

static bool is_named(const struct ticket_key *k, const unsigned char *name)
{
    return k->is_there && memcmp(k->name, name, NAME_BYTES) == 0;
}

/* The key to seal with, or the one that a ticket names. 0: none, 1: the present
 * one, 2: one that is going out of use; -1: no randomness. */
static int pick(struct ticket_key *out, const unsigned char *name)
{
    int r = 0;

    pthread_mutex_lock(&keys.lock);
    if (!rotate())
        r = -1;
    else if (!name || is_named(&keys.now, name))
        r = 1;
    else if (is_named(&keys.before, name))
        r = 2;
    if (r > 0)
        *out = r == 1 ? keys.now : keys.before;
    pthread_mutex_unlock(&keys.lock);
    return r;
}

/* OpenSSL asks: seal a new ticket (`seals`), or open one that a client brought. A
 * negative answer ends the handshake, 0 goes on without a ticket, 2 says that the
 * client should be given a new one. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
    static char digest[] = "SHA256";
    struct ticket_key k;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.hmac, sizeof k.hmac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    int r = pick(&k, seals ? NULL : name);

    (void)ssl;
    if (r <= 0)
        return seals ? 0 : r;
    if (seals) {
        memcpy(name, k.name, NAME_BYTES);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            r = -1;
    }
    if (r > 0 &&
        (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv, seals) != 1 ||
         EVP_MAC_CTX_set_params(mac, params) != 1))
        r = -1;
    OPENSSL_cleanse(&k, sizeof k);
    return r;
}

void tls_ticket_use(SSL_CTX *ctx)
{
    static const unsigned char id[] = "parlor";

    /* Tickets only: nothing about a session is kept here. One is enough, because
     * each resumption brings another. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_timeout(ctx, LIFE_S);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
