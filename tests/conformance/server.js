// SPDX-License-Identifier: MIT
// Node's socket.io server for our client: namespaces "/" and "/sts"; prints "listening on PORT".
const { Server } = require("socket.io");

const io = new Server({ pingInterval: 300, pingTimeout: 300, maxHttpBufferSize: 20e6 });

for (const name of ["/", "/sts"]) {
  const namespace = io.of(name);
  namespace.use((socket, next) => {
    if (socket.handshake.auth.token !== "bad") return next();
    const error = new Error("AUTH_FAILED");
    error.data = { code: 7 };
    next(error);
  });
  namespace.on("connection", (socket) => {
    socket.emit("hello", { auth: socket.handshake.auth, stream: socket.handshake.headers["x-stream-id"] || null });
    socket.emit("ask", 1, Buffer.from([9, 8]), (...args) => {
      socket.emit("asked", args.length, args[0], Buffer.isBuffer(args[1]) && args[1].toString("hex"));
    });
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
    if (socket.handshake.auth.token === "kick") setTimeout(() => socket.disconnect(), 100);
    if (socket.handshake.auth.token === "drop") setTimeout(() => socket.conn.close(), 100);
  });
}
io.httpServer || io.listen(0);
io.httpServer.on("listening", () => console.log(`listening on ${io.httpServer.address().port}`));
