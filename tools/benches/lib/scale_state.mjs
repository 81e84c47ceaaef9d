// SPDX-License-Identifier: MIT
/*
 * scale_state - the swarm's state in @colyseus/schema, for scale_peer.mjs, which fills
 * it, and scale_check.mjs, which decodes it.
 */
import { schema, t } from "@colyseus/schema";

const place = {
  float32: () => t.float32(),
  quantised: () => t.quantized({ min: 0, max: 4096, bits: 16 }),
};

/** @param {"float32" | "quantised"} kind @param {boolean} hasViews a part for each player */
export function makeState(kind, hasViews) {
  const Ship = schema(
    { name: t.string(), hp: t.uint8(), team: t.uint8(), x: place[kind](), y: place[kind]() },
    "Ship",
  );
  const ships = hasViews ? t.map(Ship).view() : t.map(Ship);
  return { Ship, State: schema({ ships }, "State") };
}
