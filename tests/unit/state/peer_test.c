/* SPDX-License-Identifier: MIT */
#include "peer.h"
#include "peer_value.h"
#include "support.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

enum { MAX_SLOTS = 4096 };

uint64_t peer_little(struct cursor *c, unsigned n)
{
    uint64_t v = 0;

    if (c->bad || (size_t)(c->end - c->at) < n) {
        c->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)*c->at++ << (8 * i);
    return v;
}

static uint64_t long_uv(struct cursor *c)
{
    uint64_t v = 0, byte = 0x80;

    for (unsigned i = 0; i < 5 && byte & 0x80; i++) {
        byte = peer_little(c, 1);
        v |= (byte & 0x7f) << (7 * i);
        if (byte == 0 && i > 0)
            c->bad = true;
    }
    if (byte & 0x80 || v >> 34)
        c->bad = true;
    return c->bad ? 0 : v;
}

uint32_t peer_uv(struct cursor *c)
{
    uint64_t v = long_uv(c);

    if (v > UINT32_MAX)
        c->bad = true;
    return c->bad ? 0 : (uint32_t)v;
}

int64_t peer_sv(struct cursor *c)
{
    uint64_t z = long_uv(c);

    return z & 1 ? -(int64_t)(z / 2) - 1 : (int64_t)(z / 2);
}

static void text(struct cursor *c, size_t max, char *out)
{
    size_t n = peer_uv(c);

    if (c->bad || n > max || (size_t)(c->end - c->at) < n || !utf8_is_valid(c->at, n)) {
        c->bad = true;
        n = 0;
    }
    memcpy(out, c->at, n);
    out[n] = '\0';
    c->at += n;
}

/* The fields that follow, as bools. */
void peer_mask(struct cursor *c, unsigned n, bool fields[256])
{
    unsigned first = 0;
    uint64_t byte;

    memset(fields, 0, 256 * sizeof *fields);
    do {
        byte = peer_little(c, 1);
        if (byte == 0 && first > 0)
            c->bad = true;
        for (unsigned i = 0; i < 7; i++)
            if (byte >> i & 1) {
                if (first + i >= n)
                    c->bad = true;
                else
                    fields[first + i] = true;
            }
        first += 7;
    } while (byte & 0x80 && !c->bad);
}

static void check_range(struct cursor *c, const struct type *t, int64_t q)
{
    if (t->kind != TYPE_F32 && t->kind != TYPE_F64 && (q < t->low || q > t->high))
        c->bad = true;
}

static void absolute(struct cursor *c, const struct type *t, struct peer_row *r, uint32_t i)
{
    uint64_t bits;
    double v = 0;
    float f;

    if (t->kind > TYPE_STR) {
        cJSON_Delete(r->tree[i]);
        r->tree[i] = peer_value(c, t);
        return;
    }
    switch (t->kind) {
    case TYPE_STR: text(c, t->max_bytes, r->str[i]); return;
    case TYPE_I8: r->q[i] = (int8_t)peer_little(c, 1); break;
    case TYPE_I16: r->q[i] = (int16_t)peer_little(c, 2); break;
    case TYPE_I32: r->q[i] = (int32_t)peer_little(c, 4); break;
    case TYPE_INT: r->q[i] = peer_sv(c); break;
    case TYPE_UINT:
    case TYPE_ENUM: r->q[i] = peer_uv(c); break;
    case TYPE_FIXED:
        r->q[i] = t->bytes ? (int64_t)peer_little(c, t->bytes) : peer_sv(c);
        break;
    case TYPE_F32:
        r->q[i] = (int64_t)(bits = peer_little(c, 4));
        memcpy(&f, &(uint32_t){(uint32_t)bits}, 4);
        v = (double)f;
        break;
    case TYPE_F64:
        bits = peer_little(c, 8);
        memcpy(&v, &bits, 8);
        memcpy(&r->q[i], &bits, 8);
        break;
    default: r->q[i] = (int64_t)peer_little(c, t->bytes);
    }
    if (!isfinite(v))
        c->bad = true;
    check_range(c, t, r->q[i]);
}

static void change(struct cursor *c, const struct type *t, struct peer_row *r, uint32_t i)
{
    if (t->kind > TYPE_STR) {
        cJSON *old = r->tree[i];
        r->tree[i] = peer_change(c, t, old);
        cJSON_Delete(old);
        return;
    }
    if (!t->is_delta) {
        absolute(c, t, r, i);
        return;
    }
    int64_t d = peer_sv(c);
    if (t->kind == TYPE_ANGLE) {
        if (d < -32768 || d > 32767)
            c->bad = true;
        r->q[i] = (r->q[i] + d + 65536) % 65536;
    } else {
        r->q[i] += d;
    }
    check_range(c, t, r->q[i]);
}

static bool same_key(const struct peer_row *a, const struct peer_row *b)
{
    return a->number == b->number && strcmp(a->text, b->text) == 0;
}

static void row_fini(struct peer_row *r)
{
    for (int i = 0; i < 32; i++)
        cJSON_Delete(r->tree[i]);
    *r = (struct peer_row){0};
}

static void enter(struct cursor *c, const struct record *record, struct peer_facet *f,
                  uint32_t id)
{
    bool fields[256];

    if (id >= MAX_SLOTS || (record->keys == KEY_NONE && *record->name == 0 && id > 0) ||
        (id < f->n && f->rows[id].held)) {
        c->bad = true;
        return;
    }
    if (id >= f->n) {
        f->rows = realloc(f->rows, (id + 1) * sizeof *f->rows);
        memset(f->rows + f->n, 0, (id + 1 - f->n) * sizeof *f->rows);
        f->n = id + 1;
    }
    struct peer_row *r = &f->rows[id];
    row_fini(r);
    if (record->keys == KEY_PLAYER)
        r->number = peer_uv(c);
    else if (record->keys == KEY_INT)
        r->number = peer_sv(c);
    else if (record->keys == KEY_STR)
        text(c, 255, r->text);
    if (r->number < INT32_MIN || (record->keys == KEY_INT && r->number > INT32_MAX))
        c->bad = true;
    for (uint32_t i = 0; i < f->n && record->keys != KEY_NONE; i++)
        if (f->rows[i].held && same_key(&f->rows[i], r))
            c->bad = true;
    r->held = true;
    peer_mask(c, record->n_fields, fields);
    for (uint32_t i = 0; i < record->n_fields && !c->bad; i++) {
        const struct field *field = &record->fields[i];
        if (field->type.kind > TYPE_STR)
            r->tree[i] = tree_of_cell(&field->type, field->preset);
        if (fields[i])
            absolute(c, &field->type, r, i);
        else if (field->type.kind > TYPE_STR)
            continue;
        else if (field->type.kind != TYPE_STR)
            r->q[i] = field->preset.q;
        else if (field->preset.text)
            memcpy(r->str[i], field->preset.text->bytes, field->preset.text->len);
    }
}

static void item(struct cursor *c, const struct record *record, struct peer_facet *f,
                 unsigned run, uint32_t id)
{
    bool fields[256], any = false;

    if (run == 4) {
        enter(c, record, f, id);
        return;
    }
    if (id >= f->n || !f->rows[id].held) {
        c->bad = true;
        return;
    }
    if (run == 2) {
        f->rows[id].held = false;
        return;
    }
    peer_mask(c, record->n_fields, fields);
    for (uint32_t i = 0; i < record->n_fields && !c->bad; i++) {
        any |= fields[i];
        if (fields[i] && run == 8)
            absolute(c, &record->fields[i].type, &f->rows[id], i);
        else if (fields[i])
            change(c, &record->fields[i].type, &f->rows[id], i);
    }
    c->bad |= !any;
}

/* The owner's part of a row that is no more goes with it. */
static void drop_parts(struct peer *p, uint32_t facet)
{
    struct peer_facet *all = &p->facets[facet], *own = all + 1;

    if (facet + 1 >= p->schema->n_facets || !p->schema->facets[facet + 1].is_owners)
        return;
    for (uint32_t s = 0; s < own->n; s++)
        if (s >= all->n || !all->rows[s].held)
            own->rows[s].held = false;
}

/* In a resume: rows that are not listed are dropped. */
static void keep(struct cursor *c, struct peer_facet *f)
{
    bool kept[MAX_SLOTS] = {false};
    int64_t id = -1;

    for (uint32_t n = peer_uv(c); n > 0 && !c->bad; n--) {
        id += 1 + (int64_t)peer_uv(c);
        if (id >= f->n || !f->rows[id].held)
            c->bad = true;
        else
            kept[id] = true;
    }
    for (uint32_t i = 0; i < f->n; i++)
        f->rows[i].held &= kept[i];
}

static void section(struct cursor *c, struct peer *p, uint32_t facet, bool is_resume)
{
    const struct facet *what = &p->schema->facets[facet];
    unsigned runs = (unsigned)peer_little(c, 1);
    unsigned may = what->is_owners ? 28u : is_resume && facet > 0 ? 31u : 30u;

    if (runs == 0 || runs & ~may)
        c->bad = true;
    if (runs & 1 && !c->bad) {
        p->n_keeps++;
        keep(c, &p->facets[facet]);
    }
    for (unsigned run = 2; run <= 16 && !c->bad; run *= 2) {
        int64_t id = -1;
        if (run == 4)
            drop_parts(p, facet);
        if (!(runs & run))
            continue;
        p->n_sets += run == 8;
        p->n_updates += run == 16;
        uint32_t n = peer_uv(c);
        c->bad |= n == 0;
        for (; n > 0 && !c->bad; n--) {
            id += 1 + (int64_t)peer_uv(c);
            const struct peer_facet *all = &p->facets[facet - what->is_owners];
            if (id > UINT32_MAX ||
                (what->is_owners && (id >= all->n || !all->rows[id].held)))
                c->bad = true;
            else
                item(c, &what->part, &p->facets[facet], run, (uint32_t)id);
        }
    }
}

static void record(struct cursor *c, struct peer *p)
{
    unsigned type = (unsigned)peer_little(c, 1), flags = (unsigned)peer_little(c, 1);
    bool is_resume = type == 4 && flags == 2;

    if ((flags != 0 && !is_resume) || (type != 3 && type != 4) ||
        (type == 4 && !p->has_state)) {
        c->bad = true;
        return;
    }
    if (type == 3) {
        p->tick = peer_uv(c);
        for (uint32_t i = 0; i < p->schema->n_facets; i++)
            for (uint32_t s = 0; s < p->facets[i].n; s++)
                p->facets[i].rows[s].held = false;
    } else {
        uint64_t low = peer_little(c, 2);
        p->tick += peer_uv(c);
        c->bad |= (p->tick & 0xffff) != low;
    }
    for (uint32_t last = 0, facet; (facet = peer_uv(c)) != 0 && !c->bad; last = facet) {
        if (facet <= last || facet > p->schema->n_facets)
            c->bad = true;
        else
            section(c, p, facet - 1, is_resume);
    }
    p->has_state = true;
    if (c->at != c->end || p->facets[0].n == 0 || !p->facets[0].rows[0].held)
        c->bad = true;
}

void peer_init(struct peer *p, struct schema *s)
{
    *p = (struct peer){.schema = s};
    p->facets = calloc(s->n_facets, sizeof *p->facets);
}

void peer_fini(struct peer *p)
{
    for (uint32_t i = 0; i < p->schema->n_facets; i++) {
        for (uint32_t s = 0; s < p->facets[i].n; s++)
            row_fini(&p->facets[i].rows[s]);
        free(p->facets[i].rows);
    }
    free(p->facets);
}

bool peer_apply(struct peer *p, const uint8_t *bytes, size_t len)
{
    struct cursor c = {bytes, bytes + len, false};
    struct peer copy = *p;

    copy.facets = calloc(p->schema->n_facets, sizeof *copy.facets);
    for (uint32_t i = 0; i < p->schema->n_facets; i++) {
        size_t size = p->facets[i].n * sizeof(struct peer_row);
        copy.facets[i] = p->facets[i];
        copy.facets[i].rows = size ? malloc(size) : NULL;
        if (size)
            memcpy(copy.facets[i].rows, p->facets[i].rows, size);
        for (uint32_t k = 0; k < p->facets[i].n * 32; k++) {
            cJSON **tree = &copy.facets[i].rows[k / 32].tree[k % 32];
            *tree = cJSON_Duplicate(*tree, true);
        }
    }
    record(&c, &copy);
    struct peer old = *p;
    if (!c.bad)
        *p = copy;
    peer_fini(c.bad ? &copy : &old);
    return !c.bad;
}

static bool row_equals(const struct peer_row *a, const struct row *b,
                       const struct record *record)
{
    if (record->keys == KEY_STR
            ? strlen(a->text) != b->key.text->len ||
                  memcmp(a->text, b->key.text->bytes, b->key.text->len) != 0
            : a->number != b->key.number)
        return false;
    for (uint32_t i = 0; i < record->n_fields; i++) {
        union cell c = b->now[i];
        if (record->fields[i].type.kind > TYPE_STR) {
            cJSON *tree = tree_of_cell(&record->fields[i].type, c);
            bool same = json_equal(a->tree[i], tree);
            cJSON_Delete(tree);
            if (!same)
                return false;
        } else if (record->fields[i].type.kind != TYPE_STR) {
            if (a->q[i] != c.q)
                return false;
        } else if (strlen(a->str[i]) != (c.text ? c.text->len : 0) ||
                   (c.text && memcmp(a->str[i], c.text->bytes, c.text->len) != 0)) {
            return false;
        }
    }
    return true;
}

bool peer_equals(const struct peer *p, const struct image *img)
{
    for (uint32_t i = 0; i < img->schema->n_tables; i++) {
        const struct peer_facet *a = &p->facets[i];
        const struct table *b = &img->tables[i];
        for (uint32_t s = 0; s < a->n || s < b->cap; s++) {
            const struct row *row = s < b->cap ? b->rows[s] : NULL;
            bool held = s < a->n && a->rows[s].held;
            if (held != (row != NULL) || (held && !row_equals(&a->rows[s], row, b->record)))
                return false;
        }
    }
    return p->tick == img->at;
}

static cJSON *json_of_field(const struct type *t, const struct peer_row *r, uint32_t i)
{
    if (t->kind > TYPE_STR)
        return cJSON_Duplicate(r->tree[i], true);
    return t->kind == TYPE_STR ? cJSON_CreateString(r->str[i])
                               : json_of_cell(t, (union cell){.q = r->q[i]});
}

static void add_part(cJSON *to, const struct facet *f, const struct peer_row *r)
{
    for (uint32_t i = 0; i < f->part.n_fields; i++)
        tree_set(to, f->part.fields[i].path, json_of_field(&f->part.fields[i].type, r, i));
}

cJSON *peer_tree(const struct peer *p)
{
    cJSON *root = cJSON_CreateObject(), *map = NULL;

    add_part(root, &p->schema->facets[0], &p->facets[0].rows[0]);
    for (uint32_t i = 1; i < p->schema->n_facets; i++) {
        const struct facet *f = &p->schema->facets[i];
        const struct peer_facet *all = &p->facets[i - f->is_owners];
        if (!f->is_owners)
            map = cJSON_AddObjectToObject(root, f->part.name);
        for (uint32_t s = 0; s < p->facets[i].n; s++) {
            char key[300];
            if (!p->facets[i].rows[s].held)
                continue;
            if (*all->rows[s].text)
                snprintf(key, sizeof key, "%s", all->rows[s].text);
            else
                snprintf(key, sizeof key, "%" PRId64, all->rows[s].number);
            cJSON *row = cJSON_GetObjectItemCaseSensitive(map, key);
            add_part(row ? row : cJSON_AddObjectToObject(map, key), f,
                     &p->facets[i].rows[s]);
        }
    }
    return root;
}

static bool is_leaf(const struct record *record, const char *path)
{
    for (uint32_t i = 0; i < record->n_fields; i++)
        if (strcmp(record->fields[i].path, path) == 0)
            return true;
    return false;
}

/* Members of `from` replace those of `to`, nested records are merged. `at` is the
 * path of both in their record: "" or "pos.". */
static bool merge(cJSON *to, const cJSON *from, const struct record *record, const char *at)
{
    const cJSON *member;
    char path[300];
    bool fits = true;

    cJSON_ArrayForEach(member, from)
    {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(to, member->string);
        snprintf(path, sizeof path, "%s%s", at, member->string);
        if (!old) {
            fits = false; /* every field is there from the start */
        } else if (is_leaf(record, path)) {
            cJSON_ReplaceItemInObjectCaseSensitive(to, member->string,
                                                   cJSON_Duplicate(member, true));
        } else {
            strcat(path, ".");
            fits &= cJSON_IsObject(old) && cJSON_IsObject(member) &&
                    merge(old, member, record, path);
        }
    }
    return fits;
}

/* All other rows are dropped. */
static bool keep_keys(cJSON *map, const cJSON *keys)
{
    const cJSON *key;
    bool fits = true;

    for (cJSON *row = map->child, *next; row; row = next) {
        bool is_kept = false;
        next = row->next;
        cJSON_ArrayForEach(key, keys) is_kept |= strcmp(key->valuestring, row->string) == 0;
        if (!is_kept)
            cJSON_Delete(cJSON_DetachItemViaPointer(map, row));
    }
    cJSON_ArrayForEach(key, keys) fits &= cJSON_HasObjectItem(map, key->valuestring);
    return fits;
}

static bool merge_map(cJSON *map, const cJSON *changes, const struct record *record)
{
    const cJSON *part, *key, *row;
    bool fits = true;

    cJSON_ArrayForEach(part, changes)
    {
        if (strcmp(part->string, "=") == 0) {
            fits &= keep_keys(map, part);
        } else if (strcmp(part->string, "-") == 0) {
            cJSON_ArrayForEach(key, part)
            {
                fits &= cJSON_HasObjectItem(map, key->valuestring);
                cJSON_DeleteItemFromObjectCaseSensitive(map, key->valuestring);
            }
        } else if (strcmp(part->string, "+") == 0) {
            cJSON_ArrayForEach(row, part)
            {
                fits &= !cJSON_GetObjectItemCaseSensitive(map, row->string);
                cJSON_AddItemToObject(map, row->string, cJSON_Duplicate(row, true));
            }
        } else {
            fits &= strcmp(part->string, "~") == 0;
            cJSON_ArrayForEach(row, part)
            {
                cJSON *old = cJSON_GetObjectItemCaseSensitive(map, row->string);
                fits &= old && merge(old, row, record, "");
            }
        }
    }
    return fits;
}

bool peer_apply_json(const struct schema *s, cJSON **state, uint32_t *tick, const cJSON *j)
{
    const cJSON *member, *t = cJSON_GetObjectItemCaseSensitive(j, "t");
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(j, "tick");
    const cJSON *base = cJSON_GetObjectItemCaseSensitive(j, "base");
    cJSON *root = cJSON_CreateObject();
    bool fits = true;

    if (!cJSON_IsString(t) || !cJSON_IsNumber(at)) {
        fits = false;
    } else if (strcmp(t->valuestring, "snapshot") == 0) {
        cJSON_Delete(*state);
        *state = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(j, "state"), true);
        *tick = (uint32_t)at->valuedouble;
        fits = *state != NULL;
    } else if (strcmp(t->valuestring, "delta") != 0 || !base ||
               *tick != (uint32_t)base->valuedouble) {
        fits = false;
    } else {
        *tick = (uint32_t)at->valuedouble;
        cJSON_ArrayForEach(member, j)
        {
            int table = schema_find_table(s, member->string, strlen(member->string));
            cJSON *old = cJSON_GetObjectItemCaseSensitive(*state, member->string);
            if (member == t || member == at || member == base)
                continue;
            if (table > 0)
                fits &= old && merge_map(old, member, &s->tables[table]);
            else
                cJSON_AddItemReferenceToObject(root, member->string, (cJSON *)member);
        }
        fits &= merge(*state, root, &s->tables[0], "");
    }
    cJSON_Delete(root);
    return fits;
}
