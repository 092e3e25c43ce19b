/* media/flv-demux.h: a GStreamer element that takes FLV apart and keeps its timestamps. flvdemux bends a jump in them
 * into a smooth line, each stream by itself, which puts sound and picture apart; here a jump comes out as a jump. H.264
 * and AAC or MP3 as in Flash Video 10.1, H.265 as in Enhanced RTMP 1. Emits no-more-pads with the second stream. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

GstElement *dub_flv_demux_new(void); /* (transfer floating) */
/* Before it runs: which tracks become its sounds, from 1: a trackId of Enhanced RTMP and one more; sound without such
 * an id is track 1. @audio_track: 0: the first that is not the other. @commentary_track: a pad of its own, and
 * no-more-pads comes with the third stream; 0: none */
void dub_flv_demux_choose(GstElement *self, unsigned audio_track, unsigned commentary_track);
bool dub_flv_demux_is_commentary(GstPad *pad); /* of such an element */
