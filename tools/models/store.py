"""The folder that models are installed into. A model is made in a hidden folder beside the others and renamed when it is
whole: whatever happens before leaves what was there, and nothing half."""

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

from models import checksum
from models.problem import BUSY, NO_SPACE, Problem

_WORK = ".installing-"
_REMOVED = ".removed-"  # airdub models remove renames before it deletes
DESCRIPTION = "model.json"
FORMAT = 1


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Store:
    """Use as a context manager: one install at a time in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._lock = None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Problem(BUSY, f"another install is at work in {self.folder}; wait until it has ended") from None
        self._clear_remains()
        return self

    def __exit__(self, *_):
        os.close(self._lock)

    def _clear_remains(self):
        """Of an install that was killed; nobody else holds the lock."""
        for remains in [*self.folder.glob(_WORK + "*"), *self.folder.glob(_REMOVED + "*")]:
            for old in remains.glob("old/*"):
                if not (self.folder / old.name).exists():
                    old.rename(self.folder / old.name)
            shutil.rmtree(remains)

    def free_bytes(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def demand_space(self, needed):
        free = self.free_bytes()
        if free < needed:
            raise Problem(NO_SPACE, f"{self.folder}: {needed / 1e6:.0f} MB are needed while installing and {free / 1e6:.0f} MB are free; "
                                    "free some space, or set MODEL_DIR to a folder elsewhere")

    def describe(self, name):
        """The model.json of an installed model, or None."""
        try:
            found = json.loads((self.folder / name / DESCRIPTION).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else None
        except (OSError, ValueError):
            return None

    def is_current(self, name, revision):
        """Whether a model is there as the catalogue's revision makes it, with all its files."""
        found = self.describe(name)
        if not found or found.get("revision") != revision or not isinstance(found.get("files"), dict):
            return False
        try:
            return all((self.folder / name / file).stat().st_size == entry["bytes"] for file, entry in found["files"].items())
        except (OSError, KeyError, TypeError):
            return False

    def work(self):
        """A Work: where one model is made."""
        return Work(self.folder)


class Work:
    """Use as a context manager. `downloads`, `sources` and `made` are folders; take() puts what is in `made` into its place."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix=_WORK, dir=self.folder))
        for name in ("downloads", "sources", "made", "old"):
            folder = self.path / name
            folder.mkdir()
            setattr(self, name, folder)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def new_download_folder(self):
        return Path(tempfile.mkdtemp(dir=self.downloads))

    def take(self, name, description):
        """Writes model.json with the checksums of what was made, and renames. Returns the model's folder."""
        files = {path.name: {"sha256": checksum.sha256(path), "bytes": path.stat().st_size} for path in sorted(self.made.iterdir())}
        text = json.dumps({"format": FORMAT, "name": name, **description, "files": files}, indent=1, ensure_ascii=False)
        (self.made / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        for path in self.made.iterdir():
            path.chmod(0o644)
            _sync(path)
        self.made.chmod(0o755)
        target = self.folder / name
        if target.is_symlink() or target.exists():
            target.rename(self.old / name)
        self.made.rename(target)
        _sync(self.folder)
        return target
