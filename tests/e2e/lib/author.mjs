// SPDX-License-Identifier: MIT
/* What an author runs without a server: the commands over a folder of games. */
import { gamesFolder, runToEnd } from "./server.mjs";

/** What every game.lua of these tests begins with: two lines. */
export const HEAD = `local parlor = require "parlor"\nlocal s = parlor.schema\n`;

/** Runs a command over a games folder made of these files. */
export async function run(command, files, ...words) {
  const games = gamesFolder([], files);
  const end = await runToEnd([command, ...words, "--games", games]);
  const tidy = (text) => text.replaceAll(games, "games");
  return { games, code: end.code, stdout: tidy(end.stdout), stderr: tidy(end.stderr) };
}

/** A text's lines, without the end of the last one. */
export const lines = (text) => text.trimEnd().split("\n");
