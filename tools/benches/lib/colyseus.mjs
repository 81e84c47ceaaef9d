// SPDX-License-Identifier: MIT
/*
 * colyseus - the swarm as a state of @colyseus/schema. "float32": places as float32,
 * as most games have them; "quantised": in 16 bits over 0..4096, which is the size
 * nearest to our steps of 1/8.
 */
import { Encoder, MapSchema, schema, t } from "@colyseus/schema";

import { make } from "./swarm.mjs";

const place = {
  float32: () => t.float32(),
  quantised: () => t.quantized({ min: 0, max: 4096, bits: 16 }),
};

// One frame of 10 000 ships is larger than the default buffer.
Encoder.BUFFER_SIZE = 1 << 21;

export class Swarm {
  /** @param {number} n @param {"float32" | "quantised"} kind */
  constructor(n, kind) {
    const Ship = schema(
      { name: t.string(), hp: t.uint8(), team: t.uint8(), x: place[kind](), y: place[kind]() },
      `Ship_${kind}`,
    );
    this.State = schema({ ships: t.map(Ship) }, `State_${kind}`);
    this.state = new this.State();
    this.state.ships ??= new MapSchema();
    this.swarm = make(n, (s) => new Ship().assign(s));
    this.swarm.ships.forEach((ship, i) => this.state.ships.set(String(i), ship));
    this.encoder = new Encoder(this.state);
  }
  move() {
    this.swarm.move();
  }
  encodeAll() {
    const bytes = this.encoder.encodeAll();
    this.encoder.discardChanges();
    return bytes;
  }
  /** What changed since the last call; borrows until the next. */
  encode() {
    const bytes = this.encoder.encode();
    this.encoder.discardChanges();
    return bytes;
  }
}
