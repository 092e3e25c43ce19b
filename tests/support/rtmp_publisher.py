"""A publisher whose timestamps and pace are the test's: the tags of an FLV file, sent message by message."""

import struct
import threading
import time
from dataclasses import dataclass

from support.rtmp_stranger import RtmpStranger

AUDIO, VIDEO = 8, 9
CHUNK_BYTES = 65536
EXTENDED = 0xFFFFFF


@dataclass(frozen=True)
class Tag:
    kind: int
    time_ms: int
    body: bytes

    @property
    def is_header(self):
        """A decoder's configuration: H.264's or AAC's."""
        return self.body[1:2] == b"\0" and (self.kind == AUDIO or self.body[0] & 15 == 7)


def read_flv(path):
    """The tags of sound and picture, in the file's order."""
    data, at, tags = path.read_bytes(), 13, []
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1:at + 4], "big")
        time_ms = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        if kind in (AUDIO, VIDEO):
            tags.append(Tag(kind, time_ms, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags


class TagPublisher(threading.Thread):
    """Sends tags when their time has come; stamp(tag) and due_ms(tag) say which timestamp and which moment each has, or None: it is
    left out."""

    def __init__(self, port, path, tags, stamp=None, due_ms=None):
        super().__init__(name="tag-publisher", daemon=True)
        self.tags, self.stamp, self.due_ms = tags, stamp or (lambda tag: tag.time_ms), due_ms or (lambda tag: tag.time_ms)
        self.ends = threading.Event()
        self.failed = None
        self.connection = RtmpStranger(port).connect(path.split("/")[0])
        self.connection.publish(path.split("/", 1)[1])
        self.connection.wait_for(b"Publish.Start")
        self.connection.send_message(1, struct.pack(">I", CHUNK_BYTES))
        self.start()

    def run(self):
        started = time.monotonic()
        try:
            for tag in sorted(self.tags, key=lambda tag: self.due_ms(tag) or 0):
                if self.stamp(tag) is None:
                    continue
                if self.ends.wait(max(0, started + self.due_ms(tag) / 1000 - time.monotonic())):
                    break
                self.send(tag)
        except OSError as error:
            self.failed = error
        finally:
            self.connection.close()

    def send(self, tag):
        stamp = self.stamp(tag) & 0xFFFFFFFF
        short = min(stamp, EXTENDED)
        extended = stamp.to_bytes(4, "big") if short == EXTENDED else b""
        stream = 4 if tag.kind == AUDIO else 5
        head = bytes([stream]) + short.to_bytes(3, "big") + len(tag.body).to_bytes(3, "big") + bytes([tag.kind]) + (1).to_bytes(4, "little")
        pieces = [tag.body[at:at + CHUNK_BYTES] for at in range(0, len(tag.body), CHUNK_BYTES)]
        self.connection.send(head + extended + (bytes([0xC0 | stream]) + extended).join(pieces))

    def stop(self):
        self.ends.set()
        self.join(10)
