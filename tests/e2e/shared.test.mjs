// SPDX-License-Identifier: MIT
// shared.lua: the page gets the code that the server runs, and both count alike to the
// bit; what is outside of the subset is told with its line.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { dice } from "../unit/web/net.mjs";
import { HEAD, lines, run } from "./lib/author.mjs";
import { joinWithSdk } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const random = dice(Number(process.env.SHARED_SEED ?? 5));
const pick = (list) => list[Math.floor(random() * list.length)];

/** Numbers at the edges and in between. */
const EDGES = [0, -0, 1, -1, 0.5, -0.5, 2 ** 31, -(2 ** 31), 2 ** 53, 1e-310, -1e300, 1 / 3, Infinity, -Infinity];
const number = () =>
  pick([
    () => pick(EDGES),
    () => Math.floor(random() * 21) - 10,
    () => (random() - 0.5) * 8,
    () => (random() - 0.5) * 10 ** Math.floor(random() * 30 - 10),
  ])();
const literal = () => {
  const v = number();
  return Number.isFinite(v) ? `(${v < 0 || Object.is(v, -0) ? "-" : ""}${Math.abs(v)})` : "(1/0)";
};

/** A random expression of the three parameters and a local. */
function expression(depth) {
  const e = () => expression(depth - 1);
  if (depth === 0) return pick(["a", "b", "c", "t", literal()]);
  return pick([
    () => `(${e()} + ${e()})`,
    () => `(${e()} - ${e()})`,
    () => `(${e()} * ${e()})`,
    () => `(${e()} / ${e()})`,
    () => `(${e()} % ${e()})`,
    () => `-(${e()})`,
    () => `math.floor(${e()})`,
    () => `sqrt(math.abs(${e()}))`,
    () => `math.min(${e()}, ${e()})`,
    () => `math.max(${e()}, ${e()})`,
    () => `(${e()} < ${e()} and ${e()} or ${e()})`,
    () => `(not (${e()} ~= ${e()}) and ${e()} or ${e()})`,
    () => `helper(${e()}, ${e()})`,
  ])();
}

const N = 60;
const bodies = Array.from({ length: N }, (_, i) => {
  return `function M.f${i + 1}(a, b, c)
  local t = 0.25
  for i = 1, 3 do
    if a < b then t = t + ${expression(1)} elseif b == c then t = t - i else t = ${expression(2)} end
    while t > 1e6 and t < 1e300 do t = t / 7 end
  end
  return ${expression(4)}
end`;
});

const SHARED = `-- what both sides run
local M = {}
local sqrt = math.sqrt
local function helper(a, b) if a > b then return a % 7 end return b - a end
${bodies.join("\n")}
--- A ship that drifts; its place stays on a grid.
function M.step(ship, input)
  local new = ship.v * 0.98 + (input.push or 0)
  ship.v = math.max(-9, math.min(new, 9))
  ship.x = math.floor((ship.x + ship.v) % 100 * 64 + 0.5) / 64
  ship.n = ship.n + 1
end
return M
`;

const GAME = `${HEAD}local shared = require "shared"
local game = parlor.game { state = {}, messages = {
  run = { a = s.f64, b = s.f64, c = s.f64, odd = s.str }, walk = { list = s.list(s.f64, {max = 500}) } } }
local odd = { inf = 1/0, ["-inf"] = -1/0, ["-0"] = -0.0 * 1 }
function game.on.run(room, player, m)
  local v, out = { m.a, m.b, m.c }, {}
  local i = 0
  for word in (m.odd .. ","):gmatch "([^,]*)," do
    i = i + 1
    if word == "-0" then v[i] = -(0 * 1) elseif odd[word] then v[i] = odd[word] end
  end
  for i = 1, ${N} do
    local r = shared["f" .. i](v[1], v[2], v[3])
    out[i] = r == r and ("%.17g"):format(r) or "nan"
  end
  return table.concat(out, " ")
end
function game.on.walk(room, player, m)
  local ship = { x = 1, v = 0, n = 0 }
  for _, push in ipairs(m.list) do shared.step(ship, { push = push }) end
  return ("%.17g %.17g %d"):format(ship.x, ship.v, ship.n)
end
return game
`;

const server = await startServer({
  games: ["pond"],
  files: { "lab/game.lua": GAME, "lab/shared.lua": SHARED, "lab/web/index.html": "lab" },
});
after(() => server.stop());
const get = (path, headers = {}) => fetch(server.origin + path, { headers });
const load = async (text) => import(`data:text/javascript,${encodeURIComponent(text)}`);
const read = (word) => ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[word] ?? Number(word);

/** min and max of what is no number, and of 0 and -0, depend on whether LuaJIT has
 * compiled them, so nothing is promised there: the page under test notes it. */
const noting = (text) =>
  text.replace(/const \$(min|max) = \(a, b\) => /g, "$&!(a < b || a > b || (a === b && a)) ? (globalThis.sawOdd = NaN) : ");

test("random functions of random numbers are the same to the bit", async () => {
  const page = await load(noting(await (await get("/lab/shared.js")).text()));
  const room = await joinWithSdk(server, "/lab");
  let looked = 0;
  for (let round = 0; round < 300; round++) {
    const v = [number(), number(), number()];
    const odd = v.map((x) => (Object.is(x, -0) ? "-0" : x === Infinity ? "inf" : x === -Infinity ? "-inf" : "")).join();
    const [a, b, c] = v.map((x) => (Number.isFinite(x) ? x : 0));
    const answers = (await room.request("run", { a, b, c, odd })).split(" ").map(read);
    answers.forEach((want, i) => {
      globalThis.sawOdd = 0;
      const got = page[`f${i + 1}`](...v);
      if (globalThis.sawOdd !== 0) return;
      looked++;
      assert.ok(Object.is(got, want), `f${i + 1}(${v}): ${got} in the page, ${want} in Lua\n${bodies[i]}`);
    });
  }
  assert.ok(looked > 150 * N, `${looked} of ${300 * N} looked at`);
  room.leave();
});

test("a long walk ends in the same place", async () => {
  const { step, default: all } = await load(await (await get("/lab/shared.js")).text());
  assert.equal(all.step, step);
  const room = await joinWithSdk(server, "/lab");
  for (let round = 0; round < 10; round++) {
    const list = Array.from({ length: 500 }, () => (random() - 0.5) * 4);
    const ship = { x: 1, v: 0, n: 0 };
    for (const push of list) step(ship, { push });
    const want = (await room.request("walk", { list })).split(" ").map(Number);
    assert.deepEqual([ship.x, ship.v, ship.n], want);
  }
  room.leave();
});

test("it is served as a module with a tag, and follows the code that runs", async () => {
  const first = await get("/lab/shared.js");
  assert.equal(first.status, 200);
  assert.match(first.headers.get("content-type"), /^text\/javascript/);
  const etag = first.headers.get("etag");
  assert.equal((await get("/lab/shared.js", { "If-None-Match": etag })).status, 304);
  assert.equal((await get("/pond/shared.js")).status, 404, "pond shares nothing");
  assert.equal((await get("/lab/shared.lua")).status, 404, "the source is not served");

  const room = await joinWithSdk(server, "/lab");
  const told = [];
  room.on("dev", (r) => told.push(r.kind === "page" ? r.path : r.kind));
  server.save("lab/game.lua", `${GAME}-- saved`);
  await until("the reload", () => told.includes("reloaded"));
  server.save("lab/shared.lua", SHARED.replace("0.98", "0.5"));
  const text = await until("the new code", async () => {
    const answer = await get("/lab/shared.js", { "If-None-Match": etag });
    return answer.status === 200 && answer.text();
  });
  assert.match(text, /ship\.v \* 0\.5/);
  await until("word to the pages", () => told.includes("shared.js"));
  assert.deepEqual(told, ["reloaded", "reloaded", "shared.js"], "only where it is another");
  room.leave();

  server.save("lab/shared.lua", SHARED.replace("ship.n = ship.n + 1", "ship.n = #ship"));
  await until("the error", () => /lab\/shared\.lua:\d+: # cannot be shared with the page/.test(server.log()));
  assert.equal(await (await get("/lab/shared.js")).text(), text, "the code before goes on");
});

/** What is outside of the subset, and what is said of it. */
const OUTSIDE = {
  "local x = 1 .. 2": /:2: \.\. cannot be shared with the page/,
  "local x = 2 ^ 3": /:2: \^ cannot be shared/,
  "function M.f(t) return #t end": /:2: # cannot be shared/,
  "function M.f(t) return t[1] end": /:2: an index in brackets cannot be shared/,
  "function M.f(t)\n  for k in pairs(t) do end\nend": /:3: a loop over a table cannot be shared/,
  "function M.f(t) return t:go() end": /:2: a method call cannot be shared/,
  "function M.f(...) return 1 end": /:2: \.\.\. cannot be shared/,
  "function M.f() return 1, 2 end": /:2: more than one result cannot be shared/,
  "function M.f(a)\n\n  return math.sin(a)\nend": /:4: math\.sin, whose last bits differ from browser to browser, cannot/,
  "function M.f() return os.time() end": /:2: the global os cannot be shared/,
  "function M.f() return math.random() end": /:2: math\.random cannot be shared/,
  "local n = 0\nfunction M.f() n = n + 1 end": /:3: a function that changes n, which is outside of it, cannot/,
  "function M.f() M.n = 1 end": /:2: a function that changes M\.n, which is outside of it, cannot/,
  "local x = { 1, 2 }": /:2: a list in a table cannot be shared/,
  "local f = function() end": /:2: a function without a name cannot be shared/,
  "function M.f(a, s) for i = 1, 9, s do a = i end return a end": /:2: a loop whose step is not written out cannot/,
  "function M.f() repeat until true end": /:2: repeat cannot be shared/,
  "function M.f(a) return math.min(a) end": /:2: math\.min with 1 argument \(it takes 2 here\) cannot/,
  'local x = "a\\n"': /:2: a text with more than plain letters cannot/,
  "local x = 5LL": /:2: this form of number cannot be shared/,
  "if true then end": /:2: if outside of functions cannot be shared/,
  "function M.f(a) local b = a, 2 end": /:2: more values than names/,
  'function M.f(a) return a + "1" end': /:2: \+ with a string/,
};

test("parlor check tells what the page cannot run, with the line", async () => {
  const files = {};
  Object.keys(OUTSIDE).forEach((text, i) => {
    files[`g${i}/game.lua`] = `${HEAD}require "shared"\nreturn parlor.game { state = {} }\n`;
    files[`g${i}/shared.lua`] = `local M = {}\n${text}\nreturn M\n`;
  });
  files["right/game.lua"] = `${HEAD}require "shared"\nreturn parlor.game { state = {} }\n`;
  files["right/shared.lua"] = SHARED;
  const end = await run("check", files);
  const found = lines(end.stdout);
  Object.values(OUTSIDE).forEach((wanted, i) => {
    const its = found.filter((line) => line.startsWith(`games/g${i}/`));
    assert.ok(its.some((line) => line.includes("shared.lua") && wanted.test(line)), `g${i}: ${its}, not ${wanted}`);
  });
  assert.deepEqual(found.filter((line) => line.includes("games/right/")), []);
  assert.equal(end.code, 65);
});
