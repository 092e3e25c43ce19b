"""What breaks beside a real MediaMTX, judged by a viewer: how long there is no picture, and whether the stream goes on as it was.

Short segments, so that little waits for the playout delay. A key frame each second, which is what a reader that comes back
waits for at most."""

import signal
import time
from types import SimpleNamespace

import pytest
import requests

from support import rtmp
from support.mediamtx_server import MediaMtx
from support.net import free_port, wait_for
from support.player import Player
from support.programs import MediaService, mediamtx, sts_service

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not mediamtx(), reason="MediaMTX is not on PATH and MEDIAMTX_BIN is not set"),
]

GOP_S = 1
PICTURES = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25"]
TONE = ["-re", "-f", "lavfi", "-i", "sine=sample_rate=44100"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-c:a", "aac"]
SEGMENT_S = 3
DELAY_S = SEGMENT_S * 1.4 + 1.15


class Broadcast:
    """A publisher, all services and a viewer, with somebody watching."""

    def __init__(self, folder, until_end, playback=False):
        self.folder, self.until_end, self.playback = folder, until_end, playback
        self.ports = SimpleNamespace(api=free_port(), rtmp=free_port(), playback=free_port())
        self.rtmp = f"rtmp://127.0.0.1:{self.ports.rtmp}"
        self.server = until_end(MediaMtx(folder, self.ports, playback))
        self.sts = until_end(sts_service(folder / "sts.log", STS_MODE="echo"))
        self.service = self.start_service("media-service")

    def start_service(self, name):
        playback_url = f"http://127.0.0.1:{self.ports.playback}" if self.playback else "off"
        return self.until_end(MediaService(
            self.sts.url, self.folder / name, self.folder / f"{name}.log", MEDIA_SERVER="mediamtx", MEDIAMTX_RTMP_URL=self.rtmp,
            MEDIAMTX_API_URL=self.server.api, MEDIAMTX_PLAYBACK_URL=playback_url, WORKER_SEGMENT_DURATION=SEGMENT_S))

    def publish(self, name="publisher", sound=True, gop_s=GOP_S):
        what = [*PICTURES, *(TONE if sound else []), *H264, "-g", str(25 * gop_s)]
        return self.until_end(rtmp.publish_from(what, f"{self.rtmp}/live/show/in", self.folder / f"{name}.log"))

    def watch(self, shows_all=False):
        return self.until_end(Player(f"{self.rtmp}/live/show/out", shows_all))

    def play(self, shows_all=False):
        """A publisher and a viewer, with dubs on the screen."""
        publisher, player = self.publish(), self.watch(shows_all)
        self.wait_dubbed(2)
        wait_for(lambda: player.pictures, 20, "a picture")
        return publisher, player

    def state(self, service=None):
        return (service or self.service).streams().get("show", {})

    def dubbed(self, service=None):
        return self.state(service).get("dubbed", 0)

    def wait_dubbed(self, count, service=None, timeout_s=40):
        wait_for(lambda: self.dubbed(service) >= count, timeout_s, f"{count} dubbed fragments")

    def wait_more_dubs(self, more=2):
        self.wait_dubbed(self.dubbed() + more)

    def call(self, method, path):
        answer = requests.request(method, f"{self.server.api}/v3/{path}", timeout=5)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture
def broadcast(tmp_path, until_end):
    return Broadcast(tmp_path, until_end)


def lines(service, *words):
    return [line for line in service.output().splitlines() if all(word in line for word in words)]


def test_reader_is_cut_off_and_the_publisher_stays(broadcast, record_property):
    """The source has ended, says the connection; it has not, says the media server: one session, one key frame lost."""
    _, player = broadcast.play()
    since = time.monotonic()
    reader = broadcast.server.path("live/show/in")["readers"][0]
    broadcast.call("POST", f"rtmpconns/kick/{reader['id']}")
    broadcast.service.wait_for_line("draining -> recovering", 5)
    broadcast.wait_more_dubs(3)
    wait_for(lambda: time.monotonic() - since > DELAY_S + 4, 20, "what came after the cut")
    gap_s = player.largest_gap_s(since)
    record_property("gap_s", gap_s)
    print(f"gap {gap_s:.2f} s")
    assert gap_s < GOP_S + 0.5
    assert len(player.sessions) == 1
    assert len(lines(broadcast.service, "connecting -> running")) == 1 and not lines(broadcast.service, "ERROR")


def test_publisher_goes_and_comes_back(broadcast, record_property):
    publisher, player = broadcast.play()
    publisher.stop()
    since = time.monotonic()
    wait_for(lambda: time.monotonic() - since > 0.5, 5, "half a second without a publisher")
    broadcast.publish("publisher-2")
    broadcast.wait_more_dubs(3)
    wait_for(lambda: time.monotonic() - since > DELAY_S + 7, 20, "what came after the break")
    gap_s = player.largest_gap_s(since)
    record_property("gap_s", gap_s)
    print(f"gap {gap_s:.2f} s")
    # Away, what MediaMTX takes to look at it, the path list's second, a key frame; and ffmpeg's start on a busy machine.
    assert gap_s < 0.5 + 2 + 1 + GOP_S + 1.5
    assert len(player.sessions) == 1 and not lines(broadcast.service, "ERROR")
    assert lines(broadcast.service, "epoch 1:") and not lines(broadcast.service, "epoch 2:")


def test_delay_stays_after_a_break(broadcast, record_property):
    """What waited for its key frame, here for a second or two, is dated: the stream is not later by that for good."""
    publisher, player = broadcast.publish(gop_s=4), broadcast.watch()
    broadcast.wait_dubbed(2)
    publisher.stop()
    second = broadcast.publish("publisher-2", gop_s=4)
    broadcast.service.wait_for_line("recovering -> running", 10)
    broadcast.wait_more_dubs(3)
    second.stop()
    ended = time.monotonic()
    wait_for(lambda: not broadcast.state(), 20, "the end of the stream")
    delay_s = player.pictures[-1][0] - ended
    record_property("delay_s", delay_s)
    print(f"delay {delay_s:.2f} s, of {DELAY_S:.2f}")
    assert delay_s == pytest.approx(DELAY_S, abs=0.6)


def test_publisher_comes_back_and_is_recorded(tmp_path, until_end):
    """Nothing of what the new publisher sends is lost; what the old one had sent is not played again."""
    broadcast = Broadcast(tmp_path, until_end, playback=True)
    publisher, player = broadcast.play()
    recovered = "pictures from before the first live one are recovered"
    assert len(lines(broadcast.service, recovered)) == 1
    publisher.stop()
    since = time.monotonic()
    broadcast.publish("publisher-2")
    broadcast.service.wait_for_line("recovering -> running", 10)
    assert len(lines(broadcast.service, recovered)) == 2
    wait_for(lambda: time.monotonic() - since > DELAY_S + 7, 20, "what came after the break")
    print(f"gap {player.largest_gap_s(since):.2f} s")
    reader = broadcast.server.path("live/show/in")["readers"][0]
    broadcast.call("POST", f"rtmpconns/kick/{reader['id']}")
    broadcast.wait_more_dubs(2)
    assert len(lines(broadcast.service, recovered)) == 2, "what has been played is fetched again"
    assert len(player.sessions) == 1 and not lines(broadcast.service, "ERROR")


def test_media_server_is_restarted(broadcast, record_property):
    """What is in hand is played as soon as it is back; the stream itself goes on when its publisher is."""
    publisher, player = broadcast.play()
    since = time.monotonic()
    broadcast.server.stop()
    publisher.stop()
    broadcast.server = broadcast.until_end(MediaMtx(broadcast.folder, broadcast.ports, playback=False))
    broadcast.publish("publisher-2")
    wait_for(lambda: len(player.sessions) == 2, 5, "the viewer's return")
    back_s = player.sessions[1] - since
    broadcast.wait_more_dubs(2)
    record_property("back_s", back_s)
    print(f"back after {back_s:.2f} s; largest gap {player.largest_gap_s(since):.2f} s")
    assert back_s < DELAY_S
    assert len(lines(broadcast.service, "connecting -> running")) == 1 and not lines(broadcast.service, "ERROR")


def test_service_is_told_to_end(broadcast, record_property):
    """What is in hand goes out in two seconds: nothing that was published before SIGTERM is lost."""
    published = broadcast.until_end(Player(f"{broadcast.rtmp}/live/show/in"))
    _, player = broadcast.play()
    broadcast.wait_more_dubs()
    terminated = time.monotonic()
    broadcast.service.signal(signal.SIGTERM)
    assert broadcast.service.wait(15) == 0, broadcast.service.tail()
    took_s = time.monotonic() - terminated
    wait_for(lambda: player.ends, 5, "the viewer's end")
    lost_s = player.lost_of(published, terminated) / 25
    print(f"{took_s:.2f} s; {lost_s:.2f} s lost")
    record_property("lost_s", lost_s)
    assert lost_s < 0.5 and took_s < 3


@pytest.mark.parametrize(("how", "away_s"), [(signal.SIGTERM, 5), (signal.SIGKILL, 2)], ids=["term", "kill"])
def test_service_is_restarted_and_the_source_is_recorded(tmp_path, until_end, record_property, how, away_s):
    """What passed meanwhile is fetched from the recording: nothing is missing from the output, and it is no later for good."""
    broadcast = Broadcast(tmp_path, until_end, playback=True)
    published = until_end(Player(f"{broadcast.rtmp}/live/show/in"))
    publisher, player = broadcast.play(shows_all=True)
    broadcast.wait_more_dubs()
    broadcast.service.signal(how)
    broadcast.service.wait(15)
    ended = time.monotonic()
    wait_for(lambda: time.monotonic() - ended > away_s, away_s + 5, "some seconds without a service")
    since = time.monotonic()
    broadcast.service = broadcast.start_service("media-service")
    wait_for(lambda: len(player.sessions) == 2, 20, "the viewer's return")
    back_s = player.sessions[1] - since
    broadcast.wait_dubbed(broadcast.dubbed() + 4)
    publisher.stop()
    last = time.monotonic()
    wait_for(lambda: not broadcast.state(), 20, "the end of the stream")
    delay_s, skipped_s = player.pictures[-1][0] - last, player.skipped_of(published) / 25
    print(f"back {back_s:.2f} s after the start; {skipped_s:.2f} s lost; delay {delay_s:.2f} s, of {DELAY_S:.2f}")
    record_property("skipped_s", skipped_s)
    record_property("delay_s", delay_s)
    assert lines(broadcast.service, "goes on at fragment") and not lines(broadcast.service, "ERROR")
    assert skipped_s < 0.1
    assert delay_s == pytest.approx(DELAY_S, abs=0.6)
    assert player.largest_gap_s(since) < DELAY_S


def test_dubs_are_back_when_sts_service_is(broadcast, record_property):
    """It is looked for twice a second: the next attempt by itself would be up to 16 s away."""
    broadcast.play()
    port, killed = broadcast.sts.port, time.monotonic()
    broadcast.sts.signal(signal.SIGKILL)
    wait_for(lambda: time.monotonic() - killed > 8, 10, "eight seconds without an sts-service")
    dubbed = broadcast.dubbed()
    started = time.monotonic()
    broadcast.until_end(sts_service(broadcast.folder / "sts-2.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    wait_for(lambda: broadcast.dubbed() > dubbed, 30, "a dub")
    back_s = time.monotonic() - started
    record_property("back_s", back_s)
    print(f"dub back {back_s:.2f} s after the start")
    assert back_s < 1 + SEGMENT_S * 1.2 + 2.5  # looked at, a whole segment, its way through on a machine with much else to do


def test_dubs_are_back_when_sts_service_goes_on(broadcast, record_property):
    """Its late answers show that it lives: the breaker, which had opened, does not wait for its 30 s."""
    broadcast.play()
    broadcast.sts.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: broadcast.state()["breaker"] == "open", 40, "an open breaker")
    finally:
        broadcast.sts.signal(signal.SIGCONT)
    dubbed, goes_on = broadcast.dubbed(), time.monotonic()
    wait_for(lambda: broadcast.dubbed() > dubbed, 30, "a dub")
    back_s = time.monotonic() - goes_on
    record_property("back_s", back_s)
    print(f"dub back {back_s:.2f} s after it goes on")
    assert back_s < 8
    wait_for(lambda: broadcast.state()["breaker"] == "closed", 20, "a closed breaker")


def test_no_sound_is_told_at_once(broadcast):
    started = time.monotonic()
    broadcast.publish(sound=False)
    broadcast.service.wait_for_line("ERROR stream show: .*audio track required for dubbing", 10)
    ready = wait_for(lambda: broadcast.server.ready_at("live/show/in"), 5, "the path")
    print(f"told {time.monotonic() - started:.2f} s after the publisher's start")
    assert time.time() - ready.timestamp() < 1.5
    wait_for(lambda: time.monotonic() - started > 7, 10, "some more lists")
    assert len(lines(broadcast.service, "ERROR")) == 1
    assert not lines(broadcast.service, "connecting")


def test_second_service_stays_in_reserve_and_takes_over(broadcast):
    """Neither pushes the other off, on the media server or in the sts-service; when one dies, the other has the stream."""
    _, player = broadcast.play()
    reserve = broadcast.start_service("reserve")
    reserve.wait_for_line("stream show: live/show/out is published by another; in reserve", 5)
    assert reserve.metrics().value("media_service_worker_in_reserve", stream_id="show") == 1
    broadcast.wait_more_dubs(3)
    key = broadcast.sts.wait_for_line(r"stream opens .*worker_id=(\S+)").group(1)
    assert key.endswith("-show") and key not in broadcast.service.get("/metrics").text, "whoever knows it may take the stream"
    assert len(player.sessions) == 1 and not reserve.streams()
    assert broadcast.state()["fallback"] == 0
    died = time.monotonic()
    broadcast.service.signal(signal.SIGKILL)
    reserve.wait_for_line("idle -> connecting", 5)
    broadcast.wait_dubbed(2, reserve)
    wait_for(lambda: len(player.sessions) == 2, 10, "the viewer's return")
    print(f"taken over; back {player.sessions[1] - died:.2f} s after the death")


def test_second_service_takes_over_and_the_source_is_recorded(tmp_path, until_end, record_property):
    """It has seen when the other's output ended, and knows how far behind that was: nothing is missing."""
    broadcast = Broadcast(tmp_path, until_end, playback=True)
    published = until_end(Player(f"{broadcast.rtmp}/live/show/in"))
    publisher, player = broadcast.play(shows_all=True)
    reserve = broadcast.start_service("reserve")
    reserve.wait_for_line("in reserve", 5)
    broadcast.wait_more_dubs()
    died = time.monotonic()
    broadcast.service.signal(signal.SIGKILL)
    wait_for(lambda: len(player.sessions) == 2, 15, "the viewer's return")
    back_s = player.sessions[1] - died
    broadcast.wait_dubbed(broadcast.dubbed(reserve) + 4, reserve)
    publisher.stop()
    last = time.monotonic()
    wait_for(lambda: not broadcast.state(reserve), 20, "the end of the stream")
    delay_s, skipped_s = player.pictures[-1][0] - last, player.skipped_of(published) / 25
    print(f"taken over; back {back_s:.2f} s after the death; {skipped_s:.2f} s lost; delay {delay_s:.2f} s, of {DELAY_S:.2f}")
    record_property("skipped_s", skipped_s)
    assert skipped_s < 0.1
    assert delay_s == pytest.approx(DELAY_S, abs=0.6)


def test_two_services_that_start_together(broadcast, until_end):
    """Both take the stream up; one has the output in the end, and the other leaves it alone."""
    other = broadcast.start_service("other")
    broadcast.publish()
    player = broadcast.watch()
    services = (broadcast.service, other)
    wait_for(lambda: sum(bool(lines(s, "in reserve")) for s in services) == 1, 30, "one in reserve")
    owner = next(s for s in services if not lines(s, "in reserve"))
    broadcast.wait_dubbed(4, owner)
    assert len(player.sessions) == 1
    assert len([s for s in services if s.streams()]) == 1
