// SPDX-License-Identifier: MIT
/* Names of people: what fits, what is remembered, where a name comes from. */
import assert from "node:assert/strict";
import test from "node:test";

import { chosenName, fit, hueOf, keepName, recall, showPeople } from "../../../scripts/web/people.js";

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

/** As much of a document as a list of people needs. */
class Element {
  constructor() {
    this.className = "";
    this.children = [];
    this.style = { setProperty() {} };
    this.classList = { toggle: (name, on) => on && (this.className += name) };
    this.fills = 0;
  }
  setAttribute() {}
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
    this.fills++;
  }
}

test("the list shows who is who, no more than fit, and is left alone while nothing changes", (t) => {
  globalThis.window = { innerWidth: 500 };
  globalThis.document = { createElement: () => new Element() };
  t.after(() => {
    delete globalThis.window;
    delete globalThis.document;
  });
  const people = new Map();
  const room = { id: 2, state: { people } };
  const list = new Element();
  const texts = () => list.children.map((item) => item.title ?? item.textContent);
  people.set(1, { name: "Ann", away: true });
  people.set(2, { name: "Bob", away: false });
  showPeople(list, room);
  assert.deepEqual(texts(), ["Ann (away)", "Bob (you)"]);
  assert.deepEqual(list.children.map((item) => item.className), ["away", ""]);
  showPeople(list, room);
  assert.equal(list.fills, 1);
  for (let id = 3; id <= 6; id++) people.set(id, { name: `P${id}`, away: false });
  showPeople(list, room);
  assert.deepEqual(texts(), ["Ann (away)", "Bob (you)", "P3", "P4", "+2"]);
  const narrow = new Element();
  showPeople(narrow, room, 3);
  assert.equal(narrow.children.length, 4);
  window.innerWidth = 1280;
  showPeople(list, room);
  assert.equal(list.children.length, 6);
  people.get(1).away = false;
  showPeople(list, room);
  assert.deepEqual([texts()[0], list.fills], ["Ann", 4]);
});
