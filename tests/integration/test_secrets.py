"""No password of a URL is told to anybody: not in the log, an answer or a metric."""

import os
import re
import subprocess

from support import programs, rtmp
from support.net import free_port, wait_for

SECRET = "hunter2secret"
USER = f"anna:{SECRET}@"


def test_passwords_of_urls_stay_inside(tmp_path, until_end, short):
    """A media server and an sts-service behind passwords; the one does not want it, the other is not there: all is logged."""
    api = free_port()
    server = until_end(programs.MediaService("http://127.0.0.1:1", tmp_path / "server", tmp_path / "server.log", API_PORT=api,
                                             MAX_CONCURRENT_STREAMS=1))
    until_end(rtmp.publish(short, f"{server.rtmp_url()}/live/filler/in", tmp_path / "filler.log", loop=-1))
    wait_for(lambda: server.streams(), 20, "the server's own stream")  # it is full now: the rest is for the other one
    dubber = until_end(programs.MediaService(
        f"http://{USER}127.0.0.1:1/?token={SECRET}", tmp_path / "segments", tmp_path / "dubber.log", MEDIA_SERVER="mediamtx",
        MEDIAMTX_RTMP_URL=server.rtmp_url().replace("rtmp://", f"rtmp://{USER}"), MEDIAMTX_API_URL=f"http://{USER}127.0.0.1:{api}",
        MEDIAMTX_PLAYBACK_URL=f"http://{USER}127.0.0.1:1", LOG_LEVEL="INFO"))
    publisher = until_end(rtmp.publish(short, f"{server.rtmp_url()}/live/show/in", tmp_path / "publisher.log"))
    assert publisher.wait(60) == 0
    wait_for(lambda: "show" not in dubber.streams(), 40, "the end of the stream")
    told = [dubber.get(path).text for path in ("/metrics", "/v1/streams", "/health", "/health/ready")]
    dubber.stop()
    log = (tmp_path / "dubber.log").read_text()
    assert re.search(r"sts-service at http://127\.0\.0\.1:1\S*: ", log)
    assert "media server: rtmp://127.0.0.1:" in log
    assert [line for text in (log, *told) for line in text.splitlines() if SECRET in line] == []


def test_a_password_in_a_bad_url_stays_inside():
    env = {**os.environ, "MEDIA_SERVER": "mediamtx", "MEDIAMTX_API_URL": f"ftp://{USER}somewhere", "PORT": "0"}
    done = subprocess.run([programs.path_of("media-service")], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "control API: 'ftp://somewhere' is not a URL" in done.stderr
    assert SECRET not in done.stderr + done.stdout
