/* SPDX-License-Identifier: MIT */
#include "server/script_hint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WORD = 48 };

#define COUNT(list) (sizeof(list) / sizeof *(list))

const char *const script_hint_options[] = {
    "state", "messages", "events", "rooms", "protocols", "match", "queue",
#define NUMBER(name, preset, low, high) #name,
#define WHOLE(name, preset, low, high)  #name,
#define FLAG(name)                      #name,
#define SWITCH(name)                    #name,
#define TEXT(name, max_bytes)           #name,
#include "script/game_option.def"
#undef NUMBER
#undef WHOLE
#undef FLAG
#undef SWITCH
#undef TEXT
    NULL,
};

/* What a room or a player can be asked to do. */
static const char *const methods[] = {
    "send",  "broadcast", "after", "every", "cancel",  "random", "lock",
    "close", "label",     "kick",  "watch", "unwatch", "view",   "ban",
};

static const char *const types[] = {
    "bool", "u8",   "u16", "u32",     "i8",    "i16",  "i32", "uint",
    "int",  "f32",  "f64", "fixed",   "angle", "enum", "str", "bytes",
    "opt",  "list", "map", "message", "text",  "any",
};

static const char *const globals[] = {
    "assert", "error",        "ipairs",       "next",      "pairs",   "pcall",    "xpcall",
    "select", "tonumber",     "tostring",     "type",      "unpack",  "rawequal", "rawget",
    "rawset", "setmetatable", "getmetatable", "print",     "require", "load",     "string",
    "table",  "math",         "bit",          "coroutine", "os",      "parlor",
};

/* Names that Lua has and games do not get. */
static const struct {
    const char *name, *hint;
} withheld[] = {
    {"self",           "function game:name(…) has self; in game.on.name(room, player, m) it is room"},
    {"io",             "games have no files; what must last goes into the state"                      },
    {"debug",          "games have no debug library; parlor.log(…) writes to the log"               },
    {"ffi",            "games have no ffi"                                                            },
    {"package",        "games have require, without package"                                          },
    {"dofile",         "use require \"name\" for a file of the game's folder"                         },
    {"loadfile",       "use require \"name\" for a file of the game's folder"                         },
    {"loadstring",     "use load(text)"                                                               },
    {"setfenv",        "load(text, name, \"t\", environment) runs a text in another environment"      },
    {"getfenv",        "games have no getfenv"                                                        },
    {"collectgarbage", "memory is the server's to look after"                                         },
    {"newproxy",       "use a table with a metatable"                                                 },
    {"module",         "return a table from the file instead"                                         },
    {"jit",            "games have no jit library"                                                    },
};

/* Letters that have to change, be added, left out or swapped with the next one. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned rows[3][MAX_WORD + 1];

    if (n > MAX_WORD || m > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = last[j - 1] + (tolower((unsigned char)a[i - 1]) !=
                                           tolower((unsigned char)b[j - 1]));
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *script_hint_near(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned least = len < 2 ? 1 : len < 5 ? 2 : 3; /* it must be below this */

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

const char *script_hint_method(const char *word)
{
    return script_hint_near(word, methods, COUNT(methods));
}

/* The word behind `before` in the text, up to what no name holds; false where `before`
 * is not there. */
static bool word_after(const char *text, const char *before, char out[MAX_WORD + 1])
{
    const char *at = strstr(text, before);
    size_t n = 0;

    if (!at)
        return false;
    at += strlen(before);
    while (n < MAX_WORD && (isalnum((unsigned char)at[n]) || at[n] == '_'))
        n++;
    memcpy(out, at, n);
    out[n] = 0;
    return n > 0;
}

static bool did_you_mean(const char *word, const char *const *names, size_t n,
                         char out[SCRIPT_HINT_MAX])
{
    const char *near = script_hint_near(word, names, n);

    if (near)
        snprintf(out, SCRIPT_HINT_MAX, "did you mean %s?", near);
    return near != NULL;
}

/* A global that is nil: what Lua has and games do not, a slip, or neither. */
static bool about_global(const char *word, char out[SCRIPT_HINT_MAX])
{
    for (size_t i = 0; i < COUNT(withheld); i++)
        if (strcmp(word, withheld[i].name) == 0) {
            snprintf(out, SCRIPT_HINT_MAX, "%s", withheld[i].hint);
            return true;
        }
    if (!did_you_mean(word, globals, COUNT(globals), out))
        snprintf(out, SCRIPT_HINT_MAX,
                 "nothing is called %s here: a slip, or local to another file or function?",
                 word);
    return true;
}

bool script_hint(const char *message, char out[SCRIPT_HINT_MAX])
{
    static const struct {
        const char *part, *hint;
    } known[] = {
        {"timer: the game has no method",
         "timers name methods of the game: function game:name(…)"                                  },
        {"(a nil value)",                     "it is nil: not set yet, misspelt, or already removed?"},
        {"'end' expected",                    "a function, if, for or while above has no end"        },
        {"'<eof>' expected",
         "there is one end too many, or something behind the last return"                            },
        {"unexpected symbol",                 "look at the end of the line before, too"              },
        {"unfinished string",                 "a quote is missing"                                   },
        {"must return what parlor.game gave", "the last line of game.lua: return game"               },
        {"stack overflow",                    "does a function call itself without end?"             },
    };
    char word[MAX_WORD + 1];
    size_t n_options = COUNT(script_hint_options) - 1;

    if (word_after(message, "global '", word))
        return about_global(word, out);
    if ((word_after(message, "method '", word) || word_after(message, "field '", word)) &&
        strstr(message, "attempt to call") &&
        did_you_mean(word, methods, COUNT(methods), out))
        return true;
    if (word_after(message, "parlor.schema has no type ", word))
        return did_you_mean(word, types, COUNT(types), out);
    if (word_after(message, "parlor.game has no option ", word))
        return did_you_mean(word, script_hint_options, n_options, out);
    for (size_t i = 0; i < COUNT(known); i++)
        if (strstr(message, known[i].part)) {
            snprintf(out, SCRIPT_HINT_MAX, "%s", known[i].hint);
            return true;
        }
    return false;
}
