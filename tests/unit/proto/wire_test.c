/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <float.h>
#include <math.h>

#include "proto/wire.h"

/* Read with the bytes against a guard page. */
#define READ(bytes, len, in, ...)                                                          \
    do {                                                                                   \
        size_t read_len = (len);                                                           \
        uint8_t *guarded = unit_guarded((bytes), read_len);                                \
        struct wire_in in = wire_from(guarded, read_len);                                  \
        __VA_ARGS__                                                                        \
        unit_guarded_free(guarded, read_len);                                              \
    } while (0)

TEST(uv_values, "a uv is written in its shortest form and read back")
{
    static const struct {
        uint64_t v;
        size_t n;
        uint8_t bytes[5];
    } cases[] = {
        {0,          1, {0x00}                        },
        {1,          1, {0x01}                        },
        {127,        1, {0x7f}                        },
        {128,        2, {0x80, 0x01}                  },
        {300,        2, {0xac, 0x02}                  },
        {16383,      2, {0xff, 0x7f}                  },
        {16384,      3, {0x80, 0x80, 0x01}            },
        {2097151,    3, {0xff, 0xff, 0x7f}            },
        {2097152,    4, {0x80, 0x80, 0x80, 0x01}      },
        {268435456,  5, {0x80, 0x80, 0x80, 0x80, 0x01}},
        {UINT32_MAX, 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 0);
        wire_put_uv(&out, cases[i].v);
        CHECK_EQ(out.len, cases[i].n);
        CHECK_MEM(out.data, cases[i].bytes, out.len);
        for (size_t n = 0; n <= out.len; n++)
            READ(out.data, n, in, {
                CHECK_EQ(wire_uv(&in), n == out.len ? cases[i].v : 0);
                CHECK_EQ(in.failed, n < out.len);
                CHECK_EQ(wire_left(&in), 0);
            });
        buf_fini(&out);
    }
}

TEST(uv_violations, "a uv that is not minimal, too long or past 2^32 - 1 is refused")
{
    static const struct {
        size_t n;
        uint8_t bytes[7];
    } cases[] = {
        {2, {0x80, 0x00}                        }, /* 0 in two bytes */
        {3, {0xff, 0x80, 0x00}                  }, /* 127 in three */
        {5, {0x81, 0x80, 0x80, 0x80, 0x00}      }, /* 1 in five */
        {6, {0x80, 0x80, 0x80, 0x80, 0x80, 0x01}}, /* six bytes */
        {5, {0x80, 0x80, 0x80, 0x80, 0x10}      }, /* 2^32 */
        {5, {0xff, 0xff, 0xff, 0xff, 0x3f}      }, /* 2^34 - 1: for sv only */
        {5, {0x80, 0x80, 0x80, 0x80, 0x40}      }, /* 2^34 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        READ(cases[i].bytes, cases[i].n, in, {
            CHECK_EQ(wire_uv(&in), 0);
            CHECK(in.failed);
        });
}

TEST(sv_values, "sv zigzags between -2^33 and 2^33 - 1")
{
    static const struct {
        int64_t v;
        size_t n;
        uint8_t bytes[5];
    } cases[] = {
        {0,                      1, {0x00}                        },
        {-1,                     1, {0x01}                        },
        {1,                      1, {0x02}                        },
        {-64,                    1, {0x7f}                        },
        {64,                     2, {0x80, 0x01}                  },
        {INT32_MAX,              5, {0xfe, 0xff, 0xff, 0xff, 0x0f}},
        {INT32_MIN,              5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
        {(INT64_C(1) << 33) - 1, 5, {0xfe, 0xff, 0xff, 0xff, 0x3f}},
        {-(INT64_C(1) << 33),    5, {0xff, 0xff, 0xff, 0xff, 0x3f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 0);
        wire_put_sv(&out, cases[i].v);
        CHECK_EQ(out.len, cases[i].n);
        CHECK_MEM(out.data, cases[i].bytes, out.len);
        READ(out.data, out.len, in, {
            CHECK(wire_sv(&in) == cases[i].v);
            CHECK(!in.failed);
        });
        buf_fini(&out);
    }
    static const uint8_t past[] = {0x80, 0x80, 0x80, 0x80, 0x40};
    READ(past, sizeof past, in, {
        CHECK_EQ(wire_sv(&in), 0);
        CHECK(in.failed);
    });
}

TEST(fixed_width, "fixed widths are little-endian and keep every bit")
{
    static const uint8_t want[] = {
        0xfe,                                           /* u8 */
        0x34, 0x12,                                     /* u16 */
        0x78, 0x56, 0x34, 0x12,                         /* u32 */
        0x03, 0x02, 0x01,                               /* 3 bytes */
        0x00, 0x00, 0xc0, 0xbf,                         /* f32 -1.5 */
        0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40, /* f64 pi */
    };
    struct buf out;

    buf_init(&out, 0);
    wire_put_u8(&out, 0xfe);
    wire_put_u16(&out, 0x1234);
    wire_put_u32(&out, 0x12345678);
    wire_put_bytes_le(&out, 0x010203, 3);
    wire_put_f32(&out, -1.5f);
    wire_put_f64(&out, 3.141592653589793);
    CHECK_EQ(out.len, sizeof want);
    CHECK_MEM(out.data, want, sizeof want);
    READ(out.data, out.len, in, {
        CHECK_EQ(wire_u8(&in), 0xfe);
        CHECK_EQ(wire_u16(&in), 0x1234);
        CHECK_EQ(wire_u32(&in), 0x12345678);
        CHECK_EQ(wire_bytes_le(&in, 3), 0x010203);
        CHECK(wire_f32(&in) == -1.5f);
        CHECK(wire_f64(&in) == 3.141592653589793);
        CHECK(!in.failed && wire_left(&in) == 0);
    });
    buf_fini(&out);
}

TEST(cut, "whatever is cut fails, reads as 0 and takes the rest of the record with it")
{
    static const uint8_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};

    READ(ones, 0, in, { CHECK(wire_u8(&in) == 0 && in.failed); });
    READ(ones, 1, in, { CHECK(wire_u16(&in) == 0 && in.failed); });
    READ(ones, 3, in, { CHECK(wire_u32(&in) == 0 && in.failed); });
    READ(ones, 2, in, { CHECK(wire_bytes_le(&in, 3) == 0 && in.failed); });
    READ(ones, 3, in, { CHECK(wire_f32(&in) == 0 && in.failed); });
    READ(ones, 7, in, { CHECK(wire_f64(&in) == 0 && in.failed); });
    READ(ones, 2, in, { CHECK(wire_raw(&in, 3) == NULL && in.failed); });
    READ(ones, 8, in, {
        CHECK(wire_raw(&in, 9) == NULL);
        CHECK_EQ(wire_u8(&in), 0);
        CHECK_EQ(wire_uv(&in), 0);
        CHECK_EQ(wire_sv(&in), 0);
        CHECK(wire_raw(&in, 0) == NULL);
        CHECK_EQ(wire_str(&in).len, 0);
        CHECK_EQ(wire_left(&in), 0);
    });
}

TEST(str, "a str is borrowed from the input and must be whole and valid UTF-8")
{
    READ("\x04"
         "caf\xc3",
         5, in, {
             CHECK_EQ(wire_str(&in).len, 0);
             CHECK(in.failed);
         });
    READ("\x05"
         "caf\xc3\xa9!",
         7, in, {
             struct wire_str s = wire_str(&in);
             CHECK_EQ(s.len, 5);
             CHECK((const uint8_t *)s.text == guarded + 1);
             CHECK_EQ(wire_u8(&in), '!');
         });
    READ("\x06"
         "hello",
         6, in, {
             struct wire_str s = wire_str(&in);
             CHECK(s.len == 0 && s.text && in.failed);
         });
    READ("\xff\xff\xff\xff\x0f"
         "x",
         6, in, {
             CHECK_EQ(wire_str(&in).len, 0);
             CHECK(in.failed);
         });
    READ("\x00", 1, in, {
        CHECK_EQ(wire_str(&in).len, 0);
        CHECK(!in.failed);
    });
    struct buf out;
    buf_init(&out, 0);
    wire_put_str(&out, "h\xc3\xa9", 3);
    CHECK_EQ(out.len, 4);
    CHECK_MEM(out.data, "\x03h\xc3\xa9", 4);
    buf_fini(&out);
}

TEST(raw, "raw bytes are borrowed, also none of them at the very end")
{
    READ("abc", 3, in, {
        CHECK(wire_raw(&in, 2) == guarded);
        CHECK(wire_raw(&in, 1) == guarded + 2);
        CHECK(wire_raw(&in, 0) == guarded + 3);
        CHECK(!in.failed);
    });
}

TEST(nothing, "what is read from no bytes at no address is never NULL")
{
    struct wire_in in = wire_from(NULL, 0);

    CHECK_EQ(wire_left(&in), 0);
    CHECK(wire_raw(&in, 0) != NULL);
    CHECK(!in.failed);
    CHECK_EQ(wire_u8(&in), 0);
    CHECK(in.failed);
}

TEST(gaps, "ids of a run ascend, the first counts from -1, and 2^32 - 1 is the last")
{
    static const uint32_t ids[] = {0, 1, 7, 200, UINT32_MAX - 1, UINT32_MAX};
    static const uint8_t head[] = {0, 0, 5, 0xc0, 0x01};
    struct buf out;
    int64_t previous = -1;

    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        wire_put_gap(&out, ids[i], &previous);
    CHECK_MEM(out.data, head, sizeof head);
    wire_put_uv(&out, 0); /* one id too many */
    READ(out.data, out.len, in, {
        previous = -1;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            CHECK_EQ(wire_gap(&in, &previous), ids[i]);
            CHECK(previous == ids[i]);
        }
        CHECK(!in.failed);
        CHECK_EQ(wire_gap(&in, &previous), 0);
        CHECK(in.failed);
        CHECK(previous == UINT32_MAX);
    });
    buf_fini(&out);
}

TEST(masks, "a mask has 7 fields a byte and no trailing zero byte")
{
    static const struct {
        uint32_t fields[2];
        unsigned n_fields;
        size_t n;
        uint8_t bytes[6];
    } cases[] = {
        {{0, 0},            0,  1, {0x00}                        },
        {{0, 0},            64, 1, {0x00}                        },
        {{0x01, 0},         1,  1, {0x01}                        },
        {{0x7f, 0},         7,  1, {0x7f}                        },
        {{0x80, 0},         8,  2, {0x80, 0x01}                  },
        {{0x81, 0},         64, 2, {0x81, 0x01}                  },
        {{0x4000, 0},       15, 3, {0x80, 0x80, 0x01}            },
        {{0x80000000, 0x1}, 33, 5, {0x80, 0x80, 0x80, 0x80, 0x18}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        uint32_t back[2] = {77, 77};
        buf_init(&out, 0);
        wire_put_mask(&out, cases[i].fields, cases[i].n_fields);
        CHECK_EQ(out.len, cases[i].n);
        CHECK_MEM(out.data, cases[i].bytes, out.len);
        for (size_t n = 0; n <= out.len; n++)
            READ(out.data, n, in, {
                wire_mask(&in, back, cases[i].n_fields);
                CHECK_EQ(in.failed, n < out.len);
                for (unsigned w = 0; w < (cases[i].n_fields + 31) / 32; w++)
                    CHECK_EQ(back[w], n < out.len ? 0 : cases[i].fields[w]);
            });
        buf_fini(&out);
    }
}

TEST(mask_violations, "a mask with an unknown field or a trailing zero byte is refused")
{
    static const struct {
        unsigned n_fields;
        size_t n;
        uint8_t bytes[4];
    } cases[] = {
        {0,  1, {0x01}                  },
        {1,  1, {0x02}                  },
        {6,  1, {0x40}                  },
        {8,  2, {0x80, 0x02}            },
        {64, 2, {0x81, 0x00}            },
        {64, 3, {0x80, 0x80, 0x00}      },
        {7,  2, {0x81, 0x01}            },
        {3,  4, {0x81, 0x80, 0x80, 0x80}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t fields[2] = {77, 77};
        READ(cases[i].bytes, cases[i].n, in, {
            wire_mask(&in, fields, cases[i].n_fields);
            CHECK(in.failed);
            CHECK_EQ(fields[0], cases[i].n_fields ? 0 : 77);
        });
    }
}

TEST(mask_round_trip, "a mask of any width with any one or two fields reads back")
{
    for (unsigned n = 1; n <= 70; n++)
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = a; b < n; b += 5) {
                uint32_t fields[3] = {0}, back[3];
                struct buf out;
                struct wire_in in;
                fields[a / 32] |= UINT32_C(1) << (a % 32);
                fields[b / 32] |= UINT32_C(1) << (b % 32);
                buf_init(&out, 0);
                wire_put_mask(&out, fields, n);
                in = wire_from(out.data, out.len);
                wire_mask(&in, back, n);
                CHECK(!in.failed && wire_left(&in) == 0);
                CHECK_MEM(back, fields, (n + 31) / 32 * sizeof *back);
                buf_fini(&out);
            }
}

TEST(full_buffer, "writing past a buffer's limit fails once and writes nothing more")
{
    struct buf out;

    buf_init(&out, 10);
    wire_put_f64(&out, 1);
    wire_put_u32(&out, 1);
    CHECK(out.failed);
    wire_put_f64(&out, 1);
    wire_put_u8(&out, 1);
    CHECK_EQ(out.len, 8);
    buf_fini(&out);
}
