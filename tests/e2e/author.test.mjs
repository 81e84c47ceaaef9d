// SPDX-License-Identifier: MIT
// What an author runs without a server: parlor new, check, test, types.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import {
  gamesFolder,
  root,
  runToEnd,
  startServer,
  temporaryFolder,
  until,
} from "./lib/server.mjs";

const servers = [];
after(() => Promise.all(servers.map((server) => server.stop())));

const HEAD = `local parlor = require "parlor"\nlocal s = parlor.schema\n`;

/** Runs a command over a games folder made of these files. */
async function run(command, files, ...words) {
  const games = gamesFolder([], files);
  const end = await runToEnd([command, ...words, "--games", games]);
  const tidy = (text) => text.replaceAll(games, "games");
  return { games, code: end.code, stdout: tidy(end.stdout), stderr: tidy(end.stderr) };
}
const lines = (text) => text.trimEnd().split("\n");

test("each command says with --help what it does, an example first", async () => {
  for (const command of ["new", "check", "test", "types"]) {
    const end = await runToEnd([command, "--help"]);
    assert.equal(end.code, 0);
    assert.match(end.stdout, new RegExp(`^Example: parlor ${command} `));
    assert.match(end.stdout, /^Exit: 0/m);
    const wrong = await runToEnd([command, "--gmaes", "x"]);
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /^parlor: --gmaes: there is no such option/);
  }
  const all = await runToEnd(["--help"]);
  for (const command of ["new NAME", "check [GAME]", "test [GAME]", "types [GAME]"])
    assert.ok(all.stdout.includes(`\n  ${command}`), command);
});

test("a game, a folder of games, or none: one clear line, and the right code", async () => {
  const empty = temporaryFolder();
  for (const command of ["check", "test", "types"]) {
    const none = await runToEnd([command, "--games", "/nowhere"]);
    assert.deepEqual([none.code, lines(none.stderr).length], [78, 1]);
    assert.match(none.stderr, /\/nowhere cannot be read: .*--games/);
    const nothing = await runToEnd([command, "--games", empty]);
    assert.deepEqual([nothing.code, lines(nothing.stderr).length], [78, 1]);
    const wrong = await runToEnd([command, "pnd"]);
    assert.deepEqual([wrong.code, lines(wrong.stderr).length], [64, 1]);
    assert.match(wrong.stderr, /^parlor: pnd: there is no such game in games/);
  }
  for (const word of ["pond", "games/pond", path.join(root, "games/pond/")]) {
    const end = await runToEnd(["check", word]);
    assert.equal(end.stdout, "1 game, nothing found\n", word);
  }
  const all = await runToEnd(["check", path.join(root, "games")]);
  assert.match(all.stdout, /^[0-9]+ games, nothing found\n$/);
});

// check

/** What a game.lua has wrong, and the line that says so. */
const slips = [
  [
    "a syntax error",
    `local g = parlor.game {}\nfunction g:tick() if x then end\nreturn g`,
    65,
    /game\.lua:6: 'end' expected .*\(.*has no end\)/,
  ],
  [
    "an error while it loads",
    `local g = parlor.game {}\nlocal t = nil\nt.x = 1\nreturn g`,
    65,
    /game\.lua:5: attempt to index local 't'/,
  ],
  [
    "no such type",
    `return parlor.game {\n  state = { x = s.u9 } }`,
    65,
    /game\.lua:4: parlor\.schema has no type u9 .*\(did you mean u8\?\)/,
  ],
  [
    "a bad range",
    `local g = parlor.game { state = {\n  x = s.fixed {min = 3, max = 1, step = 1} } }\nreturn g`,
    65,
    /game\.lua:4: state\.x: max must be above min/,
  ],
  [
    "an unknown option",
    `local g = parlor.game {\n  tick_rte = 20 }\nreturn g`,
    65,
    /game\.lua:4: parlor\.game has no option tick_rte \(did you mean tick_rate\?\)/,
  ],
  [
    "an option out of range",
    `local g = parlor.game {\n  tick_rate = 500 }\nreturn g`,
    65,
    /game\.lua:4: tick_rate: a number from 0 to 120/,
  ],
  [
    "a handler of no message",
    `local g = parlor.game { messages = { hop = {} } }\nfunction g.on.hpo() end\nreturn g`,
    65,
    /game\.lua:4: on\.hpo: no such message is declared \(did you mean hop\?\)/,
  ],
  [
    "a message nobody handles",
    `local g = parlor.game { messages = {\n  hop = {} } }\nreturn g`,
    1,
    /game\.lua:4: message hop: nobody handles it.*game\.on\.hop/,
  ],
  [
    "a global that is not there",
    `local g = parlor.game {}\nfunction g:tick()\n  pritn(1)\nend\nreturn g`,
    1,
    /game\.lua:5: pritn is not defined \(did you mean print\?\)/,
  ],
  [
    "what games do not get",
    `local g = parlor.game {}\nfunction g:tick() io.write "x" end\nreturn g`,
    1,
    /game\.lua:4: io is not defined \(games have no files/,
  ],
  [
    "a member that is not there",
    `local g = parlor.game {}\nfunction g:tick() return math.random(3) end\nreturn g`,
    1,
    /game\.lua:4: games have no math\.random \(room:random/,
  ],
  [
    "an accidental global",
    `local g = parlor.game {}\nfunction g:tick()\n  n = (n or 0) + 1\nend\nreturn g`,
    1,
    /game\.lua:5: n becomes a global \(write local/,
  ],
  [
    "a misspelt callback",
    `local g = parlor.game {}\nfunction g:jion(player) end\nreturn g`,
    1,
    /game\.lua:4: jion is never called \(did you mean join\?\)/,
  ],
  [
    "a misspelt method",
    `local g = parlor.game {}\nfunction g:tick() self:brodcast("x") end\nreturn g`,
    1,
    /game\.lua:4: self:brodcast: there is no such method \(did you mean broadcast\?\)/,
  ],
  [
    "a misspelt part of parlor",
    `local g = parlor.game {}\nfunction g:tick() parlor.lgo("x") end\nreturn g`,
    1,
    /game\.lua:4: parlor has no lgo \(did you mean log\?\)/,
  ],
  [
    "self in a handler",
    `local g = parlor.game { messages = { hop = {} } }\nfunction g.on.hop() self.n = 1 end\nreturn g`,
    1,
    /game\.lua:4: self is not defined \(.*it is room\)/,
  ],
];

test("check: each kind of slip is found, with its line and a way out", async () => {
  const files = Object.fromEntries(
    slips.map(([, text], i) => [`g${i}/game.lua`, `${HEAD}${text}\n`]),
  );
  const games = gamesFolder([], files);
  for (const [i, [what, , code, pattern]] of slips.entries()) {
    const end = await runToEnd(["check", `g${i}`, "--games", games]);
    const found = lines(end.stdout);
    assert.equal(end.code, code, `${what}: ${end.stdout}`);
    assert.match(found[0], pattern, what);
    assert.deepEqual(found.slice(1), ["1 game, 1 finding"], what);
  }
  const all = await runToEnd(["check", "--games", games]);
  assert.equal(all.code, 65, "one that does not load decides");
  assert.equal(lines(all.stdout).at(-1), `${slips.length} games, ${slips.length} findings`);
});

test("check: all findings of a game at once, in the order of its files", async () => {
  const { code, stdout } = await run("check", {
    "g/game.lua": `${HEAD}local lib = require "lib.more"
local g = parlor.game { max_player = 3, tick_rte = 1, messages = { hop = {} } }
function g.on.hpo() lib() end
function g.on.jump() end
return g\n`,
    "g/lib/more.lua": "return function() return nobody end\n",
    "g/test.lua": "test('x', function(sim) expect(os.getenv 'HOME') sim:step(tpyo) end)\n",
  });
  assert.deepEqual(
    lines(stdout).map((line) => line.replace(/ \(.*/, "")),
    [
      "games/g/game.lua:4: parlor.game has no option max_player",
      "games/g/game.lua:4: parlor.game has no option tick_rte",
      "games/g/game.lua:5: on.hpo: no such message is declared",
      "games/g/game.lua:6: on.jump: no such message is declared",
      "games/g/lib/more.lua:1: nobody is not defined",
      "games/g/test.lua:1: tpyo is not defined",
      "1 game, 6 findings",
    ],
  );
  assert.equal(code, 65);
});

test("check: what the API has by now is known, and a letter off is found", async () => {
  const source = (with_) => `${HEAD}local g = parlor.game { budget_warn = 5, budget_kill = 50, memory = 16, max_kills = 2, atomic = true,
  compress = false, ${with_.option ?? "max_watched"} = 9,
  state = { text = s.text, ships = s.map({ x = s.f32, y = s.f32, bag = s.list(s.u8) {${with_.to ?? "to"} = "owner"} },
    { ${with_.interest ?? "interest"} = s.${with_.near ?? "near"} {x = "x", y = "y", see = 4} }), quotes = s.map({ bid = s.f64 }, { keys = "string", interest = s.keys }) } }
function g:message(player, name)
  player:${with_.view ?? "view"} { x = 1, y = 2 }
  player:${with_.watch ?? "watch"}("quotes", name)
  player:${with_.unwatch ?? "unwatch"}("quotes", name)
end
return g\n`;
  const cases = [
    [{}, 0, "nothing found"],
    [{ option: "max_wached" }, 65, "g/game.lua:4: parlor.game has no option max_wached (did you mean max_watched?)"],
    [{ to: "two" }, 65, "s.list has no option two"],
    [{ interest: "interests" }, 65, "s.map has no option interests"],
    [{ near: "nearby" }, 65, "parlor.schema has no type nearby"],
    [{ view: "veiw" }, 1, "player:veiw: there is no such method (did you mean view?)"],
    [{ watch: "wacht" }, 1, "player:wacht: there is no such method (did you mean watch?)"],
    [{ unwatch: "unwacht" }, 1, "player:unwacht: there is no such method (did you mean unwatch?)"],
  ];
  for (const [with_, want, text] of cases) {
    const { code, stdout } = await run("check", { "g/game.lua": source(with_) });
    assert.equal(code, want, stdout);
    assert.ok(stdout.includes(text), `${text} in ${stdout}`);
  }
});

test("check: what is meant is not found: methods, timers, locals, files of the game", async () => {
  const { code, stdout } = await run("check", {
    "g/game.lua": `${HEAD}local rules = require "rules"
local game = parlor.game { state = { x = s.u8 }, messages = { close_door = {}, ["end"] = {} } }
-- pritn("in a comment") and io in "a text" are no names
function game:create() self:every(100, "ticks") self:moves() end
function game:ticks() self.state.x = rules.next(self.state.x) end
function game:moves() local io = [==[ io ]==] return io end
function game.on.close_door(room, player, m) room.on_fire, m.pritn = true, player.vars end
game.on["end"] = function(room) room:close() end
return game\n`,
    "g/rules.lua": "local M = {}\nfunction M.next(x) return (x + 1) % 256 end\nreturn M\n",
    "g/web/other.lua": "this is no Lua, and nobody's business",
  });
  assert.deepEqual([code, stdout], [0, "1 game, nothing found\n"]);
});

// new

test("new: a game that checks, tests, and is served by a server that runs", async () => {
  const server = await startServer({
    games: [],
    files: { "other/game.lua": `${HEAD}return parlor.game {}\n` },
  });
  servers.push(server);
  const made = await runToEnd(["new", "tag", "--games", server.folder]);
  assert.equal(made.code, 0, made.stderr);
  for (const command of ["check", "test"]) {
    const end = await runToEnd([command, "tag", "--games", server.folder]);
    assert.equal(end.code, 0, end.stdout);
  }
  assert.ok(
    fs.readFileSync(`${server.folder}/tag/game.lua`, "utf8").trimEnd().split("\n").length <=
      30,
  );
  assert.ok(!/NAME/.test(fs.readFileSync(`${server.folder}/tag/web/index.html`, "utf8")));

  await until(
    "the game in the list",
    async () => (await server.game("tag"))?.error === null,
  );
  assert.match(await (await fetch(`${server.origin}/tag/`)).text(), /<title>tag<\/title>/);
  const ann = await join(server, "/tag?name=ann");
  const { x } = ann.state.dots[ann.id];
  ann.say("push", { dx: 2, dy: 0 });
  await ann.until("the push", () => ann.state.dots[ann.id].x === x + 2);
  await ann.leave();
});

test("new: a folder that is there, and names that are none, are refused in one line", async () => {
  const games = gamesFolder([], { "tag/mine.txt": "keep" });
  for (const [name, why] of [
    ["tag", /is there already/],
    ["Tag", /cannot be a game's name/],
    ["4tag", /cannot be/],
    ["a_b", /cannot be/],
    ["../tag2", /cannot be/],
    ["metrics", /cannot be/],
    ["a".repeat(33), /cannot be/],
    ["", /cannot be/],
  ]) {
    const end = await runToEnd(["new", name, "--games", games]);
    assert.equal(end.code, 64, name);
    assert.match(end.stderr, why);
    assert.equal(lines(end.stderr).length, 1);
  }
  assert.deepEqual(fs.readdirSync(games), ["tag"]);
  assert.deepEqual(fs.readdirSync(`${games}/tag`), ["mine.txt"]);
  assert.equal((await runToEnd(["new"])).code, 64);
  assert.equal((await runToEnd(["new", "a", "b"])).code, 64);
});

// test

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

// types

test("types: what the schema declares is written for LuaLS and TypeScript", async () => {
  const { games, code, stdout } = await run("types", {
    "pond-2/game.lua": `${HEAD}local g = parlor.game {
  state = { phase = s.enum {"lobby", "play"}, pos = { x = s.f32, deep = { y = s.u8 {default = 7} } },
    frogs = s.map { name = s.str(16), on = s.bool }, story = s.text, draft = s.any, raw = s.bytes(9),
    goal = s.opt({ why = s.opt(s.text), x = s.f32 }), tags = s.list(s.enum {"a", "b"}), secrets = s.map({ x = s.u8 }, { to = "server" }),
    ships = s.map { bag = s.list({ n = s.u8 }, {max = 20}) {to = "owner"}, kinds = s.map(s.map(s.list(s.u8), { keys = "string" })),
      seed = s.u32 {to = "server"} }, quotes = s.map({ bid = s.fixed {min = 0, max = 9, step = 1/8} }, { keys = "string" }) },
  messages = { hop = { dx = s.i8 } }, events = { sank = { name = s.str }, over = {} } }
function g.on.hop() end
return g\n`,
  });
  assert.deepEqual(
    [code, stdout],
    [0, "games/pond-2/.types/game.lua\ngames/pond-2/.types/schema.d.ts\n"],
  );
  const lua = fs.readFileSync(`${games}/pond-2/.types/game.lua`, "utf8");
  for (const line of [
    "---@meta",
    "---@class Pond2FrogsRow",
    "---@field on boolean",
    "---@field name string up to 16 bytes",
    "---@class Pond2State",
    '---@field phase "lobby"|"play"',
    "---@field pos Pond2StatePos",
    "---@field frogs table<integer, Pond2FrogsRow> by player id",
    "---@field quotes table<string, Pond2QuotesRow> by string",
    "---@field y integer 0…255, default 7",
    "---@field bid number 0…9, steps of 0.125",
    "---@field hop fun(room: Pond2Room, player: parlor.Player, m: Pond2HopMessage): any",
    "---@class Pond2Game: parlor.Game, Pond2Room",
    "---@field story string up to 65536 bytes",
    "---@field draft any up to 65536 bytes",
    "---@field raw string up to 9 bytes",
    "---@field goal Pond2StateGoal|nil",
    "---@field why string|nil",
    '---@field tags ("a"|"b")[] up to 1024',
    "---@field bag Pond2ShipsRowBag[] up to 20, its owner's alone",
    "---@field kinds table<integer, table<string, integer[]>> up to 1024",
    "---@field seed integer 0…4294967295, the server's alone",
    "---@field secrets table<integer, Pond2SecretsRow> by player id",
  ])
    assert.ok(lua.split("\n").includes(line), line);
  const ts = fs
    .readFileSync(`${games}/pond-2/.types/schema.d.ts`, "utf8")
    .replace(/\s+/g, " ");
  assert.ok(!/seed|secrets/.test(ts), "pages do not hear of what is the server's");
  for (const part of [
    'phase: "lobby" | "play";',
    "pos: { deep: { /** 0…255, default 7 */ y: number; }; x: number; };",
    "frogs: Table<number, FrogsRow>;",
    "/** up to 65536 bytes */ story: string;",
    "/** up to 9 bytes */ raw: Uint8Array;",
    "goal: { why: string | null; x: number; } | null;",
    '/** up to 1024 */ tags: Array<"a" | "b">;',
    "/** up to 20, its owner's alone */ bag?: Array<{ /** 0…255 */ n: number; }>;",
    "/** up to 1024 */ kinds: Record<number, Record<string, Array<number>>>;",
    "quotes: Table<string, QuotesRow>;",
    "export interface Messages { hop: { /** -128…127 */ dx?: number; }; }",
    "export interface Events { over: Record<string, never>; sank: { /** up to 255 bytes */ name: string; }; }",
  ])
    assert.ok(ts.includes(part), `${part} in ${ts}`);

  // Both the game's definitions and the API's are Lua that loads.
  fs.writeFileSync(
    `${games}/pond-2/test.lua`,
    `test("they load", function()
  assert(loadfile ${JSON.stringify(`${games}/pond-2/.types/game.lua`)})
  assert(loadfile ${JSON.stringify(path.join(root, "scripts/types/parlor.lua"))})
end)`,
  );
  assert.equal((await runToEnd(["test", "pond-2", "--games", games])).code, 0);

  const printed = await runToEnd(["types", "pond-2", "--print", "--games", games]);
  assert.equal(
    printed.stdout,
    `${lua}\n${fs.readFileSync(`${games}/pond-2/.types/schema.d.ts`, "utf8")}\n`,
  );
  const broken = await run("types", { "g/game.lua": "x =" });
  assert.deepEqual([broken.code, lines(broken.stderr).length], [65, 1]);
  assert.ok(!fs.existsSync(`${broken.games}/g/.types`));
});
