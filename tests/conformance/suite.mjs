#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/*
 * suite - RFC 6455 and RFC 7692 case by case against an echo endpoint; TAP on stdout.
 *
 * A case is {id, what} with either
 *   send     pieces of bytes, each written by itself
 *   expect   what must come back, in order: [op, payload] (op PONG for pongs)
 *   fails    the code with which the server must fail the connection, or
 *   closes   the code that it must answer the client's Close with (null: an empty one);
 *            with neither the suite closes with 1000 and wants that back
 * or with run(client, {isWhole}), which does everything up to that last Close, and
 * `offer`, the extensions to ask for.
 *
 * Nothing may be sent but what is expected; after a Close nothing at all but the end
 * of the connection, which the server must bring about.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";

import { certificateArgs } from "../e2e/lib/lanes.mjs";
import { closeFrame } from "../e2e/lib/raw.mjs";
import { startServer } from "../e2e/lib/server.mjs";
import { Client } from "./client.mjs";

const HELP = `Example: tests/conformance/suite.mjs --section 6

Usage: suite.mjs [--whole] [--tls] [--section N] [--url ws://127.0.0.1:PORT/PATH]

  --whole    all sizes and all repetitions (some minutes), not a part of them
  --tls      over TLS
  --section  only the cases whose number begins so, as 6 or 6.4
  --url      an echo endpoint that is there already (wss:// for TLS); else the
             suite starts the built server with its game echo

Exit: 0 all cases passed, 1 some did not, 64 usage.
`;

/** {isWhole, isSecure, section, url}, or exit. */
function readArguments(args) {
  const o = { isWhole: false, isSecure: false, section: "", url: undefined };
  while (args.length) {
    const one = args.shift();
    if (one === "--whole") o.isWhole = true;
    else if (one === "--tls") o.isSecure = true;
    else if (one === "--section" && args.length) o.section = args.shift();
    else if (one === "--url" && args.length) o.url = new URL(args.shift());
    else {
      (one === "--help" ? process.stdout : process.stderr).write(HELP);
      process.exit(one === "--help" ? 0 : 64);
    }
  }
  return o;
}

function fail(text) {
  throw new Error(text);
}

const show = (e) =>
  `${e.what} ${e.op ?? e.code ?? ""} ${e.payload?.subarray(0, 30).toString("latin1") ?? ""}`;

/** The next event must be this message or pong. */
async function expectOne(client, [op, payload]) {
  const e = await client.event();
  const what = op === 10 ? "pong" : "message";
  const want = Buffer.from(payload);
  if (e.what !== what || (what === "message" && e.op !== op))
    fail(`expected ${what} ${op}, got ${show(e)}`);
  if (!e.payload.equals(want)) fail(`${want.length} bytes were sent, others came back: ${show(e)}`);
}

/** The next events must be a Close with this code and the end. */
async function expectClose(client, code) {
  const e = await client.event();
  if (e.what !== "close" || e.code !== (code ?? undefined))
    fail(`expected Close ${code}, got ${show(e)}`);
  const end = await client.event();
  if (end.what !== "end") fail(`after the Close came ${show(end)}`);
}

/** Throws where the case fails. */
async function runCase(one, to, at, options) {
  const client = await Client.open(to, at, one.offer);
  try {
    if (one.offer && !client.deflate) throw new Error("the offer was declined");
    if (one.run) await one.run(client, options);
    else await client.send(one.send);
    for (const want of one.expect ?? []) await expectOne(client, want);
    if (one.fails) {
      await expectClose(client, one.fails);
    } else if (one.closes !== undefined) {
      await expectClose(client, one.closes);
    } else {
      await client.send(closeFrame(1000));
      await expectClose(client, 1000);
    }
  } finally {
    client.end();
  }
}

const options = readArguments(process.argv.slice(2));
const files = ["frames", "utf8", "close", "load", "deflate"];
const folder = path.dirname(fileURLToPath(import.meta.url));
const all = [];
for (const file of files) all.push(...(await import(path.join(folder, `cases_${file}.mjs`))).cases);
const isMine = (id) => id === options.section || id.startsWith(`${options.section}.`);
const cases = all.filter(({ id }) => !options.section || isMine(id));

let server;
let to;
let at = "/echo";
if (options.url) {
  to = { port: Number(options.url.port), isSecure: options.url.protocol === "wss:" };
  at = options.url.pathname;
} else {
  const args = options.isSecure ? certificateArgs() : [];
  server = await startServer({ games: ["echo"], command: "serve", args });
  to = { port: server.port, isSecure: options.isSecure };
}

let failed = 0;
let n = 0;
for (const one of cases) {
  const began = performance.now();
  let why;
  await runCase(one, to, at, options).catch((error) => void (why = error));
  const ms = Math.round(performance.now() - began);
  console.log(`${why ? "not ok" : "ok"} ${++n} - ${one.id} ${one.what}`.trimEnd());
  if (ms > 1000) console.log(`# ${ms} ms`);
  if (why) {
    failed++;
    console.log(`# ${String(why.stack).replaceAll("\n", "\n# ")}`);
  }
}
console.log(`1..${n}`);
try {
  await server?.stop();
} catch (error) {
  console.log(
    `not ok ${n + 1} - the server ends well\n# ${error.message.replaceAll("\n", "\n# ")}`,
  );
  failed++;
}
process.exit(failed || n === 0 ? 1 : 0);
