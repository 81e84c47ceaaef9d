/* SPDX-License-Identifier: MIT */
#include "conn.h"

#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNS_PER_ADDRESS = 20000, /* a source address has 28 000 ports or so */
    AT_ONCE = 64,              /* handshakes under way */
};

struct conn *conns;
int conn_poller;
static SSL_CTX *tls;

/* Bytes, as recv() and send() would give and take them. */

static ssize_t tls_result(struct conn *c, int r)
{
    int why = SSL_get_error(c->ssl, r);

    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

ssize_t conn_take(struct conn *c, void *to, size_t n)
{
    if (!c->ssl)
        return recv(c->fd, to, n, MSG_DONTWAIT);
    int r = SSL_read(c->ssl, to, (int)n);
    return r > 0 ? r : tls_result(c, r);
}

static ssize_t give_bytes(struct conn *c, const void *data, size_t n)
{
    if (!c->ssl)
        return send(c->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    int r = SSL_write(c->ssl, data, (int)n);
    return r > 0 ? r : tls_result(c, r);
}

/* Output. */

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    if (epoll_ctl(conn_poller, op, c->fd, &e) != 0)
        load_die("epoll_ctl failed");
}

void conn_write(struct conn *c, const uint8_t *data, size_t n)
{
    ssize_t r = c->held ? 0 : give_bytes(c, data, n);

    if (r == (ssize_t)n)
        return;
    if (r < 0 && errno != EAGAIN)
        load_die("the server has closed a connection");
    if (r < 0)
        r = 0;
    if (!(c->held = realloc(c->held, c->n_held + n - (size_t)r)))
        load_die("out of memory");
    memcpy(c->held + c->n_held, data + r, n - (size_t)r);
    c->n_held += n - (size_t)r;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

void conn_write_held(struct conn *c)
{
    ssize_t r = give_bytes(c, c->held, c->n_held);

    if (r < 0 && errno == EAGAIN)
        return;
    if (r < 0)
        load_die("the server has closed a connection");
    c->n_held -= (size_t)r;
    memmove(c->held, c->held + r, c->n_held);
    if (c->n_held > 0)
        return;
    free(c->held);
    c->held = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* Connecting, with blocking calls and a time limit. */

static int open_one(uint32_t i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct timeval limit = {.tv_sec = LOAD_SILENCE_MS / 1000};
    struct linger none = {.l_onoff = 1}; /* a reset: nothing stays in TIME_WAIT */
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / CONNS_PER_ADDRESS);
    if (fd < 0)
        load_die("no socket; see ulimit -n");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        load_die("cannot connect");
    return fd;
}

/* The handshake waits, like all of connecting. */
static void start_tls(struct conn *c)
{
    if (!(c->ssl = SSL_new(tls)) || !SSL_set_fd(c->ssl, c->fd) || SSL_connect(c->ssl) != 1)
        load_die("no TLS with this server");
}

static void send_request(struct conn *c)
{
    char text[2048];
    int len =
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                 load.path, load.port,
                 load.is_deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");

    if (len >= (int)sizeof text || give_bytes(c, text, (size_t)len) != len)
        load_die("the request cannot be sent");
}

static void await_answer(struct conn *c)
{
    char text[2048] = "";
    size_t n = 0;

    while (!strstr(text, "\r\n\r\n")) {
        size_t room = sizeof text - 1 - n;
        ssize_t r = room == 0 ? 0
                    : c->ssl  ? SSL_read(c->ssl, text + n, (int)room)
                              : recv(c->fd, text + n, room, 0);
        if (r <= 0)
            load_die("no answer to the handshake");
        n += (size_t)r;
        text[n] = 0;
    }
    if (strncmp(text, "HTTP/1.1 101 ", 13) != 0 ||
        !strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") || /* RFC 6455, 1.3 */
        strcmp(text + n - 4, "\r\n\r\n") != 0)
        load_die("the handshake was refused, or something came behind it");
}

void conn_open_all(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    conn_poller = epoll_create1(0);
    conns = calloc(load.n_conns, sizeof *conns);
    if (conn_poller < 0 || !conns)
        load_die("out of memory or descriptors");
    for (uint32_t done = 0; done < load.n_conns;) {
        uint32_t end = load.n_conns - done < AT_ONCE ? load.n_conns : done + AT_ONCE;
        for (uint32_t i = done; i < end; i++) {
            conns[i].fd = open_one(i);
            if (tls)
                start_tls(conns + i);
            send_request(conns + i);
        }
        for (; done < end; done++) {
            await_answer(conns + done);
            if (tls)
                fcntl(conns[done].fd, F_SETFL, O_NONBLOCK);
            watch(conns + done, EPOLL_CTL_ADD, EPOLLIN);
        }
    }
}

void conn_use_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256"))
        load_die("OpenSSL");
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
}
