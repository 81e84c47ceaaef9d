// SPDX-License-Identifier: MIT
// @ts-check
/*
 * paper - the canvas: where one looks, and the strokes that are there.
 *
 * A stroke comes in pieces of packed points (see ink in game.lua). Its path is built
 * anew when a piece comes or grows, and painted as long as it is in view. One's own
 * lines are painted at once, from what the pen did, until the server's are there.
 */

export const SIZE = 4096; // units of the board, both ways; as in game.lua
export const STEP = 1 / 16; // of a coordinate
const MIN_SCALE = 0.1;
const MAX_SCALE = 6;

export const COLOURS = ["ink", "red", "orange", "green", "blue", "violet"];
/** What they look like, by day and by night. @type {Record<string, [string, string]>} */
const LOOKS = {
  ink: ["#1f2a27", "#e8ede8"],
  red: ["#c4372c", "#ff8a7d"],
  orange: ["#c76a06", "#ffb254"],
  green: ["#1b7f4f", "#6fd699"],
  blue: ["#2463c7", "#86b4ff"],
  violet: ["#7a3fb5", "#c79bff"],
};

/** @typedef {{pieces: Map<number, Uint8Array>, bytes: number, points: number[], path: Path2D | null,
 *   box: number[]}} Ink */

/** Points as units, from two bytes a coordinate. @param {Iterable<Uint8Array>} pieces */
function unpack(pieces) {
  const points = [];
  for (const bytes of pieces) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i + 1 < bytes.length; i += 2) points.push(view.getUint16(i, true) * STEP);
  }
  return points;
}

/** @param {number[]} points x, y, x, y in units, on the board @returns {Uint8Array} */
export function pack(points) {
  const bytes = new Uint8Array(points.length * 2);
  const view = new DataView(bytes.buffer);
  points.forEach((value, i) => view.setUint16(i * 2, Math.round(value / STEP), true));
  return bytes;
}

/** A soft line through points: curves that meet half way. @param {number[]} points */
function pathOf(points) {
  const path = new Path2D();
  const n = points.length;
  if (n < 2) return path;
  path.moveTo(points[0], points[1]);
  if (n === 2) path.lineTo(points[0] + 0.01, points[1]);
  for (let i = 2; i + 3 < n; i += 2) {
    const [x, y] = [points[i], points[i + 1]];
    path.quadraticCurveTo(x, y, (x + points[i + 2]) / 2, (y + points[i + 3]) / 2);
  }
  if (n > 2) path.lineTo(points[n - 2], points[n - 1]);
  return path;
}

/** @param {number[]} points */
function boxOf(points) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    box[0] = Math.min(box[0], points[i]);
    box[1] = Math.min(box[1], points[i + 1]);
    box[2] = Math.max(box[2], points[i]);
    box[3] = Math.max(box[3], points[i + 1]);
  }
  return box;
}

/** @param {HTMLCanvasElement} canvas @param {() => void} onView the view has changed */
export function makePaper(canvas, onView) {
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const view = { x: SIZE / 2, y: SIZE / 2, scale: 1 }; // what is in the middle
  /** @type {Map<number, Ink>} */
  const inks = new Map();
  /** Lines of one's own that the server has not got whole.
   * @type {{points: number[], colour: string, width: number, key: number, sent: number, isDone: boolean}[]} */
  const fresh = [];
  let [width, height, ratio] = [1, 1, 1];
  let isDirty = true;
  /** @type {any} */
  let strokes = new Map();

  const dirty = () => (isDirty = true);
  const clampAll = () => {
    view.scale = Math.min(Math.max(view.scale, MIN_SCALE), MAX_SCALE);
    view.x = Math.min(Math.max(view.x, 0), SIZE);
    view.y = Math.min(Math.max(view.y, 0), SIZE);
    isDirty = true;
    onView();
  };

  function resize() {
    ratio = Math.min(window.devicePixelRatio || 1, 2);
    [width, height] = [window.innerWidth, window.innerHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    clampAll();
  }

  function paintGround() {
    const night = dark.matches;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = night ? "#0e1311" : "#e9e4d8";
    ctx.fillRect(0, 0, width, height);
    const [left, top] = toScreen(0, 0);
    const size = SIZE * view.scale;
    ctx.fillStyle = night ? "#161c1a" : "#fcfbf7";
    ctx.fillRect(left, top, size, size);
    // Dots, as far apart as looks well at this distance.
    const step = 32 * 2 ** Math.max(0, Math.ceil(Math.log2(16 / (32 * view.scale))));
    const from = toBoard(0, 0);
    const to = toBoard(width, height);
    ctx.fillStyle = night ? "#333f3a" : "#e0dacb";
    for (
      let x = Math.max(step, Math.ceil(from.x / step) * step);
      x < Math.min(to.x, SIZE);
      x += step
    )
      for (
        let y = Math.max(step, Math.ceil(from.y / step) * step);
        y < Math.min(to.y, SIZE);
        y += step
      ) {
        const [sx, sy] = toScreen(x, y);
        ctx.fillRect(Math.round(sx) - 1, Math.round(sy) - 1, 2, 2);
      }
  }

  function paint() {
    isDirty = false;
    paintGround();
    const k = view.scale * ratio;
    ctx.setTransform(
      k,
      0,
      0,
      k,
      (width / 2) * ratio - view.x * k,
      (height / 2) * ratio - view.y * k,
    );
    ctx.lineCap = ctx.lineJoin = "round";
    const [from, to] = [toBoard(0, 0), toBoard(width, height)];
    const night = dark.matches ? 1 : 0;
    for (const [key, stroke] of strokes) {
      const ink = inks.get(key);
      if (stroke.hidden || !ink) continue;
      if (!ink.path) {
        ink.points = unpack([...ink.pieces].sort(([a], [b]) => a - b).map(([, bytes]) => bytes));
        ink.path = pathOf(ink.points);
        ink.box = boxOf(ink.points);
      }
      const [x0, y0, x1, y1] = ink.box;
      const w = stroke.width;
      if (x1 + w < from.x || y1 + w < from.y || x0 - w > to.x || y0 - w > to.y) continue;
      ctx.strokeStyle = LOOKS[stroke.colour][night];
      ctx.lineWidth = w;
      ctx.stroke(ink.path);
    }
    for (const line of fresh) {
      ctx.strokeStyle = LOOKS[line.colour][night];
      ctx.lineWidth = line.width;
      ctx.stroke(pathOf(line.points));
    }
  }

  /** @param {number} x @param {number} y */
  function toScreen(x, y) {
    return [width / 2 + (x - view.x) * view.scale, height / 2 + (y - view.y) * view.scale];
  }

  /** @param {number} x @param {number} y */
  function toBoard(x, y) {
    return { x: view.x + (x - width / 2) / view.scale, y: view.y + (y - height / 2) / view.scale };
  }

  /** Own lines that are there whole need not be painted twice. */
  function settle() {
    for (let i = fresh.length - 1; i >= 0; i--) {
      const { key, sent, isDone } = fresh[i];
      if (isDone && key && (inks.get(key)?.bytes ?? 0) >= sent) fresh.splice(i, 1);
    }
  }

  dark.addEventListener("change", dirty);
  window.addEventListener("resize", resize);
  resize();

  return {
    view,
    toScreen,
    toBoard,
    dirty,

    /** Takes what is in a room, now and later. @param {any} room */
    follow(room) {
      const { ink } = room.state;
      strokes = room.state.strokes;
      /** @param {{stroke: number, points: Uint8Array}} piece @param {number} key */
      const take = (piece, key) => {
        let all = inks.get(piece.stroke);
        if (!all)
          inks.set(
            piece.stroke,
            (all = { pieces: new Map(), bytes: 0, points: [], path: null, box: [] }),
          );
        all.bytes += piece.points.length - (all.pieces.get(key)?.length ?? 0);
        all.pieces.set(key, piece.points.slice());
        all.path = null;
        isDirty = true;
      };
      ink.on("add", take);
      ink.on("change", take);
      ink.on("remove", (/** @type {{stroke: number}} */ piece) => {
        inks.delete(piece.stroke); // all pieces of a stroke go together
        isDirty = true;
      });
      strokes.on("add", (/** @type {{by: number}} */ stroke, /** @type {number} */ key) => {
        const line = stroke.by === room.id && fresh.find((each) => !each.key);
        if (line) line.key = key;
        isDirty = true;
      });
      for (const what of ["change", "remove"]) strokes.on(what, dirty);
      room.on("state", settle);
    },

    /** Begins a line of one's own. @param {string} colour @param {number} lineWidth */
    begin(colour, lineWidth) {
      /** @type {typeof fresh[0]} */
      const line = { points: [], colour, width: lineWidth, key: 0, sent: 0, isDone: false };
      fresh.push(line);
      return line;
    },

    /** Lines of one's own that will never come are no longer shown. */
    forgetFresh() {
      fresh.length = 0;
      isDirty = true;
    },

    /** The uppermost stroke at a place, or 0. @param {number} x @param {number} y units @param {number} reach */
    strokeAt(x, y, reach) {
      let found = 0;
      for (const [key, stroke] of strokes) {
        const ink = inks.get(key);
        const far = reach + stroke.width / 2;
        if (stroke.hidden || !ink?.path) continue;
        const [x0, y0, x1, y1] = ink.box;
        if (x < x0 - far || y < y0 - far || x > x1 + far || y > y1 + far) continue;
        for (let i = 0; i < ink.points.length; i += 2) {
          // The nearest place on the way from the point before.
          const [bx, by] = [ink.points[i], ink.points[i + 1]];
          const [ax, ay] = i > 0 ? [ink.points[i - 2], ink.points[i - 1]] : [bx, by];
          const long = (bx - ax) ** 2 + (by - ay) ** 2;
          const t = long
            ? Math.min(Math.max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long, 0), 1)
            : 0;
          if (Math.hypot(ax + t * (bx - ax) - x, ay + t * (by - ay) - y) > far) continue;
          found = key;
          break;
        }
      }
      return found;
    },

    /** Moves the view by pixels. @param {number} dx @param {number} dy */
    pan(dx, dy) {
      view.x -= dx / view.scale;
      view.y -= dy / view.scale;
      clampAll();
    },

    /** Zooms, and keeps the place under a point where it is. @param {number} by @param {number} px @param {number} py */
    zoom(by, px = width / 2, py = height / 2) {
      const before = toBoard(px, py);
      view.scale *= by;
      view.scale = Math.min(Math.max(view.scale, MIN_SCALE), MAX_SCALE);
      const after = toBoard(px, py);
      view.x += before.x - after.x;
      view.y += before.y - after.y;
      clampAll();
    },

    /** Shows everything that is on the board, or its middle. @param {number[][]} boxes of other things */
    fit(boxes) {
      paint(); // paths and boxes of all strokes are known after that
      const shown = [...strokes].filter(([key, s]) => !s.hidden && inks.get(key)?.points.length);
      const all = [...boxes, ...shown.map(([key]) => inks.get(key)?.box ?? [])];
      const x0 = Math.min(...all.map((b) => b[0]));
      const y0 = Math.min(...all.map((b) => b[1]));
      const x1 = Math.max(...all.map((b) => b[2]));
      const y1 = Math.max(...all.map((b) => b[3]));
      if (all.length === 0)
        Object.assign(view, { x: SIZE / 2, y: SIZE / 2, scale: width < 700 ? 0.7 : 1 });
      else {
        view.scale = Math.min((width - 80) / (x1 - x0 + 1), (height - 230) / (y1 - y0 + 1), 1.25);
        view.x = (x0 + x1) / 2;
        view.y = (y0 + y1) / 2 + 15 / view.scale;
      }
      clampAll();
    },

    /** Paints, if something has changed. */
    frame() {
      if (isDirty) paint();
    },
  };
}
