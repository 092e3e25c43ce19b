"""Peers that mean harm, or are merely broken. The server must stay small, and well for everybody else."""

import json
import socket
import time

import pytest
import requests

from conformance.peers import (MAX_PAYLOAD, OPCODE_TEXT, EchoServer, Raw, is_sanitized, open_websocket, parse_open, path_of)
from conformance.test_socketio import connect
from support.net import wait_for

SOCKET = "/socket.io/"


def assert_well(server):
    with connect(server) as ws:
        ws.send_text('42["message",1]')
        assert ws.receive_message() == '42["message-back",1]'


def test_peer_that_never_reads(patient):
    """Its echoes pile up to the limit of the send buffer (64 MiB); then it is closed and the memory is free again."""
    text = "4" + "x" * (MAX_PAYLOAD - 1)
    ws = open_websocket(patient, "/engine.io/", timeout_s=20)
    ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with pytest.raises(OSError):
        for _ in range(300):
            ws.send_text(text)
    ws.close()
    assert is_sanitized() or patient.peak_rss_kb() < 200_000
    assert_well(patient)


def test_announced_and_never_sent(patient):
    """A frame of a megabyte is promised by each of a hundred; nobody's memory is taken for it."""
    before = patient.rss_kb()
    held = [open_websocket(patient) for _ in range(100)]
    for ws in held:
        ws.send_frame(OPCODE_TEXT, b"4x", length=MAX_PAYLOAD)
    time.sleep(0.3)
    assert is_sanitized() or patient.rss_kb() - before < 20_000
    for ws in held:
        ws.close()
    assert_well(patient)


def test_attachments_never_sent(patient):
    with connect(patient) as ws:
        ws.send_text('451024-["message"]')
        for _ in range(1000):
            ws.send_binary(b"")
        ws.close()
    assert_well(patient)


@pytest.mark.parametrize("data", [b"\x00" * 1000, b"GET", b"\r\n" * 5000, b"GET / HTTP/9.9\r\n\r\n", b"\xff\xfe" * 4000,
                                  b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                                  b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: two\r\n\r\nab",
                                  b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
                                  b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
                                  b"GET /socket.io/?%00=%ff&EIO=4&sid=%00 HTTP/1.1\r\nHost: a\r\n\r\n"],
                         ids=["nul", "cut-off", "empty-lines", "version", "bytes", "negative-length", "length-in-words", "unknown-encoding", "no-key", "bad-query"])
def test_garbage(patient, data):
    with Raw(patient.port) as peer:
        peer.send(data)
        time.sleep(0.02)
    assert_well(patient)


def test_connections_come_and_go(patient):
    """Ways to end half-way, many times: no file stays open, memory does not grow."""
    def one_of_each():
        Raw(patient.port).close()
        open_websocket(patient).close()
        connect(patient).close()
        with open_websocket(patient) as ws:
            ws.send_frame(OPCODE_TEXT, b"4half", length=1000)
        with Raw(patient.port) as peer:
            peer.send(f"GET {path_of(SOCKET, 'websocket')} HTTP/1.1\r\n".encode())
        with Raw(patient.port) as peer:
            peer.send(f"GET {path_of(SOCKET, 'websocket')} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())

    for _ in range(50):
        one_of_each()
    wait_for(lambda: patient.open_files() < 40, 30, "files closed")
    before = patient.rss_kb()
    for _ in range(150):
        one_of_each()
    wait_for(lambda: patient.open_files() < 40, 30, "files closed")
    assert is_sanitized() or patient.rss_kb() - before < 4_000


def test_sessions_that_nobody_polls_are_freed():
    with EchoServer(ping_interval=50, ping_timeout=50) as server:
        for _ in range(200):
            requests.get(server.url + path_of(SOCKET, "polling"), timeout=5)
        sid = parse_open(requests.get(server.url + path_of(SOCKET, "polling"), timeout=5).text)["sid"]
        url = server.url + path_of(SOCKET, "polling", sid)
        wait_for(lambda: requests.get(url, timeout=5).status_code == 400, 5, "the session's end")
        wait_for(lambda: server.open_files() < 40, 5, "files closed")


def test_trickled_frame_ends_with_the_heartbeat():
    """A frame that grows byte by byte leaves no room for a pong."""
    with EchoServer(ping_interval=100, ping_timeout=100) as server, open_websocket(server) as ws:
        ws.send_frame(OPCODE_TEXT, b"4", length=1000)
        for _ in range(60):
            ws.send(b"x")
            time.sleep(0.01)  # what is tested: as slow as that
        assert ws.receive_close() == 1001


def test_many_keys_and_values(patient):
    with connect(patient) as ws:
        value = {str(i): i for i in range(20_000)}
        ws.send_text("42" + json.dumps(["message", value]))
        assert json.loads(ws.receive_message()[2:]) == ["message-back", value]
