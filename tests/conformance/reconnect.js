// SPDX-License-Identifier: MIT
// Node's socket.io-client against a server that goes and comes back: node reconnect.js URL TRANSPORTS. Prints "connected N", and
// from the second time on what an ack brought.
const { io } = require("socket.io-client");

const [url, transports] = process.argv.slice(2);
const socket = io(url, { transports: transports.split(","), reconnectionDelay: 100, reconnectionDelayMax: 200 });
let count = 0;

socket.on("connect", () => {
  count += 1;
  if (count === 1) return console.log("connected 1");
  const n = count;
  socket.emit("message-with-ack", "again", Buffer.from([1, 2]), (...args) => console.log(`connected ${n} ${JSON.stringify(args)}`));
});
