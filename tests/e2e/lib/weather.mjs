// SPDX-License-Identifier: MIT
/*
 * weather - lines to the server on which bad things happen: bytes come late, or not for
 * a while; a connection ends without a word, or in the middle of a frame; or only the
 * client learns that it is gone, and comes back while the server still holds the old
 * one, on which the last bytes then arrive.
 *
 * `random` gives numbers from 0 to 1: the same weather for the same seed, as far as
 * sockets allow.
 */
import net from "node:net";

const MAX_DELAY_MS = 40;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One direction of a line: what comes from one end leaves at the other, later. */
class Way {
  constructor(from, to, delay) {
    this.to = to;
    this.delay = delay;
    this.queue = [];
    this.opensAt = 0;
    this.cutsInside = null; // called once half of a chunk has gone
    this.isClosed = false;
    from.on("data", (bytes) => {
      this.queue.push({ bytes, at: Date.now() + this.delay });
      this.later();
    });
  }
  later() {
    if (this.timer || !this.queue.length || this.isClosed) return;
    const at = Math.max(this.queue[0].at, this.opensAt);
    this.timer = setTimeout(() => this.send(), Math.max(0, at - Date.now()));
  }
  send() {
    this.timer = undefined;
    const now = Date.now();
    while (this.queue[0]?.at <= now && this.opensAt <= now && !this.isClosed) {
      const { bytes } = this.queue.shift();
      if (this.cutsInside && bytes.length > 1) {
        this.isClosed = true;
        this.to.end(bytes.subarray(0, bytes.length >> 1));
        this.cutsInside();
      } else this.to.write(bytes);
    }
    this.later();
  }
  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
  }
}

export async function startWeather(port, random) {
  const lines = new Set();
  const byPort = new Map(); // of the client, the last line from there
  const began = Date.now();
  const tell = (line, what) =>
    line.story.push(`${((Date.now() - began) / 1000).toFixed(1)} ${what}`);
  const counts = { cut: 0, "cut in a frame": 0, stall: 0, "half open": 0 };

  const end = (line) => {
    if (!lines.delete(line)) return;
    tell(line, "ends");
    for (const way of [line.up, line.down]) way.close();
    line.near.destroy();
    line.far.destroy();
  };

  const faults = {
    cut(line) {
      line.near.resetAndDestroy();
      line.far.resetAndDestroy();
      end(line);
    },
    "cut in a frame"(line) {
      const way = random() < 0.5 ? line.up : line.down;
      // What was written leaves before the end of the socket.
      way.cutsInside = () => {
        line.isCut = true;
        setTimeout(() => end(line), 20);
      };
    },
    stall(line) {
      const until = Date.now() + 200 + random() * 1500;
      line.up.opensAt = line.down.opensAt = until;
    },
    "half open"(line) {
      const ms = 500 + random() * 2500;
      line.isHalf = true;
      line.down.close();
      line.up.opensAt = Date.now() + ms;
      line.near.resetAndDestroy();
      setTimeout(() => end(line), ms + 100);
    },
  };

  const listener = net.createServer((near) => {
    const far = net.connect({ port, host: "127.0.0.1" });
    const line = { near, far, story: [] };
    byPort.set(near.remotePort, line);
    tell(line, "begins");
    const delay = random() ** 3 * MAX_DELAY_MS;
    line.up = new Way(near, far, delay);
    line.down = new Way(far, near, delay);
    lines.add(line);
    near.setNoDelay();
    far.setNoDelay();
    for (const [name, socket] of Object.entries({ near, far })) {
      socket.on("error", () => {});
      socket.on("close", () => {
        tell(line, `${name} closes`);
        if (!line.isHalf && !line.isCut) end(line);
      });
    }
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));

  return {
    port: listener.address().port,
    counts,
    /** What has happened to the connection that came from this port, by seconds since the
     * start. `near` is the client's half, `far` the server's. */
    story: (port) => byPort.get(port)?.story.join(", ") ?? "",
    /** Something bad happens to one of the connections. */
    strike() {
      const all = [...lines].filter((line) => !line.isHalf);
      const kinds = Object.keys(faults);
      const line = all[Math.floor(random() * all.length)];
      const kind = kinds[Math.floor(random() * kinds.length)];
      if (!line) return;
      counts[kind]++;
      tell(line, kind);
      faults[kind](line);
    },
    close() {
      listener.close();
      for (const line of [...lines]) end(line);
    },
  };
}
