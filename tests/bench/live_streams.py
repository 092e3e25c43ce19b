#!/usr/bin/env python3
"""How many live streams sts-service stands: fragments sent in real time, streams staggered, until one comes late.

    tests/bench/live_streams.py [--asr whisper] [--model tiny.en] [--mt apertium] [--glossary sports] [--tts espeak-ng]
                                [--streams 1,2,3,4] [--minutes 10]
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from fixtures import clips  # noqa: E402 (found through the line above)
from support import engines as choose  # noqa: E402
from support.cli import airdub  # noqa: E402
from support.net import wait_for  # noqa: E402
from support.programs import sts_service  # noqa: E402

SEGMENT_S = 6
TIME_S = 8  # what a live stream gives a fragment


def probe(url, streams, minutes):
    count = round(60 * minutes / SEGMENT_S)
    done = airdub("sts-probe", "--json", "--quiet", url, clips.nfl(), "--streams", streams, "--realtime", "--fragments", count,
                  "--timeout", TIME_S, timeout_s=60 * minutes + 180)
    assert done.stdout.strip(), done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def family_mb(program):
    """Resident memory of the service and of the programs it runs: their private pages, and their share of what is common."""
    pids, total_kb = [program.pid], 0
    while pids:
        pid = pids.pop()
        try:
            pids += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total_kb += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total_kb / 1024


def measure(engines, streams, minutes):
    with sts_service(**engines.environment()) as sts:
        wait_for(lambda: sts.get("/health/ready").status_code == 200, 120, "engines that are loaded")
        done = probe(sts.url, streams, minutes)
        memory_mb = family_mb(sts)
    wanted = streams * round(60 * minutes / SEGMENT_S)
    right = sum(done["statuses"].get(name, 0) for name in ("success", "partial"))
    times = done["processed_ms"] or {}
    found = {"streams": streams, "fragments": wanted, "late_or_lost": wanted - right, "streams_refused": done["streams_failed"],
             "p50_ms": times.get("p50"), "p95_ms": times.get("p95"), "max_ms": times.get("max"), "memory_mb": memory_mb,
             "statuses": done["statuses"], "codes": done["codes"]}
    told = ", ".join(f"{key} {times[key]:.0f}" for key in ("p50", "p95", "max")) if times else "none came"
    print(f"  {streams} streams, {minutes:g} min: {found['late_or_lost']} of {wanted} fragments late or lost; ms until they came: "
          f"{told}; {memory_mb:.0f} MB; {done['codes'] or 'no errors'}", flush=True)
    return found


def run(engines=None, streams=(1, 2, 4), minutes=1):
    engines = engines or choose.best(tts=False)
    print(f"{engines.label}, fragments in time within {TIME_S} s:")
    return [measure(engines, count, minutes) for count in streams]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("asr", "model", "mt", "glossary", "tts"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--streams", default="1,2,3,4", help="how many at once, by commas")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    named = {name: getattr(options, name) for name in ("asr", "model", "mt", "glossary", "tts")}
    run(choose.Engines(**named) if any(named.values()) else None, [int(n) for n in options.streams.split(",")], options.minutes)


if __name__ == "__main__":
    main()
