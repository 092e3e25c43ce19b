"""A server of somebody's published API, in this process: it does as the API says, and misbehaves when told to.

A fake checks what it is asked as strictly as the API does, so that a driver that sends something else fails. Faults are
queued with fault(); each is used up by one request, whatever that asks for."""

import asyncio
import json
import threading
from dataclasses import dataclass, field

from aiohttp import web

WAIT_S = 30


@dataclass
class Asked:
    """One request as it came."""
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes
    connection: tuple = ()
    form: dict = field(default_factory=dict)  # parts of multipart: {name: bytes}

    @property
    def json(self):
        return json.loads(self.body)


class Refusal(Exception):
    """An answer that is an error, in the API's own shape."""

    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class FakeServer:
    """Use it as a context manager. Subclasses define error(status, message) and answer(asked)."""

    def __init__(self, key=None, ssl_context=None):
        self.key = key
        self.asked = []
        self._faults = []
        self._released = None  # asyncio.Event: what is slow comes to an end
        self._ssl = ssl_context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-server", daemon=True)

    # ---- to be defined ----

    def error(self, status, message):
        """The body of an error as this API has it."""
        return {"error": message}

    def answer(self, asked):
        """Returns (body, content type); raises Refusal. body: bytes, or something that becomes JSON."""
        raise NotImplementedError

    # ---- life ----

    def __enter__(self):
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_):
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)

    async def _start(self):
        self._released = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ssl)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def _stop(self):
        self._released.set()
        await self._runner.cleanup()

    @property
    def url(self):
        return f"{'https' if self._ssl else 'http'}://127.0.0.1:{self.port}"

    # ---- what happened ----

    def fault(self, *faults):
        """What becomes of the next requests, one each: the names of methods below, or an object (status, body, headers)."""
        self._faults.extend(faults)

    @property
    def connections(self):
        """How many different ones requests came by."""
        return len({asked.connection for asked in self.asked})

    @property
    def last(self):
        return self.asked[-1]

    # ---- requests ----

    async def _read(self, request):
        form = {}
        if request.content_type == "multipart/form-data":
            form = {name: value.file.read() if hasattr(value, "file") else value.encode()
                    for name, value in (await request.post()).items()}
        return Asked(request.method, request.path, dict(request.query), {k.lower(): v for k, v in request.headers.items()},
                     b"" if form else await request.read(), request.transport.get_extra_info("peername"), form)

    async def _handle(self, request):
        asked = await self._read(request)
        self.asked.append(asked)
        fault = self._faults.pop(0) if self._faults else None
        if isinstance(fault, str) and fault != "none":
            return await getattr(self, "fault_" + fault)(request, asked)
        if fault and fault != "none":
            status, body, *headers = fault
            return self._reply(status, body, headers=headers[0] if headers else None)
        try:
            body, content_type = self.answer(asked)
        except Refusal as refusal:
            return self._reply(refusal.status, refusal.body, headers=refusal.headers)
        return self._reply(200, body, content_type)

    def _reply(self, status, body, content_type=None, headers=None):
        if not isinstance(body, bytes):
            body, content_type = json.dumps(body).encode(), "application/json"
        return web.Response(status=status, body=body, headers={"Content-Type": content_type or "text/plain", **(headers or {})})

    def _good(self, asked):
        body, content_type = self.answer(asked)
        return (body, content_type) if isinstance(body, bytes) else (json.dumps(body).encode(), "application/json")

    async def _stream(self, request, content_type, **headers):
        response = web.StreamResponse(headers={"Content-Type": content_type, **headers})
        await response.prepare(request)
        return response

    # ---- faults ----

    async def fault_slow_head(self, request, asked):
        await self._released.wait()
        return web.Response()

    async def fault_slow_body(self, request, asked):
        body, content_type = self._good(asked)
        response = await self._stream(request, content_type, **{"Content-Length": str(len(body))})
        await response.write(body[:len(body) // 2])
        await self._released.wait()
        return response

    async def fault_endless(self, request, asked):
        response = await self._stream(request, self._good(asked)[1])
        while not self._released.is_set():
            await response.write(b" " * 65536)
        return response

    async def fault_huge(self, request, asked):
        response = await self._stream(request, self._good(asked)[1], **{"Content-Length": str(10**12)})
        await self._released.wait()
        return response

    async def fault_cut(self, request, asked):
        request.transport.close()
        return web.Response()

    async def fault_cut_in_body(self, request, asked):
        body, content_type = self._good(asked)
        response = await self._stream(request, content_type, **{"Content-Length": str(len(body))})
        await response.write(body[:len(body) // 2])
        request.transport.close()
        return response

    async def fault_wrong_type(self, request, asked):
        return self._reply(200, b"<html><h1>It works!</h1></html>", "text/html")

    async def fault_broken(self, request, asked):
        body, content_type = self._good(asked)
        return self._reply(200, b"{\"a\": [" if content_type == "application/json" else b"", content_type)

    async def fault_wrong_shape(self, request, asked):
        return self._reply(200, {"data": {"nothing": "known"}, "choices": 7, "translations": "x", "text": None})

    async def fault_error_under_200(self, request, asked):
        return self._reply(200, {"error": {"message": "out of memory"}})

    async def fault_echo_key(self, request, asked):
        return self._reply(400, self.error(400, f"strange key {self.key}, body {asked.body[:2000].decode(errors='replace')}"))

    async def fault_echo_key_in_text(self, request, asked):
        return self._reply(401, f"headers: {asked.headers}".encode(), "text/plain")

    async def fault_echo_key_in_json(self, request, asked):
        return self._reply(200, f"{{\"{self.key}\": {self.key}}}".encode(), "application/json")

    async def fault_echo_key_in_type(self, request, asked):
        return self._reply(200, b"x", f"text/{self.key}")
