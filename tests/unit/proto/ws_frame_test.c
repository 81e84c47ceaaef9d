/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/ws_frame.h"

/* Feed bytes in reads of `step`, each against a guard page, and write the
 * payload to trace, with a bar where a frame ends. Every rule is tried at step
 * 1 too: the network splits where it likes. */
static enum ws_result feed(struct ws_frame *f, const uint8_t *bytes, size_t n, size_t step,
                           char *trace)
{
    struct ws_slice s;
    enum ws_result r = WS_MORE;
    bool starts = true;

    *trace = 0;
    for (size_t at = 0; at < n && r >= 0; at += step) {
        size_t len = n - at < step ? n - at : step, left = len;
        uint8_t *copy = unit_guarded(bytes + at, len), *in = copy;
        while ((r = ws_frame_next(f, &in, &left, &s)) == WS_SLICE) {
            CHECK_EQ(s.first, starts);
            CHECK(s.len > 0 || (s.first && s.last));
            strncat(trace, (char *)s.data, s.len);
            if (s.last)
                strcat(trace, "|");
            starts = s.last;
        }
        CHECK(r < 0 || left == 0);
        unit_guarded_free(copy, len);
    }
    return r;
}

TEST(masked_hello, "the masked Hello of RFC 6455 5.7 survives any split")
{
    const uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                             0x7f, 0x9f, 0x4d, 0x51, 0x58};

    for (size_t step = 1; step <= sizeof hello; step++) {
        struct ws_frame f;
        char trace[256];
        ws_frame_init(&f, 200, 0);
        CHECK_EQ(feed(&f, hello, sizeof hello, step, trace), WS_MORE);
        CHECK_STR(trace, "Hello|");
    }
}

TEST(sequence, "frames follow each other: empty, fragmented, with a ping between")
{
    const uint8_t frames[] = {
        0x81, 0x80, 1,    2,    3, 4,           /* empty text */
        0x01, 0x82, 0,    0,    0, 0, 'a', 'b', /* text, not final */
        0x89, 0x81, 0,    0,    0, 0, 'p',      /* ping */
        0x00, 0x80, 9,    9,    9, 9,           /* empty continuation */
        0x80, 0xfe, 0x00, 0x7e, 0, 0, 0,   0,   /* 126 bytes, as 16-bit length */
    };
    uint8_t all[sizeof frames + 126];
    char want[256] = "|ab|p||", trace[256];

    memcpy(all, frames, sizeof frames);
    memset(all + sizeof frames, 'x', 126);
    memset(want + 7, 'x', 126);
    strcpy(want + 7 + 126, "|");
    for (size_t step = 1; step <= sizeof all; step++) {
        struct ws_frame f;
        ws_frame_init(&f, 126, 0);
        CHECK_EQ(feed(&f, all, sizeof all, step, trace), WS_MORE);
        CHECK_STR(trace, want);
        CHECK(!f.in_message);
    }
}

TEST(violations, "each protocol violation has its own error, at the byte that shows it")
{
    static const struct {
        uint8_t bytes[14];
        size_t at; /* so many bytes are read and no more */
        enum ws_result want;
    } cases[] = {
        {{0x81, 0x05},                                                 2,  WS_ERR_MASK    },
        {{0x81, 0x00},                                                 2,  WS_ERR_MASK    },
        {{0xc1, 0x80},                                                 2,  WS_ERR_RSV     },
        {{0xa1, 0x80},                                                 2,  WS_ERR_RSV     },
        {{0x91, 0x80},                                                 2,  WS_ERR_RSV     },
        {{0x83, 0x80},                                                 2,  WS_ERR_OPCODE  },
        {{0x87, 0x80},                                                 2,  WS_ERR_OPCODE  },
        {{0x8b, 0x80},                                                 2,  WS_ERR_OPCODE  },
        {{0x8f, 0x80},                                                 2,  WS_ERR_OPCODE  },
        {{0x09, 0x80},                                                 2,  WS_ERR_CONTROL },
        {{0x08, 0x80},                                                 2,  WS_ERR_CONTROL },
        {{0x89, 0xfe},                                                 2,  WS_ERR_CONTROL },
        {{0x8a, 0xff},                                                 2,  WS_ERR_CONTROL },
        {{0x88, 0xfe},                                                 2,  WS_ERR_CONTROL },
        {{0x80, 0x80},                                                 2,  WS_ERR_SEQUENCE},
        {{0x00, 0x80},                                                 2,  WS_ERR_SEQUENCE},
        {{0x82, 0xfe, 0, 125},                                         4,  WS_ERR_LENGTH  },
        {{0x82, 0xfe, 0, 5},                                           4,  WS_ERR_LENGTH  },
        {{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff},                   10, WS_ERR_LENGTH  },
        {{0x82, 0xff, 0x80},                                           10, WS_ERR_LENGTH  },
        {{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 10, WS_ERR_TOO_BIG },
        {{0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0},                         10, WS_ERR_TOO_BIG },
        {{0x82, 0xfe, 0, 201},                                         4,  WS_ERR_TOO_BIG },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step <= 14; step++) {
            struct ws_frame f;
            char trace[256];
            ws_frame_init(&f, 200, 0);
            CHECK_EQ(feed(&f, cases[i].bytes, cases[i].at, step, trace), cases[i].want);
            CHECK_STR(trace, "");
            ws_frame_init(&f, 200, 0);
            CHECK_EQ(feed(&f, cases[i].bytes, cases[i].at - 1, step, trace), WS_MORE);
        }
}

TEST(message_inside_message, "a new message inside one is refused, a control frame is not")
{
    const uint8_t inside[] = {0x01, 0x80, 0, 0, 0, 0, 0x89, 0x80, 0, 0, 0, 0, 0x81, 0x80};
    struct ws_frame f;
    char trace[256];

    ws_frame_init(&f, 200, 0);
    CHECK_EQ(feed(&f, inside, 12, 1, trace), WS_MORE);
    CHECK_STR(trace, "||");
    CHECK_EQ(feed(&f, inside + 12, 2, 1, trace), WS_ERR_SEQUENCE);
}

TEST(limits, "a payload at the limit passes, and control frames have their own limit")
{
    const uint8_t three[] = {0x82, 0x83, 0, 0, 0, 0, 'a', 'b', 'c'};
    const uint8_t four[] = {0x82, 0x84};
    const uint8_t ping[] = {0x89, 0x84, 0, 0, 0, 0, 'p', 'i', 'n', 'g'};
    struct ws_frame f;
    char trace[256];

    ws_frame_init(&f, 3, 0);
    CHECK_EQ(feed(&f, three, sizeof three, 1, trace), WS_MORE);
    CHECK_STR(trace, "abc|");
    CHECK_EQ(feed(&f, ping, sizeof ping, 1, trace), WS_MORE);
    CHECK_STR(trace, "ping|");
    CHECK_EQ(feed(&f, four, sizeof four, 1, trace), WS_ERR_TOO_BIG);
}

TEST(shortest_lengths, "126 and 65536 are the first lengths of their forms")
{
    static const struct {
        uint8_t bytes[10];
        size_t n;
        uint64_t left;
    } cases[] = {
        {{0x82, 0xfd},                         2,  125  },
        {{0x82, 0xfe, 0, 126},                 4,  126  },
        {{0x82, 0xfe, 0xff, 0xff},             4,  65535},
        {{0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}, 10, 65536},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_frame f;
        char trace[256];
        ws_frame_init(&f, UINT64_MAX, 0);
        CHECK_EQ(feed(&f, cases[i].bytes, cases[i].n, 10, trace), WS_MORE);
        CHECK(f.left == cases[i].left);
    }
}

TEST(rsv1, "RSV1 passes once agreed, on the first frame of a message only (RFC 7692 6)")
{
    static const struct {
        uint8_t bytes[2];
        enum ws_result want;
    } cases[] = {
        {{0xc1, 0x80}, WS_MORE   },
        {{0xc2, 0x80}, WS_MORE   },
        {{0xc0, 0x80}, WS_ERR_RSV},
        {{0xc9, 0x80}, WS_ERR_RSV},
        {{0xc8, 0x80}, WS_ERR_RSV},
        {{0xe1, 0x80}, WS_ERR_RSV},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_frame f;
        char trace[256];
        ws_frame_init(&f, 200, WS_RSV1);
        CHECK_EQ(feed(&f, cases[i].bytes, 2, 1, trace), cases[i].want);
    }
    const uint8_t frame[] = {0xc1, 0x80, 0, 0, 0, 0};
    uint8_t copy[sizeof frame], *in = copy;
    size_t n = sizeof copy;
    struct ws_frame f;
    struct ws_slice s;
    memcpy(copy, frame, n);
    ws_frame_init(&f, 200, WS_RSV1);
    CHECK_EQ(ws_frame_next(&f, &in, &n, &s), WS_SLICE);
    CHECK(s.rsv1 && s.fin && s.op == WS_TEXT);
}

TEST(unmasking, "every length, alignment and place of a split unmasks to the same bytes")
{
    static const uint8_t mask[4] = {0x12, 0xf4, 0x56, 0xa8};
    enum { MOST = 41 };

    for (size_t len = 1; len <= MOST; len++)
        for (size_t align = 0; align < 8; align++)
            for (size_t cut = 0; cut <= len; cut++) {
                uint8_t frame[8 + 6 + MOST] = {0};
                uint8_t *at = frame + align, *in = at;
                size_t left = 6 + cut, got = 0;
                struct ws_frame f;
                struct ws_slice s;
                at[0] = 0x82;
                at[1] = (uint8_t)(0x80 | len);
                memcpy(at + 2, mask, 4);
                for (size_t i = 0; i < len; i++)
                    at[6 + i] = (uint8_t)(i * 7 + 1) ^ mask[i & 3];
                ws_frame_init(&f, MOST, 0);
                for (int reads = 0; reads < 2; reads++) {
                    while (ws_frame_next(&f, &in, &left, &s) == WS_SLICE) {
                        CHECK(s.data == at + 6 + got); /* in place, no copy */
                        for (size_t i = 0; i < s.len; i++)
                            CHECK_EQ(s.data[i], (uint8_t)((got + i) * 7 + 1));
                        got += s.len;
                    }
                    left = len - cut;
                }
                CHECK_EQ(got, len);
            }
}

TEST(heads, "server frames have the shortest header and no mask")
{
    static const struct {
        uint64_t len;
        size_t n;
        uint8_t bytes[WS_HEAD_MAX];
    } cases[] = {
        {0,                      2,  {0x82, 0}                                         },
        {125,                    2,  {0x82, 125}                                       },
        {126,                    4,  {0x82, 126, 0, 126}                               },
        {65535,                  4,  {0x82, 126, 0xff, 0xff}                           },
        {65536,                  10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}               },
        {UINT64_C(0x123456789a), 10, {0x82, 127, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t head[WS_HEAD_MAX];
        CHECK_EQ(ws_frame_head(head, WS_BINARY, cases[i].len), cases[i].n);
        CHECK_MEM(head, cases[i].bytes, cases[i].n);
    }
}

TEST(chunks, "a whole frame is one chunk with one reference")
{
    struct chunk *c = ws_frame_chunk(WS_TEXT, "hi", 2);

    CHECK_EQ(c->len, 4);
    CHECK_EQ(atomic_load(&c->refs), 1);
    CHECK_MEM(c->bytes, "\x81\x02hi", 4);
    chunk_unref(&c);
    c = ws_frame_chunk(WS_PONG, NULL, 0);
    CHECK_EQ(c->len, 2);
    CHECK_MEM(c->bytes, "\x8a\x00", 2);
    chunk_unref(&c);
    CHECK(ws_frame_chunk(WS_BINARY, "", UINT32_MAX) == NULL); /* one chunk cannot hold it */
}

TEST(close_frames,
     "a Close has a code and a reason of at most 123 bytes, cut at a character")
{
    struct chunk *c = ws_frame_close(0, "not sent");
    char reason[200];

    CHECK_EQ(c->len, 2);
    CHECK_MEM(c->bytes, "\x88\x00", 2);
    chunk_unref(&c);

    c = ws_frame_close(4004, "room is full");
    CHECK_EQ(c->len, 2 + 2 + 12);
    CHECK_MEM(c->bytes, "\x88\x0e\x0f\xa4room is full", c->len);
    chunk_unref(&c);

    c = ws_frame_close(1000, NULL);
    CHECK_EQ(c->len, 4);
    CHECK_MEM(c->bytes, "\x88\x02\x03\xe8", 4);
    chunk_unref(&c);

    for (size_t before = 119; before <= 124; before++) {
        memset(reason, 'a', before);
        strcpy(reason + before, "\xf0\x9f\x90\xb8\xf0\x9f\x90\xb8");
        c = ws_frame_close(1000, reason);
        size_t kept = before == 119 ? 123 : before > 123 ? 123 : before;
        CHECK_EQ(c->len, 4 + kept);
        CHECK_EQ(c->bytes[1], 2 + kept);
        CHECK_MEM(c->bytes + 4, reason, kept);
        chunk_unref(&c);
    }
}

TEST(codes, "each error names the close code of RFC 6455 7.4.1")
{
    CHECK_EQ(ws_close_code(WS_ERR_MASK), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_RSV), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_OPCODE), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_CONTROL), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_LENGTH), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_SEQUENCE), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_CLOSE), 1002);
    CHECK_EQ(ws_close_code(WS_ERR_UTF8), 1007);
    CHECK_EQ(ws_close_code(WS_ERR_TOO_BIG), 1009);
    CHECK_EQ(ws_close_code(WS_ERR_MEMORY), 1011);
}
