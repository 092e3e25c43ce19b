"""VITS voices for sherpa-onnx: Piper's get the tokens.txt and the description that Piper keeps in a .onnx.json; those that
sherpa-onnx publishes (Piper, Coqui, MMS) have both."""

import json
import re
from pathlib import Path

from models import onnxmeta
from models.problem import CORRUPT, INVALID_ARGUMENT, UNSUPPORTED, Problem

_CONFIG_BYTES_MAX = 1 << 20
_SPEAKERS_MAX = 2048
_NEEDED = ("model_type", "n_speakers", "sample_rate")  # sherpa-onnx ends the program without them
_LANGUAGE_IN_NAME = re.compile(r"^(?:vits-)?(?:piper-|coqui-|mimic3-)?([a-z]{2})_[A-Z]{2}\b|^vits-(?:piper-|coqui-|mimic3-)?([a-z]{2})\b"
                               r"|^(?:vits-)?mms-(?:tts-)?([a-z]{3})\b")


def read_config(path):
    """Piper's .onnx.json."""
    if path.stat().st_size > _CONFIG_BYTES_MAX:
        raise Problem(CORRUPT, f"{path}: far too large for Piper's description of a voice")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        rate, speakers = int(config["audio"]["sample_rate"]), int(config.get("num_speakers", 1))
        if not 4000 <= rate <= 192000 or not 1 <= speakers <= _SPEAKERS_MAX or not isinstance(config["phoneme_id_map"], dict):
            raise ValueError("a number is out of bounds")
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(CORRUPT, f"{path}: not Piper's description of a voice ({error}); fetch the .onnx.json that belongs to "
                               "the .onnx") from None
    if config.get("phoneme_type", "espeak") != "espeak":
        raise Problem(UNSUPPORTED, f"{path}: the voice reads {config['phoneme_type']}, not eSpeak NG's phonemes; take another")
    return config


def write_tokens(config, target):
    """A line for each phoneme and its number."""
    lines = [f"{phoneme} {numbers[0]}\n" for phoneme, numbers in config["phoneme_id_map"].items()]
    target.write_text("".join(lines), encoding="utf-8")


def piper_metadata(config):
    return {"model_type": "vits", "comment": "piper", "language": config.get("language", {}).get("name_english", ""),
            "voice": config["espeak"]["voice"], "has_espeak": 1, "n_speakers": config.get("num_speakers", 1),
            "sample_rate": config["audio"]["sample_rate"]}


def complete_piper(onnx):
    """Writes what is missing beside and into a Piper voice's .onnx."""
    config_path = onnx.with_name(onnx.name + ".json")
    if not config_path.exists():
        return
    config = read_config(config_path)
    try:
        if not (onnx.parent / "tokens.txt").exists():
            write_tokens(config, onnx.parent / "tokens.txt")
        if "n_speakers" not in onnxmeta.read(onnx):
            onnxmeta.append(onnx, piper_metadata(config))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Problem(CORRUPT, f"{config_path}: not Piper's description of a voice ({error})") from None


def language_in_name(name):
    """"vits-piper-es_ES-davefx-medium" is es, "vits-mms-spa" spa; None where a name tells nothing."""
    match = _LANGUAGE_IN_NAME.match(name)
    return next(filter(None, match.groups()), None) if match else None


def _language(config, metadata, names, wanted):
    """As a code. What the user says counts, then Piper, then eSpeak NG's voice, then the names."""
    said = [wanted, config.get("language", {}).get("code"), config.get("espeak", {}).get("voice"), metadata.get("voice"),
            *map(language_in_name, names), metadata.get("language")]
    for code in filter(None, said):
        if re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]+)*", code):
            return re.split("[-_]", code)[0]
    raise Problem(INVALID_ARGUMENT, f"{names[0]}: which language the voice speaks is not written anywhere; say it: --language es")


def _speakers(config, count, name):
    """One name for each speaker's number; a voice that is alone is called as its model."""
    if count == 1:
        return [name]
    by_number = {number: speaker for speaker, number in config.get("speaker_id_map", {}).items()}
    return [str(by_number.get(number, number)) for number in range(count)]


def describe(onnx, name, source_names=(), language=None):
    """onnx: in a folder that is complete; name: the model's."""
    config_path = onnx.with_name(onnx.name + ".json")
    config, metadata = read_config(config_path) if config_path.exists() else {}, onnxmeta.read(onnx)
    missing = [key for key in _NEEDED if key not in metadata]
    if missing or not (onnx.parent / "tokens.txt").exists():
        raise Problem(UNSUPPORTED, f"{onnx.name} lacks {', '.join(missing) or 'tokens.txt'}: neither a Piper voice with its .onnx.json, "
                                   "nor one that sherpa-onnx publishes")
    letters = metadata.get("frontend") == "characters"
    code = _language(config, metadata, [name, *source_names], language)
    espeak = config.get("espeak", {}).get("voice") or metadata.get("voice") or code
    try:
        count, rate = int(metadata["n_speakers"]), int(metadata["sample_rate"])
        voices = _speakers(config, min(max(count, 1), _SPEAKERS_MAX), name)
    except (ValueError, TypeError, AttributeError):
        raise Problem(CORRUPT, f"{onnx.name}: its description makes no sense; fetch it again") from None
    spoken = code if letters else espeak
    return {"kind": "vits", "file": onnx.name, "rate_hz": rate, "languages": [code],
            "voices": [{"name": voice, "language": spoken, "gender": ""} for voice in voices],
            **({"reads_letters": True} if letters else {"espeak_voice": espeak})}


def build(files, out, name):
    """files: a Piper voice's .onnx and .onnx.json, which are moved."""
    for path in files:
        path.rename(out / path.name)
    onnx = out / next(path.name for path in files if path.suffix == ".onnx")
    complete_piper(onnx)
    return describe(onnx, name)


def find_onnx(folder):
    """The one .onnx of a folder; model.onnx where it is one of several."""
    found = sorted(Path(folder).glob("*.onnx"))
    if (Path(folder) / "model.onnx") in found:
        return Path(folder) / "model.onnx"
    if len(found) != 1:
        raise Problem(INVALID_ARGUMENT, f"{folder}: holds {len(found)} .onnx files; give the voice a folder of its own")
    return found[0]
