/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <string.h>

#include "server/script_hint.h"

TEST(hint_messages, "errors that people make get a way out")
{
    static const struct {
        const char *message, *hint;
    } cases[] = {
        {"attempt to call global 'pritn' (a nil value)",                "did you mean print?"         },
        {"attempt to index global 'io' (a nil value)",                  "games have no files"         },
        {"attempt to index global 'frogs' (a nil value)",               "nothing is called frogs here"},
        {"attempt to call method 'brodcast' (a nil value)",             "did you mean broadcast?"     },
        {"attempt to call method 'wholly_else' (a nil value)",          "it is nil"                   },
        {"attempt to index field 'x' (a nil value)",                    "it is nil"                   },
        {"parlor.schema has no type u9 (see scripts/README.md)",        "did you mean u8?"            },
        {"parlor.game has no option tick_rte (see …)",                "did you mean tick_rate?"     },
        {"'end' expected (to close 'function' at line 3) near '<eof>'", "has no end"                  },
        {"stack overflow",                                              "without end?"                },
    };
    char out[SCRIPT_HINT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(script_hint(cases[i].message, out));
        if (!strstr(out, cases[i].hint))
            fail_msg("%s: %s", cases[i].message, out);
    }
}

TEST(hint_none, "where nothing comes to mind nothing is said")
{
    char out[SCRIPT_HINT_MAX], longer[4096] = "attempt to index global '";

    CHECK(!script_hint("", out));
    CHECK(!script_hint("as asked", out));
    CHECK(!script_hint("parlor.game has no option zzzzzzzz (see …)", out));
    memset(longer + strlen(longer), 'x', 3000);
    CHECK(script_hint(longer, out)); /* a name of any length fits */
    CHECK(strlen(out) < SCRIPT_HINT_MAX);
}

TEST(hint_near, "a name is near with a letter or two wrong, by its length")
{
    static const char *const names[] = {"x", "on", "tick", "join", "broadcast"};
    static const struct {
        const char *word, *near;
    } cases[] = {
        {"tick",         "tick"     },
        {"tikc",         "tick"     },
        {"tic",          "tick"     },
        {"tock",         "tick"     },
        {"Join",         "join"     },
        {"jion",         "join"     },
        {"brodcst",      "broadcast"},
        {"brdcst",       NULL       },
        {"tnnk",         NULL       },
        {"y",            NULL       },
        {"in",           "on"       },
        {"",             NULL       },
        {"broadcasting", NULL       },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = script_hint_near(cases[i].word, names, 5);
        if (!(cases[i].near ? near && strcmp(near, cases[i].near) == 0 : !near))
            fail_msg("%s: %s", cases[i].word, near ? near : "nothing");
    }
    CHECK(script_hint_near("x", NULL, 0) == NULL);
}
