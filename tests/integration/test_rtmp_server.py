"""The built-in media server (examples/rtmp-server) with the clients people have: ffmpeg's own RTMP, GStreamer's rtmp2,
and librtmp (what OBS has) in GStreamer's rtmpsink and in rtmpdump."""

import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from support import media
from support.net import wait_for
from support.process import Program
from support.programs import build_dir

CLIP_S = 4
AUDIO, VIDEO, DATA = 8, 9, 18


class Server(Program):
    def __init__(self, log, **env):
        program = build_dir() / "examples" / "rtmp-server"
        assert program.exists(), f"{program} is not built: run make"
        super().__init__([program, "0"], name="rtmp-server", log=log, stdin=subprocess.PIPE, env=env)
        self.port = int(self.wait_for_line(r"^listening (\d+)").group(1))

    def url(self, path):
        return f"rtmp://127.0.0.1:{self.port}/{path}"

    def paths(self):
        """Name to (ready, bytes, readers, tracks) of every published path."""
        before = self._seen
        self.popen.stdin.write("paths\n")
        self.popen.stdin.flush()
        wait_for(lambda: "end" in self._since(before), 5, "an answer to 'paths'")
        rows = [line.split(" ", 5) for line in self._since(before) if line.startswith("path ")]
        return {row[1]: (row[2] == "1", int(row[3]), int(row[4]), row[5]) for row in rows}

    def _since(self, count):
        with self._changed:
            new = self._seen - count
            return list(self.lines)[-new:] if new else []

    def wait_ready(self, path):
        wait_for(lambda: self.paths().get(path, (False,))[0], 10, f"media on {path}")


@pytest.fixture
def server(tmp_path):
    """Ends with status 0 whatever its clients did: under ASan that says that nothing leaked."""
    program = Server(tmp_path / "server.log")
    yield program
    assert program.stop() == 0, program.tail()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """4 s, B-frames, a key frame a second."""
    path = tmp_path_factory.mktemp("clip") / "clip.flv"
    media.ffmpeg("-f", "lavfi", "-i", "testsrc=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
                 "-t", CLIP_S, "-c:v", "libx264", "-preset", "ultrafast", "-g", 30, "-bf", 2, "-pix_fmt", "yuv420p",
                 "-c:a", "aac", "-b:a", "96k", path)
    return path


def tags(path):
    """(type, timestamp in ms, payload) of every tag of an FLV file; a tag cut off at the end is left out."""
    data = path.read_bytes()
    at, found = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        if at + 11 + size > len(data):
            break
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        found.append((data[at], stamp, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return found


def is_header(tag):
    return tag[2][1] == 0


def units(path, kind):
    """(timestamp, bytes) of the access units, without decoder configuration and end of sequence."""
    return [(t[1], t[2]) for t in tags(path) if t[0] == kind and len(t[2]) > 5 and not is_header(t)]


PUBLISHERS = {
    "ffmpeg": lambda clip, url: ["ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", clip, "-c", "copy", "-f", "flv", url],
    "rtmp2sink": lambda clip, url: gstreamer_publisher(clip, f"rtmp2sink location={url}"),
    "librtmp": lambda clip, url: gstreamer_publisher(clip, f"rtmpsink location={url}"),
}
PLAYERS = {
    "ffmpeg": lambda url, out: ["ffmpeg", "-v", "warning", "-nostdin", "-i", url, "-c", "copy", "-y", out],
    "rtmp2src": lambda url, out: ["gst-launch-1.0", "-q", "rtmp2src", f"location={url}", "!", "filesink", f"location={out}"],
    "librtmp": lambda url, out: ["rtmpdump", "-q", "-v", "-r", url, "-o", out],  # rtmpsrc would connect again at the end
}


def gstreamer_publisher(clip, sink):
    """Real time by `identity sync`; the tags are made anew by flvmux."""
    return ["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "flvdemux", "name=d", "flvmux", "name=m", "streamable=true",
            "!", *sink.split(), "d.video", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!", "m.",
            "d.audio", "!", "queue", "!", "aacparse", "!", "identity", "sync=true", "!", "m."]


def bodies(path, kind):
    """The bytes of the access units behind FLV's own five or two."""
    return [unit[5 if kind == VIDEO else 2:] for _, unit in units(path, kind)]


def strip_aud(body):
    """Without access unit delimiters and parameter sets, which muxers add and take away."""
    nals, at = [], 0
    while at + 4 <= len(body):
        size = int.from_bytes(body[at:at + 4], "big")
        nal = body[at + 4:at + 4 + size]
        if nal[0] & 31 in (1, 5):
            nals.append(nal)
        at += 4 + size
    return nals


def assert_whole(clip, recorded, what):
    """Every access unit of the clip, in order, unchanged."""
    assert bodies(recorded, AUDIO) == bodies(clip, AUDIO), f"{what}: audio differs"
    want = [strip_aud(b) for b in bodies(clip, VIDEO)]
    assert [strip_aud(b) for b in bodies(recorded, VIDEO)] == want, f"{what}: video differs"


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_every_client_gets_the_whole_stream(server, start, clip, tmp_path, publisher):
    """Players that come while the stream has just begun miss nothing, and nothing is lost at the end."""
    url = server.url("live/x/in")
    source = start(PUBLISHERS[publisher](clip, url), name="publisher")
    server.wait_ready("live/x/in")
    outs = {name: tmp_path / f"{name}.flv" for name in PLAYERS}
    players = {name: start(PLAYERS[name](url, outs[name]), name=name) for name in PLAYERS}
    assert source.wait(30) == 0, source.tail()
    for player in players.values():
        assert player.wait(10) == 0, player.tail()
    for name in players:
        if publisher == "ffmpeg":
            assert_whole(clip, outs[name], name)
        else:  # what GStreamer's muxer made is the reference: all players have the same
            assert len(units(outs[name], VIDEO)) == CLIP_S * 30
            assert units(outs[name], VIDEO) == units(outs["librtmp"], VIDEO), name
            assert units(outs[name], AUDIO) == units(outs["librtmp"], AUDIO), name
    assert server.running


def test_waiting_players_get_the_first_frame(server, start, clip, tmp_path):
    """Players that come before there is a publisher."""
    url = server.url("live/x/in")
    names = ["ffmpeg", "rtmp2src"]
    players = [start(PLAYERS[name](url, tmp_path / f"{name}.flv"), name=name) for name in names]
    wait_for(lambda: server.output().count("plays") == 0 and server.running, 1, "the server")
    source = start(PUBLISHERS["ffmpeg"](clip, url), name="publisher")
    assert source.wait(30) == 0
    for name, player in zip(names, players):
        assert player.wait(10) == 0, player.tail()
        assert_whole(clip, tmp_path / f"{name}.flv", name)


def test_a_late_player_starts_at_a_key_frame(tmp_path, until_end, start, clip):
    """Past the head: the last group of pictures and its audio, timestamps unchanged."""
    server = until_end(Server(tmp_path / "server.log", HEAD_MS="1"))
    url = server.url("live/x/in")
    source = start(PUBLISHERS["ffmpeg"](clip, url), name="publisher")
    server.wait_ready("live/x/in")
    size = sum(len(t[2]) for t in tags(clip))
    wait_for(lambda: server.paths()["live/x/in"][1] > size * 0.6, 10, "more than half of the clip", interval_s=0.01)
    outs = [tmp_path / f"late-{i}.flv" for i in range(2)]
    players = [start(PLAYERS["rtmp2src"](url, out), name="player") for out in outs]
    assert source.wait(30) == 0
    all_video, all_audio = units(clip, VIDEO), units(clip, AUDIO)
    for out, player in zip(outs, players):
        assert player.wait(10) == 0, player.tail()
        video, audio = units(out, VIDEO), units(out, AUDIO)
        assert video[0][1][0] == 0x17 and video[0][0] > 0
        assert video == all_video[-len(video):] and audio == all_audio[-len(audio):]
        assert abs(video[0][0] - audio[0][0]) < 100
        kinds = [t[0] for t in tags(out)][:3]
        assert kinds == [DATA, VIDEO, AUDIO] and is_header(tags(out)[1]) and is_header(tags(out)[2])


def test_timestamps_beyond_24_bits(server, start, clip, tmp_path):
    """Across 4 h 39 min, from where on the extended timestamp is in use, in every chunk."""
    url = server.url("live/x/in")
    offset_ms = 0x1000000
    moved = ["ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", clip, "-c", "copy", "-output_ts_offset", f"{offset_ms / 1000}",
             "-f", "flv", url]
    source = start(moved, name="publisher")
    server.wait_ready("live/x/in")
    players = {name: start(PLAYERS[name](url, tmp_path / f"{name}.flv"), name=name) for name in ("rtmp2src", "librtmp")}
    assert source.wait(30) == 0
    for name, player in players.items():
        assert player.wait(10) == 0
        for kind in (AUDIO, VIDEO):
            got, want = units(tmp_path / f"{name}.flv", kind), units(clip, kind)
            assert [u[1] for u in got] == [u[1] for u in want], name
            moved_ms = {g[0] - w[0] for g, w in zip(got, want)}
            assert len(moved_ms) == 1 and offset_ms - 100 <= moved_ms.pop() <= offset_ms, name


@pytest.mark.parametrize("player", PLAYERS)
def test_players_end_when_the_publisher_dies(server, start, clip, tmp_path, player):
    url = server.url("live/x/in")
    source = start(PUBLISHERS["ffmpeg"](clip, url), name="publisher")
    server.wait_ready("live/x/in")
    out = tmp_path / "out.flv"
    viewer = start(PLAYERS[player](url, out), name="player")
    wait_for(lambda: server.paths().get("live/x/in", (0, 0, 0))[2] == 1, 10, "the player")
    source.signal(9)
    begun = time.monotonic()
    viewer.wait(10)
    assert time.monotonic() - begun < 2
    server.wait_for_line("^unpublish live/x/in")


def test_a_path_in_use_is_refused(tmp_path, until_end, start, clip):
    server = until_end(Server(tmp_path / "server.log", KEEPS_PUBLISHERS="1"))
    url = server.url("live/x/in")
    first = start(PUBLISHERS["ffmpeg"](clip, url), name="first")
    server.wait_ready("live/x/in")
    for name in PUBLISHERS:
        second = start(PUBLISHERS[name](clip, url), name=name)
        second.wait(10)
        assert second.popen.returncode != 0 or name == "librtmp", second.tail()  # rtmpsink ends without a word
        if name == "ffmpeg":
            assert "RTMP_OVERRIDE_PUBLISHER" in second.output()
    assert first.wait(30) == 0, first.tail()
    assert len(re.findall("^publish ", server.output(), re.M)) == 1


@pytest.mark.parametrize("player", PLAYERS)
def test_a_newer_publisher_takes_over(server, start, clip, tmp_path, player):
    """Each kind after a first one that has stopped half-way, as after a lost connection: players stay, and time goes on for them."""
    url = server.url("live/x/in")
    out = tmp_path / "out.flv"
    old = start(PUBLISHERS["ffmpeg"](clip, url), name="first")
    server.wait_ready("live/x/in")
    viewer = start(PLAYERS[player](url, out), name="player")
    wait_for(lambda: server.paths()["live/x/in"][2] == 1, 10, "the player")
    for name in PUBLISHERS:
        old.signal(signal.SIGSTOP)
        came = server.output().count("takes over")
        newer = start(PUBLISHERS[name](clip, url), name=name)
        wait_for(lambda came=came: len(re.findall("^publish ", server.output(), re.M)) > came + 1 or came, 10, "the newer one")
        server.wait_ready("live/x/in")
        old.signal(signal.SIGCONT)
        assert old.wait(10) != 0 or old.name == "librtmp", f"{old.name} did not notice: {old.tail()}"
        old = newer
    assert old.wait(30) == 0, old.tail()
    assert viewer.wait(10) == 0, viewer.tail()
    stamps = {kind: [at for at, _ in units(out, kind)] for kind in (AUDIO, VIDEO)}
    for of in stamps.values():
        assert [(a, b) for a, b in zip(of, of[1:]) if a > b] == [], "time went back"  # flvmux has equal ones
    assert abs(stamps[AUDIO][-1] - stamps[VIDEO][-1]) < 200
    assert bodies(out, AUDIO)[-50:] == bodies(clip, AUDIO)[-50:], "the last one's end is missing"
    assert len(re.findall("takes over from .*, which is closed", server.output())) == 1  # the others are counted


def test_a_path_that_nobody_publishes(tmp_path, until_end, start):
    server = until_end(Server(tmp_path / "server.log", WAIT_MS="500"))
    for name in PLAYERS:
        player = start(PLAYERS[name](server.url("live/nobody/in"), tmp_path / "none.flv"), name=name)
        begun = time.monotonic()
        player.wait(10)
        assert time.monotonic() - begun < 5, name
    server.wait_for_line("nobody publishes live/nobody/in")


def test_twenty_publishers_at_once(server, start, clip, tmp_path):
    """Each with two players; what it costs the server."""
    ids = [f"live/s{i}/in" for i in range(20)]
    sources = [start(PUBLISHERS["ffmpeg"](clip, server.url(p)), name=p.replace("/", "-")) for p in ids]
    for path in ids:
        server.wait_ready(path)
    outs = {p: tmp_path / f"{p.split('/')[1]}.flv" for p in ids[:5]}
    players = [start(PLAYERS["rtmp2src"](server.url(p), out), name="player") for p, out in outs.items()]
    assert server.paths()[ids[0]][3] == "H264,MPEG-4 Audio"
    for source in sources:
        assert source.wait(60) == 0, source.tail()
    for player in players:
        assert player.wait(10) == 0
    for path, out in outs.items():
        assert_whole(clip, out, path)
    print(f"20 streams of {CLIP_S} s: {server.cpu_s():.2f} CPU-seconds, {server.peak_rss_kb()} kB")
    if "asan" not in str(build_dir()):
        assert server.peak_rss_kb() < 60_000


def test_garbage(server, start, clip, tmp_path):
    """What is no RTMP is closed, what stops half-way is forgotten, and a stream beside it does not notice."""
    url = server.url("live/x/in")
    source = start(PUBLISHERS["ffmpeg"](clip, url), name="publisher")
    server.wait_ready("live/x/in")
    out = tmp_path / "out.flv"
    player = start(PLAYERS["ffmpeg"](url, out), name="player")
    dice = random.Random(1)
    files = server.open_files()
    for i in range(200):
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            hello = b"\3" + bytes(1536 * 2) if i % 2 else b""
            try:
                peer.sendall(hello + dice.randbytes(dice.randrange(5000)))
            except OSError:
                pass  # it has closed already
    assert source.wait(30) == 0, source.tail()
    assert player.wait(10) == 0
    assert_whole(clip, out, "player")
    wait_for(lambda: server.open_files() <= files, 15, "the connections to be closed")
    assert server.running


def test_port_in_use(server):
    done = subprocess.run([build_dir() / "examples" / "rtmp-server", str(server.port)], capture_output=True, text=True, timeout=10,
                          stdin=subprocess.DEVNULL, env=os.environ)
    assert done.returncode == 1
    assert f"port {server.port} is in use" in done.stderr
