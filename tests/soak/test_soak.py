"""Streams for a long time: memory, threads and open files level off, and sound stays with the pictures.

A minute or two in `make test`; `make soak` runs the same for an hour (SOAK_MINUTES)."""

import time

import numpy as np
import pytest

from support import avsync, media, rtmp
from support.net import wait_for
from support.programs import MediaService, sts_service

pytestmark = [pytest.mark.alone, pytest.mark.timeout(0)]

IDLE_LIMIT_KB = 80 * 1024
STREAM_LIMIT_KB = 25 * 1024
STREAMS = 4
# The clip's round: what a second holds differs within it (key frames, fragments in flight), not from round to round.
ROUND_S = 60
GROWTH_KB = 4 * 1024
WITHIN_ROUND_KB = 4 * 1024  # a short run compares parts of a round


def watch(program, seconds):
    """(time in s, resident kB) once a second."""
    seen, started = [], time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(1)
        assert program.running, program.tail()
        seen.append((time.monotonic() - started, program.rss_kb()))
    return np.array(seen)


def settle(program):
    wait_for(lambda: len(program.streams()) == STREAMS and
             all(s["played_ms"] > 1000 * ROUND_S for s in program.streams().values()), 2 * ROUND_S, "a round of the clip")


def test_memory_levels_off(tmp_path, until_end, nfl, pytestconfig):
    minutes = pytestconfig.getoption("--soak-minutes")
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    service = until_end(MediaService(sts.url, tmp_path / "segments", tmp_path / "media-service.log"))
    assert service.rss_kb() < IDLE_LIMIT_KB
    url = f"{service.rtmp_url()}/live/soak"
    publisher = until_end(rtmp.publish(nfl, f"{url}/in", tmp_path / "publisher.log", loop=-1))
    recorder = until_end(rtmp.record(f"{url}/out", tmp_path / "out.mkv", tmp_path / "recorder.log"))
    more = [until_end(rtmp.publish(nfl, f"{service.rtmp_url()}/live/more{n}/in", tmp_path / f"more{n}.log", loop=-1))
            for n in range(1, STREAMS)]
    settle(service)
    files, threads = service.open_files(), service.threads()
    memory = watch(service, 60 * minutes)
    third = len(memory) // 3
    growth_limit_kb = GROWTH_KB + (0 if third > 2 * ROUND_S else WITHIN_ROUND_KB)
    first_kb, last_kb = np.median(memory[:third, 1]), np.median(memory[-third:, 1])
    print(f"\nsoak: {STREAMS} streams, {minutes:g} min, resident in MB: {memory[0, 1] / 1024:.1f} at the start, {first_kb / 1024:.1f} in the first third, "
          f"{last_kb / 1024:.1f} in the last, at most {memory[:, 1].max() / 1024:.1f}; threads {threads} -> {service.threads()}, "
          f"files {files} -> {service.open_files()}")
    assert memory[:, 1].max() < IDLE_LIMIT_KB + STREAMS * STREAM_LIMIT_KB
    assert last_kb - first_kb < growth_limit_kb
    assert service.open_files() <= files + 2 and service.threads() <= threads + 2
    assert all(program.running for program in (publisher, *more))
    publisher.stop()
    assert recorder.wait(40) == 0, recorder.tail()
    marks = avsync.measure(tmp_path / "out.mkv")
    assert len(marks) >= 6 * minutes - 1
    assert all(m.offset_ms is not None and abs(m.offset_ms) < 45 for m in marks), marks
    assert abs(avsync.drift_ms(marks)) < 10
    assert media.duration_s(tmp_path / "out.mkv", "audio") > 60 * minutes
