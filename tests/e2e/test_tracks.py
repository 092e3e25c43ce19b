"""Sources with several sounds: which of them is dubbed, which is recognised, and which is heard under the dub.

The programme is a tone of 300 Hz, the commentary one of 1000 Hz; the recogniser says which tone it is given."""

import json
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from support import flv_tracks, media, programs, rtmp
from support.mediamtx_server import MediaMtx
from support.net import free_port, wait_for
from support.process import Program
from support.programs import mediamtx, path_of
from support.rtmp_stranger import RtmpStranger

pytestmark = pytest.mark.alone
SUPPORT = Path(programs.ROOT) / "tests" / "support"
PROGRAMME_HZ, COMMENTARY_HZ = 300, 1000
LENGTH_S = 13
IN_TIME_S = 60


def exec_of(name, *arguments):
    return " ".join(["exec:" + sys.executable, str(SUPPORT / name), *map(str, arguments)])


def engines(folder):
    return ["--asr", exec_of("tone_ear.py", folder / "ear.log"), "--mt", exec_of("phrase_translator.py", "es"),
            "--tts", exec_of("tone_voice.py")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """two.mp4 has both sounds; programme.flv the picture and the first, commentary.flv the second."""
    folder = tmp_path_factory.mktemp("clips")
    tone = lambda hz: ["-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=48000:duration={LENGTH_S}"]  # noqa: E731
    media.ffmpeg("-f", "lavfi", "-i", f"testsrc=size=128x72:rate=25:duration={LENGTH_S}", *tone(PROGRAMME_HZ), *tone(COMMENTARY_HZ),
                 "-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-ac:a:0",
                 "2", "-filter:a", "volume=6", folder / "two.mp4")
    for number, name in enumerate(("programme", "commentary")):
        picture = ["-map", "0:v"] if number == 0 else []
        media.ffmpeg("-i", folder / "two.mp4", *picture, "-map", f"0:a:{number}", "-c", "copy", folder / f"{name}.flv")
    return folder


@pytest.fixture(scope="module")
def multitrack(clips):
    """Tags as OBS sends them: the first sound plainly, the second as track 1, and one that nobody knows."""
    return flv_tracks.with_tracks(flv_tracks.read(clips / "programme.flv"), {1: flv_tracks.read(clips / "commentary.flv")})


def tones(path, at_s):
    """How loud programme and commentary are there, of full scale."""
    samples = media.decode_audio(path, rate_hz=16000)
    piece = samples[int(at_s * 16000):int((at_s + 0.5) * 16000)]
    turn = lambda hz: np.exp(-2j * np.pi * hz * np.arange(len(piece)) / 16000)  # noqa: E731
    return [2 * abs(np.mean(piece * turn(hz))) for hz in (PROGRAMME_HZ, COMMENTARY_HZ)]


def heard(folder):
    lines = [json.loads(line) for line in (folder / "ear.log").read_text().splitlines()]
    return [line["hz"] for line in lines if line["hz"]]


def assert_tracks(folder, out, hears, bed, at_s=3.0):
    """What was recognised all along, and what is heard where nobody speaks."""
    assert set(heard(folder)) == {hears}, heard(folder)
    levels = dict(zip((PROGRAMME_HZ, COMMENTARY_HZ), tones(out, at_s)))
    assert levels[bed] > 0.3, levels
    assert levels[PROGRAMME_HZ + COMMENTARY_HZ - bed] < 0.02, levels


CHOICES = [([], PROGRAMME_HZ, PROGRAMME_HZ), (["--commentary-track", "2"], COMMENTARY_HZ, PROGRAMME_HZ),
           (["--audio-track", "2"], COMMENTARY_HZ, COMMENTARY_HZ), (["--commentary-track", "1"], PROGRAMME_HZ, COMMENTARY_HZ),
           (["--audio-track", "2", "--commentary-track", "1"], PROGRAMME_HZ, COMMENTARY_HZ)]
NAMES = ["plain", "commentary", "audio", "commentary-first", "both"]


def dub(source, out, folder, *options):
    return Program([path_of("airdub"), "dub", "--json", *engines(folder), *options, source, out], name="airdub-dub",
                   log=folder / "airdub.log")


def fragments(program):
    lines = [json.loads(line) for line in program.output().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "fragment"]


@pytest.mark.parametrize("options, hears, bed", CHOICES, ids=NAMES)
@pytest.mark.parametrize("source", ["two.mp4", "two.mkv", "two.ts", "two.flv"])
def test_file(clips, multitrack, tmp_path, until_end, source, options, hears, bed):
    if source == "two.flv":
        flv_tracks.write(tmp_path / source, multitrack)
    elif source != "two.mp4":
        media.ffmpeg("-i", clips / "two.mp4", "-map", "0", "-c", "copy", tmp_path / source)
    path = clips / source if source == "two.mp4" else tmp_path / source
    program = until_end(dub(path, tmp_path / "out.mkv", tmp_path, *options))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_tracks(tmp_path, tmp_path / "out.mkv", hears, bed)
    told = fragments(program)
    assert len(told) == 2 and all(f["transcript"] == f"Tone {hears}" for f in told)
    assert sum(f["duration"] for f in told) == pytest.approx(LENGTH_S, abs=0.1)


def test_commentary_of_another_rate_that_begins_later_and_ends_sooner(clips, tmp_path, until_end):
    """Its silence is silence: nothing else is recognised in its place."""
    media.ffmpeg("-i", clips / "two.mp4", "-itsoffset", "2.1", "-f", "lavfi", "-i",
                 f"sine=frequency={COMMENTARY_HZ}:sample_rate=32000:duration=3.8", "-map", "0:v", "-map", "0:a:0", "-map", "1", "-c:v",
                 "copy", "-c:a", "aac", "-filter:a:1", "volume=6", tmp_path / "odd.mp4")
    program = until_end(dub(tmp_path / "odd.mp4", tmp_path / "out.mkv", tmp_path, "--commentary-track", "2", "--segment", "2",
                            "--segment-mode", "fixed"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    said = [f["transcript"] for f in fragments(program)]
    assert said[:6] == ["", "Tone 1000", "Tone 1000", "", "", ""], said
    assert_tracks(tmp_path, tmp_path / "out.mkv", COMMENTARY_HZ, PROGRAMME_HZ, at_s=9.0)


@pytest.mark.parametrize("channels", [1, 2])
def test_commentary_beside_surround(clips, tmp_path, until_end, channels):
    """Recognition hears it alone, and nothing of the six channels of the programme, which stay six."""
    media.ffmpeg("-i", clips / "two.mp4", "-map", "0:v", "-map", "0:a:0", "-map", "0:a:1", "-c:v", "copy", "-c:a", "aac",
                 "-filter:a:0", "pan=5.1|FL=c0|FR=c1|FC=c0|BL=c0|BR=c1", "-ac:a:1", channels, "-ar:a:1", "44100", tmp_path / "wide.mp4")
    program = until_end(dub(tmp_path / "wide.mp4", tmp_path / "out.mkv", tmp_path, "--commentary-track", "2"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_tracks(tmp_path, tmp_path / "out.mkv", COMMENTARY_HZ, PROGRAMME_HZ)
    assert media.probe(tmp_path / "out.mkv")["streams"][1]["channels"] == 6
    assert all(f["transcript"] == f"Tone {COMMENTARY_HZ}" for f in fragments(program))


def test_a_track_that_is_not_there_is_refused(clips, multitrack, tmp_path, until_end):
    flv_tracks.write(tmp_path / "two.flv", multitrack)
    for source, options, says in [(clips / "two.mp4", ["--commentary-track", "3"], "there is no audio track 3; it has 2"),
                                  (tmp_path / "two.flv", ["--audio-track", "3"], "no audio track 3")]:
        program = until_end(dub(source, tmp_path / "out.mkv", tmp_path, *options))
        assert program.wait(IN_TIME_S) not in (0, 1) and says in program.output(), program.tail()
        assert not (tmp_path / "out.mkv").exists()


@pytest.mark.parametrize("options, hears, bed", CHOICES[1:4], ids=NAMES[1:4])
def test_mpeg_ts_over_srt(clips, tmp_path, until_end, options, hears, bed):
    out, url = tmp_path / "out.mkv", f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    peer = until_end(Program(["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", clips / "two.mp4", "-map", "0", "-c", "copy", "-f",
                              "mpegts", f"{url}?mode=listener"], name="peer", log=tmp_path / "peer.log"))
    program = until_end(dub(url, out, tmp_path, *options))
    assert peer.wait(IN_TIME_S) == 0, peer.tail()
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_tracks(tmp_path, out, hears, bed)


@pytest.mark.parametrize("options, hears, bed", CHOICES[1:4], ids=NAMES[1:4])
def test_rtsp(clips, tmp_path, until_end, options, hears, bed):
    server = until_end(Program(["/usr/bin/python3", SUPPORT / "rtsp_server.py", clips / "two.mp4", "2"], name="rtsp-server",
                               log=tmp_path / "rtsp.log"))
    port = server.wait_for_line(r"^listening (\d+)").group(1)
    program = until_end(dub(f"rtsp://127.0.0.1:{port}/show", tmp_path / "out.mkv", tmp_path, *options))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_tracks(tmp_path, tmp_path / "out.mkv", hears, bed)


def send_in_real_time(client, tags):
    begun = time.monotonic()
    for tag in tags:
        time.sleep(max(begun + tag.stamp_ms / 1000 - time.monotonic(), 0))
        client.send_message(tag.kind, tag.body, stream=1, stamp_ms=tag.stamp_ms)


def services(folder, until_end, **env):
    sts = until_end(programs.sts_service(folder / "sts.log", ASR_PROVIDER=exec_of("tone_ear.py", folder / "ear.log"),
                                         TRANSLATION_PROVIDER=exec_of("phrase_translator.py", "es"),
                                         TTS_PROVIDER=exec_of("tone_voice.py")))
    return until_end(programs.MediaService(sts.url, folder / "segments", folder / "media.log", **env))


@pytest.mark.parametrize("query, hears, bed", [("", PROGRAMME_HZ, PROGRAMME_HZ), ("?commentary=2", COMMENTARY_HZ, PROGRAMME_HZ),
                                               ("?audio=2", COMMENTARY_HZ, COMMENTARY_HZ), ("?audio=x", PROGRAMME_HZ, PROGRAMME_HZ)],
                         ids=["plain", "commentary", "audio", "nonsense"])
def test_enhanced_rtmp(multitrack, tmp_path, until_end, query, hears, bed):
    service = services(tmp_path, until_end)
    out = tmp_path / "out.flv"
    with RtmpStranger(int(service.rtmp_url().rsplit(":", 1)[1])) as client:
        client.connect()
        client.publish(f"show/in{query}")
        client.wait_for(b"NetStream.Publish.Start")
        sender = threading.Thread(target=send_in_real_time, args=(client, multitrack))
        sender.start()
        wait_for(lambda: service.streams(), 15, "the stream")
        recorder = until_end(rtmp.record(f"{service.rtmp_url()}/live/show/out", out, tmp_path / "viewer.log"))
        sender.join()
    assert recorder.wait(IN_TIME_S) == 0, recorder.tail()
    assert_tracks(tmp_path, out, hears, bed)
    assert media.duration_s(out, "video") > LENGTH_S - 1.5
    assert ("?audio=x is no number of a track" in service.output()) == (query == "?audio=x")


@pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set")
def test_mediamtx(clips, tmp_path, until_end):
    """Two sounds come to it by RTSP; its RTMP would give one of them."""
    ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port(), rtsp=free_port())
    server = until_end(MediaMtx(tmp_path, ports))
    service = services(tmp_path, until_end, MEDIA_SERVER="mediamtx", MEDIAMTX_RTMP_URL=f"rtmp://127.0.0.1:{ports.rtmp}",
                       MEDIAMTX_RTSP_URL=f"rtsp://127.0.0.1:{ports.rtsp}", MEDIAMTX_API_URL=server.api,
                       MEDIAMTX_PLAYBACK_URL=f"http://127.0.0.1:{ports.playback}")
    publisher = until_end(Program(["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", clips / "two.mp4", "-map", "0", "-c", "copy", "-f",
                                   "rtsp", "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{ports.rtsp}/live/show/in?commentary=2"],
                                  name="publisher", log=tmp_path / "publisher.log"))
    wait_for(lambda: server.ready_at("live/show/out"), 25, "the dubbed stream")
    assert publisher.wait(IN_TIME_S) == 0, publisher.tail()
    wait_for(lambda: not server.has("live/show/out"), 30, "the end of the dubbed stream")
    out, = (tmp_path / "recordings/live/show/out").iterdir()
    assert_tracks(tmp_path, out, COMMENTARY_HZ, PROGRAMME_HZ)
    assert "no picture has come" not in service.output()
