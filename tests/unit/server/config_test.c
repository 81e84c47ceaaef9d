/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/config.h"

static char path[64];

/* Read this text as parlor.lua. */
static int read_text(struct config *c, const char *text, size_t len, struct err *e)
{
    strcpy(path, "/tmp/parlor-config-XXXXXX");
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
    int r = config_read_file(c, path, e);
    unlink(path);
    return r;
}

static int read_lua(struct config *c, const char *text, struct err *e)
{
    return read_text(c, text, strlen(text), e);
}

static void clear_env(void)
{
    extern char **environ;
    char name[128];

    for (char **at = environ; *at;) {
        size_t n = strcspn(*at, "=");
        if (strncmp(*at, "PARLOR_", 7) != 0 || n >= sizeof name) {
            at++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)n, *at);
        unsetenv(name);
        at = environ;
    }
}

TEST(config_defaults, "every key has the default of config_key.def, and it is in its range")
{
    struct config c;

    config_init(&c);
    CHECK_EQ(c.port, 8080);
    CHECK_STR(c.host, "");
    CHECK_EQ(c.max_conns, 100000);
    CHECK_EQ(c.dead_ms, 60000);
    CHECK_EQ(c.stuck_ms, 30000);
    CHECK_EQ(c.n_origins, 0);
#define TEXT(name, preset, help)                                                           \
    CHECK_STR(c.name, preset);                                                             \
    CHECK_EQ(c.name##_from, CONFIG_DEFAULT);
#define WHOLE(name, unit, preset, low, high, help)                                         \
    CHECK(c.name == (preset) && (int64_t)c.name >= (low) && c.name <= (high));             \
    CHECK_EQ(c.name##_from, CONFIG_DEFAULT);
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    config_fini(&c);
}

/* Every whole number at both ends and one beyond. */
TEST(config_ranges, "numbers are taken at both ends of their ranges and not beyond")
{
    struct config c;
    struct err e;
    char text[32];

    config_init(&c);
#define TEXT(name, preset, help)
#define WHOLE(name, unit, preset, low, high, help)                                         \
    snprintf(text, sizeof text, "%lld", (long long)(low));                                 \
    CHECK_EQ(config_set(&c, #name, text, CONFIG_FLAG, &e), 0);                             \
    CHECK_EQ(c.name, (low));                                                               \
    snprintf(text, sizeof text, "%lld", (long long)(high));                                \
    CHECK_EQ(config_set(&c, #name, text, CONFIG_FLAG, &e), 0);                             \
    CHECK_EQ(c.name, (high));                                                              \
    snprintf(text, sizeof text, "%lld", (long long)(high) + 1);                            \
    CHECK_EQ(config_set(&c, #name, text, CONFIG_FLAG, &e), -EINVAL);                       \
    CHECK(strncmp(e.text, #name ": ", sizeof #name + 1) == 0);                             \
    snprintf(text, sizeof text, "%lld", (long long)(low)-1);                               \
    CHECK_EQ(config_set(&c, #name, text, CONFIG_FLAG, &e), -EINVAL);                       \
    CHECK_EQ(c.name, (high));
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    config_fini(&c);
}

TEST(config_order,
     "flags over environment over file over defaults, in any order of reading")
{
    struct config c;
    struct err e;

    clear_env();
    config_init(&c);
    CHECK_EQ(config_set(&c, "port", "1", CONFIG_FLAG, &e), 0);
    setenv("PARLOR_PORT", "2", 1);
    setenv("PARLOR_MAX_CONNS", "22", 1);
    setenv("PARLOR_HOST", "env", 1);
    CHECK_EQ(config_read_env(&c, &e), 0);
    CHECK_EQ(read_lua(&c,
                      "return {port = 3, max_conns = 33, max_head = 3333, host = 'file', "
                      "admin = 'file', origins = {'http://a'}}",
                      &e),
             0);
    CHECK_EQ(c.port, 1);
    CHECK_EQ(c.port_from, CONFIG_FLAG);
    CHECK_EQ(c.max_conns, 22);
    CHECK_EQ(c.max_conns_from, CONFIG_ENV);
    CHECK_EQ(c.max_head, 3333);
    CHECK_EQ(c.max_head_from, CONFIG_FILE);
    CHECK_STR(c.host, "env");
    CHECK_STR(c.admin, "file");
    CHECK_EQ(c.max_body_from, CONFIG_DEFAULT);
    CHECK_EQ(config_set(&c, "origins", "http://b, https://c:81", CONFIG_ENV, &e), 0);
    CHECK_EQ(c.n_origins, 2);
    CHECK_EQ(config_set(&c, "origins", "http://a", CONFIG_FILE, &e), 0);
    CHECK_EQ(c.n_origins, 2);
    CHECK_STR(c.origins[1], "https://c:81");
    CHECK_EQ(config_set(&c, "port", "4", CONFIG_FLAG, &e), 0); /* the last of its kind */
    CHECK_EQ(c.port, 4);
    config_fini(&c);
    clear_env();
}

static const struct {
    const char *key, *value, *error;
} bad[] = {
    {"port",      "",                        "port:  is not a whole number from 0 to 65535"         },
    {"port",      "x",                       "port: x is not a whole number from 0 to 65535"        },
    {"port",      "80x",                     "port: 80x is not a whole number from 0 to 65535"      },
    {"port",      " 80",                     "port:  80 is not a whole number from 0 to 65535"      },
    {"port",      "+80",                     "port: +80 is not a whole number from 0 to 65535"      },
    {"port",      "0x50",                    "port: 0x50 is not a whole number from 0 to 65535"     },
    {"port",      "8.5",                     "port: 8.5 is not a whole number from 0 to 65535"      },
    {"port",      "99999999999999999999999",
     "port: 99999999999999999999999 is not a whole number"                                          },
    {"max-conns", "0",                       "max_conns: 0 is not a whole number from 1 to 10000000"},
    {"prt",       "5",                       "prt: there is no such setting"                        },
    {"",          "5",                       ": there is no such setting"                           },
    {"port_",     "5",                       "port_: there is no such setting"                      },
    {"games",     "x",                       "games: there is no such setting"                      },
    {"origins",   "example.com",
     "origins: example.com is no origin, such as https://example.com"                               },
    {"origins",   "http://",                 "origins: http:// is no origin"                        },
    {"origins",   "://x",                    "origins: ://x is no origin"                           },
    {"origins",   "http://a/",               "origins: http://a/ is no origin"                      },
    {"origins",   "http://a,,b",             "origins: b is no origin"                              },
};

TEST(config_bad, "a wrong value or an unknown key is named, with what would be right")
{
    struct config c;
    struct err e;
    char text[CONFIG_TEXT_MAX + 2];

    config_init(&c);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(config_set(&c, bad[i].key, bad[i].value, CONFIG_FLAG, &e), -EINVAL);
        if (strncmp(e.text, bad[i].error, strlen(bad[i].error)) != 0)
            fail_msg("%s=%s gave %s", bad[i].key, bad[i].value, e.text);
    }
    memset(text, 'x', sizeof text);
    text[CONFIG_TEXT_MAX + 1] = 0;
    CHECK_EQ(config_set(&c, "host", text, CONFIG_FLAG, &e), -EINVAL);
    CHECK_STR(e.text, "host: longer than 1023 bytes");
    text[CONFIG_TEXT_MAX] = 0;
    CHECK_EQ(config_set(&c, "host", text, CONFIG_FLAG, &e), 0);
    CHECK_EQ(config_set(&c, "origins", " * , http://a ,", CONFIG_FLAG, &e), 0);
    CHECK_EQ(c.n_origins, 2);
    CHECK_STR(c.origins[0], "*");
    CHECK_STR(c.origins[1], "http://a");
    char many[CONFIG_MAX_ORIGINS * 10 + 20] = "";
    for (int i = 0; i <= CONFIG_MAX_ORIGINS; i++)
        strcat(many, "http://a,");
    CHECK_EQ(config_set(&c, "origins", many, CONFIG_FLAG, &e), -EINVAL);
    CHECK_STR(e.text, "origins: more than 64");
    config_fini(&c);
}

TEST(config_names, "'-' counts as '_' in a key")
{
    CHECK(config_has("max-conns") && config_has("max_conns") && config_has("origins"));
    CHECK(!config_has("max+conns") && !config_has("max_conn") && !config_has("max_connss"));
    CHECK(!config_has("games") && !config_has(""));
}

TEST(config_env, "PARLOR_* that are no keys are passed over, bad values are not")
{
    struct config c;
    struct err e;

    clear_env();
    config_init(&c);
    setenv("PARLOR_BIN", "x", 1);
    setenv("PARLOR_", "x", 1);
    setenv("PARLOR_AVERYVERYVERYVERYVERYVERYVERYVERYVERYVERYVERYVERYVERYVERYLONGNAME", "x",
           1);
    setenv("XPARLORPORT", "5", 1);
    setenv("XPARLOR_PORT", "5", 1);
    setenv("PARLOR_ORIGINS", "http://a,http://b", 1);
    setenv("PARLOR_HOST", "a=b", 1);
    CHECK_EQ(config_read_env(&c, &e), 0);
    CHECK_EQ(c.port, 8080);
    CHECK_EQ(c.n_origins, 2);
    CHECK_EQ(c.origins_from, CONFIG_ENV);
    CHECK_STR(c.host, "a=b");
    setenv("PARLOR_PORT", "http", 1);
    CHECK_EQ(config_read_env(&c, &e), -EINVAL);
    CHECK_STR(e.text, "port: http is not a whole number from 0 to 65535");
    config_fini(&c);
    clear_env();
}

/* After "<path>: " or, where Lua itself complains, anywhere. */
static const struct {
    const char *text, *error;
} files[] = {
    {"return {port = 'x'}",                       ": port: x is not a whole number from 0 to 65535"       },
    {"return {port = 80.5}",                      ": port: 80.5 is not a whole number from 0 to 65535"    },
    {"return {port = true}",                      ": port: a boolean cannot stand here"                   },
    {"return {port = {'80'}}",                    ": port: a table cannot stand here"                     },
    {"return {port = 80LL}",                      ": port: a cdata cannot stand here"                     },
    {"return {host = 'a\\0b'}",                   ": host: a NUL cannot stand here"                       },
    {"return {prt = 80}",                         ": prt: there is no such setting"                       },
    {"return {80}",                               ": [number]: there is no such setting"                  },
    {"return {origins = {5}}",                    ": origins: a list of strings is expected"              },
    {"return {origins = {'x'}}",                  ": origins: x is no origin, such as https://example.com"},
    {"return 5",                                  ": it must return a table of settings"                  },
    {"",                                          ": it must return a table of settings"                  },
    {"return {",                                  "unexpected symbol near '<eof>'"                        },
    {"local x = nil\nreturn x.y",                 ":2: attempt to index local 'x' (a nil value)"          },
    {"os.exit(1)",                                ":1: attempt to index global 'os' (a nil value)"        },
    {"require 'ffi'",                             ":1: attempt to call global 'require' (a nil value)"    },
    {"return {port = ('x'):len()}",               "attempt to index a string value"                       },
    {"while true do end",                         "the file runs for too long"                            },
    {"local function f() return f() end f()",     "the file runs for too long"                            },
    {"for i = 1, 1e12 do end",                    "the file runs for too long"                            },
    {"local function f() return 1 + f() end f()", "stack overflow"                                        },
};

TEST(config_files, "parlor.lua can set what there is, and do nothing else, nor for ever")
{
    struct config c;
    struct err e;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        config_init(&c);
        memset(&e, 0, sizeof e);
        CHECK_EQ(read_lua(&c, files[i].text, &e), -EINVAL);
        if (!strstr(e.text, files[i].error) || !strstr(e.text, "parlor-config"))
            fail_msg("%s gave %s", files[i].text, e.text);
        config_fini(&c);
    }
    config_init(&c);
    CHECK_EQ(read_text(&c, "\033LJ\002", 4, &e), -EINVAL); /* no bytecode */
    CHECK(strstr(e.text, "attempt to load chunk with wrong mode"));
    CHECK_EQ(config_read_file(&c, "/nonexistent/parlor.lua", &e), -ENOENT);
    CHECK_STR(e.text, "/nonexistent/parlor.lua: No such file or directory");
    CHECK_EQ(config_read_file(&c, "/tmp", &e), -EINVAL);
    CHECK_EQ(
        read_lua(&c,
                 "local base = 8000 return {port = base + 1, host = 'h', origins = {}, "
                 "['max-body'] = '7'}",
                 &e),
        0);
    CHECK_EQ(c.port, 8001);
    CHECK_EQ(c.max_body, 7);
    CHECK_EQ(c.n_origins, 0);
    CHECK_EQ(c.origins_from, CONFIG_FILE);
    config_fini(&c);
}

TEST(config_print, "what is printed reads back as the same settings")
{
    struct config c, back;
    struct buf out;
    struct err e;

    config_init(&c);
    CHECK_EQ(config_set(&c, "host", "a\"b\\c\nd]]\t7\xc3\xa4", CONFIG_FLAG, &e), 0);
    CHECK_EQ(config_set(&c, "port", "81", CONFIG_ENV, &e), 0);
    CHECK_EQ(config_set(&c, "max_out", "65536", CONFIG_FILE, &e), 0);
    CHECK_EQ(config_set(&c, "origins", "http://a,http://b\"c", CONFIG_FLAG, &e), 0);
    buf_init(&out, 0);
    config_print(&c, &out);
    buf_byte(&out, 0);
    const char *text = (const char *)out.data;
    CHECK(strstr(text, "  port = 81, -- port; 0: any free one (environment)\n"));
    CHECK(strstr(text, "  max_out = 65536, -- bytes ") && strstr(text, " (file)\n"));
    CHECK(strstr(text, "  workers = 0, -- threads that serve; 0: one for each core, "
                       "at most 64 (default)\n"));
    CHECK(strstr(text, "(flag)\n"));
    config_init(&back);
    if (read_lua(&back, text, &e) != 0)
        fail_msg("%s\n%s", e.text, text);
#define TEXT(name, preset, help)                   CHECK_STR(back.name, c.name);
#define WHOLE(name, unit, preset, low, high, help) CHECK_EQ(back.name, c.name);
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    CHECK_EQ(back.n_origins, 2);
    CHECK_STR(back.origins[1], "http://b\"c");
    buf_fini(&out);
    config_fini(&back);
    config_fini(&c);
}

TEST(config_readme, "the table in src/server/README.md is that of config_key.def")
{
    static char text[32768];
    char row[256];
    int n_keys = 1;
    FILE *f = fopen(SCRIPTS_DIR "/../src/server/README.md", "r");

    CHECK(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
#define WANT(...)                                                                          \
    snprintf(row, sizeof row, __VA_ARGS__);                                                \
    if (!strstr(text, row))                                                                \
        fail_msg("README.md has no row %s", row);                                          \
    n_keys++;
#define TEXT(name, preset, help)                                                           \
    WANT("\n| `%s` | – | \"%s\" | up to 1023 bytes | ", #name, preset)
#define WHOLE(name, unit, preset, low, high, help)                                         \
    WANT("\n| `%s` | %s | %u | %u–%u | ", #name, *(unit) ? (unit) : "–",                   \
         (unsigned)(preset), (unsigned)(low), (unsigned)(high))
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
#undef WANT
    CHECK(strstr(text, "\n| `origins` | "));
    const char *end = strstr(text, "| meaning |");
    const char *stop = end ? strstr(end, "\n\n") : NULL;
    int n_rows = -1; /* the line below the heading */
    CHECK(stop);
    for (; (end = strstr(end, "\n|")) && end < stop; end++)
        n_rows++;
    CHECK_EQ(n_rows, n_keys);
}
