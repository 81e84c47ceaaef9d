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
#include "edge_load/conn.h"
#include "edge_load/latency.h"
#include "edge_load/load.h"
#include "edge_load/message.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum {
    N_EVENTS = 1024,
    READ_BYTES = 256 << 10,
    HOLD_MS = 120000,
};

struct load load = {
    .path = "/",
    .n_conns = 100,
    .inflight = 1,
    .n_bytes = 64,
    .seconds = 1,
    .warm_up = 0.2,
};

static uint8_t input[READ_BYTES];
static uint64_t n_done, n_waited; /* messages; fan-out: deliveries still to come */

static void on_readable(struct conn *c)
{
    ssize_t n = conn_take(c, input, sizeof input);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        load_die("the server has closed a connection");
    uint32_t whole = message_check(c, input, (size_t)n);
    if (whole == 0)
        return;
    if (c->n_got > (load.mode == LOAD_FANOUT ? conns : c)->n_sent)
        load_die("more messages came back than were sent");
    uint64_t now = load_now_ns(CLOCK_MONOTONIC);
    for (uint32_t i = c->n_got - whole; i != c->n_got; i++)
        latency_note(now - message_sent_ns(load.mode == LOAD_FANOUT ? conns : c, i));
    n_done += whole;
    if (load.mode == LOAD_ECHO)
        message_send(c, whole, now);
    else if ((n_waited -= whole) == 0) {
        n_waited = (uint64_t)load.inflight * load.n_conns;
        message_send(conns, load.inflight, now);
    }
}

/* Until `end`: everything that comes in is answered. */
static void run_until(uint64_t end)
{
    struct epoll_event events[N_EVENTS];
    uint64_t now = load_now_ns(CLOCK_MONOTONIC), heard = now;

    while (now < end) {
        int n = epoll_wait(conn_poller, events, N_EVENTS, (int)((end - now) / 1000000) + 1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c->held && events[i].events & EPOLLOUT)
                conn_write_held(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                do
                    on_readable(c);
                while (c->ssl && SSL_has_pending(c->ssl));
        }
        now = load_now_ns(CLOCK_MONOTONIC);
        if (n > 0)
            heard = now;
        if (now - heard > LOAD_SILENCE_MS * 1000000ull)
            load_die("the server has gone silent");
    }
}

static void run_load(void)
{
    clockid_t server_clock = CLOCK_MONOTONIC;
    uint64_t began = load_now_ns(CLOCK_MONOTONIC), cpu, own;

    if (load.pid && clock_getcpuclockid(load.pid, &server_clock) != 0)
        load_die("--pid: there is no such process");
    n_waited = (uint64_t)load.inflight * load.n_conns;
    for (uint32_t i = 0; i < (load.mode == LOAD_FANOUT ? 1 : load.n_conns); i++)
        message_send(conns + i, load.inflight, load_now_ns(CLOCK_MONOTONIC));
    run_until(began + (uint64_t)(load.warm_up * 1e9));

    n_done = 0;
    latency_reset();
    began = load_now_ns(CLOCK_MONOTONIC);
    cpu = load_now_ns(server_clock);
    own = load_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    run_until(began + (uint64_t)(load.seconds * 1e9));
    cpu = load_now_ns(server_clock) - cpu;
    own = load_now_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
    double took_ns = (double)(load_now_ns(CLOCK_MONOTONIC) - began);
    if (n_done == 0)
        load_die("nothing came back in time");
    printf("{\"messages\":%llu,\"seconds\":%.3f,\"messages_per_s\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"load_cpu\":%.2f",
           (unsigned long long)n_done, took_ns / 1e9, (double)n_done * 1e9 / took_ns,
           latency_percentile_us(0.5), latency_percentile_us(0.99), (double)own / took_ns);
    if (load.pid)
        printf(",\"server_cpu\":%.2f,\"server_us_per_message\":%.4f", (double)cpu / took_ns,
               (double)cpu / 1000 / (double)n_done);
    printf("}\n");
}

/* A message to each and back, so that what compression needs has been there. */
static void use_each(void)
{
    for (struct conn *c = conns; c < conns + load.n_conns; c++) {
        message_send(c, 1, 0);
        while (c->n_got == 0) {
            ssize_t n = recv(c->fd, input, sizeof input, 0);
            if (n <= 0)
                load_die("the server has closed a connection");
            message_check(c, input, (size_t)n);
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

    if (load.is_deflate)
        use_each();
    printf("{\"connections\":%u}\n", load.n_conns);
    fflush(stdout);
    if (poll(&in, 1, HOLD_MS) <= 0)
        load_die("nobody has ended the wait");
    for (uint32_t i = 0; i < load.n_conns; i++)
        alive +=
            recv(conns[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    if (alive < load.n_conns)
        load_die("the server has closed idle connections, or sent something");
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

static enum load_mode mode_of(const char *text)
{
    static const char *const names[] = {"echo", "fanout", "idle"};

    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum load_mode)i;
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
        case 'p': load.port = (int)number(optarg, 1, 65535); break;
        case 'a': load.path = optarg; break;
        case 'i': load.pid = (int)number(optarg, 1, 1 << 30); break;
        case 'm': load.mode = mode_of(optarg); break;
        case 'c': load.n_conns = (uint32_t)number(optarg, 1, 1000000); break;
        case 'k': load.inflight = (uint32_t)number(optarg, 1, 1024); break;
        case 'b':
            load.n_bytes = (size_t)number(optarg, LOAD_MIN_BYTES, LOAD_MAX_BYTES);
            break;
        case 's': load.seconds = number(optarg, 0.01, 600); break;
        case 't': conn_use_tls(); break;
        case 'w': load.warm_up = number(optarg, 0.01, 60); break;
        case 'd': load.is_deflate = true; break;
        default: return 64;
        }
    if (load.port == 0 || optind < argc) {
        fprintf(stderr, "Example: edge_load --port 8080 --path /echo --connections 100 "
                        "--inflight 16 --seconds 2\n");
        return 64;
    }
    message_init();
    conn_open_all();
    if (load.mode == LOAD_IDLE) {
        hold_idle();
        return 0;
    }
    run_load();
    return 0;
}
