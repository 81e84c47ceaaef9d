// SPDX-License-Identifier: MIT
/* What a path is below a base path, on pages of all kinds. */
import assert from "node:assert/strict";
import test from "node:test";

import { base, place } from "../../../scripts/web/place.js";

const at = (path, page, module) => place(path, page, module).href;
const ROOT = "https://a.example/_parlor/place.js";
const BELOW = "https://a.example/games/_parlor/place.js";
const POND = "https://a.example/games/pond/";

test("without a base path a path is what it is to the browser", () => {
  for (const path of ["/pond", "/pond/lobby", "pond", "./lobby", "../chat", "//b.example/pond", "https://b.example/x", "/_parlor/x", ""])
    for (const page of ["https://a.example/pond/", "https://a.example/pond/lobby?name=ann", "https://a.example/x/y/z"])
      assert.equal(at(path, page, ROOT), new URL(path, page).href, `${path} on ${page}`);
});

test("below a base path it is below that, whatever the page", () => {
  for (const page of [POND, `${POND}lobby?name=ann#x`, "https://a.example/games/", "https://a.example/", "https://a.example/blog/post"]) {
    assert.equal(at("/pond", page, BELOW), "https://a.example/games/pond");
    assert.equal(at("/chat/lobby?a=/b", page, BELOW), "https://a.example/games/chat/lobby?a=/b");
  }
  assert.equal(at("/pond", POND, "https://a.example/a/b/_parlor/place.js"), "https://a.example/a/b/pond");
});

test("the page's own path is not put below the base path twice", () => {
  for (const path of ["/games/pond", "/games/pond/", "/games/pond/lobby"]) {
    assert.equal(at(path, POND, BELOW), `https://a.example${path}`);
    assert.equal(at(path, `${POND}lobby`, BELOW), `https://a.example${path}`);
  }
});

test("a base path may be called as a game is", () => {
  const chat = "https://a.example/chat/_parlor/place.js";
  for (const page of ["https://a.example/chat/", "https://a.example/chat/chat/", "https://a.example/chat/pond/x"]) {
    assert.equal(at("/chat", page, chat), "https://a.example/chat/chat");
    assert.equal(at("/chat/lobby", page, chat), "https://a.example/chat/chat/lobby");
  }
  assert.equal(at("/chat/chat/lobby", "https://a.example/chat/chat/lobby", chat), "https://a.example/chat/chat/lobby");
});

test("whole and relative addresses stay, and so do pages of other origins", () => {
  for (const path of ["https://a.example/pond", "//a.example/pond", "./lobby", "../chat", "lobby", ""])
    assert.equal(at(path, POND, BELOW), new URL(path, POND).href, path);
  assert.equal(at("/pond", "https://b.example/games/pond/", BELOW), "https://b.example/pond");
  assert.equal(at("/pond", "http://a.example/x", BELOW), "http://a.example/pond");
});

test("a bundle knows no base path, nor does Node", () => {
  for (const module of ["https://a.example/assets/app/index.js", "https://a.example/x_parlor/a.js", "blob:https://a.example/games/_parlor/a.js", "file:///srv/_parlor/place.js", ""])
    assert.equal(at("/pond", POND, module), "https://a.example/pond", module);
  assert.equal(base, "");
  assert.throws(() => place("/pond"), TypeError);
});
