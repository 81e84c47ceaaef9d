// SPDX-License-Identifier: MIT
// Honest clients among attackers, for a given time; README.md says what must hold.
import crypto from "node:crypto";
import process from "node:process";
import WebSocket from "ws";

import { certificateArgs } from "../e2e/lib/lanes.mjs";
import { sleep, startServer } from "../e2e/lib/server.mjs";
import { attacks as all } from "./lib/attacks.mjs";

const MIB = 1 << 20;
const GROWTH_BYTES = 16 * MIB;
const WAIT_MS = 10000;
const PAUSE_MS = 6000; // attackers are gone, and what they left has timed out

const seconds = Number(process.argv[2] ?? 600);
const word = process.argv[3] ?? "";
const attacks = all.filter(({ name }) => name.includes(word));
if (!attacks.length) {
  console.error(`no attack has "${word}" in its name: ${all.map((a) => a.name).join(", ")}`);
  process.exit(64);
}
const started = Date.now();
const elapsed = () => Math.round((Date.now() - started) / 1000);
const say = (text) => console.log(`${String(elapsed()).padStart(5)} s  ${text}`);

/** What went wrong, each once. */
const faults = new Set();
const fault = (text) => {
  if (!faults.has(text)) say(`WRONG: ${text}`);
  faults.add(text);
};

const args = ["--head-ms", "3000", "--close-ms", "1000"];
const common = { command: "serve", program: "release", games: ["pond", "chat", "echo"] };
const servers = await Promise.all([
  startServer({ ...common, args }),
  startServer({ ...common, args: [...certificateArgs(), ...args] }),
]);
servers[0].name = "plain";
servers[1].name = "TLS";
for (const [i, server] of servers.entries()) server.to = { port: server.port, isSecure: i === 1 };

/** An honest client: it sends something every 100 ms and must see it answered. */
class Honest {
  longest = 0;
  answers = 0;

  constructor(server, name, at, protocol = []) {
    this.name = `${name} (${server.name})`;
    const scheme = server.to.isSecure ? "wss" : "ws";
    this.ws = new WebSocket(`${scheme}://127.0.0.1:${server.port}${at}`, protocol, {
      rejectUnauthorized: false,
      perMessageDeflate: true,
    });
    this.waiting = new Map(); // what is awaited, and since when
    this.ws.on("close", (code) => this.isLeaving || fault(`${this.name} was dropped: ${code}`));
    this.ws.on("error", (error) => fault(`${this.name}: ${error.message}`));
    this.ws.on("message", (data) => this.take(String(data)));
  }

  opened = () => new Promise((done) => this.ws.once("open", done));

  /** From now on `key` is awaited. */
  expect(key) {
    this.waiting.set(String(key), Date.now());
  }

  saw(key) {
    const since = this.waiting.get(String(key));
    if (since === undefined) return;
    this.waiting.delete(String(key));
    this.longest = Math.max(this.longest, Date.now() - since);
    this.answers++;
  }

  check() {
    for (const [key, since] of this.waiting)
      if (Date.now() - since > WAIT_MS) {
        fault(`${this.name} waits for an answer (${key.slice(0, 20)}) since ${WAIT_MS} ms`);
        this.waiting.delete(key);
      }
  }

  leave() {
    this.isLeaving = true;
    this.ws.close(1000);
  }
}

class Echoer extends Honest {
  step() {
    const text = crypto.randomBytes(this.answers % 50 ? 20 : 20000).toString("base64");
    this.expect(text);
    this.ws.send(text);
  }
  take(text) {
    this.saw(text);
  }
}

class Frog extends Honest {
  n = 0;
  step() {
    this.expect(++this.n);
    this.ws.send(JSON.stringify({ t: "ping", ms: this.n }));
    this.ws.send(JSON.stringify({ t: "send", name: "hop", data: { dx: 0.5, dy: -0.5 } }));
  }
  take(text) {
    const record = JSON.parse(text);
    if (record.t === "pong") this.saw(record.ms);
  }
}

/** Two of these: each awaits the lines of the other. */
class Chatter extends Honest {
  n = 0;
  step() {
    if (this.n++ % 10) return; // a line a second
    const line = `${this.name} ${this.n}`;
    this.other.expect(line);
    this.ws.send(JSON.stringify({ t: "send", name: "say", data: { text: line } }));
  }
  take(text) {
    for (const [, line] of text.matchAll(/"text":"([^"]*)"/g)) this.saw(line);
  }
}

const honest = servers.flatMap((server) => {
  const ann = new Chatter(server, "ann", "/chat/soak?name=ann");
  const bob = new Chatter(server, "bob", "/chat/soak?name=bob");
  Object.assign(ann, { other: bob });
  Object.assign(bob, { other: ann });
  return [
    ...[1, 2, 3].map((n) => new Echoer(server, `echo ${n}`, "/echo")),
    ...[1, 2, 3].map((n) => new Frog(server, `frog ${n}`, `/pond/soak?name=frog${n}`)),
    ann,
    bob,
  ];
});
await Promise.all(honest.map((one) => one.opened()));

let isOver = false;
const steps = setInterval(() => {
  for (const one of honest) {
    if (one.ws.readyState === WebSocket.OPEN) one.step();
    one.check();
  }
}, 100);

/** Lets the attackers loose until the time; all their sockets are closed then. */
async function attack(until) {
  await Promise.all(
    servers.flatMap((server) =>
      attacks.map(async (one) => {
        while (Date.now() < until && !isOver) {
          const raws = [];
          try {
            await one.run(server, raws);
            one.done = (one.done ?? 0) + 1;
          } catch (error) {
            one.refused = (one.refused ?? 0) + 1; // the server has seen through it
            one.last = error.message;
          }
          for (const raw of raws) raw.destroy();
          await sleep(20);
        }
      }),
    ),
  );
}

const memory = (what) => {
  const held = servers.map((server) => server.residentBytes());
  const text = servers.map((s, i) => `${s.name} ${(held[i] / MIB).toFixed(1)} MiB`);
  say(`memory ${what}: ${text.join(", ")}`);
  return held;
};

process.on("SIGINT", () => (isOver = true));
memory("at the start");
const end = started + seconds * 1000;
await attack(started + seconds * 250);
await sleep(PAUSE_MS);
const warm = memory("after the warm-up");
await attack(end - PAUSE_MS);
await sleep(PAUSE_MS);
const last = memory("at the end");
servers.forEach((server, i) => {
  const grown = last[i] - warm[i];
  if (grown > GROWTH_BYTES) fault(`${server.name} has grown by ${(grown / MIB).toFixed(1)} MiB`);
});

clearInterval(steps);
for (const one of honest) {
  if (one.answers === 0) fault(`${one.name} was never answered`);
  one.leave();
}
await sleep(500);
for (const server of servers) await server.stop().catch((error) => fault(error.message));

console.log("\nattack                       runs   cut short");
for (const one of attacks) {
  const note = one.last ? `  (${one.last.slice(0, 60)})` : "";
  console.log(
    `${one.name.padEnd(25)} ${String(one.done ?? 0).padStart(7)} ${String(one.refused ?? 0).padStart(11)}${note}`,
  );
  if (!one.done && !one.refused) fault(`the attack "${one.name}" never ran`);
}
console.log("\nhonest                    answers   longest wait");
for (const one of honest)
  console.log(
    `${one.name.padEnd(25)} ${String(one.answers).padStart(7)} ${String(one.longest).padStart(8)} ms`,
  );
console.log(faults.size ? `\n${faults.size} wrong` : "\nall was well");
process.exit(faults.size ? 1 : 0);
