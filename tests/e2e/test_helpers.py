"""The container tests' helpers, tried on the built programs: no Docker is needed to see that they see right."""

import dataclasses
import logging
import subprocess
import sys

import numpy as np
import pytest
import socketio

from e2e.helpers import language, settings, stream_analyzer, stream_publisher
from e2e.helpers.environment import Environment
from e2e.helpers.metrics_parser import StreamMetrics
from e2e.helpers.pipeline import broadcast
from e2e.helpers.settings import MONITOR_TOKEN
from e2e.helpers.socketio_monitor import StsMonitor, has_audio
from fixtures import clips
from support import media
from support.net import free_port, wait_for
from support.programs import MediaService, sts_service
from support.sts_worker import Worker

REPEAT = settings.ROOT / "tests/e2e/helpers/repeat.py"


class PlainEnvironment(Environment):
    """The built programs instead of containers, on the built-in media server."""

    def __init__(self, folder, until_end):
        sts = until_end(sts_service(folder / "sts.log", STS_MODE="echo", STS_MONITOR="1", STS_MONITOR_TOKEN=MONITOR_TOKEN))
        api_port = free_port()
        media_service = until_end(MediaService(sts.url, folder / "segments", folder / "media-service.log", API_PORT=api_port))
        ports = {"rtmp": int(media_service.rtmp_url().rsplit(":", 1)[1]), "media": media_service.port, "sts": sts.port, "api": api_port}
        super().__init__(dataclasses.replace(settings.load(), ports=ports), "builtin", folder)
        self.programs = {"sts": sts, "media": media_service}

    def logs(self, which, tail="all"):
        return self.programs[which].output()


@pytest.fixture
def plain_env(tmp_path, until_end):
    return PlainEnvironment(tmp_path, until_end)


@pytest.mark.alone
def test_helpers_follow_a_broadcast(plain_env, short, tmp_path):
    """12 s that are echoed: what the facts say is what a broadcast of 12 s must be."""
    got = broadcast(plain_env, short, "followed", tmp_path, 90)
    assert got.expected == 2 == got.metrics.segments == got.metrics.sent == len(got.answers)
    assert all(has_audio(answer) for answer in got.answers)
    assert 0 < got.active_s < got.out_s < got.total_s
    assert got.live_info == stream_analyzer.StreamInfo("h264", "aac", 1, 1)
    assert media.duration_s(got.out, "audio") == pytest.approx(12, abs=0.2)
    assert plain_env.all_logs().count("---- ") == 2


def test_monitor_sees_another_connection(until_end, tmp_path):
    """Every event of a worker's stream, with its time; audio as its length, or itself when asked for; a wrong token is refused."""
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo", STS_MONITOR="1", STS_MONITOR_TOKEN="secret"))
    with StsMonitor(sts.url, "secret") as monitor, StsMonitor(sts.url, "secret", audio=True) as listener:
        with Worker(sts.url, stream="seen") as worker:
            worker.init()
            worker.submit(0, b"some sound")
            worker.wait_for("fragment:processed")
            worker.end()
        for each in (monitor, listener):
            each.wait_for("stream:complete", stream="seen")
            for name in ("stream:init", "stream:ready", "fragment:data", "fragment:processed"):
                assert len(each.of(name, "seen")) == 1 and each.of(name, "seen")[0]["at"] > 1.6e12, name
        assert isinstance(monitor.of("fragment:processed", "seen")[0]["dubbed_audio"]["data_base64"], int)
        assert listener.of("fragment:processed", "seen")[0]["dubbed_audio"] == worker.of("fragment:processed")[0]["dubbed_audio"]
    with pytest.raises(socketio.exceptions.ConnectionError):
        StsMonitor(sts.url, "wrong")


def test_publisher_ends_with_its_test(plain_env, short, tmp_path):
    """stop() ends ffmpeg, and the media server sees the end."""
    publisher = stream_publisher.publish(plain_env, short, "ended", tmp_path, loop=-1)
    assert publisher.running and plain_env.has_path("live/ended/in")
    publisher.stop()
    assert not publisher.running
    wait_for(lambda: not plain_env.has_path("live/ended/in"), 40, "the end of the stream")


def test_missing_clip_is_told(plain_env, tmp_path):
    with pytest.raises(FileNotFoundError, match="make fixtures"):
        stream_publisher.publish(plain_env, tmp_path / "none.mp4", "none", tmp_path)


def test_publishing_to_nobody_is_told(plain_env, short, tmp_path):
    plain_env.programs["media"].stop()
    with pytest.raises(stream_publisher.PublishError, match="is the media server running"):
        stream_publisher.publish(plain_env, short, "nobody", tmp_path)


def test_metrics_of_an_unknown_stream_are_zero(plain_env):
    metrics = StreamMetrics(plain_env.media_url, "unknown")
    assert not metrics.has_worker and metrics.segments == metrics.sent == metrics.fallbacks == 0


# ---- measuring ----

def test_clip_is_in_sync_by_its_timestamps(short):
    assert stream_analyzer.pts_delta_ms(short) < 50


@pytest.mark.parametrize("sound", ["-af", "-itsoffset"], ids=["gap", "late"])
def test_bad_timestamps_are_found(sound, short, tmp_path):
    """Half a second without sound in the middle, and sound that is half a second late."""
    out = tmp_path / "bad.mkv"
    if sound == "-af":
        media.ffmpeg("-i", short, "-c:v", "copy", "-af", "aselect='not(between(t,5,5.5))'", "-c:a", "aac", out)
    else:
        media.ffmpeg("-i", short, "-itsoffset", 0.5, "-i", short, "-map", "0:v", "-map", "1:a", "-c", "copy", out)
    assert stream_analyzer.pts_delta_ms(out) == pytest.approx(500, abs=80)


def test_fingerprint_tells_a_copy_from_other_speech(short, nfl, tmp_path):
    media.ffmpeg("-i", short, "-c:v", "copy", "-c:a", "aac", "-b:a", "96k", tmp_path / "again.mp4")
    media.ffmpeg("-ss", 30, "-i", nfl, "-t", 12, "-c", "copy", tmp_path / "other.mp4")
    assert max(stream_analyzer.fingerprint_distances_db(short, tmp_path / "again.mp4")) < 2
    assert np.mean(stream_analyzer.fingerprint_distances_db(short, tmp_path / "other.mp4")) > 4


@pytest.mark.parametrize("text, english, spanish", [
    ("The home team has the ball on the thirty yard line", True, False),
    ("El equipo local tiene la pelota en la línea de las treinta yardas", False, True),
    ("one two three four five six", True, False),
    ("uno dos tres cuatro cinco seis", False, True),
    ("", False, False),
])
def test_languages_are_told_apart(text, english, spanish):
    assert language.is_english(text) is english
    assert language.is_spanish(text) is spanish


def test_texts_of_the_clips_are_english():
    assert language.is_english(clips.reference_text(clips.nfl()))


# ---- reports ----

def test_events_are_logged_with_their_time(tmp_path):
    """As `make e2e` shows them: what the helpers log, each line with the time of day."""
    file = tmp_path / "test_log.py"
    file.write_text("import logging\n\ndef test_log():\n    logging.getLogger('e2e').info('container sts-service: started')\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-c", settings.ROOT / "pyproject.toml", "-o", "log_cli=true",
                           "-o", "log_cli_level=INFO", file], capture_output=True, text=True, timeout=60)
    line = next(line for line in done.stdout.splitlines() if "sts-service: started" in line)
    assert line[:2].isdigit() and line[2] == ":", line
    assert logging.getLogger("e2e").isEnabledFor(logging.WARNING)


def test_repeat_counts_passes(tmp_path):
    file = tmp_path / "test_sometimes.py"
    file.write_text("from pathlib import Path\n\n"
                    "def test_sometimes():\n"
                    f"    count = Path({str(tmp_path / 'count')!r})\n"
                    "    runs = len(count.read_text()) if count.exists() else 0\n"
                    "    count.write_text('x' * (runs + 1))\n"
                    "    assert runs != 1\n")
    done = subprocess.run([sys.executable, REPEAT, "3", "-c", settings.ROOT / "pyproject.toml", "-q", file], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "repeat: 2 of 3 passed: 67 %"
