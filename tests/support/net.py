"""Ports, and waiting for something to become true."""

import socket
import time


def free_port(kind=socket.SOCK_STREAM):
    """A port nobody listens on just now, from the kernel. For programs that can be told a port but not be asked for theirs."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port, host="127.0.0.1"):
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_for(condition, timeout_s, what, interval_s=0.05):
    """The first true value of condition(); TimeoutError naming what was waited for when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(interval_s)


def wait_for_port(port, timeout_s=10, host="127.0.0.1"):
    """Returns once somebody accepts connections on the port."""
    wait_for(lambda: accepts(port, host), timeout_s, f"a listener on {host}:{port}")
