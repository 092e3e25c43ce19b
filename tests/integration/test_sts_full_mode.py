"""sts-service in full mode: real speech, real engines. The speaker is flite, whom pocketsphinx understands."""

import os
import subprocess

import numpy as np
import pytest

from support import programs, prometheus, speech
from support.media import decode_audio, ffmpeg
from support.net import wait_for
from support.sts_worker import Worker, dubbed

SAID = "The home team has the ball on the thirty yard line."
RATE_HZ = 44100


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    service = programs.sts_service(log=tmp_path_factory.mktemp("sts") / "sts-service.log", STS_MODE="full",
                                   AUTO_DISCONNECT_DELAY="0.3", LOG_LEVEL="DEBUG", **programs.ENGINES)
    wait_for(lambda: service.get("/health/ready").status_code == 200, programs.READY_S, "engines")
    yield service
    assert service.stop(grace_s=25) == 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """clip(suffix): a 6 s fragment that says SAID after half a second, as a file in that container."""
    folder = tmp_path_factory.mktemp("clip")
    subprocess.run(["flite", "-voice", "rms", "-t", SAID, "-o", folder / "said.wav"], check=True, timeout=60)
    filters = f"adelay=500:all=1,aresample={RATE_HZ},apad=whole_dur=6"

    def make(suffix, *options):
        path = folder / f"clip.{suffix}"
        if not path.exists():
            ffmpeg("-i", folder / "said.wav", "-af", filters, "-ac", "2", "-t", "6", *options, path)
        return path.read_bytes()
    return make


def check_speech(answer, path, longer_s):
    """The answer is a Spanish dub of SAID, at the fragment's own rate, where the original speaks."""
    path.write_bytes(dubbed(answer))
    samples = decode_audio(path, rate_hz=16000)
    assert answer["status"] == "success", answer.get("error")
    assert answer["transcript"] == SAID.lower().rstrip(".")
    assert "equipo" in answer["translated_text"]
    assert 0 <= len(samples) / 16000 - 6 - longer_s < 1024 / RATE_HZ  # ffmpeg plays the last AAC frame to its end
    assert abs(speech.onset_s(samples, 16000) - 0.5) < 0.3
    assert speech.voiced_share(samples, 16000) > 0.3


@pytest.mark.parametrize("suffix, options, label", [
    ("m4a", ("-c:a", "aac", "-b:a", "128k"), "m4a"),
    ("aac", ("-c:a", "aac", "-b:a", "128k"), "m4a"),  # older workers: ADTS with a wrong label and a wrong rate
    ("wav", (), "m4a"),
])
def test_speech_is_dubbed(full, clip, suffix, options, label, tmp_path):
    with Worker(full.url, "/sts", stream=f"dub-{suffix}") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, clip(suffix, *options), format=label, sample_rate_hz=48000)
        answer = worker.wait_for("fragment:processed")
        # ADTS cannot tell its encoder's delay and padding: they are sound to whoever reads it
        check_speech(answer, tmp_path / "dub.m4a", longer_s=0.023 if suffix == "aac" else 0)
        assert (answer["dubbed_audio"]["format"], answer["dubbed_audio"]["sample_rate_hz"]) == ("m4a", RATE_HZ)
        meta = answer["metadata"]
        assert (meta["asr_model"], meta["translation_model"], meta["tts_model"]) == ("pocketsphinx", "apertium", "espeak-ng es")
        assert 300 <= meta["speech_start_ms"] <= 800
        timings = answer["stage_timings"]
        assert timings["asr_ms"] > 0 and sum(timings.values()) <= answer["processing_time_ms"] + 3
        assert worker.end()["statistics"]["success_count"] == 1


def test_raw_pcm(full, clip):
    raw = clip("s16le.raw", "-f", "s16le")
    with Worker(full.url, stream="dub-pcm") as worker:
        worker.init(timeout_ms=30000, config={"format": "pcm_s16le", "sample_rate_hz": RATE_HZ})
        worker.submit(0, raw, format="pcm_s16le", sample_rate_hz=RATE_HZ)
        answer = worker.wait_for("fragment:processed")
        assert answer["dubbed_audio"]["format"] == "pcm_s16le"
        assert answer["transcript"] == SAID.lower().rstrip(".")
        pcm = np.frombuffer(dubbed(answer), "<i2").reshape(-1, answer["dubbed_audio"]["channels"])
        assert len(pcm) == len(raw) // 4
        assert np.abs(pcm).max() > 3000


def silence():
    return b"\0" * (RATE_HZ * 2 * 2 * 2)


def test_nobody_speaks(full):
    with Worker(full.url, stream="quiet") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, silence(), format="pcm_s16le", sample_rate_hz=RATE_HZ, duration_ms=2000)
        answer = worker.wait_for("fragment:processed")
        assert (answer["status"], answer["transcript"], answer["translated_text"]) == ("success", "", "")
        assert not any(dubbed(answer))


def test_what_does_not_decode(full):
    with Worker(full.url, stream="broken") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, b"\0\0\0\x20ftypM4A " + os.urandom(5000))
        answer = worker.wait_for("fragment:processed")
        assert (answer["status"], answer["error"]["code"], answer["error"]["retryable"]) == ("failed", "INVALID_AUDIO", False)


@pytest.mark.parametrize("config, code, field", [
    ({"target_language": "xx"}, "INVALID_CONFIG", 'config.target_language "xx"'),
    ({"source_language": "xx"}, "INVALID_CONFIG", 'config.source_language "xx"'),
    ({"voice_profile": "nobody-has-this-voice"}, "INVALID_VOICE_PROFILE", "config.voice_profile"),
])
def test_what_no_engine_has(full, config, code, field):
    with Worker(full.url, stream="none") as worker:
        worker.init(wait=False, config=config)
        error = worker.wait_for("error")
        assert (error["code"], error["retryable"]) == (code, False)
        assert field in error["message"]
        worker.init()  # the connection can still open a stream that there is


def test_errors_are_not_simulated(full):
    with Worker(full.url, stream="no-simulation") as worker:
        worker.send("config:error_simulation", {"enabled": True, "rules": []})
        assert worker.wait_for("config:error_simulation:ack")["status"] == "rejected"


def test_streams_side_by_side_keep_their_order(full, clip):
    audio = clip("m4a", "-c:a", "aac", "-b:a", "128k")
    with Worker(full.url, stream="left") as left, Worker(full.url, stream="right") as right:
        for worker in (left, right):
            worker.init(timeout_ms=30000)
            for number in range(2):
                worker.submit(number, audio)
        for worker in (left, right):
            answers = worker.wait_for("fragment:processed", 2)
            assert [a["sequence_number"] for a in answers] == [0, 1]
            assert {a["status"] for a in answers} == {"success"}


def test_leaving_in_the_middle_frees_the_engines(full, clip):
    audio = clip("m4a", "-c:a", "aac", "-b:a", "128k")
    with Worker(full.url, stream="alone") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, audio)
        alone_ms = worker.wait_for("fragment:processed")["processing_time_ms"]
    with Worker(full.url, stream="leaves") as worker:
        worker.init(timeout_ms=30000)
        for number in range(10):
            worker.submit(number, audio)
        worker.wait_for("fragment:ack", 10)
    with Worker(full.url, stream="stays") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, audio)
        answer = worker.wait_for("fragment:processed")
        assert answer["status"] == "success", answer["error"]
        lanes = os.cpu_count()
        assert answer["processing_time_ms"] < alone_ms * (1 + 10 / lanes / 2)  # behind the ten others: 1 + 10 / lanes
    wait_for(lambda: full.metrics().value("sts_fragments_in_flight") == 0, 5, "nothing in flight")


def test_stage_metrics(full, clip):
    with Worker(full.url, stream="measured") as worker:
        worker.init(timeout_ms=30000)
        worker.submit(0, clip("m4a", "-c:a", "aac", "-b:a", "128k"))
        worker.submit(1, b"\0\0\0\x20ftypM4A ")
        worker.wait_for("fragment:processed", 2)
    metrics = prometheus.check(full.url)
    for name in ("sts_fragment_processing", "sts_asr_duration", "sts_translation_duration", "sts_tts_duration"):
        assert metrics.value(f"{name}_seconds_count") > 0
    assert metrics.value("sts_fragment_errors_total", stage="asr", error_code="INVALID_AUDIO") >= 1


def test_the_original_where_nobody_speaks(tmp_path, until_end):
    service = until_end(programs.sts_service(log=tmp_path / "sts.log", EMPTY_FRAGMENT_AUDIO="original", **programs.ENGINES))
    with Worker(service.url) as worker:
        worker.init(timeout_ms=30000)  # also shows that stream:ready waits for the engines
        worker.submit(0, silence(), format="pcm_s16le", sample_rate_hz=RATE_HZ, duration_ms=2000)
        answer = worker.wait_for("fragment:processed")
        assert (answer["status"], answer["transcript"]) == ("success", "")
        assert dubbed(answer) == silence()


def test_engines_that_are_not_there(tmp_path, until_end):
    service = until_end(programs.sts_service(log=tmp_path / "sts.log", ASR_PROVIDER="pocketsphinx", ASR_MODEL="/nowhere"))
    assert service.wait(programs.READY_S) == 12
    assert "no /nowhere/en-us; install it with: apt-get install pocketsphinx-en-us" in service.output()


@pytest.mark.parametrize("variable", ["ASR_PROVIDER", "TRANSLATION_PROVIDER", "TTS_PROVIDER"])
def test_engines_that_nobody_knows(variable):
    """Told before anything is loaded, with the names there are."""
    done = subprocess.run([programs.path_of("sts-service")], capture_output=True, text=True, timeout=60,
                          env={**os.environ, variable: "nobody", "HOST": "127.0.0.1", "STS_PORT": "0"})
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"sts-service: {variable}: no ") and '"nobody"; there is: ' in line and "null" in line
