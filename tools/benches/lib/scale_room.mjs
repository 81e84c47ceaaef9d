// SPDX-License-Identifier: MIT
/*
 * scale_room - one huge room whose members only read, over one worker and over several:
 * what a frame costs each of them, and how the work is divided.
 *
 * All workers are on one core and the load on another, so CPU time for each frame says what
 * another core is worth without there being one. Each round runs all counts of workers, in
 * turn and then in reverse; a ratio is taken within its round.
 */
import fs from "node:fs";

import { readOptions } from "./options.mjs";
import * as run from "./scale_run.mjs";

const USAGE = `Example: tools/bench scale room --readers 10000 --workers 1,2

Usage: tools/bench scale room [--json] [options]

  --readers N    members of the room (10000)
  --rate HZ      states a second (5)
  --workers LIST counts of workers; the first is what others are compared with (1,2)
  --rounds N     rounds (3)
  --seconds S    of each measurement (4)
  --ack          members acknowledge states, as the SDK does
${run.COMMON_USAGE}`;
const text = { type: "string" };
const options = readOptions("scale room", USAGE, {
  ...run.COMMON,
  ...{ readers: text, rate: text, workers: text, rounds: text, seconds: text },
  ack: { type: "boolean" },
});
const number = (name, otherwise, low, high) => {
  const n = Number(options[name] ?? otherwise);
  if (!(n >= low && n <= high)) run.fail(`--${name} takes ${low} to ${high}\n\n${USAGE}`, 64);
  return n;
};
const readers = number("readers", 10000, 1, 100000);
const rate = number("rate", 5, 1, 120);
const rounds = number("rounds", 3, 1, 100);
const seconds = number("seconds", 4, 1, 60);
const counts = (options.workers ?? "1,2").split(",").map(Number);
if (!counts.every((n) => Number.isInteger(n) && n >= 1 && n <= 64))
  run.fail(`--workers takes a list as 1,2,4\n\n${USAGE}`, 64);
const [core, loadCore] = run.setUp(options);

/** Twenty quotes, one of which moves in each tick: what is sent is small. */
const board = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = ${rate}, reconnect = 0, max_players = 100000, spread = 1, compress = false,
  state = { quotes = s.map({ bid = s.u32 }, { keys = "integer" }) },
}
function game:create() for i = 1, 20 do self.state.quotes[i] = { bid = i } end end
function game:tick()
  local quote = self.state.quotes[self.tick % 20 + 1]
  quote.bid = quote.bid + 1
end
return game
`;

/** CPU time of each thread so far, in clock ticks. */
function threadTicks(pid) {
  const ticks = new Map();
  for (const id of fs.readdirSync(`/proc/${pid}/task`)) {
    const stat = fs.readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks.set(id, Number(fields[11]) + Number(fields[12]));
  }
  return ticks;
}

/** How far the worker that did the most is above the mean of all, between two looks. */
function above(before, after, workers) {
  const busy = [...after]
    .map(([id, ticks]) => ticks - (before.get(id) ?? 0))
    .sort((a, b) => b - a)
    .slice(0, workers);
  return busy[0] / (busy.reduce((sum, n) => sum + n, 0) / workers) - 1;
}

async function measure(workers) {
  const parlor = await run.startParlor(core, { board }, { workers });
  const looks = [];
  const timer = setInterval(
    () => looks.push({ at: Date.now(), ticks: threadTicks(parlor.pid) }), 200);
  const own = await run.load(
    loadCore,
    parlor,
    Array.from({ length: readers }, () => "/board/all"),
    [...run.RECORDS, ...(options.ack ? ["--ack"] : []),
      "--warm-up", "2", "--seconds", String(seconds)],
  );
  clearInterval(timer);
  const last = looks.at(-1);
  const first = looks.find(({ at }) => at > last.at - seconds * 900);
  await parlor.stop();
  return {
    cpu: own.server_us,
    cores: own.server_cpu,
    rate: own.states / own.seconds,
    missed: 1 - own.states / own.seconds / readers / rate,
    above: above(first.ticks, last.ticks, workers),
  };
}

const samples = new Map(counts.map((workers) => [workers, []]));
for (let round = 0; round < rounds; round++)
  for (const workers of round % 2 ? [...counts].reverse() : counts)
    samples.get(workers).push(await measure(workers));

const lines = [];
for (const workers of counts) {
  const list = samples.get(workers);
  const of = (key) => run.median(list.map((sample) => sample[key]));
  const name = `${readers} readers, ${workers} worker${workers > 1 ? "s" : ""}`;
  const ratio = run.median(list.map(({ cpu }, i) => cpu / samples.get(counts[0])[i].cpu));
  const beside =
    workers === counts[0]
      ? {}
      : { against: `${counts[0]} worker${counts[0] > 1 ? "s" : ""}`,
          peer: run.median(samples.get(counts[0]).map(({ cpu }) => cpu)), ratio,
          goal: `<= 1.1: ${ratio <= 1.1 ? "met" : "missed"}` };
  lines.push(
    { metric: `${name}: server CPU of a frame`, value: of("cpu"), unit: "us", ...beside },
    { metric: `${name}: server CPU`, value: of("cores"), unit: "cores" },
    { metric: `${name}: frames`, value: of("rate"), unit: "per s" },
    { metric: `${name}: states that were merged or late`, value: 100 * of("missed"), unit: "%" },
  );
  if (workers > 1)
    lines.push({ metric: `${name}: busiest worker above the mean`, value: 100 * of("above"),
      unit: "%", goal: `<= 10: ${of("above") <= 0.1 ? "met" : "missed"}` });
}
run.report(lines, options.json);
process.exit(0);
