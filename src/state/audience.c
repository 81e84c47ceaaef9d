/* SPDX-License-Identifier: MIT */
#include "state/audience.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/type_parse.h"

#define FORGET_PER_SEE 1.1 /* where `forget` is absent */

int audience_read_to(const cJSON *field, const struct record *r, enum audience *to,
                     const char *place, struct err *e)
{
    /* The tree is schema_parse()'s own; type_parse() knows nothing of audiences. */
    cJSON *item = cJSON_DetachItemFromObjectCaseSensitive((cJSON *)field, "to");
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    int code = 0;

    if (r->is_hidden || strcmp(text, "server") == 0)
        *to = TO_SERVER;
    else if (strcmp(text, "owner") == 0)
        *to = TO_OWNER;
    else if (item)
        code = schema_refuse(e, place, "to must be owner or server");
    if (*to == TO_OWNER && r->keys != KEY_PLAYER)
        code = schema_refuse(e, place,
                             "to = owner is for fields of maps that are keyed by player");
    cJSON_Delete(item);
    return code;
}

int audience_read_hidden(const cJSON *map, struct record *r, const char *place,
                         struct err *e)
{
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(map, "to");

    if (to && (!cJSON_IsString(to) || strcmp(to->valuestring, "server") != 0))
        return schema_refuse(e, place, "to of a map must be server");
    r->is_hidden = to != NULL;
    return 0;
}

static bool is_number(const struct type *t)
{
    return t->kind != TYPE_BOOL && t->kind <= TYPE_FIXED;
}

/* A field that `near` names. */
static int read_axis(const cJSON *name, const struct record *r, uint32_t *axis,
                     const char *place, struct err *e)
{
    int i = cJSON_IsString(name) ? record_find(r, name->valuestring) : -1;

    if (i >= 0 && r->fields[i].to == TO_SERVER)
        return schema_refuse(e, place, "near: %s is for the server alone",
                             name->valuestring);
    if (i < 0 || !is_number(&r->fields[i].type))
        return schema_refuse(e, place, "near: %.80s is not a number among its fields",
                             cJSON_IsString(name) ? name->valuestring : "x or y");
    *axis = (uint32_t)i;
    return 0;
}

static int read_near(const cJSON *rule, struct record *r, const char *place, struct err *e)
{
    static const char *const keys[] = {"forget", "near", "see", NULL};
    const cJSON *near = cJSON_GetObjectItemCaseSensitive(rule, "near");
    const cJSON *see = cJSON_GetObjectItemCaseSensitive(rule, "see");
    const cJSON *forget = cJSON_GetObjectItemCaseSensitive(rule, "forget");
    struct interest_rule *i = &r->interest;
    int code = schema_check_keys(rule, keys, place, e);

    if (code < 0)
        return code;
    if (cJSON_GetArraySize(near) != 2)
        return schema_refuse(e, place, "near takes the names of two fields");
    if ((code = read_axis(near->child, r, &i->x, place, e)) < 0 ||
        (code = read_axis(near->child->next, r, &i->y, place, e)) < 0)
        return code;
    if (!cJSON_IsNumber(see) || !(see->valuedouble > 0) || !isfinite(see->valuedouble))
        return schema_refuse(e, place, "near: see must be a number above 0");
    i->see = see->valuedouble;
    i->forget = forget ? forget->valuedouble : i->see * FORGET_PER_SEE;
    if ((forget && !cJSON_IsNumber(forget)) || !(i->forget >= i->see) ||
        !isfinite(i->forget))
        return schema_refuse(e, place, "near: forget must be at least see");
    i->kind = INTEREST_NEAR;
    return 0;
}

int audience_read_interest(const cJSON *map, struct record *r, const char *place,
                           struct err *e)
{
    const cJSON *rule = cJSON_GetObjectItemCaseSensitive(map, "interest");

    if (!rule)
        return 0;
    if (r->is_hidden)
        return schema_refuse(e, place, "interest: nobody sees a map with to = server");
    if (cJSON_IsObject(rule))
        return read_near(rule, r, place, e);
    if (!cJSON_IsString(rule) || strcmp(rule->valuestring, "keys") != 0)
        return schema_refuse(e, place, "interest must be near or keys");
    r->interest.kind = INTEREST_KEYS;
    return 0;
}

int audience_sort(struct record *r)
{
    struct field sorted[SCHEMA_MAX_FIELDS];
    uint16_t by_path[SCHEMA_MAX_FIELDS];
    uint32_t n = 0, ends[3];

    for (int to = TO_ALL; to <= TO_SERVER; to++) {
        for (uint32_t i = 0; i < r->n_fields; i++)
            if (r->fields[i].to == (enum audience)to) {
                by_path[i] = (uint16_t)n;
                sorted[n++] = r->fields[i];
            }
        ends[to] = n;
    }
    r->n_public = ends[TO_ALL];
    r->n_owner = ends[TO_OWNER] - ends[TO_ALL];
    if (r->n_public == r->n_fields)
        return 0;
    if (!(r->by_path = malloc(n * sizeof *by_path)))
        return -ENOMEM;
    memcpy(r->by_path, by_path, n * sizeof *by_path);
    memcpy(r->fields, sorted, n * sizeof *sorted);
    return 0;
}

static bool is_for_server(const cJSON *what)
{
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(what, "to");

    return to && strcmp(to->valuestring, "server") == 0;
}

static bool strip_fields(cJSON *list)
{
    bool cut = false;

    for (cJSON *item = list ? list->child : NULL, *next; item; item = next) {
        cJSON *what = item->child->next;
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(what, "fields");
        next = item->next;
        if (inner)
            cut |= strip_fields(inner);
        if (is_for_server(what) || (inner && !inner->child)) { /* nothing of it is left */
            cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
            cut = true;
        }
    }
    return cut;
}

bool audience_strip(cJSON *root)
{
    cJSON *state = cJSON_GetObjectItemCaseSensitive(root, "state");
    cJSON *maps = cJSON_GetObjectItemCaseSensitive(state, "maps");
    bool cut = strip_fields(cJSON_GetObjectItemCaseSensitive(state, "fields"));

    for (cJSON *item = maps ? maps->child : NULL, *next; item; item = next) {
        cJSON *map = item->child->next;
        next = item->next;
        if (is_for_server(map)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(maps, item));
            cut = true;
            continue;
        }
        if (cJSON_HasObjectItem(map, "interest")) {
            cJSON_DeleteItemFromObjectCaseSensitive(map, "interest");
            cut = true;
        }
        cut |= strip_fields(cJSON_GetObjectItemCaseSensitive(map, "fields"));
    }
    return cut;
}

static bool exact_numbers(cJSON *item)
{
    char text[32];

    for (; item; item = item->next) {
        if (item->child && !exact_numbers(item->child))
            return false;
        if (!cJSON_IsNumber(item))
            continue;
        snprintf(text, sizeof text, "%.17g", item->valuedouble);
        if (!(item->valuestring = strdup(text)))
            return false;
        item->type = cJSON_Raw;
    }
    return true;
}

char *audience_print(cJSON *root)
{
    return exact_numbers(root) ? cJSON_PrintUnformatted(root) : NULL;
}
