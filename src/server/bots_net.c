/* SPDX-License-Identifier: MIT */
#include "server/bots_net.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/rnd.h"
#include "proto/ws_frame.h"
#include "server/lua_json.h"

enum { OUT_BYTES = 1 << 20, HEAD_BYTES = 8192 };

enum line_state { LINE_ASKS, LINE_OPEN, LINE_OVER };

struct bots_line {
    int fd;
    enum line_state state;
    struct buf in, out;
    size_t at; /* how much of `in` has been read */
    uint16_t code;
    char reason[124];
};

/* A nonce is to tell answers of a cache from ours; the example of RFC 6455 1.3 does. */
static const char nonce[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

int bots_net_init(struct bots_net *b, const char *url, struct err *e)
{
    size_t n_host, n_port, n_path;

    *b = (struct bots_net){.port = "80"};
    if (strncmp(url, "http://", 7) != 0)
        return err_set(e, -EINVAL, "--url: http://HOST[:PORT] is expected, not %s", url);
    const char *host = url + 7, *path = host + strcspn(host, "/");
    const char *close = *host == '[' ? memchr(host, ']', (size_t)(path - host)) : NULL;
    const char *colon = close ? close + 1 : host;
    while (colon < path && *colon != ':')
        colon++;
    n_host = (size_t)((close ? close : colon) - host) - (close != NULL);
    n_port = colon < path ? (size_t)(path - colon) - 1 : 0;
    n_path = strlen(path);
    while (n_path && path[n_path - 1] == '/')
        n_path--;
    if (n_host == 0 || n_host >= sizeof b->host || n_port >= sizeof b->port ||
        n_path >= sizeof b->path || strpbrk(url, " \r\n?#"))
        return err_set(e, -EINVAL, "--url: %s is no address of a server", url);
    memcpy(b->host, host + (close != NULL), n_host);
    if (n_port) {
        memcpy(b->port, colon + 1, n_port);
        b->port[n_port] = 0;
    }
    memcpy(b->path, path, n_path);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return 0;
}

static void end(struct bots_line *l, uint16_t code, const char *reason, size_t n)
{
    if (l->state == LINE_OVER)
        return;
    l->state = LINE_OVER;
    l->code = code;
    snprintf(l->reason, sizeof l->reason, "%.*s", (int)n, reason);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static void fail(struct bots_line *l, const char *why)
{
    end(l, 1006, why, strlen(why));
}

static void free_line(struct bots_line *l)
{
    if (!l)
        return;
    end(l, 1006, "", 0);
    buf_fini(&l->in);
    buf_fini(&l->out);
    free(l);
}

void bots_net_fini(struct bots_net *b)
{
    for (uint32_t i = 0; i < b->n_lines; i++)
        free_line(b->lines[i]);
    b->n_lines = 0;
}

/* A socket on its way to the server, or -1. */
static int reach(const struct bots_net *b)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int fd = -1, on = 1;

    if (getaddrinfo(b->host, b->port, &hints, &list) != 0)
        return -1;
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

/* Bytes in and out. */

static void write_out(struct bots_line *l)
{
    if (l->state == LINE_OVER || l->out.len == 0)
        return;
    ssize_t n = send(l->fd, l->out.data, l->out.len, 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail(l, "the connection broke");
    if (n > 0)
        buf_consume(&l->out, (size_t)n);
}

/* A masked frame (5.3), whole. */
static void put_frame(struct bots_line *l, enum ws_op op, const void *data, size_t len)
{
    uint8_t head[WS_HEAD_MAX], mask[4];
    const uint8_t *from = data;
    size_t n = ws_frame_head(head, op, len);

    head[1] |= 0x80;
    rnd_secret(mask, sizeof mask);
    buf_append(&l->out, head, n);
    buf_append(&l->out, mask, sizeof mask);
    uint8_t *to = len ? buf_reserve(&l->out, len) : NULL;
    for (size_t i = 0; to && i < len; i++)
        to[i] = from[i] ^ mask[i % 4];
    if (to)
        buf_added(&l->out, len);
    if (l->out.failed)
        fail(l, "the server does not read");
}

static void read_answer(struct bots_net *b, struct bots_line *l)
{
    const char *head = (const char *)l->in.data;
    const char *stop = memmem(head, l->in.len, "\r\n\r\n", 4);
    char text[HEAD_BYTES + 1];

    if (!stop) {
        if (l->in.len > HEAD_BYTES)
            fail(l, "the server does not speak WebSocket");
        return;
    }
    size_t n = (size_t)(stop - head);
    n = n < HEAD_BYTES ? n : HEAD_BYTES;
    memcpy(text, head, n);
    text[n] = 0;
    b->was_there = true;
    if (strncmp(text, "HTTP/1.1 101 ", 13) != 0 || !strstr(text, accepted)) {
        fail(l, strncmp(text, "HTTP/1.1 ", 9) == 0 ? strtok(text + 9, "\r")
                                                   : "the server does not speak HTTP");
        return;
    }
    l->at = n + 4;
    l->state = LINE_OPEN;
}

static void read_in(struct bots_net *b, struct bots_line *l)
{
    while (l->state != LINE_OVER) {
        uint8_t *to = buf_reserve(&l->in, 16384);
        if (!to) {
            fail(l, "the server sends too much");
            return;
        }
        ssize_t n = recv(l->fd, to, 16384, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            fail(l, "the connection broke");
            return;
        }
        buf_added(&l->in, (size_t)n);
        if (l->state == LINE_ASKS)
            read_answer(b, l);
    }
}

/* The next frame's payload; false: none is whole. */
static bool next_frame(struct bots_line *l, uint8_t *op, const uint8_t **data, size_t *len)
{
    const uint8_t *at = l->in.data + l->at;
    size_t left = l->in.len - l->at, head = 2;

    if (left < 2)
        return false;
    *len = at[1] & 0x7f;
    if (*len >= 126) {
        head = *len == 126 ? 4 : 10;
        if (left < head)
            return false;
        *len = 0;
        for (size_t i = 2; i < head; i++)
            *len = *len << 8 | at[i];
    }
    if ((at[0] & 0xf0) != 0x80 || (at[1] & 0x80) || *len > BOTS_NET_IN_BYTES) {
        fail(l, "the server sent a frame that bots do not know");
        return false;
    }
    if (left - head < *len)
        return false;
    *op = at[0] & 0x0f;
    *data = at + head;
    l->at += head + *len;
    return true;
}

/* Lua. */

static struct bots_net *net_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static struct bots_line *check_line(lua_State *L)
{
    struct bots_net *b = net_of(L);
    lua_Integer i = luaL_checkinteger(L, 1);

    luaL_argcheck(L, i >= 0 && i < (lua_Integer)b->n_lines && b->lines[i], 1,
                  "no such connection");
    return b->lines[i];
}

/* connect(game, room or nil, …) -> connection; the rest is a simulation's */
static int do_connect(lua_State *L)
{
    struct bots_net *b = net_of(L);
    const char *game = luaL_checkstring(L, 1), *room = luaL_optstring(L, 2, NULL);
    uint32_t i = 0;

    while (i < b->n_lines && b->lines[i])
        i++;
    struct bots_line *l = i < BOTS_NET_MAX ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return luaL_error(L, "too many connections");
    b->lines[i] = l;
    b->n_lines = i == b->n_lines ? i + 1 : b->n_lines;
    buf_init(&l->in, BOTS_NET_IN_BYTES);
    buf_init(&l->out, OUT_BYTES);
    l->fd = reach(b);
    if (l->fd < 0)
        fail(l, "no server answers");
    buf_format(&l->out,
               "GET %s/%s%s%s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: parlor.b1\r\n\r\n",
               b->path, game, room ? "/" : "", room ? room : "", b->host, b->port, nonce);
    write_out(l);
    lua_pushinteger(L, (lua_Integer)i);
    return 1;
}

/* message(connection, is_text, bytes) */
static int do_message(lua_State *L)
{
    struct bots_line *l = check_line(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 3, &len);

    if (l->state != LINE_OVER) {
        put_frame(l, lua_toboolean(L, 2) ? WS_TEXT : WS_BINARY, bytes, len);
        write_out(l);
    }
    return 0;
}

static void on_close_frame(struct bots_line *l, const uint8_t *data, size_t len)
{
    unsigned code = len >= 2 ? (unsigned)data[0] << 8 | data[1] : 1005;

    put_frame(l, WS_CLOSE, data, len);
    write_out(l);
    end(l, (uint16_t)code, len > 2 ? (const char *)data + 2 : "", len > 2 ? len - 2 : 0);
}

/* frames(connection) -> a list of {is_text=, data=} */
static int do_frames(lua_State *L)
{
    struct bots_line *l = check_line(L);
    const uint8_t *data;
    uint8_t op;
    size_t len;
    int n = 0;

    lua_newtable(L);
    while (l->state == LINE_OPEN && next_frame(l, &op, &data, &len)) {
        if (op == WS_CLOSE) {
            on_close_frame(l, data, len);
        } else if (op == WS_PING) {
            put_frame(l, WS_PONG, data, len);
            write_out(l);
        } else if (op == WS_TEXT || op == WS_BINARY) {
            lua_createtable(L, 0, 2);
            lua_pushboolean(L, op == WS_TEXT);
            lua_setfield(L, -2, "is_text");
            lua_pushlstring(L, (const char *)data, len);
            lua_setfield(L, -2, "data");
            lua_rawseti(L, -2, ++n);
        }
    }
    buf_consume(&l->in, l->at);
    l->at = 0;
    return 1;
}

/* closing(connection) -> code and reason, or nothing while it is open */
static int do_closing(lua_State *L)
{
    const struct bots_line *l = check_line(L);

    if (l->state != LINE_OVER)
        return 0;
    lua_pushinteger(L, l->code);
    lua_pushstring(L, l->reason);
    return 2;
}

/* closed(connection, code): it is not used any more */
static int do_closed(lua_State *L)
{
    struct bots_line *l = check_line(L);
    lua_Integer code = luaL_checkinteger(L, 2);
    uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};

    if (l->state == LINE_OPEN && code != 1006) {
        put_frame(l, WS_CLOSE, body, sizeof body);
        write_out(l);
    }
    net_of(L)->lines[lua_tointeger(L, 1)] = NULL;
    free_line(l);
    return 0;
}

static int do_backlog(lua_State *L)
{
    lua_pushinteger(L, 0);
    return 1;
}

static int do_now(lua_State *L)
{
    lua_pushnumber(L, (double)clk_now_us());
    return 1;
}

/* wait(ms): let bytes come and go for so long. false: it is time to stop */
static int do_wait(lua_State *L)
{
    struct bots_net *b = net_of(L);
    uint64_t until = clk_now_us() + (uint64_t)(luaL_checknumber(L, 1) * 1000);
    struct pollfd polls[BOTS_NET_MAX];
    uint32_t whose[BOTS_NET_MAX];

    for (uint64_t now; !is_stopped && (now = clk_now_us()) < until;) {
        nfds_t n = 0;
        for (uint32_t i = 0; i < b->n_lines; i++) {
            const struct bots_line *l = b->lines[i];
            if (!l || l->state == LINE_OVER)
                continue;
            whose[n] = i;
            polls[n++] =
                (struct pollfd){l->fd, (short)(POLLIN | (l->out.len ? POLLOUT : 0)), 0};
        }
        if (poll(polls, n, (int)((until - now) / 1000) + 1) <= 0)
            continue;
        for (nfds_t i = 0; i < n; i++) {
            struct bots_line *l = b->lines[whose[i]];
            if (polls[i].revents & POLLOUT)
                write_out(l);
            if (polls[i].revents & (POLLIN | POLLERR | POLLHUP))
                read_in(b, l);
        }
    }
    lua_pushboolean(L, !is_stopped);
    return 1;
}

static int do_was_there(lua_State *L)
{
    lua_pushboolean(L, net_of(L)->was_there);
    return 1;
}

static void push_module(lua_State *L, struct bots_net *b, const luaL_Reg *functions)
{
    lua_newtable(L);
    for (const luaL_Reg *f = functions; f->name; f++) {
        lua_pushlightuserdata(L, b);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
}

void bots_net_open(lua_State *L, const char *scripts, struct bots_net *b)
{
    static const luaL_Reg rig[] = {
        {"connect", do_connect   },
        {"message", do_message   },
        {"frames",  do_frames    },
        {"closing", do_closing   },
        {"closed",  do_closed    },
        {"backlog", do_backlog   },
        {"now",     do_now       },
        {"json",    lua_json_read},
        {NULL,      NULL         },
    };
    static const luaL_Reg own[] = {
        {"wait",      do_wait     },
        {"was_there", do_was_there},
        {NULL,        NULL        },
    };

    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/?.lua", scripts);
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "loaded");
    push_module(L, b, rig);
    lua_setfield(L, -2, "kit.rig");
    push_module(L, b, own);
    lua_setfield(L, -2, "kit.bots_net");
    lua_pop(L, 2);
}
