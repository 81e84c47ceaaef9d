// SPDX-License-Identifier: MIT
// Crazy Eights in real browsers: people at one table, one who comes late, one whose
// line is cut, a script saved in the middle of a round.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { join } from "./lib/player.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";

// Nobody loses the turn because a browser is slow.
const folder = gamesFolder(["cards"]);
const script = path.join(folder, "cards/game.lua");
const source = fs.readFileSync(script, "utf8");
const patient = source.replace("local TURN = 25", "local TURN = 250");
assert.notEqual(patient, source, "game.lua has the time that we change");
fs.writeFileSync(script, patient);
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

/** Somebody at a table that is named in the address. */
async function sit(name, room, size, origin = server.origin) {
  const page = await browser.page(`${origin}/cards/${room}?name=${name}`, size);
  await page.locator("#table:visible").waitFor();
  return page;
}
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const handOf = (page) =>
  page
    .locator("#hand button")
    .evaluateAll((all) => all.map((b) => b.getAttribute("aria-label").replace(/, .*/, "")));
const pileOf = (page) => page.locator("#pile").getAttribute("aria-label");
const isOn = (page) => page.locator("#own.turn").isVisible();
/** Cards of the others, by name: {bob: "7 cards"}. */
const othersOf = (page) =>
  page
    .locator("#others .seat")
    .evaluateAll((all) =>
      Object.fromEntries(
        all.map((s) => [
          s.querySelector(".name").textContent,
          s.querySelector(".backs").getAttribute("aria-label"),
        ]),
      ),
    );

/** Plays a card that fits, or draws and passes. */
async function move(page) {
  const fitting = page.locator("#hand .fits").first();
  if ((await fitting.count()) === 0) await press(page, "Draw D");
  if ((await fitting.count()) === 0) {
    await until(
      "pass or play",
      async () => (await fitting.count()) > 0 || page.locator("#pass").isEnabled(),
    );
    if ((await fitting.count()) === 0) return press(page, "Pass P");
  }
  await fitting.click({ position: { x: 12, y: 20 } });
  const suits = page.getByRole("dialog", { name: "Which suit follows?" });
  if (await suits.isVisible()) await suits.getByRole("button", { name: "hearts" }).click();
}

test("two play, each sees the other's moves and not the other's cards; a third watches", async () => {
  const ann = await sit("ann", "two");
  const bob = await sit("bob", "two");
  await ann.getByText("Ready when you are").waitFor();
  await press(ann, "Deal");
  for (const page of [ann, bob])
    await until("seven cards", async () => (await handOf(page)).length === 7);
  assert.deepEqual(await othersOf(ann), { bob: "7 cards" });
  assert.equal(await pileOf(ann), await pileOf(bob));

  for (let i = 0; i < 6; i++) {
    await until("a turn", async () => (await isOn(ann)) !== (await isOn(bob)));
    const [on, off] = (await isOn(ann)) ? [ann, bob] : [bob, ann];
    await move(on);
    await until("the other's turn", async () => (await isOn(off)) && !(await isOn(on)));
    assert.equal(await pileOf(on), await pileOf(off));
    await off.locator("#said").getByText(/(ann|bob) (plays|passes)/).waitFor({ state: "attached" });
  }
  const eve = await browser.page(`${server.origin}/cards/two?name=eve&watch`);
  await eve.getByText("You are watching").waitFor();
  assert.equal(await pileOf(eve), await pileOf(ann));
  assert.equal((await othersOf(eve)).ann, `${(await handOf(ann)).length} cards`);
  assert.equal((await handOf(eve)).length, 0);
  await browser.shot(ann, "cards-1280");
  await isReadable(ann);
  await isReadable(eve);
  quiet(ann, bob, eve);
  await close(ann, bob, eve);
});

test("a code brings friends to a private table; who comes late takes a bot's hand", async () => {
  const ann = await browser.page(`${server.origin}/cards/?name=ann`, PHONE);
  await isReadable(ann);
  await browser.shot(ann, "cards-start-390");
  await press(ann, "Private table");
  await ann.getByText("Waiting for others").waitFor();
  await press(ann, "Invite");
  const code = await ann.locator("dialog .code").textContent();
  await isReadable(ann);
  await press(ann, "Done");

  const list = await (await fetch(`${server.origin}/_parlor/rooms?game=cards`)).json();
  assert.ok(!list.rooms.some(({ id }) => id === code), "no list has it");
  const bob = await browser.page(`${server.origin}/cards/?name=bob`);
  await bob.getByLabel("Have you been invited?").fill(code);
  await press(bob, "Join");
  await ann.getByText("bob").waitFor();
  await press(ann, "Add a bot");
  await ann.getByText("Ada").waitFor();
  await browser.shot(ann, "cards-wait-390");
  await isReadable(ann);
  await press(bob, "Deal");
  await until("five cards", async () => (await handOf(ann)).length === 5);
  assert.deepEqual(Object.keys(await othersOf(ann)).sort(), ["Ada", "bob"]);

  const cem = await sit("cem", code);
  await ann.getByText("cem").waitFor();
  assert.deepEqual(Object.keys(await othersOf(ann)).sort(), ["bob", "cem"]);
  await until("Ada's cards", async () => (await handOf(cem)).length > 0);
  await until("one pile", async () => (await pileOf(cem)) === (await pileOf(ann)));
  await browser.shot(ann, "cards-390");
  await isReadable(ann);
  quiet(ann, bob, cem);
  await close(ann, bob, cem);
});

test("a wrong code is told, and a full table can be watched", async () => {
  const bob = await browser.page(`${server.origin}/cards/?name=bob`);
  await bob.getByLabel("Have you been invited?").fill("zzzzzz");
  await press(bob, "Join");
  await bob.getByRole("alert").waitFor();
  await isReadable(bob);

  const six = [];
  for (let i = 0; i < 6; i++) six.push(await join(server, `/cards/full?name=n${i}`));
  await bob.goto(`${server.origin}/cards/full`);
  await bob.getByText("That table is full. You can watch it.").waitFor();
  await press(bob, "Watch table full");
  await bob.getByText("You are watching").waitFor();
  assert.equal(await bob.locator("#others .seat").count(), 6);
  await isReadable(bob);
  await bob.setViewportSize(PHONE);
  await isReadable(bob);
  quiet(bob);
  await close(bob);
  for (const player of six) await player.leave();
});

test("a bot plays for who is cut off and gives the same seat back", async () => {
  const line = await startProxy(server.port);
  const ann = await sit("ann", "cut", undefined, `http://127.0.0.1:${line.port}`);
  const bob = await sit("bob", "cut");
  await press(bob, "Deal");
  await until("ann's hand", async () => (await handOf(ann)).length === 7);

  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await bob.getByText("away (bot)").waitFor();
  await isReadable(ann);
  await browser.shot(ann, "cards-away");
  // The bot has moved for ann when it is bob's turn (again).
  if (await isOn(bob)) await move(bob);
  await until("the bot's move", () => isOn(bob));
  await ann.context().setOffline(false);
  await until("ann at the table", async () => !(await bob.getByText("away (bot)").isVisible()));
  await until("the same pile", async () => (await pileOf(ann)) === (await pileOf(bob)));
  await until("the same hand", async () =>
    (await othersOf(bob)).ann.startsWith(`${(await handOf(ann)).length} `),
  );
  assert.equal(await ann.locator("#others .seat").count(), 1);
  quiet(bob);
  await close(ann, bob);
  line.close();
});

test("a page that is loaded again has its hand; new rules come into a running round", async () => {
  const ann = await sit("ann", "edit");
  const bob = await sit("bob", "edit");
  await press(ann, "Deal");
  await until(
    "the hands",
    async () => (await handOf(ann)).length === 7 && (await handOf(bob)).length === 7,
  );
  const hands = [await handOf(ann), await handOf(bob)];
  await ann.reload();
  await until("ann's hand again", async () => (await handOf(ann)).length === 7);
  assert.deepEqual(await handOf(ann), hands[0]);

  const rules = server.read("cards/rules.lua");
  const changed = rules.replace(/function rules\.fits\(.*\)\n/, "$&  do return true end\n");
  assert.notEqual(changed, rules);
  server.save("cards/rules.lua", changed);
  await ann.getByText(/cards v\d+ · \d+ rooms? kept/).waitFor();
  assert.deepEqual([await handOf(ann), await handOf(bob)], hands);
  server.save("cards/rules.lua", `${rules} end`);
  await ann
    .getByText(/cards\/rules\.lua/)
    .first()
    .waitFor();
  server.save("cards/rules.lua", rules);
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  const on = (await isOn(ann)) ? ann : bob;
  await move(on);
  await until("a move by the old rules", async () => (await isOn(ann)) !== (on === ann));
  quiet(ann, bob);
  await close(ann, bob);
});

test("a round is played by keyboard to its end, and the next one is dealt", async () => {
  const ann = await sit("ann", "keys");
  for (let i = 0; i < 2; i++) {
    await press(ann, "Add a bot");
    await until("a bot", async () => (await ann.locator("#others .seat").count()) === i + 1);
  }
  // Bots that think for no time make it a short test.
  server.save(
    "cards/game.lua",
    server.read("cards/game.lua").replace("local THINK = 2", "local THINK = 0"),
  );
  await ann.getByText(/cards v\d+ · \d+ rooms? kept/).waitFor();
  await press(ann, "Deal");
  await until("the cards", async () => (await handOf(ann)).length === 5);
  const over = ann.getByRole("region", { name: "Between two rounds" });
  await until(
    "the end of the round",
    async () => {
      if (await over.isVisible()) return true;
      if (!(await isOn(ann))) return false;
      const n = await ann.locator("#hand button").count();
      for (let i = 0; i < n; i++) {
        await ann.keyboard.press("ArrowRight");
        if (await ann.evaluate(() => document.activeElement.classList.contains("fits"))) break;
      }
      await ann.keyboard.press((await ann.locator("#hand .fits").count()) > 0 ? "Enter" : "d");
      const suits = ann.getByRole("dialog", { name: "Which suit follows?" });
      if (await suits.isVisible()) await ann.keyboard.press("Enter");
      await ann.keyboard.press("p");
      return false;
    },
    120000,
  );
  await ann.getByText(/wins? the (round|game)|Nobody could go on/).waitFor();
  await browser.shot(ann, "cards-over");
  await isReadable(ann);
  await press(ann, "Deal now");
  await until("new cards", async () => (await handOf(ann)).length === 5);
  await press(ann, "Leave");
  await ann.getByRole("button", { name: "Play" }).waitFor();
  await browser.shot(ann, "cards-start-1280");
  quiet(ann);
  await close(ann);
});
