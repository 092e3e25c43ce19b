"""HEVC through the built-in media server: in and out by Enhanced RTMP."""

import json

import pytest

from support import avsync, media, programs, rtmp
from support.net import wait_for
from support.process import Program

pytestmark = pytest.mark.alone
LENGTH_S = 20


@pytest.fixture(scope="module")
def clip(nfl, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    media.ffmpeg("-i", nfl, "-t", LENGTH_S, "-vf", "scale=320:180", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy", path)
    return path


def test_pictures_are_carried_over_and_the_sound_is_dubbed(clip, tmp_path, until_end):
    sts = until_end(programs.sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    service = until_end(programs.MediaService(sts.url, tmp_path / "segments", tmp_path / "media.log"))
    publisher = until_end(rtmp.publish_hevc(clip, f"{service.rtmp_url()}/live/show/in", tmp_path))
    wait_for(lambda: service.streams(), 15, "the stream")
    out = tmp_path / "out.mp4"
    viewer = until_end(Program([programs.build_dir() / "tests/unit/media/media-copy", f"{service.rtmp_url()}/live/show/out", out],
                               name="viewer", log=tmp_path / "viewer.log"))
    assert publisher.wait(60) == 0, publisher.tail()
    assert viewer.wait(40) == 0, viewer.tail()
    seen = json.loads(viewer.output().splitlines()[-1])
    assert seen["video"].startswith("video/x-h265")
    assert media.frame_hashes(out) == media.frame_hashes(tmp_path / "hevc.mkv")
    marks = avsync.measure(out)
    assert len(marks) == LENGTH_S // 10 and all(abs(mark.offset_ms) < 10 for mark in marks), marks
    assert service.metrics().value("media_service_worker_fallback_total", default=0, stream_id="show") == 0
    assert "ERROR" not in service.output()
