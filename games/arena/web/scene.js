// SPDX-License-Identifier: MIT
// @ts-check
/*
 * scene - the picture: space, ships, shots, sparks. Knows of no network.
 *
 * Glow is costly to draw and cheap to copy: each colour's ship and shot are drawn once,
 * on a canvas of their own. In light mode nothing glows, the colours are ink.
 */

import { SHOT_SPEED, SHOT_TICKS, SIZE } from "./shared.js";

const TICK_S = 0.05;
const VIEW = 900; // units from the middle to the farthest corner that is seen, at most
const SPRITE = 96; // px of a ship's picture
const MAX_SPARKS = 700;
const HUES = [190, 320, 140, 45, 265, 15, 215, 90, 345, 170, 290, 60];

const isDark = matchMedia("(prefers-color-scheme: dark)");

/** @param {number} id */
const hueOf = (id) => HUES[id % HUES.length];
/** A ship's colour, for what stands beside its name. @param {number} id */
export const colourOf = (id) => `hsl(${hueOf(id)} ${isDark.matches ? "95% 62%" : "80% 40%"})`;

/** @param {number} w @param {number} h */
function offscreen(w, h = w) {
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  return { canvas, ctx: /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")) };
}

/** The outline of a ship that looks to the right. @param {CanvasRenderingContext2D} ctx */
function hull(ctx) {
  ctx.beginPath();
  ctx.moveTo(21, 0);
  ctx.lineTo(-14, 14);
  ctx.lineTo(-8, 0);
  ctx.lineTo(-14, -14);
  ctx.closePath();
}

/** @param {number} id @param {boolean} dark @param {boolean} isMine */
function shipPicture(id, dark, isMine) {
  const { canvas, ctx } = offscreen(SPRITE * 2);
  ctx.scale(2, 2);
  ctx.translate(SPRITE / 2, SPRITE / 2);
  ctx.lineJoin = "round";
  const colour = colourOf(id);
  hull(ctx);
  ctx.fillStyle = dark ? `hsl(${hueOf(id)} 60% ${isMine ? 26 : 12}%)` : isMine ? colour : "#ffffff";
  ctx.fill();
  ctx.strokeStyle = colour;
  ctx.lineWidth = isMine ? 3.4 : 2.6;
  if (dark) {
    ctx.shadowColor = colour;
    for (const blur of [28, 12]) {
      ctx.shadowBlur = blur;
      ctx.stroke();
    }
    ctx.shadowBlur = 0;
    ctx.strokeStyle = `hsl(${hueOf(id)} 100% 84%)`;
    ctx.lineWidth = 1.3;
  } else {
    ctx.shadowColor = "rgb(30 40 80 / 35%)";
    ctx.shadowBlur = 10;
    ctx.shadowOffsetY = 5;
  }
  ctx.stroke();
  return canvas;
}

/** @param {number} id @param {boolean} dark */
function shotPicture(id, dark) {
  const { canvas, ctx } = offscreen(64, 32);
  ctx.lineCap = "round";
  ctx.strokeStyle = colourOf(id);
  ctx.lineWidth = 5;
  if (dark) {
    ctx.shadowColor = colourOf(id);
    ctx.shadowBlur = 12;
  }
  const stroke = () => {
    ctx.beginPath();
    ctx.moveTo(18, 16);
    ctx.lineTo(46, 16);
    ctx.stroke();
  };
  stroke();
  if (dark) {
    ctx.shadowBlur = 0;
    ctx.strokeStyle = "#ffffff";
    ctx.lineWidth = 2;
    stroke();
  }
  return canvas;
}

/** Stars (dust, by day) of one depth, a tile that is laid over all. @param {number} n @param {number} size @param {boolean} dark */
function starTile(n, size, dark) {
  const { canvas, ctx } = offscreen(512);
  let seed = n * 7919;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < n; i++) {
    ctx.fillStyle = dark
      ? `hsl(${200 + random() * 80} 70% ${72 + random() * 22}% / ${0.3 + random() * 0.6})`
      : `hsl(${210 + random() * 50} 40% 55% / ${0.12 + random() * 0.2})`;
    ctx.beginPath();
    ctx.arc(random() * 512, random() * 512, size * (0.5 + random()), 0, 7);
    ctx.fill();
  }
  return canvas;
}

/** A spark: a dot that glows. @param {number} hue @param {boolean} dark */
function sparkPicture(hue, dark) {
  const { canvas, ctx } = offscreen(32);
  const fill = ctx.createRadialGradient(16, 16, 0, 16, 16, 16);
  fill.addColorStop(0, dark ? `hsl(${hue} 100% 88%)` : `hsl(${hue} 85% 45%)`);
  fill.addColorStop(0.25, `hsl(${hue} 100% ${dark ? 60 : 50}% / ${dark ? 75 : 60}%)`);
  fill.addColorStop(1, `hsl(${hue} 100% 50% / 0%)`);
  ctx.fillStyle = fill;
  ctx.fillRect(0, 0, 32, 32);
  return canvas;
}

/** Clouds far behind, a tile. @param {boolean} dark */
function cloudTile(dark) {
  const { canvas, ctx } = offscreen(1024);
  const clouds = [[250, 330, 250, 268], [720, 260, 240, 200], [560, 760, 260, 320], [130, 800, 130, 215]];
  for (const [x, y, r, hue] of clouds) {
    const fill = ctx.createRadialGradient(x, y, 0, x, y, r);
    fill.addColorStop(0, `hsl(${hue} 80% ${dark ? 50 : 62}% / ${dark ? 20 : 15}%)`);
    fill.addColorStop(1, `hsl(${hue} 80% 50% / 0%)`);
    ctx.fillStyle = fill;
    ctx.fillRect(0, 0, 1024, 1024);
  }
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
export function makeScene(canvas) {
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  let width = 0;
  let height = 0;
  let zoom = 1;
  const eye = { x: SIZE / 2, y: SIZE / 2, isSet: false };
  let shake = 0;
  let now = 0;
  let step = 0;
  let dark = isDark.matches;
  /** @type {Map<string, HTMLCanvasElement>} */
  const pictures = new Map();
  /** @type {{ tile: HTMLCanvasElement, depth: number }[]} */
  let stars = [];
  /** @type {Map<number | string, { x: number, y: number, angle: number, id: number, at: number }>} */
  const shots = new Map();
  let ownShots = 0;
  /** @type {{ x: number, y: number, vx: number, vy: number, life: number, full: number, size: number, hue: number }[]} */
  const sparks = [];
  /** @type {{ x: number, y: number, life: number }[]} */
  const rings = [];
  /** @type {[string, number, number, number][]} names, hulls */
  const labels = [];

  function resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    [width, height] = [innerWidth, innerHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    // Nobody sees farther for having a larger screen.
    zoom = Math.max(Math.min(width, height) < 560 ? 0.72 : 1, Math.hypot(width, height) / 2 / VIEW);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  function recolour() {
    dark = isDark.matches;
    pictures.clear();
    stars = [
      { tile: cloudTile(dark), depth: 0.12 },
      { tile: starTile(70, 0.8, dark), depth: 0.25 },
      { tile: starTile(34, 1.3, dark), depth: 0.5 },
    ];
  }
  addEventListener("resize", resize);
  isDark.addEventListener("change", recolour);
  resize();
  recolour();

  /** @param {string} key @param {() => HTMLCanvasElement} make */
  function picture(key, make) {
    let p = pictures.get(key);
    if (!p) pictures.set(key, (p = make()));
    return p;
  }
  const toX = (/** @type {number} */ x) => (x - eye.x) * zoom + width / 2;
  const toY = (/** @type {number} */ y) => (y - eye.y) * zoom + height / 2;

  /** @param {number} x @param {number} y @param {number} angle @param {number} speed @param {number} spread @param {number} life @param {number} size @param {number} hue */
  function spark(x, y, angle, speed, spread, life, size, hue) {
    if (sparks.length >= MAX_SPARKS) sparks.shift();
    const a = angle + (Math.random() - 0.5) * spread;
    const v = speed * (0.4 + Math.random());
    sparks.push({ x, y, vx: Math.cos(a) * v, vy: Math.sin(a) * v, life, full: life, size, hue });
  }

  function drawSpace() {
    const fill = ctx.createRadialGradient(width / 2, height * 0.4, 0, width / 2, height / 2, Math.hypot(width, height) / 1.6);
    fill.addColorStop(0, dark ? "#121a36" : "#fbfcff");
    fill.addColorStop(1, dark ? "#05070f" : "#dfe6f2");
    ctx.fillStyle = fill;
    ctx.fillRect(0, 0, width, height);
    for (const { tile, depth } of stars) {
      const size = tile.width;
      const x0 = -((eye.x * depth) % size);
      const y0 = -((eye.y * depth) % size);
      for (let x = x0; x < width; x += size) for (let y = y0; y < height; y += size) ctx.drawImage(tile, x, y);
    }
    // The grid tells how fast one flies; the wall, where the world ends.
    ctx.strokeStyle = dark ? "rgb(100 140 255 / 17%)" : "rgb(40 70 140 / 10%)";
    ctx.lineWidth = 1;
    ctx.beginPath();
    const x1 = Math.max(0, eye.x - width / 2 / zoom);
    const x2 = Math.min(SIZE, eye.x + width / 2 / zoom);
    const y1 = Math.max(0, eye.y - height / 2 / zoom);
    const y2 = Math.min(SIZE, eye.y + height / 2 / zoom);
    for (let x = Math.ceil(x1 / 128) * 128; x <= x2; x += 128) {
      ctx.moveTo(toX(x), toY(y1));
      ctx.lineTo(toX(x), toY(y2));
    }
    for (let y = Math.ceil(y1 / 128) * 128; y <= y2; y += 128) {
      ctx.moveTo(toX(x1), toY(y));
      ctx.lineTo(toX(x2), toY(y));
    }
    ctx.stroke();
    ctx.fillStyle = dark ? "rgb(255 40 110 / 7%)" : "rgb(190 30 80 / 9%)";
    ctx.strokeStyle = dark ? "#ff3d7f" : "#b81d56";
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.rect(0, 0, width, height);
    ctx.rect(toX(0), toY(0), SIZE * zoom, SIZE * zoom);
    ctx.fill("evenodd");
    ctx.strokeRect(toX(0), toY(0), SIZE * zoom, SIZE * zoom);
  }

  function drawShots() {
    for (const [key, s] of shots) {
      const t = (now - s.at) / 1000 / TICK_S; // ticks it has flown
      if (t > SHOT_TICKS) shots.delete(key);
      if (t < 0 || t > SHOT_TICKS) continue;
      const x = toX(s.x + Math.cos(s.angle) * SHOT_SPEED * t);
      const y = toY(s.y + Math.sin(s.angle) * SHOT_SPEED * t);
      if (x < -40 || y < -40 || x > width + 40 || y > height + 40) continue;
      const image = picture(`shot ${s.id % HUES.length}`, () => shotPicture(s.id, dark));
      ctx.save();
      ctx.translate(x, y);
      ctx.rotate(s.angle);
      ctx.globalAlpha = Math.min(1, (SHOT_TICKS - t) / 3);
      ctx.drawImage(image, -32 * zoom, -16 * zoom, 64 * zoom, 32 * zoom);
      ctx.restore();
    }
  }

  function drawSparks() {
    let kept = 0;
    for (const p of sparks) {
      p.life -= step;
      if (p.life <= 0) continue;
      sparks[kept++] = p;
      p.x += p.vx * step;
      p.y += p.vy * step;
      const left = p.life / p.full;
      const r = p.size * zoom * (1 + 1.6 * left);
      ctx.globalAlpha = left;
      ctx.drawImage(picture(`spark ${p.hue}`, () => sparkPicture(p.hue, dark)), toX(p.x) - r, toY(p.y) - r, 2 * r, 2 * r);
    }
    ctx.globalAlpha = 1;
    sparks.length = kept;
    for (const ring of rings.splice(0)) {
      ring.life -= step;
      if (ring.life <= 0) continue;
      rings.push(ring);
      const t = 1 - ring.life / 0.7;
      ctx.strokeStyle = dark ? `rgb(255 190 120 / ${(1 - t) * 0.9})` : `rgb(190 80 20 / ${(1 - t) * 0.7})`;
      ctx.lineWidth = 5 * (1 - t) * zoom;
      ctx.beginPath();
      ctx.arc(toX(ring.x), toY(ring.y), (12 + 120 * Math.sqrt(t)) * zoom, 0, 7);
      ctx.stroke();
    }
  }

  function drawLabels() {
    ctx.font = "600 12.5px system-ui, sans-serif";
    ctx.textAlign = "center";
    for (const [text, x, y, hp] of labels) {
      ctx.fillStyle = dark ? "rgb(220 232 255 / 82%)" : "rgb(20 30 60 / 82%)";
      ctx.fillText(text, x, y - 33 * zoom);
      if (hp >= 100) continue;
      ctx.fillStyle = dark ? "rgb(255 255 255 / 16%)" : "rgb(20 30 60 / 16%)";
      ctx.fillRect(x - 20, y - 29 * zoom, 40, 3.5);
      ctx.fillStyle = hp > 40 ? (dark ? "#5ef2a0" : "#12834a") : dark ? "#ff5c6e" : "#c01f37";
      ctx.fillRect(x - 20, y - 29 * zoom, 0.4 * hp, 3.5);
    }
    labels.length = 0;
  }

  return {
    canvas,
    /** Where the own ship is on the page. */
    middle: () => ({ x: width / 2, y: height / 2 }),
    /** @param {number} x @param {number} y @param {number} dt s */
    follow(x, y, dt) {
      const isFar = !eye.isSet || Math.hypot(x - eye.x, y - eye.y) > 700;
      const share = isFar ? 1 : 1 - Math.exp(-dt * 14);
      eye.isSet = true;
      eye.x += (x - eye.x) * share;
      eye.y += (y - eye.y) * share;
    },
    /** @param {number} t ms @param {number} dt s */
    begin(t, dt) {
      now = t;
      step = dt;
      shake *= Math.exp(-dt * 7);
      ctx.save();
      ctx.translate((Math.random() - 0.5) * shake, (Math.random() - 0.5) * shake);
      drawSpace();
      ctx.globalCompositeOperation = dark ? "lighter" : "source-over";
      drawSparks();
      drawShots();
      ctx.globalCompositeOperation = "source-over";
    },
    /** @param {number} id @param {any} ship @param {boolean} isMine */
    ship(id, ship, isMine) {
      const x = toX(ship.x);
      const y = toY(ship.y);
      if (ship.hp === 0 || x < -60 || y < -60 || x > width + 60 || y > height + 60) return;
      const back = ship.angle + Math.PI;
      for (let i = 0; ship.burn && i < 2; i++)
        spark(ship.x + Math.cos(back) * 11, ship.y + Math.sin(back) * 11, back, 170, 0.55, 0.42, 3.4, hueOf(id));
      const image = picture(`${isMine ? "mine" : "ship"} ${id % HUES.length}`, () => shipPicture(id, dark, isMine));
      ctx.save();
      ctx.translate(x, y);
      ctx.rotate(ship.angle);
      if (ship.away) ctx.globalAlpha = 0.4;
      const size = SPRITE * zoom;
      ctx.drawImage(image, -size / 2, -size / 2, size, size);
      ctx.restore();
      if (!isMine) labels.push([ship.name, x, y, ship.hp]);
    },
    end() {
      drawLabels();
      ctx.restore();
    },
    /** A shot of another, drawn as far behind as the ships are. @param {number} key @param {any} shot @param {number} delay ms */
    shot(key, shot, delay) {
      shots.set(key, { x: shot.x, y: shot.y, angle: shot.angle, id: shot.by, at: performance.now() + delay - TICK_S * 1000 });
    },
    /** @param {number} key */
    shotOver(key) {
      const s = shots.get(key);
      if (!s) return;
      shots.delete(key);
      const t = Math.min((now - s.at) / 1000 / TICK_S, SHOT_TICKS);
      if (t < 0 || t > SHOT_TICKS - 1.5) return;
      const x = s.x + Math.cos(s.angle) * SHOT_SPEED * t;
      const y = s.y + Math.sin(s.angle) * SHOT_SPEED * t;
      for (let i = 0; i < 7; i++) spark(x, y, s.angle + Math.PI, 160, 2.4, 0.3, 2.2, 40);
    },
    /** The own ship fires: seen before the server knows. @param {any} ship @param {number} id */
    fire(ship, id) {
      const { x, y, angle } = ship;
      shots.set(`own ${ownShots++}`, {
        x: x + 22 * Math.cos(angle), y: y + 22 * Math.sin(angle), angle, id, at: performance.now(),
      });
    },
    /** @param {number} x @param {number} y */
    boom(x, y) {
      const far = Math.hypot(x - eye.x, y - eye.y);
      if (far > VIEW * 1.3) return;
      for (let i = 0; i < 56; i++) spark(x, y, Math.random() * 7, 260, 1, 0.5 + Math.random() * 0.6, 4.4, i % 2 ? 24 : 44);
      spark(x, y, 0, 0, 0, 0.35, 44, 38);
      rings.push({ x, y, life: 0.7 });
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) shake = Math.max(shake, 14 * (1 - far / VIEW));
    },
  };
}
