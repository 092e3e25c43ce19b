"""What MediaMTX takes from publishers and its RTMP keeps from readers that know H.264 and AAC alone: HEVC, and browsers' Opus."""

from types import SimpleNamespace

import pytest

from support import avsync, media
from support.mediamtx_server import MediaMtx
from support.net import free_port, wait_for
from support.process import Program
from support.programs import MediaService, mediamtx, sts_service

LENGTH_S = 20
HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:bframes=0"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"]
AAC = ["-c:a", "aac"]
OPUS = ["-c:a", "libopus", "-ar", "48000"]

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set"),
]


@pytest.fixture
def world(tmp_path, until_end):
    """MediaMTX, and the services beside it."""
    ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port(), rtsp=free_port())
    server = until_end(MediaMtx(tmp_path, ports))
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    service = until_end(MediaService(
        sts.url, tmp_path / "segments", tmp_path / "media-service.log", MEDIA_SERVER="mediamtx",
        MEDIAMTX_RTMP_URL=f"rtmp://127.0.0.1:{ports.rtmp}", MEDIAMTX_RTSP_URL=f"rtsp://127.0.0.1:{ports.rtsp}",
        MEDIAMTX_API_URL=server.api, MEDIAMTX_PLAYBACK_URL=f"http://127.0.0.1:{ports.playback}"))
    return SimpleNamespace(folder=tmp_path, ports=ports, server=server, service=service)


@pytest.fixture(scope="module")
def clip_with(nfl, tmp_path_factory):
    """The clip in other codecs: a function, whose argument are the encoder's options."""
    folder = tmp_path_factory.mktemp("clips")

    def encode(name, *options):
        path = folder / f"{name}.mkv"
        if not path.exists():
            media.ffmpeg("-i", nfl, "-t", LENGTH_S, "-vf", "scale=320:180", *options, path)
        return path
    return encode


def publish(world, clip):
    return Program(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", "-re", "-i", clip, "-c", "copy", "-strict", "experimental",
                    "-f", "rtsp", "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{world.ports.rtsp}/live/show/in"],
                   name="publisher", log=world.folder / "publisher.log")


@pytest.mark.parametrize("name, codec, options", [
    ("hevc-aac", "hevc", HEVC + AAC), ("h264-opus", "h264", H264 + OPUS), ("hevc-opus", "hevc", HEVC + OPUS)])
def test_what_rtmp_leaves_out_is_dubbed(world, clip_with, name, codec, options):
    clip = clip_with(name, *options)
    with publish(world, clip) as publisher:
        wait_for(lambda: world.server.ready_at("live/show/out"), 25, "the dubbed stream")
        assert publisher.wait(60) == 0, publisher.tail()
    wait_for(lambda: not world.server.has("live/show/out"), 30, "the end of the dubbed stream")
    out, into = (sorted((world.folder / "recordings/live/show" / end).iterdir()) for end in ("out", "in"))
    assert len(out) == 1, "the output was interrupted"
    assert [stream["codec_name"] for stream in media.probe(out[0])["streams"]] == [codec, "aac"]
    whole, dubbed = media.frame_hashes(clip), media.frame_hashes(out[0])
    assert dubbed == whole[-len(dubbed) - 1:-1] or dubbed == whole[-len(dubbed):]
    assert len(dubbed) > (LENGTH_S - 4) * 25
    before, after = avsync.measure(into[0]), avsync.measure(out[0])
    print([mark.offset_ms for mark in before], [mark.offset_ms for mark in after])
    assert len(before) == len(after) == LENGTH_S // 10
    # ffmpeg's RTSP alone moves sound by up to 60 ms; RTP's clocks are known by reports, some of which have not come yet.
    assert all(abs(a.offset_ms - b.offset_ms) < 45 for a, b in zip(after, before, strict=True)), (before, after)
    metrics = world.service.metrics()
    assert metrics.value("media_service_worker_fallback_total", default=0, stream_id="show") == 0
    assert metrics.value("media_service_worker_sts_fragments_processed_total", stream_id="show", status="success") >= 2


def test_a_picture_that_cannot_be_published_is_refused_at_once(world, clip_with):
    with publish(world, clip_with("vp9-opus", *VP9, *OPUS)):
        world.service.wait_for_line("its video is VP9, which cannot be published again; publish H.264 or H.265", 15)
        wait_for(lambda: world.service.metrics().value("media_service_worker_errors_total", default=0, stream_id="show",
                                                       error_type="unsupported_codec") == 1, 5, "the metric")
    assert world.service.output().count("cannot be published again") == 1
