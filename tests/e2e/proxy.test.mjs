// SPDX-License-Identifier: MIT
// Behind nginx and haproxy as people run them: who the client is, which Origin is
// ours, and sockets that stay open although the proxy cuts what is idle.
import assert from "node:assert/strict";
import net from "node:net";
import test from "node:test";
import WebSocket from "ws";

import { programs, startHaproxy, startNginx } from "./lib/frontends.mjs";
import { joinJ1 } from "./lib/player.mjs";
import { connect, request } from "./lib/raw.mjs";
import { startServer, until } from "./lib/server.mjs";

const TRUSTED = ["--trusted-proxies", "127.0.0.1, ::1"];

/** Runs `look` with a server in serve mode and a proxy before it. */
async function behind(start, args, look, options) {
  const server = await startServer({ command: "serve", args });
  let proxy;
  try {
    proxy = await start(server, options);
    await look(proxy, server);
  } finally {
    await proxy?.stop();
    await server.stop();
  }
}

/** An open socket, or the status that refused it. */
const open = (url, options = {}) =>
  new Promise((done, fail) => {
    const ws = new WebSocket(url, options);
    ws.on("open", () => done({ status: 101, ws }));
    ws.on("unexpected-response", (_, answer) => {
      done({ status: answer.statusCode });
      ws.terminate();
    });
    ws.on("error", fail);
  });

/** What comes back for a text and for a megabyte. */
async function echoes(proxy) {
  const { ws } = await open(proxy.ws("/echo"));
  for (const text of ["hello", "x".repeat(1 << 20)]) {
    const back = new Promise((done) => ws.once("message", (data) => done(String(data))));
    ws.send(text);
    assert.equal(await back, text);
  }
  ws.close();
}

async function plays(proxy, at = "/pond") {
  const player = await joinJ1({ ws: proxy.ws }, at, { name: "Ann" });
  const frogs = await until("a frog", () => player.state?.frogs?.[player.hello.id]);
  assert.equal(frogs.name, "Ann");
  await player.leave();
}

/** Idle for longer than the proxy allows: the server's pings keep it open. */
async function staysOpen(proxy) {
  const { ws } = await open(proxy.ws("/echo"));
  const began = Date.now();
  let pings = 0;
  ws.on("ping", () => pings++);
  let closed = false;
  ws.on("close", () => (closed = true));
  await until("pings for 6.5 s", () => closed || (pings >= 3 && Date.now() - began > 6500));
  assert.ok(!closed, `cut off after ${Date.now() - began} ms and ${pings} pings`);
  ws.close();
}

/** Clients are told apart by the address that `as` makes a socket's options of. */
async function countsClients(proxy, as) {
  const one = await open(proxy.ws("/echo"), as(7));
  const other = await open(proxy.ws("/echo"), as(8));
  assert.equal(one.status, 101);
  assert.equal(other.status, 101);
  assert.equal((await open(proxy.ws("/echo"), as(7))).status, 429);
  one.ws.close();
  await until("the place of the first", async () => {
    const again = await open(proxy.ws("/echo"), as(7));
    again.ws?.close();
    return again.status === 101;
  });
  other.ws.close();
}

const forwarded = (n) => ({ headers: { "X-Forwarded-For": `203.0.113.${n}` } });
const from = (n) => ({
  createConnection: ({ host, port }) =>
    net.connect({ host, port, localAddress: `127.0.0.${n}` }),
});

const http = [
  ["nginx", startNginx],
  ["haproxy", startHaproxy],
];
for (const [name, start] of http) {
  const skip = programs[name] ? false : `${name} is not installed`;
  const plain = [...TRUSTED, "--ping-ms", "1000"];

  test(`${name}: an echo and a pond through it, open beyond its time-out`, { skip }, () =>
    behind(start, plain, async (proxy) => {
      await echoes(proxy);
      await plays(proxy);
      await staysOpen(proxy);
    }));

  test(`${name}: X-Forwarded-For is the client where the proxy is trusted`, { skip }, () =>
    behind(start, [...TRUSTED, "--conns-per-address", "1", "--conn-rate", "0"], (proxy) =>
      countsClients(proxy, forwarded),
    ));

  test(`${name}: X-Forwarded-Proto decides which Origin is ours`, { skip }, () =>
    behind(start, plain, async (proxy) => {
      for (const [origin, status] of [
        [`https://127.0.0.1:${proxy.port}`, 101],
        [`http://127.0.0.1:${proxy.port}`, 403],
        ["https://example.com", 403],
      ]) {
        const got = await open(proxy.ws("/echo"), { origin });
        assert.equal(got.status, status, origin);
        got.ws?.close();
      }
    }));
}

for (const send of ["send-proxy", "send-proxy-v2"]) {
  const skip = programs.haproxy ? false : "haproxy is not installed";

  test(`haproxy with ${send}: an echo, a pond, a long idle time`, { skip }, () =>
    behind(
      startHaproxy,
      ["--proxy-protocol", "1", "--ping-ms", "1000"],
      async (proxy, server) => {
        await echoes(proxy);
        await plays(proxy);
        await staysOpen(proxy);
        // Nobody gets past the proxy.
        const direct = await connect(server.port);
        direct.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await direct.ended();
        assert.equal(direct.bytes.length, 0);
        direct.destroy();
      },
      { send },
    ));

  test(`haproxy with ${send}: the header's address is the client`, { skip }, () =>
    behind(
      startHaproxy,
      [
        ...["--proxy-protocol", "1", "--limit-loopback", "1"],
        ...["--conns-per-address", "1", "--conn-rate", "0"],
      ],
      (proxy) => countsClients(proxy, from),
      { send },
    ));
}

test("from strangers X-Forwarded-For and -Proto mean nothing", async () => {
  const server = await startServer({
    command: "serve",
    args: ["--limit-loopback", "1", "--conns-per-address", "1", "--conn-rate", "0"],
  });
  try {
    const headers = { "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https" };
    const origin = `http://127.0.0.1:${server.port}`;
    const one = await open(server.ws("/echo"), { headers, origin });
    assert.equal(one.status, 101);
    headers["X-Forwarded-For"] = "203.0.113.8";
    assert.equal((await open(server.ws("/echo"), { headers })).status, 429);
    one.ws.close();
  } finally {
    await server.stop();
  }
});

test("below a base path: pages, redirects and seats are there and nowhere else", async () => {
  const look = async (proxy) => {
    const get = (at) => request(proxy.port, [`GET ${at} HTTP/1.1`, "Host: parlor.test"]);
    const status = async (at) => (await get(at)).status;
    for (const [at, location] of [
      ["/games", "/games/"],
      ["/games/pond?x=1", "/games/pond/?x=1"],
    ]) {
      const answer = await get(at);
      assert.equal(answer.status, 308);
      // nginx makes it absolute where it stands for itself.
      assert.equal(answer.headers.location.replace(/^http:\/\/[^/]+/, ""), location);
    }
    assert.equal(await status("/games/"), 200);
    assert.equal(await status("/games/pond/"), 200);
    assert.equal(await status("/games/_parlor/client.js"), 200);
    assert.equal(await status("/pond/"), 404);
    assert.equal(await status("/gamesome/pond/"), 404);
    assert.equal(await status("/"), 404);
    await plays(proxy, "/games/pond");
    assert.equal((await open(proxy.ws("/pond"))).status, 404);
  };
  const args = ["--base-path", "/games"];
  await behind((server) => ({ ...server, stop: async () => {} }), args, async (server) => {
    await look(server);
    // Health is asked for by machines that know no path.
    for (const at of ["/healthz", "/games/healthz"])
      assert.equal((await request(server.port, [`GET ${at} HTTP/1.1`, "Host: x"])).status, 200);
  });
  if (programs.nginx) await behind(startNginx, [...args, ...TRUSTED], look);
});
