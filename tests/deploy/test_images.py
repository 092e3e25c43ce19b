"""The images: small, without privileges, without a place to write, and in working order."""

import json
import subprocess
import time

import pytest

from deploy.containers import docker

pytestmark = [pytest.mark.timeout(3000), pytest.mark.alone]  # the first build compiles everything, on all cores

SERVICES = ("media-service", "sts-service")
MB = 1_000_000
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")


def inspect(image):
    return json.loads(docker("image", "inspect", image).stdout)[0]


def shell(image, script):
    return docker("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script).stdout


@pytest.mark.parametrize("name, most", [("media-service", 200 * MB), ("sts-service", 300 * MB)])
def test_size(images, name, most):
    size = inspect(images[name])["Size"]
    print(f"{name}: {size / MB:.0f} MB")
    assert size <= most


@pytest.mark.parametrize("name", SERVICES + ("airdub",))
def test_says_what_it_is(images, name):
    config = inspect(images[name])["Config"]
    labels = config["Labels"]
    version = subprocess.run(["sed", "-n", r"s/^  version: '\(.*\)',$/\1/p", "meson.build"], capture_output=True, text=True).stdout.strip()
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "GPL-3.0-or-later"
    assert labels["org.opencontainers.image.revision"] and labels["org.opencontainers.image.title"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == [name]
    printed = docker("run", "--rm", images[name], "--version").stdout
    assert version in printed


@pytest.mark.parametrize("name", SERVICES)
def test_has_nothing_to_compile_with(images, name):
    found = shell(images[name], "ls /usr/bin/*gcc* /usr/bin/cc /usr/bin/c++ /usr/bin/ld /usr/bin/make /usr/include/*.h 2>/dev/null; "
                                "find / -xdev -name '*.a' -o -xdev -name '*.pc'; dpkg-query -W -f '${Package}\\n' | grep -e '-dev$'; true")
    assert found == ""


@pytest.mark.parametrize("name", SERVICES)
def test_has_the_licences_of_what_it_holds(images, name):
    held = shell(images[name], "ls /var/lib/dpkg/status.d").split()
    assert "libglib2.0-0" in held and "libicu72" in held
    without = shell(images[name], "cd /var/lib/dpkg/status.d && for p in *; do test -s /usr/share/doc/$p/copyright || echo $p; done")
    assert without == ""
    assert "GNU GENERAL PUBLIC LICENSE" in shell(images[name], "cat /usr/share/doc/airdub/LICENSE")


@pytest.mark.parametrize("name", SERVICES)
def test_finds_every_library(images, name):
    missing = shell(images[name], "find / -xdev -type f -name '*.so*' -o -xdev -type f -path '/usr/libexec/airdub/*' -o -xdev -type f "
                                  f"-path /usr/bin/{name} | xargs ldd 2>/dev/null | grep 'not found'; true")
    assert missing == ""


@pytest.mark.parametrize("name, settings", [("media-service", ["-e", "MEDIA_SERVER=builtin"]), ("sts-service", [])])
def test_runs_hardened_becomes_healthy_and_stops(images, container, name, settings):
    service = container(images[name], options=[*HARDENED, *settings])
    started = time.monotonic()
    service.wait_healthy(20)
    print(f"{name}: healthy after {time.monotonic() - started:.1f} s")
    assert service.execute("id", "-u").stdout.strip() == "10001"
    stopping = time.monotonic()
    docker("stop", "-t", "20", service.name)
    assert time.monotonic() - stopping < 10
    assert service.inspect()["State"]["ExitCode"] == 0, service.logs()


def test_checkpoints_have_a_place_that_survives(images, container):
    """A volume takes the owner of the folder that it covers, so the service may write into it."""
    service = container(images["media-service"], options=[*HARDENED, "-e", "MEDIA_SERVER=builtin", "-v", "/tmp/segments"])
    service.wait_healthy(20)
    service.execute("touch", "/tmp/segments/kept")
    docker("restart", "-t", "10", service.name)
    service.wait_healthy(20)
    service.execute("test", "-e", "/tmp/segments/kept")


def test_an_unwell_service_is_unhealthy(images, container):
    """With a port where nobody listens the check has a reason to give."""
    service = container(images["sts-service"], options=[*HARDENED])
    service.wait_healthy(30)
    done = service.execute("env", "PORT=3999", "sts-service", "--healthcheck", check=False)
    assert done.returncode == 1
    assert "http://127.0.0.1:3999/health/ready does not answer" in done.stderr


def test_doctor_finds_every_plugin(images):
    done = docker("run", "--rm", *HARDENED, images["airdub"], "doctor", "--json", check=False)
    checks = json.loads(done.stdout)["checks"]
    plugins = [check for check in checks if check["group"] == "GStreamer"]
    assert len(plugins) > 20
    assert [check for check in checks if check["status"] == "fail" and check["group"] in ("GStreamer", "engines", "programs")] == []


def test_airdub_dubs_a_file(images, short, tmp_path):
    """Demuxers, decoders, engines and muxers are all there, and FFmpeg's reduced libraries do what Debian's do."""
    tmp_path.chmod(0o777)
    done = docker("run", "--rm", *HARDENED, "-v", f"{short}:/in.mp4:ro", "-v", f"{tmp_path}:/out", images["airdub"], "dub", "--json",
                  "--asr", "pocketsphinx", "--tts", "espeak-ng", "/in.mp4", "/out/dubbed.mp4", timeout_s=240)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    fragments = [event for event in events if event["event"] == "fragment"]
    assert fragments and all(event.get("transcript") for event in fragments)
    probed = json.loads(subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", tmp_path / "dubbed.mp4"],
                                       capture_output=True, text=True, check=True).stdout)
    assert {stream["codec_name"] for stream in probed["streams"]} == {"h264", "aac"}
