"""Raw clients of sts-service, many of them: opened, left alone, and ended in polite and impolite ways."""

import json
import time

from conformance.peers import OPCODE_CLOSE, OPCODE_TEXT, open_websocket

PATH = "/socket.io/"


def open_client(server):
    """A WebSocket that is in the default namespace."""
    ws = open_websocket(server, PATH, timeout_s=30)
    ws.send_text("40")
    answer = ws.receive_message()
    assert answer.startswith("40"), answer
    return ws


def open_stream(ws, stream):
    ws.send_text("42" + json.dumps(["stream:init", {"stream_id": stream, "worker_id": "crowd"}]))
    answer = ws.receive_message()
    assert answer.startswith('42["stream:ready"'), answer


def leave_politely(server, _number):
    ws = open_client(server)
    ws.send_text("41")
    ws.send_frame(OPCODE_CLOSE, b"\x03\xe8")
    ws.receive_close()
    ws.close()


def leave_at_once(server, _number):
    open_client(server).close()


def leave_a_stream(server, number):
    ws = open_client(server)
    open_stream(ws, f"stream-{number}")
    ws.close()


def leave_in_a_fragment(server, number):
    ws = open_client(server)
    open_stream(ws, f"stream-{number}")
    ws.send_frame(OPCODE_TEXT, b'42["fragment:data",' + b" " * 5000, length=100_000)
    ws.close()


WAYS = (leave_politely, leave_at_once, leave_a_stream, leave_in_a_fragment)


def come_and_go(server, cycles, limit_s):
    """Connects and leaves, one way after the other, so often or until the time is over. Returns how often."""
    deadline = time.monotonic() + limit_s
    for number in range(cycles):
        if time.monotonic() > deadline:
            return number
        WAYS[number % len(WAYS)](server, number)
    return cycles
