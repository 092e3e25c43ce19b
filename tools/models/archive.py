"""Takes files out of a wheel, a zip or a tar. An archive's own paths are never used on the disk: its files get the names
that the caller gives, and no more bytes than the caller allows."""

import errno
import gzip
import hashlib
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from models.problem import CORRUPT, Problem

SUFFIXES = (".whl", ".zip", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar")
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
           RuntimeError, ValueError, OverflowError, struct.error)
_BROKEN_ERRNOS = (None, errno.EINVAL)  # of an OSError: bz2 finds broken data; an archive leads to a place before its beginning
_CHUNK = 1 << 20
_ENTRIES_MAX = 20_000
_TOTAL_BYTES_MAX = 8 << 30  # unpacked


def is_archive(path):
    return Path(path).name.lower().endswith(SUFFIXES)


class Archive:
    """Read-only; use as a context manager."""

    def __init__(self, path):
        self.path = Path(path)
        self._is_zip = self.path.name.lower().endswith((".whl", ".zip"))
        try:
            self._file = zipfile.ZipFile(path) if self._is_zip else tarfile.open(path)
            self.sizes = dict(self._regular_files())  # {path: bytes}
        except _BROKEN as error:
            raise self._broken(error) from None
        except OSError as error:
            if error.errno in _BROKEN_ERRNOS:
                raise self._broken(error) from None
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def _broken(self, why):
        return Problem(CORRUPT, f"{self.path}: the archive is broken ({why or 'it ends too early'}); fetch it again")

    def _regular_files(self):
        entries, total = self._file.infolist() if self._is_zip else self._file, 0
        for count, entry in enumerate(entries):
            total += entry.file_size if self._is_zip else entry.size
            if count >= _ENTRIES_MAX or total > _TOTAL_BYTES_MAX:
                raise ValueError(f"more than {_ENTRIES_MAX} entries, or than {_TOTAL_BYTES_MAX >> 30} GB")
            if self._is_zip and not entry.is_dir():
                yield entry.filename, entry.file_size
            elif not self._is_zip and entry.isreg():
                yield entry.name, entry.size

    def _chunks(self, member):
        source = self._file.open(member) if self._is_zip else self._file.extractfile(member)
        with source:
            while chunk := source.read(_CHUNK):
                yield chunk

    def extract(self, member, target, max_bytes):
        """Writes one file to target; returns its SHA-256. What the archive says of its size is not believed."""
        digest, left = hashlib.sha256(), max_bytes
        try:
            with open(target, "xb") as out:
                for chunk in self._chunks(member):
                    left -= len(chunk)
                    if left < 0:
                        raise Problem(CORRUPT, f"{self.path}: {member} is larger than {max_bytes} bytes; fetch it again")
                    digest.update(chunk)
                    out.write(chunk)
        except _BROKEN as error:
            raise self._broken(error) from None
        except OSError as error:
            if error.errno in _BROKEN_ERRNOS:
                raise self._broken(error) from None
            raise
        return digest.hexdigest()
