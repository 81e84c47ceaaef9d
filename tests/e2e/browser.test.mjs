// SPDX-License-Identifier: MIT
// The promise in a real browser: two people in the pond, a script saved under
// them, a page loaded again, and nobody loses the seat.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { join } from "./lib/player.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { upgrade } from "./lib/raw.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";

// The page keeps its room to itself; in our copy it shows it to the test.
const folder = gamesFolder(["pond", "echo", "chat"]);
const script = path.join(folder, "pond/web/pond.js");
const source = fs.readFileSync(script, "utf8");
const shown = source.replace(/const room = await join\([^;]*\);/, "$&\n  window.room = room;");
assert.notEqual(shown, source, "pond.js joins as we expect");
fs.writeFileSync(script, shown);

const server = await startServer({ folder });
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await server.stop();
});

/** A frog's page. */
async function frog(name, room = "e2e", size) {
  const page = await browser.page(`${server.origin}/pond/${room}?name=${name}`, size);
  await page.waitForFunction(() => window.room?.state.frogs.get(window.room.id));
  return page;
}
const idOf = (page) => page.evaluate(() => window.room.id);
const frogIn = (page, id) =>
  page.evaluate((key) => ({ ...window.room.state.frogs.get(key) }), id);

/** Presses the arrow key that leads away from the nearer bank. */
async function hop(page) {
  const { x } = await frogIn(page, await idOf(page));
  await page.keyboard.press(x > 20 ? "ArrowLeft" : "ArrowRight");
}

const quiet = (...pages) =>
  assert.deepEqual(pages.flatMap((page) => page.complaints), [], "no page complains");

test("one frog hops in one browser and is seen to in the other", async () => {
  const ann = await frog("ann");
  const bob = await frog("bob");
  const id = await idOf(ann);
  await ann.getByText("bob").first().waitFor();
  await bob.getByText("ann").first().waitFor();

  const before = await frogIn(bob, id);
  await hop(ann);
  await until("the hop in bob's browser", async () => {
    const now = await frogIn(bob, id);
    return Math.abs(now.x - before.x) > 1;
  });
  await browser.shot(bob, "pond-1280");
  quiet(ann, bob);
  await ann.context().close();
  await bob.context().close();
});

test("a saved script is seen by both, with seats, places and sockets kept", async () => {
  const ann = await frog("ann", "save");
  const bob = await frog("bob", "save");
  const ids = [await idOf(ann), await idOf(bob)];
  const statuses = (page) =>
    page.evaluate(() => {
      window.statuses = [];
      window.room.on("status", (status) => window.statuses.push(status));
    });
  await statuses(ann);
  await statuses(bob);
  // Frogs may eat on their way, so the last digit is theirs.
  const worms = "  room.state.frogs[player.id].worms = 1000 * player.id\n";
  const lua = server.read("pond/game.lua");
  const changed = lua.replace(/function pond\.on\.hop\(.*\)\n/, (line) => line + worms);
  assert.notEqual(changed, lua, "game.lua has the handler that we change");

  server.save("pond/game.lua", changed);
  await until("the new code's effect", async () => {
    await hop(ann);
    return (await frogIn(bob, ids[0])).worms >= 1000;
  });
  await hop(bob);
  for (const page of [ann, bob])
    for (const id of ids) await page.getByText(new RegExp(`^${id}00\\d$`)).first().waitFor();
  assert.deepEqual([await idOf(ann), await idOf(bob)], ids);
  for (const page of [ann, bob])
    assert.deepEqual(await page.evaluate(() => window.statuses.filter((s) => s !== "live")), []);
  quiet(ann, bob);

  server.save("pond/game.lua", lua.replace("return pond", "return pond pond"));
  for (const page of [ann, bob]) await page.getByText(/pond\/game\.lua/).first().waitFor();
  await browser.shot(ann, "pond-error");
  server.save("pond/game.lua", lua);
  for (const page of [ann, bob])
    await page.getByText(/pond\/game\.lua/).first().waitFor({ state: "hidden" });
  assert.deepEqual([await idOf(ann), await idOf(bob)], ids);
  await ann.context().close();
  await bob.context().close();
});

test("code that fails in its first tick is taken back; the page says what, where and why", async () => {
  const ann = await frog("ann", "back");
  const id = await idOf(ann);
  const lua = server.read("pond/game.lua");
  const bad = lua.replace("local frogs, worms = self.state.frogs", "local frogs, worms = self.state.frgs");
  assert.notEqual(bad, lua, "game.lua has the line that we change");
  const line = lua.slice(0, lua.indexOf("local frogs, worms")).split("\n").length;

  server.save("pond/game.lua", bad);
  const panel = ann.locator("parlor-dev .panel");
  await ann.getByText(/pond v\d+ failed · v\d+ goes on/).waitFor();
  await panel.getByText(/v\d+ was taken back, v\d+ goes on/).waitFor();
  await panel.getByText(`pond/game.lua:${line + 1}`, { exact: true }).waitFor();
  await panel.getByText("parlor.each takes a map of the state").waitFor();
  await panel.locator(".row.here").getByText("for id, frog in parlor.each(frogs) do").waitFor();
  await panel.getByText("stack traceback").waitFor();
  await browser.shot(ann, "pond-taken-back");
  const { x, y } = await frogIn(ann, id);
  await until("a hop by the old code", async () => {
    await hop(ann);
    const now = await frogIn(ann, id);
    return now.x !== x || now.y !== y;
  });

  server.save("pond/game.lua", lua);
  await Promise.all([
    ann.getByText(/pond v\d+ · \d+ rooms? kept/).waitFor(), // for some seconds
    panel.waitFor({ state: "hidden" }),
  ]);
  await browser.shot(ann, "pond-reloaded");
  assert.equal(await idOf(ann), id);
  quiet(ann);
  await ann.context().close();
});

test("an error in a handler shows a hint, and an edited page keeps the seat", async () => {
  const ann = await frog("ann", "page");
  const id = await idOf(ann);
  const lua = server.read("pond/game.lua");
  server.save("pond/game.lua", lua.replace("function pond.on.hop(room, player, m)", "$&\n  pritn(m)"));
  await until("the hint", async () => {
    await hop(ann);
    return ann.locator("parlor-dev .hint").getByText("did you mean print?").isVisible();
  });
  await browser.shot(ann, "pond-hint");
  server.save("pond/game.lua", lua);
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });

  const page = server.read("pond/web/index.html");
  const again = ann.waitForEvent("load");
  server.save("pond/web/index.html", page.replace("</title>", " again</title>"));
  await again;
  await ann.waitForFunction(() => window.room?.state.frogs.get(window.room.id));
  assert.match(await ann.title(), / again$/);
  assert.equal(await idOf(ann), id);
  server.save("pond/web/index.html", page);
  quiet(ann);
  await ann.context().close();
});

test("a page that is loaded again has the same seat", async () => {
  const ann = await frog("ann", "again");
  const other = await join(server, "/pond/again?name=other");
  const id = await idOf(ann);
  await ann.reload();
  await ann.waitForFunction(() => window.room?.state.frogs.get(window.room.id));
  assert.equal(await idOf(ann), id);
  await other.until("it here", () => other.state.frogs[id]?.away === false);
  assert.equal(Object.keys(other.state.frogs).length, 2, "and there is one of it");
  quiet(ann);
  await ann.context().close();
  await other.leave();
});

test("a browser that was cut off comes back by itself, in its seat", async () => {
  const line = await startProxy(server.port);
  const ann = await browser.page(`http://127.0.0.1:${line.port}/pond/cut?name=ann`);
  await ann.waitForFunction(() => window.room?.state.frogs.get(window.room.id));
  const other = await join(server, "/pond/cut?name=other");
  const id = await idOf(ann);
  await other.until("ann", () => other.state.frogs[id]?.name === "ann");

  line.hold(); // until that was seen
  line.cut();
  await other.until("ann away", () => other.state.frogs[id]?.away === true);
  line.letGo();
  await other.until("ann back", () => other.state.frogs[id]?.away === false);
  assert.equal(await idOf(ann), id);
  const { x } = other.state.frogs[id];
  await hop(ann);
  await other.until("ann hopping", () => other.state.frogs[id].x !== x);
  await ann.context().close();
  await other.leave();
  line.close();
});

test("the pond fits a phone", async () => {
  const page = await frog("ann", "phone", { width: 390, height: 844, touch: true });
  const { x, y } = await frogIn(page, await idOf(page));
  await page.touchscreen.tap(x > 20 ? 60 : 330, 420);
  await until("a hop by touch", async () => {
    const now = await frogIn(page, await idOf(page));
    return now.x !== x || now.y !== y;
  });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - window.innerWidth,
  );
  assert.equal(overflow, 0, "nothing sticks out sideways");
  await browser.shot(page, "pond-390");
  quiet(page);
  await page.context().close();
});

test("what one says in the chat, the other reads", async () => {
  const ann = await browser.page(`${server.origin}/chat/e2e?name=ann`);
  const bob = await browser.page(`${server.origin}/chat/e2e?name=bob`);
  const box = ann.getByRole("textbox", { name: /message/i });
  await box.fill("Is anybody <b>here</b>?");
  await box.press("Enter");
  await bob.getByText("Is anybody <b>here</b>?").first().waitFor();
  await ann.getByText("Is anybody <b>here</b>?").first().waitFor();
  await browser.shot(bob, "chat");
  quiet(ann, bob);
  await ann.context().close();
  await bob.context().close();
});

test("the hub shows every game and who plays", async () => {
  const raw = await upgrade(server.port, "/echo");
  const page = await browser.page(`${server.origin}/`);
  for (const title of ["Pond", "Chat", "Echo"]) await page.getByText(title).first().waitFor();
  const echo = page.getByRole("listitem").filter({ hasText: "Echo" });
  await echo.getByText("1 player").waitFor();
  raw.destroy();
  await echo.getByText("1 player").waitFor({ state: "hidden" });
  await browser.shot(page, "hub");
  quiet(page);

  await page.getByText("Pond").first().click();
  await page.waitForURL(/\/pond\/$/);
  await page.waitForFunction(() => window.room?.id);
  await page.context().close();
});
