// SPDX-License-Identifier: MIT
// Node's socket.io-client against our server: node clients.js URL TRANSPORTS NAMESPACE. Prints one JSON line: what it saw.
const { io } = require("socket.io-client");

const [url, transports, namespace] = process.argv.slice(2);
const seen = { events: [] };
const socket = io(url + (namespace === "/" ? "" : namespace), {
  transports: transports.split(","), auth: { token: "node" }, reconnection: false, timeout: 5000,
});

const waitFor = (emitter, name) => new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));

function finish(problem) {
  if (problem) seen.problem = String(problem);
  console.log(JSON.stringify(seen));
  socket.disconnect();
}

socket.on("connect_error", (error) => finish(error.message));
socket.on("connect", async () => {
  try {
    seen.auth = (await waitFor(socket, "auth"))[0];
    if (transports === "polling,websocket" && socket.io.engine.transport.name === "polling") {
      // messages flow while the transport changes
      const upgraded = waitFor(socket.io.engine, "upgrade");
      const numbers = [];
      socket.on("message-back", (n) => numbers.push(n));
      for (let i = 0; i < 200; i++) {
        socket.emit("message", i);
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await upgraded;
      while (numbers.length < 200) await waitFor(socket, "message-back");
      seen.inOrder = numbers.every((n, i) => n === i);
      socket.off("message-back");
    }
    socket.emit("message", 1, "2", { 3: [true] }, Buffer.from([1, 2, 3]), { deep: [Buffer.from("x")] });
    const back = await waitFor(socket, "message-back");
    seen.back = back.slice(0, 3);
    seen.binary = [Buffer.from(back[3]).toString("hex"), Buffer.from(back[4].deep[0]).toString("hex")];
    seen.ack = await new Promise((resolve) => socket.emit("message-with-ack", "a", 1, (...args) => resolve(args)));
    const large = "A".repeat(700000);
    seen.large = (await new Promise((resolve) => socket.emit("message-with-ack", large, resolve))) === large;
    seen.transport = socket.io.engine.transport.name;
    await new Promise((resolve) => setTimeout(resolve, 800)); // some heartbeats
    seen.stillConnected = socket.connected;
    finish();
  } catch (error) {
    finish(error);
  }
});
