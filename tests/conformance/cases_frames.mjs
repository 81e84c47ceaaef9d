// SPDX-License-Identifier: MIT
// Sections 1-5 and 10: sizes, pings, reserved bits, opcodes, fragments (RFC 6455 5).
import { BINARY, frame, PING, PONG, TEXT } from "../e2e/lib/raw.mjs";
import { chop, fragments } from "./client.mjs";

/** @type {object[]} */
export const cases = [];
const add = (id, what, rest) => cases.push({ id, what, ...rest });

const HELLO = "Hello, world!";
const hello = frame(TEXT, HELLO);
const echoed = [TEXT, HELLO];

// 1: payloads of every form of length.
for (const [section, op, byte, name] of [
  [1, TEXT, "*", "text"],
  [2, BINARY, Buffer.from([0xfe]), "binary"],
]) {
  [0, 125, 126, 127, 128, 65535, 65536].forEach((size, i) => {
    const payload = Buffer.alloc(size, byte);
    add(`1.${section}.${i + 1}`, `${name} of ${size} bytes`, {
      send: [frame(op, payload)],
      expect: [[op, payload]],
    });
  });
  const payload = Buffer.alloc(65536, byte);
  add(`1.${section}.8`, `${name} of 65536 bytes in pieces of 997`, {
    send: chop(frame(op, payload), 997),
    expect: [[op, payload]],
  });
}

// 2: pings and pongs.
const binary = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
const longest = Buffer.alloc(125, 0xfe);
add("2.1", "a ping without payload", { send: [frame(PING)], expect: [[PONG, ""]] });
add("2.2", "a ping of text", { send: [frame(PING, HELLO)], expect: [[PONG, HELLO]] });
add("2.3", "a ping of bytes", { send: [frame(PING, binary)], expect: [[PONG, binary]] });
add("2.4", "a ping of 125 bytes", { send: [frame(PING, longest)], expect: [[PONG, longest]] });
add("2.5", "a ping of 126 bytes", { send: [frame(PING, Buffer.alloc(126))], fails: 1002 });
add("2.6", "a ping of 125 bytes, byte by byte", {
  send: chop(frame(PING, longest), 1),
  expect: [[PONG, longest]],
});
add("2.7", "a pong that nobody asked for", { send: [frame(PONG)] });
add("2.8", "the same with a payload", { send: [frame(PONG, "unsolicited")] });
add("2.9", "the same, then a ping", {
  send: [frame(PONG, "unsolicited"), frame(PING, "asked")],
  expect: [[PONG, "asked"]],
});
const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
add("2.10", "ten pings", {
  send: ten.map((p) => frame(PING, p)),
  expect: ten.map((p) => [PONG, p]),
});
add("2.11", "ten pings, byte by byte", {
  send: chop(Buffer.concat(ten.map((p) => frame(PING, p))), 1),
  expect: ten.map((p) => [PONG, p]),
});

// 3: reserved bits. What stands before the bad frame is answered, what follows is not.
add("3.1", "RSV3", { send: [frame(TEXT, HELLO, { rsv: 1 })], fails: 1002 });
const rsv2 = Buffer.concat([hello, frame(TEXT, HELLO, { rsv: 2 }), frame(PING)]);
add("3.2", "text, then RSV2, in one write", { send: [rsv2], expect: [echoed], fails: 1002 });
add("3.3", "text, then RSV2 and RSV3, in writes", {
  send: [hello, frame(TEXT, HELLO, { rsv: 3 }), frame(PING)],
  expect: [echoed],
  fails: 1002,
});
add("3.4", "text, then RSV1, byte by byte", {
  send: chop(Buffer.concat([hello, frame(TEXT, HELLO, { rsv: 4 })]), 1),
  expect: [echoed],
  fails: 1002,
});
add("3.5", "binary with RSV1 and RSV3", { send: [frame(BINARY, binary, { rsv: 5 })], fails: 1002 });
add("3.6", "a ping with RSV1 and RSV2", { send: [frame(PING, HELLO, { rsv: 6 })], fails: 1002 });
add("3.7", "a Close with all three", { send: [frame(8, "", { rsv: 7 })], fails: 1002 });

// 4: opcodes that nobody has given a meaning.
for (const [section, first] of [
  [1, 3],
  [2, 11],
])
  for (let i = 0; i < 5; i++) {
    const bad = frame(first + i, i % 2 ? HELLO : "");
    const send = i < 2 ? [bad] : [hello, bad, frame(PING)];
    add(`4.${section}.${i + 1}`, `opcode ${first + i}`, {
      send: i === 4 ? chop(Buffer.concat([hello, bad]), 1) : send,
      expect: i < 2 ? [] : [echoed],
      fails: 1002,
    });
  }

// 5: fragments.
const [one, two] = ["fragment1", "fragment2"];
const part = (op, text, fin = false) => frame(op, text, { fin });
const both = [part(TEXT, one), part(0, two, true)];
const pair = [TEXT, one + two];
add("5.1", "a ping in two fragments", { send: [part(PING, one), part(0, two, true)], fails: 1002 });
add("5.2", "a pong in two fragments", { send: [part(PONG, one), part(0, two, true)], fails: 1002 });
add("5.3", "text in two fragments, one write", { send: [Buffer.concat(both)], expect: [pair] });
add("5.4", "the same in two writes", { send: both, expect: [pair] });
add("5.5", "the same byte by byte", { send: chop(Buffer.concat(both), 1), expect: [pair] });
const pinged = [both[0], frame(PING, "between"), both[1]];
const answered = [[PONG, "between"], pair];
add("5.6", "a ping between fragments, one write", {
  send: [Buffer.concat(pinged)],
  expect: answered,
});
add("5.7", "the same in three writes", { send: pinged, expect: answered });
add("5.8", "the same byte by byte", { send: chop(Buffer.concat(pinged), 1), expect: answered });
for (const [id, fin] of [
  [9, true],
  [12, false],
]) {
  const stray = [part(0, "nothing to continue", fin), hello];
  const what = `a continuation of nothing, FIN ${fin}`;
  add(`5.${id}`, `${what}, one write`, { send: [Buffer.concat(stray)], fails: 1002 });
  add(`5.${id + 1}`, `${what}, two writes`, { send: stray, fails: 1002 });
  add(`5.${id + 2}`, `${what}, byte by byte`, { send: chop(Buffer.concat(stray), 1), fails: 1002 });
}
add("5.15", "a message in two fragments, then a stray continuation", {
  send: [...both, part(0, "stray"), hello],
  expect: [pair],
  fails: 1002,
});
add("5.16", "stray continuations without FIN, each before a message", {
  send: [part(0, "stray"), hello, part(0, "stray"), hello],
  fails: 1002,
});
add("5.17", "stray continuations with FIN, each before a message", {
  send: [part(0, "stray", true), hello, part(0, "stray", true), hello],
  fails: 1002,
});
add("5.18", "a second start where a continuation is due", {
  send: [part(TEXT, one), part(TEXT, two, true)],
  fails: 1002,
});
const five = Array.from({ length: 5 }, (_, i) => part(i ? 0 : TEXT, `part ${i} `, i === 4));
const mixed = [
  ...five.slice(0, 2),
  frame(PING, "first"),
  ...five.slice(2, 4),
  frame(PING, "second"),
  five[4],
];
const whole = [
  [PONG, "first"],
  [PONG, "second"],
  [TEXT, "part 0 part 1 part 2 part 3 part 4 "],
];
add("5.19", "five fragments and two pings, in writes", { send: mixed, expect: whole });
add("5.20", "the same in one write", { send: [Buffer.concat(mixed)], expect: whole });

// 10: a message that a client's library fragments by itself.
const big = Buffer.alloc(65536, "*");
add("10.1.1", "65536 bytes in frames of 1300", {
  send: [fragments(TEXT, big, 1300)],
  expect: [[TEXT, big]],
});
