// SPDX-License-Identifier: MIT
/*
 * lobby - before the game: joins that are refused, a thousand who wait for others, and
 * the list of a thousand rooms.
 *
 * What is told is CPU time of the server's process, one worker, with what the kernel does
 * for it; rates are bounded by the load, which is this one process. What goes on all the
 * time (looking for groups, the list) is the CPU time of some seconds less that of as many
 * with the same connections at rest.
 *
 * Ends, by process id, only what it has started.
 */
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { readOptions } from "./options.mjs";
import { median } from "./swarm.mjs";

const USAGE = `Example: tools/bench lobby

Usage: tools/bench lobby [--json] [--joins N] [--rounds N] [--seconds S]

  --joins N     that are refused, in a round (2000)
  --rounds N    rounds; medians are told (3)
  --seconds S   for which is looked at what goes on all the time (3)
  --json        one JSON object instead of the table`;
const number = { type: "string" };
const options = readOptions("lobby", USAGE, { joins: number, rounds: number, seconds: number });
const whole = (name, usual, high) => {
  const n = Number(options[name] ?? usual);
  if (Number.isInteger(n) && n >= 1 && n <= high) return n;
  console.error(`bench lobby: --${name} takes 1 to ${high}\n\n${USAGE}`);
  process.exit(64);
};
const joins = whole("joins", 2000, 1_000_000);
const rounds = whole("rounds", 3, 100);
const seconds = whole("seconds", 3, 60);

const AT_ONCE = 20; // joins under way
const MANY = 1000; // LOBBY_MAX, and the longest list
const RUNS_PER_S = 4; // LOBBY_RUN_MS

const game = (head, more = "") => `local parlor = require "parlor"
local m = parlor.match
local game = parlor.game { tick_rate = 0, reconnect = 0, ${head} }
${more}
return game
`;
const GAMES = {
  den: game("max_players = 1"),
  hall: game("max_players = 2000"),
  apart: game(`max_players = 4, queue = { min = 4, wait = 3600 },
    match = { mode = m.same, skill = m.near { by = 1 } }`),
  "one-short": game("max_players = 1000, queue = { min = 1000, wait = 3600 }"),
  still: game("max_players = 1", `function game:create() self:label { mode = "duel", skill = 1000 } end`),
  busy: game("max_players = 1").replace("tick_rate = 0", "tick_rate = 1").replace(
    "return game",
    `function game:create(o) self.is_busy = o.busy self:label { mode = "duel", skill = 1000 } end
function game:tick() if self.is_busy then self:label { mode = "duel", skill = self.tick } end end
return game`,
  ),
};

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const parlor = path.resolve(process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-lobby-"));
for (const [name, source] of Object.entries(GAMES)) {
  fs.mkdirSync(path.join(folder, name));
  fs.writeFileSync(path.join(folder, name, "game.lua"), source);
}
const server = spawn(
  parlor,
  ["serve", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off", "--data", "off",
    "--workers", "1", "--scripts", path.join(root, "scripts")],
  { stdio: ["ignore", "pipe", "ignore"] },
);
process.on("exit", () => {
  server.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));
const port = await new Promise((done, fail) => {
  server.stdout.on("data", (text) => {
    const found = /:(\d+) /.exec(String(text));
    if (found) done(Number(found[1]));
  });
  server.on("exit", (code) => fail(new Error(`parlor ended with ${code}`)));
});

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** CPU time of the server so far, in us. */
function serverUs() {
  let ns = 0;
  for (const id of fs.readdirSync(`/proc/${server.pid}/task`))
    ns += Number(fs.readFileSync(`/proc/${server.pid}/task/${id}/schedstat`, "utf8").split(" ")[0]);
  return ns / 1000;
}

/** A WebSocket in a few lines; with `hello` a parlor.j1 client. Frames to the server are
 * masked with zeros and short. */
class Line {
  received = 0;
  waiting = Buffer.alloc(0);
  isOpen = false;

  constructor(url, hello) {
    this.first = new Promise((done) => (this.onFirst = done)); // the first record
    this.over = new Promise((done) => (this.onOver = done)); // the code of the close
    const protocol = hello ? "Sec-WebSocket-Protocol: parlor.j1\r\n" : "";
    this.tcp = net.connect(port, "127.0.0.1", () =>
      this.tcp.write(
        `GET ${url} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${protocol}` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}\r\n\r\n`,
      ),
    );
    this.hello = hello && JSON.stringify({ t: "hello", join: hello });
    this.tcp.setNoDelay(true);
    this.tcp.on("data", (bytes) => this.take(bytes));
    this.tcp.on("error", () => {});
    this.tcp.on("close", () => this.onOver(this.code ?? 1006));
  }
  take(bytes) {
    this.received += bytes.length;
    bytes = this.waiting.length ? Buffer.concat([this.waiting, bytes]) : bytes;
    if (!this.isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return void (this.waiting = bytes);
      if (!bytes.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101")))
        throw new Error(String(bytes.subarray(0, end)));
      this.isOpen = true;
      bytes = bytes.subarray(end + 4);
      if (this.hello) this.send(1, Buffer.from(this.hello));
    }
    while (bytes.length >= 2) {
      const short = bytes[1] & 127;
      const head = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < head) break;
      const n = head === 2 ? short : head === 4 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
      if (bytes.length < head + n) break;
      this.frame(bytes[0] & 15, bytes.subarray(head, head + n));
      bytes = bytes.subarray(head + n);
    }
    this.waiting = bytes;
  }
  frame(op, payload) {
    if (op === 1) this.onFirst(payload);
    if (op === 9) this.send(10, payload);
    if (op !== 8) return;
    this.code = payload.readUInt16BE(0);
    this.send(8, payload.subarray(0, 2));
  }
  send(op, payload) {
    const is16 = payload.length > 125;
    const head = Buffer.alloc(is16 ? 8 : 6);
    head[0] = 128 | op;
    head[1] = 128 | (is16 ? 126 : payload.length);
    if (is16) head.writeUInt16BE(payload.length, 2);
    this.tcp.write(Buffer.concat([head, payload]));
  }
  /** For good. */
  leave() {
    this.send(8, Buffer.from([3, 232]));
    return this.over;
  }
}

/** `n` times work(i), AT_ONCE at a time. */
async function each(n, work) {
  let next = 0;
  const lane = async () => {
    while (next < n) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** So many who stay, each with its own join options. Each has its first record. */
async function gather(n, url, hello) {
  const all = [];
  await each(n, async (i) => {
    all[i] = new Line(url, hello(i));
    const first = JSON.parse(await all[i].first);
    if (first.t !== "hello" && first.t !== "queue") throw new Error(JSON.stringify(first));
  });
  return all;
}
const dismiss = (all) => Promise.all(all.map((line) => line.leave()));

const results = [];
const tell = (metric, value, unit, more = {}) => results.push({ metric, value, unit, ...more });

/** Rounds of joins that end with `code`; tells CPU time and rate. */
async function joinsThatEnd(what, url, code) {
  const cpu = [];
  const rate = [];
  for (let round = 0; round < rounds; round++) {
    const us = serverUs();
    const began = performance.now();
    await each(joins, async () => {
      const line = new Line(url, {});
      if (code === 1000) {
        await line.first;
        line.leave();
      }
      const got = await line.over;
      if (got !== code) throw new Error(`${what}: closed with ${got}`);
    });
    cpu.push((serverUs() - us) / joins);
    rate.push((joins / (performance.now() - began)) * 1000);
  }
  tell(`${what}: server CPU`, median(cpu), "us/join");
  tell(`${what}: rate`, median(rate), "joins/s");
}

/** CPU time of the server in a second, while nothing is asked of it. */
async function perSecond() {
  const list = [];
  for (let round = 0; round < rounds; round++) {
    const us = serverUs();
    const began = performance.now();
    await sleep(seconds * 1000);
    list.push(((serverUs() - us) / (performance.now() - began)) * 1000);
  }
  return median(list);
}

// Refused at the door of a room, beside those who are let in and leave.
const stays = [...(await gather(1, "/den/full", () => ({}))), ...(await gather(1, "/hall/a", () => ({})))];
await joinsThatEnd("let in, and leaves", "/hall/a", 1000);
await joinsThatEnd("the room is full", "/den/full", 4004);

// A thousand who wait, and nobody fits.
const guests = await gather(MANY, "/hall/a", () => ({}));
const rest = await perSecond();
await dismiss(guests);
const WAITING = [
  ["1000 wait, no two fit", MANY, "/apart", (i) => ({ mode: "duel", skill: 10 * i })],
  ["500 parties of 2 wait, no two fit", MANY, "/apart",
    (i) => ({ mode: "duel", skill: 10 * (i >> 1), party: { id: `party ${i >> 1}`, size: 2 } })],
  ["999 wait, all fit, one is missing", MANY - 1, "/one-short", () => ({})],
];
for (const [what, n, url, hello] of WAITING) {
  const all = await gather(n, url, hello);
  await sleep(1000);
  tell(`${what}: a run, with what they are told`, ((await perSecond()) - rest) / RUNS_PER_S, "us");
  if (url === "/apart" && !hello(0).party) await joinsThatEnd("1000 wait already", url, 1013);
  await dismiss(all);
}

// A thousand rooms in a list that others look at.
for (const [what, url, hello] of [
  ["1000 rooms, none changes", "/still", () => ({})],
  ["1000 rooms, 100 change", "/busy", (i) => ({ busy: i % 10 === 0 })],
]) {
  const all = await gather(MANY, url, hello);
  const listUrl = `/_parlor/rooms?game=${url.slice(1)}`;
  const alone = await perSecond();
  const us = serverUs();
  let bytes = 0;
  for (let i = 0; i < 50; i++)
    bytes = (await (await fetch(`http://127.0.0.1:${port}${listUrl}`)).arrayBuffer()).byteLength;
  tell(`${what}: the list, asked for`, (serverUs() - us) / 50, "us", { bytes });
  for (const n of [1, 100]) {
    const listeners = Array.from({ length: n }, () => new Line(listUrl));
    await Promise.all(listeners.map((line) => line.first));
    const before = listeners[0].received;
    const began = performance.now();
    tell(`${what}: ${n} listen`, (await perSecond()) - alone, "us/s", {
      bytes: Math.round(((listeners[0].received - before) / (performance.now() - began)) * 1000),
    });
    await dismiss(listeners);
  }
  await dismiss(all);
}
await dismiss(stays);
server.removeAllListeners("exit");

if (options.json) {
  console.log(JSON.stringify({ bench: "lobby", results }));
} else {
  for (const { metric, value, unit, bytes } of results)
    console.log(
      `${metric.padEnd(66)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)} ${unit}` +
        (bytes === undefined ? "" : `, ${bytes} bytes${unit === "us/s" ? " a second to each" : ""}`),
    );
}
process.exit(0);
