/* SPDX-License-Identifier: MIT */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "net/rig.h"
#include "net/static_files.h"

struct site {
    struct rig r;
    char root[64];
    int fd;
};

static void shell(const char *root, const char *command)
{
    char line[2048];

    snprintf(line, sizeof line, "cd %s && %s", root, command);
    CHECK_EQ(system(line), 0);
}

/* web/ is served; beside it lies a secret. All files are a minute old, so that
 * none counts as just written. */
static void begin(struct site *s)
{
    strcpy(s->root, "/tmp/parlor-static-XXXXXX");
    CHECK(mkdtemp(s->root) != NULL);
    shell(s->root, "mkdir -p web/sub web/.git && printf secret > secret && "
                   "printf '<p>hi' > web/index.html && printf sub > web/sub/index.html && "
                   "printf 'let x' > web/a.js && printf hidden > web/.env && "
                   "printf hidden > web/.git/config && : > web/empty.txt && "
                   "ln -s a.js web/inside.js && ln -s ../secret web/outside && "
                   "ln -s ../../web/a.js web/sub/round.js && ln -s / web/root && "
                   "ln -s /etc web/sub/etc && mkfifo web/pipe && "
                   "printf 'with space' > 'web/a b.txt' && "
                   "head -c 3000 /dev/zero > web/large.bin && "
                   "find . -type f | xargs -d '\\n' touch -d '1 minute ago'");
    rig_init(&s->r, NULL);
    char folder[80];
    snprintf(folder, sizeof folder, "%s/web", s->root);
    CHECK_EQ(static_files_new(&s->r.files, folder, 10000, 2000), 0);
    s->fd = rig_connect(&s->r);
}

static void end(struct site *s)
{
    char line[96];

    close(s->fd);
    rig_fini(&s->r);
    snprintf(line, sizeof line, "rm -r %s", s->root);
    CHECK_EQ(system(line), 0);
}

/* Ask, check the status; the body as text where it is expected to be one. */
static void check(struct site *s, const char *line, const char *extra, int status,
                  const char *body, char head[4096])
{
    char request[1024], want[32], got[8192];

    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", line, extra);
    rig_say(&s->r, s->fd, request);
    rig_head(&s->r, s->fd, head);
    snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
    CHECK_EQ(strncmp(head, want, strlen(want)), 0);
    const char *length = strstr(head, "Content-Length: ");
    size_t n = length && strncmp(line, "HEAD", 4) != 0 ? (size_t)atoi(length + 16) : 0;
    CHECK(n < sizeof got);
    CHECK_EQ(rig_read(&s->r, s->fd, got, n), n);
    got[n] = 0;
    if (body)
        CHECK_STR(got, body);
    CHECK(strstr(got, "secret") == NULL);
    CHECK(strstr(got, "hidden") == NULL);
}

TEST(static_serve, "files come with type, ETag and no-cache; folders have an index")
{
    struct site s;
    char head[4096];

    begin(&s);
    check(&s, "GET /f/a.js", "", 200, "let x", head);
    CHECK(strstr(head, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    CHECK(strstr(head, "\r\nCache-Control: no-cache\r\n"));
    CHECK(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n"));
    CHECK(strstr(head, "\r\nETag: \""));
    check(&s, "GET /f/", "", 200, "<p>hi", head);
    CHECK(strstr(head, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
    check(&s, "GET /f/sub/", "", 200, "sub", head);
    check(&s, "GET /f/sub", "", 404, NULL, head);
    check(&s, "GET /f/empty.txt", "", 200, "", head);
    check(&s, "GET /f/a%20b.txt", "", 200, "with space", head);
    check(&s, "HEAD /f/a.js", "", 200, "", head);
    CHECK(strstr(head, "\r\nContent-Length: 5\r\n"));
    check(&s, "POST /f/a.js", "Content-Length: 0\r\n", 405, NULL, head);
    CHECK(strstr(head, "\r\nAllow: GET, HEAD\r\n"));
    check(&s, "GET /f/nothing", "", 404, NULL, head);
    check(&s, "GET /f/large.bin", "", 413, NULL, head);
    end(&s);
}

/* No path leads out of the folder or to a hidden file. */
static void try_to_escape(void)
{
    static const char *const paths[] = {
        "/f/../secret",
        "/f/%2e%2e/secret",
        "/f/sub/../../secret",
        "/f/..%2fsecret",
        "/f/.%2e/secret",
        "/f/..\\secret",
        "/f/..%5csecret",
        "/f/back%5cslash",
        "/f//etc/passwd",
        "/f/%2fetc/passwd",
        "/f/.env",
        "/f/.git/config",
        "/f/sub/../.env",
        "/f/outside",
        "/f/root/etc/passwd",
        "/f/sub/etc/passwd",
        "/f/pipe",
        "/f/.",
        "/f/..",
        "/f/sub/.",
        "/f/./a.js",
        "/f/sub//index.html",
        "/f/a.js%00.html",
        "/f/sub/round.js", /* leaves on its way */
    };
    struct site s;
    char head[4096], line[256];

    begin(&s);
    shell(s.root, "printf x > 'web/back\\slash'");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(line, sizeof line, "GET %s", paths[i]);
        check(&s, line, "", 404, NULL, head);
    }
    check(&s, "GET /nul", "", 404, NULL, head); /* a.js, NUL, .html */
    check(&s, "GET /f/inside.js", "", 200, "let x", head);
    end(&s);
}

TEST(static_escape, "no path leads out of the folder or to a hidden file")
{
    try_to_escape();
}

static void try_without_openat2(void)
{
    static const char *const outside[] = {"/f/outside", "/f/root/etc/passwd",
                                          "/f/sub/etc/passwd", "/f/pipe", "/f/nothing"};
    struct site s;
    char head[4096], line[64];

    begin(&s);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        snprintf(line, sizeof line, "GET %s", outside[i]);
        check(&s, line, "", 404, NULL, head);
    }
    check(&s, "GET /f/inside.js", "", 200, "let x", head);
    check(&s, "GET /f/sub/", "", 200, "sub", head);
    end(&s);
}

/* In a child, because a filter on system calls is for life. */
TEST(static_old_kernel, "where the kernel has no openat2, links out are refused as well")
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
            _exit(2);
        if (syscall(SYS_openat2, -1, "", NULL, 0) != -1 || errno != ENOSYS)
            _exit(3);
        try_without_openat2();
        _exit(0);
    }
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(static_long, "a path longer than any file's is not found")
{
    struct site s;
    char head[4096], line[1000] = "GET /f/";

    begin(&s);
    memset(line + 7, 'a', 900);
    line[907] = 0;
    check(&s, line, "", 404, NULL, head);
    end(&s);
}

static void read_etag(const char *head, char out[128])
{
    const char *at = strstr(head, "ETag: ");

    CHECK(at != NULL);
    snprintf(out, 128, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
}

TEST(static_etag, "If-None-Match gets 304 as long as the file is the same")
{
    struct site s;
    char head[4096], etag[128], extra[512];

    begin(&s);
    check(&s, "GET /f/a.js", "", 200, "let x", head);
    read_etag(head, etag);
    snprintf(extra, sizeof extra, "If-None-Match: %s\r\n", etag);
    check(&s, "GET /f/a.js", extra, 304, "", head);
    CHECK(strstr(head, "Content-Length") == NULL);
    CHECK(strstr(head, etag) != NULL);
    snprintf(extra, sizeof extra, "If-None-Match: \"a\" ,\tW/%s\r\n", etag);
    check(&s, "HEAD /f/a.js", extra, 304, "", head);
    check(&s, "GET /f/a.js", "If-None-Match: *\r\n", 304, "", head);
    check(&s, "GET /f/a.js", "If-None-Match: \"other\", W/, ,\r\n", 200, "let x", head);
    check(&s, "GET /f/a.js", "If-Match: *\r\n", 200, "let x", head);
    check(&s, "GET /f/a.js", "If-Match: \"other\"\r\n", 412, NULL, head);
    CHECK(strstr(head, "ETag") == NULL);
    check(&s, "GET /f/none.js", "If-Match: *\r\n", 404, NULL, head);
    snprintf(extra, sizeof extra, "If-Match: \"other\"\r\nIf-Match: %s\r\n", etag);
    check(&s, "GET /f/a.js", extra, 200, "let x", head);
    snprintf(extra, sizeof extra, "If-Match: W/%s\r\n", etag);
    check(&s, "GET /f/a.js", extra, 412, NULL, head);
    snprintf(extra, sizeof extra, "If-None-Match: \"other\"\r\nIf-None-Match: %s\r\n",
             etag);
    check(&s, "GET /f/a.js", extra, 304, "", head);
    /* Replaced by one of the same length and time: another inode. */
    shell(s.root, "printf 'let y' > new && touch -r web/a.js new && mv new web/a.js");
    snprintf(extra, sizeof extra, "If-None-Match: %s\r\n", etag);
    check(&s, "GET /f/a.js", extra, 200, "let y", head);
    end(&s);
}

TEST(static_change, "a file that is saved is served anew at once, however often")
{
    struct site s;
    char head[4096], command[64], want[16];

    begin(&s);
    for (int i = 100; i < 130; i++) { /* the same length each time */
        snprintf(command, sizeof command, "printf %d > web/a.js", i);
        shell(s.root, command);
        snprintf(want, sizeof want, "%d", i);
        check(&s, "GET /f/a.js", "", 200, want, head);
    }
    shell(s.root, "rm web/a.js");
    check(&s, "GET /f/a.js", "", 404, NULL, head);
    end(&s);
}

TEST(static_cache, "more files than the cache holds are all served")
{
    struct site s;
    char head[4096], line[64], command[128];

    begin(&s);
    shell(s.root, "for i in 1 2 3 4 5 6 7 8 9; do head -c 1900 /dev/zero | tr '\\0' $i "
                  "> web/$i.txt; done; touch -d '1 minute ago' web/*.txt");
    for (int round = 0; round < 3; round++)
        for (int i = 1; i <= 9; i++) {
            char body[1901];
            memset(body, '0' + i, 1900);
            body[1900] = 0;
            snprintf(line, sizeof line, "GET /f/%d.txt", i);
            check(&s, line, "", 200, body, head);
        }
    snprintf(command, sizeof command, "rm web/*.txt");
    shell(s.root, command);
    check(&s, "GET /f/1.txt", "", 404, NULL, head);
    end(&s);
}

TEST(static_racy,
     "a file that was written this moment has no ETag yet: it may change unseen")
{
    struct site s;
    char head[4096];

    begin(&s);
    shell(s.root, "touch -d @1000 web/a.js");
    clk_fake(UINT64_C(1000010000)); /* 10 ms later */
    check(&s, "GET /f/a.js", "", 200, "let x", head);
    CHECK(strstr(head, "ETag") == NULL);
    check(&s, "GET /f/a.js", "If-None-Match: *\r\n", 200, "let x", head);
    clk_fake(UINT64_C(1000030000));
    check(&s, "GET /f/a.js", "", 200, "let x", head);
    CHECK(strstr(head, "ETag") != NULL);
    end(&s);
}

TEST(static_range, "one range of a file is served by itself, of any version but another")
{
    struct site s;
    char head[4096], etag[128], line[256];

    begin(&s);
    check(&s, "GET /f/a.js", "Range: bytes=1-3\r\n", 206, "et ", head);
    CHECK(strstr(head, "\r\nContent-Range: bytes 1-3/5\r\n"));
    CHECK(strstr(head, "\r\nContent-Length: 3\r\n"));
    CHECK(strstr(head, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    CHECK(strstr(head, "\r\nCache-Control: no-cache\r\n"));
    read_etag(head, etag);
    check(&s, "GET /f/a.js", "Range: bytes=-1\r\n", 206, "x", head);
    check(&s, "GET /f/a.js", "Range: bytes=5-\r\n", 416, NULL, head);
    CHECK(strstr(head, "\r\nContent-Range: bytes */5\r\n"));
    check(&s, "GET /f/empty.txt", "Range: bytes=0-\r\n", 416, NULL, head);
    check(&s, "GET /f/a.js", "Range: bytes=0-1,3-4\r\n", 200, "let x", head);
    CHECK(strstr(head, "\r\nAccept-Ranges: bytes\r\n"));
    /* HEAD knows no ranges (RFC 9110 14.2). */
    check(&s, "HEAD /f/a.js", "Range: bytes=1-3\r\n", 200, NULL, head);
    CHECK(strstr(head, "\r\nContent-Length: 5\r\n"));
    snprintf(line, sizeof line, "Range: bytes=1-3\r\nIf-Range: %s\r\n", etag);
    check(&s, "GET /f/a.js", line, 206, "et ", head);
    check(&s, "GET /f/a.js", "Range: bytes=1-3\r\nIf-Range: \"old\"\r\n", 200, "let x",
          head);
    /* Who has it already needs no part either. */
    snprintf(line, sizeof line, "Range: bytes=1-3\r\nIf-None-Match: %s\r\n", etag);
    check(&s, "GET /f/a.js", line, 304, NULL, head);
    end(&s);
}

TEST(static_coding, "a compressed file beside it is served to those who take it")
{
    struct site s;
    char head[4096], plain[128], coded[128], line[256];

    begin(&s);
    shell(s.root, "printf gzipped > web/a.js.gz && printf brotlied > web/a.js.br && "
                  "touch -d '1 minute ago' web/a.js.gz web/a.js.br && "
                  "touch -d '2 minutes ago' web/a.js");
    check(&s, "GET /f/a.js", "", 200, "let x", head);
    CHECK(strstr(head, "\r\nVary: Accept-Encoding\r\n"));
    CHECK(strstr(head, "Content-Encoding") == NULL);
    read_etag(head, plain);
    check(&s, "GET /f/a.js", "Accept-Encoding: gzip, br\r\n", 200, "brotlied", head);
    CHECK(strstr(head, "\r\nContent-Encoding: br\r\n"));
    CHECK(strstr(head, "\r\nVary: Accept-Encoding\r\n"));
    CHECK(strstr(head, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    read_etag(head, coded);
    CHECK(strcmp(plain, coded) != 0);
    check(&s, "GET /f/a.js", "Accept-Encoding: br;q=0.5, gzip\r\n", 200, "gzipped", head);
    CHECK(strstr(head, "\r\nContent-Encoding: gzip\r\n"));
    check(&s, "GET /f/a.js", "Accept-Encoding: br;q=0, gzip;q=0\r\n", 200, "let x", head);
    check(&s, "HEAD /f/a.js", "Accept-Encoding: br\r\n", 200, NULL, head);
    CHECK(strstr(head, "\r\nContent-Length: 8\r\n"));
    CHECK(strstr(head, "\r\nContent-Encoding: br\r\n"));
    /* A tag is of one form: the other one is not what the client has. */
    snprintf(line, sizeof line, "Accept-Encoding: br\r\nIf-None-Match: %s\r\n", coded);
    check(&s, "GET /f/a.js", line, 304, NULL, head);
    CHECK(strstr(head, "\r\nVary: Accept-Encoding\r\n"));
    snprintf(line, sizeof line, "Accept-Encoding: br\r\nIf-None-Match: %s\r\n", plain);
    check(&s, "GET /f/a.js", line, 200, "brotlied", head);
    /* Parts are parts of the form that is sent. */
    check(&s, "GET /f/a.js", "Accept-Encoding: br\r\nRange: bytes=0-2\r\n", 206, "bro",
          head);
    CHECK(strstr(head, "\r\nContent-Range: bytes 0-2/8\r\n"));
    /* One file alone has no variants. */
    check(&s, "GET /f/sub/", "Accept-Encoding: br\r\n", 200, "sub", head);
    CHECK(strstr(head, "Vary") == NULL);
    end(&s);
}

TEST(static_stale,
     "a compressed file that is older than its own, or leads out, is not used")
{
    struct site s;
    char head[4096];

    begin(&s);
    shell(s.root, "printf old > web/a.js.gz && touch -d '2 minutes ago' web/a.js.gz && "
                  "ln -s ../secret web/index.html.gz && mkdir web/empty.txt.gz && "
                  "printf alone > web/alone.js.gz");
    check(&s, "GET /f/a.js", "Accept-Encoding: gzip\r\n", 200, "let x", head);
    CHECK(strstr(head, "Content-Encoding") == NULL && strstr(head, "Vary") == NULL);
    check(&s, "GET /f/", "Accept-Encoding: gzip\r\n", 200, "<p>hi", head);
    check(&s, "GET /f/empty.txt", "Accept-Encoding: gzip\r\n", 200, "", head);
    check(&s, "GET /f/alone.js", "Accept-Encoding: gzip\r\n", 404, NULL, head);
    end(&s);
}

TEST(static_types, "the ending tells the type, in any case")
{
    CHECK_STR(static_files_type("x.html"), "text/html; charset=utf-8");
    CHECK_STR(static_files_type("a/b.PNG"), "image/png");
    CHECK_STR(static_files_type("a.b/c"), "application/octet-stream");
    CHECK_STR(static_files_type("x.unknown"), "application/octet-stream");
    CHECK_STR(static_files_type("x.wasm"), "application/wasm");
}
