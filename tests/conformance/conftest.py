"""The echo server that most of these tests talk to, with the intervals that the public suites use."""

import pytest

from conformance.peers import EchoServer


@pytest.fixture(scope="module")
def server():
    """examples/echo-server with short intervals; one a module, since every session stands for itself."""
    with EchoServer() as echo:
        yield echo
        assert echo.running, echo.tail()


@pytest.fixture(scope="module")
def patient():
    """One whose heartbeat does not come in between."""
    with EchoServer(ping_interval=25000, ping_timeout=20000) as echo:
        yield echo
        assert echo.running, echo.tail()


@pytest.fixture(scope="module")
def lively():
    """Heartbeats often, and with patience for a client that has to share its processor."""
    with EchoServer(ping_interval=300, ping_timeout=5000) as echo:
        yield echo
        assert echo.running, echo.tail()
