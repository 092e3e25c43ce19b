"""DualComposeManager: media-service and sts-service as two compose projects that reach each other through ports of this machine."""

import json
import logging
import shutil
from pathlib import Path

from e2e.helpers import docker
from e2e.helpers.environment import RECORDINGS, Environment, media_environment, recording_environment, sts_environment
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


def e2e_file(service):
    return COMPOSE[service].with_name("docker-compose.e2e.yml")


class DockerComposeManager:
    """One compose project. override: what is added to the file's services, as compose reads it; it is written into the folder."""

    def __init__(self, name, file, env, profiles=(), override=None, folder=None):
        self.name = name
        self.file = Path(file)
        self.env = {key: str(value) for key, value in env.items()}
        self.profiles = profiles
        self.files = [self.file]
        if override:
            self.files.append(Path(folder) / f"{name}.override.json")  # JSON is YAML
            self.files[-1].write_text(json.dumps({"services": override}, indent=1))

    def _compose(self, *words, timeout_s=180, check=True):
        files = [word for file in self.files for word in ("-f", file)]
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        done = docker.run([*compose_command(), "-p", self.name, *files, *profiles, *words], timeout_s, self.env)
        if check and done.returncode != 0:
            raise docker.error_of((done.stderr or done.stdout).strip(), f"compose {self.file} {words[0]}")
        return done

    def config(self):
        """What compose makes of the files; an error that names the file when it is not there or cannot be read."""
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

    def logs(self, service, tail="all"):
        return self._compose("logs", "--no-color", f"--tail={tail}", service, check=False).stdout


class DualComposeManager(Environment):
    """sts-service first, since media-service asks for it; both are up when start_all() returns. stop_all() leaves nothing."""

    def __init__(self, settings, kind, folder, sts_env=None, media_env=None):
        super().__init__(settings, kind, folder)
        self.started = []  # in the order they came up
        self.sts = DockerComposeManager(
            f"e2e-sts-{settings.run}{settings.suffix}", e2e_file("sts-service"), self._common(), folder=folder,
            override={"sts-service": {"environment": sts_environment(settings, **(sts_env or {}))}})
        media = media_environment(settings, **{"STS_SERVICE_URL": f"http://{HOST}:{settings.ports['sts']}", **(media_env or {})})
        override = {self.media_service: {"environment": media}}
        if kind == "mediamtx":
            override["mediamtx"] = {"environment": recording_environment(), "volumes": [f"{self.recordings}:{RECORDINGS}"]}
        self.media = DockerComposeManager(f"e2e-media-{settings.run}{settings.suffix}", e2e_file("media-service"), self._common(),
                                          ("builtin",) if kind == "builtin" else (), override, folder)

    def _common(self):
        """What both files take from the environment."""
        settings = self.settings
        names = {"E2E_MEDIAMTX_NAME": "mediamtx", "E2E_MEDIA_SERVICE_NAME": "media", "E2E_STS_SERVICE_NAME": "sts"}
        return {"E2E_RUN": settings.run, "E2E_NETWORK_NAME": settings.network, "AIRDUB_TAG": settings.tag,
                "MEDIAMTX_TAG": settings.mediamtx_image.rsplit(":", 1)[1], "AIRDUB_MODELS": settings.models,
                **{variable: settings.ports[key] for key, variable in PORTS.items()},
                **{variable: settings.name[key] for variable, key in names.items()}}

    @property
    def media_service(self):
        """The name of media-service in its compose file."""
        return "media-service-builtin" if self.kind == "builtin" else "media-service"

    def start_all(self):
        """Both are healthy when it returns. PortConflict, and nothing started, when a port is taken."""
        self._refuse_taken_ports()
        docker.ensure_network(self.settings.network, self.settings.run)
        try:
            self.sts.up("sts-service")
            self.started.append("sts")
            self.media.up(*(("mediamtx",) if self.kind == "mediamtx" else ()), self.media_service)
            self.started.append("media")
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
        """Stops and removes both, and their network; again is no error."""
        for manager in (self.media, self.sts):
            manager.down()
        docker.remove_network(self.settings.network, self.settings.run)
        self.started = []

    def logs(self, which, tail="all"):
        manager, service = {"sts": (self.sts, "sts-service"), "media": (self.media, self.media_service),
                            "mediamtx": (self.media, "mediamtx")}[which]
        return manager.logs(service, tail)
