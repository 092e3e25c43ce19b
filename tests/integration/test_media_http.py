"""Media behind http: files, endless bodies and HLS through tests/support/media-copy, from servers that are good and bad at it."""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.net import wait_for

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
SECONDS, FPS = 6, 25

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")


def ffmpeg(*arguments):
    result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 0, result.stderr


def copy(*arguments, timeout=90):
    result = subprocess.run([COPY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    facts = json.loads(result.stdout) if result.stdout.strip() else {}
    return result.returncode, facts, result.stderr.strip()


class Site(http.server.BaseHTTPRequestHandler):
    """Gives files of a folder; /ranges/… with Range, /chunked/… in chunks, /broken/… a half of it, /stands/… that and nothing more."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        self.close_connection = True
        manner, _, name = self.path[1:].partition("/")
        if manner == "moved":
            self.send_response(302)
            self.send_header("Location", f"/{name}")
            self.end_headers()
            return
        path = self.server.folder / (name if manner in ("ranges", "chunked", "broken", "torn", "stands") else self.path[1:])
        if not path.is_file():
            self.send_error(404)
            return
        with contextlib.suppress(OSError):  # the reader may have gone
            getattr(self, f"give_{manner}", self.give_plain)(path.read_bytes())

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True  # whatever it said

    def give_plain(self, data):
        self.head(200, Content_Length=len(data))
        self.wfile.write(data)

    def give_ranges(self, data):
        first, last = 0, len(data) - 1
        if wanted := self.headers.get("Range"):
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), int(end) if end else last
            self.head(206, Content_Length=last - first + 1, Accept_Ranges="bytes", Content_Range=f"bytes {first}-{last}/{len(data)}")
        else:
            self.head(200, Content_Length=len(data), Accept_Ranges="bytes")
        self.wfile.write(data[first:last + 1])

    def chunks(self, data):
        self.head(200, Transfer_Encoding="chunked", Connection="keep-alive")
        for at in range(0, len(data), 8192):
            part = data[at:at + 8192]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

    def give_chunked(self, data):
        self.chunks(data)
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = False

    def give_broken(self, data):
        self.chunks(data[:len(data) * 3 // 4])  # between two chunks

    def give_torn(self, data):
        self.chunks(data[:len(data) * 3 // 4])
        self.wfile.write(b"2000\r\n" + data[:100])  # in the middle of one

    def give_stands(self, data):
        self.chunks(data[:len(data) // 2])
        self.wfile.flush()
        self.server.stands.set()
        self.connection.recv(1)  # until the reader has gone


@contextlib.contextmanager
def serve(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        site.daemon_threads = True
        site.folder, site.asked, site.stands = pathlib.Path(folder), [], threading.Event()
        site.url = f"http://127.0.0.1:{site.server_port}"
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site
        site.shutdown()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    clip = folder / "clip.mp4"  # its index comes last
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=320x240:r={FPS}:d={SECONDS}", "-f", "lavfi", "-i", f"sine=f=440:d={SECONDS}:r=48000",
           "-c:v", "libx264", "-preset", "veryfast", "-g", FPS, "-bf", 2, "-c:a", "aac", clip)
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+faststart", folder / "first.mp4")
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", folder / "parts.mp4")
    ffmpeg("-i", clip, "-c", "copy", folder / "clip.ts")
    ffmpeg("-i", clip, "-c", "copy", "-live", 1, folder / "live.mkv")
    ffmpeg("-i", clip, "-vn", folder / "sound.mp3")
    hls(clip, folder / "vod.m3u8")
    hls(clip, folder / "fmp4.m3u8", "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4")
    hls(clip, folder / "single.m3u8", "-hls_flags", "single_file")
    (folder / "key").write_bytes(bytes(range(16)))
    (folder / "key.txt").write_text(f"key\n{folder / 'key'}\n")
    hls(clip, folder / "secret.m3u8", "-hls_key_info_file", folder / "key.txt")
    return folder


@pytest.fixture
def site(folder):
    with serve(folder) as site:
        yield site


def hls(clip, playlist, *options):
    ffmpeg("-i", clip, "-c", "copy", "-f", "hls", "-hls_time", 1, "-hls_list_size", 0, *options, playlist)


def assert_whole(facts, is_live=False):
    assert facts["n_video"] == SECONDS * FPS
    assert abs(facts["n_audio_frames"] / 48000 - SECONDS) < 0.1
    assert facts["live"] == is_live


# --- files ---

def test_index_at_the_end_by_ranges(site):
    status, facts, error = copy(f"{site.url}/ranges/clip.mp4")
    assert status == 0, error
    assert_whole(facts)
    assert abs(facts["duration_ns"] / 1e9 - SECONDS) < 0.1
    assert len(site.asked) <= 4 and any(wanted for _, wanted in site.asked)


def test_index_at_the_end_without_ranges(site):
    status, _, error = copy(f"{site.url}/clip.mp4")
    assert status == 4 and "its server takes no Range requests; download it first" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name, is_live", [("first.mp4", False), ("sound.mp3", False), ("ranges/clip.ts", False),
                                           ("ranges/sound.mp3", False), ("parts.mp4", True), ("ranges/parts.mp4", True)])
def test_files(site, name, is_live):
    status, facts, error = copy(f"{site.url}/{name}")
    assert status == 0, error
    assert facts["live"] == is_live
    assert abs(facts["n_audio_frames"] / facts["rate_hz"] - SECONDS) < 0.1
    assert facts["n_video"] == (0 if "mp3" in name else SECONDS * FPS)


def test_redirect(site):
    status, facts, error = copy(f"{site.url}/moved/first.mp4")
    assert status == 0, error
    assert_whole(facts)


# --- endless bodies ---

@pytest.mark.parametrize("name", ["live.mkv", "clip.ts", "parts.mp4"])
def test_live_body_ends(site, name):
    status, facts, error = copy(f"{site.url}/chunked/{name}")
    assert status == 0, error
    assert_whole(facts, is_live=True)


@pytest.mark.parametrize("name", ["live.mkv", "clip.ts"])
@pytest.mark.parametrize("manner", ["broken", "torn"])
def test_live_body_breaks(site, manner, name):
    status, _, error = copy(f"{site.url}/{manner}/{name}")
    assert status == 10 and "the server closed the connection before the end" in error
    assert len(error.splitlines()) == 1


def test_joined_in_the_middle_begins_with_a_key_frame(site, folder, tmp_path):
    packets = (folder / "clip.ts").read_bytes()
    (tmp_path / "late.ts").write_bytes(packets[188 * (len(packets) // 188 // 4):])
    with serve(tmp_path) as other:
        status, facts, error = copy("--pts", tmp_path / "pts", f"{other.url}/chunked/late.ts")
    assert status == 0, error
    assert facts["live"] and (tmp_path / "pts").read_text().splitlines()[0].split()[2] == "1"


def test_interrupted_while_the_server_stands_still(site):
    program = subprocess.Popen([COPY, f"{site.url}/stands/live.mkv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert site.stands.wait(20)
    started = time.monotonic()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=20)
    assert time.monotonic() - started < 3
    assert program.returncode in (0, 130)


# --- HLS ---

@pytest.mark.parametrize("name", ["vod.m3u8", "fmp4.m3u8", "single.m3u8", "ranges/single.m3u8", "moved/vod.m3u8", "secret.m3u8"])
def test_hls(site, name):
    status, facts, error = copy(f"{site.url}/{name}")
    assert status == 0, error
    assert_whole(facts)
    assert abs(facts["duration_ns"] / 1e9 - SECONDS) < 0.2


def write_master(folder, *variants):
    lines = [f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\n{uri}" for bandwidth, uri in variants]
    (folder / "master.m3u8").write_text("#EXTM3U\n" + "\n".join(lines) + "\n")


def test_hls_best_quality_alone(site, folder, tmp_path):
    for name, size in (("low", "160x120"), ("high", "320x240")):
        (tmp_path / name).mkdir()
        ffmpeg("-i", folder / "clip.mp4", "-c:v", "libx264", "-preset", "ultrafast", "-s", size, "-g", FPS, tmp_path / f"{name}.mp4")
        hls(tmp_path / f"{name}.mp4", tmp_path / name / "x.m3u8")
    write_master(tmp_path, (100000, "low/x.m3u8"), (50000, "gone/x.m3u8"), (900000, "moved/high/x.m3u8"))
    with serve(tmp_path) as other:
        status, facts, error = copy(f"{other.url}/master.m3u8")
        asked = [path for path, _ in other.asked]
    assert status == 0, error
    assert_whole(facts)
    assert "width=(int)320" in facts["video"]
    assert sum("low" in path and path.endswith(".ts") for path in asked) == 1  # libavformat looks into each once
    assert "not carried over" not in error


def playlist(folder, *lines, name="show.m3u8"):
    (folder / name).write_text("\n".join(["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0", *lines]) + "\n")


def segments(folder, begin=0, end=None):
    lines = (folder / "vod.m3u8").read_text().splitlines()
    files = [line for line in lines if line.endswith(".ts")]
    return [line for file in files[begin:end] for line in (lines[lines.index(file) - 1], file)]


def test_hls_that_grows(folder, tmp_path):
    """Live: it begins with what there is, waits for more, and ends with the playlist."""
    for file in folder.glob("vod*.ts"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    playlist(tmp_path, *segments(folder, 0, 2))
    with serve(tmp_path) as other:
        program = subprocess.Popen([COPY, f"{other.url}/show.m3u8"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        n_files = len(segments(folder)) // 2
        for end in range(3, n_files + 1):
            seen = f"/vod{end - 2}.ts"
            wait_for(lambda: any(path == seen for path, _ in other.asked), 30, seen)
            playlist(tmp_path, *segments(folder, 0, end), *(["#EXT-X-ENDLIST"] if end == n_files else []))
        out, error = program.communicate(timeout=60)
    assert program.returncode == 0, error
    assert_whole(json.loads(out), is_live=True)


def test_live_playlist_that_is_gone(folder, tmp_path):
    for file in folder.glob("vod*.ts"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    playlist(tmp_path, *segments(folder, 0, 3))
    with serve(tmp_path) as other:
        program = subprocess.Popen([COPY, f"{other.url}/show.m3u8"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: any(path == "/vod2.ts" for path, _ in other.asked), 30, "the third segment")
        (tmp_path / "show.m3u8").unlink()
        _, error = program.communicate(timeout=60)
    assert program.returncode == 3 and "show.m3u8: not found" in error


def test_a_segment_that_is_not_there(folder, tmp_path):
    """What there is comes out; that it is not all is an error at the end."""
    for file in folder.glob("vod*.ts"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "vod3.ts").unlink()
    playlist(tmp_path, *segments(folder), "#EXT-X-ENDLIST")
    with serve(tmp_path) as other:
        status, _, error = copy(f"{other.url}/show.m3u8", tmp_path / "out.mp4")
    assert status == 3 and "vod3.ts: not found" in error
    assert (tmp_path / "out.partial.mp4").exists() and not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("named", ["file:///etc/passwd", "file:{folder}/vod0.ts", "data:video/mp2t;base64,R0dH", "crypto+file:{folder}/vod0.ts"])
@pytest.mark.parametrize("first", [True, False])
def test_hls_may_not_name_files_of_this_machine(folder, tmp_path, named, first):
    for file in folder.glob("vod*.ts"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    others = segments(folder, 0, 2)
    bad = ["#EXTINF:1,", named.format(folder=folder)]
    playlist(tmp_path, *(bad + others if first else others + bad), "#EXT-X-ENDLIST")
    with serve(tmp_path) as other:
        status, facts, error = copy(f"{other.url}/show.m3u8")
    assert status in (4, 6), error
    if status == 4:
        assert "one from a server may name only http:// and https://" in error
    assert facts.get("n_video", 0) <= 2 * (FPS + 1)


@pytest.mark.parametrize("named", ["concat:{folder}/vod0.ts", "subfile,,start,0,end,0,,:{folder}/vod0.ts", "tcp://127.0.0.1:{port}", "udp://127.0.0.1:{port}"])
def test_hls_may_not_name_other_protocols(folder, tmp_path, named):
    with socket.create_server(("127.0.0.1", 0)) as target, serve(tmp_path) as other:
        target.setblocking(False)
        playlist(tmp_path, "#EXTINF:1,", named.format(folder=folder, port=target.getsockname()[1]), "#EXT-X-ENDLIST")
        status, facts, _ = copy(f"{other.url}/show.m3u8")
        assert status != 0 and facts.get("n_video", 0) == 0
        with pytest.raises(BlockingIOError):
            target.accept()


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile '{folder}/clip.ts'\n", "ffconcat version 1.0\nfile clip.ts\n"])
def test_lists_that_libavformat_opens_by_itself(folder, tmp_path, text):
    (tmp_path / "list.txt").write_text(text.format(folder=folder))
    (tmp_path / "clip.ts").write_bytes((folder / "clip.ts").read_bytes())
    with serve(tmp_path) as other:
        status, _, error = copy(f"{other.url}/list.txt")
        assert len(other.asked) == 1
    assert status == 4 and "cannot be read from a server" in error


# --- what cannot be had ---

def test_not_found(site):
    status, _, error = copy(f"{site.url}/nothing.mp4")
    assert status == 3 and error.endswith("nothing.mp4: not found")


def test_not_media(site, folder):
    (folder / "text.txt").write_text("hello")
    status, _, error = copy(f"{site.url}/text.txt")
    assert status == 6 and "not a media file" in error


def test_a_certificate_that_nobody_vouches_for(tmp_path):
    import ssl
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # the handshake ends in the middle
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, _, error = copy(f"https://127.0.0.1:{server.server_port}/x.mp4")
        server.shutdown()
    assert status == 10 and "certificate" in error
