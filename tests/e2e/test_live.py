"""The whole live path: real publishers, media server, media-service, sts-service, real players; judged by what comes out.

One broadcast serves most of the tests: a minute of commentary from ffmpeg, and beside it the counting clip from GStreamer's
rtmpsink, which is librtmp as OBS has it. It runs on the built-in media server, and on MediaMTX where there is one."""

import json
import re
import signal
import socket
import time
from types import SimpleNamespace

import numpy as np
import pytest

from fixtures import clips
from support import avsync, media, rtmp, speech, wer
from support.net import wait_for
from support.player import Player
from support.process import Program, run
from support.programs import Live, MediaService, mediamtx, path_of, sts_service

RATE_HZ = 16000

# In real time on a machine that is busy with other tests, engines miss their deadlines: what plays then is the original.
pytestmark = pytest.mark.alone


def gstreamer_publisher(clip, url, log):
    return Program(["gst-launch-1.0", "-q", "-e", "flvmux", "name=mux", "streamable=true", "!", "rtmpsink", "sync=true",
                    f"location={url} live=1", "filesrc", f"location={clip}", "!", "qtdemux", "name=d",
                    "d.video_0", "!", "queue", "!", "h264parse", "!", "mux.", "d.audio_0", "!", "queue", "!", "aacparse", "!", "mux."],
                   name="gst-launch", log=log)


def record_when_published(live, stream, path, log, timeout_s=40):
    live.wait_published(f"live/{stream}/out", timeout_s)
    return rtmp.record(live.play_url(stream), path, log)


def needs(media_server):
    if media_server == "mediamtx" and not mediamtx():
        pytest.skip("MediaMTX is not on PATH and MEDIAMTX_BIN is not set")


@pytest.fixture(scope="module", params=["builtin", "mediamtx"])
def broadcast(request, tmp_path_factory, nfl, counting):
    """Everything that is known of one broadcast after its end."""
    needs(request.param)
    folder = tmp_path_factory.mktemp(f"live-{request.param}")
    got = SimpleNamespace(folder=folder, media_server=request.param, out=folder / "out.mkv", count_out=folder / "count.flv",
                          late_out=folder / "late.mkv")
    with Live(folder, media_server=request.param) as live:
        started = [rtmp.publish(nfl, live.publish_url("demo"), folder / "publisher.log"),
                   gstreamer_publisher(counting, live.publish_url("count"), folder / "gst.log")]
        try:
            follow_broadcast(live, started, got)
        finally:
            for program in started:
                program.stop()
        got.metrics, got.sts_metrics = live.metrics(), live.sts_metrics()
        live.program.signal(signal.SIGINT)
        got.exit_status = live.program.wait(30)
        got.events = live.events()
    return got


def follow_broadcast(live, started, got):
    live.wait_published("live/demo/in", 20)
    first_in = time.monotonic()
    recorder = record_when_published(live, "demo", got.out, got.folder / "recorder.log")
    got.first_out_s = time.monotonic() - first_in
    started.append(recorder)
    counter = record_when_published(live, "count", got.count_out, got.folder / "count-recorder.log")
    started.append(counter)
    late = Program(["ffmpeg", "-v", "warning", "-nostdin", "-y", "-i", live.play_url("demo"), "-t", 5, "-c", "copy", got.late_out],
                   name="late-player", log=got.folder / "late.log")
    started.append(late)
    assert late.wait(60) == 0, late.tail()
    got.streams_meanwhile = live.streams()
    assert started[0].wait(90) == 0, started[0].tail()
    assert recorder.wait(40) == 0, recorder.tail()
    assert counter.wait(10) == 0, counter.tail()
    wait_for(lambda: not live.is_published("live/demo/out"), 10, "the end of live/demo/out")


# ---- the picture and the sound of what came out ----

def recorded_from_the_start(broadcast):
    if broadcast.media_server == "mediamtx":
        pytest.skip("a player that joins a MediaMTX has missed the first seconds; test_mediamtx.py reads its own recording instead")


def test_length_stays(broadcast, nfl):
    recorded_from_the_start(broadcast)
    for kind in ("video", "audio"):
        assert media.duration_s(broadcast.out, kind) == pytest.approx(media.duration_s(nfl, kind), abs=0.1), kind


def test_pictures_are_copied(broadcast, nfl):
    """Every access unit, byte for byte: none is lost, repeated or re-encoded."""
    recorded_from_the_start(broadcast)
    assert media.packet_hashes(broadcast.out) == media.packet_hashes(nfl)


def test_sound_and_pictures_are_in_sync(broadcast):
    avsync.assert_in_sync(avsync.measure(broadcast.out), 6 if broadcast.media_server == "builtin" else 5)


def test_timestamps_are_smooth(broadcast):
    steps = np.diff([p.pts_s for p in media.packets(broadcast.out, "audio")])
    assert steps.min() > 0.020 and steps.max() < 0.027  # 1024 samples at 44.1 kHz, in FLV's whole milliseconds
    assert media.decode_errors(broadcast.out) == ""


def test_first_frame_comes_in_time(broadcast):
    assert broadcast.first_out_s <= 10


def test_dub_is_heard(broadcast, nfl):
    original, heard = media.decode_audio(nfl), media.decode_audio(broadcast.out)
    for start_s in range(0, 60, 6):
        piece = slice(start_s * RATE_HZ, (start_s + 6) * RATE_HZ)
        assert speech.voiced_share(heard[piece], RATE_HZ) > 0.3, start_s
        assert speech.difference_db(original[piece], heard[piece], RATE_HZ) > 4, start_s


def test_second_stream_is_dubbed_beside_it(broadcast, counting):
    missed_s = 5 if broadcast.media_server == "mediamtx" else 0  # 2 s until it lets players in, then up to a GOP of 2 s
    for kind in ("video", "audio"):
        assert 30 - missed_s - 0.15 <= media.duration_s(broadcast.count_out, kind) <= 30.15, kind
    difference = speech.difference_db(media.decode_audio(counting), media.decode_audio(broadcast.count_out), RATE_HZ)
    assert difference > 4


def test_player_that_joins_later_sees_it(broadcast):
    assert media.stream(broadcast.late_out, "video")["codec_name"] == "h264"
    assert media.packets(broadcast.late_out, "video")[0].key
    assert media.duration_s(broadcast.late_out, "audio") == pytest.approx(5, abs=0.5)


# ---- what the services say about it ----

def test_metrics_tell_what_happened(broadcast):
    """Counts add up; on a machine with other work to do a few dubs may miss their deadline, and nothing else may happen."""
    metrics, label = broadcast.metrics, {"stream_id": "demo"}
    sent = metrics.value("media_service_worker_sts_fragments_sent_total", **label)
    missed = metrics.value("media_service_worker_fallback_total", default=0, reason="deadline", **label)
    assert 9 <= sent <= 12
    assert metrics.value("media_service_worker_fallback_total", default=0, **label) == missed <= 0.1 * sent
    answered = metrics.value("media_service_worker_sts_fragments_processed_total", **label)
    assert metrics.value("media_service_worker_sts_fragments_processed_total", status="success", **label) == answered
    assert sent - missed <= answered <= sent
    assert metrics.value("media_service_worker_sts_processing_latency_seconds_count", **label) <= sent
    assert metrics.value("media_service_worker_circuit_breaker_state", default=0, **label) == 0
    assert broadcast.sts_metrics.value("sts_fragment_processing_seconds_count") >= answered


def test_status_while_it_runs(broadcast):
    streams = broadcast.streams_meanwhile
    assert set(streams) == {"demo", "count"}
    assert streams["demo"]["state"] == "running"
    assert [e for e in broadcast.events if e["event"] == "stream" and e["stream_id"] == "demo"]


def test_ends_cleanly_on_ctrl_c(broadcast):
    assert broadcast.exit_status == 0
    assert broadcast.events[-1]["event"] in ("stopping", "stopped")
    assert not [e for e in broadcast.events if e["event"] == "died"]


# ---- accidents ----

def children(pid):
    """Process ids of a process's children."""
    done = run(["ps", "-o", "pid=,comm=", "--ppid", pid])
    return {name: int(number) for number, name in (line.split(None, 1) for line in done.stdout.splitlines())}


@pytest.mark.parametrize("victim", ["sts-service", "media-service"])
def test_child_that_dies_is_started_again(victim, tmp_path, short):
    with Live(tmp_path) as live:
        old = children(live.program.pid)[victim]
        run(["kill", "-KILL", old])
        live.program.wait_for_line(r'"event": ?"died"', 10)
        wait_for(lambda: children(live.program.pid).get(victim, old) != old, 20, f"a new {victim}")
        wait_for(lambda: _answers(live), 30, "media-service")
        with rtmp.publish(short, live.publish_url("demo"), tmp_path / "publisher.log") as publisher:
            live.wait_published("live/demo/out", 40)
            with rtmp.record(live.play_url("demo"), tmp_path / "out.mkv") as recorder:
                assert publisher.wait(40) == 0, publisher.tail()
                assert recorder.wait(40) == 0, recorder.tail()
        assert live.metrics().value("media_service_worker_sts_fragments_processed_total", stream_id="demo") >= 2
    assert media.duration_s(tmp_path / "out.mkv", "audio") == pytest.approx(12, abs=0.15)


def _answers(live):
    try:
        return live.streams() is not None
    except OSError:
        return False


def test_without_sts_service_the_original_plays(tmp_path, until_end, short):
    """The output never waits for the dub: with nobody to dub, everything falls back, in time and in sync."""
    media_service = until_end(MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media-service.log"))
    url = f"{media_service.rtmp_url()}/live/alone"
    publisher = until_end(rtmp.publish(short, f"{url}/in", tmp_path / "publisher.log"))
    recorder = until_end(rtmp.record(f"{url}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    assert publisher.wait(40) == 0, publisher.tail()
    assert recorder.wait(40) == 0, recorder.tail()
    assert media.packet_hashes(tmp_path / "out.mkv") == media.packet_hashes(short)
    assert media.duration_s(tmp_path / "out.mkv", "audio") == pytest.approx(12, abs=0.1)
    original, heard = speech.aligned(media.decode_audio(short), media.decode_audio(tmp_path / "out.mkv"), RATE_HZ)
    assert speech.difference_db(original, heard, RATE_HZ) < 3
    assert abs(avsync.measure(tmp_path / "out.mkv")[0].offset_ms) < 45
    assert media_service.metrics().value("media_service_worker_fallback_total", stream_id="alone") >= 2


def test_viewer_who_comes_with_the_broadcaster(tmp_path, until_end, short):
    """However long the playout delay: the viewer is kept waiting, and sees all from the first frame."""
    media_service = until_end(MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media-service.log",
                                           WORKER_PLAYOUT_DELAY=14))
    url = f"{media_service.rtmp_url()}/live/early"
    recorder = until_end(rtmp.record(f"{url}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    until_end(rtmp.publish(short, f"{url}/in", tmp_path / "publisher.log"))
    assert recorder.wait(60) == 0, recorder.tail()
    assert media.packet_hashes(tmp_path / "out.mkv") == media.packet_hashes(short)


def test_a_key_without_in_is_dubbed_and_another_is_shown(tmp_path, until_end, short):
    """What people type into an encoder: the name alone works, and what cannot is told in the view."""
    with Live(tmp_path) as live:
        server = live.publish_url("x").rsplit("/live/", 1)[0]
        until_end(rtmp.publish(short, f"{server}/shows/main", tmp_path / "other.log"))
        live.program.wait_for_line("media-service: .*publishes shows/main: it is passed on as it is and not dubbed: publish live/NAME", 15)
        until_end(rtmp.publish(short, f"{server}/live/alone?lang=es", tmp_path / "alone.log", loop=4))
        live.wait_published("live/alone/out")
        assert list(live.streams()) == ["alone"]


def test_publisher_on_a_path_in_use_is_refused(tmp_path, until_end, short):
    media_service = until_end(MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media-service.log",
                                           RTMP_OVERRIDE_PUBLISHER=0))
    url = f"{media_service.rtmp_url()}/live/mine/in"
    first = until_end(rtmp.publish(short, url, tmp_path / "first.log"))
    wait_for(lambda: "mine" in media_service.streams(), 15, "the first publisher")
    done = run([path_of("airdub"), "dub", short, url], timeout_s=60)
    assert done.returncode == 7, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert first.running


@pytest.mark.parametrize("option", ["--rtmp-port", "--http-port", "--sts-port"])
def test_port_in_use(option, tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        others = [word for name in ("--rtmp-port", "--http-port", "--sts-port", "--api-port") if name != option for word in (name, "0")]
        done = run([path_of("airdub"), "live", "--log-dir", tmp_path, option, port, *others], timeout_s=60)
    assert done.returncode == 7, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("airdub: ") and str(port) in last, done.stderr


def test_sigterm_plays_out_what_is_in_hand(tmp_path, until_end, short, record_property):
    """Faster than real time: whoever starts the next service need not wait, and nothing of the programme is lost before it ends."""
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    service = until_end(MediaService(sts.url, tmp_path / "segments", tmp_path / "media-service.log"))
    url = f"{service.rtmp_url()}/live/x"
    published, player = until_end(Player(f"{url}/in")), until_end(Player(f"{url}/out"))
    until_end(rtmp.publish(short, f"{url}/in", tmp_path / "publisher.log", loop=-1))
    wait_for(lambda: len(player.pictures) > 100, 40, "some seconds of output")
    terminated = time.monotonic()
    service.signal(signal.SIGTERM)
    assert service.wait(15) == 0, service.tail()
    took_s = time.monotonic() - terminated
    wait_for(lambda: player.ends, 5, "the viewer's end")
    lost_s = player.lost_of(published, terminated) * (published.pictures[1][1] - published.pictures[0][1])
    print(f"{took_s:.2f} s; {lost_s:.2f} s lost")
    record_property("lost_s", lost_s)
    assert lost_s < 0.5
    assert took_s < 3.5
    assert abs(player.pictures[-1][1] - player.sounds[-1][1]) < 0.2
    decided = len(re.findall(r"stream x: fragment \d+ at ", service.output()))
    saved = json.loads((tmp_path / "segments" / "x.checkpoint.json").read_text())
    assert saved["next_fragment"] == decided, "a service that starts now goes on where this one has ended"
