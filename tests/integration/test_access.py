"""Who may use what: tokens for HTTP, keys for RTMP, and what a program says is open."""

import contextlib
import re
import time

import pytest
import requests

from support import programs, rtmp
from support.fake_authority import FakeAuthority
from support.net import free_port, wait_for
from support.process import run
from support.rtmp_stranger import RtmpStranger

TOKEN, PUBLISH, PLAY = "t0ken", "publish-key", "play-key"
ROUTES = {"media": ["/metrics", "/metrics/", "/v1/streams", "/v1", "/v1/nowhere", "/%761/streams", "/v1/../v1/streams", "/%6detrics",
                    "/v1/mediamtx/events/ready", "/v1/mediamtx/events/not-ready"],
          "sts": ["/metrics", "/metrics/", "/%6detrics"]}
OPEN = {"media": ["/health", "/health/live", "/health/ready"], "sts": ["/health", "/health/live", "/health/ready"]}


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    api = free_port()
    media = programs.MediaService("http://127.0.0.1:1", folder / "segments", folder / "media.log", API_TOKEN=TOKEN, API_PORT=api,
                                  RTMP_PUBLISH_KEY=PUBLISH, RTMP_PLAY_KEY=PLAY, HOST="0.0.0.0")
    media.api = api
    sts = programs.sts_service(folder / "sts.log", STS_MODE="echo", API_TOKEN=TOKEN)
    yield {"media": media, "sts": sts}
    assert media.stop(grace_s=15) == 0 and sts.stop() == 0


WRONG = [{}, {"Authorization": "Bearer t0ke"}, {"Authorization": "Bearer t0ken0"}, {"Authorization": "Bearer "},
         {"Authorization": "Basic t0ken"}, {"Authorization": "t0ken"}, {"Authorization": "Bearer " + "x" * 5000}]


def raw(service, method, path, headers):
    """The status and body; the path goes out as it stands here."""
    request = requests.Request(method, service.url, headers=headers).prepare()
    request.url = service.url + path
    with requests.Session() as session:
        answer = session.send(request, timeout=15)
    return answer.status_code, answer.text


@pytest.mark.parametrize("program, path", [(p, path) for p, paths in ROUTES.items() for path in paths])
def test_without_the_token_nothing(services, program, path):
    for method in ("GET", "POST", "DELETE"):
        for headers in WRONG:
            status, body = raw(services[program], method, path, headers)
            assert (status, "API_TOKEN is set: say Authorization: Bearer TOKEN, or ?token=TOKEN" in body) == (401, True)
        for query in ("?token=", "?token=t0ke", "?x=t0ken", "?token"):
            assert raw(services[program], method, path + query, {})[0] == 401


@pytest.mark.parametrize("program, path", [("media", "/metrics"), ("media", "/v1/streams"), ("sts", "/metrics")])
def test_with_the_token_all(services, program, path):
    service = services[program]
    assert raw(service, "GET", path, {"Authorization": f"Bearer {TOKEN}"})[0] == 200
    assert raw(service, "GET", path, {"Authorization": f"bearer {TOKEN}"})[0] == 200
    assert raw(service, "GET", f"{path}?token={TOKEN}", {})[0] == 200
    assert raw(service, "GET", f"{path}?a=b&token=t0%6ben", {})[0] == 200


@pytest.mark.parametrize("program, path", [(p, path) for p, paths in OPEN.items() for path in paths])
def test_health_is_for_everybody(services, program, path):
    assert raw(services[program], "GET", path, {})[0] in (200, 503)


def test_a_hook_brings_the_token(services, tmp_path):
    """airdub mediamtx-hook, with the token from a file as in a container, and without."""
    hidden = tmp_path / "token"
    hidden.write_text(TOKEN + "\n")
    env = {"ORCHESTRATOR_URL": services["media"].url, "MTX_PATH": "live/none/in", "MTX_QUERY": ""}
    command = [programs.path_of("airdub"), "mediamtx-hook", "not-ready"]
    assert run(command, env={**env, "API_TOKEN_FILE": str(hidden)}, timeout_s=30).returncode == 0
    refused = run(command, env=env, timeout_s=30)
    assert refused.returncode != 0 and "answered 401" in refused.stderr


def rtmp_port(service):
    return int(service.rtmp_url().rsplit(":", 1)[1])


DENIED = {"publish": b"NetStream.Publish.Denied", "play": b"NetStream.Play.Failed"}


@pytest.mark.parametrize("asks", DENIED)
@pytest.mark.parametrize("key", ["", "?key=", "?key=wrong", "?key=publish-key0", "?other=publish-key", "?key=" + "x" * 1500])
def test_without_the_key_no_stream(services, asks, key):
    with RtmpStranger(rtmp_port(services["media"])) as client:
        getattr(client.connect(), asks)(f"denied/in{key}")
        client.wait_for(DENIED[asks])
        client.wait_for(b"The key is wrong or missing")


def test_each_key_opens_its_own_door(services):
    port = rtmp_port(services["media"])
    with RtmpStranger(port) as client:
        client.connect().publish(f"mine/in?key={PLAY}")
        client.wait_for(DENIED["publish"])
    with RtmpStranger(port) as client:
        client.connect().play(f"mine/in?key={PUBLISH}")
        client.wait_for(DENIED["play"])


@pytest.mark.parametrize("app, name, url", [("live", f"k1/in?key={PUBLISH}", None), (f"live?key={PUBLISH}", "k2/in", None),
                                            ("live", f"k3/in?lang=es&key=publish%2Dkey&from=en", None),
                                            ("live", "k4/in", f"rtmp://anna:{PUBLISH}@127.0.0.1/live"),
                                            ("live", "k5/in", f"rtmp://{PUBLISH}@127.0.0.1/live")],
                         ids=["name", "app", "among-others", "password", "user"])
def test_where_the_key_may_stand(services, app, name, url):
    with RtmpStranger(rtmp_port(services["media"])) as client:
        client.connect(app, url).publish(name)
        client.wait_for(b"NetStream.Publish.Start")


def test_wrong_keys_are_counted_and_not_repeated(tmp_path, until_end):
    service = until_end(programs.MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media.log", RTMP_PUBLISH_KEY="k"))
    for _ in range(20):
        with RtmpStranger(rtmp_port(service)) as client:
            client.connect().publish("denied/in?key=guess")
            client.wait_for(DENIED["publish"])
    service.stop()
    assert len(re.findall("refused: the key is wrong or missing", service.output())) == 1
    assert "refused for their key: 19 more" in service.output()
    assert "guess" not in service.output()


def test_a_stream_with_keys_is_dubbed_and_tells_none(services, until_end, short, tmp_path):
    """ffmpeg publishes and plays with the keys; the service itself comes in with one of its own, which it tells nobody."""
    media = services["media"]
    until_end(rtmp.publish(short, f"{media.rtmp_url()}/live/show/in?lang=es&key={PUBLISH}", tmp_path / "publisher.log", loop=-1))
    out = tmp_path / "out.mkv"
    recorder = until_end(rtmp.record(f"{media.rtmp_url()}/live/show/out?key={PLAY}", out, tmp_path / "recorder.log"))
    wait_for(lambda: out.exists() and out.stat().st_size > 50_000, 60, "the output")
    assert recorder.running
    paths = requests.get(f"http://127.0.0.1:{media.api}/v3/paths/list", timeout=10).text
    told = [paths, *(raw(media, "GET", path, {"Authorization": f"Bearer {TOKEN}"})[1] for path in ("/metrics", "/v1/streams"))]
    assert "lang=es" in paths
    for text in (*told, media.output()):
        assert PUBLISH not in text and PLAY not in text and TOKEN not in text and "key=" not in text


# ---- an authority elsewhere ----

USERS = {"anna": "s3cr&t", "bert": "w0rd"}


@pytest.fixture
def asked(tmp_path, until_end):
    """(service, authority): RTMP_AUTH_URL is set, with a user and password of its own."""
    with FakeAuthority(USERS) as authority:
        url = authority.url.replace("http://", "http://media:0wn@") + "/auth"
        service = until_end(programs.MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media.log", RTMP_AUTH_URL=url,
                                                  HOST="0.0.0.0", API_TOKEN=TOKEN))
        yield service, authority
        assert service.stop(grace_s=15) == 0
        for word in (*USERS.values(), "s3cr%26t", "0wn", "guess"):
            assert word not in service.output()


def test_the_authority_is_asked(asked):
    """All that MediaMTX would tell it, in its words."""
    service, authority = asked
    with RtmpStranger(rtmp_port(service)) as client:
        client.connect("live?user=anna&pass=s3cr%26t", None).publish("show/in?lang=es&token=t")
        client.wait_for(b"NetStream.Publish.Start")
    asked_of = authority.last
    assert asked_of.path == "/auth" and asked_of.headers["authorization"] == "Basic bWVkaWE6MHdu"
    question = asked_of.json
    assert re.fullmatch("[0-9a-f-]{36}", question.pop("id"))
    assert question == {"ip": "127.0.0.1", "user": "anna", "password": "s3cr&t", "token": "t", "action": "publish", "path": "live/show/in",
                        "protocol": "rtmp", "query": "user=anna&pass=s3cr%26t&lang=es&token=t"}
    with RtmpStranger(rtmp_port(service)) as client:
        client.connect("live", "rtmp://bert:w0rd@127.0.0.1/live").play("show/out")
        wait_for(lambda: len(authority.asked) == 2, 10, "the second question")
        question = authority.last.json
        assert (question["user"], question["password"], question["action"], question["path"]) == ("bert", "w0rd", "read", "live/show/out")


@pytest.mark.parametrize("asks", DENIED)
@pytest.mark.parametrize("key", ["", "?user=anna", "?user=anna&pass=guess", "?user=carl&pass=w0rd"])
def test_who_is_not_known_is_refused(asked, asks, key):
    with RtmpStranger(rtmp_port(asked[0])) as client:
        getattr(client.connect(), asks)(f"denied/in{key}")
        client.wait_for(DENIED[asks])
        client.wait_for(b"The authority that decides who may publish and play refuses it.")
    asked[0].wait_for_line("live/denied/in: refused: The authority")


AWAY = {"cut": "cut", "slow": "slow_head", "500": (500, b"broken"), "redirect": (302, b"", {"Location": "/elsewhere"})}


@pytest.mark.parametrize("kind", AWAY)
def test_an_authority_that_is_away_lets_nobody_in(asked, kind):
    """Nor holds up anybody: the loop goes on, and the answer comes within its time."""
    service, authority = asked
    authority.fault(AWAY[kind], AWAY[kind])  # a request that was cut off before its answer may be sent again
    begun = time.monotonic()
    with RtmpStranger(rtmp_port(service)) as client:
        client.connect().publish("denied/in?user=anna&pass=s3cr%26t")
        wait_for(lambda: authority.asked, 10, "the question")
        assert service.get("/health", timeout_s=1).ok
        client.wait_for(b"does not answer; try again")
    assert time.monotonic() - begun < 8
    assert all("elsewhere" not in a.path for a in authority.asked)
    service.wait_for_line(r"RTMP_AUTH_URL: http://127.0.0.1:\d+/auth: ")
    authority._faults.clear()
    with RtmpStranger(rtmp_port(service)) as client:
        client.connect().publish("show/in?user=anna&pass=s3cr%26t")
        client.wait_for(b"NetStream.Publish.Start")


def test_questions_at_once_are_bounded(asked):
    """While the authority takes its time with 64, the 65th is told so at once."""
    service, authority = asked
    authority.fault(*["slow_head"] * 64)
    with contextlib.ExitStack() as held:
        for number in range(64):
            held.enter_context(RtmpStranger(rtmp_port(service))).connect().publish(f"x-{number}/in?user=anna&pass=s3cr%26t")
        wait_for(lambda: len(authority.asked) == 64, 4, "the questions")
        last = held.enter_context(RtmpStranger(rtmp_port(service)))
        last.connect().publish("last/in?user=anna&pass=s3cr%26t")
        last.wait_for(b"Too many want to know at once")
    assert len(authority.asked) == 64


def test_key_and_authority(tmp_path, until_end):
    """Whoever lacks the key is not asked about; with it the authority decides."""
    with FakeAuthority(USERS) as authority:
        service = until_end(programs.MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media.log",
                                                  RTMP_AUTH_URL=authority.url, RTMP_PUBLISH_KEY=PUBLISH))
        for query, word in (("", b"The key is wrong"), (f"?key={PUBLISH}&user=anna&pass=x", b"The authority"),
                            (f"?key={PUBLISH}&user=anna&pass=s3cr%26t", b"Publish.Start")):
            with RtmpStranger(rtmp_port(service)) as client:
                client.connect().publish(f"x/in{query}")
                client.wait_for(word)
        assert len(authority.asked) == 2


def test_a_stream_of_a_known_user_is_dubbed(asked, until_end, short, tmp_path):
    """The service's own connections need nobody's leave; neither list nor metric tells a credential."""
    service, authority = asked
    until_end(rtmp.publish(short, f"{service.rtmp_url()}/live/show/in?lang=es&user=anna&pass=s3cr%26t", tmp_path / "p.log", loop=-1))
    out = tmp_path / "out.mkv"
    until_end(rtmp.record(f"{service.rtmp_url()}/live/show/out?user=bert&pass=w0rd", out, tmp_path / "recorder.log"))
    wait_for(lambda: out.exists() and out.stat().st_size > 50_000, 60, "the output")
    assert {question["user"] for question in authority.questions()} == {"anna", "bert"}
    header = {"Authorization": f"Bearer {TOKEN}"}
    for text in (raw(service, "GET", path, header)[1] for path in ("/metrics", "/v1/streams")):
        assert "s3cr" not in text and "user=" not in text


# ---- names ----

def test_a_name_by_itself_is_dubbed(services, until_end, short, tmp_path):
    """live/NAME, as people forget the /in: the dub is at live/NAME/out; live/NAME plays what was published."""
    media = services["media"]
    until_end(rtmp.publish(short, f"{media.rtmp_url()}/live/alone?key={PUBLISH}", tmp_path / "publisher.log", loop=-1))
    outs = {name: tmp_path / f"{name}.mkv" for name in ("out", "in", "short")}
    for name, out in outs.items():
        path = "live/alone" if name == "short" else f"live/alone/{name}"
        until_end(rtmp.record(f"{media.rtmp_url()}/{path}?key={PLAY}", out, tmp_path / f"{name}.log"))
    for name, out in outs.items():
        wait_for(lambda out=out: out.exists() and out.stat().st_size > 50_000, 60, name)
    names = [path["name"] for path in requests.get(f"http://127.0.0.1:{media.api}/v3/paths/list", timeout=10).json()["items"]]
    assert {"live/alone/in", "live/alone/out"} <= set(names) and "live/alone" not in names


def test_a_name_whose_input_is_in_use(services):
    """Another publishes it by its whole name: that is said, and changes nothing for the other."""
    port = rtmp_port(services["media"])
    with RtmpStranger(port) as first, RtmpStranger(port) as second:
        first.connect().publish(f"both/in?key={PUBLISH}")
        first.wait_for(b"NetStream.Publish.Start")
        second.connect().publish(f"both?key={PUBLISH}")
        second.wait_for(b"NetStream.Publish.BadName")
        second.wait_for(b"live/both/in is in use, so live/both is not taken for it")
        services["media"].wait_for_line("live/both: refused: live/both/in is in use")
        first.call("FCUnpublish", b"\x05", transaction=9.0)
        first.wait_for(b"Unpublish.Success")
    with RtmpStranger(port) as short, RtmpStranger(port) as again:
        short.connect().publish(f"both?key={PUBLISH}")
        short.wait_for(b"NetStream.Publish.Start")
        again.connect().publish(f"both?key={PUBLISH}")  # by the same name: the same encoder, come back
        again.wait_for(b"NetStream.Publish.Start")
        short.wait_for(b"Another publisher has taken this path over.")


@pytest.mark.parametrize("app, key", [("shows", "main"), ("live", "a/b/in"), ("live", "main/input")])
def test_a_name_that_is_not_dubbed_is_said(services, app, key):
    """In the log, from where the view of `airdub live` has it, and to the publisher, who may go on."""
    with RtmpStranger(rtmp_port(services["media"])) as client:
        client.connect(app).publish(f"{key}?key={PUBLISH}")
        client.wait_for(b"NetStream.Publish.Start")
        client.wait_for(b"not dubbed: publish live/NAME, or live/NAME/in")
    services["media"].wait_for_line(f"WARN .*publishes {app}/{key}: .*not dubbed")


def says(name, **env):
    """What it says is open."""
    service = programs.Service(name, {"RTMP_PORT": "0", "API_PORT": "0", "MEDIA_SERVER": "builtin", "STS_MODE": "echo", "STS_PORT": "0",
                                      "STS_SERVICE_URL": "http://127.0.0.1:1", **env})
    requests.get(f"http://127.0.0.1:{service.port}/health", timeout=10)  # its loop runs: it hears signals
    assert service.stop(grace_s=15) == 0
    lines = [line for line in service.output().splitlines() if "open to anyone" in line]
    return [re.sub(r":\d+ ", ":PORT ", line.split("open to anyone: ")[1]) for line in lines]


OPEN_LINES = [
    ("media-service", {"HOST": "0.0.0.0"}, ["RTMP publishing on 0.0.0.0:PORT (set RTMP_PUBLISH_KEY), RTMP playing on 0.0.0.0:PORT "
                                            "(set RTMP_PLAY_KEY), hooks, /v1 and /metrics on 0.0.0.0:PORT (set API_TOKEN)"]),
    ("media-service", {"HOST": "127.0.0.1", "API_HOST": "0.0.0.0"}, ["the control API on 0.0.0.0:PORT (set API_HOST=127.0.0.1)"]),
    ("media-service", {"HOST": "::", "RTMP_PUBLISH_KEY": "a", "API_TOKEN": "b"}, ["RTMP playing on [::]:PORT (set RTMP_PLAY_KEY)"]),
    ("media-service", {"HOST": "localhost"}, []),
    ("media-service", {"HOST": "0.0.0.0", "RTMP_AUTH_URL": "http://127.0.0.1:1", "API_TOKEN": "c"}, []),
    ("media-service", {"HOST": "0.0.0.0", "RTMP_PUBLISH_KEY": "a", "RTMP_PLAY_KEY": "b", "API_TOKEN": "c"}, []),
    ("sts-service", {"HOST": "0.0.0.0", "STS_MONITOR": "1"}, ["dubbing on 0.0.0.0:PORT (set STS_API_KEY), /metrics on 0.0.0.0:PORT "
                                                              "(set API_TOKEN), /monitor on 0.0.0.0:PORT (set STS_MONITOR_TOKEN)"]),
    ("sts-service", {"HOST": "0.0.0.0", "STS_MONITOR": "1", "STS_API_KEY": "a", "API_TOKEN": "b"}, []),
    ("sts-service", {"HOST": "127.0.0.1"}, []),
]


@pytest.mark.parametrize("program, env, lines", OPEN_LINES)
def test_the_start_says_what_is_open(program, env, lines, tmp_path):
    assert says(program, **env, SEGMENT_DIR=str(tmp_path)) == lines
