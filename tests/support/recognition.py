"""Forty sentences spoken by flite, or real people, and what a recogniser of ours hears: in one go, or cut into fragments by the
segmenter."""

import json
import random
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fixtures import clips, people
from support import wer
from support.programs import build_dir

RATE_HZ = 16000
SEGMENT_MS = 6000
SENTENCES = (Path(__file__).resolve().parents[1] / "bench/sentences.txt").read_text().split("\n")[:-1]


def _speak(voice, text, path):
    """As flite gives it, with its own silence around."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True, stdin=subprocess.DEVNULL)
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (RATE_HZ, 1)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)


def _pink(count):
    """Noise with the same power in each octave, at an RMS of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(count))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise ** 2))


@dataclass(frozen=True)
class Speech:
    """A WAV file, mono at RATE_HZ, and what is said in it."""

    path: Path
    text: str


def flite_speech(path, bed_db=None):
    """Two voices in turn, 0.1 to 0.5 s of silence after each sentence; bed_db: pink noise so far under the speech."""
    dice = random.Random(7)
    pieces = []
    for index, sentence in enumerate(SENTENCES):
        pieces += [_speak(("rms", "slt")[index % 2], sentence, path), np.zeros(int(RATE_HZ * dice.uniform(0.1, 0.5)))]
    track = np.concatenate(pieces)
    if bed_db is not None:
        loud = track[np.abs(track) > 300]
        track = track + _pink(len(track)) * np.sqrt(np.mean(loud ** 2)) * 10 ** (-bed_db / 20)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.clip(np.round(track), -32768, 32767).astype("<i2").tobytes())
    return Speech(path, " ".join(SENTENCES))


def people_speech(path, snr_db=None):
    """Everybody who speaks English, one after another; with pink noise so far under them."""
    everybody = people.people().values()
    clips.write_wav(path, np.concatenate([people.samples(person, snr_db) for person in everybody]), RATE_HZ)
    return Speech(path, " ".join(person.text for person in everybody))


@dataclass(frozen=True)
class Heard:
    speech: Speech
    fragments: list  # the text of each
    factor: float    # CPU seconds a second of sound

    @property
    def rate(self):
        """Word errors in percent."""
        return 100 * wer.word_errors(self.speech.text, " ".join(self.fragments)).rate

    @property
    def twice(self):
        return wer.said_twice(self.speech.text, self.fragments)

    @property
    def stuttered(self):
        return wer.stuttered(self.speech.text, " ".join(self.fragments))


def choose(asr=None, model=None):
    """The options of hear() that name a recogniser and its model; None: as the programs choose."""
    return [f"--{option}={value}" for option, value in (("asr", asr), ("model", model)) if value]


def hear(speech, *options):
    program = build_dir() / "tests/unit/engines/recognise"
    done = subprocess.run([program, *options, speech.path], check=True, text=True, stdout=subprocess.PIPE)
    fragments = [json.loads(line) for line in done.stdout.splitlines()]
    factor = sum(f["cpu_s"] for f in fragments) / sum(f["audio_s"] for f in fragments)
    return Heard(speech, [f["text"] for f in fragments], factor)


def hear_cut(speech, shift_ms, *options):
    """Cut near the marks at shift_ms and each 6 s after it, as a file is; with "--live" as a live stream is."""
    return hear(speech, f"--cut-ms={SEGMENT_MS}", f"--shift-ms={shift_ms}", *options)
