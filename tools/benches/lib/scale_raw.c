/* SPDX-License-Identifier: MIT */
/*
 * scale_raw - the physical limit that tools/bench scale compares with: a timer that
 * writes to sockets, and nothing else.
 *
 * A client's group is the path of its handshake, /GROUP. All of a group get a binary
 * message of so many bytes at the same moments, 20 times a second from when the first of
 * them came, as a room does that is made then. Bytes 2 and 3 count these moments. A
 * client that does not read ends it.
 *
 * Usage: scale_raw BYTES. Prints http://127.0.0.1:PORT and serves until killed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    PERIOD_NS = 50 * 1000 * 1000,
    MIN_BYTES = 4, /* the count is in it */
    MAX_BYTES = 1 << 20,
    MAX_CONNS = 20000,
    MAX_GROUPS = 1024,
    N_EVENTS = 256,
    LISTENER = -1, /* in an event: not a connection */
    TIMER = -2,
};

static const char answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\n" /* to the key that scale_load sends */
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct conn {
    int fd, next; /* next: of its group; -1: none */
    bool is_open;
};

struct group {
    int first;                /* of its connections; -1: none */
    uint64_t n_ticks, due_ns; /* due_ns 0: nobody has come yet */
};

static struct conn conns[MAX_CONNS];
static struct group groups[MAX_GROUPS];
static int n_conns;
static uint8_t frame[10 + MAX_BYTES];
static size_t n_frame, n_head;
static int poller, listener, timer;

static void die(const char *why)
{
    perror(why);
    exit(1);
}

static void watch(int fd, int64_t what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)what};

    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0)
        die("epoll_ctl");
}

static void make_frame(size_t n)
{
    size_t head = n < 126 ? 2 : n < 65536 ? 4 : 10;

    frame[0] = 0x82;
    frame[1] = (uint8_t)(head == 2 ? n : head == 4 ? 126 : 127);
    for (size_t i = 2; i < head; i++)
        frame[i] = (uint8_t)(n >> 8 * (head - 1 - i));
    n_head = head;
    n_frame = head + n;
}

static void accept_all(void)
{
    for (int fd, on = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        if (n_conns == MAX_CONNS)
            die("too many connections");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        conns[n_conns] = (struct conn){.fd = fd, .next = -1};
        watch(fd, n_conns++);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The next alarm is when the first group is due. */
static void set_timer(void)
{
    uint64_t at = UINT64_MAX;

    for (struct group *g = groups; g < groups + MAX_GROUPS; g++)
        if (g->due_ns && g->due_ns < at)
            at = g->due_ns;
    struct itimerspec alarm = {
        .it_value = {.tv_sec = (time_t)(at / 1000000000),
                     .tv_nsec = (long)(at % 1000000000)}
    };
    if (at < UINT64_MAX && timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL) != 0)
        die("timerfd_settime");
}

static void on_readable(struct conn *c)
{
    char in[4096];
    ssize_t n = recv(c->fd, in, sizeof in - 1, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        return;
    }
    if (c->is_open)
        return; /* whatever it says */
    in[n] = 0;
    struct group *g = groups + strtoul(in + sizeof "GET /" - 1, NULL, 10) % MAX_GROUPS;
    if (send(c->fd, answer, sizeof answer - 1, 0) != (ssize_t)sizeof answer - 1)
        die("send");
    c->is_open = true;
    c->next = g->first;
    g->first = (int)(c - conns);
    if (g->due_ns == 0) {
        g->due_ns = now_ns() + PERIOD_NS;
        set_timer();
    }
}

static void write_to(struct group *g)
{
    int *link = &g->first;

    frame[n_head + 2] = (uint8_t)g->n_ticks;
    frame[n_head + 3] = (uint8_t)(g->n_ticks >> 8);
    g->n_ticks++;
    g->due_ns += PERIOD_NS;
    while (*link >= 0) {
        struct conn *c = conns + *link;
        if (c->fd < 0) { /* it has left */
            *link = c->next;
            continue;
        }
        ssize_t r = send(c->fd, frame, n_frame, MSG_NOSIGNAL);
        if (r >= 0 && r != (ssize_t)n_frame)
            die("a client does not read");
        link = &c->next;
    }
}

static void on_timer(void)
{
    uint64_t times;

    if (read(timer, &times, sizeof times) != sizeof times)
        return;
    uint64_t now = now_ns();
    for (struct group *g = groups; g < groups + MAX_GROUPS; g++)
        while (g->due_ns && g->due_ns <= now)
            write_to(g);
    set_timer();
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct epoll_event events[N_EVENTS];
    size_t n_bytes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (n_bytes < MIN_BYTES || n_bytes > MAX_BYTES) {
        fprintf(stderr, "Example: scale_raw 4000\n");
        return 64;
    }
    make_frame(n_bytes);
    for (int i = 0; i < MAX_GROUPS; i++)
        groups[i].first = -1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        die("listen");
    watch(listener, LISTENER);
    watch(timer, TIMER);
    printf("http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poller, events, N_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int64_t what = (int64_t)events[i].data.u64;
            if (what == LISTENER)
                accept_all();
            else if (what == TIMER)
                on_timer();
            else
                on_readable(conns + what);
        }
    }
}
