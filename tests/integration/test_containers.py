"""Which picture and sound goes into which container: what is offered comes out whole and in its place, and a refusal names what works."""

import os
import pathlib
import re
import socket
import struct
import subprocess

import numpy as np
import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line
from support.net import wait_for
from support.programs import Dub

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
SECONDS = 2
ENGINES = ("--asr", "pocketsphinx", "--mt", "apertium", "--tts", "espeak-ng")

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")


def ffmpeg(*arguments):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def copy(*arguments):
    """(exit status, what it said)"""
    done = subprocess.run([COPY, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip()


def facts(path, stream, *names):
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", f"stream={','.join(names)}", "-of",
                           "default=nw=1:nk=1", path], capture_output=True, text=True, timeout=60)
    return done.stdout.split()[:len(names)]


def pictures(path):
    """The MD5 of each one, decoded."""
    text = ffmpeg("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-").decode()
    return [line.split(",")[5].strip() for line in text.splitlines() if not line.startswith("#")]


PICTURES = {  # name: (suffix of the input, size, its encoder's options)
    "h264": ("mp4", "160x120", ["libx264", "-pix_fmt", "yuv420p", "-bf", 2]), "hevc": ("mp4", "160x120", ["libx265", "-x265-params", "log-level=none"]),
    "vp8": ("webm", "160x120", ["libvpx"]), "vp9": ("webm", "160x120", ["libvpx-vp9", "-deadline", "realtime"]),
    "av1": ("mkv", "160x120", ["libaom-av1", "-cpu-used", 8]), "mpeg1": ("mpg", "160x120", ["mpeg1video", "-bf", 2]),
    "mpeg2": ("mpg", "160x120", ["mpeg2video", "-bf", 2]), "mpeg2-ts": ("ts", "160x120", ["mpeg2video", "-bf", 2]),
    "mpeg4": ("avi", "160x120", ["mpeg4", "-bf", 2]), "prores": ("mov", "160x120", ["prores_ks"]),
    "dnxhd": ("mov", "1920x1080", ["dnxhd", "-b:v", "120M", "-pix_fmt", "yuv422p"]), "mjpeg": ("avi", "160x120", ["mjpeg"]),
    "wmv1": ("asf", "160x120", ["wmv1"]), "wmv2": ("wmv", "160x120", ["wmv2"]), "theora": ("ogv", "160x120", ["libtheora"]),
    "ffv1": ("mkv", "160x120", ["ffv1"]), "h263": ("3gp", "176x144", ["h263"]), "msmpeg4": ("avi", "160x120", ["msmpeg4"]),
    "huffyuv": ("avi", "160x120", ["huffyuv"]), "raw": ("avi", "160x120", ["rawvideo"]),
}
SOUNDS = {"mp4": "aac", "webm": "libopus", "mkv": "libopus", "mpg": "mp2", "ts": "mp2", "avi": "libmp3lame", "mov": "pcm_s16le", "asf": "wmav2",
          "wmv": "wmav2", "ogv": "libvorbis", "3gp": "aac"}
HELD = {
    "mp4": {"h264", "hevc", "vp9", "av1", "mpeg4"},
    "mov": {"h264", "hevc", "mpeg1", "mpeg2", "mpeg2-ts", "mpeg4", "prores", "dnxhd", "mjpeg"},
    "mkv": set(PICTURES) - {"raw"},
    "webm": {"vp8", "vp9", "av1"},
    "ts": {"h264", "hevc", "mpeg1", "mpeg2", "mpeg2-ts", "mpeg4"},
    "flv": {"h264"},
}


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("pictures"), {}

    def get(name):
        suffix, size, codec = PICTURES[name]
        if name not in made:
            made[name] = folder / f"{name}.{suffix}"
            ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={SECONDS}", "-f", "lavfi", "-i", f"sine=d={SECONDS}:r=48000", "-c:v",
                   *codec, "-c:a", SOUNDS[suffix], made[name])
        return made[name]
    return get


@pytest.mark.parametrize("suffix", HELD)
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_goes_in_whole_or_is_told_where(sources, tmp_path, name, suffix):
    source, out = sources(name), tmp_path / f"out.{suffix}"
    status, said = copy(source, out)
    if name in HELD[suffix]:
        assert status == 0, said
        assert pictures(out) == pictures(source)
        assert facts(out, "a:0", "codec_name") == ["opus" if suffix == "webm" else "aac"]
        return
    assert status == 4 and not out.exists()
    others = re.search(r"; use (.*)$", said)
    if name == "raw":
        assert "ffmpeg -i IN -c:v libx264" in said if suffix == "mkv" else others.group(1) == ".mkv"
    else:
        named = re.findall(r"\.(\w+)", others.group(1))
        assert set(named) == {other for other in HELD if name in HELD[other] and other != "flv"}


@pytest.mark.parametrize("suffix, codec", [("mp3", "mp3"), ("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "opus"), ("oga", "opus"),
                                           ("opus", "opus"), ("m4a", "aac")])
def test_the_name_of_a_sound_file_means_the_sound_alone(sources, tmp_path, suffix, codec):
    out = tmp_path / f"out.{suffix}"
    status, said = copy(sources("h264"), out)
    assert (status, said) == (0, "not carried over: 1 video track")
    assert facts(out, "a:0", "codec_name") == [codec] and facts(out, "v", "codec_name") == []


def test_airdub_says_that_the_picture_is_left_out(tmp_path):
    out = tmp_path / "talk.mp3"
    dub = Dub(*ENGINES, clips.short(), out)
    assert dub.summary and dub.of("start")[0]["not_carried_over"] == ["1 video track"]
    assert float(subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", out], capture_output=True,
                                text=True).stdout) == pytest.approx(12.0, abs=0.1)


# --- where in time a sound is ---

def click_file(path, rate_hz, *codec):
    """A click at 1 s over a low tone."""
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc='if(between(t,1,1.0001),0.9,0.05*sin(440*2*PI*t))':s={rate_hz}:d={SECONDS}", *codec, path)
    return path


def click_s(path):
    """Of the sound itself, from its first frame, as a player has it."""
    samples = np.frombuffer(ffmpeg("-i", path, "-map", "0:a:0", "-ac", 1, "-ar", 48000, "-f", "f32le", "-"), "<f4")
    return np.abs(samples).argmax() / 48000, len(samples) / 48000


RATES = {"mp3": {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}, "opus": {48000}, "ogg": {48000}, "flac": None, "wav": None,
         "m4a": {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}}


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 37800, 44100, 96000, 176400, 192000])
@pytest.mark.parametrize("suffix", RATES)
def test_a_rate_that_an_encoder_lacks_is_resampled(tmp_path, suffix, rate_hz):
    out = tmp_path / f"out.{suffix}"
    status, said = copy(click_file(tmp_path / "in.wav", rate_hz), out)
    assert status == 0, said
    allowed = RATES[suffix]
    assert not allowed or int(facts(out, "a:0", "sample_rate")[0]) in allowed
    at_s, length_s = click_s(out)
    if suffix != "mp3" or rate_hz >= 22050:  # a filter bank below that is longer than the click is exact
        assert at_s == pytest.approx(1.0, abs=0.001)
    assert length_s == pytest.approx(SECONDS, abs=0.0005 if suffix != "m4a" else 1024 / min(rate_hz, 48000))


@pytest.mark.parametrize("suffix", ["mp3", "opus", "flac", "m4a", "wav"])
def test_two_passes_move_nothing(tmp_path, suffix):
    """An encoder's delay is honoured on both ends: 23 ms a pass in an .mp3 otherwise."""
    first, second = tmp_path / f"1.{suffix}", tmp_path / f"2.{suffix}"
    source = click_file(tmp_path / f"in.{suffix}", 48000, *(["-c:a", "libopus"] if suffix == "opus" else []))
    assert Dub(*ENGINES, source, first).summary and Dub(*ENGINES, first, second).summary
    for path in (source, first, second):
        at_s, length_s = click_s(path)
        assert at_s == pytest.approx(1.0, abs=0.001)
        assert length_s == pytest.approx(SECONDS, abs=0.025 if suffix == "m4a" else 0.0005)


def test_sound_and_picture_are_together_in_webm(tmp_path):
    """Opus' delay of 6.5 ms moves neither."""
    wav, source = click_file(tmp_path / "in.wav", 48000), tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=160x120:r=25:d={SECONDS}", "-i", wav, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "copy", source)
    for out in (tmp_path / "1.webm", tmp_path / "2.webm"):
        assert copy(source, out)[0] == 0
        placed = ffmpeg("-copyts", "-i", out, "-map", "0:a:0", "-af", "aresample=48000:async=1:first_pts=0", "-ac", 1, "-f", "f32le", "-")
        assert np.abs(np.frombuffer(placed, "<f4")).argmax() / 48000 == pytest.approx(1.0, abs=0.001)
        assert float(facts(out, "v:0", "start_time")[0]) == 0
        source = out


# --- tags ---

def tags_of(path):
    text = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "default=nw=1", path],
                          capture_output=True, text=True).stdout
    return {key.lower(): value for key, value in re.findall(r"^TAG:([^=]+)=(.*)$", text, re.M)}


@pytest.mark.parametrize("suffix, chapters", [("mp3", 2), ("flac", 0), ("ogg", 2), ("opus", 2), ("wav", 0)])
def test_a_sound_file_keeps_titles_and_chapters(tmp_path, suffix, chapters):
    source, out, said_by = tmp_path / "in.mkv", tmp_path / f"out.{suffix}", tmp_path / "tags.txt"
    marks = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={i * 1000}\nEND={i * 1000 + 1000}\ntitle=Part {i}\n" for i in range(2))
    said_by.write_text(f";FFMETADATA1\ntitle=The Match\nartist=Someone\nWEATHER=rain\n{marks}")
    ffmpeg("-f", "lavfi", "-i", f"sine=d={SECONDS}:r=48000", "-i", said_by, "-map", "0:a", "-map_metadata", 1, "-map_chapters", 1, source)
    status, said = copy("--to", "es", source, out)
    lost = (["2 chapters"] if not chapters else []) + (["tags (WEATHER)"] if suffix == "wav" else [])
    assert (status, said) == (0, f"not carried over: {', '.join(lost)}" if lost else "")
    tags = tags_of(out)
    assert (tags["title"], tags["artist"], tags["language"]) == ("The Match", "Someone", "spa")
    found = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "chapter_tags=title", "-of", "csv=p=0", out], capture_output=True,
                           text=True).stdout.split("\n")
    assert [line.split(",")[-1] for line in found if line] == ["Part 0", "Part 1"][:chapters]
    assert suffix == "wav" or tags["weather"] == "rain"


# --- what is told, and when ---

def without_parameter_sets(path, source):
    """The same MP4, its avcC emptied."""
    data = bytearray(source.read_bytes())
    at = data.index(b"avcC") - 4
    size = struct.unpack(">I", data[at:at + 4])[0]
    data[at:at + size] = (struct.pack(">I", 15) + b"avcC" + data[at + 8:at + 13] + b"\xe0\0" + struct.pack(">I", size - 15) + b"free" +
                          bytes(size - 23))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_a_picture_without_parameter_sets_is_told_before_anything_is_dubbed(sources, tmp_path, suffix):
    """A minute of it: what would be found at its end is found within half of it, and nothing is begun."""
    short, source = without_parameter_sets(tmp_path / "short.mp4", sources("h264")), tmp_path / f"in.{suffix}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "quiet", "-stream_loop", "30", "-i", short, "-c", "copy", source], timeout=60, check=True)
    dub = Dub(*ENGINES, source, tmp_path / "out.mp4")
    assert dub.status == 6 and "parameter sets (SPS, PPS)" in dub.stderr and "name OUT .m4a, .mp3 or .wav" in dub.stderr
    assert not dub.of("start") and not dub.fragments
    assert sorted(os.listdir(tmp_path)) == [source.name, "short.mp4"]
    assert copy(source, tmp_path / "out.m4a")[0] == 0


def test_a_change_of_size_is_told_to_everybody(tmp_path):
    parts = []
    for number, size in enumerate(("160x120", "320x240")):
        parts.append(tmp_path / f"{number}.ts")
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={SECONDS}", "-f", "lavfi", "-i", f"sine=d={SECONDS}:r=48000", "-c:v", "libx264",
               "-pix_fmt", "yuv420p", "-c:a", "aac", "-output_ts_offset", number * SECONDS, parts[-1])
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    done = airdub("dub", "-q", *ENGINES, source, tmp_path / "out.mp4")
    lines = [line for line in done.stderr.splitlines() if "160×120 to 320×240" in line]
    assert done.returncode == 0 and len(lines) == 1 and "name OUT .ts" in lines[0], done.stderr
    warned = Dub(*ENGINES, source, tmp_path / "json.mp4").of("warning")
    assert len(warned) == 1 and "160×120 to 320×240" in warned[0]["message"]
    done = airdub("dub", "-q", *ENGINES, source, tmp_path / "out.ts")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("suffix", ["mkv", "m4a"])
def test_alac(tmp_path, suffix):
    source, out = tmp_path / f"in.{suffix}", tmp_path / "out.mkv"
    ffmpeg("-f", "lavfi", "-i", f"sine=d={SECONDS}:r=96000", "-c:a", "alac", source)
    status, said = copy("--keep-original", source, out)
    assert (status, said) == (0, "")
    assert [facts(out, f"a:{n}", "codec_name") for n in (0, 1)] == [["aac"], ["alac"]]
    assert ffmpeg("-i", out, "-map", "0:a:1", "-f", "md5", "-") == ffmpeg("-i", source, "-f", "md5", "-")


@pytest.mark.parametrize("name, in_, out, says", [
    ("folder-of-in", "nowhere/deep/in.mp4", "out.mp4", "there is no folder {0}/nowhere; check its name"),
    ("file-as-folder", "in.wav/in.mp4", "out.mp4", "{0}/in.wav is a file, not a folder"),
    ("name-of-in", "none.mp4", "out.mp4", "No such file or directory; check its name"),
    ("folder-of-out", "in.wav", "nowhere/deep/out.mp4", "there is no folder {0}/nowhere; make it with mkdir -p '{0}/nowhere/deep'"),
    ("file-as-folder-of-out", "in.wav", "in.wav/out.mp4", "{0}/in.wav is a file, not a folder; choose another folder"),
])
def test_the_part_of_a_path_that_is_wrong_is_named(tmp_path, name, in_, out, says):
    click_file(tmp_path / "in.wav", 48000)
    assert_one_line(airdub("dub", tmp_path / in_, tmp_path / out), 3, says.format(tmp_path))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    return f":{port:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text()


@pytest.fixture
def listening(until_end):
    """An ffmpeg that is a server of one connection, once it listens."""
    def start(port, *arguments):
        program = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)])
        program.stop = lambda: (program.kill(), program.wait())
        until_end(program)
        wait_for(lambda: is_listening(port), 10, "ffmpeg listens")
        return program
    return start


def test_an_ffmpeg_that_listens_takes_the_output(sources, tmp_path, listening):
    port, got = free_port(), tmp_path / "got.flv"
    url = f"rtmp://127.0.0.1:{port}/live/x"
    server = listening(port, "-listen", 1, "-i", url, "-c", "copy", got)
    assert copy(sources("h264"), url)[0] == 0
    server.wait(timeout=20)
    assert len(pictures(got)) == len(pictures(sources("h264")))


@pytest.mark.parametrize("kind", ["mpegts", "flv"])
def test_an_ffmpeg_that_listens_on_http_is_a_source(sources, tmp_path, listening, kind):
    port, out = free_port(), tmp_path / "out.mp4"
    url = f"http://127.0.0.1:{port}/x"
    listening(port, "-re", "-i", sources("h264"), "-c", "copy", "-f", kind, "-listen", 1, url)
    assert copy(url, out)[0] == 0
    assert len(pictures(out)) == len(pictures(sources("h264")))


def test_an_ffmpeg_that_listens_on_rtmp_says_what_to_do(sources, tmp_path, listening):
    """It answers a player on a message stream that nobody asked for, and rtmp2src rightly ignores that."""
    port = free_port()
    url = f"rtmp://127.0.0.1:{port}/live/x"
    listening(port, "-re", "-i", sources("h264"), "-c", "copy", "-f", "flv", "-listen", 1, url)
    status, said = copy(url, tmp_path / "out.mp4")
    assert status == 10 and "if it is ffmpeg -listen 1, let it listen on http:// or srt:// instead" in said
