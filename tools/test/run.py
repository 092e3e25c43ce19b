#!/usr/bin/env python3
"""Runs stages of the test suite and ends with one total:  N passed, N failed, N skipped

Stages: unit, asan, tsan, fuzz, hostile, python, alone, containers; "all" is every one that `make test` runs. Needs nothing but Python itself."""

import argparse
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz  # noqa: E402 (found through the line above)
import reports  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("AIRDUB_BUILD", ROOT / "build"))
PYTHON = ROOT / ".venv/bin/python"
REPORTS = BUILD / "test-reports"

# Libraries have no frame pointers: only the slow unwinder sees who called them, for the reader and for the suppressions.
# Recognition allocates so much that it would take six times as long under it.
SLOW_UNWINDER_SKIPS = ("engines",)

FUZZ_SECONDS = 10
CONTAINERS_LEAST_S = 15 * 60
HOSTILE_PROGRAMS = ("examples/echo-server", "examples/echo-client", "apps/sts-service/sts-service", "apps/media-service/media-service")
HOSTILE_TESTS = ("tests/conformance/test_hostile.py", "tests/integration/test_sts_hostile.py", "tests/integration/test_media_hostile.py",
                 "tests/integration/test_strangers.py")

SANITIZED = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tests/support/tsan.supp:halt_on_error=0:second_deadlock_stack=1",
    "G_SLICE": "always-malloc",
}
SLOWLY_UNWOUND = {**SANITIZED, "ASAN_OPTIONS": SANITIZED["ASAN_OPTIONS"] + ":fast_unwind_on_malloc=0:malloc_context_size=32"}


def say(text):
    print(f"\n== {text}", flush=True)


def call(command, env=None):
    """The exit status; what the command prints goes to where ours goes."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}).returncode


def build(folder=BUILD, *ninja_targets):
    """Make knows how each folder is configured. Without targets: everything."""
    name = os.path.relpath(folder, ROOT)
    status = call(["make", "--no-print-directory", f"{name}/build.ninja", f"BUILD={os.path.relpath(BUILD, ROOT)}"])
    return status or call(["ninja", "-C", folder, "-j", os.cpu_count() or 2, "--quiet", *ninja_targets])


def meson_test(label, folder, env=None, more=()):
    """Builds, runs and counts the C tests of one build folder."""
    say(f"{label}: {os.path.relpath(folder, ROOT)}")
    if build(folder) != 0:
        return reports.Counts(failed=[(f"{label}: does not build", "")])
    report = folder / f"meson-logs/{label}.json"
    report.unlink(missing_ok=True)
    status = call(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", f"--logbase={label}", *more], env)
    return reports.read_meson(report, label, status)


def asan():
    """The C tests under ASan and UBSan, with leaks."""
    folder, patience = ROOT / "build-asan", "--timeout-multiplier=4"
    some = [f"--no-suite={suite}" for suite in SLOW_UNWINDER_SKIPS]
    others = [f"--suite={suite}" for suite in SLOW_UNWINDER_SKIPS]
    return meson_test("asan", folder, SLOWLY_UNWOUND, [patience, *some]) + meson_test("asan-engines", folder, SANITIZED, [patience, *others])


def short_fuzz():
    """Each libFuzzer target for a short while; the corpora are replayed by the C tests."""
    say(f"fuzz: {FUZZ_SECONDS} s each, {fuzz.JOBS} at once")
    if build(fuzz.BUILD, "fuzz") != 0:
        return reports.Counts(failed=[("fuzz: does not build", "")])
    outcomes = fuzz.fuzz_all(fuzz.targets(), FUZZ_SECONDS)
    failed = [(f"fuzz {name}", "what broke it is in build-fuzz/broken") for name, stood in outcomes.items() if not stood]
    return reports.Counts(len(outcomes) - len(failed), failed or ([] if outcomes else [("fuzz: no targets", "")]))


def hostile():
    """Our servers under ASan and UBSan, with peers that mean harm."""
    folder = ROOT / "build-asan"
    if build(folder, *HOSTILE_PROGRAMS) != 0:
        return reports.Counts(failed=[("hostile: does not build", "")])
    return pytest("hostile", "-n", workers(), *HOSTILE_TESTS, env={**SLOWLY_UNWOUND, "AIRDUB_BUILD": folder})


def pytest(label, *arguments, env=None):
    """Runs and counts Python tests; every skip is printed with its reason."""
    say(f"{label}: pytest")
    if build() != 0:
        return reports.Counts(failed=[(f"{label}: the programs do not build", "")])
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{label}.xml"
    report.unlink(missing_ok=True)
    status = call([PYTHON, "-m", "pytest", "-q", "--tb=short", "--durations=10", f"--junit-xml={report}", *arguments], env)
    nothing_selected = 5
    return reports.read_pytest(report, label, 0 if status == nothing_selected else status)


def workers():
    return max(2, min(4, os.cpu_count() or 2))


def containers():
    """Continuous integration has an end (TEST_UNTIL, seconds since 1970): what has not begun by then is skipped, and all of it
    where the images alone would take that long."""
    until = os.environ.get("TEST_UNTIL")
    left_s = float(until) - time.time() if until else float("inf")
    if left_s < CONTAINERS_LEAST_S:
        return reports.Counts(skipped=[("containers", f"{max(left_s, 0) / 60:.0f} minutes are left, and images and the tests that "
                                                      f"count most take {CONTAINERS_LEAST_S // 60}")])
    return pytest("containers", "-m", "containers", "tests/e2e", env={"E2E_UNTIL": until} if until else {})


STAGES = {
    "unit": lambda: meson_test("unit", BUILD),
    "asan": asan,
    "tsan": lambda: meson_test("tsan", ROOT / "build-tsan", SANITIZED, ["--timeout-multiplier=8"]),
    "fuzz": short_fuzz,
    "hostile": hostile,
    "python": lambda: pytest("python", "-n", workers(), "-m", "not alone and not containers"),
    "alone": lambda: pytest("alone", "-m", "alone and not containers"),
    "containers": containers,
}
ALL = ("unit", "asan", "fuzz", "hostile", "python", "alone")


def run(stage):
    started = time.monotonic()
    counts = STAGES[stage]()
    print(f"== {stage}: {counts.total()} ({time.monotonic() - started:.0f} s)", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", nargs="+", choices=["all", *STAGES])
    wanted = [s for stage in parser.parse_args().stage for s in (ALL if stage == "all" else (stage,))]
    total = reports.Counts()
    for stage in wanted:
        total += run(stage)
    print()
    for name, reason in total.skipped:
        print(f"skipped  {name}: {reason}")
    for name, cause in total.failed:
        print(f"FAILED   {name}")
        print(textwrap.indent(cause, "    "), end="\n" if cause else "")
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "total.txt").write_text(total.total() + "\n")  # .ci/run repeats it below make's own complaint
    print(total.total(), flush=True)
    sys.exit(1 if total.failed or not total.passed else 0)


if __name__ == "__main__":
    main()
