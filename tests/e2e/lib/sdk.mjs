// SPDX-License-Identifier: MIT
/*
 * sdk - the browser's SDK in Node, with npm ws in the place of the browser's
 * WebSocket.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import WebSocket from "ws";

import { PATIENCE_MS, root } from "./server.mjs";

const client = await import(
  pathToFileURL(path.join(root, "scripts/web/client.js"))
);

/** A room joined the way a page does it, in the binary protocol. */
export const joinWithSdk = (server, at, options = {}, settings = {}) =>
  client.join(server.ws(at), options, { WebSocket, timeout: PATIENCE_MS, ...settings });

/** A map of the SDK's state as JSON clients hold it: keys are strings. */
export const rowsOf = (map) =>
  Object.fromEntries([...map].map(([id, row]) => [String(id), { ...row }]));
