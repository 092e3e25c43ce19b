"""Docker by its command line: containers, networks, and sweeping up what a session has made."""

import json
import logging
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field

from support.net import wait_for
from support.process import run
from support.programs import ROOT

LABEL = "airdub.e2e.run"
START_ENGINE = ROOT / "tools/e2e/docker-up"
BUILD_IMAGES = ROOT / "tools/e2e/images"
STOP_S = 10  # docker stop's own patience before it kills

log = logging.getLogger("e2e")


class DockerError(RuntimeError):
    """What docker said, with the command."""


class PortConflict(DockerError):
    """A port of this machine is taken; the message names it and the cure."""


class NameConflict(DockerError):
    """A container of that name is there, and it is none of ours."""


def docker(*arguments, timeout_s=120, check=True):
    """CompletedProcess of `docker arguments`; DockerError with its last words when it fails, unless check is false."""
    done = run(["docker", *arguments], timeout_s)
    if check and done.returncode != 0:
        raise error_of(done.stderr.strip(), f"docker {' '.join(map(str, arguments[:2]))}")
    return done


def error_of(text, command):
    """The DockerError that these words of Docker or compose are."""
    port = re.search(r"(?:0\.0\.0\.0|\[::\]|127\.0\.0\.1|\*)?:(\d+)[^\n]*(?:port is already allocated|address already in use)", text)
    if port or "port is already allocated" in text:
        number = port.group(1) if port else "one of them"
        return PortConflict(f"port {number} of this machine is taken: end what listens there, choose another by MEDIAMTX_RTMP_PORT, "
                            f"MEDIA_SERVICE_PORT, STS_PORT, …, or let E2E_DYNAMIC_PORTS=1 choose ({command}: {text[-300:]})")
    if re.search(r"container name .* is already in use", text):
        return NameConflict(f"{text[-300:]}: remove it (docker rm -f NAME), or set E2E_NAME_SUFFIX")
    return DockerError(f"{command}: {text[-2000:]}")


# ---- the engine and its images ----

def why_no_engine():
    """None when a Docker engine answers or could be started, else the reason in one line."""
    if _answers():
        return None
    if not START_ENGINE.exists():
        return "no Docker engine answers, and tools/e2e/docker-up, which would start one, is not there"
    done = run([START_ENGINE], timeout_s=900)
    if done.returncode == 0 and _answers():
        return None
    said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
    return f"no Docker engine answers and none can be started here: {said}"


def _answers():
    return bool(shutil.which("docker")) and docker("info", timeout_s=30, check=False).returncode == 0


def has_image(image):
    return docker("image", "inspect", image, check=False).returncode == 0


def can_have_image(image, timeout_s=300):
    """Whether the image is there, or a registry gives it."""
    if has_image(image):
        return True
    try:
        return docker("pull", "--quiet", image, timeout_s=timeout_s, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def build_images(timeout_s=3600):
    """Those of airdub that are out of date. Their layers are cached, so this is quick when nothing has changed."""
    done = run([BUILD_IMAGES], timeout_s=timeout_s)
    if done.returncode != 0:
        raise DockerError(f"tools/e2e/images: status {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")


# ---- networks ----

def has_network(name):
    return docker("network", "inspect", name, check=False).returncode == 0


def ensure_network(name, run_id):
    """A bridge network that reaches the outside; made, with the session's label, unless it is there."""
    if not has_network(name):
        log.info("network %s: created", name)
        docker("network", "create", "--driver", "bridge", "--label", f"{LABEL}={run_id}", name)


def network(name):
    """What docker network inspect tells."""
    return json.loads(docker("network", "inspect", name).stdout)[0]


def remove_network(name, run_id):
    """If this session has made it, and nobody is on it any more; somebody else's network stays."""
    if has_network(name) and network(name)["Labels"].get(LABEL) == run_id:
        docker("network", "rm", name, check=False)


def ensure_volume(name, run_id):
    """A volume with the session's label."""
    docker("volume", "create", "--label", f"{LABEL}={run_id}", name)


# ---- containers ----

@dataclass
class Container:
    """One container, by its name; made by start(), gone with remove().

    publish: {port on this machine: port inside}; volumes: {folder or file here: path inside}, read-only unless it ends in :rw."""

    name: str
    image: str
    network: str
    run_id: str
    env: dict = field(default_factory=dict)
    publish: dict = field(default_factory=dict)
    volumes: dict = field(default_factory=dict)
    options: tuple = ()
    command: tuple = ()

    def start(self):
        """Creates and starts it. A network that is gone is made again; what could not start is removed."""
        ensure_network(self.network, self.run_id)
        try:
            docker(*self._run_arguments())
        except NameConflict:
            raise
        except DockerError as error:
            self.remove()
            if "network" not in str(error) or "not found" not in str(error):
                raise
            ensure_network(self.network, self.run_id)
            docker(*self._run_arguments())
        log.info("container %s: started", self.name)
        return self

    def _run_arguments(self):
        words = ["run", "--detach", "--name", self.name, "--network", self.network, "--label", f"{LABEL}={self.run_id}"]
        for key, value in self.env.items():
            words += ["--env", f"{key}={value}"]
        for outside, inside in self.publish.items():
            words += ["--publish", f"{outside}:{inside}"]
        for outside, inside in self.volumes.items():
            words += ["--volume", f"{outside}:{inside}" if inside.endswith(":rw") else f"{outside}:{inside}:ro"]
        return [*words, *self.options, self.image, *self.command]

    def inspect(self):
        return json.loads(docker("container", "inspect", self.name).stdout)[0]

    @property
    def running(self):
        done = docker("container", "inspect", "--format", "{{.State.Running}}", self.name, check=False)
        return done.stdout.strip() == "true"

    @property
    def health(self):
        """healthy, starting, unhealthy, or None for an image without HEALTHCHECK."""
        return self.inspect()["State"].get("Health", {}).get("Status")

    def address(self):
        return self.inspect()["NetworkSettings"]["Networks"][self.network]["IPAddress"]

    def execute(self, *command, timeout_s=30):
        """CompletedProcess of a command inside."""
        return docker("exec", self.name, *command, timeout_s=timeout_s, check=False)

    def stop(self):
        """SIGTERM, SIGKILL after 10 s. Returns (exit status, seconds it took)."""
        began = time.monotonic()
        docker("stop", "--time", str(STOP_S), self.name, timeout_s=STOP_S + 30)
        seconds = time.monotonic() - began
        status = self.inspect()["State"]["ExitCode"]
        log.info("container %s: stopped after %.1f s with status %d", self.name, seconds, status)
        return status, seconds

    def start_again(self):
        docker("start", self.name)
        log.info("container %s: started again", self.name)

    def restart(self):
        """docker restart: stops and starts."""
        docker("restart", "--time", str(STOP_S), self.name, timeout_s=STOP_S + 60)
        log.info("container %s: restarted", self.name)

    def kill(self):
        docker("kill", self.name)
        log.info("container %s: killed", self.name)

    def logs(self, tail="all", since=None):
        """What it has printed, stderr too; since: a time of time.time()."""
        words = ["logs", "--tail", str(tail), *(["--since", f"{since:.3f}"] if since else []), self.name]
        done = docker(*words, check=False)
        return done.stdout + done.stderr

    def wait_for_line(self, pattern, timeout_s=30, since=None):
        """The match of the first log line that the pattern is found in."""
        def found():
            return next((m for line in self.logs(since=since).splitlines() if (m := re.search(pattern, line))), None)
        try:
            return wait_for(found, timeout_s, f"{self.name}: a line like {pattern!r}", interval_s=0.25)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.logs(tail=40)}") from None

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, check=False)


# ---- sweeping ----

KINDS = {"container": ("ps", "--all"), "network": ("network", "ls"), "volume": ("volume", "ls")}
REMOVE = {"container": ("rm", "--force", "--volumes"), "network": ("network", "rm"), "volume": ("volume", "rm", "--force")}


def labelled(kind, run_id=None):
    """Ids (names, of volumes) of what tests have made: in that session, or in any."""
    label = f"{LABEL}={run_id}" if run_id else LABEL
    return docker(*KINDS[kind], "--quiet", "--filter", f"label={label}").stdout.split()


def sweep(run_id=None):
    """Removes everything that tests have made: in that session, or in any. Returns how much that was."""
    count = 0
    for kind in KINDS:
        for each in labelled(kind, run_id):
            docker(*REMOVE[kind], each, check=False)
            count += 1
    if count:
        log.info("swept up %d containers, networks and volumes", count)
    return count
