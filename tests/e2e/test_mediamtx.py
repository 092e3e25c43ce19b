"""media-service beside a real MediaMTX: what comes out has all that went in, from the first frame.

MediaMTX lets readers in after it has looked at a publisher's first 2 s, so both ends are judged by its recordings."""

import re
import time
from datetime import datetime
from types import SimpleNamespace

import pytest
import requests

from support import avsync, media, rtmp
from support.net import free_port, wait_for, wait_for_port
from support.process import Program, run
from support.programs import MEDIAMTX_ENV, MediaService, mediamtx, path_of, sts_service

LENGTH_S = 30

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set"),
]

CONFIG = """\
logLevel: info
api: yes
apiAddress: 127.0.0.1:{api}
playback: {playback}
playbackAddress: 127.0.0.1:{playback_port}
rtmpAddress: 127.0.0.1:{rtmp}
rtsp: no
hls: no
webrtc: no
srt: no
pathDefaults:
  recordPath: {folder}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f
  recordPartDuration: 200ms
paths:
  "~^live/.+/in$":
    record: {playback}
{hooks}
  all_others:
    record: yes
"""


def hook_lines():
    """The keys that this version knows; later ones call "available" what was "ready"."""
    major, minor = run([mediamtx(), "--version"]).stdout.strip().lstrip("v").split(".")[:2]
    renamed = (int(major), int(minor)) >= (1, 17)
    names = ("runOnAvailable", "runOnUnavailable") if renamed else ("runOnReady", "runOnNotReady")
    return "\n".join(f"    {name}: {path_of('airdub')} mediamtx-hook {event}"
                     for name, event in zip(names, ("ready", "not-ready"), strict=True))


class MediaMtx(Program):
    """With recordings of all that is published, and hooks only where a URL is told."""

    def __init__(self, folder, ports, playback=True, hooks_url=None):
        config = folder / "mediamtx.yml"
        config.write_text(CONFIG.format(folder=folder, playback="yes" if playback else "no", api=ports.api, rtmp=ports.rtmp,
                                        playback_port=ports.playback, hooks=hook_lines() if hooks_url else ""))
        super().__init__([mediamtx(), config], name="mediamtx", log=folder / "mediamtx.log",
                         env={**MEDIAMTX_ENV, "ORCHESTRATOR_URL": hooks_url or ""}, cwd=folder)
        self.api = f"http://127.0.0.1:{ports.api}"
        wait_for_port(ports.api)
        wait_for_port(ports.rtmp)

    def path(self, name):
        """What the API says of the path; {} when there is none."""
        answer = requests.get(f"{self.api}/v3/paths/get/{name}", timeout=5)
        return answer.json() if answer.status_code == 200 else {}

    def has(self, name):
        return self.path(name) != {}

    def ready_at(self, name):
        """Since when the path may be read; None while it may not."""
        since = self.path(name).get("readyTime")
        return since and datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", since))


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
