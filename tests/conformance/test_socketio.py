"""Socket.IO v5, clause by clause, with packets written by hand over both transports."""

import json
import time

import pytest
import requests

from conformance.peers import MAX_PAYLOAD, EchoServer, open_websocket, parse_open, path_of

SOCKET = "/socket.io/"


def connect(server, namespace="/", auth=None):
    """A WebSocket that is in the namespace and has its greeting."""
    ws = open_websocket(server, SOCKET)
    enter(ws, namespace, auth)
    return ws


def prefix(namespace):
    return "" if namespace == "/" else f"{namespace},"


def enter(ws, namespace="/", auth=None):
    ws.send_text("40" + prefix(namespace) + (json.dumps(auth) if auth is not None else ""))
    answer = ws.receive_message()
    assert answer.startswith("40" + prefix(namespace))
    handshake = json.loads(answer[len("40" + prefix(namespace)):])
    assert set(handshake) == {"sid"}
    greeting = ws.receive_message()
    assert greeting == "42" + prefix(namespace) + json.dumps(["auth", auth or {}], separators=(",", ":"))
    return handshake["sid"]


# ---- connection to a namespace ----

@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("auth", [None, {"token": "123"}, {"deep": {"er": [1, None, "é"]}}], ids=["no-auth", "auth", "deep-auth"])
def test_connect(patient, namespace, auth):
    with open_websocket(patient, SOCKET) as ws:
        ws.send_text("40" + prefix(namespace) + (json.dumps(auth, ensure_ascii=False) if auth else ""))
        assert ws.receive().startswith("40" + prefix(namespace) + '{"sid":"')
        assert json.loads(ws.receive()[len("42" + prefix(namespace)):]) == ["auth", auth or {}]


def test_connect_by_polling(patient):
    url = patient.url + path_of(SOCKET, "polling")
    sid = parse_open(requests.get(url, timeout=5).text)["sid"]
    requests.post(f"{url}&sid={sid}", data='40{"token":"p"}', timeout=5)
    got = ""
    while "auth" not in got:
        got += requests.get(f"{url}&sid={sid}", timeout=5).text
    assert got.startswith('40{"sid":"') and got.endswith('42["auth",{"token":"p"}]')


def test_unknown_namespace(patient):
    with open_websocket(patient, SOCKET) as ws:
        ws.send_text("40/random")
        assert ws.receive() == '44/random,{"message":"Invalid namespace"}'
        enter(ws)  # the connection is still good


def test_several_namespaces_on_one_connection(patient):
    with connect(patient) as ws:
        assert enter(ws, "/custom") != ""
        ws.send_text('42/custom,["message",1]')
        assert ws.receive() == '42/custom,["message-back",1]'
        ws.send_text('42["message",2]')
        assert ws.receive() == '42["message-back",2]'


def test_ids_differ_by_namespace(patient):
    with open_websocket(patient, SOCKET) as ws:
        first = enter(ws)
        assert first != enter(ws, "/custom")
        assert ws.handshake["sid"] not in (first,)


def test_no_implicit_connection(patient):
    """Nobody is in the main namespace who has not asked for it."""
    with connect(patient, "/custom") as ws:
        ws.send_text('42["message","for nobody"]')
        ws.send_text('42/custom,["message",1]')
        assert ws.receive() == '42/custom,["message-back",1]'


FIRST_PACKETS = ["4abc", '42["message"]', "41", '43["x"]', "4", '44{"message":"x"}', "40[]", '40"text"', "40{"]


@pytest.mark.parametrize("text", FIRST_PACKETS)
def test_without_connect_it_closes(patient, text):
    with open_websocket(patient, SOCKET) as ws:
        ws.send_text(text)
        assert ws.receive_close() == 1002


def test_connect_twice_closes(patient):
    with connect(patient) as ws:
        ws.send_text("40")
        assert ws.receive_close() == 1002


# ---- disconnection ----

def test_disconnect_main(server):
    with connect(server) as ws:
        ws.send_text("41")
        assert ws.receive() == "2"


def test_disconnect_one_of_two(patient):
    with connect(patient) as ws:
        enter(ws, "/custom")
        ws.send_text("41/custom")
        ws.send_text('42/custom,["message","dropped"]')
        ws.send_text('42["message","message to main namespace"]')
        assert ws.receive() == '42["message-back","message to main namespace"]'
        enter(ws, "/custom")  # and back again


# ---- events and acks ----

MESSAGES = [
    ("none", []),
    ("mixed", [1, "2", {"3": [True]}]),
    ("numbers", [0, -1, 9007199254740993, 0.1, 1.5e300, -2.5]),
    ("text", ["é€😀", "\"\\\b\f\n\r\t\u0001", "\u0000", "/"]),
    ("nested", [[[[[{"a": {"b": {}}}]]]], {}, [], None]),
    ("long", ["x" * 500_000]),
]


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("args", [row[1] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_event_and_ack(patient, namespace, args):
    with connect(patient, namespace) as ws:
        ws.send_text("42" + prefix(namespace) + json.dumps(["message", *args]))
        answer = ws.receive()
        assert answer.startswith("42" + prefix(namespace) + "[")
        assert json.loads(answer[len("42" + prefix(namespace)):]) == ["message-back", *args]
        ws.send_text("42" + prefix(namespace) + "456" + json.dumps(["message-with-ack", *args]))
        answer = ws.receive()
        assert answer.startswith("43" + prefix(namespace) + "456[")
        assert json.loads(answer[len("43" + prefix(namespace) + "456"):]) == args


def test_exact_texts(patient):
    with connect(patient) as ws:
        ws.send_text('42["message",1,"2",{"3":[true]}]')
        assert ws.receive() == '42["message-back",1,"2",{"3":[true]}]'
        ws.send_text('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert ws.receive() == '43456[1,"2",{"3":[false]}]'
        ws.send_text('420["message-with-ack"]')
        assert ws.receive() == '430[]'


def test_unknown_events_and_acks_are_ignored(patient):
    with connect(patient) as ws:
        ws.send_text('42["nobody-listens",1]')
        ws.send_text('4399["an ack that nobody waits for"]')
        ws.send_text('42["message",1]')
        assert ws.receive() == '42["message-back",1]'


def test_sample_session(lively):
    """The specification's, from the first request to the last packet; our server's answers for the sample's."""
    url = lively.url + path_of(SOCKET, "polling") + "&t=N8hyd6w"
    opened = requests.get(url, timeout=5)
    assert opened.headers["Content-Type"].lower() == "text/plain; charset=utf-8"
    sid = parse_open(opened.text)["sid"]
    url += f"&sid={sid}"

    def packets(count):
        got = []
        while len(got) < count:
            got += [packet for packet in requests.get(url, timeout=5).text.split("\x1e") if packet != "2"]
        return got

    def post(text):
        assert requests.post(url, data=text, timeout=5).text == "ok"

    post("40")
    connected, auth = packets(2)
    assert json.loads(connected.removeprefix("40"))["sid"] != sid and auth == '42["auth",{}]'
    post('42["message","hello"]\x1e42["message","world"]')
    assert packets(2) == ['42["message-back","hello"]', '42["message-back","world"]']
    with open_websocket(lively, SOCKET, sid=sid) as ws:
        ws.send_text("2probe")
        assert ws.receive() == "3probe"
        ws.send_text("5")
        ws.send_text("3")  # for a ping that the polling may have brought
        ws.send_text('42["message","hello"]')
        assert ws.receive_message() == '42["message-back","hello"]'
        enter(ws, "/custom")
        ws.send_text('451-/custom,1["message-with-ack",{"_placeholder":true,"num":0}]')
        ws.send_binary(b"binary")
        assert [ws.receive_message(), ws.receive_message()] == ['461-/custom,1[{"_placeholder":true,"num":0}]', b"binary"]
        ws.send_text("3")
        assert ws.receive() == "2"
        ws.send_text("3")
        ws.send_text("1")
        assert ws.receive_close() == 1000


# ---- binary ----

TWO = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


def test_binary_event(patient):
    with connect(patient) as ws:
        ws.send_text(f'452-["message",{TWO}]')
        ws.send_binary(b"\x01\x02\x03")
        ws.send_binary(b"\x04\x05\x06")
        assert [ws.receive() for _ in range(3)] == [f'452-["message-back",{TWO}]', b"\x01\x02\x03", b"\x04\x05\x06"]


def test_binary_ack(patient):
    with connect(patient, "/custom") as ws:
        ws.send_text(f'452-/custom,789["message-with-ack",{TWO}]')
        ws.send_binary(b"\x01\x02\x03")
        ws.send_binary(b"")
        assert [ws.receive() for _ in range(3)] == [f'462-/custom,789[{TWO}]', b"\x01\x02\x03", b""]


def test_binary_in_any_order_of_nesting(patient):
    args = '{"a":[{"_placeholder":true,"num":1}],"b":{"c":{"_placeholder":true,"num":0}}}'
    with connect(patient) as ws:
        ws.send_text(f'452-["message",{args}]')
        ws.send_binary(b"zero")
        ws.send_binary(b"one")
        assert [ws.receive() for _ in range(3)] == [f'452-["message-back",{args}]', b"zero", b"one"]


def test_binary_by_polling(patient):
    url = patient.url + path_of(SOCKET, "polling")
    sid = parse_open(requests.get(url, timeout=5).text)["sid"]
    url += f"&sid={sid}"
    one = '{"_placeholder":true,"num":0}'
    requests.post(url, data="40\x1e" + f'451-["message",{one}]\x1ebAQID', timeout=5)
    got = []
    while "bAQID" not in got:
        got += requests.get(url, timeout=5).text.split("\x1e")
    at = got.index("bAQID")
    assert got[at - 1] == f'451-["message-back",{one}]'


def test_other_namespace_between_attachments_closes(patient):
    with connect(patient) as ws:
        ws.send_text('451-["message",{"_placeholder":true,"num":0}]')
        ws.send_text('42["message"]')
        assert ws.receive_close() == 1002


def test_attachments_larger_than_a_message_close(patient):
    with connect(patient) as ws:
        ws.send_text(f'452-["message",{TWO}]')
        ws.send_binary(b"x" * (MAX_PAYLOAD // 2 + 1))
        ws.send_binary(b"x" * (MAX_PAYLOAD // 2))
        assert ws.receive_close() == 1009


# ---- what must close the connection ----

INVALID = ["4abc", "42", "42{}", "42[]", "42[1]", '42"x"', '42abc["message-with-ack"]', '42-1["message"]', '42["message"',
           '42["message"]]', "43[]", '431{"a":1}', '45["message"]', '451["message"]', '4599999-["message"]',
           '451-["message",{"_placeholder":true,"num":1}]', '451-["message",{"_placeholder":true,"num":-1}]', "47", "41{}",
           '42["message",' + "[" * 200 + "]" * 200 + "]", '42["message",1e999]', '42["message",01]', '42["message","\n"]',
           '4299999999999999999999["message"]', "40/" + "n" * 300]


@pytest.mark.parametrize("text", INVALID, ids=lambda text: text[:24])
def test_invalid_packet_closes(patient, text):
    with connect(patient) as ws:
        ws.send_text(text)
        assert ws.receive_close() == 1002


def test_binary_that_nothing_announced_closes(patient):
    with connect(patient) as ws:
        ws.send_binary(b"hello")
        assert ws.receive_close() == 1002


# ---- limits ----

def test_full_server_says_why():
    with EchoServer(ping_interval=25000, ping_timeout=20000, max_connections=2) as server:
        held = [connect(server), connect(server)]
        files = server.open_files()
        for _ in range(1000):
            answer = requests.get(server.url + path_of(SOCKET, "polling"), timeout=5)
            assert answer.status_code == 503
            assert answer.json() == {"code": 4, "message": "Server is full: 2 connections"}
        assert server.open_files() <= files + 2
        held.pop().close()
        deadline = time.monotonic() + 5
        while requests.get(server.url + path_of(SOCKET, "polling"), timeout=5).status_code != 200:
            assert time.monotonic() < deadline
        held.pop().close()
