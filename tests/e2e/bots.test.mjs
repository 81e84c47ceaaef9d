// SPDX-License-Identifier: MIT
// parlor bots: players who are not there, over real sockets.
import assert from "node:assert/strict";
import net from "node:net";
import path from "node:path";
import test, { after, describe, it } from "node:test";

import { join, joinJ1 } from "./lib/player.mjs";
import { gamesFolder, root, runToEnd, startProgram, startServer, until } from "./lib/server.mjs";

const games = path.join(root, "games");
const server = await startServer({ folder: gamesFolder(["pond", "cards", "chat", "board", "doc"], {
  "two/game.lua": `local parlor = require "parlor"
local s = parlor.schema
local two = parlor.game { tick_rate = 20, max_players = 2, events = { told = { n = s.u8 } },
  state = { said = s.u16, who = s.map({ name = s.str(16), tag = s.str(8) }) } }
function two:join(p, o)
  self.state.who[p.id] = { name = p.name, tag = o.tag or "" }
  self:send(p, "told", { n = 7 })
end
function two:message(p, name, n) self.state.said = self.state.said + n end
function two:leave(p) self.state.who[p.id] = nil end
return two`,
  "two/bot.lua": `return { every = 50, join = { tag = "t" }, think = function(bot)
  local told = bot:event "told"
  if told and bot.state.who[bot.id].name == "Bot 1" then bot:send("said", told.n) end
end }`,
  "bad/game.lua": `return require "parlor".game { state = {} }`,
  "bad/bot.lua": `return { think = function(bot) error "cannot think" end }`,
  "none/game.lua": `return require "parlor".game { state = {} }`,
  "odd/game.lua": `return require "parlor".game { state = {} }`,
  "odd/bot.lua": `return { every = 1, think = print }`,
}) });
after(() => server.stop());

const words = (args) => ["bots", "--url", server.origin, "--games", server.folder ?? games, ...args];

/** Bots that play until stop(): how long they need for what a test waits for is theirs. */
const play = (...args) => startProgram(words(args));
const leave = async (run) => assert.equal((await run.stop()).code, 0, run.stderr);

test("bots of the pond eat worms beside a player, and leave when they are told to", async () => {
  const ann = await join(server, "/pond/b?name=ann");
  const run = play("pond", "4", "--room", "b");
  await ann.until("four frogs more", () => Object.keys(ann.state.frogs).length === 5);
  await ann.until("a bot that has eaten", () =>
    Object.entries(ann.state.frogs).some(([id, frog]) => id !== String(ann.id) && frog.worms > 0),
  );
  await leave(run);
  await ann.until("them gone", () => Object.keys(ann.state.frogs).length === 1);
  const short = await runToEnd(words(["pond", "1", "--room", "b", "--seconds", "1"]));
  assert.equal(short.code, 0, short.stderr);
  await ann.leave();
});

test("bots of the doc write sentences around what a player writes", async () => {
  const ann = await join(server, "/doc/b?name=ann");
  const { born } = ann.state;
  const op = [{ keep: 0, cut: 0, put: "é😀\n" }];
  ann.say("edit", { born, base: 0, id: 1, op, from: 0, to: 0, whole: false });
  const run = play("doc", "2", "--room", "b");
  // Each writes a word at a time, and begins a paragraph where it likes: they take turns
  // within a line.
  await ann.until("some words", () => /^é😀\s+\p{L}+,?\s+\p{L}+,?\s+\p{L}+/u.test(ann.state.text));
  await ann.until("the end of a sentence", () => /\p{L}\./u.test(ann.state.text));
  await ann.until("two carets", () => Object.values(ann.state.people).filter((p) => p.from > 4).length === 2);
  await leave(run);
  await ann.leave();
});

test("a bot has join options, state, events and its own id; who finds no seat says why", async () => {
  const eve = await join(server, "/two/r?name=eve");
  const run = play("two", "3", "--room", "r");
  await eve.until("what the first bot was told", () => eve.state.said === 7);
  assert.deepEqual(Object.values(eve.state.who).map(({ name, tag }) => [name, tag]).sort(), [["Bot 1", "t"], ["eve", ""]]);
  await until("why", () => /1 of 3 bots play: room is full/.test(run.stderr));
  await leave(run);
  await eve.leave();
});

describe("the bots of the samples", { concurrency: 3 }, () => {
  it("bots of cards deal, and play in turn and in time", async () => {
    const run = play("cards", "3", "--room", "b");
    await until("them at a table", async () => (await server.game("cards")).players > 0);
    const eve = await joinJ1(server, "/cards/b", { name: "Eve", spectate: true });
    await eve.until("a round", () => eve.state.phase === "play");
    const moves = () => eve.of("event").filter(({ name }) => name === "did").map(({ data }) => data);
    await eve.until("moves of two of them", () => new Set(moves().map(({ by }) => by)).size >= 2 && moves().length >= 4);
    assert.ok(moves().every(({ what }) => what !== "late"));
    await eve.leave();
    await leave(run);
  });

  it("a bot in the chat makes a person moderator, and answers to its name", async () => {
    const run = play("chat", "1");
    await until("the bot", async () => (await server.game("chat")).players === 1);
    const ann = await joinJ1(server, "/chat/lobby", { name: "Ann" });
    const people = () => Object.values(ann.state.people);
    await ann.until("that she moderates", () => ann.state.people[ann.id].moderator);
    const bot = people().find(({ name }) => name !== "Ann");
    ann.say("say", { text: `Hello ${bot.name}` });
    await ann.until("that it types", () => people().some(({ typing }) => typing));
    await ann.until("an answer", () => Object.values(ann.state.lines).some(({ name }) => name === bot.name));
    await ann.leave();
    await leave(run);
  });

  it("bots draw on the board and take it back", async () => {
    const ann = await joinJ1(server, "/board/b", { name: "Ann" });
    const run = play("board", "2", "--room", "b");
    const strokes = (hidden) => Object.values(ann.state.strokes).filter((stroke) => stroke.hidden === hidden);
    // A bot begins when a die says so, five times a second; a line and a look take 13 s.
    await ann.until("a line", () => strokes(false).length > 0, 60000);
    await ann.until("its points", () => Object.keys(ann.state.ink).length > 0);
    await ann.until("it gone again", () => strokes(true).length > 0, 60000);
    await ann.leave();
    await leave(run);
  });
});

test("what is wrong is said in a line: bot.lua, the server, the words", async () => {
  const cases = [
    [["bad", "1"], 65, /bad\/bot\.lua:1: cannot think/],
    [["none"], 65, /none\/bot\.lua: there is no such file/],
    [["odd"], 65, /every: a number of ms from 20/],
    [[], 64, /which game/],
    [["pond", "0"], 64, /1 to 1000/],
    [["pond", "1", "--room", "a b"], 64, /no name of a room/],
    [["pond", "1", "--url", "https://x"], 64, /http:\/\/HOST/],
    [["pond", "1", "--nothing"], 64, /no such option/],
  ];
  for (const [args, code, said] of cases) {
    const run = await runToEnd(words(args));
    assert.equal(run.code, code, `${args}: ${run.stderr}`);
    assert.match(run.stderr, said);
  }
});

test("a server that speaks WebSocket badly ends the bot's line, and nothing else", async () => {
  // What it sends after the right answer to the bots' handshake, and what they say.
  const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  const odd = /a frame that bots do not know/;
  const rows = [
    ["a length of 2^63", "\r\n", "827f8000000000000000", odd],
    ["a length of 2^64 - 1", "\r\n", "827fffffffffffffffff", odd],
    ["1 GiB announced", "\r\n", "827f0000000040000000", odd],
    ["a mask", "\r\n", "828100000000ff", odd],
    ["reserved bits that nobody agreed on", "\r\n", "c20100", odd],
    ["an extension that nobody offered", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n\r\n", "c20100", odd],
    ["a fragment", "\r\n", "0201ff", odd],
    ["a Close of one byte", "\r\n", "880103", /0 of 1 bots play: code 1005/],
    ["a text for who speaks in bytes", "\r\n", "81027b7d", /what bots do not know: text/],
    ["a record that is none", "\r\n", "8203010203", /what bots do not know/],
    ["a ping of 64 KiB, then a Close", "\r\n", `897f0000000000010000${"00".repeat(65536)}880203e8`, /code 1000/],
    ["a head without end", "X: y\r\n".repeat(3000), "", /does not speak WebSocket/],
  ];
  for (const [what, headers, frames, words] of rows) {
    const sockets = [];
    const other = net.createServer((s) => {
      sockets.push(s.on("error", () => {}));
      s.once("data", () => s.write(Buffer.concat([Buffer.from(answer + headers), Buffer.from(frames, "hex")])));
    });
    await new Promise((done) => other.listen(0, "127.0.0.1", done));
    const at = `http://127.0.0.1:${other.address().port}`;
    const run = await runToEnd(["bots", "pond", "1", "--url", at, "--games", games, "--seconds", "1"], { ms: 30000 });
    assert.match(run.stderr, words, what);
    assert.doesNotMatch(run.stderr, /client\.lua|bad argument/, what);
    assert.ok([0, 69].includes(run.code), `${what}: ended with ${run.code}`);
    for (const s of sockets) s.destroy();
    other.close();
  }
});

test("no server, and one that speaks something else", async () => {
  const other = net.createServer((s) => s.on("error", () => {}).end("220 mail.example\r\n\r\n")).listen(0, "127.0.0.1");
  await new Promise((done) => other.once("listening", done));
  const at = `http://127.0.0.1:${other.address().port}`;
  const run = startProgram(["bots", "pond", "1", "--url", at, "--games", games]);
  await until("what is wrong", () => /does not speak HTTP/.test(run.stderr));
  await leave(run);
  other.close();
  await until("its end", () => !other.listening);
  const gone = await runToEnd(["bots", "pond", "1", "--url", at, "--games", games]);
  assert.equal(gone.code, 69);
  assert.match(gone.stderr, /no server answers/);
});
