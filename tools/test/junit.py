"""Counting tests in JUnit XML, as Meson and pytest write it."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field


@dataclass
class Counts:
    """passed: how many; failed: their names; skipped: (name, reason) of each."""

    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)

    def __add__(self, other):
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def total(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def _name(label, suite, case):
    parts = [label, case.get("classname") or suite.get("name") or "", case.get("name") or ""]
    return " ".join(part for part in parts if part)


def _reason(element):
    text = element.get("message") or element.text or ""
    return text.strip() or "no reason given"


def read(path, label, status):
    """Counts of the report at path, from a run that ended with this exit status.

    A run that failed without a failed test (a crash, a time-out, no report at all) is one failure: nothing is lost."""
    counts = Counts()
    if path.exists():
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            for case in suite.iter("testcase"):
                _count(counts, _name(label, suite, case), case)
    else:
        status = status or 1
    if status != 0 and not counts.failed:
        counts.failed.append(f"{label}: ended with status {status}")
    return counts


def _count(counts, name, case):
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        counts.failed.append(name)
    elif skipped is not None:
        counts.skipped.append((name, _reason(skipped)))
    else:
        counts.passed += 1
