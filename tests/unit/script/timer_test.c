/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <math.h>

#define NOTES                                                                              \
    "function g:note(...) self:broadcast('note', {...}) end\n"                             \
    "function g:fails() error 'failed' end\n"                                              \
    "function g:again() self:note('again') self:after(0, 'again') end\n"

/* Run the timers at `ms`, and see what they noted. */
static void run_at(struct rig *r, double ms, const char *notes)
{
    char have[4096] = "";

    r->room->now_ms = ms;
    script_timers(r->room, NULL);
    for (const char *at = rig_trace(r); (at = strstr(at, "note -1 [")); at++) {
        size_t n = strcspn(at + 9, "\n") - 1;
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%.*s",
                 *have ? " " : "", (int)n, at + 9);
    }
    if (strcmp(have, notes) != 0)
        fail_msg("at %g ms: %s instead of %s", ms, have, notes);
    buf_clear(&r->trace);
}

TEST(timers_order, "timers run in the order they are due; ties in the order they were set")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    CHECK(isinf(r.room->wake_ms));
    CHECK_STR(rig_eval(&r,
                       "return {room:after(30, 'note', 'c'), room:after(10, 'note', 'a'), "
                       "room:after(20, 'note', 'b1'), room:after(20, 'note', 'b2'), "
                       "room:after(0, 'note', 'z')}"),
              "[1,2,3,4,5]");
    CHECK(r.room->wake_ms == 0);
    run_at(&r, 0, "\"z\"");
    CHECK(r.room->wake_ms == 10);
    run_at(&r, 9.9, "");
    run_at(&r, 29, "\"a\" \"b1\" \"b2\"");
    CHECK(r.room->wake_ms == 30);
    run_at(&r, 30, "\"c\"");
    CHECK(isinf(r.room->wake_ms));
    run_at(&r, 1000, "");
    rig_close(&r);
}

TEST(timers_args, "arguments arrive as they were, nil among them")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES
                        "function g:count(...) self:note(select('#', ...), (select(3, "
                        "...))) end"));
    rig_eval(&r, "room:after(1, 'count', nil, 2, 'x', nil) room:after(2, 'count')");
    run_at(&r, 1, "4,\"x\"");
    run_at(&r, 2, "0");
    rig_close(&r);
}

TEST(timers_every, "every goes on in step; rounds missed by more than one are dropped")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    rig_eval(&r, "room:every(100, 'note', 1)");
    run_at(&r, 99, "");
    run_at(&r, 100, "1");
    run_at(&r, 150, "");
    run_at(&r, 205, "1");
    CHECK(r.room->wake_ms == 300);
    run_at(&r, 10000, "1 1 1");
    run_at(&r, 10050, "");
    run_at(&r, 10100, "1");
    rig_close(&r);
    rig_open(&r, RUNNER("", NOTES));
    rig_eval(&r, "room:every(0, 'note', 1)"); /* a period is 1 ms at least */
    CHECK(r.room->wake_ms == 1);
    run_at(&r, 1, "1");
    CHECK(r.room->wake_ms == 2);
    rig_close(&r);
}

TEST(timers_anew, "a timer that sets itself anew with no delay waits for the next tick")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    rig_eval(&r, "room:after(5, 'again') room:after(5, 'note', 'other')");
    run_at(&r, 5, "\"again\" \"other\"");
    run_at(&r, 5, "\"again\"");
    run_at(&r, 6, "\"again\"");
    rig_close(&r);
}

TEST(timers_cancel, "cancel takes one away once, its own too, and tells whether")
{
    struct rig r = {0};

    rig_open(&r,
             RUNNER("", NOTES "function g:stop(id) self:note('stop') self:cancel(id) end"));
    CHECK_STR(rig_eval(&r,
                       "local a, b = room:after(10, 'note', 1), room:every(10, 'stop', 2) "
                       "return {room:cancel(a), room:cancel(a), room:cancel(99), "
                       "room:cancel(), b}"),
              "[true,false,false,false,2]");
    CHECK(r.room->wake_ms == 10);
    run_at(&r, 10, "\"stop\"");
    CHECK(isinf(r.room->wake_ms));
    run_at(&r, 100, "");
    rig_close(&r);
}

TEST(timers_errors, "an error in one timer costs only that one round")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    rig_eval(&r, "room:after(1, 'fails') room:every(1, 'fails') room:after(1, 'nothing') "
                 "room:after(1, 'state') room:after(1, 'note', 'last')");
    run_at(&r, 1, "\"last\"");
    CHECK_EQ(r.n_errors, 4);
    CHECK_STR(r.error,
              "timer|:0|timer: the game has no method state; the timer is dropped");
    CHECK_STR(r.room_of_error, "lobby");
    rig_forget(&r);
    run_at(&r, 2, "");
    CHECK_EQ(r.n_errors, 1);
    CHECK(strstr(r.error, "timer|pond/game.lua:") && strstr(r.error, "|failed"));
    rig_close(&r);
}

TEST(timers_dropped, "a round timer whose method is gone is told of once")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    rig_eval(&r, "room:every(1, 'nothing') room:every(1, 'note', 'on')");
    run_at(&r, 1, "\"on\"");
    CHECK_EQ(r.n_errors, 1);
    rig_forget(&r);
    run_at(&r, 2, "\"on\"");
    CHECK_EQ(r.n_errors, 0);
    rig_close(&r);
}

static const struct {
    const char *code, *error;
} bad[] = {
    {"room:after(-1, 'note')",  "the delay is a number of ms from 0"},
    {"room:after(0/0, 'note')", "the delay is a number of ms from 0"},
    {"room:after(1/0, 'note')", "the delay is a number of ms from 0"},
    {"room:after('5', 'note')", "the delay is a number of ms from 0"},
    {"room:every(nil, 'note')", "the delay is a number of ms from 0"},
    {"room:every(5, print)",    "timers take the name of a method"  },
    {"room:after(5)",           "timers take the name of a method"  },
};

TEST(timers_bad, "what is no delay or no name is refused at the script's own line")
{
    struct rig r = {0};
    char code[128], error[160];

    rig_open(&r, RUNNER("", NOTES));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(code, sizeof code, "\n\n%s\nreturn 1", bad[i].code);
        snprintf(error, sizeof error, "message|pond/run.lua:3|%s", bad[i].error);
        rig_eval(&r, code);
        CHECK_STR(r.error, error);
    }
    CHECK_STR(rig_eval(&r, "for i = 1, 4096 do room:after(1e6 - i, 'note') end return 1"),
              "1");
    CHECK_STR(rig_eval(&r, "room:after(1, 'note') return 1"),
              "!too many timers in this room");
    rig_close(&r);
}

TEST(timers_closed, "a room that is gone takes no timers, and another's do not run it")
{
    struct image *image;
    struct rig r = {0};

    rig_open(&r, RUNNER("", NOTES));
    struct script_room *second = rig_room(&r, "second", &image);
    script_seat_add(second, 1, "bob");
    rig_eval_in(&r, second, "gone = room room:after(5, 'note', 'second')");
    CHECK(isinf(r.room->wake_ms));
    run_at(&r, 10, "");
    rig_end_room(&second, &image);
    CHECK_STR(rig_eval(&r, "local id, why = gone:after(1, 'note') return {id == nil, why, "
                           "gone:cancel(1)}"),
              "[true,\"the room is closed\",false]");
    rig_close(&r);
}
