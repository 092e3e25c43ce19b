"""Recognition elsewhere against whisper.cpp's own server, built from the source that our Whisper is built from."""

import subprocess
from pathlib import Path

import pytest

from support import wer
from support.engine_run import EngineRun
from support.model_files import models_folder
from support.net import free_port, wait_for
from support.process import Program
from support.programs import ROOT

SAID = "Good evening, everybody, and welcome to the championship game. The home team has the ball."
CANCEL_MOST_MS = 300


def server_program():
    program = ROOT / ".deps/whisper-server/whisper-server"
    assert program.exists(), f"{program} is not built: run 'make deps'"
    return program


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Its settings for the driver; it also says how often it was asked."""
    model, = Path(models_folder() / "whisper-tiny.en").glob("ggml-*.bin")
    port = free_port()
    command = [server_program(), "--model", model, "--threads", 1, "--audio-ctx", 512, "--host", "127.0.0.1", "--port", port]
    with Program(command, name="whisper-server", log=tmp_path_factory.mktemp("server") / "server.log") as program:
        env = {"ASR_OPENAI_URL": f"http://127.0.0.1:{port}", "ASR_OPENAI_PATH": "/inference"}
        wait_for(lambda: EngineRun("asr", "openai", "--list", env=env).status == 0, 60, "whisper.cpp's server")
        yield env, program


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", SAID, "-o", path], check=True)
    return path


def test_hears(server, speech):
    reply = EngineRun("asr", "openai", "--wav", speech, "--terms", "championship, home team", env=server[0]).reply
    assert wer.word_errors(SAID, reply["text"]).rate < 0.1, reply["text"]
    segments = reply["segments"]
    assert segments and " ".join(segment["text"] for segment in segments) == reply["text"]
    times = [time for segment in segments for time in (segment["start_ms"], segment["end_ms"])]
    assert times == sorted(times) and times[-1] <= reply["usage"]["audio_ms"]
    assert all(0.3 < segment["confidence"] <= 1 for segment in segments)


def test_silence_is_not_sent(server, tmp_path):
    env, program = server
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "3", tmp_path / "silence.wav"],
                   check=True)
    asked = program.output().count("processing '")
    assert EngineRun("asr", "openai", "--wav", tmp_path / "silence.wav", env=env).reply["text"] == ""
    assert program.output().count("processing '") == asked


@pytest.mark.alone
def test_cancel(server, speech):
    run = EngineRun("asr", "openai", "--wav", speech, "--cancel-ms", 100, env=server[0])
    assert run.code == "CANCELLED" and run.error["since_cancel_ms"] < CANCEL_MOST_MS


def test_another_path(server, speech):
    run = EngineRun("asr", "openai", "--wav", speech, env={**server[0], "ASR_OPENAI_PATH": "/v1/audio/transcriptions"})
    assert run.code == "NOT_FOUND" and "has no /v1/audio/transcriptions" in run.error["message"]
