// SPDX-License-Identifier: MIT
/*
 * scale_check - do both servers deliver the same? One player of each decodes what comes,
 * with the client library of its server: how many ships it holds, and how many of them
 * have moved from one state to the next.
 */
import { Decoder } from "@colyseus/schema";

import { join } from "../../../scripts/web/client.js";
import { makeState } from "./scale_state.mjs";
import { Socket } from "./socket.mjs";

const STATES = 20;

/** Looks at states until there are enough. @returns look(ships, [x, y] of a ship) */
function makeWatch() {
  const watch = { held: 0, moved: 0, n: 0, last: null };
  watch.whole = new Promise((done) => (watch.done = done));
  watch.look = (ships) => {
    const now = new Map(ships);
    if (watch.last) {
      let kept = 0;
      let moved = 0;
      for (const [id, [x, y]] of now) {
        const before = watch.last.get(id);
        if (!before) continue; // it has come into sight
        kept++;
        if (before[0] !== x || before[1] !== y) moved++;
      }
      watch.held += now.size;
      watch.moved += moved / kept;
      watch.n++;
    }
    watch.last = now;
    if (watch.n === STATES) watch.done();
  };
  return watch;
}

/** Ships in sight, and the share of them that moves in each state. */
const result = ({ held, moved, n }) => ({ held: held / n, moved: moved / n });

const patience = (name) =>
  new Promise((_, failed) => {
    setTimeout(() => failed(new Error(`${name}: ${STATES} states did not come`)), 15_000).unref();
  });

export async function checkParlor(port, at) {
  const watch = makeWatch();
  const settings = { WebSocket: Socket, base: `http://127.0.0.1:${port}`, resume: false };
  const room = await join(at, {}, settings);
  const off = room.on("state", () =>
    watch.look([...room.state.ships].map(([id, s]) => [id, [s.x, s.y]])),
  );
  await Promise.race([watch.whole, patience("Parlor")]);
  off();
  room.leave();
  return result(watch);
}

/** The two steps of a join: a seat, and where its socket is. */
export async function seatOfColyseus(port) {
  const answer = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/swarm`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const seat = await answer.json();
  if (!seat.sessionId) throw new Error(`Colyseus gives no seat: ${JSON.stringify(seat)}`);
  return `/${seat.processId}/${seat.roomId}?sessionId=${seat.sessionId}`;
}

export async function checkColyseus(port, kind, hasViews) {
  const watch = makeWatch();
  const { State } = makeState(kind, hasViews);
  const decoder = new Decoder(new State());
  const socket = new Socket(`ws://127.0.0.1:${port}${await seatOfColyseus(port)}`, []);
  socket.onopen = () => {};
  socket.onmessage = ({ data }) => {
    const bytes = new Uint8Array(data);
    if (bytes[0] === 10) socket.send(Uint8Array.of(10)); // JOIN_ROOM, and our word that we have it
    if (bytes[0] === 14 || bytes[0] === 15) {
      decoder.decode(bytes.subarray(1));
      watch.look([...decoder.state.ships].map(([id, s]) => [id, [s.x, s.y]]));
    }
  };
  await Promise.race([watch.whole, patience("Colyseus")]);
  socket.close();
  return result(watch);
}
