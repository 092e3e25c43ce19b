"""The containers' own environment: every value can be set, names and ports do not get in each other's way, nothing is left behind."""

import os
import signal
import socket
import sys
import textwrap

import pytest

from e2e.helpers import docker, session, settings
from e2e.helpers.production_environment import ProductionEnvironment
from support.net import free_port, wait_for
from support.process import Program

needs_docker = (pytest.mark.containers, pytest.mark.timeout(400))


def containers_test(test):
    for mark in needs_docker:
        test = mark(test)
    return test


# ---- without containers ----

OTHER = {
    "MEDIAMTX_RTMP_PORT": ("1936", lambda s: s.ports["rtmp"] == 1936),
    "MEDIAMTX_RTSP_PORT": ("8555", lambda s: s.ports["rtsp"] == 8555),
    "MEDIAMTX_API_PORT": ("8889", lambda s: s.ports["api"] == 8889),
    "MEDIAMTX_PLAYBACK_PORT": ("9006", lambda s: s.ports["playback"] == 9006),
    "MEDIAMTX_METRICS_PORT": ("9008", lambda s: s.ports["metrics"] == 9008),
    "MEDIAMTX_SRT_PORT": ("8891", lambda s: s.ports["srt"] == 8891),
    "MEDIA_SERVICE_PORT": ("8081", lambda s: s.ports["media"] == 8081),
    "STS_PORT": ("3001", lambda s: s.ports["sts"] == 3001),
    "E2E_NETWORK_NAME": ("ci-dubbing-net", lambda s: s.network == "ci-dubbing-net"),
    "E2E_DYNAMIC_PORTS": ("1", lambda s: len(set(s.ports.values()) - {1935, 8554, 9996, 9997, 9998, 8080, 8890, 3000}) == 8),
    "E2E_NAME_SUFFIX": ("-ci7", lambda s: s.name["sts"] == "sts-service-ci7" and s.sts_service_url == "http://sts-service-ci7:3000"),
    "STS_SERVICE_URL": ("http://sts-prod:8000", lambda s: s.sts_service_url == "http://sts-prod:8000"),
    "MEDIAMTX_RTMP_URL": ("rtmp://elsewhere:1935", lambda s: s.mediamtx_rtmp_url == "rtmp://elsewhere:1935"),
    "E2E_MEDIA_SERVER": ("builtin", lambda s: s.media_server == "builtin"),
    "AIRDUB_TAG": ("1.2", lambda s: s.tag == "1.2"),
    "E2E_BUILD": ("0", lambda s: not s.build),
    "MEDIAMTX_TAG": ("1.0.0", lambda s: s.mediamtx_image == "bluenviron/mediamtx:1.0.0"),
    "E2E_MODELS": ("/srv/models", lambda s: str(s.models) == "/srv/models"),
    "E2E_ASR_PROVIDER": ("pocketsphinx", lambda s: s.engines["ASR_PROVIDER"] == "pocketsphinx"),
    "E2E_ASR_MODEL": ("base", lambda s: s.engines["ASR_MODEL"] == "base"),
    "E2E_TRANSLATION_PROVIDER": ("deepl", lambda s: s.engines["TRANSLATION_PROVIDER"] == "deepl"),
    "E2E_TTS_PROVIDER": ("vits", lambda s: s.engines["TTS_PROVIDER"] == "vits"),
    "E2E_PLAYOUT_DELAY": ("12", lambda s: s.playout_delay_s == 12),
    "E2E_STS_TIMEOUT_MS": ("9000", lambda s: s.sts_timeout_ms == 9000),
    "E2E_HEALTH_TIMEOUT_S": ("90", lambda s: s.health_timeout_s == 90),
    "E2E_RUN": ("build17", lambda s: s.run == "build17"),
    "E2E_SWEEP": ("own", lambda s: s.sweep == "own"),
    "E2E_LOCK": ("/tmp/other.lock", lambda s: str(s.lock) == "/tmp/other.lock"),
    "E2E_LOCK_WAIT_S": ("0", lambda s: s.lock_wait_s == 0),
    "E2E_UNTIL": ("1800000000", lambda s: s.until == 1800000000),
    "E2E_LOGS": ("/tmp/logs", lambda s: str(s.logs) == "/tmp/logs"),
}


def test_every_variable_has_a_case():
    assert set(OTHER) == set(settings.VARIABLES)


@pytest.mark.parametrize("variable", settings.VARIABLES)
def test_variables_override_defaults(variable, monkeypatch):
    for each in settings.VARIABLES:
        monkeypatch.delenv(each, raising=False)
    value, has_effect = OTHER[variable]
    assert not has_effect(settings.load())
    monkeypatch.setenv(variable, value)
    assert has_effect(settings.load())


def test_readme_shows_every_variable():
    text = (settings.ROOT / "tests/e2e/README.md").read_text()
    shown = {name: default for name, (default, _) in settings.VARIABLES.items() if f"| `{name}` |" in text}
    assert set(shown) == set(settings.VARIABLES)


def test_one_session_at_a_time(tmp_path):
    path = tmp_path / "lock"
    with session.lock(path, 0):
        with pytest.raises(session.SessionBusy, match=str(os.getpid())):
            with session.lock(path, 0):
                pass
    with session.lock(path, 0):
        pass


# ---- with them ----

def quick(containers, **variables):
    """Settings of an environment of one's own in this session: an sts-service that echoes, free ports, its own names and network."""
    own = {"E2E_RUN": containers.settings.run, "E2E_DYNAMIC_PORTS": "1", "E2E_NAME_SUFFIX": "-own",
           "E2E_NETWORK_NAME": "e2e-own-network",
           "E2E_PLAYOUT_DELAY": "0", "STS_SERVICE_URL": "", "MEDIAMTX_RTMP_URL": ""}
    return settings.load(**{**own, **variables})


@pytest.fixture
def own_env(containers, tmp_path):
    """own_env(sts_env=…, **variables): a ProductionEnvironment that is not started; removed with the test."""
    made = []

    def make(sts_env=None, media_env=None, **variables):
        chosen = quick(containers, **variables)
        made.append(ProductionEnvironment(chosen, containers.kind, tmp_path, {"STS_MODE": "echo", **(sts_env or {})}, media_env))
        containers.environments.append(made[-1])
        return made[-1]

    yield make
    for environment in made:
        environment.remove()
        containers.environments.remove(environment)


@containers_test
def test_env_config_overrides(own_env, publish_rtmp_stream, short):
    """Another RTMP port, network and sts-service address are taken without a change of code, and a stream goes through."""
    rtmp_port = free_port()
    environment = own_env(sts_env={"PORT": "8000", "STS_PORT": "8000"}, E2E_DYNAMIC_PORTS="0", MEDIAMTX_RTMP_PORT=rtmp_port,
                          MEDIAMTX_RTSP_PORT=free_port(), MEDIAMTX_API_PORT=free_port(), MEDIA_SERVICE_PORT=free_port(), STS_PORT=free_port(),
                          E2E_NETWORK_NAME="ci-dubbing-net", STS_SERVICE_URL="http://sts-service-own:8000")
    environment.sts.publish = {environment.settings.ports["sts"]: 8000}
    environment.start()
    assert environment.rtmp_url.endswith(f":{rtmp_port}")
    assert {c["Name"] for c in docker.network("ci-dubbing-net")["Containers"].values()} >= {c.name for c in environment.containers}
    publish_rtmp_stream(environment, short, stream="override", loop=-1)
    wait_for(lambda: environment.count("override", "dubbed") > 0, 60, "a fragment dubbed at http://sts-service-own:8000")


@containers_test
def test_network_is_made_when_missing(own_env):
    environment = own_env()
    assert not docker.has_network(environment.settings.network)
    environment.sts.start()
    assert docker.network(environment.settings.network)["Labels"][docker.LABEL] == environment.settings.run
    environment.remove()
    assert not docker.has_network(environment.settings.network)


@containers_test
def test_port_conflict_is_told(own_env):
    """An error that names the port and the cure; nothing is left of the container. With free ports there is no conflict."""
    environment = own_env()
    with socket.create_server(("0.0.0.0", environment.settings.ports["sts"])):
        with pytest.raises(docker.PortConflict, match=f"{environment.settings.ports['sts']}.*E2E_DYNAMIC_PORTS"):
            environment.sts.start()
    assert environment.sts.name not in docker.docker("ps", "--all", "--format", "{{.Names}}").stdout.split()
    environment.sts.start()


@containers_test
def test_two_containers_on_one_port(own_env):
    environment = own_env()
    environment.sts.start()
    environment.media.publish = {environment.settings.ports["sts"]: 8080}
    with pytest.raises(docker.PortConflict):
        environment.media.start()
    assert environment.sts.running


@containers_test
def test_name_in_use_is_told(own_env):
    """Somebody else's container is not removed."""
    environment = own_env()
    environment.sts.start()
    with pytest.raises(docker.NameConflict, match="E2E_NAME_SUFFIX"):
        environment.sts.start()
    assert environment.sts.running


@containers_test
def test_containers_reach_the_outside(own_env):
    """The network is not internal: there is a way out, for models that are fetched."""
    environment = own_env()
    environment.sts.start()
    routes = environment.sts.execute("cat", "/proc/net/route").stdout.splitlines()
    assert any(line.split()[1] == "00000000" for line in routes[1:]), routes
    assert docker.network(environment.settings.network)["Internal"] is False


# ---- sessions that end badly ----

INNER = """
    import time
    import pytest

    @pytest.mark.containers
    def test_inner(echo_env):
        print("inner: running", flush=True)
        {body}
"""


def inner_session(body, folder, containers):
    """(Program, E2E_RUN) of a session beside this one, with one test that has the containers of echo_env."""
    file = folder / "test_inner.py"
    file.write_text(textwrap.dedent(INNER).format(body=body))
    env = {"E2E_RUN": f"{containers.settings.run}-inner", "E2E_LOCK": str(folder / "lock"), "E2E_SWEEP": "own", "E2E_BUILD": "0",
           "E2E_MEDIA_SERVER": containers.kind, "E2E_LOGS": str(folder / "logs"), "E2E_NETWORK_NAME": "e2e-inner-network",
           "E2E_NAME_SUFFIX": "-inner", "PYTHONPATH": f"{settings.ROOT}/tests:{settings.ROOT}/tools"}
    command = [sys.executable, "-m", "pytest", "-s", "-c", settings.ROOT / "pyproject.toml", "-p", "e2e.conftest", file]
    return Program(command, name="inner", env=env, log=folder / "inner.log", cwd=settings.ROOT), env["E2E_RUN"]


def left_behind(run_id):
    return {kind: docker.labelled(kind, run_id) for kind in docker.KINDS if docker.labelled(kind, run_id)}


@containers_test
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_interrupted_session_leaves_nothing(number, containers, tmp_path, until_end):
    program, run_id = inner_session("time.sleep(200)", tmp_path, containers)
    until_end(program)
    program.wait_for_line("inner: running", 120)
    assert left_behind(run_id)["container"]
    program.signal(number)
    assert program.wait(60) == pytest.ExitCode.INTERRUPTED, program.tail()
    assert left_behind(run_id) == {}


@containers_test
def test_failed_test_keeps_logs(containers, tmp_path, until_end):
    """Those of each container, in files that the report names; then everything is removed all the same."""
    program, run_id = inner_session("assert False, 'on purpose'", tmp_path, containers)
    until_end(program)
    assert program.wait(180) == pytest.ExitCode.TESTS_FAILED, program.tail()
    kept = sorted((tmp_path / "logs" / "test_inner").glob("*.log"))
    assert len(kept) == (3 if containers.kind == "mediamtx" else 2)
    assert all(path.read_text() and str(path) in program.output() for path in kept), kept
    assert left_behind(run_id) == {}


@containers_test
def test_sweep_finds_what_a_killed_session_left(containers, own_env):
    """By its label alone: nobody remembers the names."""
    environment = own_env(E2E_RUN=f"{containers.settings.run}-killed")
    environment.sts.start()
    assert docker.sweep(f"{containers.settings.run}-killed") >= 2  # a container and its network
    assert left_behind(f"{containers.settings.run}-killed") == {}
