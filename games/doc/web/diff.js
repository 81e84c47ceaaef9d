// SPDX-License-Identifier: MIT
// @ts-check
/*
 * diff - the operation that leads from one text to another.
 *
 * `typed` is for what somebody has just done in a text field: one place. `diff` is for
 * two texts that were apart for a while: it compares them word by word.
 */

import { isPair } from "./ops.js";

/** @typedef {import("./ops.js").Op} Op */

const MOST_CELLS = 4e6; // of the table that compares words; beyond it, one splice

/**
 * One splice, or none. Of "aa" to "aaa" nobody can see which a is the new one: it is
 * the one before the caret.
 * @param {string} before @param {string} after @param {number} [caret] in `after`
 * @returns {Op}
 */
export function typed(before, after, caret = after.length) {
  const most = Math.min(before.length, after.length - Math.min(caret, after.length));
  let end = 0;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++;
  const least = Math.min(before.length, after.length) - end;
  let start = 0;
  while (start < least && before[start] === after[start]) start++;
  // The caret may be elsewhere: then what is behind it may be longer.
  while (
    end < Math.min(before.length, after.length) - start &&
    before.at(-1 - end) === after.at(-1 - end)
  )
    end++;
  if (start > 0 && (isPair(before, start) || isPair(after, start))) start--;
  if (end > 0 && (isPair(before, before.length - end) || isPair(after, after.length - end))) end--;
  const cut = before.length - end - start;
  const put = after.slice(start, after.length - end);
  return cut > 0 || put ? [{ keep: start, cut, put }] : [];
}

/** Words with the blanks behind them, single signs, line ends. @param {string} text */
const words = (text) => text.match(/[\p{L}\p{N}_]+[^\S\n]*|[^\S\n]+|./gsu) ?? [];

/** @param {string} before @param {string} after @returns {Op} */
export function diff(before, after) {
  const [all, others] = [words(before), words(after)];
  const most = Math.min(all.length, others.length);
  let start = 0;
  while (start < most && all[start] === others[start]) start++;
  let end = 0;
  while (end < most - start && all.at(-1 - end) === others.at(-1 - end)) end++;
  const a = all.slice(start, all.length - end);
  const b = others.slice(start, others.length - end);
  const keep = all.slice(0, start).join("").length;
  const width = b.length + 1;
  if (a.length * width > MOST_CELLS)
    return [{ keep, cut: a.join("").length, put: b.join("") }];
  // How many words the rests of both have in common, from the end on.
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
  /** @type {Op} */
  const op = [];
  let next = { keep, cut: 0, put: "" };
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      if (next.cut > 0 || next.put) {
        op.push(next);
        next = { keep: 0, cut: 0, put: "" };
      }
      next.keep += a[i++].length;
      j++;
    } else if (
      j === b.length ||
      (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])
    )
      next.cut += a[i++].length;
    else next.put += b[j++];
  }
  if (next.cut > 0 || next.put) op.push(next);
  return op;
}
