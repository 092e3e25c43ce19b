#!/usr/bin/env python3
"""repeat.py N ARGUMENTS…: runs pytest N times with these arguments and prints how often all of it passed."""

import subprocess
import sys
import time


def once(arguments):
    """(whether it passed, seconds)"""
    began = time.monotonic()
    status = subprocess.run([sys.executable, "-m", "pytest", *arguments], stdin=subprocess.DEVNULL).returncode
    return status == 0, time.monotonic() - began


def main(times, *arguments):
    passed = 0
    for number in range(1, times + 1):
        good, seconds = once(arguments)
        passed += good
        print(f"repeat: run {number} of {times}: {'passed' if good else 'FAILED'} in {seconds:.0f} s", flush=True)
    print(f"repeat: {passed} of {times} passed: {100 * passed / times:.0f} %", flush=True)
    return 0 if passed == times else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
