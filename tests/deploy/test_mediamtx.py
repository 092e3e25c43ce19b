"""MediaMTX takes the configuration that we ship and the one that docs/operations.md shows, and lets other containers use its API."""

import http.client
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import programs
from support.net import free_port

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = ("RTMP", "RTSP", "SRT", "API", "METRICS", "PLAYBACK", "HLS", "WEBRTC")


def example():
    text = (ROOT / "docs/operations.md").read_text().split("### With MediaMTX")[1]
    return re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)


@pytest.fixture
def private_address():
    """An address of a private network, this machine's for as long as the test runs: who comes from it is somebody else to MediaMTX."""
    address = "10.231.7.1"
    added = subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], capture_output=True, text=True) if shutil.which("ip") else None
    if not added or added.returncode != 0:
        pytest.skip(f"cannot add an address to come from: {added.stderr.strip() if added else 'there is no ip command'}")
    yield address
    subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


def ask(address, port, path):
    connection = http.client.HTTPConnection(address, port, timeout=5, source_address=(address, 0))
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.mark.parametrize("which", ["deploy/mediamtx/mediamtx.yml", "docs/operations.md"])
def test_the_api_answers_from_another_address(start, tmp_path, private_address, which):
    if not programs.mediamtx():
        pytest.skip("MediaMTX is not there: put it on PATH, or set MEDIAMTX_BIN")
    config = tmp_path / "mediamtx.yml"
    config.write_text((ROOT / which).read_text() if which.startswith("deploy") else example())
    ports = {name: free_port() for name in ADDRESSES}
    environment = {f"MTX_{name}ADDRESS": f":{port}" for name, port in ports.items()}
    server = start([programs.mediamtx(), config], name="mediamtx", env={**programs.MEDIAMTX_ENV, **environment, "MTX_RTSPTRANSPORTS": "tcp"},
                   cwd=tmp_path)
    server.wait_for_line(r"\[API\] (listener opened|started)", 10)
    status, answer = ask(private_address, ports["API"], "/v3/paths/list")
    assert (status, answer["items"]) == (200, [])


@pytest.mark.parametrize("host, answers", [(None, False), ("0.0.0.0", True)])
def test_the_built_in_servers_api_is_open_to_others_only_if_told(until_end, tmp_path, private_address, host, answers):
    port = free_port()
    settings = {"API_PORT": port, "HOST": "127.0.0.1", **({"API_HOST": host} if host else {})}
    until_end(programs.MediaService("http://127.0.0.1:1", tmp_path, **settings))
    assert ask("127.0.0.1", port, "/v3/paths/list")[0] == 200
    if answers:
        assert ask(private_address, port, "/v3/paths/list")[0] == 200
    else:
        with pytest.raises(ConnectionRefusedError):
            ask(private_address, port, "/v3/paths/list")
