// SPDX-License-Identifier: MIT
// Sections 12 and 13: permessage-deflate (RFC 7692), by payloads and by parameters.
// What was agreed on is read from the answer, so the server may be set up as it likes.
import crypto from "node:crypto";

import { BINARY, TEXT } from "../e2e/lib/raw.mjs";

/** @type {object[]} */
export const cases = [];

const KIB = 1 << 10;
// Message sizes, and the size of the client's frames where it fragments.
const shapes = [
  ...[16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB].map((n) => [n]),
  ...[8, 16, 32, 64, 128].map((n) => [n * KIB, 256]),
  ...[KIB, 4 * KIB, 32 * KIB].map((part) => [128 * KIB, part]),
];

/** The i-th message of a kind; they differ, and repeat themselves as such data do. */
const kinds = [
  ["JSON", TEXT, (n, i) => fill(n, `{"t":"event","tick":${i},"name":"sank","worms":[${i},7]},`)],
  ["UTF-8 text", TEXT, (n, i) => fill(n, `Wer reitet so spät ${i} durch Nacht und Wind? ☃ `)],
  ["records", BINARY, (n, i) => fill(n, Buffer.from([4, 0, i & 255, 1, 2, 0, 0, 0, i >> 8, 9]))],
  ["one byte", BINARY, (n) => Buffer.alloc(n, 0x2a)],
  ["random bytes", BINARY, (n) => crypto.randomBytes(n)],
];

function fill(n, what) {
  const all = Buffer.alloc(n, what);
  // A character that the end cuts is made one byte each.
  for (let i = n - 1; i >= 0 && i > n - 4 && typeof what === "string" && all[i] & 0x80; i--)
    all[i] = 0x20;
  return all;
}

/** Sends and awaits messages one by one; in a quick run 256 KiB of them. */
const exchange =
  ([, op, make], [n, part]) =>
  async (client, { isWhole }) => {
    const count = isWhole ? 1000 : Math.max(2, Math.min(20, (256 * KIB) / n));
    for (let i = 0; i < count; i++) {
      const payload = make(n, i);
      const sent = client.send([await client.message(op, payload, part)]);
      const e = await client.event();
      await sent;
      if (e.what !== "message" || e.op !== op || !e.payload.equals(payload))
        throw new Error(`message ${i} came back as ${e.what} ${e.code ?? ""}`);
    }
  };

const shapeOf = ([n, part]) => `${n} bytes${part ? ` in frames of ${part}` : ""}`;

kinds.forEach((kind, k) =>
  shapes.forEach((shape, i) =>
    cases.push({
      id: `12.${k + 1}.${i + 1}`,
      what: `${kind[0]}, ${shapeOf(shape)}`,
      offer: "permessage-deflate; client_max_window_bits",
      run: exchange(kind, shape),
    }),
  ),
);

const D = "permessage-deflate";
[
  D,
  `${D}; server_no_context_takeover`,
  `${D}; server_max_window_bits=9; client_max_window_bits`,
  `${D}; server_max_window_bits=15; client_max_window_bits=15`,
  `${D}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9`,
  `${D}; client_no_context_takeover; client_max_window_bits=9`,
  `${D}; server_max_window_bits=7, ${D}; server_max_window_bits="10"; client_max_window_bits, ${D}`,
].forEach((offer, k) =>
  shapes.forEach((shape, i) =>
    cases.push({
      id: `13.${k + 1}.${i + 1}`,
      what: `${offer}: ${shapeOf(shape)}`,
      offer,
      run: exchange(kinds[0], shape),
    }),
  ),
);
