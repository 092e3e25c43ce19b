"""The description (metadata_props) in an ONNX file, read and added to without loading the model.

An ONNX file is one protobuf message: fields, each a tag and a value. A field that may come several times may also be
appended to the end of the file, so a description is added by writing its entries there."""

import io
import os

from models.problem import CORRUPT, Problem

_METADATA = 14  # ModelProto.metadata_props, a repeated StringStringEntryProto {key = 1, value = 2}
_LAST_FIELD = 100
_ENTRY_BYTES_MAX = 1 << 20  # sherpa-onnx keeps lists of speakers there
_FIELDS_MAX = 100_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Reader:
    def __init__(self, file, size):
        self.file, self.size = file, size

    @property
    def at(self):
        return self.file.tell()

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.file.read(1)
            if not byte:
                raise ValueError("ends in the middle of a number")
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value
        raise ValueError("holds a number of more than 64 bits")

    def skip(self, count):
        if count > self.size - self.at:
            raise ValueError("is cut off")
        self.file.seek(count, os.SEEK_CUR)

    def bytes(self, count):
        if count > min(self.size - self.at, _ENTRY_BYTES_MAX):
            raise ValueError("is cut off, or has a description of more than a megabyte")
        return self.file.read(count)


def _fields(reader):
    """(number, kind) of each field, the reader standing behind its tag; who asks takes the value or skips it."""
    for _ in range(_FIELDS_MAX):
        if reader.at >= reader.size:
            return
        tag = reader.varint()
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _LAST_FIELD:
            raise ValueError("is no ONNX model")
        yield number, kind
    raise ValueError("has too many parts")


def _skip(reader, kind):
    if kind == _VARINT:
        reader.varint()
    elif kind == _BYTES:
        reader.skip(reader.varint())
    elif kind in (_FIXED32, _FIXED64):
        reader.skip(8 if kind == _FIXED64 else 4)
    else:
        raise ValueError("is no ONNX model")


def _entry(data):
    """(key, value) of one StringStringEntryProto."""
    reader, texts = _Reader(io.BytesIO(data), len(data)), {}
    for number, kind in _fields(reader):
        if kind == _BYTES:
            texts[number] = reader.bytes(reader.varint()).decode("utf-8", "replace")
        else:
            _skip(reader, kind)
    return texts.get(1, ""), texts.get(2, "")


def read(path):
    """{key: value}; Problem where the file is no whole ONNX model."""
    found, has_graph = {}, False
    try:
        with open(path, "rb") as file:
            reader = _Reader(file, os.fstat(file.fileno()).st_size)
            for number, kind in _fields(reader):
                if number == _METADATA and kind == _BYTES:
                    key, value = _entry(reader.bytes(reader.varint()))
                    found[key] = value
                else:
                    has_graph = has_graph or (number == 7 and kind == _BYTES)
                    _skip(reader, kind)
    except ValueError as error:
        raise Problem(CORRUPT, f"{path}: {error}; fetch it again") from None
    if not has_graph:
        raise Problem(CORRUPT, f"{path}: is no ONNX model; fetch it again")
    return found


def _varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number, data):
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def append(path, description):
    """Adds {key: value} to the file's description."""
    with open(path, "ab") as file:
        for key, value in description.items():
            file.write(_field(_METADATA, _field(1, key.encode()) + _field(2, str(value).encode())))
