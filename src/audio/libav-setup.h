/* audio/libav-setup.h: libav's own messages go to our log at debug level, and no block of its memory is larger than
 * sound can need. Any thread. */
#pragma once

#include <glib.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>

void dub_libav_setup(void); /* cheap; call before any use of libav */

/* A copy of @data becomes the extradata, which was none. Returns: false without memory */
bool dub_libav_set_extradata(AVCodecParameters *parameters, const void *data, gsize size);

/* Describes AAC-LC for a muxer. @config: AudioSpecificConfig. Returns: false without memory */
bool dub_libav_describe_aac(AVCodecParameters *parameters, GBytes *config, unsigned rate_hz, unsigned channels);
