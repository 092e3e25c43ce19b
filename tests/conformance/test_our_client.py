"""Our client (examples/echo-client) against the servers that people use, and against ours."""

import json
import socket
import sys
import threading

import pytest

from conformance.peers import HERE, EchoServer, example, node_program
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
