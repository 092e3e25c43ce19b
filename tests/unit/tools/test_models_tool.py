"""The parts of the installer of models (tools/models): formats read and written, quantisation done and undone."""

import io
import json
import random
import re
import struct
import sys
import tarfile
import zipfile

import numpy
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from models import ctranslate2, fetch, kokoro, onnxmeta, vits, whisper
from models.archive import Archive
from models.catalogue import Catalogue
from models.problem import CORRUPT, UNSUPPORTED, Problem
from support.model_files import (ROOT, ctranslate2_whisper, downloads_folder, install, models_folder, tar_of, write_ctranslate2, write_onnx,
                                 zip_of)


def refused(call, *arguments):
    """The Problem that a call ends with."""
    with pytest.raises(Problem) as caught:
        call(*arguments)
    return caught.value


# ---- the catalogue ----

def test_catalogue():
    catalogue = Catalogue()
    assert set(catalogue.sets["default"]) == {"whisper-tiny.en", "kokoro"} and set(catalogue.sets["all"]) == set(catalogue.models)
    for model in catalogue.models.values():
        assert model.kind in ("whisper", "vits", "kokoro", "vad") and model.licence and model.does and model.packages
        for package in model.packages:
            assert package.registry in ("pypi", "npm") and package.licence and package.bytes > 10_000
            assert all(re.fullmatch("[0-9a-f]{64}", member.sha256) and member.bytes > 0 for member in package.files)
    languages = {kokoro.voice_of(member.path.split("/")[-1][:-4])["language"]
                 for package in catalogue.models["kokoro"].packages if package.registry == "npm" for member in package.files}
    assert languages == {"es", "en-us", "en-gb", "fr", "hi", "it", "pt-br"}  # those that eSpeak NG can make phonemes for


def test_choose():
    catalogue = Catalogue()
    assert catalogue.choose(["kokoro", "default", "x"]) == ["kokoro", "whisper-tiny.en", "x"]
    assert refused(catalogue.find, "x").status == 2


def test_requirements_are_those_of_the_checkout():
    def pins(path):
        return {line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")}

    assert pins("tools/models/requirements.txt") <= pins("tools/deps/requirements.txt")


# ---- archives ----

def test_archive(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of({"x/a": b"abc", "y": b""}))
    with Archive(path) as archive:
        assert archive.sizes == {"x/a": 3, "y": 0}
        digest = archive.extract("x/a", tmp_path / "out", 3)
    assert (tmp_path / "out").read_bytes() == b"abc" and digest.startswith("ba7816bf")


def test_archive_with_links_and_devices(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            entry = tarfile.TarInfo(f"entry-{kind!r}")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        archive.addfile(tarfile.TarInfo("file"), io.BytesIO())
    (tmp_path / "a.tgz").write_bytes(out.getvalue())
    with Archive(tmp_path / "a.tgz") as archive:
        assert list(archive.sizes) == ["file"]


def test_archive_that_unfolds(tmp_path):
    """What its directory says of a file's size is not believed."""
    data = bytearray(zip_of({"a": bytes(1 << 20)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24:at + 28] = struct.pack("<I", 10)  # the size in the directory
    (tmp_path / "a.zip").write_bytes(data)
    with Archive(tmp_path / "a.zip") as archive:
        assert archive.sizes == {"a": 10}
        assert refused(archive.extract, "a", tmp_path / "out", 10).status == CORRUPT


def test_archive_with_very_many_entries(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(20_001):
            archive.writestr(str(i), b"")
    assert "entries" in str(refused(Archive, tmp_path / "a.zip"))


def test_archive_of_rubbish(tmp_path):
    """Changed anywhere, it is read or refused, and nothing else happens."""
    rng = random.Random(4)
    for suffix, good in ((".zip", zip_of({"a": b"abc" * 100, "b": b"x"})), (".tgz", tar_of({"a": b"abc" * 100})),
                         (".tar.bz2", tar_of({"a": b"abc" * 100}, "w:bz2"))):
        for i in range(150):
            data = bytearray(good[:rng.randrange(len(good))] if i % 3 == 0 else good)
            for _ in range(rng.randrange(1, 8)):
                if data:
                    data[rng.randrange(len(data))] = rng.randrange(256)
            path = tmp_path / f"{i}{suffix}"
            path.write_bytes(data)
            try:
                with Archive(path) as archive:
                    for member in archive.sizes:
                        archive.extract(member, tmp_path / f"out-{i}{suffix}-{abs(hash(member))}", 10_000)
            except Problem as problem:
                assert problem.status == CORRUPT


# ---- the description in an ONNX file ----

def test_onnx_description(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", {"one": "1", "two": "zwei é"})
    assert onnxmeta.read(path) == {"one": "1", "two": "zwei é"}
    onnxmeta.append(path, {"three": 3, "long": "x" * 5000})
    assert onnxmeta.read(path) == {"one": "1", "two": "zwei é", "three": "3", "long": "x" * 5000}
    model = onnx.load(path)
    assert {entry.key: entry.value for entry in model.metadata_props} == onnxmeta.read(path)
    assert ReferenceEvaluator(model).run(None, {"x": numpy.ones(1, numpy.float32)})[0] == [1]


def test_onnx_description_of_rubbish(tmp_path):
    rng, good = random.Random(5), write_onnx(tmp_path / "good.onnx", {"one": "1"}).read_bytes()
    for i in range(400):
        data = bytearray(good[:rng.randrange(len(good))] if i % 3 == 0 else good)
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(min(len(data), 60)) if i % 2 else rng.randrange(len(data))] = rng.randrange(256)
        path = tmp_path / "a.onnx"
        path.write_bytes(data)
        try:
            assert isinstance(onnxmeta.read(path), dict)
        except Problem as problem:
            assert problem.status == CORRUPT


def test_onnx_description_is_bounded(tmp_path):
    path = write_onnx(tmp_path / "a.onnx")
    onnxmeta.append(path, {"key": "x" * (2 << 20)})
    assert "more than a megabyte" in str(refused(onnxmeta.read, path))
    path.write_bytes(b"\x08\x01" * 150_000)
    assert "too many parts" in str(refused(onnxmeta.read, path))


# ---- names of languages ----

LANGUAGES = {"vits-piper-es_ES-davefx-medium": "es", "vits-mms-spa": "spa", "mms-tts-fra": "fra", "vits-coqui-es-css10": "es",
             "es_MX-claude-high.onnx": "es", "vits-mimic3-es_ES-m": "es", "my-voice": None, "vits-ljs": None, "kokoro": None}


@pytest.mark.parametrize("name", LANGUAGES)
def test_language_in_name(name):
    assert vits.language_in_name(name) == LANGUAGES[name]


# ---- Whisper ----

def unpack_q8_0(data, shape):
    blocks = numpy.frombuffer(data, numpy.uint8).reshape(-1, 34)
    scale = blocks[:, :2].copy().view("<f2").astype(numpy.float32)
    return (blocks[:, 2:].view(numpy.int8) * scale).reshape(shape)


def test_q8_0():
    matrix = numpy.random.default_rng(1).normal(size=(20, 64)).astype(numpy.float32)
    matrix[3] = 0
    again = unpack_q8_0(whisper.q8_0(matrix), matrix.shape)
    steps = numpy.abs(matrix).reshape(-1, 32).max(axis=1, keepdims=True) / 127
    assert (numpy.abs(again - matrix).reshape(-1, 32) <= steps * 0.51 + 1e-3).all()
    assert (again[3] == 0).all()


def test_q8_0_rounds_as_ggml():
    """Halves go away from zero: one block of 127 and halves, whose scale is one."""
    block = numpy.array([127, 0.5, -0.5, 1.5, -1.5, 2.5, *[0] * 26], numpy.float32)
    assert list(unpack_q8_0(whisper.q8_0(block[None]), 32)[:6]) == [127, 1, -1, 2, -2, 3]


def test_mel_filters():
    filters = whisper.mel_filters(80)
    assert filters.shape == (80, 201) and filters.dtype == numpy.float32 and (filters >= 0).all()
    peaks = filters.argmax(axis=1)
    assert (numpy.diff(peaks) >= 0).all() and peaks[-1] < 200
    assert filters[0, 1] == pytest.approx(0.0248626, rel=1e-5)  # librosa's value, which Whisper was trained with
    areas = filters.sum(axis=1) * 40  # Hz a bin
    assert areas[40:] == pytest.approx(numpy.ones(40), rel=0.08)  # a few bins each: the area is not exact


def test_vocabulary(tmp_path):
    (tmp_path / "v.txt").write_text("!\nĠthe\nÃ©\nĊ\n<|endoftext|>\n<|notimestamps|>", encoding="utf-8")
    (tmp_path / "v.json").write_text(json.dumps(["!", "Ġthe", "Ã©", "Ċ", "<|endoftext|>", "x"]))
    for name in ("v.txt", "v.json"):
        assert whisper.read_vocabulary(tmp_path / name) == [b"!", b" the", "é".encode(), b"\n"]
    (tmp_path / "bad.txt").write_text("!\nthe")
    assert refused(whisper.read_vocabulary, tmp_path / "bad.txt").status == CORRUPT


def read_ggml(path):
    """(header, tokens, {name: (type, shape, bytes)}), as whisper.cpp reads it"""
    file = io.BytesIO(path.read_bytes())

    def numbers(count):
        return struct.unpack(f"<{count}i", file.read(4 * count))

    header = numbers(12)
    rows, columns = numbers(2)
    file.read(4 * rows * columns)
    tokens = [file.read(numbers(1)[0]) for _ in range(numbers(1)[0])]
    arrays = {}
    while (head := file.read(12)):
        rank, length, kind = struct.unpack("<3i", head)
        shape = numbers(rank)[::-1]
        name = file.read(length).decode()
        count = int(numpy.prod(shape))
        arrays[name] = (kind, shape, file.read({0: 4 * count, 1: 2 * count, 8: count // 32 * 34}[kind]))
    return header, tokens, arrays


def test_convert(tmp_path):
    model = ctranslate2_whisper(vocabulary=51864)
    folder = write_ctranslate2(tmp_path / "c", vocabulary=51864)
    whisper.convert(folder / "model.bin", folder / "vocabulary.json", tmp_path / "out.bin")
    header, tokens, arrays = read_ggml(tmp_path / "out.bin")
    assert header == (whisper.MAGIC, 51864, 1500, 64, 1, 4, 448, 64, 1, 4, 80, 2007)
    assert tokens == [b"a", b" b"] and whisper.read_header(tmp_path / "out.bin") == ("tiny", True)
    assert len(arrays) == 8 + 3 + 4 * (2 + 7 + 2 + 4) + 4 * (2 + 7 + 2 + 4 + 2 + 7)
    fused = model.arrays["decoder/layer_2/self_attention/linear_0/weight"].astype(numpy.float32)
    kind, shape, data = arrays["decoder.blocks.2.attn.value.weight"]
    assert (kind, shape) == (8, (64, 64)) and numpy.abs(unpack_q8_0(data, shape) - fused[128:]).max() < 0.03
    cross = model.arrays["decoder/layer_3/attention/linear_1/bias"].astype("<f4")
    assert arrays["decoder.blocks.3.cross_attn.value.bias"][2] == cross[64:].tobytes()
    assert "decoder.blocks.3.cross_attn.key.bias" not in arrays and "encoder.blocks.0.cross_attn.key.weight" not in arrays
    assert arrays["encoder.conv1.bias"][:2] == (0, (64, 1)) and arrays["encoder.conv1.weight"][:2] == (1, (64, 80, 3))
    assert arrays["encoder.positional_embedding"][0] == 0 and arrays["decoder.token_embedding.weight"][0] == 8


def test_ctranslate2_of_other_models(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(ctranslate2_whisper(layers=1).data(spec="TransformerSpec"))
    assert refused(ctranslate2.read, path).status == UNSUPPORTED
    path.write_bytes(ctranslate2_whisper(layers=1).data(version=7))
    assert refused(ctranslate2.read, path).status == UNSUPPORTED


def test_ctranslate2_of_rubbish(tmp_path):
    rng, path, good = random.Random(6), tmp_path / "model.bin", ctranslate2_whisper(layers=1, vocabulary=100).data()
    for i in range(200):
        data = bytearray(good[:rng.randrange(1, len(good))] if i % 3 == 0 else good)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(min(len(data), 300))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            whisper.openai_arrays(ctranslate2.read(path))
        except (Problem, KeyError, ValueError):
            continue


# ---- Kokoro ----

def quantised_model():
    """A product of matrices and a convolution with a bias, quantised while running, as ONNX Runtime's tool makes them."""
    rng = numpy.random.default_rng(3)
    float_matrix, float_kernel = rng.normal(size=(8, 6)).astype("f"), rng.normal(size=(5, 1, 3)).astype("f")
    matrix_scale, kernel_scale = numpy.float32(abs(float_matrix).max() / 127), numpy.float32(abs(float_kernel).max() / 127)
    weights = {
        "matrix": numpy.round(float_matrix / matrix_scale).astype(numpy.int8), "matrix_scale": matrix_scale, "matrix_zero": numpy.int8(0),
        "kernel": numpy.round(float_kernel / kernel_scale).astype(numpy.int8), "kernel_scale": kernel_scale,
        "kernel_zero": numpy.int8(0), "bias": rng.normal(size=5).astype("f"), "shape": numpy.array([1, -1, 1]),
        "rows": numpy.array([1, 1, -1])}
    make = helper.make_node
    nodes = [
        make("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        make("MatMulInteger", ["xq", "matrix", "xz", "matrix_zero"], ["m_int"], name="m"),
        make("Cast", ["m_int"], ["m_float"], to=TensorProto.FLOAT),
        make("Mul", ["xs", "matrix_scale"], ["m_scale"]),
        make("Mul", ["m_float", "m_scale"], ["m"]),
        make("Reshape", ["m", "rows"], ["row"]),
        make("DynamicQuantizeLinear", ["row"], ["rq", "rs", "rz"]),
        make("ConvInteger", ["rq", "kernel", "rz", "kernel_zero"], ["c_int"], name="c", pads=[1, 1]),
        make("Mul", ["rs", "kernel_scale"], ["c_scale"]),
        make("Div", ["bias", "c_scale"], ["bias_scaled"]),
        make("Floor", ["bias_scaled"], ["bias_floor"]),
        make("Cast", ["bias_floor"], ["bias_int"], to=TensorProto.INT32),
        make("Reshape", ["bias_int", "shape"], ["bias_shaped"]),
        make("Add", ["c_int", "bias_shaped"], ["c_biased"]),
        make("Cast", ["c_biased"], ["c_float"], to=TensorProto.FLOAT),
        make("Mul", ["c_float", "c_scale"], ["y"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, 12])],
                              [onnx.numpy_helper.from_array(numpy.asarray(array), name) for name, array in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_kokoro_to_float():
    """The same results within the steps of the quantisation, of which nothing is left."""
    model = quantised_model()
    x = numpy.random.default_rng(7).normal(size=(2, 8)).astype("f")
    before, = ReferenceEvaluator(model).run(None, {"x": x})
    assert kokoro.to_float(model) == 2
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Reshape", "Conv"]
    assert {weight.name for weight in model.graph.initializer} == {"matrix_float", "kernel_float", "bias", "rows"}
    after, = ReferenceEvaluator(model).run(None, {"x": x})
    assert after.shape == before.shape and numpy.abs(after - before).max() < 0.05 * numpy.abs(before).max()
    assert numpy.abs(after - before).max() > 0  # it was quantised


def test_kokoro_of_another_kind(tmp_path):
    (tmp_path / "part.bin").write_bytes(write_onnx(tmp_path / "x.onnx").read_bytes())
    (tmp_path / "vocab.json").write_text('{"vocab": {"a": 1}}')
    (tmp_path / "ef_dora.bin").write_bytes(b"short")
    part, vocabulary, voice = (tmp_path / name for name in ("part.bin", "vocab.json", "ef_dora.bin"))
    assert refused(kokoro.build, [part], vocabulary, [voice], tmp_path).status == UNSUPPORTED
    assert refused(kokoro.write_voices, [voice], tmp_path / "voices.bin").status == CORRUPT


def test_kokoro_lstm_weights():
    """Quantised ones lie [directions, inputs, gates]; with a scale for each direction, or for each gate."""
    rng = numpy.random.default_rng(8)
    for scales in ((2, 1), (2, 12)):
        weights, scale = rng.integers(0, 255, size=(2, 5, 12)).astype(numpy.uint8), rng.random(scales).astype("f")
        zero = rng.integers(100, 140, size=scales).astype(numpy.uint8)
        arrays = {"w": weights, "s": scale.squeeze(), "z": zero.squeeze()}
        graph = helper.make_graph([], "g", [], [], [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()])
        found = kokoro._lstm_weights(kokoro._Graph(graph), "w", "s", "z")
        expected = (weights.astype("f") - zero[:, None, :].astype("f")) * scale[:, None, :]
        assert found.shape == (2, 12, 5) and found == pytest.approx(expected.transpose(0, 2, 1))


def test_voices():
    assert kokoro.voice_of("ef_dora") == {"name": "ef_dora", "language": "es", "gender": "female"}
    assert kokoro.voice_of("pm_alex") == {"name": "pm_alex", "language": "pt-br", "gender": "male"}
    assert kokoro.voice_of("af") == {"name": "af", "language": "en-us", "gender": "female"}
    assert kokoro.languages_of([kokoro.voice_of(name) for name in ("zf_x", "bm_y", "af_z", "pm_a")]) == ["zh", "en", "pt"]


# ---- downloads ----

def test_time_limit_grows_with_the_size():
    assert fetch.time_limit(0) < fetch.time_limit(100_000_000) <= 2200


def test_a_client_that_hangs_is_ended(tmp_path):
    problem = refused(fetch.run_bounded, ["sleep", "60"], tmp_path, 1000, 0.3)
    assert problem.status == 11


def test_a_client_writes_no_more_than_it_may(tmp_path):
    status, output = fetch.run_bounded(["sh", "-c", "head -c 100000 /dev/zero > big; echo done"], tmp_path, 5000, 20)
    assert (tmp_path / "big").stat().st_size <= 5000


def test_kokoro_folder_from_the_real_packages(tmp_path):
    """Converted again, the packages give what is installed, to the bit."""
    done = install("kokoro", "whisper-tiny.en", "--downloads", downloads_folder(), python=sys.executable, into=tmp_path, timeout_s=280)
    assert done.returncode == 0, done.stderr
    for name in ("kokoro", "whisper-tiny.en"):
        made, installed = (json.loads((folder / name / "model.json").read_text()) for folder in (tmp_path, models_folder()))
        assert made["files"] == installed["files"]
