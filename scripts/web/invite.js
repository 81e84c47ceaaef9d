// SPDX-License-Identifier: MIT
// @ts-check
/*
 * invite - a dialog with a room's code and its link, to copy, to share, or to scan.
 *
 * A page at localhost has no address for others. The server knows one where it listens
 * on all of them in dev; else the dialog says how. Looks: parlor.css. Clipboards are only there on https and on localhost; where
 * there is none the link is selected, ready for the keyboard.
 */

import { place } from "./place.js";

/** @param {string} tag @param {string} className @param {string} text */
function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

/** Where others find this server: an origin, or null where they do not. */
async function openOrigin() {
  if (!LOOPBACK.test(location.hostname)) return location.origin;
  try {
    const answer = await fetch(new URL("./games", import.meta.url), { cache: "no-store" });
    const { network } = await answer.json();
    return network.length ? `${location.protocol}//${network[0]}:${location.port}` : null;
  } catch {
    return null;
  }
}

/**
 * Shows the dialog. It removes itself when it is closed.
 * @param {{title: string, text: string, code?: string, path: string}} what `path` of
 *   the room's page, for example "./k7mq2p", or "/cards/k7mq2p" as for join()
 */
export function invite({ title, text, code, path }) {
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", "dialog invite", ""));
  const heading = make("h2", "", title);
  heading.id = "invite-title";
  dialog.setAttribute("aria-labelledby", heading.id);

  const link = /** @type {HTMLInputElement} */ (make("input", "input", ""));
  link.readOnly = true;
  const url = place(path);
  link.value = url.href;
  link.setAttribute("aria-label", "Link");
  link.addEventListener("focus", () => link.select());

  const copy = /** @type {HTMLButtonElement} */ (make("button", "button", "Copy link"));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(link.value);
      copy.textContent = "Copied";
    } catch {
      link.focus();
    }
  });
  const row = make("div", "row", "");
  row.append(link, copy);

  const done = /** @type {HTMLButtonElement} */ (make("button", "button quiet", "Done"));
  done.addEventListener("click", () => dialog.close());
  const foot = make("div", "foot", "");
  if ("share" in navigator) {
    const share = make("button", "button quiet", "Share…");
    share.addEventListener("click", () =>
      navigator.share({ title, url: link.value }).catch(() => {}),
    );
    foot.append(share);
  }
  foot.append(done);

  // Room for the picture from the start, so that nothing jumps when it comes.
  const scan = make("div", "scan", "");
  openOrigin().then(async (origin) => {
    if (!origin) {
      scan.append(
        make("p", "", "Only this machine finds it here. For phones on your network start"),
        make("code", "", "parlor dev --host 0.0.0.0"),
      );
      return;
    }
    link.value = url.href.replace(location.origin, origin);
    const { qrSvg } = await import("./qr.js");
    scan.append(qrSvg(link.value, "The link as a QR code"));
  });

  dialog.append(heading, make("p", "", text));
  if (code) dialog.append(make("p", "code", code));
  dialog.append(row, scan, foot);
  dialog.addEventListener("close", () => dialog.remove());
  // A click beside it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  copy.focus();
}
