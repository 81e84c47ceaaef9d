/* SPDX-License-Identifier: MIT */
#include "proto/ws_deflate_offer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MIN_BITS = 8, MAX_BITS = 15 };

const struct ws_deflate_policy ws_deflate_policy_default = {
    .server_context = false,
    .client_context = false,
    .server_max_window_bits = 12,
    .client_max_window_bits = 12,
};

/* One extension of the list while it is read. */
struct offer {
    bool is_deflate; /* the name says so */
    bool is_bad;     /* a parameter that may not be there */
    bool server_no_context, client_no_context;
    uint8_t server_bits; /* 0: not there */
    bool has_client_bits;
    uint8_t client_bits; /* 0: not there, or without a value */
};

/* The value of a parameter, without quotes and escapes. No good value is longer
 * than two bytes, so of a longer one only the length matters. */
struct value {
    bool is_there;
    size_t len;
    char text[2];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct http_text *rest)
{
    while (rest->len && is_blank(*rest->at)) {
        rest->at++;
        rest->len--;
    }
}

/* Blanks, and then the character `c`? Blanks may stand between any two parts
 * (the "implied *LWS" of RFC 2616 2.1, which RFC 6455 4.3 keeps). */
static bool eat(struct http_text *rest, char c)
{
    skip_blanks(rest);
    if (!rest->len || *rest->at != c)
        return false;
    rest->at++;
    rest->len--;
    return true;
}

static bool read_token(struct http_text *rest, struct http_text *token)
{
    skip_blanks(rest);
    *token = (struct http_text){rest->at, 0};
    while (token->len < rest->len &&
           http_text_is_token((struct http_text){rest->at + token->len, 1}))
        token->len++;
    rest->at += token->len;
    rest->len -= token->len;
    return token->len > 0;
}

static void put_value(struct value *v, char c)
{
    if (v->len < sizeof v->text)
        v->text[v->len] = c;
    v->len++;
}

/* What follows the '='. A quoted value must be a token once it is unescaped
 * (RFC 6455 9.1), so an empty one is malformed as well. */
static bool read_value(struct http_text *rest, struct value *v)
{
    struct http_text token;

    v->is_there = true;
    if (!eat(rest, '"')) {
        if (!read_token(rest, &token))
            return false;
        for (size_t i = 0; i < token.len; i++)
            put_value(v, token.at[i]);
        return true;
    }
    while (rest->len && *rest->at != '"') {
        if (*rest->at == '\\') {
            rest->at++;
            rest->len--;
        }
        if (!rest->len || !http_text_is_token((struct http_text){rest->at, 1}))
            return false;
        put_value(v, *rest->at);
        rest->at++;
        rest->len--;
    }
    return eat(rest, '"') && v->len > 0;
}

/* 8-15 in decimal without leading zeros (7.1.2), or 0. */
static uint8_t window_bits(const struct value *v)
{
    if (v->len == 1 && (v->text[0] == '8' || v->text[0] == '9'))
        return (uint8_t)(v->text[0] - '0');
    if (v->len == 2 && v->text[0] == '1' && v->text[1] >= '0' && v->text[1] <= '5')
        return (uint8_t)(10 + v->text[1] - '0');
    return 0;
}

static bool take_flag(bool *flag, const struct value *v)
{
    bool is_good = !*flag && !v->is_there;

    *flag = true;
    return is_good;
}

static bool take_client_bits(struct offer *o, const struct value *v)
{
    bool is_repeated = o->has_client_bits;

    o->has_client_bits = true;
    o->client_bits = window_bits(v);
    return !is_repeated && (!v->is_there || o->client_bits);
}

static bool take_server_bits(struct offer *o, const struct value *v)
{
    bool is_repeated = o->server_bits;

    o->server_bits = window_bits(v);
    return !is_repeated && o->server_bits;
}

/* A parameter of permessage-deflate; false: this offer is to be declined. */
static bool take_param(struct offer *o, struct http_text name, const struct value *v)
{
    if (http_text_is(name, "server_no_context_takeover"))
        return take_flag(&o->server_no_context, v);
    if (http_text_is(name, "client_no_context_takeover"))
        return take_flag(&o->client_no_context, v);
    if (http_text_is(name, "server_max_window_bits"))
        return take_server_bits(o, v);
    if (http_text_is(name, "client_max_window_bits"))
        return take_client_bits(o, v);
    return false;
}

/* One extension with its parameters; false: malformed. */
static bool read_offer(struct http_text *rest, struct offer *o)
{
    struct http_text name;

    *o = (struct offer){0};
    if (!read_token(rest, &name))
        return false;
    o->is_deflate = http_text_is(name, "permessage-deflate");
    while (eat(rest, ';')) {
        struct value v = {0};
        if (!read_token(rest, &name) || (eat(rest, '=') && !read_value(rest, &v)))
            return false;
        if (o->is_deflate && !take_param(o, name, &v))
            o->is_bad = true;
    }
    return true;
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* What an offer becomes under our policy, and how it is answered (7.1). */
static void accept(const struct offer *o, const struct ws_deflate_policy *policy,
                   struct ws_deflate_params *params, char *answer)
{
    int n = snprintf(answer, WS_DEFLATE_ANSWER_BYTES, "permessage-deflate");

    /* Both flags may be answered without having been offered (7.1.1). Repeating
     * the client's own turns its hint into a promise. */
    params->server_no_context_takeover = o->server_no_context || !policy->server_context;
    params->client_no_context_takeover = o->client_no_context || !policy->client_context;
    if (params->server_no_context_takeover)
        n += snprintf(answer + n, WS_DEFLATE_ANSWER_BYTES - (size_t)n,
                      "; server_no_context_takeover");
    if (params->client_no_context_takeover)
        n += snprintf(answer + n, WS_DEFLATE_ANSWER_BYTES - (size_t)n,
                      "; client_no_context_takeover");

    /* An offered limit for us must be answered with the same or a lower one
     * (7.1.2.1). Unasked we keep to our own silently: Firefox once failed on an
     * answer that it had not asked for. */
    params->server_max_window_bits = policy->server_max_window_bits;
    if (o->server_bits) {
        params->server_max_window_bits =
            lower(o->server_bits, policy->server_max_window_bits);
        n += snprintf(answer + n, WS_DEFLATE_ANSWER_BYTES - (size_t)n,
                      "; server_max_window_bits=%u", params->server_max_window_bits);
    }

    /* The client may only be limited when it says that it understands (7.1.2.2). */
    params->client_max_window_bits = MAX_BITS;
    if (o->has_client_bits) {
        params->client_max_window_bits = lower(o->client_bits ? o->client_bits : MAX_BITS,
                                               policy->client_max_window_bits);
        if (params->client_max_window_bits < MAX_BITS)
            n += snprintf(answer + n, WS_DEFLATE_ANSWER_BYTES - (size_t)n,
                          "; client_max_window_bits=%u", params->client_max_window_bits);
    }
    assert(n < WS_DEFLATE_ANSWER_BYTES);
}

enum ws_deflate_offer ws_deflate_offer_choose(const struct http_head *h,
                                              const struct ws_deflate_policy *policy,
                                              struct ws_deflate_params *params,
                                              char answer[WS_DEFLATE_ANSWER_BYTES])
{
    bool has_header = false, has_element = false, has_choice = false;
    struct offer o, choice = {0};

    assert(policy->server_max_window_bits > MIN_BITS &&
           policy->server_max_window_bits <= MAX_BITS);
    assert(policy->client_max_window_bits > MIN_BITS &&
           policy->client_max_window_bits <= MAX_BITS);
    for (size_t i = 0; i < http_head_n_headers(h); i++) {
        const struct http_header *header = http_head_header(h, i);
        struct http_text rest = header->value;
        if (!http_text_is_nocase(header->name, "sec-websocket-extensions"))
            continue;
        has_header = true;
        do {
            /* Empty elements are to be passed over (RFC 9110 5.6.1.2). */
            skip_blanks(&rest);
            if (!rest.len || *rest.at == ',')
                continue;
            if (!read_offer(&rest, &o))
                return WS_DEFLATE_MALFORMED;
            has_element = true;
            if (!has_choice && o.is_deflate && !o.is_bad) {
                has_choice = true;
                choice = o;
            }
        } while (eat(&rest, ','));
        if (rest.len)
            return WS_DEFLATE_MALFORMED;
    }
    if (has_header && !has_element)
        return WS_DEFLATE_MALFORMED;
    if (!has_choice)
        return WS_DEFLATE_NONE;
    accept(&choice, policy, params, answer);
    return WS_DEFLATE_AGREED;
}
