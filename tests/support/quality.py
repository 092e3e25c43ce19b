"""How well airdub hears, translates and speaks: numbers of `airdub dub` as its user calls it.

An Opinion is of one combination of engines; each thing is measured when it is asked for, and only once."""

import functools
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import sacrebleu

from fixtures import clips, people
from support import ear, spelling, wer
from support.programs import Dub, build_dir

NOISES = tuple(people.NOISES)
QUICK_VOICE = "espeak-ng"  # speaks where nobody listens: recognition does not depend on the voice


@dataclass(frozen=True)
class Errors:
    """Words wrong of words said, of several texts together."""

    wrong: int
    words: int

    @property
    def percent(self):
        return 100 * self.wrong / max(1, self.words)

    def __add__(self, other):
        return Errors(self.wrong + other.wrong, self.words + other.words)


def errors(reference, heard, language="en"):
    found = wer.word_errors(reference, heard, language)
    return Errors(found.substitutions + found.deletions + found.insertions, found.reference_words)


def total(some):
    return functools.reduce(Errors.__add__, some, Errors(0, 0))


def plain(text, language="es"):
    """Without case and punctuation, numbers in words: as one hears it."""
    return " ".join(spelling.words(text, language))


def chrf(texts, references):
    """0…100 by sacrebleu, of texts line by line."""
    return sacrebleu.CHRF().corpus_score(list(texts), [list(references)]).score


def chrf_heard(text, reference):
    """Of one text as a whole, where who listens cannot know how it was spelled and where a sentence ended."""
    return chrf([plain(text)], [plain(reference)])


def cues(path):
    """The text of the subtitles, in one line."""
    lines = Path(path).read_text().splitlines()
    return " ".join(line for line in lines[1:] if line and "-->" not in line and not line.isdigit())


@dataclass(frozen=True)
class Dubbed:
    """A finished dub: what airdub says it heard and wrote, and the file in which it speaks."""

    dub: Dub
    out: Path

    @property
    def transcript(self):
        return cues(self.out.with_suffix(".en.vtt"))

    @property
    def translation(self):
        """The subtitles in the language that is spoken."""
        return cues(self.out.with_suffix(".es.vtt"))

    @functools.cached_property
    def heard(self):
        """By the independent ear."""
        return ear.hear(self.out, "es").text

    @property
    def tempos(self):
        """By how much each fragment's speech was hurried, where airdub says it."""
        return [f["metadata"]["tempo"] for f in self.dub.fragments if "tempo" in f.get("metadata", {})]

    @property
    def voices(self):
        """Who spoke each fragment in which somebody spoke, where airdub says it."""
        return [f["metadata"]["tts_model"] for f in self.dub.fragments if "tts_model" in f.get("metadata", {})]


class Opinion:
    """Of one combination. folder: where dubs are kept for as long as the Opinion is used; a temporary one otherwise."""

    def __init__(self, engines, folder=None):
        self.engines = engines
        self._own = tempfile.TemporaryDirectory() if folder is None else None
        self.folder = Path(folder or self._own.name)
        self._done = {}

    def dubbed(self, clip, quick=False):
        """The clip dubbed with its bed off, so that the dub alone is heard. quick: with the voice that costs least. A fragment that
        plays the original (its dub was too long) counts as it is heard; one that was not done in time is the machine's fault."""
        engines = replace(self.engines, tts=QUICK_VOICE) if quick else self.engines
        key = (clip, engines)
        if key not in self._done:
            out = self.folder / f"{clip.stem}-{len(self._done)}.mp4"
            dub = Dub("--force", "--subtitles", "--bed", "off", *engines.arguments(), clip, out, timeout_s=1800)
            overdue = [f for f in dub.fragments if f.get("error", {}).get("code") == "TIMEOUT"]
            assert dub.summary and not overdue, f"the machine is too busy for {engines.label} on {clip.name}: {overdue[0]['error']}"
            self._done[key] = Dubbed(dub, out)
        return self._done[key]

    # ---- recognition ----

    def recognition(self, snr_db=None):
        """Word errors on real people."""
        return total(errors(person.text, self.dubbed(people.clip(person, snr_db), quick=True).transcript)
                     for person in people.people().values())

    def recognition_of_clip(self):
        return errors(clips.reference_text(clips.nfl()), self.dubbed(clips.nfl(), quick=True).transcript)

    def invented(self, noise, minutes=10):
        """The words heard where nobody speaks."""
        return spelling.words(self.dubbed(people.noise(noise, minutes), quick=True).transcript)

    def recognition_cpu(self):
        """CPU seconds a second of people's speech."""
        done = [self.dubbed(people.clip(person), quick=True).dub.summary for person in people.people().values()]
        return sum(d["cpu"]["asr"] for d in done) / sum(d["duration"] for d in done)

    # ---- translation ----

    def translation(self, topic="sport"):
        """chrF of the sentences' translation: text in, text out, with the glossary and what tidies up."""
        return chrf(translate(self.engines, people.sentences("en", topic)), people.sentences("es", topic))

    # ---- speech ----

    def not_understood(self, clip):
        """Words of the dub that the ear does not get, against what airdub says it speaks."""
        dubbed = self.dubbed(clip)
        return errors(dubbed.translation, dubbed.heard, "es")

    def not_understood_of_people(self):
        return total(self.not_understood(people.clip(person)) for person in people.people().values())

    # ---- the whole chain ----

    def sport_heard(self):
        """chrF of what is heard against the reference translation: the thirty sentences, spoken by flite."""
        return chrf_heard(self.dubbed(people.spoken()).heard, " ".join(people.sentences("es")))

    def people_heard(self, kind=None):
        """The same of real people: of all, or of one kind."""
        some = [person for person in people.people().values() if kind in (None, person.kind)]
        heard = " ".join(self.dubbed(people.clip(person)).heard for person in some)
        return chrf_heard(heard, " ".join(person.translation for person in some))

    def wall_s(self, clip=None):
        """Of one dub of the minute, loading included."""
        return self.dubbed(clip or clips.nfl()).dub.summary["elapsed"]

    def tempos(self):
        """Of every dub made until now with the voice that is measured."""
        return [tempo for (_, engines), done in self._done.items() if engines == self.engines for tempo in done.tempos]


def translate(engines, sentences):
    """Each sentence by the translator of the combination, as airdub calls it (tests/bench/translate.c)."""
    program = build_dir() / "tests/bench/translate"
    assert program.exists(), f"{program} is not built: run make"
    words = [word for pair in (("--mt", engines.mt), ("--glossary", engines.glossary)) if pair[1] for word in pair]
    done = subprocess.run([program, *words], input="".join(s + "\n" for s in sentences), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(sentences), f"{len(lines)} translations of {len(sentences)} sentences"
    return lines
