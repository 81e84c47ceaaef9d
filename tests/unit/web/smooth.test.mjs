// SPDX-License-Identifier: MIT
/* Fields marked smooth, seen through room.view(). */
import assert from "node:assert/strict";
import test from "node:test";

import { Timeline } from "../../../scripts/web/smooth.js";
import { Records, liveRoom } from "./fake.mjs";

const PERIOD = 50;
const near = (a, b, by = 1e-9) => assert.ok(Math.abs(a - b) <= by, `${a} is not near ${b}`);

/** x of the frog 7 as it is drawn now. */
const drawn = (room) => new Map(room.view("frogs")).get(7).pos.x;

test("view: between two samples, straight and without a jump", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  assert.equal(drawn(room), 1);
  const seen = [];
  // One quantum pace: a whole unit (64 quanta) each tick, exactly on time.
  for (let tick = 6; tick < 16; tick++) {
    socket.say(new Records().move(tick, tick - 1, 0, 64));
    assert.equal(room.state.frogs.get(7).pos.x, tick - 4, "the state itself does not wait");
    for (let i = 0; i < 5; i++) {
      seen.push(drawn(room));
      time.pass(PERIOD / 5);
    }
  }
  seen.forEach((x, i) => near(x, 1 + i / 5));
  time.pass(PERIOD);
  assert.equal(drawn(room), 11, "arrives and stays");
});

test("view: late samples slow it down until the delay has grown, and never back", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  let last = drawn(room);
  let stands = 0;
  const look = (ms, tick) => {
    for (; ms > 0; ms -= 5) {
      time.pass(5);
      const x = drawn(room);
      assert.ok(x >= last && x - last < 0.06, `from ${last} to ${x} in tick ${tick}`);
      if (tick > 30 && x === last) stands++;
      last = x;
    }
  };
  for (let tick = 6; tick < 60; tick++) {
    const late = tick % 3 === 0 ? 30 : 0; // every third comes 30 ms late
    look(late, tick);
    socket.say(new Records().move(tick, tick - 1, 0, 16));
    look(PERIOD - late, tick);
  }
  assert.ok(stands < 10, `stands still for ${stands * 5} ms of 1500`);
});

test("view: passes through every sample, however they come", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const start = time.now();
  const places = [1]; // of the frog by tick, from tick 5 on: to and fro
  const shown = [];
  const look = (ms) => {
    for (; ms > 0; ms--) {
      time.pass(1);
      shown.push(drawn(room));
    }
  };
  drawn(room);
  for (let tick = 6; tick < 120; tick++) {
    const late = (tick * 7919) % 45; // 0 to 44 ms late, in no order
    const at = start + (tick - 5) * PERIOD + late;
    look(Math.max(0, at - time.now()));
    const by = tick % 2 ? -64 : 96;
    places.push(places[places.length - 1] + by / 64);
    socket.say(new Records().move(tick, tick - 1, 0, by));
  }
  look(400);
  // After the first second the delay is what it has to be: the turns are all reached.
  const turns = shown.filter((x, i) => i && i < shown.length - 1 && (x - shown[i - 1]) * (shown[i + 1] - x) < 0);
  const wanted = places.slice(30, -1);
  for (const x of wanted) assert.ok(turns.some((y) => Math.abs(x - y) < 0.06), `reaches ${x}`);
  const wait = shown.length - shown.findIndex((x) => x === places[places.length - 1]);
  assert.ok(wait >= 400 - PERIOD - 60, `the last is shown ${400 - wait} ms after it came`);
});

test("view: an angle takes the short way round", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const turn = (tick, by) =>
    socket.say(
      new Records()
        .delta(tick, tick - 1)
        .uv(2)
        .u8(16)
        .uv(1)
        .uv(0)
        .u8(4)
        .sv(by)
        .u8(0),
    );
  drawn(room);
  turn(6, -1024); // 0 to -5.6 degrees, that is 354.4
  time.pass(PERIOD / 2);
  const [[, frog]] = room.view("frogs");
  near(frog.turn, (-512 * 2 * Math.PI) / 65536 + 2 * Math.PI, 1e-6);
  time.pass(PERIOD / 2);
  turn(7, 2048); // back over 0 to +5.6
  time.pass(PERIOD / 2);
  near(Math.sin([...room.view("frogs")][0][1].turn), 0, 1e-6);
  time.pass(2 * PERIOD);
  near([...room.view("frogs")][0][1].turn, (1024 * 2 * Math.PI) / 65536, 1e-12);
});

test("view: rows and pairs are used again; loops may nest; other fields are as now", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const first = [...room.view("frogs")];
  assert.deepEqual(
    first.map(([id]) => id),
    [7, 9],
  );
  socket.say(new Records().delta(6, 5).uv(2).u8(8).uv(1).uv(0).u8(1).str("cy").u8(0));
  const second = [...room.view("frogs")];
  assert.equal(second[0], first[0]);
  assert.equal(second[0][1], first[0][1]);
  assert.equal(second[0][1].name, "cy");
  assert.notEqual(second[0][1], room.state.frogs.get(7), "the state is not bent");
  let pairs = 0;
  for (const [a] of room.view("frogs")) for (const [b] of room.view("frogs")) if (a < b) pairs++;
  assert.equal(pairs, 1);
  socket.say(new Records().delta(7, 6).uv(2).u8(2).uv(1).uv(0).u8(0));
  assert.deepEqual(
    [...room.view("frogs")].map(([id]) => id),
    [9],
  );
  time.pass(10);
  assert.throws(() => room.view("toads"), /the state has no map toads/);
  assert.equal(room.view().phase, "lobby");
});

test("timeline: due one period and the jitter after the usual arrival", () => {
  const steady = new Timeline(PERIOD);
  for (let tick = 100; tick < 200; tick++)
    near(steady.arrive(tick, 7 + tick * PERIOD), 7 + (tick + 1) * PERIOD);

  const shaky = new Timeline(PERIOD);
  let due = 0;
  for (let tick = 0; tick < 400; tick++)
    due = shaky.arrive(tick, 7 + tick * PERIOD + (tick % 2) * 20);
  const allowance = due - (7 + 400 * PERIOD);
  assert.ok(allowance > 5 && allowance < 45, `allows ${allowance} ms for 20 ms of jitter`);

  const drifting = new Timeline(PERIOD); // the server's clock runs 0.1 % slow
  for (let tick = 0; tick < 2000; tick++) due = drifting.arrive(tick, tick * PERIOD * 1.001);
  near(due, 2000 * PERIOD * 1.001, 15);

  assert.equal(new Timeline(0).arrive(3, 1000), 1050, "without ticks: a moment after it came");
});

test("view: goes on through a snapshot, other fields with it", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  drawn(room);
  socket.say(new Records().move(6, 5, 0, 64));
  time.pass(PERIOD / 2);
  near(drawn(room), 1.5);
  socket.say(new Records().snapshot(6, [[0, 7, "amy", 128]]));
  near(drawn(room), 1.5);
  time.pass(PERIOD);
  assert.equal(drawn(room), 2);
  const [[, view]] = room.view("frogs");
  assert.equal(view.name, "amy");
  socket.say(new Records().delta(7, 6).uv(2).u8(8).uv(1).uv(0).u8(1).str("eve").u8(0));
  assert.equal([...room.view("frogs")][0][1], view, "the same object as before");
  assert.equal(view.name, "eve");
});
