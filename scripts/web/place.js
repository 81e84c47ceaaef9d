// SPDX-License-Identifier: MIT
// @ts-check
/*
 * place - what a path such as "/pond" is on a server that lives below a base path.
 *
 * Nobody tells the page the base path: this file is <base>/_parlor/place.js. In a bundle,
 * or in Node, it lies elsewhere, and then there is none.
 */

const OWN = /^(https?:\/\/[^/]+)(\/.+)\/_parlor\/[^/?#]+$/; // origin, base path

/** The server's base path, "" without one. */
export const base = OWN.exec(import.meta.url)?.[2] ?? "";

/**
 * The whole address. A path from the root is below the base path, unless it is in the
 * page's own folder as it stands: `location.pathname` is a path, too. All else is what it
 * is to the browser, and so is every path where the SDK came from another origin.
 * @param {string} path @param {string} [page] @param {string} [module] a file of the SDK
 * @returns {URL} throws a TypeError where that is none
 */
export function place(path, page = globalThis.location?.href, module = import.meta.url) {
  const url = new URL(path, page);
  const [, origin, base] = OWN.exec(module) ?? [];
  if (!base || origin !== url.origin || !/^\/(?!\/)/.test(path)) return url;
  const folder = new URL(".", page).pathname; // "/games/pond/"
  const isWhole =
    folder.slice(0, -1).startsWith(`${base}/`) && `${url.pathname}/`.startsWith(folder);
  if (!isWhole) url.pathname = base + url.pathname;
  return url;
}
