// SPDX-License-Identifier: MIT
/*
 * slow_client - a page that joins and does nothing but look: our SDK over a WebSocket
 * of a few lines. Prints one JSON object at its end.
 *
 *   node slow_client.mjs HOST PORT SKIP_S SECONDS [mute]
 *
 * `mute`: it sends no ACKs. The state's field `at` is the server's clock when it was
 * made; both are on one machine, so now - at is how old it is.
 */
import { join } from "../../../scripts/web/client.js";
import { Socket } from "./socket.mjs";

const [host, port, skip, seconds, mute] = process.argv.slice(2);
const LOOK_MS = 5;
const ACK = 0x84;

class Mute extends Socket {
  send(bytes) {
    if (!(mute && bytes[0] === ACK)) super.send(bytes);
  }
}

const room = await join("/swarm", {}, { WebSocket: Mute, base: `http://${host}:${port}` });
const ages = [];
const gaps = [];
let frames = 0;
let last = 0;
let measures = false;
let from = 0;
room.on("state", () => {
  const now = performance.now();
  frames++;
  if (measures && last) gaps.push(now - last);
  last = now;
});
setTimeout(() => {
  measures = true;
  frames = 0;
  from = room.bytesIn;
  setInterval(() => ages.push(Date.now() - room.state.at * 1000), LOOK_MS);
}, skip * 1000);
setTimeout(() => {
  const at = (list, share) => list.sort((a, b) => a - b)[Math.floor((list.length - 1) * share)] ?? 0;
  console.log(
    JSON.stringify({
      p50: at(ages, 0.5),
      p95: at(ages, 0.95),
      worst: at(ages, 1),
      gap: at(gaps, 0.99),
      frames: frames / seconds,
      bytes: (room.bytesIn - from) / Math.max(frames, 1),
      status: room.status,
    }),
  );
  process.exit(0);
}, (Number(skip) + Number(seconds)) * 1000);
