// SPDX-License-Identifier: MIT
// Clients that keep the server waiting: rows of README.md whose answer is an end in
// time. Each runs on every lane at once.
import assert from "node:assert/strict";

import { openLanes } from "./lib/lanes.mjs";
import { connect, frame, PING, PONG } from "./lib/raw.mjs";
import { sleep } from "./lib/server.mjs";

const HEAD_MS = 1500;
const CLOSE_MS = 1000;
const DEAD_MS = 5000;
const { row } = await openLanes({
  args: ["--head-ms", String(HEAD_MS), "--close-ms", String(CLOSE_MS)],
});
const idle = await openLanes({ args: ["--ping-ms", "1000", "--dead-ms", String(DEAD_MS)] });

idle.row(
  "F36",
  "a peer that answers no ping is closed at the limit, one that answers stays",
  async (lane) => {
    const answering = await lane.open();
    const began = Date.now();
    const silent = await lane.open();
    assert.equal((await silent.frame()).op, PING);
    const timer = setInterval(() => {
      answering.write(frame(PONG));
      lane.honest.write(frame(PONG));
    }, 300);
    await silent.ended();
    clearInterval(timer);
    // Silence counts from when the server's loop last looked at its clock.
    assert.ok(Date.now() - began >= DEAD_MS / 2, "not before its time");
    await lane.assertEchoes(answering);
  },
  { together: true },
);

row(
  "H37",
  "a head that stalls, or trickles, ends in time",
  async (lane) => {
    const began = Date.now();
    const stalled = await lane.connect();
    stalled.write(`GET / HTTP/1.1\r\nHost: loc`);
    const slow = await lane.connect();
    slow.write(`GET / HTTP/1.1\r\nX: `);
    const timer = setInterval(() => slow.write("a"), 100);
    slow.socket.on("end", () => clearInterval(timer));
    for (const raw of [stalled, slow]) {
      assert.equal((await raw.answer()).status, 408);
      await raw.ended();
    }
    assert.ok(Date.now() - began >= HEAD_MS - 1000, "not before its time");
  },
  { together: true },
);
row(
  "H37",
  "a body that trickles, in chunks or not, ends in time",
  async (lane) => {
    const drops = [
      ["Content-Length: 1000", "a"],
      ["Transfer-Encoding: chunked", "1\r\na\r\n"],
      ["Transfer-Encoding: chunked", ""],
    ];
    await Promise.all(
      drops.map(async ([framing, drop]) => {
        const raw = await lane.connect();
        raw.write(`POST /echo HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`);
        const timer = setInterval(() => raw.write(drop), 100);
        raw.socket.on("end", () => clearInterval(timer));
        assert.equal((await raw.answer()).status, 408);
        await raw.ended();
      }),
    );
  },
  { together: true },
);
row(
  "H37",
  "a second head on a connection that has been served has as long, and no longer",
  async (lane) => {
    const raw = await lane.connect();
    raw.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.equal((await raw.answer()).status, 200);
    await sleep(HEAD_MS);
    raw.write("GET / HTTP/1.1\r\nX: ");
    const timer = setInterval(() => raw.write("a"), 100);
    raw.socket.on("end", () => clearInterval(timer));
    assert.equal((await raw.answer()).status, 408);
    await raw.ended();
  },
  { together: true },
);
row(
  "H38",
  "a client that says nothing is let go",
  async (lane) => {
    const silent = await lane.connect();
    // With TLS also one that does not even begin to shake hands.
    const mute = await connect(lane.server.port);
    await silent.ended();
    await mute.ended();
    assert.equal(mute.bytes.length, 0);
    mute.destroy();
  },
  { together: true },
);
row(
  "H38",
  "a TLS hello that trickles ends in time",
  async (lane) => {
    const raw = lane.keep(await connect(lane.server.port));
    // A record of 512 bytes: the beginning of a ClientHello, then zeros one by one.
    raw.write(Buffer.from("160301020001fc0303", "hex"));
    const timer = setInterval(() => raw.write(Buffer.alloc(1)), 100);
    raw.socket.on("end", () => clearInterval(timer));
    await raw.ended();
  },
  { together: true, only: (lane) => lane.isSecure },
);

row(
  "F30",
  "a client that is told 1002 and stays silent loses its connection",
  async (lane) => {
    const raw = await lane.open();
    raw.write(frame(3, "a"));
    assert.equal(await raw.closeCode(), 1002);
    await raw.ended();
    // Our side stays open; a server that keeps its own would take this for ever.
    await sleep(CLOSE_MS + 200);
    await raw.wait("the reset", () => {
      raw.tcp.write("x");
      setTimeout(() => raw.wake(), 50);
      return raw.tcp.destroyed;
    });
  },
  { together: true },
);
