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
    drop(s, "{\"t\":\"request\",\"id\":1,\"name\":\"x\"}");
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
