/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"

/* One connection with a request, so that a ticket has come; was it resumed? The
 * session for the next one goes to *session. */
static bool resume(struct rig *r, SSL_CTX *ctx, SSL_SESSION **session)
{
    SSL *ssl = SSL_new(ctx);
    int result;

    SSL_set_fd(ssl, rig_connect(r));
    if (*session)
        SSL_set_session(ssl, *session);
    SSL_SESSION_free(*session);
    TLS_DO(r, ssl, result, SSL_connect(ssl));
    CHECK_EQ(result, 1);
    tls_send(r, ssl, TLS_HELLO, strlen(TLS_HELLO));
    tls_expect(r, ssl, TLS_HELLO_REPLY);
    bool is_resumed = SSL_session_reused(ssl) == 1;
    *session = SSL_get1_session(ssl);
    /* A session that is cut off may not be resumed in TLS 1.2. */
    SSL_shutdown(ssl);
    tls_end(ssl);
    return is_resumed;
}

TEST(tls_ticket, "a ticket resumes, with new certificates too and when the key has been "
                 "replaced once, but not twice")
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    const uint32_t half_day_ms = 12 * 3600 * 1000;
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *ctx = tls_client();
        SSL_SESSION *s = NULL, *old;
        char folder[64];
        struct rig r;

        tls_rig_init(&r, folder, NULL);
        rig_stop_clock();
        SSL_CTX_set_max_proto_version(ctx, versions[v]);
        CHECK(!resume(&r, ctx, &s));
        CHECK(resume(&r, ctx, &s));
        tls_make(folder, "new", "DNS:a.test", -60, DAY_S, 0);
        tls_use(&r, folder, "new");
        CHECK(resume(&r, ctx, &s));
        old = SSL_SESSION_dup(s);
        rig_later(&r, half_day_ms + 1);
        CHECK(resume(&r, ctx, &s));
        rig_later(&r, half_day_ms + 1);
        CHECK(resume(&r, ctx, &s)); /* it had been given a newer one */
        CHECK(!resume(&r, ctx, &old));
        SSL_SESSION_free(s);
        SSL_SESSION_free(old);
        SSL_CTX_free(ctx);
        tls_rig_fini(&r, folder);
    }
}
