/* SPDX-License-Identifier: MIT */
/*
 * config - settings from four places: flags over PARLOR_* over parlor.lua over
 * the defaults in config_key.def.
 *
 * parlor.lua is Lua in an empty environment that returns a table; what it cannot
 * do (open a file, loop for ever) it cannot do here either.
 *
 * Ownership: config_init/config_fini. Thread: main, before the worker starts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { CONFIG_TEXT_MAX = 1023, CONFIG_MAX_ORIGINS = 64, CONFIG_HOST_MAX = 255 };

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

struct config {
#define TEXT(name, preset, help)                   char name[CONFIG_TEXT_MAX + 1];
#define WHOLE(name, unit, preset, low, high, help) uint32_t name;
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
#define TEXT(name, preset, help)                   enum config_source name##_from;
#define WHOLE(name, unit, preset, low, high, help) enum config_source name##_from;
#include "server/config_key.def"
#undef TEXT
#undef WHOLE
    char *origins[CONFIG_MAX_ORIGINS]; /* besides the server's own; "*": any */
    size_t n_origins;
    enum config_source origins_from;
    bool is_dev;
    bool takes_over;     /* serve --takeover: the other server's port, folder and players */
    bool is_self_signed; /* dev --tls: a certificate of our own making */
    char games[CONFIG_TEXT_MAX + 1];
};

void config_init(struct config *c);
void config_fini(struct config *c);

/* Set one key from text; a source that is lower than the one that set it before
 * changes nothing. Returns 0 or -EINVAL, *e names the key and what it takes. The
 * keys `origins`, `tls_cert`, `tls_key` and `jwt_key` take a list with commas. */
int config_set(struct config *c, const char *key, const char *value,
               enum config_source from, struct err *e);

/* Is there such a key? ('-' in it counts as '_'.) */
bool config_has(const char *key);

/* Read parlor.lua. -ENOENT when the file is not there. */
int config_read_file(struct config *c, const char *path, struct err *e);

/* Read PARLOR_* from the environment. Names that are no keys are passed over:
 * they belong to tools around the server. */
int config_read_env(struct config *c, struct err *e);

/* Split "address:port" (an IPv6 address needs no brackets). false: it is none. */
bool config_split_address(const char *text, char host[CONFIG_HOST_MAX + 1], uint32_t *port);

/* All keys, values and where they come from, as a parlor.lua. */
void config_print(const struct config *c, struct buf *out);
