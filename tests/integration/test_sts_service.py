"""sts-service from outside: echo mode, the protocol's rules, and the process itself. Clients are python-socketio's."""

import asyncio
import json
import os
import signal
import socket
import sys
import time

import pytest
import requests
import socketio
from socketio.exceptions import ConnectionError as Refused

from support import programs, prometheus
from support.net import wait_for
from support.process import Program, run
from support.sts_worker import Worker, dubbed, fragment, validator

WAYS = [
    pytest.param("/", "socket.io", ("polling", "websocket"), id="default-polling-first"),
    pytest.param("/", "socket.io", ("websocket",), id="default-websocket"),
    pytest.param("/sts", "socket.io", ("polling",), id="sts-polling-only"),
    pytest.param("/sts", "ws/sts", ("websocket",), id="sts-old-path"),
    pytest.param("/", "ws/sts", ("polling", "websocket"), id="default-old-path"),
]


@pytest.fixture
def serve(tmp_path, until_end):
    """serve(SETTING=…): an sts-service of the test's own."""
    def start(**env):
        count = len(list(tmp_path.glob("sts-*.log")))
        return until_end(programs.sts_service(log=tmp_path / f"sts-{count}.log", **{"STS_MODE": "echo", **env}))
    return start


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """One service for the tests that need nothing particular of it; each uses a stream of its own."""
    service = programs.sts_service(log=tmp_path_factory.mktemp("sts") / "sts-service.log", STS_MODE="echo",
                                   AUTO_DISCONNECT_DELAY="0.3", MAX_CONCURRENT_SESSIONS=100)
    yield service
    assert service.stop() == 0


@pytest.mark.parametrize("namespace, path, transports", WAYS)
def test_echo_is_byte_exact_and_in_order(echo, namespace, path, transports, request):
    pieces = [os.urandom(100_000), b"", b"\0", os.urandom(99_999), os.urandom(31)]
    with Worker(echo.url, namespace, request.node.name, path, transports) as worker:
        assert worker.init(max_inflight=5)["max_inflight"] == 5
        ids = [worker.submit(number, piece, sample_rate_hz=44100, channels=1, duration_ms=number)
               for number, piece in enumerate(pieces)]
        answers = worker.wait_for("fragment:processed", len(pieces))
        assert [a["fragment_id"] for a in answers] == ids
        assert [a["sequence_number"] for a in answers] == list(range(len(pieces)))
        assert [dubbed(a) for a in answers] == pieces
        assert [a["dubbed_audio"]["duration_ms"] for a in answers] == list(range(len(pieces)))
        assert {a["fragment_id"] for a in worker.of("fragment:ack")} == set(ids)
        done = worker.end()
        assert done["total_fragments"] == len(pieces)
        assert done["total_duration_ms"] == sum(range(len(pieces)))
        assert done["statistics"]["success_count"] == len(pieces)
        assert worker.wait_disconnected() == "server disconnect"
        assert worker.of("error") == []


def test_async_client(echo):
    """aiohttp's WebSocket, which drops what is over 4 MiB."""
    async def talk():
        client, answers = socketio.AsyncClient(reconnection=False), asyncio.Queue()
        for event in ("stream:ready", "fragment:processed", "stream:complete"):
            client.on(event, answers.put)
        await client.connect(echo.url, transports=["websocket"])
        await client.emit("stream:init", {"stream_id": "async", "worker_id": "w"})
        await asyncio.wait_for(answers.get(), 30)
        for number, size in enumerate((100_000, 2_800_000, 4_000_000)):
            await client.emit("fragment:data", fragment("async", number, os.urandom(size)))
        got = [await asyncio.wait_for(answers.get(), 30) for _ in range(3)]
        await client.emit("stream:end", {"stream_id": "async"})
        done = await asyncio.wait_for(answers.get(), 30)
        await client.disconnect()
        return got, done

    answers, done = asyncio.run(talk())
    assert [a["status"] for a in answers] == ["success", "success", "failed"]
    assert answers[2]["error"]["code"] == "FRAGMENT_TOO_LARGE"  # its echo could not be under 4 MiB
    assert done["statistics"]["failed_count"] == 1


def test_acknowledged_at_once(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="500")
    with Worker(service.url) as worker:
        worker.init()
        worker.submit(0, b"x")
        worker.wait_for("fragment:ack")
        assert worker.of("fragment:processed") == []
        answer = worker.wait_for("fragment:processed")
        assert answer["processing_time_ms"] >= 499


def test_window_and_backpressure(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="1500")
    with Worker(service.url) as worker:
        worker.init(max_inflight=10)
        ids = [worker.submit(number, b"x") for number in range(11)]
        refused = worker.wait_for("error")
        assert (refused["code"], refused["fragment_id"]) == ("BACKPRESSURE_EXCEEDED", ids[10])
        assert (refused["severity"], refused["retryable"]) == ("warning", True)
        worker.wait_for("fragment:processed", 10)
        worker.wait(lambda: worker.of("backpressure")[-1]["severity"] == "low", "recovery")
        told = [(e["severity"], e["action"], e["current_inflight"]) for e in worker.of("backpressure")]
        assert told[:3] == [("low", "none", 5), ("medium", "slow_down", 7), ("high", "pause", 9)]
        worker.submit(10, b"again", fragment_id=ids[10])  # it may be tried again
        assert worker.wait_for("fragment:processed", 11)[10]["fragment_id"] == ids[10]
        assert worker.end()["total_fragments"] == 11


def test_backpressure_can_be_off(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="200", BACKPRESSURE_ENABLED="false")
    with Worker(service.url) as worker:
        worker.init(max_inflight=10)
        for number in range(10):
            worker.submit(number, b"x")
        worker.wait_for("fragment:processed", 10)
        assert worker.of("backpressure") == []


def test_sent_again_is_answered_again_and_counted_once(echo):
    with Worker(echo.url, stream="again") as worker:
        worker.init()
        first = worker.submit(0, b"one")
        worker.wait_for("fragment:processed")
        worker.submit(0, b"another body, same id", fragment_id=first)
        answers = worker.wait_for("fragment:processed", 2)
        assert answers[0] == answers[1]
        assert worker.end()["total_fragments"] == 1


def test_numbers(echo):
    with Worker(echo.url, stream="numbers") as worker:
        worker.init(max_inflight=10)
        worker.submit(2, b"2")
        worker.submit(0, b"0")
        worker.submit(1, b"1")
        assert [a["sequence_number"] for a in worker.wait_for("fragment:processed", 3)] == [0, 1, 2]
        worker.submit(1, b"used")
        worker.submit(13, b"beyond")
        errors = worker.wait_for("error", 2)
        assert [e["code"] for e in errors] == ["INVALID_SEQUENCE"] * 2
        assert "1 is used already" in errors[0]["message"]


def test_pause_and_resume(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="300")
    with Worker(service.url) as worker:
        worker.init()
        worker.submit(0, b"before")
        worker.control("pause")
        refused = worker.submit(1, b"while paused")
        error = worker.wait_for("error")
        assert (error["code"], error["fragment_id"], error["retryable"]) == ("STREAM_PAUSED", refused, True)
        worker.wait_for("fragment:processed")
        worker.control("resume")
        worker.submit(1, b"after", fragment_id=refused)
        assert dubbed(worker.wait_for("fragment:processed", 2)[1]) == b"after"


def test_error_simulation(echo):
    with Worker(echo.url, stream="faults") as worker:
        worker.init(max_inflight=10)
        worker.send("config:error_simulation", {"enabled": True, "rules": [
            {"trigger": "sequence_number", "value": 1, "error_code": "GPU_OOM", "stage": "tts", "retryable": False},
            {"trigger": "nth_fragment", "value": 3, "error_code": "TIMEOUT", "error_message": "too slow"}]})
        assert worker.wait_for("config:error_simulation:ack") == {"status": "accepted", "rules_count": 2}
        for number in range(6):
            worker.submit(number, b"x")
        answers = worker.wait_for("fragment:processed", 6)
        assert [a["status"] for a in answers] == ["success", "failed", "failed", "success", "success", "failed"]
        assert answers[1]["error"] == {"code": "GPU_OOM", "message": "Simulated error", "stage": "tts", "retryable": False}
        assert (answers[2]["error"]["code"], answers[2]["error"]["message"]) == ("TIMEOUT", "too slow")
        worker.send("config:error_simulation", {"enabled": True, "rules": [{"trigger": "moon"}]}, check=False)
        assert worker.wait_for("config:error_simulation:ack", 2)[1]["status"] == "rejected"
        assert worker.end()["statistics"]["failed_count"] == 3


def test_first_ack_is_queued_with_its_place(serve):
    """Existing workers wait for just that, also where a fragment is taken up at once."""
    service = serve(ECHO_PROCESSING_DELAY_MS=200)
    with Worker(service.url) as worker:
        worker.init(max_inflight=10)
        ids = [worker.submit(number, b"x") for number in range(3)]
        acks = worker.wait_for("fragment:ack", 3)
        assert [(a["fragment_id"], a["status"], a["queue_position"]) for a in acks] == [(i, "queued", 0) for i in ids]
        worker.submit(0, b"x", fragment_id=ids[0])
        assert worker.wait_for("fragment:ack", 4)[3]["status"] == "processing"


def test_simulated_disconnect(serve):
    """The connection breaks when it was said; python-socketio comes back by itself, as after a network's failure."""
    service = serve(ECHO_PROCESSING_DELAY_MS=60_000)
    with Worker(service.url) as worker:
        worker.init()
        worker.submit(0, b"in flight")
        before_ms = time.time() * 1000
        worker.send("simulate:disconnect", {"delay_ms": 300})
        ack = worker.wait_for("simulate:disconnect:ack")
        assert ack["status"] == "scheduled" and 300 <= ack["disconnect_at_ms"] - before_ms + 1
        assert worker.disconnected is None
        assert worker.wait_disconnected() != "server disconnect"
        assert time.time() * 1000 >= ack["disconnect_at_ms"] - 1
    wait_for(lambda: service.get("/health").json()["active_streams"] == 0, 5, "the stream's end")
    client = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.1)
    connected = []
    client.on("connect", lambda: connected.append(client.sid))
    client.connect(service.url, transports=["websocket"])
    client.emit("simulate:disconnect", {})
    wait_for(lambda: len(connected) == 2, 30, "the client's return")
    client.disconnect()


@pytest.mark.parametrize("event, payload, code, field", [
    ("stream:init", {"worker_id": "w"}, "INVALID_CONFIG", "stream_id"),
    ("stream:init", {"stream_id": "x", "worker_id": "w", "config": {"channels": 3}}, "INVALID_CONFIG", "config.channels"),
    ("stream:init", None, "INVALID_CONFIG", "payload"),
    ("stream:init", "text", "INVALID_CONFIG", "payload"),
    ("fragment:data", {"stream_id": "x"}, "STREAM_NOT_FOUND", "stream_id"),
    ("stream:end", {"stream_id": "x"}, "STREAM_NOT_FOUND", "stream_id"),
    ("fragment:ack", {"fragment_id": "f"}, "INVALID_CONFIG", "status"),
])
def test_wrong_events_are_refused_by_name(echo, event, payload, code, field):
    with Worker(echo.url, stream="wrong") as worker:
        worker.send(event, payload, check=False)
        error = worker.wait_for("error")
        assert error["code"] == code
        assert field in error["message"]
        worker.stream = f"wrong-{event}-{field}"
        worker.init()  # the connection is as good as before


def test_fragments_that_are_no_audio(echo):
    with Worker(echo.url, stream="no-audio") as worker:
        worker.init()
        bad = fragment("no-audio", 0, b"")
        bad["audio"]["data_base64"] = "not base64!"
        worker.send("fragment:data", bad, check=False)
        assert worker.wait_for("error")["code"] == "INVALID_AUDIO"
        worker.submit(1, os.urandom(10 * 1024 * 1024 + 1))
        assert worker.wait_for("error", 2)[1]["code"] == "FRAGMENT_TOO_LARGE"
        worker.submit(2, b"fine")  # the two before it are not waited for
        assert worker.wait_for("fragment:processed")["sequence_number"] == 2


def test_another_worker_does_not_take_the_stream(echo):
    """Whoever knows a stream's id cannot silence it; once its connection is gone, it is free."""
    with Worker(echo.url, stream="owned") as other:
        with Worker(echo.url, stream="owned") as owner:
            owner.init()
            other.init(wait=False, worker_id="somebody-else")
            refused = other.wait_for("error")
            assert (refused["code"], refused["retryable"]) == ("STREAM_IN_USE", True)
            assert "pytest" not in refused["message"]  # whose it is, is nobody's business: that is the key to it
            owner.submit(0, b"still here")
            assert dubbed(owner.wait_for("fragment:processed")) == b"still here"
            assert not owner.of("error")

        def is_free():
            other.init(wait=False, worker_id="somebody-else")
            return other.of("stream:ready")

        wait_for(is_free, 10, "the stream")


def test_newer_connection_takes_the_stream(echo):
    with Worker(echo.url, stream="twice") as older, Worker(echo.url, "/sts", stream="twice") as newer:
        older.init()
        newer.init()
        assert older.wait_for("error")["code"] == "STREAM_NOT_FOUND"
        assert older.wait_disconnected() == "server disconnect"
        newer.submit(0, b"mine")
        assert dubbed(newer.wait_for("fragment:processed")) == b"mine"


def test_namespaces_of_one_connection_are_apart(echo):
    client, ended = socketio.Client(reconnection=False), []
    for namespace in ("/", "/sts"):
        client.on("disconnect", lambda reason, namespace=namespace: ended.append(namespace), namespace=namespace)
    client.connect(echo.url, namespaces=["/", "/sts"], transports=["websocket"])
    client.emit("stream:init", {"stream_id": "left", "worker_id": "w"}, namespace="/")
    client.emit("stream:end", {"stream_id": "left"}, namespace="/")
    wait_for(lambda: ended, 10, "the end of one")
    assert ended == ["/"]
    ready = []
    client.on("stream:ready", ready.append, namespace="/sts")
    client.emit("stream:init", {"stream_id": "right", "worker_id": "w"}, namespace="/sts")
    wait_for(lambda: ready, 10, "the other's stream:ready")
    client.disconnect()


def test_streams_are_limited(serve):
    service = serve(MAX_CONCURRENT_SESSIONS=1, AUTO_DISCONNECT_DELAY=60)
    with Worker(service.url, stream="one") as one, Worker(service.url, stream="two") as two:
        one.init()
        two.init(wait=False)
        assert two.wait_for("error")["code"] == "RATE_LIMIT_EXCEEDED"
        one.end()
        two.init()  # the place is free as soon as the stream is complete


def test_a_key_is_asked_for(serve):
    service = serve(STS_API_KEY="s3cret")
    with Worker(service.url, auth={"token": "s3cret"}) as worker:
        worker.init()
    for auth in (None, {}, {"token": "wrong"}, {"token": 5}):
        client, reasons = socketio.Client(reconnection=False), []
        client.on("connect_error", reasons.append)
        with pytest.raises(Refused):
            client.connect(service.url, transports=["websocket"], auth=auth)
        assert [(r["message"], r["data"]["code"], r["data"]["severity"]) for r in reasons] == [("AUTH_FAILED", "AUTH_FAILED", "fatal")]
    assert service.metrics().value("sts_connections_total", status="refused") == 4
    assert "s3cret" not in service.output()


def test_health_and_metrics(serve):
    service = serve()
    health = service.get("/health").json()
    assert (health["status"], health["mode"]) == ("healthy", "echo")
    assert service.get("/health/ready").status_code == 200
    assert service.get("/nothing").status_code == 404
    assert requests.post(service.url + "/health", timeout=5).status_code == 405
    with Worker(service.url, stream='quo"te') as worker:
        worker.init()
        assert service.metrics().value("sts_active_streams") == 1
        worker.submit(0, b"x")
        worker.wait_for("fragment:processed")
        metrics = service.metrics()
        assert metrics.value("sts_fragment_processing_seconds_count") == 1
        assert metrics.value("sts_queue_depth", stream_id='quo"te') == 0
        assert metrics.value("sts_connections_total", status="accepted") == 1
        worker.end()
    wait_for(lambda: service.metrics().value("sts_active_streams") == 0, 5, "no streams")
    assert service.metrics().find("sts_queue_depth") == []


METRICS = {  # name: type, labels
    "sts_fragment_processing_seconds": ("histogram", set()),
    "sts_asr_duration_seconds": ("histogram", set()),
    "sts_translation_duration_seconds": ("histogram", set()),
    "sts_tts_duration_seconds": ("histogram", set()),
    "sts_fragments_in_flight": ("gauge", set()),
    "sts_fragment_errors_total": ("counter", {"stage", "error_code"}),
    "sts_active_streams": ("gauge", set()),
    "sts_connections_total": ("counter", {"status"}),
    "sts_queue_depth": ("gauge", {"stream_id"}),
    "sts_engine_fragments_total": ("counter", {"stage", "engine"}),
    "sts_loop_lag_seconds": ("histogram", set()),
    "sts_monitor_listeners": ("gauge", set()),
    "sts_monitor_lost_events_total": ("counter", set()),
}


def test_every_metric_by_name(serve):
    service = serve()
    prometheus.check(service.url)  # before there is anything to count
    with Worker(service.url, stream='quo"te\\') as worker:
        worker.init()
        worker.send("config:error_simulation", {"enabled": True, "rules": [
            {"trigger": "nth_fragment", "value": 2, "error_code": "GPU_OOM", "stage": "tts"}]})
        worker.submit(0, b"x")
        worker.submit(1, b"x")
        worker.wait_for("fragment:processed", 2)
        metrics = prometheus.check(service.url)
        assert metrics.types == {name: kind for name, (kind, _) in METRICS.items()}
        for name, (kind, labels) in METRICS.items():
            suffix, extra = ("_bucket", {"le"}) if kind == "histogram" else ("", set())
            samples = metrics.find(name + suffix)
            assert samples, name
            assert {frozenset(s.labels) for s in samples} == {frozenset(labels | extra)}, name
        assert metrics.value("sts_fragment_errors_total", stage="tts", error_code="GPU_OOM") == 1
        worker.end()
    prometheus.check(service.url)


def test_every_protocol_schema_is_a_schema():
    from support.sts_worker import PROTOCOL
    names = [path.stem for path in PROTOCOL.glob("*.json")]
    assert len(names) == 16
    for name in names:
        validator(name).check_schema(validator(name).schema)


# ── The process ──


def sts(*arguments, **env):
    return run([programs.path_of("sts-service"), *arguments], env={"STS_MODE": "echo", **env}, timeout_s=30)


def test_help_and_version():
    shown = sts("--help").stdout
    for name in ("PORT, STS_PORT", "ECHO_PROCESSING_DELAY_MS", "MAX_CONCURRENT_SESSIONS", "STS_API_KEY", "LOG_FORMAT"):
        assert name in shown
    assert sts("--version").stdout.startswith("sts-service ")
    assert sts("--loud").returncode == 2


@pytest.mark.parametrize("env, message", [
    ({"PORT": "70000"}, "PORT: 70000 is not within 0 and 65535"),
    ({"STS_MODE": "loud"}, "STS_MODE: loud is not one of full, echo"),
    ({"BACKPRESSURE_THRESHOLD_HIGH": "0.1"}, "BACKPRESSURE_THRESHOLD_LOW, _MEDIUM and _HIGH must rise"),
])
def test_bad_settings(env, message):
    done = sts(**env)
    assert (done.returncode, done.stderr) == (2, f"sts-service: {message}\n")


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = sts(HOST="127.0.0.1", PORT=str(port))
    assert done.returncode == 7
    assert done.stderr == f"sts-service: port {port} is in use by another program; choose another with PORT\n"


TRACES = [f"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b{n}-01" for n in range(3)]


def test_json_log(serve):
    """Each line is an object; each that concerns a fragment has its ids and its trace, or its stream's."""
    service = serve(LOG_FORMAT="json", LOG_LEVEL="DEBUG")
    sent = {}
    with Worker(service.url, stream="logged\nin two lines") as worker:
        worker.init(metadata={"traceparent": TRACES[0]})
        for number, trace in enumerate([TRACES[1], None, "00-not-a-trace-01", TRACES[2]]):
            payload = fragment(worker.stream, number, b"x")
            payload["metadata"] = {"traceparent": trace} if trace else {}
            sent[payload["fragment_id"]] = trace if trace in TRACES else TRACES[0]
            worker.send("fragment:data", payload)
        worker.wait_for("fragment:processed", 4)
        worker.submit(99, b"beyond the window", fragment_id="refused-one")
        worker.wait_for("error")
        worker.send("stream:sing", {}, check=False)
        worker.end()
        worker.wait_disconnected()
    service.wait_for_line('"message":"disconnected"')
    lines = [json.loads(line) for line in service.output().splitlines()]
    assert {line["program"] for line in lines} == {"sts-service"}
    for fragment_id, trace in sent.items():
        about = [line for line in lines if line.get("fragment_id") == fragment_id]
        assert [line["message"] for line in about] == ["fragment taken", "fragment answered"]
        assert {(line["stream_id"], line["traceparent"]) for line in about} == {(worker.stream, trace)}
    [refused] = [line for line in lines if line["message"] == "refused"]
    assert (refused["fragment_id"], refused["code"], refused["stream_id"]) == ("refused-one", "INVALID_SEQUENCE", worker.stream)
    for message in ("stream opens", "active", "an event that is not of the protocol", "ending", "stream complete", "complete"):
        assert {line["stream_id"] for line in lines if line["message"] == message} == {worker.stream}, message
    assert "not-a-trace" not in service.output()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secrets_are_not_logged(serve, log_format):
    """Neither ours nor those that clients send, wrong ones included, nor settings of other services; at any level."""
    service = serve(LOG_FORMAT=log_format, LOG_LEVEL="DEBUG", STS_API_KEY="our-s3cret", DEEPL_AUTH_KEY="deepl-s3cret:fx",
                    OPENAI_API_KEY="openai-s3cret", LIBRETRANSLATE_API_KEY="libre-s3cret")
    headers = {"Authorization": "Bearer header-s3cret", "Cookie": "session=cookie-s3cret"}
    with Worker(service.url, auth={"token": "our-s3cret"}) as worker:
        worker.init()
        worker.send("stream:init", {"stream_id": "s1", "worker_id": "w", "token": "again-s3cret"}, check=False)
        worker.wait_for("error")
        worker.send("login-s3cret", {"token": "event-s3cret"}, check=False)
        worker.submit(0, b"x")
        worker.wait_for("fragment:processed")
    for token in ("wrong-s3cret", "our-s3cre", "our-s3cret ", "\x1b[1mour-s3cret", "x" * 2000 + "s3cret"):
        client = socketio.Client(reconnection=False)
        with pytest.raises(Refused):
            client.connect(service.url, transports=["websocket"], auth={"token": token}, headers=headers)
        client.disconnect()
    requests.get(service.url + "/socket.io/?EIO=4&transport=polling&token=query-s3cret", headers=headers, timeout=5)
    requests.get(service.url + "/health?key=health-s3cret", timeout=5)
    requests.get(service.url + "/path-s3cret", timeout=5)
    assert service.metrics().value("sts_connections_total", status="refused") == 5
    assert service.stop() == 0
    shown = [line for line in service.output().splitlines() if "s3cret" in line.replace("login-s3cret", "")]
    assert shown == []
    assert "AUTH_FAILED" in service.output()  # the refusals themselves are there


def test_sigterm_answers_what_is_out_first(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="500")
    with Worker(service.url) as worker:
        worker.init()
        worker.submit(0, b"in flight")
        worker.wait_for("fragment:ack")
        service.signal(signal.SIGTERM)
        assert dubbed(worker.wait_for("fragment:processed")) == b"in flight"
        assert worker.wait_for("stream:complete")["total_fragments"] == 1
        worker.wait_disconnected()
    assert service.wait(10) == 0


def test_sigterm_does_not_wait_for_ever(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="60000", SHUTDOWN_TIMEOUT="0.2")
    with Worker(service.url) as worker:
        worker.init()
        worker.submit(0, b"never done")
        worker.wait_for("fragment:ack")
        service.signal(signal.SIGTERM)
        assert service.wait(10) == 0


def test_dies_with_its_parent(tmp_path, until_end):
    code = ("import os, subprocess, sys; p = subprocess.Popen([sys.argv[1]], env={**os.environ, 'STS_MODE': 'echo', "
            "'PORT': '0', 'HOST': '127.0.0.1', 'AIRDUB_SUPERVISED': '1'}); print('pid', p.pid, flush=True); p.wait()")
    parent = until_end(Program([sys.executable, "-c", code, programs.path_of("sts-service")], log=tmp_path / "parent.log"))
    child = int(parent.wait_for_line(r"^pid (\d+)").group(1))
    parent.wait_for_line("listening on")
    parent.signal(signal.SIGKILL)

    def is_gone():
        try:
            state = open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"  # whoever inherited it has not looked yet

    wait_for(is_gone, 10, "the child's end")


def test_disconnect_in_the_middle_leaves_nothing(serve):
    service = serve(ECHO_PROCESSING_DELAY_MS="60000")
    before = service.open_files()
    for number in range(20):
        with Worker(service.url, stream=f"gone-{number}") as worker:
            worker.init()
            worker.submit(0, os.urandom(10_000))
            worker.wait_for("fragment:ack")
    wait_for(lambda: service.metrics().value("sts_fragments_in_flight") == 0, 5, "nothing in flight")
    wait_for(lambda: service.metrics().value("sts_active_streams") == 0, 5, "no streams")
    wait_for(lambda: service.open_files() <= before + 2, 5, "no files left open")
