/* SPDX-License-Identifier: MIT */
#include "server/https.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/conn.h"
#include "net/tls.h"
#include "proto/http_text.h"
#include "server/config.h"
#include "server/server.h"

enum { MAX_PAIRS = 64 };

bool https_is_on(const struct config *c)
{
    return *c->tls_cert || *c->tls_key || c->is_self_signed;
}

/* Cut a list with commas into its parts, in place. -1: there are too many. */
static int split(char *list, const char *parts[MAX_PAIRS])
{
    char *one;
    int n = 0;

    while ((one = strsep(&list, ","))) {
        one += strspn(one, " ");
        for (size_t len = strlen(one); len > 0 && one[len - 1] == ' '; len--)
            one[len - 1] = 0;
        if (!*one)
            continue;
        if (n == MAX_PAIRS)
            return -1;
        parts[n++] = one;
    }
    return n;
}

static int load_pairs(const struct config *c, struct tls_context **out, struct err *e)
{
    const char *certs[MAX_PAIRS], *keys[MAX_PAIRS];
    char cert_list[CONFIG_TEXT_MAX + 1], key_list[CONFIG_TEXT_MAX + 1];
    struct tls_files files[MAX_PAIRS];

    strcpy(cert_list, c->tls_cert);
    strcpy(key_list, c->tls_key);
    int n = split(cert_list, certs), n_keys = split(key_list, keys);
    if (n < 0 || n_keys < 0)
        return err_set(e, -EINVAL, "tls_cert, tls_key: more than %d files", MAX_PAIRS);
    if (n == 0 || n != n_keys)
        return err_set(e, -EINVAL,
                       "tls_cert names %d file%s and tls_key %d: they belong together, "
                       "one key for each certificate",
                       n, n == 1 ? "" : "s", n_keys);
    for (int i = 0; i < n; i++)
        files[i] = (struct tls_files){certs[i], keys[i]};
    return tls_context_load(out, files, (size_t)n, e);
}

/* ~/.cache/parlor/dev-tls.pem. NULL: there is no such place. */
static const char *kept_path(char out[1200])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/' && strlen(cache) < 1000)
        strcpy(out, cache);
    else if (home && *home == '/' && strlen(home) < 1000)
        sprintf(out, "%s/.cache", home);
    else
        return NULL;
    mkdir(out, 0700); /* where these fail, writing the file does, and says so */
    strcat(out, "/parlor");
    mkdir(out, 0700);
    return strcat(out, "/dev-tls.pem");
}

int https_load(const struct config *c, struct tls_context **out, struct err *e)
{
    char path[1200];

    *out = NULL;
    if (c->http_port && !https_is_on(c))
        return err_set(e, -EINVAL,
                       "http_port sends browsers on to https, which needs tls_cert and "
                       "tls_key");
    if (!https_is_on(c))
        return 0;
    if (*c->tls_cert || *c->tls_key)
        return load_pairs(c, out, e);
    return tls_context_self_signed(out, kept_path(path), e);
}

/* The host of the request without its port; "[::1]" stays whole. */
static size_t host_len(struct http_text host)
{
    size_t n = host.len;

    while (n > 0 && host.at[n - 1] >= '0' && host.at[n - 1] <= '9')
        n--;
    return n > 0 && host.at[n - 1] == ':' ? n - 1 : host.len;
}

static void on_request(void *ctx, struct conn *c, const struct http_head *head)
{
    const struct server *s = ctx;
    struct http_text host = http_head_host(head), path = http_head_path(head),
                     query = http_head_query(head);
    uint16_t to = server_port(s);
    char port[8] = "", line[8192];

    if (to != 443)
        snprintf(port, sizeof port, ":%u", to);
    if (!http_text_is_host(host))
        conn_reply_error(c, 400, NULL, "the request names no host");
    else if (snprintf(line, sizeof line, "Location: https://%.*s%s%.*s%s%.*s\r\n",
                      (int)host_len(host), host.at, port, (int)path.len, path.at,
                      query.len ? "?" : "", (int)query.len, query.at) >= (int)sizeof line)
        conn_reply_error(c, 414, NULL, "the address is too long");
    else
        conn_reply(c, 308, NULL, line, NULL, 0);
}

const struct edge_handler https_redirect_handler = {.on_request = on_request};
