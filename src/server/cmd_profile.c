/* SPDX-License-Identifier: MIT */
/*
 * cmd_profile - `parlor profile GAME`: asks a running server, through its admin
 * listener, for a game's profile (profiler.h), waits, and writes it out.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "room/game.h"
#include "script/vm_profile.h"
#include "server/cmd.h"
#include "server/profiler.h"

static const char help[] =
    "Example: parlor profile pond --seconds 10 --out pond.folded\n"
    "\n"
    "Usage: parlor profile GAME [--seconds N] [--hz N] [--out FILE] [--admin A:P]\n"
    "\n"
    "Samples what the callbacks of a game are doing in a server that runs on this "
    "machine,\n"
    "and writes folded stacks, \"callback pond.tick;pond/game.lua:12 step 34\": what "
    "flame\n"
    "graph tools read (flamegraph.pl, speedscope.app, inferno). The game is some 20 % "
    "slower\n"
    "meanwhile; before and after it costs nothing.\n"
    "\n"
    "  --seconds N  how long (5), 1 to 60\n"
    "  --hz N       samples a second (99), 1 to 1000\n"
    "  --out FILE   where to (stdout)\n"
    "  --admin A:P  the server's admin listener (setting `admin`, or 127.0.0.1 at port + "
    "1)\n"
    "  --help\n"
    "\n"
    "Exit: 0, 64 there is no such game, 65 it does not load, 69 no server answers or it "
    "is\n"
    "taking a profile already, 78 the file cannot be written.\n";

enum {
    ANSWER_BYTES = 16 << 20,
    ANSWER_S = 10, /* for one answer: the server may be busy with a script */
    POLL_MS = 100,
    LATE_MS = 5000, /* after its time, until it is given up */
};

struct words {
    const char *game, *out, *admin;
    uint32_t seconds, hz;
};

static bool read_number(const char *text, uint32_t high, uint32_t *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *out = (uint32_t)value;
    return *text >= '0' && *text <= '9' && !*end && value >= 1 && value <= high;
}

/* Returns an exit code, or -1 to go on. */
static int read_words(struct words *w, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(help, stdout);
            return EXIT_OK;
        }
        if (*word != '-') {
            if (w->game)
                return cmd_complain(
                    EXIT_USAGE, "%s: one word too many (see parlor profile --help)", word);
            w->game = word;
            continue;
        }
        const char **text = strcmp(word, "--out") == 0     ? &w->out
                            : strcmp(word, "--admin") == 0 ? &w->admin
                                                           : NULL;
        bool is_seconds = strcmp(word, "--seconds") == 0, is_hz = strcmp(word, "--hz") == 0;
        if (!text && !is_seconds && !is_hz)
            return cmd_complain(EXIT_USAGE,
                                "%s: there is no such option (see parlor profile --help)",
                                word);
        if (!value)
            return cmd_complain(EXIT_USAGE, "%s: a value is missing", word);
        if (is_seconds && !read_number(value, PROFILER_MAX_SECONDS, &w->seconds))
            return cmd_complain(EXIT_USAGE, "--seconds: a number from 1 to %d",
                                PROFILER_MAX_SECONDS);
        if (is_hz && !read_number(value, VM_PROFILE_MAX_HZ, &w->hz))
            return cmd_complain(EXIT_USAGE, "--hz: a number from 1 to %d",
                                VM_PROFILE_MAX_HZ);
        if (text)
            *text = value;
        i++;
    }
    if (!w->game)
        return cmd_complain(EXIT_USAGE, "profile: which game? (see parlor profile --help)");
    if (!game_is_name(w->game, strlen(w->game)))
        return cmd_complain(EXIT_USAGE, "%s: this is no name of a game", w->game);
    return -1;
}

/* Where the admin listener is: as --admin says, or as a server with these settings would
 * have it. Returns an exit code, or -1 to go on. */
static int find_admin(const struct words *w, char address[CONFIG_TEXT_MAX + 1])
{
    struct config c;
    struct err e;
    int r, code = -1;

    config_init(&c);
    if (config_read_env(&c, &e) < 0) {
        code = cmd_complain(EXIT_CONFIG, "in the environment: %s", e.text);
    } else if ((r = config_read_file(&c, "parlor.lua", &e)) < 0 && r != -ENOENT) {
        code = cmd_complain(EXIT_CONFIG, "%s", e.text);
    } else if (!w->admin && strcmp(c.admin, "off") == 0) {
        code = cmd_complain(EXIT_UNAVAILABLE,
                            "the setting admin is \"off\": the server has no listener to "
                            "ask");
    } else {
        const char *text = w->admin ? w->admin : c.admin;
        snprintf(address, CONFIG_TEXT_MAX + 1, "127.0.0.1:%u", c.port + 1);
        if (*text)
            snprintf(address, CONFIG_TEXT_MAX + 1, "%s", text);
    }
    config_fini(&c);
    return code;
}

static int connect_to(const char *address)
{
    char host[CONFIG_HOST_MAX + 1], service[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct timeval patience = {.tv_sec = ANSWER_S};
    uint32_t port;
    int fd = -1;

    errno = EINVAL;
    if (!config_split_address(address, host, &port))
        return -1;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            int why = errno;
            close(fd);
            fd = -1;
            errno = why;
        }
    }
    freeaddrinfo(list);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    return fd;
}

/* One request; the body is left in `answer`. Returns the status, or -1 where no HTTP
 * comes back: errno says why. */
static int ask(const char *address, const char *method, const char *path,
               struct buf *answer)
{
    int fd = connect_to(address), status = -1;
    ssize_t n = -1;

    buf_clear(answer);
    if (fd < 0)
        return -1;
    buf_format(answer,
               "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: "
               "0\r\n\r\n",
               method, path, address);
    if (!answer->failed &&
        send(fd, answer->data, answer->len, MSG_NOSIGNAL) == (ssize_t)answer->len) {
        buf_clear(answer);
        do {
            uint8_t *at = buf_reserve(answer, 65536);
            n = at ? recv(fd, at, 65536, 0) : -1;
            if (n > 0)
                buf_added(answer, (size_t)n);
        } while (n > 0);
    }
    int why = errno;
    close(fd);
    buf_byte(answer, 0);
    errno = n < 0 ? why : EPROTO;
    char *body =
        n == 0 && !answer->failed ? strstr((char *)answer->data, "\r\n\r\n") : NULL;
    if (!body || sscanf((char *)answer->data, "HTTP/1.1 %d", &status) != 1)
        return -1;
    buf_consume(answer, (size_t)(body + 4 - (char *)answer->data));
    return status;
}

/* What to say about an answer that is not the one hoped for. */
static int complain(int status, const char *address, const struct words *w,
                    const struct buf *answer)
{
    const char *why = (const char *)answer->data;

    if (status < 0)
        return cmd_complain(EXIT_UNAVAILABLE,
                            "no server answers at %s: %s; is it running, and is that its "
                            "admin listener (--admin)?",
                            address, strerror(errno));
    int n = (int)strcspn(why, "\n");
    switch (status) {
    case 404:
        if (strncmp(why, "there is no such game", 21) == 0)
            return cmd_complain(EXIT_USAGE, "%s: the server at %s has no such game",
                                w->game, address);
        break;
    case 409:
        return cmd_complain(EXIT_UNAVAILABLE,
                            "the server is taking a profile already; try again once that "
                            "is over");
    case 503: return cmd_complain(EXIT_BAD_SCRIPT, "%s: %.*s", w->game, n, why);
    }
    return cmd_complain(EXIT_UNAVAILABLE, "the server at %s answers %d: %.*s", address,
                        status, n, why);
}

static int write_out(const struct words *w, const struct buf *answer)
{
    size_t len = answer->len - 1; /* without the NUL */
    FILE *f = w->out ? fopen(w->out, "w") : stdout;

    if (!f || fwrite(answer->data, 1, len, f) != len || fflush(f) != 0 ||
        (w->out && fclose(f) != 0))
        return cmd_complain(EXIT_CONFIG, "%s cannot be written: %s",
                            w->out ? w->out : "stdout", strerror(errno));
    if (len == 0)
        fprintf(stderr, "parlor: nothing of %s ran in these %u s: does anybody play?\n",
                w->game, w->seconds);
    return EXIT_OK;
}

int cmd_profile(int argc, char **argv)
{
    struct words w = {.seconds = PROFILER_SECONDS, .hz = PROFILER_HZ};
    char address[CONFIG_TEXT_MAX + 1], path[256];
    int code = read_words(&w, argc, argv), status;
    struct buf answer;
    unsigned id = 0;

    if (code >= 0 || (code = find_admin(&w, address)) >= 0)
        return code;
    /* Before the wait, not after. */
    FILE *f = w.out ? fopen(w.out, "a") : NULL;
    if (w.out && !f)
        return cmd_complain(EXIT_CONFIG, "%s cannot be written: %s", w.out,
                            strerror(errno));
    if (f)
        fclose(f);
    buf_init(&answer, ANSWER_BYTES);
    snprintf(path, sizeof path, "/_profile?game=%s&seconds=%u&hz=%u", w.game, w.seconds,
             w.hz);
    status = ask(address, "POST", path, &answer);
    if (status == 202 && sscanf((char *)answer.data, "%u", &id) == 1) {
        uint32_t left_ms = w.seconds * 1000 + LATE_MS;
        snprintf(path, sizeof path, "/_profile?id=%u", id);
        do {
            usleep(POLL_MS * 1000);
            left_ms -= POLL_MS;
            status = ask(address, "GET", path, &answer);
        } while (status == 202 && left_ms > POLL_MS);
    }
    code = status == 200 ? write_out(&w, &answer) : complain(status, address, &w, &answer);
    buf_fini(&answer);
    return code;
}
