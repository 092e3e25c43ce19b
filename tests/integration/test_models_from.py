"""`airdub models install NAME --from …`: models that a user has, in each form in which they come."""

import hashlib
import http.server
import json
import os
import ssl
import struct
import subprocess
import sys
import threading

import pytest

from support.cli import assert_one_line
from support.model_files import (Package, entries, files_in, install, piper_config, tar_of, write_catalogue, write_ctranslate2, write_ggml,
                                 write_kokoro, write_onnx, write_piper, write_sherpa_vits, zip_of)

PYTHON = sys.executable


@pytest.fixture
def into(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def take(into):
    """take(source, name="mine", …): what model.json says then."""

    def take_it(source, name="mine", *words, **more):
        done = install(name, "--from", source, *words, python=PYTHON, into=into, **more)
        assert done.returncode == 0, done.stderr
        assert entries(into)[1] == []
        return json.loads((into / name / "model.json").read_text())

    return take_it


@pytest.fixture
def refuse(into):
    def refuse_it(source, status, says, *words, **more):
        done = install("mine", "--from", source, *words, python=PYTHON, into=into, **more)
        assert_one_line(done, status, says)
        assert entries(into) == ([], [])

    return refuse_it


# ---- Whisper ----

def test_ggml(take, tmp_path, into):
    found = take(write_ggml(tmp_path / "ggml-base.bin"))
    assert (found["kind"], found["file"], found["languages"], found["rate_hz"]) == ("whisper", "ggml-base.bin", [], 16000)
    assert take(write_ggml(tmp_path / "ggml-tiny.en.bin", english=True, layers=4), "english")["languages"] == ["en"]
    assert entries(into)[0] == ["english", "mine"]
    assert (tmp_path / "ggml-base.bin").exists()


def test_ggml_under_another_name(take, tmp_path):
    assert take(write_ggml(tmp_path / "my-model.bin"))["file"] == "ggml-my-model.bin"


def test_ggml_in_a_folder(take, tmp_path):
    write_ggml(tmp_path / "w/ggml-base.bin")
    (tmp_path / "w/README.md").write_text("x")
    assert take(tmp_path / "w")["file"] == "ggml-base.bin"


def test_ggml_as_a_model_of_the_catalogue(take, tmp_path):
    """A user's own file under the catalogue's name."""
    found = take(write_ggml(tmp_path / "ggml-base.bin"), "whisper-base")
    assert found["kind"] == "whisper" and "revision" not in found


def test_ctranslate2(take, tmp_path, into):
    found = take(write_ctranslate2(tmp_path / "faster-whisper-tiny"))
    assert found["kind"] == "whisper" and found["file"] == "ggml-mine-q8_0.bin" and found["languages"] == []
    header = struct.unpack("<12i", (into / "mine/ggml-mine-q8_0.bin").read_bytes()[:48])
    assert header == (0x67676D6C, 51865, 1500, 64, 1, 4, 448, 64, 1, 4, 80, 2007)


# ---- voices ----

def test_piper_folder(take, tmp_path, into):
    write_piper(tmp_path / "p")
    found = take(tmp_path / "p")
    assert found["kind"] == "vits" and found["file"] == "es_MX-test-low.onnx" and found["rate_hz"] == 22050
    assert found["languages"] == ["es"] and found["espeak_voice"] == "es-419"
    assert found["voices"] == [{"name": "mine", "language": "es-419", "gender": ""}]
    tokens = (into / "mine/tokens.txt").read_text(encoding="utf-8").splitlines()
    assert tokens == ["_ 0", "^ 1", "$ 2", "  3", "a 4", "ˈ 5"]
    import onnx
    described = {entry.key: entry.value for entry in onnx.load(into / "mine/es_MX-test-low.onnx").metadata_props}
    assert described == {"model_type": "vits", "comment": "piper", "language": "Spanish", "voice": "es-419", "has_espeak": "1",
                         "n_speakers": "1", "sample_rate": "22050"}


def test_piper_file(take, tmp_path):
    """The .onnx.json beside it is taken too."""
    path = write_piper(tmp_path / "p", speakers=3)
    write_piper(tmp_path / "p", name="other.onnx")
    found = take(path)
    assert [voice["name"] for voice in found["voices"]] == ["voice0", "voice1", "voice2"]
    assert sorted(found["files"]) == ["es_MX-test-low.onnx", "es_MX-test-low.onnx.json", "tokens.txt"]


def test_sherpa_folders(take, tmp_path):
    write_sherpa_vits(tmp_path / "vits-mms-spa", comment="mms", frontend="characters", language="spa")
    write_sherpa_vits(tmp_path / "vits-coqui-es-css10", comment="coqui", frontend="characters", sample_rate=22050)
    write_sherpa_vits(tmp_path / "vits-coqui-en-ljspeech", comment="coqui", voice="en-us")
    mms, letters, phonemes = (take(tmp_path / name, name) for name in ("vits-mms-spa", "vits-coqui-es-css10", "vits-coqui-en-ljspeech"))
    assert mms["languages"] == ["spa"] and mms["reads_letters"] and mms["rate_hz"] == 16000
    assert letters["languages"] == ["es"] and letters["reads_letters"] and letters["rate_hz"] == 22050
    assert phonemes["languages"] == ["en"] and phonemes["espeak_voice"] == "en-us" and "reads_letters" not in phonemes


def test_language_that_is_not_written_anywhere(take, refuse, tmp_path):
    write_sherpa_vits(tmp_path / "some")
    refuse(tmp_path / "some", 2, "--language es")
    found = take(tmp_path / "some", "mine", "--language", "es")
    assert found["languages"] == ["es"] and found["espeak_voice"] == "es"


def test_kokoro(take, tmp_path):
    write_kokoro(tmp_path / "k")
    found = take(tmp_path / "k")
    assert found["kind"] == "kokoro" and found["languages"] == ["es", "en"] and found["rate_hz"] == 24000
    assert found["voices"] == [{"name": "ef_dora", "language": "es", "gender": "female"},
                               {"name": "bm_daniel", "language": "en-gb", "gender": "male"}]


def test_kokoro_as_published(take, tmp_path):
    write_kokoro(tmp_path / "k", ("zf_xiaoyi", "pm_alex"), id2speaker="0->zf_xiaoyi,1->pm_alex")
    found = take(tmp_path / "k")
    assert [voice["name"] for voice in found["voices"]] == ["zf_xiaoyi", "pm_alex"] and found["languages"] == ["zh", "pt"]


# ---- archives and URLs ----

ARCHIVES = {".zip": zip_of, ".tar.gz": tar_of, ".tgz": tar_of, ".tar.bz2": lambda files: tar_of(files, "w:bz2"),
            ".tar.xz": lambda files: tar_of(files, "w:xz")}


@pytest.mark.parametrize("suffix", ARCHIVES)
def test_archive(suffix, take, tmp_path, into):
    """As sherpa-onnx publishes them: a folder with the model, and data of eSpeak NG below that nobody needs."""
    write_piper(tmp_path / "p")
    files = {f"vits-piper-es_MX-test/{name}": data for name, data in files_in(tmp_path / "p").items()}
    files["vits-piper-es_MX-test/espeak-ng-data/es_dict"] = b"x" * 1000
    files["vits-piper-es_MX-test/MODEL_CARD"] = b"licence: CC0"
    path = tmp_path / f"voice{suffix}"
    path.write_bytes(ARCHIVES[suffix](files))
    assert take(path)["languages"] == ["es"]
    assert sorted(p.name for p in (into / "mine").iterdir()) == ["MODEL_CARD", "es_MX-test-low.onnx", "es_MX-test-low.onnx.json", "model.json",
                                                                 "tokens.txt"]


def test_archive_of_two_models(refuse, tmp_path):
    path = tmp_path / "two.zip"
    path.write_bytes(zip_of({"a/x.onnx": b"x", "b/y.onnx": b"y"}))
    refuse(path, 2, "2 models")


def test_archive_that_reaches_out(refuse, tmp_path):
    """Paths are never used: what they name lands nowhere."""
    (tmp_path / "source").mkdir()
    path = tmp_path / "source/evil.tar.gz"
    path.write_bytes(tar_of({"../../outside.onnx": b"x" * 2000, "../../outside.onnx.json": b"{}"}))
    refuse(path, 6, "outside.onnx.json")
    assert not list(tmp_path.parent.rglob("outside.onnx"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder


class Site:
    """Serves files over HTTPS on localhost; redirects: {path: location}"""

    def __init__(self, certificate, files, redirects=None):
        site = self
        self.files, self.redirects, self.cut = files, redirects or {}, None

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):  # noqa: N802
                if self.path in site.redirects:
                    self.send_response(302)
                    self.send_header("Location", site.redirects[self.path])
                    self.end_headers()
                elif self.path in site.files:
                    data = site.files[self.path]
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[:site.cut])
                else:
                    self.send_error(404)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        self.server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.env = {"SSL_CERT_FILE": str(certificate / "cert.pem"), "https_proxy": "", "HTTPS_PROXY": "", "no_proxy": "localhost"}
        self.url = f"https://localhost:{self.server.server_port}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


@pytest.fixture
def voice(tmp_path):
    write_piper(tmp_path / "p")
    return zip_of(files_in(tmp_path / "p"))


def test_url(take, certificate, voice):
    with Site(certificate, {"/a/voice.zip": voice}, {"/moved/voice.zip": "/a/voice.zip"}) as site:
        for path in ("/a/voice.zip?download=true", "/moved/voice.zip"):
            site.files["/a/voice.zip?download=true"] = voice
            found = take(site.url + path, "mine", env=site.env)
            assert found["kind"] == "vits" and found["sources"] == [site.url + path]


def test_url_of_one_file(take, certificate, tmp_path):
    data = write_ggml(tmp_path / "x.bin").read_bytes()[:60_000_000]
    with Site(certificate, {"/ggml-base.bin": data}) as site:
        assert take(f"{site.url}/ggml-base.bin", env=site.env)["file"] == "ggml-base.bin"


def test_url_that_fails(refuse, certificate, voice):
    with Site(certificate, {"/voice.zip": voice}, {"/down.zip": "http://localhost/voice.zip"}) as site:
        refuse(f"{site.url}/missing.zip", 3, "404", env=site.env)
        refuse(f"{site.url}/down.zip", 2, "only https://", env=site.env)
        refuse(f"{site.url}/", 2, "must end in a file's name", env=site.env)
        refuse(f"{site.url}/voice.zip", 10, "certificate", env={**site.env, "SSL_CERT_FILE": ""})
        site.cut = 300
        refuse(f"{site.url}/voice.zip", 10, "broke off", env=site.env)
    refuse(f"{site.url}/voice.zip", 10, "refused", env=site.env)


def test_url_larger_than_the_disk(certificate, small_disk):
    with Site(certificate, {"/voice.zip": os.urandom(1 << 20)}) as site:
        done = install("mine", "--from", f"{site.url}/voice.zip", python=PYTHON, into=small_disk / "m", env=site.env)
    assert done.returncode in (6, 8), done.stderr
    assert "free some space" in done.stderr
    assert entries(small_disk / "m") == ([], [])


def test_sha256(take, refuse, tmp_path, voice):
    path = tmp_path / "voice.zip"
    path.write_bytes(voice)
    refuse(path, 6, "SHA-256", "--sha256", "0" * 64)
    refuse(tmp_path / "p", 2, "--sha256", "--sha256", "0" * 64)
    assert take(path, "mine", "--sha256", hashlib.sha256(voice).hexdigest().upper())


# ---- what cannot be used ----

def spoil(folder, edit):
    path = folder / "es_MX-test-low.onnx.json"
    config = piper_config()
    edit(config)
    path.write_text(json.dumps(config))


SPOILT = {
    "no-rate": (lambda p: spoil(p, lambda c: c.pop("audio")), 6, "not Piper's description"),
    "no-phonemes": (lambda p: spoil(p, lambda c: c.pop("phoneme_id_map")), 6, "not Piper's description"),
    "phonemes-empty": (lambda p: spoil(p, lambda c: c.update(phoneme_id_map={"a": []})), 6, "not Piper's description"),
    "phonemes-are-text": (lambda p: spoil(p, lambda c: c.update(phoneme_id_map="abc")), 6, "out of bounds"),
    "no-espeak": (lambda p: spoil(p, lambda c: c.pop("espeak")), 6, "not Piper's description"),
    "reads-text": (lambda p: spoil(p, lambda c: c.update(phoneme_type="text")), 4, "phonemes"),
    "million-speakers": (lambda p: spoil(p, lambda c: c.update(num_speakers=10**6)), 6, "out of bounds"),
    "not-json": (lambda p: (p / "es_MX-test-low.onnx.json").write_text("{"), 6, "not Piper's description"),
    "not-utf8": (lambda p: (p / "es_MX-test-low.onnx.json").write_bytes(b"\xff\xfe"), 6, "not Piper's description"),
    "no-json": (lambda p: (p / "es_MX-test-low.onnx.json").unlink(), 4, "neither a Piper voice"),
    "not-onnx": (lambda p: (p / "es_MX-test-low.onnx").write_bytes(b"<html>" * 1000), 6, "ONNX"),
    "onnx-cut": (lambda p: os.truncate(p / "es_MX-test-low.onnx", 2000), 6, "cut off"),
    "onnx-empty": (lambda p: (p / "es_MX-test-low.onnx").write_bytes(b""), 6, "ONNX"),
    "two-voices": (lambda p: write_piper(p, name="other.onnx"), 2, "2 .onnx files"),
    "many-files": (lambda p: [(p / f"{i}.txt").write_text("x") for i in range(60)], 2, "too many"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_piper(name, refuse, tmp_path):
    edit, status, says = SPOILT[name]
    write_piper(tmp_path / "p")
    edit(tmp_path / "p")
    refuse(tmp_path / "p", status, says)


def test_spoilt_kokoro(refuse, tmp_path):
    write_kokoro(tmp_path / "a", speaker_names="one")
    refuse(tmp_path / "a", 6, "holds 2 voices and the model names 1")
    write_kokoro(tmp_path / "b", id2speaker="x->y,z->w")
    refuse(tmp_path / "b", 6, "list of voices")
    write_kokoro(tmp_path / "c")
    os.truncate(tmp_path / "c/voices.bin", 1000)
    refuse(tmp_path / "c", 6, "voices.bin")


def test_spoilt_whisper(refuse, tmp_path):
    (tmp_path / "ggml-x.bin").write_bytes(b"rubbish" * 100)
    refuse(tmp_path / "ggml-x.bin", 2, "0 ggml files")
    write_ggml(tmp_path / "ggml-y.bin", layers=5)
    refuse(tmp_path / "ggml-y.bin", 4, "not of a Whisper model")
    write_ctranslate2(tmp_path / "c")
    os.truncate(tmp_path / "c/model.bin", 500_000)
    refuse(tmp_path / "c", 6, "cut off")
    write_ctranslate2(tmp_path / "d")
    (tmp_path / "d/vocabulary.json").write_text('{"a": 1}')
    refuse(tmp_path / "d", 6, "vocabulary")


def test_nothing_there(refuse, tmp_path):
    refuse(tmp_path / "missing", 3, "no such file or folder")
    (tmp_path / "empty").mkdir()
    refuse(tmp_path / "empty", 2, "0 ggml files")


def test_name_of_the_catalogue_with_other_packages(into, tmp_path):
    """A folder that has one of two packages is named for what is missing, and taken for nothing else."""
    packages = [Package(f"test-part-{i}", {f"p{i}/silero_vad.onnx": write_onnx(tmp_path / "x.onnx").read_bytes()}) for i in (1, 2)]
    write_catalogue(tmp_path / "c.json", packages, {"detector": ("vad", ["test-part-1", "test-part-2"])})
    packages[0].write(tmp_path / "d")
    done = install("detector", "--from", tmp_path / "d", "--catalogue", tmp_path / "c.json", python=PYTHON, into=into)
    assert_one_line(done, 3, "test_part_2-1.0.0")
    assert "test_part_1" not in done.stderr
