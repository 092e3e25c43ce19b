"""`airdub dub` between live URLs and files: in real time, to the end of the source, whole."""

import functools
import http.server
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import requests

from support import avsync, media, rtmp
from support.net import free_port, wait_for, wait_for_port
from support.process import Program
from support.programs import MEDIAMTX_ENV, build_dir, mediamtx, path_of

pytestmark = pytest.mark.alone

IN_TIME_S = 90
SUPPORT = Path(__file__).resolve().parents[1] / "support"


@pytest.fixture
def server(tmp_path, until_end):
    """The built-in media server by itself; url(path) is where its clients go."""
    program = until_end(Program([build_dir() / "examples" / "rtmp-server", "0"], name="rtmp-server", log=tmp_path / "server.log",
                                stdin=subprocess.PIPE, env={"WAIT_MS": "60000"}))  # players come before engines are loaded
    port = int(program.wait_for_line(r"^listening (\d+)").group(1))
    program.url = lambda path: f"rtmp://127.0.0.1:{port}/{path}"
    return program


def dub(source, out, log):
    return Program([path_of("airdub"), "dub", "--json", source, out], name="airdub", log=log)


def assert_in_sync(out):
    """At the short clip's flash, or those of its repetitions."""
    offsets = [mark.offset_ms for mark in avsync.measure(out)]
    assert offsets and all(offset is not None and abs(offset) < 45 for offset in offsets), offsets


def assert_whole(source, out, through_ts=False):
    """MPEG-TS frames its access units anew: there the pictures are counted."""
    for kind in ("video", "audio"):
        assert media.duration_s(out, kind) == pytest.approx(media.duration_s(source, kind), abs=0.1), kind
    pictures = len if through_ts else list
    assert pictures(media.packet_hashes(out)) == pictures(media.packet_hashes(source))
    assert_in_sync(out)


def test_stream_to_file(server, short, tmp_path, until_end):
    out = tmp_path / "out.mkv"
    program = until_end(dub(server.url("live/show/in"), out, tmp_path / "airdub.log"))
    until_end(rtmp.publish(short, server.url("live/show/in"), tmp_path / "publisher.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_whole(short, out)


def test_file_to_stream(server, short, tmp_path, until_end):
    out = tmp_path / "out.mkv"
    recorder = until_end(rtmp.record(server.url("live/show/out"), out, tmp_path / "recorder.log"))
    program = until_end(dub(short, server.url("live/show/out"), tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert recorder.wait(IN_TIME_S) == 0, recorder.tail()
    assert_whole(short, out)


# ---- RTSP: Debian's own server always, MediaMTX where there is one ----

class GstRtsp(Program):
    """Plays the clip to who asks, from its beginning, in real time."""

    length_s, missed_s = 12, 0

    def __init__(self, clip, folder):
        super().__init__(["/usr/bin/python3", SUPPORT / "rtsp_server.py", clip], name="rtsp-server", log=folder / "rtsp.log")
        port = self.wait_for_line(r"^listening (\d+)").group(1)
        self.source_url = f"rtsp://127.0.0.1:{port}/show"


class MediamtxRtsp(Program):
    """The clip is published to it, twice over, once somebody asks, who has missed the first seconds by then. By RTMP and without
    B-frames: otherwise what MediaMTX counts at PLAY is not exact."""

    length_s, missed_s = 24, 6

    def __init__(self, clip, folder):
        port, rtmp_port, config = free_port(), free_port(), folder / "mediamtx.yml"
        self.source_url = f"rtsp://127.0.0.1:{port}/show"
        publish = (f"ffmpeg -nostdin -v warning -re -stream_loop 1 -i {clip} -c:a copy -c:v libx264 -preset ultrafast -bf 0 -g 30 -f flv "
                   f"rtmp://127.0.0.1:{rtmp_port}/show")
        config.write_text(f"rtspAddress: 127.0.0.1:{port}\nrtspTransports: [tcp]\nrtmpAddress: 127.0.0.1:{rtmp_port}\n"
                          f"hls: no\nwebrtc: no\nsrt: no\npaths:\n  show:\n    runOnDemand: {publish}\n")
        super().__init__([mediamtx(), config], name="mediamtx", env=MEDIAMTX_ENV, log=folder / "mediamtx.log", cwd=folder)
        wait_for_port(port)


@pytest.fixture(params=[GstRtsp, MediamtxRtsp], ids=["gstreamer", "mediamtx"])
def rtsp(request, tmp_path, until_end, short):
    if request.param is MediamtxRtsp and not mediamtx():
        pytest.skip("MediaMTX is not on PATH and MEDIAMTX_BIN is not set")
    return until_end(request.param(short, tmp_path))


def test_rtsp_to_file(rtsp, short, tmp_path, until_end):
    out = tmp_path / "out.mkv"
    program = until_end(dub(rtsp.source_url, out, tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_in_sync(out)
    lengths_s = [media.duration_s(out, kind) for kind in ("video", "audio")]
    assert lengths_s[0] == pytest.approx(lengths_s[1], abs=1.1 if rtsp.missed_s else 0.1)  # it waits for a key frame
    assert rtsp.length_s - rtsp.missed_s - 0.1 < min(lengths_s) <= max(lengths_s) < rtsp.length_s + 0.1
    assert len(media.packets(out, "video")) == pytest.approx(lengths_s[0] * 30, abs=2)


def test_rtsp_path_that_is_not_there(rtsp, tmp_path, until_end):
    program = until_end(dub(rtsp.source_url.replace("/show", "/nothing"), tmp_path / "out.mkv", tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 3, program.tail()
    assert_one_error(program, "/nothing: ")
    assert not (tmp_path / "out.mkv").exists()


def assert_one_error(program, says):
    lines = [line for line in program.output().splitlines() if line.startswith("airdub: ")]
    assert len(lines) == 1 and says in lines[0], program.tail()


# ---- SRT ----

def ffmpeg_over_srt(clip, url, folder, name="peer", loop=0):
    return Program(["ffmpeg", "-nostdin", "-v", "warning", "-re", "-stream_loop", loop, "-i", clip, "-c", "copy", "-f", "mpegts", url],
                   name=name, log=folder / f"{name}.log")


@pytest.mark.parametrize("we_listen", [True, False], ids=["from-caller", "from-listener"])
def test_srt_to_file(we_listen, short, tmp_path, until_end):
    """We listen, as for an encoder that calls its studio; or we call, as one calls a gateway. The peer's end is the end."""
    out, url = tmp_path / "out.mkv", f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    ours, theirs = ("?mode=listener", "?connect_timeout=20000") if we_listen else ("", "?mode=listener")
    program = dub(f"{url}{ours}", out, tmp_path / "airdub.log") if we_listen else None
    peer = until_end(ffmpeg_over_srt(short, f"{url}{theirs}", tmp_path))
    program = until_end(program or dub(f"{url}{ours}", out, tmp_path / "airdub.log"))
    assert peer.wait(IN_TIME_S) == 0, peer.tail()
    assert program.wait(30) == 0, program.tail()  # the playout delay; one that looks for its peer goes on for 80 s
    for kind in ("video", "audio"):  # ffmpeg closes without waiting for its last fraction of a second to arrive
        assert 12 - 0.6 < media.duration_s(out, kind) < 12.1, kind
    assert_in_sync(out)


def test_srt_listener_is_killed_and_comes_back(short, tmp_path, until_end):
    """Without a goodbye it is no end: we call again, and what then comes goes on in the same output, in sync."""
    out, url = tmp_path / "out.mkv", f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    first = until_end(ffmpeg_over_srt(short, f"{url}?mode=listener", tmp_path, "first", loop=1))
    program = until_end(dub(url, out, tmp_path / "airdub.log"))
    program.wait_for_line('"media_time": ?[1-9]', 30)  # a playout delay after it came: past the first flash, before the second
    first.signal(signal.SIGKILL)
    second = until_end(ffmpeg_over_srt(short, f"{url}?mode=listener", tmp_path, "second"))
    assert second.wait(IN_TIME_S) == 0, second.tail()
    assert program.wait(30) == 0, program.tail()
    assert len(avsync.measure(out)) == 2
    assert_in_sync(out)


def test_file_to_srt(short, tmp_path, until_end):
    """A listener as a broadcaster's gateway has it: MPEG-TS over SRT."""
    out, url = tmp_path / "out.ts", f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    listener = until_end(Program(["ffmpeg", "-nostdin", "-v", "warning", "-y", "-i", f"{url}?mode=listener", "-map", "0", "-c", "copy", out],
                                 name="listener", log=tmp_path / "listener.log"))
    program = until_end(dub(short, url, tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert listener.wait(IN_TIME_S) == 0, listener.tail()
    assert_whole(short, out, through_ts=True)


# ---- HLS ----

@pytest.fixture
def web(tmp_path):
    """(folder, URL) of a web server."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def test_hls_that_grows_to_file(web, short, tmp_path, until_end):
    """A playlist that is written while it is read, and closed at the end."""
    folder, url = web
    out = tmp_path / "out.mkv"
    until_end(Program(["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", short, "-c", "copy", "-f", "hls", "-hls_time", 2,
                       "-hls_playlist_type", "event", folder / "show.m3u8"], name="packager", log=tmp_path / "packager.log"))
    wait_for(lambda: requests.get(f"{url}/show.m3u8", timeout=5).status_code == 200, 20, "the playlist")
    program = until_end(dub(f"{url}/show.m3u8", out, tmp_path / "airdub.log"))
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert_whole(short, out, through_ts=True)


def test_stream_to_hls(server, short, tmp_path, until_end):
    out = tmp_path / "show.m3u8"
    program = until_end(dub(server.url("live/show/in"), out, tmp_path / "airdub.log"))
    until_end(rtmp.publish(short, server.url("live/show/in"), tmp_path / "publisher.log"))
    wait_for(lambda: out.exists() and "#EXTINF" in out.read_text(), IN_TIME_S, "a playlist that is watched while it grows")
    assert "#EXT-X-ENDLIST" not in out.read_text() and program.running
    assert program.wait(IN_TIME_S) == 0, program.tail()
    assert "#EXT-X-ENDLIST" in out.read_text()
    assert_whole(short, out, through_ts=True)
