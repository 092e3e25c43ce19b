"""Publishing to and recording from a media server with ffmpeg, as a broadcaster and a viewer would."""

from support import media, programs
from support.process import Program


def publish(source, url, log=None, speed=1, loop=0, encode=()):
    """A Program that sends the file as it is (or with the given encoder options), in real time or that many times as fast;
    loop: extra rounds, -1 for ever."""
    pace = ["-readrate", speed]
    repeat = ["-stream_loop", loop] if loop else []
    codec = list(encode) or ["-c", "copy"]
    return Program(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", *pace, *repeat, "-i", source, *codec,
                    "-f", "flv", url], name="publisher", log=log)


def publish_from(arguments, url, log=None):
    """A Program that sends what ffmpeg makes of these input and encoder arguments."""
    return Program(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", *arguments, "-f", "flv", url],
                   name="publisher", log=log)


def publish_hevc(source, url, folder):
    """A Program that sends the file's pictures as HEVC by Enhanced RTMP, in real time, once. Debian's ffmpeg cannot: our own sink does."""
    clip = folder / "hevc.mkv"
    media.ffmpeg("-i", source, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:bframes=2",
                 "-c:a", "copy", clip)
    copy = programs.build_dir() / "tests/unit/media/media-copy"
    return Program(["sh", "-c", 'ffmpeg -v error -nostdin -re -i "$1" -c copy -f matroska - | "$2" - "$3"', "sh", clip, copy, url],
                   name="hevc-publisher", log=folder / "hevc-publisher.log")


def record(url, path, log=None):
    """A Program that writes what it is sent into path, untouched, until the stream ends. Matroska and FLV stay readable
    whenever it stops."""
    return Program(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", "-y", "-rw_timeout", "30000000", "-i", url,
                    "-map", "0", "-c", "copy", path], name="recorder", log=log)
