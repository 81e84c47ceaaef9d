/* SPDX-License-Identifier: MIT */
/*
 * tls_stream - one connection's TLS.
 *
 * OpenSSL sees the socket through a BIO of ours: what it reads are the bytes that
 * tls_stream_read() was given, what it writes goes to the socket at once. All bytes
 * that are given are used up, so what waits between two calls lies in OpenSSL's own
 * record buffer, and only while a record is incomplete.
 */
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sock.h"
#include "net/tls_impl.h"
#include "net/tls_slack.h"

struct tls_stream {
    SSL *ssl;
    struct tls_context *context; /* its certificates are chosen from in the handshake */
    const uint8_t *in;           /* during a read: what is still to be used up */
    size_t n_in;
    uint8_t *kept; /* that could not be used up, because the socket was full */
    size_t n_kept;
    size_t sent;
    int fd;
    int error;      /* errno of the last write to the socket */
    bool is_fresh;  /* nothing has come yet */
    bool is_broken; /* nothing more is read or written */
    bool is_mute;   /* nothing more is written; what had come can still be read */
    bool reads_after_write, writes_after_read;
};

static int on_bio_read(BIO *bio, char *out, int want)
{
    struct tls_stream *s = BIO_get_data(bio);
    size_t n = (size_t)want < s->n_in ? (size_t)want : s->n_in;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, s->in, n);
    s->in += n;
    s->n_in -= n;
    return (int)n;
}

static int on_bio_write(BIO *bio, const char *bytes, int n)
{
    struct tls_stream *s = BIO_get_data(bio);
    ssize_t k;

    BIO_clear_retry_flags(bio);
    do
        k = sock_send(s->fd, bytes, (size_t)n);
    while (k < 0 && errno == EINTR);
    if (k >= 0) {
        s->sent += (size_t)k;
        return (int)k;
    }
    s->error = errno;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        BIO_set_retry_write(bio);
    return -1;
}

/* A flush has nothing to do; nothing else is asked that matters. */
static long on_bio_ctrl(BIO *bio, int what, long number, void *at)
{
    (void)bio;
    (void)number;
    (void)at;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

/* Lives as long as the process, like OpenSSL's own methods. */
static void make_bio_method(void)
{
    static BIO_METHOD *m;

    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parlor");
    if (m && BIO_meth_set_read(m, on_bio_read) == 1 &&
        BIO_meth_set_write(m, on_bio_write) == 1 && BIO_meth_set_ctrl(m, on_bio_ctrl) == 1)
        bio_method = m;
}

struct tls_stream *tls_stream_new(struct tls_context *t, int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tls_stream *s = calloc(1, sizeof *s);
    BIO *bio = NULL;

    pthread_once(&once, make_bio_method);
    if (!s || !bio_method || !(bio = BIO_new(bio_method)) ||
        !(s->ssl = SSL_new(tls_context_first(t)))) {
        BIO_free(bio);
        free(s);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio); /* takes it */
    SSL_set_accept_state(s->ssl);
    s->context = tls_context_ref(t);
    s->fd = fd;
    s->is_fresh = true;
    tls_slack_came();
    return s;
}

void tls_stream_free(struct tls_stream **s)
{
    struct tls_stream *x = *s;

    *s = NULL;
    if (!x)
        return;
    SSL_free(x->ssl);
    tls_context_unref(&x->context);
    free(x->kept);
    free(x);
    tls_slack_went();
}

/* As ERR_clear_error(), which looks at all 16 places each time: a tenth of an echo's cost
 * above the kernel's. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* The socket is full and OpenSSL must write before it reads on: the rest waits. So
 * little of it is ever kept for a client that behaves (it waits for our answer, too)
 * that a copy does no harm. */
static bool keep_rest(struct tls_stream *s)
{
    uint8_t *copy = s->n_in ? malloc(s->n_in) : NULL;

    if (s->n_in && !copy)
        return false;
    if (copy)
        memcpy(copy, s->in, s->n_in);
    free(s->kept);
    s->kept = copy;
    s->n_kept = s->n_in;
    s->n_in = 0;
    return true;
}

/* OpenSSL has stopped: wait for the peer, for the socket, or is it the end? */
static enum tls_result judge(struct tls_stream *s, int r)
{
    switch (SSL_get_error(s->ssl, r)) {
    case SSL_ERROR_WANT_READ: return TLS_OK;
    case SSL_ERROR_WANT_WRITE: s->reads_after_write = true; return TLS_OK;
    case SSL_ERROR_ZERO_RETURN: return TLS_END;
    default: s->is_broken = true; return TLS_BAD;
    }
}

static enum tls_result decrypt(struct tls_stream *s, uint8_t *out, size_t room, size_t *got)
{
    for (;;) {
        size_t n = 0;
        int r = SSL_is_init_finished(s->ssl) ? 1 : SSL_do_handshake(s->ssl);
        if (r == 1)
            r = SSL_read_ex(s->ssl, out + *got, room - *got, &n);
        if (r != 1)
            return judge(s, r);
        *got += n;
        /* Asking once more would only make OpenSSL fetch a buffer to look into. */
        if (s->n_in == 0 && !SSL_has_pending(s->ssl))
            return TLS_OK;
    }
}

enum tls_result tls_stream_read(struct tls_stream *s, const uint8_t *in, size_t n,
                                uint8_t *out, size_t *got)
{
    uint8_t *kept = s->kept;
    enum tls_result r;

    *got = 0;
    if (s->is_broken)
        return TLS_BAD;
    /* The first byte of a hello is 22. A letter is the first one of a method. */
    if (s->is_fresh && n > 0 && *in >= 'A' && *in <= 'Z')
        return TLS_PLAIN;
    if (n > 0)
        s->is_fresh = false;
    s->in = kept ? kept : in;
    s->n_in = kept ? s->n_kept : n;
    s->kept = NULL;
    s->reads_after_write = s->writes_after_read = false;
    forget_errors();
    r = decrypt(s, out, s->n_in + TLS_READ_EXTRA, got);
    if (s->reads_after_write && !keep_rest(s))
        r = TLS_BAD;
    free(kept);
    s->n_in = 0;
    forget_errors();
    return r;
}

int tls_stream_write(struct tls_stream *s, const uint8_t *bytes, size_t n)
{
    size_t written;
    int r;

    if (s->is_broken || s->is_mute)
        return -EPIPE;
    s->error = 0;
    s->writes_after_read = false;
    forget_errors();
    if (SSL_write_ex(s->ssl, bytes, n, &written) == 1)
        return (int)written;
    r = SSL_get_error(s->ssl, 0);
    forget_errors();
    s->writes_after_read = r == SSL_ERROR_WANT_READ;
    if (r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE)
        return 0;
    s->is_mute = true;
    return s->error ? -s->error : -EPIPE;
}

bool tls_stream_shut(struct tls_stream *s)
{
    int r;

    if (s->is_broken || s->is_mute || !SSL_is_init_finished(s->ssl))
        return true;
    forget_errors();
    r = SSL_shutdown(s->ssl);
    bool waits = r < 0 && SSL_get_error(s->ssl, r) == SSL_ERROR_WANT_WRITE;
    forget_errors();
    return !waits;
}

bool tls_stream_reads_after_write(const struct tls_stream *s)
{
    return s->reads_after_write;
}

bool tls_stream_writes_after_read(const struct tls_stream *s)
{
    return s->writes_after_read;
}

bool tls_stream_is_ready(const struct tls_stream *s)
{
    return SSL_is_init_finished(s->ssl) == 1;
}

size_t tls_stream_take_sent(struct tls_stream *s)
{
    size_t n = s->sent;

    s->sent = 0;
    return n;
}
