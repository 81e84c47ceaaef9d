/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "proto/ws_session.h"

static const uint8_t mask[4] = {0xa1, 0x02, 0xc3, 0x74};

enum { FIN = 0x80, LIMIT = 1000 };

/* A masked client frame; `first` is its first byte. */
static void put_frame(struct buf *out, uint8_t first, const void *payload, size_t len)
{
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_frame_head(head, WS_BINARY, len);
    const uint8_t *p = payload;

    head[0] = first;
    head[1] |= 0x80;
    buf_append(out, head, n);
    buf_append(out, mask, 4);
    for (size_t i = 0; i < len; i++)
        buf_byte(out, p[i] ^ mask[i & 3]);
}

/* What came out, as text: "t:hello b:xy ping:p pong: close:1000,bye err:-8". */
static void put_event(struct buf *trace, const struct ws_in *in)
{
    static const char *const names[] = {"", "", "ping:", "pong:", "close:", "err:"};

    if (trace->len)
        buf_byte(trace, ' ');
    if (in->event == WS_EVENT_MESSAGE)
        buf_text(trace, in->op == WS_TEXT ? "t:" : in->op == WS_BINARY ? "b:" : "?:");
    else
        buf_text(trace, names[in->event]);
    if (in->event == WS_EVENT_CLOSE)
        buf_format(trace, "%u,", in->code);
    if (in->event == WS_EVENT_ERROR)
        buf_format(trace, "%d", in->result);
    else
        buf_append(trace, in->data, in->len);
}

/* Feed [*in, *in + n) until nothing more comes out. */
static void drain(struct ws_session *s, uint8_t *in, size_t n, struct buf *trace)
{
    for (;;) {
        struct ws_in got = ws_session_next(s, &in, &n);
        if (got.event == WS_EVENT_NONE)
            break;
        CHECK(got.event == WS_EVENT_ERROR || got.data);
        put_event(trace, &got);
    }
    CHECK_EQ(n, 0);
}

/* Feed `n` bytes cut into reads: the first of `first` bytes, then `step` each. */
static void feed(const uint8_t *bytes, size_t n, size_t first, size_t step,
                 struct buf *trace)
{
    struct ws_session s;

    ws_session_init(&s, LIMIT);
    buf_clear(trace);
    for (size_t at = 0, len = first; at < n; at += len, len = step) {
        if (len > n - at)
            len = n - at;
        uint8_t *copy = unit_guarded(bytes + at, len);
        drain(&s, copy, len, trace);
        unit_guarded_free(copy, len);
    }
    buf_byte(trace, 0);
    ws_session_fini(&s);
}

/* The bytes yield `want` in one read, in reads of one byte, and at every split. */
static void check_trace(struct buf *bytes, const char *want)
{
    struct buf trace;

    CHECK(!bytes->failed);
    buf_init(&trace, 0);
    feed(bytes->data, bytes->len, 1, 1, &trace);
    CHECK_STR((char *)trace.data, want);
    for (size_t first = 1; first <= bytes->len; first++) {
        feed(bytes->data, bytes->len, first, bytes->len, &trace);
        CHECK_STR((char *)trace.data, want);
    }
    buf_fini(&trace);
    buf_fini(bytes);
}

TEST(messages, "text and binary messages come out in order, empty ones too")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, FIN | WS_TEXT, "hello", 5);
    put_frame(&b, FIN | WS_BINARY, "", 0);
    put_frame(&b, FIN | WS_TEXT, "", 0);
    put_frame(&b, FIN | WS_BINARY, "\x80\xff", 2);
    check_trace(&b, "t:hello b: t: b:\x80\xff");
}

TEST(fragments, "fragments become one message, with control frames delivered between them")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, WS_TEXT, "one,", 4);
    put_frame(&b, FIN | WS_PING, "p", 1);
    put_frame(&b, WS_CONTINUATION, "", 0);
    put_frame(&b, FIN | WS_PONG, "stray", 5);
    put_frame(&b, WS_CONTINUATION, "two,", 4);
    put_frame(&b, FIN | WS_CONTINUATION, "three", 5);
    put_frame(&b, WS_BINARY, "", 0);
    put_frame(&b, FIN | WS_CONTINUATION, "late", 4);
    put_frame(&b, WS_BINARY, "early", 5);
    put_frame(&b, FIN | WS_CONTINUATION, "", 0);
    put_frame(&b, WS_TEXT, "", 0);
    put_frame(&b, FIN | WS_CONTINUATION, "", 0);
    check_trace(&b, "ping:p pong:stray t:one,two,three b:late b:early t:");
}

TEST(split_character, "a character may be split over fragments with a ping between")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, WS_TEXT, "\xf0", 1);
    put_frame(&b, WS_CONTINUATION, "\x9f\x90", 2);
    put_frame(&b, FIN | WS_PING, "\xff", 1);
    put_frame(&b, FIN | WS_CONTINUATION, "\xb8", 1);
    check_trace(&b, "ping:\xff t:\xf0\x9f\x90\xb8");
}

TEST(bad_text, "text that is not UTF-8 fails, binary data may be anything")
{
    static const char *const bad[] = {"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf",
                                      "ok\xff", "cut \xf0\x9f\x90"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b;
        buf_init(&b, 0);
        put_frame(&b, FIN | WS_BINARY, bad[i], strlen(bad[i]));
        put_frame(&b, FIN | WS_TEXT, "good", 4);
        put_frame(&b, FIN | WS_TEXT, bad[i], strlen(bad[i]));
        put_frame(&b, FIN | WS_TEXT, "never", 5);
        char want[64];
        snprintf(want, sizeof want, "b:%s t:good err:%d", bad[i], WS_ERR_UTF8);
        check_trace(&b, want);
    }
}

TEST(next_text, "a text after one in fragments starts afresh")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, WS_BINARY, "\xf0", 1);
    put_frame(&b, FIN | WS_CONTINUATION, "\x9f", 1);
    put_frame(&b, FIN | WS_TEXT, "a", 1);
    check_trace(&b, "b:\xf0\x9f t:a");
}

TEST(early_failure, "the first impossible byte fails at once, in an unfinished frame or "
                    "message")
{
    struct buf b, trace;
    struct ws_session s;
    char text[20] = "0123456789012345678";

    text[7] = '\xff';
    buf_init(&trace, 0);
    for (int fin = 0; fin <= FIN; fin += FIN) {
        buf_init(&b, 0);
        put_frame(&b, (uint8_t)(fin | WS_TEXT), text, sizeof text);
        ws_session_init(&s, LIMIT);
        drain(&s, b.data, 6 + 7, &trace);
        CHECK_EQ(trace.len, 0);
        drain(&s, b.data + 6 + 7, 1, &trace);
        CHECK_EQ(trace.len, strlen("err:-8"));
        CHECK_MEM(trace.data, "err:-8", trace.len);
        buf_clear(&trace);
        ws_session_fini(&s);
        buf_fini(&b);
    }
    buf_fini(&trace);
}

TEST(close_codes, "codes that may not be sent are refused, the others come out")
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    1,    999,  1004, 1005, 1006,
                                   1015, 1016, 2999, 5000, 65535};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint8_t payload[5] = {(uint8_t)(good[i] >> 8), (uint8_t)good[i], 'b', 'y', 'e'};
        char want[32];
        struct buf b;
        buf_init(&b, 0);
        put_frame(&b, FIN | WS_CLOSE, payload, 5);
        snprintf(want, sizeof want, "close:%u,bye", good[i]);
        check_trace(&b, want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t payload[2] = {(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};
        struct buf b;
        buf_init(&b, 0);
        put_frame(&b, FIN | WS_CLOSE, payload, 2);
        check_trace(&b, "err:-9");
    }
}

TEST(close_payloads, "an empty Close is 1005, one byte is an error, a bad reason is 1007")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, FIN | WS_CLOSE, "", 0);
    check_trace(&b, "close:1005,");
    put_frame(&b, FIN | WS_CLOSE, "\x03\xe8", 2);
    check_trace(&b, "close:1000,");
    put_frame(&b, FIN | WS_CLOSE, "\x03", 1);
    check_trace(&b, "err:-9");
    put_frame(&b, FIN | WS_CLOSE, "\x03\xe8no\xff", 5);
    check_trace(&b, "err:-8");
    put_frame(&b, FIN | WS_CLOSE,
              "\x03\xe8"
              "cut\xc3",
              6);
    check_trace(&b, "err:-8");
    CHECK_EQ(ws_close_code(WS_ERR_UTF8), 1007);
}

TEST(after_close, "whatever follows a Close or an error is swallowed (RFC 6455 5.5.1)")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, WS_TEXT, "half", 4);
    put_frame(&b, FIN | WS_CLOSE, "\x03\xe8", 2);
    put_frame(&b, FIN | WS_CLOSE, "\x03\xe8", 2);
    put_frame(&b, FIN | WS_CONTINUATION, "rest", 4);
    buf_append(&b, "\xff\xff\xff", 3);
    check_trace(&b, "close:1000,");
    buf_append(&b, "\x83\x80", 2);
    put_frame(&b, FIN | WS_TEXT, "late", 4);
    check_trace(&b, "err:-3");
}

TEST(frame_errors, "good frames before a bad one are delivered, then it fails")
{
    static const struct {
        const char *bytes;
        size_t n;
        enum ws_result want;
    } cases[] = {
        {"\x81\x05",                                 2,  WS_ERR_MASK    },
        {"\x80\x80",                                 2,  WS_ERR_SEQUENCE},
        {"\x89\xfe",                                 2,  WS_ERR_CONTROL },
        {"\x82\xff\x80\0\0\0\0\0\0\0",               10, WS_ERR_LENGTH  },
        {"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, WS_ERR_TOO_BIG },
        {"\x82\xfe\x03\xe9",                         4,  WS_ERR_TOO_BIG }, /* LIMIT + 1 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        char want[64];
        buf_init(&b, 0);
        put_frame(&b, FIN | WS_TEXT, "good", 4);
        put_frame(&b, FIN | WS_PING, "", 0);
        buf_append(&b, cases[i].bytes, cases[i].n);
        snprintf(want, sizeof want, "t:good ping: err:%d", cases[i].want);
        check_trace(&b, want);
    }
}

TEST(too_big_in_fragments, "fragments that add up past the limit fail at the header")
{
    static char payload[LIMIT];
    struct buf b, want;

    memset(payload, 'x', sizeof payload);
    buf_init(&want, 0);
    buf_init(&b, 0);
    put_frame(&b, WS_BINARY, payload, LIMIT - 1);
    put_frame(&b, FIN | WS_PING, "still here", 10);
    put_frame(&b, WS_CONTINUATION, payload, 1);
    put_frame(&b, WS_CONTINUATION, payload, 0);
    buf_append(&b, "\x80\x81", 2); /* announces one byte more, and brings none */
    check_trace(&b, "ping:still here err:-6");

    put_frame(&b, WS_BINARY, payload, LIMIT - 1);
    put_frame(&b, FIN | WS_CONTINUATION, payload, 1);
    put_frame(&b, FIN | WS_BINARY, payload, 0);
    buf_format(&want, "b:%.*s b:", LIMIT, payload);
    buf_byte(&want, 0);
    check_trace(&b, (char *)want.data);

    /* after a fragmented message the whole limit is there again */
    put_frame(&b, WS_BINARY, "", 0);
    put_frame(&b, FIN | WS_CONTINUATION, "", 0);
    put_frame(&b, WS_TEXT, payload, 600);
    put_frame(&b, FIN | WS_CONTINUATION, payload, 1);
    put_frame(&b, FIN | WS_BINARY, payload, LIMIT);
    buf_clear(&want);
    buf_format(&want, "b: t:%.*s b:%.*s", 601, payload, LIMIT, payload);
    buf_byte(&want, 0);
    check_trace(&b, (char *)want.data);
    buf_fini(&want);
}

TEST(in_place, "a message that lies whole in one read is handed out where it lies")
{
    struct buf b;
    struct ws_session s;
    struct ws_in got;

    buf_init(&b, 0);
    ws_session_init(&s, LIMIT);
    put_frame(&b, FIN | WS_TEXT, "whole", 5);
    put_frame(&b, FIN | WS_PING, "ping", 4);
    put_frame(&b, WS_BINARY, "", 0);
    put_frame(&b, FIN | WS_CONTINUATION, "late", 4);
    uint8_t *in = b.data;
    size_t n = b.len;
    got = ws_session_next(&s, &in, &n);
    CHECK(got.event == WS_EVENT_MESSAGE && got.data == b.data + 6);
    got = ws_session_next(&s, &in, &n);
    CHECK(got.event == WS_EVENT_PING && got.data == b.data + 11 + 6);
    got = ws_session_next(&s, &in, &n);
    CHECK(got.event == WS_EVENT_MESSAGE && got.data + got.len == b.data + b.len);
    CHECK(s.message.data == NULL);
    ws_session_fini(&s);
    buf_fini(&b);
}

TEST(memory, "memory follows the bytes that came, not those announced, and is given back")
{
    enum { ANNOUNCED = 16 << 20, SENT = 1000 };
    struct ws_session s;
    struct buf b;
    uint8_t *payload = calloc(1, ANNOUNCED);

    assert_non_null(payload);
    buf_init(&b, 0);
    ws_session_init(&s, ANNOUNCED);
    put_frame(&b, FIN | WS_BINARY, payload, ANNOUNCED);
    uint8_t *in = b.data;
    size_t n = 14 + SENT;
    CHECK_EQ(ws_session_next(&s, &in, &n).event, WS_EVENT_NONE);
    CHECK_EQ(s.message.len, SENT);
    CHECK(s.message.cap <= 2 * SENT);
    n = ANNOUNCED - SENT;
    struct ws_in got = ws_session_next(&s, &in, &n);
    CHECK(got.event == WS_EVENT_MESSAGE && got.len == ANNOUNCED);
    CHECK_MEM(got.data, payload, ANNOUNCED);
    CHECK_EQ(ws_session_next(&s, &in, &n).event, WS_EVENT_NONE);
    CHECK(s.message.data == NULL && s.message.cap == 0);
    ws_session_fini(&s);
    buf_fini(&b);
    free(payload);
}

TEST(memory_at_end, "a Close or an error gives the memory of a half message back at once")
{
    for (int with_error = 0; with_error < 2; with_error++) {
        struct ws_session s;
        struct buf b, trace;
        buf_init(&b, 0);
        buf_init(&trace, 0);
        ws_session_init(&s, LIMIT);
        put_frame(&b, WS_BINARY, "half", 4);
        drain(&s, b.data, b.len, &trace);
        CHECK(s.message.data != NULL);
        buf_clear(&b);
        put_frame(&b, (uint8_t)(FIN | (with_error ? 0xb : WS_CLOSE)), "", 0);
        uint8_t *in = b.data;
        size_t n = b.len;
        CHECK_EQ(ws_session_next(&s, &in, &n).event,
                 with_error ? WS_EVENT_ERROR : WS_EVENT_CLOSE);
        CHECK(s.message.data == NULL);
        ws_session_fini(&s);
        buf_fini(&b);
        buf_fini(&trace);
    }
}

TEST(no_memory,
     "a message for which there is no memory is an error, and fini frees what is held")
{
    struct ws_session s;
    struct buf b, trace;

    buf_init(&b, 0);
    buf_init(&trace, 0);
    put_frame(&b, WS_BINARY, "12345678", 8);
    ws_session_init(&s, LIMIT);
    s.message.max = 7; /* as if the eighth byte could not be had */
    drain(&s, b.data, b.len - 1, &trace);
    CHECK_EQ(trace.len, 0);
    CHECK(s.message.len == 7);
    drain(&s, b.data + b.len - 1, 1, &trace);
    CHECK_EQ(trace.len, strlen("err:-10"));
    CHECK_MEM(trace.data, "err:-10", trace.len);

    buf_clear(&b);
    put_frame(&b, WS_BINARY, "12345678", 8);
    ws_session_init(&s, LIMIT);
    drain(&s, b.data, b.len, &trace);
    CHECK(s.message.data != NULL);
    ws_session_fini(&s);
    CHECK(s.message.data == NULL);
    buf_fini(&b);
    buf_fini(&trace);
}

TEST(many_fragments, "200 000 fragments of one byte and 20 000 empty ones are one message")
{
    enum { MANY = 200000, EMPTY = 20000 };
    struct ws_session s;
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, WS_TEXT, "a", 1);
    for (int i = 1; i < MANY; i++)
        put_frame(&b, WS_CONTINUATION, "a", 1);
    for (int i = 0; i < EMPTY; i++)
        put_frame(&b, WS_CONTINUATION, "", 0);
    put_frame(&b, FIN | WS_CONTINUATION, "", 0);
    ws_session_init(&s, MANY);
    uint8_t *in = b.data;
    size_t n = b.len;
    struct ws_in got = ws_session_next(&s, &in, &n);
    CHECK(got.event == WS_EVENT_MESSAGE && got.op == WS_TEXT && got.len == MANY);
    CHECK(got.data[0] == 'a' && got.data[MANY - 1] == 'a');
    CHECK(s.message.cap < 2 * MANY);
    ws_session_fini(&s);
    buf_fini(&b);
}

TEST(long_control, "a control frame of 125 bytes survives reads of any size")
{
    char payload[125], want[160] = "ping:";
    struct buf b;

    memset(payload, 'p', sizeof payload);
    memset(want + 5, 'p', sizeof payload);
    strcpy(want + 5 + sizeof payload, " pong:xx ping:yyy");
    buf_init(&b, 0);
    put_frame(&b, FIN | WS_PING, payload, sizeof payload);
    put_frame(&b, FIN | WS_PONG, "xx", 2);
    put_frame(&b, FIN | WS_PING, "yyy", 3);
    check_trace(&b, want);
}
