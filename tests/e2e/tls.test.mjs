// SPDX-License-Identifier: MIT
// TLS on the main port, with Node's tls and https, npm ws and our SDK as clients:
// certificates from files, their renewal while people play, and what is said when
// they are no good.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import test, { after } from "node:test";
import tls from "node:tls";
import { pathToFileURL } from "node:url";
import WebSocket from "ws";

import { connect, request } from "./lib/raw.mjs";
import {
  freePort,
  gamesFolder,
  root,
  runToEnd,
  startServer,
  temporaryFolder,
  until,
} from "./lib/server.mjs";

const client = await import(pathToFileURL(path.join(root, "scripts/web/client.js")));

const folder = temporaryFolder();
const file = (name) => path.join(folder, name);

const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** FOLDER/NAME.pem and NAME.key, for these names. */
const makePair = (name, names) =>
  openssl(
    ...["req", "-x509", ...fresh, "-days", "2", "-subj", `/CN=${name}`],
    ...["-addext", `subjectAltName=${names}`],
    ...["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)],
  );

/** The same of the year 2020; only a certificate authority may choose its dates. */
function makeExpired(name) {
  fs.writeFileSync(
    file("ca.cnf"),
    `[ca]\ndefault_ca=x\n[x]\ndatabase=${file("db")}\nnew_certs_dir=${folder}\n` +
      `serial=${file("serial")}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`,
  );
  fs.writeFileSync(file("db"), "");
  fs.writeFileSync(file("serial"), "01\n");
  openssl(
    ...["req", "-new", ...fresh, "-subj", `/CN=${name}`],
    ...["-keyout", file(`${name}.key`), "-out", file("csr")],
  );
  openssl(
    ...["ca", "-batch", "-selfsign", "-config", file("ca.cnf"), "-in", file("csr")],
    ...["-keyfile", file(`${name}.key`), "-startdate", "20200101000000Z"],
    ...["-enddate", "20200102000000Z", "-notext", "-out", file(`${name}.pem`)],
  );
}

const ca = (name) => fs.readFileSync(file(`${name}.pem`));
const pairArgs = (...names) => [
  "--tls_cert",
  names.map((name) => file(`${name}.pem`)).join(","),
  "--tls_key",
  names.map((name) => file(`${name}.key`)).join(","),
];

makePair("main", "DNS:localhost,IP:127.0.0.1");
makePair("game", "DNS:*.game.test");
const httpPort = await freePort();
const server = await startServer({
  games: ["echo", "chat", "pond"],
  command: "serve",
  args: [...pairArgs("main", "game"), "--http_port", String(httpPort)],
});
after(() => server.stop());
const trust = { ca: ca("main") };

/** A GET over TLS: {status, headers, body}. */
const get = (at, options = {}) =>
  new Promise((done, fail) => {
    const all = { ...trust, agent: false, ...options };
    https
      .get(`https://127.0.0.1:${server.port}${at}`, all, (answer) => {
        const { statusCode: status, headers } = answer;
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => done({ status, headers, body: Buffer.concat(parts) }));
      })
      .on("error", fail);
  });

/** A TLS connection, shaken hands. */
const handshake = (options = {}) =>
  new Promise((done, fail) => {
    const socket = tls.connect(
      { host: "127.0.0.1", port: server.port, ...trust, ...options },
      () => done(socket),
    );
    socket.once("error", fail);
  });

/** npm ws over TLS, open. */
async function open(at, { protocol, ...options } = {}) {
  const ws = new WebSocket(`wss://127.0.0.1:${server.port}${at}`, protocol ?? [], {
    ...trust,
    maxPayload: 64 << 20,
    ...options,
  });
  ws.messages = [];
  ws.on("message", (data) => ws.messages.push(data));
  await new Promise((done, fail) => ws.once("open", done).once("error", fail));
  return ws;
}

const next = (ws, from) => until("a message", () => ws.messages[from]);

test("pages, the SDK and the health check come over https", async () => {
  assert.equal(String((await get("/healthz")).body), "ok\n");
  assert.match(String((await get("/")).body), /<html/i);
  const page = await get("/pond/");
  assert.equal(page.status, 200);
  const sdk = await get("/_parlor/client.js");
  assert.match(sdk.headers["content-type"], /^text\/javascript/);
  assert.equal((await get("/pond")).headers.location, "/pond/");
  assert.match(server.log(), new RegExp(`https://127\\.0\\.0\\.1:${server.port}`));
});

test("the versions are 1.2 and 1.3, and the protocol is http/1.1", async () => {
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const socket = await handshake({
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    assert.equal(socket.getProtocol(), version);
    assert.equal(socket.alpnProtocol, "http/1.1");
    socket.destroy();
  }
  for (const version of ["TLSv1", "TLSv1.1"])
    await assert.rejects(
      handshake({ minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" }),
      /alert (number 70|protocol version)|PROTOCOL_VERSION/i,
    );
  await assert.rejects(handshake({ ALPNProtocols: ["h2"] }), /no application protocol|120/i);
});

test("the name chooses the certificate", async () => {
  const subject = async (servername) => {
    const socket = await handshake({ servername, rejectUnauthorized: false });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  assert.equal(await subject("one.game.test"), "game");
  assert.equal(await subject("localhost"), "main");
  assert.equal(await subject("elsewhere.test"), "main");
});

test("a session is resumed by its ticket", async () => {
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const range = { minVersion: version, maxVersion: version };
    const first = await handshake(range);
    let session;
    first.on("session", (ticket) => (session = ticket));
    first.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until("a ticket", () => session ?? (version === "TLSv1.2" && first.getSession()));
    session ??= first.getSession();
    first.end();
    const second = await handshake({ ...range, session });
    assert.ok(second.isSessionReused(), version);
    second.destroy();
  }
});

test("16 MiB and many small messages come back byte for byte", async () => {
  const ws = await open("/echo");
  const big = crypto.randomBytes(16 << 20);
  ws.send(big);
  assert.ok((await next(ws, 0)).equals(big));
  const small = Array.from({ length: 2000 }, (_, i) => crypto.randomBytes(i % 300));
  for (const one of small) ws.send(one);
  await next(ws, small.length);
  small.forEach((one, i) => assert.ok(ws.messages[i + 1].equals(one), `message ${i}`));
  ws.close(1000);
  const code = await new Promise((done) => ws.once("close", done));
  assert.equal(code, 1000);
});

test("who does not read is held back, and nobody gets another's bytes", async () => {
  const slow = await open("/echo");
  const fast = await open("/echo");
  slow._socket.pause();
  const part = Buffer.alloc(64 << 10, "s");
  for (let i = 0; i < 128; i++) slow.send(part);
  for (let i = 0; i < 200; i++) {
    const mine = crypto.randomBytes(500);
    fast.send(mine);
    assert.ok((await next(fast, i)).equals(mine));
  }
  slow._socket.resume();
  await next(slow, 127);
  for (const back of slow.messages) assert.ok(back.equals(part));
  slow.terminate();
  fast.terminate();
});

test("the SDK joins over wss", async () => {
  class Trusting extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, trust);
    }
  }
  const room = await client.join(
    `wss://127.0.0.1:${server.port}/pond`,
    { name: "Ann" },
    { WebSocket: Trusting },
  );
  await until("one's own frog", () => room.state.frogs.size === 1);
  room.leave();
});

test("a page of the same https address may connect, one of another may not", async () => {
  const own = await open("/echo", { origin: `https://127.0.0.1:${server.port}` });
  own.terminate();
  for (const origin of [`http://127.0.0.1:${server.port}`, "https://elsewhere.test"])
    await assert.rejects(open("/echo", { origin }), /403/);
});

test("a handshake may come in any pieces", async () => {
  for (const size of [1, 2, 37]) {
    // The client talks to a line that passes its bytes on in small pieces.
    const line = net.createServer((near) => {
      const far = net.connect({ port: server.port, host: "127.0.0.1", noDelay: true });
      let waiting = Buffer.alloc(0);
      let isBusy = false;
      const pass = () => {
        if (isBusy || waiting.length === 0) return;
        isBusy = true;
        const piece = waiting.subarray(0, size);
        waiting = waiting.subarray(size);
        far.write(piece, () =>
          setImmediate(() => {
            isBusy = false;
            pass();
          }),
        );
      };
      near.on("data", (data) => {
        waiting = Buffer.concat([waiting, data]);
        pass();
      });
      far.pipe(near);
      for (const socket of [near, far]) socket.on("error", () => {});
      near.on("close", () => far.destroy());
    });
    await new Promise((done) => line.listen(0, "127.0.0.1", done));
    const answer = await new Promise((done, fail) => {
      const { port } = line.address();
      https
        .get(`https://127.0.0.1:${port}/healthz`, { ...trust, agent: false }, (reply) => {
          reply.resume();
          reply.on("end", () => done(reply.statusCode));
        })
        .on("error", fail);
    });
    assert.equal(answer, 200);
    line.close();
  }
});

test("plain HTTP on this port gets a 400 that says why; garbage just ends", async () => {
  const answer = await request(server.port, ["GET / HTTP/1.1", "Host: localhost"]);
  assert.equal(answer.status, 400);
  assert.match(answer.body, /https:\/\//);
  for (const bytes of ["\x16\x03\x01\xff\xff garbage", "\x00".repeat(64), "ssh-2.0-x\r\n"]) {
    const raw = await connect(server.port);
    raw.write(Buffer.from(bytes, "latin1"));
    await raw.ended();
    raw.destroy();
  }
});

test("http_port leads to the same address with https", async () => {
  for (const [host, at] of [
    ["localhost", "/pond/x?a=1&b=%20"],
    [`localhost:${httpPort}`, "/"],
  ]) {
    const answer = await request(httpPort, [`GET ${at} HTTP/1.1`, `Host: ${host}`]);
    assert.equal(answer.status, 308);
    assert.equal(answer.headers.location, `https://localhost:${server.port}${at}`);
  }
  const v6 = await request(httpPort, ["POST / HTTP/1.1", "Host: [::1]:80", "Content-Length: 0"]);
  assert.equal(v6.headers.location, `https://[::1]:${server.port}/`);
});

test("SIGHUP brings new certificates, and a bad one changes nothing", async () => {
  const subject = async () => {
    const socket = await handshake({ rejectUnauthorized: false });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  const ws = await open("/echo");
  const echoes = async (text) => {
    const n = ws.messages.length;
    ws.send(text);
    assert.equal(String(await next(ws, n)), text);
  };
  const old = { pem: ca("main"), key: fs.readFileSync(file("main.key")) };

  await echoes("before");
  makePair("renewed", "DNS:localhost,IP:127.0.0.1");
  fs.copyFileSync(file("renewed.pem"), file("main.pem"));
  process.kill(server.pid, "SIGHUP");
  const complaint = /the old certificates stay: the key .*main\.key does not belong/;
  await until("a complaint", () => complaint.test(server.log()));
  assert.equal(await subject(), "main");
  fs.copyFileSync(file("renewed.key"), file("main.key"));
  process.kill(server.pid, "SIGHUP");
  await until("the new certificate", async () => (await subject()) === "renewed");
  await echoes("after");
  ws.terminate();

  fs.writeFileSync(file("main.pem"), old.pem);
  fs.writeFileSync(file("main.key"), old.key);
  process.kill(server.pid, "SIGHUP");
  await until("the first certificate", async () => (await subject()) === "main");
});

test("a certificate that is no good ends the start with 78 and one line", async () => {
  const games = gamesFolder(["echo"]);
  makeExpired("old");
  fs.writeFileSync(file("text.pem"), "hello\n");
  const pair = (cert, key) => ["--tls_cert", file(cert), "--tls_key", file(key)];
  const cases = [
    [pair("none.pem", "main.key"), /none\.pem cannot be read: No such file/],
    [pair("text.pem", "main.key"), /text\.pem holds no certificate/],
    [pair("main.pem", "game.key"), /game\.key does not belong to .*main\.pem/],
    [pairArgs("old"), /old\.pem has expired on 2020-01-02/],
    [["--tls_cert", file("main.pem")], /tls_cert names 1 file and tls_key 0/],
    [["--http_port", "80"], /http_port .* needs tls_cert/],
  ];
  for (const [args, says] of cases) {
    const run = await runToEnd(["serve", games, "--port", "0", "--admin", "off", ...args]);
    assert.equal(run.code, 78, run.stderr);
    assert.match(run.stderr, says);
    assert.equal(run.stderr.trim().split("\n").length, 1);
  }
  const run = await runToEnd(["serve", games, "--tls"]);
  assert.equal(run.code, 64);
});

test("pairs may stand in parlor.lua as lists", async () => {
  const config = file("parlor.lua");
  const list = (...names) => `{${names.map((name) => JSON.stringify(file(name))).join(", ")}}`;
  fs.writeFileSync(
    config,
    `return { tls_cert = ${list("main.pem", "game.pem")}, ` +
      `tls_key = ${list("main.key", "game.key")} }`,
  );
  const other = await startServer({
    games: ["echo"],
    command: "serve",
    args: ["--config", config],
  });
  const socket = await handshake({
    port: other.port,
    servername: "x.game.test",
    rejectUnauthorized: false,
  });
  assert.equal(socket.getPeerCertificate().subject.CN, "game");
  socket.destroy();
  await other.stop();
});

test("parlor dev --tls makes a certificate once and keeps it to itself", async () => {
  const cache = file("cache");
  const prints = [];
  fs.mkdirSync(cache);
  for (let i = 0; i < 2; i++) {
    const dev = await startServer({
      games: ["echo"],
      args: ["--tls"],
      env: { XDG_CACHE_HOME: cache },
    });
    const socket = await handshake({ port: dev.port, rejectUnauthorized: false });
    const cert = socket.getPeerCertificate();
    prints.push(cert.fingerprint256);
    for (const name of ["DNS:localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"])
      assert.ok(cert.subjectaltname.includes(name), cert.subjectaltname);
    socket.destroy();
    await dev.stop();
  }
  assert.equal(prints[0], prints[1]);
  const kept = fs.statSync(path.join(cache, "parlor/dev-tls.pem"));
  assert.equal(kept.mode & 0o777, 0o600);
  // Without a place to keep it, it is made all the same.
  const homeless = await startServer({
    games: ["echo"],
    args: ["--tls"],
    env: { XDG_CACHE_HOME: file("main.pem"), HOME: "" },
  });
  assert.match(homeless.log(), /cannot be kept/);
  await homeless.stop();
});
