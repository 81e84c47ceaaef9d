/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/logger.h"
#include "net/conn_impl.h"
#include "net/edge_impl.h"

enum {
    MAGIC = 0x6c697374,
    BACKLOG = 4096,        /* the kernel cuts it to net.core.somaxconn */
    ACCEPTS_PER_TURN = 32, /* 15 to 40 us each; then ticks and those that we have */
};

struct listener {
    uint32_t magic;
    int fd;
    int spare; /* a descriptor to give up, so that one more can be accepted */
    uint16_t port;
    bool is_paused;
    struct edge *edge;
    struct link link;
    uv_poll_t poll;
};

static struct listener *listener_of(void *handle)
{
    struct listener *l = ((uv_handle_t *)handle)->data;

    assert(l->magic == MAGIC);
    return l;
}

struct listener *listener_of_link(struct link *link)
{
    return LINK_OWNER(link, struct listener, link);
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left. The newcomer would stay in the kernel's queue and wake
 * us again and again, so it is taken with the spare one and closed, and accepting
 * rests until the next second. */
static void shed(struct listener *l, int error)
{
    if (l->spare >= 0) {
        close(l->spare);
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            l->edge->counters.refused++;
        }
        l->spare = open_spare();
    }
    logger_warn("net", "cannot accept connections for a moment: %s (see ulimit -n)",
                strerror(error));
    uv_poll_stop(&l->poll);
    l->is_paused = true;
}

static void accept_some(struct listener *l, int max)
{
    for (int i = 0; i < max; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd =
            accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            conn_accept(l->edge, fd, &from);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            shed(l, errno);
            return;
        }
        /* What is left are errors of the newcomer (ECONNABORTED and the network's
         * own, accept(2)): on to the next. */
    }
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    accept_some(listener_of(handle), ACCEPTS_PER_TURN);
}

void listener_resume(struct listener *l)
{
    if (!l->is_paused)
        return;
    if (l->spare < 0)
        l->spare = open_spare();
    if (uv_poll_start(&l->poll, UV_READABLE, on_ready) == 0)
        l->is_paused = false;
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = listener_of(handle);

    edge_drop(l->edge);
    free(l);
}

/* Closing resets what waits in the kernel's queue. Those clients have connected, as
 * far as they know, so they are taken first; not when everything ends. */
void listener_close(struct listener *l)
{
    if (!l->edge->is_closing)
        accept_some(l, BACKLOG);
    link_leave(&l->link);
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
    if (l->spare >= 0)
        close(l->spare);
}

/* An address as text, for messages. */
static const char *address_text(const struct addrinfo *at, char out[INET6_ADDRSTRLEN])
{
    if (getnameinfo(at->ai_addr, at->ai_addrlen, out, INET6_ADDRSTRLEN, NULL, 0,
                    NI_NUMERICHOST) != 0)
        strcpy(out, "?");
    return out;
}

static void set_port(const struct addrinfo *at, uint16_t port)
{
    if (at->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)at->ai_addr)->sin_port = htons(port);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage s;
    socklen_t len = sizeof s;

    if (getsockname(fd, (struct sockaddr *)&s, &len) != 0)
        return 0;
    return ntohs(s.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&s)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&s)->sin_port);
}

/* A bound socket, or -errno. SO_REUSEADDR lets us start again while connections
 * of an earlier run are in TIME_WAIT; it does not share with a listening socket. */
static int bind_socket(const struct addrinfo *at, bool share, bool only_v6)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, v6 = only_v6;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        (at->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6, sizeof v6) != 0) ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int open_one(struct edge *edge, const struct addrinfo *at, bool probe, bool only_v6)
{
    struct listener *l = calloc(1, sizeof *l);
    int r;

    if (!l)
        return -ENOMEM;
    l->fd = l->spare = -1;
    if (probe) {
        if ((r = bind_socket(at, false, only_v6)) < 0)
            goto fail;
        close(r);
    }
    if ((r = l->fd = bind_socket(at, true, only_v6)) < 0)
        goto fail;
    if (listen(l->fd, BACKLOG) != 0) {
        r = -errno;
        goto fail;
    }
    l->port = bound_port(l->fd);
    l->spare = open_spare();
    if ((r = uv_poll_init(edge->loop, &l->poll, l->fd)) < 0)
        goto fail;
    l->magic = MAGIC;
    l->poll.data = l;
    l->edge = edge;
    link_init(&l->link);
    link_join(&l->link, &edge->listeners);
    edge_hold(edge);
    if ((r = uv_poll_start(&l->poll, UV_READABLE, on_ready)) < 0)
        listener_close(l);
    return r;
fail:
    if (l->fd >= 0)
        close(l->fd);
    if (l->spare >= 0)
        close(l->spare);
    free(l);
    return r;
}

static int explain(struct err *e, int r, const char *address, uint16_t port)
{
    if (r == -EADDRINUSE)
        return err_set(e, r,
                       "port %u on %s is in use; stop the other server or choose "
                       "another port",
                       port, address);
    if (r == -EACCES)
        return err_set(e, r, "port %u on %s: ports below 1024 need special rights", port,
                       address);
    if (r == -EADDRNOTAVAIL)
        return err_set(e, r, "%s is not an address of this machine", address);
    return err_set(e, r, "cannot listen on port %u on %s: %s", port, address, strerror(-r));
}

/* localhost is often both ::1 and 127.0.0.1 where the machine has no IPv6. */
static bool is_missing_family(int r)
{
    return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT;
}

int listener_open_all(struct edge *edge, const char *host, uint16_t port, bool probe,
                      struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all;
    struct link *before = edge->listeners.prev;
    char address[INET6_ADDRSTRLEN];
    int failed = 0, r = getaddrinfo(host, NULL, &hints, &all);

    if (r != 0)
        return err_set(e, UV_ENOENT, "cannot listen on %s: %s", host, gai_strerror(r));
    for (struct addrinfo *at = all; at; at = at->ai_next) {
        set_port(at, port);
        /* "::" alone takes IPv4 as well; among several addresses each is itself. */
        r = open_one(edge, at, probe && port != 0, all->ai_next != NULL);
        if (r < 0) {
            failed = explain(e, r, address_text(at, address), port);
            if (!is_missing_family(r))
                break;
        } else if (port == 0) {
            port = listener_port(listener_of_link(edge->listeners.prev));
        }
        r = 0;
    }
    freeaddrinfo(all);
    if (r < 0)
        while (edge->listeners.prev != before)
            listener_close(listener_of_link(edge->listeners.prev));
    return edge->listeners.prev == before ? failed : 0;
}
