// SPDX-License-Identifier: MIT
/*
 * edge_ws - the peer of tools/bench edge: the same echo and fan-out server as
 * edge_raw.c, on npm's ws as its documentation shows it, without compression.
 */
"use strict";
const { WebSocketServer } = require("../../../tests/node_modules/ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  backlog: 4096,
  perMessageDeflate: false,
  clientTracking: true,
});

server.on("listening", () => console.log(`http://127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  socket.on("error", () => {}); // a reset; "close" follows
  socket.on("message", (data, isBinary) => {
    if (isBinary && data[0] === 0x42)
      for (const client of server.clients) client.send(data, { binary: true });
    else socket.send(data, { binary: isBinary });
  });
});
