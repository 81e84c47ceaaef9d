// SPDX-License-Identifier: MIT
/*
 * scale_peer - the swarm of scale_games.mjs as a Colyseus server with its ws transport.
 *
 * The settings are the best that it has for this: production mode; no compression; one
 * timer that moves the ships and then sends the patch (with `patchRate` beside it there
 * would be two, and a patch could miss a move); places as float32 or quantised.
 *
 * Where a player sees only what is near, its StateView is kept by hand, as Colyseus
 * leaves it to the game: a grid, and the hysteresis that our `near` has. "every" looks
 * anew in each tick, as ours does; "once" only at the join, which is no game but the
 * least that views can cost.
 *
 * Usage: scale_peer.mjs SHIPS NEAR float32|quantised every|once
 * Prints http://127.0.0.1:PORT and serves until killed.
 */
import http from "node:http";

process.env.NODE_ENV = "production";
const { Room, Server } = await import("@colyseus/core");
const { Encoder, StateView } = await import("@colyseus/schema");
const { WebSocketTransport } = await import("@colyseus/ws-transport");
const { sight } = await import("./scale_games.mjs");
const { makeState } = await import("./scale_state.mjs");
const { make } = await import("./swarm.mjs");

const [ships, near] = process.argv.slice(2, 4).map(Number);
const [kind, looks] = process.argv.slice(4);
const SEE = near && sight(ships, near);
const FORGET = SEE * 1.1;
const CELL = SEE / 2;
const SIDE = near && Math.ceil(4096 / CELL) + 1;
const { Ship, State } = makeState(kind, near > 0);

// The frames of all views of a tick lie one behind the other in it.
Encoder.BUFFER_SIZE = 16 << 20;

class Swarm extends Room {
  maxClients = 5000;

  onCreate() {
    this.state = new State();
    this.swarm = make(ships, (s) => new Ship().assign(s));
    this.swarm.ships.forEach((ship, i) => this.state.ships.set(String(i + 1), ship));
    this.nJoined = 0;
    this.setTimestep(() => this.step(), 50);
    this.patchRate = null; // behind setTimestep: it then has no timer of its own either
  }

  onJoin(client) {
    if (!near) return;
    client.view = new StateView();
    client.held = new Set();
    client.me = this.swarm.ships[this.nJoined++ % ships];
    this.look(client, this.sortIntoCells());
  }

  step() {
    this.swarm.move();
    if (near && looks === "every") {
      const cells = this.sortIntoCells();
      for (const client of this.clients) this.look(client, cells);
    }
    this.broadcastPatch();
  }

  sortIntoCells() {
    const cells = Array.from({ length: SIDE * SIDE }, () => []);
    for (const ship of this.swarm.ships)
      cells[Math.floor(ship.y / CELL) * SIDE + Math.floor(ship.x / CELL)].push(ship);
    return cells;
  }

  look({ me, view, held }, cells) {
    const at = (v) => Math.min(SIDE - 1, Math.max(0, Math.floor(v / CELL)));
    for (const ship of held)
      if ((ship.x - me.x) ** 2 + (ship.y - me.y) ** 2 > FORGET * FORGET) {
        held.delete(ship);
        view.remove(ship);
      }
    for (let y = at(me.y - SEE); y <= at(me.y + SEE); y++)
      for (let x = at(me.x - SEE); x <= at(me.x + SEE); x++)
        for (const ship of cells[y * SIDE + x])
          if (!held.has(ship) && (ship.x - me.x) ** 2 + (ship.y - me.y) ** 2 <= SEE * SEE) {
            held.add(ship);
            view.add(ship);
          }
  }
}

const listener = http.createServer();
const server = new Server({
  transport: new WebSocketTransport({ server: listener }),
  greet: false,
  gracefullyShutdown: false,
});
server.define("swarm", Swarm);
await server.listen(0, "127.0.0.1");
console.log(`http://127.0.0.1:${listener.address().port}`);
