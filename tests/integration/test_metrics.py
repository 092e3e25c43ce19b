"""What both services say at /metrics, judged by Prometheus' own tool, while a stream runs and when it is over."""

import signal
import threading
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from support import programs, prometheus, rtmp
from support.net import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]

MEDIA = {  # name without its prefix: type, labels beside stream_id
    "info_info": ("gauge", None), "segments_processed_total": ("counter", {"type"}),
    "segments_bytes_total": ("counter", {"type"}), "sts_fragments_sent_total": ("counter", set()),
    "sts_fragments_processed_total": ("counter", {"status"}), "sts_processing_latency_seconds": ("histogram", set()),
    "sts_inflight_fragments": ("gauge", set()), "circuit_breaker_state": ("gauge", set()),
    "av_sync_delta_ms": ("gauge", set()), "av_buffer_video_size": ("gauge", set()), "av_buffer_audio_size": ("gauge", set()),
    "pipeline_state": ("gauge", {"pipeline"}),
}


def test_promtool_has_nothing_to_say(tmp_path, until_end, short):
    sts = until_end(programs.sts_service(log=tmp_path / "sts.log", STS_MODE="echo"))
    media = until_end(programs.MediaService(sts.url, tmp_path / "segments", tmp_path / "media.log"))
    prometheus.check(media.url)
    prometheus.check(sts.url)
    publisher = until_end(rtmp.publish(short, f"{media.rtmp_url()}/live/seen/in", tmp_path / "publisher.log"))
    answered = "media_service_worker_sts_fragments_processed_total"
    wait_for(lambda: media.metrics().value(answered, 0, stream_id="seen") >= 1, 40, "a fragment that is answered")
    metrics = prometheus.check(media.url)
    assert prometheus.check(sts.url).value("sts_fragment_processing_seconds_count") >= 1
    for short_name, (kind, labels) in MEDIA.items():
        name = f"media_service_worker_{short_name}"
        assert metrics.types.get(name) == kind, name
        samples = metrics.find(name + ("_bucket" if kind == "histogram" else ""), stream_id="seen")
        assert samples, name
        if labels is not None:
            assert {frozenset(s.labels) - {"stream_id", "le"} for s in samples} == {frozenset(labels)}, name
    assert publisher.wait(40) == 0, publisher.tail()
    wait_for(lambda: sts.metrics().value("sts_active_streams") == 0, 30, "the stream's end")
    prometheus.check(media.url)
    prometheus.check(sts.url)


# ── every metric moves ──

STREAM = "show"
ELSEWHERE = {  # metrics that the run below does not move: the test that does, by name
    "media_service_worker_in_reserve": "tests/e2e/test_mediamtx_faults.py",
    "media_service_worker_source_away_seconds_total": "tests/e2e/test_patience.py",
    "media_service_leases_held": "tests/e2e/test_lease.py",
    "media_service_lease_events_total": "tests/e2e/test_lease.py",
    "media_service_lease_store_up": "tests/e2e/test_lease.py",
    "sts_asr_duration_seconds": "tests/integration/test_sts_full_mode.py",
    "sts_translation_duration_seconds": "tests/integration/test_sts_full_mode.py",
    "sts_tts_duration_seconds": "tests/integration/test_sts_full_mode.py",
    "sts_fragment_errors_total": "tests/integration/test_sts_service.py",
    "sts_queue_depth": "tests/integration/test_sts_policy.py",
    "sts_monitor_listeners": "tests/integration/test_sts_monitor.py",
    "sts_monitor_lost_events_total": "tests/integration/test_sts_monitor.py",
}
MOVED = [  # by the run below
    *(f"media_service_worker_{name}" for name in (
        "info_info", "segments_processed_total", "segments_bytes_total", "sts_fragments_sent_total", "sts_fragments_processed_total",
        "sts_processing_latency_seconds", "sts_inflight_fragments", "circuit_breaker_state", "circuit_breaker_failures_total",
        "circuit_breaker_fallbacks_total", "fallback_total", "av_sync_delta_ms", "av_sync_corrections_total", "av_buffer_video_size",
        "av_buffer_audio_size", "errors_total", "pipeline_state", "backpressure_events_total", "reconnections_total", "dubbed_total",
        "late_answers_total", "rebuffers_total", "playout_delay_seconds")),
    "media_service_loop_lag_seconds", "sts_loop_lag_seconds", "sts_fragment_processing_seconds", "sts_fragments_in_flight",
    "sts_active_streams", "sts_connections_total", "sts_engine_fragments_total",
]

PICTURES = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=60"]
TONE = ["-re", "-f", "lavfi", "-i", "sine=d=60:sample_rate=44100"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"]
GAP = [*PICTURES, *TONE, *H264, "-c:a", "aac", "-af", "asetpts=PTS+gt(T\\,3)*0.3/TB"]
MUTE = [*PICTURES, *H264, "-an"]
OLD = [*PICTURES, *TONE, "-c:v", "flv", "-c:a", "aac"]


class Sampler(threading.Thread):
    """Scrapes until stop(): what values each metric has had."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.over = service, threading.Event()
        self.values = defaultdict(lambda: defaultdict(list))  # name: labels: values, in their order
        self.types = {}
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            self.sample()

    def sample(self):
        try:
            metrics = self.service.metrics()
        except OSError:
            return  # it has been killed
        self.types.update(metrics.types)
        for s in metrics.samples:
            self.values[s.name][tuple(sorted(s.labels.items()))].append(s.value)

    def stop(self):
        self.over.set()
        self.join()
        self.sample()  # what the last event has moved

    def moved(self, name):
        """Whether one of its series has had two values, or was there with one that is not where it begins."""
        parts = [name] if self.types.get(name) != "histogram" else [f"{name}_count"]
        series = [values for part in parts for values in self.values[part].values()]
        return any(len(set(values)) > 1 or values[0] > 0 for values in series)


def until_moves(service, name, timeout_s=60, **labels):
    wait_for(lambda: service.metrics().value(name, 0, **labels) > 0, timeout_s, f"{name} to move")


@pytest.fixture(scope="module")
def eventful(tmp_path_factory, short):
    """Both services through a run in which everything happens that is counted."""
    folder, kept = tmp_path_factory.mktemp("eventful"), []

    def keep(program):
        kept.append(program)
        return program

    def start_sts(**env):
        number = len(list(folder.glob("sts-*.log")))
        return keep(programs.sts_service(folder / f"sts-{number}.log", STS_MODE="echo", PORT=port, STS_PORT=port, **env))

    def publish(name, arguments):
        return keep(rtmp.publish_from(arguments, f"{media.rtmp_url()}/live/{name}/in", folder / f"{name}.log"))

    port, prefix = free_port(), "media_service_worker_"
    try:
        sts = start_sts()
        media = keep(programs.MediaService(sts.url, folder / "segments", folder / "media.log", WORKER_SEGMENT_DURATION=2,
                                           CIRCUIT_BREAKER_THRESHOLD=1, CIRCUIT_BREAKER_TIMEOUT=5))
        got = SimpleNamespace(media=Sampler(media), sts=[Sampler(sts)], media_log=media)
        show = keep(rtmp.publish(short, f"{media.rtmp_url()}/live/{STREAM}/in", folder / "show.log", loop=-1))
        wait_for(lambda: media.metrics().value(prefix + "dubbed_total", 0, stream_id=STREAM) >= 3, 60, "three dubs")
        deltas = got.media.values[prefix + "av_sync_delta_ms"][("stream_id", STREAM),]
        wait_for(lambda: len(set(deltas)) > 5, 40, "some seconds of output")
        got.calm_deltas = list(deltas)
        for name, arguments in (("gap", GAP), ("mute", MUTE), ("old", OLD)):
            publish(name, arguments)
        sts.signal(signal.SIGKILL)
        sts.wait(10)
        until_moves(media, prefix + "reconnections_total", stream_id=STREAM)
        sts = start_sts(ECHO_PROCESSING_DELAY_MS=5000, BACKPRESSURE_THRESHOLD_LOW=0.1, BACKPRESSURE_THRESHOLD_MEDIUM=0.2,
                        BACKPRESSURE_THRESHOLD_HIGH=0.9)
        got.sts.append(Sampler(sts))
        for name in ("late_answers_total", "circuit_breaker_failures_total", "circuit_breaker_fallbacks_total"):
            until_moves(media, prefix + name, stream_id=STREAM)
        until_moves(media, prefix + "backpressure_events_total", action="slow_down", stream_id=STREAM)
        until_moves(media, prefix + "av_sync_corrections_total", stream_id="gap")
        for name, word in (("mute", "no_audio"), ("old", "unsupported_codec")):
            until_moves(media, prefix + "errors_total", stream_id=name, error_type=word)
        show.signal(signal.SIGSTOP)
        try:
            until_moves(media, prefix + "rebuffers_total", 20, stream_id=STREAM)
        finally:
            show.signal(signal.SIGCONT)
        for sampler in (got.media, *got.sts):
            sampler.stop()
        yield got
    finally:
        for program in reversed(kept):
            program.stop()


@pytest.mark.parametrize("name", MOVED)
def test_metric_moves(eventful, name):
    samplers = [eventful.media] if name.startswith("media_service") else eventful.sts
    assert any(sampler.moved(name) for sampler in samplers)


def test_no_metric_is_without_a_test(eventful):
    """Each that either service shows is named here once, and each that is named is shown."""
    shown = {name for sampler in (eventful.media, *eventful.sts) for name in sampler.types}
    assert shown - set(MOVED) - set(ELSEWHERE) == set()
    assert set(MOVED) - shown == set()
    assert [name for name, path in ELSEWHERE.items() if name.removeprefix("media_service_worker_").removesuffix("_seconds") not in (ROOT / path).read_text()] == []


def test_sound_and_pictures_leave_together(eventful):
    """av_sync_delta_ms: of the output, where both are muxed. 120 ms is what a viewer is promised; a picture and an AAC frame are 56."""
    assert max(abs(value) for value in eventful.calm_deltas) < 120


def test_errors_have_words(eventful):
    words = {dict(labels)["error_type"] for labels in eventful.media.values["media_service_worker_errors_total"]}
    assert {"no_audio", "unsupported_codec"} <= words <= {
        "no_audio", "unsupported_codec", "corrupt", "stalled", "network", "refused", "timeout", "disk", "engine", "internal"}
