// SPDX-License-Identifier: MIT
/* State hashes of `parlor dev`: what is held is compared with what the server says. */
import assert from "node:assert/strict";
import test from "node:test";
import { check, facetHashes } from "../../../scripts/web/hash.js";
import { loadComposed, parseSchema, schemaHash } from "../../../scripts/web/schema.js";
import { Binary } from "../../../scripts/web/binary.js";
import { State } from "../../../scripts/web/state.js";
import { utf8 } from "../../../scripts/web/wire.js";
import "../../../scripts/web/rare.js"; // so that it is there at once
import { Records, SENT, fromHex, liveRoom, quiet, turn } from "./fake.mjs";

const hashOf = (hex) => schemaHash(fromHex(hex.replaceAll(" ", "")));
// Of the state of liveRoom(): the root, then ann and bob.
const ROOT = [1, hashOf("00 00")];
const ANN = "00 07 03 616e6e 4000 0000";
const BOB = "01 09 03 626f62 8000 0000";
const FROGS = [2, hashOf(`${ANN} ${BOB}`)];

/** A DEV record. */
function dev(record) {
  const json = utf8(JSON.stringify(record));
  return new Records().u8(0x40).uv(json.length).raw(json);
}
/** DEV records are looked at right after the frame, by a module loaded on demand. */
async function say(socket, records) {
  socket.say(records);
  await turn();
}
const hash = (tick, ...facets) => dev({ kind: "hash", tick, facets });

/** A live room that compares as dev.js does; `results` is what check() said. */
async function checked(t) {
  const live = await liveRoom(t);
  const results = [];
  live.room.on("dev", (r) => results.push(check(live.room, r)));
  live.socket.types();
  return { ...live, results };
}

test("the right hash: nothing happens", async (t) => {
  const log = quiet(t);
  const { socket, results } = await checked(t);
  await say(socket, hash(5, ROOT, FROGS));
  assert.deepEqual(results, [""]);
  await say(socket, new Records().move(6, 5, 1, 64));
  const moved = [2, hashOf(`${ANN} 01 09 03 626f62 c000 0000`)];
  await say(socket, hash(6, ROOT, moved));
  assert.deepEqual(results, ["", ""]);
  assert.equal(log.mock.callCount(), 0);
  assert.ok(!socket.types().includes(SENT.RESYNC));
});

test("a wrong hash: an error that says where, and RESYNC", async (t) => {
  const log = quiet(t);
  const { room, socket, results, time } = await checked(t);
  const errors = [];
  room.on("error", (e) => errors.push(e.message));
  await say(socket, hash(5, ROOT, [2, FROGS[1] ^ 1]));
  assert.deepEqual(results, ["state.frogs: of 2 rows some differ"]);
  const text = "/pond: the state of tick 5 is not the server's: state.frogs: of 2 rows some differ";
  assert.deepEqual(errors, [text]);
  assert.equal(log.mock.calls[0].arguments[0].message, text);
  assert.deepEqual(socket.types(), [SENT.RESYNC]);
  time.pass(3000);
  socket.types();
  await say(socket, hash(5, [1, 1], [3, FROGS[1]]));
  assert.equal(
    results[1],
    "the state's own fields: the row differs; state.frogs: 2 rows here, 3 on the server",
  );
  assert.deepEqual(socket.types(), [SENT.RESYNC]);
  // The snapshot puts it right.
  await say(socket, new Records().snapshot(7, [[0, 7, "ann", 64]]));
  await say(socket, hash(7, ROOT, [1, hashOf(ANN)]));
  assert.equal(results[2], "");
});

test("a hash of another tick than is held is not compared", async (t) => {
  const log = quiet(t);
  const { socket, results } = await checked(t);
  await say(socket, hash(4, ROOT, [9, 9]));
  await say(socket, hash(6, ROOT, [9, 9]));
  assert.deepEqual(results, [undefined, undefined]);
  assert.equal(log.mock.callCount(), 0);
  assert.deepEqual(socket.types(), []);
});

test("the owner's part, and an any in byte order of its keys", async () => {
  await loadComposed();
  const codec = new Binary(new State(() => {}));
  codec.schema = parseSchema(
    `{"state":{"fields":[],"maps":[["m",{"keys":"string","fields":[["a",{"t":"any","max":99}]]}],
    ["p",{"keys":"player","fields":[["x",{"t":"u8"}],["y",{"t":"u8","to":"owner"}]]}]]}}`,
    1,
  );
  // JavaScript would put 9 before 10.
  const any = "07 02 00 02 3130 03 02 00 01 39 06 01 00";
  const hex = `03 00 05 01 04 01 00 00 02 04 01 02 01 6b 01 ${any} 03 04 02 00 07 01 05 00 08 00 04 04 01 01 01 06 00`;
  codec.decode(fromHex(hex.replaceAll(" ", "")).buffer);
  assert.deepEqual(facetHashes(codec.image), [
    [1, hashOf("00")],
    [1, hashOf(`02 01 6b ${any}`)],
    [2, hashOf("00 07 05 01 08 00")],
    [1, hashOf("01 06")],
  ]);
});
