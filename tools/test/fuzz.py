#!/usr/bin/env python3
"""Runs every libFuzzer target of build-fuzz from its committed corpus, some at once; ends with one total."""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-fuzz"
JOBS = max(2, os.cpu_count() or 2)
BLOCK_LIMIT_MB = 100  # no input is worth more memory in one piece; a few bytes that claim much are what peers hurt with

# GLib loses an array on purpose each time another 2048 names of GStreamer's types are known. It was made before main(), so only a
# slow stack, which costs most of the speed, tells it from a leak of ours: these targets' leaks are looked for when their corpus is
# replayed under ASan.
GSTREAMER = ("media-flv-demux", "media-rtsp-sync")


def targets():
    """Of the last build, by name."""
    programs = (BUILD / "tests/fuzz").glob("fuzz-*")
    return sorted(p.name.removeprefix("fuzz-") for p in programs if p.is_file() and os.access(p, os.X_OK))


def fuzz(name, seconds):
    """Whether the target stood it. New inputs stay in build-fuzz/found, what broke it in build-fuzz/broken, its words in .../log."""
    found, broken, log = (BUILD / kind / name for kind in ("found", "broken", "log"))
    for folder in (found, broken, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    leaks = [] if name not in GSTREAMER else ["-detect_leaks=0"]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if leaks else None
    with open(log, "wb") as out:
        status = subprocess.run([BUILD / f"tests/fuzz/fuzz-{name}", *leaks, f"-max_total_time={seconds}", "-timeout=20",
                                 "-rss_limit_mb=2048", f"-malloc_limit_mb={BLOCK_LIMIT_MB}", "-print_final_stats=1",
                                 f"-artifact_prefix={broken}/", found, ROOT / "tests/fuzz/corpus" / name],
                                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env).returncode
    lines = log.read_text(errors="replace").splitlines()
    executed = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
    print(f"{'ok    ' if status == 0 else 'FAILED'} {name}: {executed} inputs in {seconds} s", flush=True)
    if status != 0:
        print("\n".join(lines[-40:]), flush=True)
    return status == 0


def fuzz_all(names, seconds, jobs=JOBS):
    """name -> whether it stood it."""
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(names, pool.map(lambda name: fuzz(name, seconds), names)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--jobs", type=int, default=JOBS, help="targets at once")
    parser.add_argument("target", nargs="*", help="only these, named as in tests/fuzz without fuzz-")
    args = parser.parse_args()
    outcomes = fuzz_all(args.target or targets(), args.seconds, args.jobs)
    failed = [name for name, stood in outcomes.items() if not stood]
    for name in failed:
        print(f"FAILED   {name}: what broke it is in build-fuzz/broken")
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed, 0 skipped")
    sys.exit(1 if failed or not outcomes else 0)


if __name__ == "__main__":
    main()
