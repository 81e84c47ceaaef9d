/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "server/net_limits.h"

/* Settings with one key set; 0 or the error. */
static int read_with(struct net_limits *out, const char *key, const char *value,
                     struct err *e)
{
    static struct config c; /* some 10 KB */

    config_init(&c);
    CHECK_EQ(config_set(&c, key, value, CONFIG_FLAG, e), 0);
    int r = net_limits_read(out, &c, e);
    config_fini(&c);
    return r;
}

TEST(net_limits_defaults, "the defaults of the settings are those of the edge")
{
    static struct config c;
    struct net_limits l = {0};
    struct err e;
    const struct edge_limits *d = &edge_limits_default;

    config_init(&c);
    CHECK_EQ(net_limits_read(&l, &c, &e), 0);
    CHECK_EQ(l.edge.max_conns, d->max_conns);
    CHECK_EQ(l.edge.dead_ms, d->dead_ms);
    CHECK_EQ(l.edge.stuck_ms, d->stuck_ms);
    CHECK_EQ(l.edge.max_out_bytes, d->max_out_bytes);
    CHECK_EQ(l.edge.conns_per_address, d->conns_per_address);
    CHECK_MEM(&l.edge.conns, &d->conns, sizeof d->conns);
    CHECK_MEM(&l.edge.messages, &d->messages, sizeof d->messages);
    CHECK_MEM(&l.edge.bytes, &d->bytes, sizeof d->bytes);
    CHECK_EQ(l.edge.flood_ms, d->flood_ms);
    CHECK(!l.edge.limit_loopback && !l.edge.proxy_protocol);
    CHECK(l.has_deflate);
    CHECK_EQ(l.edge.deflate.level, ws_deflate_tuning_default.level);
    CHECK_EQ(l.edge.deflate.min_bytes, ws_deflate_tuning_default.min_bytes);
    CHECK_EQ(l.edge.deflate.max_bytes, ws_deflate_tuning_default.max_bytes);
    CHECK_EQ(d->deflate.level, ws_deflate_tuning_default.level);
    CHECK_EQ(d->deflate.min_bytes, ws_deflate_tuning_default.min_bytes);
    CHECK_EQ(d->deflate.max_bytes, ws_deflate_tuning_default.max_bytes);
    CHECK_MEM(&l.deflate, &ws_deflate_policy_default, sizeof l.deflate);
    CHECK_EQ(l.edge.n_trusted, 0);
    config_fini(&c);
}

TEST(net_limits_trusted, "trusted_proxies is a list of networks with commas or spaces")
{
    struct net_limits l;
    struct err e;
    struct ip ip;

    CHECK_EQ(read_with(&l, "trusted_proxies", " 10.0.0.0/8,2001:db8::/32 , 127.0.0.1", &e),
             0);
    CHECK_EQ(l.edge.n_trusted, 3);
    CHECK(l.edge.trusted == l.trusted);
    CHECK(ip_parse(&ip, "10.9.8.7", 8) && ip_net_holds(&l.trusted[0], &ip));
    CHECK(ip_parse(&ip, "2001:db8::1", 11) && ip_net_holds(&l.trusted[1], &ip));
    CHECK(ip_parse(&ip, "127.0.0.1", 9) && ip_net_holds(&l.trusted[2], &ip));
    CHECK_EQ(read_with(&l, "trusted_proxies", "", &e), 0);
    CHECK_EQ(l.edge.n_trusted, 0);
    CHECK(read_with(&l, "trusted_proxies", "10.0.0.0/8, proxy.example", &e) < 0);
    CHECK(strstr(e.text, "trusted_proxies: proxy.example ") != NULL);
    CHECK(read_with(&l, "trusted_proxies", "10.0.0.1/8", &e) < 0);
}

TEST(net_limits_many, "more networks than there is room for are refused")
{
    char list[CONFIG_TEXT_MAX + 1] = "";
    struct net_limits l;
    struct err e;

    for (int i = 0; i < NET_LIMITS_MAX_TRUSTED; i++)
        strcat(list, "10.0.0.1 ");
    CHECK_EQ(read_with(&l, "trusted_proxies", list, &e), 0);
    strcat(list, "10.0.0.1");
    CHECK(read_with(&l, "trusted_proxies", list, &e) < 0);
    CHECK(strstr(e.text, "64") != NULL);
}

TEST(net_limits_base, "base_path is a path that can stand in a redirect as it is")
{
    static const char *const good[] = {"", "/games", "/a/b-c/d_e~f.g", "/1"};
    static const char *const bad[] = {"games",  "/",         "/games/", "//games", "/a//b",
                                      "/a b",   "/a%20",     "/..",     "/a/../b", "/.a",
                                      "/a\r\n", "/\xc3\xa4", "/a?b",    "/a#b"};
    struct net_limits l;
    struct err e;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK_EQ(read_with(&l, "base_path", good[i], &e), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(read_with(&l, "base_path", bad[i], &e) < 0);
}

TEST(net_limits_deflate, "each setting of permessage-deflate ends where it is meant to")
{
    struct net_limits l;
    struct err e;

    CHECK_EQ(read_with(&l, "deflate_level", "0", &e), 0);
    CHECK(!l.has_deflate);
    CHECK_EQ(l.edge.deflate.level, 4); /* one that zlib knows */
    CHECK_EQ(read_with(&l, "deflate_level", "9", &e), 0);
    CHECK(l.has_deflate);
    CHECK_EQ(l.edge.deflate.level, 9);
    CHECK_EQ(read_with(&l, "deflate_bits", "15", &e), 0);
    CHECK_EQ(l.deflate.server_max_window_bits, 15);
    CHECK_EQ(l.deflate.client_max_window_bits, 12);
    CHECK_EQ(read_with(&l, "deflate_client_bits", "9", &e), 0);
    CHECK_EQ(l.deflate.client_max_window_bits, 9);
    CHECK_EQ(read_with(&l, "deflate_context", "1", &e), 0);
    CHECK(l.deflate.server_context && !l.deflate.client_context);
    CHECK_EQ(read_with(&l, "deflate_client_context", "1", &e), 0);
    CHECK(l.deflate.client_context && !l.deflate.server_context);
    CHECK_EQ(read_with(&l, "deflate_min", "1", &e), 0);
    CHECK_EQ(l.edge.deflate.min_bytes, 1);
    CHECK_EQ(read_with(&l, "deflate_max", "5000", &e), 0);
    CHECK_EQ(l.edge.deflate.max_bytes, 5000);
}
