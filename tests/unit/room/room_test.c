/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "base/clk.h"
#include "room/room.h"
#include "room/room_internal.h"
#include "room/session_internal.h"

static struct room *only_room(const struct game *g)
{
    CHECK_EQ(g->rooms.n, 1);
    return map_next(&g->rooms, NULL)->value;
}

TEST(room_counts, "the counts by kind of peer follow joins, drops, returns and kicks")
{
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 20 }");
    struct far_end a, b, c;
    struct session *s = far_join(&w, &a, PEER_JSON, NULL);
    struct session *t = far_join(&w, &b, PEER_BINARY, NULL);
    struct room *r = only_room(g);

    CHECK_EQ(r->n_listeners[PEER_JSON], 1);
    CHECK_EQ(r->n_listeners[PEER_BINARY], 1);
    far_step(&w, 60);
    struct player *p = t->player;
    session_closed(&t, 1006);
    CHECK_EQ(r->n_listeners[PEER_BINARY], 1); /* what it misses is kept for it */
    CHECK_EQ(room_n_seats(r), 2);
    c = (struct far_end){0};
    struct peer peer = far_peer(&c, PEER_JSON); /* back with another codec */
    struct room_return from = {.token = p->ledger->pass.now};
    room_resume_seat(r, p, &peer, &from);
    CHECK_EQ(r->n_listeners[PEER_JSON], 2);
    CHECK_EQ(r->n_listeners[PEER_BINARY], 0);
    room_kick(r, p, 4000, "out");
    CHECK_EQ(c.code, 4000);
    CHECK_STR(c.reason, "out");
    room_kick(r, p, 4000, "again"); /* far.c would refuse a second Close */
    CHECK_EQ(r->n_listeners[PEER_JSON], 1);
    far_step(&w, 60);
    CHECK_EQ(room_n_seats(r), 1);
    session_closed(&s, 1000);
    far_step(&w, 60);
    far_fini(&a);
    far_fini(&b);
    far_fini(&c);
    far_close(&w);
}

TEST(room_due, "a ticking room is due on the microsecond, and has work to do then")
{
    /* At 0.7 Hz the product for tick 63 is rounded below 63. */
    static const double rates[] = {0.7, 1, 3, 7, 29.97, 30, 60, 119.88, 120};

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct far_world w;
        struct far_end e;
        char source[80];
        snprintf(source, sizeof source, "return parlor.game { tick_rate = %g }", rates[i]);
        struct game *g = far_open(&w, source);
        struct session *s = far_join(&w, &e, PEER_JSON, NULL);
        struct room *r = only_room(g);
        uint64_t began = clk_now_us();
        for (uint32_t k = 1; k <= 2000; k++) {
            uint64_t due = world_next_us(&w.world);
            clk_fake(due - 1);
            CHECK_EQ(world_run(&w.world, due - 1), due);
            CHECK_EQ(r->tick, k);
            clk_fake(due);
            CHECK(world_run(&w.world, due) > due);
            CHECK_EQ(r->tick, k + 1);
            double want = k * 1e6 / rates[i];
            CHECK((double)(due - began) >= want && (double)(due - began) < want + 1.001);
        }
        session_closed(&s, 1000);
        far_fini(&e);
        far_close(&w);
    }
}

enum { CROWD = 50 };

/* By how many 50ths of an interval of `ms` these rooms' ticks lie apart at the least, and
 * at the most; all come within the next interval. */
static void check_phases(struct session *const *s, double ms)
{
    uint64_t interval_us = (uint64_t)(ms * 1000), now_us = clk_now_us();

    for (int i = 0; i < CROWD; i++) {
        uint64_t nearest = UINT64_MAX, due_us = s[i]->player->room->item.due_us;
        CHECK(due_us >= now_us && due_us <= now_us + interval_us);
        for (int j = 0; j < CROWD; j++) {
            uint64_t other_us = s[j]->player->room->item.due_us;
            uint64_t apart = due_us < other_us ? other_us - due_us : due_us - other_us;
            if (j != i && apart < nearest)
                nearest = apart;
        }
        CHECK(nearest > interval_us / CROWD / 2);
        /* What a PONG says is what is left until the tick. */
        double left = (double)(due_us - now_us) / (ms * 1000);
        double told = 1 - session_phase(s[i]) / 65536.0;
        CHECK(left - told < 0.0001 && told - left < 0.0001);
    }
}

TEST(room_phases, "rooms of one moment tick in different ones, also at another rate")
{
    struct far_world w;
    struct far_end ends[CROWD];
    struct session *s[CROWD];
    char name[8];

    far_open(&w, "return parlor.game { tick_rate = 20 }");
    for (int i = 0; i < CROWD; i++) {
        snprintf(name, sizeof name, "r%d", i);
        s[i] = far_join(&w, &ends[i], PEER_BINARY, name);
    }
    check_phases(s, 50);
    far_step(&w, 50);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(s[i]->player->room->tick, 2); /* each once */
    CHECK_EQ(far_edit(&w, "return parlor.game { tick_rate = 8 }"), 0);
    check_phases(s, 125);
    far_step(&w, 125);
    for (int i = 0; i < CROWD; i++) {
        CHECK_EQ(s[i]->player->room->tick, 3);
        session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    far_close(&w);
}

TEST(room_clock, "an event-driven room's time begins with it, however many there are")
{
    struct far_world w;
    struct far_end ends[3];
    struct session *s[3];
    static const char *const names[] = {"a", "b", "c"};

    far_open(&w, "return parlor.game { tick_rate = 0 }");
    for (int i = 0; i < 3; i++) {
        s[i] = far_join(&w, &ends[i], PEER_JSON, names[i]);
        CHECK(room_ms(s[i]->player->room, clk_now_us()) == 0);
    }
    for (int i = 0; i < 3; i++) {
        session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    far_close(&w);
}

TEST(room_inputs, "no more than max_inputs of one player wait")
{
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 20, max_inputs = 3 }");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    struct room *r = only_room(g);
    struct input in = {.kind = INPUT_OTHER,
                       .player = s->player->id,
                       .data = (const uint8_t *)"\1x\0",
                       .len = 3};

    far_step(&w, 60);
    for (int i = 0; i < 3; i++)
        CHECK(room_input(r, s->player, &in));
    CHECK(!room_input(r, s->player, &in));
    CHECK_EQ(s->player->n_waiting, 3);
    far_step(&w, 60);
    CHECK_EQ(s->player->n_waiting, 0);
    session_closed(&s, 1000);
    far_step(&w, 60);
    far_fini(&e);
    far_close(&w);
}

TEST(room_find, "a seat is found by its id, whoever has left before, behind and between")
{
    enum { SEATS = 24 };
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { max_players = 99 }");
    struct far_end ends[SEATS];
    struct session *s[SEATS];

    for (int i = 0; i < SEATS; i++)
        s[i] = far_join(&w, &ends[i], PEER_JSON, NULL);
    far_step(&w, 60);
    struct room *r = only_room(g);
    for (int left = SEATS; left > 1; left--) {
        int gone = left * 7 % SEATS;
        while (!s[gone])
            gone = (gone + 1) % SEATS;
        session_closed(&s[gone], 1000);
        far_step(&w, 60);
        CHECK_EQ(room_n_seats(r), left - 1);
        for (uint32_t id = 0; id < SEATS + 3; id++) {
            bool is_there = id >= 1 && id <= SEATS && s[id - 1];
            CHECK(room_find(r, id) == (is_there ? s[id - 1]->player : NULL));
        }
    }
    for (int i = 0; i < SEATS; i++) {
        if (s[i])
            session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    far_close(&w);
}

TEST(room_raw_frames, "a raw text that goes to many is one frame, and any other is not")
{
    struct far_world w;
    far_open(&w, "local g = parlor.game { raw = true } function g:message(_, data)\n"
                 "  for _, t in ipairs { data, data, data .. '2' } do\n"
                 "    for _, p in ipairs(self.players) do p:send(t) end\n"
                 "  end\n"
                 "  for _, p in ipairs(self.players) do p:send(data, true) end\n"
                 "end return g");
    struct far_end a, b;
    struct session *s = far_join(&w, &a, PEER_RAW, NULL);
    struct session *t = far_join(&w, &b, PEER_RAW, NULL);

    far_step(&w, 60);
    session_message(s, WS_BINARY, (const uint8_t *)"hi", 2);
    CHECK_EQ(a.n, 4);
    CHECK_EQ(b.n, 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK(a.frames[i] == b.frames[i]);
        CHECK_STR(far_text(&a, i), i == 2 ? "hi2" : "hi");
        CHECK_EQ(a.frames[i]->bytes[0], i == 3 ? 0x81 : 0x82);
    }
    CHECK(a.frames[1] == a.frames[0]);
    CHECK(a.frames[3] != a.frames[0]);
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    far_fini(&a);
    far_fini(&b);
    far_close(&w);
}

TEST(room_raw_raises,
     "what a raw callback has sent before it raises goes, and nothing else")
{
    struct far_world w;
    far_open(&w, "local g = parlor.game { raw = true, tick_rate = 20 }\n"
                 "function g:message(_, data)\n"
                 "  for _, p in ipairs(self.players) do p:send('same') end\n"
                 "  if data == 'bad' then error('no') end\n"
                 "end return g");
    struct far_end a, b;
    struct session *s = far_join(&w, &a, PEER_RAW, NULL);
    struct session *t = far_join(&w, &b, PEER_RAW, NULL);

    far_step(&w, 60);
    session_message(s, WS_BINARY, (const uint8_t *)"one", 3);
    session_message(s, WS_BINARY, (const uint8_t *)"bad", 3);
    session_message(s, WS_BINARY, (const uint8_t *)"two", 3);
    CHECK_EQ(a.n, 0);
    far_step(&w, 60);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(b.n, 2);
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    far_fini(&a);
    far_fini(&b);
    far_close(&w);
}

/* A message, and lines that have come with it; returns which is left. */
static const char *send_lines(struct session *s, struct far_end *e, const char *lines)
{
    e->next = lines;
    session_message(s, WS_TEXT, (const uint8_t *)"first", 5);
    return e->next;
}

TEST(room_raw_batch, "messages that come together are handled in one go, each as a call")
{
    struct far_world w;
    struct game *g = far_open(&w, "local g = parlor.game { raw = true }\n"
                                  "function g:message(p, data, is_text)\n"
                                  "  p:send(data, is_text)\n"
                                  "  if data == 'bad' then error('no') end\n"
                                  "  if data == 'kick' then p:kick() end\n"
                                  "end return g");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_RAW, NULL);
    const struct call_stats *stats = &g->vm->stats[SCRIPT_MESSAGE];

    far_step(&w, 60);
    CHECK_STR(send_lines(s, &e, "a\nb\nc\n"), "");
    CHECK_EQ(stats->calls, 4);
    CHECK_EQ(e.n, 4);
    CHECK_STR(far_text(&e, 0), "first");
    CHECK_STR(far_text(&e, 3), "c");

    /* One that raises ends the run, and loses only what it has sent itself. */
    CHECK_STR(send_lines(s, &e, "a\nbad\nc\n"), "c\n");
    CHECK_EQ(stats->calls, 7);
    CHECK_EQ(stats->errors, 1);
    CHECK_EQ(e.n, 6);

    g->vm->gc.begin = 0; /* garbage waits to be collected: that comes first */
    CHECK_STR(send_lines(s, &e, "a\n"), "a\n");
    CHECK_EQ(e.n, 7);

    /* What was sent before the end goes, what is sent with it does not. */
    CHECK_STR(send_lines(s, &e, "a\nkick\nc\n"), "c\n");
    CHECK_EQ(e.n, 9);
    CHECK_STR(far_text(&e, 8), "a");
    CHECK_EQ(e.code, 4000);
    session_closed(&s, 4000);
    far_fini(&e);
    far_close(&w);
}

TEST(room_raw_mixed, "answers keep their place among what others are sent, and what raises")
{
    struct far_world w;
    far_open(&w, "local g = parlor.game { raw = true }\n"
                 "function g:message(p, data)\n"
                 "  p:send(data, true)\n"
                 "  if data == 'all' then self:broadcast('ALL', true) end\n"
                 "  if data == 'each' then\n"
                 "    for _, o in pairs(self.players) do o:send('EACH', true) end end\n"
                 "  if data == 'bad' then self:broadcast('lost') error('no') end\n"
                 "end return g");
    static const char *const to_first[] = {"first", "a",    "all",   "ALL",  "b",   "first",
                                           "first", "each", "EACH",  "c",    "all", "ALL",
                                           "first", "a",    "first", "each", "EACH"};
    static const char *const to_other[] = {"ALL", "EACH", "ALL", "EACH"};
    struct far_end e, other;
    struct session *s = far_join(&w, &e, PEER_RAW, NULL);
    struct session *t = far_join(&w, &other, PEER_RAW, NULL);

    far_step(&w, 60);
    CHECK_STR(send_lines(s, &e, "a\nall\nb\nbad\na\n"), "a\n");
    CHECK_EQ(e.n, 5);
    CHECK_STR(send_lines(s, &e, ""), "");
    CHECK_STR(send_lines(s, &e, "each\nc\nall\nbad\n"), "");
    CHECK_STR(send_lines(s, &e, "a\nbad\n"), "");
    CHECK_STR(send_lines(s, &e, "each\nbad\n"), "");
    CHECK_EQ(e.n, 17);
    for (uint32_t i = 0; i < 17; i++)
        CHECK_STR(far_text(&e, i), to_first[i]);
    CHECK_EQ(other.n, 4);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_STR(far_text(&other, i), to_other[i]);
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    far_fini(&e);
    far_fini(&other);
    far_close(&w);
}

TEST(room_raw_compiled, "the same many times over, until it is compiled")
{
    struct far_world w;
    far_open(&w, "local g = parlor.game { raw = true }\n"
                 "function g:message(p, data, is_text)\n"
                 "  if data == '7' then p:send(data, is_text) end\n"
                 "  if data == 'bad' then error('no') end\n"
                 "end return g");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_RAW, NULL);

    far_step(&w, 60);
    for (int i = 0; i < 200; i++)
        CHECK_STR(send_lines(s, &e, "1\n2\n3\n4\n5\n6\n7\n8\n9\nbad\n1\n"), "1\n");
    CHECK_EQ(e.n, 200);
    CHECK_STR(far_text(&e, 199), "7");
    CHECK(strstr(w.error, "no"));
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(room_gone_inside,
     "a room that ends inside a message of an event-driven game is gone after")
{
    struct far_world w;
    struct game *g = far_open(&w, "local g = parlor.game { tick_rate = 0 } "
                                  "function g:message() self:close('over') end return g");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);

    far_step(&w, 60);
    session_message(s, WS_TEXT, (const uint8_t *)"{\"t\":\"send\",\"name\":\"x\"}", 23);
    CHECK(s->player == NULL && s->is_over);
    CHECK_EQ(e.code, 4008);
    CHECK_EQ(g->rooms.n, 0);
    session_message(s, WS_TEXT, (const uint8_t *)"{}", 2); /* ignored */
    session_closed(&s, 4008);
    far_fini(&e);
    far_close(&w);
}

TEST(room_schemas, "old schemas are remembered for a while, and their memory goes")
{
    struct far_world w;
    struct game *g = far_open(&w, "return parlor.game { tick_rate = 20 }");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_BINARY, NULL);
    struct room *r = only_room(g);

    for (int i = 0; i < 20; i++) {
        char source[120];
        snprintf(source, sizeof source,
                 "return parlor.game { tick_rate = 20, state = { f%d = s.u8 } }", i);
        CHECK_EQ(far_edit(&w, source), 0);
        far_step(&w, 60);
    }
    CHECK_EQ(r->n_known, ROOM_MAX_SCHEMAS);
    uint32_t middle = r->known[3]->hash, first = r->known[0]->hash;
    room_accept_schema(s->player, middle);
    CHECK_EQ(s->player->schema->hash, middle);
    room_accept_schema(s->player, first); /* not back */
    CHECK_EQ(s->player->schema->hash, middle);
    room_accept_schema(s->player, 12345);
    CHECK_EQ(s->player->schema->hash, middle);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(room_shared, "events to all are marked as shared, those to one are not")
{
    struct far_world w;
    far_open(&w, "local g = parlor.game { tick_rate = 0 }\n"
                 "function g:join(player)\n"
                 "  self:broadcast('all', 1)  player:send('one', 2)\n"
                 "end\nreturn g");
    static const enum peer_codec codecs[] = {PEER_JSON, PEER_BINARY};

    for (size_t i = 0; i < 2; i++) {
        struct far_end e;
        struct session *s = far_join(&w, &e, codecs[i], NULL);
        far_step(&w, 60);
        CHECK(e.n >= 3);
        CHECK(e.frames[e.n - 2]->is_shared);
        CHECK(!e.frames[e.n - 1]->is_shared);
        CHECK(codecs[i] != PEER_JSON || strstr(far_text(&e, e.n - 1), "one"));
        session_closed(&s, 1000);
        far_fini(&e);
    }
    far_close(&w);
}
