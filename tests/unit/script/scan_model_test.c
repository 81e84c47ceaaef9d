/* SPDX-License-Identifier: MIT */
/*
 * Random scripts against a model: after every scan the image must hold what the
 * tables hold, read here through the C API and without scan.lua, but for values
 * that do not fit: there the last good one, or the default of a row that is new.
 */
#include "plain.h"
#include "rig.h"
#include <lauxlib.h>
#include <luajit.h>
#include <math.h>
#include <stdlib.h>

#include "base/rnd.h"

enum { N_KEYS = 9, MAX_FIELDS = 80, MAX_ROWS = 64, N_MAPS = 3 };

/* What the image must hold for one map. */
struct model_row {
    bool is_there;
    char key[24];
    union cell cells[MAX_FIELDS];
};

struct model {
    int tables[N_MAPS]; /* references to what stood for the maps after the last scan */
    union cell root[MAX_FIELDS];
    struct model_row rows[N_MAPS][MAX_ROWS];
};

/* Wide has more than 63 fields, so its mask needs three words; `n` has 40. */
static void write_game(char *text, size_t size, bool small)
{
    size_t at = (size_t)snprintf(
        text, size,
        "local parlor = require 'parlor'\nlocal s = parlor.schema\nlocal function wide(n, "
        "i)\n"
        "  local t = {}\n  for i = 1, n do t['f' .. i] = s.u8 {default = i %% 3} end\n"
        "  t.inner = {a = s.str(3), deep = {b = s.bool, c = s.fixed {min = -1, max = 1, "
        "step = 0.25}}}\n"
        "  t.bag = s.list(s.u8, {max = 6})  t.doc = s.any(200)  t.note = s.opt(s.str(3))\n"
        "  t.log = s.text(12)  t.tags = s.map(s.i8, {keys = i and 'integer' or 'string'})\n"
        "  t.deep = s.list({n = s.u8 {default = 4}, o = s.opt {x = s.angle}, "
        "tags = s.map(s.list(s.bool), {keys = 'player', max = 3})})\n  return t\nend\n"
        "local st = wide(%d)\nst.m1 = s.map(wide(%d))\nst.m2 = s.map(wide(%d, true), {keys "
        "= "
        "'integer'})\nst.m3 = s.map(wide(%d), {keys = 'string'})\n"
        "local g = parlor.game {state = st}\n",
        small ? 1 : 40, small ? 2 : 70, small ? 23 : 24, small ? 1 : 3);
    snprintf(text + at, size - at,
             "function g:message(player, name, code)\n"
             "  return assert(load('local room, player = ... ' .. code, "
             "'@pond/run.lua'))(self)\n"
             "end\nreturn g\n");
}

static uint32_t pick(struct rnd *rnd, uint32_t n)
{
    return (uint32_t)rnd_range(rnd, 0, n - 1);
}

static const char *random_key(struct rnd *rnd, uint32_t map, char *out, size_t size)
{
    static const char *const junk[] = {"-5", "'x'",  "1.5", "true",
                                       "{}", "2^40", "''",  "print"};
    uint32_t k = pick(rnd, N_KEYS);

    if (pick(rnd, 12) == 0)
        snprintf(out, size, "%s", junk[pick(rnd, 8)]);
    else if (map == 2)
        snprintf(out, size, "'k%u'", k);
    else
        snprintf(out, size, "%d", map == 1 ? (int)k - 4 : (int)k + 1);
    return out;
}

static const char *random_value(struct rnd *rnd)
{
    static const char *const values[] = {
        "0",       "1",    "2",     "200",   "255",  "256",   "-1",     "0.5",
        "0/0",     "1/0",  "nil",   "{}",    "'a'",  "'abc'", "'abcd'", "''",
        "'\\255'", "true", "false", "-0.75", "0.3",  "print", "3LL",    "7",
        "9",       "11",   "13",    "true",  "'xy'", "0.25",  "5",
    };

    return values[pick(rnd, sizeof values / sizeof *values)];
}

static const char *random_field(struct rnd *rnd, uint32_t n, char *out, size_t size)
{
    static const char *const nested[] = {"inner", "inner.a", "inner.deep", "inner.deep.b",
                                         "inner.deep.c"};

    if (pick(rnd, 3) == 0)
        snprintf(out, size, "%s", nested[pick(rnd, 5)]);
    else
        snprintf(out, size, "f%u", 1 + pick(rnd, n));
    return out;
}

/* One statement about a value that is a table. */
static void random_composed(struct rnd *rnd, uint32_t map, char *out, size_t size)
{
    static const char *const steps[] = {
        "r.bag = {1, 2, 3}",
        "r.bag[#r.bag + 1] = V",
        "table.insert(r.bag, 1, 9)",
        "table.remove(r.bag, 1)",
        "r.bag[2] = V",
        "r.bag[0] = 1",
        "r.bag[0] = nil",
        "r.bag[9] = V",
        "r.bag.x = V",
        "r.bag = V",
        "local b = {} for i = #r.bag, 1, -1 do b[i] = r.bag[i] end r.bag = b",
        "for i = 1, 7 do r.bag[i] = nil end",
        "r.bag = {7, nil, 8}",
        "r.note = V",
        "r.log = 'a' .. r.log",
        "r.log = V",
        "r.doc = {a = {1, 2, {b = V}}, z = 'end'}",
        "r.doc.a[2] = V",
        "r.doc.a[3].b = V",
        "r.doc.a = {1, 2, {b = 5}}",
        "r.doc.a[#r.doc.a + 1] = V",
        "r.doc.z = V",
        "r.doc = V",
        "r.doc[1] = V",
        "r.doc['1'] = V",
        "r.doc = {V, V}",
        "r.doc.me = r.doc",
        "r.doc = {{{}}} for i = 1, 20 do r.doc = {r.doc} end",
        "r.doc = r.deep",
        "r.doc = {n = ('x'):rep(V)}",
        "r.tags.a = V",
        "r.tags[5] = V",
        "r.tags[-3] = 3",
        "r.tags.b = 7",
        "r.tags = {a = 1, b = 2}",
        "r.tags = {[5] = 5, [10] = V, [-1] = 1}",
        "r.tags = V",
        "r.tags.a = nil r.tags[5] = nil",
        "r.deep[1] = {n = V}",
        "r.deep[2] = {n = 1, tags = {[7] = {true, V}}}",
        "r.deep[1].n = V",
        "r.deep[1].o = {x = V}",
        "r.deep[1].o.x = V",
        "r.deep[2].tags[7][1] = V",
        "r.deep[2].tags = {[3] = {}, [1] = {false}}",
        "r.deep = {{n = 200}, {}, {n = 3}}",
        "table.sort(r.deep, function(a, b) return (a.n or 0) > (b.n or 0) end)",
        "r.deep[1], r.deep[2] = r.deep[2], r.deep[1]",
        "r.deep[1] = r.deep[2]",
        "r.deep = V",
    };
    const char *step = steps[pick(rnd, sizeof steps / sizeof *steps)], *value;
    size_t at = pick(rnd, 6) ? (size_t)snprintf(out, size,
                                                "local k = next(S.m%u) local r = S.m%u[k] ",
                                                map + 1, map + 1)
                             : (size_t)snprintf(out, size, "local r = S ");

    while ((value = strchr(step, 'V'))) {
        at += (size_t)snprintf(out + at, size - at, "%.*s%s", (int)(value - step), step,
                               random_value(rnd));
        step = value + 1;
    }
    snprintf(out + at, size - at, "%s", step);
}

/* One statement that changes something, right or wrong. Errors are part of it. */
static void random_step(struct rnd *rnd, char *out, size_t size)
{
    char key[24], field[24], other[24];
    uint32_t map = pick(rnd, N_MAPS);

    random_key(rnd, map, key, sizeof key);
    random_field(rnd, 5, field, sizeof field);
    random_field(rnd, 70, other, sizeof other);
    if (pick(rnd, 2) == 0) {
        random_composed(rnd, map, out, size);
        return;
    }
    switch (pick(rnd, 16)) {
    case 0:
    case 1:
    case 2:
        snprintf(out, size, "S.m%u[%s] = {f1 = %s, f2 = %s}", map + 1, key, "3",
                 pick(rnd, 4) ? "4" : random_value(rnd));
        break;
    case 3:
    case 4: snprintf(out, size, "S.m%u[%s] = nil", map + 1, key); break;
    case 5:
        snprintf(out, size, "rawset(S.m%u, %s, %s)", map + 1, key,
                 pick(rnd, 2) ? "{f1 = 300, f2 = 1, inner = 5}" : random_value(rnd));
        break;
    case 6: snprintf(out, size, "S.%s = %s", other, random_value(rnd)); break;
    case 7:
        snprintf(out, size, "S.m%u = %s", map + 1,
                 pick(rnd, 2) ? "{[1] = {f1 = 8}, [2] = {f1 = 'no'}, k1 = {}, k2 = 7}"
                              : random_value(rnd));
        break;
    case 8: snprintf(out, size, "S.m%u = S.m%u", map + 1, 1 + pick(rnd, N_MAPS)); break;
    case 9:
        snprintf(out, size, "local r = S.m%u[%s] S.m%u[%s] = nil S.m%u[%s] = r or {f1 = 6}",
                 map + 1, key, map + 1, key, map + 1, key);
        break;
    case 10:
        snprintf(out, size, "S.m%u[%s] = S.m%u[%s]", map + 1, key, 1 + pick(rnd, N_MAPS),
                 key);
        break;
    case 11:
        snprintf(out, size,
                 "local t = {} for k, v in pairs(S) do t[k] = v end room.state = t "
                 "S = t");
        break;
    default:
        snprintf(out, size, "local k = next(S.m%u) if k then S.m%u[k].%s = %s end", map + 1,
                 map + 1, pick(rnd, 2) ? field : other, random_value(rnd));
    }
}

/* Take the value at the top of the stack into a cell that holds the last good one. */
static void model_cell(lua_State *L, const struct field *f, union cell *cell)
{
    union cell fresh;
    struct buf wire;

    if (type_is_composed(&f->type) && !lua_isnil(L, -1)) {
        buf_init(&wire, 0);
        if (plain_read(L, lua_gettop(L), &f->type, &wire)) {
            type_release(&f->type, cell);
            CHECK_EQ(type_from_wire(&f->type, wire.data, wire.len, cell), TYPE_OK);
        }
        buf_fini(&wire);
        return;
    }
    if (lua_isnil(L, -1)) {
        type_release(&f->type, cell);
        *cell = type_copy(&f->type, f->preset);
        return;
    }
    enum type_result r = TYPE_ERR_KIND;
    size_t len;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        r = type_from_number(&f->type, lua_tonumber(L, -1), &fresh);
    } else if (lua_type(L, -1) == LUA_TBOOLEAN) {
        r = type_from_bool(&f->type, lua_toboolean(L, -1), &fresh);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &len);
        r = type_from_text(&f->type, text, len, &fresh);
    }
    if (r == TYPE_OK) {
        type_release(&f->type, cell);
        *cell = fresh;
    }
}

/* Push the value at "a.b.c" of the table at the top; a step that is no table
 * counts as absent, because the scan puts the defaults there. */
static void push_path(lua_State *L, const char *path)
{
    char copy[64], *at = copy, *name;

    snprintf(copy, sizeof copy, "%s", path);
    lua_pushvalue(L, -1);
    while ((name = strsep(&at, "."))) {
        if (!lua_istable(L, -1)) {
            lua_pop(L, 1);
            lua_pushnil(L);
            return;
        }
        lua_pushstring(L, name);
        lua_rawget(L, -2);
        lua_remove(L, -2);
    }
}

static void model_record(lua_State *L, const struct record *record, union cell *cells)
{
    for (uint32_t i = 0; i < record->n_fields; i++) {
        push_path(L, record->fields[i].path);
        model_cell(L, &record->fields[i], &cells[i]);
        lua_pop(L, 1);
    }
}

static void release_row(const struct record *record, struct model_row *row)
{
    for (uint32_t i = 0; row->is_there && i < record->n_fields; i++)
        type_release(&record->fields[i].type, &row->cells[i]);
    row->is_there = false;
}

/* "7" or "k1" where the key is one of this map, else false. */
static bool key_of(lua_State *L, int index, const struct record *record, char *out,
                   size_t size)
{
    bool is_number = lua_type(L, index) == LUA_TNUMBER;
    double v = lua_tonumber(L, index);

    if (record->keys == KEY_STR) {
        if (lua_type(L, index) != LUA_TSTRING || lua_objlen(L, index) == 0)
            return false;
        snprintf(out, size, "%s", lua_tostring(L, index));
        return true;
    }
    snprintf(out, size, "%.0f", v);
    return is_number && v == floor(v) && fabs(v) < 1e9 &&
           (record->keys == KEY_INT || v >= 1);
}

static struct model_row *find_row(struct model_row *rows, const char *key)
{
    struct model_row *spare = NULL;

    for (int i = 0; i < MAX_ROWS; i++) {
        if (rows[i].is_there && strcmp(rows[i].key, key) == 0)
            return &rows[i];
        if (!rows[i].is_there && !spare)
            spare = &rows[i];
    }
    CHECK(spare);
    return spare;
}

/* The map whose table is at the top of the stack; no table: the last one is back,
 * with what a script may have changed in it meanwhile. */
static void model_map(lua_State *L, const struct record *record, struct model_row *rows,
                      int table)
{
    bool seen[MAX_ROWS] = {false};
    char key[24];

    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_rawgeti(L, LUA_REGISTRYINDEX, table);
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (!key_of(L, -2, record, key, sizeof key))
            continue;
        struct model_row *row = find_row(rows, key);
        if (!row->is_there && !lua_istable(L, -1))
            continue;
        if (!row->is_there) {
            row->is_there = true;
            strcpy(row->key, key);
            for (uint32_t i = 0; i < record->n_fields; i++)
                row->cells[i] =
                    type_copy(&record->fields[i].type, record->fields[i].preset);
        }
        seen[row - rows] = true;
        if (lua_istable(L, -1))
            model_record(L, record, row->cells);
    }
    for (int i = 0; i < MAX_ROWS; i++)
        if (!seen[i])
            release_row(record, &rows[i]);
    lua_pop(L, 1);
}

static void check_record(const struct record *record, const struct row *row,
                         const union cell *cells, const char *what)
{
    for (uint32_t i = 0; i < record->n_fields; i++)
        if (!type_equal(&record->fields[i].type, row->now[i], cells[i]))
            fail_msg("%s: %s[%s].%s is other than the model's", what, record->name,
                     record->keys == KEY_NONE ? "" : "…", record->fields[i].path);
}

static void check_map(const struct image *image, uint32_t f, struct model_row *rows,
                      const char *what)
{
    const struct table *table = &image->tables[f];
    uint32_t n_rows = 0, n_model = 0;
    char key[24];

    for (uint32_t slot = 0; slot < table->cap; slot++) {
        if (!table->rows[slot])
            continue;
        const struct image_key *k = &table->rows[slot]->key;
        if (table->record->keys == KEY_STR)
            snprintf(key, sizeof key, "%.*s", (int)k->text->len,
                     (const char *)k->text->bytes);
        else
            snprintf(key, sizeof key, "%lld", (long long)k->number);
        struct model_row *row = find_row(rows, key);
        if (!row->is_there)
            fail_msg("%s: the image has %s[%s]", what, table->record->name, key);
        check_record(table->record, table->rows[slot], row->cells, what);
        n_rows++;
    }
    for (int i = 0; i < MAX_ROWS; i++)
        n_model += rows[i].is_there;
    if (n_rows != n_model)
        fail_msg("%s: %s has %u rows, the model %u", what, table->record->name, n_rows,
                 n_model);
}

static void push_state(struct rig *r)
{
    lua_rawgeti(r->vm->L, LUA_REGISTRYINDEX, r->room->room_ref);
    lua_pushliteral(r->vm->L, "state");
    lua_rawget(r->vm->L, -2);
    CHECK(lua_istable(r->vm->L, -1));
}

static void push_map(struct rig *r, uint32_t f)
{
    lua_pushstring(r->vm->L, r->vm->def->schema->tables[f].name);
    lua_rawget(r->vm->L, -2);
}

/* The room's tables before the scan, which repairs them, go into the model. */
static void take_tables(struct rig *r, struct model *m)
{
    const struct schema *schema = r->vm->def->schema;

    push_state(r);
    model_record(r->vm->L, &schema->tables[0], m->root);
    for (uint32_t f = 1; f < schema->n_tables; f++) {
        push_map(r, f);
        model_map(r->vm->L, &schema->tables[f], m->rows[f - 1], m->tables[f - 1]);
    }
    lua_pop(r->vm->L, 2);
}

static void hold_tables(struct rig *r, struct model *m)
{
    push_state(r);
    for (uint32_t f = 1; f <= N_MAPS; f++) {
        push_map(r, f);
        luaL_unref(r->vm->L, LUA_REGISTRYINDEX, m->tables[f - 1]);
        m->tables[f - 1] = luaL_ref(r->vm->L, LUA_REGISTRYINDEX);
    }
    lua_pop(r->vm->L, 2);
}

/* Every other seed is for the interpreter, which gives C a table. */
static void run_model(uint64_t seed, bool small, int n_scans)
{
    struct rig r = {0};
    struct model *m = calloc(1, sizeof *m);
    struct rnd rnd;
    char text[2048], code[512], what[64];

    rnd_seed(&rnd, seed);
    write_game(text, sizeof text, small);
    rig_open(&r, text);
    if (seed % 2 == 0)
        luaJIT_setmode(r.vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    const struct schema *schema = r.vm->def->schema;
    CHECK(schema->tables[1].n_words == (small ? 1 : 3));
    CHECK_EQ(schema->tables[2].n_fields, small ? 32 : 33);
    for (uint32_t i = 0; i < schema->tables[0].n_fields; i++)
        m->root[i] = type_copy(&schema->tables[0].fields[i].type,
                               schema->tables[0].fields[i].preset);
    for (int i = 0; i < N_MAPS; i++)
        m->tables[i] = LUA_NOREF;
    hold_tables(&r, m);
    rig_eval(&r, "S = room.state");
    for (int scan = 0; scan < n_scans; scan++) {
        snprintf(what, sizeof what, "seed %llu, scan %d", (unsigned long long)seed, scan);
        for (uint32_t n = pick(&rnd, 9); n > 0; n--) {
            random_step(&rnd, code, sizeof code);
            rig_eval(&r, code);
        }
        take_tables(&r, m);
        CHECK_EQ(script_scan(r.room), SCRIPT_DONE);
        check_record(&schema->tables[0], image_row(r.image, 0, 0), m->root, what);
        for (uint32_t f = 1; f < schema->n_tables; f++)
            check_map(r.image, f, m->rows[f - 1], what);
        hold_tables(&r, m);
        image_commit(r.image);
        image_begin(r.image, ++r.tick);
    }
    CHECK(r.n_errors > n_scans / 10); /* the wrong values were really tried */
    for (uint32_t i = 0; i < schema->tables[0].n_fields; i++)
        type_release(&schema->tables[0].fields[i].type, &m->root[i]);
    for (uint32_t f = 1; f < schema->n_tables; f++)
        for (int i = 0; i < MAX_ROWS; i++)
            release_row(&schema->tables[f], &m->rows[f - 1][i]);
    free(m);
    rig_close(&r);
}

TEST(scan_model_small, "whatever a script does, the image holds the last good values")
{
    for (uint64_t seed = 1; seed <= 6; seed++)
        run_model(seed, true, 150);
}

TEST(scan_model_wide, "the same with records of 33, 43 and more than 63 fields")
{
    for (uint64_t seed = 11; seed <= 16; seed++)
        run_model(seed, false, 150);
}
