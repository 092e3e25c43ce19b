#!/usr/bin/env python3
"""One live stream through `airdub live`: which voice speaks how many fragments, what plays in the original, and the delay.

    tests/bench/live_voices.py [--tts kokoro,espeak-ng] [--asr …] [--model …] [--mt …] [--glossary …] [--minutes 10]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tools")]

from fixtures import clips  # noqa: E402 (found through the line above)
from support import engines as choose  # noqa: E402
from support import rtmp  # noqa: E402
from support.net import wait_for  # noqa: E402
from support.programs import Live  # noqa: E402

METRIC = "sts_engine_fragments_total"
STREAM = "demo"
POLL_S = 1.0  # fragments come each 6 s, so none is missed


def spoken(live):
    """{voice: fragments until now}."""
    return {sample.labels["engine"]: int(sample.value) for sample in live.sts_metrics().find(METRIC, stage="tts")}


def follow(live, seconds):
    """(the voices in the order in which they spoke, the delays seen, in s)."""
    order, delays, before, end = [], [], spoken(live), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(POLL_S)
        now = spoken(live)
        for voice, count in now.items():
            order += [voice] * (count - before.get(voice, 0))
        before = now
        delays += [s["delay_ms"] / 1000 for s in live.streams().values()]
    return order, delays


def measure(engines, minutes):
    clip = clips.long_commentary(10)
    with tempfile.TemporaryDirectory() as folder, Live(folder, *engines.arguments(), stream=STREAM) as live:
        publisher = rtmp.publish(clip, live.publish_url(STREAM), loop=-1)
        try:
            wait_for(lambda: any(s["dubbed"] + s["fallback"] for s in live.streams().values()), 90, "the first fragment")
            order, delays = follow(live, 60 * minutes)
            state = live.streams()[STREAM]
        finally:
            publisher.stop()
    changes = sum(one != other for one, other in zip(order, order[1:]))
    shares = {voice: order.count(voice) / len(order) for voice in sorted(set(order))}
    found = {"minutes": minutes, "fragments": len(order), "shares": shares, "changes_of_voice": changes, "dubbed": state["dubbed"],
             "original": state["fallback"], "delay_s": max(delays), "latency_p95_ms": state["latency_p95_ms"]}
    told = ", ".join(f"{voice} {100 * share:.0f} %" for voice, share in shares.items())
    print(f"  {minutes:g} min, {len(order)} fragments: {told}; {changes} changes of voice; {state['fallback']} in the original; "
          f"playout delay {min(delays):.1f} to {max(delays):.1f} s; a fragment takes {state['latency_p95_ms'] / 1000:.1f} s (p95)",
          flush=True)
    return found


def with_second_voice(engines):
    """A slow voice has a quick one behind it, which speaks when there is no time."""
    return choose.replace(engines, tts=f"{engines.tts},espeak-ng") if engines.tts not in (None, "espeak-ng") else engines


def run(engines=None, minutes=2):
    engines = with_second_voice(engines or choose.best())
    print(f"{engines.label}:")
    return measure(engines, minutes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("asr", "model", "mt", "glossary", "tts"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    named = {name: getattr(options, name) for name in ("asr", "model", "mt", "glossary", "tts")}
    run(choose.Engines(**named) if any(named.values()) else None, options.minutes)


if __name__ == "__main__":
    main()
