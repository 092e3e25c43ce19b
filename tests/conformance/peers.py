"""Both ends of the wire: our example programs, Node's programs, and a raw client written from RFC 6455 and RFC 9112."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import socket
import struct
from pathlib import Path

from support.process import Program
from support.programs import build_dir

HERE = Path(__file__).parent
MAX_PAYLOAD = 1_000_000
PING_INTERVAL_MS = 300
PING_TIMEOUT_MS = 200
TIMEOUT_S = 5


def example(name):
    program = build_dir() / "examples" / name
    assert program.exists(), f"{program} is not built: run make"
    return program


def is_sanitized():
    """AddressSanitizer keeps freed memory for a while: sizes say nothing then."""
    return b"__asan_init" in example("echo-server").read_bytes()


class EchoServer(Program):
    def __init__(self, ping_interval=PING_INTERVAL_MS, ping_timeout=PING_TIMEOUT_MS, max_payload=MAX_PAYLOAD, max_connections=0,
                 port=0):
        super().__init__([example("echo-server"), "--port", port, "--ping-interval", ping_interval, "--ping-timeout", ping_timeout,
                          "--max-payload", max_payload, "--max-connections", max_connections])
        self.port = int(self.wait_for_line(r"listening on (\d+)").group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self, grace_s=10):
        status = super().stop(grace_s)
        assert status == 0, f"echo-server ended with {status}\n{self.tail()}"  # also a sanitizer's finding
        return status


def node_program(script, *arguments):
    """Node running a script of this folder."""
    node = shutil.which("node")
    assert node, "node is not installed: run make deps"
    assert (HERE / "node_modules/socket.io-client").exists(), "Node's packages are not installed: run make deps"
    return Program([node, HERE / script, *arguments], name=script)


def upload(port, path, n_bytes, stated):
    """The status of a POST with so long a body; what is still to be sent when the peer closes is left."""
    piece = b"x" * 65_536
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        pieces = (piece for _ in range(n_bytes // len(piece)))
        length = {"Content-Length": str(n_bytes // len(piece) * len(piece))} if stated else {}
        try:
            connection.request("POST", path, body=pieces, headers=length, encode_chunked=not stated)
        except OSError:
            pass
        return connection.getresponse().status
    finally:
        connection.close()


class Raw:
    """A TCP connection on which HTTP requests are written byte by byte."""

    def __init__(self, port, timeout_s=TIMEOUT_S):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def read(self, count):
        while len(self.buffer) < count:
            self._fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self.buffer += data

    def response(self):
        """(status, headers, body) of the next one."""
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        length = 0 if status in (101, 204) else int(headers.get("content-length", 0))
        return status, headers, self.read(length)

    def is_closed(self):
        """Whether the server ends the connection, within the time limit."""
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False


OPCODE_CONTINUATION, OPCODE_TEXT, OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG = 0, 1, 2, 8, 9, 10


def masked(payload, mask):
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")


class Frames(Raw):
    """WebSocket frames on a connection, right or wrong; the mask is the client's, and masks the payload if there is one."""

    def send_frame(self, opcode, payload, fin=True, mask=None, rsv=0, length=None):
        length = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", length)
        if mask:
            payload = masked(payload, mask)
        self.send(head + (mask or b"") + payload)

    def send_text(self, text):
        self.send_frame(OPCODE_TEXT, text.encode())

    def send_binary(self, data):
        self.send_frame(OPCODE_BINARY, data)

    def read_frame(self):
        """(first byte, mask or None, payload as it came) of the next one."""
        first, second = self.read(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.read(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self.read(8))[0]
        mask = self.read(4) if second & 0x80 else None
        return first, mask, self.read(length)


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body


class WebSocket(Frames):
    """Sends any frame, right or wrong. Raises Refused with the HTTP answer when it is not 101."""

    def __init__(self, port, path, timeout_s=TIMEOUT_S, headers=()):
        super().__init__(port, timeout_s)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers]
        self.send("\r\n".join([*lines, "", ""]).encode())
        status, answer, body = self.response()
        if status != 101:
            self.close()
            raise Refused(status, body)
        assert answer["sec-websocket-accept"] == accept_of(key)
        assert (answer["upgrade"].lower(), answer["connection"].lower()) == ("websocket", "upgrade")
        self.headers = answer

    def send_frame(self, opcode, payload, mask=b"\x11\x22\x33\x44", **more):
        super().send_frame(opcode, payload, mask=mask, **more)

    def receive_frame(self):
        first, mask, payload = self.read_frame()
        assert first & 0x70 == 0 and not mask, "reserved bits or a mask from the server"
        assert first & 0x80, "our server never fragments"
        return first & 0x0F, payload

    def receive(self):
        """The next message: str or bytes. ConnectionError when the server closes."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == OPCODE_TEXT:
                return payload.decode()
            if opcode == OPCODE_BINARY:
                return payload
            if opcode == OPCODE_CLOSE:
                raise ConnectionError(f"closed: {close_code(payload)}")

    def receive_message(self):
        """The next that is not a ping of Engine.IO's heartbeat."""
        while True:
            message = self.receive()
            if message != "2":
                return message

    def receive_close(self):
        """The code of the server's Close frame; what comes before it is dropped."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == OPCODE_CLOSE:
                return close_code(payload)


class Accepted(Frames):
    """A server's end of a WebSocket that a test plays itself: the client's request, then frames."""

    def __init__(self, listener, timeout_s=TIMEOUT_S):
        listener.settimeout(timeout_s)
        self.sock, _ = listener.accept()
        self.sock.settimeout(timeout_s)
        self.buffer = b""
        self.request, *lines = self.read_until(b"\r\n\r\n").decode().split("\r\n")
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        self.send(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {accept_of(self.headers['sec-websocket-key'])}\r\n\r\n".encode())

    def receive_frame(self):
        first, mask, payload = self.read_frame()
        assert first & 0xF0 == 0x80 and mask, "a client's frame is whole and masked"
        return first & 0x0F, masked(payload, mask)

    def receive_text(self):
        opcode, payload = self.receive_frame()
        assert opcode == OPCODE_TEXT, (opcode, payload)
        return payload.decode()


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def close_code(payload):
    return struct.unpack("!H", payload[:2])[0] if payload else None


def path_of(base, transport, sid=None, eio="4"):
    query = f"EIO={eio}&transport={transport}" + (f"&sid={sid}" if sid else "")
    return f"{base}?{query}"


def open_websocket(server, base="/engine.io/", sid=None, **more):
    """A WebSocket, past the OPEN packet unless it is to upgrade a session."""
    ws = WebSocket(server.port, path_of(base, "websocket", sid), **more)
    if not sid:
        ws.handshake = parse_open(ws.receive())
    return ws


def parse_open(text):
    assert text[0] == "0"
    return json.loads(text[1:])
