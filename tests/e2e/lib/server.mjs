// SPDX-License-Identifier: MIT
/*
 * server - starts the built server on a free port of 127.0.0.1, over a copy of
 * games/ that a test may edit, and ends it again.
 *
 * startServer() returns once the server has said where it listens. stop() sends
 * SIGTERM and throws unless the server ended by itself with code 0 and without
 * a report of a sanitizer; every test file calls it at its end.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../..",
);

/** The program under test: with sanitizers, unless a test measures memory or
 * time, which they distort. PARLOR_BIN replaces the first. */
const binaries = {
  checked: process.env.PARLOR_BIN ?? path.join(root, "build/asan/parlor"),
  release: path.join(root, "build/release/parlor"),
  threads: path.join(root, "build/tsan/parlor"),
};

// Every server and every folder of a test file is cleaned up at its exit.
process.setMaxListeners(0);

const REPORT = /(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|: runtime error: /;
const ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d+)/;
/** How long a test waits for what it expects before it fails: long, as a busy machine
 * may be several times slower than a quiet one, and nothing waits longer than it has to. */
export const PATIENCE_MS = 30000;

/** Resolves after so many milliseconds. */
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Calls `look` until it returns something true, and returns that. `what` is the
 * end of the sentence "did not see …" that is thrown after `ms`. */
export async function until(what, look, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`did not see ${what} within ${ms} ms`);
    await sleep(10);
  }
}

let nPorts = 0;

/** A port that is free, and stays so while nobody asks for it by its number: the kernel
 * gives those from 32768 on to whoever connects or listens anywhere. */
export async function freePort() {
  for (;;) {
    const port = 20000 + ((process.pid * 16 + nPorts++) % 12000);
    const probe = net.createServer();
    const isFree = await new Promise((done) => {
      probe.once("error", () => done(false));
      probe.listen(port, "127.0.0.1", () => done(true));
    });
    if (isFree) {
      await new Promise((done) => probe.close(done));
      return port;
    }
  }
}

/** A new folder that is removed when this process ends. */
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-e2e-"));
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A games folder: copies of those named, plus files given as text, for example
 * {"mine/game.lua": "…"}. */
export function gamesFolder(copies, files = {}) {
  const folder = temporaryFolder();
  for (const name of copies)
    fs.cpSync(path.join(root, "games", name), path.join(folder, name), {
      recursive: true,
    });
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

function launch(args, env, program = "checked", descriptors = "unlimited") {
  // exec: the server has the process, so that its pid and signals are right.
  const limit = descriptors === "unlimited" ? "" : `ulimit -n ${descriptors} && `;
  const child = spawn("sh", ["-c", `${limit}exec "$0" "$@"`, binaries[program], ...args], {
    cwd: root,
    // A store in memory, where a test does not name a folder (--data).
    env: { ...process.env, PARLOR_DATA: "off", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run = { child, stdout: "", stderr: "", code: undefined };
  child.stdout.setEncoding("utf8").on("data", (text) => (run.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (run.stderr += text));
  run.ended = new Promise((done) => {
    child.on("error", (error) => {
      run.stderr += `${error.message}\n`;
      run.code = -1;
      done(-1);
    });
    child.on("close", (code, signal) => {
      run.code = code ?? signal;
      done(run.code);
    });
  });
  // Whatever happens to this process, the server does not outlive it.
  process.on("exit", () => run.code === undefined && child.kill("SIGKILL"));
  return run;
}

/** Starts the program and returns {stdout, stderr, code, end, stop}. end(ms) waits for its
 * end, so long at most; stop() asks it with SIGTERM to end, and waits. Both return the same. */
export function startProgram(args, env = {}) {
  const run = launch(args, env);
  run.end = async (ms = 2 * PATIENCE_MS) => {
    const timer = setTimeout(() => run.child.kill("SIGKILL"), ms);
    await run.ended;
    clearTimeout(timer);
    if (REPORT.test(run.stderr)) throw new Error(`sanitizer report:\n${run.stderr}`);
    return run;
  };
  run.stop = () => {
    run.child.kill("SIGTERM");
    return run.end();
  };
  return run;
}

/** Runs the program to its end. Returns {code, stdout, stderr}. */
export const runToEnd = (args, { env = {}, ms } = {}) => startProgram(args, env).end(ms);

/**
 * @param {{games?: string[], files?: Record<string, string>, folder?: string,
 *   command?: string, args?: string[], env?: Record<string, string>,
 *   program?: "checked" | "release" | "threads", descriptors?: number}} [options]
 */
export async function startServer({
  games = ["pond", "echo", "chat"],
  files = {},
  folder = gamesFolder(games, files),
  command = "dev",
  args = [],
  env = {},
  program = "checked",
  descriptors,
} = {}) {
  const run = launch(
    // The figures' own port is the next one, which may be anybody's.
    [command, folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off", ...args],
    env,
    program,
    descriptors,
  );
  const says = () => run.stdout + run.stderr;
  try {
    await until(
      "the server's address",
      () => run.code !== undefined || ADDRESS.test(says()),
    );
    if (run.code !== undefined) throw new Error(`the server ended: ${run.code}`);
  } catch (error) {
    run.child.kill("SIGKILL");
    throw new Error(`${error.message}\n${says()}`);
  }
  const port = Number(ADDRESS.exec(says())[1]);

  return {
    port,
    folder,
    pid: run.child.pid,
    origin: `http://127.0.0.1:${port}`,
    /** The WebSocket address of a path. */
    ws: (at) => `ws://127.0.0.1:${port}${at}`,
    /** Everything that the server has said so far. */
    log: says,
    isRunning: () => run.code === undefined,

    /** Replaces a file of the games folder the way editors do: written aside,
     * then renamed. */
    save(name, text) {
      const to = path.join(folder, name);
      fs.writeFileSync(`${to}.part~`, text);
      fs.renameSync(`${to}.part~`, to);
    },
    read: (name) => fs.readFileSync(path.join(folder, name), "utf8"),

    /** What /_parlor/games says about one game, or undefined. */
    async game(name) {
      const answer = await fetch(`http://127.0.0.1:${port}/_parlor/games`);
      const body = await answer.json();
      return body.games.find((game) => game.name === name);
    },

    /** Resident memory in bytes. */
    residentBytes() {
      const status = fs.readFileSync(`/proc/${run.child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024;
    },

    /** The processor's time that it has had, in ms, in steps of ten. */
    cpuMs() {
      const stat = fs.readFileSync(`/proc/${run.child.pid}/stat`, "utf8").replace(/^.*\) /, "");
      const [user, system] = stat.split(" ").slice(11, 13).map(Number);
      return (user + system) * 10;
    },

    async stop() {
      if (run.code === undefined) {
        run.child.kill("SIGTERM");
        const timer = setTimeout(() => run.child.kill("SIGKILL"), PATIENCE_MS);
        await run.ended;
        clearTimeout(timer);
      }
      if (run.code !== 0 || REPORT.test(run.stderr))
        throw new Error(`the server ended with ${run.code}:\n${says()}`);
    },
  };
}
