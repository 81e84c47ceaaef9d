// SPDX-License-Identifier: MIT
// Section 9: big messages, small fragments, small pieces, many messages. In a quick run
// there are fewer of the same; the largest stay.
import crypto from "node:crypto";

import { BINARY, frame, TEXT } from "../e2e/lib/raw.mjs";
import { chop, fragments } from "./client.mjs";

/** @type {object[]} */
export const cases = [];
const add = (id, what, run) => cases.push({ id, what, run });

const KIB = 1 << 10;
const MIB = 1 << 20;
const kinds = [
  [TEXT, "text"],
  [BINARY, "binary"],
];

/** Text that is not the same everywhere, or any bytes. */
function payloadOf(op, size) {
  if (op === BINARY) return crypto.randomBytes(size);
  const text = Buffer.alloc(size, "Ünïcode ☃ 𝄞 and plain; ");
  // Whole characters only: what the end cuts becomes spaces.
  let end = size;
  while (end > 0 && (text[end - 1] & 0xc0) === 0x80) end--;
  if (end > 0 && text[end - 1] >= 0xc0) end--;
  return text.fill(" ", end);
}

/** The message comes back while it is still being sent: nobody waits for a write. */
async function comesBack(client, op, payload, pieces) {
  const sent = client.send(pieces);
  const e = await client.event();
  await sent;
  if (e.what !== "message" || e.op !== op || !e.payload.equals(payload))
    throw new Error(`${payload.length} bytes did not come back: ${e.what} ${e.code ?? ""}`);
}

const size = (n) => (n >= MIB ? `${n / MIB} MiB` : n >= KIB ? `${n / KIB} KiB` : `${n} bytes`);

kinds.forEach(([op, name], k) => {
  [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].forEach((n, i) =>
    add(`9.${1 + k}.${i + 1}`, `${name} of ${size(n)}`, async (client) => {
      const payload = payloadOf(op, n);
      await comesBack(client, op, payload, [frame(op, payload)]);
    }),
  );
  [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].forEach((n, i) =>
    add(`9.${3 + k}.${i + 1}`, `${name} of 4 MiB in fragments of ${size(n)}`, async (client, o) => {
      const payload = payloadOf(op, o.isWhole || n >= 4 * KIB ? 4 * MIB : MIB);
      await comesBack(client, op, payload, [fragments(op, payload, n)]);
    }),
  );
  [64, 128, 256, 512, KIB, 2 * KIB].forEach((n, i) =>
    add(`9.${5 + k}.${i + 1}`, `${name} of 1 MiB in pieces of ${size(n)}`, async (client, o) => {
      const payload = payloadOf(op, o.isWhole ? MIB : 256 * KIB);
      await comesBack(client, op, payload, chop(frame(op, payload), n));
    }),
  );
  [0, 16, 64, 256, KIB, 4 * KIB].forEach((n, i) =>
    add(`9.${7 + k}.${i + 1}`, `1000 ${name} messages of ${size(n)} in turn`, async (client, o) => {
      const payload = payloadOf(op, n);
      for (let turn = 0; turn < (o.isWhole ? 1000 : 100); turn++)
        await comesBack(client, op, payload, [frame(op, payload)]);
    }),
  );
});
