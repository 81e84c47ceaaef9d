/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <errno.h>
#include <math.h>

#include "state/payload.h"

static struct buf out;

/* The wire form of `value` is `hex`, passes the check, and comes back as `want`. */
static void check_good(const struct record *record, const cJSON *value, const cJSON *want,
                       const char *hex)
{
    struct err e = {0};

    buf_clear(&out);
    if (payload_from_json(record, value, &out, &e) < 0)
        fail_msg("%s", e.text);
    check_hex(&out, hex);
    for (size_t cut = 0; cut <= out.len; cut++) {
        uint8_t *guarded = unit_guarded(out.data, cut);
        struct wire_in in = wire_from(guarded, cut);
        payload_check(record, &in);
        CHECK_EQ(in.failed, cut < out.len);
        unit_guarded_free(guarded, cut);
    }

    struct buf text;
    buf_init(&text, 0);
    struct json_out j = json_out_to(&text);
    struct wire_in in = wire_from(out.data, out.len);
    payload_to_json(record, &in, &j);
    CHECK(!in.failed && wire_left(&in) == 0);
    cJSON *got = cJSON_ParseWithLength((char *)text.data, text.len);
    CHECK(json_equal(got, want));
    cJSON_Delete(got);
    buf_fini(&text);
}

static void check_bad(const struct record *record, const char *hex)
{
    uint8_t bytes[512];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);
    uint8_t *guarded = unit_guarded(bytes, n);
    struct wire_in in = wire_from(guarded, n);

    payload_check(record, &in);
    if (!in.failed)
        fail_msg("taken: %s", hex);
    unit_guarded_free(guarded, n);
}

TEST(payload_any, "any values travel as any.json says, and are refused when cut anywhere")
{
    cJSON *v = vectors_load("any.json");
    const cJSON *item;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, vector_at(v, "values"))
    {
        const cJSON *value = vector_at(item, "value");
        check_good(NULL, value, value, vector_text(item, "hex"));
    }
    cJSON_ArrayForEach(item, vector_at(v, "value_only"))
    {
        uint8_t bytes[64];
        size_t n = bytes_of_hex(vector_text(item, "hex"), bytes, sizeof bytes);
        struct wire_in in = wire_from(bytes, n);
        payload_check(NULL, &in);
        CHECK(!in.failed && wire_left(&in) == 0);
        buf_clear(&out);
        struct json_out j = json_out_to(&out);
        in = wire_from(bytes, n);
        payload_to_json(NULL, &in, &j);
        cJSON *got = cJSON_ParseWithLength((char *)out.data, out.len);
        CHECK(json_equal(got, vector_at(item, "json")));
        cJSON_Delete(got);
    }
    cJSON_ArrayForEach(item, vector_at(v, "bad")) check_bad(NULL, item->valuestring);
    buf_fini(&out);
    cJSON_Delete(v);
}

TEST(payload_any_limits, "any refuses numbers that are not finite, deep nesting, bad text")
{
    struct err e = {0};
    char deep[64] = {0};

    check_bad(NULL, "04000000000000f07f");
    check_bad(NULL, "04000000000000f8ff");
    check_bad(NULL, "080361");
    check_bad(NULL, "070105016100"); /* a key from a dictionary that is not here */
    check_bad(NULL, "08ffffffff0f61");

    buf_init(&out, 0);
    memset(deep, '[', 17);
    memset(deep + 17, ']', 17);
    cJSON *v = cJSON_Parse(deep);
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), -EINVAL);
    CHECK(strstr(e.text, "more than 16 deep"));
    cJSON_Delete(v);
    v = cJSON_Parse("[1e999]");
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), -EINVAL);
    CHECK(strstr(e.text, "too large"));
    cJSON_Delete(v);
    v = cJSON_Parse("[\"\xc0\x80\"]");
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), -EINVAL);
    CHECK(strstr(e.text, "UTF-8"));
    cJSON_Delete(v);
    v = cJSON_Parse("{\"\xff\":1}");
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), -EINVAL);
    CHECK(strstr(e.text, "UTF-8"));
    cJSON_Delete(v);
    buf_fini(&out);
}

TEST(payload_any_doubled,
     "a key that an any map has twice travels twice, the last one counts")
{
    cJSON *v = cJSON_Parse("{\"a\":1,\"a\":2}");
    struct err e;

    buf_init(&out, 0);
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), 0);
    check_hex(&out, "0702"
                    "00016103"
                    "02"
                    "00016103"
                    "04");
    cJSON_Delete(v);
    buf_fini(&out);
}

static const struct record *record_of(const struct schema *s, const cJSON *item)
{
    const char *name = vector_text(item, "name");
    bool is_event = strcmp(vector_text(item, "kind"), "event") == 0;
    int i = is_event ? schema_find_event(s, name, strlen(name))
                     : schema_find_message(s, name, strlen(name));

    assert_true(i >= 0);
    return is_event ? &s->events[i] : &s->messages[i];
}

TEST(payload_typed, "declared payloads travel and are refused as payload.json says")
{
    cJSON *v = vectors_load("payload.json");
    struct schema *s = schema_of(vector_text(v, "schema"));
    const cJSON *item;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, vector_at(v, "good"))
        check_good(record_of(s, item), vector_at(item, "value"), vector_at(item, "out"),
                   vector_text(item, "hex"));
    cJSON_ArrayForEach(item, vector_at(v, "refused"))
    {
        struct err e = {0};
        buf_clear(&out);
        CHECK_EQ(payload_from_json(record_of(s, item), vector_at(item, "value"), &out, &e),
                 -EINVAL);
        if (!strstr(e.text, vector_text(item, "error")))
            fail_msg("\"%s\" does not say \"%s\"", e.text, vector_text(item, "error"));
    }
    cJSON_ArrayForEach(item, vector_at(v, "bad"))
        check_bad(record_of(s, item), vector_text(item, "hex"));
    buf_fini(&out);
    schema_unref(&s);
    cJSON_Delete(v);
}

TEST(payload_members, "a field twice is refused, no object at all is an empty one")
{
    struct schema *s =
        schema_of("{\"messages\":[[\"hop\",{\"fields\":[[\"dx\",{\"t\":\"i8\",\"def\":5}],"
                  "[\"to\",{\"t\":\"record\",\"fields\":[[\"x\",{\"t\":\"u8\"}]]}]]}]]}");
    struct err e = {0};
    cJSON *v = cJSON_Parse("{\"dx\":1,\"dx\":2}");

    buf_init(&out, 0);
    CHECK_EQ(payload_from_json(&s->messages[0], v, &out, &e), -EINVAL);
    CHECK_STR(e.text, "dx: is there twice");
    cJSON_Delete(v);
    v = cJSON_Parse("{\"to\":{\"x\":1,\"x\":1}}");
    CHECK_EQ(payload_from_json(&s->messages[0], v, &out, &e), -EINVAL);
    CHECK_STR(e.text, "to.x: is there twice");
    cJSON_Delete(v);
    buf_clear(&out);
    CHECK_EQ(payload_from_json(&s->messages[0], NULL, &out, &e), 0);
    check_hex(&out, "0500");
    buf_fini(&out);
    schema_unref(&s);
}

TEST(payload_full, "a buffer that may not grow further is an error, not a cut payload")
{
    struct err e;
    cJSON *v = cJSON_Parse("[\"0123456789\"]");

    buf_init(&out, 8);
    CHECK_EQ(payload_from_json(NULL, v, &out, &e), -ENOMEM);
    buf_fini(&out);
    cJSON_Delete(v);
}
