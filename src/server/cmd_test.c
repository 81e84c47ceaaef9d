/* SPDX-License-Identifier: MIT */
#include "server/cmd.h"

static const char help[] =
    "Example: parlor test pond\n"
    "\n"
    "Usage: parlor test [GAME] [WORD] [--games FOLDER] [--seconds N] [--log]\n"
    "\n"
    "Runs the test.lua of a game, or of all games: players and clock are simulated, so an\n"
    "hour of play takes a moment. Reports in TAP.\n"
    "\n"
    "  GAME            a name in ./games, or the path of a game's folder\n"
    "  WORD            only the tests whose sentence holds it\n"
    "  --games FOLDER  where the games are (games)\n"
    "  --seconds N     one test may take so long before all ends with 1 (60)\n"
    "  --log           show what the games print and the server logs, on stderr\n"
    "  --scripts FOLDER, --help\n"
    "\n"
    "How to write a test.lua: scripts/README.md, \"Tests\".\n"
    "Exit: 0 all passed, 1 a test failed or there was none, 65 a game does not load.\n";

int cmd_test(int argc, char **argv)
{
    static const struct cmd cmd = {
        .name = "test", .help = help, .takes_game = true, .max_words = 1};

    return cmd_run(&cmd, argc, argv);
}
