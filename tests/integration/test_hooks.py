"""The routes of media-service that MediaMTX's hooks post to, from outside, with a real publisher."""

import pytest
import requests

from support import programs, rtmp
from support.net import wait_for

READY, NOT_READY = "/v1/mediamtx/events/ready", "/v1/mediamtx/events/not-ready"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hooks")
    service = programs.MediaService("http://127.0.0.1:1", folder / "segments", folder / "media.log")
    yield service
    assert service.stop(grace_s=15) == 0


@pytest.fixture(scope="module")
def published(service, tmp_path_factory, short):
    """live/show/in has a publisher."""
    publisher = rtmp.publish(short, f"{service.rtmp_url()}/live/show/in", tmp_path_factory.mktemp("hooks") / "publisher.log", loop=-1)
    wait_for(lambda: "show" in service.streams(), 20, "the stream")
    yield
    publisher.stop()


def event(path, **more):
    return {"path": path, "query": "lang=es", "sourceType": "rtmp", "sourceId": "1", **more}


def post(service, route, body):
    return requests.post(service.url + route, json=body, timeout=15)


def test_ready_again_changes_nothing(service, published):
    before = service.streams()["show"]
    for _ in range(2):
        answer = post(service, READY, event("live/show/in"))
        assert (answer.status_code, answer.json()) == (200, {"status": "already", "stream_id": "show"})
    after = service.streams()
    assert set(after) == {"show"} and after["show"]["uptime_s"] >= before["uptime_s"]


def test_ready_of_what_nobody_publishes_starts_nothing(service):
    answer = post(service, READY, event("live/nobody/in"))
    assert (answer.status_code, answer.json()) == (200, {"status": "unknown", "stream_id": "nobody"})
    assert "nobody" not in service.streams()


def test_not_ready_of_what_is_published_stops_nothing_for_long(service, published):
    """A hook is a hint: the media server's list has the last word."""
    answer = post(service, NOT_READY, event("live/show/in"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "stream_id": "show"})
    wait_for(lambda: service.streams().get("show", {}).get("state") == "running", 30, "the stream to go on")


def test_not_ready_of_what_is_not_there(service):
    answer = post(service, NOT_READY, event("live/nobody/in"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "stream_id": "nobody"})


@pytest.mark.parametrize("route", [READY, NOT_READY])
def test_own_output_is_skipped(service, route):
    answer = post(service, route, event("live/show/out"))
    assert (answer.status_code, answer.json()) == (200, {"status": "skipped", "stream_id": "show"})


@pytest.mark.parametrize("body, reason", [
    (b"", "not JSON"), (b"{", "not JSON"), (b"[]", "object"), (b"{}", "path: missing"), (b'{"path":5}', "path: not a string"),
    (b'{"path":"show"}', "path: 'show' is not live/<id>/in"), (b'{"path":"live/a b/in"}', "path: "),
    (b'{"path":"live/show/in","query":7}', "query: not a string"),
], ids=["nothing", "half", "array", "no-path", "path-number", "path-short", "path-space", "query-number"])
@pytest.mark.parametrize("route", [READY, NOT_READY])
def test_bad_body_is_refused_with_the_reason(service, route, body, reason):
    answer = requests.post(service.url + route, data=body, timeout=15)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "INVALID_EVENT"
    assert reason in error["message"] or reason in ("not JSON", "object") and error["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("route", [READY, NOT_READY])
def test_only_post(service, route, method):
    answer = requests.request(method, service.url + route, timeout=15)
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST"


def test_unknown_route(service):
    assert post(service, "/v1/mediamtx/events/gone", event("live/show/in")).status_code == 404
