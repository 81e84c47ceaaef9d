// SPDX-License-Identifier: MIT
// A seat in a real browser: the page is loaded again, the network goes and comes, a tab
// is doubled, a second page has the token.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { join } from "./lib/player.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { startServer, until } from "./lib/server.mjs";

const GAME = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 60,
  state = { rows = s.map { said = s.u32, wrong = s.u32, told = s.u32, name = s.str(16) } },
  messages = { say = { n = s.u32 } }, events = { told = { n = s.u32 } },
}
function game:join(p) self.state.rows[p.id] = { name = p.name } end
function game:leave(p) self.state.rows[p.id] = nil end
function game.on.say(room, p, m)
  local row = room.state.rows[p.id]
  if m.n == row.said + 1 then row.said = m.n else row.wrong = row.wrong + 1 end
end
function game:tick()
  if self.tick % 4 > 0 then return end
  for id, p in pairs(self.players) do
    local row = self.state.rows[id]
    row.told = row.told + 1
    p:send("told", { n = row.told })
  end
end
return game
`;
// Counts go over a reload with the page's own storage, as a page would keep them.
const PAGE = `<!doctype html><meta charset="utf-8"><title>seat</title>
<link rel="stylesheet" href="/_parlor/parlor.css">
<h1>seat</h1><div id="pill"></div><p>player <b id="id">–</b>, event <b id="told">–</b></p>
<ol id="log"></ol><ul id="all"></ul>
<script type="module">
  import { join } from "/_parlor/client.js";
  import { pill } from "/_parlor/pill.js";
  const line = pill(document.getElementById("pill"));
  const say = (text) => document.getElementById("log").insertAdjacentHTML("beforeend", "<li>" + text);
  const ticket = new URLSearchParams(location.search).get("ticket");
  const seen = window.seen = { told: JSON.parse(sessionStorage.told ?? "null"), wrong: [] };
  const room = await join("/seat/x", { name: "ann" }, ticket ? { resume: JSON.parse(ticket) } : {});
  if (sessionStorage.id !== String(room.id)) seen.told = null;
  sessionStorage.id = room.id;
  line.watch(room);
  document.getElementById("id").textContent = room.id;
  room.on("told", ({ n }) => {
    if (seen.told !== null && n !== seen.told + 1) seen.wrong.push([seen.told, n]);
    sessionStorage.told = seen.told = n;
    document.getElementById("told").textContent = n;
  });
  room.on("status", (status) => say(status));
  room.on("gap", (lost) => say("gap " + lost));
  room.on("leave", ({ code, reason }) => say("left: " + code + " " + reason));
  room.on("state", () => {
    document.getElementById("all").innerHTML = [...room.state.rows].map(([id, row]) =>
      "<li>" + id + " " + row.name + ": said " + row.said + ", told " + row.told).join("");
  });
  window.room = room;
</script>`;

const server = await startServer({
  games: [],
  files: { "seat/game.lua": GAME, "seat/web/index.html": PAGE },
});
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await server.stop();
});

const ready = (page) => page.waitForFunction(() => window.room?.status === "live");
const idOf = (page) => page.evaluate(() => window.room.id);
const logOf = (page) => page.locator("#log li").allTextContents();
const rowOf = (page, id) =>
  page.evaluate((key) => ({ ...window.room.state.rows.get(key ?? window.room.id) }), id);
/** Events come, each once. */
async function expectEvents(page) {
  const { told } = await page.evaluate(() => window.seen);
  await page.waitForFunction((n) => window.seen.told > n + 3, told);
  assert.deepEqual(await page.evaluate(() => window.seen.wrong), []);
}
async function open(port = server.port, query = "") {
  const page = await browser.page(`http://127.0.0.1:${port}/seat/x${query}`);
  await ready(page);
  return page;
}

test("loaded again, and again at once: the same seat, and every event once", async () => {
  const page = await open();
  const id = await idOf(page);
  await expectEvents(page);
  for (let i = 0; i < 3; i++) {
    await page.reload();
    await ready(page);
    assert.equal(await idOf(page), id);
    await expectEvents(page);
  }
  // Gone again before the server has answered.
  for (let i = 0; i < 4; i++) await page.reload({ waitUntil: "commit" });
  await page.reload();
  await ready(page);
  assert.equal(await idOf(page), id);
  await expectEvents(page);
  assert.deepEqual(page.complaints, []);
  assert.equal(await page.evaluate(() => window.room.state.rows.size), 1);
  await page.context().close();
});

test("offline for a while: says so, comes back when it is online, with what was sent", async () => {
  const line = await startProxy(server.port);
  const page = await open(line.port);
  const id = await idOf(page);
  await expectEvents(page);
  await page.context().setOffline(true);
  line.cut(); // the browser's switch leaves open sockets be
  await page.locator('.pill[data-status="away"]').waitFor();
  await page.evaluate(() => {
    for (let n = 1; n <= 5; n++) window.room.send("say", { n });
  });
  await until("a few attempts", () => page.complaints.length >= 2);
  await browser.shot(page, "seat-offline");
  // The next attempt never comes: being online again has to be enough.
  await page.evaluate(() => {
    const { setTimeout } = window;
    window.attempts = 0;
    window.setTimeout = (call, ms, ...more) =>
      ms > 5000 ? setTimeout(call, ms, ...more) : ++window.attempts + 1e9; // the number of no timer
    window.addEventListener("online", () => Object.assign(window, { setTimeout }), { once: true, capture: true });
  });
  await until("an attempt that is put off for ever", () => page.evaluate(() => window.attempts > 0));
  await page.context().setOffline(false);
  await ready(page);
  assert.equal(await idOf(page), id);
  await expectEvents(page);
  await until("what was said", async () => (await rowOf(page)).said === 5);
  assert.equal((await rowOf(page)).wrong, 0);
  assert.deepEqual(await logOf(page), ["away", "live"]);
  await browser.shot(page, "seat-online");
  await page.context().close();
  line.close();
});

test("a doubled tab has a seat of its own; both keep theirs when loaded again", async () => {
  const first = await open();
  const id = await idOf(first);
  await expectEvents(first);
  // As "duplicate tab" does: a page that begins with a copy of sessionStorage.
  const [second] = await Promise.all([
    first.context().waitForEvent("page"),
    first.evaluate(() => void window.open(location.href)),
  ]);
  await ready(second);
  assert.ok(await second.evaluate(() => sessionStorage.length > 1), "it was copied");
  const other = await idOf(second);
  assert.notEqual(other, id);
  for (const [page, own] of [[first, id], [second, other], [first, id]]) {
    await page.reload();
    await ready(page);
    assert.equal(await idOf(page), own);
    await expectEvents(page);
  }
  assert.deepEqual(await logOf(second), []);
  assert.equal(await first.evaluate(() => window.room.status), "live");
  await browser.shot(second, "seat-doubled");
  assert.deepEqual(first.complaints, []);
  await first.context().close();
});

test("a second page that is given the token takes the seat over, and the first says so", async () => {
  const first = await open();
  const id = await idOf(first);
  await expectEvents(first);
  const ticket = await first.evaluate(() => JSON.stringify(window.room.ticket));
  const second = await open(server.port, `?ticket=${encodeURIComponent(ticket)}`);
  assert.equal(await idOf(second), id);
  await first.locator('.pill[data-status="closed"]').waitFor();
  assert.deepEqual(await logOf(first), ["closed", "left: 4005 taken over by a newer connection"]);
  await browser.shot(first, "seat-taken-over");
  await expectEvents(second);
  // The first page stays away until its user loads it again: its token is no good by now.
  await first.reload();
  await ready(first);
  assert.notEqual(await idOf(first), id);
  assert.equal(await second.evaluate(() => window.room.status), "live");
  await first.context().close();
  await second.context().close();
});

test("a page that is closed leaves its seat held, and one that leaves gives it up", async () => {
  const other = await join(server, "/seat/x?name=other");
  const page = await open();
  const id = await idOf(page);
  await other.until("ann", () => other.state.rows[id]);
  await page.goto("about:blank");
  await page.goBack();
  await ready(page);
  assert.equal(await idOf(page), id, "back and forth in the history");
  await page.evaluate(() => window.room.leave());
  await other.until("ann gone", () => !other.state.rows[id]);
  await other.leave();
  await page.context().close();
});
