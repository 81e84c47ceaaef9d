// SPDX-License-Identifier: MIT
// What may stand in Sec-WebSocket-Extensions (RFC 6455 9.1, RFC 7692 7.1): a bad
// offer is declined or fails the handshake, a good one is answered with no more than
// was offered. In clear and over TLS.
import assert from "node:assert/strict";

import { openLanes } from "./lib/lanes.mjs";
import { handshakeLines } from "./lib/raw.mjs";

const { row: everyRow } = await openLanes();

/** A row on the lanes that offer compression: theirs is replaced by the row's. */
const row = (id, what, run) => everyRow(id, what, run, { only: (lane) => lane.offers });

/** {status, deflate: the parameters agreed on (a Map), or undefined}. */
async function offer(lane, value) {
  const headers = { "Sec-WebSocket-Extensions": value };
  const answer = await lane.request(handshakeLines("/echo", headers));
  const text = answer.headers["sec-websocket-extensions"];
  if (text === undefined) return { status: answer.status };
  const [name, ...parameters] = text.split(";").map((part) => part.trim());
  assert.equal(name, "permessage-deflate");
  const deflate = new Map(parameters.map((p) => p.split("=").map((word) => word.trim())));
  assert.equal(deflate.size, parameters.length, `nothing twice in ${text}`);
  return { status: answer.status, deflate };
}

/** Rows that must be declined (101 without compression) or refused with 400. */
const declined = [
  ["X00", "permessage-deflate; nonsense"],
  ["X01", "permessage-deflate; server_max_window_bits=7"],
  ["X02", "permessage-deflate; server_max_window_bits=16"],
  ["X03", "permessage-deflate; server_max_window_bits=abc"],
  ["X04", "permessage-deflate; server_max_window_bits=08"],
  ["X05", "permessage-deflate; server_max_window_bits"],
  ["X06", "permessage-deflate; client_max_window_bits=16"],
  ["X06", "permessage-deflate; client_max_window_bits=010"],
  ["X07", "permessage-deflate; server_no_context_takeover=1"],
  ["X07", "permessage-deflate; client_no_context_takeover=1"],
  ["X08", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
  ["X08", "permessage-deflate; client_max_window_bits; client_max_window_bits=10"],
  ["X30", "permessage-deflate;"],
  ["X31", "permessage-deflate; ;"],
  ["X32", "permessage-deflate; server_max_window_bits="],
  ["X32", "permessage-deflate; =10"],
  ["X33", 'permessage-deflate; server_max_window_bits="10'],
  ["X34", ","],
  ["X40", `permessage-deflate; ${"a; ".repeat(5000)}`],
  ["X40", `permessage-deflate; x="${"\\a".repeat(7500)}"`],
  ["X40", `permessage-deflate; x="${"\\".repeat(15000)}`],
];
for (const [id, value] of declined)
  row(id, `${value.slice(0, 70)} is declined or 400`, async (lane) => {
    const { status, deflate } = await offer(lane, value);
    assert.ok(status === 400 || (status === 101 && !deflate), `${status}, ${deflate}`);
  });

/** The bits that were agreed on for the window of `who`. */
const bits = (deflate, who) => Number(deflate.get(`${who}_max_window_bits`) ?? 15);

/** A row that a server with compression has an answer to. */
const agreed = (id, what, run) => everyRow(id, what, run, { only: (lane) => lane.isPacked });

row("X09", "server_max_window_bits=8 is declined, or answered 8", async (lane) => {
  const { status, deflate } = await offer(lane, "permessage-deflate; server_max_window_bits=8");
  assert.equal(status, 101);
  if (deflate) assert.equal(bits(deflate, "server"), 8);
});
agreed("X20", "server_max_window_bits=10 is answered with 10 or less", async (lane) => {
  const { status, deflate } = await offer(lane, "permessage-deflate; server_max_window_bits=10");
  assert.equal(status, 101);
  assert.ok(bits(deflate, "server") <= 10);
});
agreed("X21", "server_no_context_takeover is echoed", async (lane) => {
  const { status, deflate } = await offer(lane, "permessage-deflate; server_no_context_takeover");
  assert.equal(status, 101);
  assert.ok(deflate.has("server_no_context_takeover"));
});
agreed("X22", "the second offer is taken when the first is bad, quotes or not", async (lane) => {
  const { status, deflate } = await offer(
    lane,
    'permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits="10"',
  );
  assert.equal(status, 101);
  assert.ok(bits(deflate, "server") <= 10);
});
agreed("X23", "who does not offer client_max_window_bits is not bound", async (lane) => {
  const plain = await offer(lane, "permessage-deflate");
  assert.ok(!plain.deflate.has("client_max_window_bits"));
  const bound = await offer(lane, "permessage-deflate; client_max_window_bits=11");
  assert.ok(bits(bound.deflate, "client") <= 11);
});
agreed("X24", "other extensions are passed over", async (lane) => {
  const { status, deflate } = await offer(lane, 'x-other; a="b\\c", permessage-deflate');
  assert.equal(status, 101);
  assert.ok(deflate);
});
