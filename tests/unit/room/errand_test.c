/* SPDX-License-Identifier: MIT */
/*
 * Sessions that go from one world to another: two worlds of one directory, in one thread,
 * and a post that is delivered when the test says so.
 */
#include "unit.h"
#include <stdlib.h>
#include <unistd.h>

#include "base/clk.h"
#include "room/errand.h"
#include "room/far.h"

#define GAME(options)                                                                      \
    "local parlor = require 'parlor'\n"                                                    \
    "local g = parlor.game { tick_rate = 20, max_players = 2, " options " }\n"             \
    "function g:message(player, name, data) self:broadcast(name, data) end\n"              \
    "function g:auth(r) return { user = r.options.user or '-' } end\n"                     \
    "return g\n"

static struct {
    struct directory *directory;
    struct world worlds[2];
    char folder[64];
    struct session *moving; /* NULL: nobody */
    int n_alone;            /* have gone without their connections */
    char error[256];
} two;

static void on_error(void *ctx, struct game *g, const struct script_error *error)
{
    (void)ctx;
    (void)g;
    snprintf(two.error, sizeof two.error, "%s", error->message);
}

static void on_schedule(void *ctx)
{
    (void)ctx;
}

static void on_move(void *ctx, struct session *s, unsigned worker)
{
    (void)ctx;
    CHECK(!two.moving);
    CHECK_EQ(worker, session_goes_to(s));
    two.moving = s;
}

static const struct world_ops ops = {
    .on_error = on_error, .on_schedule = on_schedule, .on_move = on_move};

static void open_two(const char *source)
{
    char path[128];

    memset(&two, 0, sizeof two);
    strcpy(two.folder, "/tmp/parlor-unit-XXXXXX");
    CHECK(mkdtemp(two.folder));
    snprintf(path, sizeof path, "mkdir %s/g", two.folder);
    CHECK_EQ(system(path), 0);
    snprintf(path, sizeof path, "%s/g/game.lua", two.folder);
    FILE *f = fopen(path, "w");
    fputs(source, f);
    fclose(f);
    clk_fake(1000000000);
    two.directory = directory_new(2);
    for (unsigned i = 0; i < 2; i++) {
        world_init(&two.worlds[i], two.folder, SCRIPTS_DIR, false, &ops, NULL);
        world_join(&two.worlds[i], two.directory, i);
        struct game *g = game_open(&two.worlds[i], "g");
        CHECK(g && g->vm);
    }
}

static void close_two(void)
{
    char command[128];

    CHECK_STR(two.error, "");
    for (int i = 0; i < 2; i++)
        world_fini(&two.worlds[i]);
    CHECK_EQ(hall_count(directory_hall(two.directory, "g")).n_rooms, 0);
    directory_free(&two.directory);
    snprintf(command, sizeof command, "rm -r %s", two.folder);
    CHECK_EQ(system(command), 0);
    clk_real();
}

static struct session *open_session(unsigned worker, struct far_end *e, const char *room,
                                    bool joins)
{
    struct peer peer = far_peer(e, PEER_JSON);
    struct session_request q = {.game = game_find(&two.worlds[worker], "g", 1),
                                .room = room,
                                .n_room = room ? strlen(room) : 0,
                                .joins_at_once = joins};

    *e = (struct far_end){0};
    return session_open(&two.worlds[worker], &peer, &q);
}

/* The one that moves arrives, as often as it goes on. Returns how often. */
static int deliver(void)
{
    int n = 0;

    for (struct session *s; (s = two.moving); n++) {
        unsigned to = session_goes_to(s);
        bool is_alone = session_goes_alone(s);
        two.moving = NULL;
        two.n_alone += is_alone;
        session_detach(s);
        if (is_alone)
            session_talk_through(s, &far_ops, s->peer.conn);
        session_attach(s, &two.worlds[to]);
        session_arrive(s);
    }
    return n;
}

static void step(unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        clk_fake_advance(1000);
        for (int k = 0; k < 2; k++)
            world_run(&two.worlds[k], clk_now_us());
    }
}

static void say(struct session *s, const char *text)
{
    session_message(s, WS_TEXT, (const uint8_t *)text, strlen(text));
}

TEST(errand_named, "who names a room sits there, and what was said on the way is heard")
{
    struct far_end a, b;

    open_two(GAME("reconnect = 0"));
    struct session *one = open_session(0, &a, "den", true);
    CHECK(one->player && !two.moving);
    struct session *other = open_session(1, &b, "den", true);
    CHECK(two.moving == other && !other->player);
    say(other, "{\"t\":\"send\",\"name\":\"hey\",\"data\":7}");
    CHECK_EQ(deliver(), 1);
    CHECK(other->player && other->player->room == one->player->room);
    CHECK_EQ(other->player->id, 2);
    step(100);
    CHECK(far_holds(&a, "\"name\":\"hey\",\"data\":7"));
    CHECK_EQ(two.worlds[0].n_rooms, 1);
    CHECK_EQ(two.worlds[1].n_rooms, 0);
    session_closed(&one, 1000);
    session_closed(&other, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    close_two();
}

TEST(errand_seats, "a seat is kept for who is under way, and given on when they are lost")
{
    struct far_end a, b, c;

    open_two(GAME("reconnect = 0"));
    struct session *one = open_session(0, &a, "den", true);
    struct session *lost = open_session(1, &b, "den", true);
    struct session *third = open_session(0, &c, "den", true);
    CHECK(two.moving == lost);
    CHECK_EQ(c.code, 4004);
    session_closed(&third, 4004);
    far_fini(&c);
    two.moving = NULL;
    session_detach(lost);
    session_closed(&lost, 1006); /* between the two workers */
    third = open_session(0, &c, "den", true);
    CHECK(third->player);
    session_closed(&one, 1000);
    session_closed(&third, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    far_fini(&c);
    close_two();
}

TEST(errand_gone, "where the room has ended meanwhile it is made anew")
{
    struct far_end a, b;

    open_two(GAME("reconnect = 0"));
    struct session *one = open_session(0, &a, "den", true);
    struct session *other = open_session(1, &b, "den", true);
    session_closed(&one, 1000);
    step(100);
    CHECK_EQ(two.worlds[0].n_rooms, 0);
    CHECK(two.moving == other);
    deliver();
    CHECK(other->player && !other->is_over);
    step(100);
    CHECK(far_holds(&b, "\"t\":\"hello\""));
    session_closed(&other, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    close_two();
}

TEST(errand_home, "those who name no room meet, wherever they came from")
{
    struct far_end ends[4];
    struct session *s[4];

    open_two(GAME("reconnect = 0"));
    for (unsigned i = 0; i < 4; i++) {
        s[i] = open_session(i % 2, &ends[i], NULL, true);
        deliver();
        CHECK(s[i]->player);
    }
    struct hall_counts n = hall_count(directory_hall(two.directory, "g"));
    CHECK_EQ(n.n_rooms, 2);
    CHECK_EQ(n.n_players, 4);
    CHECK_EQ(two.worlds[0].n_rooms, 1); /* each on its own worker */
    CHECK_EQ(two.worlds[1].n_rooms, 1);
    for (int i = 0; i < 4; i++) {
        session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    step(100);
    close_two();
}

TEST(errand_ban, "a ban that comes while somebody is under way is told on arrival")
{
    struct far_end a, b;
    struct ban_key key;

    open_two(GAME("reconnect = 0"));
    struct session *one = open_session(0, &a, "den", true);
    struct session *other = open_session(1, &b, "den", true);
    CHECK(ban_key_of_user(&key, (const uint8_t *)"\x05\x01-", 3));
    struct game *g = game_find(&two.worlds[0], "g", 1);
    session_closed(&one, 1000);
    CHECK(game_ban(g, &key, 60, "enough"));
    deliver();
    CHECK(other->is_over);
    CHECK_EQ(b.code, 4003);
    session_closed(&other, 4003);
    step(100);
    far_fini(&a);
    far_fini(&b);
    close_two();
}

TEST(errand_resume, "a token finds its seat on the other worker; an unknown one nobody")
{
    struct far_end a, b, c;
    char token[64], hello[256];

    open_two(GAME("reconnect = 30"));
    struct session *one = open_session(0, &a, "den", false);
    say(one, "{\"t\":\"hello\",\"join\":{}}");
    CHECK(one->player && !two.moving);
    step(100);
    const char *at = strstr(far_text(&a, 0), "\"token\":\"");
    CHECK(at);
    CHECK_EQ(sscanf(at, "\"token\":\"%63[^\"]", token), 1);
    struct player *p = one->player;
    session_closed(&one, 1006);
    step(100);

    struct session *back = open_session(1, &b, NULL, false);
    snprintf(hello, sizeof hello,
             "{\"t\":\"hello\",\"resume\":{\"token\":\"%s\",\"epoch\":%u,\"tick\":1}}",
             token, p->room->epoch);
    say(back, hello);
    CHECK(two.moving == back);
    CHECK_EQ(deliver(), 1);
    CHECK(back->player == p);

    struct session *wrong = open_session(1, &c, NULL, false);
    for (char *digit = token; *digit; digit++)
        *digit = *digit == '1' ? '2' : '1';
    snprintf(hello, sizeof hello,
             "{\"t\":\"hello\",\"resume\":{\"token\":\"%s\",\"epoch\":1,\"tick\":1}}",
             token);
    say(wrong, hello);
    CHECK_EQ(deliver(), 2); /* both have been asked, and it is over */
    CHECK(wrong->is_over);
    CHECK_EQ(c.code, 4002);
    session_closed(&wrong, 4002);
    session_closed(&back, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    far_fini(&c);
    close_two();
}

TEST(errand_alone, "into a room that is spread a session goes without its connection")
{
    struct far_end a, b;

    open_two(GAME("reconnect = 0, spread = 1"));
    struct session *one = open_session(0, &a, "den", true);
    CHECK(one->player);
    struct session *other = open_session(1, &b, "den", true);
    CHECK(two.moving == other && session_goes_alone(other));
    CHECK_EQ(deliver(), 1);
    CHECK(other->player && other->player->room == one->player->room && other->is_remote);
    step(100);
    CHECK(far_holds(&b, "\"t\":\"hello\""));
    session_closed(&one, 1000);
    session_closed(&other, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    close_two();
}

TEST(errand_lobby_back,
     "from the lobby it goes back to where it was accepted, and on alone")
{
    struct far_end ends[4];
    struct session *s[4];
    unsigned n_remote = 0;

    open_two("local parlor = require 'parlor'\n"
             "return parlor.game { max_players = 8, spread = 1, reconnect = 0 }\n");
    for (unsigned i = 0; i < 4; i++) {
        s[i] = open_session(i % 2, &ends[i], NULL, true);
        deliver();
        CHECK(s[i]->player);
        CHECK(s[i]->player->room == s[0]->player->room);
        bool is_here = s[i]->player->room->game->world->worker == s[i]->origin;
        CHECK(i == 0 || s[i]->is_remote == !is_here);
        n_remote += s[i]->is_remote;
        step(100);
        CHECK(far_holds(&ends[i], "\"t\":\"hello\""));
    }
    CHECK_EQ(n_remote, two.n_alone);
    CHECK(n_remote > 0);
    for (int i = 0; i < 4; i++) {
        session_closed(&s[i], 1000);
        far_fini(&ends[i]);
    }
    step(100);
    close_two();
}

TEST(errand_resume_back, "who comes back to such a room does as well, with the same token")
{
    struct far_end a, b, c;
    char token[64], hello[256];

    open_two(GAME("reconnect = 30, spread = 1"));
    struct session *one = open_session(0, &a, "den", false);
    say(one, "{\"t\":\"hello\",\"join\":{}}");
    struct session *other = open_session(1, &b, "den", false);
    say(other, "{\"t\":\"hello\",\"join\":{}}");
    deliver();
    step(100);
    const char *at = strstr(far_text(&b, 0), "\"token\":\"");
    CHECK(at);
    snprintf(token, sizeof token, "%.32s", at + 9);
    uint32_t id = other->player->id;
    session_closed(&other, 1006);
    step(100);
    snprintf(hello, sizeof hello,
             "{\"t\":\"hello\",\"resume\":{\"token\":\"%s\",\"epoch\":1,\"tick\":0}}",
             token);
    other = open_session(1, &c, NULL, false);
    say(other, hello);
    CHECK_EQ(deliver(), 3); /* there, back, and there alone */
    CHECK(other->player && other->is_remote);
    CHECK_EQ(other->player->id, id);
    CHECK_EQ(two.n_alone, 2);
    step(100);
    CHECK(far_holds(&c, "\"t\":\"hello\""));
    session_closed(&one, 1000);
    session_closed(&other, 1000);
    step(100);
    far_fini(&a);
    far_fini(&b);
    far_fini(&c);
    close_two();
}

TEST(errand_alone_late, "one that has come alone moves no more: it is told to come back")
{
    struct far_end a, b;

    open_two(GAME("reconnect = 0, spread = 1, rooms = 'listed'"));
    struct session *one = open_session(0, &a, NULL, true);
    deliver();
    CHECK(one->player);
    struct room *r = one->player->room;
    unsigned there = r->game->world->worker;
    struct session *other = open_session(!there, &b, r->id, true);
    CHECK(two.moving == other && session_goes_alone(other));
    session_closed(&one, 1000);
    step(100); /* the room has ended */
    deliver();
    CHECK(other->is_over);
    CHECK(b.code == 4002 || b.code == 1013);
    session_closed(&other, b.code);
    far_fini(&a);
    far_fini(&b);
    close_two();
}
