"""Files as cameras, editors and muxers leave them: what a player shows of them is what the source delivers, whole."""

import json
import os
import pathlib
import struct
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
SECONDS, RATE_HZ, FPS = 6, 48000, 25

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")


def ffmpeg(*arguments):
    result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 0, result.stderr


def copy(*arguments, **options):
    result = subprocess.run([COPY, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    facts = json.loads(result.stdout) if result.stdout.strip() else {}
    return result.returncode, facts, result.stderr.strip()


def probe(path):
    result = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", path],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def stream_of(path, kind):
    return next(s for s in probe(path)["streams"] if s["codec_type"] == kind)


def pictures(path):
    """What a player shows: (seconds, MD5) of each decoded picture, in order; an MP4 knows a time 0, others begin where they do."""
    result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-noautorotate", "-copyts", "-i", path, "-map", "0:v:0",
                             "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-f", "framemd5", "-"], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    rows = [line.split(",") for line in result.stdout.splitlines() if not line.startswith("#")]
    facts = probe(path)["format"]
    start = 0 if "mov" in facts["format_name"] else float(facts.get("start_time", 0))
    return [(int(row[2]) / 90000 - start, row[5].strip()) for row in rows]


def assert_same_pictures(out, source, tolerance_s=0.0015):
    got, wanted = pictures(out), pictures(source)
    assert [md5 for _, md5 in got] == [md5 for _, md5 in wanted]
    assert max(abs(a[0] - b[0]) for a, b in zip(got, wanted)) <= tolerance_s


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="session")
def base(folder):
    """B-frames, a key frame each 2 s, stereo AAC with its priming in an edit list."""
    path = folder / "base.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=160x120:r={FPS}:d={SECONDS}", "-f", "lavfi", "-i",
           f"sine=f=440:d={SECONDS}:r={RATE_HZ}", "-c:v", "libx264", "-preset", "veryfast", "-bf", 3, "-g", 2 * FPS, "-pix_fmt",
           "yuv420p", "-c:a", "aac", "-ac", 2, path)
    return path


# --- MPEG-TS: a picture that starts late ---

@pytest.mark.parametrize("order", [("0:v", "1:a"), ("1:a", "0:v")], ids=["video-first", "audio-first"])
@pytest.mark.parametrize("late_s", [0.5, 1.1, 4])
def test_ts_whose_picture_starts_late(base, tmp_path, late_s, order):
    source = tmp_path / "late.ts"
    ffmpeg("-itsoffset", late_s, "-i", base, "-i", base, "-map", order[0], "-map", order[1], "-c", "copy", source)
    status, facts, error = copy(source)
    assert status == 0, error
    assert facts["n_video"] == SECONDS * FPS
    assert abs((facts["first_video_ns"] - facts["first_audio_ns"]) / 1e9 - late_s) < 0.03
    assert ("begins" in error) == (late_s > 1)


def test_a_track_that_is_announced_but_empty_is_an_error(base, tmp_path):
    """The programme map names a video track of which no packet comes."""
    whole, source = tmp_path / "whole.ts", tmp_path / "empty.ts"
    ffmpeg("-i", base, "-c", "copy", whole)
    packets = whole.read_bytes()
    video = int(stream_of(whole, "video")["id"], 16)
    kept = [packets[at:at + 188] for at in range(0, len(packets), 188)]
    source.write_bytes(b"".join(p for p in kept if int.from_bytes(p[1:3], "big") & 0x1FFF != video))
    status, _, error = copy(source)
    assert status == 6 and "its video track holds no picture" in error


# --- pipes ---

def test_mp4_in_fragments_through_a_pipe(base, tmp_path):
    """Its header ends with the first fragment, of 2 s: the sound does not."""
    source = tmp_path / "parts.mp4"
    ffmpeg("-i", base, "-c", "copy", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", source)
    with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
        status, facts, error = copy("-", stdin=cat.stdout)
    assert status == 0, error
    assert facts["n_video"] == SECONDS * FPS
    assert abs(facts["n_audio_frames"] / RATE_HZ - SECONDS) < 0.1


# --- edit lists ---

def boxes(data, path, start=0, end=None):
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start:start + 4], "big")
        if bytes(data[start + 4:start + 8]) == path[0]:
            if len(path) == 1:
                yield start
            else:
                yield from boxes(data, path[1:], start + 8, start + size)
        start += size


def edit(source, target, edits, kinds=("vide", "soun")):
    """Gives the tracks of those kinds an edit list: (start, length) in seconds of what is played; start None: nothing, a pause."""
    data = bytearray(source.read_bytes())
    moov = next(boxes(data, [b"moov"]))
    grown = 0
    for trak in list(boxes(data, [b"moov", b"trak"]))[::-1]:  # from the last, so that the others stay where they are
        end = trak + int.from_bytes(data[trak:trak + 4], "big")
        kind = bytes(data[next(boxes(data, [b"mdia", b"hdlr"], trak + 8, end)) + 16:][:4]).decode()
        if kind not in kinds:
            continue
        mdhd = next(boxes(data, [b"mdia", b"mdhd"], trak + 8, end))
        timescale = struct.unpack(">I", data[mdhd + 20:mdhd + 24])[0]
        edts = next(boxes(data, [b"edts"], trak + 8, end))
        size = int.from_bytes(data[edts:edts + 4], "big")
        first = struct.unpack(">i", data[edts + 28:edts + 32])[0]  # the media time that was 0: priming, reordering
        entries = b"".join(struct.pack(">IiI", round(length * 1000), -1 if start is None else first + round(start * timescale),
                                       0x10000) for start, length in edits)
        elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
        new = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
        data[edts:edts + size] = new
        data[trak:trak + 4] = (end - trak + len(new) - size).to_bytes(4, "big")
        grown += len(new) - size
    data[moov:moov + 4] = (int.from_bytes(data[moov:moov + 4], "big") + grown).to_bytes(4, "big")
    target.write_bytes(data)  # moov lies last: no offset moves


EDITS = {
    "start": [(1.32, 4)],
    "start-at-a-key-frame": [(2, 3)],
    "end": [(0, 2.2)],
    "pause-first": [(None, 1.5), (0, 4)],
    "pause-and-start": [(None, 0.6), (2.72, 2)],
}
COMBINED = {"two": [(0.4, 1.2), (3.2, 2)], "backwards": [(4, 1), (1, 1)], "pause-between": [(0, 1), (None, 1), (3, 1)]}


@pytest.mark.parametrize("name", EDITS | COMBINED)
def test_what_an_edit_list_plays_is_delivered(base, tmp_path, name):
    source = tmp_path / "edited.mp4"
    edits = (EDITS | COMBINED)[name]
    edit(base, source, edits)
    status, facts, error = copy(source)
    assert status == 0, error
    length_s = sum(length for _, length in edits)
    assert abs(facts["end_audio_ns"] / 1e9 - length_s) < 0.03
    assert facts["n_video"] >= len(pictures(source))


def test_a_track_of_its_own_edit(base, tmp_path):
    """The picture is trimmed, the sound is not: both are played from 0."""
    source = tmp_path / "edited.mp4"
    edit(base, source, [(1.32, 4)], kinds=("vide",))
    status, facts, error = copy(source)
    assert status == 0, error
    assert abs(facts["end_audio_ns"] / 1e9 - SECONDS) < 0.001
    assert facts["last_video_ns"] / 1e9 < 4.1


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("name", sorted(set(EDITS) - {"pause-and-start"}))  # a pause hides nothing of what is decoded ahead of it
def test_edited_files_look_the_same_in_containers_with_edit_lists(base, tmp_path, name, suffix):
    source, out = tmp_path / "edited.mp4", tmp_path / f"out.{suffix}"
    edit(base, source, EDITS[name])
    status, _, error = copy(source, out)
    assert status == 0, error
    got, wanted = pictures(out), pictures(source)
    # One picture behind the end may be left, where the last ones shown are decoded from it.
    assert [md5 for _, md5 in got[:len(wanted)]] == [md5 for _, md5 in wanted]
    assert max(abs(a[0] - b[0]) for a, b in zip(got, wanted)) <= 0.0015
    assert len(got) - len(wanted) <= (1 if name == "start-at-a-key-frame" else 0)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "flv"])
def test_pictures_that_nothing_hides_take_no_time(base, tmp_path, suffix):
    """They come before the first one shown, within a few milliseconds."""
    source, out = tmp_path / "edited.mp4", tmp_path / f"out.{suffix}"
    edit(base, source, EDITS["start"])
    assert copy(source, out)[0] == 0
    wanted, got = pictures(source), pictures(out)
    assert [md5 for _, md5 in got][-len(wanted):] == [md5 for _, md5 in wanted]
    sound_s = float(stream_of(out, "audio")["start_time"])
    picture_s = float(probe(out)["format"]["start_time"]) + got[-len(wanted)][0]
    assert abs(picture_s - sound_s) < 0.06


# --- what a container says of the picture ---

SIDES = {
    "rotated": ("mov", ["-c", "copy", "-metadata:s:v:0", "rotate=90"]),
    "anamorphic": ("mp4", ["-c", "copy", "-aspect", "16:9"]),
    "colour": ("mp4", ["-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-colorspace", "bt2020nc", "-color_primaries", "bt2020",
                       "-color_trc", "smpte2084", "-color_range", "tv"]),
    "stereo": ("mkv", ["-c", "copy", "-metadata:s:v:0", "stereo_mode=left_right"]),
}


def described(path):
    stream = stream_of(path, "video")
    sides = [{key: value for key, value in side.items() if key != "displaymatrix"} for side in stream.get("side_data_list", [])]
    fields = ("sample_aspect_ratio", "display_aspect_ratio", "color_range", "color_space", "color_transfer", "color_primaries", "width",
              "height", "avg_frame_rate")
    return {field: stream.get(field) for field in fields}, sides


@pytest.mark.parametrize("name", SIDES)
def test_the_picture_is_described_as_before(base, tmp_path, name):
    suffix, options = SIDES[name]
    source, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    ffmpeg("-i", base, *options, source)
    before = described(source)
    assert before != described(base), "the case changes nothing"
    status, _, error = copy(source, out)
    assert status == 0, error
    assert described(out) == before


def test_hdr_metadata_is_kept(tmp_path):
    """Of the container: GStreamer's muxer writes there what the bitstream says, ffmpeg's would not."""
    plain, source = tmp_path / "plain.mp4", tmp_path / "hdr.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libx265", "-pix_fmt", "yuv420p10le",
           "-x265-params", "log-level=none:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
           ":max-cll=1000,400:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", "-c:a", "aac", plain)
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={plain}", "!", "qtdemux", "name=d", "d.video_0", "!", "queue", "!",
                    "h265parse", "!", "matroskamux", "name=m", "!", "filesink", f"location={source}", "d.audio_0", "!", "queue", "!",
                    "aacparse", "!", "m."], check=True, timeout=60)
    wanted = {"Mastering display metadata", "Content light level metadata"}
    assert wanted <= {side["side_data_type"] for side in stream_of(source, "video").get("side_data_list", [])}
    for suffix in ("mp4", "mkv"):
        out = tmp_path / f"out.{suffix}"
        status, _, error = copy(source, out)
        assert status == 0, error
        assert wanted <= {side["side_data_type"] for side in stream_of(out, "video").get("side_data_list", [])}, suffix


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_av1_keeps_its_configuration(tmp_path, suffix):
    source, out = tmp_path / "in.mp4", tmp_path / f"out.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libaom-av1", "-cpu-used", 8,
           "-usage", "realtime", "-c:a", "aac", source)
    status, _, error = copy(source, out)
    assert status == 0, error
    assert stream_of(out, "video")["extradata_size"] == stream_of(source, "video")["extradata_size"]
    assert_same_pictures(out, source)


@pytest.mark.parametrize("encoder, pixels, suffix", [("prores_ks", "yuv422p10le", "mov"), ("mpeg2video", "yuv420p", "mov"),
                                                    ("ffv1", "yuv420p", "mkv"), ("wmv2", "yuv420p", "mkv")])
def test_editors_codecs_have_a_container(tmp_path, encoder, pixels, suffix):
    source, out = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", encoder, "-pix_fmt", pixels, "-c:a",
           "pcm_s16le", source)
    status, _, error = copy(source, out)
    assert status == 0, error
    assert_same_pictures(out, source)


def test_avi_with_b_frames_is_in_order(tmp_path):
    """AVI stores decoding times alone."""
    source, out = tmp_path / "in.avi", tmp_path / "out.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:d=2", "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-bf", 2, "-c:a",
           "libmp3lame", source)
    status, facts, error = copy(source, out)
    assert status == 0, error
    assert facts["n_video"] == 2 * FPS
    assert [md5 for _, md5 in pictures(out)] == [md5 for _, md5 in pictures(source)]


# --- pipes and playlists ---

@pytest.mark.parametrize("suffix", ["ts", "mkv", "wav"])
@pytest.mark.parametrize("way", ["named-pipe", "standard-input"])
def test_pipes_are_read(base, tmp_path, suffix, way):
    source = tmp_path / f"in.{suffix}"
    ffmpeg("-i", base, *(["-vn"] if suffix == "wav" else ["-c", "copy"]), source)
    if way == "standard-input":
        with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
            status, facts, error = copy("-", stdin=cat.stdout)
    else:
        pipe = tmp_path / f"pipe.{suffix}"
        os.mkfifo(pipe)
        with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', source, pipe]):
            status, facts, error = copy(pipe)
    assert status == 0, error
    assert facts["n_video"] == (0 if suffix == "wav" else SECONDS * FPS)
    assert abs(facts["n_audio_frames"] / RATE_HZ - SECONDS) < 0.06


def test_a_format_that_needs_seeking_is_refused_from_a_pipe(base):
    with subprocess.Popen(["cat", base], stdout=subprocess.PIPE) as cat:
        status, _, error = copy("-", stdin=cat.stdout)
    assert status == 4 and "cannot be read from a pipe" in error
    assert len(error.splitlines()) == 1


def test_a_local_playlist_is_read(base, tmp_path):
    playlist = tmp_path / "show.m3u8"
    assert copy(base, playlist)[0] == 0
    status, facts, error = copy(playlist)
    assert status == 0, error
    assert facts["n_video"] == SECONDS * FPS


def test_a_playlist_calls_no_server(tmp_path):
    """A file must not make its reader fetch what it names."""
    playlist = tmp_path / "show.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    status, _, error = copy(playlist)
    assert status != 0 and len(error.splitlines()) == 1


def test_a_playlist_that_does_not_grow_is_given_up(base, tmp_path):
    playlist = tmp_path / "show.m3u8"
    assert copy(base, playlist)[0] == 0
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST", ""))
    status, facts, error = copy(playlist)
    assert status == 11 and "no more data for 30 s" in error
    assert facts["n_video"] > 0


# --- several audio tracks ---

@pytest.fixture(scope="session")
def several(folder):
    """440 Hz in English, 1000 Hz in German by Matroska's older code, 2000 Hz in Spanish, which is the default."""
    path = folder / "several.mkv"
    tones = [word for hz in (440, 1000, 2000) for word in ("-f", "lavfi", "-i", f"sine=f={hz}:d=2:r={RATE_HZ}")]
    ffmpeg(*tones, "-map", 0, "-map", 1, "-map", 2, "-c:a", "aac", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger",
           "-metadata:s:a:2", "language=spa", "-disposition:a:0", 0, "-disposition:a:2", "default", path)
    return path


@pytest.mark.parametrize("options, hz", [
    ((), 2000), (("--language", "en"), 440), (("--language", "de-AT"), 1000), (("--language", "fr"), 2000), (("--audio-track", 2), 1000),
    (("--audio-track", 1, "--language", "de"), 440),
])
def test_the_track_in_the_language_spoken_is_read(several, tmp_path, options, hz):
    pcm = tmp_path / "pcm"
    status, facts, error = copy("--pcm", pcm, *options, several)
    assert status == 0, error
    data = pcm.read_bytes()
    samples = struct.unpack(f"<{len(data) // 4}f", data)[::facts["channels"]]
    crossings = sum(a < 0 <= b for a, b in zip(samples, samples[1:]))
    assert abs(crossings / hz - facts["n_audio_frames"] / RATE_HZ) < 0.02


def test_a_track_that_is_not_there(several):
    status, _, error = copy("--audio-track", 4, several)
    assert status == 2 and "there is no audio track 4; it has 3" in error


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4a", "mkv", "ts"])
def test_the_sound_says_its_language(base, tmp_path, suffix):
    source, out = tmp_path / "in.mp4", tmp_path / f"out.{suffix}"
    ffmpeg("-i", base, *(["-vn"] if suffix == "m4a" else []), "-c", "copy", source)
    status, _, error = copy("--to", "es", "--title", "Doblaje", source, out)
    assert status == 0, error
    stream = stream_of(out, "audio")
    assert stream["tags"]["language"] == "spa"
    if suffix == "mkv":
        assert stream["tags"]["title"] == "Doblaje"
    elif suffix != "ts":
        assert stream["tags"]["handler_name"] == "Doblaje"
    if suffix != "ts":
        assert stream["disposition"]["default"] == 1
