/* SPDX-License-Identifier: MIT */
#include "peer_value.h"
#include "support.h"

#include "proto/json_out.h"
#include "state/value.h"

static struct buf out;

/* A JSON value in wire form as a cell. */
static union cell cell_of(const struct type *t, const cJSON *v)
{
    struct err e = {0};
    union cell c = {0};

    buf_clear(&out);
    if (value_from_json(t, v, &out, &e) < 0)
        fail_msg("%s", e.text);
    struct wire_in in = wire_from(out.data, out.len);
    type_get(t, &in, &c);
    CHECK(!in.failed && wire_left(&in) == 0);
    return c;
}

static cJSON *tree_of_hex(const struct type *t, const char *hex)
{
    uint8_t bytes[4096];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);
    struct cursor c = {bytes, bytes + n, false};
    cJSON *v = peer_value(&c, t);

    CHECK(!c.bad && c.at == c.end);
    return v;
}

static void check_value(const struct type *t, const cJSON *v)
{
    const char *hex = vector_text(v, "hex");
    union cell c = cell_of(t, vector_at(v, "in"));
    struct buf json;

    check_hex(&out, hex);
    for (size_t cut = 0; cut < out.len; cut++) {
        uint8_t *guarded = unit_guarded(out.data, cut);
        struct wire_in in = wire_from(guarded, cut);
        union cell none;
        type_get(t, &in, &none);
        CHECK(in.failed && none.text == NULL);
        in = wire_from(guarded, cut);
        value_check(t, &in);
        CHECK(in.failed);
        unit_guarded_free(guarded, cut);
    }
    CHECK((c.text == NULL) == (out.len == 1 && *out.data == 0));
    buf_clear(&out);
    type_put(t, c, &out);
    check_hex(&out, hex);

    buf_init(&json, 0);
    struct json_out j = json_out_to(&json);
    type_put_json(t, c, &j);
    cJSON *got = cJSON_ParseWithLength((char *)json.data, json.len);
    CHECK(json_equal(got, vector_at(v, "out")));
    cJSON_Delete(got);
    buf_fini(&json);
    cJSON_Delete(tree_of_hex(t, hex)); /* the peer takes it as well */
    type_release(t, &c);
}

static void check_bad(const struct type *t, const char *hex)
{
    uint8_t bytes[4096];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);
    uint8_t *guarded = unit_guarded(bytes, n);
    struct wire_in in = wire_from(guarded, n);
    struct cursor cursor = {bytes, bytes + n, false};
    union cell c;

    type_get(t, &in, &c);
    if (!in.failed || c.text)
        fail_msg("taken: %s", hex);
    cJSON_Delete(peer_value(&cursor, t));
    CHECK(cursor.bad);
    unit_guarded_free(guarded, n);
}

/* The peer, which has `from`, reads these bytes: what comes out, NULL if refused. */
static cJSON *peer_reads(const struct type *t, const cJSON *from, const uint8_t *bytes,
                         size_t n)
{
    union cell c = cell_of(t, from);
    uint8_t *guarded = unit_guarded(bytes, n);

    buf_clear(&out);
    type_put(t, c, &out);
    struct cursor old = {out.data, out.data + out.len, false};
    struct cursor cursor = {guarded, guarded + n, false};
    cJSON *tree = peer_value(&old, t), *v = peer_change(&cursor, t, tree);
    CHECK(!old.bad);
    if (cursor.bad || cursor.at != cursor.end) {
        cJSON_Delete(v);
        v = NULL;
    }
    cJSON_Delete(tree);
    unit_guarded_free(guarded, n);
    type_release(t, &c);
    return v;
}

static void check_change(const struct type *t, const cJSON *v, bool is_written)
{
    const cJSON *from = vector_at(v, "from");
    union cell a = cell_of(t, from), b = cell_of(t, vector_at(v, "to"));
    uint8_t bytes[4096];
    size_t n = bytes_of_hex(vector_text(v, "hex"), bytes, sizeof bytes);

    if (is_written) {
        buf_clear(&out);
        value_put_change(t, a, b, &out);
        check_hex(&out, vector_text(v, "hex"));
    }
    for (size_t cut = 0; cut <= n; cut++) {
        cJSON *got = peer_reads(t, from, bytes, cut);
        if ((got == NULL) != (cut < n))
            fail_msg("%s at %zu", vector_text(v, "hex"), cut);
        if (got) {
            buf_clear(&out);
            type_put(t, b, &out);
            struct cursor c = {out.data, out.data + out.len, false};
            cJSON *want = peer_value(&c, t);
            CHECK(json_equal(got, want));
            cJSON_Delete(want);
        }
        cJSON_Delete(got);
    }
    type_release(t, &a);
    type_release(t, &b);
}

static void check_refused(const struct type *t, const cJSON *v)
{
    struct err e = {0};

    buf_clear(&out);
    CHECK(value_from_json(t, vector_at(v, "value"), &out, &e) < 0);
    if (!strstr(e.text, vector_text(v, "error")))
        fail_msg("%s is not %s", e.text, vector_text(v, "error"));
}

TEST(value_vectors,
     "composed values and their changes are as values.json says, cut anywhere")
{
    cJSON *list = vectors_load("values.json");
    const cJSON *item, *v;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, list)
    {
        struct schema *s = schema_of_type(vector_at(item, "type"));
        const struct type *t = &s->tables[0].fields[0].type;
        cJSON_ArrayForEach(v, vector_at(item, "values")) check_value(t, v);
        cJSON_ArrayForEach(v, vector_at(item, "changes")) check_change(t, v, true);
        cJSON_ArrayForEach(v, vector_at(item, "apply_only")) check_change(t, v, false);
        cJSON_ArrayForEach(v, vector_at(item, "refused")) check_refused(t, v);
        cJSON_ArrayForEach(v, vector_at(item, "bad")) check_bad(t, vector_text(v, "hex"));
        cJSON_ArrayForEach(v, vector_at(item, "bad_changes"))
        {
            uint8_t bytes[4096];
            size_t n = bytes_of_hex(vector_text(v, "hex"), bytes, sizeof bytes);
            cJSON *got = peer_reads(t, vector_at(v, "from"), bytes, n);
            if (got)
                fail_msg("taken: %s, %s", vector_text(v, "why"), vector_text(v, "hex"));
        }
        schema_unref(&s);
    }
    cJSON_Delete(list);
    buf_fini(&out);
}

/* Server and peer read the same from bytes that are mostly wrong: both take them or
 * both refuse them. */
static void check_mutants(const struct type *t, const char *hex)
{
    uint8_t bytes[4096];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);

    for (size_t i = 0; i < n; i++)
        for (unsigned how = 0; how < 4; how++) {
            uint8_t was = bytes[i];
            bytes[i] = (uint8_t)(how == 0   ? was ^ 1u
                                 : how == 1 ? was ^ 0x80u
                                 : how == 2 ? 0xffu
                                            : was + 2u);
            uint8_t *guarded = unit_guarded(bytes, n);
            struct wire_in in = wire_from(guarded, n);
            struct cursor peer = {guarded, guarded + n, false};
            union cell c;
            type_get(t, &in, &c);
            cJSON *tree = peer_value(&peer, t);
            if (in.failed != peer.bad || (!peer.bad && in.at != peer.at))
                fail_msg("%s: byte %zu as %02x", hex, i, bytes[i]);
            cJSON_Delete(tree);
            type_release(t, &c);
            unit_guarded_free(guarded, n);
            bytes[i] = was;
        }
}

TEST(value_mutants, "of a value with one wrong byte the server and the peer think the same")
{
    cJSON *list = vectors_load("values.json");
    const cJSON *item, *v;

    cJSON_ArrayForEach(item, list)
    {
        struct schema *s = schema_of_type(vector_at(item, "type"));
        cJSON_ArrayForEach(v, vector_at(item, "values"))
            check_mutants(&s->tables[0].fields[0].type, vector_text(v, "hex"));
        schema_unref(&s);
    }
    cJSON_Delete(list);
}

TEST(value_far, "a list with much that is new at both ends and inside is still found again")
{
    struct schema *s = schema_of("{\"state\":{\"fields\":[[\"v\",{\"t\":\"list\",\"max\":"
                                 "65535,\"item\":{\"t\":\"u32\"}}]]}}");
    const struct type *t = &s->tables[0].fields[0].type;
    cJSON *from = cJSON_CreateArray(), *to = cJSON_CreateArray();

    buf_init(&out, 0);
    for (int i = 0; i < 5000; i++) {
        cJSON_AddItemToArray(from, cJSON_CreateNumber(i * 7));
        if (i % 1000 == 500)
            for (int k = 0; k < 3; k++)
                cJSON_AddItemToArray(to, cJSON_CreateNumber(1e6 + i + k));
        if (i % 1000 != 100)
            cJSON_AddItemToArray(to, cJSON_CreateNumber(i * 7));
    }
    union cell a = cell_of(t, from), b = cell_of(t, to);
    buf_clear(&out);
    value_put_change(t, a, b, &out);
    CHECK(out.len < 150); /* of 20 060: five removed, five times three new */
    type_release(t, &b);

    /* All of it other: the whole list, and no search without end. */
    cJSON *item;
    cJSON_ArrayForEach(item, to) item->valuedouble += 0.0 + 1e9;
    b = cell_of(t, to);
    buf_clear(&out);
    value_put_change(t, a, b, &out);
    CHECK(out.len == b.text->len + 1 && *out.data == 0);
    type_release(t, &a);
    type_release(t, &b);
    cJSON_Delete(from);
    cJSON_Delete(to);
    schema_unref(&s);
    buf_fini(&out);
}

TEST(value_deep, "types nest 16 deep and no further")
{
    char json[1024],
        *at = json + snprintf(json, sizeof json, "{\"state\":{\"fields\":[[\"v\",");
    struct schema *s;
    struct err e;

    for (int deep = 16; deep <= 17; deep++) {
        char *end = at;
        for (int i = 0; i < deep; i++)
            end += sprintf(end, "{\"t\":\"list\",\"max\":3,\"item\":");
        end += sprintf(end, "{\"t\":\"bool\"}");
        for (int i = 0; i < deep; i++)
            *end++ = '}';
        strcpy(end, "]]}}");
        CHECK_EQ(schema_parse(&s, json, strlen(json), &e) == 0, deep == 16);
        if (deep == 17)
            CHECK(strstr(e.text, "[]: types are nested more than 16 deep"));
        schema_unref(&s);
    }
}

TEST(value_large, "a composed value has at most a megabyte, all that is in it counted")
{
    struct schema *s =
        schema_of("{\"state\":{\"fields\":[[\"v\",{\"t\":\"list\",\"max\":9,\"item\":"
                  "{\"t\":\"text\",\"max\":1048576}}]]}}");
    const struct type *t = &s->tables[0].fields[0].type;
    size_t part = TYPE_MAX_COMPOSED / 2;

    for (int more = 0; more < 2; more++) {
        union cell c;
        buf_init(&out, 0);
        wire_put_uv(&out, 2);
        for (int i = 0; i < 2; i++) { /* 1 byte of count, 3 of each length */
            size_t len = part - 3 - (size_t)(i == 0 && !more);
            wire_put_uv(&out, len);
            uint8_t *at = buf_reserve(&out, len);
            CHECK(at);
            memset(at, 'x', len);
            buf_added(&out, len);
        }
        CHECK_EQ(out.len, TYPE_MAX_COMPOSED + more);
        struct wire_in in = wire_from(out.data, out.len);
        value_check(t, &in);
        CHECK_EQ(in.failed, more);
        CHECK_EQ(type_from_wire(t, out.data, out.len, &c), more ? TYPE_ERR_RANGE : TYPE_OK);
        if (!more)
            type_release(t, &c);
        buf_fini(&out);
    }
    schema_unref(&s);
}
