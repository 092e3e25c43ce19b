"""Finds a Python that has what an install needs, and goes on in it: this one, the checkout's .venv, or one of our own in the
user's cache."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from models import fetch
from models.problem import FAILED, NETWORK, NO_SPACE, NOT_FOUND, Problem

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
DOWNLOAD_BYTES = 27_000_000  # numpy, onnx and what onnx needs, about
INSTALLED_BYTES = 127_000_000
_TIMEOUT_S = 900


def has(modules):
    """Whether this Python has them."""
    return all(importlib.util.find_spec(module) for module in modules)


def _checkout_python():
    """The checkout's, where this is one: `make deps` has put everything into it."""
    python = HERE.parent.parent / ".venv/bin/python"
    return python if (HERE.parent / "deps/requirements.txt").exists() and python.exists() else None


def _other_has(python, modules):
    done = subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def cache_folder():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "airdub"


def _stamp():
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def _own_python():
    """Of an environment that was made before, or None."""
    venv = cache_folder() / "models-venv"
    made = venv / "made"
    return venv / "bin/python" if made.exists() and made.read_text() == _stamp() else None


def _tail(output):
    return (output.strip().splitlines() or ["no message"])[-1][:300]


def _make_own(wheels):
    """wheels: a folder to install from, or None for the registry."""
    venv = cache_folder() / "models-venv"
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(venv.parent).free
    if free < DOWNLOAD_BYTES + INSTALLED_BYTES:
        raise Problem(NO_SPACE, f"{venv.parent}: numpy and onnx need {(DOWNLOAD_BYTES + INSTALLED_BYTES) / 1e6:.0f} MB and "
                                f"{free / 1e6:.0f} MB are free; free some space, or set XDG_CACHE_HOME to a folder elsewhere")
    try:
        status, output = fetch.run_bounded([sys.executable, "-m", "venv", str(venv)], venv.parent, 1 << 30, _TIMEOUT_S)
        if status != 0:
            raise Problem(NOT_FOUND, f"Python's venv is missing ({_tail(output)}); install it with 'apt-get install python3-venv'")
        source = ["--no-index", "--find-links", str(wheels)] if wheels else []
        status, output = fetch.run_bounded([str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                                            "--no-input", "--only-binary", ":all:", "--retries", "2", *source, "-r", str(REQUIREMENTS)],
                                           venv.parent, 1 << 30, _TIMEOUT_S)
        if status != 0:
            raise Problem(NETWORK, f"numpy and onnx, which converting needs, cannot be installed: {_tail(output)}; without a "
                                   f"registry, copy what 'pip download -r {REQUIREMENTS}' fetches into the folder of --from")
        (venv / "made").write_text(_stamp())
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise
    return venv / "bin/python"


def will_download(modules):
    """Whether a Python must be furnished first."""
    if has(modules) or _own_python():
        return False
    checkout = _checkout_python()
    return not (checkout and _other_has(checkout, modules))


def go_on_with(modules, arguments, wheels=None):
    """Returns where this Python has the modules; else the program is replaced by one that has them, with the same arguments
    and --furnished, which keeps this from going round in circles."""
    if has(modules):
        return
    if "--furnished" in arguments:
        raise Problem(FAILED, f"{sys.executable} has none of {', '.join(modules)} although they were installed")
    checkout = _checkout_python()
    python = checkout if checkout and _other_has(checkout, modules) else _own_python() or _make_own(wheels)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), "-B", str(HERE), *arguments, "--furnished"])
