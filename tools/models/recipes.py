"""How each kind of model of the catalogue is made of its packages' files."""

from models import kokoro, vad, vits, whisper


def modules_needed(kind):
    """Of Python, beyond its own."""
    return {"whisper": ("numpy",), "kokoro": ("numpy", "onnx")}.get(kind, ())


def build(model, files, out):
    """files: paths in the catalogue's order, in a folder for each package; they may be moved or changed. Returns what
    model.json says of the model itself."""
    if model.kind == "whisper":
        weights = [path for path in files if path.name.startswith("model.bin")]
        vocabulary, = (path for path in files if path.name.startswith("vocabulary"))
        return whisper.build(weights, vocabulary, out, model.name)
    if model.kind == "kokoro":
        parts = [path for path in files if path.name == "part.bin"]
        vocabulary, = (path for path in files if path.name == "vocab.json")
        voices = [path for path in files if path not in parts and path != vocabulary]
        return kokoro.build(parts, vocabulary, voices, out)
    if model.kind == "vits":
        return vits.build(files, out, model.name)
    return vad.build(files, out)
