/* SPDX-License-Identifier: MIT */
/*
 * tls - TLS 1.2 and 1.3 on OpenSSL, for the server's side of a connection.
 *
 * A `tls_context` is a set of certificates, chosen by the name a client asks for
 * (SNI). It never changes: to reload, make a new one; who is connected keeps the
 * old one. A `tls_stream` is one connection's state. It is fed the bytes that came
 * from the socket and writes to the socket itself; it never reads it, so that one
 * system call takes in many records and an idle connection holds no buffer.
 *
 * Not here: client certificates, early data (0-RTT: a request could be played
 * twice), renegotiation, compression, HTTP/2.
 *
 * Thread: contexts any (they are counted), a stream its connection's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tls_context;
struct tls_stream;

/* PEM files: the certificate and those between it and the root, and its key. */
struct tls_files {
    const char *cert, *key;
};

/* Load `n` pairs; the first one is for clients that ask for no name, or for one
 * that nobody has. On error *out is NULL and *e names the file and what is wrong:
 * missing, not PEM, not yet or no longer valid, not a pair. Always -EINVAL or
 * -ENOMEM. */
int tls_context_load(struct tls_context **out, const struct tls_files *files, size_t n,
                     struct err *e);

/* For development: a certificate that nobody has signed, for localhost and this
 * machine's name. It is kept in the file `path` (key and certificate, mode 0600),
 * so that a browser has to be told once only; where that cannot be written it
 * lives as long as the process. `path` may be NULL. */
int tls_context_self_signed(struct tls_context **out, const char *path, struct err *e);

struct tls_context *tls_context_ref(struct tls_context *t);
void tls_context_unref(struct tls_context **t);

enum tls_result {
    TLS_OK = 0,
    TLS_END,   /* the peer has said that it sends no more (close_notify) */
    TLS_PLAIN, /* the first bytes are no TLS but look like a request in clear */
    TLS_BAD,   /* broken; an alert has gone out where one was due */
};

/* What one record may hold, and so the most that one write takes. */
enum { TLS_RECORD_BYTES = 16384 };

/* What tls_stream_read() may write beyond the bytes it is given: a record of
 * which only the end was missing. */
enum { TLS_READ_EXTRA = 17 * 1024 };

/* A stream on the socket `fd`, which it only borrows. NULL: no memory. */
struct tls_stream *tls_stream_new(struct tls_context *t, int fd);
void tls_stream_free(struct tls_stream **s);

/* Take in `n` bytes from the socket, the handshake's too, and decrypt what they
 * hold to `out`, which has room for n + TLS_READ_EXTRA bytes; *got counts them. `in`
 * may lie further back in the same buffer (by TLS_READ_EXTRA or more). With n = 0
 * it goes on where it had to wait for the socket. */
enum tls_result tls_stream_read(struct tls_stream *s, const uint8_t *in, size_t n,
                                uint8_t *out, size_t *got);

/* Write up to `n` bytes (n > 0) as one record. Returns how many have left, 0 when the
 * socket is full – then call again with the same bytes and perhaps more behind
 * them – or -errno. */
int tls_stream_write(struct tls_stream *s, const uint8_t *bytes, size_t n);

/* Say that nothing more comes (close_notify). false: the socket is full, call again
 * when it is writable. After an error it says nothing and returns true. */
bool tls_stream_shut(struct tls_stream *s);

/* tls_stream_read(s, NULL, 0, …) must be called when the socket is writable, and no
 * other bytes be read before. */
bool tls_stream_reads_after_write(const struct tls_stream *s);

/* A write waits for bytes from the peer, not for room in the socket. */
bool tls_stream_writes_after_read(const struct tls_stream *s);

bool tls_stream_is_ready(const struct tls_stream *s); /* the handshake is done */

/* Bytes given to the socket since this was last asked. */
size_t tls_stream_take_sent(struct tls_stream *s);
