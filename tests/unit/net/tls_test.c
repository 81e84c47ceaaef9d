/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"

static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n";
static const char hello_reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: "
                                  "text/plain\r\nX-One: 1\r\n\r\nhello";

/* The certificate that the server gave was made for this name. */
static bool is_for(SSL *ssl, const char *name)
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    bool ok = cert && X509_check_host(cert, name, 0, 0, NULL) == 1;

    X509_free(cert);
    return ok;
}

/* The alert that the server ended a handshake with. */
static int alert_of(void)
{
    unsigned long code = ERR_peek_error();

    return ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET
               ? ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET
               : 0;
}

TEST(tls_files, "a file that is no good is named, with what is wrong")
{
    static const struct {
        const char *cert, *key, *file, *says;
    } cases[] = {
        {"none", "a",      "none.pem",   "cannot be read: No such file"  },
        {"a",    "none",   "none.key",   "cannot be read: No such file"  },
        {"dir",  "a",      "dir.pem",    "cannot be read: Is a directory"},
        {"text", "a",      "text.pem",   "no certificate in PEM form"    },
        {"a",    "text",   "text.key",   "no key that can be read"       },
        {"a",    "locked", "locked.key", "it has a password"             },
        {"a",    "b",      "b.key",      "does not belong to"            },
        {"old",  "old",    "old.pem",    "has expired on"                },
        {"new",  "new",    "new.pem",    "is valid only from"            },
        {"cut",  "a",      "cut.pem",    "certificate 2 in"              },
    };
    char folder[64], command[1024];
    struct tls_context *t;
    struct err e;

    tls_folder(folder);
    tls_make(folder, "a", "DNS:a.test", -60, DAY_S, 0);
    tls_make(folder, "b", "DNS:b.test", -60, DAY_S, 0);
    tls_make(folder, "old", "DNS:a.test", -2 * DAY_S, -DAY_S, 0);
    tls_make(folder, "new", "DNS:a.test", DAY_S, 2 * DAY_S, 0);
    snprintf(command, sizeof command,
             "cd %s && mkdir dir.pem && echo hello >text.pem && echo hello >text.key && "
             "cat a.pem a.pem | head -c -60 >cut.pem && "
             "openssl ec -in a.key -out locked.key -aes128 -passout pass:x 2>/dev/null",
             folder);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(tls_load(&t, folder, "a", "a", &e), 0);
    tls_context_unref(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(tls_load(&t, folder, cases[i].cert, cases[i].key, &e), -EINVAL);
        CHECK(t == NULL);
        CHECK(strstr(e.text, cases[i].file) != NULL);
        CHECK(strstr(e.text, cases[i].says) != NULL);
        CHECK(strchr(e.text, '\n') == NULL);
    }
    tls_folder_end(folder);
}

TEST(tls_self_signed, "a certificate for development is made once, kept unreadable for "
                      "others, and made anew when it is broken")
{
    char folder[64], path[128], first[8192] = {0}, again[8192] = {0};
    struct tls_context *t;
    struct stat st;
    struct rig r;
    struct err e;
    FILE *f;

    tls_folder(folder);
    rig_init(&r, NULL);
    snprintf(path, sizeof path, "%s/dev.pem", folder);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(tls_context_self_signed(&t, path, &e), 0);
        tls_context_unref(&t);
        CHECK((f = fopen(path, "r")) != NULL);
        CHECK(fread(i ? again : first, 1, sizeof first - 1, f) > 0);
        fclose(f);
    }
    CHECK_STR(first, again);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK((f = fopen(path, "w")) != NULL);
    fputs("broken", f);
    fclose(f);
    CHECK_EQ(tls_context_self_signed(&t, path, &e), 0);
    edge_use_tls(r.edge, t);
    tls_context_unref(&t);
    SSL_CTX *client = tls_client();
    SSL *ssl = tls_connect(&r, client, "localhost");
    CHECK(is_for(ssl, "localhost"));
    tls_end(ssl);
    SSL_CTX_free(client);
    tls_rig_fini(&r, folder);
}

/* Move bytes between a client that knows no socket and the server, `step` at a time
 * towards the server. */
static void exchange(struct rig *r, int fd, BIO *out, BIO *in, size_t step)
{
    char bytes[4096];
    int n;
    ssize_t k;

    while ((n = BIO_read(out, bytes, (int)step)) > 0) {
        rig_send(r, fd, bytes, (size_t)n);
        rig_turn(r);
    }
    rig_turn(r);
    while ((k = recv(fd, bytes, sizeof bytes, 0)) > 0)
        BIO_write(in, bytes, (int)k);
}

TEST(tls_split, "hello, handshake and request may arrive in pieces of any size")
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 4096};
    SSL_CTX *ctx = tls_client();
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            SSL *ssl = SSL_new(ctx);
            BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
            char got[256] = {0};
            size_t at = 0;
            bool is_asked = false;
            int fd = rig_connect(&r);
            uint64_t until = rig_clock_ms() + 10000;
            BIO_set_mem_eof_return(in, -1);
            SSL_set_bio(ssl, in, out);
            SSL_set_max_proto_version(ssl, versions[v]);
            SSL_set_connect_state(ssl);
            while (at < strlen(hello_reply) && rig_clock_ms() < until) {
                if (!is_asked && SSL_do_handshake(ssl) == 1)
                    is_asked = SSL_write(ssl, hello, (int)strlen(hello)) > 0;
                exchange(&r, fd, out, in, steps[i]);
                int k = is_asked ? SSL_read(ssl, got + at, (int)(sizeof got - at)) : 0;
                at += k > 0 ? (size_t)k : 0;
            }
            got[at] = 0;
            CHECK_STR(got, hello_reply);
            CHECK_EQ(SSL_version(ssl), versions[v]);
            SSL_free(ssl);
            close(fd);
        }
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

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
            CHECK_EQ(alert_of(), SSL_AD_PROTOCOL_VERSION);
        tls_end(ssl);
    }
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "kRSA:ECDHE+AES+SHA256:!AESGCM");
    CHECK(tls_try(&r, ctx, NULL, &ssl) <= 0);
    CHECK_EQ(alert_of(), SSL_AD_HANDSHAKE_FAILURE);
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
    CHECK_EQ(alert_of(), SSL_AD_NO_APPLICATION_PROTOCOL);
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
        CHECK(is_for(ssl, cases[i].gets));
        /* b's wildcard fits own.b.test as well, but it is not its certificate. */
        if (strcmp(cases[i].gets, "own.b.test") == 0)
            CHECK(!is_for(ssl, "b.test"));
        tls_end(ssl);
    }
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

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
    tls_send(r, ssl, hello, strlen(hello));
    tls_expect(r, ssl, hello_reply);
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
    CHECK(is_for(ssl, "a.test"));
    SSL *late = SSL_new(ctx), *fresh = tls_connect(&r, ctx, NULL);
    int result;
    SSL_set_fd(late, waiting);
    SSL_set_tlsext_host_name(late, "a.test"); /* looks into the old certificates */
    TLS_DO(&r, late, result, SSL_connect(late));
    CHECK_EQ(result, 1);
    CHECK(is_for(late, "a.test"));
    CHECK(is_for(fresh, "b.test"));
    tls_end(ssl);
    tls_end(late);
    tls_end(fresh);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

/* Echo `total` bytes in messages of `len`, written and read as the sockets allow, and
 * compare what comes back. */
static void echo_much(struct rig *r, SSL *ssl, size_t len, size_t total)
{
    uint8_t *payload = malloc(len), *frame = malloc(len + 14), *got = malloc(1 << 16);
    size_t sent = 0, back = 0, n, head = len < 65536 ? 4 : 10;
    uint64_t until = rig_clock_ms() + 60000;

    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)(i * 31 + i / 251);
    n = rig_frame(frame, 0x82, payload, len);
    size_t want = total / len * (len + head);
    while (back < want && rig_clock_ms() < until) {
        if (sent < total / len * n) {
            int k = SSL_write(ssl, frame + sent % n, (int)(n - sent % n));
            sent += k > 0 ? (size_t)k : 0;
        }
        rig_turn(r);
        int k = SSL_read(ssl, got, 1 << 16);
        for (int i = 0; i < k; i++, back++)
            if (back % (len + head) >= head &&
                got[i] != payload[back % (len + head) - head]) {
                CHECK_EQ(back, want); /* the place of the first wrong byte */
            }
    }
    CHECK_EQ(back, want);
    free(payload);
    free(frame);
    free(got);
}

TEST(tls_large, "16 MiB come back whole, as one message and as many, however small the "
                "sockets are")
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    int small = 4096;

    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *ctx = tls_client();
        char folder[64];
        struct rig r;
        tls_rig_init(&r, folder, NULL);
        SSL_CTX_set_max_proto_version(ctx, versions[v]);
        SSL *ssl = tls_connect(&r, ctx, NULL);
        tls_upgrade(&r, ssl);
        echo_much(&r, ssl, 16 << 20, 16 << 20);
        echo_much(&r, ssl, 1000, 16 << 20);
        setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        echo_much(&r, ssl, 70000, 4 << 20);
        /* Each side asks the other for new keys in the middle. */
        if (versions[v] == TLS1_3_VERSION) {
            CHECK_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            echo_much(&r, ssl, 1000, 1 << 20);
        }
        CHECK_EQ(r.n_closed, 0);
        tls_end(ssl);
        SSL_CTX_free(ctx);
        tls_rig_fini(&r, folder);
    }
}

TEST(tls_records, "what is sent in one turn leaves in one record")
{
    SSL_CTX *ctx = tls_client();
    uint8_t frames[2000], got[200];
    char folder[64];
    size_t n = 0;
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    for (int i = 0; i < 50; i++)
        n += rig_frame(frames + n, 0x81, "ok", 2);
    tls_send(&r, ssl, frames, n);
    CHECK_EQ(tls_read(&r, ssl, got, 1), 1);
    /* SSL_pending() counts the rest of the record that the first byte was in. */
    CHECK_EQ(SSL_pending(ssl), 50 * 4 - 1);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_slow_reader, "who reads nothing is held back, and others get their own bytes")
{
    struct edge_limits limits = edge_limits_default;
    SSL_CTX *ctx = tls_client();
    int small = 4096;
    uint8_t payload[8000], frame[8100], got[8004];
    char folder[64];
    struct rig r;

    limits.high_water = 64 << 10;
    tls_rig_init(&r, folder, &limits);
    SSL *slow = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, slow);
    struct conn *slow_conn = r.ws;
    setsockopt(slow_conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(SSL_get_fd(slow), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    memset(payload, 's', sizeof payload);
    size_t n = rig_frame(frame, 0x82, payload, sizeof payload), n_sent = 0;
    /* The client writes whole frames until the server reads no more. */
    while (!(slow_conn->is_paused && slow_conn->is_blocked) && n_sent < 1000) {
        tls_send(&r, slow, frame, n);
        n_sent++;
        rig_turn(&r);
    }
    CHECK(slow_conn->is_paused && slow_conn->is_blocked);
    CHECK(conn_backlog(slow_conn) >= conn_queued(slow_conn));
    CHECK(conn_queued(slow_conn) > limits.high_water / 2);
    /* Meanwhile another one, through the same buffers of the edge. */
    SSL *fast = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, fast);
    for (int i = 0; i < 50; i++)
        tls_echo(&r, fast, "mine alone");
    /* The echo handler answers on the latest connection: the slow one's is it again. */
    r.ws = slow_conn;
    for (size_t i = 0; i < n_sent; i++) {
        CHECK_EQ(tls_read(&r, slow, got, sizeof got), sizeof got);
        CHECK_MEM(got + 4, payload, sizeof payload);
    }
    CHECK_EQ(conn_queued(slow_conn), 0);
    tls_end(slow);
    tls_end(fast);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_stuck_hello, "a handshake that fills the socket goes on when there is room, and "
                      "loses nothing that came meanwhile")
{
    static const unsigned char ccs[] = {20, 3, 3, 0, 1, 1};
    SSL_CTX *ctx = tls_client();
    int small = 1;
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    tls_make(folder, "long", "DNS:a.test", -60, DAY_S, 40);
    tls_use(&r, folder, "long");
    SSL_CTX_set_max_cert_list(ctx, 1 << 20);
    SSL *ssl = SSL_new(ctx);
    int fd = rig_connect(&r), result;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct conn *c = tls_conn(&r);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    /* The hello, and behind it the first half of a record that TLS 1.3 lets a client
     * send at once. */
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set0_rbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    SSL_set0_wbio(ssl, out);
    SSL_set_connect_state(ssl);
    CHECK(SSL_do_handshake(ssl) < 0);
    BIO_write(out, ccs, 3);
    char *bytes;
    long n = BIO_get_mem_data(out, &bytes);
    rig_send(&r, fd, bytes, (size_t)n);
    RIG_WAIT(&r, tls_stream_reads_after_write(c->tls));
    CHECK_EQ(c->events, EPOLLOUT);
    rig_send(&r, fd, ccs + 3, 3);
    SSL_set0_wbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    TLS_DO(&r, ssl, result, SSL_do_handshake(ssl));
    CHECK_EQ(result, 1);
    tls_send(&r, ssl, hello, strlen(hello));
    tls_expect(&r, ssl, hello_reply);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_strangers, "what is no TLS on its port, and TLS on the plain one, is answered "
                    "and ended")
{
    static const char *const garbage[] = {
        "\x16\x03\x01\xff\xff a record that is too long, with nothing in it",
        "\x80\x2e\x01\x03\x01 the hello of SSL 2, of which nothing else is left over",
        "\x01\x02\x03\x04\x05\x06 some bytes that mean nothing",
        "ssh-2.0-client\r\n",
    };
    SSL_CTX *ctx = tls_client();
    char folder[64], head[4096];
    struct rig r, plain;
    SSL *ssl;
    int fd;

    tls_rig_init(&r, folder, NULL);
    fd = rig_connect(&r);
    rig_say(&r, fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(rig_head(&r, fd, head), " 400 ") != NULL);
    rig_expect(&r, fd, "this port speaks TLS: use an address with https://\n");
    CHECK(rig_is_end(&r, fd));
    close(fd);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        unsigned char got[64];
        size_t n;
        fd = rig_connect(&r);
        rig_say(&r, fd, garbage[i]);
        n = rig_read(&r, fd, got, sizeof got); /* to the end */
        CHECK(n < sizeof got);
        CHECK(n == 0 || got[0] == 21); /* an alert at most */
        CHECK(rig_is_end(&r, fd));
        close(fd);
        RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    }
    CHECK_EQ(r.n_requests, 0);
    rig_init(&plain, NULL);
    CHECK(tls_try(&plain, ctx, NULL, &ssl) <= 0);
    tls_end(ssl);
    fd = rig_connect(&plain);
    rig_send(&plain, fd, "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", 11);
    CHECK(strstr(rig_head(&plain, fd, head), " 400 ") != NULL);
    close(fd);
    CHECK_EQ(plain.n_requests, 0);
    rig_fini(&plain);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_broken, "a record that was changed on the way ends the connection with an alert")
{
    SSL_CTX *ctx = tls_client();
    static unsigned char record[100 << 10] = {23, 3, 3, 0, 40};
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    /* What comes behind it must not turn the end into a reset, which would overtake
     * the alert. */
    CHECK_EQ(send(SSL_get_fd(ssl), record, sizeof record, 0), sizeof record);
    CHECK(tls_is_end(&r, ssl, false) || SSL_get_shutdown(ssl));
    CHECK_EQ(alert_of(), SSL_AD_BAD_RECORD_MAC);
    RIG_WAIT(&r, r.ws == NULL || r.ws->is_shut);
    char byte;
    CHECK_EQ(recv(SSL_get_fd(ssl), &byte, 1, 0), 0); /* no reset */
    tls_end(ssl);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1006);
    CHECK_EQ(r.n_messages, 0);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_notify, "the end of a reply or of a WebSocket is said in TLS, too, before the "
                 "socket's")
{
    static const char last[] =
        "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    SSL_CTX *ctx = tls_client();
    uint8_t frame[32], got[4];
    char folder[64], reply[4096];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_send(&r, ssl, last, strlen(last));
    size_t n = tls_read(&r, ssl, reply, sizeof reply);
    CHECK(n > 5 && memcmp(reply + n - 5, "hello", 5) == 0);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    n = rig_frame(frame, 0x88, "\x03\xe8", 2);
    tls_send(&r, ssl, frame, n);
    CHECK_EQ(tls_read(&r, ssl, got, 4), 4);
    CHECK_MEM(got, "\x88\x02\x03\xe8", 4);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1000);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_half_close, "who has sent its close_notify still gets the whole reply; a Close "
                     "in front of it counts")
{
    static const char big[] = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_CTX *ctx = tls_client();
    uint8_t frames[2001 * 8], *reply = malloc(2 << 20);
    char folder[64];
    size_t n = 0;
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_send(&r, ssl, big, strlen(big));
    CHECK_EQ(SSL_shutdown(ssl), 0);
    CHECK(tls_read(&r, ssl, reply, 2 << 20) > 1 << 20);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    /* More messages than one turn takes, so that the end waits behind them. */
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    r.mode = RIG_SINK;
    for (int i = 0; i < 2000; i++)
        n += rig_frame(frames + n, 0x81, "", 0);
    n += rig_frame(frames + n, 0x88, "\x03\xe8", 2);
    BIO *out = BIO_new(BIO_s_mem()); /* so that all of it goes in one piece */
    SSL_set0_wbio(ssl, out);
    CHECK_EQ(SSL_write(ssl, frames, (int)n), n);
    CHECK_EQ(SSL_shutdown(ssl), 0);
    char *bytes;
    long len = BIO_get_mem_data(out, &bytes);
    rig_send(&r, SSL_get_fd(ssl), bytes, (size_t)len);
    uint64_t began_ms = rig_clock_ms();
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.n_messages, 2000);
    CHECK_EQ(r.code, 1000);
    CHECK(rig_clock_ms() - began_ms < edge_limits_default.close_ms / 2);
    tls_end(ssl);
    /* Without a Close it was cut off. */
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    CHECK_EQ(SSL_shutdown(ssl), 0);
    CHECK(tls_is_end(&r, ssl, true));
    RIG_WAIT(&r, r.n_closed == 2);
    CHECK_EQ(r.code, 1006);
    tls_end(ssl);
    free(reply);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_times, "a handshake has head_ms; more connections than allowed are just closed")
{
    struct edge_limits limits = edge_limits_default;
    char folder[64];
    struct rig r;

    limits.max_conns = 1;
    limits.head_ms = 5000;
    tls_rig_init(&r, folder, &limits);
    rig_stop_clock();
    int fd = rig_connect(&r), second;
    rig_send(&r, fd, "\x16\x03\x01\x00\xc8\x01", 6); /* the start of a hello */
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1 && edge_counters(r.edge)->bytes_in == 6);
    second = rig_connect(&r);
    CHECK(rig_is_end(&r, second));
    close(second);
    rig_later(&r, 3000);
    CHECK_EQ(edge_counters(r.edge)->open, 1);
    rig_later(&r, 2500);
    CHECK_EQ(edge_counters(r.edge)->open, 0);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    tls_rig_fini(&r, folder);
}

TEST(tls_turn, "a connection writes 16 records in a turn, then the others have theirs")
{
    SSL_CTX *ctx = tls_client();
    struct chunk *big = chunk_new(2 << 20);
    int room = 1 << 20;
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    memset(big->bytes, 0, big->len); /* the other side does not look at it */
    conn_send(r.ws, big);
    conn_flush(r.ws);
    CHECK_EQ(conn_queued(r.ws), (2 << 20) - 16 * TLS_RECORD_BYTES);
    CHECK(r.ws->is_blocked);
    chunk_unref(&big);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_last_words, "after a write has failed, a Close that had come before is still read")
{
    SSL_CTX *ctx = tls_client();
    struct linger reset = {.l_onoff = 1};
    struct chunk *frame = ws_frame_chunk(WS_TEXT, (const uint8_t *)"hello", 5);
    uint8_t close_frame[32];
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    size_t n = rig_frame(close_frame, 0x88, "\x03\xe8", 2);
    CHECK_EQ(SSL_write(ssl, close_frame, (int)n), n);
    setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    tls_end(ssl);
    conn_send(r.ws, frame);
    conn_flush(r.ws);
    CHECK_EQ(conn_queued(r.ws), 0); /* given up */
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1000);
    chunk_unref(&frame);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}
