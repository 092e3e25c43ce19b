"""A MediaMTX of the test's own, from PATH or MEDIAMTX_BIN."""

import re
from datetime import datetime

import requests

from support.net import wait_for_port
from support.process import Program, run
from support.programs import MEDIAMTX_ENV, mediamtx, path_of

CONFIG = """\
logLevel: info
api: yes
apiAddress: 127.0.0.1:{api}
playback: {playback}
playbackAddress: 127.0.0.1:{playback_port}
rtmpAddress: 127.0.0.1:{rtmp}
rtsp: {rtsp}
rtspAddress: 127.0.0.1:{rtsp_port}
rtspTransports: [tcp]
hls: no
webrtc: no
srt: no
pathDefaults:
  recordPath: {folder}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f
  recordPartDuration: 200ms
paths:
  "~^live/.+/in$":
    record: {playback}
{hooks}
  all_others:
    record: yes
"""


def hook_lines():
    """The keys that this version knows; later ones call "available" what was "ready"."""
    major, minor = run([mediamtx(), "--version"]).stdout.strip().lstrip("v").split(".")[:2]
    renamed = (int(major), int(minor)) >= (1, 17)
    names = ("runOnAvailable", "runOnUnavailable") if renamed else ("runOnReady", "runOnNotReady")
    return "\n".join(f"    {name}: {path_of('airdub')} mediamtx-hook {event}"
                     for name, event in zip(names, ("ready", "not-ready"), strict=True))


class MediaMtx(Program):
    """With recordings of all that is published, hooks only where a URL is told, and RTSP only where ports has one for it."""

    def __init__(self, folder, ports, playback=True, hooks_url=None):
        config = folder / "mediamtx.yml"
        rtsp_port = getattr(ports, "rtsp", 0)
        config.write_text(CONFIG.format(rtsp="yes" if rtsp_port else "no", rtsp_port=rtsp_port, folder=folder, playback="yes" if playback else "no", api=ports.api, rtmp=ports.rtmp,
                                        playback_port=ports.playback, hooks=hook_lines() if hooks_url else ""))
        super().__init__([mediamtx(), config], name="mediamtx", log=folder / "mediamtx.log",
                         env={**MEDIAMTX_ENV, "ORCHESTRATOR_URL": hooks_url or ""}, cwd=folder)
        self.api = f"http://127.0.0.1:{ports.api}"
        wait_for_port(ports.api)
        wait_for_port(ports.rtmp)
        if rtsp_port:
            wait_for_port(rtsp_port)

    def path(self, name):
        """What the API says of the path; {} when there is none."""
        answer = requests.get(f"{self.api}/v3/paths/get/{name}", timeout=5)
        return answer.json() if answer.status_code == 200 else {}

    def has(self, name):
        return self.path(name) != {}

    def ready_at(self, name):
        """Since when the path may be read; None while it may not."""
        since = self.path(name).get("readyTime")
        return since and datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", since))
