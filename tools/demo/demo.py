#!/usr/bin/env python3
"""Dubs a one-minute English clip live, through every part there is, and reports what came of it.

`airdub live` starts the built-in media server, media-service and sts-service; ffmpeg publishes the clip in real time, as OBS
would; another ffmpeg records what viewers get. The report is measured from the recording and from the services' metrics."""

import argparse
import re
import shutil
import signal
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from fixtures import clips  # noqa: E402 (found through the line above)
from support import avsync, media, rtmp  # noqa: E402
from support.programs import Live  # noqa: E402

STREAM = "demo"
STATUS_EVERY_S = 5
DRAIN_S = 40

_FRAGMENT = re.compile(r"stream demo: fragment (\d+) at ([\d.]+) s: (\w+)(?:: (.*))?$")


@dataclass
class Outcome:
    """What was gathered while the broadcast ran; times in seconds."""

    first_out_s: float
    status: dict
    metrics: object
    engines: dict  # "asr", "translation", "tts" -> {engine: fragments}
    fragments: list


def say(text=""):
    print(text, flush=True)


def follow(live, publisher, recorder, duration_s):
    """Shows the stream's state until the recorder has seen its end; returns the last state."""
    status, deadline = {}, time.monotonic() + duration_s + DRAIN_S
    while recorder.running:
        if time.monotonic() > deadline:
            raise SystemExit(f"the broadcast did not end; the services' logs are in {live.logs}")
        if not publisher.running and publisher.wait(1) != 0:
            raise SystemExit(f"the publisher failed:\n{publisher.tail()}")
        status = live.streams().get(STREAM, status)
        if status:
            say(f"  {status['played_ms'] / 1000:5.1f} s played   fragments {status['fragments']:2}   dubbed {status['dubbed']:2}   "
                f"fallback {status['fallback']:2}   {status['state']}")
        wait_until = time.monotonic() + STATUS_EVERY_S
        while recorder.running and time.monotonic() < wait_until:
            time.sleep(0.1)
    return status


def read_fragments(log):
    """(start, outcome, transcript, translation) of each fragment, from media-service's log."""
    fragments = []
    for line in log.read_text(errors="replace").splitlines():
        match = _FRAGMENT.search(line)
        if match:
            heard, _, said = (match.group(4) or "").partition(" -> ")
            fragments.append((float(match.group(2)), match.group(3), heard, said))
    return fragments


def engines_used(metrics):
    """Which engine did each stage, and of how many fragments."""
    used = {}
    for sample in metrics.find("sts_engine_fragments_total"):
        used.setdefault(sample.labels["stage"], {})[sample.labels["engine"]] = int(sample.value)
    return used


def broadcast(clip, folder):
    """Runs the whole thing; the recording is folder/dubbed.mkv."""
    with Live(folder, "--glossary", "sports", stream=STREAM) as live:
        say(f"publishing {clip.name} in real time to {live.publish_url(STREAM)}")
        with rtmp.publish(clip, live.publish_url(STREAM), folder / "publisher.log") as publisher:
            live.wait_published(f"live/{STREAM}/in", 20)
            first_in = time.monotonic()
            say(f"recording {live.play_url(STREAM)}")
            live.wait_published(f"live/{STREAM}/out", 30)
            first_out_s = time.monotonic() - first_in
            with rtmp.record(live.play_url(STREAM), folder / "dubbed.mkv", folder / "recorder.log") as recorder:
                status = follow(live, publisher, recorder, media.duration_s(clip))
        status = live.streams().get(STREAM, status)
        metrics, engines = live.metrics(), engines_used(live.sts_metrics())
        live.program.signal(signal.SIGINT)
        live.program.wait(30)
    return Outcome(first_out_s, status, metrics, engines, read_fragments(live.logs / "media-service.log"))


def show_words(fragments):
    say("\nWhat was heard, and what was said instead:")
    for start_s, outcome, heard, said in fragments:
        marker = "" if outcome == "dubbed" else f"   (original sound: {outcome})"
        say(f"  {start_s:5.1f} s  en  {heard or '-'}{marker}")
        say(textwrap.indent(textwrap.fill(said or "-", 110), " " * 14).replace(" " * 14, " " * 11 + "es  ", 1))


def count_fallbacks(metrics):
    found = metrics.find("media_service_worker_fallback_total", stream_id=STREAM)
    reasons = ", ".join(f"{s.labels['reason']} {s.value:.0f}" for s in found if s.value)
    return sum(s.value for s in found), f" ({reasons})" if reasons else ""


def describe_engines(used):
    """ "whisper", or "kokoro 9, espeak-ng 1": the quick voice spoke where the good one would have been late."""
    if len(used) < 2:
        return next(iter(used), "none")
    return ", ".join(f"{engine} {count}" for engine, count in sorted(used.items(), key=lambda item: -item[1]))


def report(clip, out, outcome):
    """Prints the figures; returns what is not as it should be."""
    metrics, marks = outcome.metrics, avsync.measure(out)
    total = metrics.value("media_service_worker_sts_fragments_sent_total", default=0, stream_id=STREAM)
    fallback, reasons = count_fallbacks(metrics)
    dubbed = sum(1 for fragment in outcome.fragments if fragment[1] == "dubbed")
    p50_s, p95_s = (outcome.status.get(key, 0) / 1000 for key in ("latency_p50_ms", "latency_p95_ms"))
    length_s, source_s = media.duration_s(out), media.duration_s(clip)

    say("\nWhat it did:")
    for stage, name in (("asr", "recognition"), ("translation", "translation"), ("tts", "voice")):
        say(f"  {name:18} {describe_engines(outcome.engines.get(stage, {}))}")
    say(f"  fragments          {len(outcome.fragments)}, {total:.0f} sent to sts-service")
    say(f"  dubbed / fallback  {dubbed} / {fallback:.0f}{reasons}")
    say(f"  latency p50 / p95  {p50_s:.2f} s / {p95_s:.2f} s a fragment, from sending it to its dub")
    say(f"  first frame out    {outcome.first_out_s:.1f} s after the first frame in (constant playout delay)")
    say(f"  A/V offset         {avsync.describe(marks)}, drift {avsync.drift_ms(marks):+.1f} ms")
    say(f"  length             {length_s:.3f} s of {source_s:.3f} s")
    if fallback:
        busy = Path("/proc/loadavg").read_text().split()[0]
        say(f"  note               the original sound played where a dub came too late; load on this machine: {busy}")
    say(f"  the result         {out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}")

    wrong = []
    if dubbed == 0:
        wrong.append("nothing was dubbed")
    if abs(length_s - source_s) > 0.1:
        wrong.append(f"the length differs by {abs(length_s - source_s):.3f} s")
    if not marks or any(m.offset_ms is None or abs(m.offset_ms) > 45 for m in marks):
        wrong.append("sound and pictures are not in sync at every flash")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", help="where the result and the logs go")
    folder = parser.parse_args().output.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    clip = clips.nfl()
    outcome = broadcast(clip, folder)
    out = folder / "dubbed.mp4"
    media.ffmpeg("-i", folder / "dubbed.mkv", "-c", "copy", "-movflags", "+faststart", out)
    show_words(outcome.fragments)
    wrong = report(clip, out, outcome)
    for problem in wrong:
        say(f"\ndemo: {problem}; the services' logs are in {folder / 'services'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
