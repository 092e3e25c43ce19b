"""Timestamps and pace as encoders should not have them, by a publisher that the test makes: every picture comes out, in order, with the sound
where it belongs, and the delay is what it was.

All at once, each as a stream of its own: most of the time is waiting."""

import time
from types import SimpleNamespace

import pytest

from fixtures.sound import BEEP_S, OVERTONE_HZ
from support import avsync, media, rtmp
from support.net import wait_for
from support.programs import MediaService, sts_service
from support.rtmp_publisher import AUDIO, VIDEO, TagPublisher, read_flv

pytestmark = pytest.mark.alone

SEGMENT_S = 2
DELAY_S = SEGMENT_S * 1.4 + 1.15
LENGTH_S = 20
AT_MS = 8000
HOUR_MS = 3600 * 1000
PICTURES = "testsrc2=s=320x180:r=25:d={length},eq=brightness=-0.3,drawbox=t=fill:color=white:enable='{on}'{more}"
SOUND = "aevalsrc='0.4*sin(2*PI*1000*t)*{on}+0.4*sin(2*PI*{overtone}*t)*{on}':s=44100:d={length}"
SPARSE = ",select='eq(mod(n,3),0)+lt(mod(n,50),14)'"  # 25 and 8 pictures a second by turns, the flashes among them


def make_clip(path, more=""):
    """Each 2 s a flash with a beep."""
    on = f"lt(mod(t+1.5,2),{BEEP_S})"
    values = {"on": on, "length": LENGTH_S, "overtone": OVERTONE_HZ, "more": more}
    media.ffmpeg("-f", "lavfi", "-i", PICTURES.format(**values), "-f", "lavfi", "-i", SOUND.format(**values), "-fps_mode", "vfr",
                 "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-c:a", "aac", "-b:a", "128k", path)
    return path


def stands_still(tag):
    return AT_MS if AT_MS <= tag.time_ms < AT_MS + 1000 else tag.time_ms


def without_two_groups(tag):
    return None if AT_MS <= tag.time_ms < AT_MS + 2000 else tag.time_ms


def sound_from_3_s(tag):
    return None if tag.kind == AUDIO and tag.time_ms < 3000 and not tag.is_header else tag.time_ms


def all_at_once(tag):
    return AT_MS + 3000 if AT_MS <= tag.time_ms < AT_MS + 3000 else tag.time_ms


ROWS = {  # how tags are stamped, and when they are sent
    "as-it-is": {},
    "variable-rate": {},
    "jumps": {"stamp": lambda tag: tag.time_ms + (HOUR_MS if tag.time_ms >= AT_MS else 0)},
    "goes-back": {"stamp": lambda tag: tag.time_ms + (HOUR_MS if tag.time_ms < AT_MS else 0)},
    "wraps-at-32-bits": {"stamp": lambda tag: tag.time_ms + (1 << 32) - AT_MS},
    "stands-still": {"stamp": stands_still},
    "has-a-gap": {"stamp": without_two_groups},
    "sound-begins-late": {"stamp": sound_from_3_s},
    "comes-in-a-burst": {"due_ms": all_at_once},
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each row made of the clip, and how long after its last tag."""
    folder = tmp_path_factory.mktemp("timestamps")
    clips = {"": make_clip(folder / "even.flv"), "variable-rate": make_clip(folder / "sparse.flv", SPARSE)}
    sts = sts_service(folder / "sts.log", STS_MODE="echo")
    service = MediaService(sts.url, folder / "segments", folder / "media-service.log", WORKER_SEGMENT_DURATION=SEGMENT_S)
    started, made = [sts, service], {}
    try:
        for name, how in ROWS.items():
            url, out, clip = f"live/{name}", folder / f"{name}.flv", clips.get(name, clips[""])
            recorder = rtmp.record(f"{service.rtmp_url()}/{url}/out", out, folder / f"{name}.log")
            started.append(recorder)
            publisher = TagPublisher(int(service.rtmp_url().rsplit(":", 1)[1]), f"{url}/in", read_flv(clip), **how)
            made[name] = SimpleNamespace(clip=clip, out=out, recorder=recorder, publisher=publisher, how=how, ended=None, seen=None)
        wait_for(lambda: all([note_end(row) for row in made.values()]), LENGTH_S + 40, "the end of all")
        yield SimpleNamespace(rows=made, service=service)
    finally:
        for row in made.values():
            row.publisher.stop()
        for program in reversed(started):
            program.stop()


def note_end(row):
    if row.ended is None and not row.publisher.is_alive():
        row.ended = time.monotonic()
    if row.seen is None and row.recorder.popen.poll() is not None:
        row.seen = time.monotonic()
    return row.ended and row.seen


@pytest.mark.parametrize("name", ROWS)
def test_output(outputs, name, record_property):
    row = outputs.rows[name]
    assert row.publisher.failed is None
    sent = [tag for tag in read_flv(row.clip) if tag.kind == VIDEO and tag.body[1] == 1]
    stamp = row.how.get("stamp", lambda tag: tag.time_ms)
    whole = media.packet_hashes(row.clip)
    expected = [hash_ for tag, hash_ in zip(sent, whole, strict=True) if stamp(tag) is not None]
    assert media.packet_hashes(row.out) == expected
    assert media.decode_errors(row.out) == ""
    theirs, ours = avsync.measure(row.clip), avsync.measure(row.out)
    usual_ms = sum(mark.offset_ms for mark in theirs) / len(theirs)
    off_ms = [mark.offset_ms - usual_ms for mark in ours if mark.offset_ms is not None]
    delay_s = row.seen - row.ended
    print(f"{len(off_ms)} of {len(theirs)} marks, worst {max(off_ms, key=abs):+.1f} ms; delay {delay_s:.2f} s, of {DELAY_S:.2f}")
    record_property("off_ms", max(off_ms, key=abs))
    missing = {"has-a-gap": 1, "sound-begins-late": 2, "stands-still": 1}.get(name, 0)
    assert len(off_ms) >= len(theirs) - missing
    assert max(map(abs, off_ms)) <= 5
    assert DELAY_S - 0.1 < delay_s < DELAY_S + 1.2  # half a second of it is what the end takes to reach the recorder
