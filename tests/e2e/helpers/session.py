"""One session of container tests: its lock, and which media server it has."""

import fcntl
import logging
import os
import time
from contextlib import contextmanager

from e2e.helpers import docker

log = logging.getLogger("e2e")


class SessionBusy(RuntimeError):
    """Another session holds the lock; the message says which."""


@contextmanager
def lock(path, wait_s):
    """Held while the session lasts: names and ports are the same each time, so there is one session at a time."""
    with open(path, "a+") as file:
        _take(file, path, wait_s)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)


def _take(file, path, wait_s):
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            file.seek(0)
            if time.monotonic() > deadline:
                raise SessionBusy(f"process {file.read().strip()} runs container tests and holds {path}: wait for its end, "
                                  "or give this session an E2E_LOCK of its own, with E2E_DYNAMIC_PORTS=1, E2E_NAME_SUFFIX and "
                                  "E2E_NETWORK_NAME") from None
        time.sleep(0.5)


def media_server(settings):
    """("mediamtx" or "builtin", why) of the session."""
    if settings.media_server != "auto":
        return settings.media_server, "E2E_MEDIA_SERVER says so"
    if docker.can_have_image(settings.mediamtx_image):
        return "mediamtx", f"the image {settings.mediamtx_image} is there"
    return "builtin", f"the image {settings.mediamtx_image} is neither here nor to be had"
