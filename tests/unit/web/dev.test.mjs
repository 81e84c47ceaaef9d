// SPDX-License-Identifier: MIT
/* The developer overlay, in a real browser; skipped where there is none. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const WEB = new URL("../../../scripts/web/", import.meta.url);

/** What the page does; its results end up in the document as JSON. */
async function script() {
  const { show } = await import("/dev.js");
  const root = () => document.querySelector("parlor-dev").shadowRoot;
  const seen = (name) => {
    const e = root().querySelector(name);
    return !!e && e.getClientRects().length > 0;
  };
  const text = (name) => root().querySelector(name).textContent;
  const error = {
    t: "dev",
    kind: "error",
    game: "pond",
    room: "lobby",
    where: "pond:tick",
    file: "games/pond/game.lua",
    line: 12,
    message: "attempt to index <b>nil</b>",
    hint: "it is <i>nil</i>: not set yet?",
    traceback: "stack traceback:\n\tgame.lua:12: in tick",
    excerpt: [
      [11, "  local f = frogs[1]"],
      [12, "  f.x = 1"],
      [13, "end"],
    ],
  };
  const found = {};
  show(error);
  const panel = root().querySelector(".panel").getBoundingClientRect();
  found.shown = seen(".panel");
  found.place = text(".place");
  found.message = text(".message");
  found.marked = text(".row.here");
  found.trace = text(".trace");
  found.hint = text(".hint");
  found.share = panel.height / innerHeight;
  found.ownColor = getComputedStyle(root().querySelector(".place")).color;
  addEventListener("keydown", (e) => (found.pageHeard = [...(found.pageHeard ?? []), e.key]));
  const press = (key) =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("a");
  press("Escape");
  found.afterEscape = [seen(".panel"), seen(".pill"), text(".pill")];
  show(error);
  found.sameAgain = seen(".panel");
  show({ ...error, line: 13 });
  found.another = [seen(".panel"), text(".where")];
  root().querySelector(".close").click();
  root().querySelector(".pill").click();
  found.reopened = seen(".panel");
  show({ kind: "fixed", game: "chess" });
  found.otherFixed = seen(".panel");
  show({ kind: "fixed", game: "pond" });
  found.fixed = [seen(".panel"), seen(".pill")];
  show(error);
  show({ kind: "taken_back", game: "pond", failed: 6, version: 5 });
  found.back = [text(".toast"), text(".where"), seen(".panel")];
  show({ kind: "reloaded", game: "pond", version: 7, rooms: 3, ms: 4 });
  found.toast = [text(".toast"), seen(".toast"), seen(".panel")];
  show({ t: "dev", kind: "warning", game: "pond", message: "hop: too many" });
  found.warning = [text(".toast"), root().querySelector(".toast.bad") !== null, seen(".panel")];
  const green = () => getComputedStyle(document.body).backgroundColor;
  found.before = green();
  show({ kind: "page", path: "/style.css" });
  for (let i = 0; i < 100 && green() === found.before; i++)
    await new Promise((r) => setTimeout(r, 20));
  found.after = green();
  const part = { at: 0, isOwn: false, fields: [] };
  const facet = { shape: { name: "frogs", keys: "player" }, rows: [] };
  const image = { schema: { parts: [part] }, facets: [facet] };
  found.faults = [];
  const session = {
    codec: { image, tick: 9 },
    now: () => 0,
    malformed: (e) => found.faults.push(e.message),
  };
  const room = { name: "/pond/lobby", _session: session };
  show({ kind: "fixed", game: "pond" });
  show({ kind: "hash", tick: 9, facets: [[0, 0x811c9dc5]] }, room);
  found.sameHash = seen(".panel");
  show({ kind: "hash", tick: 9, facets: [[1, 5]] }, room);
  found.otherHash = [seen(".panel"), text(".where"), text(".message")];
  document.body.append(
    Object.assign(document.createElement("pre"), {
      id: "found",
      textContent: JSON.stringify(found),
    }),
  );
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>t</title>
<link rel="stylesheet" href="/style.css"><style>* { color: red !important; }</style>
<body><script type="module">(${script})().catch((e) => document.body.append(String(e.stack)))</script>`;

async function browser() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const found = await run(name, ["--version"]).catch(() => null);
    if (found) return name;
  }
  return null;
}

test("dev overlay: errors, fixes, toasts, stylesheets", { timeout: 60_000 }, async (t) => {
  const chrome = await browser();
  if (!chrome) return t.skip("no Chromium");
  let styles = 0;
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url, "http://x");
    if (pathname.endsWith(".js")) {
      res.setHeader("content-type", "text/javascript");
      res.end(readFileSync(new URL(`.${pathname}`, WEB)));
    } else if (pathname === "/style.css") {
      res.setHeader("content-type", "text/css");
      res.end(`body { background: rgb(0, ${++styles}, 0) }`);
    } else {
      res.setHeader("content-type", "text/html");
      res.end(PAGE);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const profile = mkdtempSync(path.join(tmpdir(), "parlor-dev-"));
  t.after(() => {
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  });

  const { stdout } = await run(
    chrome,
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${profile}`,
      "--virtual-time-budget=3000",
      "--dump-dom",
      `http://127.0.0.1:${server.address().port}/`,
    ],
    { timeout: 50_000, maxBuffer: 1 << 22 },
  );
  const [, json] = /<pre id="found">(.*?)<\/pre>/s.exec(stdout) ?? [];
  assert.ok(json, stdout.slice(-600));
  const found = JSON.parse(
    json.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
  );

  assert.ok(found.shown);
  assert.equal(found.place, "games/pond/game.lua:12");
  assert.equal(found.message, "attempt to index <b>nil</b>");
  assert.equal(found.marked, "12  f.x = 1");
  assert.match(found.trace, /in tick/);
  assert.equal(found.hint, "it is <i>nil</i>: not set yet?");
  assert.deepEqual(found.back, [
    "pond v6 failed · v5 goes on",
    "pond:tick · lobby · v6 was taken back, v5 goes on",
    true,
  ]);
  assert.ok(found.share < 0.7, "does not cover the page");
  assert.notEqual(found.ownColor, "rgb(255, 0, 0)", "the page's style stays outside");
  assert.deepEqual(found.pageHeard, ["a"], "keys are the page's, but for Escape");
  assert.deepEqual(found.afterEscape, [false, true, "1 script error"]);
  assert.equal(found.sameAgain, false, "the same error does not come back by itself");
  assert.deepEqual(found.another, [true, "pond:tick · lobby · 2 errors, this is the last"]);
  assert.ok(found.reopened);
  assert.ok(found.otherFixed);
  assert.deepEqual(found.fixed, [false, false]);
  assert.deepEqual(found.warning, ["pond: a message was dropped: hop: too many", true, false]);
  assert.deepEqual(found.toast, ["pond v7 · 3 rooms kept · 4 ms", true, false]);
  const differs = "state.frogs: 0 rows here, 1 on the server";
  assert.equal(found.sameHash, false);
  assert.deepEqual(found.otherHash, [
    true,
    "tick 9 · lobby",
    `This page does not hold the server's state: ${differs}`,
  ]);
  assert.deepEqual(found.faults, [
    `/pond/lobby: the state of tick 9 is not the server's: ${differs}`,
  ]);
  assert.deepEqual([found.before, found.after], ["rgb(0, 1, 0)", "rgb(0, 2, 0)"]);
});
