"""Strangers on every listening port of both services: whoever they are and whatever they send, a service stays small, keeps no
descriptor, says little of it in its log, and goes on working for everybody else while it lasts."""

import contextlib
import json
import resource
import select
import socket
import threading
import time
import uuid

import pytest
import requests

from conformance.peers import Raw, is_sanitized, open_websocket, path_of, upload
from support import programs, rtmp, tls
from support.net import free_port, wait_for
from support.rtmp_stranger import VIDEO, RtmpStranger
from support.sts_worker import Worker, dubbed, fragment

CROWD = 1000
BODY_BYTES = 300_000_000
# What a crowd may cost while it is there: 256 connections that have not come to the point and 512 of RTMP's, at some 20 kB each in
# the kernel's and our buffers, and what the heap keeps of them; a body, header or answer kept whole would be far more.
MOST_KB = 30_000
MEMORY_MB = 64  # RTMP_MEMORY_MB
FEW_LINES = 150  # of the log, that strangers may cause in a minute: 60 of a kind, and a few kinds
WS_BASE = "/socket.io/"

pytestmark = pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 3 * CROWD,
                                reason=f"fewer than {3 * CROWD} open files are allowed here")


@pytest.fixture(scope="module", autouse=True)
def many_files():
    """For our own side of the crowd."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 3 * CROWD), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Media:
    """media-service with its built-in server and one stream that is being dubbed."""

    def __init__(self, folder):
        self.api_port = free_port()
        cert, key = tls.make_certificate(folder)
        self.service = programs.MediaService("http://127.0.0.1:9", folder / "segments", log=folder / "media.log", API_PORT=self.api_port,
                                             WORKER_SEGMENT_DURATION=1, WORKER_STS_TIMEOUT_MS=1000, RTMP_MEMORY_MB=MEMORY_MB,
                                             RTMPS_CERT=cert, RTMPS_KEY=key, RTMPS_PORT=0)
        self.rtmp_port = int(self.service.rtmp_url().rsplit(":", 1)[1])
        self.rtmps_port = int(self.service.rtmps_url().rsplit(":", 1)[1])
        self.publisher = rtmp.publish_from(
            ["-re", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-c:a", "aac",
             "-c:v", "libx264", "-preset", "ultrafast", "-g", "5"], f"{self.service.rtmp_url()}/live/well/in", folder / "publisher.log")
        self.service.wait_for_line("live/well/out: published", 60)

    def stream(self):
        return self.service.streams().get("well", {})

    def assert_well(self):
        """The stream runs on, with the worker that it had, and a newcomer may still connect and publish."""
        assert self.publisher.running and self.stream()["state"] == "running"
        for port, context in ((self.rtmp_port, None), (self.rtmps_port, tls.client_context())):
            with RtmpStranger(port, tls=context) as newcomer:
                newcomer.connect().publish(f"newcomer-{uuid.uuid4()}")
                newcomer.wait_for(b"NetStream.Publish.Start")

    def state(self):
        """What strangers have no business to change: which streams there are."""
        return list(self.service.streams())

    def stop(self):
        self.publisher.stop()
        assert self.service.stop(grace_s=15) == 0, self.service.tail()


class Sts:
    """sts-service in echo mode, with one worker whose stream is open."""

    def __init__(self, folder):
        self.service = programs.sts_service(log=folder / "sts.log", STS_MODE="echo", WS_MAX_CONNECTIONS=20, STS_API_KEY="key",
                                            WS_MAX_BUFFER_SIZE=2_000_000)
        self.worker = Worker(self.service.url, stream="well", auth={"token": "key"})
        self.worker.init()
        self.number = 0

    def assert_well(self):
        """The open stream gets its answers, and another may be opened."""
        answers = len(self.worker.of("fragment:processed"))
        self.worker.submit(self.number, f"{self.number}".encode())
        answer = self.worker.wait_for("fragment:processed", answers + 1)
        answer = answer if isinstance(answer, dict) else answer[-1]
        assert dubbed(answer) == f"{self.number}".encode()
        self.number += 1
        with Worker(self.service.url, stream="newcomer", auth={"token": "key"}) as newcomer:
            newcomer.init()

    def state(self):
        return requests.get(self.service.url + "/health", timeout=10).json()["active_streams"]

    def stop(self):
        self.worker.client.disconnect()
        assert self.service.stop() == 0, self.service.tail()


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    service = Media(tmp_path_factory.mktemp("media"))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def sts(tmp_path_factory):
    service = Sts(tmp_path_factory.mktemp("sts"))
    yield service
    service.stop()


# Each port of both services: whose it is and its number.
PORTS = {
    "media-http": ("media", lambda media: media.service.port),
    "media-rtmp": ("media", lambda media: media.rtmp_port),
    "media-rtmps": ("media", lambda media: media.rtmps_port),
    "media-api": ("media", lambda media: media.api_port),
    "sts-http": ("sts", lambda sts: sts.service.port),
}
HTTP_PORTS = [name for name in PORTS if not name.startswith("media-rtmp")]


@contextlib.contextmanager
def unharmed(side):
    """Whatever is done inside: what it cost is bounded, and gone afterwards."""
    service, state = side.service, side.state()
    side.assert_well()
    files, before_kb, lines, started = service.open_files(), service.rss_kb(), service.count_lines(), time.monotonic()
    yield
    side.assert_well()
    assert is_sanitized() or service.rss_kb() - before_kb < MOST_KB
    assert side.state() == state
    said = [line for line in service.last_lines(service.count_lines() - lines) if "stream well: " not in line]
    minutes = 1 + int((time.monotonic() - started) / 60)
    assert len(said) <= FEW_LINES * minutes, "\n".join([f"{len(said)} lines in the log:", *said[-200:]])
    wait_for(lambda: service.open_files() <= files + 2, 30, f"descriptors back at {files}, not {service.open_files()},")


@pytest.fixture
def port_of(request):
    """port_of(name): (the side, the port's number)."""
    def find(name):
        side = request.getfixturevalue(PORTS[name][0])
        return side, PORTS[name][1](side)
    return find


class Crowd:
    """Connections that are made, begin in the same way, and are kept. The service may end them when it likes."""

    def __init__(self, port, first):
        self.socks = []
        for _ in range(CROWD):
            self.socks.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            self.socks[-1].send(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()

    def send(self, data):
        for sock in self.socks:
            with contextlib.suppress(OSError):
                sock.send(data)

    def ended(self):
        """How many the service has ended."""
        poll = select.poll()
        for sock in self.socks:
            poll.register(sock, select.POLLIN)
        return len(poll.poll(0))


# What they begin with, and what they go on with, byte by byte.
BEGINNINGS = {"nothing": (b"", b""), "a-byte": (b"", b"G"), "a-header": (b"POST /v1/mediamtx/events/ready HTTP/1.1\r\nX: ", b"x"),
              "a-body": (b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", b"x"),
              "a-handshake": (b"\x03", b"\x00"), "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00")}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("port", PORTS)
def test_a_crowd_that_does_not_come_to_the_point(port_of, port, beginning):
    """A thousand connections that say nothing, or one byte and then another: the oldest of them go."""
    side, number = port_of(port)
    first, drip = BEGINNINGS[beginning]
    with unharmed(side):
        before = side.service.open_files()
        with Crowd(number, first) as crowd:
            for _ in range(3 if drip else 1):
                crowd.send(drip)
                side.assert_well()
            wait_for(lambda: crowd.ended() >= CROWD - 550, 30, "the oldest to be ended")
            assert side.service.open_files() - before < 600


@pytest.mark.parametrize("stated", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("path", ["/health", "/v1/mediamtx/events/ready", "/metrics", "/nowhere", "/v3/paths/kick/x"])
@pytest.mark.parametrize("port", HTTP_PORTS)
def test_a_body_of_300_megabytes(port_of, port, path, stated):
    side, number = port_of(port)
    with unharmed(side):
        assert upload(number, path, BODY_BYTES, stated) == 413


def send_all(peer, data):
    with contextlib.suppress(OSError):
        peer.send(data)  # it may be closed before the end


ENDLESS = {
    "header": b"GET /health HTTP/1.1\r\nX: " + b"a" * 20_000_000,
    "headers": b"GET /health HTTP/1.1\r\n" + b"X: a\r\n" * 2_000_000,
    "url": b"GET /" + b"a" * 20_000_000,
    "query": b"GET /socket.io/?" + b"a=b&" * 5_000_000,
    "method": b"G" * 20_000_000,
    "chunk-size": b"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 20_000_000,
    "trailer": b"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 2_000_000,
}


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("port", HTTP_PORTS)
def test_what_has_no_end(port_of, port, what):
    side, number = port_of(port)
    with unharmed(side), Raw(number) as peer:
        send_all(peer, ENDLESS[what])


@pytest.mark.parametrize("port", HTTP_PORTS)
def test_unknown_transfer_encodings(port_of, port):
    """libsoup 3.2 forgets the path of each, here 50 kB: they are refused before it sees them, with the reason."""
    side, number = port_of(port)
    with unharmed(side):
        for encoding in ["gzip", "identity, chunked", "x" * 1000] * 300:
            with Raw(number) as peer:
                peer.send(b"POST /" + b"p" * 50_000 + f" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {encoding}\r\n\r\n".encode())
                status, _, body = peer.response()
                assert status == 501 and b"Transfer-Encoding" in body


@pytest.mark.parametrize("port", HTTP_PORTS)
def test_answers_that_nobody_reads(port_of, port):
    """Metrics and lists, asked for by a crowd with the smallest windows there are."""
    side, number = port_of(port)
    path = "/v3/paths/list" if port == "media-api" else "/metrics"
    with unharmed(side), contextlib.ExitStack() as held:
        for _ in range(CROWD // 2):
            sock = held.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sock.connect(("127.0.0.1", number))
            sock.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        side.assert_well()


# What one peer may cost that sends 200 MB, or lets as much be sent to it, and reads nothing: the queue to a player (24 MiB) and what a
# path keeps for newcomers (8 MiB), with the message that is under way; what waits for a Socket.IO client (64 MiB).
PLAYER_KB = (24 + 8 + 16) * 1024 + MOST_KB
CLIENT_KB = 64 * 1024 + MOST_KB
FLOOD = 200


def test_a_player_that_never_reads(media):
    """Beside a publisher that sends 200 MB."""
    piece = bytes([0x17, 1, 0, 0, 0]) + bytes(1_000_000)
    before = media.service.rss_kb()
    with unharmed(media), RtmpStranger(media.rtmp_port) as publisher, RtmpStranger(media.rtmp_port) as player:
        publisher.connect("relay").publish("flood")
        publisher.wait_for(b"NetStream.Publish.Start")
        player.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        player.connect("relay").play("flood")
        player.wait_for(b"NetStream.Play.Start")
        for _ in range(FLOOD):
            publisher.send_message(VIDEO, piece, stream=1)
        media.assert_well()
        assert is_sanitized() or media.service.peak_rss_kb() - before < PLAYER_KB


def test_a_worker_that_never_reads(sts):
    """It sends 200 MB, and the echo of them waits for it until that is too much; then it is closed."""
    before = sts.service.rss_kb()
    audio = fragment("flood", 0, bytes(1_000_000))["audio"]
    with unharmed(sts), open_websocket(sts.service, WS_BASE, timeout_s=20) as ws:
        ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ws.send_text('40{"token":"key"}')
        ws.send_text("42" + json.dumps(["stream:init", {"stream_id": "flood", "worker_id": "w"}]))
        with pytest.raises(OSError):
            for number in range(FLOOD):
                ws.send_text("42" + json.dumps(["fragment:data", {**fragment("flood", number, b""), "audio": audio}]))
        sts.assert_well()
        assert is_sanitized() or sts.service.peak_rss_kb() - before < CLIENT_KB


def test_a_thousand_hooks_of_streams_that_do_not_exist(media):
    """Forty at a time; what there is not is not started."""
    with unharmed(media):
        for batch in range(CROWD // 40):
            with contextlib.ExitStack() as held:
                peers = [held.enter_context(Raw(media.service.port, timeout_s=20)) for _ in range(40)]
                for number, peer in enumerate(peers):
                    peer.send(hook_of(f"none-{batch}-{number}", "ready" if number % 2 else "not-ready"))
                for number, peer in enumerate(peers):
                    status, _, body = peer.response()
                    assert status == 200 and json.loads(body)["status"] == ("unknown" if number % 2 else "ok")


def hook_of(stream, event):
    body = b'{"path":"live/%s/in","query":"","sourceType":"rtmp","sourceId":"1"}' % stream.encode()
    return b"POST /v1/mediamtx/events/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (event.encode(), len(body)) + body


def test_hooks_that_nobody_waits_for_hold_up_nobody(media):
    """Each asks the media server anew; whoever does not read his answer must not keep others from theirs."""
    over = threading.Event()

    def post_and_go():
        while not over.is_set():
            with contextlib.suppress(OSError), Raw(media.service.port) as peer:
                peer.send(hook_of("none", "ready"))

    with unharmed(media):
        crowd = [threading.Thread(target=post_and_go) for _ in range(3)]
        for stranger in crowd:
            stranger.start()
        for _ in range(20):
            with Raw(media.service.port, timeout_s=30) as peer:
                peer.send(hook_of("none", "ready"))
                assert peer.response()[0] in (200, 503)
        over.set()
        for stranger in crowd:
            stranger.join()


# ── RTMP ──


def test_a_house_full_of_rtmp_connections(media):
    """More than the server takes, all past their handshake: those that do not say what they want make room."""
    with unharmed(media), Crowd(media.rtmp_port, b"\x03" + bytes(2 * 1536)):
        media.assert_well()


@pytest.mark.parametrize("kind", ["command", "publisher"])
def test_300_megabytes_of_rtmp(media, kind):
    """Who does not publish may say 64 kB at once; what a publisher sends is kept as far as a newcomer needs it."""
    piece = bytes([0x17, 1, 0, 0, 0]) + bytes(1_000_000)
    with unharmed(media), RtmpStranger(media.rtmp_port) as peer:
        peer.connect("relay")
        if kind == "publisher":
            peer.publish("junk")
            peer.wait_for(b"NetStream.Publish.Start")
        with contextlib.suppress(OSError):
            for _ in range(BODY_BYTES // len(piece)):
                peer.send_message(VIDEO, piece, stream=1)
        media.assert_well()


@pytest.mark.parametrize("call", ["connect", "publish", "play", "nonsense"])
def test_endless_names(media, call):
    with unharmed(media), RtmpStranger(media.rtmp_port) as peer:
        peer.connect()
        with contextlib.suppress(OSError):
            for size in (2000, 60_000, 1_000_000):
                peer.call(call, b"\x05", b"\x02\xff\xff" + b"x" * 65_535 if size == 60_000 else b"\x0c" + size.to_bytes(4, "big") + b"x" * size)


def test_chunk_streams_and_messages_without_end(media):
    """Each begins a message and none ends: they share one bound."""
    with unharmed(media), RtmpStranger(media.rtmp_port) as peer:
        peer.connect()
        with contextlib.suppress(OSError):
            for number in range(3, 64):
                peer.send(bytes([number]) + bytes(3) + (60_000).to_bytes(3, "big") + bytes([20]) + bytes(4) + bytes(128))


@pytest.mark.parametrize("name", ["well/in", "well"])
def test_a_stranger_cannot_take_a_path_or_end_it(media, name):
    """From another address than the publisher's, which shows that it is alive; no key tells who is who."""
    with unharmed(media), RtmpStranger(media.rtmp_port, address="127.0.0.2") as peer:
        peer.connect().publish(name)
        peer.wait_for(b"in use")
        for name in ("FCUnpublish", "deleteStream", "closeStream", "releaseStream"):
            send_all(peer, b"")
            with contextlib.suppress(OSError):
                peer.call(name, b"\x05", b"\x02\x00\x07well/in")


@pytest.mark.parametrize("name", ["well/out", "well/in"])
def test_a_stranger_cannot_take_what_is_owned(media, name):
    """The output, not from this host either; and the input neither with another program's idea of a key."""
    address = "127.0.0.1" if name.endswith("out") else "127.0.0.2"
    with unharmed(media), RtmpStranger(media.rtmp_port, address=address) as peer:
        peer.connect().publish(f"{name}?key=guess")
        peer.wait_for(b"in use")


def fill(port, number, held, context=None):
    """A publisher with 8 MB of a message that has no end."""
    peer = held.enter_context(RtmpStranger(port, tls=context))
    peer.connect("relay").publish(f"greedy-{number}")
    peer.wait_for(b"NetStream.Publish.Start")
    with contextlib.suppress(OSError):
        peer.send_message(VIDEO, bytes(8_000_000), stream=1, length=16_000_000)


@pytest.mark.parametrize("port", ["media-rtmp", "media-rtmps"])
def test_publishers_that_fill_the_memory(media, port_of, port):
    """Forty of them would take 320 MB; all together get RTMP_MEMORY_MB, and the stream that is dubbed is not the one to pay."""
    context = tls.client_context() if port.endswith("s") else None
    before = media.service.rss_kb()
    lines = media.service.count_lines()
    with unharmed(media), contextlib.ExitStack() as held:
        for number in range(40):
            fill(port_of(port)[1], number, held, context)
        media.assert_well()
        grown = media.service.rss_kb() - before
        assert is_sanitized() or grown < MEMORY_MB * 1024 + MOST_KB, grown
        assert is_sanitized() or grown > MEMORY_MB * 1024 // 2, "it never was full: this shows nothing"
        said = "\n".join(media.service.last_lines(media.service.count_lines() - lines))
        assert "the memory for RTMP is full: RTMP_MEMORY_MB" in said


def test_plain_rtmp_at_the_tls_port_and_tls_at_the_plain(media):
    with unharmed(media):
        for number in range(CROWD // 4):
            for port, first in ((media.rtmps_port, b"\x03" + bytes(1536)), (media.rtmp_port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")):
                with socket.create_connection(("127.0.0.1", port), timeout=20) as sock, contextlib.suppress(ConnectionError):
                    sock.sendall(first)
                    assert sock.recv(100) == b""


def test_players_and_publishers_that_come_and_go(media):
    with unharmed(media):
        for number in range(CROWD // 4):
            with RtmpStranger(media.rtmp_port) as peer:
                peer.connect()
                peer.publish(f"gone-{number}") if number % 2 else peer.play(f"gone-{number}")


# ── Socket.IO ──


def assert_refused(worker, code):
    worker.wait(lambda: any(e["code"] == code for e in worker.of("error")), code)


def test_a_house_full_of_sessions_that_never_connect(sts):
    """WS_MAX_CONNECTIONS of them and many more: who is in no namespace makes room for who wants in."""
    with unharmed(sts), contextlib.ExitStack() as held:
        for _ in range(100):
            held.enter_context(open_websocket(sts.service, WS_BASE))
        sts.assert_well()


def test_a_thousand_wrong_tokens(sts):
    with unharmed(sts):
        for _ in range(CROWD // 4):
            with open_websocket(sts.service, WS_BASE) as ws:
                for _ in range(4):
                    ws.send_text('40{"token":"guess"}')
                    assert "AUTH_FAILED" in ws.receive_message()


def test_another_ones_stream(sts):
    """Its id, its numbers and its fragments are of no use to another connection, in whichever namespace."""
    with unharmed(sts):
        for namespace in ("/", "/sts"):
            with Worker(sts.service.url, namespace, stream="well", auth={"token": "key"}) as stranger:
                stranger.send("fragment:data", fragment("well", sts.number, b"mine"), check=False)
                assert_refused(stranger, "STREAM_NOT_FOUND")
                for what in ("pause", "resume", "end"):
                    stranger.control(what)
                stranger.send("fragment:ack", {"fragment_id": str(uuid.uuid4()), "status": "applied", "timestamp": 0}, check=False)
                stranger.send("stream:init", {"stream_id": "well", "worker_id": "another"}, check=False)
                assert_refused(stranger, "STREAM_IN_USE")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_another_ones_session(sts, transport):
    """Guessed ids of sessions, by GET, POST and upgrade."""
    with unharmed(sts):
        for _ in range(CROWD // 10):
            url = sts.service.url + path_of(WS_BASE, transport, uuid.uuid4().hex[:20])
            for ask in (requests.get, requests.post):
                assert ask(url, data="41", timeout=10).status_code == 400


def test_refusals_without_end(sts):
    with unharmed(sts), Worker(sts.service.url, stream="noisy", auth={"token": "key"}) as noisy:
        for number in range(CROWD):
            noisy.send("fragment:data", fragment(f"none-{number}", 0, b"x"), check=False)
        noisy.wait(lambda: len(noisy.of("error")) >= CROWD, "all refusals")
