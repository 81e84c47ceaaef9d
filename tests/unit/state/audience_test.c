/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "state/schema.h"

#define MAPS(list) "{\"state\":{\"maps\":[" list "]}}"
#define MAP(keys, fields, more)                                                            \
    MAPS("[\"m\",{\"keys\":\"" keys "\",\"fields\":[" fields "]" more "}]")
#define X  "[\"x\",{\"t\":\"f32\"}]"
#define XY X ",[\"y\",{\"t\":\"f32\"}]"

TEST(audience_facets, "fields stand by audience, facets count what clients know")
{
    struct schema *s = schema_of(MAPS(
        "[\"a\",{\"keys\":\"player\",\"fields\":[[\"c\",{\"t\":\"u8\",\"to\":\"server\"}],"
        "[\"n\",{\"t\":\"record\",\"fields\":[[\"p\",{\"t\":\"u8\",\"to\":\"owner\"}],"
        "[\"q\",{\"t\":\"u16\"}]]}],[\"r\",{\"t\":\"u32\"}]],\"interest\":\"keys\"}],"
        "[\"b\",{\"keys\":\"string\",\"to\":\"server\",\"fields\":[" X "]}],"
        "[\"d\",{\"keys\":\"integer\",\"fields\":[" XY "],"
        "\"interest\":{\"near\":[\"x\",\"y\"],\"see\":0.1}}]"));
    const struct record *a = &s->tables[1];

    CHECK_EQ(a->n_fields, 4);
    CHECK_EQ(a->n_public, 2);
    CHECK_EQ(a->n_owner, 1);
    CHECK_STR(a->fields[0].path, "n.q");
    CHECK_STR(a->fields[1].path, "r");
    CHECK_STR(a->fields[2].path, "n.p");
    CHECK_STR(a->fields[3].path, "c");
    static const uint16_t by_path[] = {3, 2, 0, 1};
    CHECK_MEM(a->by_path, by_path, sizeof by_path);
    CHECK_EQ(record_find(a, "n.p"), 2);
    CHECK_EQ(record_find(a, "p"), -1);

    CHECK_EQ(s->n_facets, 4);
    CHECK(s->facets[1].table == 1 && !s->facets[1].is_owners);
    CHECK(s->facets[2].table == 1 && s->facets[2].is_owners && s->facets[2].first == 2);
    CHECK_EQ(s->facets[2].part.keys, KEY_NONE);
    CHECK(s->facets[3].table == 3 && s->tables[2].is_hidden);
    CHECK(s->n_sights == 2 && s->is_personal);
    CHECK(s->tables[3].interest.place == 1 && s->tables[3].interest.y == 1);
    CHECK(s->tables[3].interest.forget == 0.1 * 1.1);

    CHECK_STR(
        s->json,
        "{\"state\":{\"maps\":[[\"a\",{\"keys\":\"player\",\"fields\":[[\"n\",{\"t\":"
        "\"record\",\"fields\":[[\"p\",{\"t\":\"u8\",\"to\":\"owner\"}],[\"q\",{\"t\":"
        "\"u16\"}]]}],[\"r\",{\"t\":\"u32\"}]]}],[\"d\",{\"keys\":\"integer\","
        "\"fields\":[" XY "]}]]}}");
    CHECK_EQ(s->hash, schema_hash(s->json, s->n_json));
    schema_unref(&s);
}

TEST(audience_exact, "numbers in what clients get are the same doubles")
{
    struct schema *s = schema_of(
        MAP("integer",
            "[\"s\",{\"t\":\"u8\",\"to\":\"server\"}],[\"x\",{\"t\":\"fixed\",\"step\":"
            "0.10000000000000002}]",
            ""));
    struct schema *shown = schema_of(s->json);

    CHECK(shown->tables[1].fields[0].type.step == 0.10000000000000002);
    CHECK(!shown->is_personal && !s->is_personal);
    schema_unref(&shown);
    schema_unref(&s);
}

TEST(audience_as_it_is, "where all is for all, clients get the bytes that were parsed")
{
    static const char text[] = " {\"state\":{\"fields\":[[\"a\",{\"t\":\"u8\"}]]}}\n";
    struct schema *s = schema_of(text);

    CHECK_STR(s->json, text);
    CHECK_STR(s->full, text);
    CHECK(!s->is_personal && s->tables[0].by_path == NULL);
    schema_unref(&s);
}

static void refused(const char *json, const char *error)
{
    struct schema *s;
    struct err e;

    CHECK(schema_parse(&s, json, strlen(json), &e) < 0 && !s);
    if (!strstr(e.text, error))
        fail_msg("\"%s\" does not say \"%s\"", e.text, error);
}

TEST(audience_bad, "what cannot be is refused and named")
{
    refused(MAP("string", "[\"a\",{\"t\":\"u8\",\"to\":\"owner\"}]", ""),
            "state.m.a: to = owner is for fields of maps that are keyed by player");
    refused("{\"state\":{\"fields\":[[\"a\",{\"t\":\"u8\",\"to\":\"owner\"}]]}}",
            "state.a: to = owner");
    refused(MAP("player", "[\"a\",{\"t\":\"u8\",\"to\":\"all\"}]", ""),
            "state.m.a: to must be owner or server");
    refused(MAP("player", "[\"a\",{\"t\":\"u8\",\"to\":5}]", ""),
            "to must be owner or server");
    refused(MAP("player", "", ",\"to\":\"owner\""), "state.m: to of a map must be server");
    refused(
        "{\"messages\":[[\"m\",{\"fields\":[[\"a\",{\"t\":\"u8\",\"to\":\"server\"}]]}]]}",
        "messages.m.a: \"to\" is not known here");
    refused("{\"events\":[[\"m\",{\"fields\":[[\"a\",{\"t\":\"u8\",\"to\":\"owner\"}]]}]]}",
            "\"to\" is not known here");
    refused(MAP("player", XY, ",\"interest\":\"all\""), "interest must be near or keys");
    refused(MAP("player", XY, ",\"to\":\"server\",\"interest\":\"keys\""),
            "interest: nobody sees a map");
    refused(MAP("player", XY, ",\"interest\":{\"near\":[\"x\",\"z\"],\"see\":1}"),
            "near: z is not a number among its fields");
    refused(MAP("player", X ",[\"y\",{\"t\":\"str\",\"max\":3}]",
                ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":1}"),
            "near: y is not a number");
    refused(MAP("player", X ",[\"y\",{\"t\":\"f32\",\"to\":\"server\"}]",
                ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":1}"),
            "near: y is for the server alone");
    refused(MAP("player", XY, ",\"interest\":{\"near\":[\"x\"],\"see\":1}"), "two fields");
    refused(MAP("player", XY, ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":0}"),
            "see must be");
    refused(MAP("player", XY, ",\"interest\":{\"near\":[\"x\",\"y\"]}"), "see must be");
    refused(
        MAP("player", XY, ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":2,\"forget\":1}"),
        "forget must be at least see");
    refused(MAP("player", XY, ",\"interest\":{\"near\":[\"x\",\"y\"],\"see\":2,\"far\":1}"),
            "\"far\" is not known here");
}
