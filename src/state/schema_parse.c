/* SPDX-License-Identifier: MIT */
/*
 * schema_parse - from the JSON of PROTOCOL.md to records of leaf fields.
 *
 * The text comes from a game's script, or from a file that one has saved, so all
 * of it is checked and every complaint names its place. While parsing, the place
 * is one string that grows and shrinks with the nesting: `state.frogs.pos.x`.
 */
#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "state/audience.h"
#include "state/schema.h"
#include "state/type_parse.h"

enum {
    MAX_JSON = 256 * 1024,
    MAX_NAME = 64,
    MAX_NESTING = 16, /* records, opts, lists and maps inside each other */
    MAX_RATE = 1000000,
    PLACE_SIZE = (MAX_NESTING + 3) * (MAX_NAME + 3), /* with a [] behind each name */
};

struct parse {
    struct err *e;
    char place[PLACE_SIZE];
    size_t at;        /* length of place */
    size_t record_at; /* where in place the path inside the record begins */
    bool in_state;    /* `to` may stand in a field */
};

#define REFUSE(p, ...) schema_refuse((p)->e, (p)->place, __VA_ARGS__)

static int no_memory(struct parse *p)
{
    return err_set(p->e, -ENOMEM, "%s: out of memory", p->place);
}

/* Go one name deeper; returns where to cut the place again. */
static size_t enter(struct parse *p, const char *name)
{
    size_t was = p->at;

    p->at += (size_t)snprintf(p->place + was, sizeof p->place - was, "%s%s", was ? "." : "",
                              name);
    return was;
}

static void leave(struct parse *p, size_t was)
{
    p->at = was;
    p->place[was] = '\0';
}

static bool is_name(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++) {
        bool letter =
            (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || s[n] == '_';
        if (!letter && !(n > 0 && s[n] >= '0' && s[n] <= '9'))
            return false;
    }
    return n >= 1 && n <= MAX_NAME;
}

/* Names that a JSON delta uses beside those of the root. */
static bool is_taken_at_root(const char *s)
{
    return strcmp(s, "t") == 0 || strcmp(s, "tick") == 0 || strcmp(s, "base") == 0 ||
           strcmp(s, "ack") == 0;
}

/* One element of a list of [name, what]: checks its form and the order of the
 * names. *previous is the name before it, NULL at the start. */
static int read_pair(struct parse *p, const cJSON *item, const char **previous,
                     const cJSON **what)
{
    const cJSON *name = item->child;

    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !cJSON_IsString(name) ||
        !cJSON_IsObject(name->next))
        return REFUSE(p, "each element must be [name, {…}]");
    if (!is_name(name->valuestring))
        return REFUSE(p, "\"%.80s\" is not a name (letters, digits and _, at most 64)",
                      name->valuestring);
    int order = *previous ? strcmp(*previous, name->valuestring) : -1;
    if (order == 0)
        return REFUSE(p, "\"%s\" is there twice", name->valuestring);
    if (order > 0)
        return REFUSE(p, "\"%s\" must come before \"%s\": names are in byte order",
                      name->valuestring, *previous);
    *previous = name->valuestring;
    *what = name->next;
    return 0;
}

static int read_item(struct parse *p, struct type *t, const cJSON *what, int depth);

static int add_leaf(struct parse *p, struct record *r, const cJSON *what, int depth)
{
    if (r->n_fields == SCHEMA_MAX_FIELDS)
        return REFUSE(p, "more than %d fields in one record", SCHEMA_MAX_FIELDS);
    if ((r->n_fields & (r->n_fields - 1)) == 0) { /* 0 or a power of two: full */
        size_t cap = r->n_fields ? (size_t)r->n_fields * 2 : 1;
        struct field *grown = realloc(r->fields, cap * sizeof *grown);
        if (!grown)
            return no_memory(p);
        r->fields = grown;
    }
    struct field *f = &r->fields[r->n_fields];
    *f = (struct field){.path = strdup(p->place + p->record_at)};
    if (!f->path)
        return no_memory(p);
    r->n_fields++; /* from here on schema_unref() cleans up */
    int code = p->in_state ? audience_read_to(what, r, &f->to, p->place, p->e) : 0;
    if (code == 0)
        code = type_parse(&f->type, &f->preset, what, p->place, p->e);
    return code < 0 ? code : read_item(p, &f->type, what, depth);
}

static int read_fields(struct parse *p, struct record *r, const cJSON *list, int depth);

static int read_field(struct parse *p, struct record *r, const cJSON *what, int depth)
{
    static const char *const keys[] = {"fields", "t", NULL};
    const cJSON *t = cJSON_GetObjectItemCaseSensitive(what, "t");

    if (!cJSON_IsString(t))
        return REFUSE(p, "t (the type) is missing");
    if (strcmp(t->valuestring, "record") != 0)
        return add_leaf(p, r, what, depth);
    int code = schema_check_keys(what, keys, p->place, p->e);
    if (code < 0)
        return code;
    if (depth == MAX_NESTING)
        return REFUSE(p, "types are nested more than %d deep", MAX_NESTING);
    uint32_t before = r->n_fields;
    code = read_fields(p, r, cJSON_GetObjectItemCaseSensitive(what, "fields"), depth + 1);
    if (code == 0 && r->n_fields == before)
        return REFUSE(p, "a nested record needs a field");
    return code;
}

static int read_fields(struct parse *p, struct record *r, const cJSON *list, int depth)
{
    const char *previous = NULL;
    const cJSON *item, *what;

    if (!cJSON_IsArray(list))
        return REFUSE(p, "fields must be a list");
    cJSON_ArrayForEach(item, list)
    {
        int code = read_pair(p, item, &previous, &what);
        if (code < 0)
            return code;
        size_t was = enter(p, previous);
        if (r->keys == KEY_NONE && *r->name == '\0' && depth == 0 &&
            is_taken_at_root(previous))
            return REFUSE(p, "t, tick, base and ack cannot be names at the root");
        code = read_field(p, r, what, depth);
        if (code < 0)
            return code;
        leave(p, was);
    }
    return 0;
}

/* A record as what an opt, list or map holds: its paths begin anew. */
static int read_item_record(struct parse *p, struct type *t, const cJSON *what, int depth)
{
    static const char *const keys[] = {"fields", "t", NULL};
    struct record r = {.name = "", .keys = KEY_INT}; /* not the root's */
    size_t was = p->record_at;
    bool was_in_state = p->in_state;
    int code = schema_check_keys(what, keys, p->place, p->e);

    *t = (struct type){.kind = TYPE_RECORD};
    p->record_at = p->at + 1;
    p->in_state = false; /* one value has one audience: no `to` in here */
    if (code == 0)
        code = read_fields(p, &r, cJSON_GetObjectItemCaseSensitive(what, "fields"), depth);
    p->record_at = was;
    p->in_state = was_in_state;
    t->fields = r.fields;
    t->n_fields = r.n_fields;
    if (code == 0 && r.n_fields == 0)
        return REFUSE(p, "a record needs a field");
    return code;
}

/* What an opt, list or map holds. nil says "absent" in Lua, so an opt can stand only
 * where there is a name for it, and not in another opt. */
static int read_item(struct parse *p, struct type *t, const cJSON *what, int depth)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(what, "item");
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(item, "t");
    size_t was = p->at;
    union cell none = {0};
    int code;

    if (t->kind != TYPE_OPT && t->kind != TYPE_LIST && t->kind != TYPE_MAP)
        return 0;
    if (!cJSON_IsObject(item) || !cJSON_IsString(kind))
        return REFUSE(p, "item (the type inside) is missing");
    if (depth == MAX_NESTING)
        return REFUSE(p, "types are nested more than %d deep", MAX_NESTING);
    if (!(t->item = calloc(1, sizeof *t->item)))
        return no_memory(p);
    p->at += (size_t)snprintf(p->place + was, sizeof p->place - was, "[]");
    if (strcmp(kind->valuestring, "record") == 0) {
        code = read_item_record(p, t->item, item, depth + 1);
    } else {
        code = type_parse(t->item, &none, item, p->place, p->e);
        type_release(t->item, &none);
        if (code == 0 && cJSON_GetObjectItemCaseSensitive(item, "def"))
            code = REFUSE(p, "only a field has a default");
        if (code == 0 && (t->item->kind == TYPE_OPT ||
                          (t->item->kind == TYPE_ANY && t->kind == TYPE_OPT)))
            code = REFUSE(p, "%s cannot be in %s", kind->valuestring,
                          t->kind == TYPE_OPT    ? "an opt"
                          : t->kind == TYPE_LIST ? "a list"
                                                 : "a map");
        if (code == 0)
            code = read_item(p, t->item, item, depth + 1);
    }
    if (code == 0)
        leave(p, was);
    return code;
}

/* The fields of a whole record; the place stands at the record. */
static int read_record(struct parse *p, struct record *r, const cJSON *fields)
{
    p->record_at = p->at + 1;
    int code = read_fields(p, r, fields, 0);
    r->n_words = r->n_fields ? (r->n_fields + 31) / 32 : 1;
    if (code == 0 && audience_sort(r) < 0)
        return no_memory(p);
    return code;
}

static int read_map(struct parse *p, struct record *r, const cJSON *what)
{
    static const char *const keys[] = {"fields", "interest", "keys", "to", NULL};
    int code = schema_check_keys(what, keys, p->place, p->e);

    if (code == 0 && is_taken_at_root(r->name))
        code = REFUSE(p, "t, tick, base and ack cannot be names at the root");
    if (code == 0)
        code = type_parse_keys(&r->keys, what, p->place, p->e);
    if (code == 0)
        code = audience_read_hidden(what, r, p->place, p->e);
    if (code == 0)
        code = read_record(p, r, cJSON_GetObjectItemCaseSensitive(what, "fields"));
    return code < 0 ? code : audience_read_interest(what, r, p->place, p->e);
}

/* `rate` and `burst`; *out stays 0 where it is absent. */
static int read_rate(struct parse *p, const cJSON *what, const char *key, double *out)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(what, key);

    if (!v)
        return 0;
    if (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble <= MAX_RATE))
        return REFUSE(p, "%s must be above 0 and at most %d", key, MAX_RATE);
    *out = v->valuedouble;
    return 0;
}

static int read_message(struct parse *p, struct record *r, const cJSON *what)
{
    static const char *const keys[] = {"burst", "fields", "input", "rate", NULL};
    const cJSON *input = cJSON_GetObjectItemCaseSensitive(what, "input");
    int code = schema_check_keys(what, keys, p->place, p->e);

    if (code == 0)
        code = read_rate(p, what, "rate", &r->rate);
    if (code == 0)
        code = read_rate(p, what, "burst", &r->burst);
    if (code < 0)
        return code;
    if (r->burst > 0 && r->rate <= 0)
        return REFUSE(p, "burst needs a rate");
    if (r->burst > 0 && r->burst < 1)
        return REFUSE(p, "burst must be 1 or more: nothing would ever pass");
    if (r->rate > 0 && r->burst <= 0)
        r->burst = r->rate > 1 ? r->rate : 1;
    if (input && !cJSON_IsBool(input))
        return REFUSE(p, "input must be true or false");
    r->is_input = cJSON_IsTrue(input);
    return read_record(p, r, cJSON_GetObjectItemCaseSensitive(what, "fields"));
}

static int read_event(struct parse *p, struct record *r, const cJSON *what)
{
    static const char *const keys[] = {"fields", NULL};
    int code = schema_check_keys(what, keys, p->place, p->e);

    if (code == 0 && strcmp(r->name, "gap") == 0)
        return REFUSE(p, "the name is taken: clients hear it where events are lost");
    if (code == 0 && strcmp(r->name, "dropped") == 0)
        return REFUSE(p, "the name is taken: clients hear it where a message is dropped");
    return code < 0 ? code
                    : read_record(p, r, cJSON_GetObjectItemCaseSensitive(what, "fields"));
}

/* A list of records, appended to *records (which has `first` already). The place
 * stands at the list; NULL is an empty list. */
static int read_list(struct parse *p, const cJSON *list, uint32_t max,
                     struct record **records, uint32_t *n_records,
                     int (*read)(struct parse *, struct record *, const cJSON *))
{
    const char *previous = NULL;
    const cJSON *item, *what;

    if (!list)
        return 0;
    if (!cJSON_IsArray(list))
        return REFUSE(p, "must be a list");
    uint32_t n = (uint32_t)cJSON_GetArraySize(list);
    if (n > max)
        return REFUSE(p, "more than %u in the list", (unsigned)max);
    if (n == 0)
        return 0;
    struct record *grown = realloc(*records, (*n_records + n) * sizeof *grown);
    if (!grown)
        return no_memory(p);
    *records = grown;
    cJSON_ArrayForEach(item, list)
    {
        int code = read_pair(p, item, &previous, &what);
        if (code < 0)
            return code;
        struct record *r = &(*records)[*n_records];
        *r = (struct record){.name = strdup(previous)};
        if (!r->name)
            return no_memory(p);
        ++*n_records;
        size_t was = enter(p, previous);
        if ((code = read(p, r, what)) < 0)
            return code;
        leave(p, was);
    }
    return 0;
}

/* A map and a root field (or nested record) of one name would collide in JSON. */
static int check_root_names(struct parse *p, const struct schema *s)
{
    const struct record *root = &s->tables[0];

    for (uint32_t i = 0; i < root->n_fields; i++) {
        const char *path = root->fields[i].path;
        size_t len = strcspn(path, ".");
        if (schema_find_table(s, path, len) > 0)
            return REFUSE(p, "\"%.*s\" is both a field and a map", (int)len, path);
    }
    return 0;
}

static int read_state(struct parse *p, struct schema *s, const cJSON *state)
{
    static const char *const keys[] = {"fields", "maps", NULL};
    const cJSON *fields = cJSON_GetObjectItemCaseSensitive(state, "fields");
    size_t was = enter(p, "state");
    int code = 0;

    s->tables = calloc(1, sizeof *s->tables);
    if (!s->tables || !(s->tables->name = strdup(""))) {
        free(s->tables);
        s->tables = NULL;
        return no_memory(p);
    }
    s->n_tables = 1;
    s->tables->n_words = 1;
    p->in_state = true;
    if (state && !cJSON_IsObject(state))
        return REFUSE(p, "must be an object");
    if (state)
        code = schema_check_keys(state, keys, p->place, p->e);
    if (code == 0 && fields)
        code = read_record(p, s->tables, fields);
    if (code == 0)
        code = read_list(p, cJSON_GetObjectItemCaseSensitive(state, "maps"),
                         SCHEMA_MAX_MAPS, &s->tables, &s->n_tables, read_map);
    if (code == 0)
        code = check_root_names(p, s);
    if (code == 0 && schema_make_facets(s) < 0)
        code = no_memory(p);
    p->in_state = false;
    leave(p, was);
    return code;
}

static int hash_events(struct parse *p, struct schema *s, const cJSON *events)
{
    char *text = events ? cJSON_PrintUnformatted(events) : strdup("");

    if (!text)
        return no_memory(p);
    s->events_hash = schema_hash(text, strlen(text));
    free(text);
    return 0;
}

static int read_schema(struct parse *p, struct schema *s, const cJSON *root)
{
    static const char *const keys[] = {"events", "messages", "state", NULL};
    int code;

    if (!cJSON_IsObject(root))
        return err_set(p->e, -EINVAL, "the schema must be a JSON object");
    if ((code = schema_check_keys(root, keys, "schema", p->e)) < 0 ||
        (code = read_state(p, s, cJSON_GetObjectItemCaseSensitive(root, "state"))) < 0)
        return code;
    enter(p, "messages");
    code = read_list(p, cJSON_GetObjectItemCaseSensitive(root, "messages"),
                     SCHEMA_MAX_MESSAGES, &s->messages, &s->n_messages, read_message);
    leave(p, 0);
    if (code < 0)
        return code;
    enter(p, "events");
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(root, "events");
    code = read_list(p, events, SCHEMA_MAX_MESSAGES, &s->events, &s->n_events, read_event);
    return code < 0 ? code : hash_events(p, s, events);
}

/* cJSON checks neither UTF-8 nor what follows the value, and cuts a string at an
 * escaped NUL, after which clients would read another schema than we do. */
static int check_text(const char *json, size_t len, struct err *e)
{
    if (len > MAX_JSON)
        return err_set(e, -EINVAL, "the schema is longer than %d bytes", MAX_JSON);
    if (memchr(json, 0, len) || memmem(json, len, "\\u0000", 6))
        return err_set(e, -EINVAL, "the schema holds a NUL character");
    if (!utf8_is_valid(json, len))
        return err_set(e, -EINVAL, "the schema is not valid UTF-8");
    return 0;
}

/* The JSON for clients, with its hash: that of the whole less what is not theirs. */
static int make_shown(struct schema *s, cJSON *whole, struct err *e)
{
    if (audience_strip(whole)) {
        s->json = audience_print(whole);
        s->n_json = s->json ? strlen(s->json) : 0;
    } else if ((s->json = malloc(s->n_full + 1))) {
        memcpy(s->json, s->full, s->n_full + 1);
        s->n_json = s->n_full;
    }
    if (!s->json)
        return err_set(e, -ENOMEM, "schema: out of memory");
    s->hash = schema_hash(s->json, s->n_json);
    return 0;
}

int schema_parse(struct schema **out, const char *json, size_t len, struct err *e)
{
    const char *end = json;
    struct parse p = {.e = e};
    struct schema *s = NULL;
    cJSON *root = NULL, *whole = NULL;
    int code = check_text(json, len, e);

    *out = NULL;
    if (code < 0)
        return code;
    if (!(s = calloc(1, sizeof *s)) || !(s->full = malloc(len + 1))) {
        free(s);
        return err_set(e, -ENOMEM, "schema: out of memory");
    }
    atomic_init(&s->refs, 1);
    memcpy(s->full, json, len);
    s->full[len] = '\0';
    s->n_full = len;

    root = cJSON_ParseWithLengthOpts(s->full, len, &end, false);
    if (root)
        end += strspn(end, " \t\r\n");
    if (!root || end != s->full + len)
        code = err_set(e, -EINVAL, "the schema is not JSON: error near byte %zu",
                       end ? (size_t)(end - s->full) : 0);
    else if (!(whole = cJSON_Duplicate(root, true)))
        code = err_set(e, -ENOMEM, "schema: out of memory");
    else
        code = read_schema(&p, s, root);
    if (code == 0)
        code = make_shown(s, whole, e);
    cJSON_Delete(root);
    cJSON_Delete(whole);
    if (code < 0)
        schema_unref(&s);
    *out = s;
    return code;
}
