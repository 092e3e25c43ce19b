"""Our client (examples/echo-client) against the servers that people use, and against ours."""

import base64
import contextlib
import json
import socket
import sys
import threading
import time

import pytest

from conformance.peers import HERE, OPCODE_CLOSE, Accepted, EchoServer, close_code, example, node_program
from support.process import Program, run

SERVERS = ["python", "node"]


@pytest.fixture(scope="module")
def server_url(request):
    if request.param == "ours":
        with EchoServer(ping_timeout=5000) as server:
            yield server.url
        return
    program = node_program("server.js") if request.param == "node" else Program([sys.executable, HERE / "python_server.py"])
    with program:
        port = program.wait_for_line(r"listening on (\d+)", 20).group(1)
        yield f"http://127.0.0.1:{port}"


def client(url, *arguments, timeout_s=20):
    done = run([example("echo-client"), "--url", url, *arguments], timeout_s=timeout_s)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines, done.stderr


def of(lines, what, name=None):
    return [line for line in lines if line["what"] == what and (name is None or line["name"] == name)]


@pytest.mark.parametrize("server_url", SERVERS, indirect=True)
@pytest.mark.parametrize("namespace", ["/", "/sts"])
def test_whole_conversation(server_url, namespace):
    """--stay: until the server's DISCONNECT, so that its own question is answered too."""
    status, lines, problems = client(server_url, "--namespace", namespace, "--auth", '{"token":"kick"}', "--stay",
                                     "--header", "X-Stream-ID", "--header", "stream-1")
    assert (status, problems) == (0, ""), lines
    assert of(lines, "connected")[0]["id"]
    assert of(lines, "event", "hello")[0]["args"] == [{"auth": {"token": "kick"}, "stream": "stream-1"}]
    back = of(lines, "event", "message-back")[0]
    assert back["args"] == [1, "2", {"3": [True]}, {"_placeholder": True, "num": 0}, ""]
    assert back["attachments"] == ["010203"]
    assert of(lines, "ack")[0]["args"] == ["ack me"]
    assert of(lines, "event", "ask")[0]["attachments"] == ["0908"]
    assert of(lines, "event", "asked")[0]["args"] == [2, 1, "0908"]
    assert lines[-1] == {"what": "disconnected", "reason": "server namespace disconnect", "retry_ms": 0}


@pytest.mark.parametrize("server_url", SERVERS, indirect=True)
def test_refused(server_url):
    status, lines, _ = client(server_url, "--auth", '{"token":"bad"}', "--attempts", "3")
    assert status == 1
    assert lines == [{"what": "connect_error", "message": "AUTH_FAILED", "refused": True, "data": {"code": 7}, "retry_ms": 0}]


@pytest.mark.parametrize("server_url", [*SERVERS, "ours"], indirect=True)
def test_wrong_path(server_url):
    status, lines, _ = client(server_url, "--path", "/nowhere/")
    assert status == 1
    assert lines[0]["what"] == "connect_error" and not lines[0]["refused"]


def test_refusal_in_another_encoding():
    """The phrase of a status line may hold any bytes; what we print is UTF-8."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def refuse():
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 403 Acc\xe8s interdit\r\nContent-Length: 0\r\n\r\n")

        refusing = threading.Thread(target=refuse, daemon=True)
        refusing.start()
        status, lines, problems = client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        refusing.join(5)
    assert (status, problems) == (1, "")
    assert lines[0]["message"] == "the server refused: 403 Acc\ufffds interdit"


@pytest.mark.parametrize("server_url", SERVERS, indirect=True)
def test_large_message(server_url):
    """Beyond libsoup's 128 KiB and Python's 4 MiB."""
    status, lines, problems = client(server_url, "--size", "6000000")
    assert status == 0, (problems, of(lines, "connect_error"), of(lines, "disconnected"))
    assert of(lines, "event", "message-back")[0]["args"][4] == "x" * 6_000_000


@pytest.mark.parametrize("server_url", ["node"], indirect=True)
def test_reconnects_when_the_connection_drops(server_url):
    with Program([example("echo-client"), "--url", server_url, "--auth", '{"token":"drop"}', "--stay", "--attempts", "5"]) as program:
        program.wait_for_line(r'"disconnected".*"retry_ms":[1-9]')
        program.wait_for_line(r'"connected".*\n?')
        while program.output().count('"what":"connected"') < 2:
            program.wait_for_line('"what":"event"')


@pytest.mark.parametrize("server_url", ["ours", "python"], indirect=True)
def test_heartbeat_keeps_it(server_url):
    with Program([example("echo-client"), "--url", server_url, "--stay"]) as program:
        program.wait_for_line('"what":"connected"')
        threading.Event().wait(1.5)  # several intervals and time-outs
        assert program.running and "disconnected" not in program.output()


# ---- a server that this test plays, packet by packet ----

@contextlib.contextmanager
def conversation(*arguments, ping_interval=25000, ping_timeout=20000, stays=True):
    """(the server's end, our client), up to the first packet of Socket.IO, which is not answered yet."""
    handshake = {"sid": "engine-1", "upgrades": [], "pingInterval": ping_interval, "pingTimeout": ping_timeout,
                 "maxPayload": 1000}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [example("echo-client"), "--url", url, *arguments, *(["--stay"] if stays else [])]
        with Program(command) as program, Accepted(listener) as peer:
            peer.send_text("0" + json.dumps(handshake))
            yield peer, program


@contextlib.contextmanager
def connected(**more):
    with conversation(**more) as (peer, program):
        assert peer.receive_text() == "40"
        peer.send_text('40{"sid":"socket-1"}')
        assert peer.receive_text().startswith("451-")
        assert peer.receive_frame()[1] == b"\x01\x02\x03"
        assert peer.receive_text() == '420["message-with-ack","ack me"]'
        yield peer, program


def test_handshake_request():
    """One GET with the query's members and no sid, then CONNECT before all else, in the namespace and with the payload."""
    with conversation("--namespace", "/sts", "--auth", '{"token":"1"}') as (peer, _):
        assert peer.request == "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1"
        assert (peer.headers["upgrade"], peer.headers["connection"]) == ("websocket", "Upgrade")
        assert (peer.headers["sec-websocket-version"], len(base64.b64decode(peer.headers["sec-websocket-key"]))) == ("13", 16)
        assert peer.receive_text() == '40/sts,{"token":"1"}'


def test_ping_is_answered_and_noop_is_not():
    with connected() as (peer, program):
        peer.send_text("6")
        peer.send_text("2")
        assert peer.receive_text() == "3"
        peer.send_text("421[\"question\",7]")
        assert peer.receive_text() == "431[7]"
        assert "disconnected" not in program.output()


def test_pings_that_stop_end_it():
    start = time.monotonic()
    with connected(ping_interval=500, ping_timeout=500) as (peer, program):
        program.wait_for_line('"disconnected","reason":"ping timeout"')
        assert time.monotonic() - start >= 1
        opcode, payload = peer.receive_frame()
        assert (opcode, close_code(payload)) == (OPCODE_CLOSE, 1001)


def test_close_packet_ends_it():
    with connected() as (peer, program):
        peer.send_text("1")
        program.wait_for_line('"disconnected","reason":"transport close"')
        assert peer.receive_frame()[0] == OPCODE_CLOSE


def test_disconnect_packet_ends_it_without_an_answer():
    with connected() as (peer, program):
        peer.send_text("41")
        program.wait_for_line('"disconnected","reason":"server namespace disconnect"')
        assert peer.receive_frame()[0] == OPCODE_CLOSE


def test_leaves_with_disconnect():
    """Once its questions are answered: DISCONNECT, then the WebSocket's end."""
    with connected(stays=False) as (peer, program):
        peer.send_text('42["message-back"]')
        peer.send_text('430["ack me"]')
        assert peer.receive_text() == "41"
        opcode, payload = peer.receive_frame()
        assert (opcode, close_code(payload)) == (OPCODE_CLOSE, 1000)
        peer.close()
        assert program.wait(5) == 0


@pytest.mark.parametrize("text", ["4", "42", "42[]", "42{}", "42[1]", '4["x"]', "43[]", "430", "430{}", '45["x"]', '451["x"]',
                                  '451-["x",{"_placeholder":true,"num":1}]', "47", "4abc", "7", "", "0{}", "3", "5"])
def test_invalid_packet_closes(text):
    with connected() as (peer, program):
        peer.send_text(text)
        program.wait_for_line('"disconnected","reason":"parse error"')
        opcode, payload = peer.receive_frame()
        assert (opcode, close_code(payload)) == (OPCODE_CLOSE, 1002)


@pytest.mark.parametrize("kind", ["plain", "binary"])
def test_ack_of_either_kind(kind):
    """An event without attachments may be answered with some, and the other way round."""
    one = '{"_placeholder":true,"num":0}'
    with connected() as (peer, program):
        if kind == "binary":
            peer.send_text(f"461-0[{one}]")
            peer.send_binary(b"\x05")
            program.wait_for_line('"what":"ack".*"attachments":."05".')
        else:
            peer.send_text('430["bar"]')
            program.wait_for_line('"what":"ack","args":."bar".')
        peer.send_text(f'451-12["question",{one}]')
        peer.send_binary(b"\x06")
        assert (peer.receive_text(), peer.receive_frame()[1]) == (f"461-12[{one}]", b"\x06")


class Proxy(threading.Thread):
    """An HTTP proxy that knows CONNECT only, and counts."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.targets = []

    def run(self):
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            request = b""
            while b"\r\n\r\n" not in request:
                request += inner.recv(4096)
            method, target = request.split()[:2]
            self.targets.append((method.decode(), target.decode()))
            host, port = target.decode().rsplit(":", 1)
            outer = socket.create_connection((host, int(port)))
            inner.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for source, sink in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.parametrize("server_url", ["ours"], indirect=True)
def test_through_a_proxy(server_url):
    proxy = Proxy()
    proxy.start()
    status, lines, problems = client(server_url, "--proxy", proxy.url)
    proxy.listener.close()
    assert status == 0, problems
    assert of(lines, "event", "message-back")
    assert proxy.targets == [("CONNECT", server_url.removeprefix("http://"))]
