"""A dub that is cut short, and goes on: `airdub dub --resume`."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from fixtures import clips
from support.cli import airdub, assert_one_line
from support.media import ffmpeg
from support.net import wait_for
from support.process import Program
from support.programs import path_of

VOICE = Path(__file__).parents[1] / "support/plain_voice.py"
LENGTH_S = 150  # more than is in hand at once: Ctrl-C plays that out
FRAGMENTS = LENGTH_S // 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A room, in which somebody has said what is to be heard."""
    path = tmp_path_factory.mktemp("in") / "talk.wav"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=r=16000:a=0.05:seed=1", "-t", LENGTH_S, "-y", path)
    words = [{"start": at + 0.4, "end": at + 2.6, "text": f"Frase {at}."} for at in range(0, LENGTH_S, 3)]
    path.with_suffix(".json").write_text(json.dumps(words))
    return path


class Dub:
    """A dub whose voice says each text as it did before, however often it was started, and writes down what it was asked for."""

    def __init__(self, folder, clip, *options, takes_s=0.0):
        self.folder, self.out, self.asked = folder, folder / "out.wav", folder / "asked.txt"
        self.words = ["dub", "--translation", clip.with_suffix(".json"), "--json", *options, clip, self.out]
        self.takes_s = takes_s

    @property
    def journal(self):
        return self.folder / "out.wav.resume"

    def command(self, takes_s):
        """The same whatever the voice takes, which --resume would not have otherwise: it goes by a file."""
        start = self.folder / "voice.sh"
        start.write_text(f"#!/bin/sh\nexec {sys.executable} {VOICE} {self.asked} {takes_s}\n")
        start.chmod(0o755)
        return [*self.words, "--tts", f"exec:{start}"]

    def run(self):
        done = airdub(*self.command(0), timeout_s=120)
        assert done.returncode == 0, done.stderr
        return list(map(json.loads, done.stdout.splitlines()))

    def texts(self):
        return self.asked.read_text().splitlines() if self.asked.exists() else []

    def start(self):
        return Program([path_of("airdub"), *self.command(0.3)])

    def n_kept(self):
        path = self.journal / ".project.jsonl.part"
        return len(set(re.findall(r'{"fragment": (\d+)', path.read_text(errors="replace")))) if path.exists() else 0

    def cut_short(self, number, n_kept, at_once=False):
        """Ends the program by a signal once so many fragments are kept."""
        with self.start() as program:
            wait_for(lambda: self.n_kept() >= n_kept, 90, f"{n_kept} fragments kept")
            program.signal(number)
            if at_once:
                program.signal(number)
            return program.wait(60)


@pytest.fixture(scope="module")
def expected(clip, tmp_path_factory):
    dub = Dub(tmp_path_factory.mktemp("whole"), clip)
    dub.run()
    return dub.out.read_bytes()


def kept_and_asked(events):
    event, = [event for event in events if event["event"] == "kept"]
    return event["kept"], event["asked"]


@pytest.mark.parametrize("number, at_once, status", [(signal.SIGKILL, False, -9), (signal.SIGINT, False, 130),
                                                     (signal.SIGINT, True, 130)], ids=["kill", "interrupt", "twice"])
def test_it_goes_on(clip, expected, tmp_path, number, at_once, status):
    dub = Dub(tmp_path, clip, "--resume")
    assert dub.cut_short(number, 3, at_once) == status
    assert not dub.out.exists()
    before = dub.n_kept()
    dub.asked.unlink()
    kept, asked = kept_and_asked(dub.run())
    assert kept + asked == FRAGMENTS and 3 <= kept <= before
    assert dub.out.read_bytes() == expected
    assert sorted(os.listdir(tmp_path)) == ["asked.txt", "out.wav", "voice.sh"]


def test_again_and_again(clip, expected, tmp_path):
    dub = Dub(tmp_path, clip, "--resume")
    for n_kept in (2, 5, 8):
        assert dub.cut_short(signal.SIGKILL, n_kept) == -9
    assert kept_and_asked(dub.run())[0] >= 5
    assert dub.out.read_bytes() == expected


@pytest.mark.parametrize("spoil", [lambda text: text[:-40], lambda text: text + b'{"fragment": 7, "sta', lambda text: text + b"\0" * 4096,
                                   lambda text: b""], ids=["short", "half", "zeros", "empty"])
def test_a_journal_that_a_power_cut_spoilt(clip, expected, tmp_path, spoil):
    dub = Dub(tmp_path, clip, "--resume")
    assert dub.cut_short(signal.SIGKILL, 4) == -9
    journal = dub.journal / ".project.jsonl.part"
    journal.write_bytes(spoil(journal.read_bytes()))
    dub.run()
    assert dub.out.read_bytes() == expected


def test_speech_that_a_power_cut_spoilt(clip, expected, tmp_path):
    dub = Dub(tmp_path, clip, "--resume")
    assert dub.cut_short(signal.SIGKILL, 4) == -9
    one, two, *_ = sorted(dub.journal.glob("*.wav"))
    one.write_bytes(one.read_bytes()[:1000])
    two.unlink()
    dub.run()
    assert dub.out.read_bytes() == expected


def test_with_a_project_that_stays(clip, expected, tmp_path):
    dub = Dub(tmp_path, clip, "--resume", "--project", tmp_path / "kept")
    with dub.start() as program:
        wait_for(lambda: len(list((tmp_path / "kept").glob("*.wav"))) >= 3, 90, "three fragments kept")
        program.signal(signal.SIGKILL)
        program.wait(60)
    assert kept_and_asked(dub.run())[0] >= 2
    assert dub.out.read_bytes() == expected
    assert (tmp_path / "kept/project.jsonl").exists() and not (tmp_path / "kept/.project.jsonl.part").exists()


def test_made_in_another_way(clip, tmp_path):
    dub = Dub(tmp_path, clip, "--resume")
    assert dub.cut_short(signal.SIGKILL, 1) == -9
    done = airdub(*dub.command(0), "--segment", "8", timeout_s=60)
    assert_one_line(done, 2, "was made with --segment 6.0")
    done = airdub("dub", "--resume", clips.counting(), dub.out, timeout_s=60)
    assert_one_line(done, 2, "is not the file that")
