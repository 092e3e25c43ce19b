/* media/rtsp-sync.h: puts the tracks of an RTSP session on one time base. Inside this folder only.
 *
 * Each RTP stream counts from a random number at a rate of its own. The answer to PLAY says what each counted at one
 * and the same moment (RFC 2326, 12.33: RTP-Info's rtptime, "clock-base" in rtspsrc's caps); from there on timestamps
 * alone place every packet. Without it a track would be placed by when its first packet happened to arrive, and sender
 * reports, which would correct that, may be 10 s away. */
#pragma once

#include <gst/gst.h>

/* @pad: a source pad of rtspsrc, before its first buffer. Any thread; holds nothing of ours. */
void dub_rtsp_sync_attach(GstPad *pad);
