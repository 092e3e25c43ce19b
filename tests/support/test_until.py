"""Tests have an end where TEST_UNTIL sets one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("until", "is_over"), [("1", True), ("99999999999", False), ("", False)], ids=["over", "not-yet", "none"])
def test_what_needs_the_machine_for_itself_is_not_begun_after_the_end(tmp_path, until, is_over, monkeypatch):
    monkeypatch.setenv("TEST_UNTIL", until)
    test = tmp_path / "test_alone.py"
    test.write_text("import pytest\n\n@pytest.mark.alone\ndef test_alone():\n    pass\n\n\ndef test_beside():\n    pass\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-rs", "-p", "conftest", "-c", ROOT / "pyproject.toml", test],
                          capture_output=True, text=True, cwd=ROOT / "tests")
    assert ("1 passed, 1 skipped" if is_over else "2 passed") in done.stdout, done.stdout + done.stderr
    assert ("TEST_UNTIL" in done.stdout) == is_over
