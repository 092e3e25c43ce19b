#!/usr/bin/env python3
"""How well each combination of engines hears, translates and speaks: a table and a plot for docs/engines.md.

    tests/bench/words.py [--only TEXT] [--minutes 10] [--rows today|best|main|all] [--no-docs]

measures the combinations that can work on this machine (those whose label holds TEXT), keeps each in build/words/ and writes all
that were ever measured there into docs/engines.md and docs/engines.svg. `make bench` measures and prints the best one, and writes
nothing into docs. A combination takes from five minutes (eSpeak NG) to half an hour (Kokoro) on two cores."""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from fixtures import clips  # noqa: E402 (found through the line above)
from support import engines as choose  # noqa: E402
from support import report  # noqa: E402
from support.programs import ROOT, Dub, build_dir  # noqa: E402
from support.quality import NOISES, Opinion  # noqa: E402

NOISE_DB = 10
WALL_RUNS = 3
DOCUMENT, PLOT = ROOT / "docs/engines.md", ROOT / "docs/engines.svg"

COLUMNS = (  # key, head, digits, the bound of the row "at least"
    ("people", "people: words wrong, %", 1, "8"),
    ("people_noise", f"… with noise at {NOISE_DB} dB", 1, "14"),
    ("clip", "60 s clip: words wrong, %", 1, "5"),
    ("invented", "words invented in {minutes} min of each noise", 0, "0"),
    ("not_understood_clip", "Spanish not understood, %: clip", 1, "10"),
    ("not_understood_people", "… people", 1, "10"),
    ("chrf_text", "translation, chrF: sport", 1, "52"),
    ("chrf_match", "… other sport", 1, ""),
    ("chrf_sport", "heard, chrF: sport", 1, "55"),
    ("chrf_books", "… books", 1, "50"),
    ("chrf_people", "… all people", 1, ""),
    ("asr_cpu", "recognition, CPU-s a second", 3, "0.08"),
    ("wall_s", "60 s clip takes, s", 1, "6; Kokoro 45"),
    ("tempo", "tempo, mean / most", 2, ""),
)


def measure_wall(engines):
    """As a user calls it, with every default but the engines."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [Dub("--force", *engines.arguments(), clips.nfl(), Path(folder) / "out.mp4", timeout_s=1800).summary["elapsed"]
                for _ in range(WALL_RUNS)]
    return statistics.median(runs)


def mean_and_most(values):
    return [statistics.mean(values), max(values)] if values else None


def columns(engines, minutes):
    """{key of a column: what measures it}, in the order in which dubs are shared best."""
    opinion = Opinion(engines)
    return {
        "wall_s": lambda: measure_wall(engines),
        "people": lambda: opinion.recognition().percent,
        "people_noise": lambda: opinion.recognition(NOISE_DB).percent,
        "clip": lambda: opinion.recognition_of_clip().percent,
        "asr_cpu": opinion.recognition_cpu,
        "invented": lambda: {noise: len(opinion.invented(noise, minutes)) for noise in NOISES},
        "chrf_text": lambda: opinion.translation("sport"),
        "chrf_match": lambda: opinion.translation("match"),
        "not_understood_clip": lambda: opinion.not_understood(clips.nfl()).percent,
        "not_understood_people": lambda: opinion.not_understood_of_people().percent,
        "chrf_sport": opinion.sport_heard,
        "chrf_books": lambda: opinion.people_heard("book"),
        "chrf_people": opinion.people_heard,
        "tempo": lambda: mean_and_most(opinion.tempos()),
    }


def measure(engines, minutes):
    """One row. A column that could not be measured is None, and says why at once."""
    row = {"engines": asdict(engines), "minutes": minutes}
    for key, how in columns(engines, minutes).items():
        try:
            row[key] = how()
            print(f"  {key}: {row[key]:.3f}" if isinstance(row[key], float) else f"  {key}: {row[key]}", flush=True)
        except AssertionError as error:
            row[key] = None
            print(f"  {key}: not measured: {str(error)[:500]}", flush=True)
    return row


def cell(row, key, digits):
    value = row.get(key)
    if value is None:
        return "–"
    if key == "invented":
        found = [f"{noise} {count}" for noise, count in value.items() if count]
        return f"{sum(value.values())} ({', '.join(found)})" if found else "0"
    if isinstance(value, list):
        return " / ".join(f"{v:.{digits}f}" for v in value)
    return f"{value:.{digits}f}"


def label(row):
    return choose.Engines(**row["engines"]).label


def as_table(rows):
    minutes = "/".join(sorted({f"{row['minutes']:g}" for row in rows}))
    heads = ["engines", *(head.format(minutes=minutes) for _, head, _, _ in COLUMNS)]
    cells = [[label(row), *(cell(row, key, digits) for key, _, digits, _ in COLUMNS)] for row in rows]
    return report.table(heads, [*cells, ["*at least*", *(bound for *_, bound in COLUMNS)]])


def draw(rows, path):
    def series(**keys):
        return {name: [row.get(key) for row in rows] for name, key in keys.items()}

    report.bars(path, [label(row).replace(", ", "\n", 1) for row in rows], [
        ("words wrong, real people, %", series(clean="people", noise="people_noise"), None),
        ("Spanish not understood, %", series(clip="not_understood_clip", people="not_understood_people"), 10),
        ("heard against the reference, chrF", series(sport="chrf_sport", books="chrf_books"), None)])


def kept():
    """Every row measured in this build folder, worst engines first."""
    order = [engines.label for engines in choose.everything()]
    rows = [json.loads(path.read_text()) for path in (build_dir() / "words").glob("*.json")]
    return sorted(rows, key=lambda row: order.index(label(row)) if label(row) in order else len(order))


def keep(row):
    folder = build_dir() / "words"
    folder.mkdir(exist_ok=True)
    name = "-".join(str(part).replace(".", "") for part in row["engines"].values() if part)
    (folder / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def write_documents(rows):
    draw(rows, PLOT)
    report.replace_block(DOCUMENT, "words", f"{as_table(rows)}\n![the same as bars]({PLOT.name})")
    print(f"written to {DOCUMENT.relative_to(ROOT)} and {PLOT.relative_to(ROOT)}")


def measure_all(wanted, minutes):
    found, missing = choose.there(wanted)
    for name, why in missing.items():
        print(f"cannot be measured here: {name}: {why}")
    for engines in found:
        print(f"{engines.label}:", flush=True)
        keep(measure(engines, minutes))
    return found


def is_main(engines):
    """What everybody has, and the glossary with every recogniser and voice that gains by it: five of eighteen combinations."""
    everybody = choose.everything()[0]
    better = engines.asr != everybody.asr and engines.glossary and engines.tts != "vits"
    return engines == everybody or better


def wanted_rows(which):
    if which == "best":
        return [choose.best()]
    if which == "today":
        return choose.everything()[:1]
    return [engines for engines in choose.everything() if which == "all" or is_main(engines)]


def run(minutes=1):
    """For `make bench`."""
    found = measure_all([choose.best()], minutes)
    rows = [row for row in kept() if label(row) in {engines.label for engines in found}]
    print(as_table(rows))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="combinations whose label holds this")
    parser.add_argument("--rows", choices=("today", "best", "main", "all"), default="all")
    parser.add_argument("--minutes", type=float, default=10, help="of each noise")
    parser.add_argument("--no-docs", action="store_true", help="print the table and write no document")
    parser.add_argument("--no-measuring", action="store_true", help="only write what was measured before")
    options = parser.parse_args()
    if not options.no_measuring:
        measure_all([e for e in wanted_rows(options.rows) if options.only in e.label], options.minutes)
    rows = kept()
    print(as_table(rows))
    if rows and not options.no_docs:
        write_documents(rows)


if __name__ == "__main__":
    main()
