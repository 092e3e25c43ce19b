#!/usr/bin/env python3
"""Writes docs/configuration.md from what the programs' --help prints, which is the tables that they read their settings by.

configuration.py [--build FOLDER] [--check]: --check writes nothing, and ends with 1 when the document is not current."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "configuration.md"
LOCAL = "\nWith SPEECH_BACKEND=local also:\n"  # what follows in media-service's --help is in sts-service's, too

ROW = re.compile(r"^  (?P<names>[A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*) +(?P<what>.*?)"
                 r"(?: \[(?P<default>[^\]]*)\])?(?: \((?P<values>[^()]*[…|][^()]*)\))?$", re.M)

HEAD = """# Configuration

Every setting of both services is an environment variable, read once at the start. A bad value ends the start with one line that names the
variable. A secret's `…_FILE` names a file that holds it instead; both at once are an error. An empty value counts as not set.
Where two names stand in a row, the first that is set counts. [operations.md](operations.md) says how to run the services.

This page is made by `tools/docs/configuration.py` from the tables that the programs themselves use.
"""

PARTS = """
## {program}

| variable | default | values | what |
|---|---|---|---|
{rows}
"""


def cell(text):
    """Markdown that shows the text as it is."""
    return re.sub(r"([|<>*_\\])", r"\\\1", text or "")


def code(text):
    return f"`{text}`" if text else ""


def row(match):
    names = ", ".join(code(name) for name in match["names"].split(", "))
    values = ", ".join(code(value) for value in (match["values"] or "").split("|"))
    return f"| {names} | {code(match['default'])} | {values} | {cell(match['what'])} |"


def table(help_text):
    return "\n".join(row(match) for match in ROW.finditer(help_text))


def part(title, help_text, before=""):
    return PARTS.format(program=title, rows=table(help_text)).replace("\n\n|", f"\n\n{before}|", 1)


def document(build):
    def printed(name):
        return subprocess.run([build / "apps" / name / name, "--help"], capture_output=True, text=True, check=True).stdout
    media, engines = printed("media-service").split(LOCAL)
    sts = printed("sts-service").replace(engines, "")
    note = "Of `sts-service`, and of `media-service` with `SPEECH_BACKEND=local`. [engines.md](engines.md) says what each engine is.\n\n"
    return HEAD + part("media-service", media) + part("sts-service", sts) + part("Engines", engines, note)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path(os.environ.get("AIRDUB_BUILD", ROOT / "build")))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = document(options.build)
    if options.check:
        return int(not DOCUMENT.exists() or DOCUMENT.read_text() != text)
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
