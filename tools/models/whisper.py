"""Whisper for whisper.cpp: makes a ggml file from a CTranslate2 model, and looks at ready ggml files.

whisper.cpp's file: a header of twelve numbers, the mel filter bank, the vocabulary, then each array with its name, shape and
type. Matrices are stored in q8_0: 32 weights share a scale, which halves the file and its time, and costs no words."""

import json
import shutil
import struct

from models import ctranslate2
from models.problem import CORRUPT, UNSUPPORTED, Problem

MAGIC = 0x67676D6C
_HEADER = struct.Struct("<12i")
_ENGLISH_VOCABULARY = 51864
_SAMPLE_RATE, _FFT = 16000, 400
_FLOAT32, _FLOAT16, _Q8_0 = 0, 1, 8  # ggml's types of arrays
_FILE_TYPE_Q8_0 = 7 + 2 * 1000  # mostly q8_0, in the second version of quantisation
_BLOCK = 32
_SIZES = {4: "tiny", 6: "base", 12: "small", 24: "medium", 32: "large"}  # by layers of the encoder


# ---- the parts of a file ----

def mel_filters(count):
    """count triangles over the bins of the spectrum, of equal area, on the mel scale of Slaney's toolbox: linear up to
    1 kHz, logarithmic above. Whisper was trained on these."""
    import numpy
    linear_hz, break_hz, step = 200 / 3, 1000.0, numpy.log(6.4) / 27
    break_mel = break_hz / linear_hz

    def mel(hz):
        return hz / linear_hz if hz < break_hz else break_mel + numpy.log(hz / break_hz) / step

    mels = numpy.linspace(0, mel(_SAMPLE_RATE / 2), count + 2)
    hz = numpy.where(mels < break_mel, mels * linear_hz, break_hz * numpy.exp(step * (mels - break_mel)))
    bins = numpy.linspace(0, _SAMPLE_RATE / 2, _FFT // 2 + 1)
    left, peak, right = hz[:-2, None], hz[1:-1, None], hz[2:, None]
    triangles = numpy.minimum((bins - left) / (peak - left), (right - bins) / (right - peak)).clip(min=0)
    return (triangles * (2 / (right - left))).astype("<f4")


def _byte_of_character():
    """GPT-2's vocabulary writes bytes as characters: printable ones as themselves, the others from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def read_vocabulary(path):
    """The tokens of text as bytes, in their order; those for control follow and are not in the file."""
    byte_of = _byte_of_character()
    try:
        text = path.read_text(encoding="utf-8")
        tokens = json.loads(text) if path.suffix == ".json" else text.split("\n")
        return [bytes(byte_of[c] for c in token) for token in tokens[:tokens.index("<|endoftext|>")]]
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Problem(CORRUPT, f"{path}: not Whisper's vocabulary; fetch it again") from None


def q8_0(matrix):
    """Blocks of a scale in float16 and 32 bytes."""
    import numpy
    blocks = numpy.ascontiguousarray(matrix, numpy.float32).reshape(-1, _BLOCK)
    scale = numpy.abs(blocks).max(axis=1, keepdims=True) / numpy.float32(127)
    inverse = numpy.divide(numpy.float32(1), scale, out=numpy.zeros_like(scale), where=scale > 0)
    scaled = blocks * inverse
    rounded = numpy.trunc(scaled + numpy.copysign(numpy.float32(0.5), scaled)).astype(numpy.int8)  # halves away from zero, as ggml does
    packed = numpy.empty((len(blocks), 2 + _BLOCK), numpy.uint8)
    packed[:, :2] = scale.astype("<f2").view(numpy.uint8)
    packed[:, 2:] = rounded.view(numpy.uint8)
    return packed.tobytes()


# ---- the arrays, under OpenAI's names ----

def _linear(found, source, target, bias=True):
    found[f"{target}.weight"] = source["weight"]
    if bias:
        found[f"{target}.bias"] = source["bias"]


def _norm(found, source, target):
    found[f"{target}.weight"], found[f"{target}.bias"] = source["gamma"], source["beta"]


class _Layer:
    """The arrays of one layer, by the part of their names behind it."""

    def __init__(self, arrays, prefix):
        self.arrays, self.prefix = arrays, prefix

    def __getitem__(self, name):
        return self.arrays[f"{self.prefix}/{name}"]

    def part(self, name):
        return _Layer(self.arrays, f"{self.prefix}/{name}")

    def slice(self, name, index, count):
        """Row block index of count: CTranslate2 keeps query, key and value in one matrix."""
        import numpy
        return {key: numpy.split(self[f"{name}/{key}"], count)[index] for key in ("weight", "bias")}


def _block(found, layer, target, has_cross_attention):
    attention = layer.part("self_attention")
    for index, name in enumerate(("query", "key", "value")):
        _linear(found, attention.slice("linear_0", index, 3), f"{target}.attn.{name}", bias=name != "key")
    _linear(found, attention.part("linear_1"), f"{target}.attn.out")
    _norm(found, attention.part("layer_norm"), f"{target}.attn_ln")
    if has_cross_attention:
        cross = layer.part("attention")
        _linear(found, cross.part("linear_0"), f"{target}.cross_attn.query")
        _linear(found, cross.slice("linear_1", 0, 2), f"{target}.cross_attn.key", bias=False)
        _linear(found, cross.slice("linear_1", 1, 2), f"{target}.cross_attn.value")
        _linear(found, cross.part("linear_2"), f"{target}.cross_attn.out")
        _norm(found, cross.part("layer_norm"), f"{target}.cross_attn_ln")
    _linear(found, layer.part("ffn").part("linear_0"), f"{target}.mlp.0")
    _linear(found, layer.part("ffn").part("linear_1"), f"{target}.mlp.2")
    _norm(found, layer.part("ffn").part("layer_norm"), f"{target}.mlp_ln")


def openai_arrays(arrays):
    """({OpenAI's name: array}, layers of the encoder, layers of the decoder)"""
    found, top = {}, _Layer(arrays, "encoder")
    for name in ("conv1", "conv2"):
        found[f"encoder.{name}.weight"] = top[f"{name}/weight"]
        found[f"encoder.{name}.bias"] = top[f"{name}/bias"].reshape(-1, 1)
    found["encoder.positional_embedding"] = top["position_encodings/encodings"]
    _norm(found, top.part("layer_norm"), "encoder.ln_post")
    found["decoder.positional_embedding"] = arrays["decoder/position_encodings/encodings"]
    found["decoder.token_embedding.weight"] = arrays["decoder/embeddings/weight"]
    _norm(found, _Layer(arrays, "decoder/layer_norm"), "decoder.ln")
    counts = []
    for side in ("encoder", "decoder"):
        count = 0
        while f"{side}/layer_{count}/ffn/linear_0/weight" in arrays:
            _block(found, _Layer(arrays, f"{side}/layer_{count}"), f"{side}.blocks.{count}", side == "decoder")
            count += 1
        counts.append(count)
    return found, *counts


def _stored(name, array):
    """(ggml's type, bytes) of an array: whisper.cpp wants vectors, the convolutions' biases and positions in full."""
    if array.ndim < 2 or name.endswith(("positional_embedding", "conv1.bias", "conv2.bias")):
        return _FLOAT32, array.astype("<f4").tobytes()
    if array.ndim == 2 and array.shape[1] % _BLOCK == 0:
        return _Q8_0, q8_0(array)
    return _FLOAT16, array.astype("<f2").tobytes()


# ---- the whole ----

def _write_arrays(out, arrays):
    for name, array in arrays.items():
        kind, data = _stored(name, array)
        encoded = name.encode()
        out.write(struct.pack("<3i", array.ndim, len(encoded), kind))
        out.write(struct.pack(f"<{array.ndim}i", *reversed(array.shape)))
        out.write(encoded)
        out.write(data)


def _header(arrays, encoder_layers, decoder_layers):
    audio_context, audio_width = arrays["encoder.positional_embedding"].shape
    text_context, text_width = arrays["decoder.positional_embedding"].shape
    vocabulary, mels = arrays["decoder.token_embedding.weight"].shape[0], arrays["encoder.conv1.weight"].shape[1]
    head = 64  # the width of one attention head, in every Whisper
    return (MAGIC, vocabulary, audio_context, audio_width, audio_width // head, encoder_layers, text_context, text_width,
            text_width // head, decoder_layers, mels, _FILE_TYPE_Q8_0)


def convert(weights, vocabulary, target):
    """weights: model.bin of CTranslate2."""
    try:
        arrays, encoder_layers, decoder_layers = openai_arrays(ctranslate2.read(weights))
        header = _header(arrays, encoder_layers, decoder_layers)
    except (KeyError, ValueError) as error:
        raise Problem(CORRUPT, f"{weights}: not a whole Whisper model ({error}); fetch it again") from None
    tokens, filters = read_vocabulary(vocabulary), mel_filters(header[10])
    with open(target, "xb") as out:
        out.write(_HEADER.pack(*header))
        out.write(struct.pack("<2i", *filters.shape))
        out.write(filters.tobytes())
        out.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            out.write(struct.pack("<i", len(token)) + token)
        _write_arrays(out, arrays)


def read_header(path):
    """(size, English only) of a ggml file."""
    with open(path, "rb") as file:
        data = file.read(_HEADER.size)
    if len(data) < _HEADER.size or _HEADER.unpack(data)[0] != MAGIC:
        raise Problem(CORRUPT, f"{path} is not a ggml file of whisper.cpp; fetch it again")
    vocabulary, layers = _HEADER.unpack(data)[1], _HEADER.unpack(data)[5]
    if layers not in _SIZES or not 51000 < vocabulary < 53000:
        raise Problem(UNSUPPORTED, f"{path} is a ggml file, but not of a Whisper model")
    return _SIZES[layers], vocabulary == _ENGLISH_VOCABULARY


def describe(path):
    _, english = read_header(path)
    return {"kind": "whisper", "file": path.name, "languages": ["en"] if english else [], "rate_hz": _SAMPLE_RATE}


def build(weights, vocabulary, out, name):
    """weights: the files of a CTranslate2 model.bin in their order; the first is added to. vocabulary: its .json or .txt."""
    for part in weights[1:]:
        with open(part, "rb") as file, open(weights[0], "ab") as whole:
            shutil.copyfileobj(file, whole, 1 << 20)
        part.unlink()
    target = out / f"ggml-{name.removeprefix('whisper-')}-q8_0.bin"
    convert(weights[0], vocabulary, target)
    return describe(target)
