/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/json_out.h"
#include "proto/record.h"
#include "state/payload.h"

static void note_event(struct rig *r, const struct script_event *ev)
{
    const struct record *record = ev->id < 0 ? NULL : &r->vm->def->schema->events[ev->id];
    struct wire_in in = wire_from(ev->payload, ev->n_payload);
    struct json_out j = json_out_to(&r->trace);

    payload_check(record, &in);
    CHECK(!in.failed && wire_left(&in) == 0);
    in = wire_from(ev->payload, ev->n_payload);
    buf_format(&r->trace, " %.*s %d ", (int)ev->n_name, ev->name, ev->id);
    payload_to_json(record, &in, &j);
    buf_text(&r->trace, "\n");
}

static void on_send(void *room, uint32_t player, const struct script_event *ev)
{
    struct rig *r = room;

    buf_format(&r->trace, "send %u", player);
    note_event(r, ev);
}

static void on_broadcast(void *room, const struct script_event *ev, const uint32_t *list,
                         size_t n_list, uint32_t except)
{
    struct rig *r = room;

    buf_format(&r->trace, "broadcast except %u to", except);
    if (!list)
        buf_text(&r->trace, " all");
    for (size_t i = 0; i < n_list; i++)
        buf_format(&r->trace, " %u", list[i]);
    vm_note_sent(r->vm, 100);
    note_event(r, ev);
}

static void on_send_raw(void *room, uint32_t player, const uint8_t *data, size_t len,
                        bool is_text)
{
    struct rig *r = room;

    vm_note_sent(r->vm, len);
    buf_format(&r->trace, "raw %u %s %.*s\n", player, is_text ? "text" : "binary", (int)len,
               (const char *)data);
}

static void on_kick(void *room, uint32_t player, const char *reason)
{
    buf_format(&((struct rig *)room)->trace, "kick %u '%s'\n", player, reason);
}

static void on_broadcast_raw(void *room, const uint8_t *data, size_t len, bool is_text,
                             const uint32_t *list, size_t n_list, uint32_t except)
{
    struct rig *r = room;

    buf_format(&r->trace, "raw to %s%zu except %u %s '%.*s'\n", list ? "list of " : "all ",
               n_list, except, is_text ? "text" : "bytes", (int)len, (const char *)data);
}

static bool on_next_raw(void *room, struct vm_raw_in *in)
{
    struct rig *r = room;

    if (!r->next || !*r->next)
        return false;
    if (r->vm->n_quick > r->most_quick)
        r->most_quick = r->vm->n_quick;
    in->data = (const uint8_t *)*r->next;
    in->len = (uint32_t)strlen(*r->next++);
    return true;
}

static void on_close(void *room, const char *reason)
{
    buf_format(&((struct rig *)room)->trace, "close '%s'\n", reason);
}

static void on_lock(void *room, bool locked)
{
    buf_format(&((struct rig *)room)->trace, "lock %d\n", locked);
}

static void on_label(void *room, const uint8_t *map, size_t n)
{
    struct rig *r = room;

    buf_text(&r->trace, "label");
    for (size_t i = 0; i < n; i++)
        buf_format(&r->trace, map[i] > 32 && map[i] < 127 ? " %c" : " %02x", map[i]);
    buf_text(&r->trace, "\n");
}

static double on_rtt(void *room, uint32_t player)
{
    (void)room;
    return player * 10;
}

static double on_backlog(void *room, uint32_t player)
{
    (void)room;
    return player * 1000;
}

static void on_slow(void *room, const char *where, double ms)
{
    buf_format(&((struct rig *)room)->trace, "slow %s %d\n", where, ms > 4);
}

static void on_error(void *ctx, void *room, const struct script_error *error)
{
    struct rig *r = ctx;

    CHECK(room == NULL || room == r);
    r->n_errors++;
    CHECK_STR(error->game, "pond");
    snprintf(r->error, sizeof r->error, "%s|%s:%d|%s", error->where, error->file,
             error->line, error->message);
    snprintf(r->traceback, sizeof r->traceback, "%s", error->traceback);
    snprintf(r->room_of_error, sizeof r->room_of_error, "%s",
             error->room ? error->room : "-");
}

static void on_view(void *room, uint32_t player, const struct script_view *v)
{
    struct rig *r = room;

    if (v)
        buf_format(&r->trace, "view %u %g %g %g\n", player, v->x, v->y, v->radius);
    else
        buf_format(&r->trace, "view %u home\n", player);
}

static bool on_watch(void *room, uint32_t player, bool on, uint32_t table, int64_t number,
                     const char *text, size_t len)
{
    struct rig *r = room;

    buf_format(&r->trace, "%s %u table %u key %.*s%d\n", on ? "watch" : "unwatch", player,
               table, (int)len, text ? text : "", (int)number);
    return number != 99; /* one too many */
}

static const struct vm_hooks hooks = {
    .view = on_view,
    .watch = on_watch,
    .send = on_send,
    .broadcast = on_broadcast,
    .send_raw = on_send_raw,
    .broadcast_raw = on_broadcast_raw,
    .next_raw = on_next_raw,
    .kick = on_kick,
    .close = on_close,
    .lock = on_lock,
    .label = on_label,
    .rtt_ms = on_rtt,
    .backlog = on_backlog,
    .on_slow = on_slow,
    .on_error = on_error,
};

void rig_write(struct rig *r, const char *path, const char *text)
{
    char full[256];

    if (!*r->dir) {
        strcpy(r->dir, "/tmp/parlor-script-XXXXXX");
        CHECK(mkdtemp(r->dir));
        buf_init(&r->trace, 0);
    }
    snprintf(full, sizeof full, "%s/pond/%s", r->dir, path);
    for (char *at = full + strlen(r->dir) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        CHECK(mkdir(full, 0700) == 0 || errno == EEXIST);
        *at = '/';
    }
    FILE *f = fopen(full, "wb");
    CHECK(f);
    fwrite(text, 1, strlen(text), f);
    fclose(f);
}

bool rig_load(struct rig *r, const char *game)
{
    char folder[128];

    rig_write(r, "game.lua", game);
    snprintf(folder, sizeof folder, "%s/pond", r->dir);
    struct vm_options o = {.name = "pond",
                           .folder = folder,
                           .scripts = SCRIPTS_DIR,
                           .hooks = &hooks,
                           .ctx = r,
                           .load_ms = r->load_ms};
    return vm_new(&r->vm, &o, &r->e) == 0;
}

struct script_room *rig_room(struct rig *r, const char *id, struct image **image)
{
    struct script_room *room;

    CHECK_EQ(image_new(image, r->vm->def->schema, 0), 0);
    image_begin(*image, 1);
    CHECK_EQ(script_room_new(&room, r->vm, r, id, 7, *image), 0);
    return room;
}

void rig_end_room(struct script_room **room, struct image **image)
{
    script_room_free(room);
    image_free(image);
}

void rig_open(struct rig *r, const char *game)
{
    if (!rig_load(r, game))
        fail_msg("the game does not load: %s", r->e.text);
    r->room = rig_room(r, "lobby", &r->image);
    r->tick = 1;
    CHECK_EQ(script_seat_add(r->room, 1, "ann"), 0);
}

void rig_close(struct rig *r)
{
    char command[128];

    rig_end_room(&r->room, &r->image);
    vm_free(&r->vm);
    buf_fini(&r->trace);
    snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
    CHECK_EQ(system(command), 0);
    *r->dir = 0;
}

const char *rig_eval_in(struct rig *r, struct script_room *room, const char *code)
{
    struct buf body, reply, json;
    struct json_out j = json_out_to(&json);

    buf_init(&body, 0);
    buf_init(&reply, 0);
    buf_init(&json, 0);
    wire_put_u8(&body, ANY_STR);
    wire_put_str(&body, code, strlen(code));
    enum script_result result =
        script_message(room, 1, NULL, "run", 3, body.data, body.len, &reply);
    r->result = result;
    if (result == SCRIPT_DONE) {
        struct wire_in in = wire_from(reply.data, reply.len);
        payload_check(NULL, &in);
        CHECK(!in.failed && wire_left(&in) == 0);
        in = wire_from(reply.data, reply.len);
        payload_to_json(NULL, &in, &j);
        snprintf(r->answer, sizeof r->answer, "%.*s", (int)json.len, (char *)json.data);
    } else {
        const char *bar = strchr(r->error, '|');
        CHECK(result == SCRIPT_RAISED || result == SCRIPT_STOPPED);
        snprintf(r->answer, sizeof r->answer, "!%s", strchr(bar + 1, '|') + 1);
    }
    buf_fini(&json);
    buf_fini(&reply);
    buf_fini(&body);
    return r->answer;
}

const char *rig_eval(struct rig *r, const char *code)
{
    return rig_eval_in(r, r->room, code);
}

void rig_scan(struct rig *r)
{
    script_scan(r->room);
    image_commit(r->image);
    image_begin(r->image, ++r->tick);
}

void rig_forget(struct rig *r)
{
    buf_clear(&r->trace);
    r->n_errors = 0;
    *r->error = 0;
}

const char *rig_trace(struct rig *r)
{
    buf_byte(&r->trace, 0);
    r->trace.len--;
    return (const char *)r->trace.data;
}

int rig_reload(struct rig *r, const char *game)
{
    bool has_changed = false;

    rig_write(r, "game.lua", game);
    int code = vm_reload(r->vm, &has_changed, &r->e);
    if (code == 0 && has_changed) {
        struct image *fresh;
        CHECK_EQ(image_new(&fresh, r->vm->def->schema, r->tick - 1), 0);
        image_begin(fresh, r->tick);
        CHECK_EQ(script_room_rebind(r->room, fresh), 0);
        image_free(&r->image);
        r->image = fresh;
    }
    return code;
}

static void put_row(struct json_out *j, const struct image *image, uint32_t table,
                    uint32_t slot)
{
    const struct record *record = image->tables[table].record;

    for (uint32_t i = 0; i < record->n_fields; i++) {
        json_out_key(j, record->fields[i].path, strlen(record->fields[i].path));
        type_put_json(&record->fields[i].type, image_row(image, table, slot)->now[i], j);
    }
}

char *rig_state(const struct image *image)
{
    struct buf out;
    struct json_out j = json_out_to(&out);

    buf_init(&out, 0);
    json_out_object(&j);
    put_row(&j, image, 0, 0);
    for (uint32_t f = 1; f < image->schema->n_tables; f++) {
        const struct table *table = &image->tables[f];
        json_out_key(&j, table->record->name, strlen(table->record->name));
        json_out_object(&j);
        for (uint32_t slot = 0; slot < table->cap; slot++) {
            char key[300];
            if (!table->rows[slot])
                continue;
            const struct image_key *k = &table->rows[slot]->key;
            if (table->record->keys == KEY_STR)
                snprintf(key, sizeof key, "%.*s", (int)k->text->len,
                         (const char *)k->text->bytes);
            else
                snprintf(key, sizeof key, "%lld", (long long)k->number);
            json_out_key(&j, key, strlen(key));
            json_out_object(&j);
            put_row(&j, image, f, slot);
            json_out_end_object(&j);
        }
        json_out_end_object(&j);
    }
    json_out_end_object(&j);
    buf_byte(&out, 0);
    return (char *)out.data;
}

TEST(rooms_leave_nothing, "a room that has ended leaves nothing in its VM")
{
    struct rig r = {0};
    struct script_room *room;
    struct image *image;
    size_t bytes[2];

    rig_open(&r, RUNNER("state = { a = s.map { n = s.u8 }, b = s.map { n = s.u8 } }", ""));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            room = rig_room(&r, "brief", &image);
            rig_eval_in(&r, room, "self.state.a[1] = {n = 1}");
            rig_end_room(&room, &image);
        }
        /* Twice: what a weak table held goes with the second. */
        lua_gc(r.vm->L, LUA_GCCOLLECT, 0);
        lua_gc(r.vm->L, LUA_GCCOLLECT, 0);
        bytes[round] = vm_bytes(r.vm);
    }
    CHECK(bytes[1] < bytes[0] + 20000); /* 100 bytes a room; a map takes 1 000 */
    rig_close(&r);
}
