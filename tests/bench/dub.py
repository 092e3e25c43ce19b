"""`airdub dub` on the minute of commentary and on ten: how fast, which stage takes the time, and what stands around the engines."""

import statistics
import tempfile
from pathlib import Path

from fixtures import clips
from support import media
from support.programs import Dub

RUNS = 5
LONG_RUNS = 3  # what is done once, as loading GStreamer's plugins is, weighs a tenth here
STAGES = ("asr", "mt", "tts")
WITHIN_PERCENT = 5  # of the engines' own CPU time


def measure(clip, folder):
    dub = Dub("--force", clip, Path(folder) / "out.mp4")
    summary, cpu = dub.summary, dub.summary["cpu"]
    engines_s = sum(cpu[name] for name in STAGES)
    return {"elapsed_s": summary["elapsed"], "real_time_factor": summary["real_time_factor"],
            "around_percent": 100 * cpu["around"] / engines_s, "codec_percent": 100 * cpu["codec"] / engines_s,
            "engines_cpu_s": engines_s,
            **{f"{name}_cpu_s": seconds for name, seconds in cpu.items()},
            **{f"{name}_s": sum(f.get(f"{name}_ms") or 0 for f in dub.fragments) / 1000 for name in STAGES}}


def medians(clip, runs):
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(clip, folder) for _ in range(runs)]
    m = {name: statistics.median(run[name] for run in found) for name in found[0]}
    print(f"medians of {runs} runs: {media.duration_s(clip):.0f} s of media in {m['elapsed_s']:.1f} s, real-time factor "
          f"{m['real_time_factor']:.3f}; {m['total_cpu_s']:.2f} s of CPU")
    for name in ("starting", "loading", *STAGES, "codec", "around"):
        print(f"  {name:9} {m[f'{name}_cpu_s']:6.2f} s of CPU")
    shares = ", ".join(f"{run['around_percent']:.1f}" for run in found)
    print(f"  around the engines: {m['around_percent']:.1f} % of their CPU time ({shares}; limit {WITHIN_PERCENT}); "
          f"the output's encoder: {m['codec_percent']:.1f} %")
    return m


def run():
    return {"minute": medians(clips.nfl(), RUNS), "ten_minutes": medians(clips.long_commentary(10), LONG_RUNS)}
