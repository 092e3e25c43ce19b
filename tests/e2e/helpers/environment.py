"""A running system in containers, however it was started: where it is reached from this machine, and what it has written."""

import logging
from dataclasses import dataclass
from pathlib import Path

import requests

from e2e.helpers.metrics_parser import StreamMetrics
from e2e.helpers.settings import MONITOR_TOKEN
from e2e.helpers.socketio_monitor import StsMonitor
from support import rtmp
from support.net import wait_for

log = logging.getLogger("e2e")

RECORDINGS = "/e2e-recordings"  # in MediaMTX's container


def sts_environment(settings, **more):
    """Variables of sts-service: real engines, and the namespace /monitor."""
    return {"STS_MODE": "full", "DEVICE": "cpu", "MODEL_DIR": "/models", "STS_MONITOR": "1", "STS_MONITOR_TOKEN": MONITOR_TOKEN,
            "LOG_LEVEL": "INFO", **settings.engines, **more}


def media_environment(settings, **more):
    """Variables of media-service, wherever its media server is."""
    return {"STS_SERVICE_URL": settings.sts_service_url, "WORKER_STS_TIMEOUT_MS": str(settings.sts_timeout_ms),
            "WORKER_PLAYOUT_DELAY": f"{settings.playout_delay_s:g}",
            "SOURCE_PATIENCE": "0", "LOG_LEVEL": "INFO", **more}


def recording_environment():
    """Variables of MediaMTX that make it keep what is published, from the first picture on: a reader misses the first seconds."""
    return {"MTX_PATHDEFAULTS_RECORD": "yes", "MTX_PATHDEFAULTS_RECORDPATH": f"{RECORDINGS}/%path/%Y-%m-%d_%H-%M-%S-%f",
            "MTX_PATHDEFAULTS_RECORDPARTDURATION": "200ms", "MTX_PATHDEFAULTS_RECORDSEGMENTDURATION": "10m",
            "MTX_PATHDEFAULTS_RECORDDELETEAFTER": "1h"}


def open_folder(path):
    """A folder that the user of a container may write to, whatever its number is."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)
    return path


def answers(url, timeout_s=2):
    """Whether a GET of the URL is answered with 200."""
    try:
        return requests.get(url, timeout=timeout_s).status_code == 200
    except requests.RequestException:
        return False


@dataclass
class Recording:
    """The output of one stream: what MediaMTX has recorded, or what a player was sent by the built-in server."""

    path: Path
    player: object = None
    folder: Path = None

    def finish(self, timeout_s=60):
        """The file, when the stream has ended."""
        if self.player:
            status = self.player.wait(timeout_s)
            assert status == 0, self.player.tail()
            return self.path
        files = wait_for(lambda: sorted(self.folder.glob("*.mp4")), 15, f"a recording in {self.folder}")
        assert len(files) == 1, f"the output was interrupted: {files}"
        return files[0]

    def files(self):
        """All pieces there are, in order; more than one when the output was interrupted."""
        return [self.path] if self.player else sorted(self.folder.glob("*.mp4"))

    def stop(self):
        if self.player:
            self.player.stop()


class Environment:
    """kind: the media server, "mediamtx" or "builtin". folder: for what the containers write. Subclasses know how to start."""

    def __init__(self, settings, kind, folder):
        self.settings = settings
        self.kind = kind
        self.recordings = open_folder(Path(folder) / "recordings")

    # where it is

    @property
    def rtmp_url(self):
        return f"rtmp://127.0.0.1:{self.settings.ports['rtmp']}"

    @property
    def media_url(self):
        return f"http://127.0.0.1:{self.settings.ports['media']}"

    @property
    def sts_url(self):
        return f"http://127.0.0.1:{self.settings.ports['sts']}"

    @property
    def api_url(self):
        return f"http://127.0.0.1:{self.settings.ports['api']}"

    def play_url(self, stream):
        return f"{self.rtmp_url}/live/{stream}/out"

    # what it does

    def has_path(self, path):
        """Whether the media server has media on the path."""
        try:
            reply = requests.get(f"{self.api_url}/v3/paths/get/{path}", timeout=5)
        except requests.RequestException:
            return False
        return reply.status_code == 200 and reply.json().get("ready", False)

    def streams(self):
        """What media-service says, by stream id; nothing while it does not answer."""
        try:
            reply = requests.get(f"{self.media_url}/v1/streams", timeout=5)
            return {s["stream_id"]: s for s in reply.json()["streams"]}
        except requests.RequestException:
            return {}

    def count(self, stream, what):
        """Fragments of the stream so far: "dubbed" or "fallback"."""
        return self.streams().get(stream, {}).get(what, 0)

    def metrics(self, stream):
        return StreamMetrics(self.media_url, stream)

    def monitor(self, audio=False):
        return StsMonitor(self.sts_url, MONITOR_TOKEN, audio)

    def record(self, stream, folder):
        """A Recording of the stream's output, from its first picture; ask for it before the stream is published."""
        if self.kind == "mediamtx":
            return Recording(None, folder=self.recordings / "live" / stream / "out")
        path = Path(folder) / f"{stream}.mkv"
        return Recording(path, player=rtmp.record(self.play_url(stream), path, Path(folder) / f"{stream}-recorder.log"))

    # health

    def wait_healthy(self):
        """Returns once both services and the media server are healthy and the engines are loaded; AssertionError with the logs otherwise."""
        limit_s = self.settings.health_timeout_s
        urls = [f"{self.sts_url}/health", f"{self.sts_url}/health/ready", f"{self.media_url}/health", f"{self.api_url}/v3/paths/list"]
        for url in urls:
            try:
                wait_for(lambda url=url: answers(url), limit_s, f"200 from {url}", interval_s=0.2)
            except TimeoutError as error:
                raise AssertionError(f"{error}\n{self.all_logs(tail=40)}") from None

    # logs

    def logs(self, which, tail="all"):
        """Of "mediamtx", "media" or "sts"."""
        raise NotImplementedError

    def parts(self):
        """The containers there are, by those words."""
        return ("sts", "media", "mediamtx") if self.kind == "mediamtx" else ("sts", "media")

    def all_logs(self, tail="all"):
        return "\n".join(f"---- {part}\n{self.logs(part, tail)}" for part in self.parts())

    def save_logs(self, folder, name):
        """Into files of the folder, one for each container; returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for part in self.parts():
            paths.append(folder / f"{name}-{part}.log")
            paths[-1].write_text(self.logs(part))
        return paths
