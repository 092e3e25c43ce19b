"""Reading the Prometheus text format."""

import re
import subprocess
from dataclasses import dataclass

import requests

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


LINT_STATUS = 3  # promtool's, when what it complains of is style
ACCEPTED = ["media_service_worker_av_sync_delta_ms metric names should not contain abbreviated units"]  # the name is given


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict
    value: float


class Metrics:
    """All samples of one scrape. A line that is not in the format raises ValueError."""

    def __init__(self, text):
        self.samples = []
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                if name in self.types:
                    raise ValueError(f"a second TYPE for {name}")
                self.types[name] = kind
            elif line.strip() and not line.startswith("#"):
                self.samples.append(_parse(line))

    def find(self, name, **labels):
        """The samples of that name whose labels include these."""
        return [s for s in self.samples if s.name == name and labels.items() <= s.labels.items()]

    def value(self, name, default=None, **labels):
        """The sum over the matching samples; default where there is none (KeyError without a default)."""
        found = self.find(name, **labels)
        if not found and default is None:
            raise KeyError(f"{name}{labels or ''}")
        return sum(s.value for s in found) if found else default

    def quantile(self, name, share, **labels):
        """A histogram's quantile as Prometheus computes it: linear within the bucket. None where nothing was counted."""
        counts = {}
        for s in self.find(f"{name}_bucket", **labels):
            upper = float(s.labels["le"])
            counts[upper] = counts.get(upper, 0) + s.value
        bounds = sorted(counts)
        if not bounds or counts[bounds[-1]] == 0:
            return None
        wanted, lower, below = share * counts[bounds[-1]], 0.0, 0.0
        for upper in bounds:
            if counts[upper] >= wanted:
                if upper == float("inf"):
                    return lower
                return lower + (upper - lower) * (wanted - below) / max(1e-9, counts[upper] - below)
            lower, below = upper, counts[upper]
        return lower


def _parse(line):
    match = _SAMPLE.match(line)
    if not match:
        raise ValueError(f"not a sample: {line!r}")
    name, labels, value = match.groups()
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"not a sample: {line!r}") from None
    return Sample(name, {key: text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
                         for key, text in _LABEL.findall(labels or "")}, number)


def check(base_url, timeout_s=5):
    """Prometheus' own tool finds nothing to complain of in base_url/metrics, but for names that are given. Returns them."""
    reply = requests.get(f"{base_url}/metrics", timeout=timeout_s)
    reply.raise_for_status()
    lint = subprocess.run(["promtool", "check", "metrics"], input=reply.content, capture_output=True, timeout=30)
    complaints = [line for line in (lint.stdout + lint.stderr).decode().splitlines() if line not in ACCEPTED]
    assert complaints == [] and lint.returncode in (0, LINT_STATUS), complaints
    return Metrics(reply.text)


def scrape(base_url, timeout_s=5):
    """Metrics of base_url/metrics, now."""
    reply = requests.get(f"{base_url}/metrics", timeout=timeout_s)
    reply.raise_for_status()
    return Metrics(reply.text)
