/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <cJSON.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/logger.h"
#include "server/script_log.h"

static char lines[8192];

static void note(enum logger_level level, const char *area, const char *text)
{
    size_t n = strlen(lines);

    snprintf(lines + n, sizeof lines - n, "%d %s %s\n", level, area, text);
}

static struct script_log errors;

static void on_error(void *ctx, struct game *g, const struct script_error *error)
{
    script_log_error(ctx, g, error);
}

static void on_schedule(void *ctx)
{
    (void)ctx;
}

static struct world world;

static void tell(void *ctx, const char *name, const char *json, size_t len)
{
    (void)ctx;
    game_tell_dev(game_find(&world, name, strlen(name)), json, len);
}

static const struct world_ops ops = {.on_error = on_error, .on_schedule = on_schedule};
static char dir[64];

static void write_file(const char *path, const char *text)
{
    char full[128];

    snprintf(full, sizeof full, "%s/%s", dir, path);
    FILE *f = fopen(full, "w");
    CHECK(f);
    fputs(text, f);
    fclose(f);
}

static struct game *open_game(bool is_dev, const char *text)
{
    char full[128];

    strcpy(dir, "/tmp/parlor-log-XXXXXX");
    CHECK(mkdtemp(dir));
    snprintf(full, sizeof full, "%s/pond", dir);
    CHECK_EQ(mkdir(full, 0700), 0);
    write_file("pond/game.lua", text);
    *lines = 0;
    logger_set_sink(note);
    clk_fake(1000000);
    script_log_init(&errors, is_dev, tell, NULL);
    world_init(&world, dir, SCRIPTS_DIR, is_dev, &ops, &errors);
    return game_open(&world, "pond");
}

static void close_all(void)
{
    char command[128];

    world_fini(&world);
    script_log_fini(&errors);
    logger_set_sink(NULL);
    clk_real();
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ(system(command), 0);
}

static const char good[] = "return require('parlor').game {}";

TEST(script_log_line, "an error is one line: place, message, callback, room")
{
    struct game *g = open_game(false, good);
    struct script_error error = {.game = "pond",
                                 .room = "lobby",
                                 .where = "on.hop",
                                 .message = "oh",
                                 .traceback = "",
                                 .file = "pond/game.lua",
                                 .line = 7};

    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond pond/game.lua:7: oh (in on.hop, room lobby)\n");
    *lines = 0;
    error.line = 0;
    error.room = NULL;
    error.message = "other";
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond pond/game.lua: other (in on.hop)\n");
    *lines = 0;
    *error.file = 0;
    error.traceback = "stack traceback:\n\tx";
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond other (in on.hop)\nstack traceback:\n\tx\n");
    CHECK_EQ(errors.n_errors, 3);
    close_all();
}

TEST(script_log_throttle,
     "the same error is told once a second, with a count; others at once")
{
    struct game *g = open_game(false, good);
    struct script_error error = {
        .game = "pond", .where = "tick", .message = "a", .traceback = ""};

    for (int i = 0; i < 60; i++) {
        script_log_error(&errors, g, &error);
        clk_fake_advance(16000);
    }
    CHECK_STR(lines, "3 pond a (in tick)\n");
    error.message = "b";
    script_log_error(&errors, g, &error);
    error.where = "join";
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond a (in tick)\n3 pond b (in tick)\n3 pond b (in join)\n");
    *lines = 0;
    error.where = "tick";
    error.message = "a";
    clk_fake_advance(40000);
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond a (in tick) (and 59 times more)\n");
    *lines = 0;
    clk_fake_advance(1000000);
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond a (in tick)\n");
    CHECK_EQ(errors.n_errors, 64);
    script_log_fixed(&errors, g->name); /* after a reload the same is news */
    *lines = 0;
    script_log_error(&errors, g, &error);
    CHECK_STR(lines, "3 pond a (in tick)\n");
    close_all();
}

static cJSON *describe(const struct script_error *error)
{
    struct buf out, whole;

    buf_init(&out, 0);
    buf_init(&whole, 0);
    script_log_describe(dir, error, &out);
    buf_format(&whole, "{%.*s}", (int)out.len, (char *)out.data);
    cJSON *json = cJSON_Parse((char *)whole.data);
    CHECK(json);
    buf_fini(&whole);
    buf_fini(&out);
    return json;
}

static const char *text_at(const cJSON *json, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(json, key));
}

/* The excerpt as "5:e|6:f|". */
static const char *excerpt_of(const cJSON *json)
{
    static char out[2048];
    const cJSON *line;

    *out = 0;
    cJSON_ArrayForEach(line, cJSON_GetObjectItem(json, "excerpt"))
        snprintf(out + strlen(out), sizeof out - strlen(out), "%d:%s|",
                 cJSON_GetArrayItem(line, 0)->valueint,
                 cJSON_GetStringValue(cJSON_GetArrayItem(line, 1)));
    return out;
}

static void check_excerpt(const char *file, int line, const char *excerpt)
{
    struct script_error error = {
        .game = "pond", .where = "tick", .message = "m", .traceback = "t", .line = line};

    snprintf(error.file, sizeof error.file, "%s", file);
    cJSON *json = describe(&error);
    CHECK_STR(excerpt_of(json), excerpt);
    cJSON_Delete(json);
}

TEST(script_log_describe, "a page gets the whole error and the lines around it")
{
    open_game(true, good);
    write_file("pond/ten.lua", "a\nb\nc\nd\ne\nf\n\"g\"\nh\ni\nj");
    struct script_error error = {.game = "pond",
                                 .room = "lobby",
                                 .where = "tick",
                                 .message = "bad \"x\"\n\xc3\xa4",
                                 .traceback = "\xff",
                                 .file = "pond/ten.lua",
                                 .line = 5};
    cJSON *json = describe(&error);
    CHECK_STR(text_at(json, "kind"), "error");
    CHECK_STR(text_at(json, "game"), "pond");
    CHECK_STR(text_at(json, "room"), "lobby");
    CHECK_STR(text_at(json, "where"), "tick");
    CHECK_STR(text_at(json, "file"), "pond/ten.lua");
    CHECK_STR(text_at(json, "message"), "bad \"x\"\n\xc3\xa4");
    CHECK_STR(text_at(json, "traceback"), "(not UTF-8)");
    CHECK_EQ(cJSON_GetObjectItem(json, "line")->valueint, 5);
    CHECK_STR(excerpt_of(json), "2:b|3:c|4:d|5:e|6:f|7:\"g\"|8:h|");
    cJSON_Delete(json);
    check_excerpt("pond/ten.lua", 1, "1:a|2:b|3:c|4:d|");
    check_excerpt("pond/ten.lua", 10, "7:\"g\"|8:h|9:i|10:j|");
    check_excerpt("pond/ten.lua", 14, "");
    check_excerpt("pond/ten.lua", 0, "");
    check_excerpt("pond/none.lua", 5, "");
    check_excerpt("", 5, "");
    close_all();
}

TEST(script_log_excerpt, "long lines are cut, other bytes left out, other folders not read")
{
    char long_line[600], wants[300], file[160];

    open_game(true, good);
    memset(long_line, 'x', 500);
    strcpy(long_line + 500, "\nb\n\xff\nd\n");
    write_file("pond/long.lua", long_line);
    snprintf(wants, sizeof wants, "1:%.201s|2:b|4:d|", long_line);
    check_excerpt("pond/long.lua", 2, wants);
    write_file("secret.lua", "secret");
    check_excerpt("secret.lua", 1, "1:secret|");
    check_excerpt("pond/../secret.lua", 1, "");
    snprintf(file, sizeof file, "%s/secret.lua", dir);
    check_excerpt(file, 1, "");
    close_all();
}

TEST(script_log_loads, "in dev the reason a game does not load is kept until it does")
{
    struct game *g = open_game(true, "x = = 1");
    struct buf why;

    buf_init(&why, 0);
    CHECK(script_log_load_error(&errors, "pond", &why));
    CHECK(g->load_error.code < 0);
    CHECK(strstr(lines, "3 pond pond/game.lua:1: unexpected symbol near '=' (in load)"));
    CHECK(memmem(why.data, why.len, "unexpected symbol", 17));
    CHECK(memmem(why.data, why.len, "\"excerpt\":[[1,\"x = = 1\"]]", 25));
    write_file("pond/game.lua", good);
    CHECK_EQ(game_reload(g, 0), 0);
    script_log_fixed(&errors, g->name);
    CHECK(!script_log_load_error(&errors, "pond", &why));
    close_all();
    buf_fini(&why);
    g = open_game(false, "x = = 1");
    CHECK(!script_log_load_error(&errors, "pond", &why));
    close_all();
}
