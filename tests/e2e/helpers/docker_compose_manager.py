"""DualComposeManager: media-service and sts-service as two compose projects that reach each other through ports of this machine."""

import json
import logging
import os
import shutil
from pathlib import Path

from e2e.helpers import docker
from e2e.helpers.environment import RECORDINGS, SEGMENTS, Environment, media_environment, recording_environment, sts_environment
from e2e.helpers.settings import COMPOSE, PORTS
from support.net import accepts

log = logging.getLogger("e2e")

HOST = "host.docker.internal"  # this machine, seen from a container


def compose_command():
    """Compose v2, or Debian's v1; DockerError where there is neither."""
    if docker.docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise docker.DockerError("neither `docker compose` nor docker-compose is installed")


class DockerComposeManager:
    """One compose project. override: what is added to the file's services, as compose reads it."""

    def __init__(self, name, file, env, profiles=(), override=None, folder=None):
        self.name = name
        self.file = Path(file)
        self.env = {key: str(value) for key, value in env.items()}
        self.profiles = profiles
        self.files = [self.file]
        if override:
            extra = Path(folder) / f"{name}.override.json"  # JSON is YAML
            extra.write_text(json.dumps({"version": "3.7", "services": override} if _has_version(self.file) else {"services": override}))
            self.files.append(extra)

    def _compose(self, *words, timeout_s=180, check=True):
        files = [word for file in self.files for word in ("-f", file)]
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        done = docker.run([*compose_command(), "-p", self.name, *files, *profiles, *words], timeout_s, {**os.environ, **self.env})
        if check and done.returncode != 0:
            raise docker._error((done.stderr or done.stdout).strip(), f"compose {self.name} {words[0]}")
        return done

    def config(self):
        """What compose makes of the files; DockerError when it cannot read them."""
        if not self.file.is_file():
            raise FileNotFoundError(f"{self.file} is not there")
        return self._compose("config").stdout

    def up(self, *services):
        self.config()
        self._compose("up", "-d", "--no-build", *services)
        log.info("compose %s: up", self.name)

    def down(self):
        """Stops and removes containers, networks and volumes."""
        self._compose("down", "--volumes", "--remove-orphans", "--timeout", "10", check=False)
        log.info("compose %s: down", self.name)

    def container(self, service):
        """Its id; None when there is none."""
        ids = self._compose("ps", "-q", service, check=False).stdout.split()
        return ids[0] if ids else None

    def logs(self, service, tail="all"):
        return self._compose("logs", "--no-color", f"--tail={tail}", service, check=False).stdout


def _has_version(file):
    return file.is_file() and "version:" in file.read_text()


class DualComposeManager(Environment):
    """sts-service first, since media-service asks for it; both are up when start_all() returns. stop_all() leaves nothing."""

    def __init__(self, settings, kind, folder, sts_env=None, media_env=None):
        super().__init__(settings, kind, folder)
        ports = {variable: settings.ports[key] for key, variable in PORTS.items()}
        common = {"E2E_RUN": settings.run, "E2E_NETWORK_NAME": settings.network, "AIRDUB_TAG": settings.tag, **ports,
                  "MEDIAMTX_TAG": settings.mediamtx_image.rsplit(":", 1)[1]}
        sts_url = f"http://{HOST}:{settings.ports['sts']}"
        sts = sts_environment(settings, **(sts_env or {}))
        media = {**media_environment(settings, kind, **(media_env or {})), "STS_SERVICE_URL": sts_url}
        if kind == "mediamtx":
            media = {**media, "MEDIAMTX_HOST": "mediamtx", "MEDIAMTX_RTMP_URL": "rtmp://mediamtx:1935"}
        profiles = ("builtin",) if kind == "builtin" else ()
        project = f"{settings.run}{settings.suffix}".replace("_", "-")
        self.sts = DockerComposeManager(f"e2e-sts-{project}", COMPOSE["sts"], {**common, **sts}, folder=folder, override={
            "sts-service": {"environment": _words(sts), "volumes": [f"{settings.models}:/models:ro"]}})
        self.media = DockerComposeManager(f"e2e-media-{project}", COMPOSE["media"], {**common, **media}, profiles, self._media_override(media),
                                          folder)
        self.started = []  # in the order they came up

    def _media_override(self, media):
        services = {self.media_service: {"environment": _words(media), "volumes": [f"{self.segments}:{SEGMENTS}"],
                                         "extra_hosts": [f"{HOST}:host-gateway"]}}
        if self.kind == "mediamtx":
            services["mediamtx"] = {"environment": recording_environment(), "volumes": [f"{self.recordings}:{RECORDINGS}"]}
        return services

    @property
    def media_service(self):
        return "media-service"

    def start_all(self):
        """Both are healthy when it returns. PortConflict, and nothing left behind, when a port is taken."""
        self._refuse_taken_ports()
        try:
            for name, manager in (("sts", self.sts), ("media", self.media)):
                manager.up()
                self.started.append(name)
            self.wait_healthy()
        except BaseException:
            self.stop_all()
            raise
        return self

    def _refuse_taken_ports(self):
        for key, variable in PORTS.items():
            port = self.settings.ports[key]
            if accepts(port):
                raise docker.PortConflict(f"port {port} ({variable}) of this machine is taken: end what listens there, set {variable}, "
                                          "or let E2E_DYNAMIC_PORTS=1 choose")

    def stop_all(self):
        """Stops and removes both; again is no error."""
        for manager in (self.media, self.sts):
            manager.down()
        self.started = []

    def logs(self, which, tail="all"):
        manager, service = {"sts": (self.sts, "sts-service"), "media": (self.media, self.media_service),
                            "mediamtx": (self.media, "mediamtx")}[which]
        return manager.logs(service, tail)


def _words(env):
    return {key: str(value) for key, value in env.items()}
