"""The compose files: both versions of Compose read them, and every setting of the programs reaches them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.containers import docker
from support import programs
from support.net import wait_for

ROOT = Path(__file__).resolve().parents[2]
FILES = ("apps/media-service/docker-compose.yml", "apps/media-service/docker-compose.e2e.yml", "apps/sts-service/docker-compose.yml",
         "apps/sts-service/docker-compose.e2e.yml", "deploy/compose.yml")
E2E = [name for name in FILES if "e2e" in name]
PROFILES = {"apps/media-service/docker-compose.yml": "builtin", "apps/media-service/docker-compose.e2e.yml": "builtin",
            "deploy/compose.yml": "monitoring"}
# Fixed inside a container, or set by name in the files themselves.
OWN = {"HOST", "PORT", "STS_PORT", "ECHO_HOST", "ECHO_PORT", "AIRDUB_SUPERVISED", "MODEL_DIR", "RTMP_PORT", "RTMPS_PORT", "API_PORT", "SEGMENT_DIR",
       "WORKER_SEGMENT_DIR"}


def composes():
    """The commands that are here, by version."""
    found = {}
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        found["v2"] = ["docker", "compose"]
    if shutil.which("docker-compose"):
        found["v1"] = ["docker-compose"]
    return found


@pytest.fixture(params=["v1", "v2"])
def compose(request):
    """compose(file, environment): what Compose makes of the file."""
    commands = composes()
    if request.param not in commands:
        pytest.skip(f"Compose {request.param} is not installed" +
                    ("; Debian's docker-compose is" if request.param == "v1" else ": it is a plugin of Docker's own packages"))

    def read(name, **environment):
        profile = ["--profile", PROFILES[name]] if name in PROFILES else []
        done = subprocess.run([*commands[request.param], "-f", ROOT / name, *profile, "config"], capture_output=True, text=True,
                              env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", **environment})
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)

    return read


def source(name):
    return yaml.safe_load((ROOT / name).read_text())


def published(service):
    """{port inside: port outside}"""
    return {int(p["target"]): int(p["published"]) for p in service["ports"]}


@pytest.mark.parametrize("name", FILES)
def test_compose_reads_it(compose, name):
    services = compose(name)["services"]
    assert services
    for service in services.values():
        assert service["image"]


def test_ports_are_the_known_ones_and_can_be_moved(compose):
    media = compose("apps/media-service/docker-compose.yml")["services"]
    assert {1935: 1935, 8554: 8554, 9997: 9997}.items() <= published(media["mediamtx"]).items()
    assert published(media["media-service"]) == {8080: 8080}
    assert published(media["media-service-builtin"]) == {8080: 8080, 1935: 1935, 9997: 9997}
    assert published(compose("apps/sts-service/docker-compose.yml")["services"]["sts-service"]) == {3000: 3000}
    moved = compose("apps/media-service/docker-compose.e2e.yml", MEDIAMTX_RTMP_PORT="1936", MEDIAMTX_API_PORT="9990",
                    MEDIA_SERVICE_PORT="8081", MEDIAMTX_RTSP_PORT="8555")["services"]
    assert {1935: 1936, 8554: 8555, 9997: 9990}.items() <= published(moved["mediamtx"]).items()
    assert published(moved["media-service"]) == {8080: 8081}


def test_the_end_to_end_files_share_a_network_and_label_what_they_make(compose):
    for name in E2E:
        read = compose(name, E2E_NETWORK_NAME="ci-dubbing-net", E2E_RUN="r17")
        network = read["networks"]["default"]
        assert network["name"] == "ci-dubbing-net" and network["external"]
        for service in read["services"].values():
            assert service["labels"]["airdub.e2e.run"] == "r17"
            assert service["container_name"].startswith("e2e-")


def test_a_setting_of_the_environment_reaches_the_container(compose):
    """And one that is not set stays away, so that the program's own default holds."""
    read = compose("apps/media-service/docker-compose.yml", WORKER_TARGET_LANGUAGE="de", STS_SERVICE_URL="http://elsewhere:8000")
    environment = read["services"]["media-service"]["environment"]
    assert environment["WORKER_TARGET_LANGUAGE"] == "de"
    assert environment["STS_SERVICE_URL"] == "http://elsewhere:8000"
    assert environment.get("WORKER_VOICE") is None


def settings_of(program):
    printed = subprocess.run([programs.path_of(program), "--help"], capture_output=True, text=True, check=True).stdout
    if program == "media-service":  # the engines are sts-service's here
        printed = printed.split("With SPEECH_BACKEND=local")[0]
    return {word for line in re.findall(r"^  ([A-Z][A-Z0-9_]+(?:, [A-Z0-9_]+)*) ", printed, re.MULTILINE) for word in line.split(", ")}


OF_ONE_FILE = {"ASR_SUBTITLES"}  # what is said in it: for `airdub dub` alone
# Of the built-in media server alone.
BUILTIN = {f"RTMP_{name}{end}" for name in ("PUBLISH_KEY", "PLAY_KEY", "AUTH_URL") for end in ("", "_FILE")} | {
    "RTMP_OVERRIDE_PUBLISHER", "RTMP_MAX_CONNECTIONS", "RTMP_MEMORY_MB", "RTMPS_CERT", "RTMPS_KEY"}


@pytest.mark.parametrize("program, service", [("media-service", "media-service"), ("media-service", "media-service-builtin"),
                                              ("sts-service", "sts-service")])
def test_every_setting_can_be_set(program, service):
    settings = settings_of(program)
    assert len(settings) > 15
    handed_on = {line.split("=")[0] for line in source(f"apps/{program}/docker-compose.yml")["services"][service]["environment"]}
    # Which media server it is, the other service of the file decides.
    elsewhere = {"MEDIA_SERVER", "API_HOST"} | (BUILTIN if service == "media-service" else set())
    elsewhere |= {name for name in settings if name.startswith("MEDIAMTX_")} if service.endswith("builtin") else set()
    assert settings - OWN - OF_ONE_FILE - elsewhere - handed_on == set()
    assert handed_on - settings == set()


def test_one_version_of_mediamtx():
    tags = set(re.findall(r"MEDIAMTX_TAG:-([0-9.]+)", (ROOT / "apps/media-service/docker-compose.yml").read_text()))
    images = yaml.safe_load((ROOT / "deploy/kubernetes/kustomization.yaml").read_text())["images"]
    assert tags == {image["newTag"] for image in images if image["name"] == "bluenviron/mediamtx"}
    assert len(tags) == 1


def test_services_are_hardened():
    for name, services in (("media-service", ("media-service", "media-service-builtin")), ("sts-service", ("sts-service",))):
        for service in services:
            read = source(f"apps/{name}/docker-compose.yml")["services"][service]
            assert read["read_only"] and read["cap_drop"] == ["ALL"] and "no-new-privileges:true" in read["security_opt"]


@pytest.mark.alone
@pytest.mark.timeout(3000)
def test_the_whole_product_starts(images, compose, tmp_path):
    """With the built-in media server, so that no image has to come from elsewhere; ports that Docker chooses."""
    del compose  # asked for, so that a machine without Compose says so
    command = next(iter(composes().values()))
    project = f"airdub-test-{tmp_path.name.lower().replace('_', '-')}"[:60]
    network = docker("network", "create", "--label", "airdub.e2e.run=deploy", f"{project}-net").stdout.strip()
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "E2E_NETWORK_NAME": f"{project}-net", "E2E_RUN": "deploy",
                   "E2E_MEDIA_SERVICE_NAME": f"{project}-media", "E2E_STS_SERVICE_NAME": f"{project}-sts", "STS_PORT": "0",
                   "MEDIA_SERVICE_PORT": "0", "MEDIAMTX_RTMP_PORT": "0", "MEDIAMTX_API_PORT": "0", "AIRDUB_MODELS": str(tmp_path)}
    files = {"sts": ("apps/sts-service/docker-compose.e2e.yml", []),
             "media": ("apps/media-service/docker-compose.e2e.yml", ["media-service-builtin"])}

    def run(part, *words, services=()):
        return subprocess.run([*command, "-f", ROOT / files[part][0], "-p", f"{project}-{part}", *words, *services], env=environment,
                              capture_output=True, text=True, timeout=120)

    try:
        for part in files:
            done = run(part, "up", "-d", services=files[part][1])
            assert done.returncode == 0, done.stderr
        for name in (f"{project}-sts", f"{project}-media"):
            wait_for(lambda name=name: json.loads(docker("inspect", name).stdout)[0]["State"]["Health"]["Status"] == "healthy", 60, name)
        said = docker("exec", f"{project}-media", "getent", "hosts", "sts-service").stdout
        assert "sts-service" in said
    finally:
        for part in ("media", "sts"):
            run(part, "down", "-v")
        docker("network", "rm", network, check=False)
