/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <stdlib.h>

#include "state/schema.h"

static const char pond[] =
    "{\"state\":{\"fields\":["
    "[\"phase\",{\"t\":\"enum\",\"of\":[\"lobby\",\"play\"],\"def\":\"play\"}],"
    "[\"wind\",{\"t\":\"record\",\"fields\":["
    "[\"dir\",{\"t\":\"angle\"}],[\"gust\",{\"t\":\"record\",\"fields\":["
    "[\"max\",{\"t\":\"u8\",\"def\":9}]]}]]}]],"
    "\"maps\":["
    "[\"frogs\",{\"keys\":\"player\",\"fields\":[[\"name\",{\"t\":\"str\",\"max\":16}]]}],"
    "[\"goods\",{\"keys\":\"string\",\"fields\":[]}],"
    "[\"rocks\",{\"keys\":\"integer\",\"fields\":[[\"x\",{\"t\":\"f64\"}]]}]]},"
    "\"messages\":[[\"hop\",{\"fields\":[[\"dx\",{\"t\":\"i8\"}]],\"rate\":30}],"
    "[\"jump\",{\"fields\":[],\"rate\":0.5,\"input\":true}],"
    "[\"swim\",{\"fields\":[],\"rate\":4,\"burst\":9,\"input\":false}],"
    "[\"wait\",{\"fields\":[]}]],"
    "\"events\":[[\"sank\",{\"fields\":[]}]]}";

TEST(schema_whole, "records are flattened, maps, messages and events numbered")
{
    struct schema *s = schema_of(pond);
    const struct record *root = &s->tables[0];

    CHECK_STR(s->json, pond);
    CHECK_EQ(s->n_json, strlen(pond));
    CHECK_EQ(s->n_tables, 4);
    CHECK_STR(root->name, "");
    CHECK_EQ(root->keys, KEY_NONE);
    CHECK_EQ(root->n_fields, 3);
    CHECK_EQ(root->n_words, 1);
    CHECK_STR(root->fields[0].path, "phase");
    CHECK_EQ(root->fields[0].preset.q, 1);
    CHECK_STR(root->fields[1].path, "wind.dir");
    CHECK_STR(root->fields[2].path, "wind.gust.max");
    CHECK_EQ(root->fields[2].preset.q, 9);
    CHECK_STR(s->tables[1].name, "frogs");
    CHECK_EQ(s->tables[1].keys, KEY_PLAYER);
    CHECK_EQ(s->tables[1].fields[0].type.max_bytes, 16);
    CHECK_EQ(s->tables[2].keys, KEY_STR);
    CHECK_EQ(s->tables[2].n_fields, 0);
    CHECK_EQ(s->tables[2].n_words, 1);
    CHECK_EQ(s->tables[3].keys, KEY_INT);
    CHECK_EQ(s->n_messages, 4);
    CHECK_EQ(s->n_events, 1);
    schema_unref(&s);
    CHECK(s == NULL);
}

TEST(schema_rates,
     "a message's burst is a second's worth, but at least one, unless it says so")
{
    struct schema *s = schema_of(pond);

    CHECK(s->messages[0].rate == 30 && s->messages[0].burst == 30);
    CHECK(s->messages[1].rate == 0.5 && s->messages[1].burst == 1);
    CHECK(s->messages[2].rate == 4 && s->messages[2].burst == 9);
    CHECK(s->messages[3].rate == 0 && s->messages[3].burst == 0);
    CHECK(!s->messages[0].is_input && s->messages[1].is_input && !s->messages[2].is_input);
    schema_unref(&s);
}

TEST(schema_find, "names are found whole and only whole")
{
    struct schema *s = schema_of(pond);

    CHECK_EQ(schema_find_message(s, "hop", 3), 0);
    CHECK_EQ(schema_find_message(s, "jump", 4), 1);
    CHECK_EQ(schema_find_message(s, "wait", 4), 3);
    CHECK_EQ(schema_find_message(s, "ho", 2), -1);
    CHECK_EQ(schema_find_message(s, "hops", 4), -1);
    CHECK_EQ(schema_find_message(s, "hop", 2), -1);
    CHECK_EQ(schema_find_message(s, "", 0), -1);
    CHECK_EQ(schema_find_message(s, "zzz", 3), -1);
    CHECK_EQ(schema_find_event(s, "sank", 4), 0);
    CHECK_EQ(schema_find_event(s, "hop", 3), -1);
    CHECK_EQ(schema_find_table(s, "", 0), 0);
    CHECK_EQ(schema_find_table(s, "frogs", 5), 1);
    CHECK_EQ(schema_find_table(s, "rocks", 5), 3);
    CHECK_EQ(schema_find_table(s, "phase", 5), -1);
    schema_unref(&s);
}

TEST(schema_small, "everything may be absent, and white space may follow")
{
    static const char *const texts[] = {"{}", " {} \r\n\t", "{\"state\":{}}",
                                        "{\"state\":{\"maps\":[]},\"messages\":[]}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct schema *s = schema_of(texts[i]);
        CHECK(s->n_tables == 1 && s->tables[0].n_fields == 0);
        CHECK(s->n_messages == 0 && s->n_events == 0);
        CHECK_EQ(schema_find_table(s, "x", 1), -1);
        schema_unref(&s);
    }
}

TEST(schema_root_names, "the names that JSON deltas take are free below the root")
{
    static const char *const taken[] = {"t", "tick", "base", "ack"};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        char json[300], path[16];
        snprintf(json, sizeof json,
                 "{\"state\":{\"fields\":[[\"a\",{\"t\":\"record\",\"fields\":"
                 "[[\"%s\",{\"t\":\"u8\"}]]}]],\"maps\":[[\"m\",{\"keys\":\"player\","
                 "\"fields\":[[\"%s\",{\"t\":\"u8\"}]]}]]},"
                 "\"messages\":[[\"%s\",{\"fields\":[[\"%s\",{\"t\":\"u8\"}]]}]]}",
                 taken[i], taken[i], taken[i], taken[i]);
        struct schema *s = schema_of(json);
        snprintf(path, sizeof path, "a.%s", taken[i]);
        CHECK_STR(s->tables[0].fields[0].path, path);
        CHECK_STR(s->tables[1].fields[0].path, taken[i]);
        CHECK_STR(s->messages[0].name, taken[i]);
        schema_unref(&s);
    }
}

TEST(schema_limits, "the largest record, the longest name and the deepest nesting pass")
{
    struct buf b;

    buf_init(&b, 0);
    buf_text(&b, "{\"state\":{\"fields\":[");
    for (int i = 0; i < SCHEMA_MAX_FIELDS; i++)
        buf_format(&b, "%s[\"f%03d%060d\",{\"t\":\"u8\"}]", i ? "," : "", i, 0);
    buf_text(&b, "]}}");
    buf_byte(&b, 0);
    struct schema *s = schema_of((char *)b.data);
    CHECK_EQ(s->tables[0].n_fields, SCHEMA_MAX_FIELDS);
    CHECK_EQ(s->tables[0].n_words, 8);
    schema_unref(&s);

    buf_clear(&b);
    buf_text(&b, "{\"state\":{\"fields\":[");
    for (int i = 0; i < 16; i++)
        buf_format(&b, "[\"n%063d\",{\"t\":\"record\",\"fields\":[", i);
    buf_text(&b, "[\"x\",{\"t\":\"u8\"}]");
    for (int i = 0; i < 16; i++)
        buf_text(&b, "]}]");
    buf_text(&b, "]}}");
    buf_byte(&b, 0);
    s = schema_of((char *)b.data);
    CHECK_EQ(strlen(s->tables[0].fields[0].path), 16 * 65 + 1);
    schema_unref(&s);
    buf_fini(&b);
}

TEST(schema_bad, "each fault of schema_bad.json is refused and named")
{
    cJSON *list = vectors_load("schema_bad.json");
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        const char *json = vector_text(item, "json"), *want = vector_text(item, "error");
        struct schema *s = NULL;
        struct err e = {0};
        size_t len = strlen(json);
        uint8_t *guarded = unit_guarded(json, len);
        CHECK(schema_parse(&s, (char *)guarded, len, &e) < 0);
        CHECK(s == NULL && e.code < 0);
        if (!strstr(e.text, want))
            fail_msg("\"%s\" does not say \"%s\"", e.text, want);
        CHECK(schema_parse(&s, (char *)guarded, len, NULL) < 0);
        unit_guarded_free(guarded, len);
    }
    cJSON_Delete(list);
}

TEST(schema_cut, "a schema that is cut anywhere is refused")
{
    for (size_t n = 0; n < strlen(pond); n++) {
        uint8_t *guarded = unit_guarded(pond, n);
        struct schema *s = NULL;
        struct err e;
        CHECK(schema_parse(&s, (char *)guarded, n, &e) < 0 && s == NULL);
        unit_guarded_free(guarded, n);
    }
}

TEST(schema_text, "a schema that is too long, not UTF-8 or holds a NUL is refused")
{
    enum { LONG = 256 * 1024 };
    char *text = malloc(LONG + 1);
    struct schema *s;
    struct err e;

    assert_non_null(text);
    memset(text, ' ', LONG + 1);
    memcpy(text, "{}", 2);
    CHECK(schema_parse(&s, text, LONG + 1, &e) < 0);
    CHECK(strstr(e.text, "longer than"));
    CHECK_EQ(schema_parse(&s, text, LONG, &e), 0);
    schema_unref(&s);
    text[2] = '\0';
    CHECK(schema_parse(&s, text, 3, &e) < 0 && strstr(e.text, "NUL"));
    text[2] = (char)0xff;
    CHECK(schema_parse(&s, text, 3, &e) < 0 && strstr(e.text, "UTF-8"));
    free(text);
}

TEST(schema_hashes, "the hash is FNV-1a over the exact bytes")
{
    CHECK_EQ(schema_hash("", 0), 0x811c9dc5u);
    CHECK_EQ(schema_hash("a", 1), 0xe40c292cu);
    CHECK_EQ(schema_hash("foobar", 6), 0xbf9cf968u);
    /* Four bytes whose hash is 0, which stands for "no schema". */
    CHECK_EQ(schema_hash("\xcc\x24\x31\xc4", 4), 1);
}

TEST(schema_refs, "a schema lives as long as its last reference")
{
    struct schema *a = schema_of(pond), *b = schema_ref(a);

    schema_unref(&a);
    CHECK(a == NULL);
    CHECK_STR(b->tables[1].name, "frogs");
    schema_unref(&b);
    schema_unref(&b);
}
