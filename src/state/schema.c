/* SPDX-License-Identifier: MIT */
#include "state/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct schema *schema_ref(struct schema *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void schema_free_fields(struct field *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        type_release(&fields[i].type, &fields[i].preset);
        type_fini(&fields[i].type);
        free((char *)fields[i].path);
    }
    free(fields);
}

static void free_records(struct record *records, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        schema_free_fields(records[i].fields, records[i].n_fields);
        free(records[i].by_path);
        free((char *)records[i].name);
    }
    free(records);
}

void schema_unref(struct schema **s)
{
    struct schema *old = *s;

    *s = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_records(old->tables, old->n_tables);
    free_records(old->messages, old->n_messages);
    free_records(old->events, old->n_events);
    free(old->facets);
    free(old->json);
    free(old->full);
    free(old);
}

static struct record part_of(const struct record *table, uint32_t first, uint32_t n)
{
    return (struct record){.name = table->name,
                           .keys = table->keys,
                           .n_fields = n,
                           .fields = table->fields + first,
                           .n_public = n,
                           .n_words = n ? (n + 31) / 32 : 1};
}

/* What emit_moved.h asks about the fields for everybody. */
static void find_deltas(struct facet *f)
{
    uint32_t n = f->part.n_fields;

    if (n == 0 || n > 32)
        return;
    f->fields = UINT32_MAX >> (32 - n);
    for (uint32_t i = 0; i < n; i++)
        if (f->part.fields[i].type.is_delta)
            f->deltas |= UINT32_C(1) << i;
}

int schema_make_facets(struct schema *s)
{
    if (!(s->facets = calloc((size_t)s->n_tables * 2, sizeof *s->facets)))
        return -ENOMEM;
    for (uint32_t i = 0; i < s->n_tables; i++) {
        struct record *table = &s->tables[i];
        if (table->is_hidden)
            continue;
        struct facet *all = &s->facets[s->n_facets++];
        *all = (struct facet){.table = i, .part = part_of(table, 0, table->n_public)};
        find_deltas(all);
        if (table->n_owner) {
            struct facet *own = &s->facets[s->n_facets++];
            *own = (struct facet){.table = i,
                                  .first = table->n_public,
                                  .is_owners = true,
                                  .part = part_of(table, table->n_public, table->n_owner)};
            own->part.keys = KEY_NONE;
        }
        if (table->interest.kind != INTEREST_ALL)
            table->interest.place = s->n_sights++;
        if (table->n_owner || table->interest.kind != INTEREST_ALL)
            s->is_personal = true;
    }
    return 0;
}

int record_find(const struct record *r, const char *path)
{
    for (uint32_t i = 0; i < r->n_fields; i++)
        if (strcmp(r->fields[i].path, path) == 0)
            return (int)i;
    return -1;
}

uint32_t schema_hash(const char *json, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)json[i]) * 16777619u;
    return h ? h : 1;
}

/* The lists are in byte order, but the root table is not one of them. */
static int find(const struct record *records, uint32_t n, const char *name, size_t len)
{
    uint32_t low = 0, high = n;

    while (low < high) {
        uint32_t mid = (low + high) / 2;
        const char *at = records[mid].name;
        size_t at_len = strlen(at);
        int order = memcmp(at, name, at_len < len ? at_len : len);
        if (order == 0)
            order = at_len < len ? -1 : at_len > len;
        if (order == 0)
            return (int)mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

int schema_find_message(const struct schema *s, const char *name, size_t len)
{
    return find(s->messages, s->n_messages, name, len);
}

int schema_find_event(const struct schema *s, const char *name, size_t len)
{
    return find(s->events, s->n_events, name, len);
}

int schema_find_table(const struct schema *s, const char *name, size_t len)
{
    if (len == 0)
        return 0;
    int i = find(s->tables + 1, s->n_tables - 1, name, len);
    return i < 0 ? -1 : i + 1;
}
