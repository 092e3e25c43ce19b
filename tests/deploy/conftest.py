"""Containers and packages: what they need is looked for once, and what is missing is named."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.containers import Container, docker

ROOT = Path(__file__).resolve().parents[2]
TAG = os.environ.get("AIRDUB_TAG", "dev")


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
