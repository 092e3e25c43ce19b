"""Every value of the container tests: one table of environment variables, each with its default."""

import os
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from support.net import free_port
from support.programs import ROOT

COMPOSE = {name: ROOT / f"apps/{name}/docker-compose.yml" for name in ("media-service", "sts-service")}
MEDIAMTX_CONFIG = ROOT / "deploy/mediamtx/mediamtx.yml"

# name: (default, what it sets); README.md shows them, and a test compares.
VARIABLES = {
    "E2E_NETWORK_NAME": ("e2e-dubbing-network", "Docker network of the containers"),
    "MEDIAMTX_RTMP_PORT": ("1935", "port on this machine for RTMP"),
    "MEDIAMTX_RTSP_PORT": ("8554", "port on this machine for RTSP"),
    "MEDIAMTX_API_PORT": ("9997", "port on this machine for MediaMTX's control API"),
    "MEDIAMTX_PLAYBACK_PORT": ("9996", "port on this machine for MediaMTX's playback server (compose)"),
    "MEDIAMTX_METRICS_PORT": ("9998", "port on this machine for MediaMTX's metrics (compose)"),
    "MEDIAMTX_SRT_PORT": ("8890", "port on this machine for SRT (compose)"),
    "MEDIA_SERVICE_PORT": ("8080", "port on this machine for media-service"),
    "STS_PORT": ("3000", "port on this machine for sts-service"),
    "E2E_DYNAMIC_PORTS": ("0", "1: free ports instead of those above"),
    "E2E_NAME_SUFFIX": ("", "added to the names of the containers"),
    "STS_SERVICE_URL": ("", "where media-service finds sts-service; by container name if empty"),
    "MEDIAMTX_RTMP_URL": ("", "where media-service finds the media server; by container name if empty"),
    "E2E_MEDIA_SERVER": ("auto", "mediamtx, builtin, or auto: MediaMTX where its image is there or can be pulled"),
    "AIRDUB_TAG": ("dev", "tag of the images airdub/media-service and airdub/sts-service"),
    "E2E_BUILD": ("1", "0: use the images that are there, do not build those that are out of date"),
    "MEDIAMTX_TAG": ("", "tag of bluenviron/mediamtx; what the compose file says if empty"),
    "E2E_MODELS": (str(ROOT / ".models"), "folder of the models, mounted read-only as /models"),
    "E2E_ASR_PROVIDER": ("whisper", "recogniser"),
    "E2E_ASR_MODEL": ("tiny.en", "its model"),
    "E2E_TRANSLATION_PROVIDER": ("apertium", "translator"),
    "E2E_TTS_PROVIDER": ("kokoro,espeak-ng", "synthesisers: the next speaks what would be late"),
    "E2E_PLAYOUT_DELAY": ("30", "seconds from a frame in to the same frame out: what the synthesiser needs on two cores"),
    "E2E_STS_TIMEOUT_MS": ("30000", "for one fragment"),
    "E2E_HEALTH_TIMEOUT_S": ("60", "from a container's start until it is healthy"),
    "E2E_RUN": ("", "value of the label airdub.e2e.run; made up if empty"),
    "E2E_SWEEP": ("all", "what a session removes before it starts: all that any session has left, or its own: for several on one machine"),
    "E2E_LOCK": ("/tmp/airdub-e2e.lock", "file that a session holds, so that there is one at a time"),
    "E2E_LOCK_WAIT_S": ("600", "how long a session waits for another one's end"),
    "E2E_UNTIL": ("", "seconds since 1970: nothing is begun later, and what is left is skipped; no end if empty"),
    "E2E_LOGS": (str(ROOT / "tests/e2e/logs"), "folder of the logs that are kept when a test fails"),
}

PORTS = {"rtmp": "MEDIAMTX_RTMP_PORT", "rtsp": "MEDIAMTX_RTSP_PORT", "api": "MEDIAMTX_API_PORT", "media": "MEDIA_SERVICE_PORT",
         "sts": "STS_PORT", "playback": "MEDIAMTX_PLAYBACK_PORT", "metrics": "MEDIAMTX_METRICS_PORT", "srt": "MEDIAMTX_SRT_PORT"}
MONITOR_TOKEN = "e2e-monitor"


@dataclass(frozen=True)
class Settings:
    """ports: by the names of PORTS, on this machine. engines: the STS variables that choose them."""

    run: str
    network: str
    ports: dict
    dynamic_ports: bool
    suffix: str
    sts_service_url: str
    mediamtx_rtmp_url: str
    media_server: str
    tag: str
    build: bool
    mediamtx_image: str
    models: Path
    engines: dict
    playout_delay_s: float
    sts_timeout_ms: int
    health_timeout_s: float
    sweep: str
    lock: Path
    lock_wait_s: float
    until: float
    logs: Path
    name: dict = field(default_factory=dict)  # of each container: mediamtx, media, sts

    @property
    def is_over(self):
        return time.time() > self.until

    @property
    def engine_id(self):
        return "-".join(self.engines[key].replace(",", "+") for key in ("ASR_PROVIDER", "ASR_MODEL", "TRANSLATION_PROVIDER", "TTS_PROVIDER"))


def load(**overrides):
    """Settings of the environment; overrides are variables by name, and count more."""
    unknown = set(overrides) - set(VARIABLES)
    if unknown:
        raise ValueError(f"no such variable: {', '.join(sorted(unknown))}")
    value = {name: str(overrides.get(name, os.environ.get(name) or default)) for name, (default, _) in VARIABLES.items()}
    dynamic = value["E2E_DYNAMIC_PORTS"] == "1"
    suffix = value["E2E_NAME_SUFFIX"]
    name = {"mediamtx": f"e2e-mediamtx{suffix}", "media": f"e2e-media-service{suffix}", "sts": f"sts-service{suffix}"}
    return Settings(
        run=value["E2E_RUN"] or uuid.uuid4().hex[:12], network=value["E2E_NETWORK_NAME"], ports=_ports(value, dynamic),
        dynamic_ports=dynamic, suffix=suffix, sts_service_url=value["STS_SERVICE_URL"] or f"http://{name['sts']}:3000",
        mediamtx_rtmp_url=value["MEDIAMTX_RTMP_URL"] or f"rtmp://{name['mediamtx']}:1935", media_server=_one_of("auto", "mediamtx", "builtin", of=value, name="E2E_MEDIA_SERVER"),
        tag=value["AIRDUB_TAG"], build=value["E2E_BUILD"] != "0",
        mediamtx_image=f"bluenviron/mediamtx:{value['MEDIAMTX_TAG'] or _pinned_tag()}",
        models=Path(value["E2E_MODELS"]).resolve(), engines={
            "ASR_PROVIDER": value["E2E_ASR_PROVIDER"], "ASR_MODEL": value["E2E_ASR_MODEL"],
            "TRANSLATION_PROVIDER": value["E2E_TRANSLATION_PROVIDER"], "TTS_PROVIDER": value["E2E_TTS_PROVIDER"]},
        playout_delay_s=float(value["E2E_PLAYOUT_DELAY"]), sts_timeout_ms=int(value["E2E_STS_TIMEOUT_MS"]),
        health_timeout_s=float(value["E2E_HEALTH_TIMEOUT_S"]), sweep=_one_of("all", "own", of=value, name="E2E_SWEEP"), lock=Path(value["E2E_LOCK"]),
        lock_wait_s=float(value["E2E_LOCK_WAIT_S"]), until=float(value["E2E_UNTIL"] or "inf"),
        logs=Path(value["E2E_LOGS"]), name=name)


def _ports(value, dynamic):
    return {key: free_port() if dynamic else int(value[variable]) for key, variable in PORTS.items()}


def _one_of(*choices, of, name):
    if of[name] not in choices:
        raise ValueError(f"{name}: {of[name]!r} is not one of {', '.join(choices)}")
    return of[name]


def _pinned_tag():
    """The one place that pins MediaMTX is the compose file."""
    file = COMPOSE["media-service"]
    if not file.is_file():
        return "latest"  # its test says so
    match = re.search(r"bluenviron/mediamtx:\$\{MEDIAMTX_TAG:-([^}]+)\}", file.read_text())
    if not match:
        raise ValueError(f"{file} pins no bluenviron/mediamtx:${{MEDIAMTX_TAG:-VERSION}}")
    return match.group(1)
