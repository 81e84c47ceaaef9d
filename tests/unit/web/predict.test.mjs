// SPDX-License-Identifier: MIT
/*
 * room.predict over a simulated line: a server with one ship that steps per input,
 * a page that draws 60 frames a second, and between them latency, jitter and stalls.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { join } from "../../../scripts/web/client.js";
import { Records, SENT, fakeNet, fakeTime, wireSchema } from "./fake.mjs";
import { Line, dice } from "./net.mjs";
import { In } from "../../../scripts/web/wire.js";

const PERIOD = 50;
const FRAME = 1000 / 60;
const QUANTA = 64;
const fixed = { t: "fixed", min: -4096, max: 4096, step: 1 / QUANTA, smooth: true };
const SHIPS = {
  state: {
    fields: [["n", { t: "u32" }]],
    maps: [["ships", { keys: "player", fields: [["turn", { t: "angle", smooth: true }], ["v", { ...fixed, smooth: false }], ["x", fixed]] }]],
  },
  messages: [["go", { fields: [["push", { t: "i8" }]], input: true }], ["say", { fields: [] }]],
};

/** What page and server share; values stay multiples of a quantum. */
const round = (v) => Math.floor(v * QUANTA + 0.5) / QUANTA;
function step(ship, { push }) {
  ship.v = round(ship.v * 0.9 + push / 16);
  ship.x = Math.min(4096, Math.max(-4096, ship.x + ship.v));
}
const quantum = (v) => Math.round((v + 4096) * QUANTA);

/** A room of one player; answers over `down` what came over `up`. */
class Server {
  constructor(line, random) {
    this.up = new Line(line, random);
    this.down = new Line(line, random);
    this.ship = { x: 0, v: 0 };
    this.tick = 5;
    this.received = 0; // counted records
    this.done = this.told = 0;
    this.held = { x: 0, v: 0, tick: 5 };
  }
  open(socket, isResume, now) {
    this.socket = socket;
    const r = new Records().hello({ resumed: isResume, inputs: this.received, tick: this.tick, hash: wireSchema(SHIPS).hash });
    if (!isResume) r.schema(SHIPS);
    this.ack = this.told = 0;
    r.u8(3).u8(this.done ? 2 : 0).uv(this.tick);
    if (this.done) r.uv(this.done);
    this.told = this.done;
    r.uv(1).u8(4).uv(1).uv(0).u8(0);
    r.uv(2).u8(4).uv(1).uv(0).uv(7).u8(6).le(quantum(this.ship.v), 3).le(quantum(this.ship.x), 3);
    this.held = { ...this.ship, tick: this.tick };
    this.down.send(now, r.u8(0).take().buffer);
  }
  step(now) {
    for (const bytes of this.up.arrived(now)) {
      const input = new In(bytes);
      const type = input.u8();
      if (type === SENT.PING) this.down.send(now, new Records().pong(input.u32(), now).take().buffer);
      if (type !== SENT.INPUT) continue;
      this.received++;
      const seq = input.uv();
      input.uv();
      assert.equal(input.uv(), 1);
      assert.equal(seq, this.done + 1, "each input once, in order");
      step(this.ship, { push: input.le(1) << 24 >> 24 });
      this.done = seq;
    }
    this.tick++;
    if (!this.socket) return;
    const { held, ship } = this;
    const mask = (held.v !== ship.v ? 2 : 0) + (held.x !== ship.x ? 4 : 0);
    const ack = this.done !== this.told;
    if (!mask && !ack) return;
    const r = new Records().u8(4).u8(ack ? 1 : 0).le(this.tick % 65536, 2).uv(this.tick - held.tick);
    if (ack) r.uv(this.done);
    this.told = this.done;
    if (mask) r.uv(2).u8(16).uv(1).uv(0).u8(mask);
    if (mask & 2) r.sv(quantum(ship.v) - quantum(held.v));
    if (mask & 4) r.sv(quantum(ship.x) - quantum(held.x));
    this.held = { ...ship, tick: this.tick };
    this.down.send(now, r.u8(0).take().buffer);
  }
}

/** Plays; `each(now, shown, me, server)` sees every frame. */
async function play(t, { line, seed = 1, options = {} }, script) {
  const random = dice(seed);
  const net = fakeNet();
  const time = fakeTime(t);
  const server = new Server(line, random);
  let room;
  let me;
  let push = 0;
  let frameAt = time.now();
  let tickAt = time.now();
  let taken = null; // the socket whose messages travel
  const joined = join("/g", {}, { WebSocket: net.WebSocket, base: "http://h", now: time.now, resume: false });
  /** Until `ms` have passed. */
  const run = (ms, each = () => {}) => {
    for (const end = time.now() + ms; time.now() < end; ) {
      time.pass(1);
      const now = time.now();
      const socket = net.last();
      if (socket !== taken && socket.readyState === 0) {
        taken = socket;
        socket.open();
        const isResume = socket.sent.shift()[6] === 1;
        server.open(socket, isResume, now);
      }
      for (const bytes of socket.sent.splice(0)) if (socket === taken) server.up.send(now, bytes);
      if (now >= tickAt) {
        tickAt += PERIOD;
        server.step(now);
      }
      if (socket === taken) for (const data of server.down.arrived(now)) socket.onmessage?.({ data });
      if (me && now >= frameAt) {
        frameAt += FRAME;
        each(me.view(), now);
      }
    }
  };
  const cut = () => {
    server.up.cut();
    server.down.cut();
    server.socket = null;
    taken.die(1006);
    taken = null;
  };
  run(line.latency + line.jitter + 500);
  room = await joined;
  me = await room.predict("ships", { step, input: "go", read: () => ({ push }), ...options });
  await script({ room, me, server, run, cut, random, steer: (v) => (push = v) });
  me.stop();
  room.leave();
}

const LINES = {
  "a good line": { latency: 15, jitter: 5, loss: 0, stall: 0 },
  "a mobile line": { latency: 90, jitter: 60, loss: 0, stall: 0 },
  "a line that loses": { latency: 60, jitter: 30, loss: 0.04, stall: 250 },
};

for (const [name, line] of Object.entries(LINES))
  test(`predict, ${name}: nothing is ever corrected, and it answers at once`, async (t) => {
    for (let seed = 1; seed <= 3; seed++)
      await play(t, { line, seed }, ({ me, server, run, random, steer }) => {
        let last = 0;
        run(1000);
        for (let i = 0; i < 40; i++) {
          const before = me.row.v;
          let want;
          const next = {};
          do {
            want = Math.floor(random() * 255) - 127;
            step(Object.assign(next, me.row), { push: want });
          } while (next.v === before); // one that changes nothing shows nothing
          steer(want);
          run(2 * PERIOD);
          assert.notEqual(me.row.v, before, "within two steps, whatever the latency");
          last = me.view().x;
          run(random() * 700, (shown) => {
            assert.ok(Math.abs(shown.x - last) < 30, `jumps from ${last} to ${shown.x}`);
            last = shown.x;
          });
          last = me.view().x;
        }
        assert.equal(me.corrections, 0);
        me.stop();
        run(5000);
        assert.equal(me.pending, 0);
        assert.deepEqual([me.row.x, me.row.v], [server.ship.x, server.ship.v]);
        assert.equal(server.done, me.steps);
      });
  });

test("predict: what the server does by itself is gone over to, without a jump", async (t) => {
  await play(t, { line: LINES["a mobile line"] }, ({ me, server, run, steer }) => {
    steer(20);
    run(1000);
    let last = me.view().x;
    let most = 0;
    for (let i = 0; i < 10; i++) {
      server.ship.x += 30; // a blow
      run(1000, (shown) => {
        most = Math.max(most, Math.abs(shown.x - last));
        last = shown.x;
      });
    }
    assert.equal(me.corrections, 10, "one for each blow");
    assert.equal(me.corrected, 30);
    assert.equal(me.worst, 30);
    assert.ok(most < 12, `at most ${most} a frame, of 30`);
    me.stop();
    run(3000);
    assert.deepEqual([me.row.x, me.row.v], [server.ship.x, server.ship.v]);
    assert.ok(Math.abs(me.view().x - me.row.x) < 1e-3);
  });
});

test("predict: beyond `snap` it is a leap", async (t) => {
  await play(t, { line: LINES["a good line"], options: { snap: 100 } }, ({ me, server, run }) => {
    run(500);
    server.ship.x += 500;
    run(200);
    assert.ok(Math.abs(me.view().x - 500) < 1, `${me.view().x}`);
  });
});

test("predict: through a cut; what was sent before and meanwhile counts once", async (t) => {
  await play(t, { line: LINES["a line that loses"] }, ({ room, me, server, run, cut, steer }) => {
    steer(50);
    run(2000);
    for (let i = 0; i < 5; i++) {
      cut();
      assert.equal(room.status, "away");
      const { x } = me.row;
      const { steps } = me;
      run(100);
      assert.equal(me.steps, steps, "it rests while away");
      assert.equal(me.row.x, x);
      run(4000);
      assert.equal(room.status, "live");
      steer(i % 2 ? 50 : -50);
      run(1500);
    }
    assert.equal(me.corrections, 0);
    me.stop();
    run(5000);
    assert.deepEqual([me.row.x, me.row.v], [server.ship.x, server.ship.v]);
    assert.equal(server.done, me.steps);
  });
});

test("predict: what cannot be predicted is said", async (t) => {
  await play(t, { line: LINES["a good line"] }, async ({ room }) => {
    const options = { step, read: () => ({}) };
    await assert.rejects(room.predict("ships", { ...options, input: "say" }), /say is no message with input = true/);
    await assert.rejects(room.predict("ships", { ...options, input: "hop" }), /hop is no message with input = true/);
    const none = await room.predict("boats", { ...options, input: "go" });
    assert.equal(none.view(), null);
  });
});

test("predict: a step is told whether it is one again", async (t) => {
  const seen = [];
  const options = { step: (ship, input, _room, isAgain) => (seen.push(isAgain), step(ship, input)) };
  await play(t, { line: LINES["a mobile line"], options }, ({ me, run, steer }) => {
    steer(9);
    run(2000);
    const first = seen.filter((isAgain) => !isAgain).length;
    assert.equal(first, me.steps);
    assert.ok(seen.length > 2 * first, `${seen.length} steps for ${first} inputs`);
  });
});

test("predict: over JSON inputs carry their number, and the ack takes them off", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://h", now: time.now, json: true, resume: false };
  const joined = join("/g", {}, settings);
  await new Promise((done) => setImmediate(done)); // json.js comes on demand
  while (!net.last()) await new Promise((done) => setImmediate(done));
  const socket = net.last();
  socket.open();
  const say = (record) => socket.say(JSON.stringify(record));
  say({ t: "hello", id: 7, token: "00", epoch: 1, tick: 5, period: 50000, resumed: false, inputs: 0 });
  say({ t: "snapshot", tick: 5, state: { ships: { 7: { x: 0, v: 0 } } } });
  const room = await joined;
  const me = await room.predict("ships", { step, input: "go", read: () => ({ push: 16 }), smooth: ["x"] });
  for (let i = 0; i < 4; i++) {
    me.view();
    time.pass(50);
  }
  const sent = socket.sent.map((text) => JSON.parse(text)).filter((r) => r.t === "send");
  assert.deepEqual(sent.map((r) => [r.name, r.seq, r.data]), [1, 2, 3, 4].map((n) => ["go", n, { push: 16 }]));
  assert.equal(me.pending, 4);
  const { x } = me.row;
  const after = { x: 0, v: 0 };
  for (let i = 0; i < 3; i++) step(after, { push: 16 });
  say({ t: "delta", ack: 3, tick: 6, base: 5, ships: { "~": { 7: after } } });
  assert.equal(me.pending, 1);
  assert.equal(me.row.x, x, "as it was predicted");
  assert.equal(me.corrections, 0);
  room.leave();
});
