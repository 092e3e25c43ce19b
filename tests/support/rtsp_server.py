"""An RTSP server for one clip, GStreamer's own, run by Debian's Python: rtsp_server.py CLIP [SOUNDS]. Prints "listening PORT".

The clip plays in real time from its beginning, as it is, from when the first client asks for rtsp://127.0.0.1:PORT/show."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = """( filesrc location="{clip}" ! qtdemux name=d
    d.video_0 ! queue ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96
    {sounds} )"""
SOUND = "d.audio_{number} ! queue ! aacparse ! rtpmp4gpay name=pay{pay} pt={type}"


def main(clip, sounds=1):
    """sounds: how many of the clip's tracks are offered."""
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(PIPELINE.format(clip=clip, sounds=" ".join(
        SOUND.format(number=number, pay=number + 1, type=number + 97) for number in range(int(sounds)))))
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
    server.get_mount_points().add_factory("/show", factory)
    if not server.attach(None):
        sys.exit("rtsp_server.py: cannot listen")
    print(f"listening {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
