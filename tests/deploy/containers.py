"""Docker, as the tests call it."""

import json
import subprocess
import uuid

from support.net import wait_for


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
