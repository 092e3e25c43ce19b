"""Which engines can be measured on this machine, and the words by which `airdub` takes them."""

import json
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from fixtures import people
from support.cli import airdub
from support.programs import Dub

# What there may be, each from what everybody has to the best. A model belongs to its recogniser, a glossary to its translator.
RECOGNISERS = (("pocketsphinx", None), ("whisper", "tiny.en"), ("whisper", "base"))
TRANSLATORS = (("apertium", None), ("apertium", "sports"))
VOICES = ("espeak-ng", "vits", "kokoro")


@dataclass(frozen=True)
class Engines:
    """A combination; None is whatever the program takes by itself."""

    asr: str = None
    model: str = None
    mt: str = None
    glossary: str = None
    tts: str = None

    def arguments(self):
        """For `airdub dub` and `airdub live`; for a program that cannot choose yet none, where that comes to the same."""
        wanted = {"--asr": self.asr, "--model": self.model, "--mt": self.mt, "--glossary": self.glossary, "--tts": self.tts}
        return [word for option, value in wanted.items() if value and option in options() for word in (option, value)]

    def environment(self):
        """The same for sts-service."""
        wanted = {"ASR_PROVIDER": self.asr, "ASR_MODEL": self.model, "TRANSLATION_PROVIDER": self.mt, "GLOSSARY": self.glossary,
                  "TTS_PROVIDER": self.tts}
        return {name: value for name, value in wanted.items() if value}

    @property
    def recogniser(self):
        return " ".join(filter(None, (self.asr, self.model))) or "the default"

    @property
    def translator(self):
        return f"{self.mt or 'the default'}{f' with {self.glossary}' if self.glossary else ''}"

    @property
    def label(self):
        return f"{self.recogniser}, {self.translator}, {self.tts or 'the default'}"


@cache
def options():
    return airdub("dub", "--help").stdout


@cache
def rows():
    """What `airdub engines` says, by stage and driver."""
    return {(row["stage"], row["driver"]): row for row in json.loads(airdub("engines", "--json").stdout)["engines"]}


@cache
def problem(engines):
    """Why the combination cannot work here, in one line; None when it can: six seconds of speech are dubbed to see it."""
    for stage, name in (("ASR", engines.asr), ("MT", engines.mt), ("TTS", engines.tts)):
        row = rows().get((stage, name)) if name else {"available": True}
        if row is None:
            return f"{name} is not in this build"
        if not row["available"]:
            return f"{name}: {row['problem'] or 'not there'}"
    for option, value in (("--model", engines.model), ("--glossary", engines.glossary)):
        if value and option not in options():
            return f"airdub dub has no {option} in this build"
    with tempfile.TemporaryDirectory() as folder:
        dub = Dub(*engines.arguments(), people.clip(people.people()["ast-demo-thanks"]), Path(folder) / "out.mp4")
    if dub.status != 0:
        return dub.stderr.strip().splitlines()[-1] if dub.stderr.strip() else f"status {dub.status}"
    if not dub.transcript():
        return "nothing was heard"
    return _somebody_else(engines, dub)


def _somebody_else(engines, dub):
    """A chain may have put another engine in the place of one that was asked for."""
    for key, name in (("asr_model", engines.asr), ("translation_model", engines.mt), ("tts_model", engines.tts)):
        did = {f["metadata"][key] for f in dub.fragments if key in f.get("metadata", {})}
        if name and did and {who.split()[0] for who in did} != {name.split(",")[0]}:
            return f"{', '.join(sorted(did))} worked in the place of {name}"
    return None


def everything():
    """Every combination that the tables name, whether it can work or not."""
    return [Engines(asr, model, mt, glossary, tts)
            for asr, model in RECOGNISERS for mt, glossary in TRANSLATORS for tts in VOICES]


def there(wanted=None):
    """The combinations (all, or those given) that can work here, and {label: problem} of the others."""
    found, missing = [], {}
    for engines in wanted or everything():
        why = problem(engines)
        if why:
            missing[engines.label] = why
        else:
            found.append(engines)
    return found, missing


@cache
def best(tts=True):
    """The best that works here, stage by stage; with tts=False the quickest voice, where nobody listens to it."""
    chosen = Engines(RECOGNISERS[0][0], None, TRANSLATORS[0][0], None, VOICES[0])
    for asr, model in RECOGNISERS[1:2]:
        chosen = _if_it_works(chosen, asr=asr, model=model)
    for mt, glossary in TRANSLATORS[1:]:
        chosen = _if_it_works(chosen, mt=mt, glossary=glossary)
    for voice in VOICES[1:] if tts else ():
        chosen = _if_it_works(chosen, tts=voice)
    return chosen


def _if_it_works(engines, **change):
    other = replace(engines, **change)
    return engines if problem(other) else other
