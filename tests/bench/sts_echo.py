"""sts-service's echo mode against python-socketio and Node's socket.io: fragments a second of the server's CPU, time to the ack.

All three answer the same events with the same audio; one client (airdub sts-probe, window 3) drives each as fast as the window
allows, in turns, with fragments of 6 s in M4A (100 kB). Peers come from tools/deps/install python node."""

import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from fixtures import clips
from support.cli import probe_summary
from support.process import Program
from support.programs import ROOT, sts_service

STREAMS = (1, 8, 32)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TURN_CPU_S = 1.5   # of the server: a tick of its clock is 10 ms
HALF_LOAD_S = 4
OURS = "sts-service"
PEERS = Path(__file__).resolve().parent / "peers"
AIMS = {"python-socketio": 10, "socket.io": 3}


class Peer(Program):
    def __init__(self, command, name, env=None):
        super().__init__(command, name=name, env=env)
        port = self.wait_for_line(r"listening on (\d+)", 30).group(1)
        self.url = f"http://127.0.0.1:{port}"


def start_servers(stack):
    """{name: program}, each with .url"""
    ours = sts_service(STS_MODE="echo", MAX_CONCURRENT_SESSIONS=1000, WS_MAX_CONNECTIONS=1000,
                       BACKPRESSURE_ENABLED="false")  # the peers do not send these events either
    python = Peer([sys.executable, PEERS / "echo.py"], "python-socketio")
    node = Peer(["node", PEERS / "echo.js"], "socket.io", {"NODE_PATH": str(ROOT / "tests/conformance/node_modules")})
    servers = {OURS: ours, "python-socketio": python, "socket.io": node}
    for server in servers.values():
        stack.callback(server.stop)
    return servers


def drive(server, clip, streams, fragments, *words):
    """(fragments a second of the server's CPU, the probe's summary); about so many fragments, all streams together"""
    before = server.cpu_s()
    summary = probe_summary(server.url, clip, "--streams", streams, "--fragments", max(1, round(fragments / streams)), *words)
    return summary["fragments"] / max(server.cpu_s() - before, 0.01), summary


def compare(servers, clip, streams):
    """{name: [(fragments a CPU-second, fragments a second), …]}, the servers in turns"""
    counts = {name: drive(server, clip, streams, 320)[0] * TURN_CPU_S for name, server in servers.items()}
    rounds = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            rate, summary = drive(server, clip, streams, counts[name])
            rounds[name].append((rate, summary["fragments_per_second"]))
    return rounds


def report_speed(rounds, streams):
    result = {}
    for name, turns in rounds.items():
        rates = [rate for rate, _ in turns]
        ratios = [ours / rate for (ours, _), rate in zip(rounds[OURS], rates)]
        result[name] = {"per_cpu_s": statistics.median(rates), "per_s": statistics.median(speed for _, speed in turns),
                        "ratio": statistics.median(ratios)}
        told = "" if name == OURS else (f"; ours does {result[name]['ratio']:.1f} times as many "
                                        f"({min(ratios):.1f} to {max(ratios):.1f}; aim {AIMS[name]})")
        print(f"  {streams:3} streams  {name:16} {result[name]['per_cpu_s']:7.0f} fragments a CPU-second ({min(rates):.0f} to "
              f"{max(rates):.0f}), {result[name]['per_s']:6.0f} a second{told}")
    return result


def ack_at_half_load(server, clip, streams, saturation):
    rate = saturation / 2 / streams
    summaries = [drive(server, clip, streams, saturation / 2 * HALF_LOAD_S, "--rate", f"{rate:.3f}")[1] for _ in range(ROUNDS)]
    return {key: statistics.median(s["ack_ms"][key] for s in summaries) for key in ("p50", "p99", "max")}


def run():
    clip = clips.nfl()
    results = {}
    with ExitStack() as stack:
        servers = start_servers(stack)
        for streams in STREAMS:
            rounds = compare(servers, clip, streams)
            results[streams] = report_speed(rounds, streams)
        for streams in STREAMS:
            for name, server in servers.items():
                ack = ack_at_half_load(server, clip, streams, results[streams][name]["per_s"])
                results[streams][name]["ack_ms"] = ack
                print(f"  {streams:3} streams  {name:16} at half of that load fragment:ack after p50 {ack['p50']:.2f} ms, "
                      f"p99 {ack['p99']:.2f} ms, max {ack['max']:.1f} ms" + (" (aim 5 ms)" if name == OURS else ""))
        for name, server in servers.items():
            print(f"  memory at the end: {name} {server.rss_kb() / 1024:.0f} MB, peak {server.peak_rss_kb() / 1024:.0f} MB")
    return results
