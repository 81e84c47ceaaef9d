// SPDX-License-Identifier: MIT
// Live scores in real browsers: a feed posts, all pages show it, one comes late, one
// is cut off, a script is saved meanwhile, and a page of another site has a box.
import assert from "node:assert/strict";
import http from "node:http";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { isReadable } from "./lib/look.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { startServer, until } from "./lib/server.mjs";

const TOKEN = "a-token-for-trying-it-out"; // games/scores/token.lua
const server = await startServer({ games: ["scores"] });
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

async function post(room, moment, { origin = server.origin, token = TOKEN } = {}) {
  const answer = await fetch(`${origin}/scores/_http/${room}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ match: "rov-cit", home: "Rovers", away: "City", ...moment }),
  });
  return answer.status;
}
const goal = (minute, who, home_goals, away_goals = 0) => ({
  kind: "goal",
  side: "home",
  minute,
  who,
  home_goals,
  away_goals,
});
async function read(room, size, origin = server.origin, hash = "#rov-cit") {
  const page = await browser.page(`${origin}/scores/${room}${hash}`, size);
  await page.locator(".match").first().waitFor();
  return page;
}
const card = (page) => page.getByRole("button", { name: /^Rovers/ });
const timelineOf = async (page) => {
  const lines = await page.locator("#timeline li").allInnerTexts();
  return lines.map((text) => text.replace(/\s+/g, " ").trim());
};
const sees = (page, words) => page.locator("#timeline").getByText(words).first().waitFor();

test("a feed posts, two see it, a third comes late and sees the same, the timeline too", async () => {
  const ann = await read("cup", undefined, server.origin, "");
  const bob = await read("cup", undefined, server.origin, "");
  assert.equal(await ann.locator(".match").count(), 6);
  assert.equal(await post("cup", { kind: "kickoff", minute: 0 }), 202);
  await card(ann).click();
  await card(bob).click();
  assert.equal(await post("cup", { kind: "yellow", side: "away", minute: 9, who: "B. Novak" }), 202);
  assert.equal(await post("cup", goal(17, "K. Sato", 1)), 202);
  await ann.getByText("Goal!", { exact: true }).waitFor();
  await sees(bob, "K. Sato");
  assert.equal(await post("cup", goal(44, "L. Dahl", 2)), 202);
  assert.equal(await post("cup", { kind: "half", minute: 45 }), 202);
  assert.equal(await post("cup", { kind: "kickoff", minute: 46 }), 202);
  assert.equal(await post("cup", { kind: "sub", side: "away", minute: 58, who: "J. Ito" }), 202);
  const want = [
    "58′ Substitution: J. Ito",
    "Second half",
    "Half-time 2 – 0",
    "Goal: L. Dahl 2 – 0 44′",
    "Goal: K. Sato 1 – 0 17′",
    "9′ Yellow card: B. Novak",
    "Kick-off",
  ];
  const cem = await read("cup");
  for (const page of [ann, bob, cem])
    await until("the timeline", async () => String(await timelineOf(page)) === String(want));
  assert.match(await card(cem).getAttribute("aria-label"), /^Rovers 2, City 0, minute 58/);
  await cem.getByText("3 readers").waitFor();

  const day = await read("cup", PHONE);
  await browser.shot(ann, "scores-1280");
  await browser.shot(day, "scores-390");
  await isReadable(ann);
  await isReadable(day);
  await ann.emulateMedia({ colorScheme: "dark" });
  await browser.shot(ann, "scores-dark");
  await ann.getByRole("button", { name: "On your site" }).click();
  await ann.locator("parlor-scores").getByText("Rovers").waitFor();
  await browser.shot(ann, "scores-embed-dialog");
  await isReadable(ann);
  await ann.getByRole("button", { name: "Done" }).click();
  assert.equal(await post("cup", { kind: "note", minute: 60, who: "x" }, { token: "guess" }), 401);
  quiet(ann, bob, cem, day);
  await close(ann, bob, cem, day);
});

test("who is cut off keeps the scores and gets what was missed", async (t) => {
  const line = await startProxy(server.port);
  t.after(() => line.close());
  const ann = await read("cut", PHONE, `http://127.0.0.1:${line.port}`, "");
  await post("cut", goal(3, "K. Sato", 1));
  await card(ann).click();
  await sees(ann, "K. Sato");
  await ann.context().setOffline(true);
  line.cut();
  await ann.getByText("Connection lost.").waitFor();
  await browser.shot(ann, "scores-away-390");
  await isReadable(ann);
  await post("cut", goal(12, "L. Dahl", 2));
  await ann.context().setOffline(false);
  await sees(ann, "L. Dahl");
  await ann.locator("#notice").waitFor({ state: "hidden" });
  assert.equal((await timelineOf(ann)).length, 2);
  await close(ann);
});

test("new code comes while they look, and nothing of the matches is lost", async () => {
  const ann = await read("edit", undefined, server.origin, "");
  await post("edit", goal(3, "K. Sato", 1));
  await card(ann).click();
  await sees(ann, "K. Sato");
  const before = await ann.locator(".match").count();
  const file = "scores/fixtures.lua";
  const text = server.read(file);
  server.save(file, text.replace('{"goal", 30}', '{"goal", 900}'));
  await ann.getByText(/scores v\d+ · \d+ rooms? kept/).waitFor();
  await ann.getByText("Goal!", { exact: true }).first().waitFor();
  server.save(file, `${text} end`);
  await ann.getByText(/scores\/fixtures\.lua/).first().waitFor();
  server.save(file, text);
  await ann.locator("parlor-dev .panel").waitFor({ state: "hidden" });
  assert.equal(await ann.locator(".match").count(), before);
  assert.deepEqual(await timelineOf(ann), ["Goal: K. Sato 1 – 0 3′"]);
  quiet(ann);
  await close(ann);
});

/** Another site, whose style is meant to spoil whatever it can reach. `site.scores` is
 * the server whose box it shows. */
async function startSite() {
  const self = { scores: "" };
  const page = (scores, theme) => `<!doctype html><html lang="en"><title>The Evening News</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
      * { font-family: cursive; letter-spacing: 4px; color: #b0006d; box-sizing: content-box }
      section, header, ul, li, b, span { display: block !important; margin: 19px; background: #ff0 }
      body { margin: 24px; background: #fff }
    </style>
    <h1>The Evening News</h1>
    <script src="${scores}/scores/embed.js" ${theme} async></script>
    <script src="${scores}/scores/embed.js" data-match="rov-cit" ${theme} async></script>
    <p>And now the weather.`;
  const site = http.createServer((request, answer) => {
    if (request.url === "/favicon.ico") return answer.writeHead(204).end();
    const { scores } = self;
    // What a careful site allows: the scores and nothing else.
    answer.writeHead(200, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": [
        "default-src 'none'; style-src 'unsafe-inline'",
        `script-src ${scores}; connect-src ${scores.replace("http", "ws")}`,
      ].join("; "),
    });
    answer.end(page(scores, request.url === "/dark" ? 'data-theme="dark"' : 'data-theme="light"'));
  });
  await new Promise((done) => site.listen(0, "127.0.0.1", done));
  return Object.assign(self, {
    origin: `http://127.0.0.1:${site.address().port}`,
    stop() {
      site.close();
      site.closeAllConnections();
    },
  });
}

test("a page of a site that is let in has a box; the page's styles and another site stay out", async (t) => {
  const [news, other] = [await startSite(), await startSite()];
  const strict = await startServer({
    command: "serve",
    games: ["scores"],
    args: ["--origins", news.origin],
  });
  news.scores = other.scores = strict.origin;
  t.after(async () => {
    for (const site of [news, other]) site.stop();
    await strict.stop();
  });

  const ann = await browser.page(`${news.origin}/`, { width: 640, height: 800 });
  const first = ann.locator("parlor-scores").first();
  await until("six matches", async () => (await first.locator(".match").count()) === 6);
  assert.equal(await ann.getByText("This match is not on.").count(), 1);
  await post("today", goal(17, "K. Sato", 1), strict);
  await ann.locator("parlor-scores").nth(1).getByText("17′ Goal – K. Sato").waitFor();
  const look = await first.locator(".match b").first().evaluate((b) => {
    const { fontFamily, letterSpacing, backgroundColor, color } = getComputedStyle(b);
    return { fontFamily, letterSpacing, backgroundColor, color };
  });
  assert.match(look.fontFamily, /system-ui/);
  assert.deepEqual([look.letterSpacing, look.color], ["normal", "rgb(31, 42, 39)"]);
  await browser.shot(ann, "scores-box");
  const bob = await browser.page(`${news.origin}/dark`, PHONE);
  await bob.locator("parlor-scores").nth(1).getByText("K. Sato").waitFor();
  await browser.shot(bob, "scores-box-390");
  assert.equal(await bob.evaluate(() => sessionStorage.length + localStorage.length), 0);
  quiet(ann, bob);

  // A site that nobody named gets a link, and no module.
  const eve = await browser.page(`${other.origin}/`);
  await eve.getByRole("link", { name: "Live scores" }).first().waitFor();
  assert.ok(eve.complaints.some((text) => /CORS/.test(text)), String(eve.complaints));
  await close(ann, bob, eve);
});
