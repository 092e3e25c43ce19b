"""Ten minutes through an sts-service that gives each fragment back as it came: what comes out shows the joins alone."""

import pytest

from fixtures import clips
from support import avsync, media, sine
from support.programs import Dub, sts_service

FREQUENCY_HZ = 205.0  # no whole number of periods in a segment or an AAC frame: a join that is off by a frame shows
MINUTES = 10


@pytest.fixture(scope="module")
def echo():
    with sts_service(STS_MODE="echo") as service:
        yield service


@pytest.mark.parametrize("mode", ["pause", "fixed"])
def test_sine_stays_one_sine(echo, mode, tmp_path):
    source, out = clips.sine(MINUTES * 60.0, FREQUENCY_HZ), tmp_path / "out.mp4"
    summary = Dub("--sts", echo.url, "--bed", "off", "--segment-mode", mode, source, out).summary
    assert summary["fragments"] == summary["dubbed"] >= MINUTES * 10
    rate_hz = 44100
    report = sine.analyse(media.decode_audio(out, rate_hz), rate_hz, FREQUENCY_HZ)
    print(report)
    assert abs(report.worst_phase_ms) < 1.0
    assert report.worst_step_ms < 1.0
    assert report.clicks_s == []
    assert 0.97 < report.level_min and report.level_max < 1.03
    assert media.duration_s(out, "audio") == pytest.approx(MINUTES * 60.0, abs=0.025)


def test_sync_does_not_drift(echo, tmp_path):
    source, out = clips.long_commentary(MINUTES), tmp_path / "out.mp4"
    summary = Dub("--sts", echo.url, source, out).summary
    assert summary["fragments"] == summary["dubbed"]
    marks = avsync.measure(out)
    print(avsync.describe(marks))
    assert len(marks) == MINUTES * 6
    assert all(mark.offset_ms is not None and abs(mark.offset_ms) < 45 for mark in marks)
    assert abs(avsync.drift_ms(marks)) < 2
    for kind in ("video", "audio"):
        assert media.duration_s(out, kind) == pytest.approx(media.duration_s(source, kind), abs=0.025), kind
