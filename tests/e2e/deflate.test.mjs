// SPDX-License-Identifier: MIT
// permessage-deflate (RFC 7692): what is agreed on, compressed data right and
// wrong, and that what goes to many is compressed once.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import crypto from "node:crypto";
import test, { after } from "node:test";
import { promisify } from "node:util";
import zlib from "node:zlib";
import WebSocket from "ws";

import { pack, unpack, withContext } from "./lib/deflate.mjs";
import { join } from "./lib/player.mjs";
import { BINARY, frame, handshakeLines, PING, request, TEXT, upgrade } from "./lib/raw.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { freePort, root, startServer, until } from "./lib/server.mjs";

const news = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 0, state = { lines = s.map({text = s.str(255)}, {keys = "integer"}) },
}
function game:create() self.n = 0 end
function game:message(player, name, data)
  if name == "line" then
    self.n = self.n + 1
    self.state.lines[self.n] = {text = data}
  else
    self:broadcast("news", data)
  end
end
return game
`;
const quiet = `local game = require "parlor".game { raw = true, compress = false }
function game:message(player, data, is_text) player:send(data, is_text) end
return game
`;
const fan = `local game = require "parlor".game { raw = true, max_message = 65536 }
function game:message(player, data, is_text)
  for _, p in pairs(self.players) do p:send(data, is_text) end
end
return game
`;
const files = { "news/game.lua": news, "quiet/game.lua": quiet, "fan/game.lua": fan };

const admin = await freePort();
const server = await startServer({ files, args: ["--admin", `127.0.0.1:${admin}`] });
const keeping = await startServer({
  games: ["echo"],
  files,
  args: ["--deflate-context", "1", "--deflate-client-context", "1"].concat(
    ["--deflate-bits", "15", "--deflate-client-bits", "15"],
    ["--deflate-min", "1", "--deflate-level", "6"],
  ),
});
const python = "/usr/bin/python3";
const hasPython = await promisify(execFile)(python, ["-c", "import websockets"]).then(
  () => true,
  () => false,
);
after(() => Promise.all([server.stop(), keeping.stop()]));

/** A figure of /metrics. */
async function metric(name) {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)[1]);
}

const OFFER = "permessage-deflate";
const TEXT_1K = Array.from({ length: 120 }, (_, i) => `worm ${i % 7}, `).join("");

const offering = (offer) => ({ "Sec-WebSocket-Extensions": offer });
const echo = (offer = OFFER, to = server) => upgrade(to.port, "/echo", offering(offer));

/** The answer to these offers: its status, and what was agreed on. */
async function answerTo(offers, to = server, path = "/echo") {
  const answer = await request(to.port, handshakeLines(path, offering(offers)));
  return [answer.status, answer.headers["sec-websocket-extensions"]];
}

/** npm ws, open. */
async function open(url, perMessageDeflate = true) {
  const ws = new WebSocket(url, { perMessageDeflate, maxPayload: 64 << 20 });
  await new Promise((done, fail) => ws.once("open", done).once("error", fail));
  return ws;
}

/** Sends and waits for the message that comes back. */
const echoOf = (ws, data, options) =>
  new Promise((done, fail) => {
    const closed = (code) => fail(new Error(`closed with ${code}`));
    ws.once("close", closed);
    ws.once("message", (got) => {
      ws.off("close", closed);
      done(got);
    });
    ws.send(data, options);
  });

const NONE = "; server_no_context_takeover; client_no_context_takeover";

test("each offer is answered by the parameters that it may have", async () => {
  const cases = {
    [OFFER]: OFFER + NONE,
    [`${OFFER}; client_max_window_bits`]: `${OFFER}${NONE}; client_max_window_bits=12`,
    [`${OFFER}; client_max_window_bits=9`]: `${OFFER}${NONE}; client_max_window_bits=9`,
    [`${OFFER}; client_max_window_bits=15`]: `${OFFER}${NONE}; client_max_window_bits=12`,
    // X09, X20, X21: never more than was asked for, flags repeated
    [`${OFFER}; server_max_window_bits=8`]: `${OFFER}${NONE}; server_max_window_bits=8`,
    [`${OFFER}; server_max_window_bits=10`]: `${OFFER}${NONE}; server_max_window_bits=10`,
    [`${OFFER}; server_max_window_bits=15`]: `${OFFER}${NONE}; server_max_window_bits=12`,
    [`${OFFER}; server_no_context_takeover`]: OFFER + NONE,
    [`${OFFER}; client_no_context_takeover; client_max_window_bits; ` +
    "server_no_context_takeover; server_max_window_bits=9"]: `${OFFER}${NONE}; ` +
      "server_max_window_bits=9; client_max_window_bits=12",
    // X22: a bad one, then one whose value is quoted
    [`${OFFER}; server_max_window_bits=7, ${OFFER}; server_max_window_bits="10"`]:
      `${OFFER}${NONE}; server_max_window_bits=10`,
    [`x-other; a=b, ${OFFER}`]: OFFER + NONE,
  };
  for (const [offer, wanted] of Object.entries(cases))
    assert.deepEqual(await answerTo(offer), [101, wanted], offer);
  assert.deepEqual(await answerTo(["x-other", OFFER]), [101, OFFER + NONE]);
});

test("where the server keeps context, only a client's wish ends it", async () => {
  assert.deepEqual(await answerTo(OFFER, keeping), [101, OFFER]);
  for (const flag of ["server_no_context_takeover", "client_no_context_takeover"])
    assert.deepEqual(await answerTo(`${OFFER}; ${flag}`, keeping), [101, `${OFFER}; ${flag}`]);
});

test("X00-X08: an offer with a parameter that is wrong is declined", async () => {
  for (const parameter of [
    "unknown",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=abc",
    "server_max_window_bits=08",
    "server_max_window_bits",
    "client_max_window_bits=7",
    "server_no_context_takeover=1",
    "client_no_context_takeover=1",
    "server_no_context_takeover; server_no_context_takeover",
    "server_max_window_bits=10; server_max_window_bits=10",
  ])
    assert.deepEqual(await answerTo(`${OFFER}; ${parameter}`), [101, undefined], parameter);
});

test("X30-X34: a header that breaks the grammar is answered 400", async () => {
  for (const rest of [";", "; ;", "; =", '; server_max_window_bits="10'])
    assert.equal((await answerTo(OFFER + rest))[0], 400, rest);
  assert.equal((await answerTo(","))[0], 400);
  // Also where compression is off: it is the handshake that is wrong.
  assert.equal((await answerTo(";", server, "/quiet"))[0], 400);
});

test("X40: 15 kB of parameters and escapes are answered at once", async () => {
  for (const [offer, status] of [
    [`${OFFER}${"; a".repeat(5000)}`, 101],
    [`${OFFER}; a="${"\\a".repeat(7400)}"`, 101],
    [`${OFFER}; a="${"\\a".repeat(7400)}`, 400],
  ]) {
    const before = server.cpuMs();
    assert.deepEqual(await answerTo(offer), [status, undefined]);
    assert.ok(server.cpuMs() - before < 2000, `${server.cpuMs() - before} ms of the processor`);
  }
});

test("a game or a server may be without compression", async () => {
  assert.deepEqual(await answerTo(OFFER, server, "/quiet"), [101, undefined]);
  const raw = await upgrade(server.port, "/quiet", offering(OFFER));
  raw.write(frame(TEXT, TEXT_1K));
  assert.equal((await raw.message()).text, TEXT_1K);
  raw.write(frame(TEXT, pack(TEXT_1K), { rsv: 4 }));
  assert.equal(await raw.closeCode(), 1002);

  const plain = await startServer({ games: ["echo"], args: ["--deflate-level", "0"] });
  assert.deepEqual(await answerTo(OFFER, plain), [101, undefined]);
  await plain.stop();
});

// Compressed data.

/** The next message, which must come whole in one frame. */
async function expectMessage(raw, text, { packed } = {}) {
  const f = await raw.frame();
  assert.ok(f?.fin && f.op < 8, `a message, not ${JSON.stringify(f)}`);
  assert.equal(unpack(f).toString(), text);
  if (packed !== undefined) assert.equal((f.rsv & 4) !== 0, packed);
}

test("D02: RSV1 stands on the first frame of a message only", async () => {
  for (const [bytes, what] of [
    [frame(PING, "", { rsv: 4 }), "ping"],
    [
      Buffer.concat([
        frame(TEXT, pack("a"), { rsv: 4, fin: false }),
        frame(0, "b", { rsv: 4 }),
      ]),
      "continuation",
    ],
    [frame(TEXT, pack("a"), { rsv: 6 }), "RSV2"],
  ]) {
    const raw = await echo();
    raw.write(bytes);
    assert.equal(await raw.closeCode(), 1002, what);
  }
});

test("D03, D14: garbage and data that are cut off end with 1002", async () => {
  const whole = pack(TEXT_1K);
  for (const [bytes, what] of [
    [Buffer.from("ffffffffffffffff", "hex"), "garbage"],
    [Buffer.from("06", "hex"), "a block of no kind"],
    [whole.subarray(0, -3), "cut in a block"],
    [whole.subarray(0, 1), "one byte"],
    [Buffer.from("000500faff4865", "hex"), "a stored block that is cut"],
  ]) {
    const raw = await echo();
    raw.write(frame(BINARY, bytes, { rsv: 4 }));
    assert.equal(await raw.closeCode(), 1002, what);
    await raw.ended();
  }
});

test("D04, D05, D13, D15: every form of a right message comes back", async () => {
  const raw = await echo();
  const finished = Buffer.concat([zlib.deflateRawSync(TEXT_1K), Buffer.from([0])]);
  const stored = pack("Hello", { level: 0 });
  for (const [bytes, text] of [
    [finished, TEXT_1K], // BFINAL=1
    [pack(TEXT_1K), TEXT_1K],
    [Buffer.from([0]), ""],
    [Buffer.alloc(0), ""],
    [stored, "Hello"],
    [Buffer.from("f248cdc9c90700", "hex"), "Hello"], // 7.2.3.1
    [Buffer.from("f348cdc9c9070000", "hex"), "Hello"], // 7.2.3.4
    [Buffer.from("f248050000 00ffffcac9c90700".replaceAll(" ", ""), "hex"), "Hello"],
  ]) {
    raw.write(frame(TEXT, bytes, { rsv: 4 }));
    await expectMessage(raw, text);
  }
  raw.destroy();
});

test("D10: text is checked once it is uncompressed", async () => {
  const raw = await echo();
  raw.write(frame(TEXT, pack(Buffer.from([0x61, 0xff, 0x62])), { rsv: 4 }));
  assert.equal(await raw.closeCode(), 1007);
});

test("D11, D12: fragments, empty ones too, and plain messages in between", async () => {
  const raw = await echo();
  const bytes = pack(TEXT_1K);
  for (let cut = 0; cut <= bytes.length; cut += cut < 4 ? 1 : 40) {
    raw.write(frame(TEXT, bytes.subarray(0, cut), { rsv: 4, fin: false }));
    raw.write(frame(PING, "in between"));
    raw.write(frame(0, "", { fin: false }));
    raw.write(frame(0, bytes.subarray(cut)));
    assert.equal((await raw.frame()).payload.toString(), "in between");
    await expectMessage(raw, TEXT_1K, { packed: true });
    raw.write(frame(TEXT, TEXT_1K));
    await expectMessage(raw, TEXT_1K, { packed: true });
    raw.write(frame(TEXT, "short"));
    await expectMessage(raw, "short", { packed: false });
  }
  // One byte a frame, all in one write.
  const parts = [...bytes].map((byte, i) =>
    frame(i ? 0 : TEXT, [byte], { rsv: i ? 0 : 4, fin: i === bytes.length - 1 }),
  );
  raw.write(Buffer.concat(parts));
  await expectMessage(raw, TEXT_1K);
  raw.destroy();
});

test("D07: with context both sides refer to earlier messages", async () => {
  const raw = await echo(OFFER, keeping);
  const peer = withContext();
  const noise = crypto.randomBytes(5000).toString("base64");
  const sizes = [];
  for (const text of [noise, noise, "", noise, TEXT_1K, noise]) {
    const bytes = await peer.pack(text);
    raw.write(frame(TEXT, bytes, { rsv: 4 }));
    const f = await raw.frame();
    assert.equal((await peer.unpack(f)).toString(), text);
    sizes.push([bytes.length, f.payload.length]);
  }
  assert.ok(sizes[0][1] > 4000 && sizes[1][1] < 200, `${sizes}`);
  assert.ok(sizes[5][0] < 200 && sizes[5][1] < 200, `${sizes}`);
  raw.destroy();
});

test("D08: a client that breaks client_no_context_takeover hurts only itself", async () => {
  const raw = await echo();
  const peer = withContext();
  const noise = crypto.randomBytes(500).toString("base64");
  raw.write(frame(TEXT, await peer.pack(noise), { rsv: 4 }));
  await expectMessage(raw, noise);
  raw.write(frame(TEXT, await peer.pack(noise), { rsv: 4 }));
  assert.equal(await raw.closeCode(), 1002);
  const other = await echo();
  other.write(frame(TEXT, pack("still here"), { rsv: 4 }));
  await expectMessage(other, "still here");
  other.destroy();
});

test("D06: 400 MB in 400 kB end with 1009 before they are held", async () => {
  const server = await startServer({ program: "release" });
  const bomb = pack(Buffer.alloc(400 << 20), { level: 9 });
  assert.ok(bomb.length < 500_000);
  const warm = await echo(OFFER, server);
  warm.write(frame(TEXT, pack(TEXT_1K), { rsv: 4 }));
  await expectMessage(warm, TEXT_1K);
  const before = server.residentBytes();
  // 16 KiB may be in a message to /chat, 32 MiB in one to /echo.
  for (const [path, mebibytes] of [
    ["/chat?name=bomber", 2],
    ["/echo", 70],
  ]) {
    const raw = await upgrade(server.port, path, offering(OFFER));
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, server.residentBytes())), 1);
    raw.write(frame(TEXT, bomb, { rsv: 4 }));
    assert.equal(await raw.closeCode(30_000), 1009, path);
    clearInterval(watch);
    const grown = (Math.max(most, server.residentBytes()) - before) / (1 << 20);
    assert.ok(grown < mebibytes, `${path} grew by ${grown} MiB`);
  }
  warm.write(frame(TEXT, "still here"));
  await expectMessage(warm, "still here");
  warm.destroy();
  await server.stop();
});

test("window bits 8-15 and context on and off, both ways, with npm ws", async () => {
  const noise = crypto.randomBytes(3000);
  const messages = [TEXT_1K, "", "x", TEXT_1K, noise, TEXT_1K.repeat(60), noise, TEXT_1K];
  for (const to of [server, keeping])
    for (let bits = 8; bits <= 15; bits++)
      for (let contexts = 0; contexts < 4; contexts++) {
        const options = {
          threshold: 0,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: bits,
          // false would refuse a server that keeps less than it might
          serverNoContextTakeover: contexts & 1 ? true : undefined,
          clientNoContextTakeover: contexts & 2 ? true : undefined,
        };
        const ws = await open(to.ws("/echo"), options);
        assert.match(ws.extensions, /^permessage-deflate/);
        for (const data of messages) {
          const got = await echoOf(ws, data);
          assert.ok(got.equals(Buffer.from(data)), `${JSON.stringify(options)}`);
        }
        ws.send(TEXT_1K.slice(0, 500), { fin: false });
        assert.equal((await echoOf(ws, TEXT_1K.slice(500))).toString(), TEXT_1K);
        ws.close(1000);
      }
});

test("what is sent refers no further back than was agreed on", async () => {
  // Two copies 300 bytes apart: in a window of 256 the second must stand for itself.
  const noise = crypto.randomBytes(75).toString("hex");
  const apart = noise + crypto.randomBytes(75).toString("hex") + noise;
  for (const [bits, reach] of [
    [8, 256],
    [9, 512],
    [15, 4096], // the server's own limit: 12
  ]) {
    const far = crypto.randomBytes(reach >> 2).toString("base64url").repeat(3);
    const raw = await echo(`${OFFER}; server_max_window_bits=${bits}`);
    for (const text of [apart, far, TEXT_1K.repeat(20)]) {
      raw.write(frame(TEXT, text));
      const f = await raw.frame();
      assert.equal(unpack(f, Math.max(9, Math.min(bits, 12))).toString(), text);
    }
    raw.destroy();
  }
});

test("large messages come back, compressed or too large for that", async () => {
  const ws = await open(server.ws("/echo"), { threshold: 0 });
  const before = await metric("parlor_deflate_runs_total");
  for (const data of [
    Buffer.alloc(1 << 20, "worm "),
    Buffer.alloc(32 << 20, "frog "),
    crypto.randomBytes(16 << 20),
  ])
    assert.ok((await echoOf(ws, data)).equals(data));
  assert.equal((await metric("parlor_deflate_runs_total")) - before, 1);
  ws.close(1000);
});

// Broadcasts.

/** A WebSocket class with these options of permessage-deflate. */
const withOptions = (perMessageDeflate) =>
  class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { perMessageDeflate });
    }
  };

test("what goes to all is compressed once for each window and kind of record", async () => {
  const all = [];
  for (let i = 0; i < 8; i++) all.push(await join(server, `/news/once?name=n${i}`));
  const runs = () => metric("parlor_deflate_runs_total");
  const news = (n) => (record) => record.name === "news" && record.data.n === n;
  const tell = async (n) => {
    const before = await runs();
    all[0].say("tell", { n, text: TEXT_1K });
    for (const player of all) await player.record(`news ${n}`, news(n));
    return (await runs()) - before;
  };
  const before = await metric("parlor_deflate_sent_bytes_total");
  assert.equal(await tell(1), 1);
  const sent = (await metric("parlor_deflate_sent_bytes_total")) - before;
  assert.ok(sent > 8 * 20 && sent < 8 * 300, `${sent} bytes sent`);
  const state = await runs();
  all[0].say("line", TEXT_1K.slice(0, 200));
  for (const player of all) await player.until("the line", () => player.state.lines[1]);
  assert.equal((await runs()) - state, 1);

  // A reader of records in binary, and one that asks for a small window.
  const sdk = await joinWithSdk(server, "/news/once", { name: "b" });
  const small = new (withOptions({ serverMaxWindowBits: 9 }))(server.ws("/news/once"));
  const seen = [];
  small.on("message", (data) => seen.push(JSON.parse(data).t));
  await until("the snapshot in a small window", () => seen.includes("snapshot"));
  assert.equal(await tell(2), 3);
  sdk.leave();
  small.close();
  for (const player of all) await player.leave();
});

test("a raw game that sends to one after the other compresses once, too", async () => {
  const all = [];
  for (let i = 0; i < 6; i++) all.push(await open(server.ws("/fan")));
  const before = await metric("parlor_deflate_runs_total");
  const got = all.map((ws) => new Promise((done) => ws.once("message", done)));
  all[0].send(TEXT_1K);
  for (const data of await Promise.all(got)) assert.equal(data.toString(), TEXT_1K);
  assert.equal((await metric("parlor_deflate_runs_total")) - before, 1);
  for (const ws of all) ws.close();
});

for (const [name, to] of [
  ["default", server],
  ["with contexts kept", keeping],
])
  test(`a mixed audience sees the same state (${name})`, async () => {
    const at = "/news/mixed";
    const lines = (room) => rowsOf(room.state.lines);
    const json = [];
    for (const options of [
      false,
      true,
      { serverMaxWindowBits: 9 },
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      { clientMaxWindowBits: 9, threshold: 0 },
    ]) {
      const ws = new (withOptions(options))(to.ws(`${at}?name=j`));
      const player = { ws, state: {}, news: [] };
      ws.on("message", (data) => {
        const record = JSON.parse(data);
        if (record.t === "snapshot") player.state = record.state.lines;
        if (record.t === "delta") Object.assign(player.state, record.lines?.["+"]);
        if (record.t === "event") player.news.push(record.data);
      });
      await new Promise((done) => ws.once("open", done));
      json.push(player);
    }
    const sdk = [];
    for (const options of [false, true]) {
      const { join: joinRoom } = await import(`${root}/scripts/web/client.js`);
      sdk.push(await joinRoom(to.ws(at), {}, { WebSocket: withOptions(options) }));
    }
    for (let i = 1; i <= 30; i++) {
      const teller = i % 2 ? sdk[i % 4 >> 1] : undefined;
      const text = `${i} ${TEXT_1K.slice(i, i + 8 * i)}`;
      const say = (name, data) =>
        teller
          ? teller.send(name, data)
          : json[i % 5].ws.send(JSON.stringify({ t: "send", name, data }));
      say("line", text.slice(0, 255));
      if (i % 3 === 0) say("tell", { i, text });
    }
    await until("30 lines and 10 news everywhere", () =>
      [...json.map((p) => p.state), ...sdk.map(lines)].every((s) => s && s[30] !== undefined) &&
      [...json.map((p) => p.state), ...sdk.map(lines)].every(
        (s) => Object.keys(s).length === 30,
      ) &&
      json.every((p) => p.news.length === 10),
    );
    for (const player of json) {
      assert.deepEqual(player.state, json[0].state);
      assert.deepEqual(player.news, json[0].news);
      player.ws.close();
    }
    for (const room of sdk) {
      assert.deepEqual(lines(room), json[0].state);
      room.leave();
    }
  });

test("the figures tell what compression saves, both ways", async () => {
  const names = ["inflate_received", "inflate_plain", "deflate_plain", "deflate_sent"];
  const all = () =>
    Promise.all(names.map((name) => metric(`parlor_${name}_bytes_total`)));
  const before = await all();
  const ws = await open(server.ws("/echo"), { threshold: 0 });
  await echoOf(ws, TEXT_1K);
  ws.close();
  const [received, plain, was, sent] = (await all()).map((v, i) => v - before[i]);
  assert.equal(plain, TEXT_1K.length);
  assert.ok(received > 10 && received < plain / 4, `${received}`);
  assert.equal(was, TEXT_1K.length + 4);
  assert.ok(sent > 10 && sent < was / 4, `${sent}`);
  assert.ok((await metric("parlor_deflate_bytes")) > 100_000);
});

const PYTHON = `
import asyncio, json, sys, websockets

async def main(url):
    async with websockets.connect(url, compression="deflate") as ws:
        names = [extension.name for extension in ws.extensions]
        assert names == ["permessage-deflate"], names
        state = {}
        said = False
        async for text in ws:
            record = json.loads(text)
            if record["t"] == "snapshot":
                state = record["state"]
            if record["t"] == "delta" and "lines" in record:
                return record["lines"]["+"]["1"]["text"]
            if state and not said:
                said = True
                await ws.send(json.dumps(
                    {"t": "send", "name": "say", "data": {"text": "worm " * 99}}))

print(asyncio.run(main(sys.argv[1])))
`;

test("python's websockets plays chat compressed", { skip: !hasPython }, async () => {
  const url = server.ws("/chat/python?name=py");
  const { stdout } = await promisify(execFile)(python, ["-c", PYTHON, url], { timeout: 60_000 });
  assert.equal(stdout.trim(), "worm ".repeat(99).trim());
});
