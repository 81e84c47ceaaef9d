// SPDX-License-Identifier: MIT
// Opening handshakes as attackers and broken clients send them (RFC 6455 4, RFC 9110,
// RFC 9112), on every lane. A test's name begins with its row in README.md.
import assert from "node:assert/strict";
import tls from "node:tls";

import { openLanes } from "./lib/lanes.mjs";
import { acceptOf, handshakeLines, request, TEXT } from "./lib/raw.mjs";
import { until } from "./lib/server.mjs";

const ORIGIN = "http://friend.example";
const { row } = await openLanes();
// One that lets in pages of one other address.
const listed = await openLanes({
  args: ["--origins", ORIGIN],
  headers: { Origin: ORIGIN },
});
// One that counts connections of this machine, too.
const counting = await openLanes({
  args: ["--limit-loopback", "1", "--conns-per-address", "5", "--conn-rate", "0"],
});

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const [GET, ...rest] = handshakeLines("/echo");
const HEADERS = rest.join("\r\n");

/** Sends bytes as they are and returns the answer; nothing may come after it, and the
 * server must end the connection, unless it was a 101. */
async function say(lane, bytes) {
  const raw = await lane.connect();
  raw.write(bytes);
  const answer = await raw.answer();
  if (answer.status !== 101) await raw.ended();
  assert.equal(raw.size, 0, "nothing comes after the answer");
  return answer;
}

/** The answer to a handshake with these headers changed. */
const ask = (lane, headers, at = "/echo") =>
  say(lane, `${handshakeLines(at, lane.headers(headers)).join("\r\n")}\r\n\r\n`);

function assertUpgraded(answer) {
  assert.equal(answer.status, 101);
  assert.equal(answer.headers["sec-websocket-accept"], acceptOf(KEY));
  assert.equal(answer.headers.upgrade.toLowerCase(), "websocket");
  assert.match(answer.headers.connection, /upgrade/i);
  for (const name of ["content-length", "transfer-encoding", "sec-websocket-protocol"])
    assert.equal(answer.headers[name], undefined, name);
}

/** A row whose headers are taken, or refused with this status. */
function taken(id, what, headers) {
  row(id, `${what} is upgraded`, async (lane) => assertUpgraded(await ask(lane, headers)));
}
function refused(id, what, headers, status = 400) {
  row(id, `${what} is answered ${status}`, async (lane) => {
    const answer = await ask(lane, headers);
    assert.equal(answer.status, status);
    if (status === 426) {
      assert.equal(answer.headers["sec-websocket-version"], "13");
      assert.match(answer.headers.upgrade, /websocket/i);
    }
  });
}

/** A row of whole bytes, and the statuses that may answer; 0: none, the connection ends. */
function bytesRow(id, what, bytes, ...statuses) {
  row(id, `${what} is answered ${statuses.join(" or ")}`, async (lane) => {
    const answer = await say(lane, bytes);
    assert.ok(statuses.includes(answer.status), `answered ${answer.status}`);
    if (answer.status === 101) assertUpgraded(answer);
  });
}

taken("H01", "a right handshake", {});
taken("H02", "odd case", { Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" });
taken("H02", "odd case of names", {
  Upgrade: undefined,
  Connection: undefined,
  uPgRaDe: "websocket",
  CONNECTION: "upgrade",
});
refused("H03", "no Host", { Host: undefined });
refused("H04", "two Hosts", { Host: ["localhost", "localhost"] });
refused("H05", "no key", { "Sec-WebSocket-Key": undefined });
refused("H06", "a key of 3 bytes", { "Sec-WebSocket-Key": "AQID" });
refused("H06", "a key of 15 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" });
refused("H06", "a key of 17 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA=" });
refused("H07", "a key in the base64 of addresses", { "Sec-WebSocket-Key": "-_AAAAAAAAAAAAAAAAAAAA==" });
refused("H07", "a key that is not base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j!Q==" });
refused("H08", "a key twice", { "Sec-WebSocket-Key": [KEY, KEY] });
refused("H09", "no version", { "Sec-WebSocket-Version": undefined }, 426);
refused("H10", "version 8", { "Sec-WebSocket-Version": "8" }, 426);
refused("H11", "versions 13, 8", { "Sec-WebSocket-Version": "13, 8" }, 426);
refused("H11", "version 13 twice", { "Sec-WebSocket-Version": ["13", "13"] }, 426);
refused("H11", "version 013", { "Sec-WebSocket-Version": "013" }, 426);
bytesRow("H12", "POST", `POST /echo HTTP/1.1\r\n${HEADERS}\r\n\r\n`, 405);
bytesRow("H13", "HTTP/1.0", `GET /echo HTTP/1.0\r\n${HEADERS}\r\n\r\n`, 400);

row("H14", "a plain GET leads to the page", async (lane) => {
  const answer = await lane.request(["GET /echo HTTP/1.1", "Host: localhost"]);
  assert.equal(answer.status, 308);
  assert.equal(answer.headers.location, "/echo/");
});
row("H15", "no Connection: upgrade is no upgrade", async (lane) => {
  const lines = handshakeLines("/echo", lane.headers({ Connection: "keep-alive" }));
  assert.equal((await lane.request(lines)).status, 308);
});
taken("H16", "one protocol of two", { Upgrade: "h2c, websocket" });
row("H16", "h2c alone is passed over, with a body or without", async (lane) => {
  const raw = await lane.connect();
  const offer = "Host: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk";
  raw.write(`POST /echo HTTP/1.1\r\n${offer}\r\nContent-Length: 5\r\n\r\nhello`);
  assert.equal((await raw.answer()).status, 405);
  raw.write(`GET /healthz HTTP/1.1\r\n${offer}\r\n\r\n`);
  assert.equal((await raw.answer()).status, 200);
  raw.write(`${handshakeLines("/echo", lane.headers()).join("\r\n")}\r\n\r\n`);
  assertUpgraded(await raw.answer());
});
refused("H17", "a body with its length", { "Content-Length": "5" });
refused("H17", "a body that is announced and awaited", {
  "Content-Length": "5",
  Expect: "100-continue",
});
refused("H18", "a chunked body", { "Transfer-Encoding": "chunked" });
refused("H18", "an unknown transfer coding", { "Transfer-Encoding": "identity" }, 501);
taken("H19", "subprotocols that nobody knows", { "Sec-WebSocket-Protocol": "chat, superchat" });
for (const list of ["a,,b", "a b", ",", "a,a", '"a"', "a\x01"])
  refused("H20", `the list of subprotocols ${JSON.stringify(list)}`, {
    "Sec-WebSocket-Protocol": list,
  });

bytesRow("H26", "LF for every line end", `${GET}\n${rest.join("\n")}\n\n`, 400);
bytesRow("H26", "one bare LF", `${GET}\n${HEADERS}\r\n\r\n`, 400);
bytesRow("H27", "a folded header", `${GET}\r\n${HEADERS}\r\nX: a\r\n b\r\n\r\n`, 400);
refused("H28", "a space before the colon", { "X-Bad ": "a" });
refused("H29", "NUL in a value", { X: "a\0b" });
refused("H29", "CR in a value", { X: "a\rb" });
refused("H29", "a space in a name", { "X Bad": "a" });
refused("H29", "an empty name", { "": "a" });
refused("H30", "a header of 64 KiB", { X: "a".repeat(65536) }, 431);
refused("H31", "3000 headers", { X: Array(3000).fill("a") }, 431);
bytesRow(
  "H32",
  "a target of 64 KiB",
  `GET /${"a".repeat(65536)} HTTP/1.1\r\n${HEADERS}\r\n\r\n`,
  414,
);
bytesRow("H33", "absolute-form", `GET http://localhost/echo HTTP/1.1\r\n${HEADERS}\r\n\r\n`, 101);
bytesRow("H33b", "GET *", `GET * HTTP/1.1\r\n${HEADERS}\r\n\r\n`, 400);

for (const [what, origin, status] of [
  ["the listed Origin", ORIGIN, 101],
  ["our own Origin", (lane) => `${lane.isSecure ? "https" : "http"}://localhost`, 101],
  ["a foreign Origin", "http://example.com", 403],
  ["an Origin that begins like the listed one", `${ORIGIN}.evil.test`, 403],
  ["Origin null", "null", 403],
  ["two Origins", [ORIGIN, "http://example.com"], 403],
  ["no Origin", undefined, 403],
])
  listed.row("H34", `${what} is answered ${status} where a list is set`, async (lane) => {
    const Origin = typeof origin === "function" ? origin(lane) : origin;
    assert.equal((await ask(lane, { Origin })).status, status);
  });

counting.row("H35", "what a stranger says about its address counts for nothing", async (lane) => {
  const claim = (n) => ({
    "X-Forwarded-For": `203.0.113.${n}`,
    "X-Real-IP": `203.0.113.${n}`,
    Forwarded: `for=203.0.113.${n};host=evil.test;proto=https`,
  });
  const Host = "evil.test";
  // Two sit there already, one for each lane of this server.
  for (let n = 0; n < 3; n++)
    await until("a place", () => lane.open("/echo", { Host, ...claim(n) }).catch(() => false));
  // Over TLS nobody shakes hands just to say no.
  const last = await ask(lane, claim(9)).catch((error) => ({ status: error.code }));
  assert.equal(last.status, lane.isSecure ? "ECONNRESET" : 429);
  assert.doesNotMatch(lane.server.log(), /203\.0\.113|evil\.test/);
});

row("H36", "a byte per segment is upgraded", async (lane) => {
  const raw = await lane.connect();
  await raw.trickle(`${handshakeLines("/echo", lane.headers()).join("\r\n")}\r\n\r\n`);
  assertUpgraded(await raw.answer());
  await lane.assertEchoes(raw);
});
bytesRow("H39", "an empty line first", `\r\n${GET}\r\n${HEADERS}\r\n\r\n`, 101);
bytesRow("H39", "NUL bytes first", `\0\0${GET}\r\n${HEADERS}\r\n\r\n`, 400);

const post = (lines, body = "") =>
  `${["POST /echo HTTP/1.1", "Host: localhost", ...lines].join("\r\n")}\r\n\r\n${body}`;
const CHUNKED = "Transfer-Encoding: chunked";
const HEALTHZ = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
for (const [what, bytes, status] of [
  ["Transfer-Encoding with Content-Length", post([CHUNKED, "Content-Length: 5"], "0\r\n\r\n"), 400],
  ["two Content-Lengths", post(["Content-Length: 1", "Content-Length: 2"], "ab"), 400],
  ["Content-Length: +4", post(["Content-Length: +4"], "abcd"), 400],
  ["a chunk size without a digit", post([CHUNKED], "\r\nabc\r\n0\r\n\r\n"), 400],
  ["a chunk size of letters", post([CHUNKED], "xyz\r\nabc\r\n0\r\n\r\n"), 400],
  ["an unknown transfer coding", post(["Transfer-Encoding: gzip"]), 501],
  ["a coding after chunked", post(["Transfer-Encoding: chunked, gzip"]), 400],
  ["CONNECT with a request for a body", `CONNECT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${HEALTHZ.length}\r\n\r\n${HEALTHZ}`, 501],
  ["a folded trailer", post([CHUNKED], "0\r\nX: a\r\n b\r\n\r\n"), 400],
  ["a trailer of 64 KiB", post([CHUNKED], `0\r\nX: ${"a".repeat(65536)}\r\n\r\n`), 431],
  ["a chunk size past 64 bits", post([CHUNKED], "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400],
])
  bytesRow("H41", what, bytes, status);

row("H42", "Expect: 100-continue gets a 100, then the 101", async (lane) => {
  const raw = await lane.connect();
  const lines = handshakeLines("/echo", lane.headers({ Expect: "100-continue" }));
  raw.write(`${lines.join("\r\n")}\r\n\r\n`);
  assert.equal((await raw.answer()).status, 100);
  assertUpgraded(await raw.answer());
  await lane.assertEchoes(raw);
});
row("H47", "a request, a handshake and a frame in one write", async (lane) => {
  const raw = await lane.connect();
  const get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const head = `${get}${handshakeLines("/echo", lane.headers()).join("\r\n")}\r\n\r\n`;
  raw.write(Buffer.concat([Buffer.from(head), lane.message(TEXT, "early")]));
  assert.equal((await raw.answer()).status, 200);
  assertUpgraded(await raw.answer());
  assert.equal((await raw.message()).text, "early");
});
row("H47", "two handshakes in one write: the second is a bad frame", async (lane) => {
  const raw = await lane.connect();
  raw.write(`${handshakeLines("/echo", lane.headers()).join("\r\n")}\r\n\r\n`.repeat(2));
  assertUpgraded(await raw.answer());
  assert.equal(await raw.closeCode(), 1002);
  await raw.ended();
});
bytesRow("H43", "a space after the version", `${GET} \r\n${HEADERS}\r\n\r\n`, 400, 505);
bytesRow("H44", "HTTP/2.0", `GET /echo HTTP/2.0\r\n${HEADERS}\r\n\r\n`, 505);
bytesRow("H44", "HTTP/3.1", `GET /echo HTTP/3.1\r\n${HEADERS}\r\n\r\n`, 505);
bytesRow("H45", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505);
bytesRow("H48", "HTTP/1.2, as 1.1,", `GET /echo HTTP/1.2\r\n${HEADERS}\r\n\r\n`, 101);
bytesRow("H48", "HTTP/1.2 without a Host", "GET /echo HTTP/1.2\r\n\r\n", 400);
bytesRow(
  "H48",
  "HTTP/1.2 with two framings",
  `POST / HTTP/1.2\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  400,
);
bytesRow("H46", "a TLS hello", Buffer.from("16030100c8010000c40303", "hex"), 400);

row(
  "H46",
  "a request in clear on the TLS port is answered 400",
  async (lane) => {
    const answer = await request(lane.server.port, handshakeLines("/echo"));
    assert.equal(answer.status, 400);
  },
  { only: (lane) => lane.isSecure },
);

/** A handshake with these protocols: what was chosen, or the alert. */
const alpn = (lane, ALPNProtocols) =>
  new Promise((done) => {
    const options = { port: lane.server.port, host: "127.0.0.1", rejectUnauthorized: false };
    const socket = tls.connect({ ...options, ALPNProtocols }, () => {
      done(socket.alpnProtocol);
      socket.destroy();
    });
    socket.once("error", (error) => done(error.message));
  });
const secure = { only: (lane) => lane.isSecure };
row(
  "T1",
  "ALPN h2 alone is refused with its alert",
  async (lane) =>
    assert.match(await alpn(lane, ["h2"]), /alert number 120|no application protocol/i),
  secure,
);
row(
  "T1",
  "ALPN h2 and http/1.1 becomes http/1.1",
  async (lane) => assert.equal(await alpn(lane, ["h2", "http/1.1"]), "http/1.1"),
  secure,
);
row(
  "T2",
  "HTTP/2 is never spoken: no SETTINGS, no extended CONNECT",
  async (lane) => {
    const answer = await say(
      lane,
      "CONNECT /echo HTTP/1.1\r\nHost: localhost\r\n:protocol: websocket\r\n\r\n",
    );
    assert.ok([400, 405, 501].includes(answer.status), `answered ${answer.status}`);
    assert.equal(await alpn(lane, undefined), false);
  },
  secure,
);
