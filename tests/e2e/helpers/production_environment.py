"""ProductionEnvironment: three containers by `docker run`, on a network of their own, which find each other by name."""

import logging

from e2e.helpers import docker
from e2e.helpers.docker import Container
from e2e.helpers.environment import RECORDINGS, Environment, media_environment, recording_environment, sts_environment
from e2e.helpers.settings import MEDIAMTX_CONFIG

log = logging.getLogger("e2e")

# As in production: nothing but /tmp can be written to, and no privileges.
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


class ProductionEnvironment(Environment):
    """sts, media and, on MediaMTX, mediamtx are Containers. Each is started and stopped by itself."""

    def __init__(self, settings, kind, folder, sts_env=None, media_env=None):
        super().__init__(settings, kind, folder)
        common = {"network": settings.network, "run_id": settings.run}
        ports = settings.ports
        self.checkpoints = f"airdub-{settings.run}{settings.suffix}"  # a volume: /tmp itself is empty after a restart
        self.sts = Container(settings.name["sts"], f"airdub/sts-service:{settings.tag}", env=sts_environment(settings, **(sts_env or {})),
                             publish={ports["sts"]: 3000}, volumes={settings.models: "/models"}, options=HARDENED, **common)
        self.media = Container(settings.name["media"], f"airdub/media-service:{settings.tag}",
                               env=media_environment(settings, **self._where(), **(media_env or {})), publish={ports["media"]: 8080},
                               volumes={self.checkpoints: "/tmp/segments:rw"}, options=HARDENED, **common)
        self.mediamtx = None
        if kind == "builtin":
            self.media.publish.update({ports["rtmp"]: 1935, ports["api"]: 9997})
        else:
            self.mediamtx = Container(
                settings.name["mediamtx"], settings.mediamtx_image, env=recording_environment(),
                publish={ports["rtmp"]: 1935, ports["rtsp"]: 8554, ports["api"]: 9997},
                volumes={MEDIAMTX_CONFIG: "/mediamtx.yml", self.recordings: f"{RECORDINGS}:rw"},
                options=("--read-only", "--tmpfs", "/tmp"), **common)

    def _where(self):
        """What media-service is told of the media server."""
        if self.kind == "builtin":
            return {"MEDIA_SERVER": "builtin", "API_HOST": "0.0.0.0"}
        return {"MEDIA_SERVER": "mediamtx", "MEDIAMTX_HOST": self.settings.name["mediamtx"],
                "MEDIAMTX_RTMP_URL": self.settings.mediamtx_rtmp_url}

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
        docker.ensure_volume(self.checkpoints, self.settings.run)
        try:
            for container in self.containers:
                container.start()
            self.wait_healthy()
        except BaseException:
            log.info("it did not start\n%s", self.all_logs(tail=20))
            self.remove()
            raise
        return self

    def remove(self):
        for container in reversed(self.containers):
            container.remove()
        docker.docker("volume", "rm", "--force", self.checkpoints, check=False)
        docker.remove_network(self.settings.network, self.settings.run)

    def logs(self, which, tail="all"):
        return {"sts": self.sts, "media": self.media, "mediamtx": self.mediamtx}[which].logs(tail)
