/* SPDX-License-Identifier: MIT */
#include "server/cmd.h"

static const char help[] =
    "Example: parlor check pond\n"
    "\n"
    "Usage: parlor check [GAME] [--games FOLDER]\n"
    "\n"
    "Reads a game, or all games, without serving them, and tells what is wrong, a line\n"
    "each: FILE:LINE: what (hint). It finds what does not load (syntax, the schema, "
    "unknown\n"
    "options, handlers of messages that are not declared), names that nothing defines,\n"
    "accidental globals, callbacks that look misspelt, and messages that nobody handles.\n"
    "\n"
    "  GAME            a name in ./games, or the path of a game's folder\n"
    "  --games FOLDER  where the games are (games)\n"
    "  --scripts FOLDER, --help\n"
    "\n"
    "Exit: 0 nothing found, 1 findings, 65 a game does not load.\n";

int cmd_check(int argc, char **argv)
{
    static const struct cmd cmd = {.name = "check", .help = help, .takes_game = true};

    return cmd_run(&cmd, argc, argv);
}
