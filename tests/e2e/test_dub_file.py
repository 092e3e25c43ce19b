"""`airdub dub IN OUT` on files: the same pictures and the same length, other words, and nothing out of place."""

import json
import re
import signal

import numpy as np
import pytest

from fixtures import clips
from support import avsync, media, speech, wer
from support.programs import Dub, path_of
from support.process import Program, run

RATE_HZ = 16000


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory, nfl):
    """The minute of commentary, dubbed with every default, and with subtitles."""
    out = tmp_path_factory.mktemp("dubbed") / "out.mp4"
    dub = Dub("--subtitles", nfl, out)
    assert dub.summary["output"] == str(out)
    dub.out = out
    return dub


@pytest.fixture(scope="module")
def without_bed(tmp_path_factory, nfl):
    """The same with nothing of the original left, so that what is heard is the dub."""
    out = tmp_path_factory.mktemp("without-bed") / "out.mp4"
    dub = Dub("--bed", "off", nfl, out)
    assert dub.summary
    dub.out = out
    return dub


def assert_same_length(source, out, tolerance_s=0.025):
    for kind in ("video", "audio"):
        if media.stream(source, kind):
            assert media.duration_s(out, kind) == pytest.approx(media.duration_s(source, kind), abs=tolerance_s), kind


# ---- the whole minute ----

def test_length_stays(nfl, dubbed):
    assert_same_length(nfl, dubbed.out)
    assert dubbed.summary["duration"] == pytest.approx(60, abs=0.025)


def test_pictures_are_copied(nfl, dubbed):
    assert media.packet_hashes(dubbed.out) == media.packet_hashes(nfl)
    times = [[p.pts_s for p in media.packets(path, "video")] for path in (nfl, dubbed.out)]
    assert times[0] == pytest.approx(times[1], abs=0.002)


def test_sound_and_pictures_are_in_sync(dubbed):
    avsync.assert_in_sync(avsync.measure(dubbed.out), 6)


def test_file_decodes_without_a_complaint(dubbed):
    assert media.decode_errors(dubbed.out) == ""


def test_audio_has_no_hole(dubbed):
    packets = [p for p in media.packets(dubbed.out, "audio")]
    steps = np.diff([p.pts_s for p in packets])
    assert steps.max() < 0.0235 and steps.min() > 0.0225  # 1024 samples at 44.1 kHz


def test_cpu_adds_up(dubbed):
    cpu = dubbed.summary["cpu"]
    assert cpu["total"] == pytest.approx(sum(cpu[name] for name in cpu if name != "total"), abs=0.01)
    assert all(seconds > 0 for seconds in cpu.values()), cpu
    assert cpu["asr"] <= sum(f["asr_ms"] for f in dubbed.fragments) / 1000
    # Bound of gross mistakes; `make bench` measures it.
    assert cpu["around"] < 0.1 * (cpu["asr"] + cpu["mt"] + cpu["tts"]), cpu


def test_every_fragment_is_dubbed(dubbed):
    assert dubbed.summary["fallback"] == 0
    assert dubbed.summary["dubbed"] == len(dubbed.fragments) >= 9
    for fragment in dubbed.fragments:
        assert fragment["transcript"].strip(), fragment
        assert fragment["translation"].strip(), fragment
        assert fragment["translation"] != fragment["transcript"], fragment


def test_fragments_are_the_whole_of_it(dubbed):
    ends = [f["start"] + f["duration"] for f in dubbed.fragments]
    assert [f["start"] for f in dubbed.fragments] == pytest.approx([0, *ends[:-1]], abs=0.002)
    assert ends[-1] == pytest.approx(60, abs=0.05)


def test_words_are_recognised(nfl, dubbed):
    errors = wer.word_errors(clips.reference_text(nfl), dubbed.transcript())
    assert errors.rate < 0.2, dubbed.transcript()


def test_no_word_is_on_both_sides_of_a_cut(dubbed):
    """No sentence of the clip has a word twice in a row, so one at a border was heard by both fragments."""
    heard = [f["transcript"].split() for f in dubbed.fragments if f["transcript"].strip()]
    assert [after[0] for before, after in zip(heard, heard[1:]) if before[-1] == after[0]] == []


def test_dub_is_speech_and_not_the_original(nfl, without_bed):
    original, heard = media.decode_audio(nfl), media.decode_audio(without_bed.out)
    for fragment in without_bed.fragments:
        piece = slice(round(fragment["start"] * RATE_HZ), round((fragment["start"] + fragment["duration"]) * RATE_HZ))
        assert speech.voiced_share(heard[piece], RATE_HZ) > 0.3, fragment
        assert speech.difference_db(original[piece], heard[piece], RATE_HZ) > 5, fragment


def test_dub_starts_where_the_original_did(nfl, without_bed):
    heard = media.decode_audio(without_bed.out)
    said = clips.reference(nfl)["sentences"]
    for fragment in without_bed.fragments:
        start_s, end_s = fragment["start"], fragment["start"] + fragment["duration"]
        inside = [max(s["start_s"], start_s) for s in said if s["end_s"] > start_s + 0.25 and s["start_s"] < end_s - 0.25]
        onset_s = speech.onset_s(heard[round(start_s * RATE_HZ):round(end_s * RATE_HZ)], RATE_HZ)
        assert inside and onset_s is not None, fragment
        assert start_s + onset_s == pytest.approx(min(inside), abs=0.3), fragment


def test_bed_is_ducked(nfl, dubbed, without_bed):
    """The beeps tell how loud the original is: as it was where nobody is dubbed, 18 dB down (or gone) under the dub."""
    marks = clips.reference(nfl)["marks_s"]
    decoded = (media.decode_audio(file, avsync.RATE_HZ) for file in (nfl, dubbed.out, without_bed.out))
    original, bed, off = ([avsync.tone_level(samples, at_s) for at_s in marks] for samples in decoded)
    bed_db, off_db = 20 * np.log10(np.divide(bed, original) + 1e-6), 20 * np.log10(np.divide(off, original) + 1e-6)
    ducked = bed_db < -9
    assert ducked.any(), bed_db
    assert np.all(np.abs(np.where(ducked, bed_db + 18, bed_db)) < 2.5), bed_db
    assert np.all(off_db[ducked] < -28), off_db


def parse_cues(text, separator):
    stamp = rf"(\d+):(\d\d):(\d\d)[{separator}](\d\d\d)"
    cues = []
    for match in re.finditer(rf"{stamp} --> {stamp}[^\n]*\n((?:.+\n?)+)", text):
        h, m, s, ms, h2, m2, s2, ms2 = map(int, match.groups()[:8])
        cues.append((h * 3600 + m * 60 + s + ms / 1000, h2 * 3600 + m2 * 60 + s2 + ms2 / 1000, match.group(9).strip()))
    return cues


@pytest.mark.parametrize("language", ["en", "es"])
def test_subtitles(dubbed, language):
    vtt = parse_cues((dubbed.out.parent / f"out.{language}.vtt").read_text(), ".")
    srt = parse_cues((dubbed.out.parent / f"out.{language}.srt").read_text(), ",")
    assert (dubbed.out.parent / f"out.{language}.vtt").read_text().startswith("WEBVTT")
    assert [cue[0] for cue in vtt] == pytest.approx([cue[0] for cue in srt])
    assert [cue[1] for cue in vtt] == pytest.approx([cue[1] for cue in srt])
    assert len(vtt) >= 9
    assert all(start < end <= 60.05 for start, end, _ in vtt)
    assert all(one[1] <= next_one[0] + 0.001 for one, next_one in zip(vtt, vtt[1:]))
    said = " ".join(f["transcript" if language == "en" else "translation"] for f in dubbed.fragments)
    assert wer.words(" ".join(cue[2] for cue in srt)) == wer.words(said)


# ---- containers ----

@pytest.mark.parametrize("given", ["mkv", "mov", "ts", "flv"])
def test_reads(given, tmp_path):
    source, out = clips.container(given), tmp_path / "out.mp4"
    assert Dub(source, out).summary["dubbed"] >= 2
    assert media.duration_s(out, "audio") == pytest.approx(12, abs=0.06)
    marks = avsync.measure(out)
    assert len(marks) == 1 and abs(marks[0].offset_ms) < 45


@pytest.mark.parametrize("wanted", ["mkv", "mov", "ts", "flv", "m3u8"])
def test_writes(wanted, short, tmp_path):
    out = tmp_path / ("folder/index.m3u8" if wanted == "m3u8" else f"out.{wanted}")
    out.parent.mkdir(exist_ok=True)
    assert Dub(short, out).summary["dubbed"] >= 2
    assert media.stream(out, "video")["codec_name"] == "h264"
    assert media.stream(out, "audio")["codec_name"] == "aac"
    assert_same_length(short, out, tolerance_s=0.06)
    marks = avsync.measure(out)
    assert len(marks) == 1 and abs(marks[0].offset_ms) < 45


@pytest.mark.parametrize(("given", "wanted"), [("wav", "m4a"), ("mp3", "wav"), ("wav", "mp3")])
def test_audio_alone(given, wanted, tmp_path):
    source, out = clips.audio_only(given), tmp_path / f"out.{wanted}"
    assert Dub(source, out).summary["dubbed"] >= 2
    assert media.duration_s(out, "audio") == pytest.approx(12, abs=0.06)
    assert media.stream(out, "video") is None


def test_silence_stays_silent(tmp_path):
    dub = Dub(clips.silent(), tmp_path / "out.mp4")
    assert dub.summary["fallback"] == 0
    assert all(f["transcript"] == "" and f["translation"] == "" for f in dub.fragments)
    assert np.abs(media.decode_audio(tmp_path / "out.mp4")).max() < 0.01
    assert_same_length(clips.silent(), tmp_path / "out.mp4")


def test_counting(counting, tmp_path):
    dub = Dub(counting, tmp_path / "out.mp4")
    assert_same_length(counting, tmp_path / "out.mp4")
    errors = wer.word_errors(clips.reference_text(counting), dub.transcript())
    assert errors.rate <= 0.12, dub.transcript()
    assert wer.said_twice(clips.reference_text(counting), [f["transcript"] for f in dub.fragments]) == []


# ---- bad input: one line with the cause, a status of its own, nothing under the final name ----

def unknown_codec(tmp_path):
    """VP8, which MPEG-TS cannot carry."""
    path = tmp_path / "vp8.mkv"
    media.ffmpeg("-i", clips.short(), "-t", 3, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", 8, "-c:a", "copy", path)
    return path


# name: (input, output's name, further options, statuses, what the line must say)
BAD = {
    "missing-file": (lambda t: t / "nothing-here.mp4", "out.mp4", [], {3}, "nothing-here.mp4"),
    "no-audio": (lambda t: clips.video_only(), "out.mp4", [], {5}, "audio track required for dubbing"),
    "garbage": (lambda t: clips.garbage(), "out.mp4", [], {4, 6}, "garbage.mp4"),
    "empty": (lambda t: _write(t / "empty.mp4", b""), "out.mp4", [], {4, 6}, "empty.mp4"),
    "a-folder": (lambda t: t, "out.mp4", [], {2, 3, 4, 6, 9}, "directory|folder"),
    "index-lost": (lambda t: clips.truncated("mp4"), "out.mp4", [], {6}, "truncated"),
    "truncated": (lambda t: clips.truncated("mkv"), "out.mp4", [], {0, 6}, ""),
    "corrupt": (lambda t: clips.corrupt("ts"), "out.mp4", [], {0, 6}, ""),
    "codec-not-for-container": (unknown_codec, "out.ts", [], {4}, "(?i)vp8"),
    "no-such-container": (lambda t: clips.short(), "out.xyz", [], {2, 4}, "xyz"),
    "no-suffix": (lambda t: clips.short(), "out", [], {2, 4}, "out"),
    "no-folder": (lambda t: clips.short(), "nowhere/out.mp4", [], {3}, "nowhere"),
    "no-such-language": (lambda t: clips.short(), "out.mp4", ["--to", "qq"], {4, 12}, "qq"),
    "no-such-source-language": (lambda t: clips.short(), "out.mp4", ["--from", "qq"], {4, 12}, "qq"),
    "not-a-language": (lambda t: clips.short(), "out.mp4", ["--to", "Klingon!"], {2}, "Klingon"),
    "bad-bed": (lambda t: clips.short(), "out.mp4", ["--bed", "loud"], {2}, "loud"),
    "bad-option": (lambda t: clips.short(), "out.mp4", ["--nonsense"], {2}, "nonsense"),
    "no-publisher": (lambda t: "rtmp://127.0.0.1:1/live/x", "out.mp4", [], {10}, "127.0.0.1"),
    "no-such-host": (lambda t: clips.short(), "rtmp://127.0.0.1:1/live/x", [], {10}, "127.0.0.1"),
}


def _write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, tmp_path):
    source, out_name, options, statuses, says = BAD[name]
    out = out_name if "://" in out_name else tmp_path / out_name
    done = run([path_of("airdub"), "dub", *options, source(tmp_path), out], timeout_s=120)
    assert done.returncode in statuses, done.stderr
    if done.returncode == 0:
        assert media.duration_s(out, "audio") > 6  # what could be read was dubbed
        return
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("airdub: "), done.stderr
    assert re.search(says, lines[0]), lines[0]
    assert "://" in out_name or not out.exists()


def test_output_is_not_overwritten(short, tmp_path):
    out = _write(tmp_path / "out.mp4", b"mine")
    done = run([path_of("airdub"), "dub", short, out])
    assert done.returncode != 0 and "--force" in done.stderr
    assert out.read_bytes() == b"mine"


def test_input_as_output_is_refused(short, tmp_path):
    path = _write(tmp_path / "same.mp4", short.read_bytes())
    done = run([path_of("airdub"), "dub", "--force", path, path])
    assert done.returncode == 2, done.stderr
    assert path.read_bytes() == short.read_bytes()


def test_interrupted_file_is_playable(tmp_path):
    """Ctrl-C in the middle: status 130, what was dubbed is there under another name, and plays."""
    out = tmp_path / "out.mp4"
    with Program([path_of("airdub"), "dub", "--json", clips.long_commentary(), out]) as program:
        program.wait_for_line('"event": ?"fragment", ?"index": ?3,', 90)
        program.signal(signal.SIGINT)
        assert program.wait(60) == 130, program.tail()
    partial = tmp_path / "out.partial.mp4"
    assert not out.exists() and partial.exists(), list(tmp_path.iterdir())
    assert media.decode_errors(partial) == ""
    video_s, audio_s = media.duration_s(partial, "video"), media.duration_s(partial, "audio")
    assert 10 < audio_s < 500 and video_s == pytest.approx(audio_s, abs=0.5)
    assert all(abs(m.offset_ms) < 45 for m in avsync.measure(partial))


def test_full_disk(nfl, small_disk):
    done = run([path_of("airdub"), "dub", nfl, small_disk / "out.mp4"], timeout_s=120)
    assert done.returncode == 8, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "space" in done.stderr
    assert not (small_disk / "out.mp4").exists()


# ---- the command line itself ----

def test_progress_is_plain_lines_without_a_terminal(short, tmp_path):
    done = run([path_of("airdub"), "dub", short, tmp_path / "out.mp4"])
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stdout and "\033" not in done.stdout
    assert "out.mp4" in done.stdout


def test_json_is_one_object_a_line(dubbed):
    kinds = [event["event"] for event in dubbed.events]
    assert kinds[0] == "start" and kinds[-1] == "done" and "fragment" in kinds
    assert dubbed.done.stderr == ""
    assert json.dumps(dubbed.events)


def test_help_and_version():
    for words, status in ((["--help"], 0), (["--version"], 0), (["dub", "--help"], 0), ([], 2), (["frobnicate"], 2)):
        assert run([path_of("airdub"), *words]).returncode == status, words


@pytest.mark.alone
def test_speed(nfl, tmp_path):
    """A minute in at most 20 s on two cores."""
    dub = Dub(nfl, tmp_path / "out.mp4")
    assert dub.summary["elapsed"] <= 20, f"{dub.summary['elapsed']} s"
