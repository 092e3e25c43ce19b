"""`airdub sts-probe` against the real sts-service: what it prints, and what it says when something is wrong."""

import json
import re
import signal
import socket
import threading

import pytest

from fixtures import clips
from support import programs
from support.cli import airdub, assert_one_line
from support.net import free_port, wait_for
from support.process import Program

FRAGMENTS = 2  # of 6 s in the short clip


@pytest.fixture
def serve(tmp_path, until_end):
    """serve(SETTING=…): an sts-service in echo mode."""
    def start(**env):
        return until_end(programs.sts_service(log=tmp_path / "sts.log", **{"STS_MODE": "echo", "AUTO_DISCONNECT_DELAY": "0.3", **env}))
    return start


def events_of(text):
    return [json.loads(line) for line in text.splitlines()]


def probe(url, clip, *words, status=0, **more):
    """(the "start" object, those of the fragments, the summary)"""
    done = airdub("sts-probe", "--json", url, clip, *words, **more)
    assert done.returncode == status, done.stderr
    start, *fragments, summary = events_of(done.stdout)
    assert (start["event"], summary["event"]) == ("start", "summary")
    assert all(f["event"] == "fragment" for f in fragments)
    return start, fragments, summary


def test_every_fragment_is_timed(serve, short):
    start, fragments, summary = probe(serve().url, short)
    assert start["clip_fragments"] == FRAGMENTS and 50_000 < start["average_bytes"] < 150_000
    assert [f["number"] for f in fragments] == list(range(FRAGMENTS))
    for fragment in fragments:
        assert fragment["status"] == "success" and fragment["code"] is None
        assert 0 < fragment["ack_ms"] <= fragment["processed_ms"] < 5000
    assert summary["fragments"] == summary["statuses"]["success"] == FRAGMENTS
    assert summary["error"] is None and summary["unanswered"] == 0
    assert summary["ack_ms"]["p50"] <= summary["ack_ms"]["p99"] <= summary["ack_ms"]["max"] == max(f["ack_ms"] for f in fragments)
    assert sum(bar["count"] for bar in summary["processed_ms"]["histogram"]) == FRAGMENTS


def test_streams_repeat_the_file(serve, short):
    """Each stream has a connection of its own, keeps its order, and the window holds."""
    _, fragments, summary = probe(serve(MAX_CONCURRENT_SESSIONS=100).url, short, "--streams", "5", "--fragments", "9", "--window", "2",
                                  "--namespace", "/sts", "--path", "/ws/sts")
    for stream in range(5):
        assert [f["number"] for f in fragments if f["stream"] == stream] == list(range(9))
    assert summary["fragments"] == 45 and summary["fragments_per_second"] > 0
    assert summary["audio_per_second"] == pytest.approx(6 * summary["fragments_per_second"], rel=0.01)


def test_repeat_counts_files(serve, short):
    assert probe(serve().url, short, "--repeat", "3")[2]["fragments"] == 3 * FRAGMENTS


def test_rate_is_kept(serve, short):
    """20 a second and stream: the tenth is due 450 ms after the first."""
    summary = probe(serve().url, short, "--rate", "20", "--fragments", "10")[2]
    assert 0.44 < summary["elapsed"] < 5


def test_a_window_holds_back(serve, short):
    """Nothing is answered in less than 200 ms, so two at once make ten a second."""
    url = serve(ECHO_PROCESSING_DELAY_MS=200).url
    assert probe(url, short, "--window", "1", "--fragments", "5")[2]["elapsed"] >= 1
    assert probe(url, short, "--window", "5", "--fragments", "5")[2]["elapsed"] < 1


def test_full_mode_tells_the_stages(short, tmp_path, until_end):
    sts = until_end(programs.sts_service(log=tmp_path / "sts.log"))
    wait_for(lambda: sts.get("/health/ready").status_code == 200, 60, "engines that are loaded")
    _, fragments, summary = probe(sts.url, short, "--timeout", "30")
    for fragment in fragments:
        assert fragment["status"] in ("success", "partial") and fragment["asr_ms"] > 0 and fragment["tts_ms"] > 0
    assert summary["engines_ms"]["count"] == FRAGMENTS
    for kind in ("ack_ms", "processed_ms", "server_ms", "engines_ms", "around_ms"):
        assert summary[kind]["max"] >= summary[kind]["p50"] >= summary[kind]["min"] >= 0


def test_text_for_people(serve, short):
    done = airdub("sts-probe", serve().url, short, "--repeat", "5")
    assert done.returncode == 0 and done.stderr == ""
    assert len(re.findall(r"^ +0 +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +- +- +-  success$", done.stdout, re.M)) == 5 * FRAGMENTS
    assert re.search(rf"^fragments  {5 * FRAGMENTS} success$", done.stdout, re.M)
    assert re.search(r"^fragment:ack( +[\d.]+){5}$", done.stdout, re.M)
    assert re.search(r"^ +[\d.]+ +\d+ #{50}$", done.stdout, re.M)
    quiet = airdub("sts-probe", "--quiet", serve().url, short).stdout
    assert "STREAM" not in quiet and f"fragments  {FRAGMENTS} success" in quiet


# ---- what goes wrong ----

def test_no_file(tmp_path):
    done = airdub("sts-probe", "--json", f"http://127.0.0.1:{free_port()}", tmp_path / "none.mp4")
    assert_one_line(done, 3, "none.mp4")
    assert events_of(done.stdout)[-1]["status"] == 3


def test_fragments_without_answer(serve, short):
    """Acknowledged, and then nothing in time: the status tells."""
    sts = serve(ECHO_PROCESSING_DELAY_MS=3000)
    done = airdub("sts-probe", "--json", sts.url, short, "--timeout", "1", "--window", "3")
    summary = events_of(done.stdout)[-1]
    assert_one_line(done, 1, f"{FRAGMENTS} of {FRAGMENTS} fragments failed")
    assert summary["statuses"]["timeout"] == FRAGMENTS and summary["processed_ms"] is None
    assert summary["ack_ms"]["count"] == FRAGMENTS and summary["error"]["status"] == 1


def test_nobody_there(short):
    url = f"http://127.0.0.1:{free_port()}"
    done = airdub("sts-probe", "--json", url, short)
    assert_one_line(done, 10, url)
    assert "start it" in done.stderr and events_of(done.stdout)[-1]["status"] == 10


def test_somebody_else_there(short):
    """What accepts and closes is no sts-service."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def close_at_once():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return
        threading.Thread(target=close_at_once, daemon=True).start()
        done = airdub("sts-probe", f"http://127.0.0.1:{server.getsockname()[1]}", short)
        server.shutdown(socket.SHUT_RDWR)
    assert_one_line(done, 10, "check the address")


@pytest.mark.parametrize("words, env", [((), {}), (("--key", "wrong"), {}), ((), {"STS_API_KEY": "wrong"})])
def test_wrong_key(serve, short, words, env):
    done = airdub("sts-probe", serve(STS_API_KEY="right").url, short, *words, env=env)
    assert_one_line(done, 15, "--key")
    assert "right" not in done.stderr


@pytest.mark.parametrize("words, env", [(("--key", "right"), {}), ((), {"STS_API_KEY": "right"})])
def test_right_key(serve, short, words, env):
    assert probe(serve(STS_API_KEY="right").url, short, *words, env=env)[2]["fragments"] == FRAGMENTS


def test_no_audio(serve):
    done = airdub("sts-probe", serve().url, clips.video_only())
    assert_one_line(done, 5, "audio track required")


def test_no_such_namespace(serve, short):
    assert_one_line(airdub("sts-probe", serve().url, short, "--namespace", "/other"), 13, "--namespace")


def test_no_room_for_all_streams(serve, short):
    """Those that are let in are measured; the status is that of those that are not."""
    done = airdub("sts-probe", "--json", serve(MAX_CONCURRENT_SESSIONS=2, ECHO_PROCESSING_DELAY_MS=20).url, short, "--streams", "3",
                  "--fragments", "20")
    summary = events_of(done.stdout)[-1]
    assert_one_line(done, 14, "1 of 3 streams failed")
    assert summary["statuses"]["success"] == 40 and summary["streams_failed"] == 1


def test_no_such_language(short, tmp_path, until_end):
    sts = until_end(programs.sts_service(log=tmp_path / "sts.log"))
    wait_for(lambda: sts.get("/health/ready").status_code == 200, 60, "engines that are loaded")
    assert_one_line(airdub("sts-probe", sts.url, short, "--to", "xx"), 2, "--to")
    assert_one_line(airdub("sts-probe", sts.url, short, "--voice", "nobody"), 3, "nobody")


def test_service_dies_in_the_middle(serve, short, tmp_path):
    sts = serve(ECHO_PROCESSING_DELAY_MS=50)
    with Program([programs.path_of("airdub"), "sts-probe", "--json", sts.url, short, "--fragments", "10000"],
                 log=tmp_path / "probe.log") as program:
        program.wait_for_line('"number": ?5,')
        sts.popen.kill()
        assert program.wait(20) == 10, program.tail()
    summary = next(json.loads(line) for line in program.output().splitlines() if '"summary"' in line)
    assert summary["statuses"]["success"] >= 6 and 1 <= summary["statuses"]["lost"] <= 3
    assert summary["error"]["status"] == 10
    assert "the connection broke" in program.output()


def test_interrupt_prints_what_there_is(serve, short, tmp_path):
    with Program([programs.path_of("airdub"), "sts-probe", "--json", serve(ECHO_PROCESSING_DELAY_MS=50).url, short, "--fragments", "10000"],
                 log=tmp_path / "probe.log") as program:
        program.wait_for_line('"number": ?5,')
        program.signal(signal.SIGINT)
        assert program.wait(10) == 130, program.tail()
    summary = next(json.loads(line) for line in program.output().splitlines() if '"summary"' in line)
    assert summary["fragments"] >= 6 and summary["error"]["status"] == 130 and 0 <= summary["unanswered"] <= 3
