"""Counting tests in what Meson and pytest write down."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

_TAP = re.compile(r"^(not )?ok \d+ -? ?(.*?)(?:\s+# (SKIP|TODO)\s*(.*))?$", re.M)
_CHATTER = re.compile(r"^(#|ok |1\.\.)|^\s*$")
CAUSE_LINES, CAUSE_COLUMNS = 12, 240


@dataclass
class Counts:
    """passed: how many; failed: (name, its last words) of each; skipped: (name, reason) of each."""

    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)

    def __add__(self, other):
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def total(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"

    def add(self, name, outcome, reason=""):
        if outcome == "failed":
            self.failed.append((name, last_words(reason)))
        elif outcome == "skipped":
            self.skipped.append((name, reason.strip() or "no reason given"))
        else:
            self.passed += 1


def last_words(text):
    """The end of what a failed test printed, without what went well: enough to tell the cause from a log that is cut off above."""
    telling = [line[:CAUSE_COLUMNS] for line in text.splitlines() if not _CHATTER.match(line)]
    return "\n".join(telling[-CAUSE_LINES:])


def _must_fail(counts, label, status):
    """A run that failed without a failed test (it could not even start, say) counts as one: nothing is lost."""
    if status != 0 and not counts.failed:
        counts.add(f"{label}: ended with status {status}", "failed")
    return counts


def read_meson(path, label, status):
    """Counts of Meson's testlog.json: each line of TAP is a test; a program without TAP is one."""
    counts = Counts()
    for line in path.read_text().splitlines() if path.exists() else []:
        _count_program(counts, label, json.loads(line))
    return _must_fail(counts, label, status if path.exists() else status or 1)


def _count_program(counts, label, program):
    name, result = f"{label} {program['name']}", program["result"]
    failed_before, printed = len(counts.failed), (program.get("stdout") or "") + "\n" + (program.get("stderr") or "")
    cases = list(_TAP.finditer(program.get("stdout") or ""))
    for case in cases:
        wrong, title, directive, reason = case.groups()
        outcome = "skipped" if directive == "SKIP" else "failed" if wrong else "passed"
        counts.add(f"{name} {title}", outcome, printed if outcome == "failed" else reason or "")
    good = result in ("OK", "EXPECTEDFAIL", "SKIP")
    if not good and len(counts.failed) == failed_before:
        counts.add(f"{name}: {result}", "failed", printed)  # crashed, leaked or ran out of time after its last line
    elif good and not cases:
        counts.add(name, "skipped" if result == "SKIP" else "passed", program.get("stdout") or "")


def read_pytest(path, label, status):
    """Counts of pytest's JUnit XML."""
    counts = Counts()
    for case in ElementTree.parse(path).getroot().iter("testcase") if path.exists() else []:
        name = f"{label} {case.get('classname')} {case.get('name')}"
        skipped, broken = case.find("skipped"), [*case.iter("failure"), *case.iter("error")]
        if broken:
            counts.add(name, "failed", "\n".join(part.text or part.get("message") or "" for part in broken))
        elif skipped is not None:
            counts.add(name, "skipped", skipped.get("message") or "")
        else:
            counts.add(name, "passed")
    return _must_fail(counts, label, status if path.exists() else status or 1)
