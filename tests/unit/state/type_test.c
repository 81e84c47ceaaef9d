/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <math.h>

#include "proto/json_out.h"
#include "state/schema.h"

static struct buf out;

static void check_value(const struct type *t, const cJSON *v)
{
    const cJSON *want = vector_at(v, "out");
    union cell c, back;
    struct buf json;

    CHECK_EQ(cell_of_json(t, vector_at(v, "in"), &c), TYPE_OK);
    buf_clear(&out);
    type_put(t, c, &out);
    check_hex(&out, vector_text(v, "hex"));

    uint8_t *guarded = unit_guarded(out.data, out.len);
    struct wire_in in = wire_from(guarded, out.len);
    type_get(t, &in, &back);
    CHECK(!in.failed && wire_left(&in) == 0 && type_equal(t, c, back));
    unit_guarded_free(guarded, out.len);

    buf_init(&json, 0);
    struct json_out j = json_out_to(&json);
    type_put_json(t, back, &j);
    cJSON *got = cJSON_ParseWithLength((char *)json.data, json.len);
    CHECK(json_equal(got, want));
    cJSON_Delete(got);

    cJSON *plain = json_of_cell(t, back);
    CHECK(json_equal(plain, want));
    cJSON_Delete(plain);
    buf_fini(&json);
    type_release(t, &c);
    type_release(t, &back);
}

static void check_bad(const struct type *t, const char *hex)
{
    uint8_t bytes[512];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);
    uint8_t *guarded = unit_guarded(bytes, n);
    struct wire_in in = wire_from(guarded, n);
    union cell c;

    type_get(t, &in, &c);
    CHECK(in.failed && c.q == 0);
    type_release(t, &c);
    unit_guarded_free(guarded, n);
}

static void check_change(const struct type *t, const cJSON *v)
{
    union cell from, to;

    CHECK_EQ(cell_of_json(t, vector_at(v, "from"), &from), TYPE_OK);
    CHECK_EQ(cell_of_json(t, vector_at(v, "to"), &to), TYPE_OK);
    buf_clear(&out);
    if (t->is_delta)
        wire_put_sv(&out, type_change(t, from, to));
    else
        type_put(t, to, &out);
    check_hex(&out, vector_text(v, "hex"));
    type_release(t, &from);
    type_release(t, &to);
}

TEST(type_vectors, "every type takes, writes, reads and refuses as types.json says")
{
    cJSON *list = vectors_load("types.json");
    const cJSON *item, *v;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, list)
    {
        struct schema *s = schema_of_type(vector_at(item, "type"));
        const struct field *f = &s->tables[0].fields[0];
        cJSON *preset = json_of_cell(&f->type, f->preset);
        CHECK(json_equal(preset, vector_at(item, "default")));
        cJSON_Delete(preset);
        cJSON_ArrayForEach(v, vector_at(item, "values")) check_value(&f->type, v);
        cJSON_ArrayForEach(v, vector_at(item, "changes")) check_change(&f->type, v);
        cJSON_ArrayForEach(v, vector_at(item, "bad")) check_bad(&f->type, v->valuestring);
        cJSON_ArrayForEach(v, vector_at(item, "refused"))
        {
            union cell c = {.q = -77};
            CHECK(cell_of_json(&f->type, v, &c) < 0 && c.q == -77);
        }
        schema_unref(&s);
    }
    cJSON_Delete(list);
    buf_fini(&out);
}

TEST(type_not_finite, "NaN and infinities fit no type")
{
    static const char *const types[] = {
        "{\"t\":\"u8\"}",
        "{\"t\":\"int\"}",
        "{\"t\":\"f32\"}",
        "{\"t\":\"f64\"}",
        "{\"t\":\"angle\"}",
        "{\"t\":\"fixed\",\"step\":1}",
        "{\"t\":\"fixed\",\"step\":0.5,\"min\":-1,\"max\":1}",
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        cJSON *json = cJSON_Parse(types[i]);
        struct schema *s = schema_of_type(json);
        const struct type *t = &s->tables[0].fields[0].type;
        union cell c;
        CHECK_EQ(type_from_number(t, NAN, &c), TYPE_ERR_RANGE);
        CHECK_EQ(type_from_number(t, INFINITY, &c), TYPE_ERR_RANGE);
        CHECK_EQ(type_from_number(t, -INFINITY, &c), TYPE_ERR_RANGE);
        schema_unref(&s);
        cJSON_Delete(json);
    }
}

TEST(type_f32_edge, "the double just below what would round to infinity still fits f32")
{
    struct type t = {.kind = TYPE_F32, .bytes = 4};
    double edge = 0x1.ffffffp127;
    union cell c;

    CHECK_EQ(type_from_number(&t, edge, &c), TYPE_ERR_RANGE);
    CHECK_EQ(type_from_number(&t, nextafter(edge, 0), &c), TYPE_OK);
    CHECK(type_to_number(&t, c) == 0x1.fffffep127);
    CHECK_EQ(type_from_number(&t, -edge, &c), TYPE_ERR_RANGE);
}

TEST(type_get_ends, "a reader that met a value out of range reads only zeros from then on")
{
    struct type on = {.kind = TYPE_BOOL, .bytes = 1, .high = 1};
    struct type str = {.kind = TYPE_STR, .max_bytes = 1};
    struct type f64 = {.kind = TYPE_F64, .bytes = 8};
    static const uint8_t bytes[] = {2, 'a', 'b', 0, 0, 0, 0xf8, 0x7f, 9};
    struct wire_in in = wire_from(bytes, sizeof bytes);
    union cell c;

    type_get(&on, &in, &c);
    CHECK(in.failed && wire_u8(&in) == 0);
    in = wire_from(bytes, sizeof bytes);
    type_get(&str, &in, &c);
    CHECK(in.failed && wire_u8(&in) == 0 && c.text == NULL);
    in = wire_from(bytes, sizeof bytes);
    type_get(&f64, &in, &c);
    CHECK(in.failed && wire_u8(&in) == 0);
}

TEST(type_results, "each kind of misfit has its own result")
{
    char *names[] = {"lobby", "play"};
    struct type u8 = {.kind = TYPE_U8, .bytes = 1, .high = 255};
    struct type on = {.kind = TYPE_BOOL, .bytes = 1, .high = 1};
    struct type of = {.kind = TYPE_ENUM, .high = 1, .n_names = 2, .names = names};
    struct type str = {.kind = TYPE_STR, .max_bytes = 4};
    union cell c;

    CHECK_EQ(type_from_number(&u8, 0.5, &c), TYPE_ERR_WHOLE);
    CHECK_EQ(type_from_number(&u8, 256, &c), TYPE_ERR_RANGE);
    CHECK_EQ(type_from_text(&u8, "7", 1, &c), TYPE_ERR_KIND);
    CHECK_EQ(type_from_bool(&u8, true, &c), TYPE_ERR_KIND);
    CHECK_EQ(type_from_number(&on, 1, &c), TYPE_ERR_KIND);
    CHECK_EQ(type_from_number(&of, 1, &c), TYPE_ERR_KIND);
    CHECK_EQ(type_from_text(&of, "lob", 3, &c), TYPE_ERR_NAME);
    CHECK_EQ(type_from_text(&of, "play\0", 5, &c), TYPE_ERR_NAME);
    CHECK_EQ(type_from_number(&str, 1, &c), TYPE_ERR_KIND);
    CHECK_EQ(type_from_text(&str, "12345", 5, &c), TYPE_ERR_RANGE);
    CHECK_EQ(type_from_text(&str, "\xc0\x80", 2, &c), TYPE_ERR_UTF8);
}

TEST(type_texts, "a refused value is explained in one line")
{
    static const struct {
        const char *type, *takes, *why;
        double v;
    } cases[] = {
        {"{\"t\":\"u8\"}",                                            "0..255",                               "hp: 300 is not in 0..255",      300  },
        {"{\"t\":\"u8\"}",                                            "0..255",                               "hp: 1.5 is not a whole number", 1.5  },
        {"{\"t\":\"int\"}",                                           "-2147483648..2147483647",
         "hp: 3000000000 is not in -2147483648..2147483647",                                                                                   3e9  },
        {"{\"t\":\"fixed\",\"min\":-1,\"max\":1,\"step\":0.0078125}", "-1..1",
         "hp: 3 is not in -1..1",                                                                                                              3    },
        {"{\"t\":\"fixed\",\"step\":0.5}",                            "-1073741824..1073741823.5",
         "hp: 2000000000 is not in -1073741824..1073741823.5",                                                                                 2e9  },
        {"{\"t\":\"bool\"}",                                          "true or false",                        "hp: 1 is not true or false",    1    },
        {"{\"t\":\"f64\"}",                                           "a finite number",                      NULL,                            0    },
        {"{\"t\":\"angle\"}",                                         "a finite number",                      NULL,                            0    },
        {"{\"t\":\"f32\"}",                                           "a finite number that fits in 32 bits",
         "hp: 1e+300 is not a finite number that fits in 32 bits",                                                                             1e300},
        {"{\"t\":\"enum\",\"of\":[\"lobby\",\"play\"]}",              "one of lobby, play",
         "hp: 1 is not one of lobby, play",                                                                                                    1    },
        {"{\"t\":\"str\",\"max\":16}",                                "a string of at most 16 bytes",
         "hp: 1 is not a string of at most 16 bytes",                                                                                          1    },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *json = cJSON_Parse(cases[i].type);
        struct schema *s = schema_of_type(json);
        const struct type *t = &s->tables[0].fields[0].type;
        char takes[64], shown[40];
        struct err e;
        union cell c;
        type_describe(t, takes, sizeof takes);
        CHECK_STR(takes, cases[i].takes);
        if (cases[i].why) {
            snprintf(shown, sizeof shown, "%.15g", cases[i].v);
            enum type_result r = type_from_number(t, cases[i].v, &c);
            CHECK(type_refuse(t, r, "hp", shown, &e) < 0);
            CHECK_STR(e.text, cases[i].why);
        }
        schema_unref(&s);
        cJSON_Delete(json);
    }
}

TEST(type_describe_cut, "a description is cut where the place for it ends")
{
    char *names[] = {"lobby", "play", "over"};
    struct type t = {.kind = TYPE_ENUM, .high = 2, .n_names = 3, .names = names};

    for (size_t size = 1; size < 24; size++) {
        char text[32];
        memset(text, 'x', sizeof text);
        type_describe(&t, text, size);
        CHECK(strlen(text) < size && text[size] == 'x');
        CHECK(strncmp("one of lobby, play, over", text, strlen(text)) == 0);
    }
}

TEST(type_copies, "a copy of a text cell is a reference of its own")
{
    struct type t = {.kind = TYPE_STR, .max_bytes = 8};
    union cell a, b, empty, same;

    CHECK_EQ(type_from_text(&t, "frog", 4, &a), TYPE_OK);
    CHECK_EQ(type_from_text(&t, "frog", 4, &same), TYPE_OK);
    CHECK_EQ(type_from_text(&t, "", 0, &empty), TYPE_OK);
    b = type_copy(&t, a);
    CHECK(type_equal(&t, a, b) && type_equal(&t, a, same) && !type_equal(&t, a, empty));
    type_release(&t, &a);
    CHECK(a.text == NULL && type_equal(&t, b, same));
    type_release(&t, &b);
    type_release(&t, &same);
    type_release(&t, &empty);
}
