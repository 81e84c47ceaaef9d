/* SPDX-License-Identifier: MIT */
/*
 * bench_room - for benchmarks that run one room in process: a game in a folder of its
 * own, its room without a server around it, CPU time, medians. What fails ends the
 * program with 1 and says so on stderr. BENCH is the benchmark's name, SCRIPTS_DIR the
 * project's scripts/; the build defines both.
 */
#pragma once

#include <luajit.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "script/script_room.h"
#include "state/emit.h"

/* A VM with one room, its image, and what encodes frames; views are the caller's. */
struct bench_room {
    struct vm *vm;
    struct image *img;
    struct script_room *sr;
    struct emit_cache cache;
};

/* CPU time of the thread, in us. */
static inline double bench_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static inline int bench_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* The middle one of n > 0 figures, which it sorts. */
static inline double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, bench_ascending);
    return v[n / 2];
}

static inline void bench_die(const char *why)
{
    fprintf(stderr, "bench " BENCH ": %s\n", why);
    exit(1);
}

static inline void bench_on_error(void *ctx, void *room, const struct script_error *error)
{
    (void)ctx;
    (void)room;
    fprintf(stderr, "%s:%d: %s\n", error->file, error->line, error->message);
    exit(1);
}

/* Make the folder of the game; `folder` ends with XXXXXX, which is replaced. */
static inline void bench_folder(char *folder)
{
    if (!mkdtemp(folder))
        bench_die("no temporary folder");
}

static inline void bench_folder_end(const char *folder)
{
    char path[256];

    snprintf(path, sizeof path, "%s/game.lua", folder);
    unlink(path);
    rmdir(folder);
}

/* FOLDER/game.lua: a first line with the case's own values, then `source`. */
static inline void bench_write_game(const char *folder, const char *values,
                                    const char *source)
{
    char path[256];

    snprintf(path, sizeof path, "%s/game.lua", folder);
    FILE *f = fopen(path, "w");
    if (!f || fprintf(f, "%s\n%s", values, source) < 0 || fclose(f))
        bench_die("the game cannot be written");
}

/* The game of `folder` in a room that has been created; its image is at tick 1. */
static inline void bench_room_open(struct bench_room *r, const char *folder, bool jit)
{
    static const struct vm_hooks hooks = {.on_error = bench_on_error};
    struct vm_options o = {
        .name = "bench", .folder = folder, .scripts = SCRIPTS_DIR, .hooks = &hooks};
    struct err e;

    if (vm_new(&r->vm, &o, &e) < 0)
        bench_die(e.text);
    if (!jit)
        luaJIT_setmode(r->vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    emit_cache_init(&r->cache);
    if (image_new(&r->img, r->vm->def->schema, 0) < 0)
        bench_die("out of memory");
    image_begin(r->img, 1);
    if (script_room_new(&r->sr, r->vm, NULL, "bench", 1, r->img) < 0)
        bench_die("out of memory");
    script_create(r->sr, NULL, 0);
}

static inline void bench_room_close(struct bench_room *r)
{
    script_room_free(&r->sr);
    emit_cache_fini(&r->cache);
    image_free(&r->img);
    vm_free(&r->vm);
}
