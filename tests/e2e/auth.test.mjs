// SPDX-License-Identifier: MIT
// Who comes in: auth over real sockets, with npm ws, the SDK and signed tokens.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";
import WebSocket from "ws";

import { join, joinJ1, Player, resumeJ1 } from "./lib/player.mjs";
import { joinWithSdk } from "./lib/sdk.mjs";
import { runToEnd, startServer, temporaryFolder, until } from "./lib/server.mjs";

const game = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { auth_cookie = "sid", auth_timeout = 1,
  messages = { hop = s.message({ n = s.u8 }, { rate = 5, burst = 3 }) },
  state = { hops = s.uint } }
function game:auth(request)
  if request.options.wait then parlor.sleep(tonumber(request.options.wait)) end
  if request.token == "open sesame" then
    request.options = nil
    return { user = { id = "sesame", request = request } }
  end
  local claims, why = parlor.jwt(request.token)
  if not claims then return nil, why end
  return { user = { id = claims.sub, claims = claims } }
end
function game:join(player, options)
  player:send("you", { user = player.user, token = options.token or "none" })
end
function game.on.hop(room, player, m) room.state.hops = room.state.hops + 1 end
function game:message(player, name, data) if name == "ban" then player:ban(data) end end
return game
`;

const folder = temporaryFolder();
const write = (name, text) => {
  fs.writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const pair = (type, options) => crypto.generateKeyPairSync(type, options);
const pem = (key) => key.export({ type: "spki", format: "pem" });
const [one, two, stranger] = [1, 2, 3].map(() => pair("ec", { namedCurve: "P-256" }));
const onePem = write("one.pem", pem(one.publicKey));
const twoPem = write("two.pem", pem(one.publicKey)); // until the rotation

const server = await startServer({
  command: "serve",
  files: { "gate/game.lua": game },
  args: [
    "--jwt_alg",
    "ES256",
    "--jwt_key",
    `one=${onePem},two=${twoPem}`,
    "--jwt_audience",
    "games",
    "--jwt_issuer",
    "login",
  ],
});
after(() => server.stop());

const base64url = (value) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);
const claimsOf = (more) => ({ sub: "ann", aud: "games", iss: "login", exp: now() + 60, ...more });

/** A token; `header` and `claims` may be anything, right or wrong. */
function sign(key, claims = claimsOf(), header = { alg: "ES256", kid: "one" }) {
  const text = `${base64url(header)}.${base64url(claims)}`;
  const signature = crypto.sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

const you = (player) => player.record("the welcome", (r) => r.name === "you").then((r) => r.data);
const refusal = async (options) => {
  const player = new Player(server.ws("/gate"), {
    protocol: "parlor.j1",
    hello: { t: "hello", join: options },
  });
  const end = await player.end();
  assert.equal(player.of("hello").length, 0);
  return `${end.code} ${end.reason}`;
};

test("a signed token says who somebody is, in each kind of client", async () => {
  const token = sign(one.privateKey);
  const j1 = await joinJ1(server, "/gate", { token });
  assert.equal((await you(j1)).user.claims.iss, "login");
  assert.equal((await you(j1)).token, "none");
  const plain = await join(server, `/gate?token=${token}`);
  assert.equal((await you(plain)).user.id, "ann");
  const room = await joinWithSdk(server, "/gate", { token });
  const welcome = await new Promise((done) => room.on("you", done));
  assert.equal(welcome.user.id, "ann");
  room.leave();
  await j1.leave();
  await plain.leave();
});

test("the SDK's join rejects with 4003 and the game's reason", async () => {
  await assert.rejects(joinWithSdk(server, "/gate", { token: "x" }), (error) => {
    assert.equal(error.code, 4003);
    assert.equal(error.message, "the token is not three parts with dots between them");
    return true;
  });
});

const wrong = [
  ["no token", {}, "there is no token"],
  [
    "alg none",
    { token: `${base64url({ alg: "none" })}.${base64url(claimsOf())}.` },
    "the token's alg is not the one configured here",
  ],
  [
    "HS256 with the public key as secret",
    {
      token: (() => {
        const text = `${base64url({ alg: "HS256", kid: "one" })}.${base64url(claimsOf())}`;
        const mac = crypto
          .createHmac("sha256", pem(one.publicKey))
          .update(text)
          .digest("base64url");
        return `${text}.${mac}`;
      })(),
    },
    "the token's alg is not the one configured here",
  ],
  ["another's key", { token: sign(stranger.privateKey) }, "the token's signature does not fit"],
  [
    "an unknown kid",
    { token: sign(one.privateKey, claimsOf(), { alg: "ES256", kid: "x" }) },
    "the token's kid names no key that is known here",
  ],
  [
    "another curve",
    { token: sign(pair("ec", { namedCurve: "P-384" }).privateKey) },
    "the token's signature does not fit",
  ],
  [
    "expired",
    { token: sign(one.privateKey, claimsOf({ exp: now() - 60 })) },
    "the token has expired",
  ],
  ["no exp", { token: sign(one.privateKey, claimsOf({ exp: undefined })) }, "the token has no exp"],
  [
    "too early",
    { token: sign(one.privateKey, claimsOf({ nbf: now() + 90 })) },
    "the token is not valid yet",
  ],
  [
    "another audience",
    { token: sign(one.privateKey, claimsOf({ aud: ["shop"] })) },
    "the token is for another audience",
  ],
  [
    "another issuer",
    { token: sign(one.privateKey, claimsOf({ iss: "me" })) },
    "the token is from another issuer",
  ],
  [
    "a claim twice",
    { token: sign(one.privateKey, `{"exp":1,"exp":${now() + 60},"aud":"games","iss":"login"}`) },
    "the token's claims are malformed",
  ],
  [
    "crit",
    { token: sign(one.privateKey, claimsOf(), { alg: "ES256", crit: ["exp"] }) },
    "the token's header names critical extensions, of which none is known",
  ],
  [
    "a huge claim",
    { token: sign(one.privateKey, claimsOf({ x: "y".repeat(8000) })) },
    "the token is too long",
  ],
  ["a number as token", { token: 7 }, "there is no token"],
];
for (const [what, options, reason] of wrong)
  test(`refused with its own reason: ${what}`, async () => {
    assert.equal(await refusal(options), `4003 ${reason}`);
    assert.equal((await server.game("gate")).players, 0);
  });

/** A join without token of its own, with these headers, until it is answered. */
async function withHeaders(headers, at = "/gate", protocol = undefined) {
  const hello = protocol && { t: "hello", join: {} };
  const player = new Player(server.ws(at), { protocol, hello, headers });
  await player.until("an end or a seat", () => player.status || player.closed || player.state);
  return player;
}

test("a token may come as Authorization header or cookie, and auth sees the handshake", async () => {
  const bearer = await withHeaders({ Authorization: "bearer open sesame" }, "/gate?token=other");
  // A token in the URL of a connection without subprotocol is a join option, and comes first.
  assert.equal(bearer.closed?.code, 4003);
  const good = await withHeaders(
    { Authorization: "Bearer open sesame", "X-Two": ["a", "b"] },
    "/gate/den?a=1",
  );
  const { user } = await you(good);
  assert.deepEqual(user.request.query, { a: "1" });
  assert.equal(user.request.headers["x-two"], "a, b");
  assert.equal(user.request.headers["sec-websocket-key"], undefined);
  assert.deepEqual(
    [user.request.address, user.request.game, user.request.room, user.request.protocol],
    ["127.0.0.1", "gate", "den", undefined],
  );
  await good.leave();
  const cookie = await withHeaders({ Cookie: "a=b; sid=open sesame; c=d" });
  assert.equal((await you(cookie)).user.id, "sesame");
  await cookie.leave();
});

test("resumable clients cannot pass a token in the URL, not even to the game's eyes", async () => {
  const url = await withHeaders({}, "/gate?token=open%20sesame", "parlor.j1");
  assert.equal(url.closed.reason, "there is no token");
  const seen = await withHeaders({ Cookie: "sid=open sesame" }, "/gate?token=x&b=2", "parlor.j1");
  const { user } = await you(seen);
  assert.deepEqual(user.request.query, { b: "2" });
  assert.equal(user.request.protocol, "parlor.j1");
  await seen.leave();
});

test("a cookie that is there twice is none, nor is a scheme other than Bearer", async () => {
  const twice = await withHeaders({ Cookie: "sid=open sesame; sid=open sesame" });
  assert.equal(twice.closed.reason, "there is no token");
  const basic = await withHeaders({ Authorization: "Basic open" });
  assert.equal(basic.closed.reason, "there is no token");
});

test("a cookie of a page that only * lets in does not count", async () => {
  const open = await startServer({
    command: "serve",
    files: { "gate/game.lua": game },
    args: ["--origins", "*,https://good.example"],
  });
  const from = (origin) =>
    new Promise((done) => {
      const ws = new WebSocket(open.ws("/gate"), {
        origin,
        headers: { Cookie: "sid=open sesame" },
      });
      ws.on("message", (data) => {
        const record = JSON.parse(String(data));
        if (record.t === "hello") done("in");
        if (record.t === "bye") done(record.reason);
        ws.close();
      });
    });
  assert.equal(await from("https://evil.example"), "there is no token");
  assert.equal(await from("https://good.example"), "in");
  assert.equal(await from(`http://127.0.0.1:${open.port}`), "in");
  await open.stop();
});

test("headers beyond 8 KiB are 431 for a game with auth, and no matter for others", async () => {
  const headers = { "X-Big": "x".repeat(9000) };
  assert.equal((await withHeaders(headers)).status, 431);
  const pond = await withHeaders(headers, "/pond?name=ann");
  await pond.leave();
});

test("auth waits without a seat; who leaves meanwhile or waits too long leaves nothing", async () => {
  const gone = new Player(server.ws("/gate?token=open%20sesame&wait=500"));
  await until("open", () => gone.ws.readyState === 1);
  gone.drop();
  const slow = new Player(server.ws("/gate?token=open%20sesame&wait=5000"));
  assert.deepEqual(await slow.end(), { code: 1013, reason: "the game took too long" });
  const room = await joinWithSdk(server, "/gate", { token: "open sesame", wait: 300 });
  assert.equal((await server.game("gate")).players, 1);
  room.leave();
  await until("nobody", async () => (await server.game("gate")).players === 0);
});

test("a resume needs no token", async () => {
  const ann = await joinJ1(server, "/gate", { token: "open sesame" });
  ann.drop();
  const again = await resumeJ1(server, "/gate", ann);
  assert.equal(again.hello.resumed, true);
  await again.leave();
});

test("a banned user is told so by npm ws and the SDK, and comes back when it is over", async () => {
  const ann = await joinJ1(server, "/gate", {
    token: sign(one.privateKey, claimsOf({ sub: "bad" })),
  });
  ann.say("ban", { seconds: 6, reason: "cool down" });
  assert.deepEqual(await ann.end(), { code: 4003, reason: "cool down" });
  const token = sign(one.privateKey, claimsOf({ sub: "bad" }));
  assert.equal(await refusal({ token }), "4003 cool down");
  await assert.rejects(joinWithSdk(server, "/gate", { token }), {
    code: 4003,
    message: "cool down",
  });
  await until("the end of the ban", async () => {
    const player = new Player(server.ws(`/gate?token=${token}`));
    await until("an answer", () => player.id !== undefined || player.closed);
    if (player.id === undefined) return false;
    await player.leave();
    return true;
  });
});

test("SIGHUP takes new keys; a file that is no good leaves the old ones", async () => {
  const token = sign(two.privateKey, claimsOf(), { alg: "ES256", kid: "two" });
  assert.equal(await refusal({ token }), "4003 the token's signature does not fit");
  write("two.pem", "rubbish");
  process.kill(server.pid, "SIGHUP");
  await until("the complaint", () => server.log().includes("the old keys stay"));
  await (await joinJ1(server, "/gate", { token: sign(one.privateKey) })).leave();
  write("two.pem", pem(two.publicKey));
  process.kill(server.pid, "SIGHUP");
  await until("the word", () => server.log().includes("keys of tokens are read anew"));
  await (await joinJ1(server, "/gate", { token })).leave();
});

test("EdDSA and HS256 work too, each where it is configured", async () => {
  const ed = pair("ed25519");
  const secret = crypto.randomBytes(32).toString("hex");
  const ways = [
    ["EdDSA", write("ed.pem", pem(ed.publicKey)), (text) => crypto.sign(null, text, ed.privateKey)],
    [
      "HS256",
      `hex:${secret}`,
      (text) => crypto.createHmac("sha256", Buffer.from(secret, "hex")).update(text).digest(),
    ],
  ];
  for (const [alg, key, signer] of ways) {
    const other = await startServer({
      files: { "gate/game.lua": game },
      env: { PARLOR_JWT_ALG: alg, PARLOR_JWT_KEY: key },
    });
    const text = `${base64url({ alg })}.${base64url({ sub: alg, exp: now() + 60 })}`;
    const player = await joinJ1(other, "/gate", {
      token: `${text}.${signer(Buffer.from(text)).toString("base64url")}`,
    });
    assert.equal((await you(player)).user.id, alg);
    await player.leave();
    assert.equal(other.log().includes(secret), false);
    await other.stop();
  }
});

test("wrong keys end the start with 78 and a line that names them; secrets are not shown", async () => {
  const start = (...args) =>
    runToEnd(["serve", server.folder, "--port", "0", "--admin", "off", ...args]);
  const none = await start("--jwt_key", onePem);
  assert.equal(none.code, 78);
  assert.match(none.stderr, /jwt_alg: HS256, ES256 or EdDSA has to be chosen/);
  const short = await start("--jwt_alg", "HS256", "--jwt_key", "hex:c0ffeec0ffee");
  assert.equal(short.code, 78);
  assert.match(short.stderr, /a secret of 6 bytes is too short/);
  assert.doesNotMatch(short.stderr, /c0ffee/);
  const shown = await runToEnd(["config", "print", "--jwt_key", "a=hex:c0ffee"]);
  assert.match(shown.stdout, /jwt_key = "\(hidden\)"/);
  assert.doesNotMatch(shown.stdout, /c0ffee/);
});
