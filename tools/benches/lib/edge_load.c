/* SPDX-License-Identifier: MIT */
/*
 * edge_load - the clients of tools/bench edge: one thread, epoll, real sockets.
 *
 *   echo    each connection keeps K messages in flight and waits for their echoes
 *   fanout  the first connection sends K messages at once, the next K when every
 *           connection (itself included) has got all of them
 *   idle    opens the connections and holds them until its stdin ends; with
 *           --deflate each has had one message back before
 *
 * With --tls all of it over TLS 1.3, always with the same cipher; certificates are not
 * checked.
 *
 * Every byte that comes back is compared with what must come: the server's
 * frames are all of one length, so its stream is known beforehand. A difference,
 * a lost connection, or silence ends the program with 1. With --deflate it offers
 * permessage-deflate, and messages are compared once they are uncompressed.
 *
 * Prints one JSON object. Messages are counted, and the CPU time of the server's
 * process (--pid) is read, between the end of the warm-up and the end; both by
 * this program, so that start and end of either are the same moment. In a fan-out
 * each delivery counts as a message. Latency is from the write that sent a
 * message to the read that brought it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    N_EVENTS = 1024,
    READ_BYTES = 256 << 10,
    MIN_BYTES = 16, /* kind, connection and number lie in the first twelve */
    MAX_BYTES = 64 << 10,
    CONNS_PER_ADDRESS = 20000, /* a source address has 28 000 ports or so */
    AT_ONCE = 64,              /* handshakes under way */
    SILENCE_MS = 5000,
    HOLD_MS = 120000,
    STEPS = 32, /* of a doubling, in the histogram of latencies */
};

enum mode { ECHO, FANOUT, IDLE };

struct conn {
    int fd;
    SSL *ssl;               /* NULL: in clear */
    uint32_t n_sent, n_got; /* messages */
    size_t at;              /* bytes of the next frame that are here already */
    uint8_t *held;          /* output that a full socket has left over */
    size_t n_held;
    uint8_t *frame; /* --deflate: what has come of the next frame, `at` bytes */
};

static const char *path = "/";
static int port, pid;
static uint32_t n_conns = 100, inflight = 1;
static size_t n_bytes = 64;
static double seconds = 1, warm_up = 0.2;
static enum mode mode = ECHO;
static bool is_deflate;
static z_stream inflater;

static struct conn *conns;
static uint64_t *sent_ns; /* [connection][message % inflight] */
static int poller;
static SSL_CTX *tls;
static uint8_t input[READ_BYTES];
static uint8_t *output;          /* inflight frames */
static uint8_t *sent, *expected; /* one frame each: masked as a client's, and bare */
static size_t n_sent_frame, n_expected, n_sent_head, n_expected_head;
static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static uint64_t n_done, n_waited; /* messages; fan-out: deliveries still to come */
static uint32_t latencies[64 * STEPS];

static void die(const char *why)
{
    fprintf(stderr, "edge_load: %s\n", why);
    exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        die("a clock cannot be read; is the server still there?");
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Latencies in buckets of 1/STEPS of a doubling, so within 3 %. */
static size_t bucket_of(uint64_t ns)
{
    unsigned shift = 58 - (unsigned)__builtin_clzll(ns | STEPS);

    return shift * STEPS + (size_t)(ns >> shift);
}

static double bucket_us(size_t i)
{
    size_t shift = i < 2 * STEPS ? 0 : i / STEPS - 1;

    return (double)((i - shift * STEPS) << shift) / 1000;
}

static double percentile_us(double share)
{
    uint64_t n = 0, seen = 0;
    size_t i = 0;

    for (size_t k = 0; k < sizeof latencies / sizeof *latencies; k++)
        n += latencies[k];
    for (; i < sizeof latencies / sizeof *latencies - 1; i++)
        if ((double)(seen += latencies[i]) >= share * (double)n)
            break;
    return bucket_us(i);
}

/* Bytes, as recv() and send() would give and take them. */

static ssize_t tls_result(struct conn *c, int r)
{
    int why = SSL_get_error(c->ssl, r);

    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t take_bytes(struct conn *c, void *to, size_t n)
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

/* Frames. */

static size_t put_head(uint8_t *out, uint8_t masked)
{
    out[0] = 0x82;
    if (n_bytes <= 125) {
        out[1] = (uint8_t)(masked | n_bytes);
        return 2;
    }
    if (n_bytes <= 0xffff) {
        out[1] = masked | 126;
        out[2] = (uint8_t)(n_bytes >> 8);
        out[3] = (uint8_t)n_bytes;
        return 4;
    }
    memset(out + 1, 0, 9);
    out[1] = masked | 127;
    out[7] = (uint8_t)(n_bytes >> 16);
    out[8] = (uint8_t)(n_bytes >> 8);
    out[9] = (uint8_t)n_bytes;
    return 10;
}

static void make_frames(void)
{
    sent = calloc(1, n_bytes + 14);
    expected = calloc(1, n_bytes + 14);
    output = malloc((n_bytes + 14) * inflight);
    if (!sent || !expected || !output)
        die("out of memory");
    n_expected_head = put_head(expected, 0);
    n_sent_head = put_head(sent, 0x80);
    memcpy(sent + n_sent_head, mask, sizeof mask);
    n_sent_head += sizeof mask;
    n_sent_frame = n_sent_head + n_bytes;
    n_expected = n_expected_head + n_bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t byte = (uint8_t)(i * 31 + 7);
        if (i < 4)
            byte = mode == FANOUT ? 'B' : 'E';
        expected[n_expected_head + i] = byte;
        sent[n_sent_head + i] = byte ^ mask[i & 3];
    }
}

/* Connection and number of a message, at bytes 4 to 11 of it. */
static void set_ids(uint8_t *payload, uint32_t conn, uint32_t number, uint32_t key)
{
    uint32_t ids[2] = {conn ^ key, number ^ key};

    memcpy(payload + 4, ids, sizeof ids);
}

/* A whole frame, compressed or not; returns its message, which must have n_bytes. */
static const uint8_t *message_of(uint8_t *frame, size_t n_head, size_t len)
{
    static uint8_t plain[MAX_BYTES];

    if (!(frame[0] & 0x40)) {
        if (len != n_bytes)
            die("a message of another length came back");
        return frame + n_head;
    }
    memcpy(frame + n_head + len, "\0\0\xff\xff", 4);
    inflater.next_in = frame + n_head;
    inflater.avail_in = (uInt)len + 4;
    inflater.next_out = plain;
    inflater.avail_out = (uInt)n_bytes;
    if (inflateReset(&inflater) != Z_OK || inflate(&inflater, Z_SYNC_FLUSH) != Z_OK ||
        inflater.avail_out > 0)
        die("a message came back that cannot be uncompressed");
    return plain;
}

/* As check(), where frames may be compressed and so of any length: byte by byte into
 * the connection's own buffer. */
static uint32_t check_packed(struct conn *c, const uint8_t *data, size_t n)
{
    uint32_t index = mode == FANOUT ? 0 : (uint32_t)(c - conns), before = c->n_got;

    if (!c->frame && !(c->frame = malloc(n_bytes + 32)))
        die("out of memory");
    while (n > 0) {
        size_t n_head = c->at >= 2 && c->frame[1] == 126 ? 4 : 2;
        size_t len = c->at < n_head ? 0
                     : n_head == 4  ? (size_t)c->frame[2] << 8 | c->frame[3]
                                    : c->frame[1];
        size_t want = c->at < n_head ? n_head : n_head + len;
        if (c->at >= 2 && (c->frame[1] > 126 || want > n_bytes + 16))
            die("a frame is too long");
        size_t take = want - c->at < n ? want - c->at : n;
        memcpy(c->frame + c->at, data, take);
        c->at += take;
        data += take;
        n -= take;
        if (c->at < want || c->at <= 2 || (c->frame[1] == 126 && c->at <= 4))
            continue;
        set_ids(expected + n_expected_head, index, c->n_got, 0);
        if (memcmp(message_of(c->frame, n_head, len), expected + n_expected_head, n_bytes))
            die("a message came back different");
        c->at = 0;
        c->n_got++;
    }
    return c->n_got - before;
}

/* Compare `n` bytes with what must come next; returns how many messages they
 * have made whole. */
static uint32_t check(struct conn *c, const uint8_t *data, size_t n)
{
    if (is_deflate)
        return check_packed(c, data, n);
    uint32_t index = mode == FANOUT ? 0 : (uint32_t)(c - conns), before = c->n_got;

    while (n > 0) {
        size_t len = n_expected - c->at < n ? n_expected - c->at : n;
        set_ids(expected + n_expected_head, index, c->n_got, 0);
        if (memcmp(expected + c->at, data, len) != 0)
            die("a message came back different, or in a frame of another form");
        c->at += len;
        data += len;
        n -= len;
        if (c->at == n_expected) {
            c->at = 0;
            c->n_got++;
        }
    }
    return c->n_got - before;
}

/* Output. */

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    if (epoll_ctl(poller, op, c->fd, &e) != 0)
        die("epoll_ctl failed");
}

static void write_out(struct conn *c, const uint8_t *data, size_t n)
{
    ssize_t r = c->held ? 0 : give_bytes(c, data, n);

    if (r == (ssize_t)n)
        return;
    if (r < 0 && errno != EAGAIN)
        die("the server has closed a connection");
    if (r < 0)
        r = 0;
    if (!(c->held = realloc(c->held, c->n_held + n - (size_t)r)))
        die("out of memory");
    memcpy(c->held + c->n_held, data + r, n - (size_t)r);
    c->n_held += n - (size_t)r;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void write_held(struct conn *c)
{
    ssize_t r = give_bytes(c, c->held, c->n_held);

    if (r < 0 && errno == EAGAIN)
        return;
    if (r < 0)
        die("the server has closed a connection");
    c->n_held -= (size_t)r;
    memmove(c->held, c->held + r, c->n_held);
    if (c->n_held > 0)
        return;
    free(c->held);
    c->held = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void send_messages(struct conn *c, uint32_t n, uint64_t now)
{
    uint32_t index = (uint32_t)(c - conns), key;
    uint8_t *at = output;

    memcpy(&key, mask, sizeof key);
    for (uint32_t i = 0; i < n; i++, at += n_sent_frame) {
        memcpy(at, sent, n_sent_frame);
        set_ids(at + n_sent_head, index, c->n_sent, key);
        sent_ns[(size_t)index * inflight + c->n_sent++ % inflight] = now;
    }
    write_out(c, output, (size_t)(at - output));
}

/* Running. */

static void note(uint64_t ns)
{
    latencies[bucket_of(ns)]++;
}

static void on_readable(struct conn *c)
{
    ssize_t n = take_bytes(c, input, sizeof input);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the server has closed a connection");
    uint32_t whole = check(c, input, (size_t)n);
    if (whole == 0)
        return;
    if (c->n_got > (mode == FANOUT ? conns : c)->n_sent)
        die("more messages came back than were sent");
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    size_t row = mode == FANOUT ? 0 : (size_t)(c - conns) * inflight;
    for (uint32_t i = c->n_got - whole; i != c->n_got; i++)
        note(now - sent_ns[row + i % inflight]);
    n_done += whole;
    if (mode == ECHO)
        send_messages(c, whole, now);
    else if ((n_waited -= whole) == 0) {
        n_waited = (uint64_t)inflight * n_conns;
        send_messages(conns, inflight, now);
    }
}

/* Until `end`: everything that comes in is answered. */
static void run_until(uint64_t end)
{
    struct epoll_event events[N_EVENTS];
    uint64_t now = now_ns(CLOCK_MONOTONIC), heard = now;

    while (now < end) {
        int n = epoll_wait(poller, events, N_EVENTS, (int)((end - now) / 1000000) + 1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c->held && events[i].events & EPOLLOUT)
                write_held(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                do
                    on_readable(c);
                while (c->ssl && SSL_has_pending(c->ssl));
        }
        now = now_ns(CLOCK_MONOTONIC);
        if (n > 0)
            heard = now;
        if (now - heard > SILENCE_MS * 1000000ull)
            die("the server has gone silent");
    }
}

static void run_load(void)
{
    clockid_t server_clock = CLOCK_MONOTONIC;
    uint64_t began = now_ns(CLOCK_MONOTONIC), cpu, own;

    if (pid && clock_getcpuclockid(pid, &server_clock) != 0)
        die("--pid: there is no such process");
    n_waited = (uint64_t)inflight * n_conns;
    for (uint32_t i = 0; i < (mode == FANOUT ? 1 : n_conns); i++)
        send_messages(conns + i, inflight, now_ns(CLOCK_MONOTONIC));
    run_until(began + (uint64_t)(warm_up * 1e9));

    n_done = 0;
    memset(latencies, 0, sizeof latencies);
    began = now_ns(CLOCK_MONOTONIC);
    cpu = now_ns(server_clock);
    own = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    run_until(began + (uint64_t)(seconds * 1e9));
    cpu = now_ns(server_clock) - cpu;
    own = now_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
    double took_ns = (double)(now_ns(CLOCK_MONOTONIC) - began);
    if (n_done == 0)
        die("nothing came back in time");
    printf("{\"messages\":%llu,\"seconds\":%.3f,\"messages_per_s\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"load_cpu\":%.2f",
           (unsigned long long)n_done, took_ns / 1e9, (double)n_done * 1e9 / took_ns,
           percentile_us(0.5), percentile_us(0.99), (double)own / took_ns);
    if (pid)
        printf(",\"server_cpu\":%.2f,\"server_us_per_message\":%.4f", (double)cpu / took_ns,
               (double)cpu / 1000 / (double)n_done);
    printf("}\n");
}

/* A message to each and back, so that what compression needs has been there. */
static void use_each(void)
{
    for (struct conn *c = conns; c < conns + n_conns; c++) {
        send_messages(c, 1, 0);
        while (c->n_got == 0) {
            ssize_t n = recv(c->fd, input, sizeof input, 0);
            if (n <= 0)
                die("the server has closed a connection");
            check(c, input, (size_t)n);
        }
        free(c->frame);
        c->frame = NULL;
    }
}

/* Whoever has lost a connection meanwhile has not held it. */
static void hold_idle(void)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    uint32_t alive = 0;
    uint8_t byte;

    if (is_deflate)
        use_each();
    printf("{\"connections\":%u}\n", n_conns);
    fflush(stdout);
    if (poll(&in, 1, HOLD_MS) <= 0)
        die("nobody has ended the wait");
    for (uint32_t i = 0; i < n_conns; i++)
        alive +=
            recv(conns[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    if (alive < n_conns)
        die("the server has closed idle connections, or sent something");
}

/* Connecting, with blocking calls and a time limit. */

static int open_one(uint32_t i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct timeval limit = {.tv_sec = SILENCE_MS / 1000};
    struct linger none = {.l_onoff = 1}; /* a reset: nothing stays in TIME_WAIT */
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / CONNS_PER_ADDRESS);
    if (fd < 0)
        die("no socket; see ulimit -n");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("cannot connect");
    return fd;
}

/* The handshake waits, like all of connecting. */
static void start_tls(struct conn *c)
{
    if (!(c->ssl = SSL_new(tls)) || !SSL_set_fd(c->ssl, c->fd) || SSL_connect(c->ssl) != 1)
        die("no TLS with this server");
}

static void send_request(struct conn *c)
{
    char text[2048];
    int len = snprintf(
        text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, port, is_deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");

    if (len >= (int)sizeof text || give_bytes(c, text, (size_t)len) != len)
        die("the request cannot be sent");
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
            die("no answer to the handshake");
        n += (size_t)r;
        text[n] = 0;
    }
    if (strncmp(text, "HTTP/1.1 101 ", 13) != 0 ||
        !strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") || /* RFC 6455, 1.3 */
        strcmp(text + n - 4, "\r\n\r\n") != 0)
        die("the handshake was refused, or something came behind it");
}

static void open_all(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    poller = epoll_create1(0);
    conns = calloc(n_conns, sizeof *conns);
    sent_ns = calloc((size_t)n_conns * inflight, sizeof *sent_ns);
    if (poller < 0 || !conns || !sent_ns)
        die("out of memory or descriptors");
    for (uint32_t done = 0; done < n_conns;) {
        uint32_t end = n_conns - done < AT_ONCE ? n_conns : done + AT_ONCE;
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

static void use_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256"))
        die("OpenSSL");
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
}

static double number(const char *text, double low, double high)
{
    char *end;
    double v = strtod(text, &end);

    if (*end || end == text || !(v >= low && v <= high)) {
        fprintf(stderr, "edge_load: %s is not in %g..%g\n", text, low, high);
        exit(64);
    }
    return v;
}

static enum mode mode_of(const char *text)
{
    static const char *const names[] = {"echo", "fanout", "idle"};

    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum mode)i;
    fprintf(stderr, "edge_load: --mode echo, fanout or idle\n");
    exit(64);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port",        required_argument, NULL, 'p'},
        {"path",        required_argument, NULL, 'a'},
        {"pid",         required_argument, NULL, 'i'},
        {"mode",        required_argument, NULL, 'm'},
        {"connections", required_argument, NULL, 'c'},
        {"inflight",    required_argument, NULL, 'k'},
        {"bytes",       required_argument, NULL, 'b'},
        {"seconds",     required_argument, NULL, 's'},
        {"warm-up",     required_argument, NULL, 'w'},
        {"deflate",     no_argument,       NULL, 'd'},
        {"tls",         no_argument,       NULL, 't'},
        {NULL,          0,                 NULL, 0  }
    };

    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 'p': port = (int)number(optarg, 1, 65535); break;
        case 'a': path = optarg; break;
        case 'i': pid = (int)number(optarg, 1, 1 << 30); break;
        case 'm': mode = mode_of(optarg); break;
        case 'c': n_conns = (uint32_t)number(optarg, 1, 1000000); break;
        case 'k': inflight = (uint32_t)number(optarg, 1, 1024); break;
        case 'b': n_bytes = (size_t)number(optarg, MIN_BYTES, MAX_BYTES); break;
        case 's': seconds = number(optarg, 0.01, 600); break;
        case 't': use_tls(); break;
        case 'w': warm_up = number(optarg, 0.01, 60); break;
        case 'd': is_deflate = true; break;
        default: return 64;
        }
    if (port == 0 || optind < argc) {
        fprintf(stderr, "Example: edge_load --port 8080 --path /echo --connections 100 "
                        "--inflight 16 --seconds 2\n");
        return 64;
    }
    if (is_deflate && (n_bytes > 0xff00 || inflateInit2(&inflater, -15) != Z_OK))
        die("--deflate: messages of at most 65280 bytes");
    make_frames();
    open_all();
    if (mode == IDLE) {
        hold_idle();
        return 0;
    }
    run_load();
    return 0;
}
