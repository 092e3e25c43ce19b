"""python-socketio's server for our client, doing what server.js does: prints "listening on PORT"."""

import asyncio
import socket

import socketio
from aiohttp import web

sio = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1, ping_timeout=1, max_http_buffer_size=20_000_000,
                           namespaces="*")


async def connect(namespace, sid, environ, auth):
    token = (auth or {}).get("token")
    if token == "bad":
        raise socketio.exceptions.ConnectionRefusedError("AUTH_FAILED", {"code": 7})
    await sio.emit("hello", {"auth": auth or {}, "stream": environ.get("HTTP_X_STREAM_ID")}, to=sid, namespace=namespace)
    sio.start_background_task(after_connect, namespace, sid, token)


async def after_connect(namespace, sid, token):
    await asyncio.sleep(0.05)
    answer = await sio.call("ask", (1, b"\x09\x08"), to=sid, namespace=namespace, timeout=5)
    await sio.emit("asked", (len(answer), answer[0], answer[1].hex()), to=sid, namespace=namespace)
    await asyncio.sleep(0.1)
    if token == "kick":
        await sio.disconnect(sid, namespace=namespace)


async def message(namespace, sid, *args):
    await sio.emit("message-back", args, to=sid, namespace=namespace)


async def message_with_ack(_namespace, _sid, *args):
    return args


sio.on("connect", connect, namespace="*")
sio.on("message", message, namespace="*")
sio.on("message-with-ack", message_with_ack, namespace="*")

app = web.Application()
sio.attach(app)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()  # before its port is told: a client may be there at once
print(f"listening on {listener.getsockname()[1]}", flush=True)
web.run_app(app, sock=listener, print=None)
