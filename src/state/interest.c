/* SPDX-License-Identifier: MIT */
#include "state/interest.h"

#include <stdlib.h>
#include <string.h>

static char is_watched; /* the value of every entry: only the keys count */

void interest_init(struct interest *in)
{
    *in = (struct interest){0};
}

static void free_keys(struct interest *in)
{
    for (uint32_t i = 0; i < in->n_places; i++)
        map_fini(&in->keys[i]);
    free(in->keys);
    in->keys = NULL;
    in->n_places = in->n_keys = 0;
}

void interest_fini(struct interest *in)
{
    free_keys(in);
}

void interest_look_at(struct interest *in, double x, double y, double radius)
{
    if (in->has_centre && in->x == x && in->y == y && in->radius == radius)
        return; /* said anew in every tick */
    in->is_new = true;
    in->has_centre = true;
    in->x = x;
    in->y = y;
    in->radius = radius;
}

void interest_look_home(struct interest *in)
{
    in->is_new = in->is_new || in->has_centre;
    in->has_centre = false;
    in->radius = 0;
}

static bool is_text(const struct record *r)
{
    return r->keys == KEY_STR;
}

bool interest_watch(struct interest *in, const struct schema *s, uint32_t table,
                    int64_t number, const char *text, size_t len, uint32_t max)
{
    const struct record *r = &s->tables[table];

    if (!in->keys) {
        if (!(in->keys = calloc(s->n_sights, sizeof *in->keys)))
            return false;
        in->n_places = s->n_sights;
    }
    struct map *keys = &in->keys[r->interest.place];
    if (is_text(r) ? map_get_bytes(keys, text, len) != NULL
                   : map_get(keys, (uint64_t)number) != NULL)
        return true;
    if (in->n_keys >= max || !(is_text(r) ? map_put_bytes(keys, text, len, &is_watched)
                                          : map_put(keys, (uint64_t)number, &is_watched)))
        return false;
    in->n_keys++;
    in->is_new = true;
    return true;
}

void interest_unwatch(struct interest *in, const struct schema *s, uint32_t table,
                      int64_t number, const char *text, size_t len)
{
    const struct record *r = &s->tables[table];

    if (!in->keys)
        return;
    struct map *keys = &in->keys[r->interest.place];
    if (is_text(r) ? map_remove_bytes(keys, text, len) != NULL
                   : map_remove(keys, (uint64_t)number) != NULL) {
        in->n_keys--;
        in->is_new = true;
    }
}

void interest_rebind(struct interest *in, const struct schema *from,
                     const struct schema *to)
{
    struct interest old = *in;

    in->keys = NULL;
    in->n_places = in->n_keys = 0;
    in->is_new = true;
    for (uint32_t i = 1; i < from->n_tables && old.keys; i++) {
        const struct record *was = &from->tables[i];
        int now = schema_find_table(to, was->name, strlen(was->name));
        if (was->interest.kind != INTEREST_KEYS || now < 0 ||
            to->tables[now].interest.kind != INTEREST_KEYS ||
            to->tables[now].keys != was->keys)
            continue;
        for (struct map_entry *e = NULL; (e = map_next(&old.keys[was->interest.place], e));)
            interest_watch(in, to, (uint32_t)now, (int64_t)e->number, e->bytes, e->len,
                           UINT32_MAX);
    }
    free_keys(&old);
}
