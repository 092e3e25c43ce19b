"""The `airdub` command line, run to its end."""

import json

from support.process import run
from support.programs import path_of


def airdub(*words, timeout_s=60, env=None):
    return run([path_of("airdub"), *words], timeout_s=timeout_s, env=env)


def probe_summary(url, clip, *words, timeout_s=600):
    """The summary of an `airdub sts-probe` that must succeed."""
    done = airdub("sts-probe", "--json", "--quiet", url, clip, *words, timeout_s=timeout_s)
    if done.returncode != 0:
        raise RuntimeError(f"airdub sts-probe: status {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def assert_one_line(done, status, says):
    """It failed with that status, and said why in one line of its own, the last."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("airdub: ")]
    assert done.returncode == status, done.stderr
    assert len(lines) == 1 and done.stderr.endswith(lines[0] + "\n"), done.stderr
    assert says in lines[0]
    assert not lines[0].endswith(".")
