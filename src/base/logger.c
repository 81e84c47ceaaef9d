/* SPDX-License-Identifier: MIT */
#include "base/logger.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static atomic_int lowest = LOGGER_INFO;
static logger_sink *to_sink;

static const char *const names[] = {"debug", "info", "warn", "error"};
static const char *const colours[] = {"\033[2m", "", "\033[33m", "\033[31m"};

void logger_set_level(enum logger_level level)
{
    atomic_store(&lowest, (int)level);
}

bool logger_is_on(enum logger_level level)
{
    return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

void logger_set_sink(logger_sink *sink)
{
    to_sink = sink;
}

/* Append `text` with control bytes escaped (and quotes, for JSON), as far as
 * it fits in front of `end`. Line breaks stay on a terminal, indented: script
 * errors carry tracebacks. */
static char *put_text(char *at, char *end, const char *text, bool json)
{
    for (; *text && end - at > 8; text++) {
        unsigned char c = (unsigned char)*text;
        if (json && (c == '"' || c == '\\')) {
            *at++ = '\\';
            *at++ = (char)c;
        } else if (!json && (c == '\n' || c == '\t')) {
            *at++ = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            at += sprintf(at, "\\u%04x", c);
        } else {
            *at++ = (char)c;
        }
    }
    return at;
}

static char *put_json(char *at, char *end, enum logger_level level, const char *area,
                      const char *text)
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    at += sprintf(at, "{\"time\":\"");
    at += strftime(at, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    at += sprintf(at, ".%03ldZ\",\"level\":\"%s\",\"area\":\"", now.tv_nsec / 1000000,
                  names[level]);
    at = put_text(at, end - 64, area, true);
    at += sprintf(at, "\",\"text\":\"");
    at = put_text(at, end - 16, text, true);
    return at + sprintf(at, "\"}\n");
}

static char *put_terminal(char *at, char *end, enum logger_level level, const char *area,
                          const char *text)
{
    time_t now = time(NULL);
    struct tm local;
    const char *colour = getenv("NO_COLOR") ? "" : colours[level];

    localtime_r(&now, &local);
    at += strftime(at, 32, "%H:%M:%S ", &local);
    at += sprintf(at, "%s%-5s ", colour, names[level]);
    at = put_text(at, end - 64, area, false);
    at += sprintf(at, ": ");
    at = put_text(at, end - 32, text, false);
    return at + sprintf(at, "%s\n", *colour ? "\033[0m" : "");
}

void logger_write(enum logger_level level, const char *area, const char *format, ...)
{
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 256];
    va_list args;

    if (!logger_is_on(level))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (to_sink) {
        to_sink(level, area, text);
        return;
    }
    char *end = line + sizeof line;
    char *at = isatty(STDERR_FILENO) ? put_terminal(line, end, level, area, text)
                                     : put_json(line, end, level, area, text);
    /* A log that cannot be written is nothing a server may stop for. */
    ssize_t n = write(STDERR_FILENO, line, (size_t)(at - line));
    (void)n;
}
