// SPDX-License-Identifier: MIT
// Some of the players of the network soak; tells the parent process what came of them.
import process from "node:process";

import { run } from "../../e2e/lib/storm.mjs";

const { port, ...rest } = JSON.parse(process.argv[2]);
const say = (text) => process.send({ text });
process.send({ result: await run({ server: { port }, say, ...rest }) }, () => process.exit(0));
