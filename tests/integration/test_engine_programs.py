"""Engines that are programs of their own, from outside: our own two, the documented example, and one that airdub runs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import airdub
from support.process import run
from support.programs import Dub, path_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "engine.py"
BUILD = Path(path_of("airdub")).parents[2]
MODELS = Path(os.environ.get("MODEL_DIR") or ROOT / ".models")

WHISPER = [str(BUILD / "apps/engines/airdub-engine-whisper"), str(MODELS / "whisper-tiny.en/ggml-tiny.en-q8_0.bin")]
VITS = [str(BUILD / "apps/engines/airdub-engine-sherpa"), "vits", str(MODELS / "piper-joe")]

with_models = pytest.mark.skipif(os.environ.get("MODELS") == "none", reason="MODELS=none: no speech models are wanted")


def talk(command, sent=b""):
    """Exit status, messages and standard error of an engine program that is sent this and nothing more."""
    done = subprocess.run(command, input=sent, capture_output=True, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_the_page_shows_the_example_as_it_is():
    page = (ROOT / "docs" / "engine-protocol.md").read_text()
    shown = page.split("```python\n")[1].split("```")[0]
    assert EXAMPLE.read_text().endswith(shown)
    assert len(shown.splitlines()) <= 13


def test_airdub_translates_by_the_example(short, tmp_path):
    Dub("--mt", f"exec:{EXAMPLE}", "--subtitles", "--asr", "pocketsphinx", "--tts", "espeak-ng", short, tmp_path / "out.mp4")
    said = (tmp_path / "out.es.srt").read_text()
    letters = [c for c in said if c.isalpha()]
    assert len(letters) > 50 and all(c.isupper() for c in letters)


def test_a_program_that_is_not_there_is_named(short, tmp_path):
    done = airdub("dub", "--mt", "exec:/no/such/engine", short, tmp_path / "out.mp4")
    assert done.returncode != 0 and "/no/such/engine" in done.stderr


@with_models
@pytest.mark.parametrize("command", [WHISPER, VITS], ids=["whisper", "vits"])
class TestOurOwn:
    def test_ends_with_its_input(self, command):
        status, messages, _ = talk(command)
        assert status == 0
        assert len(messages) == 1 and messages[0]["ready"] is True

    def test_lists_what_it_offers(self, command):
        status, messages, _ = talk(command, b'{"run": "list", "id": 7, "deadline_ms": 0, "a new field": []}\n')
        assert status == 0 and messages[1]["id"] == 7
        assert all(len(offer["language"]) >= 2 for offer in messages[1]["offers"])

    @pytest.mark.parametrize("sent", [b"hello\n", b"[]\n", b"{", b"\x00\xff\n", b'{"bytes": -1}\n', b'{"bytes": 99999999999}\n',
                                      b"x" * (1 << 20) + b"y\n"],
                             ids=["text", "array", "half", "bytes", "negative", "huge", "long"])
    def test_refuses_what_is_no_message(self, command, sent):
        status, messages, said = talk(command, sent)
        assert status == 1 and len(messages) == 1
        assert "docs/engine-protocol.md" in said

    def test_ends_within_the_sound(self, command):
        status, messages, _ = talk(command, b'{"run": "asr", "id": 1, "from": "en", "bytes": 32000}\n' + bytes(100))
        assert status == 0 and len(messages) == 1

    @pytest.mark.parametrize("message", [{"run": "dance"}, {}, {"run": 3}], ids=["dance", "nothing", "number"])
    def test_refuses_other_work_and_goes_on(self, command, message):
        lines = [json.dumps({"id": i, **message}).encode() for i in (1, 2)]
        status, messages, _ = talk(command, b"\n".join(lines) + b"\n")
        assert status == 0
        assert [m["code"] for m in messages[1:]] == ["INVALID_ARGUMENT"] * 2

    def test_uses_no_more_memory_the_longer_it_runs(self, command):
        asked = {"whisper": b'{"run": "asr", "id": 1, "from": "en", "rate_hz": 16000, "bytes": 192000}\n' + bytes(192000),
                 "sherpa": b'{"run": "tts", "id": 1, "to": "en", "text": "one"}\n'}["whisper" if "whisper" in command[0] else "sherpa"]
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            program.stdout.readline()
            sizes = []
            for _ in range(60):
                program.stdin.write(asked)
                program.stdin.flush()
                program.stdout.read(json.loads(program.stdout.readline()).get("bytes", 0))
                status = Path(f"/proc/{program.pid}/status").read_text()
                sizes.append(int(status.split("VmRSS:")[1].split()[0]))
        finally:
            program.kill()
            program.communicate()
        # VITS draws each phrase anew, and a longer one than all before needs a little more: that has an end, a leak has none.
        assert sizes[-1] - sizes[19] < 8192, sizes


@pytest.mark.parametrize("command, says", [
    (WHISPER[:1] + ["/no/such/model.bin"], "/no/such/model.bin"),
    (WHISPER[:1] + [str(EXAMPLE)], "no Whisper model"),
    (WHISPER[:1], "usage"),
    (WHISPER[:1] + ["x", "--threads", "0"], "usage"),
    (VITS[:1] + ["vits", "/no/such/folder"], "/no/such/folder"),
    (VITS[:1] + ["opera", "/tmp"], "usage"),
    (VITS[:1] + ["kokoro", str(ROOT / "docs")], "no kokoro voice"),
], ids=["no-file", "no-model", "no-argument", "no-threads", "no-folder", "no-kind", "no-voice"])
def test_says_what_it_lacks(command, says):
    status, messages, _ = talk(command)
    assert status == 1 and len(messages) == 1
    assert says in messages[0]["error"]


def test_doctor_names_programs_that_are_missing(tmp_path):
    alone = tmp_path / "airdub"
    shutil.copy2(path_of("airdub"), alone)
    done = run([alone, "doctor"], timeout_s=120)
    for name in ("airdub-engine-whisper", "airdub-engine-sherpa"):
        assert f"{name} is not here" in done.stdout and "make deps-build" in done.stdout
    assert "is not here" not in airdub("doctor", timeout_s=120).stdout


@with_models
def test_installed_programs_find_their_libraries(tmp_path):
    install = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", tmp_path],
                             capture_output=True, text=True)
    assert install.returncode == 0, install.stderr
    programs = {path.name: path for path in tmp_path.rglob("airdub-engine-*")}
    for command in (WHISPER, VITS):
        installed = programs[Path(command[0]).name]
        assert installed.parent.parts[-2:] == ("libexec", "airdub")
        status, messages, said = talk([str(installed), *command[1:]])
        assert status == 0 and messages[0]["ready"], said
        maps = subprocess.run(["ldd", installed], capture_output=True, text=True).stdout
        assert ".deps" not in maps and "not found" not in maps
    airdub_installed = next(path for path in tmp_path.rglob("bin/airdub"))
    done = run([airdub_installed, "engines", "--json"], timeout_s=120, env={"MODEL_DIR": str(MODELS)})
    rows = {row["driver"]: row for row in json.loads(done.stdout)["engines"]}
    assert rows["whisper"]["available"] and rows["kokoro"]["available"]
