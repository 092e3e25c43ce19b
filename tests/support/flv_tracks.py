"""FLV with several tracks of sound, as Enhanced RTMP 2 has them: made of ffmpeg's plain FLV, whose tags are written anew."""

from dataclasses import dataclass

AUDIO, VIDEO, SCRIPT = 8, 9, 18
MULTITRACK = 0x95  # AudioTagHeader: ExHeader in SoundFormat's place, AudioPacketType.Multitrack
ONE_TRACK = 0x00
SEQUENCE_START, CODED_FRAMES = 0, 1


@dataclass(frozen=True)
class Tag:
    kind: int
    stamp_ms: int
    body: bytes


def read(path):
    data = path.read_bytes()
    assert data[:3] == b"FLV"
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append(Tag(data[at], stamp, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags


def as_track(tag, track_id):
    """A plain AAC tag as one of several tracks: the codec's FourCC and the track's id come in front."""
    kind = CODED_FRAMES if tag.body[1] else SEQUENCE_START
    return Tag(AUDIO, tag.stamp_ms, bytes([MULTITRACK, ONE_TRACK << 4 | kind]) + b"mp4a" + bytes([track_id]) + tag.body[2:])


def unknown(stamp_ms, track_id):
    """A track in a codec that nobody knows."""
    return Tag(AUDIO, stamp_ms, bytes([MULTITRACK, CODED_FRAMES]) + b"what" + bytes([track_id]) + b"ever")


def with_tracks(first, others):
    """The tags of `first`, and those of the sound of `others` (trackId to tags), by time; in each second one that is unknown."""
    tags = [tag for tag in first if tag.kind != SCRIPT]
    for track_id, those in others.items():
        tags += [as_track(tag, track_id) for tag in those if tag.kind == AUDIO]
    tags += [unknown(1000 * second, 77) for second in range(max(tag.stamp_ms for tag in tags) // 1000)]
    return sorted(tags, key=lambda tag: tag.stamp_ms)  # stable: headers stay in front


def write(path, tags):
    with open(path, "wb") as out:
        out.write(b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
        for tag in tags:
            head = bytes([tag.kind]) + len(tag.body).to_bytes(3, "big") + (tag.stamp_ms & 0xFFFFFF).to_bytes(3, "big")
            out.write(head + bytes([tag.stamp_ms >> 24, 0, 0, 0]) + tag.body + (11 + len(tag.body)).to_bytes(4, "big"))
