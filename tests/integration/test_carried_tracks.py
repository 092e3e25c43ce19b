"""What a file holds beside the picture and the sound that are dubbed: it comes out as it went in, or it is said what does not.

The inputs are made here by ffmpeg; what is compared is what ffprobe says before and after, and the bytes of every packet."""

import hashlib
import json
import os
import pathlib
import re
import subprocess

import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line
from support.programs import ROOT, Dub

BUILD = pathlib.Path(os.environ.get("AIRDUB_BUILD", "build"))
COPY = BUILD / "tests/unit/media/media-copy"
SECONDS, FPS = 6, 25
ENGINES = ("--asr", "pocketsphinx", "--mt", "apertium", "--tts", "espeak-ng")

pytestmark = pytest.mark.skipif(not COPY.exists(), reason=f"{COPY} is not built")

SUBTITLES = {"eng": ["Good evening.", "And welcome."], "deu": ["Guten Abend.", "Und willkommen."]}
TIMES = [(0.5, 2.0), (3.0, 5.0)]
TAGS = {"title": "The Match", "artist": "Someone", "date": "2024-05-01", "location": "+48.8577+002.2950/",
        "creation_time": "2024-05-01T10:00:00.000000Z"}
CHAPTERS = [(0.0, 3.0, "First half"), (3.0, 6.0, "Second half")]
TIMECODE = "01:02:03:04"


def ffmpeg(*arguments):
    result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def copy(*arguments, **options):
    """(exit status, what is not carried over, the line of error)"""
    done = subprocess.run([COPY, "--to", "es", "--title", "Doblaje", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          **options)
    said = [line.partition("not carried over: ")[2] for line in done.stderr.splitlines() if "not carried over: " in line]
    assert len(said) <= 1
    return done.returncode, said[0] if said else "", done.stderr.strip()


def probe(path):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_chapters", "-show_format", path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def streams(path, kind):
    return [s for s in probe(path)["streams"] if s["codec_type"] == kind and not s["disposition"]["attached_pic"]]


def packets(path, stream):
    """(seconds, MD5) of each packet, without the empty ones that end a subtitle in MP4."""
    text = ffmpeg("-copyts", "-i", path, "-map", f"0:{stream['index']}", "-c", "copy", "-f", "framemd5", "-").decode()
    base = next(line.split(":")[1] for line in text.splitlines() if line.startswith("#tb"))
    numerator, denominator = map(int, base.split("/"))
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return [(int(row[2]) * numerator / denominator, row[5].strip()) for row in rows if int(row[4]) > 2]


def assert_same_packets(out, track, source, original, shift_s=0.0):
    got, wanted = packets(out, track), packets(source, original)
    assert [md5 for _, md5 in got] == [md5 for _, md5 in wanted]
    assert max(abs(a[0] - b[0] - shift_s) for a, b in zip(got, wanted)) < 0.00101  # Matroska counts in milliseconds


def cues(path, stream):
    """(start, end, text without markup) of a track of subtitles."""
    text = ffmpeg("-i", path, "-map", f"0:{stream['index']}", "-f", "srt", "-").decode()
    found = []
    for block in re.split(r"\n\n+", text.replace("\r", "").strip()):
        _, span, *lines = block.split("\n")
        times = [sum(float(part) * 60 ** i for i, part in enumerate(reversed(t.replace(",", ".").split(":")))) for t in span.split(" --> ")]
        found.append((*times, re.sub(r"<[^>]*>|\{[^}]*\}", "", "\n".join(lines))))
    return found


def tags_of(things):
    return {key.lower(): value for key, value in things.get("tags", {}).items()}


def language_of(stream):
    """QuickTime's number for German is called by its bibliographic code."""
    language = tags_of(stream).get("language", "und")
    return {"ger": "deu"}.get(language, language)


def title_of(stream):
    tags = tags_of(stream)
    return tags.get("title") or re.sub("(Sound|Video|Subtitle)Handler", "", tags.get("handler_name", "")) or None


def cover_of(path):
    stream = next(s for s in probe(path)["streams"] if s["disposition"]["attached_pic"])
    return ffmpeg("-i", path, "-map", f"0:{stream['index']}", "-c", "copy", "-f", "image2pipe", "-")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("carried")
    for language, lines in SUBTITLES.items():
        (folder / f"{language}.srt").write_text("".join(f"{i}\n00:00:0{start:.3f} --> 00:00:0{end:.3f}\n{text}\n\n"
                                                        for i, ((start, end), text) in enumerate(zip(TIMES, lines), 1)))
    chapters = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start * 1000:.0f}\nEND={end * 1000:.0f}\ntitle={title}\n"
                       for start, end, title in CHAPTERS)
    (folder / "tags.txt").write_text(";FFMETADATA1\n" + "".join(f"{key}={value}\n" for key, value in TAGS.items()) + chapters)
    (folder / "font.ttf").write_bytes(os.urandom(5000))
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-frames:v", 1, folder / "cover.jpg")
    return folder


@pytest.fixture(scope="session")
def inputs(folder):
    """{suffix: a file with two further tracks of sound, two of subtitles, and all else that it holds}"""
    tones = [word for hz in (440, 880, 1200) for word in ("-f", "lavfi", "-i", f"sine=f={hz}:d={SECONDS}:r=48000")]
    base = folder / "base.mkv"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=160x120:r={FPS}:d={SECONDS}", *tones, "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-c:v",
           "libx264", "-preset", "veryfast", "-bf", 3, "-g", 2 * FPS, "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:a:1", "ac3", base)
    common = ["-i", base, "-i", folder / "eng.srt", "-i", folder / "deu.srt", "-i", folder / "tags.txt"]
    said = ["-map_metadata", 3, "-map_chapters", 3, "-c", "copy", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra",
            "-metadata:s:a:1", "title=Commentaire", "-metadata:s:a:1", "handler_name=Commentaire", "-metadata:s:a:2", "language=jpn",
            "-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=deu", "-disposition:a:0", "default", "-disposition:a:1",
            "comment", "-disposition:s:1", "hearing_impaired"]
    tracks = ["-map", 0, "-map", 1, "-map", 2]
    cover = folder / "cover.jpg"
    in_mov = ["-metadata:s:s:1", "language=ger"]
    made = {suffix: folder / f"in.{suffix}" for suffix in ("mkv", "mp4", "mov")}
    ffmpeg(*common, *tracks, *said, "-c:s", "srt", "-metadata", f"timecode={TIMECODE}", "-attach", folder / "font.ttf", "-metadata:s:t:0",
           "mimetype=font/ttf", "-attach", cover, "-metadata:s:t:1", "mimetype=image/jpeg", "-metadata:s:t:1", "filename=cover.jpg",
           "-metadata:s:v:0", f"timecode={TIMECODE}", made["mkv"])
    ffmpeg(*common, "-i", cover, *tracks, "-map", 4, *said, "-c:s", "mov_text", "-disposition:v:1", "attached_pic", "-timecode", TIMECODE,
           made["mp4"])
    ffmpeg(*common, *tracks, *said, "-c:s", "mov_text", *in_mov, "-timecode", TIMECODE, made["mov"])
    return made


PAIRS = ["mp4-mp4", "mkv-mkv", "mkv-mp4", "mov-mp4", "mp4-mkv", "mov-mov", "mp4-mov", "mov-mkv"]


@pytest.fixture(scope="session", params=PAIRS)
def carried(request, inputs, folder):
    """(input, output, what was said not to be carried over)"""
    suffix, to = request.param.split("-")
    out = folder / f"out-{request.param}.{to}"
    status, left_out, error = copy(inputs[suffix], out)
    assert status == 0, error
    return inputs[suffix], out, left_out


def test_further_sounds_are_the_same_packets(carried):
    source, out, _ = carried
    before, after = streams(source, "audio"), streams(out, "audio")
    assert len(after) == len(before) == 3  # the dub in the place of what was dubbed
    for track, original in zip(after[1:], before[1:]):
        assert track["codec_name"] == original["codec_name"]
        assert language_of(track) == language_of(original)
        assert title_of(track) == title_of(original)
        if out.suffix != ".mov" and source.suffix != ".mov":  # QuickTime has no place for it
            assert track["disposition"]["comment"] == original["disposition"]["comment"]
        assert not track["disposition"]["default"]
        assert_same_packets(out, track, source, original)
    assert title_of(after[1]) == "Commentaire"


def test_the_picture_is_the_same_packets(carried):
    source, out, _ = carried
    assert_same_packets(out, streams(out, "video")[0], source, streams(source, "video")[0])


def test_subtitles_are_kept(carried):
    source, out, _ = carried
    before, after = streams(source, "subtitle"), streams(out, "subtitle")
    assert len(after) == len(before) == 2
    for track, original, lines in zip(after, before, SUBTITLES.values()):
        assert language_of(track) == language_of(original)
        if source.suffix != ".mov" and out.suffix != ".mov":
            assert track["disposition"]["hearing_impaired"] == original["disposition"]["hearing_impaired"]
        if track["codec_name"] == original["codec_name"]:
            assert_same_packets(out, track, source, original)
        got = cues(out, track)
        assert [text for *_, text in got] == lines
        for (start, end, _), wanted in zip(got, TIMES):
            assert (start, end) == pytest.approx(wanted, abs=0.002)


def test_chapters_are_kept(carried):
    _, out, _ = carried
    found = [(float(c["start_time"]), float(c["end_time"]), c["tags"]["title"]) for c in probe(out)["chapters"]]
    assert found == CHAPTERS


def test_tags_are_kept(carried):
    source, out, _ = carried
    before, after = tags_of(probe(source)["format"]), tags_of(probe(out)["format"])
    assert {key: before.get(key) for key in TAGS} == TAGS
    assert {key: after.get(key) for key in TAGS} == TAGS


def test_the_timecode_is_kept(carried):
    source, out, _ = carried
    video = tags_of(streams(out, "video")[0])
    assert video["timecode"] == tags_of(streams(source, "video")[0])["timecode"] == TIMECODE
    if out.suffix != ".mkv":
        assert any(s["codec_tag_string"] == "tmcd" for s in streams(out, "data"))


def test_covers_and_attachments_are_kept_or_named(carried, folder, tmp_path):
    source, out, left_out = carried
    named = []
    if source.suffix == ".mkv" and out.suffix == ".mkv":
        ffmpeg("-dump_attachment:t:0", tmp_path / "font.ttf", "-i", out, "-t", 0, "-f", "null", "-")
        assert (tmp_path / "font.ttf").read_bytes() == (folder / "font.ttf").read_bytes()
    elif source.suffix == ".mkv":
        named.append("1 attachment")
    if source.suffix != ".mov" and out.suffix != ".mov":
        assert cover_of(out) == (folder / "cover.jpg").read_bytes()
    elif source.suffix != ".mov":
        named.append("1 cover picture")
    assert left_out == ", ".join(named)


def test_a_sound_file(inputs, folder, tmp_path):
    """.m4a, from a file without a picture."""
    source, out = tmp_path / "in.mp4", tmp_path / "out.m4a"
    ffmpeg("-i", inputs["mp4"], "-map", "0:a", "-map", "0:s", "-map", "0:v:1", "-c", "copy", "-disposition:v:0", "attached_pic", source)
    status, left_out, error = copy("--keep-original", source, out)
    assert (status, left_out) == (0, ""), error
    for number, track in enumerate(streams(out, "audio")[1:]):
        assert_same_packets(out, track, source, streams(source, "audio")[number])
    assert [[text for *_, text in cues(out, track)] for track in streams(out, "subtitle")] == list(SUBTITLES.values())
    assert cover_of(out) == (folder / "cover.jpg").read_bytes()
    assert [c["tags"]["title"] for c in probe(out)["chapters"]] == [title for *_, title in CHAPTERS]
    assert tags_of(probe(out)["format"])["title"] == TAGS["title"]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_second_picture(inputs, tmp_path, suffix):
    source, out = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    ffmpeg("-i", inputs["mkv"], "-f", "lavfi", "-i", f"testsrc=s=96x64:r={FPS}:d={SECONDS}", "-map", "0:v:0", "-map", "0:a:0", "-map", "1:v",
           "-c", "copy", "-c:v:1", "libx264", "-pix_fmt", "yuv420p", "-bf", 2, "-metadata:s:v:1", "title=Slides", source)
    status, left_out, error = copy(source, out)
    assert (status, left_out) == (0, ""), error
    assert_same_packets(out, streams(out, "video")[1], source, streams(source, "video")[1])
    assert title_of(streams(out, "video")[1]) == "Slides"


def test_pictures_do_not_go_into_a_sound_file(inputs, folder, tmp_path):
    """All else that it can hold does."""
    out = tmp_path / "out.m4a"
    status, left_out, error = copy(inputs["mp4"], out)
    assert (status, left_out) == (0, "1 video track, 2 data tracks (eng, eng)"), error  # its timecode
    assert streams(out, "video") == [] and len(streams(out, "audio")) == 3 and len(streams(out, "subtitle")) == 2
    assert cover_of(out) == (folder / "cover.jpg").read_bytes()


@pytest.fixture(scope="session")
def webm(inputs, folder):
    """What a WebM file can hold: a second picture, a second sound, subtitles, chapters and tags."""
    path = folder / "in.webm"
    picture = ["-f", "lavfi", "-i", f"testsrc=s=96x64:r={FPS}:d={SECONDS}"]
    ffmpeg("-i", inputs["mkv"], *picture, "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:1", "-map", "0:s", "-map", "1:v", "-c:v", "libvpx",
           "-deadline", "realtime", "-c:a", "libopus", "-c:s", "webvtt", path)
    return path


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_webm_keeps_what_it_holds(webm, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    status, left_out, error = copy("--keep-original", webm, out)
    assert (status, left_out) == (0, ""), error
    assert [s["codec_name"] for s in streams(out, "audio")] == ["opus" if suffix == "webm" else "aac", "opus", "opus"]
    assert [language_of(s) for s in streams(out, "audio")] == ["spa", "eng", "fra"]
    for track, original in zip(streams(out, "audio")[1:], streams(webm, "audio")):
        assert_same_packets(out, track, webm, original)
    for track, original in zip(streams(out, "video"), streams(webm, "video")):
        assert_same_packets(out, track, webm, original)
    for track, lines in zip(streams(out, "subtitle"), SUBTITLES.values()):
        assert [text for *_, text in cues(out, track)] == lines
    assert [c["tags"]["title"] for c in probe(out)["chapters"]] == [title for *_, title in CHAPTERS]
    assert tags_of(probe(out)["format"])["artist"] == TAGS["artist"]


def test_webm_names_what_it_does_not_hold(inputs, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / "out.webm"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:1", "-map", "0:s", "-map", "0:t:0", "-c", "copy", "-c:v", "libvpx",
           "-deadline", "realtime", source)
    status, left_out, error = copy("--text", "Hola", source, out)
    assert (status, left_out) == (0, "1 audio track (fra), 1 attachment"), error
    assert [s["codec_name"] for s in streams(out, "subtitle")] == 3 * ["webvtt"]
    assert tags_of(streams(out, "video")[0])["timecode"] == TIMECODE
    assert cues(out, streams(out, "subtitle")[0]) == [(pytest.approx(1, abs=0.01), pytest.approx(3, abs=0.01), "Hola")]


@pytest.mark.parametrize("codec", ["ass", "webvtt", "subrip"])
def test_each_kind_of_text_goes_into_mp4(inputs, tmp_path, codec):
    source, again, out = tmp_path / "in.mkv", tmp_path / "again.mkv", tmp_path / "out.mp4"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "0:s", "-c", "copy", "-c:s", codec, source)
    status, left_out, error = copy(source, again)
    assert (status, left_out) == (0, ""), error
    for track, original in zip(streams(again, "subtitle"), streams(source, "subtitle")):
        assert track["codec_name"] == codec
        assert_same_packets(again, track, source, original)
    status, left_out, error = copy(source, out)
    assert (status, left_out) == (0, ""), error
    for track, lines in zip(streams(out, "subtitle"), SUBTITLES.values()):
        assert track["codec_name"] == "mov_text"
        assert [text for *_, text in cues(out, track)] == lines


def test_programmes_are_named(inputs, tmp_path):
    source = tmp_path / "in.ts"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:2", "-c", "copy", "-program", "title=One:st=0:st=1", "-program",
           "title=Two:st=2", source)
    out = tmp_path / "out.mkv"
    status, left_out, error = copy(source, out)
    assert (status, left_out) == (0, "the grouping into 2 programmes"), error
    assert len(streams(out, "audio")) == 2


# --- what cannot be kept is named, in one line ---

@pytest.mark.parametrize("suffix", ["ts", "flv"])
def test_a_container_that_holds_nothing_else(inputs, tmp_path, suffix):
    status, left_out, error = copy(inputs["mkv"], tmp_path / f"out.{suffix}")
    assert status == 0, error
    assert left_out.startswith("2 audio tracks (fra, jpn), 2 subtitle tracks (eng, deu), 1 attachment, 1 cover picture, 2 chapters, tags (")
    for key in TAGS:
        assert key in left_out.lower()


def test_a_codec_that_the_container_does_not_hold(inputs, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a", "-c", "copy", "-c:a:2", "pcm_s16le", source)
    status, left_out, error = copy(source, out)
    assert status == 0, error
    assert left_out == "1 audio track (jpn)"
    assert [tags_of(s)["language"] for s in streams(out, "audio")] == ["spa", "fra"]
    assert copy(source, tmp_path / "out.mkv")[1] == ""


def test_a_tag_without_a_place_is_named(inputs, tmp_path):
    source = tmp_path / "in.mkv"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-metadata", "WEATHER=rain", source)
    assert copy(source, tmp_path / "out.mp4")[1] == "tags (WEATHER)"
    status, left_out, _ = copy(source, tmp_path / "out.mkv")
    assert (status, left_out) == (0, "") and tags_of(probe(tmp_path / "out.mkv")["format"])["weather"] == "rain"


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_a_telephones_own_tags(inputs, tmp_path, suffix):
    """com.apple.quicktime.make and the like have a place of their own."""
    source, out = tmp_path / "in.mov", tmp_path / f"out.{suffix}"
    wanted = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.iso6709": "+48.8577+002.2950+035.000/"}
    words = [word for key, value in wanted.items() for word in ("-metadata", f"{key}={value}")]
    ffmpeg("-i", inputs["mov"], "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", *words, "-movflags", "use_metadata_tags", source)
    status, left_out, error = copy(source, out)
    assert (status, left_out) == (0, ""), error
    tags = tags_of(probe(out)["format"])
    assert {key: tags.get(key) for key in wanted} == wanted


def test_a_cover_counts_for_more_than_a_telephones_tags(inputs, folder, tmp_path):
    """MP4 has either a place for any tag, or one for a cover."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-metadata", "com.apple.quicktime.make=Apple", "-attach",
           folder / "cover.jpg", "-metadata:s:t:0", "mimetype=image/jpeg", "-metadata:s:t:0", "filename=cover.jpg", source)
    status, left_out, error = copy(source, out)
    assert (status, left_out.lower()) == (0, "tags (com.apple.quicktime.make)"), error
    assert cover_of(out) == (folder / "cover.jpg").read_bytes()


def test_a_pipe_is_read_only_once(inputs, tmp_path):
    """Its further tracks are named with the reason; what its header says is kept."""
    out = tmp_path / "out.mkv"
    with subprocess.Popen(["cat", inputs["mkv"]], stdout=subprocess.PIPE) as cat:
        status, left_out, error = copy("-", out, stdin=cat.stdout)
    assert status == 0, error
    assert left_out == ("2 audio tracks (fra, jpn), since this input is read only once, "
                        "2 subtitle tracks (eng, deu), since this input is read only once")
    assert tags_of(probe(out)["format"])["title"] == TAGS["title"]
    assert len(probe(out)["chapters"]) == 2
    assert cover_of(out) == cover_of(inputs["mkv"])


# --- times and bounds ---

def test_a_transport_streams_second_sound(inputs, tmp_path):
    """It begins at 1.4 s of its own clock, and its AAC has headers that MP4 does not want."""
    source, out, wanted = tmp_path / "in.ts", tmp_path / "out.mp4", tmp_path / "wanted.mp4"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:2", "-c", "copy", source)
    ffmpeg("-i", source, "-map", "0", "-c", "copy", wanted)
    assert Dub(*ENGINES, source, out).summary
    shift_s = start_of(out) - start_of(wanted)
    assert_same_packets(out, streams(out, "audio")[1], wanted, streams(wanted, "audio")[1], shift_s)


def start_of(path):
    return float(streams(path, "video")[0]["start_time"])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_clock_that_jumps(inputs, tmp_path, suffix):
    """Two recordings in one .ts: where the picture goes on with the second, so does the further sound."""
    once, source, out = tmp_path / "once.ts", tmp_path / "in.ts", tmp_path / f"out.{suffix}"
    ffmpeg("-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:1", "-c", "copy", once)
    source.write_bytes(2 * once.read_bytes())
    assert Dub(*ENGINES, source, out).summary
    wanted, got = packets(once, streams(once, "audio")[1]), packets(out, streams(out, "audio")[1])
    assert [md5 for _, md5 in got] == 2 * [md5 for _, md5 in wanted]
    before, after = packets(once, streams(once, "video")[0]), packets(out, streams(out, "video")[0])
    assert len(after) == 2 * len(before)
    for part in (0, 1):  # each as far from its picture as it was
        distance_s = got[part * len(wanted)][0] - min(time for time, _ in after[part * len(before):][:len(before)])
        assert distance_s == pytest.approx(wanted[0][0] - min(time for time, _ in before), abs=0.0021)


def decoded(path, stream):
    return hashlib.md5(ffmpeg("-i", path, "-map", f"0:{stream['index']}", "-f", "s16le", "-")).hexdigest()


@pytest.mark.parametrize("start_s", [1.3, 2.0])
def test_what_an_edit_list_hides_stays_hidden(inputs, tmp_path, start_s):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    ffmpeg("-ss", start_s, "-i", inputs["mp4"], "-map", "0:v:0", "-map", "0:a", "-c", "copy", source)
    status, _, error = copy(source, out)
    assert status == 0, error
    assert decoded(out, streams(out, "audio")[2]) == decoded(source, streams(source, "audio")[2])


@pytest.fixture(scope="session")
def uneven(inputs, folder):
    """Picture and sound end at 2 s, a further sound at 20 s."""
    path = folder / "uneven.mkv"
    ffmpeg("-t", 2, "-i", inputs["mkv"], "-f", "lavfi", "-i", "sine=f=700:d=20:r=48000", "-map", "0:v:0", "-map", "0:a:0", "-map", "1:a",
           "-c", "copy", "-c:a:1", "ac3", "-map_metadata", -1, "-map_chapters", -1, path)
    return path


def test_a_longer_sound_is_whole(uneven, tmp_path):
    out = tmp_path / "out.mkv"
    assert copy(uneven, out)[0] == 0
    assert_same_packets(out, streams(out, "audio")[1], uneven, streams(uneven, "audio")[1])


def test_an_output_that_is_cut_short_carries_over_no_more(uneven, tmp_path):
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    data = uneven.read_bytes()
    source.write_bytes(data[:int(len(data) * 0.8)])
    status, _, error = copy(source, out)
    assert status == 6, error
    found = packets(tmp_path / "out.partial.mkv", streams(tmp_path / "out.partial.mkv", "audio")[1])
    assert 1.8 < found[-1][0] < 2.2


def peak_bytes(*arguments):
    """Of memory, by one run of media-copy."""
    code = ("import resource, subprocess, sys; status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024); sys.exit(status)")
    done = subprocess.run(["python3", "-c", code, COPY, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_rare_subtitles_hold_up_nothing(tmp_path, suffix):
    """One at the beginning, one an hour later: what waits for the second is bounded."""
    rare, part, source, out = tmp_path / "rare.srt", tmp_path / "part.mkv", tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    rare.write_text("1\n00:00:00,500 --> 00:00:01,000\nFirst\n\n2\n01:00:00,000 --> 01:00:01,000\nLast\n\n")
    ffmpeg("-f", "lavfi", "-i", "nullsrc=s=176x144:r=25:d=2,geq=random(1)*255:128:128", "-f", "lavfi", "-i", "sine=d=2:r=48000", "-c:v",
           "libx264", "-preset", "ultrafast", "-qp", 20, "-c:a", "aac", part)
    ffmpeg("-stream_loop", 219, "-i", part, "-i", rare, "-map", 0, "-map", 1, "-c", "copy", source)
    # The program itself has 50 MB, the queues before and behind the loop at most 64 and 32, 10 s of packets are 6.
    assert source.stat().st_size > 240e6
    assert peak_bytes(source, out) < 170e6
    assert [text for *_, text in cues(out, streams(out, "subtitle")[0])] == ["First", "Last"]
    source.unlink(), out.unlink()


# --- the original sound, and subtitles of ours ---

@pytest.mark.parametrize("suffix, to", [("mp4", "mp4"), ("mkv", "mkv"), ("mkv", "mp4"), ("mov", "mov"), ("mp4", "mkv")])
@pytest.mark.parametrize("default", ["dub", "original"])
def test_the_original_is_kept(inputs, tmp_path, suffix, to, default):
    source, out = inputs[suffix], tmp_path / f"out.{to}"
    status, _, error = copy("--keep-original", *(["--default-original"] if default == "original" else []), source, out)
    assert status == 0, error
    dub, original, *further = streams(out, "audio")
    assert len(further) == 2
    assert [language_of(s) for s in (dub, original)] == ["spa", "eng"]
    assert [title_of(s) for s in (dub, original)] == ["Doblaje", "Original"]
    assert [s["disposition"]["default"] for s in (dub, original, *further)] == [default == "dub", default == "original", 0, 0]
    if to == "mkv":
        assert [(s["disposition"]["dub"], s["disposition"]["original"]) for s in (dub, original)] == [(1, 0), (0, 1)]
    if to == "mp4":
        assert dub["disposition"]["dub"] == 1
    assert_same_packets(out, original, source, streams(source, "audio")[0])


@pytest.mark.parametrize("to, says", [("mp4", "the original sound (pcm_s24le) cannot be kept in .mp4; use .mkv"),
                                      ("ts", "use .mp4, .mov, .mkv or .m4a"), ("wav", "use .mp4, .mov, .mkv or .m4a")])
def test_an_original_that_the_container_does_not_hold(inputs, tmp_path, to, says):
    source = tmp_path / "in.mkv"
    ffmpeg("-i", inputs["mkv"], *(["-map", "0:v:0"] if to != "wav" else []), "-map", "0:a:0", "-c", "copy", "-c:a", "pcm_s24le", source)
    status, _, error = copy("--keep-original", source, tmp_path / f"out.{to}")
    assert status == 4 and says in error, error
    assert list(tmp_path.iterdir()) == [source]


def test_the_original_of_a_pipe(inputs, tmp_path):
    with subprocess.Popen(["cat", inputs["mkv"]], stdout=subprocess.PIPE) as cat:
        status, _, error = copy("--keep-original", "-", tmp_path / "out.mkv", stdin=cat.stdout)
    assert status == 4 and "this input is read only once; save it as a .mkv or .mp4 file first" in error


@pytest.mark.parametrize("suffix, codec", [("mp4", "mov_text"), ("mov", "mov_text"), ("mkv", "subrip")])
def test_subtitles_of_ours_are_a_track(inputs, tmp_path, suffix, codec):
    out = tmp_path / f"out.{suffix}"
    status, _, error = copy("--text", "Hola, ¿qué <tal>?\nAdiós", inputs["mov"], out)
    assert status == 0, error
    ours, *others = streams(out, "subtitle")
    assert (ours["codec_name"], tags_of(ours)["language"], len(others)) == (codec, "spa", 2)
    (start, end, text), = cues(out, ours)
    assert (start, end) == pytest.approx((1, 3), abs=0.002)
    assert text.startswith("Hola, ¿qué") and text.endswith("Adiós")


# --- the command ---

def test_airdub_tells_and_names(inputs, tmp_path):
    """One run with all of it: what is dubbed is English speech, by its track's language."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mp4"
    ffmpeg("-i", clips.short(), "-i", inputs["mkv"], "-map", "0:v:0", "-map", "0:a:0", "-map", "1:a:1", "-map", "1:s", "-map", "1:t", "-c",
           "copy", "-map_metadata", 1, "-map_metadata:s:a:1", "1:s:a:1", "-map_metadata:s:t:0", "1:s:t:0", "-metadata:s:a:0",
           "language=eng", source)
    dub = Dub(*ENGINES, "--keep-original", "--default", "original", "--subtitles", "embed", source, out)
    summary = dub.summary
    assert dub.of("start")[0]["not_carried_over"] == ["1 attachment"]
    assert summary["subtitles"] == [] and sorted(os.listdir(tmp_path)) == ["in.mkv", "out.mp4"]
    dubbed, original, french = streams(out, "audio")
    assert [tags_of(s)["language"] for s in (dubbed, original, french)] == ["spa", "eng", "fra"]
    assert title_of(dubbed) == "Dubbed: Spanish" and title_of(original) == "Original"
    assert [s["disposition"]["default"] for s in (dubbed, original, french)] == [0, 1, 0]
    video_s = float(streams(out, "video")[0]["start_time"]) - float(streams(source, "video")[0]["start_time"])
    assert_same_packets(out, original, source, streams(source, "audio")[0], video_s)
    assert_same_packets(out, french, source, streams(source, "audio")[1], video_s)
    ours, *others = streams(out, "subtitle")
    assert tags_of(ours)["language"] == "spa" and len(others) == 2
    said = " ".join(f["translation"] for f in dub.fragments if f["translation"])
    assert " ".join(text.replace("\n", " ") for *_, text in cues(out, ours)) == said
    spoken = [f for f in dub.fragments if f["translation"]]
    assert cues(out, ours)[0][0] == pytest.approx(spoken[0]["speech_start"], abs=0.01)


def test_airdub_says_it_to_people_too(inputs, tmp_path):
    done = airdub("dub", *ENGINES, "--subtitles=both", inputs["mov"], tmp_path / "out.mkv")
    assert "not carried over" not in done.stdout
    done = airdub("dub", *ENGINES, inputs["mkv"], tmp_path / "out.ts")
    assert len(re.findall("^not carried over: 2 audio tracks.*$", done.stdout, re.M)) == 1


REFUSED = {
    "subtitles-ts": (["--subtitles", "embed", "IN", "out.ts"], 4, "use .mp4, .mov or .mkv"),
    "subtitles-flv": (["--subtitles=both", "IN", "out.flv"], 4, "use .mp4, .mov or .mkv"),
    "subtitles-mp3": (["--subtitles", "embed", "IN", "out.mp3"], 4, "use .mp4, .mov or .mkv"),
    "subtitles-wav": (["--subtitles", "embed", "IN", "out.wav"], 4, "use .mp4, .mov or .mkv"),
    "subtitles-hls": (["--subtitles", "embed", "IN", "out.m3u8"], 4, "subtitles cannot go into HLS; use .mp4, .mov or .mkv"),
    "subtitles-rtmp": (["--subtitles", "embed", "IN", "rtmp://127.0.0.1:1/live/x"], 4, "use .mp4, .mov or .mkv"),
    "subtitles-unknown": (["--subtitles=burn", "IN", "out.mp4"], 2, "'burn' is none of files, embed, both"),
    "original-ts": (["--keep-original", "IN", "out.ts"], 4, "use .mp4, .mov, .mkv or .m4a"),
    "original-rtmp": (["--keep-original", "IN", "rtmp://127.0.0.1:1/live/x"], 4, "use .mp4, .mov, .mkv or .m4a"),
    "default-alone": (["--default", "original", "IN", "out.mp4"], 2, "--keep-original"),
    "default-unknown": (["--default", "mine", "IN", "out.mp4"], 2, "'mine' is none of dub, original"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_at_once(inputs, tmp_path, name):
    words, status, says = REFUSED[name]
    words = [str(inputs["mkv"]) if w == "IN" else str(tmp_path / w) if w.startswith("out.") else w for w in words]
    assert_one_line(airdub("dub", *words), status, says)
    assert list(tmp_path.iterdir()) == []


# --- the table in docs/formats.md ---

TABLE = {  # row: what the cells for .mp4, .mov, .m4a, .mkv, .webm must say; the tests above measured the same
    "further sounds": ("yes", "yes", "yes", "yes", "Opus, Vorbis"),
    "subtitles": ("yes, text as timed text", "yes, text as timed text", "yes, text as timed text", "yes, timed text as SubRip",
                  "text, as WebVTT"),
    "further pictures": ("yes", "yes", "named", "yes", "VP8, VP9, AV1"),
    "chapters": ("yes", "yes", "yes", "yes", "yes"),
    "timecode": ("yes", "yes", "—", "as a tag", "as a tag"),
    "cover picture": ("yes", "named", "yes", "yes", "named"),
    "attachments": ("named", "named", "named", "yes", "named"),
}


def test_the_table_says_what_was_measured():
    rows = {}
    for line in (ROOT / "docs/formats.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = tuple(cells[1:6])
    assert {name: rows.get(name) for name in TABLE} == TABLE
