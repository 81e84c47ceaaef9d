/* SPDX-License-Identifier: MIT */
#include "server/net_limits.h"

#include <errno.h>
#include <string.h>

/* Networks with commas or spaces between them. */
static int read_trusted(struct net_limits *out, const char *list, struct err *e)
{
    static const char between[] = ", ";

    for (const char *at = list + strspn(list, between); *at;) {
        size_t len = strcspn(at, between);
        if (out->edge.n_trusted == NET_LIMITS_MAX_TRUSTED)
            return err_set(e, -EINVAL, "trusted_proxies: more than %d",
                           NET_LIMITS_MAX_TRUSTED);
        if (!ip_net_parse(&out->trusted[out->edge.n_trusted++], at, len))
            return err_set(e, -EINVAL,
                           "trusted_proxies: %.*s is no network, such as 10.0.0.0/8 or "
                           "2001:db8::/32, nor an address",
                           (int)len, at);
        at += len;
        at += strspn(at, between);
    }
    out->edge.trusted = out->trusted;
    return 0;
}

/* "" or "/games" or "/a/b": it stands in redirects as it is, so nothing that would
 * have to be escaped there. */
static bool is_base_path(const char *path)
{
    size_t len = strlen(path);

    if (len == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        char ch = path[i];
        bool is_plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                        (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '~' ||
                        (ch == '.' && i > 0 && path[i - 1] != '/');
        if (ch == '/' ? i > 0 && path[i - 1] == '/' : !is_plain)
            return false;
    }
    return path[0] == '/' && path[len - 1] != '/';
}

/* Level 0 turns it off; the edge's compressors want a level that exists. */
static void read_deflate(struct net_limits *out, const struct config *c)
{
    out->has_deflate = c->deflate_level > 0;
    if (out->has_deflate)
        out->edge.deflate.level = (uint8_t)c->deflate_level;
    out->edge.deflate.min_bytes = c->deflate_min;
    out->edge.deflate.max_bytes = c->deflate_max;
    out->deflate = (struct ws_deflate_policy){
        .server_context = c->deflate_context,
        .client_context = c->deflate_client_context,
        .server_max_window_bits = (uint8_t)c->deflate_bits,
        .client_max_window_bits = (uint8_t)c->deflate_client_bits,
    };
}

int net_limits_read(struct net_limits *out, const struct config *c, struct err *e)
{
    struct edge_limits *l = &out->edge;

    *l = edge_limits_default;
    l->http.max_head = c->max_head;
    l->http.max_target = c->max_target;
    l->http.max_headers = c->max_headers;
    l->http.max_body = c->max_body;
    l->head_ms = c->head_ms;
    l->keep_alive_ms = c->keep_alive_ms;
    l->close_ms = c->close_ms;
    l->ping_ms = c->ping_ms;
    l->dead_ms = c->dead_ms;
    l->stuck_ms = c->stuck_ms;
    l->max_conns = c->max_conns;
    l->max_out_bytes = c->max_out;
    l->high_water = c->high_water;
    l->conns_per_address = c->conns_per_address;
    l->conns = (struct limits_rate){c->conn_rate, c->conn_burst};
    l->requests = (struct limits_rate){c->http_rate, c->http_burst};
    l->limit_loopback = c->limit_loopback;
    l->messages = (struct limits_rate){c->message_rate, c->message_burst};
    l->bytes = (struct limits_rate){c->byte_rate, c->byte_burst};
    l->flood_ms = c->flood_ms;
    l->proxy_protocol = c->proxy_protocol;
    read_deflate(out, c);
    if (!is_base_path(c->base_path))
        return err_set(e, -EINVAL,
                       "base_path: %s is no path such as /games (no slash at its end, "
                       "only letters, digits and -_.~)",
                       c->base_path);
    return read_trusted(out, c->trusted_proxies, e);
}
