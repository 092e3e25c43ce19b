"""Not one sample of gap, repeat or click at the joins of fragments, and no drift: a tone, and ten minutes of marks, through
the whole path with sts-service giving every fragment back as it came (echo mode), so that what went in must come out."""

import pytest

from fixtures import clips
from support import avsync, media, rtmp, sine
from support.programs import Dub, MediaService, sts_service

FREQUENCY_HZ = 205.0
SINES = {  # name: (seconds, rate, channels, how it is cut)
    "ten-minutes": (600.0, 44100, 2, "fixed"),
    "48-khz-mono": (60.0, 48000, 1, "fixed"),
    "in-pauses": (60.0, 44100, 2, "pause"),
}


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """An sts-service in echo mode."""
    service = sts_service(tmp_path_factory.mktemp("echo") / "sts.log", STS_MODE="echo")
    yield service
    service.stop()


def assert_one_tone(path, rate_hz, duration_s, tolerance_s):
    samples = media.decode_audio(path, rate_hz, placed=False)
    assert len(samples) / rate_hz == pytest.approx(duration_s, abs=tolerance_s)
    report = sine.analyse(samples, rate_hz, FREQUENCY_HZ)
    assert abs(report.worst_phase_ms) < 1 and report.worst_step_ms < 1, report
    assert report.clicks_s == [] and 0.85 < report.level_min and report.level_max < 1.15, report  # AAC, three times


@pytest.mark.parametrize("name", SINES)
def test_tone_through_fragments_stays_one_tone(name, echo, tmp_path):
    seconds, rate_hz, channels, mode = SINES[name]
    source, out = clips.sine(seconds, FREQUENCY_HZ, rate_hz, channels), tmp_path / "out.mp4"
    dub = Dub("--sts", echo.url, "--bed", "off", "--segment-mode", mode, source, out)
    assert dub.summary["fallback"] == 0 and dub.summary["dubbed"] >= seconds / 7.5
    assert_one_tone(out, rate_hz, seconds, tolerance_s=0.025)


def test_ten_minutes_do_not_drift(echo, tmp_path):
    source, out = clips.long_commentary(10), tmp_path / "out.mp4"
    assert Dub("--sts", echo.url, source, out).summary["fallback"] == 0
    for kind in ("video", "audio"):
        assert media.duration_s(out, kind) == pytest.approx(media.duration_s(source, kind), abs=0.025), kind
    marks = avsync.measure(out)
    assert len(marks) == 60
    assert all(m.offset_ms is not None and abs(m.offset_ms) < 45 for m in marks), marks
    assert abs(avsync.drift_ms(marks)) < 5


@pytest.mark.alone
def test_tone_stays_one_tone_live(echo, tmp_path, until_end):
    seconds = 30.0
    service = until_end(MediaService(echo.url, tmp_path / "segments", tmp_path / "media-service.log", WORKER_BED_DB="off"))
    url = f"{service.rtmp_url()}/live/tone"
    publisher = until_end(rtmp.publish(clips.sine(seconds), f"{url}/in", tmp_path / "publisher.log"))
    recorder = until_end(rtmp.record(f"{url}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    assert publisher.wait(60) == 0, publisher.tail()
    assert recorder.wait(40) == 0, recorder.tail()
    assert service.metrics().value("media_service_worker_fallback_total", default=0, stream_id="tone") == 0
    assert_one_tone(tmp_path / "out.mkv", 44100, seconds, tolerance_s=0.1)
