/* SPDX-License-Identifier: MIT */
#include "server/cmd.h"

static const char help[] =
    "Example: parlor new tag\n"
    "\n"
    "Usage: parlor new NAME [--games FOLDER]\n"
    "\n"
    "Makes games/NAME: a small game that runs, with a page and a test, to change into "
    "your\n"
    "own. A server that runs as `parlor dev` serves it at once, at /NAME/.\n"
    "\n"
    "  NAME            a-z, 0-9 and -, a letter first, up to 32; it becomes the address\n"
    "  --games FOLDER  where the games are (games)\n"
    "  --scripts FOLDER, --help\n"
    "\n"
    "Exit: 0, 64 the name is no good or taken, 78 a file cannot be written.\n";

int cmd_new(int argc, char **argv)
{
    static const struct cmd cmd = {
        .name = "new", .help = help, .max_words = 1, .needs_word = true};

    return cmd_run(&cmd, argc, argv);
}
