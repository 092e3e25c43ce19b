"""`airdub dub --to es,fr,it`: one recording, recognised once, into a file a language or into one file."""

import hashlib
import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures import clips
from support import media
from support.cli import airdub, assert_one_line
from support.net import wait_for
from support.process import Program
from support.programs import path_of

SUPPORT = Path(__file__).resolve().parents[1] / "support"
LANGUAGES = ("es", "fr", "it")
ISO3 = {"en": "eng", "es": "spa", "fr": "fra", "it": "ita"}
TITLES = {"es": "Dubbed: Spanish", "fr": "Dubbed: French", "it": "Dubbed: Italian"}


@pytest.fixture(scope="module")
def clip():
    return clips.short()


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def engines(offered=LANGUAGES, *troubles):
    run = f"exec:{sys.executable} {SUPPORT}"
    return ["--asr", f"{run}/tone_ear.py ear.log", "--mt", " ".join([f"{run}/phrase_translator.py", "+".join(offered), *troubles]),
            "--tts", f"{run}/tone_voice.py"]


def heard():
    """What the recogniser was asked for, but for the silence that warms it up."""
    path = Path("ear.log")
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
    return sorted(line["seconds"] for line in lines if line["hz"])


def dub(clip, out, *options, status=0):
    done = airdub("dub", "--json", *options, clip, out, timeout_s=120)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def of(events, kind):
    return [event for event in events if event["event"] == kind]


def streams(path, kind):
    return [s for s in media.probe(path)["streams"] if s["codec_type"] == kind]


def sound(path, number=0):
    """Of the track's packets: the bytes themselves."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", f"0:a:{number}", "-c", "copy", "-f", "data", "-"],
                         stdout=subprocess.PIPE, check=True).stdout
    assert raw
    return hashlib.md5(raw).hexdigest()


def names():
    return sorted(path.name for path in Path().iterdir() if path.name != "ear.log")


def test_a_file_a_language_and_one_recognition(clip):
    events = dub(clip, "talk.mp4", "--to", "es,fr,it", *engines(), "--tts", "espeak-ng")
    fragments = len(of(events, "fragment")) // 3
    assert names() == ["talk.es.mp4", "talk.fr.mp4", "talk.it.mp4"]
    assert fragments and len(heard()) == fragments
    assert [(e["to"], e["output"], e["dubbed"]) for e in of(events, "done")] == \
        [(to, f"talk.{to}.mp4", fragments) for to in LANGUAGES]
    assert of(events, "languages") == [{"event": "languages", "languages": [
        {"to": to, "output": f"talk.{to}.mp4", "error": None} for to in LANGUAGES]}]
    for to in LANGUAGES:
        tags = streams(f"talk.{to}.mp4", "audio")[0]["tags"]
        assert (tags["language"], tags["handler_name"]) == (ISO3[to], TITLES[to])


def test_each_is_what_it_would_be_by_itself(clip):
    together = dub(clip, "talk.mp4", "--to", "es,fr", *engines())
    for to in ("es", "fr"):
        alone = dub(clip, f"alone.{to}.mp4", "--to", to, *engines())
        assert sound(f"alone.{to}.mp4") == sound(f"talk.{to}.mp4")
        begin = next(i for i, e in enumerate(together) if e["event"] == "start" and e["to"] == to)
        mine = of(together[begin:], "fragment")[:len(of(alone, "fragment"))]
        for key in ("transcript", "speech_start", "speech_end", "translation"):
            assert [e[key] for e in mine] == [e[key] for e in of(alone, "fragment")]
        assert [e["metadata"]["asr_model"] for e in mine] == [e["metadata"]["asr_model"] for e in of(alone, "fragment")]


def test_the_language_goes_where_the_name_says(clip):
    Path("fr").mkdir()
    Path("it").mkdir()
    dub(clip, "{lang}/talk_{lang}.mp4", "--to", "fr,it", *engines())
    assert Path("fr/talk_fr.mp4").exists() and Path("it/talk_it.mp4").exists()
    dub(clip, "{lang}.mp4", "--to", "fr", *engines())
    assert Path("fr.mp4").exists()


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_one_file(clip, suffix):
    dub(clip, "talk.mp4", "--to", "es,fr,it", *engines())
    Path("ear.log").unlink()
    out = f"one.{suffix}"
    events = dub(clip, out, "--to", "es,fr,it", "--one-file", "--keep-original", "--default", "fr", "--subtitles", "embed", *engines())
    assert len(heard()) == len(of(events, "fragment")) // 3
    assert of(events, "languages")[0]["languages"] == [{"to": to, "output": out, "error": None} for to in LANGUAGES]
    tracks = streams(out, "audio")
    assert [t["tags"]["language"] for t in tracks] == ["spa", "fra", "ita", "eng"]
    assert [t["tags"].get("title", t["tags"].get("handler_name")) for t in tracks] == [*TITLES.values(), "Original"]
    assert [t["disposition"]["default"] for t in tracks] == [0, 1, 0, 0]
    if suffix == "mkv":
        assert [t["disposition"]["dub"] for t in tracks] == [1, 1, 1, 0] and tracks[3]["disposition"]["original"] == 1
    for number, to in enumerate(LANGUAGES):
        assert sound(out, number) == sound(f"talk.{to}.mp4")
        assert abs(float(tracks[number]["start_time"])) <= 0.001
    if suffix != "mkv":  # without an edit list nothing hides what lies before the beginning: it is left out there
        assert sound(out, 3) == sound(clip)
    texts = streams(out, "subtitle")
    assert [t["tags"]["language"] for t in texts] == ["spa", "fra", "ita"]
    assert media.packet_hashes(out) == media.packet_hashes("talk.es.mp4") == media.packet_hashes(clip)
    assert abs(media.duration_s(out) - media.duration_s("talk.es.mp4")) < 0.03
    assert names() == sorted([out, *(f"talk.{to}.mp4" for to in LANGUAGES)])


def test_one_file_is_as_in_time_as_one_language_alone(tmp_path):
    """The picture begins before the sound: so it does in the end."""
    media.ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=9", "-itsoffset", "1.5", "-f", "lavfi", "-i",
                 "sine=frequency=700:sample_rate=48000:duration=7", "-c:v", "libx264", "-c:a", "aac", "late.mkv")
    dub("late.mkv", "one.mkv", "--to", "fr,es", "--one-file", *engines())
    dub("late.mkv", "alone.mkv", "--to", "es", *engines())
    alone, mine = streams("alone.mkv", "audio")[0], streams("one.mkv", "audio")[1]
    assert abs(float(alone["start_time"]) - float(mine["start_time"])) <= 0.001
    assert sound("one.mkv", 1) == sound("alone.mkv")


def test_sound_alone_goes_into_one_file_interleaved(clip):
    media.ffmpeg("-f", "lavfi", "-i", "sine=frequency=700:duration=40", "talk.wav")
    dub("talk.wav", "one.m4a", "--to", "es,fr", "--one-file", *engines())
    assert [t["tags"]["language"] for t in streams("one.m4a", "audio")] == ["spa", "fra"]
    raw = subprocess.run(["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "packet=stream_index,pts_time", "one.m4a"],
                         stdout=subprocess.PIPE, check=True, text=True).stdout
    newest = {}
    for line in raw.split():
        number, pts = line.split(",")[:2]
        newest[number] = float(pts)
        assert max(newest.values()) - min(newest.values()) < 2, "a player would have to seek"
    assert len(newest) == 2


def test_subtitle_files_of_one_file(clip):
    events = dub(clip, "one.mkv", "--to", "es,fr", "--one-file", "--subtitles", *engines())
    assert names() == sorted(["one.mkv", *(f"one.{lang}.{kind}" for lang in ("en", "es", "fr") for kind in ("vtt", "srt"))])
    assert [len(e["subtitles"]) for e in of(events, "done")] == [4, 2]
    assert "gardien" in Path("one.fr.srt").read_text() and "Tone" in Path("one.en.srt").read_text()
    assert_one_line(airdub("dub", clip, "two.mkv", "--to", "es,xx", "--one-file", *engines()), 4, "xx")


def test_a_language_that_is_not_there_is_told_before_anything_is_dubbed(clip):
    done = airdub("dub", clip, "talk.mp4", "--to", "es,fr,it", *engines(("es", "it")))
    assert_one_line(done, 4, 'fr: no translation for "en-fr"; there is:')
    assert names() == [] and heard() == []
    voice = airdub("dub", clip, "talk.mp4", "--to", "es,fr", "--voice", "fr=nobody", *engines())
    assert_one_line(voice, 3, 'fr: no voice is called "nobody"')
    assert names() == [] and heard() == []


def test_one_that_fails_leaves_the_others(clip):
    events = dub(clip, "talk.mp4", "--to", "es,fr,it", *engines(LANGUAGES, "fail:fr"), status=12)
    assert {"talk.es.mp4", "talk.it.mp4"} <= set(names())
    told = {row["to"]: row for row in of(events, "languages")[0]["languages"]}
    assert told["es"]["error"] is None and told["it"]["error"] is None
    assert "no fragment could be dubbed, talk.fr.mp4 has the original" in told["fr"]["error"]
    assert of(events, "error")[0]["message"].startswith("1 of 3 languages were not dubbed: fr: ")
    assert len(heard()) == len(of(events, "fragment")) // 3


def test_one_that_fails_is_no_track_of_the_one_file(clip):
    events = dub(clip, "one.mkv", "--to", "es,fr,it", "--one-file", "--default", "es", *engines(LANGUAGES, "fail:es"), status=12)
    assert [t["tags"]["language"] for t in streams("one.mkv", "audio")] == ["fra", "ita"]
    assert [t["disposition"]["default"] for t in streams("one.mkv", "audio")] == [1, 0]
    assert names() == ["one.mkv"]
    assert of(events, "languages")[0]["languages"][0]["error"].startswith("no fragment could be dubbed: ")
    assert [row["output"] for row in of(events, "languages")[0]["languages"]] == [None, "one.mkv", "one.mkv"]


def test_an_input_that_cannot_be_read_is_told_once():
    Path("bad.mp4").write_bytes(b"no media at all" * 100)
    done = airdub("dub", "bad.mp4", "talk.mp4", "--to", "es,fr", *engines())
    assert_one_line(done, 6, "bad.mp4: not a media file")
    assert done.stderr.count("bad.mp4") == 1


def interrupted(clip, *options):
    """Spanish is whole, and the translation into French hangs."""
    return Program([path_of("airdub"), "dub", "--json", clip, "talk.mp4", "--to", "es,fr,it", *options,
                    *engines(LANGUAGES, "hang:fr")], name="airdub-dub")


def interrupt_in_french(program):
    wait_for(Path("hangs.fr").exists, 60, "a translation that hangs")
    program.popen.send_signal(signal.SIGINT)


@pytest.mark.parametrize("options, left", [([], ["talk.es.mp4"]), (["--one-file"], ["talk.partial.mp4"])])
def test_an_interrupt_keeps_the_languages_that_are_whole(clip, options, left):
    with interrupted(clip, *options) as program:
        interrupt_in_french(program)
        assert program.wait(30) == 130, program.tail()
    assert [name for name in names() if "fr" not in name] == left
    if options:
        assert [t["tags"]["language"] for t in streams(left[0], "audio")] == ["spa"]


def test_a_second_interrupt_while_they_are_brought_together(clip):
    """It may still be in time for that, or not: the file is called partial once."""
    with interrupted(clip, "--one-file") as program:
        interrupt_in_french(program)
        wait_for(lambda: Path(".talk.partial.part.mp4").exists() or not program.running, 30, "the one file")
        program.popen.send_signal(signal.SIGINT)
        assert program.wait(30) == 130, program.tail()
    assert set(names()) <= {"hangs.fr", "talk.partial.mp4"}


@pytest.mark.parametrize("after_s", [0.02 * n for n in range(10)])
def test_two_interrupts_in_a_row_leave_nothing_half_made(clip, after_s):
    """The second one comes in French, between the languages or while they are brought together."""
    with interrupted(clip, "--one-file") as program:
        interrupt_in_french(program)
        with suppress(subprocess.TimeoutExpired):
            program.popen.wait(after_s)
        program.popen.send_signal(signal.SIGINT)
        assert program.wait(30) == 130, program.tail()
    assert set(names()) <= {"hangs.fr", "talk.partial.mp4"}


@pytest.mark.parametrize("options, status, says", [
    (["--to", "es,es"], 2, "--to: es is there twice"),
    (["--to", "es,"], 2, "'' is not a language code"),
    (["--to", "es,en"], 2, "both en"),
    (["--to", "es,fr", "--voice", "ana"], 2, "write --voice es=VOICE"),
    (["--to", "es,fr", "--default", "es"], 2, "--default: 'es' is none of"),
    (["--to", "es,fr", "--one-file", "--default", "it"], 2, "--default: 'it' is none of"),
    (["--to", "es,fr", "--translation", "x.srt"], 2, "--to names several"),
    (["--to", ",".join(["es"] * 40)], 2, "at most 32"),
])
def test_refused(clip, options, status, says):
    assert_one_line(airdub("dub", *options, clip, "talk.mp4"), status, says)
    assert names() == []


@pytest.mark.parametrize("out, options, status, says", [
    ("talk.ts", ["--one-file"], 4, ".ts holds one track of sound"),
    ("talk.webm", ["--one-file"], 4, "several dubs in one file are AAC, which .webm does not hold"),
    ("talk.{lang}.mkv", ["--one-file"], 2, "leave {lang} out"),
    ("rtmp://127.0.0.1:9/live/x", [], 2, "write {lang} where"),
])
def test_refused_outputs(clip, out, options, status, says):
    assert_one_line(airdub("dub", "--to", "es,fr", *options, clip, out), status, says)


def test_what_cannot_be_read_again_is_refused():
    for source in ("-", "rtmp://127.0.0.1:9/live/x"):
        assert_one_line(airdub("dub", "--to", "es,fr", source, "talk.mp4"), 2, "several languages need a plain file")


def test_names_that_are_taken(clip):
    Path("talk.fr.mp4").write_text("mine")
    assert_one_line(airdub("dub", "--to", "es,fr", clip, "talk.mp4"), 2, "talk.fr.mp4 is already there")
    assert Path("talk.fr.mp4").read_text() == "mine" and heard() == []
