/* media/flv-demux.h: a GStreamer element that takes FLV apart and keeps its timestamps. flvdemux bends a jump in them
 * into a smooth line, each stream by itself, which puts sound and picture apart; here a jump comes out as a jump. H.264
 * and AAC or MP3 as in Flash Video 10.1, H.265 as in Enhanced RTMP 1. Emits no-more-pads with the second stream. */
#pragma once

#include <gst/gst.h>

GstElement *dub_flv_demux_new(void); /* (transfer floating) */
