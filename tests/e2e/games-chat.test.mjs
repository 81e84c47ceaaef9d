// SPDX-License-Identifier: MIT
// The chat in real browsers: people in one channel, one who comes late, one whose
// line is cut, a script saved while they talk, and a moderator at work.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";

// Six lines at once, and no more for a while: however slowly the browser says them.
const folder = gamesFolder(["chat"]);
const script = path.join(folder, "chat/game.lua");
const source = fs.readFileSync(script, "utf8");
const strict = source.replace("{rate = 2, burst = 6}", "{rate = 0.1, burst = 6}");
assert.notEqual(strict, source, "lines have the rate that we change");
fs.writeFileSync(script, strict);
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

/** Somebody in a channel. */
async function come(name, channel, size, origin = server.origin) {
  const page = await browser.page(`${origin}/chat/${channel}?name=${name}`, size);
  await page.locator("#people li.mine").waitFor({ state: "attached" });
  return page;
}
const box = (page) => page.locator("#text");
async function say(page, text) {
  await box(page).fill(text);
  await box(page).press("Enter");
}
const linesOf = (page) => page.locator("#lines .text, #lines .notice-line").allTextContents();
const hear = (page, text) => page.locator("#lines").getByText(text, { exact: true }).waitFor();
const person = (page, name) => page.locator("#people li").filter({ hasText: name });
async function moderate(page, name, what) {
  await page.getByRole("button", { name: `Moderate ${name}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: what }).click();
}

test("two talk and see each other type; a third comes late and reads the same", async () => {
  const ann = await come("ann", "tea");
  const bob = await come("bob", "tea");
  await person(ann, "bob").waitFor();
  await until("that ann types", async () => {
    await box(ann).pressSequentially("?"); // a pause of three seconds ends it
    return bob.getByText("ann is typing…").isVisible();
  });
  await say(ann, "Is anybody <b>here</b>?");
  await hear(bob, "Is anybody <b>here</b>?");
  await say(bob, "I am. The kettle is on, and there is cake as well.");
  await hear(ann, "I am. The kettle is on, and there is cake as well.");
  await say(bob, "Come in!");
  await say(ann, "On my way – save me a piece");
  await hear(bob, "On my way – save me a piece");

  const cem = await come("cem", "tea", PHONE);
  await until(
    "the same lines",
    async () => String(await linesOf(cem)) === String(await linesOf(ann)),
  );
  assert.equal((await linesOf(cem)).length, 4);
  await cem.getByText("3", { exact: true }).first().waitFor();
  await say(cem, "Hello from the bus");
  await hear(ann, "Hello from the bus");
  await browser.shot(ann, "chat-1280");
  await browser.shot(cem, "chat-390");
  await isReadable(ann);
  await isReadable(cem);
  await cem.getByRole("button", { name: /people here/ }).click();
  await cem.locator("#people.open").waitFor();
  await isReadable(cem);
  await browser.shot(cem, "chat-people-390");
  quiet(ann, bob, cem);
  await close(ann, bob, cem);
});

test("who opens a channel keeps order: mutes, takes lines back, removes, bans", async () => {
  const ann = await come("ann", "order");
  const eve = await come("eve", "order");
  await person(ann, "ann").getByText("mod").waitFor();
  assert.equal(await eve.getByRole("button", { name: /^Moderate/ }).count(), 0);

  await say(eve, "BUY MY COINS");
  await hear(ann, "BUY MY COINS");
  await ann.locator("#lines .line").first().hover();
  await ann.getByRole("button", { name: "Take back: BUY MY COINS" }).click();
  await until("it gone", async () => (await linesOf(eve)).length === 0);
  await say(eve, "my own slip");
  await hear(ann, "my own slip");
  await box(eve).press("ArrowUp");
  await eve.keyboard.press("Enter");
  await until("it gone", async () => (await linesOf(ann)).length === 0);

  await ann.getByRole("button", { name: "Moderate eve" }).click();
  await ann.getByRole("dialog").waitFor();
  await browser.shot(ann, "chat-moderate");
  await isReadable(ann);
  await ann.getByRole("dialog").getByRole("button", { name: "Mute" }).click();
  await hear(eve, "eve was muted by ann.");
  await until("eve's box shut", () => box(eve).isDisabled());
  await browser.shot(eve, "chat-muted");
  await isReadable(eve);
  await moderate(ann, "eve", "Unmute");
  await until("eve's box open", () => box(eve).isEnabled());

  await moderate(ann, "eve", "Remove");
  await eve.getByText("You are no longer in #order: removed by ann.").waitFor();
  await isReadable(eve);
  await eve.getByRole("button", { name: "Try again" }).click();
  await person(ann, "eve").waitFor();
  await moderate(ann, "eve", "Ban");
  await eve.getByText("banned by ann").first().waitFor();
  await eve.reload();
  await eve.getByText("banned by ann").first().waitFor();
  await browser.shot(eve, "chat-banned");
  await isReadable(eve);
  assert.equal(await person(ann, "eve").count(), 0);
  await hear(ann, "eve was banned by ann.");
  quiet(ann, eve);
  await close(ann, eve);
});

test("who says too much at once is told, and keeps what was not said", async () => {
  const ann = await come("ann", "flood");
  const told = ann.getByText("Slowly, please: that was a lot at once.");
  let n = 0;
  await until("that it was too much", async () => {
    // Each line is said when the one before it has been heard, or come back.
    const line = `line ${n++}`;
    await say(ann, line);
    await until("an answer", async () =>
      (await linesOf(ann)).includes(line) || (await box(ann).inputValue()) === line,
    );
    return (await box(ann).inputValue()) === line;
  });
  await told.waitFor();
  assert.ok(n > 6, "six at once are allowed");
  quiet(ann);
  await close(ann);
});

test("who is cut off comes back to what was said, and says what waited", async () => {
  const line = await startProxy(server.port);
  const ann = await come("ann", "cut", undefined, `http://127.0.0.1:${line.port}`);
  const bob = await come("bob", "cut");
  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await person(bob, "ann").getByText("away").waitFor();
  await isReadable(bob);
  await say(bob, "where is she?");
  await say(ann, "in a tunnel");
  await ann.getByText("waits").waitFor();
  await browser.shot(ann, "chat-away");
  await isReadable(ann);
  await ann.context().setOffline(false);
  await hear(ann, "where is she?");
  await hear(bob, "in a tunnel");
  await ann.getByText("waits").waitFor({ state: "detached" });
  await until(
    "the same lines",
    async () => String(await linesOf(ann)) === String(await linesOf(bob)),
  );
  await until("her here", async () => !(await person(bob, "ann").getByText("away").isVisible()));
  quiet(bob);
  await close(ann, bob);
  line.close();
});

test("a saved script changes what is said from then on, and nothing before", async () => {
  const ann = await come("ann", "save");
  const bob = await come("bob", "save");
  await say(ann, "quietly");
  await hear(bob, "quietly");
  const lua = server.read("chat/game.lua");
  const changed = lua.replace('if text == "" then return end', "$& text = text:upper()");
  assert.notEqual(changed, lua);
  server.save("chat/game.lua", changed);
  await ann.getByText(/chat v\d+ · \d+ rooms? kept/).waitFor();
  await say(ann, "loudly");
  await hear(bob, "LOUDLY");
  assert.deepEqual(await linesOf(bob), ["quietly", "LOUDLY"]);
  server.save("chat/game.lua", lua.replace("return chat", "return chat chat"));
  for (const page of [ann, bob])
    await page
      .getByText(/chat\/game\.lua/)
      .first()
      .waitFor();
  server.save("chat/game.lua", lua);
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  await person(ann, "ann").getByText("mod").waitFor();
  assert.deepEqual(await linesOf(ann), ["quietly", "LOUDLY"]);
  quiet(ann, bob);
  await close(ann, bob);
});

test("one goes from channel to channel; the list says where somebody is", async () => {
  const ann = await come("ann", "here");
  const bob = await come("bob", "there");
  const link = ann.getByRole("link", { name: "there, 1 there" });
  await link.waitFor();
  await link.click();
  await person(bob, "ann").waitFor();
  assert.match(ann.url(), /\/chat\/there/);
  await ann.goBack();
  await until("ann gone", async () => (await person(bob, "ann").count()) === 0);
  quiet(ann, bob);
  await close(ann, bob);
});
