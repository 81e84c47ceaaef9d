// SPDX-License-Identifier: MIT
// What a client may make the server hold: the rows of README.md that ask for flat
// memory. Against the release build, since sanitizers hold what was freed.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import zlib from "node:zlib";

import { openLanes } from "./lib/lanes.mjs";
import { BINARY, CLOSE, connect, deflate, frame, PING, PONG, TEXT } from "./lib/raw.mjs";
import { sleep } from "./lib/server.mjs";

const MIB = 1 << 20;
const { row } = await openLanes({ program: "release" });

/** The most that the server's memory has grown by while `run` went on. */
async function growth(lane, run) {
  const before = lane.server.residentBytes();
  let most = before;
  const look = () => (most = Math.max(most, lane.server.residentBytes()));
  const timer = setInterval(look, 5);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  look();
  return most - before;
}

/** A row that may make the server's memory grow by so many MiB at most. */
const flat = (id, what, mib, run, options) =>
  row(
    id,
    `${what}: no more than ${mib} MiB`,
    async (lane) => {
      const grown = await growth(lane, () => run(lane));
      assert.ok(grown < mib * MIB, `grew by ${(grown / MIB).toFixed(1)} MiB`);
    },
    options,
  );

flat("F06", "a hundred announced messages of 32 MiB", 8, async (lane) => {
  for (let i = 0; i < 100; i++) {
    const raw = await lane.open();
    raw.write(frame(BINARY, "", { length: 32 * MIB }).subarray(0, 14));
    raw.write("and a few bytes of it");
  }
  await lane.assertHonest();
});

for (const [what, n, fragment] of [
  ["20 000 empty fragments", 20000, ""],
  ["200 000 fragments of a byte", 200000, "x"],
])
  flat("F17", `${what} are a message, or refused, and meanwhile others go on`, 8, async (lane) => {
    const raw = await lane.open();
    raw.write(frame(TEXT, "a", { fin: false }));
    const one = frame(0, fragment, { fin: false });
    raw.write(Buffer.concat(Array(n).fill(one)));
    raw.write(frame(0, "z"));
    await lane.assertHonest();
    const got = await raw.frame(20000);
    if (got.op === CLOSE) {
      assert.equal(got.payload.readUInt16BE(0), 1008);
    } else {
      const length = got.rsv
        ? zlib.inflateRawSync(got.payload, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).length
        : got.payload.length;
      assert.equal(length, 2 + n * fragment.length);
    }
  });

flat(
  "F17",
  "a compressed message of 200 000 fragments",
  8,
  async (lane) => {
    const raw = await lane.open();
    const payload = deflate(crypto.randomBytes(50000).toString("hex"));
    raw.write(frame(TEXT, "", { fin: false, rsv: 4 }));
    const all = [];
    for (let i = 0; i < 200000; i++)
      all.push(frame(0, i < payload.length ? payload.subarray(i, i + 1) : "", { fin: false }));
    raw.write(Buffer.concat(all));
    raw.write(frame(0, ""));
    await lane.assertHonest();
    assert.equal((await raw.message(30000)).data.length, 100000);
  },
  { only: (lane) => lane.isPacked },
);

flat("F21", "5000 pings in one burst, unread", 4, async (lane) => {
  const raw = await lane.open();
  raw.socket.pause();
  raw.write(Buffer.concat(Array(5000).fill(frame(PING, "p".repeat(125)))));
  await lane.assertHonest();
  raw.socket.resume();
  // Not all need an answer, but the last one (RFC 6455 5.5.3).
  raw.write(frame(PING, "last"));
  for (;;) {
    const pong = await raw.frame();
    assert.equal(pong.op, PONG);
    if (pong.payload.toString() === "last") break;
  }
});

flat("F31", "a client that never reads and sends 120 MB", 48, async (lane) => {
  const raw = await lane.open();
  raw.socket.pause();
  const message = lane.message(BINARY, crypto.randomBytes(MIB));
  let sent = 0;
  // Until the server takes no more for a second, or has dropped us.
  for (; sent < 120 && !raw.socket.destroyed; sent++) {
    if (raw.socket.write(message)) continue;
    const drained = await Promise.race([
      new Promise((done) => raw.socket.once("drain", () => done(true))),
      sleep(1000),
    ]);
    if (!drained) break;
  }
  assert.ok(sent < 120, "the server took it all");
  await lane.assertHonest();
});

flat(
  "D06",
  "400 MB of zeros in 400 kB are answered 1009",
  48,
  async (lane) => {
    const raw = await lane.open();
    const bomb = zlib.deflateRawSync(Buffer.alloc(400 * MIB), { level: 9 });
    assert.ok(bomb.length < 500000);
    raw.write(frame(BINARY, bomb, { rsv: 4 }));
    assert.equal(await raw.closeCode(20000), 1009);
    const small = await lane.open("/chat");
    small.write(frame(TEXT, bomb.subarray(0, 15000), { rsv: 4 }));
    assert.equal(await small.closeCode(), 1009);
  },
  { only: (lane) => lane.isPacked },
);

flat(
  "R16",
  "200 TLS hellos that announce 16 MiB each",
  8,
  async (lane) => {
    for (let i = 0; i < 200; i++) {
      const raw = lane.keep(await connect(lane.server.port));
      // A record of 9 bytes: a ClientHello of 2^24 - 1.
      raw.write(Buffer.from("160301000901ffffff0303000000", "hex"));
    }
    await lane.assertHonest();
  },
  { only: (lane) => lane.isSecure },
);

flat("R01", "2000 connections, each in the middle of a message", 24, async (lane) => {
  await Promise.all(
    Array.from({ length: lane.isSecure ? 200 : 2000 }, async () => {
      const raw = await lane.open();
      raw.write(frame(TEXT, "x", { fin: false }));
    }),
  );
  await lane.assertHonest();
});
