// SPDX-License-Identifier: MIT
/*
 * frontends - Debian's nginx and haproxy in front of the server, each with a
 * configuration of its own in a temporary folder, on a free port of 127.0.0.1.
 *
 * stop() ends the one process that was started here, by its pid.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";

import { freePort, temporaryFolder, until } from "./server.mjs";

/** Where a program is; Debian keeps these out of the PATH of people. */
const find = (name) =>
  [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => path.join(folder, name))
    .find((file) => fs.existsSync(file));

export const programs = { nginx: find("nginx"), haproxy: find("haproxy") };

const answers = (port) =>
  new Promise((done) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.on("connect", () => done(true)).on("error", () => done(false));
    socket.on("connect", () => socket.destroy());
  });

async function start(program, args, port) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let says = "";
  let ended = false;
  child.stdout.on("data", (text) => (says += text));
  child.stderr.on("data", (text) => (says += text));
  const end = new Promise((done) => child.on("close", done)).then(() => (ended = true));
  const kill = () => ended || child.kill("SIGKILL");
  process.on("exit", kill);
  await until("the proxy's port", async () => ended || (await answers(port)));
  if (ended) throw new Error(`${program} ended:\n${says}`);
  return {
    port,
    ws: (at) => `ws://127.0.0.1:${port}${at}`,
    async stop() {
      kill();
      await end;
      process.off("exit", kill);
    },
  };
}

/** nginx as in its own documentation of WebSocket proxying; whoever is idle for 5 s
 * is cut off. `location` is what it takes. */
export async function startNginx(server, { location = "/" } = {}) {
  const port = await freePort();
  const folder = temporaryFolder();
  const config = path.join(folder, "nginx.conf");
  fs.writeFileSync(
    config,
    `daemon off; master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 128; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port};
    location ${location} {
      proxy_pass http://127.0.0.1:${server.port};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
      proxy_read_timeout 5s;
    }
  }
}
`,
  );
  return start(programs.nginx, ["-e", "stderr", "-p", folder, "-c", config], port);
}

/** haproxy; `send` is "" for HTTP with X-Forwarded-For, or send-proxy or
 * send-proxy-v2 for plain TCP with a PROXY header. */
export async function startHaproxy(server, { send = "" } = {}) {
  const port = await freePort();
  const config = path.join(temporaryFolder(), "haproxy.cfg");
  const forward = "  option forwardfor\n  http-request set-header X-Forwarded-Proto https\n";
  fs.writeFileSync(
    config,
    `global
  maxconn 128
defaults
  mode ${send ? "tcp" : "http"}
  timeout connect 30s
  timeout client 5s
  timeout server 5s
  timeout tunnel 5s
listen web
  bind 127.0.0.1:${port}
${send ? "" : forward}  server parlor 127.0.0.1:${server.port} ${send}
`,
  );
  return start(programs.haproxy, ["-db", "-f", config], port);
}
