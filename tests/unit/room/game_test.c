/* SPDX-License-Identifier: MIT */
#include "far.h"
#include "unit.h"

#include "base/clk.h"
#include "room/game.h"

static const char plain[] = "return parlor.game { tick_rate = 20, max_players = 2 }";

TEST(game_names, "names of games and rooms are what the paths allow")
{
    static const char *const good[] = {"a", "pond", "x-2",
                                       "abcdefghijklmnopqrstuvwxyz-01234"};
    static const char *const bad[] = {
        "", "Pond", "2x", "-a", "a_b", "a.b", "a/b", "abcdefghijklmnopqrstuvwxyz-012345"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(game_is_name(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!game_is_name(bad[i], strlen(bad[i])));
    CHECK(!game_is_name("a\0b", 3));
    CHECK(game_is_room_name("Den_1.~-", 8));
    CHECK(!game_is_room_name("", 0));
    CHECK(!game_is_room_name("a b", 3));
    CHECK(!game_is_room_name("a\0b", 3));
    CHECK(!game_is_room_name("\xc3\xa4", 2));
    char long_name[ROOM_ID_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    CHECK(game_is_room_name(long_name, ROOM_ID_MAX));
    CHECK(!game_is_room_name(long_name, ROOM_ID_MAX + 1));
}

TEST(game_pick,
     "the fullest open room is picked; full, locked, named and closing ones are not")
{
    struct far_world w;
    struct game *g = far_open(&w, plain);
    struct far_end ends[6];
    struct session *s[6];

    s[0] = far_join(&w, &ends[0], PEER_JSON, NULL);
    struct room *first = s[0]->player->room;
    CHECK(room_is_open(first) && strlen(first->id) == 6);
    s[1] = far_join(&w, &ends[1], PEER_JSON, "den");
    CHECK(s[1]->player->room != first && !room_is_open(s[1]->player->room));
    s[2] = far_join(&w, &ends[2], PEER_JSON, NULL);
    CHECK(s[2]->player->room == first && room_is_full(first));
    s[3] = far_join(&w, &ends[3], PEER_JSON, NULL);
    struct room *second = s[3]->player->room;
    CHECK(second != first);
    second->is_locked = true;
    room_tell_place(second);
    CHECK(!room_is_open(second));
    s[4] = far_join(&w, &ends[4], PEER_JSON, NULL);
    CHECK(s[4]->player->room != second);
    second->is_locked = false;
    room_tell_place(second);
    session_closed(&s[4], 1000);
    far_step(&w, 100);
    room_close(second, "");
    CHECK(!room_is_open(second));
    s[4] = far_join(&w, &ends[5], PEER_JSON, NULL);
    CHECK(s[4]->player->room != second);
    session_closed(&s[4], 1000);
    far_fini(&ends[4]);
    far_fini(&ends[5]);
    CHECK_EQ(g->n_players, 5);
    CHECK_EQ(w.world.n_rooms, 4);
    for (int i = 0; i < 4; i++)
        session_closed(&s[i], 1000);
    far_step(&w, 100);
    CHECK_EQ(g->n_players, 0);
    CHECK_EQ(g->passes.by_token.n, 0);
    CHECK_EQ(w.world.n_rooms, 0);
    CHECK_EQ(world_next_us(&w.world), UINT64_MAX);
    for (int i = 0; i < 4; i++)
        far_fini(&ends[i]);
    far_close(&w);
}

TEST(game_broken, "a game that does not load is kept with its error, and mended by a save")
{
    struct far_world w;
    struct game *g = far_open(&w, "error('broken')");
    struct far_end e;

    CHECK(g && !g->vm && g->load_error.code < 0);
    CHECK(strstr(g->load_error.text, "broken"));
    struct session *s = far_join(&w, &e, PEER_JSON, NULL);
    CHECK_EQ(e.code, 4002);
    session_closed(&s, 4002);
    far_fini(&e);
    CHECK_EQ(far_edit(&w, plain), 0);
    CHECK(g->vm && g->load_error.code == 0);
    CHECK(far_edit(&w, "nonsense") < 0);
    CHECK(g->vm && g->load_error.code < 0);
    far_close(&w);
}

TEST(game_create,
     "options of the first join reach create; a create that raises leaves a room")
{
    struct far_world w;
    struct game *g = far_open(&w, "local g = parlor.game { tick_rate = 20 } "
                                  "function g:create() error('no') end return g");
    struct far_end e;
    struct session *s = far_join(&w, &e, PEER_JSON, "den");

    CHECK(strstr(w.error, "g create: no"));
    CHECK(game_find_room(g, "den", 3) != NULL);
    CHECK(game_find_room(g, "de", 2) == NULL);
    far_step(&w, 60);
    CHECK(far_holds(&e, "\"snapshot\""));
    session_closed(&s, 1000);
    far_fini(&e);
    far_close(&w);
}

TEST(game_dev, "the developer's news reach those who have the overlay")
{
    struct far_world w;
    struct game *g = far_open(&w, plain);
    struct far_end a, b;
    struct session *s = far_join(&w, &a, PEER_JSON, NULL);
    struct session *t = far_join(&w, &b, PEER_BINARY, NULL);

    far_step(&w, 60);
    game_tell_dev(g, "\"x\":1", 5);
    CHECK_STR(far_text(&a, a.n - 1), "{\"t\":\"dev\",\"x\":1}");
    CHECK_STR(far_text(&b, b.n - 1), "\x40\x07{\"x\":1}");
    session_closed(&s, 1000);
    session_closed(&t, 1000);
    far_fini(&a);
    far_fini(&b);
    far_close(&w);
}
