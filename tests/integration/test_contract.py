"""Every event that a worker sends, driven by its schema in docs/protocol/: what is right is taken, what is wrong is refused with
the code and the name of the field, and the connection is as good as before."""

import base64
import uuid

import pytest

from support import contract, programs
from support.net import wait_for
from support.sts_worker import SENT_BY_WORKER, VALIDATORS, Worker, fragment

ID = "0b7e1f4c-7a53-4f0e-9d3c-2f6f3e0a9b11"
RULE = {"trigger": "sequence_number", "value": 0, "error_code": "TIMEOUT"}
GIVEN = {  # what an event's good payload holds beside what its schema asks for
    "stream:init": {},
    "fragment:data": {"fragment_id": ID, "audio.data_base64": "AAAA", "audio.format": "m4a", "audio.sample_rate_hz": 48000},
    "fragment:ack": {"fragment_id": ID},
    "stream:pause": {}, "stream:resume": {}, "stream:end": {},
    "config:error_simulation": {"enabled": True, "rules": [RULE]},
}


def schema(event):
    return VALIDATORS[SENT_BY_WORKER[event]].schema


def payload(event):
    return contract.example(schema(event), GIVEN[event])


def cases(make, every=1):
    """One parameter a case, `every` n-th of them."""
    rows = [(event, case) for event in GIVEN for case in make(schema(event), payload(event))
            if (event, str(case)) != ("config:error_simulation", "rules-null")]  # bad there: its schema's `if` wants them
    return [pytest.param(event, case, id=f"{event}-{case}") for event, case in rows[::every]]


def on(namespace, rows):
    return [pytest.param(namespace, *row.values, id=f"{namespace}-{row.id}") for row in rows]


BAD = on("/", cases(contract.bad)) + on("/sts", cases(contract.bad, every=7))
GOOD = on("/", cases(contract.good)) + on("/sts", cases(contract.good, every=5))


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    service = programs.sts_service(log=tmp_path_factory.mktemp("sts") / "echo.log", STS_MODE="echo", LOG_LEVEL="DEBUG",
                                   MAX_CONCURRENT_SESSIONS=100, AUTO_DISCONNECT_DELAY="60")
    yield service
    assert service.stop() == 0


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    service = programs.sts_service(log=tmp_path_factory.mktemp("sts") / "full.log", STS_MODE="full",
                                   MAX_CONCURRENT_SESSIONS=100)
    wait_for(lambda: service.get("/health/ready").status_code == 200, programs.READY_S, "engines")
    yield service
    assert service.stop(grace_s=25) == 0


NEEDS_STREAM = ("fragment:data", "stream:pause", "stream:resume", "stream:end")


def addressed(value, stream):
    """The payload, for the test's own stream where it is for the example's."""
    if isinstance(value, dict) and value.get("stream_id") == "x":
        return {**value, "stream_id": stream}
    return value


def code_of(event, case):
    """PROTOCOL.md: base64 that does not decode is INVALID_AUDIO, any other wrong shape INVALID_CONFIG."""
    if event == "fragment:data" and case.how == "not-of-the-pattern":
        return "INVALID_AUDIO"
    if event in NEEDS_STREAM and case.field == "stream_id" and case.how == "another":
        return "STREAM_NOT_FOUND"
    return "INVALID_CONFIG"


def check_refused(worker, event, case):
    worker.send(event, addressed(case.payload, worker.stream), check=False)
    if event == "config:error_simulation":
        answer = worker.wait_for("config:error_simulation:ack")
        assert answer["status"] == "rejected"
        assert answer["error_message"].startswith(f"{case.field}: ")
        return
    error = worker.wait_for("error")
    assert (error["code"], error["severity"], error["retryable"]) == (code_of(event, case), "error", False)
    assert error["message"].startswith(f"{event}: {case.field}: ")


def check_well(worker, is_open):
    """What was refused left the connection and its stream as they were."""
    if not is_open:
        worker.init()
    sent = worker.submit(0, b"x" * 16, format="pcm_s16le")
    assert worker.wait_for("fragment:processed")["fragment_id"] == sent


@pytest.mark.parametrize("namespace, event, case", BAD)
def test_what_is_wrong_is_refused_by_name(echo, namespace, event, case):
    with Worker(echo.url, namespace, stream=str(uuid.uuid4())) as worker:
        if event in NEEDS_STREAM:
            worker.init()
        check_refused(worker, event, case)
        check_well(worker, is_open=event in NEEDS_STREAM)
        assert len(worker.of("error")) + len(worker.of("config:error_simulation:ack")) == 1


@pytest.mark.parametrize("event, case", cases(contract.bad, every=9))
def test_full_mode_refuses_the_same(full, event, case):
    if event == "config:error_simulation":
        case = contract.Case("errors are simulated in echo mode only", "", case.payload)
    with Worker(full.url, stream=str(uuid.uuid4())) as worker:
        if event in NEEDS_STREAM:
            worker.init()
        if event == "config:error_simulation":
            worker.send(event, case.payload, check=False)
            assert worker.wait_for("config:error_simulation:ack") == {"status": "rejected", "error_message": case.field}
        else:
            check_refused(worker, event, case)


def check_taken(worker, event, sent):
    if event == "stream:init":
        ready = worker.wait_for("stream:ready")
        assert ready["stream_id"] == sent["stream_id"]
        assert ready["max_inflight"] == (sent.get("max_inflight") or 3)
    elif event == "fragment:data" and sent["sequence_number"] > 9:
        assert worker.wait_for("error")["code"] == "INVALID_SEQUENCE"  # it is a number, but beyond the window
        return
    elif event == "fragment:data":
        assert worker.wait_for("fragment:ack")["fragment_id"] == sent["fragment_id"]
        worker.end()
        assert worker.wait_for("fragment:processed")["dubbed_audio"]["data_base64"] == sent["audio"]["data_base64"]
    elif event == "config:error_simulation":
        count = len(sent.get("rules") or []) if sent["enabled"] else 0
        assert worker.wait_for("config:error_simulation:ack") == {"status": "accepted", "rules_count": count}
    elif event == "stream:pause":
        worker.submit(0, b"x")
        assert worker.wait_for("error")["code"] == "STREAM_PAUSED"
        return
    elif event == "stream:end":
        worker.wait_for("stream:complete")
    else:
        check_well(worker, is_open=event == "stream:resume")
    assert worker.of("error") == []


def made_good(event, case):
    """A case whose members hang together: a rule's value has the type that its trigger asks for; what is on has rules."""
    if event == "config:error_simulation" and case.how == "fragment_id":
        return contract.changed(case.payload, "rules[0].value", "an-id")
    if event == "config:error_simulation" and case.how == "nth_fragment":
        return contract.changed(case.payload, "rules[0].value", 1)
    return case.payload


@pytest.mark.parametrize("namespace, event, case", GOOD)
def test_what_is_right_is_taken(echo, namespace, event, case):
    sent = made_good(event, case)
    with Worker(echo.url, namespace, stream=str(uuid.uuid4())) as worker:
        is_own = case.field == "stream_id"
        sent = sent if is_own else addressed(sent, worker.stream)
        if is_own:
            worker.stream = sent["stream_id"]
        if event in NEEDS_STREAM:
            worker.init()
        worker.send(event, sent, check=case.how != "null")
        check_taken(worker, event, sent)


def test_defaults_are_those_of_the_schema(tmp_path, until_end):
    """What config leaves out is what the schema says, seen in stream:ready and in the log."""
    config = schema("stream:init")["properties"]["config"]["properties"]
    echo = until_end(programs.sts_service(tmp_path / "sts.log", STS_MODE="echo"))  # of the other tests' streams not all are in the log
    with Worker(echo.url, stream="defaults-are-told") as worker:
        assert worker.init()["max_inflight"] == schema("stream:init")["properties"]["max_inflight"]["default"]
    line = echo.wait_for_line(r"(.*stream opens.*defaults-are-told.*)").group(1)
    for name in ("source_language", "target_language", "voice_profile"):
        assert f"={config[name]['default']}" in line


@pytest.mark.parametrize("event", NEEDS_STREAM)
def test_another_stream_is_not_found(echo, event):
    with Worker(echo.url, stream=str(uuid.uuid4())) as worker:
        for is_open in (False, True):
            if is_open:
                worker.init()
            worker.send(event, contract.changed(payload(event), "stream_id", "another"))
            error = worker.wait_for("error", 1 + is_open) if not is_open else worker.wait_for("error", 2)[1]
            assert (error["code"], error["severity"], error["retryable"]) == ("STREAM_NOT_FOUND", "error", False)
            assert error["stream_id"] == "another" and "stream_id" in error["message"]
        check_well(worker, is_open=True)


def test_too_large_names_the_field(echo):
    with Worker(echo.url, stream=str(uuid.uuid4())) as worker:
        worker.init()
        large = fragment(worker.stream, 0, b"")
        large["audio"]["data_base64"] = base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode()
        worker.send("fragment:data", large)
        error = worker.wait_for("error")
        assert error["code"] == "FRAGMENT_TOO_LARGE"
        assert error["message"].startswith("fragment:data: audio.data_base64: ")


# code, severity, retryable: PROTOCOL.md's table, one row each
CODES = [
    ("AUTH_FAILED", "fatal", False), ("STREAM_NOT_FOUND", "error", False), ("STREAM_PAUSED", "error", True),
    ("STREAM_IN_USE", "error", True),
    ("INVALID_CONFIG", "error", False), ("INVALID_VOICE_PROFILE", "error", False), ("FRAGMENT_TOO_LARGE", "error", False),
    ("INVALID_SEQUENCE", "error", False), ("INVALID_AUDIO", "error", False), ("TIMEOUT", "error", True),
    ("MODEL_ERROR", "error", True), ("GPU_OOM", "error", True), ("QUEUE_FULL", "warning", True),
    ("BACKPRESSURE_EXCEEDED", "warning", True), ("RATE_LIMIT", "warning", True), ("RATE_LIMIT_EXCEEDED", "warning", True),
    ("TRANSLATION_API_UNAVAILABLE", "error", True), ("DURATION_MISMATCH_EXCEEDED", "error", False),
]


def test_the_schema_knows_each_code():
    assert VALIDATORS["error"].schema["properties"]["code"]["enum"] == [code for code, _, _ in CODES]


@pytest.mark.parametrize("code, severity, retryable", CODES)
def test_each_code_by_simulation(echo, code, severity, retryable):
    """What engines would cause, the simulation causes; `retryable` is the rule's own and true unless it says otherwise."""
    with Worker(echo.url, stream=str(uuid.uuid4())) as worker:
        worker.init()
        rules = [{"trigger": "nth_fragment", "value": 1, "error_code": code, "retryable": retryable, "stage": "translation"}]
        worker.send("config:error_simulation", {"enabled": True, "rules": rules})
        worker.submit(0, b"x")
        answer = worker.wait_for("fragment:processed")
        assert answer["error"] == {"code": code, "message": "Simulated error", "stage": "translation", "retryable": retryable}


def provoke(worker, code):
    """Makes the server send the code as `error`, by the worker's own fault."""
    if code == "STREAM_NOT_FOUND":
        worker.control("end")
    elif code == "INVALID_CONFIG":
        worker.send("stream:init", {}, check=False)
    else:
        worker.init(max_inflight=10)
    if code == "STREAM_PAUSED":
        worker.control("pause")
        worker.submit(0, b"x")
    elif code == "INVALID_SEQUENCE":
        worker.submit(10, b"beyond")
    elif code == "INVALID_AUDIO":
        worker.send("fragment:data", fragment(worker.stream, 0, b"", data_base64="?"), check=False)
    elif code == "FRAGMENT_TOO_LARGE":
        worker.submit(0, bytes(10 * 1024 * 1024 + 1))


@pytest.mark.parametrize("code", ["STREAM_NOT_FOUND", "STREAM_PAUSED", "INVALID_CONFIG", "INVALID_SEQUENCE", "INVALID_AUDIO",
                                  "FRAGMENT_TOO_LARGE"])
def test_each_error_event(echo, code):
    """AUTH_FAILED, BACKPRESSURE_EXCEEDED and RATE_LIMIT_EXCEEDED: test_sts_service.py; INVALID_VOICE_PROFILE: test_sts_full_mode.py."""
    with Worker(echo.url, stream=str(uuid.uuid4())) as worker:
        provoke(worker, code)
        error = worker.wait_for("error")
        assert (error["code"], error["severity"], error["retryable"]) == next(row for row in CODES if row[0] == code)
