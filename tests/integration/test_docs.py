"""What the documents say of the programs is what the programs say of themselves."""

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import programs

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_configuration_is_what_the_programs_print():
    done = subprocess.run([sys.executable, ROOT / "tools/docs/configuration.py", "--build", programs.build_dir(), "--check"])
    assert done.returncode == 0, "run tools/docs/configuration.py"


@pytest.mark.parametrize("name", ["media-service", "sts-service"])
def test_configuration_has_every_setting(name):
    printed = subprocess.run([programs.path_of(name), "--help"], capture_output=True, text=True, check=True).stdout
    settings = re.findall(r"^  ([A-Z][A-Z0-9_]*)", printed, re.M)
    assert len(settings) > 10
    shown = re.findall(r"`([A-Z][A-Z0-9_]*)`", (DOCS / "configuration.md").read_text())
    assert [name for name in settings if name not in shown] == []


# ---- the table of parsers in testing.md ----

# Declares what takes bytes, and takes none of a stranger's.
OUR_OWN_BYTES = {
    "base/log.h": "texts for the log",
    "engines/models-private.h": "our own list of models, installed with the program",
    "media/flv-tracks.h": "what flv-demux.c has read",
    "media/flv-writer.h": "writes",
    "text/data-files.h": "our own tables, installed with the program",
}
TAKES_BYTES = re.compile(r"\w*(?:parse|decode|read|feed)\w*\([^;{}]*?(?:const (?:uint8_t|guint8|char|void) \*\*?\w+,\s*(?:gsize|size_t) \*?\w+|"
                         r"GBytes \*\w+|DubJson \*\w+|json_t \*\w+)[^;{}]*\);", re.S)


def parser_rows():
    """(parsers, target) of each row."""
    text = (DOCS / "testing.md").read_text().split("## Who reads foreign bytes")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    return [(re.findall(r"`([^`]+)`", row[1]), re.findall(r"`([^`]+)`", row[2])) for row in rows]


def declared_parsers():
    """Headers of src, by their place there."""
    found = set()
    for header in (ROOT / "src").rglob("*.h"):
        code = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        if TAKES_BYTES.search(code):
            found.add(str(header.relative_to(ROOT / "src")))
    return found


def test_every_parser_of_foreign_bytes_has_its_fuzz_target():
    rows = parser_rows()
    targets = sorted(path.stem.removeprefix("fuzz-") for path in (ROOT / "tests/fuzz").glob("fuzz-*.c"))
    assert sorted(target for _, row in rows for target in row) == targets
    built = re.findall(r"^  \['([a-z-]+)', ", (ROOT / "tests/fuzz/meson.build").read_text(), re.M)
    assert sorted(built) == targets
    assert [target for target in targets if not list((ROOT / "tests/fuzz/corpus" / target).glob("*"))] == []
    named = {parser for row, _ in rows for parser in row}
    assert [parser for parser in sorted(named) if not (ROOT / "src" / parser).exists()] == []
    assert declared_parsers() - named - set(OUR_OWN_BYTES) == set(), "put it into docs/testing.md, with a fuzz target"
    assert set(OUR_OWN_BYTES) & named == set()


# ---- the conformance tables of socketio.md ----

LETTERS = {"E": "test_engineio", "S": "test_socketio", "C": "test_clients", "O": "test_our_client", "H": "test_hostile"}
CELL = re.compile(r"[ESCOHU] `[^`]+`(, `[^`]+`)*(; [ESCOHU] `[^`]+`(, `[^`]+`)*)*")


def conformance_rows():
    """(clause, cell with tests) of every table between the two headings."""
    text = (DOCS / "socketio.md").read_text().split("## Conformance")[1].split("## Measured")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[1] != "test"]


def python_tests():
    """{letter: ids such as "test_refused[no-eio]"}, as pytest finds them."""
    done = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/conformance"], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    found = [line.split("::", 1) for line in done.stdout.splitlines() if "::" in line]
    return {letter: {name for path, name in found if Path(path).stem == stem} for letter, stem in LETTERS.items()}


def unit_tests():
    """{path in GTest}, as the programs list them."""
    listing = [path for folder in ("engineio", "socketio")
               for path in (programs.build_dir() / "tests/unit" / folder).glob("test-*") if path.is_file()]
    return {line for program in listing
            for line in subprocess.run([program, "-l"], capture_output=True, text=True, check=True).stdout.splitlines()
            if line.startswith("/")}


def exists(letter, name, python, unit):
    if letter == "U":
        return any(path == name or path.startswith(name + "/") for path in unit)
    if "[" in name:
        return name in python[letter]
    return any(fnmatch.fnmatchcase(test.split("[")[0], name) for test in python[letter])


def test_conformance_names_tests_that_exist():
    rows, python, unit = conformance_rows(), python_tests(), unit_tests()
    assert len(rows) > 50
    missing = []
    for clause, cell in rows:
        assert CELL.fullmatch(cell), f"{clause}: {cell}"
        for group in cell.split("; "):
            missing += [f"{clause}: {group[0]} {name}" for name in re.findall("`([^`]+)`", group)
                        if not exists(group[0], name, python, unit)]
    assert missing == []
