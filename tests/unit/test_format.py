"""All C looks as .clang-format says."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("apps", "examples", "src", "tests")


def violations(paths):
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=ROOT, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if "error:" in line]


@pytest.fixture(autouse=True)
def tool():
    assert shutil.which("clang-format"), "clang-format is missing: run 'make deps'"


def test_every_file_is_formatted():
    paths = [path for folder in FOLDERS for pattern in ("*.c", "*.h") for path in (ROOT / folder).rglob(pattern)]
    assert len(paths) > 500
    assert violations(paths) == [], "run: make format"


def test_what_is_not_formatted_is_found(tmp_path):
    (tmp_path / ".clang-format").write_text((ROOT / ".clang-format").read_text())
    (tmp_path / "x.c").write_text("int  f( void ){return 1;}\n")
    assert violations([tmp_path / "x.c"])
