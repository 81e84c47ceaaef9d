/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "proto/record.h"
#include "script/script_auth.h"

static const char game[] =
    "local parlor = require 'parlor'\n"
    "local g = parlor.game {}\n"
    "function g:auth(q)\n"
    "  if q.options.wait then parlor.sleep(q.options.wait) end\n"
    "  if q.token == 'no' then return nil, ('é'):rep(100) end\n"
    "  if q.token == 'nul' then return nil, 'a\\0b' end\n"
    "  return {user = q.token or (#q.headers .. q.game .. #q.query)}\n"
    "end\n"
    "return g\n";

static enum script_result ask(struct rig *r, uint32_t id, const char *options, size_t n,
                              struct script_answer *a)
{
    struct script_request q = {
        .options = (const uint8_t *)options, .n_options = n, .room = ""};

    return script_auth(r->vm, id, &q, a);
}

TEST(script_auth_answers, "in with a user, out with a reason of whole characters")
{
    struct rig r = {0};
    struct script_answer a;

    rig_open(&r, game);
    CHECK(script_has_auth(r.vm));
    CHECK_EQ(ask(&r, 1, "", 0, &a), SCRIPT_DONE);
    CHECK_EQ(a.verdict, SCRIPT_AUTH_IN);
    CHECK_EQ(a.user.len, 8);
    CHECK_MEM(a.user.data, "\5\0060pond0", 8);
    buf_fini(&a.user);
    CHECK_EQ(ask(&r, 2, "\7\1\0\5token\5\2no", 13, &a), SCRIPT_DONE);
    CHECK_EQ(a.verdict, SCRIPT_AUTH_OUT);
    CHECK_EQ(strlen(a.reason), 120);
    CHECK_STR(a.reason + 118, "é");
    buf_fini(&a.user);
    CHECK_EQ(ask(&r, 3, "\7\1\0\5token\5\3nul", 14, &a), SCRIPT_DONE);
    CHECK_STR(a.reason, "a"); /* a Close frame's text ends there, too */
    buf_fini(&a.user);
    rig_close(&r);
}

TEST(script_auth_waits, "one that sleeps goes on by its number; a dropped one is forgotten")
{
    static const char wait[] = "\7\1\0\4wait\3\x0e"; /* 7 ms */
    struct rig r = {0};
    struct script_answer a;

    rig_open(&r, game);
    for (uint32_t id = 1; id <= 2; id++) {
        CHECK_EQ(ask(&r, id, wait, sizeof wait - 1, &a), SCRIPT_DONE);
        CHECK_EQ(a.verdict, SCRIPT_AUTH_WAITS);
        CHECK(a.wait_ms == 7);
        buf_fini(&a.user);
    }
    script_auth_drop(r.vm, 1);
    script_auth_drop(r.vm, 99);
    CHECK_EQ(script_auth(r.vm, 2, NULL, &a), SCRIPT_DONE);
    CHECK_EQ(a.verdict, SCRIPT_AUTH_IN);
    buf_fini(&a.user);
    CHECK_EQ(r.n_errors, 0);
    CHECK_EQ(script_auth(r.vm, 1, NULL, &a),
             SCRIPT_RAISED); /* there is nothing to go on with */
    buf_fini(&a.user);
    rig_close(&r);
}

TEST(script_auth_none, "a game may have none; what is no function does not load")
{
    struct rig r = {0};

    rig_open(&r, "return require('parlor').game {}");
    CHECK(!script_has_auth(r.vm));
    rig_close(&r);
    r = (struct rig){0};
    CHECK(!rig_load(&r, "local g = require('parlor').game {} g.auth = 7 return g"));
    CHECK(strstr(r.e.text, "auth must be a function"));
    rig_close(&r);
}

TEST(script_jwt, "parlor.jwt without keys, without a token, with no text")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    CHECK_STR(rig_eval(&r, "local c, why = require('parlor').jwt('a.b.c') return why"),
              "\"no tokens are configured here (jwt_alg, jwt_key)\"");
    CHECK_STR(rig_eval(&r, "local c, why = require('parlor').jwt(nil) return why"),
              "\"there is no token\"");
    CHECK(strstr(rig_eval(&r, "require('parlor').jwt({})"), "string expected"));
    rig_close(&r);
}
