// SPDX-License-Identifier: MIT
/* options - the command line of a benchmark. */
import { parseArgs } from "node:util";

/**
 * The options given, --json and --help besides those of `own`. With --help it prints
 * the usage and ends the program; a wrong option ends it with 64.
 * @param {string} bench the benchmark's name
 * @param {string} usage
 * @param {object} own as for parseArgs of node:util
 * @param {string[]} [args] those of the program, unless told
 */
export function readOptions(bench, usage, own, args = process.argv.slice(2)) {
  let options;
  try {
    options = parseArgs({
      args,
      options: { json: { type: "boolean" }, help: { type: "boolean" }, ...own },
    }).values;
  } catch (e) {
    console.error(`bench ${bench}: ${e.message}\n\n${usage}`);
    process.exit(64);
  }
  if (options.help) {
    console.log(usage);
    process.exit(0);
  }
  return options;
}
