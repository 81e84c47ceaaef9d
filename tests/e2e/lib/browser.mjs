// SPDX-License-Identifier: MIT
/*
 * browser - Debian's Chromium, driven by playwright-core.
 *
 * Each page() has a context of its own, so it is another person with another
 * storage. What a page complains about (console errors, exceptions, requests
 * that fail) is collected in page.complaints; a test asserts that there are
 * none.
 */
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

import { root } from "./server.mjs";

const artifacts = path.join(root, "build/artifacts");

export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  fs.mkdirSync(artifacts, { recursive: true });

  return {
    /** A page of a new person, `width` pixels wide. */
    async page(url, { width = 1280, height = 800, touch = false } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        hasTouch: touch,
        isMobile: touch,
      });
      const page = await context.newPage();
      page.complaints = [];
      page.on("console", (message) => {
        if (message.type() === "error") page.complaints.push(message.text());
      });
      page.on("pageerror", (error) => page.complaints.push(String(error)));
      page.on("response", (response) => {
        if (response.status() >= 400)
          page.complaints.push(`${response.status()} ${response.url()}`);
      });
      await page.goto(url);
      return page;
    },
    /** Saves build/artifacts/NAME.png. */
    shot: (page, name) => page.screenshot({ path: path.join(artifacts, `${name}.png`) }),
    close: () => browser.close(),
  };
}
