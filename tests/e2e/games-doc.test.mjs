// SPDX-License-Identifier: MIT
// The shared text in real browsers: two write at once, one comes late, one is cut off and
// writes on, the script is saved meanwhile. What edits come to in all orders is
// doc-converge.test.mjs.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { startServer, until } from "./lib/server.mjs";

const server = await startServer({ games: ["doc"] });
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

async function come(name, doc, size, origin = server.origin) {
  const page = await browser.page(`${origin}/doc/${doc}?name=${name}`, size);
  await page.locator("#field:enabled").waitFor();
  return page;
}
const textOf = (page) => page.locator("#field").inputValue();
/** All show the same text, and everybody has all that was written. */
const same = async (...pages) => {
  await until("one text everywhere", async () => {
    for (const page of pages)
      if ((await page.locator("#shared").textContent()) !== "Everybody has it") return false;
    const texts = await Promise.all(pages.map(textOf));
    return texts.every((text) => text === texts[0]);
  });
  return textOf(pages[0]);
};
/** The caret goes behind the first place where this stands. */
const goBehind = (page, words) =>
  page.evaluate((w) => {
    const field = document.querySelector("#field");
    const at = field.value.indexOf(w) + w.length;
    field.focus();
    field.setSelectionRange(at, at);
  }, words);
const select = (page, words) =>
  page.evaluate((w) => {
    const field = document.querySelector("#field");
    const at = field.value.indexOf(w);
    field.focus();
    field.setSelectionRange(at, at + w.length);
  }, words);
/** Bob writes until ann sees his name, which stands there for some seconds. */
const writes = (bob, ann) =>
  until("Bob's name at his caret", async () => {
    await bob.keyboard.type(" Yes.");
    return ann.locator(".caret:not(.quiet)").getByText("Bob").isVisible();
  });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const undo = (page) => page.keyboard.press("Control+z");

const LETTER = `The harbour at low tide

Every boat in the harbour leans a little, as if to listen. \
Gulls walk the mud with their hands behind their backs.


Shopping for Sunday
- flour, eggs, a lemon
- candles for the cake
`;

test("two write at once, in two places and in one; a third who comes late sees it all", async () => {
  const ann = await come("Ann", "plan");
  const bob = await come("Bob", "plan");
  await ann.getByPlaceholder(/Write something/).waitFor();
  await ann.keyboard.insertText(LETTER);
  await same(ann, bob);
  await goBehind(ann, "their backs.");
  await goBehind(bob, "the cake\n");
  const story = " Nobody has told them 😀 that it is Tuesday.";
  const list = "- a kite, if there is wind\n- ölpapier";
  await Promise.all([
    ann.keyboard.type(story, { delay: 8 }),
    bob.keyboard.type(list, { delay: 8 }),
  ]);
  const text = await same(ann, bob);
  assert.equal(text, LETTER.replace("their backs.", `their backs.${story}`) + list);
  await bob.getByText("53 words").waitFor();

  // In one place letters mix, but everybody sees the same and nothing is lost.
  await goBehind(ann, "a kite");
  await goBehind(bob, "a kite");
  await Promise.all([
    ann.keyboard.type("xxxxxxxx", { delay: 8 }),
    bob.keyboard.type("yyyyyyyy", { delay: 8 }),
  ]);
  const mixed = await same(ann, bob);
  assert.match(mixed, /a kite[xy]{16},/);
  assert.equal(mixed.split("x").length, text.split("x").length + 8);
  // In one step, or in several where the machine has made pauses.
  const count = (letters, letter) => letters.split(letter).length;
  for (const [page, letter] of [[ann, "x"], [bob, "y"]])
    await until(`no ${letter} of one's own`, async () => {
      if (count(await textOf(page), letter) === count(text, letter)) return true;
      await undo(page);
      return false;
    });
  assert.equal(await same(ann, bob), text, "each takes back one's own");

  await select(ann, "leans a little");
  await goBehind(bob, "- a kite");
  await bob.keyboard.type(" and a string");
  await ann.locator(".caret").getByText("Bob").waitFor();
  await bob.locator(".selected").first().waitFor();
  // The mark lies over the words that ann has selected.
  const mark = await bob.locator(".selected").first().boundingBox();
  const lines = await bob.locator("#field").boundingBox();
  assert.ok(mark.width > 60 && mark.width < 180, `${mark.width} pixels wide`);
  assert.ok(mark.y - lines.y > 100 && mark.y - lines.y < 150, `${mark.y - lines.y} pixels down`);
  await same(ann, bob);

  const cem = await come("Cem", "plan", PHONE);
  assert.equal(await textOf(cem), await textOf(ann));
  await goBehind(cem, "Sunday");
  await cem.keyboard.type(" (Cem bakes)");
  await same(ann, bob, cem);
  await goBehind(bob, "it is Tuesday.");
  await bob.keyboard.type(" They know.");
  await same(ann, bob, cem);
  await writes(bob, ann);
  await browser.shot(ann, "doc-1280");
  await browser.shot(cem, "doc-390");
  await isReadable(ann);
  await isReadable(cem);
  await ann.emulateMedia({ colorScheme: "dark" });
  await writes(bob, ann);
  await browser.shot(ann, "doc-dark");
  quiet(ann, bob, cem);
  await close(ann, bob, cem);
});

test("who is cut off writes on, and it is merged; each undoes one's own", async () => {
  const line = await startProxy(server.port);
  const ann = await come("Ann", "cut", undefined, `http://127.0.0.1:${line.port}`);
  const bob = await come("Bob", "cut");
  await ann.keyboard.insertText("one two three four five");
  await same(ann, bob);
  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await bob.locator('#people [title="Ann (away)"]').waitFor();
  await goBehind(ann, "one");
  await ann.keyboard.insertText(" and a half"); // at once, so that it is one step to undo
  await select(ann, " five");
  await ann.keyboard.press("Delete");
  await ann.getByText("Waits to be sent").waitFor();
  await select(bob, "two three");
  await bob.keyboard.type("2");
  await goBehind(bob, "five");
  await bob.keyboard.insertText(" six");
  await bob.getByText("Everybody has it").waitFor();
  await isReadable(ann);
  await browser.shot(ann, "doc-away");
  await ann.context().setOffline(false);
  assert.equal(await same(ann, bob), "one and a half 2 four six");
  await ann.getByText("Connection lost.").waitFor({ state: "hidden" });

  await ann.locator("#field").focus();
  await undo(ann);
  assert.equal(await same(ann, bob), "one and a half 2 four five six");
  await undo(ann);
  assert.equal(await same(ann, bob), "one 2 four five six");
  await press(bob, "Undo");
  assert.equal(await same(ann, bob), "one 2 four five");
  await ann.keyboard.press("Control+Shift+z");
  await press(bob, "Redo");
  assert.equal(await same(ann, bob), "one and a half 2 four five six");
  quiet(bob);
  await close(ann, bob);
  line.close();
});

test("scripts that are saved while people write cost no letter", async () => {
  const ann = await come("Ann", "save");
  const bob = await come("Bob", "save");
  await ann.keyboard.insertText("<a><b>");
  await same(ann, bob);
  await goBehind(ann, "<a");
  await goBehind(bob, "<b");
  const good = server.read("doc/game.lua");
  const words = "the quick brown fox jumps over the lazy dog again";
  const writing = Promise.all([
    ann.keyboard.type(words, { delay: 25 }),
    bob.keyboard.type(words.toUpperCase(), { delay: 25 }),
  ]);
  server.save("doc/game.lua", good.replace("local HISTORY = 500", "local HISTORY = 50"));
  await ann.getByText(/doc v\d+ · \d+ rooms? kept/).waitFor();
  server.save("doc/ops.lua", `${server.read("doc/ops.lua")} end`);
  await ann
    .getByText(/doc\/ops\.lua/)
    .first()
    .waitFor();
  await writing;
  assert.equal(await same(ann, bob), `<a${words}><b${words.toUpperCase()}>`);
  // New rules: nobody may write the letter z.
  server.save("doc/ops.lua", server.read("doc/ops.lua").replace(/ end$/, ""));
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  const { version } = await server.game("doc");
  server.save("doc/game.lua", good.replace('if part.put:find("[%z', 'if part.put:find("[z%z'));
  await until("the new code", async () => (await server.game("doc")).version > version);
  await until("the new rule", async () => {
    await bob.keyboard.type("z");
    await bob.waitForTimeout(300);
    return (await same(ann, bob)) === `<a${words}><b${words.toUpperCase()}>`;
  });
  // A page that is loaded again has its seat and all of the text.
  await ann.reload();
  await ann.locator("#field:enabled").waitFor();
  assert.equal(await ann.locator("#people li").count(), 2);
  await ann.keyboard.type("!");
  assert.match(await same(ann, bob), /DOG AGAIN>!$/);
  quiet(ann, bob);
  await close(ann, bob);
});

test("a word that is being composed is left alone until it is done", async () => {
  const ann = await come("Ann", "ime");
  const bob = await come("Bob", "ime");
  await ann.keyboard.insertText("[] tail");
  await same(ann, bob);
  await goBehind(ann, "[");
  const ime = await ann.context().newCDPSession(ann);
  await ime.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
  await until("what is composed", async () => (await textOf(bob)) === "[に] tail");
  await goBehind(bob, "");
  await bob.keyboard.type("head ");
  await bob.getByText("Everybody has it").waitFor();
  await ime.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
  assert.equal(await textOf(ann), "[にほ] tail", "the field is the input method's");
  await ime.send("Input.insertText", { text: "日本" });
  assert.equal(await same(ann, bob), "head [日本] tail");
  quiet(ann, bob);
  await close(ann, bob);
});

test("who comes without a name is asked for one; documents are rooms of a name", async () => {
  const bob = await come("Bob", "open-one");
  const dan = await browser.page(`${server.origin}/doc`, PHONE);
  const hello = dan.getByRole("dialog", { name: "Who writes here?" });
  await hello.getByLabel("Your name").fill("Dan");
  await browser.shot(dan, "doc-hello-390");
  await isReadable(dan);
  await hello.getByRole("button", { name: "Start" }).click();
  await dan.locator("#field:enabled").waitFor();
  assert.match(new URL(dan.url()).pathname, /^\/doc\/[a-z0-9]{6}$/, "a link that can be kept");
  await press(dan, "Documents");
  const shelf = dan.getByRole("dialog", { name: "Documents" });
  await shelf.getByRole("link", { name: "open-one 1 here" }).waitFor();
  await isReadable(dan);
  await browser.shot(dan, "doc-shelf-390");
  await shelf.getByLabel("Open another one").fill("My List!");
  await shelf.getByRole("button", { name: "Open", exact: true }).click();
  await dan.waitForURL(/\/doc\/my-list$/);
  await dan.locator("#field:enabled").waitFor();
  await press(dan, "Invite");
  assert.match(await dan.getByLabel("Link").inputValue(), /\/doc\/my-list$/);
  quiet(bob, dan);
  await close(bob, dan);
});
