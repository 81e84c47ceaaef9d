/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AT_ONCE = 64,      /* handshakes under way */
    MAX_ANSWER = 4096, /* of the server to a handshake */
    MAX_CONTROL = 125,
    N_EVENTS = 256,
    READ_BYTES = 256 << 10,
    PING = 9,
    PONG = 10,
    BINARY = 2,
};

struct link_plan plan;
struct link *links;
static int poller;
static uint32_t n_started, n_open;
static uint8_t input[READ_BYTES];

/* Opening. */

static void start(struct link *l, uint32_t i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct linger none = {.l_onoff = 1}; /* a reset: nothing stays in TIME_WAIT */
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = l};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / plan.per_address);
    if (fd < 0)
        link_die("no socket; see ulimit -n");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        link_die("cannot connect");
    l->fd = fd;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0)
        link_die("epoll_ctl failed");
}

static void ask(struct link *l)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    char text[2048];
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                       plan.paths[l - links], plan.port,
                       plan.protocol ? "Sec-WebSocket-Protocol: " : "",
                       plan.protocol ? plan.protocol : "", plan.protocol ? "\r\n" : "");

    if (len >= (int)sizeof text ||
        send(l->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
        link_die("the request cannot be sent");
    if (epoll_ctl(poller, EPOLL_CTL_MOD, l->fd, &e) != 0)
        link_die("epoll_ctl failed");
}

static void say_hello(struct link *l)
{
    if (l->is_joined || !plan.hello)
        return;
    l->is_joined = true;
    link_send(l, BINARY, plan.hello, plan.n_hello);
}

/* The answer to the handshake; returns how much of the input it has used. */
static size_t take_answer(struct link *l, const uint8_t *in, size_t n)
{
    if (!(l->answer = realloc(l->answer, l->n_answer + n + 1)))
        link_die("out of memory");
    memcpy(l->answer + l->n_answer, in, n);
    l->answer[l->n_answer + n] = 0;
    char *end = strstr(l->answer, "\r\n\r\n");
    if (!end && l->n_answer + n > MAX_ANSWER)
        link_die("no end of the answer to the handshake");
    if (!end) {
        l->n_answer += n;
        return n;
    }
    if (strncmp(l->answer, "HTTP/1.1 101 ", 13) != 0 ||
        !strstr(l->answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) /* RFC 6455, 1.3 */
        link_die(l->answer);
    size_t used = (size_t)(end + 4 - l->answer) - l->n_answer;
    free(l->answer);
    l->answer = NULL;
    l->is_open = true;
    n_open++;
    if (n_started < plan.n) {
        start(links + n_started, n_started);
        n_started++;
    }
    if (!plan.waits)
        say_hello(l);
    return used;
}

/* Frames. */

/* Bytes that a frame's head has, as far as is known. */
static uint8_t head_size(const struct link *l)
{
    if (l->n_head < 2)
        return 2;
    uint8_t len = l->head[1] & 127;
    return len == 126 ? 4 : len == 127 ? 10 : 2;
}

static void read_size(struct link *l)
{
    uint8_t n = head_size(l);

    l->at = 0;
    l->size = n == 2 ? l->head[1] : 0;
    for (uint8_t i = 2; i < n; i++)
        l->size = l->size << 8 | l->head[i];
}

static void on_frame(struct link *l, const uint8_t *body, size_t n, uint64_t now_us)
{
    if ((l->head[0] & 15) == PING)
        link_send(l, PONG, body, n);
    if ((l->head[0] & 15) != BINARY)
        return;
    say_hello(l);
    plan.on_message(l, now_us);
}

/* One frame, or what is here of it. A ping that comes in two reads is answered with
 * what the second brought: neither server looks. */
static size_t take_frame(struct link *l, const uint8_t *in, size_t n, uint64_t now_us)
{
    size_t used = 0;

    while (l->n_head < head_size(l)) {
        if (used == n)
            return used;
        l->head[l->n_head++] = in[used++];
        if (l->n_head == head_size(l))
            read_size(l);
    }
    const uint8_t *body = in + used;
    size_t here = l->size - l->at < n - used ? (size_t)(l->size - l->at) : n - used;
    for (size_t i = 0; i < here && l->at + i < LINK_PEEK; i++)
        l->peek[l->at + i] = body[i];
    l->at += here;
    if (l->at == l->size) {
        on_frame(l, body, here < MAX_CONTROL ? here : MAX_CONTROL, now_us);
        l->n_head = 0;
    }
    return used + here;
}

static void on_readable(struct link *l)
{
    ssize_t r = recv(l->fd, input, sizeof input, MSG_DONTWAIT);
    size_t at = 0;

    if (r < 0 && errno == EAGAIN)
        return;
    if (r <= 0)
        link_die("the server has closed a connection");
    uint64_t now_us = link_now_us();
    if (!l->is_open)
        at = take_answer(l, input, (size_t)r);
    l->n_bytes += (size_t)r - at;
    while (at < (size_t)r)
        at += take_frame(l, input + at, (size_t)r - at, now_us);
}

void link_send(struct link *l, int opcode, const uint8_t *data, size_t n)
{
    uint8_t frame[6 + MAX_CONTROL] = {(uint8_t)(128 | opcode), (uint8_t)(128 | n)};

    memcpy(frame + 6, data, n); /* masked with zeros */
    if (send(l->fd, frame, 6 + n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(6 + n))
        link_die("the server does not read");
}

/* One turn. Returns false after LINK_SILENCE_MS without anything. */
static bool turn(int wait_ms)
{
    static uint64_t heard_us;
    struct epoll_event events[N_EVENTS];
    int n = epoll_wait(poller, events, N_EVENTS, wait_ms);

    for (int i = 0; i < n; i++) {
        struct link *l = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            ask(l);
        else
            on_readable(l);
    }
    uint64_t now_us = link_now_us();
    if (n > 0 || heard_us == 0)
        heard_us = now_us;
    return now_us - heard_us < LINK_SILENCE_MS * 1000ull;
}

void link_open_all(void)
{
    poller = epoll_create1(0);
    links = calloc(plan.n, sizeof *links);
    if (poller < 0 || !links)
        link_die("out of memory or descriptors");
    for (; n_started < plan.n && n_started < AT_ONCE; n_started++)
        start(links + n_started, n_started);
    while (n_open < plan.n)
        if (!turn(1000))
            link_die("the server has gone silent");
}

void link_run_until(uint64_t end_us)
{
    for (uint64_t now_us; (now_us = link_now_us()) < end_us;)
        turn((int)((end_us - now_us) / 1000) + 1);
}
