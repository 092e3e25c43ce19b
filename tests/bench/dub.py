"""`airdub dub` on the minute of commentary: how fast, and which stage takes the time."""

import resource
import tempfile
from pathlib import Path

from fixtures import clips
from support import media
from support.programs import Dub


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run():
    clip = clips.nfl()
    length_s = media.duration_s(clip)
    with tempfile.TemporaryDirectory() as folder:
        before = cpu_s()
        dub = Dub(clip, Path(folder) / "out.mp4")
        used_s = cpu_s() - before
    elapsed_s = dub.summary["elapsed"]
    stages_s = {name: sum(f.get(f"{name}_ms") or 0 for f in dub.fragments) / 1000 for name in ("asr", "mt", "tts")}
    whole_s = sum(f.get("processing_ms") or 0 for f in dub.fragments) / 1000
    print(f"{length_s:.0f} s of media in {elapsed_s:.1f} s: {length_s / elapsed_s:.1f} times real time, real-time factor "
          f"{elapsed_s / length_s:.3f}; {used_s:.1f} s of CPU, loading the engines included")
    for name, seconds in stages_s.items():
        print(f"  {name:5} {seconds:6.2f} s  {100 * seconds / whole_s:5.1f} % of the fragments' processing")
    rest_s = whole_s - sum(stages_s.values())
    print(f"  rest  {rest_s:6.2f} s  {100 * rest_s / whole_s:5.1f} %: decode, fit, mix")
    return {"real_time_factor": elapsed_s / length_s, "cpu_s": used_s, **{f"{k}_s": v for k, v in stages_s.items()}, "rest_s": rest_s}
