// SPDX-License-Identifier: MIT
// @ts-check
/*
 * scene - the pond without its frogs: bank, water, light, lily pads, camera.
 *
 * What does not move (bank, water, shore) is painted once into a canvas of its
 * own and again when the window or the colour scheme changes. Everything here
 * counts in pond units; the camera turns them into pixels.
 */

export const WIDTH = 40;
export const HEIGHT = 24;

const BANK = 2.6; // land to be seen around the pond
const MIN_SCALE = 26; // pixels a unit: on small screens the view follows the frog

const DAY = {
  grass: ["#7fae5c", "#5f9148"],
  tuft: ["#8fbf68", "#56853f"],
  sand: "#dcc790",
  wet: "#a89a68",
  deep: "#14707c",
  middle: "#2b98a0",
  shallow: "#7cc9bd",
  light: "#f2fff4",
  shine: 0.24,
  pad: ["#5fae4a", "#3f8a3c", "#8fd070"],
  shade: "rgb(4 44 50 / 28%)",
  reed: ["#4f7f34", "#6b9a45", "#7a4a26"],
};

const NIGHT = {
  grass: ["#22382a", "#182a20"],
  tuft: ["#2b4633", "#14241b"],
  sand: "#5d5b47",
  wet: "#3d443a",
  deep: "#06222f",
  middle: "#0d3a48",
  shallow: "#22626a",
  light: "#bfe8ff",
  shine: 0.14,
  pad: ["#2f6b40", "#22543a", "#4a8d55"],
  shade: "rgb(0 8 14 / 42%)",
  reed: ["#20402a", "#2d5335", "#45301f"],
};

/** Numbers in 0..1 that are the same in every browser. @param {number} seed */
function seeded(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 4294967296;
  };
}

/* The water's edge: a rectangle with round corners that nature had a hand in.
 * `grow` makes it larger all around. */
function shore(grow = 0) {
  const path = new Path2D();
  const [w, h, r] = [WIDTH / 2 + 1.1, HEIGHT / 2 + 1, 4.6];
  const [flatX, flatY, arc] = [2 * (w - r), 2 * (h - r), (Math.PI / 2) * r];
  const round = 2 * (flatX + flatY) + 4 * arc;
  // A walk along the edge; `facing` is the way out of the pond.
  for (let i = 0; i < 400; i++) {
    let left = (i / 400) * round;
    let [x, y, facing] = [-w + r, -h, -Math.PI / 2];
    for (const flat of [flatX, flatY, flatX, flatY]) {
      const straight = Math.min(left, flat);
      x -= straight * Math.sin(facing);
      y += straight * Math.cos(facing);
      left -= straight;
      if (left <= 0) break;
      const bend = Math.min(left, arc) / r;
      x += r * (Math.cos(facing + bend) - Math.cos(facing));
      y += r * (Math.sin(facing + bend) - Math.sin(facing));
      facing += bend;
      left -= bend * r;
      if (left <= 0) break;
    }
    const a = (i / 400) * 2 * Math.PI;
    const out =
      grow + 0.24 * Math.sin(5 * a + 1) + 0.17 * Math.sin(11 * a) + 0.1 * Math.sin(23 * a);
    path.lineTo(WIDTH / 2 + x + out * Math.cos(facing), HEIGHT / 2 + y + out * Math.sin(facing));
  }
  path.closePath();
  return path;
}

/* Light on the ground of the water: the borders between cells around random
 * points, on a tile that repeats without a seam. */
function caustics(/** @type {string} */ colour) {
  const size = 160;
  const random = seeded(9);
  const points = Array.from({ length: 17 }, () => [random() * size, random() * size]);
  const tile = new OffscreenCanvas(size, size);
  const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  const image = ctx.createImageData(size, size);
  const rgb = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const half = size / 2;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let near = Infinity;
      let next = Infinity;
      for (const [px, py] of points) {
        const dx = half - Math.abs(Math.abs(x - px) - half);
        const dy = half - Math.abs(Math.abs(y - py) - half);
        const d = Math.sqrt(dx * dx + dy * dy);
        if (d < near) [near, next] = [d, near];
        else if (d < next) next = d;
      }
      const glow = Math.max(0, 1 - (next - near) / 11);
      image.data.set([...rgb, 255 * glow * glow * glow], (y * size + x) * 4);
    }
  ctx.putImageData(image, 0, 0);
  return tile;
}

function makePads() {
  const random = seeded(35);
  /** @type {{x: number, y: number, r: number, turn: number, flower: number}[]} */
  const pads = [];
  for (let tries = 0; tries < 900 && pads.length < 17; tries++) {
    const r = 0.9 + random() * 1.15;
    const x = 1 + random() * (WIDTH - 2);
    const y = 1 + random() * (HEIGHT - 2);
    const crowd = pads.some((p) => Math.hypot(p.x - x, p.y - y) < (p.r + r) * 1.02 + 0.15);
    // Pads grow in groups and leave open water to hop in.
    const alone = pads.length % 4 !== 0 && !pads.some((p) => Math.hypot(p.x - x, p.y - y) < 4);
    if (crowd || alone) continue;
    pads.push({
      x,
      y,
      r,
      turn: random() * 6.28,
      flower: r > 1.35 && random() < 0.45 ? random() : -1,
    });
  }
  return pads;
}

/** @param {HTMLCanvasElement} canvas */
export function makeScene(canvas) {
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const edge = shore();
  const pads = makePads();

  const camera = { x: WIDTH / 2, y: HEIGHT / 2, scale: 1 };
  let [width, height, ratio] = [1, 1, 1];
  let colours = DAY;
  let still = new OffscreenCanvas(1, 1);
  let [left, top] = [0, 0]; // where the still canvas begins, in units
  /** @type {CanvasPattern | null} */
  let light = null;

  function resize() {
    ratio = Math.min(window.devicePixelRatio || 1, 2);
    width = window.innerWidth;
    height = window.innerHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const fit = Math.min(width / (WIDTH + 2 * BANK), height / (HEIGHT + 2 * BANK));
    camera.scale = Math.max(fit, MIN_SCALE);
    camera.x = limit(camera.x, WIDTH, width);
    camera.y = limit(camera.y, HEIGHT, height);
    colours = dark.matches ? NIGHT : DAY;
    light = ctx.createPattern(caustics(colours.light), "repeat");
    paintStill();
  }

  /* Keeps the view over the pond, or the pond in the middle of the view. */
  function limit(
    /** @type {number} */ at,
    /** @type {number} */ size,
    /** @type {number} */ pixels,
  ) {
    const view = pixels / camera.scale / 2;
    return view >= size / 2 + BANK
      ? size / 2
      : Math.min(Math.max(at, view - BANK), size + BANK - view);
  }

  function paintStill() {
    const k = camera.scale * ratio;
    const halfX = Math.max(width / camera.scale / 2, WIDTH / 2 + BANK);
    const halfY = Math.max(height / camera.scale / 2, HEIGHT / 2 + BANK);
    left = WIDTH / 2 - halfX;
    top = HEIGHT / 2 - halfY;
    still = new OffscreenCanvas(Math.ceil(2 * halfX * k), Math.ceil(2 * halfY * k));
    const g = /** @type {OffscreenCanvasRenderingContext2D} */ (still.getContext("2d"));
    g.scale(k, k);
    g.translate(-left, -top);
    paintLand(g, halfX, halfY);
    paintWater(g);
    paintReeds(g);
  }

  /** @param {OffscreenCanvasRenderingContext2D} g @param {number} hx @param {number} hy */
  function paintLand(g, hx, hy) {
    const random = seeded(4);
    const grass = g.createLinearGradient(0, HEIGHT / 2 - hy, 0, HEIGHT / 2 + hy);
    grass.addColorStop(0, colours.grass[0]);
    grass.addColorStop(1, colours.grass[1]);
    g.fillStyle = grass;
    g.fillRect(left, top, 2 * hx, 2 * hy);

    g.lineWidth = 0.09;
    g.lineCap = "round";
    for (let i = 0; i < hx * hy * 5; i++) {
      const x = left + random() * 2 * hx;
      const y = top + random() * 2 * hy;
      const h = 0.22 + random() * 0.3;
      g.strokeStyle = colours.tuft[i % 2];
      g.beginPath();
      for (const lean of [-0.2, 0.02, 0.22]) {
        g.moveTo(x + lean * 0.3, y);
        g.quadraticCurveTo(x + lean * 0.4, y - h * 0.6, x + lean, y - h * (1 - Math.abs(lean)));
      }
      g.stroke();
    }
    // Small flowers, away from the water (which covers those in it).
    for (let i = 0; i < 46; i++) {
      g.fillStyle = ["#fff8e0", "#f6d365", "#f0a6c0"][i % 3];
      g.globalAlpha = colours === DAY ? 0.9 : 0.3;
      g.beginPath();
      g.arc(left + random() * 2 * hx, top + random() * 2 * hy, 0.1 + random() * 0.07, 0, 7);
      g.fill();
    }
    g.globalAlpha = 1;
  }

  /** @param {OffscreenCanvasRenderingContext2D} g */
  function paintWater(g) {
    g.fillStyle = colours.sand;
    g.fill(shore(0.62));
    g.fillStyle = colours.wet;
    g.fill(shore(0.2));
    g.save();
    g.clip(edge);
    // Depth: the circle that the gradient makes is squeezed to the pond's shape.
    g.save();
    g.translate(WIDTH / 2, HEIGHT / 2);
    g.scale(WIDTH / HEIGHT, 1);
    const depth = g.createRadialGradient(-1, -2, 1, 0, 0, HEIGHT * 0.78);
    depth.addColorStop(0, colours.deep);
    depth.addColorStop(0.55, colours.middle);
    depth.addColorStop(1, colours.shallow);
    g.fillStyle = depth;
    g.fillRect(-WIDTH, -HEIGHT, 2 * WIDTH, 2 * HEIGHT);
    g.restore();
    // Pale shallows along the shore, from many thin rings.
    g.strokeStyle = colours.shallow;
    for (let i = 0; i < 9; i++) {
      g.globalAlpha = 0.1;
      g.lineWidth = 0.5 + i * 0.42;
      g.stroke(edge);
    }
    g.globalAlpha = 1;
    // Pebbles on the ground.
    const random = seeded(77);
    for (let i = 0; i < 90; i++) {
      g.fillStyle = i % 2 ? "rgb(255 255 255 / 7%)" : "rgb(0 30 30 / 10%)";
      g.beginPath();
      g.ellipse(
        random() * (WIDTH + 2) - 1,
        random() * (HEIGHT + 2) - 1,
        0.15 + random() * 0.35,
        0.1 + random() * 0.2,
        random() * 3,
        0,
        7,
      );
      g.fill();
    }
    // The bank's shadow on the water, from the light at the top left.
    g.strokeStyle = colours.shade;
    g.globalAlpha = 0.4;
    g.translate(0.1, 0.16);
    for (const wide of [0.25, 0.6, 1]) {
      g.lineWidth = wide;
      g.stroke(edge);
    }
    g.restore();
    g.strokeStyle = "rgb(255 255 255 / 30%)";
    g.lineWidth = 0.07;
    g.stroke(edge);
  }

  /** @param {OffscreenCanvasRenderingContext2D} g */
  function paintReeds(g) {
    const random = seeded(21);
    g.lineCap = "round";
    for (const [cx, cy, n] of [
      [-0.3, 3.2, 8],
      [0.4, 21.6, 9],
      [40.3, 5.4, 9],
      [39.7, 22.3, 8],
      [15, -0.9, 6],
      [27, 25.2, 6],
    ])
      for (let i = 0; i < n; i++) {
        const x = cx + (random() - 0.5) * 2.1;
        const y = cy + (random() - 0.5) * 1.1;
        const tall = 1.2 + random() * 1.1;
        const lean = (random() - 0.5) * 0.9;
        g.strokeStyle = colours.reed[i % 2];
        g.lineWidth = 0.1 + random() * 0.07;
        g.beginPath();
        g.moveTo(x, y);
        g.quadraticCurveTo(x, y - tall * 0.6, x + lean, y - tall);
        g.stroke();
        if (i % 3 === 0) {
          g.strokeStyle = colours.reed[2];
          g.lineWidth = 0.24;
          g.beginPath();
          g.moveTo(x + lean * 0.72, y - tall * 0.84);
          g.lineTo(x + lean * 0.98, y - tall * 1.06);
          g.stroke();
        }
      }
  }

  /** @param {(typeof pads)[0]} pad @param {number} t */
  function drawPad(pad, t) {
    const { x, y, r } = pad;
    const turn = pad.turn + 0.06 * Math.sin(t * 0.5 + x);
    const outline = () => {
      ctx.beginPath();
      ctx.moveTo(r * 0.12, 0);
      ctx.arc(0, 0, r, 0.22, 2 * Math.PI - 0.22);
      ctx.closePath();
    };
    ctx.save();
    ctx.translate(x + 0.2, y + 0.3);
    ctx.rotate(turn);
    outline();
    ctx.fillStyle = colours.shade;
    ctx.fill();
    ctx.restore();

    ctx.save();
    ctx.translate(x, y + 0.04 * Math.sin(t * 0.9 + y));
    ctx.rotate(turn);
    outline();
    ctx.fillStyle = colours.pad[0];
    ctx.fill();
    ctx.lineWidth = 0.1;
    ctx.strokeStyle = colours.pad[1];
    ctx.stroke();
    ctx.lineWidth = 0.055;
    ctx.strokeStyle = colours.pad[2];
    ctx.globalAlpha = 0.6;
    ctx.beginPath();
    for (let i = 1; i < 9; i++) {
      const a = 0.22 + (i * (2 * Math.PI - 0.44)) / 9;
      ctx.moveTo(r * 0.14 * Math.cos(a), r * 0.14 * Math.sin(a));
      ctx.lineTo(r * 0.86 * Math.cos(a), r * 0.86 * Math.sin(a));
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
    if (pad.flower >= 0) drawFlower(-r * 0.35, r * 0.2, r * 0.46, pad.flower);
    ctx.restore();
  }

  /** @param {number} x @param {number} y @param {number} r @param {number} kind */
  function drawFlower(x, y, r, kind) {
    const night = colours === NIGHT;
    const [outer, inner] = kind < 0.5 ? ["#f7b6cf", "#fde6ef"] : ["#fdf6e6", "#ffffff"];
    ctx.save();
    ctx.translate(x, y);
    ctx.globalAlpha = night ? 0.7 : 1;
    for (const [petals, size, fill] of /** @type {[number, number, string][]} */ ([
      [8, 1, outer],
      [6, 0.68, inner],
    ])) {
      ctx.fillStyle = fill;
      ctx.strokeStyle = "rgb(120 60 80 / 22%)";
      ctx.lineWidth = 0.025;
      for (let i = 0; i < petals; i++) {
        ctx.rotate((2 * Math.PI) / petals);
        ctx.beginPath();
        ctx.ellipse(r * size * 0.56, 0, r * size * 0.5, r * size * 0.24, 0, 0, 7);
        ctx.fill();
        ctx.stroke();
      }
    }
    ctx.fillStyle = "#f3b93a";
    ctx.beginPath();
    ctx.arc(0, 0, r * 0.2, 0, 7);
    ctx.fill();
    ctx.restore();
  }

  /** Two sheets of the same light, drifting against each other. @param {number} now */
  function drawLight(now) {
    if (!light) return;
    const t = calm.matches ? 0 : now;
    ctx.save();
    ctx.clip(edge);
    ctx.globalCompositeOperation = "screen";
    for (const [size, vx, vy, turn, alpha] of [
      [0.062, 0.32, 0.2, 0.3, 1],
      [0.047, -0.24, 0.16, -0.5, 0.7],
    ]) {
      light.setTransform(
        new DOMMatrix()
          .translate(vx * t + 0.4 * Math.sin(t * 0.4), vy * t)
          .rotate(turn * 57)
          .scale(size),
      );
      ctx.globalAlpha = colours.shine * alpha;
      ctx.fillStyle = light;
      ctx.fillRect(-2, -2, WIDTH + 4, HEIGHT + 4);
    }
    ctx.restore();
  }

  /** Glow-worms over the water, at night only. @param {number} t */
  function drawNight(t) {
    if (colours !== NIGHT) return;
    for (let i = 0; i < 22; i++) {
      const x = WIDTH * (0.5 + 0.52 * Math.sin(i * 2.4 + t * 0.05 * (1 + (i % 3))));
      const y = HEIGHT * (0.5 + 0.54 * Math.sin(i * 1.7 + t * 0.07 + i));
      const glow = Math.max(0, Math.sin(t * 1.3 + i * 2.1));
      const halo = ctx.createRadialGradient(x, y, 0, x, y, 0.7);
      halo.addColorStop(0, `rgb(232 255 150 / ${0.75 * glow})`);
      halo.addColorStop(0.22, `rgb(214 250 130 / ${0.32 * glow})`);
      halo.addColorStop(1, "rgb(200 240 120 / 0%)");
      ctx.fillStyle = halo;
      ctx.fillRect(x - 0.7, y - 0.7, 1.4, 1.4);
    }
  }

  dark.addEventListener("change", resize);
  window.addEventListener("resize", resize);
  resize();

  return {
    ctx,

    /** Moves the view towards a point, where the pond does not fit. */
    follow(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ dt) {
      const pull = 1 - Math.exp(-5 * dt);
      camera.x = limit(camera.x + (x - camera.x) * pull, WIDTH, width);
      camera.y = limit(camera.y + (y - camera.y) * pull, HEIGHT, height);
    },

    /** Paints everything below the frogs and leaves the context in pond units. */
    begin(/** @type {number} */ t) {
      const k = camera.scale * ratio;
      const x = (width / 2) * ratio - camera.x * k;
      const y = (height / 2) * ratio - camera.y * k;
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.drawImage(still, Math.round(x + left * k), Math.round(y + top * k));
      ctx.setTransform(k, 0, 0, k, x, y);
      drawLight(t);
    },

    /** @param {number} t */
    drawPads(t) {
      for (const pad of pads) drawPad(pad, t);
    },

    /** Paints what is above the frogs. */
    end: drawNight,

    /** From window pixels to pond units. */
    toPond(/** @type {number} */ px, /** @type {number} */ py) {
      return {
        x: camera.x + (px - width / 2) / camera.scale,
        y: camera.y + (py - height / 2) / camera.scale,
      };
    },
  };
}
