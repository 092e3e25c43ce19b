"""Decoding and probing media files with ffmpeg, into plain numbers."""

import json
import subprocess
from dataclasses import dataclass

import numpy as np


def ffmpeg(*arguments, timeout_s=120):
    """Runs ffmpeg to its end, overwriting its output; raises with what it printed when it fails."""
    _run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments], timeout_s)


def _run(command, timeout_s=120):
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def probe(path):
    """ffprobe's streams and format, as it prints them."""
    return json.loads(_run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", path]))


def stream(path, kind):
    """The first stream of the kind, "video" or "audio", as ffprobe describes it; None where there is none."""
    return next((s for s in probe(path)["streams"] if s["codec_type"] == kind), None)


@dataclass(frozen=True)
class Packet:
    """pts_s and dts_s are None where the container has none."""

    pts_s: float
    dts_s: float
    duration_s: float
    size: int
    key: bool


def packets(path, kind):
    """Every packet of the first stream of the kind, in file order."""
    out = _run(["ffprobe", "-v", "error", "-select_streams", kind[0], "-of", "csv=p=0", "-show_entries",
                "packet=pts_time,dts_time,duration_time,size,flags", path]).decode()
    return [_packet(line.split(",")) for line in out.splitlines() if line]


def _packet(fields):
    pts, dts, duration, size, flags = fields[:5]
    seconds = [None if value in ("N/A", "") else float(value) for value in (pts, dts, duration)]
    return Packet(seconds[0], seconds[1], seconds[2] or 0.0, int(size), "K" in flags)


def packet_hashes(path, kind="video"):
    """The MD5 of each packet's bytes, in decoding order and freed of their container's framing.

    Two files carry the same encoded pictures when these are equal."""
    to_annex_b = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=6-9"] if kind == "video" else []
    out = _run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", f"0:{kind[0]}:0", "-c", "copy", *to_annex_b,
                "-f", "framemd5", "-"]).decode()
    return [line.split(",")[-1].strip() for line in out.splitlines() if line and not line.startswith("#")]


def frame_hashes(path):
    """The MD5 of each decoded picture, in the order of presentation."""
    out = _run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5",
                "-"]).decode()
    return [line.split(",")[-1].strip() for line in out.splitlines() if line and not line.startswith("#")]


def duration_s(path, kind=None):
    """What plays, from the first packet's time to the last one's end: of one kind of stream, or of the longest."""
    kinds = [kind] if kind else [s["codec_type"] for s in probe(path)["streams"] if s["codec_type"] in ("audio", "video")]
    return max(_stream_duration_s(path, each) for each in kinds)


def _stream_duration_s(path, kind):
    """Where the container states a duration (mp4: with its edit list) that is what plays; else the packets tell. MPEG-TS states
    none: what ffprobe prints for it is where the last PES packet begins, which may hold several frames."""
    probed = probe(path)
    described = next((s for s in probed["streams"] if s["codec_type"] == kind), None)
    if described is None:
        raise RuntimeError(f"{path} has no {kind}")
    if "duration" in described and probed["format"]["format_name"] not in ("mpegts", "hls"):
        return float(described["duration"])
    timed = [p for p in packets(path, kind) if p.pts_s is not None]
    usual_s = float(np.median(np.diff(sorted(p.pts_s for p in timed)))) if len(timed) > 1 else 0.0
    return max(p.pts_s + (p.duration_s or usual_s) for p in timed) - min(p.pts_s for p in timed)


def start_s(path, kind):
    """When the first sample or picture of the stream is due."""
    return float(stream(path, kind)["start_time"])


def decode_audio(path, rate_hz=16000, channels=1, placed=True):
    """The first audio track as float32, shape (samples,) or (channels, samples).

    placed: each sample stands where its timestamp puts it on the file's timeline (silence fills what is missing), which
    is what a player does. Otherwise all samples follow each other as decoded, so that a gap in time is not hidden."""
    place = ["-af", f"aresample={rate_hz}:async=1:min_hard_comp=0.005:first_pts=0"] if placed else []
    raw = _run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:a:0", *place, "-ar", rate_hz, "-ac", channels,
                "-f", "f32le", "-"], timeout_s=300)
    samples = np.frombuffer(raw, np.float32)
    return samples if channels == 1 else samples.reshape(-1, channels).T


@dataclass(frozen=True)
class Luma:
    """pts_s on the file's timeline and mean luma (16 black … 235 white) of each picture, in order of display."""

    pts_s: np.ndarray
    mean: np.ndarray


def decode_luma(path):
    """How bright each picture is; pictures are decoded small, so this is fast."""
    out = _run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-vf",
                "scale=32:18:flags=fast_bilinear,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-", "-f", "null",
                "/dev/null"], timeout_s=300).decode()
    pts, mean = [], []
    for line in out.splitlines():
        if line.startswith("frame:"):
            pts.append(float(line.rsplit("pts_time:", 1)[1]))
        elif "YAVG=" in line:
            mean.append(float(line.rsplit("=", 1)[1]))
    return Luma(np.array(pts), np.array(mean))


def sizes(path):
    """(width, height) of the decoded pictures, each once."""
    out = _run(["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0", "-show_entries", "frame=width,height", path]).decode()
    return {tuple(int(number) for number in line.strip(",").split(",")[:2]) for line in out.split()}


def decode_errors(path):
    """What ffmpeg complains about when it decodes the whole file: empty for a file without a flaw. Pictures keep the file's
    timestamps: rounded to a frame's number, as is the default, two of them may become one."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-fps_mode", "passthrough",
                           "-enc_time_base", "-1", "-f", "null", "-"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    return done.stderr.strip()
