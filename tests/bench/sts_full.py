"""sts-service's full mode: what a fragment takes beside the engines, and two streams on two cores.

"Around" is a fragment's time from sending to fragment:processed without its three stages: network, JSON, base64, decoding,
encoding, waiting. The service has one fragment at a time. CPU is told by thread, which other programs on the machine disturb
less: the loop (network, JSON, base64), the codec threads (decoding, encoding), the lanes (engines, fitting)."""

import os
import statistics

from fixtures import clips
from support.cli import probe_summary
from support.net import wait_for
from support.programs import sts_service

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TIMEOUT = ("--timeout", "30")
THREADS = {"loop": "sts-service", "codec": "sts-work", "lanes": "speech-lane"}


def cpu_ms(sts):
    used = sts.cpu_by_thread_s()
    return {kind: 1000 * sum(s for name, s in used.items() if name.startswith(start)) for kind, start in THREADS.items()}


def measure_around(sts, clip):
    before = cpu_ms(sts)
    runs = [probe_summary(sts.url, clip, "--window", "1", *TIMEOUT) for _ in range(ROUNDS)]
    count = sum(r["fragments"] for r in runs)
    cpu = {kind: (ms - before[kind]) / count for kind, ms in cpu_ms(sts).items()}
    shares = [r["around_ms"]["mean"] / r["engines_ms"]["mean"] for r in runs]
    result = {"around_share": statistics.median(shares), "cpu_ms": cpu,
              "engines_ms": statistics.median(r["engines_ms"]["mean"] for r in runs),
              **{f"around_{key}_ms": statistics.median(r["around_ms"][key] for r in runs) for key in ("mean", "p50", "p95", "max")}}
    print(f"  a fragment of 6 s: engines {result['engines_ms']:.0f} ms, around them mean {result['around_mean_ms']:.1f} ms, p50 "
          f"{result['around_p50_ms']:.1f}, p95 {result['around_p95_ms']:.1f}, max {result['around_max_ms']:.1f} (aim under 60), "
          f"{100 * result['around_share']:.1f} % of the engines' (aim under 5)")
    print(f"  its CPU: loop {cpu['loop']:.1f} ms, codec threads {cpu['codec']:.1f} ms, lanes {cpu['lanes']:.0f} ms: "
          f"{100 * (cpu['loop'] + cpu['codec']) / cpu['lanes']:.1f} % around the lanes")
    return result


def compare_streams(sts, clip):
    """One fragment at a time in each stream, so that one stream keeps one core busy."""
    def elapsed(streams):
        return probe_summary(sts.url, clip, "--window", "1", "--streams", streams, *TIMEOUT)["elapsed"]

    pairs = [(elapsed(1), elapsed(2)) for _ in range(ROUNDS)]
    ratios = [two / one for one, two in pairs]
    print(f"  the minute alone {statistics.median(one for one, _ in pairs):.2f} s, two at once "
          f"{statistics.median(two for _, two in pairs):.2f} s: {statistics.median(ratios):.2f} times as long "
          f"({min(ratios):.2f} to {max(ratios):.2f}; aim 1.1)")
    return {"two_streams_ratio": statistics.median(ratios)}


def run():
    clip = clips.nfl()
    with sts_service() as sts:
        wait_for(lambda: sts.get("/health/ready").status_code == 200, 60, "engines that are loaded")
        probe_summary(sts.url, clip, "--fragments", "4", *TIMEOUT)  # warm
        return {**measure_around(sts, clip), **compare_streams(sts, clip)}
