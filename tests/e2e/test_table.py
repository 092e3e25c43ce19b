"""README.md's table of requirements: every row names tests that exist, or says what we do instead and why."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
README = HERE / "README.md"
ROW = re.compile(r"^\| (?P<doc>002|004) (?P<id>(?P<kind>FR-|SC-|US|E)[\d.]+) \| (?P<asked>.*?) \| (?P<tests>.*?) \| (?P<instead>.*?) ?\|$")
TASK = re.compile(r"^\| (?P<id>00[01] [^|]+?) \| (?P<asked>.*?) \| (?P<tests>.*?) \| (?P<instead>.*?) ?\|$")
NAMED = re.compile(r"`([\w./]+\.py)::(test_\w+)`")
COUNTS = {"FR-": 71, "SC-": 16, "US": 60, "E": 14}
HIGHEST = {("002", "FR-"): 26, ("002", "SC-"): 8, ("002", "E"): 6, ("004", "FR-"): 45, ("004", "SC-"): 8, ("004", "E"): 8}
SCENARIOS = {"002": [4, 6, 4, 4, 4, 4], "004": [4, 6, 4, 4, 4, 4, 4, 4]}


def matches(pattern):
    return [m.groupdict() for line in README.read_text().splitlines() if (m := pattern.match(line))]


def functions(file):
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def problems(row):
    """What is wrong with a row: nothing at all, or a test that does not exist."""
    if not NAMED.search(row["tests"]) and len(row["instead"]) < 20:
        return [f"{row['id']}: neither a test nor what we do instead"]
    return [f"{row['id']}: no {file}::{test}" for file, test in NAMED.findall(row["tests"])
            if not (HERE / file).is_file() or test not in functions(HERE / file)]


def test_counts():
    """161 rows: 71 requirements, 16 criteria, 60 scenarios, 14 edge cases."""
    assert Counter(row["kind"] for row in matches(ROW)) == COUNTS


def test_no_row_is_missing_or_twice():
    wanted = {f"{doc} {kind}{number:03}" if kind.endswith("-") else f"{doc} {kind}{number}"
              for (doc, kind), highest in HIGHEST.items() for number in range(1, highest + 1)}
    wanted |= {f"{doc} US{story}.{number}" for doc, counts in SCENARIOS.items()
               for story, count in enumerate(counts, 1) for number in range(1, count + 1)}
    found = [f"{row['doc']} {row['id']}" for row in matches(ROW)]
    assert sorted(found) == sorted(wanted)


def test_every_row_is_answered():
    assert [problem for row in matches(ROW) for problem in problems(row)] == []


def test_every_task_is_answered():
    tasks = matches(TASK)
    assert len(tasks) > 15
    assert [problem for row in tasks for problem in problems(row)] == []


@pytest.mark.parametrize("row, wrong", [
    ({"id": "FR-001", "tests": "`test_table.py::test_counts`", "instead": ""}, False),
    ({"id": "FR-001", "tests": "", "instead": "The image has no ping, so a TCP connection is timed."}, False),
    ({"id": "FR-001", "tests": "", "instead": "no"}, True),
    ({"id": "FR-001", "tests": "`test_table.py::test_nothing`", "instead": ""}, True),
    ({"id": "FR-001", "tests": "`test_gone.py::test_counts`", "instead": ""}, True),
])
def test_a_bad_row_is_found(row, wrong):
    assert bool(problems(row)) is wrong
