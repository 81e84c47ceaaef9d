// SPDX-License-Identifier: MIT
// @ts-check
/*
 * deck - what a card is called and how it looks. A card is a number from 0 to 51,
 * as in rules.lua: thirteen of each suit, from ace to king.
 */

export const SUITS = ["clubs", "diamonds", "hearts", "spades"];
const RANKS = ["A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K"];
const WORDS = "ace two three four five six seven eight nine ten jack queen king".split(" ");

/** @param {number} card */
export const suitOf = (card) => SUITS[Math.floor(card / 13)];
/** @param {number} card 1 for an ace, 13 for a king */
export const rankOf = (card) => (card % 13) + 1;
/** @param {number} card for example "seven of hearts" */
export const nameOf = (card) => `${WORDS[card % 13]} of ${suitOf(card)}`;
/** @param {string} suit */
export const isRed = (suit) => suit === "hearts" || suit === "diamonds";

/** Whether a card may be laid: what rules.lua says, so that the page can show it.
 * The server asks again. @param {number} card @param {number} top @param {string} suit */
export const fits = (card, top, suit) =>
  rankOf(card) === 8 || suitOf(card) === suit || rankOf(card) === rankOf(top);

/** Order of a hand: suits in turns of black and red, then ranks. @param {number} card */
export const placeOf = (card) => [0, 1, 3, 2][Math.floor(card / 13)] * 13 + (card % 13);

/* Suits around 0, 0, in a square of 20. */
/** @type {Record<string, string>} */
const SHAPES = {
  hearts: "M0 9C-7 3-9.5-1-9.5-4.5A5 5 0 0 1 0-6 5 5 0 0 1 9.5-4.5C9.5-1 7 3 0 9z",
  diamonds: "M0-10 7.5 0 0 10-7.5 0z",
  spades:
    "M0-10C7-4 9.5-1 9.5 2.5A4.6 4.6 0 0 1 1.2 5C1.4 7.5 2 8.6 3.8 9.5H-3.8C-2 8.6-1.4 7.5-1.2 5A4.6 4.6 0 0 1-9.5 2.5C-9.5-1-7-4 0-10z",
  clubs:
    "M0-10A4.5 4.5 0 0 1 3.6-2.6 4.5 4.5 0 1 1 1.2 4.6C1.4 7.3 2 8.6 3.8 9.5H-3.8C-2 8.6-1.4 7.3-1.2 4.6A4.5 4.5 0 1 1-3.6-2.6 4.5 4.5 0 0 1 0-10z",
};

/** @param {string} suit @param {number} x @param {number} y @param {number} size */
const pip = (suit, x, y, size, turned = false) =>
  `<path d="${SHAPES[suit]}" transform="translate(${x} ${y}) scale(${(turned ? -size : size) / 20})"/>`;

/* Where the pips of a number stand: columns at 30, 50, 70 of 100, rows of 140. */
const [L, M, R] = [34, 50, 66];
/** @type {Record<number, number[][]>} */
// prettier-ignore
const PIPS = {
  2: [[M, 34], [M, 106]],
  3: [[M, 34], [M, 70], [M, 106]],
  4: [[L, 34], [R, 34], [L, 106], [R, 106]],
  5: [[L, 34], [R, 34], [M, 70], [L, 106], [R, 106]],
  6: [[L, 34], [R, 34], [L, 70], [R, 70], [L, 106], [R, 106]],
  7: [[L, 34], [R, 34], [M, 52], [L, 70], [R, 70], [L, 106], [R, 106]],
  8: [[L, 34], [R, 34], [M, 52], [L, 70], [R, 70], [M, 88], [L, 106], [R, 106]],
  9: [[L, 31], [R, 31], [L, 57], [R, 57], [M, 70], [L, 83], [R, 83], [L, 109], [R, 109]],
  10: [[L, 31], [R, 31], [M, 44], [L, 57], [R, 57], [L, 83], [R, 83], [M, 96], [L, 109], [R, 109]],
};

/** Jack, queen and king: the same half twice. @param {number} rank @param {string} suit */
function court(rank, suit) {
  const hat = {
    11: "M34 42q1-15 17-14 15 1 15 13l-16 4z M60 31q9-9 12-2-5 1-8 7z",
    12: "M34 44l-3-16 10 7 9-11 9 11 10-7-3 16z",
    13: "M34 44V28l8 7 4-10h8l4 10 8-7v16z M48.5 25h3v-7h-3z M46 20.5h8v3h-8z",
  }[rank];
  const half = `<path d="M38 43h24v9q0 11-12 11T38 52z" fill="#f3d9bd"/>
    <path d="M25 70q2-12 15-11l10 6 10-6q13-1 15 11z" fill="currentColor"/>
    <path d="M40 59l10 11 10-11-10 5z" fill="var(--brass-card)"/>
    <path d="${hat}" fill="var(--brass-card)"/>
    <path d="M44.5 49.5h2.5M53 49.5h2.5M47 57h6" stroke="#5b3a1e" stroke-width="1.6"
      stroke-linecap="round"/>`;
  return `<rect x="22" y="15" width="56" height="110" rx="5" fill="var(--court)"
      stroke="currentColor" stroke-width="1.2"/>
    ${half}<g transform="rotate(180 50 70)">${half}</g>
    <path d="M22 70h56" stroke="var(--court)" stroke-width="2"/>
    ${pip(suit, 30, 25, 12)}${pip(suit, 70, 115, 12, true)}`;
}

/** @param {number} card */
function face(card) {
  const [suit, rank] = [suitOf(card), rankOf(card)];
  const corner = `<text x="12" y="21" font-size="20" text-anchor="middle"
      ${rank === 10 ? 'textLength="19" lengthAdjust="spacingAndGlyphs"' : ""}>${RANKS[rank - 1]}</text>
    ${pip(suit, 12, 32, 13)}`;
  let middle = "";
  if (rank === 1) middle = pip(suit, 50, 70, 46);
  else if (rank > 10) middle = court(rank, suit);
  else for (const [x, y] of PIPS[rank]) middle += pip(suit, x, y, rank > 8 ? 15.5 : 17, y > 72);
  const wild = `<rect x="1.5" y="1.5" width="97" height="137" rx="7" fill="none"
    stroke="var(--brass-card)" stroke-width="3"/>`;
  return `${rank === 8 ? wild : ""}${middle}${corner}<g transform="rotate(180 50 70)">${corner}</g>`;
}

const BACK = `<rect x="7" y="7" width="86" height="126" rx="6" fill="none"
    stroke="var(--back-line)" stroke-width="2"/>
  <svg x="12" y="12" width="76" height="116" viewBox="12 12 76 116">
    <path d="${Array.from(
      { length: 16 },
      (_, i) => `M12 ${12 * i - 66}l76 76M88 ${12 * i - 66}l-76 76`,
    ).join("")}" stroke="var(--back-line)" stroke-width="1.4" opacity=".6"/></svg>
  <circle cx="50" cy="70" r="17" fill="var(--back)" stroke="var(--back-line)" stroke-width="2"/>
  <text x="50" y="78.5" font-size="24" text-anchor="middle" fill="var(--back-line)">8</text>`;

/** A picture of a card; null: its back. @param {number | null} card */
export function drawCard(card) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 140");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("card", card === null ? "back" : isRed(suitOf(card)) ? "red" : "black");
  svg.innerHTML = card === null ? BACK : face(card);
  return svg;
}

/** @param {string} suit */
export function drawSuit(suit) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-11 -11 22 22");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("suit", isRed(suit) ? "red" : "black");
  svg.innerHTML = `<path d="${SHAPES[suit]}"/>`;
  return svg;
}
