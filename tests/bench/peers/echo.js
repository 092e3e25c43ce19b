// The echo mode's events on Node's socket.io server: prints "listening on PORT".
const http = require("http");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server, { transports: ["websocket"], maxHttpBufferSize: 50 << 20 });

io.on("connection", (socket) => {
  let count = 0;
  socket.on("stream:init", (data) => {
    count = 0;
    socket.emit("stream:ready", {
      stream_id: data.stream_id,
      session_id: socket.id,
      max_inflight: data.max_inflight,
      capabilities: { batch_processing: false, async_delivery: true },
    });
  });
  socket.on("fragment:data", (data) => {
    count++;
    socket.emit("fragment:ack", { fragment_id: data.fragment_id, status: "processing" });
    socket.emit("fragment:processed", {
      fragment_id: data.fragment_id,
      stream_id: data.stream_id,
      sequence_number: data.sequence_number,
      status: "success",
      dubbed_audio: data.audio,
      transcript: "",
      translated_text: "",
      processing_time_ms: 0,
    });
  });
  socket.on("stream:end", (data) => {
    socket.emit("stream:complete", { stream_id: data.stream_id, total_fragments: count, total_duration_ms: 0 });
  });
});

server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
