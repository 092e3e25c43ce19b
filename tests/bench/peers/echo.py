"""The echo mode's events on python-socketio's asyncio server under aiohttp: prints "listening on PORT"."""

import socket

import socketio
from aiohttp import web

sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"], max_http_buffer_size=50 << 20)
counts = {}


@sio.on("stream:init")
async def stream_init(sid, data):
    counts[sid] = 0
    await sio.emit("stream:ready", {"stream_id": data["stream_id"], "session_id": sid, "max_inflight": data["max_inflight"],
                                    "capabilities": {"batch_processing": False, "async_delivery": True}}, to=sid)


@sio.on("fragment:data")
async def fragment_data(sid, data):
    counts[sid] += 1
    await sio.emit("fragment:ack", {"fragment_id": data["fragment_id"], "status": "processing"}, to=sid)
    await sio.emit("fragment:processed", {
        "fragment_id": data["fragment_id"], "stream_id": data["stream_id"], "sequence_number": data["sequence_number"],
        "status": "success", "dubbed_audio": data["audio"], "transcript": "", "translated_text": "", "processing_time_ms": 0,
    }, to=sid)


@sio.on("fragment:ack")
async def fragment_ack(_sid, _data):
    pass


@sio.on("stream:end")
async def stream_end(sid, data):
    await sio.emit("stream:complete", {"stream_id": data["stream_id"], "total_fragments": counts.pop(sid),
                                       "total_duration_ms": 0}, to=sid)


app = web.Application()
sio.attach(app)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(f"listening on {listener.getsockname()[1]}", flush=True)
web.run_app(app, sock=listener, print=None, access_log=None)
