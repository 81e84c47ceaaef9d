/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/ip.h"

static bool parse(struct ip *ip, const char *text, bool is_node)
{
    size_t len = strlen(text);
    uint8_t *at = unit_guarded(text, len);
    bool ok = is_node ? ip_parse_node(ip, (char *)at, len) : ip_parse(ip, (char *)at, len);

    unit_guarded_free(at, len);
    return ok;
}

TEST(ip_text, "addresses are read and written, IPv4 inside IPv6 as IPv4")
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } cases[] = {
        {"203.0.113.7",                              "203.0.113.7"},
        {"::1",                                      "::1"        },
        {"2001:DB8:0::0001",                         "2001:db8::1"},
        {"::ffff:203.0.113.7",                       "203.0.113.7"},
        {"",                                         NULL         },
        {"203.0.113",                                NULL         },
        {"203.0.113.256",                            NULL         },
        {"203.0.113.7 ",                             NULL         },
        {"203.0.113.7:80",                           NULL         },
        {"[::1]",                                    NULL         },
        {"localhost",                                NULL         },
        {"1:2:3:4:5:6:7:8:9",                        NULL         },
        {"1111:2222:3333:4444:5555:6666:7777:88888", NULL         },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IP_TEXT_BYTES];
        struct ip ip;
        CHECK_EQ(parse(&ip, cases[i].in, false), cases[i].out != NULL);
        if (!cases[i].out)
            continue;
        ip_format(&ip, text);
        CHECK_STR(text, cases[i].out);
    }
    struct ip ip;
    CHECK(!ip_parse(&ip, "1.2.3.4\0x", 9));
}

TEST(ip_node, "an address may carry a port where proxies list it")
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"203.0.113.7",        "203.0.113.7"},
        {"203.0.113.7:8080",   "203.0.113.7"},
        {"2001:db8::1",        "2001:db8::1"},
        {"[2001:db8::1]",      "2001:db8::1"},
        {"[2001:db8::1]:8080", "2001:db8::1"},
        {"",                   NULL         },
        {"unknown",            NULL         },
        {"_hidden",            NULL         },
        {"203.0.113.7:",       NULL         },
        {"203.0.113.7:x",      NULL         },
        {"203.0.113.7:123456", NULL         },
        {"[203.0.113.7]",      NULL         },
        {"[2001:db8::1",       NULL         },
        {"[]",                 NULL         },
        {"[",                  NULL         },
        {"[2001:db8::1]8080",  NULL         },
        {"[2001:db8::1]:",     NULL         },
        {":80",                NULL         },
        {"\"203.0.113.7\"",    NULL         },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[IP_TEXT_BYTES];
        struct ip ip;
        CHECK_EQ(parse(&ip, cases[i].in, true), cases[i].out != NULL);
        if (!cases[i].out)
            continue;
        ip_format(&ip, text);
        CHECK_STR(text, cases[i].out);
    }
}

TEST(ip_loopback, "127.0.0.0/8 and ::1 are this machine, nothing else is")
{
    static const char *const yes[] = {"127.0.0.1", "127.255.0.3", "::1",
                                      "::ffff:127.0.0.1"};
    static const char *const no[] = {"128.0.0.1", "126.0.0.1", "::2", "::", "7f00::1"};
    struct ip ip;

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(parse(&ip, yes[i], false) && ip_is_loopback(&ip));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(parse(&ip, no[i], false) && !ip_is_loopback(&ip));
}

static bool parse_net(struct ip_net *net, const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = unit_guarded(text, len);
    bool ok = ip_net_parse(net, (char *)at, len);

    unit_guarded_free(at, len);
    return ok;
}

TEST(ip_net_members, "a network holds the addresses that begin like it")
{
    static const struct {
        const char *net, *ip;
        bool holds;
    } cases[] = {
        {"10.0.0.0/8",      "10.255.0.1",      true },
        {"10.0.0.0/8",      "11.0.0.1",        false},
        {"192.168.4.0/22",  "192.168.7.255",   true },
        {"192.168.4.0/22",  "192.168.8.0",     false},
        {"192.168.4.0/22",  "192.168.3.255",   false},
        {"203.0.113.7",     "203.0.113.7",     true },
        {"203.0.113.7",     "203.0.113.6",     false},
        {"203.0.113.7/32",  "203.0.113.7",     true },
        {"0.0.0.0/0",       "203.0.113.7",     true },
        {"0.0.0.0/0",       "2001:db8::1",     false},
        {"::/0",            "2001:db8::1",     true },
        {"2001:db8::/33",   "2001:db8:7::1",   true },
        {"2001:db8::/33",   "2001:db8:8000::", false},
        {"2001:db8::1",     "2001:db8::1",     true },
        {"2001:db8::1/128", "2001:db8::2",     false},
        {"::ffff:0:0/96",   "203.0.113.7",     true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_net net;
        struct ip ip;
        CHECK(parse_net(&net, cases[i].net));
        CHECK(parse(&ip, cases[i].ip, false));
        CHECK_EQ(ip_net_holds(&net, &ip), cases[i].holds);
    }
}

TEST(ip_net_refused, "networks that are not written as one are refused")
{
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/8/8",
        "10.0.0.0/x",
        "10.0.0.0/-1",
        "10.0.0.0/0008",
        "10.0.0.1/8",
        "2001:db8::/129",
        "2001:db8::1/64",
        "localhost",
        "10.0.0.0/8 ",
    };
    struct ip_net net;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!parse_net(&net, bad[i]));
}
