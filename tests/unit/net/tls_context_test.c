/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"

TEST(tls_versions, "1.0 and 1.1 are refused, and so are ciphers without forward secrecy")
{
    SSL_CTX *ctx = tls_client();
    char folder[64];
    struct rig r;
    SSL *ssl;

    tls_rig_init(&r, folder, NULL);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    for (int version = TLS1_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(ctx, version);
        int result = tls_try(&r, ctx, NULL, &ssl);
        CHECK_EQ(result > 0, version >= TLS1_2_VERSION);
        if (result <= 0)
            CHECK_EQ(tls_alert(), SSL_AD_PROTOCOL_VERSION);
        tls_end(ssl);
    }
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "kRSA:ECDHE+AES+SHA256:!AESGCM");
    CHECK(tls_try(&r, ctx, NULL, &ssl) <= 0);
    CHECK_EQ(tls_alert(), SSL_AD_HANDSHAKE_FAILURE);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_alpn, "http/1.1 is chosen where it is offered; h2 alone gets alert 120")
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
    SSL_CTX *ctx = tls_client();
    const unsigned char *chosen;
    char folder[64];
    struct rig r;
    unsigned n;
    SSL *ssl;

    tls_rig_init(&r, folder, NULL);
    SSL_CTX_set_alpn_protos(ctx, both, sizeof both - 1);
    ssl = tls_connect(&r, ctx, NULL);
    SSL_get0_alpn_selected(ssl, &chosen, &n);
    CHECK_EQ(n, 8);
    CHECK_MEM(chosen, "http/1.1", 8);
    tls_end(ssl);
    SSL_CTX_set_alpn_protos(ctx, h2, sizeof h2 - 1);
    CHECK(tls_try(&r, ctx, NULL, &ssl) <= 0);
    CHECK_EQ(tls_alert(), SSL_AD_NO_APPLICATION_PROTOCOL);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_sni, "the name chooses the certificate: exact before wildcard, the first for "
              "everybody else")
{
    static const struct {
        const char *asks, *gets;
    } cases[] = {
        {"a.test",        "a.test"    },
        {"B.test",        "b.test"    },
        {"x.b.test",      "any.b.test"},
        {"own.b.test",    "own.b.test"},
        {"deep.x.b.test", "a.test"    }, /* a wildcard is one label */
        {"c.test",        "a.test"    },
        {NULL,            "a.test"    },
    };
    char folder[64], paths[6][128];
    struct tls_files files[3];
    struct tls_context *t;
    struct rig r;
    struct err e;
    SSL_CTX *ctx = tls_client();

    tls_rig_init(&r, folder, NULL);
    tls_make(folder, "b", "DNS:b.test,DNS:*.b.test", -60, DAY_S, 0);
    tls_make(folder, "own", "DNS:own.b.test", -60, DAY_S, 0);
    for (int i = 0; i < 3; i++) {
        const char *name = i == 0 ? "a" : i == 1 ? "b" : "own";
        snprintf(paths[2 * i], 128, "%s/%s.pem", folder, name);
        snprintf(paths[2 * i + 1], 128, "%s/%s.key", folder, name);
        files[i] = (struct tls_files){paths[2 * i], paths[2 * i + 1]};
    }
    CHECK_EQ(tls_context_load(&t, files, 3, &e), 0);
    edge_use_tls(r.edge, t);
    tls_context_unref(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SSL *ssl = tls_connect(&r, ctx, cases[i].asks);
        CHECK(tls_is_for(ssl, cases[i].gets));
        /* b's wildcard fits own.b.test as well, but it is not its certificate. */
        if (strcmp(cases[i].gets, "own.b.test") == 0)
            CHECK(!tls_is_for(ssl, "b.test"));
        tls_end(ssl);
    }
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_reload, "new certificates are for new connections; who is there stays")
{
    SSL_CTX *ctx = tls_client();
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    tls_echo(&r, ssl, "before");
    /* One is in the middle of its handshake. */
    int waiting = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 2);
    tls_make(folder, "b", "DNS:b.test", -60, DAY_S, 0);
    tls_use(&r, folder, "b");
    tls_echo(&r, ssl, "after");
    CHECK(tls_is_for(ssl, "a.test"));
    SSL *late = SSL_new(ctx), *fresh = tls_connect(&r, ctx, NULL);
    int result;
    SSL_set_fd(late, waiting);
    SSL_set_tlsext_host_name(late, "a.test"); /* looks into the old certificates */
    TLS_DO(&r, late, result, SSL_connect(late));
    CHECK_EQ(result, 1);
    CHECK(tls_is_for(late, "a.test"));
    CHECK(tls_is_for(fresh, "b.test"));
    tls_end(ssl);
    tls_end(late);
    tls_end(fresh);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}
