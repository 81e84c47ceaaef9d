/* SPDX-License-Identifier: MIT */
/*
 * logger - what happened, one line each, on stderr.
 *
 * On a terminal: time, level, area, text, in colour unless NO_COLOR is set.
 * Elsewhere: JSON lines {"time":…,"level":…,"area":…,"text":…}. Text from
 * outside is escaped, so that no client can forge a line.
 *
 * Thread: any; a line is written with one call.
 */
#pragma once

#include <stdbool.h>

enum logger_level {
    LOGGER_DEBUG,
    LOGGER_INFO,
    LOGGER_WARN,
    LOGGER_ERROR,
};

/* Nothing below this level is written; the default is LOGGER_INFO. */
void logger_set_level(enum logger_level level);
bool logger_is_on(enum logger_level level);

/* `area` is a word such as "room" or "pond/lobby". Lines are cut at 4 KiB. */
void logger_write(enum logger_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define logger_debug(...) logger_write(LOGGER_DEBUG, __VA_ARGS__)
#define logger_info(...)  logger_write(LOGGER_INFO, __VA_ARGS__)
#define logger_warn(...)  logger_write(LOGGER_WARN, __VA_ARGS__)
#define logger_error(...) logger_write(LOGGER_ERROR, __VA_ARGS__)

/* Tests: lines go to `sink` (level, area, text) instead of stderr; NULL ends it. */
typedef void logger_sink(enum logger_level level, const char *area, const char *text);
void logger_set_sink(logger_sink *sink);
