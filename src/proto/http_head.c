/* SPDX-License-Identifier: MIT */
#include "proto/http_head.h"

#include <assert.h>
#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/http_scan.h"

/* RFC 9112 2.2 wants at least one empty line before a request to be ignored. */
enum { MAX_BLANK_LINES = 4 };

enum part { PART_BLANK, PART_HEAD, PART_BODY, PART_TRAILER };

struct http_head {
    struct http_limits limits;
    llhttp_t parser;
    enum part part;
    enum http_result result; /* of the last feed; errors and DONE stay */
    unsigned n_blank_bytes;
    struct http_scan scan; /* of the head, then of the trailer */
    struct buf head;       /* from the request line to the empty line */
    struct buf body;       /* without its framing */
    size_t n_body_bytes;   /* received, framing included */
    bool is_head_whole, is_whole;

    /* Known once the head is whole; all of it points into `head`. */
    struct http_text method, path, query, host;
    struct http_header *headers;
    size_t n_headers;
    int minor;
    bool is_chunked, wants_upgrade, expects_continue;
};

const struct http_limits http_limits_default = {.max_head = 16 * 1024,
                                                .max_target = 4 * 1024,
                                                .max_headers = 64,
                                                .max_body = 64 * 1024};

static struct http_head *head_of(llhttp_t *p)
{
    return p->data;
}

/* --- the head, once it is whole --- */

/* Cut the line off *rest. The scan has seen to it that each ends in CRLF. */
static struct http_text next_line(struct http_text *rest)
{
    const char *cr = memchr(rest->at, '\r', rest->len);
    struct http_text line = {rest->at, (size_t)(cr - rest->at)};

    rest->at += line.len + 2;
    rest->len -= line.len + 2;
    return line;
}

/* Cut what stands before the first `c` off *rest, and the `c`; all of it where
 * there is none. */
static struct http_text cut_at(struct http_text *rest, char c)
{
    const char *at = memchr(rest->at, c, rest->len);
    struct http_text first = {rest->at, at ? (size_t)(at - rest->at) : rest->len};
    size_t gone = first.len + (at != NULL);

    rest->at += gone;
    rest->len -= gone;
    return first;
}

/* origin-form or absolute-form (RFC 9112 3.2). Where the second names a host,
 * it counts, not Host. */
static enum http_result read_target(struct http_head *h, struct http_text target)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= ' ' || target.at[i] == 0x7f || target.at[i] == '#')
            return HTTP_ERR_BAD; /* bytes above 0x7f are negative: refused as well */
    h->host = http_head_find(h, "host", NULL);
    if (target.len == 0 || target.at[0] != '/') {
        size_t scheme_bytes = http_text_starts_nocase(target, "https://")  ? 8
                              : http_text_starts_nocase(target, "http://") ? 7
                                                                           : 0;
        if (scheme_bytes == 0)
            return HTTP_ERR_BAD;
        target.at += scheme_bytes;
        target.len -= scheme_bytes;
        h->host = target;
        for (h->host.len = 0; h->host.len < target.len; h->host.len++)
            if (target.at[h->host.len] == '/' || target.at[h->host.len] == '?')
                break;
        if (!http_text_is_host(h->host))
            return HTTP_ERR_BAD;
        target.at += h->host.len;
        target.len -= h->host.len;
    }
    h->query = target;
    h->path = cut_at(&h->query, '?');
    if (h->path.len == 0)
        h->path = (struct http_text){"/", 1};
    return HTTP_MORE;
}

/* One Host, and a possible one, in HTTP/1.1; at most one before (RFC 9112 3.2). */
static enum http_result check_host(const struct http_head *h)
{
    size_t n;
    struct http_text host = http_head_find(h, "host", &n);

    if (n > 1 || (n == 0 && h->minor > 0) || (n == 1 && !http_text_is_host(host)))
        return HTTP_ERR_BAD;
    return HTTP_MORE;
}

/* Framing that two parsers could read differently is refused, all of it (RFC
 * 9112 6.1, 6.3). llhttp has seen to Content-Length: one, of digits only, within
 * 64 bits. */
static enum http_result check_framing(struct http_head *h)
{
    size_t n_lengths, n_codings;
    struct http_text coding = http_head_find(h, "transfer-encoding", &n_codings);

    http_head_find(h, "content-length", &n_lengths);
    if (h->parser.content_length > h->limits.max_body)
        return HTTP_ERR_BODY;
    if (n_codings == 0)
        return HTTP_MORE;
    if (n_codings > 1 || n_lengths > 0 || h->minor == 0)
        return HTTP_ERR_BAD;
    h->is_chunked = http_text_is_nocase(coding, "chunked");
    return h->is_chunked ? HTTP_MORE : HTTP_ERR_CODING;
}

static enum http_result split_headers(struct http_head *h, struct http_text rest)
{
    h->headers = calloc(h->scan.n_headers + 1, sizeof *h->headers);
    if (!h->headers)
        return HTTP_ERR_MEMORY;
    while (h->n_headers < h->scan.n_headers) {
        struct http_text value = next_line(&rest);
        struct http_text name = cut_at(&value, ':');
        if (!http_text_is_token(name)) /* llhttp lets an empty one pass */
            return HTTP_ERR_BAD;
        h->headers[h->n_headers++] = (struct http_header){name, http_text_trim(value)};
    }
    return HTTP_MORE;
}

/* llhttp has found each line well formed; now what they say together. */
static enum http_result read_head_lines(struct http_head *h)
{
    struct http_text rest = {(const char *)h->head.data, h->head.len};
    struct http_text version = next_line(&rest);
    enum http_result r;

    h->method = cut_at(&version, ' ');
    struct http_text target = cut_at(&version, ' ');
    /* By the text, because llhttp also knows RTSP and ICE. What is newer than 1.1 is read
     * and answered as 1.1 (RFC 9110 2.5); llhttp has seen to it that a digit ends it. */
    if (version.len != 8 || memcmp(version.at, "HTTP/1.", 7) != 0)
        return HTTP_ERR_VERSION;
    h->minor = version.at[7] > '0';
    /* What follows a CONNECT is for a tunnel. llhttp ends it at its head, whatever length
     * that announces, and a body would be taken for the next request (RFC 9110 9.3.6). */
    if (http_text_is(h->method, "CONNECT"))
        return HTTP_ERR_METHOD;
    if ((r = split_headers(h, rest)) < 0 || (r = check_host(h)) < 0 ||
        (r = read_target(h, target)) < 0 || (r = check_framing(h)) < 0)
        return r;

    /* Other protocols that are offered are passed over, as RFC 9110 7.8 allows: some
     * clients offer h2c with each request. */
    h->wants_upgrade = http_head_has_token(h, "upgrade", "websocket") &&
                       http_head_has_token(h, "connection", "upgrade");
    /* Else the body would be read as frames. `Content-Length: 0` announces no
     * body and so does no harm; some clients send it with every request. */
    if (h->wants_upgrade && (h->is_chunked || h->parser.content_length > 0))
        return HTTP_ERR_BAD;
    h->expects_continue = h->minor > 0 && http_head_has_token(h, "expect", "100-continue");
    return HTTP_MORE;
}

/* --- llhttp's callbacks: 0 to go on, -1 to stop with h->result --- */

static int on_headers_complete(llhttp_t *p)
{
    struct http_head *h = head_of(p);

    h->is_head_whole = true;
    h->result = read_head_lines(h);
    return h->result < 0 ? -1 : 0;
}

static int on_chunk_header(llhttp_t *p)
{
    struct http_head *h = head_of(p);

    if (p->content_length > h->limits.max_body - h->body.len) {
        h->result = HTTP_ERR_BODY;
        return -1;
    }
    return p->content_length > 0 ? 0 : HPE_PAUSED; /* the last one: see read_body() */
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct http_head *h = head_of(p);

    buf_append(&h->body, at, len);
    if (!h->body.failed)
        return 0;
    h->result = HTTP_ERR_MEMORY;
    return -1;
}

static int on_message_complete(llhttp_t *p)
{
    head_of(p)->is_whole = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Let llhttp read; *used is how far it came. */
static enum http_result run(struct http_head *h, const uint8_t *bytes, size_t len,
                            size_t *used)
{
    const char *text = (const char *)bytes;
    llhttp_errno_t e = llhttp_execute(&h->parser, text, len);

    *used = e == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&h->parser) - text);
    if (h->result < 0)
        return h->result;
    if (h->is_whole)
        return HTTP_DONE;
    if (e == HPE_OK || e == HPE_PAUSED)
        return HTTP_MORE;
    /* A letter that no known method goes on with: not malformed, but not known (RFC
     * 9110 9.1). Other bytes are in no method. */
    if (e == HPE_INVALID_METHOD && *used < len &&
        http_text_is_token((struct http_text){text + *used, 1}))
        return HTTP_ERR_METHOD;
    return e == HPE_INVALID_VERSION ? HTTP_ERR_VERSION : HTTP_ERR_BAD;
}

/* --- reading --- */

static enum http_result skip_blank_lines(struct http_head *h, const uint8_t *bytes,
                                         size_t len, size_t *at)
{
    for (; *at < len; ++*at, h->n_blank_bytes++) {
        bool at_cr = h->n_blank_bytes % 2 == 0;
        if (bytes[*at] != (at_cr ? '\r' : '\n')) {
            if (!at_cr)
                return HTTP_ERR_BAD;
            h->part = PART_HEAD;
            return HTTP_MORE;
        }
        if (h->n_blank_bytes == 2 * MAX_BLANK_LINES)
            return HTTP_ERR_BAD;
    }
    return HTTP_MORE;
}

static enum http_result read_head(struct http_head *h, const uint8_t *bytes, size_t len,
                                  size_t *at)
{
    size_t n_clean, used;
    enum http_result scanned =
        http_scan_feed(&h->scan, &h->limits, bytes + *at, len - *at, &n_clean);

    buf_append(&h->head, bytes + *at, n_clean);
    if (h->head.failed)
        return HTTP_ERR_MEMORY;
    enum http_result parsed = run(h, bytes + *at, n_clean, &used);
    *at += n_clean;
    if (parsed < 0 || scanned < 0)
        return parsed < 0 ? parsed : scanned;
    /* Two parsers that do not agree where a head ends: nobody may go on. */
    if (h->is_head_whole != (scanned == HTTP_DONE))
        return HTTP_ERR_BAD;
    if (h->is_head_whole)
        h->part = PART_BODY;
    return parsed;
}

static enum http_result read_body(struct http_head *h, const uint8_t *bytes, size_t len,
                                  size_t *at)
{
    /* Chunk sizes and extensions are thrown away, but not without end: 8 bytes of
     * framing for each byte of body are more than enough. */
    size_t limit = h->limits.max_head + 9 * h->limits.max_body, used;
    enum http_result r = run(h, bytes + *at, len - *at, &used);

    *at += used;
    h->n_body_bytes += used;
    if (r == HTTP_MORE && llhttp_get_errno(&h->parser) == HPE_PAUSED) {
        llhttp_resume(&h->parser);
        http_scan_init_trailer(&h->scan);
        h->part = PART_TRAILER;
    }
    return r >= 0 && h->n_body_bytes > limit ? HTTP_ERR_BODY : r;
}

/* The lines behind the last chunk are headers (RFC 9112 7.1.2): what a head may not
 * hold they may not either, although nobody reads them. */
static enum http_result read_trailer(struct http_head *h, const uint8_t *bytes, size_t len,
                                     size_t *at)
{
    size_t n_clean, used;
    enum http_result scanned =
        http_scan_feed(&h->scan, &h->limits, bytes + *at, len - *at, &n_clean);
    enum http_result parsed = run(h, bytes + *at, n_clean, &used);

    *at += n_clean;
    if (parsed < 0 || scanned < 0)
        return parsed < 0 ? parsed : scanned;
    return parsed == scanned ? parsed : HTTP_ERR_BAD;
}

enum http_result http_head_feed(struct http_head *h, const uint8_t *bytes, size_t len,
                                size_t *used)
{
    *used = 0;
    assert(h->result != HTTP_DONE);
    if (h->result == HTTP_MORE && h->part == PART_BLANK)
        h->result = skip_blank_lines(h, bytes, len, used);
    if (h->result == HTTP_MORE && h->part == PART_HEAD && *used < len)
        h->result = read_head(h, bytes, len, used);
    if (h->result == HTTP_MORE && h->part == PART_BODY && *used < len)
        h->result = read_body(h, bytes, len, used);
    if (h->result == HTTP_MORE && h->part == PART_TRAILER && *used < len)
        h->result = read_trailer(h, bytes, len, used);
    return h->result;
}

int http_head_new(struct http_head **out, const struct http_limits *limits)
{
    struct http_head *h = calloc(1, sizeof *h);

    *out = h;
    if (!h)
        return -ENOMEM;
    h->limits = *limits;
    http_head_reset(h);
    return 0;
}

/* The memory goes too: a kept-alive connection may be idle for long. */
void http_head_reset(struct http_head *h)
{
    struct http_limits limits = h->limits;

    buf_fini(&h->head);
    buf_fini(&h->body);
    free(h->headers);
    *h = (struct http_head){.limits = limits};
    http_scan_init(&h->scan);
    buf_init(&h->head, limits.max_head);
    buf_init(&h->body, limits.max_body);
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
    h->parser.lenient_flags = LENIENT_VERSION; /* 8.1 has no call for it */
    h->parser.data = h;
}

void http_head_free(struct http_head **h)
{
    if (*h) {
        http_head_reset(*h);
        free(*h);
    }
    *h = NULL;
}

/* --- answers --- */

bool http_head_is_started(const struct http_head *h)
{
    return h->part != PART_BLANK;
}

bool http_head_wants_continue(const struct http_head *h)
{
    return h->expects_continue && h->n_body_bytes == 0;
}

struct http_text http_head_method(const struct http_head *h)
{
    return h->method;
}

struct http_text http_head_path(const struct http_head *h)
{
    return h->path;
}

struct http_text http_head_query(const struct http_head *h)
{
    return h->query;
}

struct http_text http_head_body(const struct http_head *h)
{
    return (struct http_text){(const char *)h->body.data, h->body.len};
}

struct http_text http_head_host(const struct http_head *h)
{
    return h->host;
}

int http_head_minor_version(const struct http_head *h)
{
    return h->minor;
}

bool http_head_keeps_alive(const struct http_head *h)
{
    return h->minor > 0 ? !http_head_has_token(h, "connection", "close")
                        : http_head_has_token(h, "connection", "keep-alive");
}

bool http_head_wants_upgrade(const struct http_head *h)
{
    return h->wants_upgrade;
}

size_t http_head_n_headers(const struct http_head *h)
{
    return h->n_headers;
}

const struct http_header *http_head_header(const struct http_head *h, size_t i)
{
    assert(i < h->n_headers);
    return &h->headers[i];
}

struct http_text http_head_find(const struct http_head *h, const char *name, size_t *count)
{
    struct http_text value = {NULL, 0};
    size_t n = 0;

    for (size_t i = 0; i < h->n_headers; i++)
        if (http_text_is_nocase(h->headers[i].name, name) && n++ == 0)
            value = h->headers[i].value;
    if (count)
        *count = n;
    return value;
}

bool http_head_has_token(const struct http_head *h, const char *name, const char *token)
{
    for (size_t i = 0; i < h->n_headers; i++) {
        struct http_text rest = h->headers[i].value, element;
        if (!http_text_is_nocase(h->headers[i].name, name))
            continue;
        while (http_text_next(&rest, &element))
            if (http_text_is_nocase(element, token))
                return true;
    }
    return false;
}
