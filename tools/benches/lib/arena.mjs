// SPDX-License-Identifier: MIT
/*
 * arena - games/arena with bots and players: the server's CPU, the bytes of a player in
 * a tick, how often a prediction had to be corrected; with --browser, what a frame costs
 * in Chromium beside them. Players are the SDK in Node; they fly about and shoot.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { readOptions } from "./options.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const require = createRequire(path.join(root, "tests/package.json"));
const WebSocket = require("ws");
const { join } = await import(path.join(root, "scripts/web/client.js"));
const USAGE = `Example: tools/bench arena --browser

Usage: tools/bench arena [--json] [--bots N] [--players N] [--seconds S] [--browser]

  --bots N       ships beside the players (100)
  --players N    (20)
  --seconds S    of the measurement (20)
  --browser      measure a page in Chromium, too: 1280 x 800, then 390 x 844
  --json         one JSON object instead of the table

See tools/benches/README.md for what the figures mean.`;
const options = readOptions("arena", USAGE, {
  bots: { type: "string", default: "100" },
  players: { type: "string", default: "20" },
  seconds: { type: "string", default: "20" },
  browser: { type: "boolean" },
});
const [players, seconds] = [Number(options.players), Number(options.seconds)];
const bots = Number(options.bots) + players; // the game counts players among them

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const server = spawn(
  process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"),
  ["serve", path.join(root, "games"), "--port", "0", "--host", "127.0.0.1", "--admin", "off"],
  { stdio: ["ignore", "pipe", "pipe"] },
);
process.on("exit", () => server.kill("SIGKILL"));
let said = "";
for (const out of [server.stdout, server.stderr]) out.on("data", (text) => (said += text));
while (!/127\.0\.0\.1:\d+|localhost:\d+/.test(said)) await sleep(20);
const origin = `http://127.0.0.1:${/(?:127\.0\.0\.1|localhost):(\d+)/.exec(said)[1]}`;

const text = await (await fetch(`${origin}/arena/shared.js`)).text();
const { step } = await import(`data:text/javascript,${encodeURIComponent(text)}`);

/** CPU seconds of the server so far. */
function cpu() {
  const fields = fs.readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function pilot(i) {
  const room = await join(
    "/arena/bench",
    { name: `pilot ${i}`, bots },
    { WebSocket, base: origin, resume: false },
  );
  let aim = i;
  const read = () => {
    aim += (Math.random() - 0.5) * 0.3;
    return { aim, thrust: Math.random() < 0.8, fire: Math.random() < 0.3 };
  };
  return { room, me: await room.predict("ships", { input: "steer", snap: 300, step, read }) };
}

/** What a page needs for a frame, in ms: in its own code, and from one to the next. */
async function page(browser, width, height) {
  const context = await browser.newContext({ viewport: { width, height } });
  const tab = await context.newPage();
  await tab.addInitScript(() => {
    const raf = requestAnimationFrame.bind(window);
    Object.assign(window, { own: [], between: [] });
    let last = NaN;
    window.requestAnimationFrame = (draw) =>
      raf((t) => {
        const began = performance.now();
        draw(t);
        window.own.push(performance.now() - began);
        if (last) window.between.push(began - last);
        last = began;
      });
  });
  await tab.goto(`${origin}/arena/bench?name=page`);
  await sleep(3000);
  const result = await tab.evaluate(async (ms) => {
    window.own.length = window.between.length = 0;
    await new Promise((done) => setTimeout(done, ms));
    const at = (list, q) => [...list].sort((a, b) => a - b)[Math.floor(list.length * q)];
    return [at(window.own, 0.5), at(window.own, 0.99), at(window.between, 0.5), at(window.between, 0.99)];
  }, seconds * 500);
  await context.close();
  return result;
}

const pilots = [];
for (let i = 0; i < players; i++) pilots.push(await pilot(i));
const flying = setInterval(() => pilots.forEach(({ me }) => me.view()), 16);
await sleep(5000);

const sum = (look) => pilots.reduce((all, one) => all + look(one), 0);
const figures = () => ({
  time: performance.now() / 1000,
  cpu: cpu(),
  bytes: sum(({ room }) => room.bytesIn),
  ticks: sum(({ room }) => room.tick) / players,
  steps: sum(({ me }) => me.steps),
  corrections: sum(({ me }) => me.corrections),
});
const before = figures();
let near = 0;
let looks = 0;
const looking = setInterval(() => {
  near += sum(({ room }) => room.state.ships.size) / players;
  looks++;
}, 250);
await sleep(seconds * 1000);
const after = figures();
clearInterval(looking);
const d = Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));

const results = [
  ["server CPU", d.cpu / d.time, "cores"],
  ["received by a player", d.bytes / players / d.ticks, "bytes/tick"],
  ["ships that a player is sent", near / looks, "ships"],
  ["corrections", (1000 * d.corrections) / d.steps, "per 1000 steps"],
];
if (options.browser) {
  const { chromium } = require("playwright-core");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu"],
  });
  for (const [w, h] of [[1280, 800], [390, 844]]) {
    const names = ["own code, median", "own code, p99", "between frames, median", "between frames, p99"];
    (await page(browser, w, h)).forEach((ms, i) => results.push([`Chromium ${w} x ${h}: ${names[i]}`, ms, "ms"]));
  }
  await browser.close();
}
clearInterval(flying);
server.kill("SIGTERM");
if (options.json)
  console.log(
    JSON.stringify({
      bench: "arena",
      results: results.map(([metric, value, unit]) => ({ metric, value, unit, peer: "parlor" })),
    }),
  );
else
  for (const [metric, value, unit] of results)
    console.log(`${metric.padEnd(46)} ${value.toFixed(unit === "cores" ? 3 : 1).padStart(8)} ${unit}`);
process.exit(0);
