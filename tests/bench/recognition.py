#!/usr/bin/env python3
"""What cutting speech into fragments costs in words, and what a second of speech costs, for each recogniser that works here.

Recognises forty sentences (or, with --people, real people) in one go, then cut near each 6 s mark as a file is, for a number of
shifts of the marks; prints the word error rates, the words heard on both sides of a seam, those beside themselves, and the
real-time factor.

    tests/bench/recognition.py [--asr NAME] [--model MODEL] [--people] [--shifts 20] [--live] [--lanes 1] [--bed DB]
`make bench` takes five shifts.  Programs are found through AIRDUB_BUILD (the meson build directory, default: build).
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from support import engines  # noqa: E402 (found through the line above)
from support.recognition import SEGMENT_MS, choose, flite_speech, hear, hear_cut, people_speech  # noqa: E402


def measure(speech, shifts, named, options):
    whole = hear(speech, *named)
    print(f"in one go: {whole.rate:.1f} % word errors, real-time factor {whole.factor:.3f}", flush=True)
    cut = []
    for index in range(shifts):
        shift_ms = round(SEGMENT_MS * (index + 1) / shifts)
        cut.append(hear_cut(speech, shift_ms, *named, *options))
        print(f"cut, first mark at {shift_ms} ms: {cut[-1].rate:.1f} %, {len(cut[-1].fragments)} fragments, "
              f"real-time factor {cut[-1].factor:.3f}", flush=True)
    rates = [heard.rate for heard in cut]
    results = {"whole_percent": whole.rate, "median_percent": statistics.median(rates), "worst_percent": max(rates),
               "twice": [word for heard in cut for word in heard.twice],
               "stuttered": [word for heard in cut for word in heard.stuttered],
               "real_time_factor": statistics.median(heard.factor for heard in cut)}
    print(f"cut, {shifts} shifts: median {results['median_percent']:.1f} %, worst {results['worst_percent']:.1f} %; "
          f"twice at a seam: {results['twice'] or 'nothing'}, beside themselves: {results['stuttered'] or 'nothing'}; "
          f"real-time factor {results['real_time_factor']:.3f}")
    return results


def recognisers():
    """(name, model) of those that work here; what does not says why."""
    wanted = [engines.Engines(asr, model, tts="espeak-ng") for asr, model in engines.RECOGNISERS]
    found, missing = engines.there(wanted)
    for label, why in missing.items():
        print(f"cannot be measured here: {label}: {why}")
    return [(one.asr, one.model) for one in found]


def run(shifts=5, options=(), bed_db=None, real_people=False, wanted=None):
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        speech = people_speech(path, bed_db) if real_people else flite_speech(path, bed_db)
        for asr, model in wanted or recognisers():
            print(f"{asr or 'the default'} {model or ''}".strip() + ":", flush=True)
            results[f"{asr} {model or ''}".strip()] = measure(speech, shifts, choose(asr, model), options)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asr", help="a recogniser; without it each that works here")
    parser.add_argument("--model", help="its model")
    parser.add_argument("--people", action="store_true", help="real people")
    parser.add_argument("--shifts", type=int, default=20)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--bed", type=float, help="pink noise so many dB under the speech")
    options = parser.parse_args()
    more = [f"--lanes={options.lanes}", *(["--live"] if options.live else [])]
    run(options.shifts, more, options.bed, options.people, [(options.asr, options.model)] if options.asr else None)


if __name__ == "__main__":
    main()
