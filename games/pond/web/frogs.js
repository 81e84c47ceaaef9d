// SPDX-License-Identifier: MIT
// @ts-check
/*
 * frogs - draws frogs, worms, rings on the water and other short-lived things.
 *
 * The server knows where a frog is and nothing else. That it looks where it
 * goes, stretches in a leap and blinks is made up here, from one frame to the
 * next; see `Pose`.
 */

/** @typedef {CanvasRenderingContext2D} Context */

const LEAP_S = 0.42; // how long a leap looks like one
const LEAP_SPEED = 4; // units a second from which it does

/** Colours far apart for ids close together. @param {number} id */
export function colourOf(id, lightness = 46) {
  return `hsl(${(95 + id * 137.5) % 360} 58% ${lightness}%)`;
}

/* What the page remembers about a frog between frames. */
class Pose {
  /** @param {number} x @param {number} y @param {number} id */
  constructor(x, y, id) {
    this.x = x;
    this.y = y;
    this.facing = -Math.PI / 2 + Math.sin(id * 7) * 0.8;
    this.leap = 1; // how far into the leap: 0 starts it, 1 is seated
    this.speed = 0;
    this.gulp = 0; // 1 right after a worm
  }

  /** Returns "up" or "down" when a leap begins or ends. */
  step(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ dt) {
    const [dx, dy] = [x - this.x, y - this.y];
    const before = this.speed;
    const speed = dt > 0 ? Math.hypot(dx, dy) / dt : 0;
    this.speed = before + (speed - before) * Math.min(1, dt * 25);
    if (speed > 1) {
      const turn = Math.atan2(dy, dx) - this.facing;
      const short = Math.atan2(Math.sin(turn), Math.cos(turn));
      this.facing += short * Math.min(1, dt * 16);
    }
    this.x = x;
    this.y = y;
    this.gulp = Math.max(0, this.gulp - dt * 2.5);
    const wasUp = this.leap < 1;
    this.leap = Math.min(1, this.leap + dt / LEAP_S);
    if (!wasUp && this.speed > LEAP_SPEED && this.speed > before) {
      this.leap = 0;
      return "up";
    }
    return wasUp && this.leap >= 1 ? "down" : "";
  }
}

/* Rings, bubbles and rising texts: each lives a while and is drawn by age. */
class Passing {
  constructor() {
    /** @type {{kind: "ring" | "bubble" | "text", x: number, y: number, born: number,
     *          life: number, size: number, text: string}[]} */
    this.things = [];
  }

  ring(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ t, size = 1) {
    this.things.push({ kind: "ring", x, y, born: t, life: 1.5, size, text: "" });
  }

  text(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ t, text = "") {
    this.things.push({ kind: "text", x, y, born: t, life: 1.1, size: 1, text });
  }

  bubbles(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ t) {
    for (let i = 0; i < 12; i++) {
      const a = i * 2.4;
      const d = 0.2 + 0.09 * i;
      const [bx, by] = [x + d * Math.cos(a), y + d * Math.sin(a)];
      const size = 0.08 + 0.03 * (i % 4);
      this.things.push({
        kind: "bubble",
        x: bx,
        y: by,
        born: t + i * 0.07,
        life: 1,
        size,
        text: "",
      });
    }
  }

  /** @param {Context} ctx @param {number} t @param {boolean} above draw what is over the frogs */
  draw(ctx, t, above) {
    if (above) this.things = this.things.filter((thing) => t - thing.born < thing.life);
    for (const thing of this.things) {
      const age = (t - thing.born) / thing.life;
      if (age < 0 || age > 1 || (thing.kind === "text") !== above) continue;
      const { x, y, size } = thing;
      if (thing.kind === "ring") {
        for (const lag of [0, 0.16, 0.32]) {
          const a = age * 1.32 - lag;
          if (a <= 0 || a >= 1) continue;
          const r = 0.25 + size * 2.1 * Math.sqrt(a);
          ctx.lineWidth = 0.1 * (1 - a) + 0.02;
          ctx.strokeStyle = `rgb(0 50 60 / ${0.26 * (1 - a)})`;
          strokeCircle(ctx, x + 0.05, y + 0.09, r);
          ctx.strokeStyle = `rgb(255 255 255 / ${0.6 * (1 - a) * (1 - lag)})`;
          strokeCircle(ctx, x, y, r);
        }
      } else if (thing.kind === "bubble") {
        ctx.lineWidth = 0.035;
        ctx.strokeStyle = `rgb(255 255 255 / ${0.85 * (1 - age)})`;
        strokeCircle(ctx, x, y - age * 0.25, size * (0.6 + age));
      } else {
        ctx.globalAlpha = 1 - age * age;
        write(ctx, thing.text, x, y - 1.4 - age * 1.3, 0.8, "#fff3b0", 750);
        ctx.globalAlpha = 1;
      }
    }
  }
}

/** @param {Context} ctx @param {number} x @param {number} y @param {number} r */
function strokeCircle(ctx, x, y, r) {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.stroke();
}

/** @param {Context} ctx @param {string} fill @param {number[]} at x, y, rx, ry, turn */
function blob(ctx, fill, [x, y, rx, ry, turn = 0]) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.ellipse(x, y, rx, ry, turn, 0, 2 * Math.PI);
  ctx.fill();
}

/* Text is set at 20 times its size: fonts of less than a pixel are not drawn
 * well everywhere. */
function write(
  /** @type {Context} */ ctx,
  /** @type {string} */ text,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ size,
  /** @type {string} */ fill,
  weight = 600,
) {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(size / 20, size / 20);
  ctx.font = `${weight} 20px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4.5;
  ctx.strokeStyle = "rgb(6 40 44 / 72%)";
  ctx.strokeText(text, 0, 0);
  ctx.fillStyle = fill;
  ctx.fillText(text, 0, 0);
  ctx.restore();
}

/* A frog from above, looking along +x, about two units long. `up` is 0 seated
 * and 1 in the middle of a leap. */
function drawBody(
  /** @type {Context} */ ctx,
  /** @type {number} */ id,
  /** @type {number} */ up,
  /** @type {number} */ gulp,
  /** @type {boolean} */ blink,
) {
  const skin = colourOf(id);
  const dark = colourOf(id, 33);
  const pale = colourOf(id, 64);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";

  for (const side of [-1, 1]) {
    // Hind leg: folded beside the body, straight behind it in a leap.
    const knee = [-0.3 - 0.5 * up, side * (0.78 - 0.3 * up)];
    const foot = [-0.72 - 0.85 * up, side * (0.62 - 0.14 * up)];
    ctx.strokeStyle = dark;
    ctx.lineWidth = 0.3;
    ctx.beginPath();
    ctx.moveTo(-0.4, side * 0.36);
    ctx.quadraticCurveTo(knee[0] + 0.28, knee[1] * 1.08, knee[0], knee[1]);
    ctx.lineTo(foot[0], foot[1]);
    ctx.stroke();
    // Front leg.
    const hand = [0.62 + 0.14 * up, side * (0.7 - 0.12 * up)];
    ctx.lineWidth = 0.2;
    ctx.beginPath();
    ctx.moveTo(0.24, side * 0.38);
    ctx.lineTo(hand[0] - 0.16, hand[1] + side * 0.02);
    ctx.lineTo(hand[0], hand[1]);
    ctx.stroke();
    ctx.lineWidth = 0.09;
    ctx.beginPath();
    for (const toe of [-0.5, 0, 0.5]) {
      ctx.moveTo(hand[0], hand[1]);
      ctx.lineTo(hand[0] + 0.2 * Math.cos(toe), hand[1] + 0.2 * Math.sin(toe + side * 0.3));
      ctx.moveTo(foot[0], foot[1]);
      ctx.lineTo(foot[0] - 0.24 * Math.cos(toe), foot[1] + 0.24 * Math.sin(toe + side * 0.3));
    }
    ctx.stroke();
  }

  // Body and head, with a lighter back and a few spots.
  const wide = 1 + 0.14 * gulp - 0.08 * up;
  ctx.beginPath();
  ctx.moveTo(0.86, 0);
  ctx.bezierCurveTo(0.86, 0.5 * wide, 0.3, 0.62 * wide, -0.1, 0.62 * wide);
  ctx.bezierCurveTo(-0.62, 0.6 * wide, -0.88, 0.3, -0.88, 0);
  ctx.bezierCurveTo(-0.88, -0.3, -0.62, -0.6 * wide, -0.1, -0.62 * wide);
  ctx.bezierCurveTo(0.3, -0.62 * wide, 0.86, -0.5 * wide, 0.86, 0);
  ctx.fillStyle = skin;
  ctx.fill();
  ctx.lineWidth = 0.07;
  ctx.strokeStyle = dark;
  ctx.stroke();
  ctx.globalAlpha *= 0.55;
  blob(ctx, pale, [-0.16, 0, 0.56, 0.2]);
  ctx.globalAlpha /= 0.55;
  for (const [x, y, r] of [
    [-0.5, 0.3, 0.1],
    [-0.12, 0.42, 0.12],
    [-0.34, -0.4, 0.12],
    [0.08, -0.4, 0.08],
  ])
    blob(ctx, dark, [x, y, r, r * 0.85]);

  for (const side of [-1, 1]) {
    blob(ctx, skin, [0.46, side * 0.39, 0.25, 0.25]);
    ctx.lineWidth = 0.05;
    ctx.strokeStyle = dark;
    ctx.stroke();
    if (blink) {
      ctx.lineWidth = 0.07;
      ctx.beginPath();
      ctx.moveTo(0.46, side * 0.28);
      ctx.lineTo(0.46, side * 0.5);
      ctx.stroke();
      continue;
    }
    blob(ctx, "#fffdf0", [0.5, side * 0.4, 0.18, 0.18]);
    blob(ctx, "#141c14", [0.55, side * 0.4, 0.1, 0.12]);
    blob(ctx, "#ffffff", [0.51, side * 0.4 - 0.05, 0.035, 0.035]);
  }
  blob(ctx, dark, [0.76, 0.09, 0.03, 0.03]);
  blob(ctx, dark, [0.76, -0.09, 0.03, 0.03]);
}

/** @param {Context} ctx @param {number} x @param {number} y */
function drawCrown(ctx, x, y) {
  ctx.save();
  ctx.translate(x, y);
  ctx.beginPath();
  ctx.moveTo(-0.36, 0.16);
  for (const [px, py] of [
    [-0.42, -0.24],
    [-0.19, -0.02],
    [0, -0.36],
    [0.19, -0.02],
    [0.42, -0.24],
    [0.36, 0.16],
  ])
    ctx.lineTo(px, py);
  ctx.closePath();
  ctx.fillStyle = "#f7c948";
  ctx.fill();
  ctx.lineWidth = 0.07;
  ctx.lineJoin = "round";
  ctx.strokeStyle = "#8a5a12";
  ctx.stroke();
  ctx.restore();
}

/** @param {Context} ctx @param {number} x @param {number} y @param {number} key @param {number} t */
function drawWorm(ctx, x, y, key, t) {
  const turn = key * 1.3 + 0.3 * Math.sin(t * 0.8 + key);
  const body = () => {
    ctx.beginPath();
    for (let i = 0; i <= 10; i++) {
      const px = (i / 10 - 0.5) * 1.0;
      const py = 0.13 * Math.sin(i * 0.85 + t * 4.5 + key);
      if (i === 0) ctx.moveTo(px, py);
      else ctx.lineTo(px, py);
    }
  };
  ctx.save();
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  ctx.translate(x, y);
  ctx.rotate(turn);
  body();
  ctx.lineWidth = 0.34;
  ctx.strokeStyle = "rgb(255 255 255 / 22%)";
  ctx.stroke();
  ctx.lineWidth = 0.25;
  ctx.strokeStyle = "#a8425c";
  ctx.stroke();
  ctx.lineWidth = 0.17;
  ctx.strokeStyle = "#f08a9c";
  ctx.stroke();
  ctx.setLineDash([0.03, 0.12]);
  ctx.lineCap = "butt";
  ctx.strokeStyle = "rgb(168 66 92 / 60%)";
  ctx.stroke();
  ctx.restore();
}

/** @param {Context} ctx */
export function makeFrogs(ctx) {
  /** @type {Map<number, Pose>} */
  const poses = new Map();
  const passing = new Passing();

  return {
    passing,

    /** A worm went down: show it. */
    gulp(/** @type {number} */ id) {
      const pose = poses.get(id);
      if (pose) pose.gulp = 1;
    },

    forget(/** @type {number} */ id) {
      poses.delete(id);
    },

    /** @param {Iterable<[number, {x: number, y: number}]>} worms @param {number} t */
    drawWorms(worms, t) {
      for (const [key, worm] of worms) drawWorm(ctx, worm.x, worm.y, key, t);
    },

    /**
     * @param {[number, {x: number, y: number, name: string, worms: number, away: boolean}][]} frogs
     * @param {{t: number, dt: number, me: number}} frame
     */
    draw(frogs, { t, dt, me }) {
      const best = Math.max(1, ...frogs.map(([, frog]) => frog.worms));
      for (const [id, frog] of frogs) {
        let pose = poses.get(id);
        if (!pose) poses.set(id, (pose = new Pose(frog.x, frog.y, id)));
        const what = pose.step(frog.x, frog.y, dt);
        if (what) passing.ring(frog.x, frog.y, t, what === "down" ? 1 : 0.75);

        const up = Math.sin(Math.PI * pose.leap);
        const size = 1 + 0.16 * up + 0.25 * (1 - 20 / (20 + frog.worms));
        ctx.save();
        ctx.globalAlpha = frog.away ? 0.38 : 1;
        if (id === me) {
          const pulse = 0.06 * Math.sin(t * 3);
          blob(ctx, "rgb(255 255 255 / 16%)", [frog.x, frog.y, 1.5 + pulse, 1.5 + pulse]);
          ctx.lineWidth = 0.09;
          ctx.strokeStyle = "rgb(255 255 255 / 80%)";
          ctx.setLineDash([0.5, 0.285]);
          ctx.lineDashOffset = -t * 0.4;
          strokeCircle(ctx, frog.x, frog.y, 1.5 + pulse);
          ctx.setLineDash([]);
        }
        const shadow = 0.12 + 0.5 * up;
        blob(ctx, "rgb(0 30 36 / 30%)", [
          frog.x + shadow * 0.6,
          frog.y + shadow,
          0.86 * size,
          0.7 * size,
          pose.facing,
        ]);
        ctx.translate(frog.x, frog.y - 0.45 * up);
        ctx.rotate(pose.facing);
        ctx.scale(size, size);
        drawBody(ctx, id, up, pose.gulp, (t + id * 1.7) % 4.3 < 0.13);
        ctx.restore();
      }
      // Names last, so that no frog covers them.
      for (const [id, frog] of frogs) {
        ctx.globalAlpha = frog.away ? 0.5 : 1;
        const y = frog.y - 1.75;
        write(ctx, frog.name, frog.x, y, id === me ? 0.86 : 0.74, "#ffffff", id === me ? 750 : 600);
        if (frog.worms === best && !frog.away) drawCrown(ctx, frog.x, y - 0.8);
      }
      ctx.globalAlpha = 1;
    },
  };
}
