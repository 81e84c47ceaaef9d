// SPDX-License-Identifier: MIT
// @ts-check
/*
 * table - what one sees at a table: the others, the pile, one's own hand.
 *
 * `draw` looks at the whole state after each frame from the server and brings the
 * page up to it; elements of cards and seats stay the same as long as what they
 * show is there, so that a card can be seen to move and focus is not lost.
 */

import { makeAvatar } from "../_parlor/people.js";
import { drawCard, drawSuit, fits, nameOf, placeOf, rankOf, SUITS } from "./deck.js";

const TURN_S = 25; // as in game.lua, for the ring
const MOVE_MS = 280;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} className @param {string} [text] */
function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {Element | null} element @param {string} text */
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Lets an element come from where something else is. @param {Element} element @param {DOMRect | undefined} from */
function fly(element, from) {
  if (!from || calm.matches || document.hidden) return;
  const to = element.getBoundingClientRect();
  if (to.width === 0 || from.width === 0) return;
  const move = `translate(${from.left - to.left}px, ${from.top - to.top}px) scale(${from.width / to.width})`;
  element.animate(
    [
      { transform: move, transformOrigin: "0 0" },
      { transform: "none", transformOrigin: "0 0" },
    ],
    { duration: MOVE_MS, easing: "cubic-bezier(.2,.7,.3,1)" },
  );
}

/** @param {any} room */
export function makeTable(room) {
  const { state } = room;
  const hand = byId("hand");
  const pile = byId("pile");
  const stock = /** @type {HTMLButtonElement} */ (byId("stock"));
  const drawButton = /** @type {HTMLButtonElement} */ (byId("draw"));
  const passButton = /** @type {HTMLButtonElement} */ (byId("pass"));
  const suits = /** @type {HTMLDialogElement} */ (byId("suits"));
  const stop = new AbortController();
  const { signal } = stop;

  /** @type {Map<number, {root: HTMLElement, update: (seat: any) => void, cards: Element}>} */
  const seats = new Map();
  /** @type {Map<number, {item: HTMLElement, button: HTMLButtonElement}>} */
  const held = new Map();
  let pileShown = "";
  /** Where the card that is laid next comes from. @type {DOMRect | undefined} */
  let source;
  let turnBefore = 0;
  let ended = false;

  const isMine = () => state.turn === room.id && room.status === "live";
  const own = () => state.seats.get(room.id);
  const top = () => state.pile[state.pile.length - 1];
  const nameOfSeat = (/** @type {number} */ id) =>
    id === room.id ? "You" : (state.seats.get(id)?.name ?? "Somebody");

  /* Who sits here. */

  /** @param {number} id @param {any} seat */
  function makeSeat(id, seat) {
    const root = make(id === room.id ? "div" : "li", "seat");
    const ring = make("span", "ring");
    ring.append(makeAvatar(seat.name, id));
    const words = make("div", "words");
    const name = make("span", "name");
    const note = make("span", "note");
    words.append(name, note);
    const cards = make("span", "backs");
    root.append(ring, words, cards);
    let shown = "";

    return {
      root,
      cards,
      /** @param {any} now */
      update(now) {
        const turn = state.turn === id;
        const plays = state.phase === "play" && state.order.includes(id);
        root.classList.toggle("turn", turn);
        root.classList.toggle("off", now.who === "away");
        ring.style.setProperty("--left", turn ? String(state.left / TURN_S) : "0");
        setText(name, id === room.id ? `${now.name} (you)` : now.name);
        const who = { here: "", away: " · away (bot)", bot: " · bot" }[
          /** @type {"here" | "away" | "bot"} */ (now.who)
        ];
        const waits = state.phase === "play" && !plays ? " · next round" : "";
        setText(note, `${now.points} pts${who}${waits}`);
        if (id === room.id) return;
        // Backs while the round is on, what was left over after it.
        const faces = state.phase === "play" ? [] : now.shown;
        const n = state.phase === "play" ? now.count : faces.length;
        const look = `${n} ${faces}`;
        if (look === shown) return;
        shown = look;
        const some = faces.length ? faces : Array(Math.min(n, 7)).fill(null);
        cards.replaceChildren(
          ...some.map((/** @type {number | null} */ card) => drawCard(card)),
          make("b", "count", n > 0 ? String(n) : ""),
        );
        cards.setAttribute("role", "img");
        const what = faces.length
          ? faces.map(nameOf).join(", ")
          : `${n} ${n === 1 ? "card" : "cards"}`;
        cards.setAttribute("aria-label", n > 0 ? what : "no cards");
      },
    };
  }

  /** Ids as one sees them: clockwise from oneself, in the order of play. */
  function seated() {
    const order = [...state.order];
    const all = [...order, ...[...state.seats.keys()].filter((id) => !order.includes(id))];
    const start = all.indexOf(room.id) + 1;
    return [...all.slice(start), ...all.slice(0, start)].filter((id) => state.seats.has(id));
  }

  function drawSeats() {
    const ids = seated();
    for (const [id, { root }] of seats)
      if (!ids.includes(id)) {
        root.remove();
        seats.delete(id);
      }
    for (const id of ids) {
      const row = state.seats.get(id);
      let seat = seats.get(id);
      if (!seat) seats.set(id, (seat = makeSeat(id, row)));
      seat.update(row);
      const home = byId(id === room.id ? "me" : "others");
      if (home.lastElementChild !== seat.root) home.append(seat.root);
    }
    if (room.spectator && !byId("me").firstChild)
      byId("me").append(make("p", "watching", "You are watching. Cards in hand stay hidden."));
  }

  /* The middle of the table. */

  function drawPile() {
    const now = String(state.pile);
    if (now === pileShown) return;
    const isNew = pileShown !== "" && now.startsWith(pileShown);
    pileShown = now;
    const few = state.pile.slice(-4);
    pile.replaceChildren(
      ...few.map((/** @type {number} */ card) => {
        const picture = drawCard(card);
        picture.style.setProperty("--lean", `${((card * 37) % 17) - 8}deg`);
        return picture;
      }),
    );
    // From the hand, or from the seat of who was on turn.
    const from = source ?? seats.get(turnBefore)?.cards.getBoundingClientRect();
    if (isNew && pile.lastElementChild) fly(pile.lastElementChild, from);
    source = undefined;
  }

  function drawMiddle() {
    const isOn = state.phase === "play";
    drawPile();
    pile.setAttribute("aria-label", isOn ? `On the pile: ${nameOf(top())}` : "The pile");
    const suit = byId("suit");
    if (suit.dataset.suit !== state.suit || !suit.firstChild)
      suit.replaceChildren(drawSuit(state.suit));
    suit.dataset.suit = state.suit;
    suit.setAttribute("aria-label", `Suit to follow: ${state.suit}`);
    suit.classList.toggle("named", isOn && rankOf(top()) === 8);
    const cards = state.stock === 0 ? 0 : state.stock > 20 ? 3 : state.stock > 5 ? 2 : 1;
    if (stock.childElementCount !== cards)
      stock.replaceChildren(...Array.from({ length: cards }, () => drawCard(null)));
    setText(byId("stock-count"), `${state.stock} to draw`);
    setText(byId("pile-count"), `${state.pile.length} on the pile`);
    for (const id of ["stock", "pile", "suit", "stock-count", "pile-count"])
      byId(id).hidden = !isOn;
  }

  /* Before the first round and between two. */

  let betweenShown = "";
  function drawBetween() {
    const panel = byId("between");
    panel.hidden = state.phase === "play";
    if (panel.hidden) {
      betweenShown = "";
      return;
    }
    const all = [...state.seats];
    const bots = all.filter(([, seat]) => seat.who === "bot").length;
    const look = JSON.stringify([
      state.phase,
      state.winner,
      all.map(([id, s]) => [id, s.name, s.points, s.who]),
    ]);
    if (look !== betweenShown) {
      betweenShown = look;
      const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.act;
      panel.replaceChildren(...contents(all, bots));
      if (focused)
        /** @type {HTMLElement | null} */ (panel.querySelector(`[data-act=${focused}]`))?.focus();
    }
    setText(
      panel.querySelector(".next"),
      state.phase === "wait"
        ? ""
        : all.length < 2
          ? ""
          : `The next cards are dealt in ${state.left} s.`,
    );
  }

  /** @param {[number, any][]} all @param {number} bots */
  function contents(all, bots) {
    const winner = state.seats.get(state.winner);
    const verb = state.winner === room.id ? "win" : "wins";
    const title =
      state.phase === "wait"
        ? all.length < 2
          ? "Waiting for others"
          : "Ready when you are"
        : !winner
          ? "Nobody could go on"
          : `${nameOfSeat(state.winner)} ${verb} the ${state.phase === "won" ? "game" : "round"}`;
    const parts = [make("h2", "", title)];
    if (state.phase === "wait")
      parts.push(make("p", "", "Invite somebody, or let bots sit down. Two to six can play."));
    else {
      const list = make("ol", "scores");
      for (const [id, seat] of [...all].sort(([, a], [, b]) => b.points - a.points)) {
        const row = make("li", id === room.id ? "mine" : "");
        row.append(make("span", "", seat.name), make("b", "", String(seat.points)));
        list.append(row);
      }
      parts.push(list);
    }
    if (!room.spectator) {
      const row = make("div", "row");
      row.append(
        act("bot", "Add a bot", all.length < 6, () => room.send("bot", { add: true })),
        act("unbot", "Remove a bot", bots > 0, () => room.send("bot", { add: false })),
        act("deal", state.phase === "wait" ? "Deal" : "Deal now", all.length > 1, () =>
          room.send("deal"),
        ),
      );
      row.lastElementChild?.classList.remove("quiet");
      parts.push(row);
    }
    parts.push(make("p", "next"));
    return parts;
  }

  /** @param {string} id @param {string} text @param {boolean} can @param {() => void} fn */
  function act(id, text, can, fn) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "button quiet", text));
    button.dataset.act = id;
    button.disabled = !can;
    button.addEventListener("click", fn);
    return button;
  }

  /* One's own hand. */

  /** @param {number} card */
  function makeHeld(card) {
    const item = make("li", "");
    const button = /** @type {HTMLButtonElement} */ (make("button", "held"));
    button.append(drawCard(card));
    button.addEventListener("click", () => play(card));
    item.append(button);
    return { item, button };
  }

  function drawHand() {
    const cards = [...(own()?.hand ?? [])].sort((a, b) => placeOf(a) - placeOf(b));
    const before = document.activeElement;
    for (const [card, { item, button }] of held)
      if (!cards.includes(card)) {
        if (button === before)
          /** @type {HTMLElement | null} */ (
            (item.nextElementSibling ?? item.previousElementSibling)?.firstElementChild
          )?.focus();
        item.remove();
        held.delete(card);
      }
    /** @type {Element[]} */
    const drawn = [];
    cards.forEach((card, i) => {
      let mine = held.get(card);
      if (!mine) {
        held.set(card, (mine = makeHeld(card)));
        drawn.push(mine.item);
      }
      if (hand.children[i] !== mine.item) hand.insertBefore(mine.item, hand.children[i] ?? null);
      const can = isMine() && fits(card, top(), state.suit);
      mine.button.classList.toggle("fits", can);
      mine.button.setAttribute("aria-disabled", String(!can));
      mine.button.setAttribute(
        "aria-label",
        nameOf(card) + (isMine() ? (can ? ", fits" : ", does not fit") : ""),
      );
    });
    spread();
    // Those that were dealt come one after the other from the stock.
    for (const item of drawn) fly(item, stock.getBoundingClientRect());

    const mine = isMine();
    const isOut = state.stock === 0 && state.pile.length < 2;
    drawButton.disabled = stock.disabled = !mine || state.drawn || isOut;
    passButton.disabled = !mine || !(state.drawn || isOut);
    stock.setAttribute("aria-label", "Draw a card from the stock");
    byId("own").classList.toggle("turn", mine);
    byId("own").classList.toggle("idle", state.phase !== "play");
    byId("moves").hidden = room.spectator;
  }

  /** As much of each card as there is room for; two rows where one is too narrow. */
  function spread() {
    const n = held.size;
    const wide = hand.clientWidth;
    const card = hand.firstElementChild?.clientWidth ?? 70;
    const rows = n > 1 && (wide - card) / (n - 1) < 25 ? 2 : 1;
    const each = Math.ceil(n / rows);
    const step = Math.min(card + 8, each > 1 ? (wide - card) / (each - 1) : 0);
    const left = (wide - card - step * (each - 1)) / 2;
    hand.style.setProperty("--rows", String(rows));
    [...hand.children].forEach((item, i) => {
      const { style } = /** @type {HTMLElement} */ (item);
      style.setProperty("--x", `${left + (i % each) * step}px`);
      style.setProperty("--row", String(Math.floor(i / each)));
    });
  }

  /** @param {number} card */
  async function play(card) {
    if (!isMine())
      return toast(state.phase === "play" ? "it is not your turn" : "the round is over");
    if (!fits(card, top(), state.suit)) return toast("it fits neither suit nor rank");
    const suit = rankOf(card) === 8 && own().count > 1 ? await askSuit() : "clubs";
    if (!suit || !isMine()) return;
    source = held.get(card)?.item.getBoundingClientRect();
    room.send("play", { card, suit });
  }

  /** @returns {Promise<string>} "" if none */
  function askSuit() {
    suits.returnValue = "";
    suits.showModal();
    return new Promise((done) =>
      suits.addEventListener("close", () => done(suits.returnValue), { once: true }),
    );
  }

  const draw1 = () => !drawButton.disabled && room.send("draw");
  const pass = () => !passButton.disabled && room.send("pass");

  /* Keys: D and P, and the arrows walk through the hand. */
  window.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
        return;
      if (event.key === "d") draw1();
      if (event.key === "p") pass();
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || hand.childElementCount === 0) return;
      const buttons = [...hand.querySelectorAll("button")];
      const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
      buttons[(at + way + buttons.length) % buttons.length].focus();
      event.preventDefault();
    },
    { signal },
  );
  drawButton.addEventListener("click", draw1, { signal });
  stock.addEventListener("click", draw1, { signal });
  passButton.addEventListener("click", pass, { signal });
  suits.querySelector(".suits")?.replaceChildren(
    ...SUITS.map((suit) => {
      const button = make("button", "button quiet");
      button.append(drawSuit(suit), suit);
      button.addEventListener("click", () => suits.close(suit));
      return button;
    }),
  );
  const sizes = new ResizeObserver(spread);
  sizes.observe(hand);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let toastTimer;

  /** @param {string} why */
  function toast(why) {
    const text = byId("toast");
    text.textContent = `${why[0].toUpperCase()}${why.slice(1)}.`;
    text.classList.remove("gone");
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => text.classList.add("gone"), 2600);
  }

  let wasAway = false;

  return {
    toast,

    /** What somebody did, in words. It comes behind the state that it has led to. */
    say(/** @type {{by: number, what: string, card: number | null}} */ { by, what, card }) {
      if (by === room.id && what !== "late") return;
      const who = nameOfSeat(by);
      const words = {
        play: `${who} plays the ${card === null ? "card" : nameOf(card)}.`,
        draw: `${who} draws a card.`,
        pass: `${who} passes.`,
        late: by === room.id ? "Your time was up." : `${who} took too long.`,
      }[what];
      setText(byId("said"), isMine() ? `${words} Your turn.` : (words ?? ""));
    },

    draw() {
      if (ended) return;
      byId("table").classList.toggle("away", room.status !== "live");
      drawSeats();
      drawMiddle();
      drawBetween();
      drawHand();
      if (room.status !== "live")
        setText(byId("said"), "Connection lost. A bot plays for you meanwhile.");
      else if (isMine() && state.drawn) setText(byId("said"), "Play the card, or pass.");
      else if (isMine() && turnBefore !== room.id) setText(byId("said"), "Your turn.");
      else if (wasAway) setText(byId("said"), "You are back.");
      wasAway = room.status !== "live";
      turnBefore = state.turn;
      if (suits.open && !isMine()) suits.close("");
    },

    /** The seat is gone. */
    end() {
      ended = true;
      stop.abort();
      sizes.disconnect();
      if (suits.open) suits.close("");
      for (const id of ["others", "me", "hand", "pile", "stock", "between"])
        byId(id).replaceChildren();
      byId("said").textContent = "";
    },
  };
}
