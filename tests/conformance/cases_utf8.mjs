// SPDX-License-Identifier: MIT
// Section 6: text is UTF-8, all of it, and what is not fails at the first byte at which
// no text can go on (RFC 6455 8.1, RFC 3629, Unicode 3.9 table 3-7).
import { BINARY, frame, TEXT } from "../e2e/lib/raw.mjs";
import { chop } from "./client.mjs";

/** @type {object[]} */
export const cases = [];
const add = (id, what, rest) => cases.push({ id, what, ...rest });
const bytes = (hex) => Buffer.from(hex.replaceAll(" ", ""), "hex");

// 6.1: messages of nothing.
const open = (op, text) => frame(op, text, { fin: false });
add("6.1.1", "an empty text", { send: [frame(TEXT)], expect: [[TEXT, ""]] });
add("6.1.2", "three empty fragments", {
  send: [open(TEXT, ""), open(0, ""), frame(0)],
  expect: [[TEXT, ""]],
});
add("6.1.3", "three fragments, the one in the middle not empty", {
  send: [open(TEXT, ""), open(0, "middle"), frame(0)],
  expect: [[TEXT, "middle"]],
});

// 6.2: one valid text, cut in every way.
const hello = Buffer.from("Hello-µ@ßöäüàá-UTF-8!!");
const middle = hello.indexOf(Buffer.from("ö")) + 1; // inside a character
add("6.2.1", "valid text in one frame", { send: [frame(TEXT, hello)], expect: [[TEXT, hello]] });
add("6.2.2", "in two fragments, cut inside a character", {
  send: [open(TEXT, hello.subarray(0, middle)), frame(0, hello.subarray(middle))],
  expect: [[TEXT, hello]],
});
const perByte = (text) =>
  [...text].map((byte, i) =>
    frame(i ? 0 : TEXT, Buffer.from([byte]), { fin: i === text.length - 1 }),
  );
add("6.2.3", "in fragments of one byte", { send: perByte(hello), expect: [[TEXT, hello]] });
const greek = Buffer.from("κόσμε");
add("6.2.4", "Greek in fragments of one byte", { send: perByte(greek), expect: [[TEXT, greek]] });
const bad = Buffer.concat([greek, bytes("ed a0 80"), Buffer.from("edited")]);
add("6.3.1", "invalid text in one frame", { send: [frame(TEXT, bad)], fails: 1007 });
add("6.3.2", "invalid text in fragments of one byte", { send: perByte(bad), fails: 1007 });

// 6.4: the failure comes before the rest of the message, which is never sent.
const start = Buffer.concat([greek, bytes("f4")]);
const never = Buffer.concat([greek, bytes("f4 90"), Buffer.from("80edited")]);
add("6.4.1", "a bad fragment, the last one held back", {
  send: [open(TEXT, greek), open(0, bytes("f4 90 80 80"))],
  fails: 1007,
});
add("6.4.2", "the same with the fragment cut at the first impossible byte", {
  send: [open(TEXT, start), open(0, bytes("90"))],
  fails: 1007,
});
const head = frame(TEXT, never);
add("6.4.3", "a bad byte inside a frame, the rest of it held back", {
  send: chop(head.subarray(0, 6 + start.length + 2), 8),
  fails: 1007,
});
add("6.4.4", "the same with the frame cut behind the first impossible byte", {
  send: chop(head.subarray(0, 6 + start.length + 1), 1),
  fails: 1007,
});

// 6.5: one character after the other, behind a valid text, before FIN.
const impossible = ["ed a0", "f0 80", "e0 80", "c0", "ff"];
impossible.forEach((hex, i) =>
  add(`6.5.${i + 1}`, `${hex} behind valid text, without FIN`, {
    send: [open(TEXT, Buffer.concat([greek, bytes(hex)]))],
    fails: 1007,
  }),
);

// 6.6: every beginning of a valid text; one that ends inside a character is none.
const isBoundary = (text, n) => n === text.length || (text[n] & 0xc0) !== 0x80;
for (let n = 1; n <= greek.length; n++)
  add(`6.6.${n}`, `the first ${n} bytes of Greek`, {
    send: [frame(TEXT, greek.subarray(0, n))],
    ...(isBoundary(greek, n) ? { expect: [[TEXT, greek.subarray(0, n)]] } : { fails: 1007 }),
  });

/** Sections of single payloads that are text, or are not. */
function rows(section, what, list, isText) {
  list.forEach((hex, i) => {
    const payload = bytes(hex);
    add(`6.${section}.${i + 1}`, `${what}: ${hex.slice(0, 40)}`, {
      send: [frame(TEXT, payload)],
      ...(isText ? { expect: [[TEXT, payload]] } : { fails: 1007 }),
    });
  });
}
const times = (n, hex, between = " ") => Array(n).fill(hex).join(between);
const range = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16));

rows(7, "the first of each length", ["00", "c2 80", "e0 a0 80", "f0 90 80 80"], true);
rows(8, "lengths 5 and 6", ["f8 88 80 80 80", "fc 84 80 80 80 80"], false);
rows(9, "the last of each length", ["7f", "df bf", "ef bf bf", "f4 8f bf bf"], true);
rows(10, "the last past U+10FFFF", ["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"], false);
rows(11, "at the edges of ranges", ["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf"], true);
rows(12, "behind the last", ["f4 90 80 80", "f5 80 80 80"], false);
rows(
  13,
  "continuations alone",
  [
    ...["80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf", "80 bf 80 bf 80"],
    ...["80 bf 80 bf 80 bf", range(0x80, 0xbf).join(" ")],
  ],
  false,
);
rows(
  14,
  "starts alone",
  [
    ...[range(0xc0, 0xdf), range(0xe0, 0xef), range(0xf0, 0xf7), range(0xf8, 0xfb)].map((list) =>
      list.join(" 20 "),
    ),
    "fc 20 fd 20",
  ],
  false,
);
const cutOff = ["c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80"];
const cutOffHigh = ["df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"];
rows(15, "without the last continuation", [...cutOff, ...cutOffHigh], false);
rows(16, "all of those in a row", [[...cutOff, ...cutOffHigh].join(" ")], false);
rows(17, "bytes that are in no text", ["fe", "ff", "fe fe ff ff"], false);
const overlong = (last) => [
  `c0 ${last}`,
  `e0 80 ${last}`,
  `f0 80 80 ${last}`,
  `f8 80 80 80 ${last}`,
  `fc 80 80 80 80 ${last}`,
];
rows(18, "an overlong slash", overlong("af"), false);
rows(
  19,
  "the last of each overlong form",
  ["c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"],
  false,
);
rows(20, "an overlong NUL", overlong("80"), false);
const surrogates = [
  "ed a0 80",
  "ed ad bf",
  "ed ae 80",
  "ed af bf",
  "ed b0 80",
  "ed be 80",
  "ed bf bf",
];
rows(21, "a surrogate", surrogates, false);
rows(
  22,
  "a pair of surrogates",
  ["ed a0 80 ed b0 80", "ed a0 80 ed bf bf", "ed ad bf ed b0 80", "ed ad bf ed bf bf"]
    .concat(["ed ae 80 ed b0 80", "ed ae 80 ed bf bf"])
    .concat(["ed af bf ed b0 80", "ed af bf ed bf bf"]),
  false,
);
// Code points that are no characters are text all the same.
const noncharacters = ["ef b7 90", "ef b7 af", "ef bf be", "ef bf bf"];
for (let plane = 1; plane <= 16; plane++)
  for (const low of [0xfffe, 0xffff])
    noncharacters.push(Buffer.from(String.fromCodePoint((plane << 16) | low)).toString("hex"));
rows(23, "a code point that is no character", noncharacters, true);
rows(24, "marks and replacements", ["ef bf bd", "ef bb bf", `ef bb bf ${times(20, "61")}`], true);

// 6.25: what is no text is fine as bytes.
[...surrogates.slice(0, 2), "ff", "c0 af"].forEach((hex, i) =>
  add(`6.25.${i + 1}`, `${hex} as a binary message`, {
    send: [frame(BINARY, bytes(hex))],
    expect: [[BINARY, bytes(hex)]],
  }),
);
