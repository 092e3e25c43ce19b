"""Models that a user has: a ggml file, a folder of Piper, Coqui, MMS or Kokoro as sherpa-onnx publishes them, a Piper voice as
Piper does, a CTranslate2 Whisper (faster-whisper's); as files, as an archive, or at a URL."""

import os
import re
import shutil
import struct
from pathlib import Path, PurePosixPath

from models import checksum, fetch, kokoro, onnxmeta, vits, whisper
from models.archive import Archive, is_archive
from models.problem import CORRUPT, INVALID_ARGUMENT, NO_SPACE, NOT_FOUND, UNSUPPORTED, Problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SUFFIXES = (".onnx", ".json", ".txt", ".bin")
_CARDS = ("MODEL_CARD", "LICENSE", "LICENCE")
_FILES_MAX = 50


def check_name(name):
    if not _NAME.fullmatch(name):
        raise Problem(INVALID_ARGUMENT, f"'{name[:60]}' cannot be a model's name: letters, digits, dots and dashes, at most 80")


def is_url(text):
    return "://" in text


def _is_ggml(path):
    with open(path, "rb") as file:
        return file.read(4) == struct.pack("<i", whisper.MAGIC)


def _is_wanted(name):
    return name in _CARDS or (name.endswith(_SUFFIXES) and not name.startswith("lexicon"))


# ---- gathering: the model's files, alone in a folder ----

def _demand_room(needed, work, store):
    free = store.free_bytes()
    if needed > free:
        raise Problem(NO_SPACE, f"{work.folder}: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; free some space")


def _beside(path):
    """The file and what belongs to it."""
    if path.suffix == ".onnx":
        config = path.with_name(path.name + ".json")
        others = [config, *(path.parent / name for name in (*_CARDS, "tokens.txt", "voices.bin"))]
        return [path, *(other for other in others if other.is_file())]
    return [path]


def _gather_files(paths, work, store):
    if len(paths) > _FILES_MAX:
        raise Problem(INVALID_ARGUMENT, f"{paths[0].parent}: {len(paths)} files are too many for one model; name its own folder")
    if paths and work.path in paths[0].parents:  # a download of ours
        for path in paths:
            path.rename(work.made / path.name)
        return
    _demand_room(sum(path.stat().st_size for path in paths), work, store)
    for path in paths:
        shutil.copyfile(path, work.made / path.name)


def _model_folder(names):
    """The folder within an archive that the model lies in."""
    folders = {str(PurePosixPath(name).parent) for name in names
               if name.endswith(".onnx") or PurePosixPath(name).name.startswith("ggml-") or PurePosixPath(name).name == "model.bin"}
    if len(folders) != 1:
        raise Problem(INVALID_ARGUMENT, f"the archive holds {len(folders)} models; unpack it, and name the folder of one")
    return folders.pop()


def _gather_archive(path, work, store):
    with Archive(path) as archive:
        folder = _model_folder(archive.sizes)
        wanted = {name: size for name, size in archive.sizes.items()
                  if str(PurePosixPath(name).parent) == folder and _is_wanted(PurePosixPath(name).name)}
        if len(wanted) > _FILES_MAX:
            raise Problem(INVALID_ARGUMENT, f"{path}: {len(wanted)} files are too many for one model")
        _demand_room(sum(wanted.values()), work, store)
        for name, size in wanted.items():
            archive.extract(name, work.made / PurePosixPath(name).name, size)


def _gather(source, work, store):
    """Copies; returns the name that the source has."""
    if not source.exists():
        raise Problem(NOT_FOUND, f"{source}: there is no such file or folder")
    if source.is_dir():
        _gather_files(sorted(path for path in source.iterdir() if path.is_file() and _is_wanted(path.name)), work, store)
    elif is_archive(source):
        _gather_archive(source, work, store)
    else:
        _gather_files(_beside(source), work, store)
    return source.name


# ---- what it is ----

def _describe_whisper(folder):
    files = [path for path in sorted(folder.iterdir()) if path.suffix == ".bin" and _is_ggml(path)]
    if len(files) != 1:
        raise Problem(INVALID_ARGUMENT, f"there are {len(files)} ggml files; name one of them")
    if not files[0].name.startswith("ggml-"):
        files[0] = files[0].rename(folder / f"ggml-{files[0].name}")
    return whisper.describe(files[0])


def _describe_ctranslate2(folder, work, name):
    vocabulary = next((folder / f for f in ("vocabulary.json", "vocabulary.txt") if (folder / f).exists()), None)
    if not vocabulary:
        raise Problem(UNSUPPORTED, "a CTranslate2 model without its vocabulary; take the whole folder")
    for path in folder.iterdir():
        path.rename(work.sources / path.name)
    return whisper.build([work.sources / "model.bin"], work.sources / vocabulary.name, folder, name)


def _kokoro_speakers(metadata, count):
    """Names in the order of their numbers."""
    if "speaker_names" in metadata:
        names = metadata["speaker_names"].split(",")
    else:  # "0->af_alloy,1->…"
        pairs = [pair.split("->") for pair in metadata.get("id2speaker", "").split(",") if "->" in pair]
        names = [name.strip() for _, name in sorted(((int(number), name) for number, name in pairs))]
    if len(names) != count:
        raise Problem(CORRUPT, f"voices.bin holds {count} voices and the model names {len(names)}; fetch it again")
    return names


def _describe_kokoro(folder):
    onnx = vits.find_onnx(folder)
    style_bytes = kokoro.STYLE_ROWS * kokoro.STYLE_WIDTH * 4
    size = (folder / "voices.bin").stat().st_size
    if size == 0 or size % style_bytes or not (folder / "tokens.txt").exists():
        raise Problem(CORRUPT, "voices.bin or tokens.txt of this Kokoro is not whole; fetch it again")
    try:
        return kokoro.describe(_kokoro_speakers(onnxmeta.read(onnx), size // style_bytes), onnx.name)
    except ValueError:
        raise Problem(CORRUPT, f"{onnx.name}: its list of voices makes no sense; fetch it again") from None


def _describe(work, name, source_name, language):
    folder = work.made
    names = {path.name for path in folder.iterdir()}
    if "voices.bin" in names:
        return _describe_kokoro(folder)
    if any(file.endswith(".onnx") for file in names):
        onnx = vits.find_onnx(folder)
        vits.complete_piper(onnx)
        return vits.describe(onnx, name, [source_name, onnx.name], language)
    if "model.bin" in names and not _is_ggml(folder / "model.bin"):
        return _describe_ctranslate2(folder, work, name)
    return _describe_whisper(folder)


def needs_conversion(source):
    """Whether numpy is needed: a folder of CTranslate2."""
    path = Path(source)
    return not is_url(source) and path.is_dir() and (path / "vocabulary.json").exists() | (path / "vocabulary.txt").exists()


def make(source, name, work, store, language=None, sha256=None):
    """Puts the model's files into work.made; returns what model.json says of it."""
    if is_url(source):
        path = fetch.url(source, work.new_download_folder(), store.free_bytes())
    else:
        path = Path(source)
    if sha256:
        if not path.is_file():
            raise Problem(INVALID_ARGUMENT, "--sha256 is for one file")
        checksum.demand(path, checksum.sha256(path), sha256)
    source_name = _gather(path, work, store)
    described = _describe(work, name, source_name, language)
    return {**described, "licence": None, "sources": [source if is_url(source) else os.path.abspath(source)]}
