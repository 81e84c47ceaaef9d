// SPDX-License-Identifier: MIT
// Below a base path in Chromium: the hub, each game, invitations, a line that is cut.
// Once the server knows the path, once a proxy strips it.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test, { after } from "node:test";

import { startBrowser } from "./lib/browser.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { gamesFolder, root, runToEnd, startServer, until } from "./lib/server.mjs";

const names = fs.readdirSync(path.join(root, "games")).filter((name) => fs.existsSync(path.join(root, "games", name, "game.lua")));

// The page keeps its room to itself; in our copy it shows it to the test.
const folder = gamesFolder(names);
const script = path.join(folder, "pond/web/pond.js");
const source = fs.readFileSync(script, "utf8");
const shown = source.replace(/const room = await join\([^;]*\);/, "$&\n  window.room = room;");
assert.notEqual(shown, source, "pond.js joins as we expect");
fs.writeFileSync(script, shown);
const made = await runToEnd(["new", "tag", "--games", folder]);
assert.equal(made.code, 0, made.stderr);

/** Takes /games off the path; what is not below it is not found. */
async function startStripper(port) {
  const sockets = new Set();
  const strip = (request) => (request.url.startsWith("/games/") ? request.url.slice("/games".length) : null);
  const far = (request, at) => http.request({ host: "127.0.0.1", port, path: at, method: request.method, headers: request.headers });
  const proxy = http.createServer((request, answer) => {
    const at = strip(request);
    if (!at) return answer.writeHead(404).end();
    const own = far(request, at).on("error", () => answer.destroy());
    own.on("response", (reply) => reply.pipe(answer.writeHead(reply.statusCode, reply.headers)));
    request.pipe(own);
  });
  proxy.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
  proxy.on("upgrade", (request, near) => {
    near.on("error", () => {});
    const at = strip(request);
    if (!at) return near.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const own = far(request, at).on("error", () => near.destroy());
    own.on("response", (reply) => near.end(`HTTP/1.1 ${reply.statusCode} Refused\r\nContent-Length: 0\r\n\r\n`));
    own.on("upgrade", (reply, socket, head) => {
      const lines = reply.rawHeaders.map((text, i) => text + (i % 2 ? "\r\n" : ": "));
      near.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      near.write(head);
      near.on("close", () => socket.destroy());
      socket.on("error", () => {}).on("close", () => near.destroy());
      socket.pipe(near).pipe(socket);
    });
    own.end();
  });
  await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
  return {
    port: proxy.address().port,
    close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const server = await startServer({ folder, args: ["--base-path", "/games"] });
const line = await startProxy(server.port);
const plain = await startServer({ folder });
const stripper = await startStripper(plain.port);
const browser = await startBrowser();
after(async () => {
  await browser.close();
  line.close();
  stripper.close();
  await server.stop();
  await plain.stop();
});

const quiet = (...pages) => assert.deepEqual(pages.flatMap((page) => page.complaints), [], "no page complains");
const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));
const live = (page) => page.locator(".pill[data-status=live]").first().waitFor();
const hrefOf = (link) => link.evaluate((a) => a.href);
const linkOf = (page) => page.getByRole("textbox", { name: "Link" }).inputValue();

for (const [what, port] of [
  ["the server knows the path", line.port],
  ["a proxy strips the path", stripper.port],
]) {
  const base = `http://127.0.0.1:${port}/games`;

  test(`${what}: the hub leads to a game, and its links lead here`, async () => {
    const page = await browser.page(`${base}/`);
    await page.getByRole("link", { name: "Pond" }).waitFor();
    await page.getByRole("button", { name: "Invite others to Pond" }).click();
    assert.equal(await linkOf(page), `${base}/pond/`);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    assert.equal(await linkOf(page), `${base}/`);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Pond" }).click();
    await live(page);
    assert.equal(page.url(), `${base}/pond/`);
    await page.locator("a.home").click();
    await page.getByRole("link", { name: "Pond" }).waitFor();
    assert.equal(page.url(), `${base}/`);
    quiet(page);
    await close(page);
  });

  for (const name of names)
    test(`${what}: ${name} is live, with a room in the address and without`, async () => {
      for (const room of name === "echo" || name === "market" ? [""] : ["", "den"]) {
        const page = await browser.page(`${base}/${name}/${room}?name=ann`);
        if (name === "cards" && !room) await page.locator("#open").click();
        await live(page);
        assert.equal(await hrefOf(page.locator("a.home")), `${base}/`);
        assert.ok(page.url().startsWith(`${base}/${name}/`), page.url());
        quiet(page);
        await close(page);
      }
    });

  test(`${what}: what "parlor new" makes plays`, async () => {
    const page = await browser.page(`${base}/tag/?name=ann`);
    const players = async () => {
      const { games } = await (await fetch(`${base}/_parlor/games`)).json();
      return games.find((game) => game.name === "tag").players;
    };
    await until("a player", async () => (await players()) === 1);
    quiet(page);
    await close(page);
  });

  for (const name of ["board", "cards", "doc"])
    test(`${what}: who follows an invitation to ${name} is in the same room`, async () => {
      const ann = await browser.page(`${base}/${name}/yard?name=ann`);
      await live(ann);
      await ann.locator("#invite").click();
      const link = await linkOf(ann);
      assert.equal(link, `${base}/${name}/yard`);
      const bob = await browser.page(`${link}?name=bob`);
      await live(bob);
      const { rooms } = await (await fetch(`${base}/_parlor/rooms?game=${name}`)).json();
      assert.equal(rooms.find(({ id }) => id === "yard").players, 2);
      quiet(ann, bob);
      await close(ann, bob);
    });

  test(`${what}: links within a game and a tag for other pages lead here`, async () => {
    const ann = await browser.page(`${base}/chat/?name=ann`);
    await live(ann);
    await ann.locator('[data-channel="music"]').click();
    await until("the channel", () => ann.url() === `${base}/chat/music?name=ann`);
    await live(ann);
    assert.equal(await hrefOf(ann.locator('[data-channel="help"]')), `${base}/chat/help`);
    await ann.locator('[data-channel="music"] .n').getByText("1").waitFor();

    const bob = await browser.page(`${base}/scores/?name=bob`);
    await live(bob);
    await bob.locator("#share").click();
    assert.match(await bob.locator("#snippet").inputValue(), new RegExp(`src="${base}/scores/embed.js"`));
    await bob.locator("parlor-scores .match").first().waitFor();
    assert.equal(await hrefOf(bob.locator("parlor-scores header a")), `${base}/scores/today`);
    quiet(ann, bob);
    await close(ann, bob);
  });
}

test("where the network finds the server, the link and its picture have the path", async () => {
  const base = `http://127.0.0.1:${line.port}/games`;
  const page = await browser.page(`${base}/board/yard?name=ann`);
  await live(page);
  await page.route(`${base}/_parlor/games`, (route) => route.fulfill({ json: { dev: true, network: ["192.0.2.7"], games: [] } }));
  await page.locator("#invite").click();
  await page.locator("svg.qr").waitFor();
  assert.equal(await linkOf(page), `http://192.0.2.7:${line.port}/games/board/yard`);
  quiet(page);
  await close(page);
});

test("a line that is cut, a page loaded again and a saved style keep the seat", async () => {
  const page = await browser.page(`http://127.0.0.1:${line.port}/games/pond/den?name=ann`);
  await page.waitForFunction(() => window.room?.state.frogs.get(window.room.id));
  const id = await page.evaluate(() => {
    window.statuses = [];
    window.room.on("status", (status) => window.statuses.push(status));
    return window.room.id;
  });
  line.cut();
  await page.waitForFunction(() => String(window.statuses) === "away,live");
  assert.equal(await page.evaluate(() => window.room.id), id);

  const css = server.read("pond/web/pond.css");
  server.save("pond/web/pond.css", `${css}\n`);
  await page.locator('link[href*="/games/pond/pond.css?parlor="]').waitFor({ state: "attached" });

  await page.reload();
  await page.waitForFunction((own) => window.room?.id === own && window.room.state.frogs.get(own), id);
  await close(page);
});
