"""sts-service with peers that mean harm: whatever they send, it stays small, and well for everybody else."""

import json

import pytest
import requests

from conformance.peers import Raw, is_sanitized, open_websocket, path_of, upload
from support import programs
from support.net import wait_for
from support.sts_worker import Worker, dubbed

BASE = "/socket.io/"
INIT = {"stream_id": "hostile", "worker_id": "w"}


@pytest.fixture(scope="module")
def sts(tmp_path_factory):
    service = programs.sts_service(log=tmp_path_factory.mktemp("sts") / "sts.log", STS_MODE="echo", WS_MAX_CONNECTIONS=20,
                                   WS_MAX_BUFFER_SIZE=2_000_000)
    yield service
    assert service.stop() == 0, service.tail()


@pytest.fixture(autouse=True)
def stays_well(sts):
    """After each test another worker is served as ever."""
    yield
    with Worker(sts.url, stream="well") as worker:
        worker.init()
        worker.submit(0, b"still here")
        assert dubbed(worker.wait_for("fragment:processed")) == b"still here"


def connect(sts):
    ws = open_websocket(sts, BASE)
    ws.send_text("40")
    assert ws.receive_message().startswith('40{"sid":')
    return ws


def event(name, payload):
    return "42" + json.dumps([name, payload])


CLOSED = [
    ("deep-array", '42["stream:init",' + "[" * 100_000 + "]" * 100_000 + "]", 1002),
    ("deep-object", '42["stream:init",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]", 1002),
    ("real-out-of-range", '42["stream:init",{"max_inflight":1e999}]', 1002),
    ("ack-id-of-a-hundred-digits", "42" + "9" * 100 + '["stream:init",{}]', 1002),
    ("ack-for-an-id-out-of-range", "4318446744073709551616[]", 1002),
    ("attachments-beyond-count", '459999999999-["stream:init"]', 1002),
    ("namespace-too-long", "40/" + "n" * 10_000, 1002),
    ("half-a-string", '42["stream:init",{"stream_id":"', 1002),
    ("unescaped-nul", '42["stream:init\0",{}]', 1002),
]


@pytest.mark.parametrize("text, code", [row[1:] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_what_is_no_packet_closes(sts, text, code):
    with connect(sts) as ws:
        ws.send_text(text)
        assert ws.receive_close() == code


@pytest.mark.parametrize("data", [b'42["stream:init",{"stream_id":"\xff"}]', b'42["\xc0\x80"]', b'42["\xed\xa0\x80"]'],
                         ids=["byte", "overlong-nul", "surrogate"])
def test_invalid_utf8_closes(sts, data):
    with connect(sts) as ws:
        ws.send_frame(1, data)
        assert ws.receive_close() == 1007


REFUSED = [
    ("integer-over-64-bits", {**INIT, "max_inflight": 10**40}, "max_inflight"),
    ("integer-of-a-thousand-digits", {**INIT, "timeout_ms": 10**300}, "timeout_ms"),
    ("minus-zero-and-a-half", {**INIT, "max_inflight": -0.5}, "max_inflight"),
    ("nul-in-an-id", {**INIT, "stream_id": "a\0b"}, "stream_id"),
    ("id-of-a-megabyte", {**INIT, "stream_id": "x" * 1_000_000}, "stream_id"),
    ("hundred-levels", {**INIT, "config": json.loads("[" * 100 + "]" * 100)}, "config"),
]


@pytest.mark.parametrize("payload, field", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_json_is_refused_by_name(sts, payload, field):
    with connect(sts) as ws:
        ws.send_text(event("stream:init", payload))
        name, error = json.loads(ws.receive_message()[2:])
        assert (name, error["code"]) == ("error", "INVALID_CONFIG")
        assert field in error["message"] and len(error["message"]) < 1000


def test_a_thousand_namespaces(sts):
    """Each unknown one is answered, none is remembered."""
    with connect(sts) as ws:
        for number in range(1000):
            ws.send_text(f"40/n{number},")
            assert ws.receive_message() == f'44/n{number},{{"message":"Invalid namespace"}}'
        ws.send_text(event("stream:init", INIT))
        assert ws.receive_message().startswith('42["stream:ready"')


def test_attachments_promised_and_never_sent(sts):
    """What comes of them is bounded together; unit socketio/pair has the time-out of those that never come."""
    with connect(sts) as ws:
        ws.send_text('451000-["stream:init",{"stream_id":{"_placeholder":true,"num":0}}]')
        ws.send_binary(b"x" * 1_000_000)
        ws.send_binary(b"x" * 1_000_001)
        assert ws.receive_close() == 1009
    with connect(sts) as ws:
        ws.send_text('451000-["stream:init",{"stream_id":{"_placeholder":true,"num":0}}]')
        ws.send_text(event("stream:init", INIT))
        assert ws.receive_close() == 1002


def test_a_thousand_connections_beyond_the_limit(sts):
    held = [connect(sts) for _ in range(20)]
    files = sts.open_files()
    for _ in range(1000):
        answer = requests.get(sts.url + path_of(BASE, "polling"), timeout=5)
        assert (answer.status_code, answer.json()["message"]) == (503, "Server is full: 20 connections")
    assert sts.open_files() <= files + 2
    for ws in held:
        ws.close()
    wait_for(lambda: requests.get(sts.url + path_of(BASE, "polling"), timeout=5).status_code == 200, 10, "a free place")


def test_frames_byte_by_byte_and_never_finished(sts):
    before = sts.open_files()
    for _ in range(10):
        with open_websocket(sts, BASE) as ws:
            for byte in b"\x81\xfe\xff\xff\x01\x02\x03\x0440":
                ws.send(bytes([byte]))
    wait_for(lambda: sts.open_files() <= before, 10, "files closed")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/nowhere", "/"])
@pytest.mark.parametrize("stated", [True, False], ids=["length", "chunked"])
def test_a_body_of_200_megabytes(sts, path, stated):
    """Whatever the path: it is refused, and memory does not grow with it."""
    before = sts.rss_kb()
    status = upload(sts.port, path, 200_000_000, stated)
    assert status == 413
    assert is_sanitized() or sts.rss_kb() - before < 10_000


@pytest.mark.parametrize("request_bytes", [b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nX: " + b"a" * 10_000_000,
                                           b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
                                           b"\0" * 100_000], ids=["header", "path", "nul"])
def test_endless_requests(sts, request_bytes):
    """libsoup bounds what it reads of a header; the connection ends."""
    before = sts.rss_kb()
    with Raw(sts.port) as peer:
        try:
            peer.send(request_bytes)
        except OSError:
            pass  # it has been closed before the end
    assert is_sanitized() or sts.rss_kb() - before < 40_000
