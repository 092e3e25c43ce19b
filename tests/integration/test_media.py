"""Media in and out through tests/support/media-copy: every container, its lengths, its sync, its error lines."""
import array
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
RTMP_SERVER = BUILD / "examples/rtmp-server"
SECONDS, RATE_HZ, FPS = 5, 44100, 30
FLASHES_S = (1, 3)  # white from there, and a beep; then every 2 s

VIDEO = f"color=black:s=320x240:r={FPS}:d={SECONDS},drawbox=c=white:t=fill:enable='eq(mod(n\\,60)\\,30)'"
BEEPS = f"aevalsrc='if(gte(t\\,1)*lt(mod(t-1\\,2)\\,0.05)\\,0.8*sin(2*PI*1000*t)\\,0)':s={RATE_HZ}:d={SECONDS}"
AUDIO_KINDS = ("m4a", "mp3", "wav")
H264_KINDS = ("mp4", "mov", "mkv", "ts", "flv")

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")


def run(*arguments, timeout=60):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=timeout)


def ffmpeg(*arguments):
    result = run("ffmpeg", "-v", "error", "-y", *arguments)
    assert result.returncode == 0, result.stderr


def copy(*arguments, timeout=60):
    result = run(COPY, *arguments, timeout=timeout)
    facts = json.loads(result.stdout) if result.stdout.strip() else {}
    return result.returncode, facts, result.stderr.strip()


def probe(path, *entries):
    result = run("ffprobe", "-v", "error", "-of", "json", *entries, path)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def duration_of(path):
    return float(probe(path, "-show_entries", "format=duration")["format"]["duration"])


def video_hashes(path):
    """MD5 of each video frame's NAL units, whatever stands between them."""
    result = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-f", "framemd5", "-")
    assert result.returncode == 0, result.stderr
    return [line.split(",")[-1].strip() for line in result.stdout.splitlines() if not line.startswith("#")]


def first_loud(samples, start, rate_hz):
    return next((i / rate_hz for i in range(start, len(samples)) if abs(samples[i]) > 0.2), None)


def offsets_ms(tmp_path, uri, *options):
    """How late each beep is against its flash, as the source delivers them: the 30th frame after each key frame."""
    pcm, pts = tmp_path / "pcm", tmp_path / "pts"
    status, facts, error = copy("--pcm", pcm, "--pts", pts, *options, uri)
    assert status == 0, error
    samples = array.array("f", pcm.read_bytes())[:: facts["channels"]]
    units = [line.split() for line in pts.read_text().splitlines()]
    shown = sorted(int(unit[0]) for unit in units)
    start_s = facts["first_audio_ns"] / 1e9
    found = []
    for key in (int(unit[0]) for unit in units if unit[2] == "1"):
        at = shown.index(key) + FPS
        flash_s = shown[at] / 1e9 if at < len(shown) else None
        if flash_s is None or flash_s - 0.2 < start_s:
            continue
        beep_s = first_loud(samples, int((flash_s - 0.2 - start_s) * facts["rate_hz"]), facts["rate_hz"])
        if beep_s is not None:
            found.append((beep_s + start_s - flash_s) * 1e3)
    return found, facts


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    clip = folder / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", VIDEO, "-f", "lavfi", "-i", BEEPS, "-c:v", "libx264", "-preset", "veryfast", "-g", 60,
           "-bf", 2, "-c:a", "aac", "-b:a", "96k", "-shortest", clip)
    for suffix in ("mov", "mkv", "ts", "flv"):
        ffmpeg("-i", clip, "-c", "copy", folder / f"clip.{suffix}")
        ffmpeg("-i", clip, "-an", "-c", "copy", folder / f"silent.{suffix}")
    ffmpeg("-i", clip, "-an", "-c", "copy", folder / "silent.mp4")
    for suffix in AUDIO_KINDS:
        ffmpeg("-f", "lavfi", "-i", BEEPS, folder / f"sound.{suffix}")
    return folder


# --- in ---

@pytest.mark.parametrize("suffix", H264_KINDS)
def test_source_is_in_sync(clips, tmp_path, suffix):
    offsets, facts = offsets_ms(tmp_path, clips / f"clip.{suffix}")
    assert len(offsets) == len(FLASHES_S)
    assert max(map(abs, offsets)) < 2, offsets
    assert facts["n_video"] == SECONDS * FPS
    assert not facts["live"]
    if suffix != "ts":  # which states none
        assert abs(facts["duration_ns"] / 1e9 - SECONDS) < 0.15


@pytest.mark.parametrize("suffix", H264_KINDS)
def test_source_gives_rising_dts_not_after_pts(clips, tmp_path, suffix):
    pts = tmp_path / "pts"
    assert copy("--pts", pts, clips / f"clip.{suffix}")[0] == 0
    units = [tuple(map(int, line.split())) for line in pts.read_text().splitlines()]
    dts = [unit[1] for unit in units]
    assert all(later > earlier for earlier, later in zip(dts, dts[1:]))
    assert all(unit[1] <= unit[0] for unit in units)


@pytest.mark.parametrize("suffix", AUDIO_KINDS)
def test_sound_alone(clips, suffix):
    status, facts, error = copy(clips / f"sound.{suffix}")
    assert status == 0, error
    assert facts["n_video"] == 0 and facts["video"] == "none"
    assert abs(facts["n_audio_frames"] / RATE_HZ - SECONDS) < 0.06


def test_timestamps_that_start_again_come_out_as_they_are(clips, tmp_path):
    once = (clips / "clip.flv").read_bytes()
    twice, pts = tmp_path / "twice.flv", tmp_path / "pts"
    twice.write_bytes(once + once[13:])
    status, facts, error = copy("--pts", pts, twice)
    assert status == 0, error
    shown = [int(line.split()[0]) for line in pts.read_text().splitlines()]
    assert shown[: len(shown) // 2] == shown[len(shown) // 2:]
    assert facts["max_gap_ns"] > (SECONDS - 1) * 1e9


def test_more_than_two_channels_are_mixed_down(tmp_path):
    clip = tmp_path / "surround.mkv"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1:r=48000", "-ac", 6, "-c:a", "ac3", clip)
    status, facts, error = copy(clip)
    assert status == 0, error
    assert (facts["channels"], facts["rate_hz"]) == (2, 48000)


# --- out ---

@pytest.mark.parametrize("suffix", H264_KINDS)
def test_copy_keeps_picture_length_and_sync(clips, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    status, _, error = copy(clips / "clip.mp4", out)
    assert status == 0, error
    assert os.listdir(tmp_path) == [out.name]
    assert video_hashes(out) == video_hashes(clips / "clip.mp4")
    assert abs(duration_of(out) - SECONDS) <= 0.025
    offsets, _ = offsets_ms(tmp_path, out)
    assert len(offsets) == len(FLASHES_S) and max(map(abs, offsets)) < 2, offsets


@pytest.mark.parametrize("source", H264_KINDS)
def test_mp4_from_any_container(clips, tmp_path, source):
    out = tmp_path / "out.mp4"
    status, _, error = copy(clips / f"clip.{source}", out)
    assert status == 0, error
    assert video_hashes(out) == video_hashes(clips / "clip.mp4")
    offsets, _ = offsets_ms(tmp_path, out)
    assert len(offsets) == len(FLASHES_S) and max(map(abs, offsets)) < 2, offsets


@pytest.mark.parametrize("suffix", AUDIO_KINDS)
def test_sound_alone_keeps_its_length(clips, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    status, _, error = copy(clips / "sound.wav", out)
    assert status == 0, error
    result = subprocess.run(["ffmpeg", "-v", "error", "-i", out, "-f", "f32le", "-"], capture_output=True, check=True)
    assert abs(len(result.stdout) / 4 / RATE_HZ - SECONDS) <= 0.025


def test_hls_playlist_is_closed_and_whole(clips, tmp_path):
    playlist = tmp_path / "show.m3u8"
    status, _, error = copy(clips / "clip.mp4", playlist)
    assert status == 0, error
    text = playlist.read_text()
    assert "#EXT-X-ENDLIST" in text
    total_s = sum(float(line[8:].rstrip(",")) for line in text.splitlines() if line.startswith("#EXTINF:"))
    assert abs(total_s - SECONDS) <= 0.025
    assert video_hashes(playlist) == video_hashes(clips / "clip.mp4")


@pytest.mark.parametrize("encoder, suffixes", [
    (("libx265", "-x265-params", "log-level=none"), ("mp4", "mov", "mkv", "ts")),
    (("libvpx", "-deadline", "realtime"), ("mkv",)),
    (("libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-cpu-used", "8"), ("mp4", "mkv")),
    (("mpeg2video",), ("mkv", "ts")),
    (("mpeg4",), ("mp4", "mkv")),
])
def test_other_codecs_are_passed_on(tmp_path, encoder, suffixes):
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x120:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", *encoder, "-c:a", "aac", clip)
    for suffix in suffixes:
        out = tmp_path / f"out.{suffix}"
        status, _, error = copy(clip, out)
        assert status == 0, f"{suffix}: {error}"
        assert video_hashes(out) == video_hashes(clip), suffix


# --- errors: one line, the right status, nothing left ---

def cut(source, target, size):
    target.write_bytes(source.read_bytes()[:size])
    return target


@pytest.mark.parametrize("name, text, expected_status, expected", [
    ("missing.mp4", None, 3, "no such file"),
    ("text.mp4", "hello", 6, "not a media file"),
    ("empty.mp4", "", 6, "not a media file"),
])
def test_bad_input_files(tmp_path, name, text, expected_status, expected):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    status, _, error = copy(path)
    assert status == expected_status and expected in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("suffix", H264_KINDS)
def test_no_audio_track(clips, suffix):
    status, _, error = copy(clips / f"silent.{suffix}")
    assert status == 5 and "audio track required for dubbing" in error
    assert len(error.splitlines()) == 1


def test_cut_before_its_index_is_corrupt(clips, tmp_path):
    status, _, error = copy(cut(clips / "clip.mp4", tmp_path / "cut.mp4", 6000))
    assert status == 6 and "corrupt" in error


@pytest.mark.parametrize("suffix", ("mkv", "flv"))
def test_truncated_file_gives_what_there_is(clips, tmp_path, suffix):
    source = clips / f"clip.{suffix}"
    out = tmp_path / "out.mp4"
    status, facts, error = copy(cut(source, tmp_path / f"cut.{suffix}", source.stat().st_size // 2), out)
    assert status == 6 and "truncated" in error
    assert facts["n_video"] > FPS
    assert not out.exists()
    assert abs(duration_of(tmp_path / "out.partial.mp4") - facts["end_audio_ns"] / 1e9) < 0.5


@pytest.mark.parametrize("out, expected_status, expected", [
    ("out.avi", 4, "cannot be written; use .mp4"),
    ("out.webm", 4, "H.264 video cannot go into .webm; use .mkv, .mp4, .mov or .ts"),
    ("nowhere/out.mp4", 3, "there is no folder"),
    ("foo://x", 4, "cannot be written"),
])
def test_bad_output_names(clips, tmp_path, out, expected_status, expected):
    target = out if "://" in out else tmp_path / out
    status, _, error = copy(clips / "clip.mp4", target)
    assert status == expected_status and expected in error
    assert os.listdir(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder).returncode != 0:
        pytest.skip("tmpfs cannot be mounted here")
    yield folder
    run("umount", folder)


@pytest.mark.parametrize("name", ("out.mp4", "out.ts", "out.flv", "out.wav", "show.m3u8"))
def test_full_disk(clips, small_disk, name):
    source = clips / ("sound.wav" if name.endswith("wav") else "clip.mp4")
    (small_disk / "ballast").write_bytes(bytes(56 * 1024))
    status, _, error = copy(source, small_disk / name)
    assert status == 8 and "no space left" in error.lower()
    assert len(error.splitlines()) == 1
    assert os.listdir(small_disk) == ["ballast"]


@pytest.mark.parametrize("uri, expected_status", [
    ("rtmp://127.0.0.1:{port}/live/x", 10), ("rtsp://127.0.0.1:{port}/x", 10), ("http://127.0.0.1:{port}/x.m3u8", 10),
])
def test_nobody_listens(clips, uri, expected_status):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = uri.format(port=unused.getsockname()[1])
        status, _, error = copy(address)
        assert status == expected_status, error
        assert len(error.splitlines()) == 1 and "127.0.0.1" in error
        if uri.startswith("rtmp"):
            status, _, error = copy(clips / "clip.mp4", address)
            assert status == expected_status and "connection refused" in error


def test_interrupted_copy_is_playable(clips, tmp_path):
    fifo, out = tmp_path / "in.ts", tmp_path / "out.mp4"
    os.mkfifo(fifo)
    process = subprocess.Popen([COPY, fifo, out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(fifo, "wb") as pipe:
        pipe.write((clips / "clip.ts").read_bytes())
        pipe.flush()
        part = tmp_path / ".out.part.mp4"
        deadline = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size > 2000) and time.monotonic() < deadline:
            time.sleep(0.02)  # polls for the condition
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert not out.exists() and not part.exists()
    assert duration_of(tmp_path / "out.partial.mp4") > 0.5


# --- live ---

@pytest.fixture(scope="session")
def web(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    assert copy(clips / "clip.mp4", folder / "show.m3u8")[0] == 0
    shutil.copy(clips / "clip.mp4", folder)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("name", ("show.m3u8", "clip.mp4"))
def test_http_source(web, tmp_path, name):
    offsets, facts = offsets_ms(tmp_path, f"{web}/{name}")
    assert facts["n_video"] == SECONDS * FPS
    assert len(offsets) == len(FLASHES_S) and max(map(abs, offsets)) < 2, offsets


def test_http_source_that_is_not_there(web):
    status, _, error = copy(f"{web}/nothing.m3u8")
    assert status == 3 and "not found" in error


@pytest.fixture
def rtmp_server(request):
    """Its parameter: settings of the server."""
    assert RTMP_SERVER.exists(), "not built: run make"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([RTMP_SERVER, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **getattr(request, "param", {})})
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe_socket:
            if probe_socket.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)  # polls for the condition
    yield f"rtmp://127.0.0.1:{port}/live"
    process.terminate()
    process.wait(10)


def publish(clips, uri, *options):
    return subprocess.Popen(["ffmpeg", "-v", "error", "-re", *options, "-i", clips / "clip.mp4", "-c", "copy", "-f", "flv", uri])


def test_rtmp_in_and_out(clips, rtmp_server, tmp_path):
    """A publisher -> our source -> our sink -> our source again: in sync, and over when the publisher is."""
    publisher = publish(clips, f"{rtmp_server}/a", "-stream_loop", "1")
    relay = subprocess.Popen([COPY, f"{rtmp_server}/a", f"{rtmp_server}/b"], stdout=subprocess.PIPE, text=True)
    try:
        offsets, facts = offsets_ms(tmp_path, f"{rtmp_server}/b")
        publisher.wait(30)
        relayed = json.loads(relay.communicate(timeout=10)[0])
    finally:
        publisher.kill()
        relay.kill()
    assert relay.returncode == 0 and facts["live"]
    assert relayed["n_video"] > 1.5 * SECONDS * FPS and facts["n_video"] > SECONDS * FPS
    assert facts["last_video_ns"] - facts["first_video_ns"] > (SECONDS - 1) * 1e9
    assert len(offsets) >= 3 and max(map(abs, offsets[:2])) < 2, offsets


class Tap:
    """A TCP proxy in front of a server; `sent` is what clients wrote."""

    def __init__(self, port):
        self.sent = bytearray()
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self.forward, args=(server, client, bytearray()), daemon=True).start()
        self.forward(client, server, self.sent)

    @staticmethod
    def forward(source, target, seen):
        while data := source.recv(65536):
            seen += data
            target.sendall(data)
        with contextlib.suppress(OSError):  # the other direction may have closed it
            target.shutdown(socket.SHUT_WR)


def test_rtmp_tracks_are_told_twice_to_who_wants_them(clips, rtmp_server):
    """With the second header, a MediaMTX knows the tracks at once and not after 2 s of media."""
    second = re.compile(rb"\x00\x07\xd0(\x00\x00.\x08(....)?)?\xaf\x00", re.DOTALL)  # 2000 ms, audio: AAC header
    for option, expected in (("--tracks-ms=2000", 1), ("--tracks-ms=0", 0)):
        tap = Tap(int(rtmp_server.split(":")[2].split("/")[0]))
        status, _, error = copy(option, clips / "clip.mp4", f"rtmp://127.0.0.1:{tap.port}/live/{option[-1]}{expected}")
        assert status == 0, error
        assert len(second.findall(tap.sent)) == expected, option


@pytest.mark.parametrize("rtmp_server", [{"KEEPS_PUBLISHERS": "1"}], indirect=True, ids=["keeps-publishers"])
def test_rtmp_path_in_use(clips, rtmp_server):
    publisher = publish(clips, f"{rtmp_server}/a")
    try:
        status, _, error = copy("--stop-after", 1, f"{rtmp_server}/a")  # waits until it is there
        status, _, error = copy(clips / "clip.mp4", f"{rtmp_server}/a")
    finally:
        publisher.kill()
    assert status == 7 and "in use" in error


def test_rtmp_without_sound(clips, rtmp_server):
    publisher = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-re", "-stream_loop", "5", "-i", clips / "silent.mp4", "-c", "copy", "-f", "flv",
         f"{rtmp_server}/a"])
    started = time.monotonic()
    try:
        status, _, error = copy(f"{rtmp_server}/a", timeout=30)
    finally:
        publisher.kill()
    assert status == 5 and "audio track required for dubbing" in error
    assert time.monotonic() - started < 9
