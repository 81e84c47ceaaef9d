// SPDX-License-Identifier: MIT
/*
 * Random rooms of the C side (tests/unit/state/crowd.h) through the browser's decoders:
 * after every frame the page must hold what the model says, over both codecs.
 *
 * CROWD_CHECKS=1000000 node --test tests/unit/web/crowd.test.mjs looks longer;
 * CROWD_SEED begins at another room; CROWD_FRAMES names the program.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import test from "node:test";
import { facetHashes } from "../../../scripts/web/hash.js";
import { Binary } from "../../../scripts/web/binary.js";
import { Image } from "../../../scripts/web/image.js";
import { Json } from "../../../scripts/web/json.js";
import { parseSchema } from "../../../scripts/web/schema.js";
import { State, Table, loadAgain } from "../../../scripts/web/state.js";
import { loadAny } from "../../../scripts/web/wire.js";

await Promise.all([loadAgain(), loadAny()]);

// Runs of changes are read by the plain way and by that of pages with many rows, in turns.
const plain = Image.prototype.change;
await import("../../../scripts/web/change.js");
const ways = [plain, Image.prototype.change];

const program =
  process.env.CROWD_FRAMES ?? new URL("../../../build/asan/crowd_frames", import.meta.url).pathname;

/** One client, and a page that only knows what it is told by add and remove. */
class Client {
  constructor(room, isJson) {
    this.state = new State((fn, args) => fn(...args));
    this.codec = new (isJson ? Json : Binary)(this.state);
    if (!isJson) this.codec.schema = parseSchema(room.schema, room.hash);
    this.isJson = isJson;
    this.told = new Map();
  }
  apply(hex, tick) {
    const bytes = Buffer.from(hex, "hex");
    const data = this.isJson ? bytes.toString() : Uint8Array.from(bytes).buffer;
    this.codec.decode(data);
    for (const { fn, args } of this.codec.show(tick, tick)) fn(...args);
    for (const [name, table] of this.state.tables)
      if (!this.told.has(name)) {
        const rows = new Map();
        this.told.set(name, rows);
        table.on("add", (row, id) => {
          assert(!rows.has(id), `${name}[${id}] was added twice`);
          rows.set(id, row);
        });
        table.on("remove", (row, id) => {
          assert.equal(rows.get(id), row, `${name}[${id}] was removed and not there`);
          rows.delete(id);
        });
      }
  }
  /** The state as plain data, and the same by what was told. */
  holds() {
    const held = {};
    for (const [name, v] of Object.entries(this.state.root)) {
      held[name] = v instanceof Table ? Object.fromEntries(v) : v;
      if (v instanceof Table)
        assert.deepEqual(Object.fromEntries(this.told.get(name)), held[name], `told of ${name}`);
    }
    return held;
  }
}

test("what the C side sends to random crowds, the page holds", async () => {
  const checks = process.env.CROWD_CHECKS ?? "4000";
  const child = spawn(program, [checks, process.env.CROWD_SEED ?? "1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let room;
  let clients = [];
  let n = 0;
  let done = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const r = JSON.parse(line);
    if (r.schema) {
      room = r;
      clients = [];
    } else if (r.done) done = r.done;
    else {
      const client = (clients[r.client] ??= new Client(room, r.json));
      Image.prototype.change = ways[n % 2];
      client.apply(r.frame, r.tick);
      assert.deepEqual(client.holds(), r.want, `room ${room.room}, client ${r.client}, tick ${r.tick}`);
      if (!r.json)
        assert.deepEqual(facetHashes(client.codec.image), r.hashes, `hashes, tick ${r.tick}`);
      n++;
    }
  }
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0);
  assert.equal(n, done);
  assert(n >= Number(checks));
});
