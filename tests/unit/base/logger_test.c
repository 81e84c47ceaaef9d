/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <unistd.h>

#include "base/logger.h"

static int n_lines;
static enum logger_level last_level;
static char last_area[64], last_text[8192];

static void remember(enum logger_level level, const char *area, const char *text)
{
    n_lines++;
    last_level = level;
    snprintf(last_area, sizeof last_area, "%s", area);
    snprintf(last_text, sizeof last_text, "%s", text);
}

TEST(levels, "lines below the level are not written, and the sink sees the others")
{
    n_lines = 0;
    logger_set_sink(remember);
    CHECK(logger_is_on(LOGGER_INFO) && !logger_is_on(LOGGER_DEBUG));
    logger_debug("room", "hidden %d", 1);
    CHECK_EQ(n_lines, 0);
    logger_info("room", "seen %d", 2);
    CHECK_EQ(n_lines, 1);
    CHECK_EQ(last_level, LOGGER_INFO);
    CHECK_STR(last_area, "room");
    CHECK_STR(last_text, "seen 2");
    logger_set_level(LOGGER_ERROR);
    logger_warn("room", "hidden");
    CHECK_EQ(n_lines, 1);
    logger_error("net", "seen");
    CHECK_EQ(last_level, LOGGER_ERROR);
    logger_set_level(LOGGER_DEBUG);
    logger_debug("net", "seen now");
    CHECK_STR(last_text, "seen now");
    logger_set_level(LOGGER_INFO);
    logger_set_sink(NULL);
}

/* Write one line with stderr going into a file; what stands in it then. */
static void capture(char *out, size_t size, const char *area, const char *text)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    logger_warn(area, "%s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t n = fread(out, 1, size - 1, file);
    out[n] = 0;
    fclose(file);
}

TEST(json_lines, "away from a terminal a line is one JSON object, whatever the text holds")
{
    char line[10000];

    capture(line, sizeof line, "po\"nd",
            "a \"b\" \\ c\n{\"forged\":1}\x1b[0m\t\x7f \xc3\xa9");
    CHECK(strncmp(line, "{\"time\":\"20", 11) == 0);
    const char *rest = strstr(line, "\"level\"");
    assert_non_null(rest);
    CHECK_STR(
        rest,
        "\"level\":\"warn\",\"area\":\"po\\\"nd\",\"text\":\"a \\\"b\\\" \\\\ c\\u000a"
        "{\\\"forged\\\":1}\\u001b[0m\\u0009\\u007f \xc3\xa9\"}\n");
}

TEST(long_lines, "an endless text is cut, the line still ends as it should")
{
    static char text[9000], area[5000], line[10000];

    memset(text, '\x01', sizeof text - 1); /* six bytes each once escaped */
    capture(line, sizeof line, "room", text);
    CHECK(strlen(line) <= 4096 + 256);
    CHECK_STR(line + strlen(line) - 3, "\"}\n");
    memset(area, 'a', sizeof area - 1);
    capture(line, sizeof line, area, "short");
    CHECK(strlen(line) <= 4096 + 256);
    CHECK_STR(line + strlen(line) - 3, "\"}\n");
}
