"""What the documents say of the programs is what the programs say of themselves."""

import subprocess
from pathlib import Path

import pytest

from support import programs

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", ["media-service", "sts-service"])
def test_operations_shows_every_setting_as_help_prints_it(name):
    printed = subprocess.run([programs.path_of(name), "--help"], capture_output=True, text=True, check=True).stdout
    settings = [line for line in printed.splitlines() if line.startswith("  ")]
    assert len(settings) > 10
    shown = (DOCS / "operations.md").read_text().splitlines()
    assert [line for line in settings if line not in shown] == []
