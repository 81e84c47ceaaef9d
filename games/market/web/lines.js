// SPDX-License-Identifier: MIT
// @ts-check
/*
 * lines - money in words, and prices as a line on a canvas.
 */

/** Cents as money: "1,234.50". @param {number} cents */
export const money = (cents) =>
  (cents / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A share as a change: "+1.25 %". @param {number} share 0.0125 */
export const percent = (share) =>
  `${share <= -0.00005 ? "−" : "+"}${Math.abs(share * 100).toFixed(2)} %`;

/** The prices of a sparkline, in cents: two bytes each, a share of the opening price
 * (listing.lua). @param {Uint8Array} trail @param {number} open */
export function pricesOf(trail, open) {
  const prices = [];
  for (let i = 0; i + 1 < trail.length; i += 2)
    prices.push(((trail[i] + 256 * trail[i + 1]) / 20000) * open);
  return prices;
}

/** A colour of the style sheet. @param {string} name */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Brings a canvas to the pixels of its box, cleared. @param {HTMLCanvasElement} canvas */
export function begin(canvas) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

/**
 * Prices as a line, the last one as a dot, the opening as a thin rule where it is in sight.
 * @param {HTMLCanvasElement} canvas @param {number[]} prices @param {number} open
 * @param {boolean} isLarge with a scale at the side
 */
export function drawLine(canvas, prices, open, isLarge) {
  const { g, width, height } = begin(canvas);
  if (prices.length < 2 || width === 0) return;
  let low = Math.min(...prices);
  let high = Math.max(...prices);
  const room = Math.max((high - low) * 0.06, high * 0.0004);
  low -= room;
  high += room;
  const right = isLarge ? width - 56 : width - 4;
  const x = (/** @type {number} */ i) => (i / (prices.length - 1)) * (right - 3) + 1;
  const y = (/** @type {number} */ p) => 3 + (1 - (p - low) / (high - low)) * (height - 6);
  const last = prices[prices.length - 1];
  const ink = colour(last >= open ? "--up" : "--down");

  if (isLarge) {
    g.font = "12px system-ui, sans-serif";
    g.textBaseline = "middle";
    g.fillStyle = colour("--dim");
    g.strokeStyle = colour("--line");
    for (const share of [0.1, 0.5, 0.9]) {
      const at = Math.round(height * share) + 0.5;
      g.beginPath();
      g.moveTo(0, at);
      g.lineTo(right, at);
      g.stroke();
      g.fillText(money(low + (1 - (at - 3) / (height - 6)) * (high - low)), right + 6, at);
    }
  }
  if (open > low && open < high) {
    g.globalAlpha = 0.55;
    g.strokeStyle = colour("--dim");
    g.setLineDash([2, 3]);
    g.beginPath();
    g.moveTo(0, y(open));
    g.lineTo(right, y(open));
    g.stroke();
    g.setLineDash([]);
    g.globalAlpha = 1;
  }
  g.beginPath();
  prices.forEach((p, i) => (i ? g.lineTo(x(i), y(p)) : g.moveTo(x(i), y(p))));
  g.strokeStyle = ink;
  g.lineWidth = isLarge ? 2 : 1.5;
  g.lineJoin = "round";
  g.stroke();
  if (isLarge) {
    g.lineTo(x(prices.length - 1), height);
    g.lineTo(x(0), height);
    g.globalAlpha = 0.1;
    g.fillStyle = ink;
    g.fill();
    g.globalAlpha = 1;
  }
  g.beginPath();
  g.arc(x(prices.length - 1), y(last), isLarge ? 3.5 : 2.2, 0, 7);
  g.fillStyle = ink;
  g.fill();
}
