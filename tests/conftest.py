"""Fixtures that every kind of test uses."""

import os
import subprocess
import time

import pytest

from fixtures import clips
from support import programs
from support.process import Program


# What the tests are about is seldom the voice, and the best one takes half of real time on two cores: programs start with Debian's
# quick engines, unless a test names others by option or setting. How good the best ones are, tests/e2e/test_words.py measures.
for setting, engine in programs.ENGINES.items():
    os.environ.setdefault(setting, engine)


UNTIL = float(os.environ.get("TEST_UNTIL") or "inf")  # seconds since 1970


def pytest_runtest_setup(item):
    """Continuous integration has an end. What needs the machine for itself comes last and takes longest: none is begun after it."""
    if time.time() > UNTIL and item.get_closest_marker("alone"):
        pytest.skip("the time for tests (TEST_UNTIL) is over")


def pytest_addoption(parser):
    parser.addoption("--write-pictures", action="store_true", help="make the pictures of docs/ anew")
    parser.addoption("--soak-minutes", type=float, default=0.6, help="how long tests/soak streams")


@pytest.fixture(scope="session")
def nfl():
    """One minute of commentary, with a flash and a beep each 10 s."""
    return clips.nfl()


@pytest.fixture(scope="session")
def counting():
    """The numbers from one to thirty, one a second."""
    return clips.counting()


@pytest.fixture(scope="session")
def short():
    """The first 12 s of the commentary, in small pictures, with one flash and beep."""
    return clips.short()


@pytest.fixture
def start(tmp_path):
    """start(command, name=…): a Program that ends with the test; its log is in tmp_path and its tail in the report."""
    started = []

    def start_program(command, name=None, **more):
        program = Program(command, name=name, log=tmp_path / f"{name or 'program'}-{len(started)}.log", **more)
        started.append(program)
        return program

    yield start_program
    for program in reversed(started):
        program.stop()


@pytest.fixture
def until_end():
    """until_end(x): x.stop() when the test is over, whatever happened; returns x."""
    kept = []

    def keep(program):
        kept.append(program)
        return program

    yield keep
    for program in reversed(kept):
        program.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test tells where the logs of the programs it ran lie."""
    report = (yield).get_result()
    folder = item.funcargs.get("tmp_path") if hasattr(item, "funcargs") else None
    if report.failed and folder:
        for log in sorted(folder.rglob("*.log")):
            report.sections.append((str(log), "\n".join(log.read_text(errors="replace").splitlines()[-30:])))


def pytest_report_header():
    return f"programs: {programs.build_dir()}; MediaMTX: {programs.mediamtx() or 'not there'}"
