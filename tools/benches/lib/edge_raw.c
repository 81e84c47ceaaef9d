/* SPDX-License-Identifier: MIT */
/*
 * edge_raw - the physical limit that tools/bench edge compares with: a WebSocket
 * echo and fan-out server made of epoll and nothing else.
 *
 * Whole messages of up to 64 KiB come back as they are, those of one read in one
 * write. A binary message that begins with 'B' goes to every connection: what a
 * turn has collected of them leaves at its end, one write a connection. Anything
 * that such a server can do without (fragments, UTF-8 checks, Close handshakes,
 * time-outs, scripts) is not there; a client that needs it is dropped.
 *
 * With --tls each connection goes through OpenSSL as it comes, with the settings that
 * are fastest: read ahead, and buffers that are kept.
 *
 * Usage: edge_raw [--tls CERTIFICATE KEY]. Prints http(s)://127.0.0.1:PORT and serves until
 * it is killed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_PAYLOAD = 64 << 10,
    MAX_FRAME = 14 + MAX_PAYLOAD,
    MAX_HELD = 4 << 20, /* output that waits for a full socket */
    READ_BYTES = 64 << 10,
    N_EVENTS = 1024,
};

struct conn {
    int fd;
    SSL *ssl;     /* NULL: in clear */
    bool is_open; /* the handshake is done */
    bool is_dead; /* freed at the end of the turn */
    uint32_t at;  /* place in `all` */
    struct conn *next_dead;
    uint8_t *rest; /* a frame or a request that is not whole; NULL as a rule */
    uint8_t *held; /* output that a full socket has left over; NULL as a rule */
    size_t n_rest, n_held;
};

struct bytes {
    uint8_t *data;
    size_t n, cap;
};

static struct conn **all, *dead;
static uint32_t n_all, cap_all;
static struct bytes echoes, fan; /* of this read, of this turn */
static uint8_t input[MAX_FRAME + READ_BYTES];
static int poller;
static SSL_CTX *tls;

static void die(const char *why)
{
    perror(why);
    exit(1);
}

static void *grown(void *p, size_t n)
{
    if (!(p = realloc(p, n)))
        die("edge_raw");
    return p;
}

static void put(struct bytes *b, const void *data, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->data = grown(b->data, b->cap);
    }
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    if (epoll_ctl(poller, op, c->fd, &e) != 0)
        die("epoll_ctl");
}

/* Events of this turn may still name it, so the memory goes later. */
static void drop(struct conn *c)
{
    if (c->is_dead)
        return;
    c->is_dead = true;
    close(c->fd);
    all[c->at] = all[--n_all];
    all[c->at]->at = c->at;
    c->next_dead = dead;
    dead = c;
}

/* As recv() and send() would. */
static ssize_t tls_result(struct conn *c, int r)
{
    int why = SSL_get_error(c->ssl, r);

    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t take_bytes(struct conn *c, uint8_t *to, size_t n)
{
    if (!c->ssl)
        return recv(c->fd, to, n, 0);
    int r = SSL_read(c->ssl, to, (int)n);
    return r > 0 ? r : tls_result(c, r);
}

static ssize_t give_bytes(struct conn *c, const uint8_t *data, size_t n)
{
    if (!c->ssl)
        return send(c->fd, data, n, MSG_NOSIGNAL);
    int r = SSL_write(c->ssl, data, (int)n);
    return r > 0 ? r : tls_result(c, r);
}

static void hold(struct conn *c, const uint8_t *data, size_t n)
{
    if (c->n_held + n > MAX_HELD) {
        drop(c);
        return;
    }
    c->held = grown(c->held, c->n_held + n);
    memcpy(c->held + c->n_held, data, n);
    c->n_held += n;
}

static void write_out(struct conn *c, const uint8_t *data, size_t n)
{
    if (n == 0 || c->is_dead)
        return;
    if (c->held) {
        hold(c, data, n);
        return;
    }
    ssize_t sent = give_bytes(c, data, n);
    if (sent == (ssize_t)n)
        return;
    if (sent < 0 && errno != EAGAIN) {
        drop(c);
        return;
    }
    if (sent < 0)
        sent = 0;
    hold(c, data + sent, n - (size_t)sent);
    watch(c, EPOLL_CTL_MOD, EPOLLOUT); /* and read nothing before it has left */
}

static void write_held(struct conn *c)
{
    ssize_t sent = give_bytes(c, c->held, c->n_held);

    if (sent < 0) {
        if (errno != EAGAIN)
            drop(c);
        return;
    }
    c->n_held -= (size_t)sent;
    if (c->n_held > 0) {
        memmove(c->held, c->held + sent, c->n_held);
        return;
    }
    free(c->held);
    c->held = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* RFC 6455, 4.2.2. Returns how much of the input it has used; 0: not whole yet. */
static size_t shake_hands(struct conn *c, const uint8_t *in, size_t n)
{
    static const char name[] = "\r\nsec-websocket-key:";
    char head[4096], key[64], text[128];
    uint8_t hash[SHA_DIGEST_LENGTH], accept[32];
    const char *end = memmem(in, n, "\r\n\r\n", 4);
    size_t used = end ? (size_t)(end - (const char *)in) + 4 : 0;

    if (used >= sizeof head || (!used && n >= sizeof head)) {
        drop(c);
        return 0;
    }
    if (!used)
        return 0;
    memcpy(head, in, used);
    head[used] = 0;
    const char *at = strcasestr(head, name);
    if (!at || sscanf(at + sizeof name - 1, " %40[^\r ]", key) != 1) {
        drop(c);
        return 0;
    }
    int len = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((const uint8_t *)text, (size_t)len, hash);
    EVP_EncodeBlock(accept, hash, sizeof hash);
    len = snprintf(head, sizeof head,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   (char *)accept);
    c->is_open = true;
    write_out(c, (uint8_t *)head, (size_t)len);
    return used;
}

static void unmask(uint8_t *data, size_t n, const uint8_t *mask)
{
    uint8_t twice[8];
    uint64_t key, word;
    size_t i = 0;

    memcpy(twice, mask, 4);
    memcpy(twice + 4, mask, 4);
    memcpy(&key, twice, 8);
    for (; n - i >= 8; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= key;
        memcpy(data + i, &word, 8);
    }
    for (; i < n; i++)
        data[i] ^= mask[i & 3];
}

static void put_frame(struct bytes *out, uint8_t first, const uint8_t *data, size_t n)
{
    uint8_t head[10] = {first, (uint8_t)n};
    size_t n_head = 2;

    if (n > 0xffff) {
        head[1] = 127;
        for (unsigned i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)(n >> (56 - 8 * i));
        n_head = 10;
    } else if (n > 125) {
        head[1] = 126;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        n_head = 4;
    }
    put(out, head, n_head);
    put(out, data, n);
}

/* One whole frame at the front of `in`: how many bytes it has; 0: it is not all
 * there yet, or the connection was dropped. */
static size_t take_frame(struct conn *c, uint8_t *in, size_t n)
{
    size_t n_head = 6, len;

    if (n < 2)
        return 0;
    len = in[1] & 0x7f;
    n_head += len == 127 ? 8 : len == 126 ? 2 : 0;
    if (!(in[1] & 0x80) || !(in[0] & 0x80) || (in[0] & 0x70) || !(in[0] & 0xf)) {
        drop(c); /* no mask, a fragment, an extension */
        return 0;
    }
    if (n < n_head)
        return 0;
    if (len >= 126) {
        len = 0;
        for (size_t i = 2; i < n_head - 4; i++)
            len = len << 8 | in[i];
    }
    if (len > MAX_PAYLOAD) {
        drop(c);
        return 0;
    }
    if (n < n_head + len)
        return 0;

    uint8_t *data = in + n_head;
    unmask(data, len, data - 4);
    switch (in[0] & 0xf) {
    case 1: put_frame(&echoes, 0x81, data, len); break;
    case 2: put_frame(len && *data == 'B' ? &fan : &echoes, 0x82, data, len); break;
    case 9: put_frame(&echoes, 0x8a, data, len); break;
    case 10: break;
    default:
        drop(c); /* Close, or nothing that we know */
        return 0;
    }
    return n_head + len;
}

static void on_readable(struct conn *c)
{
    size_t n = c->n_rest, used = 0, step;

    if (n)
        memcpy(input, c->rest, n);
    ssize_t got = take_bytes(c, input + n, READ_BYTES);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        drop(c);
        return;
    }
    n += (size_t)got;
    if (!c->is_open)
        used = shake_hands(c, input, n);
    echoes.n = 0;
    while (c->is_open && !c->is_dead && (step = take_frame(c, input + used, n - used)))
        used += step;
    write_out(c, echoes.data, echoes.n);
    c->n_rest = n - used;
    if (c->n_rest) {
        c->rest = grown(c->rest, c->n_rest);
        memcpy(c->rest, input + used, c->n_rest);
    } else if (c->rest) {
        free(c->rest);
        c->rest = NULL;
    }
}

static void accept_all(int listener)
{
    int on = 1, fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            die("edge_raw");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (n_all == cap_all) {
            cap_all = cap_all ? cap_all * 2 : 64;
            all = grown(all, cap_all * sizeof *all);
        }
        c->fd = fd;
        if (tls && (!(c->ssl = SSL_new(tls)) || !SSL_set_fd(c->ssl, fd)))
            die("OpenSSL");
        if (c->ssl)
            SSL_set_accept_state(c->ssl);
        c->at = n_all;
        all[n_all++] = c;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void end_turn(void)
{
    /* Backwards: whoever is dropped changes places with the last. */
    for (uint32_t i = n_all; fan.n && i-- > 0;)
        if (all[i]->is_open)
            write_out(all[i], fan.data, fan.n);
    fan.n = 0;
    while (dead) {
        struct conn *c = dead;
        dead = c->next_dead;
        SSL_free(c->ssl);
        free(c->rest);
        free(c->held);
        free(c);
    }
}

static void use_tls(const char *certificate, const char *key)
{
    tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        die("certificate or key");
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_mode(tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    struct epoll_event events[N_EVENTS] = {{.events = EPOLLIN}};
    socklen_t n_at = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (argc == 4 && strcmp(argv[1], "--tls") == 0)
        use_tls(argv[2], argv[3]);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    poller = epoll_create1(0);
    if (poller < 0 || listener < 0 || bind(listener, (struct sockaddr *)&at, n_at) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &n_at) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, listener, events) != 0)
        die("edge_raw");
    printf("http%s://127.0.0.1:%d\n", tls ? "s" : "", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poller, events, N_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) /* the listener */
                accept_all(listener);
            else if (c->is_dead)
                continue;
            else if (c->held)
                write_held(c);
            else
                do
                    on_readable(c);
                while (c->ssl && !c->is_dead && !c->held && SSL_has_pending(c->ssl));
        }
        end_turn();
    }
}
