"""Containers and packages: what they need is looked for once, and what is missing is named."""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from support.net import wait_for

ROOT = Path(__file__).resolve().parents[2]
TAG = os.environ.get("AIRDUB_TAG", "dev")


def docker(*arguments, check=True, timeout_s=120):
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s)
    assert not check or done.returncode == 0, f"docker {' '.join(map(str, arguments))}: {done.stderr}"
    return done


class Container:
    """One container of the test's own, which goes with the test."""

    def __init__(self, image, *arguments, options=()):
        self.name = f"airdub-test-{uuid.uuid4().hex[:8]}"
        docker("run", "-d", "--name", self.name, "--label", "airdub.e2e.run=deploy", *options, image, *arguments)

    def inspect(self):
        return json.loads(docker("inspect", self.name).stdout)[0]

    @property
    def health(self):
        return self.inspect()["State"]["Health"]["Status"]

    def wait_healthy(self, timeout_s):
        wait_for(lambda: self.health == "healthy", timeout_s, f"health of {self.name}")

    def logs(self):
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def execute(self, *command, check=True):
        return docker("exec", self.name, *command, check=check)

    def stop(self):
        docker("rm", "-f", "-v", self.name, check=False)


@pytest.fixture(scope="session")
def engine():
    """Nothing, where a Docker engine answers."""
    if not shutil.which("docker"):
        pytest.skip("there is no docker here; as root on Debian, 'make e2e-docker-up' installs it")
    done = docker("version", check=False)
    if done.returncode != 0:
        pytest.skip(f"no Docker engine answers ({done.stderr.strip().splitlines()[-1]}); 'make e2e-docker-up' starts one")


@pytest.fixture(scope="session")
def images(engine):
    """{name: the image}, built from this tree; a second build takes seconds."""
    subprocess.run([ROOT / "tools/e2e/images"], check=True, stdin=subprocess.DEVNULL)
    return {name: f"airdub/{name}:{TAG}" for name in ("media-service", "sts-service", "airdub")}


@pytest.fixture
def container(until_end):
    """container(image, …): a Container that ends with the test."""
    return lambda *arguments, **options: until_end(Container(*arguments, **options))
