// SPDX-License-Identifier: MIT
/*
 * proxy - a line to the server that a test can cut: every connection through it
 * ends without a word, and the next ones go through again.
 */
import net from "node:net";

export async function startProxy(port) {
  const open = new Set();
  const listener = net.createServer((near) => {
    const far = net.connect({ port, host: "127.0.0.1" });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      open.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));

  return {
    port: listener.address().port,
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    close() {
      this.cut();
      listener.close();
    },
  };
}
