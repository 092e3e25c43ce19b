"""Dubs of words that somebody has given, not of what was heard."""

import json

import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line

CUES = [(1.0, 4.0, "The goalkeeper catches the ball."), (7.5, 9.0, "This is the second line.")]


@pytest.fixture(scope="module")
def clip():
    return clips.short()


def srt(path, cues=CUES):
    stamp = lambda s: f"{int(s) // 3600:02}:{int(s) // 60 % 60:02}:{int(s) % 60:02},{int(s * 1000) % 1000:03}"  # noqa: E731
    path.write_text("".join(f"{i}\n{stamp(a)} --> {stamp(b)}\n{text}\n\n" for i, (a, b, text) in enumerate(cues, 1)))
    return path


def fragments(done):
    assert done.returncode == 0, done.stderr
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["event"] == "fragment"]


def said(lines, key):
    return " ".join(line[key] for line in lines if line.get(key))


def dub(clip, out, *options):
    return airdub("dub", "--json", "--tts", "espeak-ng", *options, clip, out, timeout_s=120)


def test_transcript(clip, tmp_path):
    lines = fragments(dub(clip, tmp_path / "out.mp4", "--transcript", srt(tmp_path / "in.srt"), "--subtitles"))
    assert said(lines, "transcript") == " ".join(text for *_, text in CUES)
    assert "portero" in said(lines, "translation").lower()
    assert "The goalkeeper catches the ball." in (tmp_path / "out.en.vtt").read_text()


def test_translation(clip, tmp_path):
    cues = [(1.0, 4.0, "El portero atrapa el balón."), (7.5, 9.0, "Esta es la segunda línea.")]
    path = tmp_path / "es.json"
    path.write_text(json.dumps([{"start": a, "end": b, "text": text} for a, b, text in cues]))
    lines = fragments(dub(clip, tmp_path / "out.mp4", "--translation", path))
    assert said(lines, "translation") == " ".join(text for *_, text in cues)


@pytest.mark.parametrize("options, status, says", [
    (["--transcript", "nowhere.srt"], 3, "nowhere.srt: no such file"),
    (["--transcript", "in.srt", "--translation", "in.srt"], 2, "one of them"),
    (["--transcript", "in.srt", "--asr", "pocketsphinx"], 2, "leave these out"),
    (["--translation", "in.srt", "--mt", "apertium"], 2, "leave these out"),
    (["--translation", "in.srt", "--subtitles"], 2, "use --subtitles embed"),
    (["--transcript", "in.srt", "--sts", "http://127.0.0.1:9"], 2, "leave --sts out")])
def test_refused(clip, tmp_path, monkeypatch, options, status, says):
    monkeypatch.chdir(tmp_path)
    srt(tmp_path / "in.srt")
    done = airdub("dub", "--tts", "espeak-ng", *options, clip, "out.mp4")
    assert_one_line(done, status, says)
    assert not (tmp_path / "out.mp4").exists()
