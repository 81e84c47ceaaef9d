// SPDX-License-Identifier: MIT
// The tutorial of games/README.md: its ten steps are made one after the other in a server
// that runs, with two players who stay through all of them, and one in Chromium.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { joinJ1, resumeJ1 } from "./lib/player.mjs";
import { gamesFolder, root, startProgram, startServer, until } from "./lib/server.mjs";

const readme = fs.readFileSync(path.join(root, "games/README.md"), "utf8");
const tutorial = readme.slice(readme.indexOf("## Tutorial"));
const steps = tutorial.split(/^\*\*(?=\d+\. )/m).slice(1).map((text) => ({
  number: Number.parseInt(text, 10),
  blocks: [...text.matchAll(/```(\w+)\n([^]*?)```/g)].map(([, language, code]) => ({ language, code })),
}));

const server = await startServer({ folder: gamesFolder([], {}) });
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await server.stop();
});

/** The line of `lines` that begins with `start`, spaces aside; there must be one. */
function findLine(lines, start) {
  const found = lines.flatMap((line, i) => (line.trimStart().startsWith(start) ? [i] : []));
  assert.equal(found.length, 1, `${found.length} lines begin with: ${start}`);
  return found[0];
}

/** The last line of what begins in line i: a function or a list goes to the line that
 * closes it at the same depth, anything else is one line. */
function endOf(lines, i) {
  if (!/\{$|^\s*function [^)]*\)$/.test(lines[i])) return i;
  const depth = lines[i].match(/^ */)[0];
  const closes = (line) => line.startsWith(depth) && /^(end|[})]+;?)$/.test(line.slice(depth.length));
  const end = lines.findIndex((line, k) => k > i && closes(line));
  assert.ok(end > i, `nothing closes: ${lines[i]}`);
  return end;
}

/** The files that a step changes, by name, as they are afterwards. */
function applied({ blocks }) {
  const files = new Map();
  for (const { language, code } of blocks) {
    if (language === "sh") continue;
    const [head, ...body] = code.trimEnd().split("\n");
    const place = head.match(/^(?:--|\/\/) ([\w./]+)(?:, (above|below|in place of): (.+))?$/);
    assert.ok(place, `where does this belong: ${head}`);
    const [, file, how, start] = place;
    const name = `tag/${file}`;
    const lines = how ? (files.get(name) ?? server.read(name).split("\n")) : [];
    const i = how ? findLine(lines, start) : 0;
    if (how === "above") lines.splice(i, 0, ...body, ...(/^function/.test(body[0]) ? [""] : []));
    else if (how === "below") lines.splice(i + 1, 0, ...body);
    else lines.splice(i, how ? endOf(lines, i) - i + 1 : 0, ...body, ...(how ? [] : [""]));
    files.set(name, lines);
  }
  return files;
}

const devs = (kind) => ann.of("dev").filter((record) => record.kind === kind);

/** Makes a step as its reader does, and waits until the players' room runs the new code, or
 * their pages have been told. */
async function make(number) {
  const files = applied(steps[number - 1]);
  const [code, pages] = [devs("reloaded").length, devs("page").length];
  for (const [name, lines] of files) server.save(name, lines.join("\n"));
  if (files.has("tag/game.lua")) await ann.until("the new code", () => devs("reloaded").length > code);
  if (files.has("tag/web/index.html")) await ann.until("the new page", () => devs("page").length > pages);
  assert.deepEqual(ann.of("dev").filter(({ kind }) => kind === "error" || kind === "taken_back"), []);
  assert.equal((await server.game("tag")).error, null);
  assert.equal(ann.closed ?? bob.closed, undefined, "they have stayed");
}

const dot = (player, of = player) => player.state.dots[of.id];

/** Runs the lines of a step's sh blocks, with where the games and the server are; bots play
 * until what is looked for has been seen. */
async function sh(number, look) {
  for (const { code } of steps[number - 1].blocks.filter(({ language }) => language === "sh"))
    for (const line of code.trim().split("\n")) {
      const [, command, ...words] = line.split(" ");
      if (command === "dev") continue; // it runs already
      if (command === "bots") words.push("--url", server.origin);
      const begun = startProgram([command, ...words, "--games", server.folder]);
      if (command === "bots") await look();
      const run = await (command === "bots" ? begun.stop() : begun.end());
      assert.equal(run.code, 0, `${line}:\n${run.stdout}${run.stderr}`);
    }
}

let ann, bob, cat; // Cat plays in Chromium, from step 6 on
let x;

test("there are ten, and each says what to do", () => {
  assert.deepEqual(steps.map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const { number, blocks } of steps) assert.ok(blocks.length > 0, `step ${number}`);
});

test("1: a game that runs", async () => {
  await sh(1);
  await until("the game", async () => (await server.game("tag"))?.error === null);
  ann = await joinJ1(server, "/tag", { name: "Ann" });
  bob = await joinJ1(server, "/tag", { name: "Bob" });
  x = dot(ann).x;
  ann.say("push", { dx: x < 50 ? 2 : -2, dy: 0 });
  await bob.until("the push", () => dot(bob, ann).x !== x);
});

test("2: the hub has its name", async () => {
  await make(2);
  const { title, about, players } = await server.game("tag");
  assert.deepEqual([title, about, players], ["Tag", "One is it. Do not get caught.", 2]);
});

test("3: who plays already sees the new field", async () => {
  assert.equal(ann.state.it, undefined);
  await make(3);
  await ann.until("the field", () => ann.state.it === 0);
});

test("4: who comes is it, and somebody else when that one leaves", async () => {
  await make(4);
  const eve = await joinJ1(server, "/tag", { name: "Eve" });
  await ann.until("Eve is it", () => ann.state.it === eve.id);
  await eve.leave();
  await ann.until("another one", () => [ann.id, bob.id].includes(ann.state.it));
});

test("5: one goes where one wants to, at the speed of the rules, and stops when cut off", async () => {
  await make(5);
  x = dot(bob, ann).x;
  const way = x < 50 ? 1 : -1;
  ann.say("push", { dx: 127, dy: 0 });
  ann.say("go", { dx: way * 50, dy: 0 });
  ann.say("go", { dx: way, dy: 0 });
  await bob.until("a way", () => Math.abs(dot(bob, ann).x - x) > 3);
  ann.say("go", { dx: 0, dy: 0 });
  // A delta is one tick, or several; the first says when she set out.
  const places = bob.of("delta").flatMap((d) => [[d.tick, d.dots?.["~"]?.[ann.id]?.x]]).filter(([, at]) => at !== undefined).slice(-3);
  const [[from, a], [to, b]] = [places.at(0), places.at(-1)];
  assert.ok(Math.abs(b - a) <= (to - from) * (30 / 20 + 1 / 32), JSON.stringify(places));

  const eve = await joinJ1(server, "/tag", { name: "Eve" });
  eve.say("go", { dx: 0, dy: 1 });
  await bob.until("Eve on her way", () => bob.of("delta").some(({ dots }) => dots?.["~"]?.[eve.id]));
  eve.drop();
  const still = () => bob.record("a tick", (record) => record.t === "delta", { from: bob.records.length, ms: 1000 }).catch(() => "still");
  await until("nobody who moves", async () => (await still()) === "still");
  await (await resumeJ1(server, "/tag", eve)).leave();
});

test("6: the page says so", async () => {
  await make(6);
  cat = await browser.page(`${server.origin}/tag/?name=Cat`);
  const there = await ann.until("Cat", () => Object.entries(ann.state.dots).find(([, { name }]) => name === "Cat"));
  const place = () => ({ ...ann.state.dots[there[0]] });
  await cat.waitForFunction(() => document.querySelector("canvas").onpointerup);
  const { x: before } = place();
  const key = before < 50 ? "ArrowRight" : "ArrowLeft";
  await cat.keyboard.down(key);
  await ann.until("a way by keys", () => Math.abs(place().x - before) > 2);
  await cat.keyboard.up(key);
  // Into a corner, where she is in nobody's way.
  const box = await cat.locator("canvas").boundingBox();
  await cat.mouse.move(box.x + box.width - 1, box.y + box.height - 1);
  await cat.mouse.down();
  await ann.until("a way by pointer", () => place().x > 97 && place().y > 97);
  await cat.mouse.up();
  assert.deepEqual(cat.complaints, []);
});

/** Ann and Bob: who of them is it, who is not. Cat never is: nobody comes into her corner. */
const roles = () => (ann.state.it === bob.id ? [bob, ann] : [ann, bob]);

/** Sends the one of them who is it after the other until that one has been caught. */
async function hunt() {
  const [hunter, prey] = roles();
  assert.equal(hunter.state.it, hunter.id);
  const caught = ({ name, data }) => name === "caught" && data.by === hunter.id && data.who === prey.id;
  const from = prey.records.length;
  let next = 0;
  await hunter.until(
    "a catch",
    () => {
      if (Date.now() < next) return prey.state.it !== hunter.id;
      next = Date.now() + 60; // not more than a server takes, however long it lasts
      const [a, b] = [dot(hunter), dot(hunter, prey)];
      const far = Math.max(1, Math.hypot(b.x - a.x, b.y - a.y));
      hunter.say("go", { dx: (b.x - a.x) / far, dy: (b.y - a.y) / far });
      return prey.state.it !== hunter.id;
    },
    60000,
  );
  hunter.say("go", { dx: 0, dy: 0 });
  await prey.record("the event", (r) => r.t === "event" && caught(r), { from });
  await hunter.until("who is it now", () => hunter.state.it === prey.id);
}

test("7: whom it touches is it, and all are told", async () => {
  await make(7);
  await hunt();
});

test("8: points for who is not it, in the room that has been there all the time", async () => {
  const from = ann.records.length;
  let { it } = ann.state;
  await make(8);
  await ann.until("two points", () => Object.values(ann.state.dots).some(({ points }) => points >= 2));
  for (const record of ann.records.slice(from)) {
    if (record.t === "snapshot") ({ it } = record.state);
    const got = Object.entries(record.dots?.["~"] ?? {}).filter(([, { points }]) => points);
    if (!record.it) assert.ok(!got.some(([id]) => Number(id) === it), `${it}: ${JSON.stringify(got)}`);
    it = record.it ?? it;
  }
});

test("9: the page shows it", async () => {
  await make(9);
  await cat.waitForFunction(() => document.querySelector("p").role === "status");
  await hunt();
  await cat.getByText(/^(Ann|Bob) caught (Bob|Ann)$/).waitFor();
  await browser.shot(cat, "tutorial");
  assert.deepEqual(cat.complaints, []);
});

test("10: it checks, its tests pass, and bots play", async () => {
  await make(10);
  let isSeen = false;
  await sh(10, async () => {
    await ann.until("four more", () => Object.keys(ann.state.dots).length >= 7);
    const places = JSON.stringify(ann.state.dots);
    await ann.until("them about", () => JSON.stringify(ann.state.dots) !== places);
    isSeen = true;
  });
  assert.ok(isSeen, "there is a line that starts bots");
  await ann.leave();
  await bob.leave();
});
