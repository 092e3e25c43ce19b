"""/health, /health/live and /health/ready of both services. sts-service's while it loads: test_sts_policy.py."""

import signal

import pytest
import requests

from support import programs
from support.net import free_port, wait_for


@pytest.fixture
def sts(tmp_path, until_end):
    return until_end(programs.sts_service(tmp_path / "sts.log", STS_MODE="echo"))


@pytest.fixture
def start(tmp_path, until_end):
    """start(sts_url, …): media-service with the built-in media server."""
    return lambda url, **env: until_end(programs.MediaService(url, tmp_path / "segments", tmp_path / "media.log", **env))


def ready(service):
    """(status code, status, reason)"""
    answer = service.get("/health/ready")
    return answer.status_code, answer.json()["status"], answer.json().get("reason")


def test_ready_when_all_is_there(start, sts):
    service = start(sts.url)
    wait_for(lambda: ready(service) == (200, "ready", None), 20, "media-service")
    assert service.get("/health/live").json()["status"] == "healthy"
    assert sts.get("/health/live").json()["status"] == "healthy"
    assert sts.get("/health/ready").status_code == 200


def test_degraded_while_sts_service_is_away(tmp_path, until_end, start):
    """Streams play the original then, so publishers may come; it is told with the reason, and is over when sts-service is back."""
    port = free_port()
    service = start(f"http://127.0.0.1:{port}")
    wait_for(lambda: ready(service)[1] == "degraded" and "does not answer" in ready(service)[2], 20, "the reason")
    assert ready(service)[0] == 200
    sts = until_end(programs.sts_service(tmp_path / "sts.log", STS_MODE="echo", PORT=port, STS_PORT=port))
    wait_for(lambda: ready(service) == (200, "ready", None), 20, "sts-service to be noticed")
    sts.stop()
    wait_for(lambda: ready(service)[1] == "degraded", 20, "its end to be noticed")


def test_unready_without_a_media_server(start, sts):
    service = start(sts.url, MEDIA_SERVER="mediamtx", MEDIAMTX_API_URL="http://127.0.0.1:1", MEDIAMTX_RTMP_URL="rtmp://127.0.0.1:1")
    service.wait_for_line("WARN.* media server")
    assert ready(service) == (503, "unready", "the media server does not answer")
    assert service.get("/health/live").status_code == 200  # it runs: to start it again would not help


def test_unready_while_it_ends(start, sts, tmp_path, until_end, short):
    from support import rtmp
    service = start(sts.url)
    until_end(rtmp.publish(short, f"{service.rtmp_url()}/live/show/in", tmp_path / "publisher.log", loop=-1))
    wait_for(lambda: service.streams().get("show", {}).get("dubbed", 0) >= 1, 40, "a dubbed fragment")
    service.signal(signal.SIGTERM)
    wait_for(lambda: ready(service)[:2] == (503, "stopping"), 5, "the answer of one that drains")


@pytest.mark.parametrize("path", ["/health/", "/health/livelier", "/healthy"])
def test_other_pages(start, sts, path):
    assert start(sts.url).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_only_read(start, sts, path):
    for service in (start(sts.url), sts):
        assert requests.post(service.url + path, timeout=5).status_code == 405
