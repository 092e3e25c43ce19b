"""Three media-services and three sts-services beside one MediaMTX and one Redis: each stream has one owner, whatever dies,
stands still or comes back."""

import shutil
import signal
import subprocess
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from support import rtmp
from support.mediamtx_server import MediaMtx
from support.net import free_port, wait_for, wait_for_port
from support.process import Program
from support.programs import MediaService, mediamtx, sts_service

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set"),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not there: apt-get install redis-server"),
]

PASSWORD = "not to be seen"
TAKEN_OVER_S = 5
STREAMS = ("news", "show")
WHAT = ["-re", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10", "-re", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-c:v", "libx264",
        "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-c:a", "aac"]


class Redis:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.program = Program(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", "", "--dir",
                                self.folder], name="redis-server", log=self.folder / f"redis-{self.starts}.log")
        wait_for_port(self.port)

    def kill(self):
        self.program.signal(signal.SIGKILL)
        self.program.wait(5)

    def ask(self, *words):
        command = ["redis-cli", "--no-auth-warning", "-a", PASSWORD, "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()

    @property
    def url(self):
        return f"redis://:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}"

    def stop(self):
        self.program.stop()


class House:
    """All of it; a fault is judged by who says that it runs which stream."""

    def __init__(self, folder, until_end):
        self.folder, self.until_end = folder, until_end
        ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port())
        self.rtmp = f"rtmp://127.0.0.1:{ports.rtmp}"
        self.server = until_end(MediaMtx(folder, ports, False))
        self.redis = until_end(Redis(folder))
        self.sts = [until_end(sts_service(folder / f"sts-{n}.log", STS_MODE="echo")) for n in range(3)]
        self.services = [self.start_service(n) for n in range(3)]

    def start_service(self, n):
        urls = [self.sts[(n + i) % 3].url for i in range(3)]
        return self.until_end(MediaService(
            ",".join(urls), self.folder / f"segments-{n}", self.folder / f"media-{n}.log", MEDIA_SERVER="mediamtx", MEDIAMTX_RTMP_URL=self.rtmp,
            MEDIAMTX_API_URL=self.server.api, MEDIAMTX_PLAYBACK_URL="off", WORKER_SEGMENT_DURATION=2, LEASE_URL=self.redis.url))

    def publish(self):
        for stream in STREAMS:
            self.until_end(rtmp.publish_from(WHAT, f"{self.rtmp}/live/{stream}/in", self.folder / f"publisher-{stream}.log"))

    def owners(self, but=None):
        """How many services have each stream, of those that can be asked."""
        return Counter(stream for service in self.services if service is not but for stream in service.streams())

    def assert_one_each(self, but=None):
        owners = self.owners(but)
        assert all(owners[stream] <= 1 for stream in STREAMS), owners
        return all(owners[stream] == 1 for stream in STREAMS)

    def wait_one_each(self, timeout_s, but=None):
        since = time.monotonic()
        wait_for(lambda: self.assert_one_each(but), timeout_s, "one owner of each stream")
        return time.monotonic() - since

    def stay_one_each(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.assert_one_each(), self.owners()

    def owner(self, stream):
        return next(service for service in self.services if stream in service.streams())

    def wait_dubbed(self, more=2):
        before = {stream: self.owner(stream).streams()[stream]["dubbed"] for stream in STREAMS}
        wait_for(lambda: all(self.owner(stream).streams()[stream]["dubbed"] >= before[stream] + more for stream in STREAMS), 40,
                 f"{more} more dubbed fragments of each stream")

    def assert_nothing_leaks(self):
        for service in self.services:
            command = (f"/proc/{service.pid}/cmdline") if service.running else None
            assert PASSWORD not in service.output()
            assert command is None or PASSWORD.encode() not in open(command, "rb").read()


@pytest.fixture
def house(tmp_path, until_end):
    house = House(tmp_path, until_end)
    house.publish()
    house.wait_one_each(20)
    house.wait_dubbed()
    yield house
    house.assert_nothing_leaks()


def test_owner_is_killed(house, record_property):
    dead = house.owner("show")
    house.services.remove(dead)
    dead.signal(signal.SIGKILL)
    back_s = house.wait_one_each(TAKEN_OVER_S)
    print(f"taken over {back_s:.2f} s after the death")
    record_property("taken_over_s", back_s)
    house.wait_dubbed()
    house.stay_one_each(3)


def test_owner_stands_still_and_wakes(house, record_property):
    """Its connections are alive, to the media server and to sts-service: its lease has run out, and it gives all of them up."""
    still = house.owner("show")
    still.signal(signal.SIGSTOP)
    try:
        back_s = house.wait_one_each(TAKEN_OVER_S, but=still)
        print(f"taken over {back_s:.2f} s after it stood still")
        record_property("taken_over_s", back_s)
        wait_for(lambda: house.server.path("live/show/out")["ready"], 10, "the output")
    finally:
        still.signal(signal.SIGCONT)
    still.wait_for_line("stream show: its lease is lost", 2)
    house.wait_one_each(2)
    house.wait_dubbed()
    house.stay_one_each(3)
    assert still.metrics().value("media_service_lease_events_total", event="lost") >= 1


def test_store_is_away_for_less_than_a_lease(house):
    """It comes back without its data: nobody loses a stream, and nobody takes one."""
    house.redis.kill()
    wait_for(lambda: house.owner("show").get("/health/ready").status_code == 503, 3, "word of it")
    assert "lease store" in house.owner("show").get("/health/ready").json()["reason"]
    assert house.owner("show").metrics().value("media_service_lease_store_up") == 0
    house.redis.start()
    house.stay_one_each(8)
    assert all("its lease is lost" not in service.output() for service in house.services)
    assert house.redis.ask("keys", "airdub:lease:*").split() == sorted(f"airdub:lease:{stream}" for stream in STREAMS) or \
        set(house.redis.ask("keys", "airdub:lease:*").split()) == {f"airdub:lease:{stream}" for stream in STREAMS}
    house.wait_dubbed()


def test_store_is_away_for_long(house):
    """Who cannot renew stops before its lease ends; when the store is back, each stream has one owner again."""
    house.redis.kill()
    wait_for(lambda: not house.owners(), 5, "the end of all streams")
    assert any("lease store: " in line and "no streams start" in line for service in house.services for line in service.output().splitlines())
    house.redis.start()
    back_s = house.wait_one_each(3 + TAKEN_OVER_S)  # for the time of one lease the store does not know whether it has forgotten any
    print(f"back {back_s:.2f} s after the store")
    house.wait_dubbed()
    assert all(service.metrics().value("media_service_lease_store_up") == 1 for service in house.services)
    assert sum(service.metrics().value("media_service_leases_held") for service in house.services) == len(STREAMS)


def test_clean_end_hands_over_at_once(house):
    leaving = house.owner("show")
    house.services.remove(leaving)
    leaving.stop()
    assert house.wait_one_each(TAKEN_OVER_S) < 3.5
    house.wait_dubbed()
