"""Each program is started again under a running stream. sts-service killed and back under a stream: tests/e2e/test_faults.py."""

import json
import os
import signal
import time

import pytest

from support import programs, rtmp
from support.net import free_port, wait_for

DAY_S = 24 * 3600


@pytest.fixture
def start(tmp_path, until_end):
    """start(sts, …): a media-service; always in the same folder, so that each is the next one of the last."""
    def run(sts, **env):
        count = len(list(tmp_path.glob("media-*.log")))
        return until_end(programs.MediaService(sts.url, tmp_path / "segments", tmp_path / f"media-{count}.log",
                                               **{"WORKER_SEGMENT_DURATION": 1, **env}))
    return run


@pytest.fixture
def sts(tmp_path, until_end):
    return until_end(programs.sts_service(tmp_path / "sts.log", STS_MODE="echo", MAX_CONCURRENT_SESSIONS=100))


@pytest.fixture
def publish(tmp_path, until_end, short):
    """publish(service): live/show/in, without an end."""
    return lambda service: until_end(rtmp.publish(short, f"{service.rtmp_url()}/live/show/in", tmp_path / "publisher.log", loop=-1))


def checkpoint_of(tmp_path):
    return tmp_path / "segments" / "show.checkpoint.json"


def show(service):
    return service.streams().get("show", {})


def crash_after(service, fragments):
    """Kills it once so many fragments of the stream are dubbed; what the stream's page said last."""
    wait_for(lambda: show(service).get("dubbed", 0) >= fragments, 60, f"{fragments} dubbed fragments")
    last = show(service)
    service.signal(signal.SIGKILL)
    service.wait(10)
    return last


def test_media_service_goes_on_where_it_was(start, sts, publish, tmp_path):
    """Fragments are numbered on, and what was dubbed before still counts."""
    first = start(sts)
    publisher = publish(first)
    last = crash_after(first, 3)
    publisher.stop()
    saved = json.loads(checkpoint_of(tmp_path).read_text())
    assert saved["next_fragment"] >= 3 and saved["dubbed"] >= last["dubbed"]
    assert 0 <= saved["written_unix_ms"] - saved["played_unix_ms"] < 60_000
    second = start(sts)
    publish(second)
    second.wait_for_line(rf"stream show: goes on at fragment {saved['next_fragment']}", 30)
    second.wait_for_line(rf"stream show: fragment {saved['next_fragment']} at ", 30)
    wait_for(lambda: show(second).get("dubbed", 0) > saved["dubbed"], 30, "another dubbed fragment")
    assert show(second)["first_fragment"] == saved["next_fragment"]
    assert show(second)["fragments"] > saved["dubbed"] + saved["fallbacks"]
    assert second.metrics().value("media_service_worker_dubbed_total", stream_id="show") > saved["dubbed"]


@pytest.mark.parametrize("text", ["", "{", '{"next_fragment": -1}', "\0" * 4096, "x" * 1_000_000],
                         ids=["empty", "half", "negative", "zeros", "megabyte"])
def test_corrupt_checkpoint_is_set_aside_and_stops_nothing(start, sts, publish, tmp_path, text):
    path = checkpoint_of(tmp_path)
    path.parent.mkdir()
    path.write_text(text)
    service = start(sts)
    publish(service)
    line = service.wait_for_line(r"WARN.* stream show: .*show\.checkpoint\.json.*set aside as (\S+),", 30)
    assert open(line.group(1)).read() == text
    wait_for(lambda: show(service).get("dubbed", 0) >= 1, 30, "a dubbed fragment")
    assert show(service)["first_fragment"] == 0
    assert json.loads(path.read_text())["next_fragment"] >= 1


def test_checkpoints_of_dead_streams_are_removed(start, sts, tmp_path):
    folder = tmp_path / "segments"
    folder.mkdir()
    for name, age_s in (("dead", 2 * DAY_S), ("recent", DAY_S / 2)):
        path = folder / f"{name}.checkpoint.json"
        path.write_text("{}")
        os.utime(path, (time.time() - age_s,) * 2)
    (folder / "notes.txt").write_text("mine")
    os.utime(folder / "notes.txt", (0, 0))
    start(sts).wait_for_line("1 checkpoints of streams that did not come back are removed")
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "recent.checkpoint.json"]


def test_checkpoint_goes_with_its_stream(start, sts, publish, tmp_path):
    """After a clean end the next stream of the name is a new one."""
    service = start(sts)
    publisher = publish(service)
    wait_for(lambda: checkpoint_of(tmp_path).exists(), 30, "a checkpoint")
    publisher.stop()
    wait_for(lambda: not service.streams(), 30, "the stream's end")
    assert not checkpoint_of(tmp_path).exists()


def test_sts_service_is_started_again(tmp_path, until_end, start, publish):
    """Dubs go on by themselves; the ones in between are the original, and the break is counted."""
    port = free_port()
    first = until_end(programs.sts_service(tmp_path / "sts-1.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    service = start(first)
    publish(service)
    wait_for(lambda: show(service).get("dubbed", 0) >= 2, 40, "two dubbed fragments")
    assert first.stop() == 0
    wait_for(lambda: show(service).get("fallback", 0) >= 1, 40, "a fragment in the original")
    dubbed = show(service)["dubbed"]
    until_end(programs.sts_service(tmp_path / "sts-2.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    wait_for(lambda: show(service).get("dubbed", 0) > dubbed, 60, "a dubbed fragment after the restart")
    assert service.metrics().value("media_service_worker_reconnections_total", stream_id="show") >= 1
