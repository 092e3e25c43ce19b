#!/usr/bin/env python3
"""Runs every libFuzzer target of build-fuzz in turn, from its committed corpus; ends with one total."""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-fuzz"


def fuzz(target, seconds):
    """Whether the target stood it. New inputs stay in build-fuzz/found, what broke it in build-fuzz/broken."""
    name = target.name.removeprefix("fuzz-")
    found, broken = BUILD / "found" / name, BUILD / "broken" / name
    for folder in (found, broken):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"\n== {name}: {seconds} s", flush=True)
    return subprocess.run([target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                           "-verbosity=1", f"-artifact_prefix={broken}/", found, ROOT / "tests/fuzz/corpus" / name],
                          stdin=subprocess.DEVNULL).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("target", nargs="*", help="only these, named as in tests/fuzz without fuzz-")
    args = parser.parse_args()
    targets = sorted(p for p in (BUILD / "tests/fuzz").glob("fuzz-*") if p.is_file() and p.stat().st_mode & 0o111)
    if args.target:
        targets = [t for t in targets if t.name.removeprefix("fuzz-") in args.target]
    outcomes = {t.name: fuzz(t, args.seconds) for t in targets}
    failed = [name for name, stood in outcomes.items() if not stood]
    for name in failed:
        print(f"FAILED   {name}: what broke it is in build-fuzz/broken")
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed, 0 skipped")
    sys.exit(1 if failed or not outcomes else 0)


if __name__ == "__main__":
    main()
