/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "net/rig.h"
#include "net/watch.h"

struct seen {
    uv_loop_t loop;
    struct watch *w;
    char root[64];
    char paths[4096]; /* what was reported, each followed by a blank */
    bool is_closing;
};

static void on_change(void *ctx, const char *path)
{
    struct seen *s = ctx;

    strncat(s->paths, path, sizeof s->paths - strlen(s->paths) - 2);
    strcat(s->paths, " ");
    if (s->is_closing)
        watch_close(&s->w);
}

static void run(const char *format, const char *root)
{
    char command[512];

    snprintf(command, sizeof command, "cd %s && %s", root, format);
    CHECK_EQ(system(command), 0);
}

static void begin(struct seen *s)
{
    struct err e;

    memset(s, 0, sizeof *s);
    strcpy(s->root, "/tmp/parlor-watch-XXXXXX");
    CHECK(mkdtemp(s->root) != NULL);
    run("mkdir -p pond/web && echo 1 > pond/game.lua", s->root);
    uv_loop_init(&s->loop);
    CHECK_EQ(watch_open(&s->w, &s->loop, s->root, 20, on_change, s, &e), 0);
}

static void end(struct seen *s)
{
    watch_close(&s->w);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&s->loop), 0);
    run("rm -rf pond other moved", s->root);
    CHECK_EQ(rmdir(s->root), 0);
}

/* Do it, then wait until this is among what was reported. */
static void check_seen(struct seen *s, const char *command, const char *want)
{
    uint64_t until = rig_clock_ms() + 30000;
    char with_blank[128];

    snprintf(with_blank, sizeof with_blank, "%s ", want);
    s->paths[0] = 0;
    run(command, s->root);
    while (!strstr(s->paths, with_blank) && rig_clock_ms() < until) {
        uv_run(&s->loop, UV_RUN_NOWAIT);
        usleep(500);
    }
    CHECK(strstr(s->paths, with_blank) != NULL);
}

TEST(watch_saves, "each way to save a file is seen, and reported once")
{
    struct seen s;

    begin(&s);
    check_seen(&s, "echo 2 > pond/game.lua", "pond/game.lua");
    CHECK_STR(s.paths, "pond/game.lua ");
    check_seen(&s, "echo 3 > pond/.tmp && mv pond/.tmp pond/game.lua", "pond/game.lua");
    CHECK_STR(s.paths, "pond/game.lua ");
    check_seen(&s, "echo x > pond/web/b.js; echo x > pond/web/a.js", "pond/web/b.js");
    CHECK_STR(s.paths, "pond/web/a.js pond/web/b.js ");
    check_seen(&s, "rm pond/web/a.js", "pond/web/a.js");
    CHECK_STR(s.paths, "pond/web/a.js ");
    end(&s);
}

TEST(watch_noise, "dot-files, backups and vim's probe are passed over")
{
    struct seen s;

    begin(&s);
    check_seen(&s,
               "touch pond/4913 pond/.game.lua.swp pond/game.lua~ pond/x.swp && "
               "mkdir pond/.git && touch pond/.git/HEAD && echo 4 > pond/game.lua",
               "pond/game.lua");
    CHECK_STR(s.paths, "pond/game.lua ");
    end(&s);
}

TEST(watch_folders, "new, moved and made-again folders are watched as they come")
{
    struct seen s;

    begin(&s);
    check_seen(&s, "mkdir -p other/web/deep && echo 1 > other/web/deep/x.js",
               "other/web/deep/x.js");
    check_seen(&s, "echo 2 > other/web/deep/x.js", "other/web/deep/x.js");
    check_seen(&s, "mv other moved", "moved/web/deep/x.js");
    check_seen(&s, "echo 3 > moved/web/deep/x.js", "moved/web/deep/x.js");
    CHECK(strstr(s.paths, "other") == NULL);
    check_seen(&s, "rm -r moved", "moved/web/deep/x.js");
    CHECK(strstr(s.paths, "moved/moved") == NULL); /* there was no such file */
    CHECK(strstr(s.paths, "deep/deep") == NULL);
    /* In one go, so that the folder is there again before we look. */
    check_seen(&s, "rm -r pond && mkdir pond && echo 1 > pond/game.lua", "pond/game.lua");
    check_seen(&s, "echo 2 > pond/game.lua", "pond/game.lua");
    end(&s);
}

TEST(watch_busy, "a file that is written without pause is reported all the same")
{
    struct seen s;
    char path[96];

    begin(&s);
    snprintf(path, sizeof path, "%s/pond/game.lua", s.root);
    uint64_t until = rig_clock_ms() + 30000;
    while (!s.paths[0] && rig_clock_ms() < until) {
        FILE *f = fopen(path, "w");
        CHECK(f != NULL);
        fputs("x", f);
        fclose(f);
        uv_run(&s.loop, UV_RUN_NOWAIT);
        usleep(2000);
    }
    CHECK_STR(s.paths, "pond/game.lua ");
    end(&s);
}

TEST(watch_close_inside, "it may be closed from its own callback")
{
    struct seen s;

    begin(&s);
    s.is_closing = true;
    check_seen(&s, "echo 1 > pond/a; echo 1 > pond/b", "pond/a");
    CHECK_STR(s.paths, "pond/a ");
    CHECK(s.w == NULL);
    end(&s);
}

TEST(watch_missing, "a folder that is not there is an error that names it")
{
    struct watch *w;
    uv_loop_t loop;
    struct err e;

    uv_loop_init(&loop);
    CHECK(watch_open(&w, &loop, "/nonexistent/games", 20, on_change, NULL, &e) < 0);
    CHECK(strstr(e.text, "/nonexistent/games") != NULL);
    CHECK(w == NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}
