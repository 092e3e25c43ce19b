"""Reads the weights of a CTranslate2 model (model.bin, version 6): a list of named arrays, little-endian."""

import struct

from models.problem import CORRUPT, UNSUPPORTED, Problem

_TYPES = {0: "<f4", 4: "<f2"}
_RANK_MAX = 8


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        size = struct.calcsize(code)
        if self.at + size > len(self.data):
            raise ValueError("is cut off")
        self.at += size
        return struct.unpack_from("<" + code, self.data, self.at - size)[0]

    def bytes(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("is cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self):
        return bytes(self.bytes(self.number("H"))).rstrip(b"\0").decode("utf-8")


def _array(reader):
    import numpy
    name = reader.text()
    rank = reader.number("B")
    if rank > _RANK_MAX:
        raise ValueError("is no CTranslate2 model")
    shape = [reader.number("I") for _ in range(rank)]
    kind, size = reader.number("B"), reader.number("I")
    data = reader.bytes(size)
    if kind not in _TYPES:
        return name, None  # a flag, or a quantised weight
    array = numpy.frombuffer(data, _TYPES[kind])
    if array.size != numpy.prod(shape, dtype=int):
        raise ValueError(f"holds {name} in the wrong size")
    return name, array.reshape(shape)


def _read_all(data):
    reader = _Reader(data)
    version, spec = reader.number("I"), reader.text()
    if version != 6 or spec != "WhisperSpec":
        raise Problem(UNSUPPORTED, f"a CTranslate2 model of version {version} for {spec[:40]!r}; only Whisper's of version 6 are known")
    reader.number("I")  # the revision of the specification
    arrays = dict(_array(reader) for _ in range(reader.number("I")))
    flags = {name for name, array in arrays.items() if array is None}
    if any(name.endswith("/weight") for name in flags):
        raise Problem(UNSUPPORTED, "this CTranslate2 model is quantised; take the one in float16")
    return {name: array for name, array in arrays.items() if array is not None}


def read(path):
    """{name: numpy array, float16 or float32}; they stay in the file until they are used."""
    import numpy
    try:
        return _read_all(memoryview(numpy.memmap(path, numpy.uint8, "r")))
    except (ValueError, struct.error, UnicodeDecodeError) as error:
        raise Problem(CORRUPT, f"{path}: {error}; fetch it again") from None
