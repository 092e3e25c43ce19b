"""What goes wrong around a running system of containers: it is said clearly, and what can go on does.

sts-service echoes here, so that nothing waits for engines."""

import re
import time

import pytest
import requests

from e2e.helpers import docker, stream_analyzer
from e2e.helpers.stream_publisher import PublishError, publish
from fixtures import clips
from support import media, speech
from support.net import wait_for

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

RATE_HZ = 16000


@pytest.fixture
def without_sts(echo_env):
    """The containers while sts-service is stopped."""
    echo_env.sts.stop()
    yield echo_env
    echo_env.sts.start_again()
    echo_env.wait_healthy()


@pytest.fixture
def slow_sts(echo_env):
    """slow_sts(delay_ms): the containers while each fragment takes sts-service so long."""
    usual = dict(echo_env.sts.env)

    def start(delay_ms):
        start_sts(echo_env, {**usual, "ECHO_PROCESSING_DELAY_MS": delay_ms})
        return echo_env

    yield start
    start_sts(echo_env, usual)


def start_sts(environment, env):
    """Its container is made anew with these variables."""
    environment.sts.remove()
    environment.sts.env = env
    environment.sts.start()
    environment.wait_healthy()


def broadcast_whole(environment, clip, stream, folder, publish_rtmp_stream):
    """The output's file, when the clip has gone through from beginning to end."""
    recording = environment.record(stream, folder)
    try:
        publisher = publish_rtmp_stream(environment, clip, stream=stream)
        wait_for(lambda: environment.has_path(f"live/{stream}/out"), 60, f"live/{stream}/out")
        assert publisher.wait(90) == 0, publisher.tail()
        wait_for(lambda: not environment.has_path(f"live/{stream}/out"), 60, f"the end of live/{stream}/out")
        return recording.finish()
    finally:
        recording.stop()


def assert_original(clip, out):
    one, other = speech.aligned(media.decode_audio(clip), media.decode_audio(out), RATE_HZ, within_s=0.5)
    assert speech.difference_db(one, other, RATE_HZ) < 3


def test_sts_service_is_not_reachable(without_sts, stream_name, short, tmp_path, publish_rtmp_stream):
    """It is tried again after 2 s, after 4 s, and so on; the original plays, whole and in time."""
    out = broadcast_whole(without_sts, short, stream_name, tmp_path, publish_rtmp_stream)
    assert media.duration_s(out, "audio") == pytest.approx(media.duration_s(short, "audio"), abs=0.5)
    assert_original(short, out)
    metrics = without_sts.metrics(stream_name)
    assert metrics.fallbacks >= 5 and metrics.processed() == 0
    tried = attempts(without_sts.media.logs(), stream_name)
    assert tried[1] - tried[0] == pytest.approx(2, abs=1) and tried[2] - tried[1] == pytest.approx(4, abs=1.5)


def attempts(log, stream):
    """When each attempt to reach sts-service failed, in seconds of the day."""
    found = re.findall(rf"^(\d+):(\d+):([\d.]+) .*{stream}: speech link lost: .*; attempt \d follows", log, re.M)
    return [int(hours) * 3600 + int(minutes) * 60 + float(seconds) for hours, minutes, seconds in found]


def test_no_audio_track(echo_env, stream_name, publish_rtmp_stream):
    """It is an error that says so; there is no output; the service runs on."""
    publish_rtmp_stream(echo_env, clips.video_only(), stream=stream_name, loop=-1)
    echo_env.media.wait_for_line(rf"ERROR.*{stream_name}.*audio track required for dubbing", 40)
    assert not echo_env.has_path(f"live/{stream_name}/out")
    assert requests.get(f"{echo_env.media_url}/health", timeout=5).status_code == 200


def test_sts_service_is_very_slow(slow_sts, stream_name, short, tmp_path, publish_rtmp_stream):
    """40 s for each fragment: its timeout, then the original, in time; and the stream is complete."""
    environment = slow_sts(40_000)
    out = broadcast_whole(environment, short, stream_name, tmp_path, publish_rtmp_stream)
    assert media.duration_s(out, "audio") == pytest.approx(media.duration_s(short, "audio"), abs=0.5)
    assert_original(short, out)
    assert environment.metrics(stream_name).fallbacks >= 5


def test_backpressure_slows_the_sending(slow_sts, stream_name, short, publish_rtmp_stream):
    """sts-service says that much is in flight; media-service never has more out than it may."""
    environment = slow_sts(5_000)
    publish_rtmp_stream(environment, short, stream=stream_name, loop=-1)

    def told():
        metrics = environment.metrics(stream_name)
        assert metrics.value("sts_inflight_fragments") <= 3
        return metrics.value("backpressure_events_total", action="slow_down") + metrics.value("backpressure_events_total", action="pause")

    wait_for(told, 40, "a backpressure event")


def test_media_server_stops_mid_stream(echo_env, stream_name, short, tmp_path, publish_rtmp_stream):
    """What was out by then is right; the service lives, and dubs the next stream."""
    recording = echo_env.record(stream_name, tmp_path)
    try:
        publish_rtmp_stream(echo_env, short, stream=stream_name, loop=-1)
        wait_for(lambda: echo_env.count(stream_name, "dubbed") >= 2, 60, "two dubbed fragments")
        wait_for(lambda: any(p.exists() and p.stat().st_size > 200_000 for p in recording.files()), 30, "some output to look at")
        echo_env.media_server.stop()
        partial = recording.files()[-1]
        if recording.player:
            recording.player.wait(30)
        info = stream_analyzer.probe_file(partial)
        assert (info.video_codec, info.audio_codec) == ("h264", "aac")
        assert stream_analyzer.pts_delta_ms(partial) < 500  # the end is where it was cut off
    finally:
        recording.stop()
        echo_env.media_server.start_again()
        echo_env.wait_healthy()
    again = f"{stream_name}-again"
    publish_rtmp_stream(echo_env, short, stream=again, loop=-1)
    wait_for(lambda: echo_env.count(again, "dubbed") >= 1, 60, "a dubbed fragment of the next stream")


def test_publishing_without_a_media_server(echo_env, stream_name, short, tmp_path):
    """It fails at once, with a message that says what to look at."""
    echo_env.media_server.stop()
    began = time.monotonic()
    try:
        with pytest.raises(PublishError, match="is the media server running"):
            publish(echo_env, short, stream_name, tmp_path)
        assert time.monotonic() - began < 10
    finally:
        echo_env.media_server.start_again()
        echo_env.wait_healthy()


def test_language_from_the_query(echo_env, stream_name, short, sts_monitor, tmp_path):
    """?lang=fr in the publisher's URL reaches sts-service, with no hook: the plain image of MediaMTX has no shell to run one."""
    monitor = sts_monitor(echo_env)
    with publish(echo_env, short, stream_name, tmp_path, loop=-1, query="lang=fr"):
        init = monitor.wait_for("stream:init", stream=stream_name, timeout_s=30)
    assert init["config"]["target_language"] == "fr"


def test_metrics_of_a_fallback_stream(without_sts, stream_name, short, publish_rtmp_stream):
    """The reason is told, and reconnecting is counted."""
    publish_rtmp_stream(without_sts, short, stream=stream_name, loop=-1)
    wait_for(lambda: without_sts.metrics(stream_name).value("fallback_total", reason="disconnected") >= 1, 40, "a counted fallback")
    assert docker.has_network(without_sts.settings.network)
