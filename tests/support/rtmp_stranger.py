"""RTMP written byte by byte, as a client that means no good would."""

import socket
import struct

COMMAND, VIDEO = 20, 9
CHUNK_BYTES = 128


def amf_string(text):
    data = text.encode()
    if len(data) > 0xFFFF:
        return b"\x0c" + struct.pack(">I", len(data)) + data
    return b"\x02" + struct.pack(">H", len(data)) + data


def amf_number(value):
    return b"\x00" + struct.pack(">d", value)


def amf_object(**members):
    body = b"".join(struct.pack(">H", len(name)) + name.encode() + amf_string(value) for name, value in members.items())
    return b"\x03" + body + b"\x00\x00\x09"


class RtmpStranger:
    """A connection to an RTMP server. What is sent may be anything; answers are looked through for words."""

    def __init__(self, port, timeout_s=20, tls=None, address="127.0.0.1"):
        """tls: an SSLContext for RTMPS; address: of this machine, that it comes from."""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout_s, source_address=(address, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="127.0.0.1")
        self.heard = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed by the server")
            data += piece
        return data

    def shake_hands(self):
        self.send(b"\x03" + bytes(1536))
        answer = self.read(1 + 2 * 1536)
        self.send(answer[1:1537])
        return self

    def send_message(self, kind, payload, stream=0, length=None, stamp_ms=0):
        """In chunks of 128 bytes; length: what the header claims."""
        size = len(payload) if length is None else length
        head = bytes([3]) + stamp_ms.to_bytes(3, "big") + size.to_bytes(3, "big") + bytes([kind]) + stream.to_bytes(4, "little")
        pieces = [payload[at:at + CHUNK_BYTES] for at in range(0, len(payload), CHUNK_BYTES)] or [b""]
        self.send(head + b"\xc3".join(pieces))

    def call(self, name, *arguments, transaction=1.0, stream=0):
        self.send_message(COMMAND, amf_string(name) + amf_number(transaction) + b"".join(arguments), stream)

    def connect(self, app="live", tc_url=None):
        self.shake_hands()
        self.call("connect", amf_object(app=app, tcUrl=tc_url or "rtmp://127.0.0.1/" + app))
        self.wait_for(b"NetConnection.Connect.Success")
        self.call("createStream", b"\x05", transaction=2.0)
        return self

    def publish(self, key):
        self.call("publish", b"\x05", amf_string(key), amf_string("live"), transaction=0.0, stream=1)

    def play(self, key):
        self.call("play", b"\x05", amf_string(key), transaction=0.0, stream=1)

    def wait_for(self, *words):
        """The first of the words that the server says; ConnectionError when it closes before."""
        while True:
            for word in words:
                if word in self.heard:
                    return word
            piece = self.sock.recv(65536)
            if not piece:
                raise ConnectionError(f"closed by the server after {self.heard[-200:]!r}")
            self.heard += piece
