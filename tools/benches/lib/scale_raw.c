/* SPDX-License-Identifier: MIT */
/*
 * scale_raw - the physical limit that tools/bench scale compares with: a timer that
 * writes to sockets, and nothing else.
 *
 * The first message of a client tells its group: the path of its handshake is /GROUP.
 * All of a group get a binary message of so many bytes at the same moments, 20 times a
 * second from the start of the program, the groups one after the other within the
 * period. A client that does not read ends it.
 *
 * Usage: scale_raw BYTES GROUPS. Prints http://127.0.0.1:PORT and serves until killed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
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
    MAX_BYTES = 1 << 20,
    MAX_CONNS = 20000,
    MAX_GROUPS = 4096,
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
};

static struct conn conns[MAX_CONNS];
static int n_conns, group_of[MAX_CONNS], first[MAX_GROUPS], n_groups;
static uint8_t frame[10 + MAX_BYTES];
static size_t n_frame;
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
    n_frame = head + n;
}

static void accept_all(void)
{
    for (int fd, on = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        if (n_conns == MAX_CONNS)
            die("too many connections");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        group_of[n_conns] = -1;
        conns[n_conns] = (struct conn){fd, -1};
        watch(fd, n_conns++);
    }
}

static void on_readable(int i)
{
    char in[4096];
    ssize_t n = recv(conns[i].fd, in, sizeof in - 1, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close(conns[i].fd);
        conns[i].fd = -1;
        return;
    }
    if (group_of[i] >= 0)
        return; /* whatever it says */
    in[n] = 0;
    group_of[i] = (int)(strtoul(in + sizeof "GET /" - 1, NULL, 10) % (unsigned)n_groups);
    if (send(conns[i].fd, answer, sizeof answer - 1, 0) != (ssize_t)sizeof answer - 1)
        die("send");
    conns[i].next = first[group_of[i]];
    first[group_of[i]] = i;
}

static void write_to_group(int group)
{
    int *link = &first[group];

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

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct epoll_event events[N_EVENTS];
    struct timespec now;
    size_t n_bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

    n_groups = argc == 3 ? atoi(argv[2]) : 0;
    if (n_bytes < 1 || n_bytes > MAX_BYTES || n_groups < 1 || n_groups > MAX_GROUPS) {
        fprintf(stderr, "Example: scale_raw 4000 1\n");
        return 64;
    }
    make_frame(n_bytes);
    memset(first, -1, sizeof first);
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
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct itimerspec each = {.it_interval.tv_nsec = PERIOD_NS / n_groups, .it_value = now};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &each, NULL) != 0)
        die("timerfd_settime");
    printf("http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (uint64_t n_due = 0, n_done = 0;;) {
        int n = epoll_wait(poller, events, N_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int64_t what = (int64_t)events[i].data.u64;
            uint64_t more = 0;
            if (what == LISTENER)
                accept_all();
            else if (what >= 0)
                on_readable((int)what);
            else if (read(timer, &more, sizeof more) == sizeof more)
                n_due += more;
            while (n_done < n_due)
                write_to_group((int)(n_done++ % (uint64_t)n_groups));
        }
    }
}
