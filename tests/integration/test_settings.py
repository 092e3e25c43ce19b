"""Every setting of both services has an effect: each program is started with each of its variables at another value than the default, and
what is then different is looked at. What a setting of an engine does is shown where that engine is tested."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import requests
import socketio
from socketio.exceptions import ConnectionError as Refused

from support import media, programs, rtmp, tls
from support.fake_authority import FakeAuthority
from support.net import accepts, free_port, wait_for
from support.process import Program, run
from support.rtmp_stranger import RtmpStranger
from support.sts_monitor import StsMonitor
from support.sts_worker import Worker, fragment

ROOT = Path(__file__).resolve().parents[2]
STS, MEDIA = "sts-service", "media-service"
SAMPLE_HZ = 16000

CASES = {}  # (program, variable): what shows its effect


def shows(program, *names):
    def keep(function):
        CASES.update({(program, name): function for name in names})
        return function
    return keep


class World:
    """Starts what a case needs; all of it ends with the test."""

    def __init__(self, folder, until_end, clip):
        self.folder, self.until_end, self.clip = folder, until_end, clip
        self.started = 0

    def log(self, name):
        self.started += 1
        return self.folder / f"{name}-{self.started}.log"

    def sts(self, **env):
        return self.until_end(programs.sts_service(log=self.log("sts"), **{"STS_MODE": "echo", **env}))

    def worker(self, service, **more):
        worker = Worker(service.url, **more)
        self.until_end(worker.client).stop = worker.client.disconnect
        return worker

    def monitor(self, service, **more):
        return self.until_end(StsMonitor(service.url, **more))

    def media(self, sts_url="http://127.0.0.1:1", **env):
        return self.until_end(programs.MediaService(sts_url, self.folder / "segments", self.log("media"), **env))

    def publish(self, service, stream="show", loop=-1):
        return self.until_end(rtmp.publish(self.clip, f"{service.rtmp_url()}/live/{stream}/in", self.log("publisher"), loop=loop))

    def told(self, name="stream:init", count=1, sts_env=None, **env):
        """What media-service with these settings says to its sts-service."""
        sts = self.sts(STS_MONITOR=1, **(sts_env or {}))
        monitor = self.monitor(sts)
        self.publish(self.media(sts.url, **env))
        return monitor.wait_for(name, count)


@pytest.fixture
def world(tmp_path, until_end, short):
    return World(tmp_path, until_end, short)


def handshake(service, **more):
    return requests.get(service.url + "/socket.io/?EIO=4&transport=polling", timeout=10, **more)


def parameters(service):
    return json.loads(handshake(service).text[1:])


def ends(program, **env):
    """(status, what it says) of a start that is refused."""
    done = run([programs.path_of(program)], env={"PORT": "0", "HOST": "127.0.0.1", **env}, timeout_s=60)
    return done.returncode, done.stderr


# ── sts-service ──


@shows(STS, "HOST")
def sts_host(world, _):
    service = world.sts(HOST="127.0.0.2")
    assert service.url.startswith("http://127.0.0.2:") and service.get("/health").ok
    assert not accepts(service.port)


@shows(STS, "PORT", "STS_PORT")
def sts_port(world, name):
    port = free_port()
    service = world.sts(**{"PORT": "", "STS_PORT": "", name: port})
    assert service.port == port and service.get("/health").ok


@shows(STS, "STS_MODE")
def sts_mode(world, _):
    assert world.sts(STS_MODE="echo").get("/health").json()["mode"] == "echo"


@shows(STS, "ECHO_HOST")
def echo_host(world, _):
    assert world.sts(ECHO_HOST="127.0.0.3").url.startswith("http://127.0.0.3:")


@shows(STS, "ECHO_PORT")
def echo_port(world, _):
    port = free_port()
    assert world.sts(ECHO_PORT=port).port == port


@shows(STS, "ECHO_PROCESSING_DELAY_MS")
def echo_delay(world, _):
    worker = world.worker(world.sts(ECHO_PROCESSING_DELAY_MS=300))
    worker.init()
    worker.submit(0, b"x")
    assert worker.wait_for("fragment:processed")["processing_time_ms"] >= 299


def pressure(world, **env):
    """(severity, in flight) of what a worker is told while ten fragments come, one after the other."""
    worker = world.worker(world.sts(ECHO_PROCESSING_DELAY_MS=60_000, **env))
    worker.init(max_inflight=10)
    for number in range(10):
        worker.submit(number, b"x")
    worker.wait_for("fragment:ack", 10)
    return [(e["severity"], e["current_inflight"]) for e in worker.of("backpressure")]


@shows(STS, "BACKPRESSURE_ENABLED")
def backpressure_enabled(world, _):
    assert pressure(world, BACKPRESSURE_ENABLED="false") == []


@shows(STS, "BACKPRESSURE_THRESHOLD_LOW", "BACKPRESSURE_THRESHOLD_MEDIUM", "BACKPRESSURE_THRESHOLD_HIGH")
def backpressure_thresholds(world, name):
    begins = {"LOW": 5, "MEDIUM": 7, "HIGH": 9}
    word, value = name.rsplit("_", 1)[1], {"LOW": 2, "MEDIUM": 6, "HIGH": 8}[name.rsplit("_", 1)[1]]
    told = pressure(world, **{name: value / 10})
    assert told == [(level.lower(), value if level == word else first) for level, first in begins.items()]


@shows(STS, "MAX_CONCURRENT_SESSIONS")
def max_sessions(world, _):
    service = world.sts(MAX_CONCURRENT_SESSIONS=1)
    world.worker(service, stream="one").init()
    second = world.worker(service, stream="two")
    second.init(wait=False)
    assert second.wait_for("error")["code"] == "RATE_LIMIT_EXCEEDED"


@shows(STS, "WS_MAX_CONNECTIONS")
def max_connections(world, _):
    service = world.sts(WS_MAX_CONNECTIONS=1)
    world.worker(service)  # one that only shakes hands would make room
    assert handshake(service).status_code == 503


@shows(STS, "WS_MAX_BUFFER_SIZE")
def max_buffer(world, _):
    service = world.sts(WS_MAX_BUFFER_SIZE=65536)
    assert parameters(service)["maxPayload"] == 65536
    worker = world.worker(service)
    worker.init()
    worker.submit(0, bytes(100_000))
    worker.wait_disconnected()


@shows(STS, "WS_PING_INTERVAL")
def ping_interval(world, _):
    assert parameters(world.sts(WS_PING_INTERVAL=7.5))["pingInterval"] == 7500


@shows(STS, "WS_PING_TIMEOUT")
def ping_timeout(world, _):
    assert parameters(world.sts(WS_PING_TIMEOUT=3.5))["pingTimeout"] == 3500


@shows(STS, "AUTO_DISCONNECT_DELAY")
def disconnect_delay(world, _):
    worker = world.worker(world.sts(AUTO_DISCONNECT_DELAY=0))
    worker.init()
    worker.end()
    ended = time.monotonic()
    worker.wait_disconnected()
    assert time.monotonic() - ended < 4  # 5 s by default


@shows(STS, "SHUTDOWN_TIMEOUT")
def shutdown_timeout(world, _):
    service = world.sts(SHUTDOWN_TIMEOUT=0.2, ECHO_PROCESSING_DELAY_MS=60_000)
    worker = world.worker(service)
    worker.init()
    worker.submit(0, b"x")
    worker.wait_for("fragment:ack")
    service.signal(signal.SIGTERM)
    ended = time.monotonic()
    assert service.wait(30) == 0
    assert time.monotonic() - ended < 8  # 10 s by default


def secret(world, name, value):
    """The variable with the value, or with the file that holds it."""
    if not name.endswith("_FILE"):
        return {name: value}
    path = world.folder / "secret"
    path.write_text(value + "\n")
    return {name: path}


def is_refused(service, namespace="/", auth=None):
    client = socketio.Client(reconnection=False)
    try:
        client.connect(service.url, namespaces=[namespace], transports=["websocket"], auth=auth, wait_timeout=30)
    except Refused:
        return True
    finally:
        client.disconnect()
    return False


@shows(STS, "STS_API_KEY", "STS_API_KEY_FILE")
def api_key(world, name):
    service = world.sts(**secret(world, name, "word"))
    assert is_refused(service)
    assert not is_refused(service, auth={"token": "word"})


@shows(STS, "STS_MONITOR")
def monitor_on(world, _):
    assert not is_refused(world.sts(STS_MONITOR=1), "/monitor")
    assert is_refused(world.sts(), "/monitor")


@shows(STS, "API_TOKEN", "API_TOKEN_FILE")
@shows(MEDIA, "API_TOKEN", "API_TOKEN_FILE")
def api_token(world, name):
    """More in test_access.py."""
    start = world.sts if world.program == STS else lambda **env: world.media(**env)
    service = start(**secret(world, name, "word"))
    assert service.get("/metrics").status_code == 401
    assert requests.get(service.url + "/metrics", headers={"Authorization": "Bearer word"}, timeout=10).ok


@shows(STS, "STS_MONITOR_TOKEN", "STS_MONITOR_TOKEN_FILE")
def monitor_token(world, name):
    service = world.sts(STS_MONITOR=1, **secret(world, name, "word"))
    assert is_refused(service, "/monitor")
    assert not is_refused(service, "/monitor", {"token": "word"})
    assert not is_refused(service)


@shows(STS, "CORS_ORIGIN")
def cors_origin(world, _):
    answer = handshake(world.sts(CORS_ORIGIN="https://example.org"), headers={"Origin": "https://example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"


@shows(STS, "SOURCE_LANGUAGE", "TARGET_LANGUAGE")
def preloaded_languages(_world, name):
    status, says = ends(STS, STS_MODE="full", **{name: "zz"})
    assert status == 4 and "zz" in says


@shows(STS, "LOG_LEVEL")
def sts_log_level(world, _):
    service = world.sts(LOG_LEVEL="DEBUG")
    worker = world.worker(service)
    worker.init()
    worker.submit(0, b"x")
    service.wait_for_line("DEBUG .*fragment taken")


@shows(STS, "LOG_FORMAT")
def sts_log_format(world, _):
    service = world.sts(LOG_FORMAT="json")
    assert json.loads(service.output().splitlines()[0])["program"] == STS


# ── media-service ──


@shows(MEDIA, "HOST")
def media_host(world, _):
    service = world.media(HOST="127.0.0.2")
    assert service.url.startswith("http://127.0.0.2:") and service.get("/health").ok
    assert not accepts(service.port)


@shows(MEDIA, "PORT")
def media_port(world, _):
    port = free_port()
    assert world.media(PORT=port).port == port


@shows(MEDIA, "LOG_LEVEL")
def media_log_level(world, _):
    port, log = free_port(), world.folder / "quiet.log"
    env = {"LOG_LEVEL": "ERROR", "MEDIA_SERVER": "builtin", "HOST": "127.0.0.1", "PORT": str(port), "RTMP_PORT": "0", "API_PORT": "0"}
    service = world.until_end(Program([programs.path_of(MEDIA)], env=env, log=log))
    wait_for(lambda: accepts(port), programs.READY_S, "the port")
    service.stop()
    assert service.output() == ""


@shows(MEDIA, "LOG_FORMAT")
def media_log_format(world, _):
    assert json.loads(world.media(LOG_FORMAT="json").output().splitlines()[0])["program"] == MEDIA


@shows(MEDIA, "MEDIA_SERVER")
def media_server(world, _):
    assert accepts(int(world.media(MEDIA_SERVER="builtin").rtmp_url().rsplit(":", 1)[1]))


@shows(MEDIA, "RTMP_PORT")
def rtmp_port(world, _):
    port = free_port()
    world.media(RTMP_PORT=port)
    assert accepts(port)


@shows(MEDIA, "RTMP_PUBLISH_KEY", "RTMP_PUBLISH_KEY_FILE", "RTMP_PLAY_KEY", "RTMP_PLAY_KEY_FILE")
def rtmp_keys(world, name):
    """More in test_access.py."""
    service = world.media(**secret(world, name, "word"))
    port = int(service.rtmp_url().rsplit(":", 1)[1])
    with RtmpStranger(port) as publisher, RtmpStranger(port) as player, RtmpStranger(port) as denied:
        publisher.connect().publish("x/in?key=word")
        publisher.wait_for(b"Publish.Start")
        player.connect().play("x/in?key=word")
        player.wait_for(b"Play.Start")
        getattr(denied.connect(), "publish" if "PUBLISH" in name else "play")("x/in")
        denied.wait_for(b"key is wrong")


@shows(MEDIA, "RTMP_OVERRIDE_PUBLISHER")
def rtmp_override(world, _):
    """Taking over is tested in test_rtmp_server.py and test_access.py."""
    port = int(world.media(RTMP_OVERRIDE_PUBLISHER=0).rtmp_url().rsplit(":", 1)[1])
    with RtmpStranger(port) as first, RtmpStranger(port) as second:
        first.connect().publish("x/in")
        first.wait_for(b"Publish.Start")
        second.connect().publish("x/in")
        second.wait_for(b"RTMP_OVERRIDE_PUBLISHER=1 would let you")


@shows(MEDIA, "RTMP_AUTH_URL", "RTMP_AUTH_URL_FILE")
def rtmp_auth_url(world, name):
    """More in test_access.py."""
    with FakeAuthority({"anna": "word"}) as authority:
        service = world.media(**secret(world, name, authority.url))
        with RtmpStranger(int(service.rtmp_url().rsplit(":", 1)[1])) as client:
            client.connect().publish("x/in?user=anna&pass=word")
            client.wait_for(b"Publish.Start")
            assert authority.last.json["user"] == "anna"
        service.stop()
    status, says = ends(MEDIA, MEDIA_SERVER="builtin", RTMP_PORT="0", API_PORT="0", RTMP_AUTH_URL="ftp://a:secret@b")
    assert status == 2 and "RTMP_AUTH_URL" in says and "secret" not in says


@shows(MEDIA, "RTMP_MAX_CONNECTIONS")
def rtmp_max_connections(world, _):
    service = world.media(RTMP_MAX_CONNECTIONS=8)
    port = int(service.rtmp_url().rsplit(":", 1)[1])
    with contextlib.ExitStack() as held:
        for number in range(8):
            client = held.enter_context(RtmpStranger(port))
            client.connect("relay").publish(f"x-{number}")
            client.wait_for(b"Publish.Start")
        held.enter_context(RtmpStranger(port))
        service.wait_for_line("8 connections are open, further ones are refused: RTMP_MAX_CONNECTIONS")


@shows(MEDIA, "RTMP_MEMORY_MB")
def rtmp_memory(world, _):
    """Measured in test_strangers.py."""
    service = world.media(RTMP_MEMORY_MB=32)
    port = int(service.rtmp_url().rsplit(":", 1)[1])
    with contextlib.ExitStack() as held:
        for number in range(3):
            client = held.enter_context(RtmpStranger(port))
            client.connect("relay").publish(f"x-{number}")
            client.wait_for(b"Publish.Start")
            with contextlib.suppress(OSError):
                client.send_message(9, bytes(15_000_000), stream=1, length=16_000_000)
        service.wait_for_line("closed: the memory for RTMP is full: RTMP_MEMORY_MB")


@shows(MEDIA, "RTMPS_CERT", "RTMPS_KEY", "RTMPS_PORT")
def rtmps(world, name):
    """More in test_rtmps.py."""
    cert, key = tls.make_certificate(world.folder)
    port = free_port()
    service = world.media(RTMPS_CERT=cert, RTMPS_KEY=key, RTMPS_PORT=port)
    assert service.rtmps_url().endswith(f":{port}")
    with RtmpStranger(port, tls=tls.client_context(cert)) as client:
        client.connect().publish("x/in")
        client.wait_for(b"Publish.Start")


@shows(MEDIA, "API_PORT")
def api_port(world, _):
    port = free_port()
    world.media(API_PORT=port)
    assert requests.get(f"http://127.0.0.1:{port}/v3/paths/list", timeout=5).json()["itemCount"] == 0


@shows(MEDIA, "API_HOST")
def api_host(world, _):
    port = free_port()
    world.media(API_HOST="127.0.0.2", API_PORT=port)
    assert requests.get(f"http://127.0.0.2:{port}/v3/paths/list", timeout=5).ok
    assert not accepts(port)


@shows(MEDIA, "MEDIAMTX_HOST")
def mediamtx_host(world, _):
    service = world.media(MEDIA_SERVER="mediamtx", MEDIAMTX_HOST="airdub.invalid")  # a name that nobody can have
    service.wait_for_line(r"WARN.* media server: .*airdub\.invalid", 30)


@shows(MEDIA, "MEDIAMTX_API_URL", "MEDIAMTX_RTMP_URL")
def mediamtx_urls(world, name):
    """The built-in server of another media-service answers as MediaMTX does."""
    port = free_port()
    server = world.media(API_PORT=port)
    urls = {"MEDIAMTX_API_URL": f"http://127.0.0.1:{port}", "MEDIAMTX_RTMP_URL": server.rtmp_url()}
    service = world.media(MEDIA_SERVER="mediamtx", MEDIAMTX_HOST="127.0.0.9", **urls)
    shown = urls["MEDIAMTX_RTMP_URL"] if name == "MEDIAMTX_RTMP_URL" else ""
    service.wait_for_line(rf"media server: {re.escape(shown)}.* answers")
    assert service.get("/health").json()["media_server"] == "reachable"


@shows(MEDIA, "MEDIAMTX_RTSP_URL")
def mediamtx_rtsp_url(world, name):
    """HEVC, which a MediaMTX's RTMP leaves out, is read there. The server beside it is full with another stream."""
    api, rtsp = free_port(), free_port()
    server = world.media(API_PORT=api, MAX_CONCURRENT_STREAMS=1)
    world.publish(server, "other")
    wait_for(lambda: server.streams(), 10, "the stream that fills the server")
    world.until_end(rtmp.publish_hevc(world.clip, f"{server.rtmp_url()}/live/show/in", world.folder))
    service = world.media(MEDIA_SERVER="mediamtx", MEDIAMTX_API_URL=f"http://127.0.0.1:{api}",
                          MEDIAMTX_RTMP_URL=server.rtmp_url(), **{name: f"rtsp://127.0.0.1:{rtsp}"})
    service.wait_for_line(rf"rtsp://127.0.0.1:{rtsp}/live/show/in: ")


@shows(MEDIA, "STS_SERVICE_URL")
def sts_service_url(world, _):
    assert world.told("stream:init")["stream_id"] == "show"


@shows(MEDIA, "STS_API_KEY", "STS_API_KEY_FILE")
def sts_api_key(world, name):
    sts = world.sts(STS_MONITOR=1, STS_API_KEY="word")
    monitor = world.monitor(sts, token="word")
    world.publish(world.media(sts.url, **secret(world, name, "word")))
    monitor.wait_for("stream:init")


@shows(MEDIA, "SPEECH_BACKEND")
def speech_backend(world, _):
    service = world.media(SPEECH_BACKEND="local")  # there is no sts-service
    wait_for(lambda: service.get("/health/ready").json()["status"] == "ready", programs.READY_S, "the engines")


TOLD = {  # the variable: its value, where stream:init says it, what it says
    "WORKER_SOURCE_LANGUAGE": ("fr", "source_language", "fr"),
    "WORKER_TARGET_LANGUAGE": ("de", "target_language", "de"),
    "WORKER_VOICE": ("someone", "voice_profile", "someone"),
    "WORKER_SEGMENT_DURATION": ("2.5", "chunk_duration_ms", 2500),
    "WORKER_STS_TIMEOUT_MS": ("4321", "timeout_ms", 4321),
    "STS_MAX_INFLIGHT": ("5", "max_inflight", 5),
}


@shows(MEDIA, *TOLD)
def told_to_sts(world, name):
    value, key, expected = TOLD[name]
    init = world.told("stream:init", **{name: value})
    assert {**init, **init["config"]}[key] == expected


@shows(MEDIA, "WORKER_SEGMENT_MODE")
def segment_mode(world, _):
    """Cut exactly at the marks; at pauses, as by default, the commentary is not."""
    sent = world.told("fragment:data", 4, WORKER_SEGMENT_MODE="fixed", WORKER_SEGMENT_DURATION=1)
    starts = [e["metadata"]["pts_ns"] for e in sent]
    assert np.allclose(np.diff(starts), 1e9, atol=1e5)


@shows(MEDIA, "WORKER_SEGMENT_DIR", "SEGMENT_DIR")
def segment_dir(world, name):
    folder = world.folder / "checkpoints"
    service = world.media(WORKER_SEGMENT_DURATION=1, **{"WORKER_SEGMENT_DIR": "", "SEGMENT_DIR": "", name: folder})
    world.publish(service)
    wait_for(lambda: (folder / "show.checkpoint.json").exists(), 30, "a checkpoint")


@shows(MEDIA, "MAX_CONCURRENT_STREAMS")
def max_streams(world, _):
    service = world.media(MAX_CONCURRENT_STREAMS=1)
    world.publish(service, "one")
    wait_for(lambda: "one" in service.streams(), 20, "the first stream")
    world.publish(service, "two")
    hook = {"path": "live/two/in", "query": "", "sourceType": "rtmp", "sourceId": "1"}

    def is_full():
        return requests.post(service.url + "/v1/mediamtx/events/ready", json=hook, timeout=10).json()["status"] == "full"

    wait_for(is_full, 20, "the second to wait")
    assert set(service.streams()) == {"one"}


@shows(MEDIA, "LEASE_URL", "LEASE_URL_FILE")
def lease_url(world, name):
    """Without its store nothing starts, and the password is nowhere."""
    url = f"redis://:hidden-word@127.0.0.1:{free_port()}"
    file = world.folder / "lease-url"
    file.write_text(url)
    service = world.media(**{name: file if name.endswith("FILE") else url})
    service.wait_for_line("lease store: .*no streams start", 10)
    assert service.get("/health/ready").status_code == 503
    assert "hidden-word" not in service.output()


@shows(MEDIA, "LEASE_TTL_MS")
def lease_ttl(world, _):
    """A store that takes connections and says nothing is given up after a third of it."""
    with socket.create_server(("127.0.0.1", 0)) as store:
        since = time.monotonic()
        service = world.media(LEASE_URL=f"redis://127.0.0.1:{store.getsockname()[1]}", LEASE_TTL_MS=30_000)
        service.wait_for_line("lease store: it does not answer", 20)
        assert time.monotonic() - since > 9


def breaker(world, **env):
    """media-service with an sts-service that never answers in time."""
    sts = world.sts(ECHO_PROCESSING_DELAY_MS=60_000)
    service = world.media(sts.url, WORKER_SEGMENT_DURATION=1, WORKER_STS_TIMEOUT_MS=1000, **env)
    world.publish(service)
    return service


@shows(MEDIA, "CIRCUIT_BREAKER_THRESHOLD")
def breaker_threshold(world, _):
    service = breaker(world, CIRCUIT_BREAKER_THRESHOLD=2, STS_MAX_INFLIGHT=1)  # one at a time: none is still out
    service.wait_for_line("breaker: closed -> open", 60)
    service.wait_for_line("circuit_open", 30)
    assert service.metrics().value("media_service_worker_circuit_breaker_failures_total") == 2


@shows(MEDIA, "CIRCUIT_BREAKER_TIMEOUT")
def breaker_timeout(world, _):
    service = breaker(world, CIRCUIT_BREAKER_THRESHOLD=1, CIRCUIT_BREAKER_TIMEOUT=2)
    service.wait_for_line("breaker: closed -> open", 60)
    opened = time.monotonic()
    service.wait_for_line("breaker: open -> half-open", 25)  # 30 s by default
    assert time.monotonic() - opened > 1


@shows(MEDIA, "WORKER_PLAYOUT_DELAY")
def playout_delay(world, _):
    service = world.media(WORKER_PLAYOUT_DELAY=7.5)
    world.publish(service)
    wait_for(lambda: service.streams().get("show", {}).get("delay_ms") == 7500, 20, "the delay")


@shows(MEDIA, "SOURCE_PATIENCE")
def source_patience(world, _):
    """More in tests/e2e/test_patience.py."""
    service = world.media(SOURCE_PATIENCE=6, WORKER_SEGMENT_DURATION=1)
    publisher = world.publish(service)
    wait_for(lambda: service.streams().get("show", {}).get("state") == "running", 20, "the stream")
    publisher.stop()
    stopped = time.monotonic()
    service.wait_for_line("its last picture and silence go on, for 6 s at most", 10)
    wait_for(lambda: not service.streams(), 15, "the end of the stream")
    assert time.monotonic() - stopped > 5  # 2.5 s without it, 60 s by default


@shows(MEDIA, "WORKER_BED_DB")
def bed(world, _):
    """Of an echo at half of its loudness under itself 3.5 dB more is left than of the clip; 1 dB by default."""
    sts = world.sts()
    service = world.media(sts.url, WORKER_BED_DB=-6, WORKER_SEGMENT_DURATION=2)
    out = world.folder / "out.mkv"
    recorder = world.until_end(rtmp.record(f"{service.rtmp_url()}/live/show/out", out, world.log("recorder")))
    world.publish(service, loop=0)
    assert recorder.wait(60) == 0, recorder.tail()
    level = [np.sqrt(np.mean(np.square(media.decode_audio(path)[2 * SAMPLE_HZ:10 * SAMPLE_HZ]))) for path in (world.clip, out)]
    assert 20 * np.log10(level[1] / level[0]) > 2.2


# ── both ──


@shows(STS, "AIRDUB_SUPERVISED")
@shows(MEDIA, "AIRDUB_SUPERVISED")
def supervised(world, _):
    """The service ends when the program that started it does."""
    program = world.program
    env = {"STS_MODE": "echo", "MEDIA_SERVER": "builtin", "PORT": "0", "RTMP_PORT": "0", "API_PORT": "0", "HOST": "127.0.0.1",
           "AIRDUB_SUPERVISED": "1"}
    code = "import subprocess, sys; p = subprocess.Popen([sys.argv[1]]); print('pid', p.pid, flush=True); p.wait()"
    parent = world.until_end(Program([sys.executable, "-c", code, programs.path_of(program)], env=env, log=world.log("parent")))
    child = int(parent.wait_for_line(r"^pid (\d+)").group(1))
    parent.wait_for_line("listening on", programs.READY_S)
    parent.signal(signal.SIGKILL)

    def is_gone():
        try:
            return Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait_for(is_gone, 10, "the child's end")


@pytest.mark.parametrize("program, name", sorted(CASES), ids=lambda value: value)
def test_setting_has_its_effect(world, program, name):
    world.program = program
    CASES[program, name](world, name)


# ── completeness ──

ELSEWHERE = {  # a pattern of variables: the file whose tests show what they do
    r"EMPTY_FRAGMENT_AUDIO": "tests/integration/test_sts_full_mode.py",
    r"ASR_PROVIDER|ASR_MODEL|TRANSLATION_PROVIDER|TTS_PROVIDER": "tests/integration/test_sts_full_mode.py",
    r"ASR_SUBTITLES": "tests/unit/engines/test-subtitles.c",
    r"MODEL_DIR": "tests/integration/test_engine_programs.py",
    r"GLOSSARY|PROFANITY": "tests/unit/engines/test-set.c",
    r"DEVICE": "tests/unit/engines/test-settings.c",
    r"ENGINE_LANES": "tests/integration/test_sts_policy.py",
    r"MEDIAMTX_PLAYBACK_URL": "tests/e2e/test_mediamtx.py",
}
# What engines on other machines share is one function's for all of them, and tested with one.
SHARED = {"_URL": "DEEPL_URL", "_PROXY": "DEEPL_PROXY", "_CA_FILE": "DEEPL_CA_FILE", "_KEY": "ASR_OPENAI_KEY",
          "_MODEL": "TTS_OPENAI_MODEL", "_CONNECTIONS": "MT_OPENAI_CONNECTIONS", "_VOICE": "TTS_OPENAI_VOICES",
          "_RATE_HZ": "TTS_OPENAI_RATE_HZ"}
REMOTE = re.compile(r"(ASR_OPENAI|DEEPL|DEEPL_AUTH|LIBRETRANSLATE|MT_OPENAI|APERTIUM_APY|TTS_OPENAI|ELEVENLABS|ELEVENLABS_API)(_[A-Z_]+)")
REMOTE_TESTS = ("tests/integration/test_engines_http.py", "tests/integration/test_engines_apy.py", "tests/unit/engines/test-http-chain.c")


def variables(program):
    """Every name in the table, as --help prints it; without those of engines in media-service, whose table is sts-service's."""
    printed = run([programs.path_of(program), "--help"]).stdout
    own = printed.split("\nWith SPEECH_BACKEND=local also:\n")[0]
    rows = re.findall(r"^  ([A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*) ", own, re.M)
    assert len(rows) > 25
    return [name for row in rows for name in row.split(", ")]


def is_named(name, paths):
    return any(re.search(rf"\b{name}\b", (ROOT / path).read_text()) for path in paths)


def is_shown(program, name):
    if (program, name) in CASES:
        return True
    for pattern, path in ELSEWHERE.items():
        if re.fullmatch(pattern, name):
            return is_named(name, [path])
    name = name.removesuffix("_FILE") if name.endswith("_KEY_FILE") else name  # files: tests/unit/base/test-env.c
    remote = REMOTE.fullmatch(name)
    return bool(remote) and (is_named(name, REMOTE_TESTS) or is_named(SHARED.get(remote[2], "no such"), REMOTE_TESTS))


@pytest.mark.parametrize("program", [STS, MEDIA])
def test_every_setting_has_a_case(program):
    named = variables(program)
    assert [name for name in named if not is_shown(program, name)] == []
    assert [name for (of, name) in CASES if of == program and name not in named] == []
