"""sts-service's connections: what an idle one costs, and what ten thousand that come and go leave behind."""

from support.connections import come_and_go, open_client, open_stream
from support.net import wait_for
from support.programs import sts_service

IDLE = 3000
CYCLES = 10_000
WARM_CYCLES = 1000


def measure_idle(server):
    """kB each: in the namespace, and with a stream that waits for its first fragment."""
    before = server.rss_kb()
    clients = [open_client(server) for _ in range(IDLE)]
    connected = server.rss_kb()
    for number, client in enumerate(clients):
        open_stream(client, f"idle-{number}")
    streaming = server.rss_kb()
    for client in clients:
        client.close()
    return (connected - before) / IDLE, (streaming - before) / IDLE


def run():
    with sts_service(STS_MODE="echo", WS_MAX_CONNECTIONS=IDLE + 10, MAX_CONCURRENT_SESSIONS=IDLE + 10, WS_PING_INTERVAL=3600) as server:
        come_and_go(server, 10, 60)
        files = server.open_files()
        connected_kb, streaming_kb = measure_idle(server)
        wait_for(lambda: server.open_files() <= files, 30, "files closed")
        print(f"  an idle connection {connected_kb:.1f} kB, with a stream {streaming_kb:.1f} kB ({IDLE} of them; aim under 50)")
    with sts_service(STS_MODE="echo") as server:
        come_and_go(server, WARM_CYCLES, 600)
        wait_for(lambda: server.open_files() <= files, 30, "files closed")
        before_kb = server.rss_kb()
        cpu_s = server.cpu_s()
        count = come_and_go(server, CYCLES, 600)
        cpu_s = server.cpu_s() - cpu_s
        wait_for(lambda: server.open_files() <= files, 30, "files closed")
        growth_kb = server.rss_kb() - before_kb
        print(f"  {count} connects and disconnects after {WARM_CYCLES}: {growth_kb:+d} kB, {server.open_files() - files:+d} files; "
              f"{1000 * cpu_s / count:.2f} ms of CPU each")
    return {"idle_kb": connected_kb, "idle_stream_kb": streaming_kb, "cycles": count, "growth_kb": growth_kb}
