/* SPDX-License-Identifier: MIT */
/*
 * ws_deflate_inflate_test - compressed messages as ws_session receives them.
 */
#include "ws_deflate_peer.h"
#include <stdlib.h>

enum { LIMIT = 1000 };

static const struct ws_deflate_params no_context = {true, true, 12, 15};
static const struct ws_deflate_params context = {false, false, 15, 15};

/* What comes out of a session, as text. Fed in reads of `first` bytes, then `step`. */
static void feed(const struct buf *bytes, size_t first, size_t step,
                 const struct ws_deflate_params *params, struct buf *trace)
{
    static const char *const names[] = {"", "", "ping:", "pong:", "close:", "err:"};
    struct ws_session s;

    open_session(&s, LIMIT, params);
    buf_clear(trace);
    for (size_t at = 0, len = first; at < bytes->len; at += len, len = step) {
        if (len > bytes->len - at)
            len = bytes->len - at;
        uint8_t *copy = unit_guarded(bytes->data + at, len), *in = copy;
        size_t n = len;
        for (;;) {
            struct ws_in got = ws_session_next(&s, &in, &n);
            if (got.event == WS_EVENT_NONE)
                break;
            if (trace->len)
                buf_byte(trace, ' ');
            buf_text(trace, got.event != WS_EVENT_MESSAGE ? names[got.event]
                            : got.op == WS_TEXT           ? "t:"
                                                          : "b:");
            if (got.event == WS_EVENT_ERROR)
                buf_format(trace, "%d", got.result);
            else
                buf_append(trace, got.data, got.len);
        }
        CHECK_EQ(n, 0);
        unit_guarded_free(copy, len);
    }
    buf_byte(trace, 0);
    CHECK(s.message.cap <= 2 * LIMIT);
    ws_session_fini(&s);
    CHECK(s.deflate == NULL);
}

/* The bytes yield `want` in one read, in reads of one byte, and at every split. */
static void check_trace(struct buf *bytes, const struct ws_deflate_params *params,
                        const char *want)
{
    struct buf trace;

    CHECK(!bytes->failed);
    buf_init(&trace, 0);
    feed(bytes, 1, 1, params, &trace);
    CHECK_STR((char *)trace.data, want);
    for (size_t first = 1; first <= bytes->len; first++) {
        feed(bytes, first, bytes->len, params, &trace);
        CHECK_STR((char *)trace.data, want);
    }
    buf_fini(&trace);
    buf_clear(bytes);
}

TEST(rfc_examples, "the examples of RFC 7692 7.2.3, to the byte")
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7); /* 7.2.3.1 */
    put_frame(&b, 0x41, "\xf2\x48\xcd", 3);
    put_frame(&b, 0x80, "\xc9\xc9\x07\x00", 4);
    put_frame(&b, 0xc1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11); /* 7.2.3.3 */
    put_frame(&b, 0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);              /* 7.2.3.4 */
    put_frame(&b, 0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07", 13); /* .5 */
    put_frame(&b, 0xc1, "\x00", 1); /* 7.2.3.6 */
    check_trace(&b, &no_context, "t:Hello t:Hello t:Hello t:Hello t:Hello t:");

    put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7); /* 7.2.3.2 */
    put_frame(&b, 0xc1, "\xf2\x00\x11\x00\x00", 5);
    check_trace(&b, &context, "t:Hello t:Hello");
    buf_fini(&b);
}

TEST(odd_but_right,
     "D04, D05, D12, D13, D15: last blocks, stored blocks, empty payloads and "
     "plain messages in any order")
{
    static const struct ws_deflate_params *const settings[] = {&no_context, &context};

    for (int i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, 0);
        put_frame(&b, 0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00", 7); /* ends with BFINAL */
        put_frame(&b, 0xc1, "", 0);
        put_frame(&b, 0xc2, "\x00", 1);
        put_frame(&b, 0xc2, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f", 10);
        put_frame(&b, 0x81, "plain", 5);
        put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff",
                  11); /* tail left */
        put_frame(&b, 0x41, "", 0);
        put_frame(&b, 0x00, "\xf2\x48\xcd", 3);
        put_frame(&b, 0x89, "p", 1);
        put_frame(&b, 0x00, "", 0);
        put_frame(&b, 0x00, "\xc9\xc9\x07\x00", 4);
        put_frame(&b, 0x80, "", 0);
        put_frame(&b, 0xc1,
                  "\x01\x02\x00\xfd\xff"
                  "ab"
                  "\x00\x01\x00\xfe\xff"
                  "c"
                  "\x00",
                  14);
        check_trace(&b, settings[i],
                    "t:Hello t: b: b:Hello t:plain t:Hello ping:p t:Hello t:abc");
        buf_fini(&b);
    }
}

TEST(references,
     "D07, D08: a message may refer to earlier ones exactly when that was agreed, "
     "over a last block too")
{
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 2; i++) {
        const struct ws_deflate_params *setting = i ? &context : &no_context;
        put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
        put_frame(&b, 0x81, "not seen by the window", 22);
        put_frame(&b, 0xc1, "\xf2\x00\x11\x00\x00", 5);
        check_trace(&b, setting,
                    i ? "t:Hello t:not seen by the window t:Hello"
                      : "t:Hello t:not seen by the window err:-11");
        put_frame(&b, 0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00", 7);
        put_frame(&b, 0xc1, "\xf2\x00\x11\x00\x00", 5);
        check_trace(&b, setting, i ? "t:Hello t:Hello" : "t:Hello err:-11");
    }
    buf_fini(&b);
}

TEST(bad_data, "D03, D14: garbage and cut data fail, and never reach the next message")
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"\xff\xff\xff",                             3 }, /* no such block */
        {"\x07",                                     1 },
        {"\xf2\x48\xcd\xc9\xc9",                     5 }, /* cut in a code */
        {"\xf2\x48\xcd\xc9\xc9\x07",                 6 }, /* … before the empty block */
        {"\xf2",                                     1 },
        {"\x00\x05\x00\xfa\xff\x48",                 6 }, /* cut in a stored block: the */
        {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c",     9 }, /* tail would be its data */
        {"\x00\x05\x00\xfb\xff\x48\x65\x6c\x6c\x6f", 10}, /* lengths that do not agree */
        {"\x00\x00\x00",                             3 },
        {"\xf2\x00\x11\x00\x00",                     5 }, /* refers to before the start */
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\xff",         8 }, /* garbage after a last block */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        buf_init(&b, 0);
        put_frame(&b, 0x81, "good", 4);
        put_frame(&b, 0xc2, cases[i].bytes, cases[i].n);
        put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
        check_trace(&b, &context, "t:good err:-11");
        buf_fini(&b);
    }
    CHECK_EQ(ws_close_code(WS_ERR_DEFLATE), 1002);
}

TEST(rsv1, "D02: RSV1 on a continuation or a control frame, or not agreed on, is an error")
{
    static const struct {
        unsigned first;
        bool is_inside; /* a message */
    } cases[] = {
        {FIN | RSV1,            true },
        {RSV1,                  true },
        {FIN | RSV1 | WS_PING,  false},
        {FIN | 0x60,            true },
        {FIN | RSV1 | WS_CLOSE, true },
        {0xa1,                  false},
        {0xd1,                  false}
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].is_inside)
            put_frame(&b, RSV1 | WS_TEXT, "\xf2", 1);
        put_frame(&b, cases[i].first, "", 0);
        check_trace(&b, &context, "err:-2");
    }
    put_frame(&b, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    check_trace(&b, NULL, "err:-2");
    CHECK_EQ(ws_close_code(WS_ERR_RSV), 1002);
    buf_fini(&b);
}

TEST(bad_text, "D10: UTF-8 is checked after uncompressing, and fails at its first bad byte")
{
    static const char *const bad[] = {"\xed\xa0\x80", "ok \xff", "cut \xf0\x9f\x90"};
    struct peer p;
    struct buf b, trace;

    buf_init(&b, 0);
    buf_init(&trace, 0);
    peer_open(&p, &no_context, 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        peer_pack(&p, bad[i], strlen(bad[i]), Z_SYNC_FLUSH);
        put_frame(&b, 0xc1, p.packed.data, p.packed.len);
        check_trace(&b, &no_context, "err:-8");
    }
    peer_pack(&p, "\xf0\x9f\x90\xb8", 4, Z_SYNC_FLUSH);
    put_frame(&b, 0x41, p.packed.data, 3);
    put_frame(&b, 0x80, p.packed.data + 3, p.packed.len - 3);
    put_frame(&b, 0xc1, "\x02", 1);
    check_trace(&b, &no_context, "t:\xf0\x9f\x90\xb8 err:-11");

    /* the bad byte decides, not the garbage behind it, nor the rest that is missing */
    put_frame(&b, 0xc1,
              "\x00\x03\x00\xfc\xff"
              "a\xff"
              "b"
              "\xff\xff\xff",
              11);
    check_trace(&b, &no_context, "err:-8");
    put_frame(&b, 0x41,
              "\x00\x05\x00\xfa\xff"
              "a\xff",
              7);
    uint8_t last = b.data[--b.len];
    feed(&b, b.len, 1, &no_context, &trace);
    CHECK_STR((char *)trace.data, "");
    buf_byte(&b, last);
    feed(&b, b.len, 1, &no_context, &trace);
    CHECK_STR((char *)trace.data, "err:-8");
    peer_close(&p);
    buf_fini(&b);
    buf_fini(&trace);
}

TEST(limit,
     "the limit holds for what comes out, to the byte, and leaves room for data that "
     "do not shrink")
{
    static char zeros[LIMIT + 1];
    struct peer p;
    struct buf b, want, noise;
    struct rnd r;
    struct ws_session s;

    memset(zeros, '0', sizeof zeros);
    rnd_seed(&r, 1);
    buf_init(&b, 0);
    buf_init(&want, 0);
    buf_init(&noise, 0);
    peer_open(&p, &context, 9);
    buf_format(&want, "t:%.*s ping: err:-6", LIMIT, zeros);
    buf_byte(&want, 0);
    peer_pack(&p, zeros, LIMIT, Z_SYNC_FLUSH);
    put_frame(&b, 0x41, p.packed.data, 5);
    put_frame(&b, 0x80, p.packed.data + 5, p.packed.len - 5);
    peer_pack(&p, zeros, LIMIT + 1, Z_SYNC_FLUSH);
    put_frame(&b, 0x41, p.packed.data, 2);
    put_frame(&b, 0x89, "", 0);
    put_frame(&b, 0x80, p.packed.data + 2, p.packed.len - 2);
    check_trace(&b, &context, (char *)want.data);

    /* after a compressed message the plain limit holds again, at the header */
    put_frame(&b, 0xc2, "\x00", 1);
    buf_append(&b, "\x82\xfe\x03\xe9", 4);
    check_trace(&b, &context, "b: err:-6");
    put_frame(&b, 0x42, "", 0);
    put_frame(&b, 0x80, "\x00", 1);
    buf_append(&b, "\x82\xfe\x03\xe9", 4);
    check_trace(&b, &context, "b: err:-6");
    buf_append(&b, "\xc2\xff\0\0\1\0\0\0\0\0", 10); /* 1 TiB, at its header */
    check_trace(&b, &context, "err:-6");
    peer_close(&p);

    fill(&noise, &r, LIMIT, true);
    for (int level = 0; level <= 6; level += 6) {
        peer_open(&p, &context, level);
        open_session(&s, LIMIT, &context);
        peer_pack(&p, noise.data, noise.len, Z_SYNC_FLUSH);
        CHECK(p.packed.len > LIMIT + 1);
        check_received(&s, FIN | RSV1 | WS_BINARY, &p.packed, &noise);
        put_frame(&b, RSV1 | WS_BINARY, p.packed.data, 1);
        put_frame(&b, FIN, p.packed.data + 1, p.packed.len - 1);
        uint8_t *in = b.data;
        size_t n = b.len;
        CHECK_EQ(ws_session_next(&s, &in, &n).event, WS_EVENT_MESSAGE);
        buf_clear(&b);
        ws_session_fini(&s);
        peer_close(&p);
    }
    CHECK_EQ(ws_frame_packed_max(UINT64_MAX - 7), UINT64_MAX);
    buf_fini(&b);
    buf_fini(&want);
    buf_fini(&noise);
}

TEST(step_end,
     "data that are read before there is room for what they yield come out all the "
     "same")
{
    enum { LEN = 96 << 10, LONGEST_MATCH = 258 };
    struct peer p;
    struct ws_session s;
    struct buf zeros;

    buf_init(&zeros, 0);
    assert_non_null(buf_reserve(&zeros, LEN + LONGEST_MATCH));
    memset(zeros.data, 0, LEN + LONGEST_MATCH);
    peer_open(&p, &no_context, 9);
    open_session(&s, MIB, &no_context);
    /* so many zeros end in a match over the end of a step, and an end of block in
     * the same byte */
    for (size_t more = 0; more < LONGEST_MATCH; more++) {
        zeros.len = LEN + more;
        peer_pack(&p, zeros.data, zeros.len, Z_SYNC_FLUSH);
        check_received(&s, FIN | RSV1 | WS_BINARY, &p.packed, &zeros);
    }
    ws_session_fini(&s);
    peer_close(&p);
    buf_fini(&zeros);
}

TEST(bomb, "D06: 400 MB of zeros in 400 kB end at the limit with the memory of the limit")
{
    enum { MAX = 16 * MIB };
    uint8_t *zeros = calloc(1, MIB);
    struct peer p;
    struct buf payload, b;

    assert_non_null(zeros);
    buf_init(&payload, 0);
    buf_init(&b, 0);
    peer_open(&p, &no_context, 9);
    peer_pack(&p, zeros, MIB, Z_SYNC_FLUSH);
    for (int i = 0; i < 400; i++) {
        buf_append(&payload, p.packed.data, p.packed.len);
        buf_append(&payload, tail, sizeof tail);
    }
    CHECK(payload.len > 350000 && payload.len < 450000);
    put_frame(&b, 0xc2, payload.data, payload.len);
    for (uint64_t max = MAX; max >= MAX / 16; max /= 4) {
        struct ws_session s;
        uint8_t *copy = malloc(b.len), *in = copy;
        size_t n = b.len;
        assert_non_null(copy);
        memcpy(copy, b.data, b.len);
        open_session(&s, max, &no_context);
        /* all but the last byte before the limit, then see what is held */
        n = (size_t)(max / MIB) * (p.packed.len + 4);
        CHECK_EQ(ws_session_next(&s, &in, &n).event, WS_EVENT_NONE);
        CHECK(s.message.len <= max && s.message.len > max - MIB &&
              s.message.cap <= 2 * max);
        CHECK(ws_deflate_held_bytes(s.deflate) < 41000);
        n = b.len - (size_t)(in - copy);
        struct ws_in got = ws_session_next(&s, &in, &n);
        CHECK(got.event == WS_EVENT_ERROR && got.result == WS_ERR_TOO_BIG);
        CHECK(s.message.data == NULL);
        /* found where it happened, not after all of the input was unpacked */
        CHECK((uint64_t)(in - copy) == b.len);
        ws_session_fini(&s);
        free(copy);
    }
    CHECK_EQ(ws_close_code(WS_ERR_TOO_BIG), 1009);
    peer_close(&p);
    buf_fini(&payload);
    buf_fini(&b);
    free(zeros);
}

TEST(noise, "random and damaged data end in a message or an error, the same for any cut")
{
    struct rnd r;
    struct peer p;
    struct buf message, b, whole, bytewise;
    int n_good = 0, n_bad = 0;

    rnd_seed(&r, 41);
    buf_init(&message, 0);
    buf_init(&b, 0);
    buf_init(&whole, 0);
    buf_init(&bytewise, 0);
    peer_open(&p, &no_context, 6);
    for (int i = 0; i < 4000; i++) {
        fill(&message, &r, (size_t)rnd_range(&r, 1, 300), false);
        peer_pack(&p, message.data, message.len, Z_SYNC_FLUSH);
        if (i & 1) /* a damaged byte, else nothing but noise */
            p.packed.data[rnd_next(&r) % p.packed.len] ^=
                (uint8_t)(1 << (rnd_next(&r) % 8));
        else
            fill(&p.packed, &r, (size_t)rnd_range(&r, 1, 60), true);
        put_frame(&b, 0xc2, p.packed.data, p.packed.len);
        put_frame(&b, 0x82, "next", 4);
        feed(&b, b.len, b.len, &context, &whole);
        feed(&b, 1, 1 + (size_t)i % 3, &context, &bytewise);
        CHECK_EQ(whole.len, bytewise.len);
        CHECK_MEM(whole.data, bytewise.data, whole.len);
        const char *end = (char *)whole.data + whole.len - 1;
        bool is_good = memcmp(end - 6, "b:next", 6) == 0;
        n_good += is_good;
        n_bad += !is_good;
        CHECK(is_good || memcmp(end - 7, "err:-11", 7) == 0 ||
              memcmp(end - 6, "err:-6", 6) == 0);
        buf_clear(&b);
    }
    CHECK(n_good > 100 && n_bad > 1000);
    peer_close(&p);
    buf_fini(&message);
    buf_fini(&b);
    buf_fini(&whole);
    buf_fini(&bytewise);
}
