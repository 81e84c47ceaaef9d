// SPDX-License-Identifier: MIT
// The market in real browsers: the same prices for all who watch them and nothing of
// the rest, one who comes late, one who is cut off, a script saved meanwhile.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { join } from "./lib/player.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { startServer, until } from "./lib/server.mjs";

const server = await startServer({ games: ["market"] });
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await server.stop();
});

const PHONE = { width: 390, height: 844, touch: true };
const quiet = (...pages) =>
  assert.deepEqual(
    pages.flatMap((page) => page.complaints),
    [],
    "no page complains",
  );
const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

async function open(symbol = "", size, origin = server.origin) {
  const page = await browser.page(`${origin}/market/#${symbol}`, size);
  await page.locator(".quote").first().waitFor();
  await until("a book", async () => (await sizesOf(page))[0] !== "–");
  return page;
}
const symbolsOf = (page) => page.locator(".quote > span:first-child b").allTextContents();
const sizesOf = (page) => page.locator("#book td:first-child").allTextContents();
const nameOf = (page) => page.locator("#name").textContent();
/** Symbol, price and book of what is looked at, in one moment. */
const seenBy = (page) =>
  page.evaluate(() =>
    ["#name", "#last", "#book tbody"].map((at) => document.querySelector(at).textContent).join(),
  );
/** Prices change twenty times a second: they agree when both show the same tick. */
const agree = (a, b) =>
  until("the same on both", async () => {
    const [x, y] = await Promise.all([seenBy(a), seenBy(b)]);
    return x === y;
  });
async function moves(page) {
  const before = await seenBy(page);
  await until("prices move", async () => (await seenBy(page)) !== before);
}
/** A market that stands still is one that can be compared. */
async function halt() {
  const text = server.read("market/game.lua");
  server.save("market/game.lua", text.replace("function market:tick()", "$& do return end"));
  return () => server.save("market/game.lua", text);
}

test("all see the same prices and book; a list is one's own; a newcomer sees the same", async () => {
  const ann = await open();
  const bob = await open();
  assert.equal((await symbolsOf(ann)).length, 8);
  assert.deepEqual(await symbolsOf(ann), await symbolsOf(bob));
  await moves(ann);

  // By keyboard: find a company, look at it, watch it.
  await ann.keyboard.press("/");
  await ann.keyboard.type("zenith oil");
  await ann.getByRole("option", { name: "Zenith Oil" }).waitFor();
  await browser.shot(ann, "market-find");
  await isReadable(ann);
  await ann.keyboard.press("Enter");
  await until("ZOL", async () => (await nameOf(ann)) === "ZOL · Zenith Oil");
  await ann.getByRole("button", { name: "Watch", exact: true }).click();
  await ann.getByRole("button", { name: "Watched", exact: true }).waitFor();
  assert.equal((await symbolsOf(ann)).at(-1), "ZOL");
  assert.ok(!(await symbolsOf(bob)).includes("ZOL"));

  const eve = await open("ZOL", PHONE);
  const goOn = await halt();
  await ann.getByText(/market v\d+ · \d+ rooms? kept/).waitFor();
  await agree(ann, eve);
  await bob.goto(`${server.origin}/market/#ZOL`);
  await bob.reload();
  await until("ZOL", async () => (await nameOf(bob)) === "ZOL · Zenith Oil");
  await agree(bob, ann);
  goOn();
  await moves(ann);
  await eve.getByText("3 readers").waitFor();

  // What is not watched is not sent.
  const spy = await join(server, "/market");
  assert.equal(Object.keys(spy.state.quotes).length, 8);
  assert.deepEqual(Object.keys(spy.state.readers), [String(spy.id)]);
  await spy.leave();

  await browser.shot(ann, "market-1280");
  await browser.shot(eve, "market-390");
  await isReadable(eve);
  await ann.emulateMedia({ colorScheme: "dark" });
  await ann.waitForTimeout(300);
  await browser.shot(ann, "market-dark");
  quiet(ann, bob, eve);
  await close(ann, bob, eve);
});

test("the map: a click looks at a company, and so do the arrow keys; a list is kept", async () => {
  const ann = await open();
  const first = await nameOf(ann);
  await ann.locator("#heat").hover({ position: { x: 120, y: 120 } });
  await ann.locator("#tip").getByText("·").waitFor();
  await ann.locator("#heat").click({ position: { x: 120, y: 120 } });
  await until("another company", async () => (await nameOf(ann)) !== first);
  const second = await nameOf(ann);
  await ann.locator("#heat").focus();
  await ann.keyboard.press("ArrowRight");
  await ann.keyboard.press("Enter");
  await until("its neighbour", async () => ![first, second].includes(await nameOf(ann)));
  await ann.getByRole("button", { name: "Watch", exact: true }).click();
  await until("nine", async () => (await symbolsOf(ann)).length === 9);
  const list = await symbolsOf(ann);
  await ann.locator(".quote").first().click();
  await ann.getByRole("button", { name: "Watched", exact: true }).click();
  await until("eight", async () => (await symbolsOf(ann)).length === 8);
  await ann.reload();
  await until("the list again", async () => String(await symbolsOf(ann)) === String(list.slice(1)));
  quiet(ann);
  await close(ann);
});

test("who is cut off keeps the last prices, and comes back to the same list and book", async (t) => {
  const line = await startProxy(server.port);
  t.after(() => line.close());
  const ann = await open("ASW", PHONE, `http://127.0.0.1:${line.port}`);
  const bob = await open("ASW");
  const list = await symbolsOf(ann);
  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await browser.shot(ann, "market-away-390");
  await isReadable(ann);
  await ann.context().setOffline(false);
  await ann.locator("#notice").waitFor({ state: "hidden" });
  const goOn = await halt();
  await agree(ann, bob);
  assert.deepEqual(await symbolsOf(ann), list);
  goOn();
  await moves(bob);
  // A script that does not load changes nothing.
  const text = server.read("market/listing.lua");
  server.save("market/listing.lua", `${text} end`);
  await bob
    .getByText(/market\/listing\.lua/)
    .first()
    .waitFor();
  await moves(bob);
  server.save("market/listing.lua", text);
  await bob.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  quiet(bob);
  await close(ann, bob);
});
