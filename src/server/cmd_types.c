/* SPDX-License-Identifier: MIT */
#include "server/cmd.h"

static const char help[] =
    "Example: parlor types pond\n"
    "\n"
    "Usage: parlor types [GAME] [--games FOLDER] [--print]\n"
    "\n"
    "Writes what editors need to complete a game's own names, from its schema:\n"
    "  GAME/.types/game.lua     LuaLS: state, players, messages and events for game.lua\n"
    "  GAME/.types/schema.d.ts  TypeScript: the same for the page\n"
    "  GAME/.types/shared.d.ts  TypeScript: what /GAME/shared.js exports, where the game "
    "has\n"
    "                           a shared.lua\n"
    "The definitions of Parlor's own API are scripts/types/parlor.lua.\n"
    "\n"
    "  GAME            a name in ./games, or the path of a game's folder\n"
    "  --games FOLDER  where the games are (games)\n"
    "  --print         to stdout; nothing is written\n"
    "  --scripts FOLDER, --help\n"
    "\n"
    "Exit: 0, 65 a game does not load, 78 a file cannot be written.\n";

int cmd_types(int argc, char **argv)
{
    static const struct cmd cmd = {
        .name = "types", .help = help, .takes_game = true, .flag = "--print"};

    return cmd_run(&cmd, argc, argv);
}
