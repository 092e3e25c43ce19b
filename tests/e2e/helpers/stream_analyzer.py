"""stream_analyzer: what a stream or a recording of it holds."""

from dataclasses import dataclass

import numpy as np

from support import avsync, media, speech
from support.process import run

RATE_HZ = 16000
PIECE_S = 6


@dataclass(frozen=True)
class StreamInfo:
    video_codec: str
    audio_codec: str
    video_streams: int
    audio_streams: int


def probe_live(url, timeout_s=30):
    """StreamInfo of a running stream, by ffprobe as a player would ask."""
    done = run(["ffprobe", "-v", "error", "-rw_timeout", "15000000", "-of", "csv=p=0", "-show_entries", "stream=codec_type,codec_name", url],
               timeout_s=timeout_s)
    if done.returncode != 0:
        raise RuntimeError(f"ffprobe {url}: {done.stderr.strip()[-500:]}")
    return _info([dict(zip(("codec_name", "codec_type"), line.split(","), strict=False)) for line in done.stdout.split()])


def probe_file(path):
    return _info(media.probe(path)["streams"])


def _info(streams):
    codecs = {kind: [s["codec_name"] for s in streams if s["codec_type"] == kind] for kind in ("video", "audio")}
    return StreamInfo(next(iter(codecs["video"]), None), next(iter(codecs["audio"]), None), len(codecs["video"]), len(codecs["audio"]))


def pts_delta_ms(path):
    """How far sound and pictures are apart at worst, by their timestamps alone: the longest that a picture has been without sound,
    and the differences between the beginnings and between the ends of both streams."""
    video = np.array(sorted(p.pts_s for p in media.packets(path, "video") if p.pts_s is not None))
    starts, ends = _sound(path)
    after = np.searchsorted(starts, video, side="right")
    without = np.where(after > 0, video - ends[np.maximum(after - 1, 0)], 0)
    frame_s = float(np.median(np.diff(video)))
    return 1000 * float(max(without.max(), abs(video[0] - starts[0]), abs(video[-1] + frame_s - ends[-1])))


def _sound(path):
    """When each packet of sound begins and ends; FLV states no durations, so there the usual distance counts."""
    packets = sorted((p for p in media.packets(path, "audio") if p.pts_s is not None), key=lambda p: p.pts_s)
    starts = np.array([p.pts_s for p in packets])
    usual_s = float(np.median(np.diff(starts)))
    return starts, starts + np.array([p.duration_s or usual_s for p in packets])


def flash_deltas_ms(path):
    """The offset of the sound at each flash of the commentary; None where its beep is missing."""
    return [mark.offset_ms for mark in avsync.measure(path)]


def fingerprint_distances_db(original, dubbed):
    """How different the spectra of both sounds are, for each 6 s: under 2 for the same sound encoded twice, over 4 for a dub."""
    one, other = media.decode_audio(original, RATE_HZ), media.decode_audio(dubbed, RATE_HZ)
    length = min(len(one), len(other))
    pieces = [slice(at, at + PIECE_S * RATE_HZ) for at in range(0, length - RATE_HZ, PIECE_S * RATE_HZ)]
    return [speech.difference_db(one[piece], other[piece], RATE_HZ) for piece in pieces]


def voiced_shares(path):
    """The share of voiced sound in each 6 s."""
    samples = media.decode_audio(path, RATE_HZ)
    return [speech.voiced_share(samples[at:at + PIECE_S * RATE_HZ], RATE_HZ) for at in range(0, len(samples) - RATE_HZ, PIECE_S * RATE_HZ)]
