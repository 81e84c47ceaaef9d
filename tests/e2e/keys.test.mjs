// SPDX-License-Identifier: MIT
// Keys in the terminal of `parlor dev`, typed into a real one (a pty), and the terminal
// afterwards.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { upgrade } from "./lib/raw.mjs";
import { gamesFolder, root, temporaryFolder, until } from "./lib/server.mjs";

const binary = process.env.PARLOR_BIN ?? path.join(root, "build/asan/parlor");
const LINES = { lines: true, echo: true };
const KEYS = { lines: false, echo: false };
const GAME = `local parlor = require "parlor"
return parlor.game { state = { n = parlor.schema.u8 } }
`;

/** A shell below which parlor runs; the terminal outlives it by a line. */
const SHELL = ["sh", "-c", '"$@"; echo over; read -r line', "sh"];
const childrenOf = (pid) =>
  fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);

/** parlor in a terminal. type() types, shows() waits for a text, end() is how all ended. */
function inTerminal(args, { env = {}, shell = [] } = {}) {
  const child = spawn("/usr/bin/python3", [path.join(root, "tests/e2e/lib/pty.py"), ...shell, binary, ...args], {
    cwd: root,
    env: { ...process.env, PARLOR_DATA: "off", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (data) => (text += data));
  const pid = () => Number(/^pid (\d+)/.exec(text)[1]);
  const closed = new Promise((done) => child.on("close", () => ((child.isClosed = true), done())));
  // Whatever happens here, neither the server nor its bots outlive it.
  process.on("exit", () => child.isClosed || process.kill(pid(), "SIGTERM"));
  const shows = (pattern, ms) =>
    until(String(pattern), () => pattern.exec(text), ms).catch((error) => {
      throw new Error(`${error.message}:\n${text}`);
    });
  return {
    shows,
    pid,
    text: () => text,
    type: (keys) => child.stdin.write(keys),
    async end() {
      await closed;
      assert.doesNotMatch(text, /Sanitizer|runtime error/);
      return JSON.parse(text.trimEnd().split("\n").at(-1));
    },
  };
}

async function startDev(folder, options = {}) {
  const dev = inTerminal(["dev", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off", ...(options.args ?? [])], options);
  const [, port] = await dev.shows(/http:\/\/127\.0\.0\.1:(\d+)/);
  await dev.shows(/Keys: o open the hub.*\? help/);
  dev.url = `http://127.0.0.1:${port}`;
  dev.games = async () => (await (await fetch(`${dev.url}/_parlor/games`)).json()).games;
  return dev;
}

test("? tells, r reloads all, another key does nothing, q ends; the terminal is as it was", async () => {
  const dev = await startDev(gamesFolder([], { "one/game.lua": GAME, "two/game.lua": GAME }));
  dev.type("x\x1b[A?");
  await dev.shows(/q {2}quit/);
  dev.type("r");
  await dev.shows(/one.*v2/);
  await dev.shows(/two.*v2/);
  assert.doesNotMatch(dev.text(), /v3/);
  dev.type("q");
  assert.deepEqual(await dev.end(), { status: 0, before: LINES, during: KEYS, after: LINES });
});

test("o opens the hub, or tells where it is", async () => {
  const bin = temporaryFolder();
  const seen = path.join(bin, "seen");
  fs.writeFileSync(path.join(bin, "xdg-open"), `#!/bin/sh\necho "$1" >${seen}\n`, { mode: 0o755 });
  const folder = gamesFolder([], { "one/game.lua": GAME });
  const dev = await startDev(folder, { env: { PATH: `${bin}:${process.env.PATH}` } });
  dev.type("o");
  const told = await until("the address", () => fs.existsSync(seen) && fs.readFileSync(seen, "utf8"));
  assert.equal(told, `${dev.url}/\n`);
  dev.type("q");
  await dev.end();

  const bare = await startDev(folder, { env: { PATH: temporaryFolder() } });
  bare.type("o");
  await bare.shows(/open http:\/\/127\.0\.0\.1:\d+\/ in a browser/);
  bare.type("q");
  await bare.end();
});

test("b adds two bots to each game that has a bot.lua, five times; they end with the server", async () => {
  const bot = { "one/bot.lua": "return { think = function() end }" };
  const dev = await startDev(gamesFolder([], { "one/game.lua": GAME, "two/game.lua": GAME, ...bot }), { shell: SHELL });
  const players = async () => (await dev.games()).map(({ players: n }) => n);
  dev.type("b");
  await dev.shows(/bots: 2 more in 1 game/);
  await until("two bots", async () => String(await players()) === "2,0");
  dev.type("bbbbb");
  await dev.shows(/10 bots a game are enough/);
  await until("ten bots", async () => String(await players()) === "10,0");
  const children = childrenOf(childrenOf(dev.pid())[0]);
  assert.equal(children.length, 5);
  dev.type("q");
  await dev.shows(/over/);
  // A process that has ended and is nobody's yet is still there, as a zombie.
  const isOver = (pid) => {
    try {
      return /^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return true;
    }
  };
  await until("their end", () => children.every(isOver));
  dev.type("\n");
  assert.equal((await dev.end()).status, 0);
});

test("b says so where no game has bots", async () => {
  const dev = await startDev(gamesFolder([], { "one/game.lua": GAME }));
  dev.type("b");
  await dev.shows(/no game has a bot\.lua/);
  dev.type("\x03"); // Ctrl-C
  assert.deepEqual(await dev.end(), { status: 0, before: LINES, during: KEYS, after: LINES });
});

test("the terminal is put back when a signal ends the server", async () => {
  for (const [signal, status] of [["SIGTERM", 0], ["SIGQUIT", 3]]) {
    const dev = await startDev(gamesFolder([], { "one/game.lua": GAME }));
    process.kill(dev.pid(), signal);
    const end = await dev.end();
    assert.equal(end.status & 0x7f, status, signal);
    assert.deepEqual([end.during, end.after], [KEYS, LINES], signal);
  }
});

test("a second q does not wait for who does not go, and the terminal is put back then too", async () => {
  const args = ["--close-ms", "60000"]; // it would wait so long
  const dev = await startDev(gamesFolder([], { "one/game.lua": GAME }), { args });
  const raw = await upgrade(Number(new URL(dev.url).port), "/one"); // answers no close
  dev.type("q");
  await dev.shows(/stopping/);
  dev.type("q");
  const end = await dev.end();
  raw.destroy();
  assert.deepEqual([end.status >> 8, end.during, end.after], [130, KEYS, LINES]);
});

test("serve listens to no key, nor does dev whose stdin is no terminal", async () => {
  const folder = gamesFolder([], { "one/game.lua": GAME });
  const serve = inTerminal(["serve", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off"]);
  await serve.shows(/http:\/\/127\.0\.0\.1:\d+/);
  serve.type("?\n");
  serve.type("\x03");
  const end = await serve.end();
  assert.deepEqual([end.status, end.during], [0, LINES]);
  assert.doesNotMatch(serve.text(), /Keys:|q {2}quit/);

  const piped = spawn(binary, ["dev", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off"], { env: { ...process.env, PARLOR_DATA: "off" } });
  process.on("exit", () => piped.kill("SIGKILL"));
  let said = "";
  for (const stream of [piped.stdout, piped.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  await until("its address", () => /127\.0\.0\.1:\d+/.test(said));
  piped.stdin.write("q?r");
  const { port } = /127\.0\.0\.1:(?<port>\d+)/.exec(said).groups;
  const { games } = await (await fetch(`http://127.0.0.1:${port}/_parlor/games`)).json();
  assert.equal(games.length, 1);
  const over = new Promise((done) => piped.on("close", done));
  piped.kill("SIGTERM");
  assert.equal(await over, 0);
  assert.doesNotMatch(said, /Keys:|q {2}quit|v2/);
});
