/* SPDX-License-Identifier: MIT */
/*
 * conn_source - who is at the other end of a connection, and whether there is
 * room for one more of them.
 *
 * The peer is the socket's address, or what a PROXY header says. Where it is a
 * trusted proxy, X-Forwarded-For and X-Forwarded-Proto of each request tell the
 * client behind it; from anybody else they are just headers. The limits of an
 * address are those of the client: a connection of its own counts when it comes,
 * one through a trusted proxy when it becomes a WebSocket, because a proxy sends
 * the requests of many over one connection.
 *
 * Whatever is refused here has not been read beyond its head.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clk.h"
#include "base/logger.h"
#include "net/conn_impl.h"
#include "proto/proxy_header.h"

static bool is_trusted(const struct edge_limits *l, const struct ip *ip)
{
    for (size_t i = 0; i < l->n_trusted; i++)
        if (ip_net_holds(&l->trusted[i], ip))
            return true;
    return false;
}

static void set_client(struct conn *c, const struct ip *ip)
{
    c->client = *ip;
    c->is_loopback = ip_is_loopback(ip);
}

static void set_peer(struct conn *c, const struct ip *ip)
{
    c->peer = *ip;
    c->is_trusted = is_trusted(&c->edge->limits, ip);
    set_client(c, ip);
}

void conn_note_peer(struct conn *c, const struct sockaddr_storage *from)
{
    const struct sockaddr_in6 *six = (const void *)from;
    const struct sockaddr_in *four = (const void *)from;
    struct ip ip = from->ss_family == AF_INET6
                       ? ip_from_v6(six->sin6_addr.s6_addr)
                       : ip_from_v4((const uint8_t *)&four->sin_addr.s_addr);

    set_peer(c, &ip);
}

/* One more connection of its client. Loopback is exempt unless configured, and so
 * is a trusted proxy itself. */
static enum limits_verdict count_client(struct conn *c)
{
    const struct edge_limits *l = &c->edge->limits;

    if ((c->is_loopback && !l->limit_loopback) || is_trusted(l, &c->client))
        return LIMITS_OK;
    enum limits_verdict v = limits_enter(c->edge->share->addresses, &c->share, &c->client,
                                         l->conns_per_address, l->conns, clk_now_us());
    if (v != LIMITS_OK) {
        c->edge->counters.refused++;
        logger_debug("net", "%s: too many connections, refused", conn_address(c));
    }
    return v;
}

void conn_enter(struct conn *c)
{
    switch (count_client(c)) {
    case LIMITS_OK: c->edge->counters.accepted++; break;
    case LIMITS_FULL:
        if (c->tls) /* a handshake just to say no would be too much */
            conn_abort(c);
        else
            conn_http_fail(c, 429, "too many connections from your address");
        break;
    /* An answer holds a descriptor for as long as the peer likes to read it. */
    case LIMITS_HASTY:
    case LIMITS_MEMORY: conn_abort(c); break;
    }
}

bool conn_may_ask(struct conn *c)
{
    return limits_request(c->edge->share->addresses, c->share, c->edge->limits.requests,
                          clk_now_us());
}

/* The last element of a list, trimmed, which gets shorter by it. */
static struct http_text cut_last(struct http_text *list)
{
    size_t at = list->len;

    while (at > 0 && list->at[at - 1] != ',')
        at--;
    struct http_text last = {list->at + at, list->len - at};
    list->len = at > 0 ? at - 1 : 0;
    return http_text_trim(last);
}

/* From the right, each proxy that we trust vouches for what stands left of it, so
 * the first address that is no trusted proxy is the client. What is no address
 * ends the walk: nobody vouches for what is left of that. */
static struct ip find_client(const struct conn *c)
{
    struct ip client = c->peer, next;

    for (size_t i = http_head_n_headers(c->head); i-- > 0;) {
        const struct http_header *h = http_head_header(c->head, i);
        struct http_text list = h->value;
        if (!http_text_is_nocase(h->name, "x-forwarded-for"))
            continue;
        do {
            struct http_text last = cut_last(&list);
            if (!ip_parse_node(&next, last.at, last.len))
                return client;
            client = next;
            if (!is_trusted(&c->edge->limits, &client))
                return client;
        } while (list.len > 0);
    }
    return client;
}

/* How the client reached the nearest proxy; where there are several words, the
 * last is that proxy's. */
static enum conn_scheme find_scheme(const struct conn *c)
{
    for (size_t i = http_head_n_headers(c->head); i-- > 0;) {
        const struct http_header *h = http_head_header(c->head, i);
        struct http_text list = h->value, last;
        if (!http_text_is_nocase(h->name, "x-forwarded-proto"))
            continue;
        last = cut_last(&list);
        if (http_text_is_nocase(last, "https") || http_text_is_nocase(last, "wss"))
            return SCHEME_HTTPS;
        if (http_text_is_nocase(last, "http") || http_text_is_nocase(last, "ws"))
            return SCHEME_HTTP;
        return SCHEME_UNKNOWN;
    }
    return SCHEME_UNKNOWN;
}

bool conn_note_request(struct conn *c)
{
    if (!c->is_trusted)
        return true;
    struct ip client = find_client(c);
    set_client(c, &client);
    c->scheme =
        (uint8_t)find_scheme(c); /* its TLS with us says nothing about the client's */
    if (!http_head_wants_upgrade(c->head) || count_client(c) == LIMITS_OK)
        return true;
    conn_reply_error(c, 429, "Retry-After: 5\r\n",
                     "too many connections from your address");
    return false;
}

/* Looks at the bytes where they lie and takes only the header's out of the socket:
 * what follows may be TLS, which is conn_io's to read. */
void conn_read_proxy(struct conn *c)
{
    uint8_t bytes[PROXY_MAX_BYTES];
    size_t used = 0;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        conn_abort(c);
        return;
    }
    enum proxy_result r = proxy_header_feed(c->proxy, bytes, (size_t)n, &used);
    if (r < 0 || recv(c->fd, bytes, used, 0) != (ssize_t)used) {
        c->edge->counters.protocol_errors++;
        logger_debug("net", "%s: no valid PROXY header, dropped", conn_address(c));
        conn_abort(c);
        return;
    }
    c->edge->counters.bytes_in += used;
    if (r == PROXY_MORE)
        return;
    if (c->proxy->has_client)
        set_peer(c, &c->proxy->client);
    free(c->proxy);
    c->proxy = NULL;
    conn_enter(c);
}

void conn_await_proxy(struct conn *c)
{
    const struct edge_limits *l = &c->edge->limits;

    if (l->n_trusted > 0 && !c->is_trusted) {
        c->edge->counters.refused++;
        logger_debug("net", "%s: is no trusted proxy, dropped", conn_address(c));
        conn_abort(c);
        return;
    }
    if (!(c->proxy = malloc(sizeof *c->proxy))) {
        conn_abort(c);
        return;
    }
    proxy_header_init(c->proxy);
    conn_update_poll(c);
}

const char *conn_scheme(const struct conn *c)
{
    static const char *const names[] = {NULL, "http", "https"};

    return names[c->scheme];
}
