"""Engine.IO v4, clause by clause, with requests written by hand. The rows of docs/socketio.md name these tests."""

import base64
import concurrent.futures
import itertools
import json
import random
import threading
import time

import pytest
import requests

from conformance.peers import (MAX_PAYLOAD, OPCODE_BINARY, OPCODE_CONTINUATION, OPCODE_PING, OPCODE_PONG, OPCODE_TEXT,
                               PING_INTERVAL_MS, PING_TIMEOUT_MS, Raw, Refused, WebSocket, open_websocket, parse_open, path_of)

ENGINE = "/engine.io/"
SEPARATOR = "\x1e"
HANDSHAKE_KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


def get(server, sid=None, **more):
    return requests.get(server.url + path_of(ENGINE, "polling", sid), timeout=5, **more)


def post(server, sid, body, **more):
    return requests.post(server.url + path_of(ENGINE, "polling", sid), data=body, timeout=5, **more)


def open_polling(server):
    return parse_open(get(server).text)["sid"]


def in_background(function, *arguments):
    return concurrent.futures.ThreadPoolExecutor(1).submit(function, *arguments)


# ---- handshake ----

@pytest.mark.parametrize("path", ["/engine.io/", "/engine.io"])
def test_handshake_polling(server, path):
    answer = requests.get(server.url + path_of(path, "polling"), timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].lower() == "text/plain; charset=utf-8"
    handshake = parse_open(answer.text)
    assert set(handshake) == HANDSHAKE_KEYS
    assert handshake["upgrades"] == ["websocket"]
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (PING_INTERVAL_MS, PING_TIMEOUT_MS)
    assert handshake["maxPayload"] == MAX_PAYLOAD


def test_handshake_websocket(server):
    with open_websocket(server) as ws:
        assert set(ws.handshake) == HANDSHAKE_KEYS
        assert ws.handshake["upgrades"] == []


def test_sids_differ(server):
    assert len({open_polling(server) for _ in range(20)}) == 20


REFUSALS = [  # name, method, query, status, code, message
    ("no-eio", "GET", "transport=polling", 400, 5, "Unsupported protocol version"),
    ("eio-abc", "GET", "EIO=abc&transport=polling", 400, 5, "Unsupported protocol version"),
    ("eio-3", "GET", "EIO=3&transport=polling", 400, 5, "Unsupported protocol version"),
    ("no-transport", "GET", "EIO=4", 400, 0, "Transport unknown"),
    ("transport-abc", "GET", "EIO=4&transport=abc", 400, 0, "Transport unknown"),
    ("post-without-sid", "POST", "EIO=4&transport=polling", 400, 2, "Bad handshake method"),
    ("put", "PUT", "EIO=4&transport=polling", 400, 2, "Bad handshake method"),
    ("delete", "DELETE", "EIO=4&transport=polling", 400, 2, "Bad handshake method"),
    ("unknown-sid", "GET", "EIO=4&transport=polling&sid=nobody", 400, 1, "Session ID unknown"),
    ("post-unknown-sid", "POST", "EIO=4&transport=polling&sid=nobody", 400, 1, "Session ID unknown"),
    ("websocket-without-upgrade", "GET", "EIO=4&transport=websocket", 400, 3, "Bad request"),
]


@pytest.mark.parametrize("method,query,status,code,message", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_refused(server, method, query, status, code, message):
    answer = requests.request(method, f"{server.url}{ENGINE}?{query}", timeout=5)
    assert answer.status_code == status
    assert answer.json() == {"code": code, "message": message}
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc",
                                   "EIO=4&transport=websocket&sid=nobody", "EIO=4&transport=polling"])
def test_refused_websocket(server, query):
    with pytest.raises(Refused) as refused:
        WebSocket(server.port, f"{ENGINE}?{query}")
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["message"]


def test_other_paths_are_not_found(server):
    assert requests.get(f"{server.url}/engine.io/other?EIO=4&transport=polling", timeout=5).status_code == 404
    assert requests.get(f"{server.url}/engine.iox?EIO=4&transport=polling", timeout=5).status_code == 404


# ---- CORS ----

def test_cors(server):
    assert get(server).headers["Access-Control-Allow-Origin"] == "*"
    answer = requests.options(server.url + path_of(ENGINE, "polling"), timeout=5,
                              headers={"Origin": "http://a", "Access-Control-Request-Headers": "x-stream-id"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "x-stream-id"
    assert requests.get(server.url + path_of(ENGINE, "polling", "nobody"), timeout=5).headers["Access-Control-Allow-Origin"] == "*"


# ---- messages by polling ----

PAYLOADS = [
    ("text", "4hello"),
    ("empty", "4"),
    ("several", SEPARATOR.join(["4test1", "4test2", "4test3"])),
    ("binary", "bAQIDBA=="),
    ("text-and-binary", SEPARATOR.join(["4hello", "bAQIDBA=="])),
    ("utf8", "4é€😀"),
]


def test_polling_at_most_16_packets_an_answer(patient):
    """python-engineio's client refuses more."""
    sid = open_polling(patient)
    post(patient, sid, SEPARATOR.join(f"4{i}" for i in range(40)))
    answers = [get(patient, sid).text.split(SEPARATOR) for _ in range(3)]
    assert [len(answer) for answer in answers] == [16, 16, 8]
    assert sum(answers, []) == [f"4{i}" for i in range(40)]


@pytest.mark.parametrize("payload", [row[1] for row in PAYLOADS], ids=[row[0] for row in PAYLOADS])
def test_polling_echo(patient, payload):
    sid = open_polling(patient)
    answer = post(patient, sid, payload.encode())
    assert (answer.status_code, answer.text) == (200, "ok")
    answer = get(patient, sid)
    assert answer.status_code == 200
    assert answer.content.decode() == payload


@pytest.mark.parametrize("content_type", [None, "text/plain;charset=UTF-8", "application/octet-stream"])
def test_polling_content_type(patient, content_type):
    """Binary is base64 in both directions: a body is text, whatever it is called, and what we send is called so."""
    sid = open_polling(patient)
    assert post(patient, sid, "bAQID", headers={"Content-Type": content_type}).text == "ok"
    answer = get(patient, sid)
    assert (answer.headers["Content-Type"].lower(), answer.text) == ("text/plain; charset=utf-8", "bAQID")


def test_polling_answers_come_whole(patient):
    """What a Range header left out would be lost: it is not in the queue any more."""
    sid = open_polling(patient)
    post(patient, sid, "4hello")
    answer = get(patient, sid, headers={"Range": "bytes=1-2"})
    assert (answer.status_code, answer.text) == (200, "4hello")


def test_polling_get_waits(patient):
    sid = open_polling(patient)
    waiting = in_background(get, patient, sid)
    time.sleep(0.1)
    assert not waiting.done()
    post(patient, sid, "4late")
    assert waiting.result(5).text == "4late"


def test_polling_chunked_body(patient):
    sid = open_polling(patient)
    assert post(patient, sid, (part for part in [b"4chu", b"nked"])).text == "ok"
    assert get(patient, sid).text == "4chunked"


BAD_PAYLOADS = [("letters", b"abc"), ("empty", b""), ("type-9", b"9"), ("bad-base64", b"b???"), ("not-utf8", b"4\xff\xfe"),
                ("ping-from-client", b"2"), ("open-from-client", b"0{}"), ("second-is-bad", b"4good\x1exxx")]


@pytest.mark.parametrize("body", [row[1] for row in BAD_PAYLOADS], ids=[row[0] for row in BAD_PAYLOADS])
def test_polling_invalid_packet_closes(patient, body):
    sid = open_polling(patient)
    waiting = in_background(get, patient, sid)
    time.sleep(0.05)
    answer = post(patient, sid, body)
    assert answer.status_code in (200, 400)
    assert waiting.result(5).text.endswith("1")
    assert get(patient, sid).status_code == 400


def test_two_gets_close(patient):
    sid = open_polling(patient)
    first = in_background(get, patient, sid)
    time.sleep(0.05)
    assert get(patient, sid).status_code == 400
    assert (first.result(5).status_code, first.result(5).text) == (200, "1")
    assert get(patient, sid).status_code == 400


def test_two_posts_close(patient):
    sid = open_polling(patient)
    path = path_of(ENGINE, "polling", sid)
    with Raw(patient.port) as slow:
        slow.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n4he".encode())
        time.sleep(0.05)
        assert post(patient, sid, "4other").status_code == 400
        slow.send(b"llo")
        assert slow.response()[0] == 400
    assert get(patient, sid).status_code == 400


def test_post_that_breaks_off_leaves_the_session(patient):
    sid = open_polling(patient)
    with Raw(patient.port) as slow:
        slow.send(f"POST {path_of(ENGINE, 'polling', sid)} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n4he".encode())
        time.sleep(0.05)
    time.sleep(0.05)
    assert post(patient, sid, "4again").status_code == 200
    assert get(patient, sid).text == "4again"


# ---- maxPayload ----

def test_max_payload_polling(patient):
    sid = open_polling(patient)
    assert post(patient, sid, b"4" + b"x" * (MAX_PAYLOAD - 1)).status_code == 200
    assert len(get(patient, sid).content) == MAX_PAYLOAD
    assert post(patient, sid, b"4" + b"x" * MAX_PAYLOAD).status_code == 413
    assert get(patient, sid).status_code == 400


def test_max_payload_polling_chunked(patient):
    sid = open_polling(patient)
    assert post(patient, sid, (b"4" * 1000 for _ in range(MAX_PAYLOAD // 1000 + 1))).status_code == 413
    assert get(patient, sid).status_code == 400


def test_max_payload_websocket(patient):
    with open_websocket(patient) as ws:
        ws.send_text("4" + "x" * (MAX_PAYLOAD - 1))
        assert len(ws.receive()) == MAX_PAYLOAD
        ws.send_binary(b"x" * MAX_PAYLOAD)
        assert len(ws.receive()) == MAX_PAYLOAD
        ws.send_frame(OPCODE_TEXT, b"4", length=MAX_PAYLOAD + 1)
        assert ws.receive_close() == 1009


def test_max_payload_websocket_fragments(patient):
    with open_websocket(patient) as ws:
        ws.send_frame(OPCODE_TEXT, b"4" + b"x" * 600_000, fin=False)
        ws.send_frame(OPCODE_CONTINUATION, b"x" * 600_000)
        assert ws.receive_close() == 1009


# ---- messages by WebSocket ----

def test_websocket_text_and_binary(patient):
    with open_websocket(patient) as ws:
        ws.send_text("4hello")
        assert ws.receive() == "4hello"
        ws.send_binary(b"\x01\x02\x03\x04")
        assert ws.receive() == b"\x01\x02\x03\x04"
        ws.send_text("4")
        assert ws.receive() == "4"


def test_websocket_without_trailing_slash(patient):
    with open_websocket(patient, "/engine.io") as ws:
        ws.send_text("4hello")
        assert ws.receive() == "4hello"


def test_websocket_fragments_with_ping_between(patient):
    with open_websocket(patient) as ws:
        ws.send_frame(OPCODE_TEXT, b"4he", fin=False)
        ws.send_frame(OPCODE_PING, b"are you there")
        ws.send_frame(OPCODE_CONTINUATION, b"l", fin=False)
        ws.send_frame(OPCODE_CONTINUATION, b"lo")
        assert ws.receive_frame() == (OPCODE_PONG, b"are you there")
        assert ws.receive() == "4hello"


def test_websocket_byte_by_byte(patient):
    with open_websocket(patient) as ws:
        frames = []
        ws_send, ws.send = ws.send, frames.append
        ws.send_text("4slow é")
        ws.send = ws_send
        for byte in b"".join(frames):
            ws.send(bytes([byte]))
        assert ws.receive() == "4slow é"


WRONG_PACKETS = ["abc", "", "7", "2", "0{}", "5"]


@pytest.mark.parametrize("text", WRONG_PACKETS)
def test_websocket_invalid_packet_closes(patient, text):
    with open_websocket(patient) as ws:
        ws.send_text(text)
        assert ws.receive_close() == 1002
        ws.send_frame(8, b"\x03\xea")
        assert ws.is_closed()


WRONG_FRAMES = [  # name, keyword arguments of send_frame, close code
    ("unmasked", {"opcode": OPCODE_TEXT, "payload": b"4a", "mask": None}, 1002),
    ("rsv1", {"opcode": OPCODE_TEXT, "payload": b"4a", "rsv": 4}, 1002),
    ("opcode-5", {"opcode": 5, "payload": b"4a"}, 1002),
    ("long-ping", {"opcode": OPCODE_PING, "payload": b"x" * 126}, 1002),
    ("fragmented-ping", {"opcode": OPCODE_PING, "payload": b"x", "fin": False}, 1002),
    ("continuation-first", {"opcode": OPCODE_CONTINUATION, "payload": b"4a"}, 1002),
    ("not-utf8", {"opcode": OPCODE_TEXT, "payload": b"4\xff\xfe"}, 1007),
    ("surrogate", {"opcode": OPCODE_TEXT, "payload": b"4\xed\xa0\x80"}, 1007),
    ("close-with-one-byte", {"opcode": 8, "payload": b"x"}, 1002),
    ("close-with-code-1005", {"opcode": 8, "payload": b"\x03\xed"}, 1002),
    ("close-with-bad-text", {"opcode": 8, "payload": b"\x03\xe8\xff"}, 1002),
]


@pytest.mark.parametrize("frame,code", [row[1:] for row in WRONG_FRAMES], ids=[row[0] for row in WRONG_FRAMES])
def test_websocket_wrong_frame(patient, frame, code):
    with open_websocket(patient) as ws:
        ws.send_frame(**frame)
        assert ws.receive_close() == code
        assert ws.is_closed()


def test_websocket_text_inside_message(patient):
    with open_websocket(patient) as ws:
        ws.send_frame(OPCODE_TEXT, b"4a", fin=False)
        ws.send_frame(OPCODE_BINARY, b"b")
        assert ws.receive_close() == 1002


def test_websocket_close_is_answered(patient):
    with open_websocket(patient) as ws:
        ws.send_frame(8, b"\x03\xe8bye")
        assert ws.receive_close() == 1000
        assert ws.is_closed()


# ---- heartbeat ----

def test_heartbeat_polling(server):
    sid = open_polling(server)
    for _ in range(3):
        assert get(server, sid).text == "2"
        assert post(server, sid, "3").status_code == 200


def test_heartbeat_websocket(server):
    with open_websocket(server) as ws:
        start = time.monotonic()
        for _ in range(3):
            assert ws.receive() == "2"
            ws.send_text("3")
        assert time.monotonic() - start >= 3 * PING_INTERVAL_MS / 1000 * 0.95


def test_ping_timeout_polling(server):
    sid = open_polling(server)
    time.sleep((PING_INTERVAL_MS + PING_TIMEOUT_MS) / 1000)
    assert get(server, sid).status_code == 400


def test_ping_timeout_websocket(server):
    with open_websocket(server) as ws:
        start = time.monotonic()
        assert ws.receive_close() == 1001
        assert (PING_INTERVAL_MS + PING_TIMEOUT_MS) / 1000 - 0.05 <= time.monotonic() - start < 2


# ---- closing ----

def test_close_polling(patient):
    sid = open_polling(patient)
    waiting = in_background(get, patient, sid)
    time.sleep(0.05)
    assert post(patient, sid, "1").status_code == 200
    assert (waiting.result(5).status_code, waiting.result(5).text) == (200, "6")
    assert get(patient, sid).status_code == 400


def test_close_polling_without_get(patient):
    sid = open_polling(patient)
    assert post(patient, sid, "1").text == "ok"
    assert get(patient, sid).status_code == 400


@pytest.mark.parametrize("delay_ms", [0, 1, 5])
def test_close_polling_crosses_get(patient, delay_ms):
    """The GET is found whether it comes before the POST or just after it."""
    sid = open_polling(patient)
    closing = in_background(post, patient, sid, "1")
    time.sleep(delay_ms / 1000)
    answer = get(patient, sid)
    assert closing.result(5).text == "ok"
    assert (answer.status_code, answer.text) == (200, "6")


def test_close_websocket(patient):
    with open_websocket(patient) as ws:
        ws.send_text("1")
        assert ws.receive_close() == 1000


# ---- upgrade ----

def upgraded(server, sid):
    ws = open_websocket(server, sid=sid)
    ws.send_text("2probe")
    assert ws.receive() == "3probe"
    ws.send_text("5")
    return ws


def test_upgrade(patient):
    sid = open_polling(patient)
    waiting = in_background(get, patient, sid)
    time.sleep(0.05)
    with open_websocket(patient, sid=sid) as ws:
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
        assert waiting.result(5).text == "6"
        ws.send_text("5")
        ws.send_text("4hello")
        assert ws.receive() == "4hello"


def test_upgrade_get_after_probe_is_answered_at_once(patient):
    sid = open_polling(patient)
    with open_websocket(patient, sid=sid) as ws:
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
        assert get(patient, sid).text == "6"
        ws.send_text("5")
        ws.send_text("4hello")
        assert ws.receive() == "4hello"


def test_upgrade_brings_what_is_queued_in_order(patient):
    sid = open_polling(patient)
    for i in range(10):
        post(patient, sid, f"4before {i}")
    with open_websocket(patient, sid=sid) as ws:
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
        post(patient, sid, "4after the probe")
        ws.send_text("5")
        ws.send_text("4after the upgrade")
        got = [ws.receive() for _ in range(12)]
    assert got == [f"4before {i}" for i in range(10)] + ["4after the probe", "4after the upgrade"]


def test_upgrade_loses_nothing_while_messages_flow(patient):
    """The waiting GET gets some of them, the WebSocket the rest: each once and in order."""
    for _ in range(10):
        sid = open_polling(patient)
        waiting = in_background(get, patient, sid)
        post(patient, sid, SEPARATOR.join(f"4{i}" for i in range(50)))
        with open_websocket(patient, sid=sid) as ws:
            ws.send_text("2probe")
            assert ws.receive() == "3probe"
            by_polling = [packet for packet in waiting.result(5).text.split(SEPARATOR) if packet != "6"]
            ws.send_text("5")
            for i in range(50, 100):
                ws.send_text(f"4{i}")
            by_websocket = [ws.receive() for _ in range(100 - len(by_polling))]
        assert by_polling + by_websocket == [f"4{i}" for i in range(100)]


def numbered(i):
    """What one number is sent as: text or binary."""
    return str(i).encode() if i % 3 == 0 else str(i)


def to_record(message):
    return "b" + base64.b64encode(message).decode() if isinstance(message, bytes) else "4" + message


def from_records(payload):
    return [base64.b64decode(record[1:]) if record[0] == "b" else record[1:]
            for record in payload.split(SEPARATOR) if record != "6"]


def upgrade_in_full_flow(server, pick):
    """As the usual clients do it: both ways by polling until the probe is answered, then no new request, then the upgrade."""
    sid, numbers, received = open_polling(server), itertools.count(), []
    paused, posted = threading.Event(), threading.Semaphore(0)

    def poll():
        while not paused.is_set():
            received.extend(from_records(get(server, sid).text))

    def send_by_posts():
        while not paused.is_set():
            messages = [numbered(next(numbers)) for _ in range(pick.randint(1, 40))]
            assert post(server, sid, SEPARATOR.join(map(to_record, messages))).text == "ok"
            posted.release()

    polling, posting = in_background(poll), in_background(send_by_posts)
    wait = pick.randint(0, 3)
    with open_websocket(server, sid=sid) as ws:
        for _ in range(wait):
            assert posted.acquire(timeout=5)
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
        paused.set()
        posting.result(5), polling.result(5)
        ws.send_text("5")
        for message in map(numbered, itertools.islice(numbers, 50)):
            ws.send_binary(message) if isinstance(message, bytes) else ws.send_text("4" + message)
        expected = [numbered(i) for i in range(next(numbers))]
        while len(received) < len(expected):
            message = ws.receive()
            received.append(message if isinstance(message, bytes) else message[1:])
        ws.send_text("4the last")
        assert ws.receive() == "4the last"  # and none twice
    assert received == expected


def test_upgrade_in_full_flow(patient):
    for seed in range(40):
        upgrade_in_full_flow(patient, random.Random(seed))


def test_polling_after_upgrade_is_refused(patient):
    sid = open_polling(patient)
    with upgraded(patient, sid) as ws:
        assert get(patient, sid).status_code == 400
        assert post(patient, sid, "4no").status_code == 400
        ws.send_text("4hello")
        assert ws.receive() == "4hello"


def test_second_websocket_after_upgrade_is_closed(patient):
    sid = open_polling(patient)
    with upgraded(patient, sid) as ws, open_websocket(patient, sid=sid) as second:
        assert second.receive_close() == 1008
        ws.send_text("4hello")
        assert ws.receive() == "4hello"


def test_second_probe_is_closed(patient):
    sid = open_polling(patient)
    with open_websocket(patient, sid=sid) as first, open_websocket(patient, sid=sid) as second:
        assert second.receive_close() == 1008
        first.send_text("2probe")
        assert first.receive() == "3probe"


@pytest.mark.parametrize("text", ["5", "4hello", "2other", "abc"])
def test_wrong_probe_leaves_polling_alone(patient, text):
    sid = open_polling(patient)
    with open_websocket(patient, sid=sid) as ws:
        ws.send_text(text)
        assert ws.receive_close() == 1008
    assert post(patient, sid, "4still here").status_code == 200
    assert get(patient, sid).text == "4still here"


def test_probe_that_breaks_off_leaves_polling_alone(patient):
    sid = open_polling(patient)
    with open_websocket(patient, sid=sid) as ws:
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
    time.sleep(0.05)
    waiting = in_background(get, patient, sid)
    time.sleep(0.1)
    assert not waiting.done()
    post(patient, sid, "4still here")
    assert waiting.result(5).text == "4still here"


def test_binary_survives_every_byte(patient):
    data = bytes(range(256)) * 40
    sid = open_polling(patient)
    post(patient, sid, b"b" + base64.b64encode(data))
    assert base64.b64decode(get(patient, sid).text[1:]) == data
