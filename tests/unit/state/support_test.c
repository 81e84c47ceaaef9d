/* SPDX-License-Identifier: MIT */
#include "peer_value.h"
#include "support.h"
#include <inttypes.h>
#include <stdlib.h>

cJSON *vectors_load(const char *name)
{
    char path[512];
    struct buf text;

    snprintf(path, sizeof path, "%s/%s", VECTORS_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(&text, 0);
    for (;;) {
        uint8_t *at = buf_reserve(&text, 65536);
        assert_non_null(at);
        size_t n = fread(at, 1, 65536, f);
        buf_added(&text, n);
        if (n == 0)
            break;
    }
    fclose(f);
    cJSON *v = cJSON_ParseWithLength((char *)text.data, text.len);
    buf_fini(&text);
    assert_non_null(v);
    return v;
}

const cJSON *vector_at(const cJSON *object, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_non_null(v);
    return v;
}

const char *vector_text(const cJSON *object, const char *key)
{
    const cJSON *v = vector_at(object, key);

    assert_true(cJSON_IsString(v));
    return v->valuestring;
}

size_t bytes_of_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= size && strlen(hex) % 2 == 0);
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        char *end;
        out[i] = (uint8_t)strtoul(two, &end, 16);
        assert_true(*end == '\0');
    }
    return n;
}

void check_hex(const struct buf *b, const char *hex)
{
    char *got = malloc(b->len * 2 + 1);

    assert_non_null(got);
    assert_false(b->failed);
    for (size_t i = 0; i < b->len; i++)
        snprintf(got + 2 * i, 3, "%02x", b->data[i]);
    got[b->len * 2] = '\0';
    CHECK_STR(got, hex);
    free(got);
}

struct schema *schema_of(const char *json)
{
    struct schema *s;
    struct err e = {0};

    if (schema_parse(&s, json, strlen(json), &e) < 0)
        fail_msg("%s", e.text);
    return s;
}

struct schema *schema_of_type(const cJSON *type)
{
    char *text = cJSON_PrintUnformatted(type), *json = NULL;

    assert_true(asprintf(&json, "{\"state\":{\"fields\":[[\"v\",%s]]}}", text) > 0);
    struct schema *s = schema_of(json);
    free(text);
    free(json);
    return s;
}

enum type_result cell_of_json(const struct type *t, const cJSON *v, union cell *out)
{
    if (cJSON_IsBool(v))
        return type_from_bool(t, cJSON_IsTrue(v), out);
    if (cJSON_IsNumber(v))
        return type_from_number(t, v->valuedouble, out);
    if (cJSON_IsString(v))
        return type_from_text(t, v->valuestring, strlen(v->valuestring), out);
    return TYPE_ERR_KIND;
}

static cJSON *base64_of_hex(const char *hex)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[1024];
    size_t n = bytes_of_hex(hex, bytes, sizeof bytes);
    char text[1400], *at = text;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        for (int k = 0; k < 4; k++)
            *at++ = i + (size_t)k > n ? '=' : digits[three >> (18 - 6 * k) & 63];
    }
    *at = 0;
    return cJSON_CreateString(text);
}

/* The peer's tree of quanta as the values that they stand for. */
static cJSON *json_of_tree(const struct type *t, const cJSON *v)
{
    cJSON *all;
    int i = 0;

    if (t->kind == TYPE_ANY || t->kind == TYPE_STR || t->kind == TYPE_TEXT ||
        (t->kind == TYPE_OPT && cJSON_IsNull(v)))
        return cJSON_Duplicate(v, true);
    if (t->kind == TYPE_BYTES)
        return base64_of_hex(v->valuestring);
    if (t->kind == TYPE_OPT)
        return json_of_tree(t->item, v);
    if (t->kind == TYPE_F32 || t->kind == TYPE_F64)
        return cJSON_CreateNumber(v->valuedouble);
    if (t->kind < TYPE_STR)
        return json_of_cell(t, (union cell){.q = (int64_t)v->valuedouble});
    all = t->kind == TYPE_LIST ? cJSON_CreateArray() : cJSON_CreateObject();
    for (const cJSON *item = v->child; item; item = item->next, i++) {
        if (t->kind == TYPE_RECORD)
            tree_set(all, item->string, json_of_tree(&t->fields[i].type, item));
        else if (t->kind == TYPE_MAP)
            cJSON_AddItemToObject(all, item->string, json_of_tree(t->item, item));
        else
            cJSON_AddItemToArray(all, json_of_tree(t->item, item));
    }
    return all;
}

cJSON *tree_of_cell(const struct type *t, union cell cell)
{
    struct buf out;

    buf_init(&out, 0);
    type_put(t, cell, &out);
    struct cursor c = {out.data, out.data + out.len, false};
    cJSON *tree = peer_value(&c, t);
    CHECK(!c.bad && c.at == c.end);
    buf_fini(&out);
    return tree;
}

cJSON *json_of_cell(const struct type *t, union cell c)
{
    char text[65536];

    if (t->kind > TYPE_STR) {
        cJSON *tree = tree_of_cell(t, c), *v = json_of_tree(t, tree);
        cJSON_Delete(tree);
        return v;
    }
    switch (t->kind) {
    case TYPE_BOOL: return cJSON_CreateBool(c.q != 0);
    case TYPE_ENUM: return cJSON_CreateString(t->names[c.q]);
    case TYPE_STR:
        snprintf(text, sizeof text, "%.*s", c.text ? (int)c.text->len : 0,
                 c.text ? (char *)c.text->bytes : "");
        return cJSON_CreateString(text);
    default: return cJSON_CreateNumber(type_to_number(t, c));
    }
}

void tree_set(cJSON *tree, const char *path, cJSON *leaf)
{
    char name[80];
    size_t len;

    while (path[len = strcspn(path, ".")] == '.') {
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        cJSON *next = cJSON_GetObjectItemCaseSensitive(tree, name);
        tree = next ? next : cJSON_AddObjectToObject(tree, name);
        path += len + 1;
    }
    cJSON_AddItemToObject(tree, path, leaf);
}

static void add_fields(cJSON *to, const struct record *record, const struct row *r,
                       bool is_owner)
{
    for (uint32_t i = 0; i < record->n_fields; i++)
        if (record->fields[i].to == TO_ALL ||
            (record->fields[i].to == TO_OWNER && is_owner))
            tree_set(to, record->fields[i].path,
                     json_of_cell(&record->fields[i].type, r->now[i]));
}

cJSON *json_of_image(const struct image *img)
{
    return json_of_sight(img, 0, NULL);
}

cJSON *json_of_sight(const struct image *img, uint32_t player, const struct bits *seen)
{
    cJSON *root = cJSON_CreateObject();

    add_fields(root, img->tables[0].record, img->tables[0].rows[0], false);
    for (uint32_t i = 1; i < img->schema->n_tables; i++) {
        const struct table *f = &img->tables[i];
        if (f->record->is_hidden)
            continue;
        cJSON *map = cJSON_AddObjectToObject(root, f->record->name);
        for (uint32_t s = 0; s < f->cap; s++) {
            char key[300];
            if (!f->rows[s] || (seen && !bits_has(&seen[i], s)))
                continue;
            if (f->record->keys == KEY_STR)
                snprintf(key, sizeof key, "%.*s", (int)f->rows[s]->key.text->len,
                         (char *)f->rows[s]->key.text->bytes);
            else
                snprintf(key, sizeof key, "%" PRId64, f->rows[s]->key.number);
            add_fields(cJSON_AddObjectToObject(map, key), f->record, f->rows[s],
                       f->record->keys == KEY_PLAYER && player &&
                           f->rows[s]->key.number == player);
        }
    }
    return root;
}

/* cJSON_Compare() lets doubles differ by a little. */
bool json_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *item, *other;

    if (!a || !b || (a->type & 0xff) != (b->type & 0xff))
        return false;
    if (cJSON_IsNumber(a))
        return a->valuedouble == b->valuedouble;
    if (cJSON_IsString(a))
        return strcmp(a->valuestring, b->valuestring) == 0;
    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    other = b->child;
    cJSON_ArrayForEach(item, a)
    {
        if (cJSON_IsObject(a))
            other = cJSON_GetObjectItemCaseSensitive(b, item->string);
        if (!json_equal(item, other))
            return false;
        other = other->next;
    }
    return true;
}
