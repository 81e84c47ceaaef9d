// SPDX-License-Identifier: MIT
// @ts-check
/*
 * input - what the player wants, from keys, mouse and fingers: a heading, full thrust or
 * none, fire or not. Asked once a tick.
 */

const KEYS = new Set(["ArrowUp", "ArrowLeft", "ArrowRight", "KeyW", "KeyA", "KeyD", "Space"]);
const REACH = 38; // px that the stick moves

/** Whether keys go to something else. @param {EventTarget | null} target */
const isTyping = (target) => target instanceof HTMLInputElement;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {() => { x: number, y: number }} middle where the own ship is drawn
 */
export function makeInput(canvas, middle) {
  /** @type {Set<string>} */
  const keys = new Set();
  /** @type {{ x: number, y: number } | null} the mouse, while it aims */
  let pointer = null;
  let buttons = 0;
  /** @type {{ x: number, y: number } | null} the stick, -1 to 1 */
  let stick = null;
  let isFiring = false; // by the button

  addEventListener("keydown", (e) => {
    if (!KEYS.has(e.code) || isTyping(e.target) || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target instanceof HTMLButtonElement && e.code === "Space") return;
    keys.add(e.code);
    if (/Left|Right|A$|D$/.test(e.code)) pointer = null; // from now on the keys turn
    e.preventDefault();
  });
  addEventListener("keyup", (e) => keys.delete(e.code));
  addEventListener("blur", () => {
    keys.clear();
    buttons = 0;
  });

  const aim = (/** @type {PointerEvent} */ e) => {
    if (e.pointerType !== "mouse") return;
    pointer = { x: e.clientX, y: e.clientY };
    buttons = e.buttons;
  };
  for (const type of /** @type {const} */ (["pointermove", "pointerdown", "pointerup"]))
    canvas.addEventListener(type, aim);
  canvas.addEventListener("contextmenu", (e) => e.preventDefault());

  // Fingers: a stick on the left, a button on the right.
  const pad = /** @type {HTMLElement} */ (document.getElementById("stick"));
  const move = (/** @type {PointerEvent} */ e) => {
    const box = pad.getBoundingClientRect();
    const dx = (e.clientX - box.x - box.width / 2) / REACH;
    const dy = (e.clientY - box.y - box.height / 2) / REACH;
    const far = Math.max(1, Math.hypot(dx, dy));
    stick = { x: dx / far, y: dy / far };
    pad.style.setProperty("--x", `${stick.x * REACH}px`);
    pad.style.setProperty("--y", `${stick.y * REACH}px`);
  };
  const let_go = () => {
    stick = null;
    pad.style.setProperty("--x", "0px");
    pad.style.setProperty("--y", "0px");
  };
  pad.addEventListener("pointerdown", (e) => {
    pad.setPointerCapture(e.pointerId);
    move(e);
  });
  pad.addEventListener("pointermove", (e) => stick && move(e));
  pad.addEventListener("pointerup", let_go);
  pad.addEventListener("pointercancel", let_go);
  const button = /** @type {HTMLElement} */ (document.getElementById("fire"));
  const hold = (/** @type {boolean} */ on) => () => {
    isFiring = on;
    button.classList.toggle("held", on);
  };
  button.addEventListener("pointerdown", hold(true));
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(type, hold(false));

  const down = (/** @type {string[]} */ ...names) => names.some((name) => keys.has(name));

  return {
    /** @param {number} angle of the ship */
    read(angle) {
      const thrust = down("ArrowUp", "KeyW") || (buttons & 2) !== 0;
      const fire = keys.has("Space") || (buttons & 1) !== 0 || isFiring;
      if (stick) {
        const isFar = Math.hypot(stick.x, stick.y) > 0.45;
        return { aim: Math.atan2(stick.y, stick.x), thrust: isFar, fire };
      }
      if (pointer) {
        const { x, y } = middle();
        return { aim: Math.atan2(pointer.y - y, pointer.x - x), thrust, fire };
      }
      const turn = Number(down("ArrowRight", "KeyD")) - Number(down("ArrowLeft", "KeyA"));
      return { aim: angle + turn * 0.6, thrust, fire };
    },
  };
}
