/* SPDX-License-Identifier: MIT */
#include "net/static_files.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/map.h"
#include "net/beneath.h"
#include "proto/http_range.h"
#include "proto/http_text.h"

enum {
    ENTRY_BYTES = 256, /* what a cached file costs beside its bytes, roughly */
    ETAG_BYTES = 112,
    MAX_HEADER_BYTES = 512 + STATIC_FILES_MORE,
};

/* The kernel stamps files with a clock that stands still for up to 10 ms, so a
 * file that was written a moment ago may change again without a new stamp. It is
 * answered without ETag and not kept. */
static const double racy_s = 0.02;

struct file {
    struct chunk *bytes;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct static_files {
    char *folder;
    size_t max_bytes, max_file_bytes;
    pthread_mutex_t lock; /* the cache; the bytes in it never change */
    size_t bytes;
    struct map cache; /* path -> struct file */
};

int static_files_new(struct static_files **out, const char *folder, size_t max_bytes,
                     size_t max_file_bytes)
{
    struct static_files *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s || !(s->folder = strdup(folder))) {
        free(s);
        return -ENOMEM;
    }
    s->max_bytes = max_bytes;
    s->max_file_bytes = max_file_bytes;
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->cache);
    *out = s;
    return 0;
}

static void file_free(struct file *f)
{
    if (f)
        chunk_unref(&f->bytes);
    free(f);
}

static void empty_cache(struct static_files *s)
{
    for (struct map_entry *e = NULL; (e = map_next(&s->cache, e));)
        file_free(e->value);
    map_fini(&s->cache);
    map_init(&s->cache);
    s->bytes = 0;
}

void static_files_free(struct static_files **s)
{
    if (*s) {
        empty_cache(*s);
        map_fini(&(*s)->cache);
        pthread_mutex_destroy(&(*s)->lock);
        free((*s)->folder);
        free(*s);
    }
    *s = NULL;
}

const char *static_files_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
#define X(e, t) {e, t},
#include "net/mime.def"
#undef X
    };
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');

    if (dot && (!slash || slash < dot))
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (strcasecmp(dot + 1, types[i].ending) == 0)
                return types[i].type;
    return "application/octet-stream";
}

/* The whole file as a chunk, or NULL: no memory, or it shrank meanwhile. */
static struct chunk *read_all(int fd, size_t size)
{
    struct chunk *c = chunk_new(size);
    size_t at = 0;

    while (c && at < size) {
        ssize_t n = read(fd, c->bytes + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            chunk_unref(&c);
        else
            at += (size_t)n;
    }
    return c;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_racy(const struct stat *st)
{
    double mtime = (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec * 1e-9;

    return fabs(clk_wall_s() - mtime) < racy_s;
}

/* Keep it for next time. Where that does not work out nothing is lost. */
static void remember(struct static_files *s, const char *path, const struct stat *st,
                     struct chunk *bytes)
{
    size_t cost = bytes->len + ENTRY_BYTES;
    struct file *old = map_remove_bytes(&s->cache, path, strlen(path));

    if (old)
        s->bytes -= old->bytes->len + ENTRY_BYTES;
    file_free(old);
    if (cost > s->max_bytes)
        return;
    if (s->bytes + cost > s->max_bytes)
        empty_cache(s);
    struct file *f = malloc(sizeof *f);
    if (!f)
        return;
    *f = (struct file){chunk_ref(bytes), st->st_dev,  st->st_ino,
                       st->st_size,      st->st_mtim, st->st_ctim};
    if (map_put_bytes(&s->cache, path, strlen(path), f))
        s->bytes += cost;
    else
        file_free(f);
}

/* The bytes of an open file: from memory where it has not changed since, else
 * read. One reference, yours; NULL where it cannot be read. */
static struct chunk *load(struct static_files *s, int fd, const char *path,
                          const struct stat *st)
{
    struct chunk *bytes = NULL;

    pthread_mutex_lock(&s->lock);
    const struct file *f = map_get_bytes(&s->cache, path, strlen(path));
    if (f && f->dev == st->st_dev && f->ino == st->st_ino && f->size == st->st_size &&
        is_same_time(f->mtime, st->st_mtim) && is_same_time(f->ctime, st->st_ctim))
        bytes = chunk_ref(f->bytes);
    pthread_mutex_unlock(&s->lock);
    if (bytes)
        return bytes;
    bytes = read_all(fd, (size_t)st->st_size);
    if (bytes && !is_racy(st)) {
        pthread_mutex_lock(&s->lock);
        remember(s, path, st, bytes);
        pthread_mutex_unlock(&s->lock);
    }
    return bytes;
}

/* Is `etag` among the tags of this header, or does it name any? Our tags hold no comma, so
 * one always ends a tag. Weakly: W/ before a tag makes no difference (RFC 9110 8.8.3.2). */
static bool is_named(const struct http_head *head, const char *name, const char *etag,
                     bool weakly)
{
    for (size_t i = 0; i < http_head_n_headers(head); i++) {
        const struct http_header *h = http_head_header(head, i);
        struct http_text rest = h->value, tag;
        if (!http_text_is_nocase(h->name, name))
            continue;
        while (http_text_next(&rest, &tag)) {
            if (weakly && tag.len > 2 && memcmp(tag.at, "W/", 2) == 0)
                tag = (struct http_text){tag.at + 2, tag.len - 2};
            if (http_text_is(tag, "*") || (*etag && http_text_is(tag, etag)))
                return true;
        }
    }
    return false;
}

/* If-Match: only of the version that the client knows (RFC 9110 13.1.1). */
static bool is_unwanted(const struct http_head *head, const char *etag)
{
    size_t n;

    http_head_find(head, "if-match", &n);
    return n > 0 && !is_named(head, "if-match", etag, false);
}

static bool is_method(const struct http_head *head, const char *name)
{
    struct http_text m = http_head_method(head);

    return m.len == strlen(name) && memcmp(m.at, name, m.len) == 0;
}

/* Inode, size and both times to the nanosecond: a file that is replaced by one of
 * the same length within the same second still gets a new tag. */
static void write_etag(char out[ETAG_BYTES], const struct stat *st)
{
    snprintf(out, ETAG_BYTES, "\"%llx-%llx-%llx.%lx-%llx.%lx\"",
             (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
             (unsigned long long)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);
}

/* One of the forms in which a file is there: as it is, or compressed beforehand in
 * a file beside it. */
struct form {
    char path[BENEATH_PATH_BYTES];
    const char *coding; /* NULL: as it is */
    int fd;
    struct stat st;
};

/* Take the compressed form instead, where the client likes it at least as much as
 * the best so far. One that is older than its file has been forgotten in some build
 * and would be wrong. *is_varied: another client might get another answer. */
static void try_coding(const struct static_files *s, const struct http_head *head,
                       const struct form *plain, struct form *best, unsigned *weight,
                       const char *coding, const char *ending, bool *is_varied)
{
    unsigned liked = http_range_coding(head, coding);
    struct form f = {.coding = coding};

    if (snprintf(f.path, sizeof f.path, "%s.%s", plain->path, ending) >= (int)sizeof f.path)
        return;
    f.fd = beneath_open(s->folder, f.path, &f.st);
    if (f.fd < 0)
        return;
    bool is_fresh = f.st.st_mtim.tv_sec > plain->st.st_mtim.tv_sec ||
                    (f.st.st_mtim.tv_sec == plain->st.st_mtim.tv_sec &&
                     f.st.st_mtim.tv_nsec >= plain->st.st_mtim.tv_nsec);
    *is_varied |= is_fresh;
    if (!is_fresh || liked == 0 || liked < *weight) {
        close(f.fd);
        return;
    }
    if (best->fd != plain->fd)
        close(best->fd);
    *best = f;
    *weight = liked;
}

static void reply_part(struct conn *c, const char *type, const char *headers,
                       const struct chunk *bytes, uint64_t first, uint64_t last)
{
    char all[MAX_HEADER_BYTES + 96];

    snprintf(all, sizeof all, "%sContent-Range: bytes %llu-%llu/%u\r\n", headers,
             (unsigned long long)first, (unsigned long long)last, bytes->len);
    conn_reply(c, 206, type, all, bytes->bytes + first, (size_t)(last - first + 1));
}

static void serve_form(struct static_files *s, struct conn *c, const struct http_head *head,
                       const struct form *f, const char *type, bool is_varied,
                       const char *more)
{
    char etag[ETAG_BYTES] = "", headers[MAX_HEADER_BYTES], none[96];
    uint64_t first, last;

    if ((uint64_t)f->st.st_size > s->max_file_bytes) {
        conn_reply_error(c, 413, NULL, "the file is too big to be served");
        return;
    }
    if (!is_racy(&f->st))
        write_etag(etag, &f->st);
    snprintf(headers, sizeof headers,
             "%s%s%s%s%s%s%sAccept-Ranges: bytes\r\nCache-Control: no-cache\r\n"
             "X-Content-Type-Options: nosniff\r\n%s",
             *etag ? "ETag: " : "", etag, *etag ? "\r\n" : "",
             is_varied ? "Vary: Accept-Encoding\r\n" : "",
             f->coding ? "Content-Encoding: " : "", f->coding ? f->coding : "",
             f->coding ? "\r\n" : "", more);
    if (is_unwanted(head, etag)) {
        conn_reply_error(c, 412, NULL, "the file is not the one that was asked for");
        return;
    }
    if (*etag && is_named(head, "if-none-match", etag, true)) {
        conn_reply(c, 304, NULL, headers, NULL, 0);
        return;
    }
    struct chunk *bytes = load(s, f->fd, f->path, &f->st);
    if (!bytes) {
        conn_reply_error(c, 503, NULL, "the file cannot be read now");
        return;
    }
    switch (http_range_read(head, bytes->len, etag, &first, &last)) {
    case HTTP_RANGE_ALL: conn_reply_chunk(c, 200, type, headers, bytes); return;
    case HTTP_RANGE_PART: reply_part(c, type, headers, bytes, first, last); break;
    case HTTP_RANGE_NONE:
        snprintf(none, sizeof none, "Content-Range: bytes */%u\r\n", bytes->len);
        conn_reply_error(c, 416, none, "there is no such part");
        break;
    }
    chunk_unref(&bytes);
}

void static_files_serve(struct static_files *s, struct conn *c,
                        const struct http_head *head, const char *path, size_t len,
                        const char *more)
{
    struct form plain = {.fd = -1}, best;
    bool is_varied = false;
    unsigned weight = 1;

    if (!is_method(head, "GET") && !is_method(head, "HEAD")) {
        conn_reply_error(c, 405, "Allow: GET, HEAD\r\n", "only GET and HEAD here");
        return;
    }
    if (beneath_clean(plain.path, path, len))
        plain.fd = beneath_open(s->folder, plain.path, &plain.st);
    if (plain.fd < 0) {
        conn_reply_error(c, 404, NULL, "there is no such page");
        return;
    }
    best = plain;
    try_coding(s, head, &plain, &best, &weight, "gzip", "gz", &is_varied);
    try_coding(s, head, &plain, &best, &weight, "br", "br", &is_varied);
    serve_form(s, c, head, &best, static_files_type(plain.path), is_varied, more);
    if (best.fd != plain.fd)
        close(best.fd);
    close(plain.fd);
}
