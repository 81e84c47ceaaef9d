// SPDX-License-Identifier: MIT
// @ts-check
/*
 * heat - all five hundred on one canvas: as large as they are, as warm as they have
 * risen since the opening. What they are comes once, how warm they are as one byte
 * each, a second apart.
 */

import { begin, colour } from "./lines.js";

/**
 * @typedef {{n: number, name: string, sector: string, weight: number, open: number}} Company
 * @typedef {{symbol: string, company: Company, x: number, y: number, w: number, h: number}} Tile
 * @typedef {{x: number, y: number, w: number, h: number}} Box
 */

const FULL = 40; // tenths of a percent at which a colour is as strong as it gets
const HEAD = 17; // pixels for the name of a sector

/**
 * Cuts a box into pieces as large as asked, each as square as can be: rows along the
 * shorter side, as long as another piece makes them better (Bruls, Huizing, van Wijk).
 * @template T @param {T[]} items largest first @param {(item: T) => number} size
 * @param {Box} box @param {(item: T, box: Box) => void} place
 */
function cut(items, size, box, place) {
  let { x, y, w, h } = box;
  let left = items.reduce((sum, item) => sum + size(item), 0);
  for (let i = 0; i < items.length; ) {
    const area = (w * h) / left;
    const short = Math.min(w, h);
    let sum = 0;
    let worst = Infinity;
    let end = i;
    for (; end < items.length; end++) {
      const more = sum + size(items[end]) * area;
      const thick = more / short;
      const ratios = [items[i], items[end]].map((item) => {
        const long = (size(item) * area) / thick;
        return Math.max(long / thick, thick / long);
      });
      const next = Math.max(...ratios);
      if (next > worst) break;
      worst = next;
      sum = more;
    }
    const thick = sum / short;
    let at = 0;
    for (; i < end; i++) {
      const long = (size(items[i]) * area) / thick;
      left -= size(items[i]);
      place(
        items[i],
        w < h ? { x: x + at, y, w: long, h: thick } : { x, y: y + at, w: thick, h: long },
      );
      at += long;
    }
    if (w < h) [y, h] = [y + thick, h - thick];
    else [x, w] = [x + thick, w - thick];
  }
}

/** @param {string} hex "#aabbcc" */
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{pick: (symbol: string) => void, hover: (symbol: string | null) => void}} on
 */
export function makeHeat(canvas, on) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  /** @type {[string, Company][]} */
  let companies = [];
  /** @type {Tile[]} */
  let tiles = [];
  /** @type {(Box & {sector: string})[]} */
  let sectors = [];
  /** @type {Uint8Array} */
  let heat = new Uint8Array(0);
  /** @type {string | null} the one under the pointer, or that of the keyboard */
  let at = null;
  let chosen = "";

  function lay() {
    const { clientWidth: w, clientHeight: h } = canvas;
    const size = (/** @type {[string, Company]} */ [, c]) => c.weight + 22;
    /** @type {Map<string, [string, Company][]>} */
    const groups = new Map();
    for (const one of companies) {
      const group = groups.get(one[1].sector);
      if (group) group.push(one);
      else groups.set(one[1].sector, [one]);
    }
    const all = [...groups].map(([sector, list]) => ({
      sector,
      list: list.sort((a, b) => size(b) - size(a)),
      sum: list.reduce((sum, one) => sum + size(one), 0),
    }));
    all.sort((a, b) => b.sum - a.sum);
    tiles = [];
    sectors = [];
    cut(all, ({ sum }) => sum, { x: 0, y: 0, w, h }, ({ sector, list }, box) => {
      sectors.push({ sector, ...box });
      const inner = { x: box.x + 1, y: box.y + HEAD, w: box.w - 3, h: box.h - HEAD - 2 };
      cut(list, size, inner, ([symbol, company], place) =>
        tiles.push({ symbol, company, ...place }),
      );
    });
    draw();
  }

  function draw() {
    const { g } = begin(canvas);
    const night = dark.matches;
    const [none, up, down] = (
      night ? ["#2b3632", "#2f9463", "#c04a3e"] : ["#e6dfcf", "#2f9d66", "#cf4a3e"]
    ).map(rgb);
    g.textBaseline = "middle";
    g.textAlign = "left";
    g.fillStyle = colour("--dim");
    g.font = "600 12px system-ui, sans-serif";
    for (const { sector, x, y } of sectors)
      g.fillText(sector[0].toUpperCase() + sector.slice(1), x + 3, y + HEAD / 2);

    g.textAlign = "center";
    for (const { symbol, company, x, y, w, h } of tiles) {
      const change = (heat[company.n] ?? 128) - 128;
      const t = Math.min(Math.abs(change) / FULL, 1) ** 0.8;
      const to = change < 0 ? down : up;
      const mixed = none.map((v, i) => Math.round(v + (to[i] - v) * t));
      g.fillStyle = `rgb(${mixed})`;
      g.fillRect(x, y, w - 1, h - 1);
      if (w < 27 || h < 14) continue;
      const bright = mixed[0] * 0.299 + mixed[1] * 0.587 + mixed[2] * 0.114;
      g.fillStyle = bright > 126 ? "#14201c" : "#ffffff";
      const isBig = w > 52 && h > 36;
      g.font = `600 ${isBig ? 13 : 10.5}px system-ui, sans-serif`;
      g.fillText(symbol, x + w / 2, y + h / 2 - (isBig ? 7 : 0));
      if (!isBig) continue;
      g.font = "12px system-ui, sans-serif";
      const words = `${change < 0 ? "−" : "+"}${Math.abs(change / 10).toFixed(1)}`;
      g.fillText(words, x + w / 2, y + h / 2 + 8);
    }
    for (const [symbol, wide] of /** @type {[string | null, number][]} */ ([
      [chosen, 2],
      [at, 3],
    ])) {
      const tile = tiles.find((t) => t.symbol === symbol);
      if (!tile) continue;
      g.strokeStyle = colour("--ink");
      g.lineWidth = wide;
      g.strokeRect(tile.x, tile.y, tile.w - 1, tile.h - 1);
    }
  }

  /** @param {string | null} symbol */
  function moveTo(symbol) {
    if (symbol === at) return;
    at = symbol;
    on.hover(at);
    draw();
  }
  /** @param {PointerEvent | MouseEvent} event */
  function under({ offsetX, offsetY }) {
    const hit = tiles.find(
      ({ x, y, w, h }) => offsetX >= x && offsetX < x + w && offsetY >= y && offsetY < y + h,
    );
    return hit?.symbol ?? null;
  }
  canvas.addEventListener("pointermove", (e) => e.pointerType === "mouse" && moveTo(under(e)));
  canvas.addEventListener("pointerleave", () => moveTo(null));
  canvas.addEventListener("click", (e) => {
    const symbol = under(e);
    if (symbol) on.pick(symbol);
  });

  /** By arrow keys to the nearest tile that way. @param {number} dx @param {number} dy */
  function step(dx, dy) {
    const from = tiles.find(({ symbol }) => symbol === (at ?? chosen)) ?? tiles[0];
    if (!from) return;
    const centre = (/** @type {Tile} */ t) => [t.x + t.w / 2, t.y + t.h / 2];
    const [fx, fy] = centre(from);
    let best = from;
    let least = Infinity;
    for (const tile of tiles) {
      const [x, y] = centre(tile);
      const along = (x - fx) * dx + (y - fy) * dy;
      const aside = Math.abs((x - fx) * dy) + Math.abs((y - fy) * dx);
      if (tile === from || along <= 1 || along + 2 * aside >= least) continue;
      least = along + 2 * aside;
      best = tile;
    }
    moveTo(best.symbol);
  }
  canvas.addEventListener("keydown", (event) => {
    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (way) step(...way);
    else if (event.key === "Enter" && at) on.pick(at);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => moveTo(null));
  new ResizeObserver(lay).observe(canvas);
  dark.addEventListener("change", draw);

  return {
    /** @param {Iterable<[string, Company]>} list */
    setCompanies(list) {
      companies = [...list];
      lay();
    },
    /** @param {Uint8Array} bytes by a company's number: tenths of a percent, and 128 */
    setHeat(bytes) {
      heat = bytes;
      draw();
    },
    /** @param {string} symbol */
    choose(symbol) {
      chosen = symbol;
      draw();
    },
  };
}
