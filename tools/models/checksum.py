"""SHA-256 of files, and their comparison with what is pinned."""

import hashlib

from models.problem import CORRUPT, Problem

_CHUNK = 1 << 20


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def demand(path, found, wanted):
    if found.lower() != wanted.lower():
        raise Problem(CORRUPT, f"{path} is not the file that was expected (SHA-256 {found}, expected {wanted}); "
                               "fetch it again from a registry that you trust")
