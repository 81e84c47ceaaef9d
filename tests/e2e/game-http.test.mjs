// SPDX-License-Identifier: MIT
// /GAME/_http/…: what a feed sends, over real sockets.
import assert from "node:assert/strict";
import http from "node:http";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import { startServer } from "./lib/server.mjs";

const game = `local parlor = require "parlor"
local s = parlor.schema
local feed = parlor.game { state = { score = s.uint }, auth_cookie = "sid" }
function feed.http(request)
  if request.path == "/echo" then return 200, request end
  if request.path == "/raise" then error "oh no" end
  if request.token ~= "secret" then return 401, "who are you?\\n" end
  local ok, why = parlor.signal(request.query.room, "score", request.data)
  return ok and 202 or 404, { ok = ok, why = why }
end
function feed:signal(name, data) self.state.score = data.score end
return feed
`;
const silent = `local parlor = require "parlor" return parlor.game { state = {} }`;

const server = await startServer({
  files: { "feed/game.lua": game, "silent/game.lua": silent },
  args: ["--limit_loopback", "1", "--conn_rate", "0", "--http_burst", "60", "--http_rate", "20"],
});
after(() => server.stop());

/** One request on a connection of its own: status, headers, body. */
function ask(path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((done, fail) => {
    const r = http.request(server.origin + path, { method, headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => (text += part));
      answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, text }));
    });
    r.on("error", fail).end(body);
  });
}

const json = { "Content-Type": "application/json; charset=utf-8" };

test("a feed with its token reaches the room, and everybody in it sees the score", async () => {
  const ann = await join(server, "/feed/final?name=ann");
  const post = (token, room, body) =>
    ask(`/feed/_http/score?room=${room}`, {
      method: "POST",
      headers: { ...json, ...(token && { Authorization: `Bearer ${token}` }) },
      body,
    });
  assert.equal((await post("wrong", "final", '{"score":1}')).status, 401);
  const ok = await post("secret", "final", '{"score":21} ');
  assert.equal(ok.status, 202);
  assert.equal(ok.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(ok.text), { ok: true });
  await ann.until("the score", () => ann.state.score === 21);
  assert.deepEqual(JSON.parse((await post("secret", "none", "{}")).text), { why: "there is no such room" });
  for (const bad of ['{"score":', "{} {}", '{"a":"\\u0000"}', "\xff"])
    assert.equal((await post("secret", "final", Buffer.from(bad, "latin1"))).status, 400, bad);
  await ann.leave();
});

test("what http() is told, and what it is not", async () => {
  const { status, text } = await ask("/feed/_http/echo?a=1&b=x%20y", {
    method: "PUT",
    headers: { "X-Two": "1", Cookie: "sid=abc; other=1", "Content-Type": "text/plain" },
    body: "hello",
  });
  assert.equal(status, 200);
  const seen = JSON.parse(text);
  assert.equal(seen.method, "PUT");
  assert.equal(seen.path, "/echo");
  assert.deepEqual(seen.query, { a: "1", b: "x y" });
  assert.equal(seen.body, "hello");
  assert.equal(seen.data, undefined);
  assert.equal(seen.headers["x-two"], "1");
  assert.equal(seen.token, "abc");
  const untyped = await ask("/feed/_http/echo", { method: "POST", body: "1" });
  assert.equal(JSON.parse(untyped.text).body, "1");
  assert.equal(JSON.parse(untyped.text).data, undefined, "nobody said that it is JSON");
  const foreign = await ask("/feed/_http/echo", { headers: { Cookie: "sid=abc", Origin: "http://evil.example" } });
  assert.equal(JSON.parse(foreign.text).token, undefined, "a page elsewhere does not act for its visitor");
});

test("refusals: no http(), an upgrade, a body too long, a script that fails", async () => {
  assert.equal((await ask("/silent/_http")).status, 404);
  assert.equal((await ask("/none/_http/x")).status, 404);
  assert.equal((await ask("/feed/_http/raise")).status, 500);
  assert.equal((await ask("/feed/_http/echo", { method: "POST", body: "x".repeat(65537) })).status, 413);
  const upgrade = await ask("/feed/_http/echo", {
    headers: { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
  });
  assert.equal(upgrade.status, 404);
  const head = await ask("/feed/_http/echo", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
});

test("too many requests of one address are answered 429, whatever connections they use", async () => {
  const seen = await Promise.all(Array.from({ length: 100 }, () => ask("/feed/_http/echo")));
  const refused = seen.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length < 100, `${refused.length} refused`);
  assert.equal(refused[0].headers["retry-after"], "1");
});
