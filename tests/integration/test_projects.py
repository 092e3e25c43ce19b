"""A dub that a person mends: what `airdub dub --project` keeps, and what `airdub redub` makes of it."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line
from support.media import ffmpeg, packet_hashes

RATE_HZ = 44100
NEIGHBOURHOOD_S = 0.02  # neighbours are cross-faded over 10 ms


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Half a minute of commentary, as a plain WAV file: what comes out can be compared sample by sample."""
    path = tmp_path_factory.mktemp("in") / "talk.wav"
    ffmpeg("-i", clips.nfl(), "-t", "30", "-vn", "-ac", "2", "-ar", RATE_HZ, "-y", path)
    return path


@pytest.fixture(scope="module")
def dubbed(clip, tmp_path_factory):
    """It, dubbed once, with all that is kept."""
    folder = tmp_path_factory.mktemp("dubbed")
    whole(airdub("dub", *ENGINES, "--project", folder / "project", "--stems", folder / "stems", clip, folder / "out.wav",
                 timeout_s=120))
    return folder


ENGINES = ["--asr", "pocketsphinx", "--mt", "apertium", "--tts", "espeak-ng"]


@pytest.fixture
def project(dubbed, tmp_path):
    """A copy of it that a test may mend."""
    shutil.copytree(dubbed / "project", tmp_path / "project")
    return tmp_path / "project"


def whole(done):
    assert done.returncode == 0, done.stderr
    return done


def rows(project):
    return [json.loads(line) for line in (project / "project.jsonl").read_text().splitlines()]


def spoken(all_rows):
    return [row for row in all_rows if "text" in row]


def write(project, all_rows):
    (project / "project.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in all_rows))


def samples(path):
    """Of a WAV file, in frames."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2)


def changed_s(a, b):
    """From when until when they differ, in seconds; None where they are the same."""
    a, b = samples(a), samples(b)
    assert a.shape == b.shape
    where = np.nonzero((a != b).any(axis=1))[0]
    return (where[0] / RATE_HZ, where[-1] / RATE_HZ) if len(where) else None


def redub(project, out, *options):
    done = whole(airdub("redub", "--json", *options, project, out, timeout_s=120))
    events = list(map(json.loads, done.stdout.splitlines()))
    kept, = [event for event in events if event["event"] == "kept"]
    return kept["kept"], kept["asked"]


def test_what_is_kept_can_be_read(clip, dubbed):
    header, *others = rows(dubbed / "project")
    fragments = [row for row in others if "fragment" in row]
    lines = spoken(others)
    assert header["airdub_project"] == 1 and header["in"] == str(clip) and header["in_bytes"] == clip.stat().st_size
    assert [row["fragment"] for row in fragments] == list(range(len(fragments))) and len(fragments) == 5
    assert len(lines) >= len(fragments)
    for line in lines:
        assert line["text"] and line["translation"] and line["start"] < line["end"] and line["made_from"]
        assert line["start"] - 0.251 <= line["placed"][0] < line["placed"][1]
    assert {row["speech"] for row in fragments} | {"project.jsonl"} == set(os.listdir(dubbed / "project"))


def test_keeping_changes_no_sample(clip, dubbed, tmp_path):
    whole(airdub("dub", *ENGINES, clip, tmp_path / "plain.wav", timeout_s=120))
    assert changed_s(dubbed / "out.wav", tmp_path / "plain.wav") is None


def test_nothing_mended_nothing_changed(dubbed, project, tmp_path):
    kept, asked = redub(project, tmp_path / "again.wav")
    assert (kept, asked) == (5, 0)
    assert changed_s(dubbed / "out.wav", tmp_path / "again.wav") is None
    assert rows(project)[1:] == rows(dubbed / "project")[1:]


def fragment_of(all_rows, line):
    starts = [(row["start"], row["start"] + row["length"]) for row in all_rows if "fragment" in row]
    return [span for span in starts if span[0] <= line["start"]][-1]


def mend_translation(line):
    line["translation"] = "Una frase muy distinta."


def mend_time(line):
    line["start"] += 0.4


@pytest.mark.parametrize("mend", [mend_translation, mend_time])
def test_a_mended_line_and_no_other(dubbed, project, tmp_path, mend):
    all_rows = rows(project)
    line = spoken(all_rows)[2]
    start_s, end_s = fragment_of(all_rows, line)
    mend(line)
    write(project, all_rows)
    assert redub(project, tmp_path / "again.wav") == (4, 1)
    first, last = changed_s(dubbed / "out.wav", tmp_path / "again.wav")
    assert start_s - NEIGHBOURHOOD_S <= first < last <= end_s + NEIGHBOURHOOD_S
    now, = [row for row in spoken(rows(project)) if row["start"] == line["start"]]
    assert now["translation"] == line["translation"] and now["made_from"] != line["made_from"]
    assert redub(project, tmp_path / "third.wav") == (5, 0)
    assert changed_s(tmp_path / "again.wav", tmp_path / "third.wav") is None


def test_another_voice_for_one_line(dubbed, project, tmp_path):
    all_rows = rows(project)
    spoken(all_rows)[1]["voice"] = "es-419"
    write(project, all_rows)
    assert redub(project, tmp_path / "again.wav") == (4, 1)
    assert spoken(rows(project))[1]["voice"] == "es-419"


def test_a_mended_text_is_translated_again(project, tmp_path):
    all_rows = rows(project)
    line = spoken(all_rows)[0]
    line["text"] = "Good morning, my friends."
    write(project, all_rows)
    assert redub(project, tmp_path / "again.wav") == (4, 1)
    assert "amigos" in spoken(rows(project))[0]["translation"]


def test_a_mended_text_beside_a_mended_translation_is_not(project, tmp_path):
    all_rows = rows(project)
    spoken(all_rows)[0] |= {"text": "Good morning, my friends.", "translation": "Muy buenas."}
    write(project, all_rows)
    assert redub(project, tmp_path / "again.wav") == (4, 1)
    assert spoken(rows(project))[0]["translation"] == "Muy buenas."


def test_lines_come_and_go(dubbed, project, tmp_path):
    all_rows = rows(project)
    gone, *_, last = spoken(all_rows)
    all_rows.remove(gone)
    all_rows.insert(1, {"start": last["start"] + 2, "end": last["start"] + 4, "translation": "Hasta mañana."})
    write(project, all_rows)
    kept, asked = redub(project, tmp_path / "again.wav")
    assert (kept, asked) == (3, 2)
    translations = [row["translation"] for row in spoken(rows(project))]
    assert gone["translation"] not in translations and "Hasta mañana." in translations


def test_speech_of_ones_own_takes_its_place(dubbed, project, tmp_path):
    fragment = [row for row in rows(project) if "fragment" in row][1]
    ffmpeg("-f", "lavfi", "-i", "sine=440:r=22050", "-t", "1", "-y", project / fragment["speech"])
    assert redub(project, tmp_path / "again.wav") == (5, 0)
    first, last = changed_s(dubbed / "out.wav", tmp_path / "again.wav")
    assert fragment["start"] - NEIGHBOURHOOD_S <= first
    assert last <= fragment["start"] + fragment["length"] + NEIGHBOURHOOD_S


def test_speech_that_is_lost_is_spoken_again(project, tmp_path):
    fragment = [row for row in rows(project) if "fragment" in row][1]
    os.unlink(project / fragment["speech"])
    assert redub(project, tmp_path / "again.wav") == (4, 1)


def test_pictures_and_the_default_out(tmp_path):
    clip, out = clips.short(), tmp_path / "out.mkv"
    whole(airdub("dub", *ENGINES, "--project", tmp_path / "project", clip, out, timeout_s=120))
    before = packet_hashes(out)
    all_rows = rows(tmp_path / "project")
    spoken(all_rows)[0]["translation"] = "Una frase muy distinta."
    write(tmp_path / "project", all_rows)
    sound = packet_hashes(out, "audio")
    whole(airdub("redub", tmp_path / "project", timeout_s=120))
    assert packet_hashes(out) == before == packet_hashes(clip)
    assert packet_hashes(out, "audio") != sound


BROKEN = {
    "a comma is missing": (lambda text: text.replace('", "translation"', '" "translation"', 1), 6, "line 3: column"),
    "no object": (lambda text: text.replace("\n", "\n17\n", 1), 6, "line 2: it is no object"),
    "a time in words": (lambda text: text.replace('{"start": 0', '{"start": "soon", "s": 0', 1), 6, "line 3: start: not a number"),
    "it ends before it begins": (lambda text: text.replace('"end": ', '"end": 0.0, "e": ', 1), 6, "end: it is not after start"),
    "speech elsewhere": (lambda text: text.replace('"speech": "', '"speech": "../', 1), 6, "line 2: speech"),
    "no header": (lambda text: text.split("\n", 1)[1], 6, "line 1: it is not how a project begins"),
    "a newer format": (lambda text: text.replace('"airdub_project": 1', '"airdub_project": 9'), 4, "a newer airdub made it"),
    "no such voice": (lambda text: text.replace('"voice": null, "placed"', '"voice": "nobody", "placed"', 1), 3, "line 3: no voice"),
    "a program as its engine": (lambda text: text.replace('"tts": "espeak-ng"', '"tts": "exec:/bin/false"'), 2, "only if you say so"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_project(project, tmp_path, how):
    spoil, status, says = BROKEN[how]
    text = (project / "project.jsonl").read_text()
    (project / "project.jsonl").write_text(spoil(text))
    assert (project / "project.jsonl").read_text() != text
    done = airdub("redub", project, tmp_path / "again.wav", timeout_s=60)
    assert_one_line(done, status, says)
    assert not (tmp_path / "again.wav").exists()


def test_in_is_gone_or_another(clip, project, tmp_path):
    moved = tmp_path / "moved.wav"
    header, *others = rows(project)
    write(project, [header | {"in": str(tmp_path / "gone.wav")}, *others])
    assert_one_line(airdub("redub", project, tmp_path / "again.wav"), 3, "airdub redub --in FILE")
    shutil.copy(clip, moved)
    assert redub(project, tmp_path / "again.wav", "--in", moved) == (5, 0)
    with open(moved, "r+b") as file:
        file.write(b"RIFX")
    assert_one_line(airdub("redub", "-f", "--in", moved, project, tmp_path / "again.wav"), 2, "is not the file that")


def test_stems_add_up_to_the_mix(dubbed):
    bed, dub, mix = samples(dubbed / "stems/bed.wav"), samples(dubbed / "stems/dub.wav"), samples(dubbed / "out.wav")
    assert bed.shape == dub.shape == mix.shape
    assert np.abs(bed + dub - mix).max() <= 2 / 32768  # out.wav has 16 bits, and dither
    assert np.abs(dub).max() > 0.05 and np.abs(bed).max() > 0.05


@pytest.mark.parametrize("options, status, says", [
    (["--project", "p", "--sts", "http://127.0.0.1:9"], 2, "leave --sts out"),
    (["--resume", "--sts", "http://127.0.0.1:9"], 2, "leave --sts out"),
    (["--stems", "no/such/folder"], 3, "--stems: cannot make the folder"),
    (["--project", "no/such/folder"], 3, "cannot make the folder")])
def test_refused(clip, tmp_path, monkeypatch, options, status, says):
    monkeypatch.chdir(tmp_path)
    assert_one_line(airdub("dub", *ENGINES, *options, clip, "out.wav"), status, says)
    assert os.listdir(tmp_path) == []


def test_a_project_is_not_overwritten(clip, project, tmp_path):
    done = airdub("dub", *ENGINES, "--project", project, clip, tmp_path / "out.wav")
    assert_one_line(done, 2, "holds a project already")


def test_no_project(tmp_path):
    assert_one_line(airdub("redub", tmp_path), 3, "there is no project in it")
    assert_one_line(airdub("redub"), 2, "redub takes the project's FOLDER")
