/* SPDX-License-Identifier: MIT */
#include "server/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/logger.h"
#include "server/https.h"
#include "server/server.h"

enum {
    BOTS_AT_ONCE = 2, /* of each game, for one key */
    ROUNDS = 5,       /* of bots, in all */
    PROCESSES = 256,
};

struct keys {
    struct server *server;
    uv_poll_t input;
    uv_signal_t cont; /* back from Ctrl-Z */
    unsigned rounds;
    unsigned n_open; /* handles */
};

/* What has to be undone from anywhere, signal handlers included. */
static struct {
    int fd; /* of the terminal, opened for us alone; -1: none */
    struct termios was;
    volatile pid_t bots[PROCESSES]; /* 0: free */
} ours = {.fd = -1};

static bool is_in_foreground(void)
{
    return tcgetpgrp(ours.fd) == getpgrp();
}

/* In the background the terminal is somebody else's (and setting it
 * would stop us). */
void keys_put_back(void)
{
    if (ours.fd >= 0 && is_in_foreground())
        tcsetattr(ours.fd, TCSANOW, &ours.was);
    for (size_t i = 0; i < PROCESSES; i++)
        if (ours.bots[i] > 0)
            kill(ours.bots[i], SIGTERM);
}

static void on_end_signal(int number)
{
    keys_put_back();
    raise(number); /* SA_RESETHAND: it ends us now */
}

/* Where nobody else (a sanitizer, say) has asked for the signal. */
static void watch_end_signals(void)
{
    static const int numbers[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction ours_then = {.sa_handler = on_end_signal,
                                  .sa_flags = (int)SA_RESETHAND};
    struct sigaction now;

    sigemptyset(&ours_then.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(numbers[i], &ours_then, NULL);
}

/* Keys come at once and are not shown; ISIG stays, so that Ctrl-C is SIGINT. */
static bool take_terminal(void)
{
    struct termios t = ours.was;

    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return tcsetattr(ours.fd, TCSANOW, &t) == 0;
}

static void say(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

/* Where the server is, as seen from this machine. */
static void write_url(const struct server *s, char *out, size_t size)
{
    const struct config *c = s->config;
    const char *host = !*c->host                         ? "localhost"
                       : strcmp(c->host, "0.0.0.0") == 0 ? "127.0.0.1"
                       : strcmp(c->host, "::") == 0      ? "::1"
                                                         : c->host;
    bool is_v6 = strchr(host, ':');

    snprintf(out, size, "%s://%s%s%s:%u", https_is_on(c) ? "https" : "http",
             is_v6 ? "[" : "", host, is_v6 ? "]" : "", server_port(s));
}

/* Processes. */

static void on_process_closed(uv_handle_t *process)
{
    free(process);
}

static void on_process_exit(uv_process_t *process, int64_t status, int number)
{
    (void)status, (void)number;
    for (size_t i = 0; i < PROCESSES; i++)
        if (ours.bots[i] == process->pid)
            ours.bots[i] = 0;
    uv_close((uv_handle_t *)process, on_process_closed);
}

/* Start a program that has no stdin. Returns its pid or a negative code. */
static int start(struct keys *k, const char *file, char **argv, bool is_loud)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {                                            .flags = UV_IGNORE                 },
        { .flags = is_loud ? UV_INHERIT_FD : UV_IGNORE,                  .data.fd = STDERR_FILENO}
    };
    uv_process_options_t options = {.file = file,
                                    .args = argv,
                                    .exit_cb = on_process_exit,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    uv_process_t *process = calloc(1, sizeof *process);
    int r = process ? uv_spawn(k->server->loop, process, &options) : UV_ENOMEM;

    if (r < 0 && process)
        uv_close((uv_handle_t *)process, on_process_closed);
    return r < 0 ? r : process->pid;
}

static void open_hub(struct keys *k)
{
    char url[CONFIG_TEXT_MAX + 64], path[2 * CONFIG_TEXT_MAX + 80];
    char *argv[] = {"xdg-open", path, NULL};

    write_url(k->server, url, sizeof url);
    snprintf(path, sizeof path, "%s%s/", url, k->server->config->base_path);
    int pid = start(k, "xdg-open", argv, false);
    printf(pid < 0 ? "open %s in a browser (there is no xdg-open here)\n" : "opening %s\n",
           path);
    fflush(stdout);
}

/* Two more players in one game. Returns whether there is somebody who can play it. */
static bool add_bots_of(struct keys *k, const char *game, const char *url)
{
    const struct config *c = k->server->config;
    char file[CONFIG_TEXT_MAX + 64], count[16];
    size_t i = 0;

    snprintf(file, sizeof file, "%s/%s/bot.lua", c->games, game);
    while (i < PROCESSES && ours.bots[i] != 0)
        i++;
    if (i == PROCESSES || access(file, R_OK) != 0)
        return false;
    snprintf(count, sizeof count, "%d", BOTS_AT_ONCE);
    char *argv[] = {
        "parlor",    "bots",    (char *)game,     count,       "--url",
        (char *)url, "--games", (char *)c->games, "--scripts", (char *)c->scripts,
        NULL};
    int pid = start(k, "/proc/self/exe", argv, true);
    if (pid < 0) {
        logger_warn("keys", "no bots for %s: %s", game, uv_strerror(pid));
        return false;
    }
    ours.bots[i] = pid;
    return true;
}

static void add_bots(struct keys *k)
{
    char url[CONFIG_TEXT_MAX + 64];
    unsigned n = 0;
    size_t n_games;

    write_url(k->server, url, sizeof url);
    if (https_is_on(k->server->config)) {
        say("bots speak no TLS yet: start parlor dev without it\n");
        return;
    }
    if (k->rounds == ROUNDS) {
        printf("%d bots a game are enough; parlor bots GAME N adds more\n",
               ROUNDS * BOTS_AT_ONCE);
        fflush(stdout);
        return;
    }
    struct server_game **games = server_list_games(k->server, &n_games);
    for (size_t i = 0; i < n_games; i++)
        n += add_bots_of(k, games[i]->name, url);
    free(games);
    k->rounds += n > 0;
    if (n > 0)
        printf("bots: %d more in %u %s\n", BOTS_AT_ONCE, n, n == 1 ? "game" : "games");
    else
        printf("no game has a bot.lua (games/README.md, \"Bots\")\n");
    fflush(stdout);
}

/* Keys. */

static void on_key(struct keys *k, char key)
{
    switch (key) {
    case 'o': open_hub(k); break;
    case 'b': add_bots(k); break;
    case 'r':
        server_find_games(k->server);
        server_reload(k->server, NULL);
        break;
    case 'q':
        kill(getpid(), SIGINT); /* the same way as Ctrl-C, and twice: at once */
        break;
    case '?':
        say("  o  open the hub in a browser\n"
            "  b  add two bots to each game that has a bot.lua (five times)\n"
            "  r  reload all games\n"
            "  q  quit\n");
        break;
    default: /* a slip, or a part of an arrow key */ break;
    }
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct keys *k = poll->data;
    char keys[64];

    (void)events;
    /* Reading in the background would stop us; SIGCONT tells when that is over. */
    ssize_t n = status == 0 && is_in_foreground() ? read(ours.fd, keys, sizeof keys) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        uv_poll_stop(poll); /* gone, or not ours now */
    for (ssize_t i = 0; i < n; i++)
        on_key(k, keys[i]);
}

/* fg or bg: shells set the terminal as they like meanwhile. */
static void on_cont(uv_signal_t *handle, int number)
{
    struct keys *k = handle->data;

    (void)number;
    if (is_in_foreground() && take_terminal())
        uv_poll_start(&k->input, UV_READABLE, on_input);
    else
        uv_poll_stop(&k->input);
}

/* A description of the terminal of our own: libuv makes it non-blocking, and the one
 * that we have as stdin is the shell's as well. */
static int open_terminal(void)
{
    char path[PATH_MAX];

    if (!isatty(STDIN_FILENO) || ttyname_r(STDIN_FILENO, path, sizeof path) != 0)
        return -1;
    return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void close_terminal(void)
{
    keys_put_back();
    close(ours.fd);
    ours.fd = -1;
}

struct keys *keys_open(struct server *s)
{
    struct keys *k;

    if ((ours.fd = open_terminal()) < 0)
        return NULL;
    if (!is_in_foreground() || tcgetattr(ours.fd, &ours.was) != 0 ||
        !(k = calloc(1, sizeof *k))) {
        close(ours.fd);
        ours.fd = -1;
        return NULL;
    }
    if (uv_poll_init(s->loop, &k->input, ours.fd) < 0 || !take_terminal()) {
        close_terminal();
        free(k);
        return NULL;
    }
    atexit(keys_put_back);
    watch_end_signals();
    k->server = s;
    k->input.data = k->cont.data = k;
    uv_poll_start(&k->input, UV_READABLE, on_input);
    uv_signal_init(s->loop, &k->cont);
    uv_signal_start(&k->cont, on_cont, SIGCONT);
    k->n_open = 2;
    say("Keys: o open the hub, b add bots, r reload, q quit, ? help\n");
    return k;
}

static void on_closed(uv_handle_t *handle)
{
    struct keys *k = handle->data;

    if (--k->n_open == 0)
        free(k);
}

/* Of the loop's handles only our processes are ours to close. */
static void close_process(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (handle->type == UV_PROCESS && !uv_is_closing(handle))
        uv_close(handle, on_process_closed);
}

void keys_close(struct keys **keys)
{
    struct keys *k = *keys;

    *keys = NULL;
    if (!k)
        return;
    uv_walk(k->server->loop, close_process, NULL);
    uv_close((uv_handle_t *)&k->input, on_closed);
    uv_close((uv_handle_t *)&k->cont, on_closed);
    close_terminal();
}
