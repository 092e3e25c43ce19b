"""Models and packages for tests of the installer: real formats, as small as they may be."""

import functools
import hashlib
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

from support.process import run
from support.programs import ROOT

TOOL = ROOT / "tools/models"
STYLE_BYTES = 510 * 256 * 4  # of one voice of Kokoro
SHERPA_DESCRIPTION = {"model_type": "vits", "n_speakers": 1, "sample_rate": 16000, "language": "Spanish", "comment": "piper"}


def models_folder():
    """What `make deps` has installed, or MODEL_DIR. Missing is a failure: run `make deps`."""
    folder = ROOT / ".models"
    assert (folder / "kokoro/model.json").exists(), f"{folder} holds no models: run 'make deps' without MODELS=none"
    return folder


def downloads_folder():
    """The packages that `make deps` keeps for tests; the installer fetches into it what is missing."""
    return models_folder() / ".downloads"


# ---- models ----

def write_onnx(path, metadata=None):
    """A model that passes its input on."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:]))
    weight = helper.make_tensor("unused", TensorProto.FLOAT, [1000], numpy.zeros(1000, numpy.float32))
    model.graph.initializer.append(weight)
    helper.set_model_props(model, {key: str(text) for key, text in (metadata or {}).items()})
    onnx.save(model, path)
    return path


def piper_config(speakers=1):
    return {"audio": {"sample_rate": 22050}, "espeak": {"voice": "es-419"}, "phoneme_type": "espeak", "num_speakers": speakers,
            "speaker_id_map": {f"voice{i}": i for i in range(speakers)} if speakers > 1 else {},
            "phoneme_id_map": {"_": [0], "^": [1], "$": [2], " ": [3], "a": [4], "ˈ": [5]},
            "language": {"code": "es_MX", "name_english": "Spanish"}}


def write_piper(folder, speakers=1, name="es_MX-test-low.onnx"):
    """As Piper publishes one: without what sherpa-onnx needs."""
    folder.mkdir(parents=True, exist_ok=True)
    write_onnx(folder / name)
    (folder / f"{name}.json").write_text(json.dumps(piper_config(speakers)))
    return folder / name


def write_sherpa_vits(folder, **metadata):
    """As sherpa-onnx publishes one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("a 1\nb 2\n")
    return write_onnx(folder / "model.onnx", {**SHERPA_DESCRIPTION, **metadata})


def write_kokoro(folder, names=("ef_dora", "bm_daniel"), **metadata):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("$ 0\n")
    (folder / "voices.bin").write_bytes(bytes(STYLE_BYTES * len(names)))
    listed = metadata or {"speaker_names": ",".join(names)}
    return write_onnx(folder / "model.onnx", {"model_type": "kokoro", "n_speakers": len(names), "sample_rate": 24000, **listed})


def write_ggml(path, english=False, layers=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    vocabulary = 51864 if english else 51865
    header = struct.pack("<12i", 0x67676D6C, vocabulary, 1500, 512, 8, layers, 448, 512, 8, layers, 80, 2007)
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(80_000_000)  # a hole
    return path


class _CTranslate2:
    """Writes model.bin."""

    def __init__(self):
        self.arrays = {}

    def add(self, name, *shape):
        numbers = numpy.random.default_rng(len(self.arrays)).normal(size=shape)
        self.arrays[name] = numbers.astype(numpy.float16)

    def add_linear(self, name, rows, columns):
        self.add(f"{name}/weight", rows, columns)
        self.add(f"{name}/bias", rows)

    def add_norm(self, name, width):
        self.add(f"{name}/gamma", width)
        self.add(f"{name}/beta", width)

    def data(self, spec="WhisperSpec", version=6):
        def text(words):
            return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"

        out = [struct.pack("<I", version), text(spec), struct.pack("<II", 3, len(self.arrays) + 1)]
        for name, array in self.arrays.items():
            data = array.tobytes()
            out += [text(name), struct.pack("<B", array.ndim), struct.pack(f"<{array.ndim}I", *array.shape),
                    struct.pack("<BI", 4, len(data)), data]
        out += [text("encoder/num_heads"), struct.pack("<B", 0), struct.pack("<BI", 2, 2), struct.pack("<h", 1)]
        return b"".join(out)


def ctranslate2_whisper(layers=4, width=64, vocabulary=51865):
    """A Whisper of the size tiny, but narrow."""
    model = _CTranslate2()
    model.add("encoder/conv1/weight", width, 80, 3)
    model.add("encoder/conv1/bias", width)
    model.add("encoder/conv2/weight", width, width, 3)
    model.add("encoder/conv2/bias", width)
    model.add("encoder/position_encodings/encodings", 1500, width)
    model.add_norm("encoder/layer_norm", width)
    model.add("decoder/position_encodings/encodings", 448, width)
    model.add("decoder/embeddings/weight", vocabulary, width)
    model.add_norm("decoder/layer_norm", width)
    for side in ("encoder", "decoder"):
        for layer in range(layers):
            _add_layer(model, f"{side}/layer_{layer}", width, side == "decoder")
    return model


def _add_layer(model, name, width, has_cross_attention):
    model.add_linear(f"{name}/self_attention/linear_0", 3 * width, width)
    model.add_linear(f"{name}/self_attention/linear_1", width, width)
    model.add_norm(f"{name}/self_attention/layer_norm", width)
    if has_cross_attention:
        model.add_linear(f"{name}/attention/linear_0", width, width)
        model.add_linear(f"{name}/attention/linear_1", 2 * width, width)
        model.add_linear(f"{name}/attention/linear_2", width, width)
        model.add_norm(f"{name}/attention/layer_norm", width)
    model.add_linear(f"{name}/ffn/linear_0", 4 * width, width)
    model.add_linear(f"{name}/ffn/linear_1", width, 4 * width)
    model.add_norm(f"{name}/ffn/layer_norm", width)


def write_ctranslate2(folder, **shape):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_bytes(ctranslate2_whisper(**shape).data())
    (folder / "vocabulary.json").write_text(json.dumps(["a", "Ġb", "<|endoftext|>", "<|startoftranscript|>"]))
    return folder


# ---- archives and packages ----

def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_of(files, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def files_in(folder):
    """{path below: bytes}"""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


class Package:
    """A package of one registry, with an entry for a catalogue."""

    def __init__(self, name, files, registry="pypi", version="1.0.0"):
        self.name, self.files, self.registry, self.version = name, files, registry, version

    @functools.cached_property  # archives hold the time
    def data(self):
        if self.registry == "npm":
            manifest = json.dumps({"name": self.name, "version": self.version}).encode()
            return tar_of({"package/package.json": manifest, **self.files})
        info = f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n".encode()
        return zip_of({**self.files, f"{info}/METADATA": metadata, f"{info}/RECORD": b"",
                       f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"})

    @property
    def file_name(self):
        if self.registry == "npm":
            return f"{self.name}-{self.version}.tgz"
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"

    def entry(self):
        pins = {path: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for path, data in self.files.items()}
        return {"registry": self.registry, "version": self.version, "bytes": len(self.data), "licence": "MIT", "holds": "a test",
                "files": pins}

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file_name
        path.write_bytes(self.data)
        return path


def write_catalogue(path, packages, models, sets=None):
    """models: {name: (kind, [names of packages])}"""
    table = {"packages": {package.name: package.entry() for package in packages},
             "models": {name: {"kind": kind, "does": "helps to test", "licence": "MIT", "revision": 1, "bytes": 1000, "packages": names}
                        for name, (kind, names) in models.items()}, "sets": sets or {}}
    path.write_text(json.dumps(table))
    return table


# ---- the installer ----

def install(*words, python, into, env=None, timeout_s=120):
    """Runs the program behind `airdub models install`."""
    return run([python, "-B", TOOL, "install", *words, "--into", into], timeout_s=timeout_s, env=env)


def entries(folder):
    """What somebody sees who looks into a folder of models, and what is hidden there: (names, hidden names without the lock)"""
    names = [path.name for path in Path(folder).iterdir()] if Path(folder).exists() else []
    return sorted(n for n in names if not n.startswith(".")), sorted(n for n in names if n.startswith(".") and n != ".lock")
