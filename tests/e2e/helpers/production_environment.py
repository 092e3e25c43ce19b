"""ProductionEnvironment: three containers by `docker run`, on a network of their own, which find each other by name."""

import logging

from e2e.helpers import docker
from e2e.helpers.docker import Container
from e2e.helpers.environment import RECORDINGS, SEGMENTS, Environment, media_environment, recording_environment, sts_environment
from e2e.helpers.settings import MEDIAMTX_CONFIG

log = logging.getLogger("e2e")

HARDENED = ("--read-only", "--tmpfs", "/tmp")  # as in production: nothing but /tmp can be written to


class ProductionEnvironment(Environment):
    """sts, media and, on MediaMTX, mediamtx are Containers. Each is started and stopped by itself."""

    def __init__(self, settings, kind, folder, sts_env=None, media_env=None):
        super().__init__(settings, kind, folder)
        common = {"network": settings.network, "run_id": settings.run}
        ports, names = settings.ports, settings.name
        self.sts = Container(names["sts"], f"airdub/sts-service:{settings.tag}", env=sts_environment(settings, **(sts_env or {})),
                             publish={ports["sts"]: 3000}, volumes={settings.models: "/models"}, options=HARDENED, **common)
        served = {ports["rtmp"]: 1935} if kind == "builtin" else {}
        self.media = Container(names["media"], f"airdub/media-service:{settings.tag}",
                               env=media_environment(settings, kind, **(media_env or {})), publish={ports["media"]: 8080, **served},
                               volumes={self.segments: f"{SEGMENTS}:rw"}, options=HARDENED, **common)
        self.mediamtx = None
        if kind == "mediamtx":
            self.mediamtx = Container(
                names["mediamtx"], settings.mediamtx_image, env=recording_environment(),
                publish={ports["rtmp"]: 1935, ports["rtsp"]: 8554, ports["api"]: 9997},
                volumes={MEDIAMTX_CONFIG: "/mediamtx.yml", self.recordings: f"{RECORDINGS}:rw"}, **common)

    @property
    def containers(self):
        """In the order in which they start."""
        return [c for c in (self.mediamtx, self.sts, self.media) if c]

    @property
    def media_server(self):
        """The container that publishers talk to."""
        return self.mediamtx or self.media

    def start(self):
        """All are healthy when it returns; nothing is left behind when one does not start."""
        docker.ensure_network(self.settings.network, self.settings.run)
        try:
            for container in self.containers:
                container.start()
            self.wait_healthy()
        except BaseException:
            self.log_state()
            self.remove()
            raise
        return self

    def log_state(self):
        """Into the session's log, for whoever looks for the reason."""
        for container in self.containers:
            log.info("container %s: %s\n%s", container.name, "running" if container.running else "not running", container.logs(tail=20))

    def remove(self):
        for container in reversed(self.containers):
            container.remove()
        docker.remove_network(self.settings.network, self.settings.run)

    def logs(self, which, tail="all"):
        return {"sts": self.sts, "media": self.media, "mediamtx": self.mediamtx}[which].logs(tail)
