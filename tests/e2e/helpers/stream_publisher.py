"""publish_test_fixture and publish_rtmp_stream: ffmpeg that sends a clip to the media server, as a broadcaster would."""

import logging
import time
import uuid
from pathlib import Path

from support import rtmp
from support.net import wait_for

log = logging.getLogger("e2e")


class PublishError(RuntimeError):
    """The publisher has ended, or nobody listens; the message has what it printed."""


def unique_name(test):
    """A stream name that no other test has: the test's, the time, and something random, in the characters of a stream id."""
    words = "".join(c if c.isalnum() else "_" for c in test)[:32]
    return f"{words}_{int(time.time())}_{uuid.uuid4().hex[:6]}"


def publish(environment, clip, stream, folder, loop=0, arguments=None, query=None):
    """A Program that sends the clip (or what ffmpeg makes of the arguments) to live/STREAM/in, seen by the media server.

    PublishError when the media server does not take it, FileNotFoundError when there is no such clip."""
    if arguments is None and not Path(clip).is_file():
        raise FileNotFoundError(f"{clip} is not there: make fixtures makes the clips")
    url = f"{environment.rtmp_url}/live/{stream}/in" + (f"?{query}" if query else "")
    logs = Path(folder) / f"{stream}-publisher.log"
    program = rtmp.publish_from(arguments, url, logs) if arguments else rtmp.publish(clip, url, logs, loop=loop)
    log.info("stream %s: publishing to %s", stream, url)
    try:
        wait_for(lambda: not program.running or environment.has_path(f"live/{stream}/in"), 10, f"live/{stream}/in in the media server")
    except TimeoutError as error:
        program.stop()
        raise PublishError(f"{error}\n{program.tail()}") from None
    if not program.running and program.popen.returncode != 0:
        raise PublishError(f"cannot publish to {url}: is the media server running?\n{program.tail(5)}")
    return program
