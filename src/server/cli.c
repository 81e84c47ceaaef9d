/* SPDX-License-Identifier: MIT */
#include "server/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/logger.h"
#include "server/cmd.h"
#include "server/config.h"
#include "server/https.h"
#include "server/keys.h"
#include "server/server.h"

static const char usage[] =
    "Parlor " PARLOR_VERSION ", a multiplayer game server that you script in Lua\n"
    "\n"
    "  parlor dev                 serve ./games at http://localhost:8080, reload on save\n"
    "  parlor new tag             a new game that runs, in games/tag\n"
    "  parlor check tag           what is wrong with it; parlor test tag: does it play?\n"
    "  parlor serve games --port 80 --config parlor.lua\n"
    "  parlor serve games --port 443 --tls_cert chain.pem --tls_key key.pem\n"
    "\n"
    "commands:\n"
    "  dev [FOLDER] [settings]    for building games: loopback, hot reload, error "
    "overlay,\n"
    "                             keys in the terminal (?);\n"
    "                             with --tls at https, with a certificate made for it\n"
    "  serve [FOLDER] [settings]  for players: Origin is checked, nothing is watched;\n"
    "                             with --takeover in the place of the one that runs\n"
    "  new NAME                   make a game to start from\n"
    "  check [GAME]               find mistakes without running a server\n"
    "  test [GAME] [WORD]         run test.lua, with simulated players and clock\n"
    "  bots GAME [N]              players who are not there, by the game's bot.lua\n"
    "  types [GAME]               write definitions for editors and for TypeScript\n"
    "  profile GAME               where a running server's time goes: stacks for flame "
    "graphs\n"
    "  config print [settings]    all settings, their values and where they come from\n"
    "  --version, --help          COMMAND --help tells more\n"
    "\n"
    "settings, as --NAME VALUE, PARLOR_NAME in the environment, or a key of parlor.lua\n"
    "(--config FILE; ./parlor.lua is read where it is there):\n";

static void print_help(void)
{
    fputs(usage, stdout);
#define TEXT(name, preset, help) printf("  --%-14s %s\n", #name, help);
#define WHOLE(name, unit, preset, low, high, help)                                         \
    printf("  --%-14s %s (%u)\n", #name, help, preset);
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    printf("  --%-14s %s\n", "origins",
           "pages that may connect beside our own, with commas");
}

/* Read the words behind the command into *c. Returns an exit code, or -1 to go
 * on. */
static int read_words(struct config *c, int argc, char **argv, const char **file,
                      const char **folder)
{
    struct err e;

    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *value = NULL;
        char key[64];
        if (strncmp(word, "--", 2) != 0) {
            if (*folder)
                return cmd_complain(EXIT_USAGE,
                                    "%s: one folder is enough (see parlor --help)", word);
            *folder = word;
            continue;
        }
        size_t n = strcspn(word + 2, "=");
        if (n >= sizeof key)
            return cmd_complain(EXIT_USAGE, "%s: there is no such setting", word);
        memcpy(key, word + 2, n);
        key[n] = 0;
        if (strcmp(key, "help") == 0) {
            print_help();
            return EXIT_OK;
        }
        if (strcmp(key, "tls") == 0) {
            if (!c->is_dev)
                return cmd_complain(EXIT_USAGE,
                                    "--tls is for parlor dev; players need a real "
                                    "certificate: --tls_cert and --tls_key");
            c->is_self_signed = true;
            continue;
        }
        if (strcmp(key, "takeover") == 0) {
            if (c->is_dev)
                return cmd_complain(EXIT_USAGE, "--takeover is for parlor serve");
            c->takes_over = true;
            continue;
        }
        if (strcmp(key, "config") != 0 && !config_has(key))
            return cmd_complain(EXIT_USAGE,
                                "--%s: there is no such setting (see parlor --help)", key);
        value = word[2 + n] == '=' ? word + 3 + n : i + 1 < argc ? argv[++i] : NULL;
        if (!value)
            return cmd_complain(EXIT_USAGE, "--%s: a value is missing", key);
        if (strcmp(key, "config") == 0)
            *file = value;
        else if (config_set(c, key, value, CONFIG_FLAG, &e) < 0)
            return cmd_complain(EXIT_USAGE, "--%s", e.text);
    }
    return -1;
}

static int read_settings(struct config *c, int argc, char **argv)
{
    const char *file = NULL, *folder = NULL;
    struct err e;
    int r = read_words(c, argc, argv, &file, &folder);

    if (r >= 0)
        return r;
    if (config_read_env(c, &e) < 0)
        return cmd_complain(EXIT_CONFIG, "in the environment: %s", e.text);
    r = config_read_file(c, file ? file : "parlor.lua", &e);
    if (r < 0 && (file || r != -ENOENT))
        return cmd_complain(EXIT_CONFIG, "%s", e.text);
    snprintf(c->games, sizeof c->games, "%s", folder ? folder : "games");
    return -1;
}

/* As many connections as the machine lets us have. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void say_where(const struct server *s)
{
    const struct config *c = s->config;
    const char *host = *c->host ? c->host : c->is_dev ? "localhost" : "0.0.0.0";
    const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";
    size_t n = server_n_games(s);

    printf("Parlor " PARLOR_VERSION ": %s://%s%s%s:%u  (%zu game%s from %s%s)\n",
           https_is_on(c) ? "https" : "http", open, host, close, server_port(s), n,
           n == 1 ? "" : "s", c->games, c->is_dev ? ", reload on save" : "");
    fflush(stdout);
}

static int run(struct config *c)
{
    static struct server server; /* holds libuv handles: it must not move */
    struct err e;

    if (!*c->scripts && !cmd_find_scripts(c->scripts))
        return cmd_complain(EXIT_CONFIG,
                            "the Lua library is not found; name its folder with "
                            "--scripts");
    if (access(c->games, R_OK | X_OK) != 0)
        return cmd_complain(EXIT_CONFIG,
                            "the games folder %s cannot be read: %s; name one, as in "
                            "parlor %s FOLDER",
                            c->games, strerror(errno), c->is_dev ? "dev" : "serve");
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (server_open(&server, c, &e) < 0) {
        int code = e.code == UV_EADDRINUSE || e.code == UV_EACCES ||
                           e.code == UV_EADDRNOTAVAIL || e.code == UV_EBUSY ||
                           e.code == UV_ETIMEDOUT
                       ? EXIT_UNAVAILABLE
                       : EXIT_CONFIG;
        server_close(&server);
        return cmd_complain(code, "%s", e.text);
    }
    if (server_n_games(&server) == 0)
        logger_warn("games", "there is no game in %s: a game is a folder with a game.lua",
                    c->games);
    say_where(&server);
    struct keys *keys = c->is_dev ? keys_open(&server) : NULL;
    server_run(&server);
    keys_close(&keys);
    server_close(&server);
    logger_info("server", "stopped");
    return EXIT_OK;
}

static int print_config(struct config *c)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    config_print(c, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_fini(&out);
    return EXIT_OK;
}

/* The commands that serve nothing. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} authors[] = {
    {"bots",    cmd_bots   },
    {"check",   cmd_check  },
    {"new",     cmd_new    },
    {"profile", cmd_profile},
    {"test",    cmd_test   },
    {"types",   cmd_types  },
};

int cli_main(int argc, char **argv)
{
    struct config c;
    const char *command = argc > 1 ? argv[1] : "--help";
    bool prints = strcmp(command, "config") == 0;

    if (strcmp(command, "--help") == 0 || strcmp(command, "help") == 0) {
        print_help();
        return argc > 1 ? EXIT_OK : EXIT_USAGE;
    }
    if (strcmp(command, "--version") == 0) {
        puts("parlor " PARLOR_VERSION);
        return EXIT_OK;
    }
    for (size_t i = 0; i < sizeof authors / sizeof *authors; i++)
        if (strcmp(command, authors[i].name) == 0)
            return authors[i].run(argc - 2, argv + 2);
    if (prints && (argc < 3 || strcmp(argv[2], "print") != 0))
        return cmd_complain(EXIT_USAGE, "config: did you mean parlor config print?");
    if (!prints && strcmp(command, "dev") != 0 && strcmp(command, "serve") != 0)
        return cmd_complain(EXIT_USAGE, "%s: there is no such command (see parlor --help)",
                            command);
    config_init(&c);
    c.is_dev = strcmp(command, "dev") == 0;
    int code = read_settings(&c, argc - 2 - prints, argv + 2 + prints);
    if (code < 0)
        code = prints ? print_config(&c) : run(&c);
    config_fini(&c);
    return code;
}
