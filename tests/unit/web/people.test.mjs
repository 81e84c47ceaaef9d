// SPDX-License-Identifier: MIT
/* Names of people: what fits, what is remembered, where a name comes from. */
import assert from "node:assert/strict";
import test from "node:test";

import { chosenName, fit, hueOf, keepName, recall } from "../../../scripts/web/people.js";

test("a text is cut to bytes, never inside a character", () => {
  assert.equal(fit("abc", 3), "abc");
  assert.equal(fit("abcd", 3), "abc");
  assert.equal(fit("aäb", 2), "a");
  assert.equal(fit("a😀b", 4), "a");
  assert.equal(fit("a😀b", 5), "a😀");
  assert.equal(fit("abc", 0), "");
});

test("the address goes before what is remembered, and that before an invented name", () => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
  };
  globalThis.location = { search: "" };
  assert.equal(chosenName(20, ["Red"], ["Fox"]), "Red Fox");
  keepName("Ann");
  assert.equal(chosenName(20), "Ann");
  globalThis.location = { search: "?name=%20Bob%20" };
  assert.equal(chosenName(20), "Bob");
  assert.equal(chosenName(2), "Bo");
});

test("without storage a name is forgotten, and nothing breaks", () => {
  globalThis.localStorage = {
    getItem: () => {
      throw new Error("forbidden");
    },
    setItem: () => {
      throw new Error("forbidden");
    },
  };
  keepName("Ann");
  assert.equal(recall("parlor.name"), "");
});

test("neighbours have hues that one can tell apart", () => {
  for (let id = 1; id < 50; id++) {
    const d = Math.abs(hueOf(id) - hueOf(id + 1));
    assert.ok(Math.min(d, 360 - d) > 60);
  }
});
