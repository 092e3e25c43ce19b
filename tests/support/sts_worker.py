"""A worker as python-socketio's users write it, which checks every event it gets against docs/protocol/."""

import base64
import json
import threading
import time
import uuid
from pathlib import Path

import jsonschema
import socketio

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol"

SENT_BY_STS = {
    "stream:ready": "stream-ready", "fragment:ack": "fragment-ack", "fragment:processed": "fragment-processed",
    "backpressure": "backpressure", "stream:complete": "stream-complete", "error": "error",
    "config:error_simulation:ack": "error-simulation-ack", "simulate:disconnect:ack": "disconnect-ack",
}
SENT_BY_WORKER = {
    "stream:init": "stream-init", "fragment:data": "fragment-data", "fragment:ack": "fragment-receipt",
    "stream:pause": "stream-pause", "stream:resume": "stream-resume", "stream:end": "stream-end",
    "config:error_simulation": "error-simulation", "simulate:disconnect": "disconnect-simulation",
}

WAIT_S = 100  # an upper bound on a busy machine, never a delay


def validator(name):
    return jsonschema.Draft202012Validator(json.loads((PROTOCOL / f"{name}.json").read_text()))


VALIDATORS = {name: validator(name) for name in {*SENT_BY_STS.values(), *SENT_BY_WORKER.values()}}


def fragment(stream, number, audio, fragment_id=None, **audio_fields):
    """A fragment:data payload."""
    return {
        "fragment_id": fragment_id or str(uuid.uuid4()), "stream_id": stream, "sequence_number": number,
        "timestamp": int(time.time() * 1000),
        "audio": {"format": "m4a", "sample_rate_hz": 48000, "channels": 2, "duration_ms": 6000,
                  "data_base64": base64.b64encode(audio).decode(), **audio_fields},
    }


def dubbed(answer):
    """The bytes of an answer's audio."""
    return base64.b64decode(answer["dubbed_audio"]["data_base64"], validate=True)


class Worker:
    """Connects at once; use it as a context manager. Events are kept in the order they came."""

    def __init__(self, url, namespace="/", stream="s1", path="socket.io", transports=("websocket",), auth=None):
        self.stream = stream
        self.namespace = namespace
        self.events = []  # (name, payload)
        self.invalid = []
        self.disconnected = None  # the reason
        self._changed = threading.Condition()
        self.client = socketio.Client(reconnection=False)
        for name in SENT_BY_STS:
            self.client.on(name, lambda payload=None, name=name: self._keep(name, payload), namespace=namespace)
        self.client.on("disconnect", self._on_disconnect, namespace=namespace)
        self.client.connect(url, namespaces=[namespace], socketio_path=path, transports=list(transports), auth=auth,
                            headers={"X-Stream-ID": stream, "X-Worker-ID": "pytest"}, wait_timeout=WAIT_S)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.client.disconnect()
        if kind is None:
            assert self.invalid == []

    def _keep(self, name, payload):
        problems = [f"{name}: {e.json_path}: {e.message}" for e in VALIDATORS[SENT_BY_STS[name]].iter_errors(payload)]
        with self._changed:
            self.events.append((name, payload))
            self.invalid += problems
            self._changed.notify_all()

    def _on_disconnect(self, reason=None):
        with self._changed:
            self.disconnected = reason or "?"
            self._changed.notify_all()

    def send(self, event, payload, check=True):
        if check:
            VALIDATORS[SENT_BY_WORKER[event]].validate(payload)
        self.client.emit(event, payload, namespace=self.namespace)

    def wait(self, condition, what, timeout_s=WAIT_S):
        with self._changed:
            if not self._changed.wait_for(condition, timeout_s):
                raise AssertionError(f"{what}: not within {timeout_s} s; came: {[name for name, _ in self.events]}")

    def of(self, name):
        return [payload for kind, payload in self.events if kind == name]

    def wait_for(self, name, count=1):
        """The first `count` events of that name, as a list; with one alone, it."""
        self.wait(lambda: len(self.of(name)) >= count, f"{count} {name}")
        return self.of(name)[0] if count == 1 else self.of(name)[:count]

    def wait_disconnected(self):
        self.wait(lambda: self.disconnected, "disconnect")
        return self.disconnected

    def init(self, wait=True, **more):
        config = more.pop("config", {})
        self.send("stream:init", {"stream_id": self.stream, "worker_id": "pytest", "config": config, **more}, check=False)
        return self.wait_for("stream:ready", len(self.of("stream:ready")) + 1) if wait else None

    def submit(self, number, audio, fragment_id=None, **audio_fields):
        """Returns the fragment's id."""
        payload = fragment(self.stream, number, audio, fragment_id, **audio_fields)
        self.send("fragment:data", payload)
        return payload["fragment_id"]

    def control(self, what):
        self.send(f"stream:{what}", {"stream_id": self.stream})

    def end(self):
        self.control("end")
        return self.wait_for("stream:complete")
