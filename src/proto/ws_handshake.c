/* SPDX-License-Identifier: MIT */
#include "proto/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

enum {
    KEY_BYTES = 24,   /* 16 bytes in base64 */
    KEY_LETTERS = 22, /* … of which the last two are '=' */
    MAX_OFFERS = 64,  /* finding repeats compares each with each */
};

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_key(struct http_text key)
{
    if (key.len != KEY_BYTES || memcmp(key.at + KEY_LETTERS, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < KEY_LETTERS; i++)
        if (!is_letter_or_digit(key.at[i]) && key.at[i] != '+' && key.at[i] != '/')
            return false;
    return true;
}

/* RFC 6455 4.2.2: base64 of the SHA-1 of the key and a fixed GUID. */
static void make_accept(struct http_text key, char accept[WS_ACCEPT_BYTES + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char text[KEY_BYTES + sizeof guid - 1], digest[SHA_DIGEST_LENGTH];

    memcpy(text, key.at, KEY_BYTES);
    memcpy(text + KEY_BYTES, guid, sizeof guid - 1);
    SHA1(text, sizeof text, digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
}

int ws_handshake_check(const struct http_head *h, char accept[WS_ACCEPT_BYTES + 1],
                       const char **why)
{
    size_t n;

    if (!http_text_is(http_head_method(h), "GET")) {
        *why = "a WebSocket handshake is a GET";
        return 405;
    }
    if (!http_head_wants_upgrade(h)) {
        *why = "this is a WebSocket endpoint";
        return 426;
    }
    if (http_head_minor_version(h) == 0) {
        *why = "a WebSocket handshake needs HTTP/1.1";
        return 400;
    }
    struct http_text version = http_head_find(h, "sec-websocket-version", &n);
    if (n != 1 || !http_text_is(version, "13")) {
        *why = "Sec-WebSocket-Version must be 13";
        return 426;
    }
    struct http_text key = http_head_find(h, "sec-websocket-key", &n);
    if (n != 1 || !is_key(key)) {
        *why = "Sec-WebSocket-Key must be there once, 16 bytes in base64";
        return 400;
    }
    if (!ws_handshake_offers_are_valid(h)) {
        *why = "Sec-WebSocket-Protocol must be a list of different tokens";
        return 400;
    }
    make_accept(key, accept);
    *why = NULL;
    return 0;
}

static bool is_offer_header(const struct http_header *header)
{
    return http_text_is_nocase(header->name, "sec-websocket-protocol");
}

bool ws_handshake_offers_are_valid(const struct http_head *h)
{
    struct http_text seen[MAX_OFFERS];
    size_t n = 0;

    for (size_t i = 0; i < http_head_n_headers(h); i++) {
        const struct http_header *header = http_head_header(h, i);
        struct http_text rest = header->value, offer;
        if (!is_offer_header(header))
            continue;
        while (http_text_next(&rest, &offer)) {
            if (!http_text_is_token(offer) || n == MAX_OFFERS)
                return false;
            for (size_t k = 0; k < n; k++)
                if (seen[k].len == offer.len &&
                    memcmp(seen[k].at, offer.at, offer.len) == 0)
                    return false;
            seen[n++] = offer;
        }
    }
    return true;
}

bool ws_handshake_offers(const struct http_head *h, const char *subprotocol)
{
    for (size_t i = 0; i < http_head_n_headers(h); i++) {
        const struct http_header *header = http_head_header(h, i);
        struct http_text rest = header->value, offer;
        if (!is_offer_header(header))
            continue;
        while (http_text_next(&rest, &offer))
            if (http_text_is(offer, subprotocol))
                return true;
    }
    return false;
}

/* host[:port] without the port that the scheme implies. */
static struct http_text without_default_port(struct http_text host, const char *port)
{
    size_t len = strlen(port);

    if (host.len > len && memcmp(host.at + host.len - len, port, len) == 0)
        host.len -= len;
    return host;
}

bool ws_handshake_is_same_origin(const struct http_head *h)
{
    size_t n;
    struct http_text origin = http_head_find(h, "origin", &n);
    bool secure = http_text_starts_nocase(origin, "https://");
    const char *port = secure ? ":443" : ":80";
    size_t scheme_bytes = strlen(secure ? "https://" : "http://");

    if (n == 0)
        return true;
    if (n > 1 || !(secure || http_text_starts_nocase(origin, "http://")))
        return false;
    origin.at += scheme_bytes;
    origin.len -= scheme_bytes;
    return http_text_is_host(origin) &&
           http_text_equals_nocase(without_default_port(origin, port),
                                   without_default_port(http_head_host(h), port));
}
