#!/usr/bin/env python3
"""What cutting speech into fragments costs in words, and what a second of speech costs.

Recognises forty sentences in one go, then cut near each 6 s mark as a file is, for a number of shifts of the marks; prints the
word error rates, the words heard on both sides of a seam, those beside themselves, and the real-time factor.

    tests/bench/recognition.py [--shifts 20] [--live] [--lanes 1] [--bed DB]
`make bench` takes five shifts.  Programs are found through AIRDUB_BUILD (the meson build directory, default: build).
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from support.recognition import SEGMENT_MS, hear, hear_cut, make_clip  # noqa: E402 (found through the line above)


def measure(clip, shifts, options):
    whole = hear(clip)
    print(f"in one go: {whole.rate:.1f} % word errors, real-time factor {whole.factor:.3f}", flush=True)
    cut = []
    for index in range(shifts):
        shift_ms = round(SEGMENT_MS * (index + 1) / shifts)
        cut.append(hear_cut(clip, shift_ms, *options))
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


def run(shifts=5, options=(), bed_db=None):
    with tempfile.TemporaryDirectory() as folder:
        return measure(make_clip(Path(folder) / "clip.wav", bed_db), shifts, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shifts", type=int, default=20)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--bed", type=float)
    options = parser.parse_args()
    run(options.shifts, [f"--lanes={options.lanes}", *(["--live"] if options.live else [])], options.bed)


if __name__ == "__main__":
    main()
