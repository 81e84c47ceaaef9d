// SPDX-License-Identifier: MIT
// @ts-check
/*
 * again - a snapshot in place of what is held: after a RESYNC, a reload of the
 * game, or with a new seat. Loaded with the first one, as most pages see none.
 *
 * Rows whose key was there before keep their object and tell what differs.
 */
import { buildRow, isSameCell } from "./schema.js";

/** @typedef {import("./image.js").Row} Row */

/**
 * The record was declared anew: what is no more goes, new places come. What
 * the page itself has put on the object stays.
 * @param {Row} row @param {Row} was
 */
function reshape(row, was) {
  const fresh = buildRow(row);
  for (const name of was.facet.shape.tree.keys()) if (!(name in fresh)) delete row.obj[name];
  Object.assign(row.obj, fresh);
}

/**
 * state.image is the new one, its tables are in place.
 * @param {import("./state.js").State} state
 * @param {import("./image.js").Image} old
 * @param {Row[]} added @param {Row[]} touched @param {Row[]} removed
 * @param {import("./state.js").Call[]} calls
 */
export function replace(state, old, added, touched, removed, calls) {
  old.undo(); // what is left there was never shown
  const before = new Map(old.facets.map((f) => [f.shape.name, f]));
  for (const facet of /** @type {import("./image.js").Image} */ (state.image).facets) {
    const { shape } = facet;
    const was = before.get(shape.name);
    before.delete(shape.name);
    if (!facet.columns) keep(state, facet, was, added, touched, removed);
  }
  for (const [name, { columns, table, ...facet }] of before) {
    if (columns) {
      columns._load({ ...facet, byKey: new Map() }, calls);
      delete state.root[name];
      continue;
    }
    removed.push(...facet.byKey.values());
    if (!table) continue;
    table._rows = new Map();
    if (state.root[name] === table) delete state.root[name];
  }
}

/**
 * One map, or the root.
 * @param {import("./state.js").State} state
 * @param {import("./image.js").Facet} facet @param {import("./image.js").Facet | undefined} old
 * @param {Row[]} added @param {Row[]} touched @param {Row[]} removed
 */
function keep(state, facet, old, added, touched, removed) {
  const isOther = JSON.stringify(old?.shape.fields) !== JSON.stringify(facet.shape.fields);
  for (const row of facet.byKey.values()) {
    const was = old?.byKey.get(row.key);
    if (!was?.obj) {
      state.create(row, added);
      continue;
    }
    // The row may have become ours, or have ceased to be.
    const isNew = isOther || row.fields.length !== was.fields.length;
    row.obj = was.obj;
    row.version = was.version;
    if (isNew) reshape(row, was);
    else if ((row.motion = was.motion)) facet.isDrawn = true;
    const ids = row.fields
      .filter((f) => isNew || !isSameCell(f.type, was.cells[f.id], row.cells[f.id]))
      .map((f) => f.id);
    if (ids.length) state.write([row], 1, ids, touched);
  }
  if (facet.index && old)
    for (const was of old.byKey.values())
      if (was.obj && !facet.byKey.has(was.key)) removed.push(was);
}
