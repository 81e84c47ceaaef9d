/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "room/lobby.h"

TEST(lobby_tell, "who waits hears where it stands: at once, then once a second where it "
                 "changes, else every five")
{
    struct far_world w;
    struct far_end a, b, c;

    far_open(&w, "return parlor.game { queue = { min = 3 } }");
    struct session *s = far_join(&w, &a, PEER_JSON, NULL);
    far_step(&w, 100);
    CHECK_EQ(a.n, 1);
    CHECK_STR(far_text(&a, 0), "{\"t\":\"queue\",\"position\":1,\"waiting\":1,\"found\":1,"
                               "\"need\":3,\"estimate\":null}");
    far_step(&w, 4800);
    CHECK_EQ(a.n, 1);
    far_step(&w, 500);
    CHECK_EQ(a.n, 2);
    CHECK_STR(far_text(&a, 1), far_text(&a, 0));

    /* Another comes right after: not told before the second is over. */
    struct session *t = far_join(&w, &b, PEER_BINARY, NULL);
    far_step(&w, 300);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(b.n, 1);
    CHECK_MEM(far_text(&b, 0), "\x42\5\2\2\2\3\0", 7);
    far_step(&w, 1000);
    CHECK_EQ(a.n, 3);
    CHECK(far_holds(&a, "\"position\":1,\"waiting\":2,\"found\":2"));

    /* Those who begin hear no more of it, and the next knows how long it took. */
    struct session *u = far_join(&w, &c, PEER_JSON, NULL);
    far_step(&w, 100);
    CHECK(s->player && t->player && u->player);
    CHECK(far_holds(&a, "\"hello\""));
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    session_closed(&u, 1000);
    far_fini(&a);
    far_fini(&b);
    far_fini(&c);
    far_step(&w, 100);
    s = far_join(&w, &a, PEER_JSON, NULL);
    far_step(&w, 100);
    CHECK(far_holds(&a, "\"estimate\":7}"));
    session_closed(&s, 1000);
    far_fini(&a);
    far_close(&w);
}
