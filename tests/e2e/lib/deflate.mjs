// SPDX-License-Identifier: MIT
/*
 * deflate - compressed messages by hand, for raw connections (RFC 7692, 7.2).
 */
import zlib from "node:zlib";

const { Z_SYNC_FLUSH } = zlib.constants;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** What a frame with RSV1 carries for these bytes. `options` are zlib's. */
export const pack = (bytes, options = {}) =>
  zlib
    .deflateRawSync(Buffer.from(bytes), { finishFlush: Z_SYNC_FLUSH, ...options })
    .subarray(0, -4);

/** The message in a server's frame, compressed or not, that stands alone.
 * `windowBits` bounds how far back it may refer. */
export const unpack = (f, windowBits = 15) =>
  f.rsv & 4
    ? zlib.inflateRawSync(Buffer.concat([f.payload, TAIL]), {
        finishFlush: Z_SYNC_FLUSH,
        windowBits,
      })
    : f.payload;

/** Compresses or uncompresses messages that know the ones before; `stream` is one of
 * zlib's. Resolves with the bytes of one message. */
async function through(stream, bytes) {
  const parts = [];
  const take = (part) => parts.push(part);
  stream.on("data", take);
  await new Promise((done, fail) => {
    stream.once("error", fail);
    stream.write(bytes);
    stream.flush(Z_SYNC_FLUSH, done);
  });
  stream.off("data", take);
  return Buffer.concat(parts);
}

/** {pack, unpack} with context from message to message. */
export function withContext(windowBits = 15) {
  const out = zlib.createDeflateRaw({ windowBits });
  const back = zlib.createInflateRaw({ windowBits });
  return {
    pack: async (bytes) => (await through(out, Buffer.from(bytes))).subarray(0, -4),
    unpack: (f) =>
      f.rsv & 4 ? through(back, Buffer.concat([f.payload, TAIL])) : f.payload,
  };
}
