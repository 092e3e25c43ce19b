"""sts_monitor: what all connections of an sts-service say to each other, from its namespace /monitor."""

import threading
import time

import socketio

NAMESPACE = "/monitor"
EVENTS = ("stream:init", "stream:ready", "fragment:data", "fragment:ack", "fragment:processed", "backpressure", "error", "stream:complete")


class StsMonitor:
    """Connects at once, and again when the service has been restarted; use it as a context manager.

    audio: with data_base64 itself; otherwise it is replaced by its length."""

    def __init__(self, url, token=None, audio=False):
        self.events = []  # (name, payload), in the order they came
        self._changed = threading.Condition()
        self.client = socketio.Client(reconnection=True, reconnection_delay=0.5, reconnection_delay_max=2)
        for name in EVENTS:
            self.client.on(name, lambda payload=None, name=name: self._keep(name, payload), namespace=NAMESPACE)
        auth = {"audio": audio, **({"token": token} if token else {})}
        self.client.connect(url, namespaces=[NAMESPACE], auth=auth, transports=["websocket"], wait_timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.client.shutdown()

    def _keep(self, name, payload):
        with self._changed:
            self.events.append((name, payload))
            self._changed.notify_all()

    def of(self, name, stream=None, since=0):
        """Payloads of that event: of all streams or of one, all of them or those at least as late as `since` (unix ms)."""
        with self._changed:
            return [p for kind, p in self.events
                    if kind == name and stream in (None, p.get("stream_id")) and p.get("at", 0) >= since]

    def processed(self, stream, since=0):
        return self.of("fragment:processed", stream, since)

    def wait_for(self, name, stream=None, count=1, timeout_s=60, since=0):
        """The first `count` of them; AssertionError that tells what came instead."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = [p for kind, p in self.events
                         if kind == name and stream in (None, p.get("stream_id")) and p.get("at", 0) >= since]
                if len(found) >= count:
                    return found[:count]
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    came = {}
                    for kind, _ in self.events:
                        came[kind] = came.get(kind, 0) + 1
                    raise AssertionError(f"{count} {name} of {stream or 'any stream'}: {len(found)} within {timeout_s:g} s; came: {came}")


def has_audio(answer):
    """Whether a fragment:processed carries sound: its length, or itself."""
    data = (answer.get("dubbed_audio") or {}).get("data_base64") or 0
    return (data if isinstance(data, int) else len(data)) > 0
