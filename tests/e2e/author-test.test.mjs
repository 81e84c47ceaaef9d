// SPDX-License-Identifier: MIT
// parlor test: the kit, and what a run says in the end.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { HEAD, lines, run } from "./lib/author.mjs";
import { gamesFolder, root, runToEnd, temporaryFolder } from "./lib/server.mjs";

test("test: the games of the project pass, in less than a second each", async () => {
  for (const name of fs.readdirSync(path.join(root, "games"))) {
    if (!fs.existsSync(path.join(root, "games", name, "test.lua"))) continue;
    const end = await runToEnd(["test", name]);
    assert.equal(end.code, 0, end.stdout);
    assert.match(end.stdout, /^ok 1 - /);
  }
});

const COUNTER = `${HEAD}local g = parlor.game {
  reconnect = 5, state = { n = s.u32, seen = s.map { name = s.str(16), away = s.bool } },
  messages = { add = { by = s.u8 }, ask = {} }, events = { grew = { to = s.u32 } },
}
function g:join(p, o) self.state.seen[p.id] = { name = p.name .. (o.sign or "") } end
function g.on.add(room, p, m)
  room.state.n = room.state.n + m.by
  room:broadcast("grew", { to = room.state.n })
  p:send("thanks", { for_ = m.by })
end
function g.on.ask(room) return { n = room.state.n, list = { 1, 2 } } end
function g:message(p, name) if name == "boom" then error("as asked") end end
function g:drop(p) self.state.seen[p.id].away = true end
function g:resume(p) self.state.seen[p.id].away = false end
function g:leave(p) self.state.seen[p.id] = nil end
return g
`;

test("test: every word of the kit does what the reference says", async () => {
  const { code, stdout } = await run("test", {
    "g/game.lua": COUNTER,
    "g/test.lua": `
for _, codec in ipairs { "json", "binary", "plain" } do
  test("all of it: " .. codec, function(sim)
    local ann = sim:join { name = "Ann", sign = "!", codec = codec }
    local bob = sim:join { name = "Bob", latency = 100 }
    expect_eq({ ann.id, bob.id, ann.name, ann.state.seen[ann.id].name }, { 1, 2, "Ann", "Ann!" })
    ann:send("add", { by = 5 })
    sim:send(ann, "add", { by = 6 })
    sim:step(1)
    expect_eq(ann.state.n, 11)
    expect_eq(bob.state.n, 0, "Bob is 100 ms away")
    sim:wait(0.1)
    expect_eq(bob.state.n, 11)
    expect_eq({ bob:event("grew"), bob:event("grew"), bob:event("grew") }, { { to = 5 }, { to = 11 } })
    expect_eq(ann:events(), { { name = "grew", data = { to = 5 } }, { name = "thanks", data = { for_ = 5 } },
      { name = "grew", data = { to = 11 } }, { name = "thanks", data = { for_ = 6 } } })
    if codec ~= "plain" then
      expect_eq({ bob:request("ask") }, { { n = 11, list = { 1, 2 } } })
      expect_eq({ bob:request("boom") }, { nil, "the game failed to answer" })
    end
    sim:errors()
  end)
end

test("drops and time", function(sim)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob" }
  ann:drop()
  sim:step(1)
  expect_eq(bob.state.seen[1].away, true)
  expect(ann:resume())
  ann:drop()
  sim:wait(6)
  expect_eq(bob.state.seen[1], nil)
  expect(not ann:resume(), "the seat is gone")
  bob:leave()
  expect_eq(#sim:rooms(), 1)
  sim:step(2)
  expect_eq(#sim:rooms(), 0, "nobody is in it any more")
end)

test("errors of the script", function(sim)
  local ann = sim:join()
  ann:send("boom")
  sim:step(1)
  expect(sim:errors():find("g/game.lua:14: as asked", 1, true))
  expect_eq(sim:errors(), "")
end)

test("reload", function(sim)
  local ann = sim:join()
  ann:send("add", { by = 1 })
  sim:step(1)
  expect(sim:edit("game.lua", function(text) return (text:gsub("m%.by", "10 * m.by", 1)) end))
  ann:send("add", { by = 1 })
  sim:step(1)
  expect_eq(ann.state.n, 11)
  expect(sim:edit("more.lua", "return 1"))
  local ok, why = sim:edit("game.lua", "oops")
  expect(not ok and why:find("game.lua:1", 1, true))
  sim:errors()
end)

test("stalls and hangs", function(sim)
  local ann, bob = sim:join(), sim:join()
  ann:stall()
  for _ = 1, 5 do
    bob:send("add", { by = 1 })
    sim:step(1)
  end
  expect_eq(ann.state.n, 0)
  ann:stall(false)
  sim:step(2)
  expect_eq(ann.state.n, 5)
  local tick = sim:rooms()[1].tick
  sim:hang(2)
  sim:step(1)
  expect(sim:rooms()[1].tick - tick <= 7)
end)

test("the dice are the same in every run", function(sim)
  expect_eq({ sim:random(1, 1000), sim:random(1, 1000) }, { DICE })
end)
`.replace("DICE", "0, 0"),
  });
  // The dice are not known beforehand; what matters is that they come again.
  const dice = /\{1=(\d+), 2=(\d+)\} is not/.exec(stdout);
  assert.ok(dice, stdout);
  assert.deepEqual(
    lines(stdout).filter((line) => line.startsWith("not ok")),
    ["not ok 8 - g: the dice are the same in every run"],
  );
  assert.equal(code, 1);
  const again = await run(
    "test",
    {
      "g/game.lua": COUNTER,
      "g/test.lua": `${"test('-', function() end)\n".repeat(7)}
test("dice", function(sim) expect_eq({ sim:random(1, 1000), sim:random(1, 1000) }, { ${dice[1]}, ${dice[2]} }) end)`,
    },
    "g",
    "dice",
  );
  assert.equal(again.code, 0, again.stdout);
});

test("test: composed values, owners' fields and rows in sight are what the game's Lua has", async () => {
  const { code, stdout } = await run("test", {
    "g/game.lua": `${HEAD}local g = parlor.game {
  state = { raw = s.bytes, goal = s.opt({ of = s.list(s.u8) }), score = s.map(s.u16, { keys = "integer" }),
    ships = s.map({ x = s.i16, y = s.i16, cargo = s.list({ n = s.u8, raw = s.bytes }) {to = "owner"}, seed = s.u8 {to = "server"} },
      { interest = s.near {x = "x", y = "y", see = 10} }) },
  messages = { set = { raw = s.bytes, list = s.list(s.u8), goal = s.opt(s.u8) } },
  events = { got = { raw = s.bytes, by = s.map(s.u8, { keys = "integer" }), goal = s.opt(s.u8) } } }
function g:create() self.state.score[-3] = 7 end
function g:join(p) self.state.ships[p.id] = { x = p.id * 100, cargo = { { n = p.id, raw = "\\0\\255" } } } end
function g.on.set(room, p, m)
  room.state.raw, room.state.goal = m.raw, { of = m.list }
  room:broadcast("got", { raw = m.raw, by = { [-1] = #m.list }, goal = m.goal })
end
function g:message(p, name, x) self.state.ships[p.id].x = x end
return g\n`,
    "g/test.lua": `for _, codec in ipairs { "binary", "json" } do
test("values: " .. codec, function(sim)
  local ann, bob = sim:join { room = "r", codec = codec }, sim:join { room = "r" }
  sim:step(2)
  expect_eq(ann.state, { raw = "", score = { [-3] = 7 },
    ships = { [1] = { x = 100, y = 0, cargo = { { n = 1, raw = "\\0\\255" } } } } })
  bob:send("set", { raw = "\\1\\254x", list = { 4, 5 } })
  bob:send("go", 108)
  sim:step(2)
  expect_eq({ ann.state.raw, ann.state.goal, ann.state.ships[2] }, { "\\1\\254x", { of = { 4, 5 } }, { x = 108, y = 0 } })
  expect_eq(ann:event("got"), { raw = "\\1\\254x", by = { [-1] = 2 } })
  expect_eq(bob:events(), { { name = "got", data = { raw = "\\1\\254x", by = { [-1] = 2 } } } })
  bob:send("go", 300)
  sim:step(2)
  expect_eq({ ann.state.ships[2], bob.state.ships[2].cargo }, { nil, { { n = 2, raw = "\\0\\255" } } })
end) end`,
  });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /2 passed/);
});

test("test: failures name file and line, and decide the exit code", async () => {
  const { code, stdout } = await run("test", {
    "g/game.lua": COUNTER,
    "g/test.lua": `local function deep(n) expect_eq(n, 4, "n") end
test("fine", function(sim) sim:join() end)
test("a wrong value", function(sim)
  deep(3)
end)
test("a script error nobody asked for", function(sim)
  sim:join():send("boom")
  sim:step(1)
end)
test("an error of the test", function(sim) sim:nothing() end)
`,
  });
  assert.equal(code, 1);
  assert.deepEqual(
    lines(stdout).map((line) => line.replace(/ in \d.*/, "")),
    [
      "ok 1 - g: fine",
      "not ok 2 - g: a wrong value",
      "# games/g/test.lua:1: n: 3 is not 4",
      "#   called at games/g/test.lua:4",
      "not ok 3 - g: a script error nobody asked for",
      "# the script did something wrong (sim:errors() was not asked):",
      "# g message: g/game.lua:14: as asked",
      "not ok 4 - g: an error of the test",
      "# games/g/test.lua:10: attempt to call method 'nothing' (a nil value)",
      "1..4",
      "# 1 passed, 3 failed",
    ],
  );
});

test("test: a game that does not load is 65; no test, or none of that name, is 1", async () => {
  const broken = await run("test", {
    "g/game.lua": "x =",
    "g/test.lua": "test('x', function() end)",
  });
  assert.equal(broken.code, 65);
  assert.match(broken.stdout, /^not ok 1 - g: the game loads\n# g\/game\.lua:1: /);
  const bare = await run("test", { "g/game.lua": COUNTER });
  assert.deepEqual([bare.code, lines(bare.stdout)[0]], [1, "# g has no test.lua"]);
  const other = await run(
    "test",
    { "g/game.lua": COUNTER, "g/test.lua": "test('x', function() end)" },
    "g",
    "nobody",
  );
  assert.equal(other.code, 1);
  assert.match(other.stderr, /no test has "nobody"/);
  const slip = await run("test", {
    "g/game.lua": COUNTER,
    "g/test.lua": "test('x', function() end",
  });
  assert.equal(slip.code, 1);
  assert.match(slip.stdout, /not ok 1 - g: test\.lua loads\n# games\/g\/test\.lua:1: /);
});

test("test: a test can require the game's own files, and no other game's", async () => {
  const required = await run("test", {
    "g/game.lua": COUNTER,
    "g/lib/twice.lua": 'return require("two")',
    "g/two.lua": "return function(n) return 2 * n end",
    "g/test.lua": `local twice = require "lib.twice"
test("twice", function() expect_eq(twice(3), 6) expect_eq(require "two", twice) end)
test("nothing else", function() expect_eq(pcall(require, "three"), false) end)`,
    "h/game.lua": COUNTER,
    "h/three.lua": "return 3",
    "h/two.lua": "return 4",
    "h/test.lua": `test("its own", function() expect_eq(require "two", 4) end)`,
  });
  assert.equal(required.code, 0, required.stdout);
  assert.match(required.stdout, /3 passed/);
});

test("test: what is edited in a simulation stays out of the game's own folder", async () => {
  const { games, code } = await run("test", {
    "g/game.lua": COUNTER,
    "g/test.lua":
      "test('x', function(sim) sim:edit('game.lua', '') sim:edit('lib/a.lua', 'return 1') sim:errors() end)",
    "g/lib/a.lua": "return 0",
  });
  assert.equal(code, 0);
  assert.equal(fs.readFileSync(`${games}/g/game.lua`, "utf8"), COUNTER);
  assert.equal(fs.readFileSync(`${games}/g/lib/a.lua`, "utf8"), "return 0");
});

test("test: one that does not end is ended, and named; nothing stays in /tmp", async () => {
  const games = gamesFolder([], {
    "g/game.lua": COUNTER,
    "g/test.lua": "test('for ever', function() while true do end end)",
  });
  const env = { TMPDIR: temporaryFolder() };
  const words = ["test", "--games", games, "--seconds", "1"];
  const { code, stderr } = await runToEnd(words, { env });
  assert.deepEqual(
    [code, stderr],
    [1, "parlor: not back in time (--seconds): g: for ever\n"],
  );
  assert.deepEqual(fs.readdirSync(env.TMPDIR), []);
  assert.equal((await runToEnd(["test", "pond", "--seconds", "0"])).code, 64);
});
