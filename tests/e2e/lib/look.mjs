// SPDX-License-Identifier: MIT
/*
 * look - what a test can say of a page's looks: text against its ground by WCAG's
 * contrast (AA: 4.5, large text 3), names for whatever one can press or fill in,
 * nothing that sticks out sideways. Grounds are computed: colours with their
 * alpha over those behind them, of a gradient the worst of its colours.
 */
import assert from "node:assert/strict";

import { until } from "./server.mjs";

const PATIENCE_MS = 10000;

/** Runs in the page; returns a line for each fault. */
function faults() {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const cache = new Map();
  function rgba(colour) {
    if (!cache.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      cache.set(colour, [r, g, b, a / 255]);
    }
    return cache.get(colour);
  }
  const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
  function luminance(rgb) {
    const [r, g, b] = rgb.map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function contrast(a, b) {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  }
  /** All grounds that may be behind an element. */
  function grounds(element) {
    if (!element) return [rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3)];
    const style = getComputedStyle(element);
    const own = rgba(style.backgroundColor);
    const stops = style.backgroundImage.match(/(?:rgba?|color|oklab)\([^()]*\)/g) ?? [];
    const behind = own[3] === 1 && !stops.length ? [[0, 0, 0]] : grounds(element.parentElement);
    const flat = behind.map((under) => over(own, under));
    return stops.length ? stops.flatMap((stop) => flat.map((u) => over(rgba(stop), u))) : flat;
  }
  function opacity(element) {
    let all = 1;
    for (let e = element; e; e = e.parentElement) all *= Number(getComputedStyle(e).opacity);
    return all;
  }
  const where = (e) =>
    `<${e.tagName.toLowerCase()}${e.id ? ` id=${e.id}` : ""} class="${e.className}">`;
  const isThere = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const found = [];

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("svg, script, style, .unseen, :disabled")) continue;
    if (!isThere(element)) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const [r, g, b, a] = rgba(style.color);
    for (const ground of grounds(element)) {
      const ratio = contrast(over([r, g, b, a * opacity(element)], ground), ground);
      if (ratio >= least) continue;
      found.push(
        `contrast ${ratio.toFixed(2)}: ${where(element)} "${node.data.trim().slice(0, 40)}"`,
      );
      break;
    }
  }
  for (const e of document.querySelectorAll(
    "button, a[href], input, textarea, select, dialog, [role=img]",
  )) {
    if (!isThere(e) || e.type === "hidden") continue;
    const by = e
      .getAttribute("aria-labelledby")
      ?.split(" ")
      .map((id) => document.getElementById(id)?.textContent);
    const name =
      e.getAttribute("aria-label") ??
      by?.join(" ") ??
      (e.labels?.[0]?.textContent ||
        (/^(BUTTON|A)$/.test(e.tagName) ? e.textContent : "") ||
        e.title);
    if (!name?.trim()) found.push(`no name: ${where(e)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} pixels stick out sideways`);
  return found;
}

/** Fails with all faults of a page, by day and by night. */
export async function isReadable(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForTimeout(400); // transitions of colours have an end, later on busy machines
    let found;
    const isFine = async () => (found = await page.evaluate(faults)).length === 0;
    await until("a page without faults", isFine, PATIENCE_MS).catch((error) => {
      if (!found?.length) throw error;
    });
    assert.deepEqual(found, [], `${colorScheme}: ${page.url()}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
}
