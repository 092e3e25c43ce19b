"""`airdub dub` between live URLs and files: in real time, to the end of the source, whole."""

import socket
import subprocess

import pytest

from support import avsync, media, rtmp
from support.net import free_port
from support.process import Program
from support.programs import build_dir, path_of

pytestmark = pytest.mark.alone

IN_TIME_S = 60


@pytest.fixture
def server(tmp_path, until_end):
    """The built-in media server by itself; url(path) is where its clients go."""
    program = until_end(Program([build_dir() / "examples" / "rtmp-server", "0"], name="rtmp-server", log=tmp_path / "server.log",
                                stdin=subprocess.PIPE))
    port = int(program.wait_for_line(r"^listening (\d+)").group(1))
    program.url = lambda path: f"rtmp://127.0.0.1:{port}/{path}"
    return program


def dub(source, out, log):
    return Program([path_of("airdub"), "dub", "--json", source, out], name="airdub", log=log)


def assert_whole(source, out, tolerance_s):
    for kind in ("video", "audio"):
        assert media.duration_s(out, kind) == pytest.approx(media.duration_s(source, kind), abs=tolerance_s), kind
    assert media.packet_hashes(out) == media.packet_hashes(source)
    assert all(abs(m.offset_ms) < 45 for m in avsync.measure(out) if m.offset_ms is not None)


def test_stream_to_file(server, short, tmp_path, until_end):
    out = tmp_path / "out.mkv"
    program = until_end(dub(server.url("live/show/in"), out, tmp_path / "airdub.log"))
    until_end(rtmp.publish(short, server.url("live/show/in"), tmp_path / "publisher.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_whole(short, out, tolerance_s=0.1)


def test_file_to_stream(server, short, tmp_path, until_end):
    out = tmp_path / "out.mkv"
    recorder = until_end(rtmp.record(server.url("live/show/out"), out, tmp_path / "recorder.log"))
    program = until_end(dub(short, server.url("live/show/out"), tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert recorder.wait(IN_TIME_S) == 0, recorder.tail()
    assert_whole(short, out, tolerance_s=0.1)


def test_file_to_srt(short, tmp_path, until_end):
    """A listener as a broadcaster's gateway has it: MPEG-TS over SRT."""
    out, url = tmp_path / "out.ts", f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    listener = until_end(Program(["ffmpeg", "-nostdin", "-v", "warning", "-y", "-i", f"{url}?mode=listener", "-map", "0", "-c", "copy", out],
                                 name="listener", log=tmp_path / "listener.log"))
    program = until_end(dub(short, url, tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert listener.wait(IN_TIME_S) == 0, listener.tail()
    for kind in ("video", "audio"):
        assert media.duration_s(out, kind) == pytest.approx(12, abs=0.1), kind
