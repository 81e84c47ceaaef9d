// SPDX-License-Identifier: MIT
// Section 7: how a connection ends (RFC 6455 5.5.1, 7).
import { CLOSE, closeFrame, frame, PING, TEXT } from "../e2e/lib/raw.mjs";

/** @type {object[]} */
export const cases = [];
const add = (id, what, rest) => cases.push({ id, what, ...rest });

const HELLO = "Hello, world!";
const hello = frame(TEXT, HELLO);
const big = Buffer.alloc(256 << 10, "*");

// 7.1: what may come after a Close is ignored.
add("7.1.1", "a message, then a Close", {
  send: [hello, closeFrame(1000)],
  expect: [[TEXT, HELLO]],
  closes: 1000,
});
add("7.1.2", "two Closes", {
  send: [Buffer.concat([closeFrame(1000), closeFrame(1001)])],
  closes: 1000,
});
add("7.1.3", "a ping after the Close", {
  send: [Buffer.concat([closeFrame(1000), frame(PING)])],
  closes: 1000,
});
add("7.1.4", "text after the Close", {
  send: [Buffer.concat([closeFrame(1000), hello])],
  closes: 1000,
});
add("7.1.5", "a Close inside a message, the rest after it", {
  send: [
    Buffer.concat([
      frame(TEXT, "fragment1", { fin: false }),
      closeFrame(1000),
      frame(0, "fragment2"),
    ]),
  ],
  closes: 1000,
});
add("7.1.6", "256 KiB, text, Close, ping in one write", {
  send: [Buffer.concat([frame(TEXT, big), hello, closeFrame(1000), frame(PING)])],
  expect: [
    [TEXT, big],
    [TEXT, HELLO],
  ],
  closes: 1000,
});
add("7.1.7", "garbage after the Close", {
  send: [Buffer.concat([closeFrame(1000), Buffer.alloc(100, 0xff)])],
  closes: 1000,
});

// 7.3: payloads of a Close.
add("7.3.1", "none", { send: [frame(CLOSE)], closes: null });
add("7.3.2", "one byte", { send: [frame(CLOSE, "a")], fails: 1002 });
add("7.3.3", "a code alone", { send: [closeFrame(1000)], closes: 1000 });
add("7.3.4", "a code and a reason", { send: [closeFrame(1000, "bye")], closes: 1000 });
add("7.3.5", "a reason of 123 bytes", { send: [closeFrame(1000, "*".repeat(123))], closes: 1000 });
add("7.3.6", "a reason of 124 bytes", { send: [closeFrame(1000, "*".repeat(124))], fails: 1002 });

add("7.5.1", "a reason that is not UTF-8", {
  send: [closeFrame(1000, Buffer.concat([Buffer.from("κόσμε"), Buffer.from("eda080", "hex")]))],
  fails: 1007,
});

// 7.7, 7.9: codes that may be sent, and those that may not.
const good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
good.push(1012, 1013, 1014);
good.forEach((code, i) =>
  add(`7.7.${i + 1}`, `code ${code}`, { send: [closeFrame(code)], closes: code }),
);
const bad = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 1015, 5000, 65535];
bad.forEach((code, i) =>
  add(`7.9.${i + 1}`, `code ${code}`, { send: [closeFrame(code)], fails: 1002 }),
);
good.slice(0, 3).forEach((code, i) =>
  add(`7.13.${i + 1}`, `code ${code}, byte by byte, with a reason`, {
    send: [...closeFrame(code, "going")].map((byte) => Buffer.from([byte])),
    closes: code,
  }),
);
