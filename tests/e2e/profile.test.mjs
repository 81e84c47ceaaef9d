// SPDX-License-Identifier: MIT
// parlor profile and /_calls: where a running game's time goes, and what it uses.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import { freePort, runToEnd, startServer, temporaryFolder, until } from "./lib/server.mjs";

const burner = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { tick_rate = 20, budget_kill = 200, max_kills = 32, state = { n = s.u32 },
  events = { big = { text = s.str(2000) } } }
local function burn(n)
  local x = 0
  for i = 1, n do
    x = x + i % 7
  end
  return x
end
local function rest() return burn(10) end
function game:tick()
  self.state.n = self.state.n + 1
  local x = burn(2e6) + rest()
  self.last = x
end
function game:message(player, name)
  if name == "loop" then while true do end end
  if name == "bad" then self:broadcast("big", { text = ("x"):rep(900) }) error "no" end
  if name == "big" then self:broadcast("big", { text = ("x"):rep(900) }) end
  if name == "make" then self.heap = ("y"):rep(100000) end
end
return game
`;

const admin = `127.0.0.1:${await freePort()}`;

const server = await startServer({
  games: ["pond"],
  args: ["--admin", admin],
  files: { "burner/game.lua": burner, "broken/game.lua": "return 5\n" },
});
after(() => server.stop());

const profile = (...args) => runToEnd(["profile", ...args, "--admin", admin]);
/** Starts one and waits until the server is at it. Returns its end. */
async function begin(...args) {
  const begun = () => [...server.log().matchAll(/profile \d+ begins/g)].length;
  const before = begun();
  const end = profile(...args);
  await until("its beginning", () => begun() > before);
  return { end };
}
const calls = async (game) => (await fetch(`http://${admin}/_calls?game=${game}`)).json();
/** The burner's, once all workers have told theirs in time. */
const callsOnce = (fits) =>
  until("its calls", async () => {
    const now = await calls("burner");
    return fits(now) && now;
  });

/** Samples whose stack `pattern` matches, and all. */
function count(folded, pattern) {
  const lines = folded.trim().split("\n").filter(Boolean);
  for (const line of lines) assert.match(line, /^[^;]+(;[^;]+)* \d+$/);
  const sum = (list) => list.reduce((n, line) => n + Number(line.split(" ").at(-1)), 0);
  return [sum(lines.filter((line) => pattern.test(line))), sum(lines)];
}

test("the function that burns the time has most of the samples, through its callers", async (t) => {
  const ann = await join(server, "/burner?name=ann");
  const { code, stdout, stderr } = await profile("burner", "--seconds", "4", "--hz", "500");
  assert.equal(code, 0, stderr);
  const [inBurn, all] = count(stdout,
    /^callback burner\.tick;burner\/game\.lua:13 tick;burner\/game\.lua:5 burn \d+$/);
  t.diagnostic(`burn: ${inBurn} of ${all} samples`);
  assert.ok(all > 20, `${all} samples`);
  assert.ok(inBurn > all * 0.8, `${inBurn} of ${all} samples`);
  await ann.leave();
});

test("--out writes the file; a game that nobody plays has no samples, which is said", async () => {
  const out = path.join(temporaryFolder(), "pond.folded");
  const { code, stdout, stderr } = await profile("pond", "--seconds", "1", "--out", out);
  assert.equal(code, 0);
  assert.equal(stdout, "");
  assert.equal(fs.readFileSync(out, "utf8"), "");
  assert.match(stderr, /^parlor: nothing of pond ran in these 1 s: does anybody play\?$/m);
});

test("kills and reloads go on while a profile is taken, and it goes on over them", async () => {
  const ann = await join(server, "/burner/kills?name=ann");
  const { end } = await begin("burner", "--seconds", "8", "--hz", "1000");
  for (let i = 1; i <= 3; i++) {
    ann.say("loop", {});
    await until("the kill", async () =>
      (await calls("burner")).callbacks.message?.kills === i);
    server.save("burner/game.lua", burner.replace("local function rest", `-- ${i}\nlocal function rest`));
    await until("the reload", async () => (await server.game("burner")).version === i + 1);
  }
  const n = ann.state.n;
  await ann.until("ticks", () => ann.state.n > n + 3);
  const { code, stdout, stderr } = await end;
  assert.equal(code, 0, stderr);
  const [loops] = count(stdout, /^callback burner\.message;burner\/game\.lua:\d+ message \d+$/);
  assert.ok(loops > 50, stdout);
  assert.ok(count(stdout, /burner\/game\.lua:14 tick;/)[0] > 0, "the reloaded code, a line below");
  assert.equal(ann.closed, undefined);
  await ann.leave();
});

test("one at a time: the second is told so, and the first is not disturbed", async () => {
  const ann = await join(server, "/burner/twice?name=ann");
  const { end } = await begin("burner", "--seconds", "6");
  const second = await profile("pond", "--seconds", "1");
  assert.equal(second.code, 69);
  assert.equal(second.stderr, "parlor: the server is taking a profile already; try again once that is over\n");
  const { code, stdout } = await end;
  assert.equal(code, 0);
  assert.ok(count(stdout, /burn/)[0] > 0);
  assert.equal((await profile("burner", "--seconds", "1")).code, 0, "and a third may follow");
  await ann.leave();
});

for (const [what, args, code, message] of [
  ["no game", [], 64, /^parlor: profile: which game\?/],
  ["a game that is not there", ["nobody"], 64, /^parlor: nobody: the server at \S+ has no such game$/],
  ["no name", ["../x"], 64, /^parlor: \.\.\/x: this is no name of a game$/],
  ["a game that does not load", ["broken"], 65, /^parlor: broken: the game's script does not load$/],
  ["too long", ["pond", "--seconds", "61"], 64, /^parlor: --seconds: a number from 1 to 60$/],
  ["too often", ["pond", "--hz", "1001"], 64, /^parlor: --hz: a number from 1 to 1000$/],
  ["a strange word", ["pond", "--hertz", "5"], 64, /^parlor: --hertz: there is no such option/],
  ["no folder", ["pond", "--out", "/nowhere/x"], 78, /^parlor: \/nowhere\/x cannot be written: No such file/],
])
  test(`parlor profile with ${what} ends with ${code} and one line`, async () => {
    const run = await profile(...args);
    assert.equal(run.code, code);
    assert.match(run.stderr.trimEnd(), message);
    assert.equal(run.stderr.trimEnd().split("\n").length, 1);
    assert.equal(run.stdout, "");
  });

test("without a server parlor profile says where it has looked and ends with 69", async () => {
  const { code, stderr } = await runToEnd(["profile", "pond", "--admin", "127.0.0.1:9"]);
  assert.equal(code, 69);
  assert.match(stderr, /^parlor: no server answers at 127\.0\.0\.1:9: Connection refused; .*--admin\)\?\n$/);
});

test("/_profile is on the admin listener only, and no page may begin one", async () => {
  const post = (base, query, headers = {}) =>
    fetch(`${base}/_profile?${query}`, { method: "POST", headers });
  assert.equal((await post(server.origin, "game=pond")).status, 405);
  assert.equal((await fetch(`${server.origin}/_profile?id=1`)).status, 404);
  assert.equal((await fetch(`${server.origin}/_calls?game=pond`)).status, 404);
  const base = `http://${admin}`;
  assert.equal((await post(base, "game=pond", { Origin: "http://evil.example" })).status, 403);
  for (const query of ["game=pond&seconds=0", "game=pond&seconds=61", "game=pond&hz=1001", "game=pond&hz=x", "hz=9"])
    assert.equal((await post(base, query)).status, 400, query);
  assert.equal((await post(base, "game=nobody")).status, 404);
  assert.equal((await fetch(`${base}/_profile`)).status, 400);
  assert.equal((await fetch(`${base}/_profile?id=999`)).status, 404);
  assert.equal((await fetch(`${base}/_profile`, { method: "PUT" })).status, 405);
});

test("/_calls and /metrics tell what callbacks and rooms have allocated and sent", async () => {
  const ann = await join(server, "/burner/sums?name=ann");
  const bob = await join(server, "/burner/sums?name=bob");
  const isThere = ({ rooms }) => rooms.some(({ id }) => id === "sums");
  const before = (await callsOnce((now) => isThere(now) && now.callbacks.message)).callbacks.message;
  ann.say("big", {});
  ann.say("bad", {});
  ann.say("make", {});
  const now = await callsOnce((all) => isThere(all) && all.callbacks.message.calls === before.calls + 3);
  const { message } = now.callbacks;
  const sent = message.sent_bytes - before.sent_bytes;
  assert.ok(sent > 2 * 900 && sent < 2 * 1100, `${sent} bytes: to two players, what raised was not sent`);
  assert.equal(message.errors, before.errors + 1);
  const made = message.allocated_bytes - before.allocated_bytes;
  assert.ok(made > 100000 && made < 400000, `${made} bytes`);
  const room = now.rooms.find(({ id }) => id === "sums");
  assert.equal(room.players, 2);
  assert.equal(room.errors, 1);
  assert.equal(room.sent_bytes, sent);
  assert.ok(room.state_bytes > 0 && room.state_bytes <= now.total.state_bytes);
  assert.ok(room.calls >= 3 && room.calls < now.total.calls);
  assert.ok(room.p50_us <= room.p99_us && room.p99_us <= room.max_us);
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  const metric = (name) => Number(text.match(new RegExp(`^${name}\\{game="burner",callback="message"\\} (\\S+)$`, "m"))[1]);
  assert.equal(metric("parlor_callback_sent_bytes_total"), message.sent_bytes);
  assert.equal(metric("parlor_callback_allocated_bytes_total"), message.allocated_bytes);
  assert.match(text, /^parlor_state_bytes_total\{game="burner"\} [1-9]/m);
  assert.equal((await fetch(`http://${admin}/_calls?game=nobody`)).status, 404);
  assert.equal((await fetch(`http://${admin}/_calls?game=broken`)).status, 503);
  await ann.leave();
  await bob.leave();
});

test("a server that stops in the middle of a profile stops cleanly, and the asker is told", async () => {
  const at = `127.0.0.1:${await freePort()}`;
  const other = await startServer({ games: ["pond"], args: ["--admin", at] });
  const running = runToEnd(["profile", "pond", "--seconds", "30", "--admin", at]);
  await until("the profile", () => /profile 1 begins/.test(other.log()));
  await other.stop();
  const { code, stderr } = await running;
  assert.equal(code, 69);
  assert.match(stderr, /^parlor: no server answers at/);
});
