#!/usr/bin/env python3
"""Runs the benchmarks of this folder, or those named, and writes what they measured to build/bench.json."""

import argparse
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from support.programs import build_dir  # noqa: E402 (found through the line above)


def load(path):
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    known = {path.stem: path for path in sorted(HERE.glob("*.py")) if path != Path(__file__).resolve()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(known)}")
    wanted = parser.parse_args().name or list(known)
    unknown = set(wanted) - set(known)
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    results = {}
    for name in wanted:
        module = load(known[name])
        if not hasattr(module, "run"):
            continue
        print(f"\n== {name}: {module.__doc__.splitlines()[0]}")
        results[name] = module.run()
    out = build_dir() / "bench.json"
    out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten to {out}")


if __name__ == "__main__":
    main()
