/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "base/clk.h"
#include "script/call_stats.h"

TEST(stats_quantile, "a quantile is no lower than the truth and at most 25 % higher")
{
    struct call_stats s = {0};

    CHECK_EQ((int)call_stats_quantile(&s, 0.5), 0);
    for (uint64_t ns = 1; ns <= 100000; ns++)
        call_stats_add(&s, ns);
    CHECK_EQ((int)s.calls, 100000);
    CHECK_EQ((int)s.max_ns, 100000);
    CHECK(s.total_ns == 5000050000u);
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t q = call_stats_quantile(&s, percent / 100.0),
                 truth = 1000u * (unsigned)percent;
        CHECK(q >= truth && q <= truth + truth / 4 + 1);
    }
}

TEST(stats_ends, "no time at all and hours have a place, too")
{
    struct call_stats s = {0};

    call_stats_add(&s, 0);
    CHECK_EQ((int)call_stats_quantile(&s, 1), 0);
    call_stats_add(&s, 1ull << 50);
    CHECK(call_stats_quantile(&s, 1) > 60000000000ull);
    CHECK(s.max_ns == 1ull << 50);
    CHECK_EQ((int)call_stats_quantile(&s, 0.5), 256);
}

TEST(stats_some, "several calls at once count as so many of their mean")
{
    struct call_stats s = {0};

    call_stats_add_some(&s, 3, 3002);
    call_stats_add_some(&s, 1, 20);
    CHECK_EQ(s.calls, 4);
    CHECK_EQ(s.total_ns, 3022);
    CHECK_EQ(s.max_ns, 1000);
    CHECK_EQ(call_stats_quantile(&s, 0.25), 256);
    CHECK_EQ(call_stats_quantile(&s, 0.5), 1000);
}

static const struct call_stats *stats_of(struct rig *r, const char *name)
{
    char at[80];
    const struct call_stats *s;

    for (uint32_t i = 0; (s = vm_stats(r->vm, i, at)); i++)
        if (strcmp(at, name) == 0)
            return s;
    fail_msg("no %s", name);
    return NULL;
}

TEST(stats_callbacks,
     "each callback's calls, errors, kills and time are counted, and outlive "
     "a reload")
{
    struct rig r = {0};
    const char *game = RUNNER("budget_kill = 20, messages = {hop = {}, run = {}}",
                              "function g:tick() error('x') end function g.on.hop() end "
                              "function g.on.run() while true do end end "
                              "function g:later() end");

    rig_open(&r, game);
    for (int i = 0; i < 3; i++)
        script_tick(r.room, 0.05);
    rig_eval(
        &r,
        "local now = require('parlor').now local t = now() while now() - t < 0.001 do end "
        "room:after(0, 'later') return 1");
    script_timers(r.room, NULL);
    const struct schema *schema = r.vm->def->schema;
    const struct record *hop = &schema->messages[schema_find_message(schema, "hop", 3)];
    const struct record *run = &schema->messages[schema_find_message(schema, "run", 3)];
    CHECK_EQ(script_message(r.room, 1, hop, NULL, 0, NULL, 0, NULL), SCRIPT_DONE);
    CHECK_EQ(script_message(r.room, 1, run, NULL, 0, NULL, 0, NULL), SCRIPT_STOPPED);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ((int)stats_of(&r, "tick")->calls, 3);
        CHECK_EQ((int)stats_of(&r, "tick")->errors, 3);
        CHECK_EQ((int)stats_of(&r, "tick")->kills, 0);
        CHECK_EQ((int)stats_of(&r, "message")->calls, 1);
        CHECK_EQ((int)stats_of(&r, "message")->errors, 0);
        CHECK(stats_of(&r, "message")->max_ns >= 300000);
        CHECK_EQ((int)stats_of(&r, "on.hop")->calls, 1);
        CHECK_EQ((int)stats_of(&r, "on.run")->kills, 1);
        CHECK(stats_of(&r, "on.run")->max_ns >= 20000000);
        CHECK_EQ((int)stats_of(&r, "timer")->calls, 1);
        CHECK_EQ((int)stats_of(&r, "load")->calls, round + 1);
        CHECK_EQ((int)stats_of(&r, "join")->calls, 0);
        CHECK_EQ(rig_reload(&r, game), 0);
    }
    CHECK_EQ(rig_reload(&r, RUNNER("messages = {a = {}, run = {}}", "")), 0);
    CHECK_EQ((int)stats_of(&r, "on.run")->kills, 1);
    CHECK_EQ((int)stats_of(&r, "on.a")->calls, 0);
    rig_close(&r);
}

TEST(stats_slow, "a callback that takes longer than budget_warn is told of, once a second")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_warn = 4", ""));
    for (int i = 0; i < 3; i++)
        rig_eval(&r, "local now = os.clock local t = now() while now() - t < 0.008 do end");
    CHECK_STR(rig_trace(&r), "slow message 1\n");
    rig_close(&r);
}

TEST(stats_used,
     "bytes allocated and sent are counted for the callback and for the room; what raised "
     "has sent none")
{
    struct rig r = {0};
    struct call_stats all = {0};

    rig_open(&r, RUNNER("", ""));
    uint64_t before = stats_of(&r, "message")->allocated;
    rig_eval(&r, "room.text = ('x'):rep(50000) return 1");
    uint64_t made = stats_of(&r, "message")->allocated - before;
    CHECK(made >= 50000 && made < 200000);
    rig_eval(&r, "return 1");
    CHECK(stats_of(&r, "message")->allocated - before - made < 20000);
    CHECK_EQ(r.room->stats.allocated, stats_of(&r, "message")->allocated);
    CHECK_EQ(r.room->stats.calls, 2);

    uint64_t sent = stats_of(&r, "message")->sent; /* the two answers */
    CHECK(sent >= 2 && sent < 20);
    rig_eval(&r, "room:broadcast('hey', 1) return 1");
    CHECK_EQ(stats_of(&r, "message")->sent, sent + 100 + sent / 2);
    rig_eval(&r, "room:broadcast('hey', 1) error 'no'");
    CHECK_EQ(stats_of(&r, "message")->sent, sent + 100 + sent / 2);
    CHECK_EQ(r.room->stats.sent, stats_of(&r, "message")->sent);
    CHECK_EQ(r.room->stats.errors, 1);

    call_stats_merge(&all, stats_of(&r, "message"));
    call_stats_merge(&all, stats_of(&r, "load"));
    CHECK_EQ(all.calls, 5);
    CHECK_EQ(all.errors, 1);
    CHECK_EQ(all.sent, stats_of(&r, "message")->sent);
    CHECK_EQ(all.max_ns, stats_of(&r, "load")->max_ns > stats_of(&r, "message")->max_ns
                             ? stats_of(&r, "load")->max_ns
                             : stats_of(&r, "message")->max_ns);
    CHECK(call_stats_quantile(&all, 1) == all.max_ns);
    rig_close(&r);
}
