"""media-service: resident memory at rest and for each 720p stream, and what it is made of."""

import re
import tempfile
import time
from collections import Counter
from pathlib import Path

from fixtures import clips
from support import rtmp
from support.process import run as run_program
from support.net import wait_for
from support.programs import MediaService, sts_service

STREAMS = (0, 1, 2, 4)
SETTLED_S = 25  # the playout queue fills in 9.6 s; then pools and caches reach their size
RATE = "3M"  # of the pictures, as encoders send 720p; the clip itself has a tenth of it
IDLE_LIMIT_MB, STREAM_LIMIT_MB = 80, 25
HEADER = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$")


def kind_of(name):
    if name == "[heap]":
        return "heap"
    if not name:
        return "other anonymous: threads' heaps, stacks, large blocks"
    return "libraries" if ".so" in name else "other files"


def measure(pid):
    """MB: rss, pss, and resident by kind of mapping. Libraries count whole in rss, by the share of each program in pss."""
    text = Path(f"/proc/{pid}/smaps").read_text()
    kinds, pss, name = Counter(), 0, ""
    for line in text.splitlines():
        header = HEADER.match(line)
        if header:
            name = header.group(1)
        elif line.startswith("Rss:"):
            kinds[kind_of(name)] += int(line.split()[1]) / 1024
        elif line.startswith("Pss:"):
            pss += int(line.split()[1]) / 1024
    return {"rss_mb": sum(kinds.values()), "pss_mb": pss, "kinds_mb": dict(kinds)}


def show(count, found, idle_mb):
    limit_mb = IDLE_LIMIT_MB + count * STREAM_LIMIT_MB
    more = f", {(found['rss_mb'] - idle_mb) / count:.1f} MB a stream" if count else ""
    kinds = ", ".join(f"{kind} {mb:.1f}" for kind, mb in sorted(found["kinds_mb"].items(), key=lambda k: -k[1]))
    print(f"  {count} streams: {found['rss_mb']:.1f} MB resident (limit {limit_mb}), {found['pss_mb']:.1f} MB by share"
          f"{more}\n    {kinds}")


def make_clip(path):
    rate = ["-b:v", RATE, "-minrate", RATE, "-maxrate", RATE, "-bufsize", RATE]
    done = run_program(["ffmpeg", "-v", "error", "-i", clips.nfl(), "-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast",
                        "-g", "60", *rate, "-x264-params", "nal-hrd=cbr", path], timeout_s=600)
    assert done.returncode == 0, done.stderr
    return path


def dubbed(service, count):
    streams = service.streams().values()
    return len(streams) == count and all(s["dubbed"] > 0 for s in streams)


def run():
    results = {}
    with tempfile.TemporaryDirectory() as folder, sts_service(STS_MODE="echo") as sts, \
            MediaService(sts.url, Path(folder) / "segments") as service:
        publishers, clip = [], make_clip(Path(folder) / "clip.mp4")
        try:
            for count in STREAMS:
                while len(publishers) < count:
                    publishers.append(rtmp.publish(clip, f"{service.rtmp_url()}/live/m{len(publishers)}/in", loop=-1))
                wait_for(lambda: dubbed(service, count), 60, f"{count} dubbed streams")
                time.sleep(SETTLED_S if count else 0)
                results[count] = measure(service.pid)
                show(count, results[count], results[0]["rss_mb"])
        finally:
            for publisher in publishers:
                publisher.stop()
    return {str(count): found for count, found in results.items()}
