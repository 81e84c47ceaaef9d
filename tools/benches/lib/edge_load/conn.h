/* SPDX-License-Identifier: MIT */
/*
 * conn - the load's connections: opening them, in clear or over TLS, up to the end of
 * the WebSocket handshake, then bytes in and out without waiting.
 */
#pragma once

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct conn {
    int fd;
    SSL *ssl;               /* NULL: in clear */
    uint32_t n_sent, n_got; /* messages */
    size_t at;              /* bytes of the next frame that are here already */
    uint8_t *held;          /* output that a full socket has left over */
    size_t n_held;
    uint8_t *frame; /* --deflate: what has come of the next frame, `at` bytes */
};

extern struct conn *conns; /* load.n_conns of them, once they are open */
extern int conn_poller;    /* an epoll of all; its data is the connection */

/* From here on connections are over TLS 1.3. */
void conn_use_tls(void);

/* Open all, and wait until the server has taken each. */
void conn_open_all(void);

/* As recv(): up to `n` bytes, -1 with EAGAIN where there are none. */
ssize_t conn_take(struct conn *c, void *to, size_t n);

/* Send, and keep what a full socket leaves over. */
void conn_write(struct conn *c, const uint8_t *data, size_t n);

/* Go on with what is left over: the socket is writable. */
void conn_write_held(struct conn *c);
