// SPDX-License-Identifier: MIT
/*
 * lanes - the ways that bytes reach the server: in clear and over TLS, each with
 * and without an offer of permessage-deflate.
 *
 * row() makes one test of each lane. Beside what the row does, an honest client
 * sits on every lane from the first row to the last, and must get its echo after
 * each: whatever a row sends, it hurts nobody else.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import test, { after } from "node:test";

import { connect, frame, packedFrame, request, TEXT, upgrade } from "./raw.mjs";
import { startServer, temporaryFolder } from "./server.mjs";

/** The header of a client that offers compression. */
export const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** A certificate for this machine and its key, as arguments of the server. */
export function certificateArgs(folder = temporaryFolder()) {
  const cert = path.join(folder, "main.pem");
  const key = path.join(folder, "main.key");
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ],
    { stdio: "ignore" },
  );
  return ["--tls-cert", cert, "--tls-key", key];
}

class Lane {
  constructor(server, isSecure, offers, headers) {
    this.server = server;
    this.isSecure = isSecure;
    this.offers = offers;
    this.common = offers ? { ...OFFER, ...headers } : headers;
    this.to = { port: server.port, isSecure };
    this.inUse = [];
    this.name = `${isSecure ? "TLS" : "plain"}${offers ? ", deflate" : ""}`;
  }

  /** The lane's own headers, and these. */
  headers(more) {
    return { ...this.common, ...more };
  }

  /** A connection that ends with the row. */
  connect = async (options) => this.keep(await connect(this.to, options));
  request = (lines, options) => request(this.to, lines, options);

  /** An open WebSocket that ends with the row, of the echo game unless another path
   * is given. */
  open = async (at = "/echo", headers = {}, early) =>
    this.keep(await upgrade(this.to, at, this.headers(headers), early));

  keep(raw) {
    this.inUse.push(raw);
    return raw;
  }

  endAll() {
    for (const raw of this.inUse.splice(0)) raw.destroy();
  }

  /** A whole message of a client, compressed where the lane has agreed on that. */
  message = (op, payload) => (this.isPacked ? packedFrame(op, payload) : frame(op, payload));

  async assertEchoes(raw, text = "still here") {
    raw.write(this.message(TEXT, text));
    const got = await raw.message();
    assert.equal(got.text, text);
  }

  /** Sits down an honest client. */
  async sit() {
    this.honest = await upgrade(this.to, "/echo", this.headers());
    this.isPacked = this.honest.extensions !== undefined;
    assert.equal(this.isPacked, this.offers, `permessage-deflate, ${this.name}`);
  }

  assertHonest = () => this.assertEchoes(this.honest, "an honest word");
}

let isTesting = false;

/**
 * Starts a server in clear and one with TLS, both with these options, and returns
 * {lanes, row}; they end with the test file. `headers` go with every handshake. All
 * lanes of a file are opened before its first row: where only rows further down are
 * asked for by name, Node takes a wait between rows for the end of the file.
 *
 * row(id, what, run, {together, only}) tests `run(lane)` on each lane; with `together`
 * in one test and at the same time (rows that wait), with `only` where only(lane).
 */
export async function openLanes({ args = [], headers = {}, ...options } = {}) {
  assert.ok(!isTesting, "open all lanes before the first row");
  // The honest answer no pings, and rows of other lanes may last.
  const env = { PARLOR_DEAD_MS: "3600000" };
  const common = { games: ["echo", "chat"], command: "serve", env, ...options };
  const servers = await Promise.all([
    startServer({ ...common, args }),
    startServer({ ...common, args: [...certificateArgs(), ...args] }),
  ]);
  const lanes = servers.flatMap((server, i) => [
    new Lane(server, i === 1, false, headers),
    new Lane(server, i === 1, true, headers),
  ]);

  await Promise.all(lanes.map((lane) => lane.sit()));
  after(async () => {
    for (const lane of lanes) lane.honest.destroy();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const runOn = async (lane, run) => {
    try {
      await run(lane);
    } finally {
      lane.endAll();
    }
    await lane.assertHonest();
  };
  function row(id, what, run, { together = false, only = () => true } = {}) {
    const mine = lanes.filter(only);
    isTesting = true;
    if (together) {
      test(`${id} ${what} (every lane)`, () => Promise.all(mine.map((l) => runOn(l, run))));
      return;
    }
    for (const lane of mine) test(`${id} ${what} (${lane.name})`, () => runOn(lane, run));
  }
  return { lanes, row };
}
