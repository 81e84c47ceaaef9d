// SPDX-License-Identifier: MIT
// @ts-check
/*
 * board - matches and their moments in words and small pictures, for the page and for
 * the box on other sites. Nothing here knows where it is drawn.
 */

/**
 * @typedef {{
 *   home: string, away: string, home_goals: number, away_goals: number,
 *   minute: number, phase: string, fed: boolean,
 * }} Match
 * @typedef {{
 *   match: string, n: number, minute: number, kind: string, side: string, who: string,
 *   home_goals: number, away_goals: number,
 * }} Moment
 */

/** @type {Record<string, string>} */
const WORDS = {
  goal: "Goal",
  yellow: "Yellow card",
  red: "Red card",
  sub: "Substitution",
  chance: "Chance",
  half: "Half-time",
  over: "Full time",
  kickoff: "Kick-off",
  note: "",
};

/** @param {string} fill @param {string} edge */
const card = (fill, edge) =>
  `<rect x="4" y="2" width="8" height="12" rx="1.5" fill="${fill}" stroke="${edge}" stroke-width=".8"/>`;

/** Drawn in a square of 16. @type {Record<string, string>} */
const SIGNS = {
  goal: `<circle cx="8" cy="8" r="6.6" fill="none" stroke="currentColor" stroke-width="1.5"/>
    <path d="m8 4.8 3 2.2-1.1 3.5H6.1L5 7z" fill="currentColor"/>
    <path d="M8 4.8V1.6M11 7l3-1M9.9 10.5l1.9 2.6M6.1 10.5l-1.9 2.6M5 7 2 6"
      stroke="currentColor" stroke-width="1.2"/>`,
  yellow: card("#e9b708", "#8f6d00"),
  red: card("#d43a2f", "#8c1d16"),
  sub: `<path d="M3 6h9.5M9.5 2.8 12.7 6 9.5 9.2" fill="none" stroke="#1f9d63" stroke-width="1.8"/>
    <path d="M13 11.5H4M6.5 8.8 3.6 11.5l2.9 2.8" fill="none" stroke="#d9584c" stroke-width="1.8"/>`,
  chance: `<circle cx="8" cy="8" r="4.6" fill="none" stroke="currentColor" stroke-width="1.5"
    stroke-dasharray="2.2 2"/>`,
};

/** A sign before the words of a moment; empty where there is none. @param {string} kind */
export function sign(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = SIGNS[kind] ?? "";
  return svg;
}

/** What a moment is called: "Goal", "Second half". @param {Moment} moment */
export const wordOf = ({ kind, minute }) =>
  kind === "kickoff" && minute > 45 ? "Second half" : WORDS[kind];

/** In one line: "34′ Goal – K. Sato". @param {Moment} moment */
export function lineOf(moment) {
  const what = [wordOf(moment), moment.who].filter(Boolean).join(" – ");
  return moment.minute > 0 ? `${moment.minute}′ ${what}` : what;
}

/** "34′", "Half-time". @param {Match} match */
export const clockOf = ({ phase, minute }) =>
  phase === "half" ? "Half-time" : phase === "over" ? "Full time" : `${minute}′`;

/** @param {Match} match */
export const isLive = ({ phase }) => phase === "first" || phase === "second";

/** For ears: "Aldermoor 1, Brightwater 0, minute 34". @param {Match} match */
export const aloud = (match) =>
  `${match.home} ${match.home_goals}, ${match.away} ${match.away_goals}, ` +
  (isLive(match) ? `minute ${match.minute}` : clockOf(match));

/** Matches in the order in which they are shown: those of a feed, then as they began.
 * That does not change while they are played, so nothing jumps.
 * @param {Iterable<[string, Match]>} matches */
export const inOrder = (matches) =>
  [...matches].sort(([, a], [, b]) => Number(b.fed) - Number(a.fed));

/** The moments of each match, the newest last.
 * @param {Iterable<Moment>} moments @returns {Map<string, Moment[]>} */
export function timelines(moments) {
  const all = new Map();
  for (const moment of moments) {
    const list = all.get(moment.match);
    if (list) list.push(moment);
    else all.set(moment.match, [moment]);
  }
  for (const list of all.values())
    list.sort((/** @type {Moment} */ a, /** @type {Moment} */ b) => a.n - b.n);
  return all;
}

/** A colour for a club, the same everywhere. @param {string} name */
export function hueOf(name) {
  let hash = 7;
  for (const c of name) hash = (hash * 31 + (c.codePointAt(0) ?? 0)) % 9973;
  return (hash * 137) % 360;
}

/** Sets a text only where it is another one, so that nothing is selected anew or read
 * out again. @param {Element} element @param {string} text */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
