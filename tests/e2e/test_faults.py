"""What users do to a live stream: each accident gives one line with its cause and cure, nothing hangs, and what can go on does.

media-service by itself, with an sts-service that echoes: nothing here waits for engines."""

import errno
import signal
from types import SimpleNamespace

import pytest
import requests

from support import media, rtmp
from support.net import free_port, wait_for, wait_for_port
from support.process import Program
from support.programs import MEDIAMTX_ENV, MediaService, mediamtx, sts_service

pytestmark = pytest.mark.alone

PICTURES = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=60"]
TONE = ["-re", "-f", "lavfi", "-i", "sine=d=60:sample_rate=44100"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"]


def start_live(folder, until_end, segments=None, **env):
    """sts-service and media-service; url(name) is where a stream's two paths are. Short segments, so that little waits for their
    playout delay: 4 s instead of 10."""
    sts = until_end(sts_service(folder / "sts.log", STS_MODE="echo"))
    service = until_end(MediaService(sts.url, segments or folder / "segments", folder / "media-service.log",
                                     **{"WORKER_SEGMENT_DURATION": 2, **env}))
    return SimpleNamespace(sts=sts, service=service, url=lambda name: f"{service.rtmp_url()}/live/{name}")


@pytest.fixture
def live(tmp_path, until_end):
    return start_live(tmp_path, until_end)


def lines_about(service, *words):
    return [line for line in service.output().splitlines() if all(word in line for word in words)]


def state(service, stream):
    return service.streams().get(stream, {}).get("state")


def count(service, stream, what):
    """Fragments so far: "dubbed" or "fallback"."""
    return service.streams().get(stream, {}).get(what, 0)


# ---- publishers that send what cannot be dubbed ----

REFUSED = {  # what ffmpeg sends, what media-service says
    "no-sound": ([*PICTURES, *H264, "-an"], "audio track required for dubbing"),
    "old-video": ([*PICTURES, *TONE, "-c:v", "flv", "-c:a", "aac"],
                  "its video is neither H.264 nor H.265; let the encoder send H.264"),
    "uncompressed-sound": ([*PICTURES, *TONE, *H264, "-c:a", "pcm_s16le"],
                           "its audio is neither AAC nor MP3; let the encoder send AAC"),
}


def test_publishers_with_what_cannot_be_dubbed(live, tmp_path, until_end, short):
    publishers = [until_end(rtmp.publish_from(arguments, f"{live.url(name)}/in", tmp_path / f"{name}.log"))
                  for name, (arguments, _) in REFUSED.items()]
    for name, (_, says) in REFUSED.items():
        live.service.wait_for_line(rf"ERROR stream {name}: ", 30)
        errors = lines_about(live.service, "ERROR", name)
        assert errors and all(line.endswith(f"/live/{name}/in: {says}") for line in errors), errors
        live.service.wait_for_line(rf"ERROR stream {name}: 2 times in a row: ", 30)  # counted: it may stay for hours
    assert dub_whole(live, "next", short, tmp_path, until_end)  # the next one is dubbed, with them still there
    for publisher in publishers:
        publisher.stop()
    wait_for(lambda: not live.service.streams(), 30, "the end of the refused streams")


def test_hooks_for_streams_that_do_not_exist_take_no_slot(short, tmp_path, until_end):
    """Anybody can post one; what the media server does not have, is not started."""
    live = start_live(tmp_path, until_end, MAX_CONCURRENT_STREAMS=2)
    for i in range(100):
        answer = requests.post(f"{live.service.url}/v1/mediamtx/events/ready", timeout=5,
                               json={"path": f"live/bogus{i}/in", "query": "", "sourceType": "rtmp", "sourceId": str(i)})
        assert answer.json() == {"status": "unknown", "stream_id": f"bogus{i}"}
    assert not live.service.streams() and not lines_about(live.service, "bogus")
    assert dub_whole(live, "real", short, tmp_path, until_end)


TAKEN = {
    "mp3": [*PICTURES, *TONE, *H264, "-c:a", "libmp3lame"],
    "no-pictures": [*TONE, "-vn", "-c:a", "aac"],
}


def test_publishers_with_unusual_media(live, tmp_path, until_end):
    publishers = {name: until_end(rtmp.publish_from(TAKEN[name], f"{live.url(name)}/in", tmp_path / f"{name}.log")) for name in TAKEN}
    recorders = {name: until_end(rtmp.record(f"{live.url(name)}/out", tmp_path / f"{name}.mkv", tmp_path / f"{name}-recorder.log"))
                 for name in TAKEN}
    for name in TAKEN:
        wait_for(lambda name=name: count(live.service, name, "dubbed") >= 2, 60, f"two dubbed fragments of {name}")
        publishers[name].stop()
        assert recorders[name].wait(40) == 0, recorders[name].tail()
        assert media.stream(tmp_path / f"{name}.mkv", "audio")["codec_name"] == "aac"
        assert bool(lines_about(live.service, f"live/{name}/", "no picture has come")) == (name == "no-pictures")
    assert not lines_about(live.service, "ERROR")


def dub_whole(live, name, clip, folder, until_end):
    """Sends the clip through; its output has all of it."""
    out = folder / f"{name}.mkv"
    recorder = until_end(rtmp.record(f"{live.url(name)}/out", out, folder / f"{name}-recorder.log"))
    publisher = until_end(rtmp.publish(clip, f"{live.url(name)}/in", folder / f"{name}-publisher.log"))
    assert publisher.wait(60) == 0, publisher.tail()
    assert recorder.wait(60) == 0, recorder.tail()
    return media.packet_hashes(out) == media.packet_hashes(clip)


# ---- parts that die in the middle ----

def test_sts_service_is_killed_and_comes_back(live, short, tmp_path, until_end):
    """The output goes on with the original, and with dubs again once there is somebody to make them."""
    publisher = until_end(rtmp.publish(short, f"{live.url('show')}/in", tmp_path / "publisher.log", loop=9))
    recorder = until_end(rtmp.record(f"{live.url('show')}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    wait_for(lambda: count(live.service, "show", "dubbed") >= 1, 30, "a dubbed fragment")
    port = live.sts.port
    live.sts.signal(signal.SIGKILL)
    wait_for(lambda: count(live.service, "show", "fallback") >= 1, 30, "a fragment in the original")
    dubbed = count(live.service, "show", "dubbed")
    until_end(sts_service(tmp_path / "sts-2.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    wait_for(lambda: count(live.service, "show", "dubbed") > dubbed, 60, "a dubbed fragment after the restart")
    publisher.stop()
    assert recorder.wait(40) == 0, recorder.tail()
    pictures = media.packet_hashes(tmp_path / "out.mkv")
    assert pictures == (media.packet_hashes(short) * 10)[:len(pictures)]  # every one, from the first to the last
    for kind in ("audio", "video"):
        assert media.duration_s(tmp_path / "out.mkv", kind) == pytest.approx(len(pictures) / 30, abs=0.3), kind
    lost = lines_about(live.service, "speech link lost")
    assert lost and all(live.sts.url in line for line in lost)


def test_publisher_is_killed_and_comes_back(short, tmp_path, until_end):
    """Within the playout delay, here the usual 10 s: the viewers' stream goes on."""
    live = start_live(tmp_path, until_end, WORKER_SEGMENT_DURATION=6)
    first = until_end(rtmp.publish(short, f"{live.url('show')}/in", tmp_path / "first.log", loop=9))
    recorder = until_end(rtmp.record(f"{live.url('show')}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    wait_for(lambda: count(live.service, "show", "dubbed") >= 1, 30, "a dubbed fragment")
    first.signal(signal.SIGKILL)
    wait_for(lambda: state(live.service, "show") == "draining", 10, "the stream to notice")
    second = until_end(rtmp.publish(short, f"{live.url('show')}/in", tmp_path / "second.log"))
    assert second.wait(40) == 0, second.tail()
    assert recorder.wait(40) == 0, recorder.tail()
    assert len(lines_about(live.service, "live/show/out: published by")) == 1, "the output was interrupted"
    assert lines_about(live.service, "recovering -> running")
    assert media.duration_s(tmp_path / "out.mkv", "audio") > 12 + 4  # what the first had sent, a gap, all of the second
    assert abs(media.duration_s(tmp_path / "out.mkv", "audio") - media.duration_s(tmp_path / "out.mkv", "video")) < 0.3


@pytest.mark.parametrize("name", ["show/in", "show"])
def test_encoder_whose_old_connection_hangs_takes_over(short, tmp_path, until_end, name):
    """It comes back within the playout delay while its old connection still stands, by the name that it had: no refusal, no half a minute;
    the viewers' stream goes on with one break."""
    live = start_live(tmp_path, until_end, WORKER_SEGMENT_DURATION=6)
    url = live.url(name) if name == "show" else f"{live.url('show')}/in"
    first = until_end(rtmp.publish(short, url, tmp_path / "first.log", loop=9))
    recorder = until_end(rtmp.record(f"{live.url('show')}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    wait_for(lambda: count(live.service, "show", "dubbed") >= 1, 30, "a dubbed fragment")
    first.signal(signal.SIGSTOP)  # its machine has lost the network: nobody says so
    second = until_end(rtmp.publish(short, url, tmp_path / "second.log"))
    assert second.wait(40) == 0, second.tail()
    assert recorder.wait(40) == 0, recorder.tail()
    first.signal(signal.SIGCONT)
    assert first.wait(20) != 0, "it did not hear that it was replaced"
    assert len(lines_about(live.service, "takes over from")) == 1
    assert len(lines_about(live.service, "live/show/out: published by")) == 1, "the output was interrupted"
    assert lines_about(live.service, "recovering -> running")
    assert len(lines_about(live.service, "epoch 1:")) == 1 and not lines_about(live.service, "epoch 2:")
    assert media.duration_s(tmp_path / "out.mkv", "audio") > 12 + 4  # what the first had sent, a gap, all of the second
    assert abs(media.duration_s(tmp_path / "out.mkv", "audio") - media.duration_s(tmp_path / "out.mkv", "video")) < 0.3


MEDIAMTX = """\
api: yes
apiAddress: 127.0.0.1:{api}
rtmpAddress: 127.0.0.1:{rtmp}
rtsp: no
hls: no
webrtc: no
srt: no
paths:
  all_others:
"""


@pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set")
def test_media_server_is_killed_and_comes_back(short, tmp_path, until_end):
    api, port, config = free_port(), free_port(), tmp_path / "mediamtx.yml"
    config.write_text(MEDIAMTX.format(api=api, rtmp=port))
    url = f"rtmp://127.0.0.1:{port}"

    def start_server(log):
        server = until_end(Program([mediamtx(), config], name="mediamtx", env=MEDIAMTX_ENV, log=tmp_path / log, cwd=tmp_path))
        wait_for_port(port)
        return server

    server = start_server("mediamtx-1.log")
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    service = until_end(MediaService(sts.url, tmp_path / "segments", tmp_path / "media-service.log", MEDIA_SERVER="mediamtx",
                                     WORKER_SEGMENT_DURATION=2,
                                     MEDIAMTX_RTMP_URL=url, MEDIAMTX_API_URL=f"http://127.0.0.1:{api}", MEDIAMTX_PLAYBACK_URL="off"))
    until_end(rtmp.publish(short, f"{url}/live/show/in", tmp_path / "first.log", loop=9))
    wait_for(lambda: has_output(api), 40, "the output")
    server.signal(signal.SIGKILL)
    server.wait(5)
    wait_for(lambda: service.get("/health").json()["media_server"] == "unreachable", 10, "media-service to notice")
    start_server("mediamtx-2.log")
    until_end(rtmp.publish(short, f"{url}/live/show/in", tmp_path / "second.log", loop=9))
    wait_for(lambda: has_output(api), 90, "the output after the restart")
    assert len(lines_about(service, "WARN", "media server: ")) == 1


def has_output(api):
    try:
        return requests.get(f"http://127.0.0.1:{api}/v3/paths/get/live/show/out", timeout=5).json().get("ready", False)
    except requests.ConnectionError:
        return False


# ---- what is short or slow ----

def test_segment_folder_is_full(short, tmp_path, until_end, small_disk):
    """Only checkpoints are lost, and it is said once."""
    fill(small_disk)
    live = start_live(tmp_path, until_end, segments=small_disk)
    assert dub_whole(live, "show", short, tmp_path, until_end)
    warnings = lines_about(live.service, "WARN", "no checkpoints")
    assert len(warnings) == 1 and "No space left" in warnings[0] and "the stream goes on" in warnings[0], warnings


def fill(folder):
    """Leaves not a byte."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_player_that_never_reads(live, nfl, tmp_path, until_end):
    """It is let go, with a line that says why; another gets every picture, and the service's memory is bounded.

    45 MB in 15 s: a publisher without any pace sends as much in a second, which is more than a player that writes a file takes,
    so that the good one would have to be let go too."""
    url = f"{live.service.rtmp_url()}/other/flood"
    stuck = until_end(rtmp.record(url, tmp_path / "stuck.mkv", tmp_path / "stuck.log"))
    good = until_end(rtmp.record(url, tmp_path / "good.mkv", tmp_path / "good.log"))
    publisher = until_end(rtmp.publish(nfl, url, tmp_path / "publisher.log", speed=60, loop=14))
    wait_for(lambda: (tmp_path / "stuck.mkv").exists() and (tmp_path / "good.mkv").exists(), 30, "both players")
    stuck.signal(signal.SIGSTOP)
    live.service.wait_for_line(r"WARN +rtmp: .*: too slow, \d+ messages dropped", 60)
    assert publisher.wait(120) == 0, publisher.tail()
    assert good.wait(40) == 0, good.tail()
    assert len(lines_about(live.service, "too slow")) == 1
    assert media.packet_hashes(tmp_path / "good.mkv") == media.packet_hashes(nfl) * 15
    assert live.service.peak_rss_kb() < (80 + 25) * 1024
    stuck.signal(signal.SIGKILL)  # a stopped program does not end any other way
