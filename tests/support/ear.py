"""An independent ear: what a recogniser that is no part of airdub hears in a media file. Whisper base by faster-whisper, from .ear,
which tools/deps/ear.py brings. Nothing is downloaded here.

The same file gives the same words each time."""

import os
from dataclasses import dataclass
from functools import cache

from support import media, wer
from support.programs import ROOT

MODEL = ROOT / ".ear"
RATE_HZ = 16000


@dataclass(frozen=True)
class Word:
    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class Heard:
    """language: as given, or as detected."""

    language: str
    text: str
    words: tuple

    def between(self, start_s, end_s):
        """The text of the words whose middle lies there."""
        return " ".join(w.text for w in self.words if start_s <= (w.start_s + w.end_s) / 2 < end_s)

    def errors(self, reference):
        """WordErrors of what was heard against what should have been said."""
        return wer.word_errors(reference, self.text, self.language)


@cache
def _model():
    """Loading takes a second or two, so once a process. Without the model: a failure, never a skip."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import WhisperModel
    assert (MODEL / "model.bin").exists(), f"there is no ear in {MODEL}: run make deps"
    return WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=os.cpu_count(), local_files_only=True)


def hear_samples(samples, language=None):
    """As hear(), of mono float32 at RATE_HZ."""
    segments, info = _model().transcribe(samples, language=language, beam_size=5, temperature=0.0, word_timestamps=True,
                                         condition_on_previous_text=False)
    segments = list(segments)
    words = tuple(Word(w.word.strip(), float(w.start), float(w.end), w.probability) for s in segments for w in s.words)
    return Heard(info.language, " ".join(s.text.strip() for s in segments), words)


def hear(path, language=None):
    """What is said in the file's first sound track; language: "en", "es", …, detected when none is given."""
    return hear_samples(media.decode_audio(path, RATE_HZ), language)
