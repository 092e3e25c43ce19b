"""One broadcast through a whole system in containers, and everything that is known of it afterwards."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from e2e.helpers import stream_analyzer, stream_publisher
from support import media
from support.net import wait_for

log = logging.getLogger("e2e")

SEGMENT_S = 6


@dataclass
class Broadcast:
    """Times are in seconds from the start of publishing; events are those of the stream, as the monitor saw them."""

    stream: str
    clip: Path
    expected: int  # fragments: what the length gives at the nominal 6 s
    out: Path = None
    active_s: float = None  # until the media server has the stream
    worker_s: float = None  # until media-service's metrics show its worker
    first_fragment_s: float = None  # until the first fragment:data
    connected_s: float = None  # from active until stream:init
    out_s: float = None  # until the output is published
    total_s: float = None
    live_info: object = None  # StreamInfo, while it ran
    worst_av_delta_ms: float = 0  # of the metric, while it ran
    events: dict = field(default_factory=dict)
    metrics: object = None

    @property
    def answers(self):
        return self.events["fragment:processed"]

    def texts(self, key):
        return [answer.get(key) or "" for answer in self.answers]


def broadcast(environment, clip, stream, folder, limit_s):
    """Publishes the clip, follows it to its end, and returns a Broadcast; AssertionError with what was missing."""
    length_s = media.duration_s(clip, "video")
    got = Broadcast(stream, Path(clip), round(length_s / SEGMENT_S))
    # An earlier test's stream plays to its end, and sts-service may refuse a second one meanwhile.
    wait_for(lambda: not environment.streams(), 60, "the end of earlier streams", interval_s=0.5)
    recording = environment.record(stream, folder)
    began, began_ms = time.monotonic(), time.time() * 1000
    try:
        with environment.monitor() as monitor, stream_publisher.publish(environment, clip, stream, folder) as publisher:
            _follow(environment, monitor, publisher, got, began, limit_s)
            _keep_events(monitor, got, began_ms)
        got.out = recording.finish()
    finally:
        recording.stop()
    got.total_s = time.monotonic() - began
    log.info("stream %s: %d answers, %.0f s in all", stream, len(got.answers), got.total_s)
    return got


def _follow(environment, monitor, publisher, got, began, limit_s):
    def seconds():
        return time.monotonic() - began

    got.active_s = seconds()
    wait_for(lambda: environment.metrics(got.stream).has_worker, 15, f"a worker of {got.stream} in the metrics")
    got.worker_s = seconds()
    monitor.wait_for("stream:init", stream=got.stream, timeout_s=15)
    wait_for(lambda: environment.has_path(f"live/{got.stream}/out"), 60, f"live/{got.stream}/out")
    got.out_s = seconds()
    got.live_info = stream_analyzer.probe_live(environment.play_url(got.stream))
    status = publisher.wait(limit_s - seconds())
    assert status == 0, publisher.tail()
    _until_over(environment, got, limit_s - seconds())


def _until_over(environment, got, timeout_s):
    """The metrics are read as long as the stream runs: the worst sync counts, and the last scrape has the totals."""
    def over():
        got.metrics = environment.metrics(got.stream)
        got.worst_av_delta_ms = max(got.worst_av_delta_ms, got.metrics.av_sync_delta_ms)
        return not environment.has_path(f"live/{got.stream}/out")

    wait_for(over, timeout_s, f"the end of live/{got.stream}/out", interval_s=0.5)


def _keep_events(monitor, got, began_ms):
    monitor.wait_for("stream:complete", stream=got.stream, timeout_s=15)
    for name in ("stream:init", "stream:ready", "fragment:data", "fragment:processed", "backpressure", "error", "stream:complete"):
        got.events[name] = monitor.of(name, got.stream)
    got.connected_s = got.events["stream:init"][0]["at"] / 1000 - began_ms / 1000 - got.active_s
    got.first_fragment_s = (got.events["fragment:data"][0]["at"] - began_ms) / 1000
    for answer in got.answers:
        log.info("stream %s: fragment %d: %r -> %r, %d ms", got.stream, answer["sequence_number"], answer.get("transcript"),
                 answer.get("translated_text"), answer["processing_time_ms"])
