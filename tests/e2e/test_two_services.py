"""Two sts-services beside one media-service: the death of the one that has a stream costs at most one fragment."""

import signal

import pytest

from support import rtmp
from support.net import free_port, wait_for
from support.programs import MediaService, sts_service

pytestmark = pytest.mark.alone


@pytest.fixture
def world(tmp_path, until_end):
    class World:
        def __init__(self):
            self.services = [until_end(sts_service(tmp_path / f"sts-{i}.log", STS_MODE="echo")) for i in range(2)]
            self.media = until_end(MediaService(", ".join(sts.url for sts in self.services), tmp_path / "segments",
                                                tmp_path / "media.log", WORKER_SEGMENT_DURATION=2, WORKER_STS_TIMEOUT_MS=3000,
                                                WORKER_PLAYOUT_DELAY=8))

        def publish(self, clip):
            until_end(rtmp.publish(clip, f"{self.media.rtmp_url()}/live/show/in", tmp_path / "publisher.log", loop=9))

        def count(self, what):
            return self.media.streams().get("show", {}).get(what, 0)

        def wait_more_dubs(self, more):
            goal = self.count("dubbed") + more
            wait_for(lambda: self.count("dubbed") >= goal, 60, f"{more} more dubbed fragments")

        def has_the_stream(self, i):
            return "stream opens" in self.services[i].output()
    return World()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=["killed", "frozen", "stopped"])
def test_the_other_takes_over(world, short, number):
    world.publish(short)
    world.wait_more_dubs(2)
    assert world.has_the_stream(0) and not world.has_the_stream(1)
    world.services[0].signal(number)
    world.wait_more_dubs(4)
    assert world.has_the_stream(1)
    assert world.count("fallback") <= 1
    assert world.media.get("/health/ready").ok


def test_the_first_need_not_be_there(short, tmp_path, until_end):
    sts = until_end(sts_service(tmp_path / "sts.log", STS_MODE="echo"))
    media = until_end(MediaService(f"http://127.0.0.1:{free_port()},{sts.url}", tmp_path / "segments", tmp_path / "media.log"))
    until_end(rtmp.publish(short, f"{media.rtmp_url()}/live/show/in", tmp_path / "publisher.log"))
    wait_for(lambda: media.streams().get("show", {}).get("dubbed", 0) >= 1, 30, "a dubbed fragment")
    assert media.streams()["show"]["fallback"] == 0


def test_both_are_away_and_the_second_comes_back(world, short, tmp_path, until_end):
    world.publish(short)
    world.wait_more_dubs(2)
    port = world.services[1].port
    for sts in world.services:
        sts.signal(signal.SIGKILL)
    wait_for(lambda: world.count("fallback") >= 2, 40, "fragments in the original")
    assert world.media.get("/health/ready").json()["status"] != "ready"
    until_end(sts_service(tmp_path / "sts-3.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    world.wait_more_dubs(3)
