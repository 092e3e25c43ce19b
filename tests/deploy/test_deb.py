"""The Debian packages: lintian has nothing to say, and a bare Debian that has just them dubs, serves and stops."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support.net import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
BASE = Path("/var/tmp/airdub-base-system")  # made once, by debootstrap

pytestmark = [pytest.mark.timeout(2400), pytest.mark.alone]  # the packages are compiled, and some 300 of Debian's are installed


@pytest.fixture(scope="module")
def packages():
    """The .deb files of this tree: those of build/deb where no source is newer."""
    for tool in ("dpkg-buildpackage", "dh", "lintian"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}; 'tools/deps/install deb' installs it")
    folder = ROOT / "build/deb"
    made = sorted(folder.glob("airdub*.deb"))
    sources = [path for part in ("src", "apps", "data", "docs/man", "deploy/debian", "tools/models") for path in (ROOT / part).rglob("*")
               if path.is_file() and "__pycache__" not in path.parts]
    if not made or min(path.stat().st_mtime for path in made) < max(path.stat().st_mtime for path in sources):
        subprocess.run([ROOT / "deploy/build-deb", folder], check=True, stdin=subprocess.DEVNULL)
        made = sorted(folder.glob("airdub*.deb"))
    return [path for path in made if "dbgsym" not in path.name]


class Chroot:
    def __init__(self, root):
        self.root = root
        self.mounted = []

    def mount(self):
        for name in ("proc", "dev", "sys"):
            place = self.root / name
            place.mkdir(exist_ok=True)
            subprocess.run(["mount", "--rbind", f"/{name}", place], check=True)
            subprocess.run(["mount", "--make-rslave", place], check=True)
            self.mounted.append(place)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")

    def stop(self):
        for place in reversed(self.mounted):
            subprocess.run(["umount", "-l", place], check=False)

    def command(self, *words, user=None):
        return ["chroot", *([f"--userspec={user}"] if user else []), str(self.root), *map(str, words)]

    def run(self, *words, check=True, timeout_s=1200, **env):
        plain = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                 "DEBIAN_FRONTEND": "noninteractive", **env}
        done = subprocess.run(self.command(*words), env=plain, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done


@pytest.fixture(scope="module")
def bare(packages, tmp_path_factory):
    """A Debian with nothing but the packages and what they depend on."""
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    if not shutil.which("debootstrap"):
        pytest.skip("there is no debootstrap; 'apt-get install debootstrap' brings it")
    if not (BASE / "etc/debian_version").exists():
        shutil.rmtree(BASE, ignore_errors=True)
        subprocess.run([ROOT / "tools/e2e/base-system", "bookworm", BASE], check=True)
    root = tmp_path_factory.mktemp("bare") / "root"
    subprocess.run(["cp", "-a", BASE, root], check=True)
    system = Chroot(root)
    try:
        system.mount()
        for package in packages:
            shutil.copy(package, root / "tmp")
        system.run("apt-get", "update", "-q")
        system.run("apt-get", "install", "-y", "-q", "--no-install-recommends", *[f"/tmp/{package.name}" for package in packages])
        yield system
    finally:
        system.stop()
        shutil.rmtree(root, ignore_errors=True)


def test_lintian_has_nothing_to_say(packages):
    assert len(packages) == 2
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *packages], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_programs_run(bare):
    for program in ("airdub", "media-service", "sts-service"):
        assert "0.1.0" in bare.run(program, "--version").stdout
        assert bare.run("test", "-e", f"/var/lib/dpkg/info/airdub{'' if program == 'airdub' else '-services'}.list")
    checks = json.loads(bare.run("airdub", "doctor", "--json", check=False).stdout)["checks"]
    assert [c for c in checks if c["status"] == "fail" and c["group"] in ("GStreamer", "engines", "programs")] == []


def test_a_file_is_dubbed(bare, short):
    shutil.copy(short, bare.root / "tmp/in.mp4")
    done = bare.run("airdub", "dub", "--json", "/tmp/in.mp4", "/tmp/out.mp4")
    fragments = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "fragment"]
    assert fragments and all(f.get("transcript") for f in fragments)


@pytest.mark.parametrize("name, settings", [("sts-service", {}), ("media-service", {"RTMP_PORT": "0", "API_PORT": "0"})])
def test_a_service_runs_with_the_settings_of_its_package(bare, start, name, settings):
    """As systemd would start it: the file of settings, no privileges, and SIGTERM to end."""
    env = dict(line.split("=", 1) for line in (bare.root / f"etc/airdub/{name}.env").read_text().splitlines() if line and line[0] != "#")
    env |= {"HOST": "127.0.0.1", "PORT": str(free_port()), "SEGMENT_DIR": "/tmp/segments", **settings}
    service = start(bare.command(name, user="nobody:nogroup"), name=name, env=env)
    wait_for(lambda: bare.run(name, "--healthcheck", check=False, **env).returncode == 0, 30, f"health of {name}", interval_s=0.3)
    stopping = time.monotonic()
    service.popen.terminate()
    assert service.popen.wait(10) == 0
    assert time.monotonic() - stopping < 10


def test_units_are_sound(bare):
    """systemd's own judgement of the units, where it can be asked."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here")
    units = [bare.root / f"lib/systemd/system/airdub-{name}.service" for name in ("media-service", "sts-service")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={bare.root}", *[f"/lib/systemd/system/{u.name}" for u in units]],
                          capture_output=True, text=True)
    assert all(unit.exists() for unit in units)
    assert "airdub" not in done.stderr, done.stderr


def test_it_leaves_nothing_behind_when_purged(bare):
    """Last of this module: the packages go."""
    bare.run("apt-get", "purge", "-y", "-q", "airdub", "airdub-services")
    left = bare.run("sh", "-c", "ls -d /etc/airdub /usr/share/airdub /usr/libexec/airdub /usr/bin/media-service 2>/dev/null; true").stdout
    assert left == ""
