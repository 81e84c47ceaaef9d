/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "room/early.h"
#include "room/session.h"

static const char queued[] =
    "local g = parlor.game { tick_rate = 20, queue = { min = 2 } }\n"
    "function g:message(p, name) self:broadcast(name) end\n"
    "return g";

static void say(struct session *s, const char *text)
{
    session_message(s, WS_TEXT, (const uint8_t *)text, strlen(text));
}

TEST(early_order, "what waits is read once the seat is there, in order, and then no more")
{
    struct far_world w;
    struct far_end a, b;

    far_open(&w, queued);
    struct session *s = far_join(&w, &a, PEER_JSON, NULL);
    CHECK(s->waiter != NULL);
    say(s, "{\"t\":\"send\",\"name\":\"one\"}");
    say(s, "{\"t\":\"ping\"}");
    say(s, "{\"t\":\"send\",\"name\":\"two\"}");
    CHECK(s->wish->early != NULL && w.world.early == NULL);
    struct session *t = far_join(&w, &b, PEER_JSON, NULL);
    far_step(&w, 400);
    CHECK(s->player && t->player);
    CHECK(w.world.early == NULL);
    CHECK_EQ(s->player->ledger->tally.n_received, 2);
    CHECK(far_holds(&b, "\"one\"") && far_holds(&b, "\"two\""));
    CHECK(!far_holds(&a, "pong"));
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    far_fini(&a);
    far_fini(&b);
    far_close(&w);
}

TEST(early_bounded, "too many or too much ends who waits; whoever goes takes it along")
{
    struct far_world w;
    struct far_end a, b;
    static char text[10000];

    far_open(&w, queued);
    struct session *s = far_join(&w, &a, PEER_JSON, NULL);
    for (int i = 0; i < EARLY_MESSAGES; i++)
        say(s, "{\"t\":\"send\",\"name\":\"x\"}");
    CHECK_EQ(a.code, 0);
    say(s, "{\"t\":\"send\",\"name\":\"x\"}");
    CHECK_EQ(a.code, 4006);
    session_closed(&s, 4006);

    memset(text, 'x', sizeof text - 1);
    s = far_join(&w, &b, PEER_JSON, NULL);
    for (int i = 0; i < 6; i++)
        say(s, text);
    CHECK_EQ(b.code, 0);
    say(s, text);
    CHECK_EQ(b.code, 4006);
    session_closed(&s, 4006);
    far_step(&w, 100);
    CHECK_EQ(w.world.n_rooms, 0);
    far_fini(&a);
    far_fini(&b);
    far_close(&w);
}
