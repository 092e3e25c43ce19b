"""What both services say at /metrics, judged by Prometheus' own tool, while a stream runs and when it is over."""

from support import programs, prometheus, rtmp
from support.net import wait_for

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
