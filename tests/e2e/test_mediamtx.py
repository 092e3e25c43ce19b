"""media-service beside a real MediaMTX: what comes out has all that went in, from the first frame.

MediaMTX lets readers in after it has looked at a publisher's first 2 s, so both ends are judged by its recordings."""

import time
from types import SimpleNamespace

import pytest

from support import avsync, media, rtmp
from support.mediamtx_server import MediaMtx
from support.net import free_port, wait_for
from support.programs import MediaService, mediamtx, sts_service

LENGTH_S = 30

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set"),
]

def dub_through(folder, clip, playback, hooks):
    """Everything that is known of one broadcast after its end."""
    ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port())
    rtmp_url = f"rtmp://127.0.0.1:{ports.rtmp}"
    with sts_service(folder / "sts.log", STS_MODE="echo") as sts, \
            MediaService(sts.url, folder / "segments", folder / "media-service.log", MEDIA_SERVER="mediamtx",
                         MEDIAMTX_RTMP_URL=rtmp_url, MEDIAMTX_API_URL=f"http://127.0.0.1:{ports.api}",
                         MEDIAMTX_PLAYBACK_URL=f"http://127.0.0.1:{ports.playback}") as service, \
            MediaMtx(folder, ports, playback, service.url if hooks else None) as server:
        with rtmp.publish(clip, f"{rtmp_url}/live/show/in", folder / "publisher.log") as publisher:
            out_ready = wait_for(lambda: server.ready_at("live/show/out"), 25, "the dubbed stream")
            in_ready = server.ready_at("live/show/in")
            assert publisher.wait(60) == 0, publisher.tail()
        in_ended = time.monotonic()
        wait_for(lambda: not server.has("live/show/out"), 30, "the end of the dubbed stream")
        ends_after_s = time.monotonic() - in_ended
        metrics = service.metrics()
    files = sorted((folder / "recordings/live/show/out").iterdir())
    return SimpleNamespace(files=files, out=files[0], log=service.output(), metrics=metrics, ends_after_s=ends_after_s,
                           ready_after_s=(out_ready - in_ready).total_seconds())


@pytest.fixture(scope="module")
def clip(nfl, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    media.ffmpeg("-i", nfl, "-t", LENGTH_S, "-c", "copy", path)
    return path


@pytest.fixture(scope="module", params=["hooks", "path-list"])
def broadcast(request, tmp_path_factory, clip):
    return dub_through(tmp_path_factory.mktemp(request.param), clip, playback=True, hooks=request.param == "hooks")


def test_length_stays(broadcast, clip):
    assert len(broadcast.files) == 1, "the output was interrupted"
    for kind in ("video", "audio"):
        assert media.duration_s(broadcast.out, kind) == pytest.approx(media.duration_s(clip, kind), abs=0.1), kind


def test_every_picture_comes_out(broadcast, clip):
    """The recorder keeps a picture back until it knows its duration, and so never writes the last one."""
    whole = media.packet_hashes(clip)
    assert media.packet_hashes(broadcast.out) == whole[:-1]


def test_sound_and_pictures_are_in_sync(broadcast):
    marks = avsync.measure(broadcast.out)
    assert len(marks) == LENGTH_S // 10
    assert all(m.offset_ms is not None and abs(m.offset_ms) < 45 for m in marks), marks
    assert abs(avsync.drift_ms(marks)) < 10


def test_delay_counts_from_the_first_frame(broadcast):
    """What was fetched late is not played later: segment, processing and margin, as without it. The output starts with its
    tracks, before its first frame, but it ends with the last."""
    assert broadcast.ends_after_s == pytest.approx(9.5, abs=0.7)


def test_players_are_let_in_before_the_first_frame(broadcast):
    """The input is ready after 2 s of it, the output 1.5 s before its first frame: without its tracks told twice it would be
    2 s after that frame."""
    assert broadcast.ready_after_s < 9.5 - 2, broadcast.ready_after_s


def test_nothing_falls_back(broadcast):
    assert broadcast.metrics.value("media_service_worker_fallback_total", default=0, stream_id="show") == 0
    assert "are lost to the output" not in broadcast.log


def test_without_playback_the_rest_comes_out(tmp_path, clip):
    got = dub_through(tmp_path, clip, playback=False, hooks=True)
    whole, out = media.packet_hashes(clip), media.packet_hashes(got.out)
    assert LENGTH_S * 25 / 2 < len(out) < len(whole)
    assert out == whole[-len(out) - 1:-1]
    assert got.log.count("live/show/in: its first seconds are lost to the output: no playback server") == 1


def test_a_path_without_its_in_is_said(tmp_path, clip):
    """live/NAME may be meant as it is, or be a slip: one line says that it is not dubbed."""
    ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port())
    rtmp_url = f"rtmp://127.0.0.1:{ports.rtmp}"
    with MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media-service.log", MEDIA_SERVER="mediamtx",
                      MEDIAMTX_RTMP_URL=rtmp_url, MEDIAMTX_API_URL=f"http://127.0.0.1:{ports.api}", MEDIAMTX_PLAYBACK_URL="off") as service, \
            MediaMtx(tmp_path, ports, False, None) as server, \
            rtmp.publish(clip, f"{rtmp_url}/live/slip", tmp_path / "publisher.log"):
        said = "WARN .*live/slip is published and not dubbed: publish to live/slip/in"
        service.wait_for_line(said, 25)
        seen = service.count_lines()
        wait_for(lambda: server.has("live/slip") and service.get("/health").ok, 10, "further lists")
        time.sleep(3)  # three lists more: that nothing comes has no condition to wait for
        assert not [line for line in service.last_lines(service.count_lines() - seen) if "live/slip" in line]
        assert not service.streams()
