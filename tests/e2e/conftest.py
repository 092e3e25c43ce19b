"""Fixtures of the container tests. Tests without the mark `containers` use none of them."""

import logging
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from e2e.helpers import docker, session, settings, stream_publisher
from e2e.helpers.docker_compose_manager import DualComposeManager
from e2e.helpers.production_environment import ProductionEnvironment

log = logging.getLogger("e2e")


@dataclass
class Session:
    """What all container tests of one run share. environments: those that run now, whose logs a failed test keeps."""

    settings: object
    kind: str
    folder: Path
    environments: list = field(default_factory=list)


PLAN = pytest.StashKey()
RUNNING = pytest.StashKey()


NO_TIME = "the time for container tests (E2E_UNTIL) is over"


@dataclass(frozen=True)
class Plan:
    """Whether container tests can run (why_not is None), and on which media server."""

    settings: object
    why_not: str | None
    kind: str = None
    why: str = None

    def __str__(self):
        if self.why_not:
            return f"container tests: skipped: {self.why_not}"
        return f"container tests: media server {self.kind}: {self.why}; engines {self.settings.engine_id}"


def make_plan():
    chosen = settings.load()
    why_not = NO_TIME if chosen.is_over else docker.why_no_engine()
    return Plan(chosen, why_not) if why_not else Plan(chosen, None, *session.media_server(chosen))


def wants_containers(config):
    mark = config.option.markexpr or ""
    return "containers" in mark and "not containers" not in mark and not config.option.collectonly


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """The first line says which media server the container tests have."""
    if wants_containers(config) and not hasattr(config, "workerinput"):
        config.stash[PLAN] = make_plan()
        print(config.stash[PLAN], flush=True)


@pytest.fixture(scope="session")
def containers(request, tmp_path_factory):
    """The Session: the only one on this machine, with images that are up to date, and nothing left of earlier ones."""
    plan = request.config.stash.get(PLAN, None) or make_plan()
    if plan.why_not:
        pytest.skip(plan.why_not)
    interrupt_on_sigterm()
    with session.lock(plan.settings.lock, plan.settings.lock_wait_s):
        docker.sweep(None if plan.settings.sweep == "all" else plan.settings.run)
        if plan.settings.build:
            build_images(plan.settings)
        running = Session(plan.settings, plan.kind, tmp_path_factory.mktemp("containers"))
        request.config.stash[RUNNING] = running
        yield running
        docker.sweep(plan.settings.run)


def build_images(chosen):
    """Where the time is short and no layer is there yet, it may end before they are built."""
    if chosen.until == float("inf"):
        docker.build_images()
        return
    try:
        docker.build_images(max(1, chosen.until - time.time()))
    except subprocess.TimeoutExpired:
        pytest.skip(f"{NO_TIME}: the images are not built")


def pytest_collection_modifyitems(config, items):
    """Modules with tests that count most come first: these have run when the time is over."""
    if wants_containers(config):
        first = {item.module for item in items if item.get_closest_marker("p1")}
        items.sort(key=lambda item: item.module not in first)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    plan = item.config.stash.get(PLAN, None)
    if plan and plan.settings.is_over and item.get_closest_marker("containers"):
        pytest.skip(NO_TIME)


def interrupt_on_sigterm():
    """SIGTERM tears down as Ctrl-C does."""
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)


def running(session, environment, start, stop):
    """The body of a fixture that keeps an environment: started, known to the session while it runs, stopped whatever happens."""
    session.environments.append(environment)
    try:
        start()
        yield environment
    finally:
        stop()
        session.environments.remove(environment)


@pytest.fixture(scope="module")
def dual_compose_env(containers):
    """Both compose projects, healthy. One at a time has the ports, so they last for a module and not for the session."""
    manager = DualComposeManager(containers.settings, containers.kind, new_folder(containers, "compose"))
    yield from running(containers, manager, manager.start_all, manager.stop_all)


@pytest.fixture(scope="module")
def production_env(containers):
    """Three independent containers, healthy."""
    environment = ProductionEnvironment(containers.settings, containers.kind, new_folder(containers, "production"))
    yield from running(containers, environment, environment.start, environment.remove)


def new_folder(containers, name):
    folder = containers.folder / f"{name}-{len(list(containers.folder.iterdir()))}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def echo_env(containers):
    """Independent containers beside whatever else runs, on free ports and under names of their own; sts-service echoes, each
    fragment takes a second, and segments are short, so that nothing here waits for engines."""
    chosen = settings.load(E2E_RUN=containers.settings.run, E2E_DYNAMIC_PORTS="1", E2E_NAME_SUFFIX=f"{containers.settings.suffix}-echo",
                           E2E_PLAYOUT_DELAY="8",
                           E2E_NETWORK_NAME=f"{containers.settings.network}-echo", STS_SERVICE_URL="", MEDIAMTX_RTMP_URL="")
    environment = ProductionEnvironment(chosen, containers.kind, new_folder(containers, "echo"), sts_env={"STS_MODE": "echo"},
                                        media_env={"WORKER_SEGMENT_DURATION": 2, "WORKER_STS_TIMEOUT_MS": 8000})
    yield from running(containers, environment, environment.start, environment.remove)


@pytest.fixture
def stream_name(request):
    """A name that no other test has."""
    return stream_publisher.unique_name(request.node.name)


@pytest.fixture
def publish_rtmp_stream(tmp_path, stream_name):
    """publish_rtmp_stream(environment, clip, stream=…, loop=…, arguments=…): ffmpeg publishes; it ends with the test."""
    started = []

    def publish(environment, clip, stream=None, **more):
        started.append(stream_publisher.publish(environment, clip, stream or stream_name, tmp_path, **more))
        return started[-1]

    yield publish
    for program in started:
        program.stop()


@pytest.fixture
def publish_test_fixture(publish_rtmp_stream, dual_compose_env, nfl):
    """publish_test_fixture(): the minute of commentary, to the compose projects."""
    return lambda **more: publish_rtmp_stream(dual_compose_env, nfl, **more)


@pytest.fixture
def sts_monitor(request):
    """sts_monitor(environment, audio=False): a listener on the environment's sts-service, until the test ends."""
    started = []

    def monitor(environment, audio=False):
        started.append(environment.monitor(audio))
        return started[-1]

    yield monitor
    for each in started:
        each.stop()


HINT = """Look first at the media-service log for the stream's name; `make e2e-logs` shows what still runs.
To keep the containers: run this test alone with --pdb."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed container test leaves its containers' logs in tests/e2e/logs, and says so."""
    report = (yield).get_result()
    kept = item.config.stash.get(RUNNING, None)
    if report.failed and kept and item.get_closest_marker("containers"):
        folder = kept.settings.logs / item.name
        paths = [path for environment in kept.environments for path in environment.save_logs(folder, type(environment).__name__)]
        if paths:
            report.sections.append(("container logs", "\n".join(map(str, paths)) + "\n" + HINT))
