// SPDX-License-Identifier: MIT
// tools/dev as a newcomer meets it: a second start that is quick, and a machine
// where packages are missing. The machine is made up of small programs in the
// places of id, dpkg-query, apt-get, sudo and the like, so nothing is installed
// and nothing is built.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { root, temporaryFolder, until } from "./lib/server.mjs";

/** Starts a script of tools/. Returns what it says as it goes, and its end. */
function start(script, args, env = {}) {
  const child = spawn(path.join(root, "tools", script), args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run = { child, text: "", code: undefined };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (run.text += text));
  run.ended = new Promise((done) =>
    child.on("close", (code, signal) => done((run.code = code ?? signal))),
  );
  process.on("exit", () => run.code === undefined && child.kill("SIGKILL"));
  return run;
}

/** A PATH of a Debian that lacks cmake and a LuaJIT. What apt-get and sudo are
 * called with goes to `log`. */
function lackingMachine({ user = 1000, packages = "known" } = {}) {
  const folder = temporaryFolder();
  const log = path.join(folder, "log");
  const programs = {
    id: `echo ${user}`,
    "pkg-config": "exit 1",
    cmake: "exit 0",
    ninja: "exit 0",
    "dpkg-query": `for n in "$@"; do
  case $n in -* | cmake) ;; *) echo "installed $n" ;; esac
done`,
    "apt-cache":
      packages !== "unknown"
        ? `shift; for n in "$@"; do echo "$n:"; echo "  Candidate: 1.0"; done`
        : "exit 0",
    "apt-get": `case " $* " in
*" -s "*libluajit2*) exit ${packages === "luajit1" ? 100 : 0} ;;
*" -s "*) ;;
*--print-uris*) echo "Need to get 12.3 MB of archives."
  echo "After this operation, 45.6 MB of additional disk space will be used." ;;
*) echo "apt-get $*" >>${log} ;;
esac`,
    sudo: `echo "sudo $*" >>${log}; exit 1`,
  };
  for (const [name, body] of Object.entries(programs)) {
    const file = path.join(folder, name);
    fs.writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  return {
    PATH: `${folder}:${process.env.PATH}`,
    calls: () => (fs.existsSync(log) ? fs.readFileSync(log, "utf8") : ""),
  };
}

async function builds(machine, ...args) {
  const run = start("dev", ["--build-only", ...args], { PATH: machine.PATH });
  await run.ended;
  return run;
}

test("tools/dev serves the games; a second start has nothing to build", async (t) => {
  for (const isSecond of [false, true]) {
    const run = start("dev", ["--port", "0", "--host", "127.0.0.1"]);
    t.after(() => run.child.kill("SIGKILL"));
    const port = await until(
      "the address",
      () => {
        if (run.code !== undefined) throw new Error(`ended with ${run.code}:\n${run.text}`);
        return /http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/.exec(run.text)?.[1];
      },
      240000, // the first may have to build it all
    );
    if (isSecond) assert.doesNotMatch(run.text, /Building|Linking|Configuring/);
    const answer = await fetch(`http://127.0.0.1:${port}/pond/`);
    assert.equal(answer.status, 200);
    run.child.kill("SIGTERM");
    assert.equal(await run.ended, 0, run.text);
  }
});

test("without root, --yes or a terminal it prints the line to run and exits 69", async () => {
  const machine = lackingMachine();
  const run = await builds(machine);
  assert.equal(run.code, 69, run.text);
  assert.match(run.text, /^ {2}cmake libluajit2-5\.1-dev$/m);
  assert.match(run.text, /12\.3 MB.*45\.6 MB/);
  assert.match(
    run.text,
    /^ {2}sudo apt-get install -y --no-remove --no-install-recommends cmake libluajit2-5\.1-dev$/m,
  );
  assert.equal(machine.calls(), "", "nothing was asked of sudo or apt-get");
});

test("with --yes but no right to install it prints the line as well", async () => {
  const machine = lackingMachine();
  const run = await builds(machine, "--yes");
  assert.equal(run.code, 69, run.text);
  assert.match(run.text, /^ {2}sudo apt-get install .* cmake/m);
  assert.equal(machine.calls(), "sudo -n true\n");
});

test("empty package lists are fetched first; the line says so too", async () => {
  const user = lackingMachine({ packages: "unknown" });
  const refused = await builds(user);
  assert.equal(refused.code, 69);
  assert.match(refused.text, /sudo apt-get update && sudo apt-get install/);

  const owner = lackingMachine({ user: 0, packages: "unknown" });
  await builds(owner);
  assert.match(owner.calls(), /^apt-get update -q\napt-get install /);
});

test("root installs at once, nothing is removed, and it goes on", async () => {
  const machine = lackingMachine({ user: 0 });
  const run = await builds(machine);
  assert.equal(
    machine.calls(),
    "apt-get install -y --no-remove --no-install-recommends cmake libluajit2-5.1-dev\n",
  );
  assert.equal(run.code, 0, run.text);
});

test("the other LuaJIT is taken where OpenResty's would push something out", async () => {
  const machine = lackingMachine({ user: 0, packages: "luajit1" });
  await builds(machine);
  assert.match(machine.calls(), / cmake libluajit-5\.1-dev\n$/);
});

test("scripts of tools/ know their options", async () => {
  for (const script of ["dev", "test", "bench"]) {
    const run = start(script, ["--help"]);
    assert.equal(await run.ended, 0);
    assert.match(run.text, new RegExp(`^Example: tools/${script}`));
  }
  for (const [script, args] of [
    ["test", ["--no-brwoser"]],
    ["test", ["one", "two"]],
    ["bench", ["--jsno"]],
    ["dev", ["--port"]],
  ]) {
    const run = start(script, args);
    assert.equal(await run.ended, 64, `${script} ${args}: ${run.text}`);
  }
});
