"""Our programs: where they are, and running them the way people do."""

import json
import os
import shutil
import threading
from pathlib import Path

import requests

from support import prometheus
from support.net import wait_for
from support.process import Program, run

ROOT = Path(__file__).resolve().parents[2]

READY_S = 30  # engines load in a few seconds; a machine with much else to do takes longer


def build_dir():
    return Path(os.environ.get("AIRDUB_BUILD", ROOT / "build")).resolve()


def path_of(name):
    """The built program. Missing is a failure and never a reason to skip: run `make`."""
    program = build_dir() / "apps" / name / name
    assert program.exists(), f"{program} is not built: run make"
    return program


def mediamtx():
    """Path of MediaMTX, from MEDIAMTX_BIN or PATH; None where there is none."""
    return os.environ.get("MEDIAMTX_BIN") or shutil.which("mediamtx")


MEDIAMTX_ENV = {"MTX_MOQ": "no"}  # a fixed port otherwise; by environment, because a version without it refuses the name in its file


class Dub:
    """One finished run of `airdub dub … --json`."""

    def __init__(self, *arguments, timeout_s=240, env=None):
        self.done = run([path_of("airdub"), "dub", "--json", *arguments], timeout_s=timeout_s, env=env)
        self.status = self.done.returncode
        self.stderr = self.done.stderr
        self.events = [json.loads(line) for line in self.done.stdout.splitlines()]

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    @property
    def fragments(self):
        return self.of("fragment")

    @property
    def summary(self):
        """The last event, after success; the program's own words otherwise."""
        assert self.status == 0, f"status {self.status}: {self.stderr}"
        return self.of("done")[-1]

    def transcript(self):
        return " ".join(f["transcript"] for f in self.fragments if f.get("transcript"))


class Service(Program):
    """sts-service or media-service by itself, settings by environment, on ports it chooses free."""

    def __init__(self, name, env, log=None):
        settings = {"PORT": "0", "LOG_LEVEL": "INFO", **{key: str(value) for key, value in env.items()}}
        super().__init__([path_of(name)], name=name, env=settings, log=log)
        try:
            self.url = self.wait_for_line(rf"{name}: listening on (http://\S+?)/?(?:\"|\s|$)", READY_S).group(1)
            self.url = self.url.replace("0.0.0.0", "127.0.0.1")
        except BaseException:
            self.stop()
            raise

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path, timeout_s=5):
        return requests.get(self.url + path, timeout=timeout_s)

    def metrics(self):
        return prometheus.scrape(self.url)


# Those of Debian's packages, whatever else is installed: what the tests know the words and the times of.
ENGINES = {"ASR_PROVIDER": "pocketsphinx", "TRANSLATION_PROVIDER": "apertium", "TTS_PROVIDER": "espeak-ng"}


def sts_service(log=None, **env):
    return Service("sts-service", {"HOST": "127.0.0.1", "STS_PORT": "0", **env}, log)


class MediaService(Service):
    """With the built-in media server, unless the settings say otherwise."""

    def __init__(self, sts_url, segment_dir, log=None, **env):
        """Its streams end with their publishers, unless SOURCE_PATIENCE says otherwise."""
        super().__init__("media-service", {"MEDIA_SERVER": "builtin", "SOURCE_PATIENCE": 0, "RTMP_PORT": 0, "API_PORT": 0,
                                           "STS_SERVICE_URL": sts_url, "SEGMENT_DIR": segment_dir, "WORKER_SEGMENT_DIR": segment_dir, **env}, log)

    def rtmp_url(self):
        port = self.wait_for_line(r"media-service: rtmp on rtmp://\S*?:(\d+)", READY_S).group(1)
        return f"rtmp://127.0.0.1:{port}"

    def rtmps_url(self):
        port = self.wait_for_line(r"media-service: rtmps on rtmps://\S*?:(\d+)", READY_S).group(1)
        return f"rtmps://127.0.0.1:{port}"

    def streams(self):
        """What GET /v1/streams says, by stream id."""
        return {s["stream_id"]: s for s in self.get("/v1/streams").json()["streams"]}


class Live:
    """`airdub live --json` until stop(). Its services' logs are in the folder."""

    def __init__(self, folder, *arguments, media_server="builtin", stream="demo", env=None):
        self.logs = Path(folder) / "services"
        self.logs.mkdir(parents=True, exist_ok=True)
        ports = [word for name in ("rtmp", "http", "sts", "api", "rtsp") for word in (f"--{name}-port", "0")]
        self.program = Program([path_of("airdub"), "live", "--json", "--host", "127.0.0.1", "--media-server", media_server,
                                "--stream", stream, "--log-dir", self.logs, *ports, *arguments],
                               name="airdub-live", env={"SOURCE_PATIENCE": "0", **(env or {})}, log=Path(folder) / "live.log")
        self._lock = threading.Lock()
        try:
            self.ready = json.loads(self.program.wait_for_line(r'^(\{.*"event": ?"ready".*)$', 2 * READY_S).group(1))
        except BaseException:
            self.stop()
            raise
        self.url = f"http://127.0.0.1:{self.ready['http_port']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def events(self):
        """Every JSON line printed so far."""
        return [json.loads(line) for line in self.program.output().splitlines() if line.startswith("{")]

    def publish_url(self, stream):
        return f"rtmp://127.0.0.1:{self.ready['rtmp_port']}/live/{stream}/in"

    def play_url(self, stream):
        return f"rtmp://127.0.0.1:{self.ready['rtmp_port']}/live/{stream}/out"

    def streams(self):
        reply = requests.get(f"{self.url}/v1/streams", timeout=5).json()
        return {s["stream_id"]: s for s in reply["streams"]}

    def metrics(self):
        return prometheus.scrape(self.url)

    def sts_metrics(self):
        return prometheus.scrape(f"http://127.0.0.1:{self.ready['sts_port']}")

    def is_published(self, path):
        """Whether the media server has media on the path."""
        api = f"http://127.0.0.1:{self.ready['api_port']}/v3/paths/get/{path}"
        reply = requests.get(api, timeout=5)
        return reply.status_code == 200 and reply.json().get("ready", False)

    def wait_published(self, path, timeout_s=30):
        wait_for(lambda: self.is_published(path), timeout_s, f"media on {path}")

    def stop(self):
        """The exit status after SIGTERM; draining takes up to 10 s."""
        return self.program.stop(grace_s=25)
