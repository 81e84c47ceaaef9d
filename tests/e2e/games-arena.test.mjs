// SPDX-License-Identifier: MIT
// Arena as people play it: two see each other, a third comes late, one is cut off and
// comes back, the script is edited under them, on a screen and on a phone.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";

// The page keeps its room and its prediction to itself; our copy shows them to the test.
const folder = gamesFolder(["arena"]);
const script = path.join(folder, "arena/web/arena.js");
const source = fs.readFileSync(script, "utf8");
const shown = source
  .replace(/const room = await join\([^;]*\);/, "$&\n  window.room = room;")
  .replace(/\n {2}takeName\(room\);/, "\n  window.me = me;$&");
assert.ok(shown.includes("window.room") && shown.includes("window.me"), "arena.js is as we expect");
fs.writeFileSync(script, shown);

const server = await startServer({ folder });
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await server.stop();
});

/** A pilot's page. */
async function pilot(name, room, options = {}, bots = 0, origin = server.origin) {
  const page = await browser.page(`${origin}/arena/${room}?name=${name}&bots=${bots}`, options);
  await page.waitForFunction(() => window.me?.row, null, { timeout: 30000 });
  return page;
}
const idOf = (page) => page.evaluate(() => window.room.id);
const shipIn = (page, id) =>
  page.evaluate((key) => {
    const ship = window.room.state.ships.get(key);
    return ship && { ...ship };
  }, id);
const mine = async (page) => shipIn(page, await idOf(page));
const quiet = (...pages) =>
  assert.deepEqual(pages.flatMap((page) => page.complaints), [], "no page complains");
const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

/*
 * Ships begin anywhere; tests need them in sight of each other. And a browser without a
 * graphics card may draw too slowly to say what it wants in each tick: then the server
 * lets the ship drift, which no page can predict. Here it counts these ticks, and drops
 * no input, however many come at once.
 */
const lua = server.read("arena/game.lua");
const replaced = (text, what, by) => {
  assert.ok(text.includes(what), what);
  return text.replace(what, by);
};
const NEAR = [
  ["room:random(200, SIZE - 200), room:random(200, SIZE - 200)", "2000 + room:random(0, 20) * 8, 2000 + room:random(0, 20) * 8"],
  ["heat = s.u8 {to", "drifts = s.uint {to = \"owner\"}, heat = s.u8 {to"],
  ["if ship.away or silent > IDLE then", "$& ship.drifts = (ship.drifts or 0) + 1"],
  ["rate = 20.5, burst = 30", "rate = 20.5, burst = 1000"],
].reduce((text, [what, by]) => replaced(text, what, by), lua);
server.save("arena/game.lua", NEAR);
await until("the ships' places", () => /v2 is live/.test(server.log()));

test("two see each other fly and shoot; a third comes late and sees the same", async () => {
  const ann = await pilot("ann", "e2e");
  const bob = await pilot("bob", "e2e");
  const id = await idOf(ann);
  await until("ann in bob's browser", () => shipIn(bob, id));
  await bob.evaluate((key) => {
    const { ships, shots } = window.room.state;
    const { x, y } = ships.get(key);
    Object.assign(window, { flown: 0, burnt: false, seen: 0 });
    ships.on("change", (ship, which) => {
      if (which !== key) return;
      window.flown = Math.max(window.flown, Math.hypot(ship.x - x, ship.y - y));
      window.burnt ||= ship.burn;
    });
    shots.on("add", (shot) => (window.seen += shot.by !== window.room.id));
  }, id);
  // In circles: however long it takes until all is seen, nobody flies out of sight.
  await ann.keyboard.down("ArrowRight");
  await ann.keyboard.down("ArrowUp");
  await until("ann's flight in bob's browser", () => bob.evaluate(() => window.flown > 30 && window.burnt));
  await ann.keyboard.down("Space");
  await until("ann's shots in bob's browser", () => bob.evaluate(() => window.seen > 1));
  for (const key of ["Space", "ArrowUp", "ArrowRight"]) await ann.keyboard.up(key);

  const cem = await pilot("cem", "e2e");
  const others = () =>
    Promise.all([ann, bob, cem].map((page) => page.evaluate(() => [...window.room.state.ships.keys()].sort())));
  await until("the same ships in all three", async () => {
    const [a, b, c] = (await others()).map(String);
    return a === b && b === c && a.split(",").length === 3;
  });
  await until("one place for ann's ship in all three", async () => {
    const [a, b, c] = await Promise.all([ann, bob, cem].map((page) => shipIn(page, id)));
    return a.x === b.x && b.x === c.x && a.y === b.y && b.y === c.y;
  });
  quiet(ann, bob, cem);
  await close(ann, bob, cem);
});

test("the own ship answers at once and is where the server has it", async () => {
  const ann = await pilot("ann", "alone");
  await ann.keyboard.down("ArrowUp");
  await until("a flight", () => ann.evaluate(() => window.me.steps > 80));
  await ann.keyboard.up("ArrowUp");
  await until("both at rest, in one place", () =>
    ann.evaluate(() => {
      const { me, room } = window;
      const held = room.state.ships.get(room.id);
      return held.x === me.row.x && held.y === me.row.y && held.vx === 0 && held.angle === me.row.angle;
    }),
  );
  const [corrections, steps, drifts] = await ann.evaluate(() => {
    const { me, room } = window;
    return [me.corrections, me.steps, room.state.ships.get(room.id).drifts];
  });
  assert.ok(corrections <= drifts, `${corrections} corrections in ${steps} steps, ${drifts} ticks without input`);
  quiet(ann);
  await close(ann);
});

test("who is cut off comes back to the same ship; a saved script is flown by at once", async () => {
  const line = await startProxy(server.port);
  const ann = await pilot("ann", "cut", {}, 0, `http://127.0.0.1:${line.port}`);
  const bob = await pilot("bob", "cut");
  const id = await idOf(ann);
  await bob.evaluate((key) => {
    window.away = [];
    window.room.state.ships.on("change", (ship, which, changed) => {
      if (which === key && changed.includes("away")) window.away.push(ship.away);
    });
  }, id);
  line.hold();
  line.cut();
  await until("ann gone in bob's browser", () => bob.evaluate(() => String(window.away) === "true"));
  line.letGo();
  await until("ann back in bob's browser", () => bob.evaluate(() => String(window.away) === "true,false"));
  await until("ann is back", () => ann.evaluate(() => window.room.status === "live"));
  assert.equal(await idOf(ann), id);

  const shared = server.read("arena/shared.lua");
  const live = async () => {
    const pages = await Promise.all([ann, bob].map((page) => page.evaluate(() => window.room.status)));
    return pages.every((status) => status === "live");
  };
  server.save("arena/game.lua", NEAR.replace("DAMAGE, FULL = 12, 100", "DAMAGE, FULL = 50, 77"));
  await until("the new code", () => /v3 is live/.test(server.log()));
  await until("both live", live);
  assert.equal(await idOf(ann), id);
  server.save("arena/shared.lua", shared.replace("local PUSH = 1.5", "local PUSH = 2.5"));
  await until("the new flight", () => /v4 is live/.test(server.log()));
  const answer = await fetch(`${server.origin}/arena/shared.js`);
  assert.match(await answer.text(), /PUSH = 2\.5/);
  server.save("arena/shared.lua", shared);
  await until("the flight of before", () => /v5 is live/.test(server.log()));
  server.save("arena/game.lua", lua); // for the next test: ships anywhere
  await until("the code of before", () => /v6 is live/.test(server.log()));
  quiet(ann, bob);
  await close(ann, bob);
  line.close();
});

test("a hundred bots, on a screen and on a phone", async () => {
  const screen = await pilot("ann", "crowd", { width: 1280, height: 800 }, 100);
  await screen.emulateMedia({ colorScheme: "dark" });
  await until("a crowd", () => screen.evaluate(() => window.room.state.radar.length > 120));
  await screen.keyboard.down("ArrowUp");
  await screen.keyboard.press("KeyN");
  await until("a fight", () => screen.evaluate(() => window.room.state.top[0]?.kills > 0));
  await screen.waitForTimeout(500); // colours are chosen anew with the next frames
  await browser.shot(screen, "arena-1280");
  await screen.emulateMedia({ colorScheme: "light" });
  await screen.waitForTimeout(500);
  await browser.shot(screen, "arena-1280-light");
  const near = await screen.evaluate(() => window.room.state.ships.size);
  assert.ok(near < 80, `${near} of 100 ships are sent`);

  const phone = await pilot("bob", "crowd", { width: 390, height: 844, touch: true });
  const stick = await phone.locator("#stick").boundingBox();
  const x = (await mine(phone)).x;
  await phone.locator("#stick").dispatchEvent("pointerdown", {
    pointerId: 1, clientX: stick.x + stick.width, clientY: stick.y + stick.height / 2, pointerType: "touch",
  });
  await until("the stick's flight", async () => {
    const ship = await mine(phone);
    return ship.x !== x && (ship.burn || ship.hp === 0);
  });
  await phone.getByRole("button", { name: "Fire" }).waitFor();
  await browser.shot(phone, "arena-390");
  const overlaps = await phone.evaluate(() => {
    const boxes = ["me", "top", "life", "radar", "net", "stick", "fire", "corner"].map((id) => {
      const box = document.getElementById(id).getBoundingClientRect();
      return [id, box];
    });
    return boxes.flatMap(([a, p], i) =>
      boxes.slice(i + 1)
        .filter(([, q]) => p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom)
        .map(([b]) => `${a} ${b}`));
  });
  assert.deepEqual(overlaps, [], "nothing covers anything");
  quiet(screen, phone);
  await close(screen, phone);
});
