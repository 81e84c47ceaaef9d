/* SPDX-License-Identifier: MIT */
#include "net/watch.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/logger.h"
#include "base/map.h"

enum {
    MAGIC = 0x77617463,
    MAX_DEPTH = 16,  /* folders in folders; games are flat, this ends mistakes */
    MAX_DELAYS = 10, /* a file written without pause is reported after so many
                      * settle times all the same */
};

struct folder {
    uint32_t magic;
    struct watch *watch;
    uv_fs_event_t event;
    char path[]; /* relative to the root, "" for the root itself */
};

struct watch {
    uint32_t magic;
    uv_loop_t *loop;
    watch_cb *cb; /* NULL once closing */
    void *ctx;
    uint32_t settle_ms;
    uint32_t n_handles; /* that libuv still knows; the last one frees the rest */
    uint64_t first_ms;  /* when the oldest unreported change came */
    uv_timer_t timer;
    struct map folders; /* path -> struct folder */
    struct map changed; /* path -> the watch itself, as a mark */
    char root[];
};

static int watch_tree(struct watch *w, const char *path, int depth, bool report);

static void release(struct watch *w)
{
    assert(w->magic == MAGIC && w->n_handles > 0);
    if (--w->n_handles > 0)
        return;
    map_fini(&w->folders);
    map_fini(&w->changed);
    free(w);
}

static void on_folder_closed(uv_handle_t *handle)
{
    struct folder *f = handle->data;

    assert(f->magic == MAGIC);
    release(f->watch);
    free(f);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static bool is_passed_over(const char *name)
{
    size_t n = strlen(name);

    return n == 0 || name[0] == '.' || name[n - 1] == '~' ||
           (n > 4 && strcmp(name + n - 4, ".swp") == 0) || strcmp(name, "4913") == 0;
}

/* root/path, or root/path/name; false where that is too long. */
static bool full_path(char out[PATH_MAX], const struct watch *w, const char *path)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", w->root, *path ? "/" : "", path);

    return n > 0 && n < PATH_MAX;
}

static bool join_path(char out[PATH_MAX], const char *path, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", path, *path ? "/" : "", name);

    return n > 0 && n < PATH_MAX;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The changes have settled: report them in order of their names. The callback
 * may close the watch, and may cause changes, which wait for the next time. */
static void on_settled(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    struct map changed = w->changed;
    char **paths = calloc(changed.n ? changed.n : 1, sizeof *paths);
    size_t n = 0;

    assert(w->magic == MAGIC);
    if (!paths) { /* try again when there may be memory */
        uv_timer_start(timer, on_settled, w->settle_ms, 0);
        return;
    }
    map_init(&w->changed);
    for (struct map_entry *e = NULL; (e = map_next(&changed, e));)
        paths[n++] = e->bytes;
    qsort(paths, n, sizeof *paths, by_name);
    for (size_t i = 0; i < n && w->cb; i++)
        w->cb(w->ctx, paths[i]);
    free(paths);
    map_fini(&changed);
}

static void note_change(struct watch *w, const char *path)
{
    uint64_t now = uv_now(w->loop);

    if (w->changed.n == 0)
        w->first_ms = now;
    if (!map_put_bytes(&w->changed, path, strlen(path), w))
        logger_warn("watch", "no memory to note a change of %s", path);
    if (!uv_is_active((uv_handle_t *)&w->timer) ||
        now - w->first_ms < (uint64_t)w->settle_ms * MAX_DELAYS)
        uv_timer_start(&w->timer, on_settled, w->settle_ms, 0);
}

/* A folder was removed or moved away: it and those inside it are watched no more. */
static void forget_folder(struct watch *w, const char *path)
{
    size_t len = strlen(path);
    struct folder *gone;

    do {
        gone = NULL;
        for (struct map_entry *e = NULL; !gone && (e = map_next(&w->folders, e));)
            if (e->len >= len && memcmp(e->bytes, path, len) == 0 &&
                (e->len == len || e->bytes[len] == '/'))
                gone = e->value;
        if (gone) {
            map_remove_bytes(&w->folders, gone->path, strlen(gone->path));
            uv_close((uv_handle_t *)&gone->event, on_folder_closed);
        }
    } while (gone);
}

static bool is_own_name(const struct folder *f, const char *name)
{
    const char *path = *f->path ? f->path : f->watch->root;
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, name) == 0;
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct folder *f = handle->data;
    struct watch *w = f->watch;
    char path[PATH_MAX], full[PATH_MAX];
    struct stat st;

    assert(f->magic == MAGIC);
    if (status < 0 || !name || is_passed_over(name) || !join_path(path, f->path, name) ||
        !full_path(full, w, path))
        return;
    bool is_there = lstat(full, &st) == 0;
    bool was_folder = map_get_bytes(&w->folders, path, strlen(path)) != NULL;

    if (is_there && S_ISDIR(st.st_mode)) {
        /* UV_RENAME: it came, or went and came again, and then the old watch is
         * dead. Files may have been put into it before we watch it, so look. */
        if (events & UV_RENAME) {
            forget_folder(w, path);
            int r = watch_tree(w, path, 0, true);
            if (r < 0)
                logger_warn("watch", "changes in %s will not be seen: %s", full,
                            uv_strerror(r));
        }
        return;
    }
    if (was_folder)
        forget_folder(w, path);
    /* What happens to a watched folder itself comes with the folder's own name, as
     * if a file of that name were inside. */
    if (!is_there && is_own_name(f, name))
        return;
    note_change(w, path);
}

/* Watch one folder. 0, or a UV code. */
static int watch_folder(struct watch *w, const char *path)
{
    size_t len = strlen(path);
    struct folder *f = calloc(1, sizeof *f + len + 1);
    char full[PATH_MAX];
    int r;

    if (!f)
        return UV_ENOMEM;
    f->magic = MAGIC;
    f->watch = w;
    memcpy(f->path, path, len + 1);
    if (!full_path(full, w, path)) {
        free(f);
        return UV_ENAMETOOLONG;
    }
    if ((r = uv_fs_event_init(w->loop, &f->event)) < 0) {
        free(f);
        return r;
    }
    f->event.data = f;
    w->n_handles++;
    if ((r = uv_fs_event_start(&f->event, on_event, full, 0)) < 0)
        goto fail;
    if (!map_put_bytes(&w->folders, path, len, f)) {
        r = UV_ENOMEM;
        goto fail;
    }
    return 0;
fail:
    uv_close((uv_handle_t *)&f->event, on_folder_closed);
    return r;
}

/* Watch a folder and all in it; with `report`, note each file as changed. */
static int watch_tree(struct watch *w, const char *path, int depth, bool report)
{
    char sub[PATH_MAX], full[PATH_MAX];
    struct dirent *d;
    struct stat st;
    DIR *dir;
    int r;

    /* Watch first, look second: a file that comes between is seen twice, not
     * never. */
    if ((r = watch_folder(w, path)) < 0)
        return r;
    if (!full_path(full, w, path) || !(dir = opendir(full)))
        return 0; /* gone again: its watch tells */
    while (r == 0 && (d = readdir(dir))) {
        if (is_passed_over(d->d_name) || !join_path(sub, path, d->d_name) ||
            !full_path(full, w, sub) || lstat(full, &st) != 0)
            continue;
        if (!S_ISDIR(st.st_mode)) {
            if (report)
                note_change(w, sub);
        } else if (depth < MAX_DEPTH && !map_get_bytes(&w->folders, sub, strlen(sub))) {
            r = watch_tree(w, sub, depth + 1, report);
            if (r == UV_ENOENT)
                r = 0; /* it went while we looked */
        }
    }
    closedir(dir);
    return r;
}

int watch_open(struct watch **out, uv_loop_t *loop, const char *folder, uint32_t settle_ms,
               watch_cb *cb, void *ctx, struct err *e)
{
    size_t len = strlen(folder);
    struct watch *w = calloc(1, sizeof *w + len + 1);
    int r;

    *out = NULL;
    if (!w)
        return err_set(e, UV_ENOMEM, "no memory to watch %s", folder);
    *w = (struct watch){
        .magic = MAGIC, .loop = loop, .cb = cb, .ctx = ctx, .settle_ms = settle_ms};
    memcpy(w->root, folder, len + 1);
    while (len > 1 && w->root[len - 1] == '/')
        w->root[--len] = 0;
    map_init(&w->folders);
    map_init(&w->changed);
    uv_timer_init(loop, &w->timer); /* cannot fail */
    w->timer.data = w;
    w->n_handles = 1;
    if ((r = watch_tree(w, "", 0, false)) < 0) {
        watch_close(&w);
        if (r == UV_ENOSPC)
            return err_set(e, r,
                           "cannot watch %s: the system's limit on watched folders is "
                           "reached (sysctl fs.inotify.max_user_watches)",
                           folder);
        if (r == UV_EMFILE)
            return err_set(e, r,
                           "cannot watch %s: the system's limit on watchers is reached "
                           "(sysctl fs.inotify.max_user_instances)",
                           folder);
        return err_set(e, r, "cannot watch %s: %s", folder, uv_strerror(r));
    }
    *out = w;
    return 0;
}

void watch_close(struct watch **w)
{
    if (*w) {
        (*w)->cb = NULL;
        for (struct map_entry *e = NULL; (e = map_next(&(*w)->folders, e));)
            uv_close((uv_handle_t *)&((struct folder *)e->value)->event, on_folder_closed);
        uv_close((uv_handle_t *)&(*w)->timer, on_timer_closed);
    }
    *w = NULL;
}
