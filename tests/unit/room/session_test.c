/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "base/clk.h"
#include "room/session.h"

static const char plain[] = "return parlor.game { tick_rate = 20 }";

TEST(session_bye, "BYE is a record in each codec, and nothing for raw peers")
{
    struct far_end e = {0};
    struct peer peer = far_peer(&e, PEER_JSON);

    session_say_bye(&peer, 4000, "a \"b\"");
    CHECK_STR(far_text(&e, 0), "{\"t\":\"bye\",\"code\":4000,\"reason\":\"a \\\"b\\\"\"}");
    peer.codec = PEER_BINARY;
    session_say_bye(&peer, 4000, "ab");
    CHECK_MEM(far_text(&e, 1),
              "\x07\xa0\x0f\x02"
              "ab",
              6);
    peer.codec = PEER_RAW;
    session_say_bye(&peer, 4000, "ab");
    CHECK_EQ(e.n, 2);
    far_fini(&e);
}

TEST(session_reply, "a reply carries its id, whether it went well, and an any")
{
    struct buf out;

    buf_init(&out, 0);
    session_put_reply(PEER_JSON, 300, true, (const uint8_t *)"\5\2hi", 4, &out);
    CHECK_MEM(out.data, "{\"t\":\"reply\",\"id\":300,\"ok\":true,\"data\":\"hi\"}",
              out.len);
    buf_clear(&out);
    session_put_reply(PEER_BINARY, 300, false, (const uint8_t *)"\5\2hi", 4, &out);
    CHECK_EQ(out.len, 8);
    CHECK_MEM(out.data, "\x09\xac\x02\x00\x05\x02hi", 8);
    buf_fini(&out);
}

TEST(session_list,
     "sessions that wait for a hello are told of a stop; closed ones are forgotten")
{
    struct far_world w;
    struct far_end ends[3] = {{.n = 0}};
    struct session *s[3];

    far_open(&w, plain);
    for (int i = 0; i < 3; i++) {
        struct peer peer = far_peer(&ends[i], PEER_JSON);
        struct session_request q = {.game = game_find(&w.world, "g", 1)};
        s[i] = session_open(&w.world, &peer, &q);
    }
    session_closed(&s[1], 1006);
    CHECK(s[1] == NULL);
    world_stop(&w.world, 1001, "away");
    CHECK_EQ(ends[0].code, 1001);
    CHECK_EQ(ends[1].code, 0);
    CHECK_EQ(ends[2].code, 1001);
    session_closed(&s[2], 1001);
    session_closed(&s[0], 1001);
    CHECK(w.world.sessions == NULL);
    session_closed(&s[0], 1001); /* NULL is fine */
    for (int i = 0; i < 3; i++)
        far_fini(&ends[i]);
    far_close(&w);
}

TEST(session_pong, "a ping is answered once the hello is out, not before")
{
    struct far_world w;
    struct far_end e;
    static const char ping[] = "{\"t\":\"ping\",\"ms\":5}";

    far_open(&w, plain);
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    session_message(s, WS_TEXT, (const uint8_t *)ping, sizeof ping - 1);
    CHECK_EQ(e.n, 0);
    far_step(&w, 60);
    session_message(s, WS_TEXT, (const uint8_t *)ping, sizeof ping - 1);
    CHECK_STR(far_text(&e, e.n - 1),
              "{\"t\":\"pong\",\"ms\":5,\"server\":1000060,\"tick\":2}");
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(session_memory, "a large message leaves no large buffer behind")
{
    struct far_world w;
    struct far_end e;
    static char text[90000];

    far_open(&w, plain);
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    int n = snprintf(text, sizeof text,
                     "{\"t\":\"send\",\"name\":\"x\",\"data\":\"%080000d\"}", 7);
    session_message(s, WS_TEXT, (const uint8_t *)text, (size_t)n);
    CHECK_EQ(s->player->n_waiting, 1);
    CHECK(w.world.scratch.cap <= 64 << 10);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(session_binary_split,
     "a record that is cut anywhere ends with 1002 and reads no byte too far")
{
    /* REQUEST 1, free message "ab", any map {"k": [1, 2.5, "x"]} */
    static const uint8_t whole[] = {0x87, 1, 0, 2, 'a', 'b', 7, 1, 0, 1,    'k', 6, 3,  3,
                                    2,    4, 0, 0, 0,   0,   0, 0, 4, 0x40, 5,   1, 'x'};

    for (size_t len = 1; len <= sizeof whole; len++) {
        struct far_world w;
        struct far_end e;
        far_open(&w, plain);
        struct session *s = far_join(&w, &e, PEER_BINARY, NULL);
        uint8_t *bytes = unit_guarded(whole, len);
        session_message(s, WS_BINARY, bytes, len);
        unit_guarded_free(bytes, len);
        if (len < 6)
            CHECK_EQ(e.code, 1002);
        else /* the name is whole: a value that does not fit is dropped and counted */
            CHECK(e.code == 0 && s->player->n_invalid == (len < sizeof whole));
        session_closed(&s, 1000);
        far_fini(&e);
        far_close(&w);
    }
}

TEST(session_confirm,
     "what a ping confirms is kept no longer; what it cannot know changes nothing")
{
    static const char source[] = "local g = parlor.game { tick_rate = 20 }\n"
                                 "function g:message(p) p:send('x') p:send('y') end\n"
                                 "return g";
    static const struct {
        const char *ping;
        uint32_t n_kept;
    } steps[] = {
        {"{\"t\":\"ping\"}",                 2},
        {"{\"t\":\"ping\",\"events\":3}",    2},
        {"{\"t\":\"ping\",\"events\":1}",    1},
        {"{\"t\":\"ping\",\"events\":0}",    1},
        {"{\"t\":\"ping\",\"events\":\"\"}", 1},
        {"{\"t\":\"ping\",\"events\":2}",    0},
    };
    static const char say[] = "{\"t\":\"send\",\"name\":\"x\"}";
    struct far_world w;
    struct far_end e;

    far_open(&w, source);
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    far_step(&w, 60);
    session_message(s, WS_TEXT, (const uint8_t *)say, sizeof say - 1);
    far_step(&w, 60);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        session_message(s, WS_TEXT, (const uint8_t *)steps[i].ping, strlen(steps[i].ping));
        CHECK_EQ(s->player->ledger->tally.sent.n, steps[i].n_kept);
    }
    CHECK(s->player->ledger->tally.sent.frames == NULL);
    CHECK_EQ(ring_count(&s->player->ledger->tally.sent), 2);
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}
