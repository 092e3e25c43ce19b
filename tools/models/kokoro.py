"""Kokoro for sherpa-onnx: a folder with model.onnx, voices.bin and tokens.txt.

The package's model is quantised to int8 while running (dynamic quantisation), which sherpa-onnx's runtime computes slower than
float32: 1.08 seconds of a core for a second of speech against 0.73. So the quantisation is taken back: each product of
integers becomes one of floats, with the weights scaled once and for all."""

import json

from models.problem import CORRUPT, UNSUPPORTED, Problem

RATE_HZ = 24000
STYLE_ROWS, STYLE_WIDTH = 510, 256  # of a voice: one row for each length of text
LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt-br", "z": "cmn"}
_GENDERS = {"f": "female", "m": "male"}
_DYNAMIC_LSTM_INPUTS = 12  # of ONNX Runtime's DynamicQuantizeLSTM


# ---- taking the quantisation back ----

class _Graph:
    """An ONNX graph with the ways from an array to the node that makes it and those that read it."""

    def __init__(self, graph):
        from onnx import TensorProto, numpy_helper
        self.graph = graph
        self.weights = {weight.name: weight for weight in graph.initializer}
        self.made_by = {name: node for node in graph.node for name in node.output}
        self.readers = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self._to_array = numpy_helper.to_array
        self._float32 = TensorProto.FLOAT

    def array(self, name):
        import numpy
        return self._to_array(self.weights[name]).astype(numpy.float32)

    def add_weight(self, name, array):
        import numpy
        if name not in self.weights:
            self.weights[name] = weight = self.graph.initializer.add()  # in its place: a copy would be another 300 MB
            weight.name, weight.data_type = name, self._float32
            weight.dims.extend(array.shape)
            weight.raw_data = numpy.ascontiguousarray(array, "<f4").tobytes()
        return name

    def reader(self, name, kind):
        """The one node that reads an array."""
        node = self.readers[name][0]
        if node.op_type != kind:
            raise KeyError(f"{name} is read by {node.op_type}, not by {kind}")
        return node

    def other_input(self, node, name):
        return next(i for i in node.input if i != name)


def _column(array, rank):
    """A value for each output channel, beside weights of so many dimensions."""
    return array.reshape(-1, *[1] * (rank - 1)) if array.size > 1 else array


def _float_bias(graph, add, product):
    """The bias was divided by a scale, rounded and shaped on its way here: the array it began as."""
    node = graph.made_by[graph.other_input(add, product)]
    while node.op_type != "Div":
        node = graph.made_by[node.input[0]]
    return node.input[0]


def _float_product(graph, node):
    """ConvInteger or MatMulInteger, Add of a bias, Cast and Mul with the scales become one node: (its last node, the new one)."""
    from onnx import helper
    quantise = graph.made_by[node.input[0]]
    following, bias = graph.readers[node.output[0]][0], []
    if following.op_type == "Add":
        bias = [_float_bias(graph, following, node.output[0])]
        cast = graph.reader(following.output[0], "Cast")
    else:
        cast = graph.reader(node.output[0], "Cast")
    scaled = graph.reader(cast.output[0], "Mul")
    scales = graph.made_by[graph.other_input(scaled, cast.output[0])]
    scale = graph.array(next(name for name in scales.input if name in graph.weights))
    weights = graph.array(node.input[1])
    zero = graph.array(node.input[3]) if len(node.input) > 3 and node.input[3] else 0
    if node.op_type == "ConvInteger":
        scale, zero = _column(scale, weights.ndim), zero if isinstance(zero, int) else _column(zero, weights.ndim)
    name = graph.add_weight(f"{node.input[1]}_float", (weights - zero) * scale)
    new = helper.make_node(node.op_type.removesuffix("Integer"), [quantise.input[0], name, *bias], list(scaled.output),
                           name=f"{node.name}_float")
    new.attribute.extend(node.attribute)
    return scaled, new


def _lstm_weights(graph, weight, scale, zero):
    """The quantised ones lie the other way round."""
    weights, scale, zero = (graph.array(name) for name in (weight, scale, zero))

    def beside(array):
        return array.reshape(-1, 1, 1) if array.size == weights.shape[0] else array.reshape(weights.shape[0], 1, -1)

    return ((weights - beside(zero)) * beside(scale)).transpose(0, 2, 1)


def _float_lstm(graph, node):
    from onnx import helper
    inputs = [*node.input, *[""] * (_DYNAMIC_LSTM_INPUTS - len(node.input))]
    input_weights = graph.add_weight(f"{inputs[1]}_float", _lstm_weights(graph, inputs[1], inputs[8], inputs[9]))
    state_weights = graph.add_weight(f"{inputs[2]}_float", _lstm_weights(graph, inputs[2], inputs[10], inputs[11]))
    new = helper.make_node("LSTM", [inputs[0], input_weights, state_weights, *inputs[3:8]], list(node.output), name=f"{node.name}_float")
    new.attribute.extend(node.attribute)
    return node, new


def _without_unused(nodes, outputs):
    """From the end to the beginning: a node stays where somebody reads what it makes."""
    used, kept = set(outputs), []
    for node in reversed(nodes):
        if any(name in used for name in node.output):
            kept.append(node)
            used.update(node.input)
    return kept[::-1], used


def to_float(model):
    """Replaces the quantised products and LSTMs of an ONNX model; returns how many."""
    graph, replaced = _Graph(model.graph), {}
    for node in model.graph.node:
        if node.op_type == "DynamicQuantizeLSTM":
            old, new = _float_lstm(graph, node)
        elif node.op_type in ("ConvInteger", "MatMulInteger") and node.input[1] in graph.weights:
            old, new = _float_product(graph, node)
        else:
            continue
        replaced[id(old)] = new
    nodes, used = _without_unused([replaced.get(id(node), node) for node in model.graph.node],
                                  [output.name for output in model.graph.output])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    for index in reversed(range(len(model.graph.initializer))):
        if model.graph.initializer[index].name not in used:
            del model.graph.initializer[index]
    return len(replaced)


# ---- the folder ----

def voice_of(name):
    """{name, language, gender} as Kokoro's names tell: "ef_dora" speaks Spanish and is a woman."""
    return {"name": name, "language": LANGUAGES.get(name[:1], "en"), "gender": _GENDERS.get(name[1:2], "")}


def languages_of(voices):
    """ISO 639-1, in the order of the voices."""
    codes = ["zh" if voice["language"] == "cmn" else voice["language"].split("-")[0] for voice in voices]
    return list(dict.fromkeys(codes))


def describe(names, file="model.onnx"):
    voices = [voice_of(name) for name in names]
    return {"kind": "kokoro", "file": file, "rate_hz": RATE_HZ, "languages": languages_of(voices), "voices": voices}


def _metadata(names):
    """What sherpa-onnx reads from the model. Version 1: it is given phonemes, and needs no lexicon."""
    return {"model_type": "kokoro", "language": "multi-lang", "has_espeak": 1, "sample_rate": RATE_HZ, "version": 1, "voice": "es",
            "style_dim": f"{STYLE_ROWS},1,{STYLE_WIDTH}", "n_speakers": len(names), "speaker_names": ",".join(names),
            "maintainer": "airdub"}


def write_voices(paths, target):
    with open(target, "xb") as out:
        for path in paths:
            data = path.read_bytes()
            if len(data) != STYLE_ROWS * STYLE_WIDTH * 4:
                raise Problem(CORRUPT, f"{path}: not a voice of Kokoro; fetch it again")
            out.write(data)


def write_tokens(vocabulary, target):
    lines = ["$ 0\n", *(f"{token} {number}\n" for token, number in sorted(vocabulary.items(), key=lambda item: item[1]))]
    target.write_text("".join(lines), encoding="utf-8")


def _write_model(parts, names, target):
    import onnx
    model = onnx.load_from_string(b"".join(path.read_bytes() for path in parts))
    try:
        count = to_float(model)
    except (KeyError, StopIteration, IndexError, ValueError) as error:
        raise Problem(UNSUPPORTED, f"this Kokoro is quantised in a way that is not known ({error})") from None
    if count == 0:
        raise Problem(UNSUPPORTED, "this Kokoro is not quantised as the package's is")
    for key, value in _metadata(names).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(model, target)


def build(parts, vocabulary, voices, out):
    """parts: of the quantised model, in their order; vocabulary: vocab.json; voices: files called as the voices are."""
    names = [path.stem for path in voices]
    _write_model(parts, names, out / "model.onnx")
    write_voices(voices, out / "voices.bin")
    write_tokens(json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"], out / "tokens.txt")
    return describe(names)
