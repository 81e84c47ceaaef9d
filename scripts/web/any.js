// SPDX-License-Identifier: MIT
// @ts-check
/*
 * any - values without a type, as they come: answers, undeclared events. Loaded
 * with the first; sending them is in wire.js, for every join does.
 */
import { MAX_DEPTH, WireError } from "./wire.js";

/** @param {import("./wire.js").In} input @param {number} depth @returns {any} */
export function read(input, depth) {
  const tag = input.u8();
  if (tag < 3) return [null, false, true][tag];
  switch (tag) {
    case 3: {
      const v = input.sv();
      if (v !== (v | 0)) throw new WireError("integer past 32 bits");
      return v;
    }
    case 4: {
      const v = input.f64();
      if (!Number.isFinite(v)) throw new WireError("number not finite");
      return v;
    }
    case 5:
      return input.str();
    case 8:
      return input.raw(input.uv()).slice();
  }
  const n = input.uv();
  if (tag > 8 || depth >= MAX_DEPTH) throw new WireError("bad value");
  if (n > input.end - input.at) throw new WireError("cut short");
  if (tag === 6) {
    const list = [];
    for (let i = 0; i < n; i++) list.push(input.any(depth + 1));
    return list;
  }
  /** @type {[string, any][]} */
  const pairs = [];
  for (let i = 0; i < n; i++) pairs.push([input.key(), input.any(depth + 1)]);
  return Object.fromEntries(pairs); // unlike assignment, it takes "__proto__" for a key
}
