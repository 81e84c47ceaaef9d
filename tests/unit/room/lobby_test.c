/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"
#include <cJSON.h>
#include <stdlib.h>

#include "base/clk.h"
#include "room/lobby_internal.h"
#include "state/payload.h"

/* One who comes and names no room; `options` is JSON. */
static struct session *come(struct far_world *w, struct far_end *e, const char *options)
{
    struct peer peer = far_peer(e, PEER_JSON);
    cJSON *value = cJSON_Parse(options);
    struct buf any;
    struct err why;

    buf_init(&any, 0);
    CHECK(value && payload_from_json(NULL, value, &any, &why) == 0);
    cJSON_Delete(value);
    struct session_request q = {.game = game_find(&w->world, "g", 1),
                                .joins_at_once = true,
                                .options = any.data,
                                .n_options = any.len};
    *e = (struct far_end){0};
    struct session *s = session_open(&w->world, &peer, &q);
    buf_fini(&any);
    return s;
}

/* All of them go, and nothing is left of anybody. */
static void end(struct far_world *w, struct session **s, struct far_end *ends, int n)
{
    for (int i = 0; i < n; i++) {
        session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    const struct lobby *l = &game_find(&w->world, "g", 1)->lobby;
    CHECK(l->n == 0 && !l->first && !l->last && !l->cursor);
    far_step(w, 300);
    CHECK_EQ(w->world.n_rooms, 0);
    far_close(w);
}

static const char *room_of(const struct session *s)
{
    return s->player ? s->player->room->id : "";
}

TEST(lobby_fill, "without a queue nobody waits: the fullest open room, else a new one")
{
    struct far_world w;
    struct far_end e[5];
    struct session *s[5];

    far_open(&w, "return parlor.game { max_players = 2 }");
    for (int i = 0; i < 5; i++) {
        s[i] = come(&w, &e[i], "{}");
        CHECK(s[i]->player && !s[i]->waiter);
    }
    CHECK_STR(room_of(s[0]), room_of(s[1]));
    CHECK_STR(room_of(s[2]), room_of(s[3]));
    CHECK(strcmp(room_of(s[0]), room_of(s[2])) != 0);
    CHECK_EQ(w.world.n_rooms, 3);
    CHECK_EQ(w.world.lobby_us, UINT64_MAX);
    end(&w, s, e, 5);
}

TEST(lobby_queue, "who waits begins with enough others, the first that came first")
{
    struct far_world w;
    struct far_end e[4];
    struct session *s[4];
    const struct game *g =
        far_open(&w, "return parlor.game { max_players = 3, queue = { min = 3 } }");

    for (int i = 0; i < 4; i++)
        s[i] = come(&w, &e[i], "{}");
    CHECK_EQ(g->lobby.n, 4);
    CHECK(w.world.lobby_us <= clk_now_us() + LOBBY_SOON_MS * 1000);
    far_step(&w, LOBBY_SOON_MS + 1);
    CHECK(s[0]->player && s[1]->player && s[2]->player);
    CHECK_EQ(s[0]->player->id + s[1]->player->id + s[2]->player->id, 6);
    CHECK_STR(room_of(s[0]), room_of(s[2]));
    CHECK(s[3]->waiter && g->lobby.n == 1);
    CHECK(g->lobby.first == s[3]->waiter->unit && g->lobby.last == g->lobby.first);
    end(&w, s, e, 4);
}

TEST(lobby_leave, "whoever leaves the queue, first, last or between, the others stay in it")
{
    for (int gone = 0; gone < 3; gone++) {
        struct far_world w;
        struct far_end e[4];
        struct session *s[4];
        const struct game *g =
            far_open(&w, "return parlor.game { max_players = 3, queue = { min = 3 } }");
        for (int i = 0; i < 3; i++)
            s[i] = come(&w, &e[i], "{}");
        struct lobby *l = (struct lobby *)&g->lobby;
        l->cursor = s[gone]->waiter->unit; /* where the next run would go on */
        struct unit *next = l->cursor->next;
        session_closed(&s[gone], 1006);
        CHECK_EQ(l->n, 2);
        CHECK(l->cursor == next);
        uint32_t n = 0;
        for (const struct unit *u = l->first, *before = NULL; u; before = u, u = u->next) {
            CHECK(u->previous == before);
            CHECK(u->next || l->last == u);
            n++;
        }
        CHECK_EQ(n, 2);
        far_fini(&e[gone]);
        s[gone] = come(&w, &e[gone], "{}");
        far_step(&w, 300);
        for (int i = 0; i < 3; i++)
            CHECK(s[i]->player != NULL);
        end(&w, s, e, 3);
    }
}

TEST(lobby_party, "a party waits until it is whole, and comes into one room or none")
{
    struct far_world w;
    struct far_end e[5];
    struct session *s[5];
    static const char member[] = "{\"party\":{\"id\":\"p\",\"size\":3}}";

    far_open(&w, "return parlor.game { max_players = 3 }");
    s[0] = come(&w, &e[0], "{}"); /* its room has two seats left: one too few */
    s[1] = come(&w, &e[1], member);
    s[2] = come(&w, &e[2], member);
    CHECK(s[1]->waiter && s[1]->waiter->unit == s[2]->waiter->unit);
    s[3] = come(&w, &e[3], "{\"party\":{\"id\":\"p\",\"size\":2}}");
    CHECK_EQ(e[3].code, 4001);
    CHECK_STR(e[3].reason, "the party has another size");
    far_step(&w, 1000);
    CHECK(!s[1]->player);
    s[4] = come(&w, &e[4], member);
    CHECK(s[1]->player && s[2]->player && s[4]->player);
    CHECK_STR(room_of(s[1]), room_of(s[4]));
    CHECK(strcmp(room_of(s[0]), room_of(s[1])) != 0);
    end(&w, s, e, 5);
}

TEST(lobby_party_options, "a party that is none is refused, with the reason")
{
    static const char *const bad[] = {
        "{\"party\":3}",
        "{\"party\":{\"id\":\"\",\"size\":2}}",
        "{\"party\":{\"id\":\"p\",\"size\":0}}",
        "{\"party\":{\"id\":\"p\",\"size\":4}}",
        "{\"party\":{\"id\":\"p\",\"size\":1.5}}",
        "{\"party\":{\"id\":7,\"size\":2}}",
        "{\"party\":{\"size\":2}}",
        "{\"party\":{\"id\":"
        "\"0123456789012345678901234567890123456789012345678901234567890123x\",\"size\":2}"
        "}",
    };
    struct far_world w;
    struct far_end e;

    far_open(&w, "return parlor.game { max_players = 3 }");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct session *s = come(&w, &e, bad[i]);
        CHECK_EQ(e.code, 4001);
        CHECK_STR(e.reason, "party: an id and the size, which fits into a room");
        session_closed(&s, 4001);
        far_fini(&e);
    }
    end(&w, NULL, NULL, 0);
}

TEST(lobby_time, "who waits too long is told so: a lone party after a minute, a queue's "
                 "players after `wait`")
{
    struct far_world w;
    struct far_end e[2];
    struct session *s[2];

    far_open(&w, "return parlor.game {}");
    s[0] = come(&w, &e[0], "{\"party\":{\"id\":\"p\",\"size\":2}}");
    far_step(&w, LOBBY_PARTY_S * 1000 - 500);
    CHECK_EQ(e[0].code, 0);
    far_step(&w, 1000);
    CHECK_EQ(e[0].code, 4010);
    CHECK_STR(e[0].reason, "the party was not complete in time");
    end(&w, s, e, 1);

    far_open(&w, "return parlor.game { queue = { min = 2, wait = 3 } }");
    s[0] = come(&w, &e[0], "{}");
    far_step(&w, 2500);
    s[1] = come(&w, &e[1], "{\"party\":{\"id\":\"p\",\"size\":2}}");
    far_step(&w, 1000);
    CHECK_EQ(e[0].code, 4010);
    CHECK_EQ(e[1].code, 0);
    end(&w, s, e, 2);
}

TEST(lobby_limits, "only so many wait, each with so much; who is alone needs not wait")
{
    static struct far_end e[LOBBY_MAX + 1];
    static struct session *s[LOBBY_MAX + 1];
    static char big[LOBBY_OPTIONS_BYTES + 100];
    struct far_world w;

    snprintf(big, sizeof big, "{\"x\":\"%0*d\"}", LOBBY_OPTIONS_BYTES, 1);
    far_open(&w, "return parlor.game { queue = { min = 64, max = 64 }, match = { n = "
                 "parlor.match.same } }");
    s[0] = come(&w, &e[0], big);
    CHECK_EQ(e[0].code, 1013);
    session_closed(&s[0], 1013);
    far_fini(&e[0]);
    for (int i = 0; i < LOBBY_MAX; i++) {
        char options[32];
        snprintf(options, sizeof options, "{\"n\":%d}", i);
        s[i] = come(&w, &e[i], options);
        CHECK(s[i]->waiter != NULL);
    }
    s[LOBBY_MAX] = come(&w, &e[LOBBY_MAX], "{}");
    CHECK_EQ(e[LOBBY_MAX].code, 1013);
    CHECK_STR(e[LOBBY_MAX].reason, "too many wait for a room");
    end(&w, s, e, LOBBY_MAX + 1);

    far_open(&w, "return parlor.game {}");
    s[0] = come(&w, &e[0], big);
    CHECK(s[0]->player != NULL);
    end(&w, s, e, 1);
}

TEST(lobby_budget,
     "a long queue is looked through piece by piece, and its end has its turn")
{
    enum { N = 400 };
    static struct far_end e[N + 2];
    static struct session *s[N + 2];
    struct far_world w;

    far_open(&w, "return parlor.game { queue = { min = 2, max = 2 }, match = { n = "
                 "parlor.match.same } }");
    for (int i = 0; i < N + 2; i++) { /* the last two fit each other, nobody else */
        char options[32];
        snprintf(options, sizeof options, "{\"n\":%d}", i < N ? i : N);
        s[i] = come(&w, &e[i], options);
    }
    far_step(&w, LOBBY_SOON_MS + 1);
    CHECK(!s[N]->player && game_find(&w.world, "g", 1)->lobby.cursor);
    far_step(&w, 20 * LOBBY_RUN_MS);
    CHECK(s[N]->player && s[N + 1]->player);
    CHECK_STR(room_of(s[N]), room_of(s[N + 1]));
    end(&w, s, e, N + 2);
}

TEST(lobby_end, "who waits hears it when the game goes, or its rules refuse them")
{
    struct far_world w;
    struct far_end e[2];
    struct session *s[2];
    struct game *g = far_open(&w, "return parlor.game { queue = { min = 3 } }");

    s[0] = come(&w, &e[0], "{\"skill\":\"good\"}");
    CHECK(s[0]->waiter != NULL);
    CHECK_EQ(far_edit(&w, "return parlor.game { queue = { min = 3 }, match = { skill = "
                          "parlor.match.near { by = 1 } } }"),
             0);
    far_step(&w, 300);
    CHECK_EQ(e[0].code, 4001);
    CHECK_STR(e[0].reason, "skill: a number is expected");
    s[1] = come(&w, &e[1], "{}");
    game_close(&g);
    CHECK_EQ(e[1].code, 4002);
    CHECK(s[1]->waiter == NULL);
    for (int i = 0; i < 2; i++) {
        session_closed(&s[i], 1000);
        far_fini(&e[i]);
    }
    far_close(&w);
}
