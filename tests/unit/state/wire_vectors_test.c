/* SPDX-License-Identifier: MIT */
#include "support.h"
#include <string.h>

#include "proto/wire.h"

/* A reader over a copy that ends at a guard page. */
struct guarded {
    uint8_t *bytes;
    size_t len;
    struct wire_in in;
};

static struct guarded guard(const char *hex)
{
    uint8_t bytes[512];
    struct guarded g = {.len = bytes_of_hex(hex, bytes, sizeof bytes)};

    g.bytes = unit_guarded(bytes, g.len);
    g.in = wire_from(g.bytes, g.len);
    return g;
}

/* Drops the copy; true when all of it was read and was good. */
static bool was_good(struct guarded *g)
{
    bool good = !g->in.failed && wire_left(&g->in) == 0;

    unit_guarded_free(g->bytes, g->len);
    return good;
}

TEST(wire_vectors_numbers, "uv and sv write and read as wire.json says")
{
    cJSON *v = vectors_load("wire.json");
    const cJSON *item;
    struct buf out;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, vector_at(v, "uv"))
    {
        double value = vector_at(item, "value")->valuedouble;
        struct guarded g = guard(vector_text(item, "hex"));
        buf_clear(&out);
        wire_put_uv(&out, (uint64_t)value);
        check_hex(&out, vector_text(item, "hex"));
        CHECK((double)wire_uv(&g.in) == value);
        CHECK(was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "sv"))
    {
        double value = vector_at(item, "value")->valuedouble;
        struct guarded g = guard(vector_text(item, "hex"));
        buf_clear(&out);
        wire_put_sv(&out, (int64_t)value);
        check_hex(&out, vector_text(item, "hex"));
        CHECK((double)wire_sv(&g.in) == value);
        CHECK(was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "uv_bad"))
    {
        struct guarded g = guard(item->valuestring);
        CHECK_EQ(wire_uv(&g.in), 0);
        CHECK(!was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "uv_past_32_bits"))
    {
        struct guarded g = guard(item->valuestring);
        CHECK_EQ(wire_uv(&g.in), 0);
        CHECK(!was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "sv_bad"))
    {
        struct guarded g = guard(item->valuestring);
        CHECK_EQ(wire_sv(&g.in), 0);
        CHECK(!was_good(&g));
    }
    buf_fini(&out);
    cJSON_Delete(v);
}

TEST(wire_vectors_texts, "str writes, reads and refuses as wire.json says")
{
    cJSON *v = vectors_load("wire.json");
    const cJSON *item;
    struct buf out;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, vector_at(v, "str"))
    {
        const char *value = vector_text(item, "value");
        struct guarded g = guard(vector_text(item, "hex"));
        buf_clear(&out);
        wire_put_str(&out, value, strlen(value));
        check_hex(&out, vector_text(item, "hex"));
        struct wire_str s = wire_str(&g.in);
        CHECK_EQ(s.len, strlen(value));
        CHECK_MEM(s.text, value, s.len);
        CHECK(was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "str_bad"))
    {
        struct guarded g = guard(item->valuestring);
        CHECK_EQ(wire_str(&g.in).len, 0);
        CHECK(!was_good(&g));
    }
    buf_fini(&out);
    cJSON_Delete(v);
}

TEST(wire_vectors_masks, "mask and gap write, read and refuse as wire.json says")
{
    cJSON *v = vectors_load("wire.json");
    const cJSON *item, *i;
    struct buf out;

    buf_init(&out, 0);
    cJSON_ArrayForEach(item, vector_at(v, "mask"))
    {
        uint32_t want[8] = {0}, got[8] = {0};
        unsigned n = (unsigned)vector_at(item, "n")->valuedouble;
        struct guarded g = guard(vector_text(item, "hex"));
        cJSON_ArrayForEach(i, vector_at(item, "fields"))
        {
            unsigned field = (unsigned)i->valuedouble;
            want[field / 32] |= UINT32_C(1) << (field % 32);
        }
        buf_clear(&out);
        wire_put_mask(&out, want, n);
        check_hex(&out, vector_text(item, "hex"));
        wire_mask(&g.in, got, n);
        CHECK_MEM(got, want, sizeof want);
        CHECK(was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "mask_bad"))
    {
        uint32_t fields[8];
        struct guarded g = guard(vector_text(item, "hex"));
        wire_mask(&g.in, fields, (unsigned)vector_at(item, "n")->valuedouble);
        CHECK(!was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "gap"))
    {
        struct guarded g = guard(vector_text(item, "hex"));
        int64_t put = -1, got = -1;
        buf_clear(&out);
        cJSON_ArrayForEach(i, vector_at(item, "ids"))
        {
            wire_put_gap(&out, (uint32_t)i->valuedouble, &put);
            CHECK((double)wire_gap(&g.in, &got) == i->valuedouble);
        }
        check_hex(&out, vector_text(item, "hex"));
        CHECK(was_good(&g));
    }
    cJSON_ArrayForEach(item, vector_at(v, "gap_bad"))
    {
        struct guarded g = guard(item->valuestring);
        int64_t previous = -1;
        while (wire_left(&g.in) > 0)
            wire_gap(&g.in, &previous);
        CHECK(!was_good(&g));
    }
    buf_fini(&out);
    cJSON_Delete(v);
}
