// SPDX-License-Identifier: MIT
/*
 * The page's half of games/doc: operations, diffs, undo, and documents that a model of
 * the server brings together. tests/e2e/doc-converge.test.mjs has the real one.
 */
import assert from "node:assert/strict";
import test from "node:test";

import { diff, typed } from "../../../games/doc/web/diff.js";
import { Document } from "../../../games/doc/web/document.js";
import * as ops from "../../../games/doc/web/ops.js";
import { Undo } from "../../../games/doc/web/undo.js";
import { anyOp, anyText, makeDice } from "../../e2e/lib/writers.mjs";

const ROUNDS = 3000;
/** A reader of "well-formed": no half of a surrogate pair. */
const isWhole = (text) => !/\p{Surrogate}/u.test(text);

test("two edits at once: whichever order, one text", () => {
  const dice = makeDice(1);
  for (let i = 0; i < ROUNDS; i++) {
    const text = anyText(dice, 12);
    const [a, b] = [anyOp(dice, text), anyOp(dice, text)];
    const [a2, b2] = ops.cross(a, b);
    const one = ops.apply(ops.apply(text, b), a2);
    assert.equal(ops.apply(ops.apply(text, a), b2), one, JSON.stringify({ text, a, b }));
    assert.ok(isWhole(one));
  }
});

test("a composed edit does what both do, and an inverted one takes it back", () => {
  const dice = makeDice(2);
  for (let i = 0; i < ROUNDS; i++) {
    const text = anyText(dice, 12);
    const a = anyOp(dice, text);
    const middle = ops.apply(text, a);
    const b = anyOp(dice, middle);
    const both = ops.compose(a, b);
    const end = ops.apply(middle, b);
    assert.equal(ops.apply(text, both), end, JSON.stringify({ text, a, b }));
    assert.equal(ops.apply(end, ops.invert(both, text)), text);
  }
});

test("a split edit does the same in pieces, each within its bounds", () => {
  const dice = makeDice(3);
  for (let i = 0; i < ROUNDS; i++) {
    const text = anyText(dice, 20);
    let rest = ops.compose(anyOp(dice, text), []);
    const end = ops.apply(text, rest);
    let now = text;
    while (rest.length > 0) {
      const [head, tail] = ops.split(rest, 2, 3);
      assert.ok(head.length > 0 && head.length <= 2);
      assert.ok(head.reduce((n, s) => n + s.put.length, 0) <= 3);
      now = ops.apply(now, head);
      assert.ok(isWhole(now));
      rest = tail;
    }
    assert.equal(now, end);
  }
});

test("a place in the text stays between its neighbours", () => {
  assert.equal(ops.move(2, [{ keep: 2, cut: 0, put: "ab" }]), 4, "pushed on by what is put there");
  assert.equal(ops.move(2, [{ keep: 3, cut: 0, put: "ab" }]), 2);
  assert.equal(ops.move(5, [{ keep: 2, cut: 4, put: "x" }]), 3, "goes where it was cut");
  assert.equal(ops.move(9, [{ keep: 2, cut: 4, put: "x" }]), 6);
});

test("a diff leads from one text to the other; what was typed stands before the caret", () => {
  const dice = makeDice(4);
  for (let i = 0; i < ROUNDS; i++) {
    const before = anyText(dice, 20);
    const after = dice.below(3) ? ops.apply(before, anyOp(dice, before)) : anyText(dice, 20);
    assert.equal(ops.apply(before, diff(before, after)), after, JSON.stringify([before, after]));
    const caret = dice.below(after.length + 1);
    assert.equal(ops.apply(before, typed(before, after, caret)), after);
  }
  assert.deepEqual(typed("aaa", "aaaa", 2), [{ keep: 1, cut: 0, put: "a" }]);
  assert.deepEqual(typed("a😀b", "a😁b", 3), [{ keep: 1, cut: 2, put: "😁" }]);
  assert.deepEqual(diff("one two three four.", "one 2 three four five."), [
    { keep: 4, cut: 4, put: "2 " },
    { keep: 6, cut: 4, put: "four five" },
  ]);
});

test("undo takes back one's own edits, whatever others do meanwhile", () => {
  const undo = new Undo();
  let text = "";
  const own = (op, ms) => {
    undo.record(op, text, ms);
    text = ops.apply(text, op);
  };
  const other = (op) => {
    text = ops.apply(text, op);
    undo.moved(op);
  };
  const back = (op) => (text = op ? ops.apply(text, op) : text);
  own([{ keep: 0, cut: 0, put: "on" }], 0);
  own([{ keep: 2, cut: 0, put: "e" }], 100); // goes with it
  own([{ keep: 3, cut: 0, put: " two" }], 5000);
  other([{ keep: 0, cut: 0, put: "<" }]);
  other([{ keep: 8, cut: 0, put: ">" }]);
  own([{ keep: 9, cut: 0, put: "x" }], 8000);
  other([{ keep: 10, cut: 0, put: "y" }]); // at the caret, which it pushes on
  own([{ keep: 11, cut: 0, put: "x" }], 8100);
  assert.equal(text, "<one two>xyx");
  assert.equal(back(undo.undo(text)), "<one two>y");
  other([{ keep: 9, cut: 1, put: "" }]);
  assert.equal(back(undo.undo(text)), "<one>");
  other([{ keep: 1, cut: 1, put: "O" }]);
  assert.equal(back(undo.undo(text)), "<O>");
  assert.equal(undo.undo(text), null);
  assert.equal(back(undo.redo(text)), "<One>");
  assert.equal(back(undo.redo(text)), "<One two>");
  assert.equal(back(undo.redo(text)), "<One two>xx");
  assert.equal(undo.redo(text), null);
  other([{ keep: 9, cut: 2, put: "" }]); // nothing is left to take back of that
  own([{ keep: 9, cut: 0, put: "a" }], 9000);
  own([{ keep: 0, cut: 0, put: "b" }], 9100); // elsewhere: a step of its own
  own([{ keep: 10, cut: 1, put: "" }], 9200);
  own([{ keep: 9, cut: 1, put: "" }], 9300); // backspace goes on
  own([{ keep: 0, cut: 1, put: "" }], 9400);
  const steps = [];
  for (let op = undo.undo(text); op && steps.length < 4; op = undo.undo(text)) steps.push(back(op));
  assert.deepEqual(steps, ["b<One two", "b<One two>a", "<One two>a", "<One two>"]);
});

test("undo of all edits comes to the first text, redo of all to the last one", () => {
  const dice = makeDice(5);
  for (let i = 0; i < 300; i++) {
    const undo = new Undo();
    const start = anyText(dice, 10);
    let text = start;
    const n = 1 + dice.below(6);
    for (let j = 0; j < n; j++) {
      const op = anyOp(dice, text);
      if (op.length === 0) continue;
      undo.record(op, text, j * 10000);
      text = ops.apply(text, op);
    }
    const end = text;
    for (let op = undo.undo(text); op; op = undo.undo(text)) text = ops.apply(text, op);
    assert.equal(text, start);
    for (let op = undo.redo(text); op; op = undo.redo(text)) text = ops.apply(text, op);
    assert.equal(text, end);
  }
});

/** The server in a few lines: it takes edits in order and tells them to all. */
function makeServer(text = "", born = 1) {
  const state = { text, rev: 0, born };
  const history = [];
  return {
    state,
    history,
    take({ base, id, op, whole }) {
      if (whole && state.rev > 0) return "old";
      for (const { op: before } of history.slice(base)) op = ops.transform(op, before, false);
      state.text = ops.apply(state.text, op);
      history.push({ rev: ++state.rev, id, op });
      return undefined;
    },
  };
}
const ins = (keep, put) => [{ keep, cut: 0, put }];
const open = (server) => new Document({ ...server.state }, () => {});

test("who has missed edits goes on from the state, with one's own edits in it", () => {
  const server = makeServer("one two three");
  const ann = open(server);
  ann.edit(ins(13, " four"));
  const sent = ann.next();
  ann.edit(ins(0, "> "));
  server.take({ base: 0, id: 7, op: [{ keep: 4, cut: 3, put: "2" }] });
  server.take(sent); // arrives, but the line breaks before ann hears of it
  ann.lose();
  ann.look(server.state, sent.id);
  assert.equal(ann.text, "> one 2 three four");
  assert.equal(ann.sent, null);
  server.take(ann.next());
  ann.take(server.history[2], true);
  assert.deepEqual([ann.text, ann.isShared, ann.repairs], [server.state.text, true, 0]);
});

test("an edit behind a gap waits for the state that has it", () => {
  const server = makeServer("x");
  const ann = open(server);
  const older = { ...server.state };
  server.take({ base: 0, id: 7, op: ins(1, "y") });
  server.take({ base: 1, id: 8, op: ins(2, "z") });
  ann.take(server.history[1], false);
  ann.look(older, 0);
  assert.equal(ann.text, "x");
  ann.look(server.state, 0);
  assert.deepEqual([ann.text, ann.rev], ["xyz", 2]);
  ann.take(server.history[0], false);
  assert.equal(ann.text, "xyz", "old ones count once");
});

test("a text that is not what the edits led to is mended, and it is told", () => {
  const server = makeServer("abc");
  const ann = open(server);
  ann.edit(ins(3, "d"));
  ann.look({ ...server.state, text: "aXc" }, 0);
  assert.deepEqual([ann.text, ann.repairs], ["aXcd", 1]);
});

test("what is refused for good is taken back here; what is too old is sent again", () => {
  const server = makeServer("abc");
  const shown = [];
  const ann = new Document({ ...server.state }, (op) => shown.push(op));
  ann.edit(ins(3, "d"));
  const first = ann.next();
  ann.refuse("old");
  assert.deepEqual(ann.next(), first);
  ann.edit(ins(4, "e"));
  ann.refuse("full");
  assert.deepEqual([ann.text, ann.isShared, shown.length], ["abc", true, 1]);
});

test("after the room has ended who is back first brings the text, others what it lacks", () => {
  const before = makeServer("one two");
  const [ann, bob] = [open(before), open(before)];
  ann.edit(ins(7, " three"));
  bob.edit(ins(0, "zero "));
  const server = makeServer("", 2);
  const empty = { ...server.state };
  ann.look(empty, 0);
  bob.look(empty, 0); // both have seen the empty room
  const [a, b] = [ann.next(), bob.next()];
  assert.ok(a.whole && b.whole);
  server.take(a);
  assert.equal(server.take(b), "old");
  bob.edit(ins(5, "(late) "));
  ann.take(server.history[0], true);
  bob.take(server.history[0], false);
  bob.refuse("old");
  assert.equal(bob.text, "zero (late) one two three");
  server.take(bob.next());
  ann.take(server.history[1], false);
  bob.take(server.history[1], true);
  assert.equal(server.state.text, "zero (late) one two three");
  assert.deepEqual([ann.text, bob.text], [server.state.text, server.state.text]);
  assert.ok(ann.isShared && bob.isShared);
});
