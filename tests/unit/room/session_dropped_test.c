/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "room/session.h"

static const char plain[] = "return parlor.game { tick_rate = 20 }";

/* The server's own limits drop whole messages. */
static void drop(struct session *s, const char *message)
{
    session_dropped(s, (const uint8_t *)message, strlen(message));
}

TEST(session_dropped_json,
     "what the limits of the connection drop is told once the hello is out, uncounted")
{
    struct far_world w;
    struct far_end e;

    far_open(&w, plain);
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    drop(s, "{\"t\":\"send\",\"name\":\"x\"}");
    drop(s, "{\"t\":\"ack\",\"tick\":1}"); /* lost, but no message */
    CHECK_EQ(e.n, 0);
    far_step(&w, 60);
    drop(s, "{\"t\":\"send\",\"name\":\"x\"}");
    CHECK_STR(far_text(&e, e.n - 1),
              "{\"t\":\"event\",\"tick\":2,\"name\":\"dropped\",\"data\":{\"count\":2,"
              "\"why\":\"limit\"},\"volatile\":true}");
    CHECK_EQ(s->player->ledger->tally.n_received, 2);
    CHECK_EQ(ring_count(&s->player->ledger->tally.sent), 0);
    size_t n = e.n;
    drop(s, "{\"t\":\"send\",\"name\":\"x\"}");
    CHECK_EQ(e.n, n);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(session_dropped_binary, "in binary it is a volatile event with an any")
{
    static const uint8_t event[] = {0x85, 0, 1, 'x', 0};
    struct far_world w;
    struct far_end e;

    far_open(&w, plain);
    struct session *s = far_join(&w, &e, PEER_BINARY, NULL);
    far_step(&w, 60);
    session_dropped(s, event, sizeof event);
    static const uint8_t told[] = "\x0a\x02\x00\x00\x07"
                                  "dropped\x07\x02\x00\x05"
                                  "count\x03\x02\x00\x03"
                                  "why\x05\x05limit";
    CHECK_MEM(far_text(&e, e.n - 1), told, sizeof told - 1);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

static size_t n_refused(const struct far_end *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        n += strstr(far_text(e, i), "too many messages") != NULL;
    return n;
}

TEST(session_dropped_request,
     "a request that the limits drop is answered, behind the state, and counts as received")
{
    static const char json[] = "{\"t\":\"request\",\"id\":7,\"name\":\"x\"}";
    static const uint8_t binary[] = {0x87, 7, 0, 1, 'x', 0};
    static const uint8_t reply[] = "\x09\x07\x00\x05\x11too many messages";
    static const double rates[] = {0, 20};

    for (size_t i = 0; i < 4; i++) {
        struct far_world w;
        struct far_end e;
        char source[80];
        bool is_json = i % 2;
        snprintf(source, sizeof source, "return parlor.game { tick_rate = %g }",
                 rates[i / 2]);
        far_open(&w, source);
        struct session *s = far_join(&w, &e, is_json ? PEER_JSON : PEER_BINARY, NULL);
        far_step(&w, 60);
        if (is_json)
            drop(s, json);
        else
            session_dropped(s, binary, sizeof binary);
        far_step(&w, 60);
        CHECK_EQ(s->player->ledger->tally.n_received, 1);
        CHECK_EQ(ring_count(&s->player->ledger->tally.sent),
                 1); /* counted, as replies are */
        CHECK_EQ(s->n_dropped, 0);
        if (is_json)
            CHECK_STR(far_text(&e, e.n - 1), "{\"t\":\"reply\",\"id\":7,\"ok\":false,"
                                             "\"data\":\"too many messages\"}");
        else
            CHECK_MEM(far_text(&e, e.n - 1), reply, sizeof reply - 1);
        session_closed(&s, 1000);
        far_fini(&e);
        far_close(&w);
    }
}

TEST(session_dropped_flood,
     "a flood of requests is answered so often, and no more is queued "
     "for who does not read")
{
    struct far_world w;
    struct far_end e;

    far_open(&w, plain);
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    far_step(&w, 60);
    e.backlog = 65537;
    drop(s, "{\"t\":\"request\",\"id\":7,\"name\":\"x\"}");
    far_step(&w, 60);
    CHECK_EQ(n_refused(&e), 0);
    CHECK_EQ(s->player->room->outbox.n, 0);
    CHECK(far_holds(&e, "\"count\":1,\"why\":\"limit\""));
    e.backlog = 0;
    far_step(&w, 1000);
    for (int i = 0; i < 500; i++)
        drop(s, "{\"t\":\"request\",\"id\":7,\"name\":\"x\"}");
    CHECK_EQ(s->player->room->outbox.n, 200);
    CHECK_EQ(s->player->ledger->tally.n_received, 501);
    far_step(&w, 500);
    CHECK_EQ(n_refused(&e), 200);
    for (int i = 0; i < 50; i++)
        drop(s, "{\"t\":\"request\",\"id\":7,\"name\":\"x\"}");
    CHECK_EQ(s->player->room->outbox.n, 10);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(session_dropped_uncounted,
     "of JSON that nobody counts what is short is answered, and no id is made up")
{
    static const struct {
        const char *message;
        bool is_answered;
    } cases[] = {
        {"{\"t\":\"request\",\"id\":0,\"name\":\"x\"}",  true },
        {"{\"t\":\"request\",\"id\":-1,\"name\":\"x\"}", false},
        {"{\"t\":\"request\",\"id\":.5,\"name\":\"x\"}", false},
        {"{\"t\":\"request\",\"id\":4294967295}",        false},
        {"{\"t\":\"send\",\"id\":1,\"name\":\"x\"}",     false},
        {"{\"t\":\"request\",\"id\":1,\"na",             false},
        {"[\"t\"]",                                      false},
        {"",                                             false},
    };
    struct far_world w;
    struct far_end e;
    char text[5000];

    struct session_request q = {.game = far_open(&w, plain), .joins_at_once = true};
    struct peer peer = far_peer(&e, PEER_JSON);
    e = (struct far_end){0};
    peer.can_resume = false;
    struct session *s = session_open(&w.world, &peer, &q);
    far_step(&w, 60);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drop(s, cases[i].message);
        CHECK_EQ(s->player->room->outbox.n, cases[i].is_answered);
        far_step(&w, 60);
    }
    for (int wide = 1000; wide <= 4400; wide += 3400) {
        snprintf(text, sizeof text, "{\"t\":\"request\",\"id\":1,\"x\":\"%0*d\"}", wide, 7);
        drop(s, text);
        CHECK_EQ(s->player->room->outbox.n, wide == 1000);
        far_step(&w, 60);
    }
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}
