// SPDX-License-Identifier: MIT
// parlor check: slips are found, each with its line; what is right is not.
import assert from "node:assert/strict";
import test from "node:test";

import { HEAD, lines, run } from "./lib/author.mjs";
import { gamesFolder, runToEnd } from "./lib/server.mjs";

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
