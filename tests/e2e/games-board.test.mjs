// SPDX-License-Identifier: MIT
// The whiteboard in real browsers: two draw and write, one comes late, one is cut
// off, the script is saved meanwhile.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";

// The page keeps its room to itself; in our copy it shows it to the test.
const folder = gamesFolder(["board"]);
const script = path.join(folder, "board/web/board.js");
const source = fs.readFileSync(script, "utf8");
const shown = source.replace(/const room = await join\([^;]*\);/, "$&\n  window.room = room;");
assert.notEqual(shown, source, "board.js joins as we expect");
fs.writeFileSync(script, shown);

const server = await startServer({ folder });
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

async function come(name, board, size, origin = server.origin) {
  const page = await browser.page(`${origin}/board/${board}?name=${name}`, size);
  await page.waitForFunction(() => window.room?.state.people.get(window.room.id));
  return page;
}

/** A line through these places of the window. */
async function draw(page, ...places) {
  await page.mouse.move(...places[0]);
  await page.mouse.down();
  for (const place of places.slice(1)) await page.mouse.move(...place, { steps: 8 });
  await page.mouse.up();
}
const ZIGZAG = [
  [300, 300],
  [360, 240],
  [430, 320],
  [500, 250],
];

/** What is on the board, as this page holds it: lines, notes. */
const boardOf = (page) =>
  page.evaluate(() => {
    const { strokes, ink, notes } = window.room.state;
    const lines = [...strokes]
      .filter(([, stroke]) => !stroke.hidden)
      .map(([key, { colour, width }]) => ({
        colour,
        width,
        points: [...ink].flatMap(([, piece]) => (piece.stroke === key ? [...piece.points] : [])),
      }));
    const texts = [...notes]
      .filter(([, note]) => !note.hidden)
      .map(([, { x, y, colour, text }]) => ({ x, y, colour, text }));
    return JSON.stringify({ lines, texts });
  });
const linesOn = async (page) => JSON.parse(await boardOf(page)).lines.length;
/** All hold the same, and nothing is on its way. */
const same = (...pages) =>
  until("the same board everywhere", async () => {
    const all = await Promise.all(pages.map(boardOf));
    await pages[0].waitForTimeout(150);
    all.push(...(await Promise.all(pages.map(boardOf))));
    return all.every((board) => board === all[0]);
  });
/** The colour of one pixel of the paper. */
const pixel = (page, x, y) =>
  page.evaluate(
    ([px, py]) =>
      [...document.querySelector("#paper").getContext("2d").getImageData(px, py, 1, 1).data].slice(
        0,
        3,
      ),
    [x, y],
  );
const note = (page, name) => page.getByRole("textbox", { name: `Note by ${name}` });

test("two draw and write on one board; a third comes late and sees it all", async () => {
  const ann = await come("ann", "plan");
  const bob = await come("bob", "plan");
  await ann.getByText("Draw something, or press").waitFor();
  await isReadable(ann);
  const blank = await pixel(bob, 360, 240);
  await draw(ann, ...ZIGZAG);
  await until("ann's line", async () => (await linesOn(bob)) === 1);
  assert.equal(await ann.getByText("Draw something, or press").isVisible(), false);
  await bob.keyboard.press("2");
  await draw(
    bob,
    [640, 200],
    [700, 180],
    [760, 200],
    [760, 280],
    [700, 300],
    [640, 280],
    [640, 200],
  );
  await same(ann, bob);
  await until("the line painted", async () => String(await pixel(bob, 330, 270)) !== String(blank));

  await ann.keyboard.press("4");
  await ann.keyboard.press("n");
  await note(ann, "ann").and(ann.locator(":focus")).waitFor();
  await ann.keyboard.type("Buy milk, bread and a large piece of cheese");
  await until("the note", async () => (await note(bob, "ann").inputValue()).endsWith("cheese"));
  // ann has it in hand: bob sees so, and cannot change it.
  await bob.locator(".note.held").getByText("ann…").waitFor();
  assert.equal(await note(bob, "ann").getAttribute("readonly"), "");

  await ann.mouse.move(520, 420, { steps: 4 });
  await bob.locator(".cursor").getByText("ann").waitFor();
  await bob.mouse.move(600, 250, { steps: 4 });
  await ann.locator(".cursor").getByText("bob").waitFor();
  await until("ann's pointer where it is", async () => {
    const box = await bob.locator(".cursor").boundingBox();
    return Math.abs(box.x - 520) < 4 && Math.abs(box.y - 420) < 4;
  });
  await browser.shot(bob, "board-1280");
  await isReadable(bob);

  const cem = await come("cem", "plan", PHONE);
  await same(ann, bob, cem);
  assert.match(await note(cem, "ann").inputValue(), /cheese$/);
  await cem.touchscreen.tap(200, 600);
  await until("a dot by touch", async () => (await linesOn(ann)) === 3);
  await browser.shot(cem, "board-390");
  await isReadable(cem);
  await bob.emulateMedia({ colorScheme: "dark" });
  await bob.waitForTimeout(300);
  await browser.shot(bob, "board-dark");
  quiet(ann, bob, cem);
  await close(ann, bob, cem);
});

test("each takes back one's own; a note is moved, thrown away and brought back", async () => {
  const ann = await come("ann", "undo");
  const bob = await come("bob", "undo");
  await draw(ann, ...ZIGZAG);
  await draw(bob, [600, 300], [700, 400]);
  await same(ann, bob);
  await ann.keyboard.press("Control+z");
  await until("one line left", async () => (await linesOn(bob)) === 1);
  await ann.keyboard.press("Control+z");
  await ann.getByRole("button", { name: "Redo" }).click();
  await until("both lines", async () => (await linesOn(bob)) === 2);
  await ann.keyboard.press("e");
  await draw(ann, [640, 310], [650, 360]);
  await until("bob's line erased", async () => (await linesOn(bob)) === 1);
  await bob.keyboard.press("Control+z"); // bob takes back having drawn it, which is hidden anyway
  // What is refused is answered, too: once all before it has been done.
  await bob.evaluate(() => window.room.request("no such thing").catch(() => {}));
  await ann.keyboard.press("Control+z");
  await until("it is back", async () => (await linesOn(bob)) === 2);

  await bob.keyboard.press("n");
  await note(bob, "bob").and(bob.locator(":focus")).waitFor();
  await bob.keyboard.type("Here");
  // Now and then the first Escape is not heard, and the text keeps the focus; why is not known.
  await until("the handle in hand", async () => {
    await bob.keyboard.press("Escape");
    return bob.locator(".note .handle:focus").isVisible();
  });
  const at = async () => JSON.parse(await boardOf(ann)).texts[0];
  await until("the note", async () => (await at())?.text === "Here");
  const { x } = await at();
  await bob.keyboard.press("ArrowRight");
  await until("it moved", async () => (await at()).x === x + 16);
  const box = await bob.locator(".note .handle").boundingBox();
  await bob.mouse.move(box.x + 20, box.y + 10);
  await bob.mouse.down();
  await bob.mouse.move(box.x + 220, box.y + 110, { steps: 10 });
  await bob.mouse.up();
  await until("it was dragged", async () => (await at()).x > x + 150);
  await until("nobody holds it", () => ann.locator(".note:not(.held)").isVisible());
  await ann.getByRole("button", { name: "Another colour" }).click();
  await ann.getByRole("button", { name: "Throw away", exact: true }).click();
  await until("it is gone", async () => (await bob.locator(".note").count()) === 0);
  await ann.locator("#paper").focus();
  await ann.keyboard.press("Control+z");
  await note(bob, "bob").waitFor();
  await same(ann, bob);
  quiet(ann, bob);
  await close(ann, bob);
});

test("who is cut off goes on drawing, and all of it is there afterwards", async () => {
  const line = await startProxy(server.port);
  const ann = await come("ann", "cut", undefined, `http://127.0.0.1:${line.port}`);
  const bob = await come("bob", "cut");
  await draw(ann, [200, 200], [300, 300]);
  await until("the line", async () => (await linesOn(bob)) === 1);
  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await bob.locator('#people [title="ann (away)"]').waitFor();
  await draw(ann, ...ZIGZAG);
  await draw(bob, [700, 300], [800, 400]);
  await browser.shot(ann, "board-away");
  await isReadable(ann);
  await until("bob's second line", async () => (await linesOn(bob)) === 2);
  await ann.context().setOffline(false);
  await until("all three lines", async () => (await linesOn(bob)) === 3);
  await same(ann, bob);
  await ann.getByText("Connection lost.").waitFor({ state: "hidden" });
  quiet(bob);
  await close(ann, bob);
  line.close();
});

test("a saved script changes the next line and keeps those that are there", async () => {
  const ann = await come("ann", "save");
  const bob = await come("bob", "save");
  await draw(ann, ...ZIGZAG);
  await same(ann, bob);
  const before = JSON.parse(await boardOf(bob)).lines;
  const lua = server.read("board/game.lua");
  const changed = lua.replace("width = m.width,", "width = m.width * 3,");
  assert.notEqual(changed, lua);
  server.save("board/game.lua", changed);
  await ann.getByText(/board v\d+ · \d+ rooms? kept/).waitFor();
  await draw(ann, [600, 300], [700, 400]);
  await until("a thick line", async () => JSON.parse(await boardOf(bob)).lines[1]?.width === 21);
  assert.deepEqual(JSON.parse(await boardOf(bob)).lines[0], before[0]);
  server.save("board/undo.lua", "return nothing.at.all");
  await ann
    .getByText(/board\/undo\.lua/)
    .first()
    .waitFor();
  server.save(
    "board/undo.lua",
    fs.readFileSync(new URL("../../games/board/undo.lua", import.meta.url), "utf8"),
  );
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  await ann.keyboard.press("Control+z");
  await until("the thick line gone", async () => (await linesOn(bob)) === 1);
  await ann.reload();
  await ann.waitForFunction(() => window.room?.state.people.get(window.room.id));
  await same(ann, bob);
  await ann.keyboard.press("Control+z");
  await until("undo after the page was loaded again", async () => (await linesOn(bob)) === 0);
  quiet(ann, bob);
  await close(ann, bob);
});

test("who comes without a name is asked for one", async () => {
  const dan = await browser.page(`${server.origin}/board/new`, PHONE);
  const hello = dan.getByRole("dialog", { name: "Who draws here?" });
  await hello.getByLabel("Your name").fill("Dan");
  await browser.shot(dan, "board-hello-390");
  await isReadable(dan);
  await hello.getByRole("button", { name: "Start" }).click();
  await dan.getByText("Dan (you)").waitFor({ state: "attached" });
  await isReadable(dan);
  quiet(dan);
  await close(dan);
});
