"""A listener at sts-service's namespace /monitor: it sees what all workers and the service say to each other."""

import threading

import socketio

EVENTS = ("stream:init", "stream:ready", "fragment:data", "fragment:ack", "fragment:processed", "backpressure", "error",
          "stream:complete")
NAMESPACE = "/monitor"

WAIT_S = 100  # an upper bound on a busy machine, never a delay


class StsMonitor:
    """Listens at once; use it as a context manager. The service must run with STS_MONITOR=1.

    events: (name, payload) in the order they came; lost: how many events it was told that it did not get."""

    def __init__(self, url, token=None, audio=False):
        self.events = []
        self.lost = 0
        self._changed = threading.Condition(threading.RLock())
        self.client = socketio.Client(reconnection=False)
        for name in EVENTS:
            self.client.on(name, lambda payload=None, name=name: self._keep(name, payload), namespace=NAMESPACE)
        self.client.on("monitor:lost", self._lose, namespace=NAMESPACE)
        auth = {**({"token": token} if token else {}), **({"audio": True} if audio else {})}
        self.client.connect(url, namespaces=[NAMESPACE], transports=["websocket"], auth=auth or None, wait_timeout=WAIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.client.disconnect()

    def _keep(self, name, payload):
        with self._changed:
            self.events.append((name, payload))
            self._changed.notify_all()

    def _lose(self, payload):
        with self._changed:
            self.lost += payload["count"]
            self._changed.notify_all()

    def of(self, name, stream=None):
        """The payloads of one kind, of one stream or of all. Acks name no stream, so a stream's are found by its fragments."""
        with self._changed:
            events = list(self.events)
        fragments = {e["fragment_id"] for kind, e in events if kind == "fragment:data" and e.get("stream_id") == stream}
        return [e for kind, e in events if kind == name and
                (stream is None or e.get("stream_id", stream if e.get("fragment_id") in fragments else None) == stream)]

    def wait(self, condition, what, timeout_s=WAIT_S):
        """Returns once condition() holds; it is asked after each event."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout_s):
                raise AssertionError(f"{what}: not within {timeout_s} s; came: {[name for name, _ in self.events]}")

    def wait_for(self, name, count=1, stream=None, timeout_s=WAIT_S):
        """The first `count` payloads of that name, as a list; with one alone, it."""
        self.wait(lambda: len(self.of(name, stream)) >= count, f"{count} {name}", timeout_s)
        found = self.of(name, stream)[:count]
        return found[0] if count == 1 else found
