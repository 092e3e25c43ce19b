"""sts-service while connections come and go: nothing of them stays."""

import pytest

from conformance.peers import is_sanitized
from support import programs
from support.connections import come_and_go, open_client, open_stream
from support.net import wait_for

WARM_CYCLES = 1000
CYCLES = 10_000
LIMIT_S = 30
IDLE = 500


@pytest.fixture
def server(tmp_path, until_end):
    return until_end(programs.sts_service(log=tmp_path / "sts.log", STS_MODE="echo", WS_MAX_CONNECTIONS=IDLE + 10,
                                          MAX_CONCURRENT_SESSIONS=IDLE + 10, WS_PING_INTERVAL=3600))


def wait_alone(server, files):
    """Until the last of them is noticed to be gone."""
    wait_for(lambda: server.open_files() <= files, 30, "files closed")
    wait_for(lambda: server.metrics().value("sts_active_streams") == 0, 10, "streams that are over")


def test_ten_thousand_connections_leave_nothing(server):
    """As many of them as fit into half a minute, ended in every way; memory and files stay as they were after the first thousand."""
    come_and_go(server, 1, LIMIT_S)
    files = server.open_files()
    come_and_go(server, WARM_CYCLES, LIMIT_S)
    wait_alone(server, files)
    before_kb = server.rss_kb()
    count = come_and_go(server, CYCLES, LIMIT_S)
    wait_alone(server, files)
    print(f"{count} connections: {server.rss_kb() - before_kb:+d} kB")
    assert count >= 1000
    assert is_sanitized() or server.rss_kb() - before_kb < 512
    assert server.metrics().value("sts_fragments_in_flight") == 0


def test_an_idle_connection_is_small(server):
    come_and_go(server, 10, LIMIT_S)
    before_kb = server.rss_kb()
    clients = [open_client(server) for _ in range(IDLE)]
    for number, client in enumerate(clients):
        open_stream(client, f"idle-{number}")
    assert is_sanitized() or server.rss_kb() - before_kb < 50 * IDLE
    for client in clients:
        client.close()
