/* SPDX-License-Identifier: MIT */
/*
 * scale_load - players of tools/bench scale who only read: one thread, real sockets, the
 * same for all servers.
 *
 * stdin holds a path for each connection, a line each, up to an empty line or its end.
 * Each opens a WebSocket, sends the message --hello (hexadecimal; with --after only when
 * the first message has come) and reads. Messages whose first byte is --state are states;
 * with --ack each is acknowledged as the browser SDK does at 20 Hz (PROTOCOL.md, 84).
 *
 * --hold: the connections are kept until stdin ends, and nothing is measured but how
 * fast they came. Else, after --warm-up, for --seconds: states, bytes, the CPU time of
 * the server's process (--pid), and how regularly states come:
 *
 *   jitter    how far the time between two states of a connection is from its mean
 *   lateness  how far a state is behind the connection's schedule, with --period-us: its
 *             tick, which lies in its bytes 2 and 3, times that, from its earliest state on
 *
 * Prints one JSON object, times in us.
 */
#include "scale_load/link.h"
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_HELLO = 100, MAX_PATH = 1024, HOLD_MS = 200000 };

/* When a state came. */
struct note {
    uint32_t link;
    uint16_t tick; /* low bits */
    uint64_t at_us;
};

static struct note *notes; /* of the measurement */
static size_t n_notes, cap_notes;
static bool is_measuring, does_ack;
static int state_type = -1;
static uint64_t period_us;

static void on_message(struct link *l, uint64_t now_us)
{
    if (state_type >= 0 && l->peek[0] != state_type)
        return;
    uint16_t tick = (uint16_t)(l->peek[2] | l->peek[3] << 8);
    if (does_ack) { /* a room is younger than 65536 ticks */
        uint8_t ack[4] = {0x84};
        size_t n = 1;
        for (uint16_t more = tick; n == 1 || more > 0; more >>= 7)
            ack[n++] = (uint8_t)(more < 128 ? more : more | 128);
        link_send(l, 2, ack, n);
    }
    if (!is_measuring)
        return;
    if (n_notes == cap_notes) {
        cap_notes = cap_notes ? cap_notes * 2 : 1 << 16;
        if (!(notes = realloc(notes, cap_notes * sizeof *notes)))
            link_die("out of memory");
    }
    notes[n_notes++] = (struct note){(uint32_t)(l - links), tick, now_us};
    l->n_frames++;
}

/* Order notes by connection; those of one stay in the order of time. */
static int by_link(const void *a, const void *b)
{
    const struct note *x = a, *y = b;

    if (x->link != y->link)
        return x->link < y->link ? -1 : 1;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void print_spread(const char *name, double *list, size_t n)
{
    qsort(list, n, sizeof *list, by_size);
    printf(",\"%s\":{\"n\":%zu,\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f}", name,
           n, n ? list[n / 2] : 0, n ? list[n * 99 / 100] : 0, n ? list[n * 999 / 1000] : 0,
           n ? list[n - 1] : 0);
}

/* notes[from .. to) are of one connection. */
static size_t put_jitter(size_t from, size_t to, double *out)
{
    if (to - from < 3)
        return 0;
    double mean =
        (double)(notes[to - 1].at_us - notes[from].at_us) / (double)(to - from - 1);
    for (size_t i = from + 1; i < to; i++) {
        double off = (double)(notes[i].at_us - notes[i - 1].at_us) - mean;
        *out++ = off < 0 ? -off : off;
    }
    return to - from - 1;
}

static size_t put_lateness(size_t from, size_t to, double *out)
{
    double least = 0;

    for (size_t i = from; i < to; i++) {
        uint16_t ticks = (uint16_t)(notes[i].tick - notes[from].tick);
        out[i - from] = (double)(notes[i].at_us - notes[from].at_us) -
                        (double)ticks * (double)period_us;
        if (out[i - from] < least)
            least = out[i - from];
    }
    for (size_t i = from; i < to; i++)
        out[i - from] -= least;
    return to - from;
}

static void print_spreads(void)
{
    double *jitter = malloc((n_notes + 1) * sizeof *jitter);
    double *lateness = malloc((n_notes + 1) * sizeof *lateness);
    size_t n_jitter = 0, n_lateness = 0;

    if (!jitter || !lateness)
        link_die("out of memory");
    qsort(notes, n_notes, sizeof *notes, by_link);
    for (size_t from = 0, to; from < n_notes; from = to) {
        for (to = from; to < n_notes && notes[to].link == notes[from].link; to++)
            ;
        n_jitter += put_jitter(from, to, jitter + n_jitter);
        if (period_us)
            n_lateness += put_lateness(from, to, lateness + n_lateness);
    }
    print_spread("jitter_us", jitter, n_jitter);
    if (period_us)
        print_spread("lateness_us", lateness, n_lateness);
    free(jitter);
    free(lateness);
}

static void measure(int pid, double warm_up, double seconds)
{
    clockid_t server_clock = CLOCK_MONOTONIC;
    uint64_t bytes = 0, least = UINT64_MAX, most = 0;

    if (pid && clock_getcpuclockid(pid, &server_clock) != 0)
        link_die("--pid: there is no such process");
    link_run_until(link_now_us() + (uint64_t)(warm_up * 1e6));
    for (uint32_t i = 0; i < plan.n; i++)
        bytes -= links[i].n_bytes;
    is_measuring = true;
    uint64_t began = link_clock_ns(CLOCK_MONOTONIC), cpu = link_clock_ns(server_clock);
    uint64_t own = link_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    link_run_until(began / 1000 + (uint64_t)(seconds * 1e6));
    cpu = link_clock_ns(server_clock) - cpu;
    own = link_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
    double took_ns = (double)(link_clock_ns(CLOCK_MONOTONIC) - began);
    for (uint32_t i = 0; i < plan.n; i++) {
        bytes += links[i].n_bytes;
        least = links[i].n_frames < least ? links[i].n_frames : least;
        most = links[i].n_frames > most ? links[i].n_frames : most;
    }
    if (n_notes == 0)
        link_die("no state has come");
    printf("\"states\":%zu,\"least\":%llu,\"most\":%llu,\"seconds\":%.3f,\"bytes\":%.1f,"
           "\"server_us\":%.4f,\"server_cpu\":%.4f,\"load_cpu\":%.4f",
           n_notes, (unsigned long long)least, (unsigned long long)most, took_ns / 1e9,
           (double)bytes / (double)n_notes, (double)cpu / 1000 / (double)n_notes,
           (double)cpu / took_ns, (double)own / took_ns);
    print_spreads();
}

/* Until stdin ends; pings are answered meanwhile. */
static void hold(void)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    uint64_t end_us = link_now_us() + HOLD_MS * 1000ull;

    while (poll(&in, 1, 0) == 0) {
        link_run_until(link_now_us() + 20000);
        if (link_now_us() > end_us)
            link_die("nobody has ended the wait");
    }
}

/* The lines of stdin, up to an empty one. */
static char **read_paths(uint32_t *n)
{
    char line[MAX_PATH], **paths = NULL;

    setvbuf(stdin, NULL, _IONBF, 0); /* what follows is waited for with poll() */
    for (*n = 0; fgets(line, sizeof line, stdin) && line[0] != '\n'; ++*n) {
        line[strcspn(line, "\n")] = 0;
        paths = realloc(paths, (*n + 1) * sizeof *paths);
        if (!paths || !(paths[*n] = strdup(line)))
            link_die("out of memory");
    }
    return paths;
}

static size_t read_hex(const char *text, uint8_t *out)
{
    size_t n = 0;

    for (unsigned byte; n < MAX_HELLO && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port",        required_argument, NULL, 'p'},
        {"pid",         required_argument, NULL, 'i'},
        {"protocol",    required_argument, NULL, 'r'},
        {"hello",       required_argument, NULL, 'h'},
        {"after",       no_argument,       NULL, 'a'},
        {"state",       required_argument, NULL, 't'},
        {"ack",         no_argument,       NULL, 'k'},
        {"hold",        no_argument,       NULL, 'o'},
        {"per-address", required_argument, NULL, 'n'},
        {"period-us",   required_argument, NULL, 'u'},
        {"warm-up",     required_argument, NULL, 'w'},
        {"seconds",     required_argument, NULL, 's'},
        {NULL,          0,                 NULL, 0  }
    };
    uint8_t hello[MAX_HELLO];
    double warm_up = 1, seconds = 2;
    bool holds = false;
    int pid = 0;

    plan.per_address = 4000;
    plan.on_message = on_message;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 'p': plan.port = atoi(optarg); break;
        case 'i': pid = atoi(optarg); break;
        case 'r': plan.protocol = optarg; break;
        case 'h':
            plan.hello = hello;
            plan.n_hello = read_hex(optarg, hello);
            break;
        case 'a': plan.waits = true; break;
        case 't': state_type = atoi(optarg); break;
        case 'k': does_ack = true; break;
        case 'o': holds = true; break;
        case 'n': plan.per_address = (uint32_t)atoi(optarg); break;
        case 'u': period_us = (uint64_t)atoi(optarg); break;
        case 'w': warm_up = atof(optarg); break;
        case 's': seconds = atof(optarg); break;
        default: return 64;
        }
    plan.paths = read_paths(&plan.n);
    if (plan.port < 1 || plan.per_address < 1 || plan.n == 0 || optind < argc) {
        fprintf(stderr, "Example: echo /echo | scale_load --port 8080 --seconds 2\n");
        return 64;
    }
    uint64_t began = link_now_us();
    link_open_all();
    printf("{\"connections\":%u,\"opened_s\":%.3f%s", plan.n,
           (double)(link_now_us() - began) / 1e6, holds ? "}\n" : ",");
    fflush(stdout);
    if (holds) {
        hold();
        return 0;
    }
    measure(pid, warm_up, seconds);
    printf("}\n");
    return 0;
}
