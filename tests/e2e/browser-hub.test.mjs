// SPDX-License-Identifier: MIT
// The hub in Chromium: who plays and who watches, and how a phone gets here.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { after } from "node:test";

import jsQR from "jsqr";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { join } from "./lib/player.mjs";
import { gamesFolder, root, startServer } from "./lib/server.mjs";

// All games there are, and one with neither drawing nor words.
const names = fs.readdirSync(path.join(root, "games")).filter((name) => fs.existsSync(path.join(root, "games", name, "game.lua")));
const PLAIN = `return require "parlor".game { max_spectators = 5, state = { n = require "parlor".schema.u8 } }`;
const start = (args) => startServer({ folder: gamesFolder(names, { "mine/game.lua": PLAIN }), args });
const server = await start([]);
const open = await start(["--host", "0.0.0.0"]);
const browser = await startBrowser();
after(async () => {
  await browser.close();
  await Promise.all([server.stop(), open.stop()]);
});

const PHONE = { width: 390, height: 844, touch: true };
const quiet = (page) => assert.deepEqual(page.complaints, [], "no page complains");

test("players and those who watch are counted, and a line shows how many there were", async () => {
  const page = await browser.page(`${server.origin}/`);
  const tile = page.getByRole("link", { name: /mine/ });
  await tile.getByText("nobody here yet").waitFor();
  const line = () => tile.locator(".seen path").getAttribute("d");
  const flat = await line();
  const [ann, eve] = [await join(server, "/mine/r?name=ann"), await join(server, "/mine/r?name=eve&spectate=true")];
  await tile.getByText("1 player, 1 watching in 1 room").waitFor();
  assert.notEqual((await line()).replace(/[^L]/g, ""), flat.replace(/[^L]/g, ""), "a count more");
  const ys = (await line()).match(/ \d+\.\d/g).map(Number);
  assert.ok(ys.at(-1) < ys[0], "it goes up");
  await ann.leave();
  await eve.leave();
  await tile.getByText("nobody here yet").waitFor();
  quiet(page);
  await page.context().close();
});

test("at localhost the invitation says how phones get here", async () => {
  const page = await browser.page(`${server.origin}/`, PHONE);
  await page.getByRole("button", { name: "Invite others to Pond" }).click();
  const dialog = page.getByRole("dialog", { name: "Pond" });
  await dialog.getByText("parlor dev --host 0.0.0.0").waitFor();
  assert.equal(await dialog.getByRole("textbox", { name: "Link" }).inputValue(), `${server.origin}/pond/`);
  assert.equal(await dialog.locator("svg.qr").count(), 0);
  await browser.shot(page, "hub-invite-local-390");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  quiet(page);
  await page.context().close();
});

test("where the network finds us, its address is in the link and in a QR code that can be read", async (t) => {
  const address = Object.values(os.networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  if (!address) return t.skip("this machine has no other address than loopback");
  const page = await browser.page(`http://127.0.0.1:${open.port}/`);
  await page.getByRole("button", { name: "Invite others to Pond" }).click();
  const picture = page.locator("svg.qr");
  await picture.waitFor();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  assert.match(link, new RegExp(`^http://[\\d.]+:${open.port}/pond/$`));
  const pixels = await page.evaluate(async () => {
    const svg = document.querySelector("svg.qr").cloneNode(true);
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    svg.setAttribute("width", "400");
    svg.setAttribute("height", "400");
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(svg.outerHTML)}`;
    await image.decode();
    const pen = Object.assign(document.createElement("canvas"), { width: 400, height: 400 }).getContext("2d");
    pen.drawImage(image, 0, 0);
    return [...pen.getImageData(0, 0, 400, 400).data];
  });
  assert.equal(jsQR(new Uint8ClampedArray(pixels), 400, 400).data, link);
  assert.equal((await fetch(link)).status, 200, "the link leads here");
  await browser.shot(page, "hub-invite");
  quiet(page);
  await page.context().close();
});

test("serve tells nobody which addresses it has", async () => {
  const serve = await startServer({ command: "serve", folder: gamesFolder([], { "mine/game.lua": PLAIN }), args: ["--host", "0.0.0.0"] });
  const answer = await (await fetch(`http://127.0.0.1:${serve.port}/_parlor/games`)).json();
  assert.deepEqual(answer.network, []);
  await serve.stop();
});

test("it is readable in light and dark, wide and narrow, and everything is reached by keys", async () => {
  const pages = [await browser.page(`${server.origin}/`), await browser.page(`${server.origin}/`, PHONE)];
  const people = [];
  for (const [i, word] of ["1 player in", "2 players in", "3 players in"].entries()) {
    people.push(await join(server, `/pond/x?name=p${i}`));
    for (const page of pages) await page.getByRole("link", { name: "Pond" }).getByText(word).waitFor();
  }
  for (const page of pages) {
    const { width } = page.viewportSize();
    await isReadable(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, colorScheme === "dark" ? "rgb(18, 24, 22)" : "rgb(245, 241, 232)");
      await page.screenshot({ path: path.join(root, `build/artifacts/hub-${width}-${colorScheme}.png`), fullPage: true });
    }
    const reached = new Set();
    for (let i = 0; i < 2 * names.length + 4; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent));
    }
    assert.ok(reached.has("Invite") && reached.has("Invite others to Pond"), [...reached].join());
    quiet(page);
    await page.context().close();
  }
  for (const person of people) await person.leave();
});
