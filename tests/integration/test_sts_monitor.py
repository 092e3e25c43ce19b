"""sts-service's namespace /monitor: everybody's events, as they were sent, to whoever may listen; and never at a stream's cost."""

import base64
import json
import os
import threading
import time

import pytest
import socketio
from socketio.exceptions import ConnectionError as Refused

from conformance.peers import open_websocket
from support import programs
from support.net import wait_for
from support.sts_monitor import NAMESPACE, StsMonitor
from support.sts_worker import Worker, fragment

MAX_WAITING_BYTES = 8 * 1024 * 1024  # as sts/monitor.h has it
MAX_LISTENERS = 16


@pytest.fixture
def serve(tmp_path, until_end):
    """serve(SETTING=…): an sts-service in echo mode that may be listened to."""
    def start(**env):
        return until_end(programs.sts_service(log=tmp_path / "sts.log", **{"STS_MODE": "echo", "STS_MONITOR": 1, **env}))
    return start


@pytest.fixture
def listen(until_end):
    """listen(service, …): a StsMonitor that ends with the test."""
    return lambda service, **more: until_end(StsMonitor(service.url, **more))


def refusal(url, auth=None):
    """What the CONNECT of a listener is refused with."""
    client, told = socketio.Client(reconnection=False), []
    client.on("connect_error", told.append, namespace=NAMESPACE)
    with pytest.raises(Refused):
        client.connect(url, namespaces=[NAMESPACE], transports=["websocket"], auth=auth, wait_timeout=30)
    client.disconnect()
    return told[0]["message"]


@pytest.mark.parametrize("value", [None, "0"])
def test_off_unless_asked_for(tmp_path, until_end, value):
    env = {} if value is None else {"STS_MONITOR": value}
    service = until_end(programs.sts_service(log=tmp_path / "sts.log", STS_MODE="echo", **env))
    assert "Invalid namespace" in refusal(service.url)


def stream_of_everything(service, audio=b"sound"):
    """A worker's stream with an answer, an error, backpressure and an end. Returns the worker with what it saw."""
    with Worker(service.url, stream="watched") as worker:
        worker.init(max_inflight=2)
        worker.sent = [fragment("watched", number, audio) for number in range(2)]
        for payload in worker.sent:
            worker.send("fragment:data", payload)
        worker.wait_for("fragment:processed", 2)
        worker.send("fragment:ack", {"fragment_id": worker.sent[0]["fragment_id"], "status": "applied", "timestamp": 1})
        worker.submit(99, b"beyond the window")
        worker.wait_for("error")
        worker.end()
    return worker


def without(payload, *names):
    return {key: value for key, value in payload.items() if key not in names}


@pytest.mark.parametrize("audio", [False, True])
def test_tells_what_was_sent(serve, listen, audio):
    service = serve(ECHO_PROCESSING_DELAY_MS=50)
    monitor = listen(service, audio=audio)
    began_ms = time.time() * 1000
    worker = stream_of_everything(service)
    monitor.wait_for("stream:complete")
    from_service = [(name, without(payload, "at")) for name, payload in monitor.events]
    session = monitor.wait_for("stream:ready")["session_id"]
    assert {payload["session_id"] for _, payload in monitor.events} == {session}
    assert all(began_ms - 1 <= payload["at"] <= time.time() * 1000 + 1 for _, payload in monitor.events)
    text = base64.b64encode(b"sound").decode()
    shown = text if audio else len(text)
    for payload in worker.sent:
        expected = {**payload, "session_id": session, "audio": {**payload["audio"], "data_base64": shown}}
        assert ("fragment:data", expected) in from_service
    for name, payload in worker.events:
        expected = {**payload, "session_id": session}
        if name == "fragment:processed":
            expected["dubbed_audio"] = {**payload["dubbed_audio"], "data_base64": shown}
        assert (name, expected) in from_service
    names = [name for name, _ in monitor.events]
    assert names[:3] == ["stream:init", "stream:ready", "fragment:data"] and names[-1] == "stream:complete"
    assert names.count("fragment:data") == 3 and names.count("fragment:ack") == 3 and names.count("backpressure") >= 1
    assert monitor.of("fragment:ack", "watched") == monitor.of("fragment:ack")
    assert service.metrics().value("sts_monitor_lost_events_total") == monitor.lost == 0


def test_tells_of_both_namespaces_and_all_connections(serve, listen):
    service = serve()
    monitor = listen(service)
    with Worker(service.url, "/", stream="one") as one, Worker(service.url, "/sts", stream="two") as two:
        for worker in (one, two):
            worker.init()
            worker.submit(0, b"x")
            worker.end()
    assert monitor.wait_for("stream:complete", 2)
    assert {e["stream_id"] for e in monitor.of("fragment:processed")} == {"one", "two"}
    assert len({e["session_id"] for e in monitor.of("stream:init")}) == 2


@pytest.mark.parametrize("env, good, bad", [
    ({"STS_MONITOR_TOKEN": "listeners"}, "listeners", "workers"),
    ({"STS_MONITOR_TOKEN": "listeners", "STS_API_KEY": "workers"}, "listeners", "workers"),
    ({"STS_API_KEY": "workers"}, "workers", "listeners"),
], ids=["own-token", "own-token-and-key", "key"])
def test_token(serve, listen, env, good, bad):
    service = serve(**env)
    assert refusal(service.url) == "AUTH_FAILED"
    assert refusal(service.url, {"token": bad}) == "AUTH_FAILED"
    assert service.metrics().value("sts_connections_total", status="refused") == 2
    listen(service, token=good)
    assert service.metrics().value("sts_monitor_listeners") == 1


def test_what_a_listener_sends_has_no_effect(serve, listen):
    service = serve()
    monitor = listen(service)
    for event, payload in (("stream:init", {"stream_id": "s", "worker_id": "w"}), ("fragment:data", fragment("s", 0, b"x")),
                           ("stream:end", {"stream_id": "watched"}), ("config:error_simulation", {"enabled": False})):
        monitor.client.emit(event, payload, namespace=NAMESPACE)
    worker = stream_of_everything(service)
    monitor.wait_for("stream:complete")
    assert {e.get("stream_id", "watched") for _, e in monitor.events} == {"watched"}
    assert worker.of("stream:complete")[0]["total_fragments"] == 2
    assert service.get("/health").json()["active_streams"] == 0


def test_listeners_are_counted_and_bounded(serve, listen):
    service = serve()
    listeners = [listen(service) for _ in range(MAX_LISTENERS)]
    assert "RATE_LIMIT_EXCEEDED" in refusal(service.url)
    listeners[0].stop()
    wait_for(lambda: service.metrics().value("sts_monitor_listeners") == MAX_LISTENERS - 1, 10, "one listener less")
    listen(service)


def test_event_that_is_too_large_is_told_to_nobody(serve, listen):
    """A worker cannot fill a dashboard with what it puts beside the audio."""
    service = serve()
    monitor = listen(service)
    with Worker(service.url) as worker:
        worker.init()
        payload = fragment(worker.stream, 0, b"x")
        worker.send("fragment:data", {**payload, "metadata": {"junk": ["j" * 100] * 10_000}})
        worker.wait_for("fragment:processed")
        worker.end()
    monitor.wait_for("stream:complete")
    assert monitor.of("fragment:data") == [] and monitor.lost == 1
    assert service.metrics().value("sts_monitor_lost_events_total") == 1


def deaf_listener(service):
    """A raw WebSocket that has asked for everything with its audio, and reads nothing more."""
    ws = open_websocket(service, "/socket.io/", timeout_s=60)
    ws.send_text("40" + NAMESPACE + "," + json.dumps({"audio": True}))
    assert ws.receive_message().startswith("40" + NAMESPACE)
    return ws


class Reader(threading.Thread):
    """Takes what waits for the listener from now on: (name, payload)."""

    def __init__(self, ws):
        super().__init__(daemon=True)
        self.ws, self.events = ws, []
        self.start()

    def run(self):
        prefix = "42" + NAMESPACE + ","
        while True:
            try:
                message = self.ws.receive_message()
            except (ConnectionError, OSError):
                return
            if message.startswith(prefix):
                self.events.append(tuple(json.loads(message[len(prefix):])))

    def told(self):
        return sum(payload["count"] for name, payload in list(self.events) if name == "monitor:lost")


def test_listener_that_never_reads_loses_events_and_slows_nobody(serve, listen):
    """120 MB of events go past it: the stream is answered as before, memory stays within the bound, and what was lost is told.

    In the end the heartbeat ends a listener that does not read; here it is given the time."""
    service = serve(WS_PING_TIMEOUT=600)
    sound = os.urandom(1_000_000)
    reading = listen(service)
    with Worker(service.url, stream="busy") as worker:
        worker.init()
        worker.submit(0, sound)
        worker.wait_for("fragment:processed")
        before_kb = service.rss_kb()
        deaf = deaf_listener(service)
        for number in range(1, 46):
            worker.submit(number, sound)
            worker.wait_for("fragment:processed", number + 1)
        lost = service.metrics().value("sts_monitor_lost_events_total")
        grown_kb = service.rss_kb() - before_kb
        assert worker.disconnected is None and worker.of("error") == []
        assert max(e["processing_time_ms"] for e in worker.of("fragment:processed")) < 2000
        # one message of the largest kind more than the bound, and what is being read and written meanwhile
        assert grown_kb * 1024 < MAX_WAITING_BYTES + 24 * 1024 * 1024
        reader, answered = Reader(deaf), 46

        def has_been_told():
            nonlocal answered
            worker.submit(answered, b"x")
            answered += 1
            worker.wait_for("fragment:processed", answered)
            return reader.told() > 0

        wait_for(has_been_told, 60, "the listener's return")
        last = worker.submit(answered, b"x")
        worker.wait_for("fragment:processed", answered + 1)
        wait_for(lambda: any(e.get("fragment_id") == last for name, e in list(reader.events) if name == "fragment:processed"), 30,
                 "an event of now")
    assert lost > 45
    assert reader.told() == service.metrics().value("sts_monitor_lost_events_total") >= lost
    reading.wait_for("fragment:processed", answered + 1)
    assert reading.lost == 0  # nobody else loses anything
    deaf.close()
